"""A transport that also tells somebody what the venue said, byte for byte, as it came.

Put between an adapter and the network, it changes nothing: a frame is told before it is handed on,
an answer before it is returned. Used for recordings of public data alone: an adapter with keys is
never given one, so no signature and no account can be in what is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from core.adapters.exchanges.connection.transport import (
    NO_HEADERS,
    Response,
    Socket,
    SocketListener,
    Transport,
)
from core.infrastructure.clock import Clock

MOST_REQUEST_BYTES: Final = 10_000
"""Of a question's body that is told."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a venue."""

    recv_ns: int
    channel: str
    """`ws` and the socket's path, or the method and path of a question."""
    url: str
    """Empty for a socket."""
    message: bytes
    request: bytes = b""
    """Body of the question that it answers."""


Tell = Callable[[Frame], None]


class TappedTransport:
    """See `Transport`.

    Args:
        inner: Does the work.
        clock: Stamps frames.
        tell: Hears each, on the loop; must neither wait nor raise.
    """

    def __init__(self, inner: Transport, clock: Clock, tell: Tell) -> None:
        self._inner = inner
        self._clock = clock
        self._tell = tell

    async def open_socket(
        self,
        url: str,
        listener: SocketListener,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 10.0,
    ) -> Socket:
        """See `Transport.open_socket`."""
        tapped = _Listener(listener, self._clock, self._tell, f"ws {urlsplit(url).path or '/'}")
        return await self._inner.open_socket(url, tapped, headers=headers, timeout_s=timeout_s)

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
        response = await self._inner.request(
            method, url, headers=headers, body=body, timeout_s=timeout_s
        )
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        asked = body if len(body) <= MOST_REQUEST_BYTES else b""
        self._tell(
            Frame(
                self._clock.now_ns(),
                f"{method} {parts.path}",
                f"{parts.path}{query}",
                response.body,
                asked,
            )
        )
        return response

    async def close(self) -> None:
        """See `Transport.close`."""
        await self._inner.close()


class _Listener:
    """Tells, then hands on."""

    def __init__(self, inner: SocketListener, clock: Clock, tell: Tell, channel: str) -> None:
        self._inner = inner
        self._clock = clock
        self._tell = tell
        self._channel = channel

    def on_messages(self, messages: list[bytes]) -> None:
        """Whole messages that arrived together have one time."""
        recv_ns = self._clock.now_ns()
        for message in messages:
            self._tell(Frame(recv_ns, self._channel, "", message))
        self._inner.on_messages(messages)

    def on_pong(self) -> None:
        """Handed on."""
        self._inner.on_pong()

    def on_closed(self, reason: str) -> None:
        """Handed on."""
        self._inner.on_closed(reason)
