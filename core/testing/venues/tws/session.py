"""One client's connection to the loopback TWS: frames in, frames out, faults between."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.adapters.exchanges.models import BookLevel
from core.infrastructure.clock import NS_PER_S, Cancellable, Clock
from core.testing.venues.faults import Fault, Faults, Kind, Message

_HEAD: Final = struct.Struct(">I")
SERVER_VERSION: Final = 176
_GREETING: Final = b"API\0"


@dataclass(slots=True, kw_only=True)
class Line:
    """Something a client listens to."""

    request_id: int
    kind: Kind
    symbol: str
    told: tuple[Sequence[BookLevel], Sequence[BookLevel]] = ((), ())
    """Depth as it was told last."""


class Session:
    """See the module's text.

    Args:
        writer: The socket.
        faults: The venue's switchboard.
        clock: Times faults.
        stir: Told after each message in either direction.
    """

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        *,
        faults: Faults,
        clock: Clock,
        stir: Callable[[], None],
    ) -> None:
        self.client_id = -1
        """-1 until `startApi`."""
        self.lines: dict[int, Line] = {}
        """Request id -> what it listens to."""
        self.wants_positions = False
        self.wants_account = False
        self.is_muted = False
        """Says nothing and answers nothing, though the connection stays."""
        self.sent: list[list[str]] = []
        self._writer = writer
        self._faults = faults
        self._clock = clock
        self._stir = stir
        self._overtaken: list[list[str]] = []
        self._timers: list[Cancellable] = []

    def reply(self, fields: list[str]) -> None:
        """Answers; only a half-open connection loses that."""
        self._send(fields)

    def push(self, fields: list[str], kind: Kind) -> None:
        """Sends a message unless a fault says otherwise."""
        rule = self._faults.on_message(Message(kind, fields))
        if rule is None:
            self._send(fields)
        elif rule.fault is Fault.HOLD:
            delay_ns = round(rule.seconds * NS_PER_S)
            self._timers.append(self._clock.call_after_ns(delay_ns, lambda: self._send(fields)))
            return
        elif rule.change is not None:
            changed = rule.change(fields)
            self._send(changed if isinstance(changed, list) else fields)
        elif rule.fault is Fault.SWAP:
            self._overtaken.append(fields)
            return
        elif rule.fault is Fault.DUPLICATE:
            self._send(fields)
            self._send(fields)
        overtaken, self._overtaken = self._overtaken, []
        for earlier in overtaken:
            self._send(earlier)

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._writer.transport.abort()

    def close(self) -> None:
        """Ends the connection after what was sent."""
        self._writer.close()

    def release(self) -> None:
        """Calls off what was still to be sent."""
        for timer in self._timers:
            timer.cancel()

    async def read(
        self, reader: asyncio.StreamReader, heard: Callable[[Session, list[str]], None]
    ) -> None:
        """Shakes hands and hands messages over until the connection ends."""
        try:
            if await reader.readexactly(len(_GREETING)) != _GREETING:
                return
            await self._frame(reader)
            self._write(f"{SERVER_VERSION}\0{self._clock.now():%Y%m%d %H:%M:%S} EST\0".encode())
            while True:
                frame = await self._frame(reader)
                if self._faults.is_half_open or self.is_muted:
                    continue
                heard(self, frame.decode().split("\0")[:-1])
                self._stir()
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        (length,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        return await reader.readexactly(length)

    def _send(self, fields: list[str]) -> None:
        if self._faults.is_half_open or self.is_muted or self._writer.is_closing():
            return
        self.sent.append(fields)
        self._write("".join(f"{field}\0" for field in fields).encode())
        self._stir()

    def _write(self, body: bytes) -> None:
        self._writer.write(_HEAD.pack(len(body)) + body)
