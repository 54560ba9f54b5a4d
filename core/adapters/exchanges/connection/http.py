"""A small HTTP/1.1 client over kept-alive connections, written for orders.

One request is one write, one answer is one future; there is no session, no cookie, no redirect, no
retry and no compression. What it knows exactly is whether a byte left: a connection that could not
be made, or was found closed before the write, is `NotSent`; anything after the write is a
`TransportError` that says nothing about what the venue did. An answer that is too long, cut short
or not HTTP closes its connection, so that no later request can read what belongs to an earlier one
(reliability T5).

Sources: RFC 9112 (message format, chunked coding), RFC 9110 (204 and 304 have no body).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

from core.adapters.exchanges.connection.proxy import Proxy, open_tunnel
from core.adapters.exchanges.connection.transport import NO_HEADERS, Response
from core.errors import NotSent, TransportError
from core.infrastructure.clock import NS_PER_S, Cancellable, Clock

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Instrument lists are a few MB; a longer answer is no answer."""
IDLE_S: Final = 25.0
"""One that rested longer is not trusted with an order: the other side may be closing it."""
_END: Final = b"\r\n\r\n"
_WITHOUT_BODY: Final = frozenset({204, 304})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""These say how long it is, also where it is empty."""


class Origin(NamedTuple):
    """Where a connection leads; a tuple, because every request finds its connections by it."""

    is_secure: bool
    host: str
    port: int

    @property
    def header(self) -> str:
        """As in `Host:`."""
        default = 443 if self.is_secure else 80
        return self.host if self.port == default else f"{self.host}:{self.port}"


@cache
def split_url(url: str) -> tuple[Origin, str]:
    """A base URL's origin and path.

    Raises:
        ValueError: If it is no HTTP URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url[:80]!r} is no HTTP address")
    is_secure = parts.scheme == "https"
    origin = Origin(is_secure, parts.hostname, parts.port or (443 if is_secure else 80))
    return origin, parts.path.rstrip("/")


@cache
def tls_context() -> ssl.SSLContext:
    """The system's certificates; made once, which takes milliseconds."""
    return ssl.create_default_context()


