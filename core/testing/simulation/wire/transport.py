"""The transport of one process: requests and sockets through a network that fails.

What a client knows is kept exact: a request whose connection could not be made is `NotSent`; once
it is written, no whole answer is a `TransportError`, which says nothing about what the venue did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from core.adapters.exchanges.connection.transport import (
    NO_HEADERS,
    Response,
    Socket,
    SocketListener,
)
from core.errors import NotSent, TransportError
from core.infrastructure.clock import Clock
from core.infrastructure.rng import Rng
from core.testing.simulation.door import Latency
from core.testing.simulation.faults import NS_PER_S, Active, Kind
from core.testing.simulation.history import Banned, History
from core.testing.simulation.loop import Process, SimulationLoop
from core.testing.simulation.wire.connection import Connection, End
from core.testing.venues.faults import Answer, Call
from core.testing.venues.socket import ENCODER

if TYPE_CHECKING:
    from core.testing.simulation.wire.venue import WireVenue

ASKED: Final[ContextVar[list[int] | None]] = ContextVar("ASKED", default=None)
"""Where the moments are noted at which the requests of one question leave."""
IDLE_NS: Final = 25 * NS_PER_S
"""After which a connection is not used again, as the shipping client has it."""
UNREACHABLE: Final = (
    "cannot be reached: Name or service not known",
    "cannot be reached: Connection refused",
    "has no certificate we trust: CERTIFICATE_VERIFY_FAILED",
    "cannot be reached: Network is unreachable",
)
BANNED: Final = 418
_REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class _Way:
    """A kept-alive connection that rests."""

    since_ns: int


class SimulatedTransport:
    """See `core.adapters.exchanges.connection.transport.Transport`.

    Args:
        venue: The far end.
        process: Whose it is.
        clock: Of the machine, for timeouts.
        rng: Draws journeys, and how connections end.
        faults: What is wrong now.
        history: Told what leaves.
    """

    def __init__(  # both ends of a wire
        self,
        venue: WireVenue,
        *,
        process: Process,
        clock: Clock,
        rng: Rng,
        faults: Active,
        history: History,
    ) -> None:
        self._venue = venue
        self._loop: SimulationLoop = venue.loop
        self._process = process
        self._clock = clock
        self._faults = faults
        self._history = history
        self._there = Latency(rng.child("there"))
        self._back = Latency(rng.child("back"))
        self._sockets = rng.child("sockets")
        self._ends = rng.child("ends")
        self._idle: dict[str, list[_Way]] = {}
        """Host -> connections that rest, newest last."""
        self._connections: list[Connection] = []
        self.answered: dict[str, int] = {}
        """Name of a request -> when the newest one left that was answered with success."""

    # -- sockets ------------------------------------------------------------------------------

    async def open_socket(
        self,
        url: str,
        listener: SocketListener,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 10.0,
    ) -> Socket:
        """See `Transport.open_socket`."""
        if not self._process.cross():
            await self._process.park()
        host = urlsplit(url).hostname or ""
        try:
            async with self._clock.timeout(timeout_s):
                return await self._open(url, host, listener, headers)
        except TimeoutError as error:
            raise TransportError(f"no connection to {host} in {timeout_s:g} s") from error

    async def _open(
        self, url: str, host: str, listener: SocketListener, headers: Mapping[str, str]
    ) -> Socket:
        address = self._venue.tongue.address(host)
        connection = Connection(
            self._venue,
            self._process,
            address=address,
            url=url,
            headers=headers,
            listener=listener,
            latencies=(Latency(self._sockets), Latency(self._sockets)),
            faults=self._faults,
        )
        refused = self._faults.chance(Kind.NOT_SENT)
        if refused is not None:
            await self._journey()
            raise TransportError(f"{host} {self._unreachable(self._faults.stream(refused))}")
        cut = self._faults.on(Kind.PRIVATE_CUT if connection.is_private else Kind.PUBLIC_CUT)
        if cut is not None:
            if self._faults.stream(cut).random() < 0.5:
                await self._journey()
                raise TransportError(f"{host} {UNREACHABLE[1]}")
            await self._loop.create_future()
        await self._journey()
        opened: asyncio.Future[bool] = self._loop.create_future()
        connection.on_open = lambda is_in: None if opened.done() else opened.set_result(is_in)
        connection.dial()
        try:
            is_in = await opened
        except BaseException:
            connection.abandon()
            raise
        if not is_in:
            raise TransportError(f"{host} refused the socket: 503")
        self._connections = [each for each in self._connections if each.is_open]
        self._connections.append(connection)
        return connection

    def cut(self, *, is_private: bool) -> None:
        """Sockets of a kind break, each in a way of its own."""
        for connection in self._connections:
            if connection.is_private == is_private:
                ends = tuple(End)
                connection.lose(ends[self._ends.integer(0, len(ends) - 1)])

    def hang_up(self) -> None:
        """The process is gone: its system closes everything."""
        for connection in self._connections:
            connection.abandon()
        self._connections.clear()

    # -- requests -----------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        timeout_s: float = 5.0,
    ) -> Response:
        """See `Transport.request`."""
        if not self._process.cross():
            await self._process.park()
        parts = urlsplit(url)
        host = parts.hostname or ""
        call = Call(
            name="",
            method=method,
            path=parts.path or "/",
            query=parts.query,
            body=body,
            headers={name.lower(): value for name, value in headers.items()},
        )
        is_written, begun_ns = False, self._loop.now_ns()
        try:
            async with self._clock.timeout(timeout_s):
                await self._dial(host)
                if not self._process.cross():
                    await self._process.park()
                is_written = True
                response = await self._written(call, begun_ns)
        except TimeoutError as error:
            if not is_written:
                raise NotSent(f"no connection to {host} in {timeout_s:g} s") from error
            raise TransportError(f"no answer from {host} in {timeout_s:g} s") from error
        if response is None:
            raise TransportError("the connection was closed before the answer was whole")
        self._idle.setdefault(host, []).append(_Way(self._loop.now_ns()))
        return response

    async def close(self) -> None:
        """See `Transport.close`."""
        for connection in self._connections:
            connection.close()
        self._idle.clear()
        await asyncio.sleep(0)

    async def _dial(self, host: str) -> None:
        """A connection that rests, or a new one."""
        refused = self._faults.chance(Kind.NOT_SENT)
        if refused is not None:
            await self._journey()
            raise NotSent(f"{host} {self._unreachable(self._faults.stream(refused))}")
        oldest_ns = self._loop.now_ns() - IDLE_NS
        resting = self._idle.get(host, [])
        while resting:
            if resting.pop().since_ns >= oldest_ns:
                return
        if self._faults.acts(Kind.REST_DOWN) is not None:
            await self._loop.create_future()
        await self._journey()

    async def _journey(self) -> None:
        """There and back."""
        done: asyncio.Future[None] = self._loop.create_future()
        delay_ns = self._there.draw_ns() + self._back.draw_ns()
        self._loop.world_at_ns(self._loop.now_ns() + delay_ns, self._end_journey, done)
        await done

    def _end_journey(self, done: asyncio.Future[None]) -> None:
        self._loop.deliver(self._process, _settle, done)

    @staticmethod
    def _unreachable(rng: Rng) -> str:
        return UNREACHABLE[rng.integer(0, len(UNREACHABLE) - 1)]

    async def _written(self, call: Call, begun_ns: int) -> Response | None:
        """The request is out; None where its connection ended before a whole answer."""
        named = self._venue.server.named(call)
        self._venue.on_request(named, self._process, begun_ns)
        asked, left_ns = ASKED.get(), self._loop.now_ns()
        if asked is not None:
            asked.append(left_ns)
        answer: asyncio.Future[Response | None] = self._loop.create_future()
        lost = self._faults.acts(Kind.REST_DOWN) or self._faults.chance(Kind.LOSE_REQUEST)
        if lost is None:
            delay_ns = self._there.draw_ns() + self._venue.late_ns(named)
            self._loop.world_at_ns(self._loop.now_ns() + delay_ns, self._arrive, call, answer)
        elif self._faults.stream(lost).random() < 0.3:
            self._send_back(answer, None)
        response = await answer
        if response is not None and response.status < _REFUSED:
            self.answered[named.name] = max(left_ns, self.answered.get(named.name, 0))
        return response

    def _arrive(self, call: Call, answer: asyncio.Future[Response | None]) -> None:
        self._loop.spawn(None, self._serve(call, answer), name=f"serve {call.path}")

    async def _serve(self, call: Call, answer: asyncio.Future[Response | None]) -> None:
        """The server's work, in the world."""
        told = await self._venue.server.receive(call)
        response = None if told is None or "X-Cut" in told.headers else _response(told)
        late = self._faults.chance(Kind.LATE_ANSWER)
        extra_ns = 0
        if late is not None:
            extra_ns = round(self._faults.stream(late).random() ** 2 * 30 * NS_PER_S)
        self._send_back(answer, response, extra_ns)

    def _send_back(
        self,
        answer: asyncio.Future[Response | None],
        response: Response | None,
        extra_ns: int = 0,
    ) -> None:
        at_ns = self._loop.now_ns() + self._back.draw_ns() + extra_ns
        self._loop.world_at_ns(at_ns, self._came_back, answer, response)

    def _came_back(
        self, answer: asyncio.Future[Response | None], response: Response | None
    ) -> None:
        if not answer.done():
            self._loop.deliver(self._process, self._take, answer, response)

    def _take(self, answer: asyncio.Future[Response | None], response: Response | None) -> None:
        """The answer is in the process."""
        if answer.done() or not self._process.cross():
            return
        if response is not None and response.status == BANNED:
            now_ns = self._loop.now_ns()
            seconds = int(response.headers.get("retry-after", "0"))
            until_ns = now_ns + seconds * NS_PER_S
            self._history.add(Banned(at_ns=now_ns, life=self._process.number, until_ns=until_ns))
        answer.set_result(response)


def _response(answer: Answer) -> Response:
    """As it is written to the wire."""
    body = answer.body if isinstance(answer.body, bytes) else ENCODER.encode(answer.body)
    headers = {"content-type": "application/json"}
    headers |= {name.lower(): value for name, value in answer.headers.items()}
    headers["content-length"] = str(len(body))
    return Response(answer.status, headers, body)


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
