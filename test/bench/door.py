"""Where a client's process and the kernel meet, with the times at which something passed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Door:
    """Looks at what comes in and goes out of every connection of this process.

    It stands behind the kernel: messages are seen when they were read, and when they are given to
    be sent. What the kernel and the wire cost, which is the same for everybody, is not seen.

    Args:
        came: Called with each reading's time (ns) and its content, before anybody takes it in.
        left: Called with the time at which something was given to be sent, and what.
    """

    def __init__(
        self, came: Callable[[int, bytes], object], left: Callable[[int, bytes], object]
    ) -> None:
        self._came = came
        self._left = left
        self.kernel_ns = 0
        """Processor time that giving to the kernel took so far."""
        self._watch_ours()
        self._watch_asyncio()

    def tell_nobody(self) -> None:
        """From now on only the kernel's time is taken.

        Telling costs microseconds, which a short way through a client feels more than a long one.
        """
        self._came = self._left = _ignore

    def _watch_ours(self) -> None:
        from core.adapters.exchanges.connection.http import _Exchange
        from core.adapters.exchanges.connection.network import _PicowsSocket

        frame, send, data = _PicowsSocket.on_ws_frame, _PicowsSocket.send, _Exchange.data_received

        def on_ws_frame(socket: Any, transport: Any, found: Any) -> None:
            if self._came is not _ignore and not socket._batch:
                self._came(time.perf_counter_ns(), found.get_payload_as_bytes())
            frame(socket, transport, found)

        def sent(socket: Any, message: bytes) -> None:
            self._left(time.perf_counter_ns(), message)
            before_ns = time.thread_time_ns()
            send(socket, message)
            self.kernel_ns += time.thread_time_ns() - before_ns

        def data_received(exchange: Any, found: bytes) -> None:
            self._came(time.perf_counter_ns(), found)
            data(exchange, found)

        _PicowsSocket.on_ws_frame = on_ws_frame  # type: ignore[method-assign]
        _PicowsSocket.send = sent  # type: ignore[method-assign]
        _Exchange.data_received = data_received  # type: ignore[method-assign]

    def _watch_asyncio(self) -> None:
        """Our HTTP leaves through asyncio, and everything of ccxt's passes through it."""
        from asyncio import selector_events

        write = selector_events._SelectorSocketTransport.write

        def wrote(transport: Any, data: bytes) -> None:
            self._left(time.perf_counter_ns(), bytes(data))
            before_ns = time.thread_time_ns()
            write(transport, data)
            self.kernel_ns += time.thread_time_ns() - before_ns

        selector_events._SelectorSocketTransport.write = wrote

    def watch_aiohttp(self) -> None:
        """What ccxt reads."""
        from aiohttp.client_proto import ResponseHandler

        data = ResponseHandler.data_received

        def data_received(handler: Any, found: bytes) -> None:
            self._came(time.perf_counter_ns(), found)
            data(handler, found)

        ResponseHandler.data_received = data_received


def _ignore(_at_ns: int, _what: bytes) -> None:
    """Nobody asks."""
