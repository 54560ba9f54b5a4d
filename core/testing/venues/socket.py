"""One WebSocket connection as the server sees it: what it listens to, and what it is sent."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from core.infrastructure.clock import NS_PER_S, Cancellable, Clock
from core.testing.venues.faults import Fault, Faults, Kind, Message

ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
"""A Decimal becomes a number, text stays text: each venue chooses which of them it says."""

Frame = Callable[[web.WebSocketResponse], Any]


class Socket(ABC):
    """A connection, whatever carries its frames.

    Args:
        path: Of the request that opened it.
        query: The same.
        headers: The same; names in lower case.
        faults: The switchboard.
        clock: The venue's time.
        stir: Called when something was said or heard.
    """

    def __init__(
        self,
        path: str,
        query: Mapping[str, str],
        headers: dict[str, str],
        *,
        faults: Faults,
        clock: Clock,
        stir: Callable[[], None],
    ) -> None:
        self.path = path
        self.query = query
        self.headers = headers
        self.topics: dict[str, dict[str, object]] = {}
        """Name of what it listens to -> what the venue keeps about it."""
        self.user = ""
        """Whose private messages it may hear; empty for nobody's."""
        self.is_muted = False
        """Whether this socket alone has gone silent; pongs go on."""
        self.sent: list[object] = []
        """Every payload that was sent, for tests to look at."""
        self.pongs = 0
        self.heard_ns = clock.monotonic_ns()
        """When the client last said something."""
        self._faults = faults
        self._clock = clock
        self._stir = stir
        self._overtaken: list[object] = []
        self._timers: list[Cancellable] = []

    @abstractmethod
    def ping(self, payload: bytes = b"") -> None:
        """Sends a ping frame."""

    @abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> None:
        """Ends the connection with a close frame, after what was sent before."""

    @abstractmethod
    def abort(self) -> None:
        """Ends the connection without a word: its client sees 1006."""

    @abstractmethod
    def _text(self, text: str) -> None:
        """Sends a text frame."""

    # -- saying -------------------------------------------------------------------------------

    def reply(self, payload: object) -> None:
        """Answers the client; only a half-open connection loses that."""
        self._send(payload)

    def push(self, payload: object, kind: Kind) -> None:
        """Sends a message unless a fault says otherwise."""
        if self.is_muted:
            return
        rule = self._faults.on_message(Message(kind, payload))
        if rule is not None and rule.fault is Fault.HOLD:
            delay_ns = round(rule.seconds * NS_PER_S)
            self._timers.append(self._clock.call_after_ns(delay_ns, lambda: self._send(payload)))
        elif rule is not None and rule.change is not None:
            self._send(rule.change(payload))
        elif rule is not None and rule.fault is Fault.SWAP:
            self._overtaken.append(payload)
        elif rule is None or rule.fault is Fault.DUPLICATE:
            for _ in range(1 if rule is None else 2):
                self._send(payload)
            overtaken, self._overtaken = self._overtaken, []
            for earlier in overtaken:
                self._send(earlier)

    def release(self) -> None:
        """Calls off what was still to be sent."""
        for timer in self._timers:
            timer.cancel()

    def _send(self, payload: object) -> None:
        if self._faults.is_half_open:
            return
        self.sent.append(payload)
        self._text(payload if isinstance(payload, str) else ENCODER.encode(payload).decode())
        self._stir()


class NetworkSocket(Socket):
    """A connection on the loopback.

    Args:
        raw: The server's end.
        request: The request that opened it.
        faults: The switchboard.
        clock: The venue's time.
        stir: Called when something was said or heard.
    """

    def __init__(
        self,
        raw: web.WebSocketResponse,
        request: web.BaseRequest,
        *,
        faults: Faults,
        clock: Clock,
        stir: Callable[[], None],
    ) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        super().__init__(
            request.path, request.query, headers, faults=faults, clock=clock, stir=stir
        )
        self._raw = raw
        self._request = request
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()

    def ping(self, payload: bytes = b"") -> None:
        """Sends a ping frame."""
        if not self._faults.is_half_open:
            self._frames.put_nowait(lambda raw: raw.ping(payload))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Ends the connection with a close frame, after what was sent before."""
        self._frames.put_nowait(lambda raw: raw.close(code=code, message=reason.encode()))

    def abort(self) -> None:
        """Ends the connection without a word: its client sees 1006."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    # -- the server's loop --------------------------------------------------------------------

    async def write(self) -> None:
        """Sends what was queued, in order, until the connection ends."""
        while True:
            frame = await self._frames.get()
            try:
                await frame(self._raw)
            except (ConnectionError, RuntimeError):
                return

    async def read(self, heard: Callable[[Socket, str], None]) -> None:
        """Hands text over until the connection ends."""
        while True:
            message: WSMessage = await self._raw.receive()
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED}:
                return
            if message.type is WSMsgType.ERROR:
                return
            if self._faults.is_half_open:
                continue
            self.heard_ns = self._clock.monotonic_ns()
            if message.type is WSMsgType.PING:
                self._pong(message.data)
            elif message.type is WSMsgType.PONG:
                self.pongs += 1
            elif message.type is WSMsgType.TEXT:
                heard(self, message.data)
            elif message.type is WSMsgType.BINARY:
                heard(self, message.data.decode())
            self._stir()

    def _pong(self, payload: bytes) -> None:
        self._frames.put_nowait(lambda raw: raw.pong(payload))

    def _text(self, text: str) -> None:
        self._frames.put_nowait(lambda raw: raw.send_str(text))
