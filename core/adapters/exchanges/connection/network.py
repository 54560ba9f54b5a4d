"""The real transport: picows for sockets, `http.HttpClient` for requests.

Frames of one read are handed over together (`last_in_buffer`), a few hundred at most, so that
whoever decodes them can do so in one go and the last of many states wins without a timer.
"""

from __future__ import annotations

import ssl
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from picows import (
    WSError,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from core.adapters.exchanges.connection.http import HttpClient, tls_context
from core.adapters.exchanges.connection.proxy import Proxy
from core.adapters.exchanges.connection.transport import (
    NO_HEADERS,
    Response,
    Socket,
    SocketListener,
)
from core.errors import NotSent, TransportError
from core.infrastructure.clock import Clock

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_BUFFER_BYTES: Final = 256 * 1024
_TOGETHER: Final = 256
"""Messages handed over at once, at most: more would not fit into the processor's nearest memory."""
_TEXT: Final = WSMsgType.TEXT
"""Looked up once: a member of an enum costs as much as the rest of taking a message in."""
_BINARY: Final = WSMsgType.BINARY


class NetworkTransport:
    """See `Transport`.

    Args:
        clock: A clock on the wall.
        proxy: Where every connection is made through.
        context: TLS settings; the system's when None.
    """

    def __init__(
        self, clock: Clock, *, proxy: Proxy | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self._clock = clock
        self._proxy = proxy
        self._context = context
        self._http = HttpClient(clock, proxy=proxy, context=context)
        self._sockets: set[_PicowsSocket] = set()

    async def open_socket(
        self,
        url: str,
        listener: SocketListener,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 10.0,
    ) -> Socket:
        """See `Transport.open_socket`."""
        context = (self._context or tls_context()) if url.startswith("wss:") else None
        host = url.partition("?")[0]
        try:
            async with self._clock.timeout(timeout_s):
                _, opened = await ws_connect(
                    lambda: _PicowsSocket(listener, self._sockets),
                    url,
                    ssl_context=context,
                    websocket_handshake_timeout=timeout_s,
                    max_frame_size=MAX_MESSAGE_BYTES,
                    max_redirects=0,
                    extra_headers=dict(headers),
                    proxy=None if self._proxy is None else self._proxy.url,
                    read_buffer_init_size=_BUFFER_BYTES,
                    logger_name="ctos",
                )
        except TimeoutError as error:
            raise TransportError(f"no connection to {host} in {timeout_s:g} s") from error
        except WSError as error:
            raise TransportError(f"{host} refused the socket: {error}"[:300]) from error
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise TransportError(f"{host} cannot be reached: {why}") from error
        assert isinstance(opened, _PicowsSocket)  # noqa: S101 # made by the factory above
        return opened

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        timeout_s: float = 5.0,
    ) -> Coroutine[Any, Any, Response]:
        """See `Transport.request`; it is the client's own, without another step on its way back."""
        return self._http.request(method, url, headers=headers, body=body, timeout_s=timeout_s)

    async def close(self) -> None:
        """Closes every connection."""
        for socket in tuple(self._sockets):
            socket.close()
        await self._http.close()


class _PicowsSocket(WSListener):
    """One socket: picows calls it, the connection above uses it."""

    def __init__(self, listener: SocketListener, register: set[_PicowsSocket]) -> None:
        self._listener = listener
        self._register = register
        self._transport: WSTransport | None = None
        self._batch: list[bytes] = []
        self._parts: list[bytes] = []
        self._is_told = False

    # -- Socket ---------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether something can still be sent."""
        transport = self._transport
        return transport is not None and not (
            transport.is_close_frame_sent or transport.is_disconnected
        )

    def send(self, message: bytes) -> None:
        """Sends a text message at once."""
        transport = self._transport
        if transport is None or transport.is_close_frame_sent or transport.is_disconnected:
            raise NotSent("the socket is closed")
        transport.send(WSMsgType.TEXT, message)

    def ping(self) -> None:
        """Sends a ping of the protocol."""
        if self.is_open and self._transport is not None:
            self._transport.send_ping()

    def close(self) -> None:
        """Closes at once: a venue that is silent would not answer a farewell either."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    # -- WSListener -----------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        self._register.add(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Collects messages until the last of this read."""
        kind = frame.msg_type
        if kind is _TEXT or kind is _BINARY:
            if frame.fin:
                self._batch.append(frame.get_payload_as_bytes())
            else:
                self._parts = [frame.get_payload_as_bytes()]
        elif kind is WSMsgType.CONTINUATION:
            self._continue(frame)
        elif kind is WSMsgType.PONG:
            self._listener.on_pong()
        elif kind is WSMsgType.CLOSE:
            self._reason = f"closed by the venue: {frame.get_close_code()}"
            transport.disconnect(graceful=True)
        batch = self._batch
        if batch and (frame.last_in_buffer or len(batch) == _TOGETHER):
            self._batch = []
            self._listener.on_messages(batch)

    _reason = "the connection was lost"

    def _continue(self, frame: WSFrame) -> None:
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > MAX_MESSAGE_BYTES:
            self.close()
        elif frame.fin:
            self._batch.append(b"".join(self._parts))
            self._parts = []

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        self._register.discard(self)
        if not self._is_told:
            self._is_told = True
            self._listener.on_closed(self._reason)
