"""A WebSocket between a program and a venue's server, with both of its ends.

It ends in four ways: closed by either side, reset, or half-open, when both sides go on sending into
nothing until one of them has waited long enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from core.adapters.exchanges.connection.transport import SocketListener
from core.errors import NotSent
from core.testing.simulation.door import Latency
from core.testing.simulation.faults import NS_PER_S, Active, Kind
from core.testing.simulation.loop import Process, SimulationLoop
from core.testing.simulation.wire.line import Line
from core.testing.simulation.wire.weather import frozen, spoilt
from core.testing.venues.faults import PRIVATE_KINDS
from core.testing.venues.faults import Kind as About
from core.testing.venues.socket import ENCODER
from core.testing.venues.socket import Socket as ServerSocket

if TYPE_CHECKING:
    from core.testing.simulation.wire.venue import WireVenue

PATIENCE_NS: Final = 60 * NS_PER_S
"""After which a server gives up a connection that nobody answers on."""
SLOW_READER: Final = 20_000
"""Frames that a server keeps for a client that does not read before it closes."""
_PARTLY: Final = 0.3
"""Of private messages that are lost, those that come as garbage instead."""


class End(Enum):
    """How a connection is lost."""

    RESET = "the connection was lost"
    CLOSED = "closed by the venue: 1001"
    HALF_OPEN = ""


class Word(Enum):
    """Frames without a text."""

    OPEN = "open"
    REFUSED = "refused"
    PING = "ping"
    PONG = "pong"


@dataclass(frozen=True, slots=True)
class Closed:
    """The last frame."""

    reason: str


Frame = bytes | Word | Closed


class Connection:
    """One socket.

    Args:
        venue: The far end.
        process: Whose near end it is.
        address: Name of the address that was dialled.
        url: With its query.
        headers: Of the handshake.
        listener: Who hears.
        latencies: Of both directions: to the venue, and back.
        faults: What is wrong now.
    """

    def __init__(  # both ends of a wire
        self,
        venue: WireVenue,
        process: Process,
        *,
        address: str,
        url: str,
        headers: Mapping[str, str],
        listener: SocketListener,
        latencies: tuple[Latency, Latency],
        faults: Active,
    ) -> None:
        self.address = address
        self.is_private = address in venue.tongue.private
        self.is_asking = address in venue.tongue.asking
        self.is_over = False
        """Whether the near end is closed, or told so."""
        self.on_open: Callable[[bool], None] | None = None
        """Told once whether the server let us in."""
        self._venue = venue
        self._loop: SimulationLoop = venue.loop
        self._process = process
        self._faults = faults
        self._listener = listener
        parts = urlsplit(url)
        self.path = parts.path
        self._query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._there: Line[Frame] = Line(self._loop, latencies[0], self._arrived)
        self._back: Line[Frame] = Line(self._loop, latencies[1], self._came_back)
        self._server: WireSocket | None = None
        self._inbox: list[Frame] = []
        """Arrived at the process, and not yet handed over."""
        self._is_told = False

    # -- the near end -------------------------------------------------------------------------

    def dial(self) -> None:
        """The handshake leaves."""
        self._there.send(Word.OPEN)

    @property
    def is_open(self) -> bool:
        """Whether the process believes so."""
        return not self.is_over

    def send(self, message: bytes) -> None:
        """A text leaves.

        Raises:
            NotSent: If the connection is over.
        """
        if self.is_over:
            raise NotSent("the socket is closed")
        if self._process.cross():
            self._venue.on_frame(self, message.decode(), self._process)
            self._there.send(message)

    def ping(self) -> None:
        """A ping leaves."""
        if not self.is_over and self._process.cross():
            self._there.send(Word.PING)

    def close(self) -> None:
        """The process has enough of it."""
        if self.is_over:
            return
        self.is_over = True
        self._there.send(Closed("closed by the client"))
        self._loop.deliver(self._process, self._tell_closed, "closed")

    def abandon(self) -> None:
        """The process is gone; its system closes what it left open."""
        self.is_over = True
        self._there.send(Closed("the client is gone"))

    # -- the world ----------------------------------------------------------------------------

    def lose(self, end: End) -> None:
        """Something between both ends breaks."""
        if self.is_over:
            return
        self._there.die()
        if end is End.HALF_OPEN:
            self._back.die()
            at_ns = self._loop.now_ns() + PATIENCE_NS
            self._loop.world_at_ns(at_ns, self._farewell)
            return
        self._back.send(Closed(end.value))
        self._farewell()

    def say(self, text: bytes, extra_ns: int = 0) -> None:
        """The server says something."""
        self._back.send(text, extra_ns)

    def say_word(self, word: Word) -> None:
        """The server says something without a text."""
        self._back.send(word)

    def end_by_server(self, reason: str) -> None:
        """The server closes."""
        self._back.send(Closed(reason))
        self._farewell()

    def _arrived(self, frame: Frame) -> None:
        """A frame is at the server."""
        if frame is Word.OPEN:
            self._knock()
        elif isinstance(frame, Closed):
            self._farewell()
        elif self._server is None:
            return
        else:
            self._server.heard_ns = self._venue.server.clock.monotonic_ns()
            if frame is Word.PING:
                self._back.send(Word.PONG)
            elif isinstance(frame, bytes):
                self._venue.on_text(self, self._server, frame.decode())

    def _knock(self) -> None:
        """The server looks who is there."""
        server = WireSocket(self, self._venue, self._faults)
        if not self._venue.lets_in(self.path, self._query, self._headers):
            self._back.send(Word.REFUSED)
            return
        self._server = server
        self._back.send(Word.OPEN)
        self._venue.server.welcome(server)

    def socket_of(self) -> tuple[str, dict[str, str], dict[str, str]]:
        """Path, query and headers of the handshake."""
        return self.path, self._query, self._headers

    def _farewell(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            self._venue.server.farewell(server)

    # -- what comes back ----------------------------------------------------------------------

    def _came_back(self, frame: Frame) -> None:
        """A frame is at the process's machine."""
        self._inbox.append(frame)
        if len(self._inbox) > SLOW_READER:
            self._inbox.append(Closed("closed by the venue: 1008"))
            self._there.die()
            self._back.die()
            self._farewell()
        self._loop.deliver(self._process, self._hand_over)

    def _hand_over(self) -> None:
        """Everything that has arrived, texts that came together in one."""
        inbox, self._inbox = self._inbox, []
        if not inbox or not self._process.cross():
            return
        texts: list[bytes] = []
        for frame in inbox:
            if isinstance(frame, bytes):
                texts.append(frame)
                continue
            self._hand_texts(texts)
            texts = []
            self._hand_word(frame)
        self._hand_texts(texts)

    def _hand_texts(self, texts: list[bytes]) -> None:
        if texts and not self.is_over:
            self._listener.on_messages(texts)

    def _hand_word(self, frame: Word | Closed) -> None:
        if isinstance(frame, Closed):
            self.is_over = True
            self._tell_closed(frame.reason)
        elif frame is Word.PONG:
            if not self.is_over:
                self._listener.on_pong()
        elif frame is Word.PING:
            self._there.send(Word.PONG)  # below the listener, as the shipping client does
        elif self.on_open is not None:
            on_open, self.on_open = self.on_open, None
            on_open(frame is Word.OPEN)

    def _tell_closed(self, reason: str) -> None:
        if self.on_open is not None:
            on_open, self.on_open = self.on_open, None
            on_open(False)  # noqa: FBT003 # it is not open
        elif not self._is_told:
            self._is_told = True
            self._listener.on_closed(reason)


