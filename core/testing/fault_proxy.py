"""A TCP proxy on loopback that stands between a client and a server and makes the line bad.

    async with FaultProxy(port) as proxy:
        ...connect to proxy.port...
        proxy.line = Line.HALF_OPEN      # bytes vanish, and nobody is told

It knows nothing of what goes through it, so the same faults meet plain HTTP, WebSockets, the wire
of a broker, and TLS. What a line does is decided for each piece of bytes as it comes along.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from core.infrastructure.clock import Clock

_PIECE: Final = 65_536
_RESET_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST instead of FIN."""


class Line(StrEnum):
    """How the line behaves."""

    GOOD = "good"
    HALF_OPEN = "half_open"
    """Both ends believe in the connection; bytes of either vanish."""
    DEAF = "deaf"
    """What the client sends vanishes, the server is heard."""
    MUTE = "mute"
    """What the server sends vanishes, the client is heard: answers are lost, orders are not."""
    RESET = "reset"
    """The next bytes of either side reset both."""
    TRUNCATED = "truncated"
    """Half of the server's next bytes arrive, then the connection ends."""
    DRIPPING = "dripping"
    """The server is heard one byte at a time."""
    REFUSED = "refused"
    """New connections are closed at once; those there go on."""


@dataclass(slots=True, eq=False)
class _Pair:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter

    def reset(self) -> None:
        for writer in (self.client, self.server):
            found = writer.get_extra_info("socket")
            if found is not None and found.fileno() >= 0:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
            writer.transport.abort()


class FaultProxy:
    """See the module's text.

    Args:
        target: Port of the server on loopback.
        clock: For delays; without one the line has none.
    """

    def __init__(self, target: int, clock: Clock | None = None) -> None:
        self.line = Line.GOOD
        self.delay_s = 0.0
        """Added to each piece of bytes of the server."""
        self.connections = 0
        """How many were taken, ever."""
        self.lost_bytes = 0
        self.has_lost = asyncio.Event()
        """Set once bytes have vanished."""
        self._target = target
        self._clock = clock
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where clients connect.

        Raises:
            RuntimeError: Before it is opened.
        """
        if self._server is None:
            raise RuntimeError("the proxy is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Resets every connection there is."""
        for pair in list(self._pairs):
            pair.reset()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.line is Line.REFUSED:
            writer.transport.abort()
            return
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, forth)
        self._pairs.add(pair)
        for source, sink, carries in (
            (reader, forth, self._of_client),
            (back, writer, self._of_server),
        ):
            task = asyncio.create_task(self._carry(pair, source, sink, carries))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self,
        pair: _Pair,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        carries: Callable[[bytes], bytes | None],
    ) -> None:
        try:
            while piece := await source.read(_PIECE):
                if self.line is Line.RESET:
                    pair.reset()
                    return
                kept = carries(piece)
                if kept is None:
                    self.lost_bytes += len(piece)
                    self.has_lost.set()
                    continue
                await self._hand_over(kept, sink, is_answer=sink is pair.client)
                if self.line is Line.TRUNCATED and sink is pair.client:
                    pair.reset()
                    return
            sink.write_eof()
        except (OSError, asyncio.IncompleteReadError):
            pair.reset()
        finally:
            if sink.is_closing():
                self._pairs.discard(pair)

    async def _hand_over(
        self, piece: bytes, sink: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        if is_answer and self.delay_s and self._clock is not None:
            await self._clock.sleep(self.delay_s)
        if is_answer and self.line is Line.DRIPPING:
            for index in range(len(piece)):
                sink.write(piece[index : index + 1])
                await sink.drain()
            return
        sink.write(piece)
        await sink.drain()

    def _of_client(self, piece: bytes) -> bytes | None:
        return None if self.line in {Line.HALF_OPEN, Line.DEAF} else piece

    def _of_server(self, piece: bytes) -> bytes | None:
        if self.line in {Line.HALF_OPEN, Line.MUTE}:
            return None
        return piece[: len(piece) // 2] if self.line is Line.TRUNCATED else piece