class HttpClient:
    """Connections by origin.

    Args:
        clock: For timeouts and the age of idle connections.
        proxy: Where every connection is made through.
        context: TLS settings; the system's when None.
    """

    def __init__(
        self, clock: Clock, *, proxy: Proxy | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self._clock = clock
        self._proxy = proxy
        self._context = context
        self._idle: dict[Origin, list[tuple[int, _Exchange]]] = {}
        self._busy: dict[_Exchange, tuple[int, Origin, float]] = {}
        """Connection with a request -> until when its answer is waited for (monotonic ns), where it
        was sent, and how many seconds that is."""
        self._alarm: Cancellable | None = None
        """Rings at `_alarm_ns`, when the first of them is over; one for all, since a timer for each
        request costs more than finding its connection."""
        self._alarm_ns = 0

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
        base, question, query = url.partition("?")
        origin, path = split_url(base)
        head = _head(method, origin, f"{path or '/'}{question}{query}", headers, len(body))
        until_ns = self._clock.monotonic_ns() + round(timeout_s * NS_PER_S)
        exchange = self._rested(origin) or await self._opened(origin, timeout_s)
        answer = exchange.write(head + body, is_head=method == "HEAD")
        self._busy[exchange] = until_ns, origin, timeout_s
        if self._alarm is None or until_ns < self._alarm_ns:
            self._set_alarm(until_ns)
        try:
            return await answer
        finally:
            del self._busy[exchange]
            self._put_back(origin, exchange)

    async def close(self) -> None:
        """Closes every connection; requests under way fail."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        for resting in self._idle.values():
            for _, exchange in resting:
                exchange.abort()
        self._idle.clear()
        for exchange in tuple(self._busy):
            exchange.abort()
        await asyncio.sleep(0)

    def _set_alarm(self, at_ns: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ns = at_ns
        left_ns = at_ns - self._clock.monotonic_ns()
        self._alarm = self._clock.call_after_ns(left_ns, self._ring)

    def _ring(self) -> None:
        """Ends the wait for answers whose time is over, and waits for the next of the others."""
        self._alarm = None
        now_ns = self._clock.monotonic_ns()
        waiting: list[int] = []
        for exchange, (until_ns, origin, timeout_s) in tuple(self._busy.items()):
            if until_ns <= now_ns:
                exchange.give_up(f"no answer from {origin.header} in {timeout_s:g} s")
            else:
                waiting.append(until_ns)
        if waiting:
            self._set_alarm(min(waiting))

    def _rested(self, origin: Origin) -> _Exchange | None:
        resting = self._idle.get(origin)
        oldest_ns = self._clock.monotonic_ns() - round(IDLE_S * NS_PER_S)
        while resting:
            since_ns, exchange = resting.pop()
            if exchange.is_usable and since_ns >= oldest_ns:
                return exchange
            exchange.abort()
        return None

    def _put_back(self, origin: Origin, exchange: _Exchange) -> None:
        if exchange.is_at_rest:
            resting = self._idle.setdefault(origin, [])
            resting.append((self._clock.monotonic_ns(), exchange))
        else:
            exchange.abort()

    async def _opened(self, origin: Origin, timeout_s: float) -> _Exchange:
        try:
            async with self._clock.timeout(timeout_s):
                exchange = await self._dial(origin, timeout_s)
        except TimeoutError as error:
            raise NotSent(f"no connection to {origin.header} in {timeout_s:g} s") from error
        if not exchange.is_usable:
            raise NotSent("the connection was closed before the request left")
        return exchange

    async def _dial(self, origin: Origin, timeout_s: float) -> _Exchange:
        loop = asyncio.get_running_loop()
        context = (self._context or tls_context()) if origin.is_secure else None
        try:
            if self._proxy is None:
                _, protocol = await loop.create_connection(
                    _Exchange, origin.host, origin.port, ssl=context
                )
            else:
                tunnel = await open_tunnel(self._proxy, origin.host, origin.port, timeout_s)
                _, protocol = await loop.create_connection(
                    _Exchange,
                    sock=tunnel,
                    ssl=context,
                    server_hostname=origin.host if context else None,
                )
        except ssl.SSLError as error:
            raise NotSent(f"{origin.header} has no certificate we trust: {error.reason}") from error
        except OSError as error:
            raise NotSent(f"{origin.header} cannot be reached: {_why(error)}") from error
        return protocol


@dataclass(slots=True, eq=False)
class _Exchange(asyncio.Protocol):
    """One connection: a request, then its answer, then the next."""

    _transport: asyncio.Transport | None = None
    _answer: asyncio.Future[Response] | None = None
    _buffer: bytearray = field(default_factory=bytearray)
    _head: tuple[int, dict[str, str]] | None = None
    _length: int | None = None
    """Bytes of the body; None for chunked or until the end."""
    _is_chunked: bool = False
    _is_head: bool = False
    _keeps: bool = True
    """Whether the venue keeps the connection open."""

    @property
    def is_at_rest(self) -> bool:
        """Whether its answer is whole and nothing came after it."""
        return self._keeps and self._answer is None and not self._buffer

    @property
    def is_usable(self) -> bool:
        """Whether another request may use it, now."""
        transport = self._transport
        return self.is_at_rest and transport is not None and not transport.is_closing()

    def write(self, data: bytes, *, is_head: bool) -> asyncio.Future[Response]:
        """Sends a request over one that was just found usable."""
        self._is_head = is_head
        answer = self._answer = asyncio.get_running_loop().create_future()
        cast("asyncio.Transport", self._transport).write(data)
        return answer

    def give_up(self, why: str) -> None:
        """Ends the wait for an answer that did not come in time, and the connection with it."""
        self._fail(why)

    def abort(self) -> None:
        """Closes at once."""
        self._keeps = False
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        # TCP and TLS are transports; those of other loops, such as uvloop, only behave like it.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Takes in what came."""
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked: whatever it is, it is not the next request's answer
            return
        self._buffer += data
        try:
            self._parse(is_end=False)
        except ValueError as error:
            self._fail(f"the answer is no HTTP: {error}")

    def eof_received(self) -> bool:
        """The other side has nothing more to say."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the answer that was until the end, fails one that was cut short."""
        self._keeps = False
        if self._answer is None or self._answer.done():
            return
        try:
            if exc is None:
                self._parse(is_end=True)
        except ValueError:
            pass
        if not self._answer.done():
            self._fail("the connection was closed before the answer was whole")

    # -- parsing --------------------------------------------------------------------------

    def _parse(self, *, is_end: bool) -> None:
        while self._head is None:
            end = self._buffer.find(_END)
            if end < 0:
                if len(self._buffer) > MAX_HEAD_BYTES:
                    raise ValueError("its head does not end")
                return
            status, headers = _read_head(bytes(self._buffer[:end]))
            del self._buffer[: end + len(_END)]
            if status >= 200:  # what comes before, such as 103, announces the answer
                self._begin(status, headers)
        body = self._body(is_end=is_end)
        if body is not None and self._answer is not None:
            status, headers = self._head
            answer, self._answer, self._head = self._answer, None, None
            if not answer.done():
                answer.set_result(Response(status, headers, body))

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self._head = status, headers
        self._keeps = headers.get("connection", "").lower() != "close"
        self._is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        if status in _WITHOUT_BODY or self._is_head:
            self._length, self._is_chunked = 0, False
        elif self._is_chunked:
            self._length = None
        elif "content-length" in headers:
            self._length = _whole(headers["content-length"])
            if self._length > MAX_BODY_BYTES:
                raise ValueError(f"its body would have {self._length} bytes")
        else:
            self._length, self._keeps = None, False

    def _body(self, *, is_end: bool) -> bytes | None:
        """The whole body, or None while it is not there."""
        if len(self._buffer) > MAX_BODY_BYTES:
            raise ValueError("its body is too long")
        if self._is_chunked:
            return self._chunks()
        if self._length is None:
            return bytes(self._buffer) if is_end else None
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        return body

    def _chunks(self) -> bytes | None:
        """The body of all chunks once the last one is there."""
        parts: list[bytes] = []
        place = 0
        while True:
            line_end = self._buffer.find(b"\r\n", place)
            if line_end < 0:
                return None
            size = int(bytes(self._buffer[place:line_end]).partition(b";")[0], 16)
            if size < 0:
                raise ValueError("a chunk has a negative size")
            start = line_end + 2
            if size == 0:
                end = self._buffer.find(b"\r\n", start)  # no trailers: an empty line
                if end < 0:
                    return None
                while end != start:
                    start = end + 2
                    end = self._buffer.find(b"\r\n", start)
                    if end < 0:
                        return None
                del self._buffer[: end + 2]
                return b"".join(parts)
            if len(self._buffer) < start + size + 2:
                return None
            parts.append(bytes(self._buffer[start : start + size]))
            place = start + size + 2

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(TransportError(why))
        self.abort()


def _head(
    method: str, origin: Origin, target: str, headers: Mapping[str, str], length: int
) -> bytes:
    text = f"{method} {target} HTTP/1.1\r\nHost: {origin.header}\r\n"
    for name, value in headers.items():
        text += f"{name}: {value}\r\n"
    if text.count("\n") != 2 + len(headers):
        raise ValueError("a header or the address holds a line break")
    if length or method in _WITH_BODY:
        return f"{text}Content-Length: {length}\r\n\r\n".encode("latin-1")
    return f"{text}\r\n".encode("latin-1")


def _read_head(raw: bytes) -> tuple[int, dict[str, str]]:
    lines = raw.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("it does not begin with HTTP/1")
    status = _whole(rest[:3])
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a header has no colon")
        headers[name.strip().lower()] = value.strip()
    return status, headers


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError(f"{text[:20]!r} is no number")
    return int(text)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