class WireSocket(ServerSocket):
    """The server's end.

    Args:
        connection: Carries its frames.
        venue: Whose server it is.
        faults: What is wrong now.
    """

    def __init__(self, connection: Connection, venue: WireVenue, faults: Active) -> None:
        path, query, headers = connection.socket_of()
        super().__init__(
            path,
            query,
            headers,
            faults=venue.server.faults,
            clock=venue.server.clock,
            stir=lambda: None,
        )
        self._connection = connection
        self._loop = venue.loop
        self._weather = faults
        self._frozen_ns: int | None = None

    def reply(self, payload: object) -> None:
        """Answers, sometimes late where that is an answer to a request."""
        late = None
        if self._connection.is_asking:
            late = self._weather.chance(Kind.LATE_ANSWER)
        if late is None:
            super().reply(payload)
            return
        seconds = self._weather.stream(late).random() ** 2 * 30
        at_ns = self._loop.now_ns() + round(seconds * NS_PER_S)
        self._loop.world_at_ns(at_ns, self._send, payload)

    def push(self, payload: object, kind: About) -> None:
        """Tells something unless the weather says otherwise."""
        if kind in PRIVATE_KINDS:
            self._push_private(payload)
        else:
            self._push_public(payload)

    def ping(self, payload: bytes = b"") -> None:
        """Pings; clients answer by themselves."""
        self._connection.say_word(Word.PING)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes."""
        del reason
        self._connection.end_by_server(f"closed by the venue: {code}")

    def abort(self) -> None:
        """Ends without a word."""
        self._connection.lose(End.RESET)

    # -- inside -------------------------------------------------------------------------------

    def _push_private(self, payload: object) -> None:
        weather = self._weather
        if weather.acts(Kind.PRIVATE_SILENT) is not None:
            return
        dropped = weather.chance(Kind.PRIVATE_DROP)
        if dropped is not None:
            rng = weather.stream(dropped)
            if rng.random() < _PARTLY:
                self._connection.say(spoilt(_bytes(payload), rng))
            return
        late = weather.acts(Kind.PRIVATE_LATE)
        if late is not None:
            seconds = weather.stream(late).random() * late.strength
            at_ns = self._loop.now_ns() + round(seconds * NS_PER_S)
            self._loop.world_at_ns(at_ns, self._send, payload)
        else:
            self._send(payload)
        if weather.chance(Kind.PRIVATE_DOUBLE) is not None:
            self._send(payload)

    def _push_public(self, payload: object) -> None:
        weather = self._weather
        if weather.acts(Kind.PUBLIC_SILENT) is not None:
            return
        text = _bytes(payload)
        text = self._as_if_frozen(text)
        garbage = weather.chance(Kind.PUBLIC_GARBAGE)
        if garbage is not None:
            text = spoilt(text, weather.stream(garbage))
        late = weather.acts(Kind.PUBLIC_LATE)
        extra_ns = 0 if late is None else round(late.strength * NS_PER_S)
        self._connection.say(text, extra_ns)

    def _as_if_frozen(self, text: bytes) -> bytes:
        if self._weather.acts(Kind.PUBLIC_FROZEN) is None:
            self._frozen_ns = None
            return text
        now_ns = self._loop.now_ns()
        if self._frozen_ns is None:
            self._frozen_ns = now_ns
        return frozen(text.decode(), now_ns, self._frozen_ns).encode()

    def _text(self, text: str) -> None:
        self._connection.say(text.encode())


def _bytes(payload: object) -> bytes:
    return payload.encode() if isinstance(payload, str) else ENCODER.encode(payload)
