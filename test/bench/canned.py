"""A venue that does nothing but send prices and take orders, at once.

It sends a price, waits for the order that a client makes of it, answers, and a millisecond later
(or as much later as it is told) sends the next. The real loopback venues (`core/testing/venues`)
are asked for everything else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MS: Final = 1_000_000
_PATIENCE_NS: Final = 100_000_000
"""From a price to the next one, if nobody makes an order of it: ccxt can miss one."""
_KEY: Final = re.compile(rb"sec-websocket-key: *(\S+)", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CLIENT_ID: Final = re.compile(r"newClientOrderId[=\"': ]+([\w-]+)")


@dataclass
class Line:
    """One connection."""

    socket: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    is_socket: bool = False
    hears_prices: bool = False


class CannedVenue:
    """Binance USDⓈ-M, or Hyperliquid, as far as an order needs it.

    Args:
        kind: `binance` or `hyperliquid`.
        ticks: Prices to send.
        gap_ms: From an order to the next price.
    """

    def __init__(self, kind: str, ticks: int, gap_ms: int = 1) -> None:
        self._is_binance = kind == "binance"
        self._gap_ns = gap_ms * _MS
        self._left = ticks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._lines: dict[int, Line] = {}
        self._next_ns = 0
        """When the next price leaves; 0 before somebody hears prices."""
        self._has_begun = False
        self._number = 0

    def run(self) -> None:
        """Serves for ever."""
        while True:
            wait_s = -1.0
            if self._next_ns and self._left:
                wait_s = (self._next_ns - time.perf_counter_ns()) / 1e9
                if wait_s <= 0:
                    self._tell_price()
                    continue
            for number, _ in self._poll.poll(wait_s):
                if number == self._listener.fileno():
                    self._accept()
                else:
                    self._read(self._lines[number])

    # -- connections --------------------------------------------------------------------------

    def _accept(self) -> None:
        made, _ = self._listener.accept()
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines[made.fileno()] = Line(made)
        self._poll.register(made, select.EPOLLIN)

    def _read(self, line: Line) -> None:
        try:
            data = line.socket.recv(1 << 16)
        except (BlockingIOError, ConnectionError):
            data = b""
        if not data:
            self._poll.unregister(line.socket)
            del self._lines[line.socket.fileno()]
            line.socket.close()
            return
        line.buffer += data
        if line.is_socket:
            for kind, body in _frames(line.buffer):
                if kind == 1:
                    self._heard(line, body.decode())
                elif kind == 9:
                    line.socket.sendall(_frame(body, b"\x8a"))
        else:
            self._requested(line)

    def _requested(self, line: Line) -> None:
        head, end, rest = bytes(line.buffer).partition(b"\r\n\r\n")
        if not end:
            return
        key = _KEY.search(head)
        if key:
            accept = base64.b64encode(hashlib.sha1(key[1] + _MAGIC).digest())  # noqa: S324 # RFC 6455
            line.socket.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            line.is_socket = True
            line.buffer.clear()
            return
        length = _LENGTH.search(head)
        if length is None or len(rest) >= int(length[1]):
            line.buffer.clear()
            text = (head + b"\n" + rest).decode()
            is_order = " /fapi/v1/order" in text or " /exchange" in text
            body = json.dumps(self._order(text) if is_order else {}).encode()
            line.socket.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            if is_order:
                self._next_ns = time.perf_counter_ns() + self._gap_ns

    # -- messages -----------------------------------------------------------------------------

    def _heard(self, line: Line, text: str) -> None:
        asked = json.loads(text)
        method = str(asked.get("method"))
        if method in {"order.place", "post"}:
            _send(line, self._answer(asked, text))
            self._next_ns = time.perf_counter_ns() + self._gap_ns
        elif self._is_binance:
            _send(line, {"result": None, "id": asked.get("id")})
            line.hears_prices |= "bookTicker" in text
        elif method == "subscribe":
            _send(line, {"channel": "subscriptionResponse", "data": asked})
            line.hears_prices |= '"l2Book"' in text
        elif method == "ping":
            _send(line, {"channel": "pong"})
        if line.hears_prices and not self._has_begun:
            self._has_begun = True
            self._next_ns = time.perf_counter_ns() + 300 * _MS

    def _answer(self, asked: dict[str, Any], text: str) -> dict[str, Any]:
        if self._is_binance:
            return {"id": asked["id"], "status": 200, "result": self._order(text), "rateLimits": []}
        payload = self._order(text)
        response = {"type": "action", "payload": payload}
        return {"channel": "post", "data": {"id": asked["id"], "response": response}}

    def _order(self, text: str) -> dict[str, Any]:
        """The answer to an order."""
        self._number += 1
        if not self._is_binance:
            statuses = [{"resting": {"oid": 7_000_000 + self._number}}]
            return {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}
        client_id = _CLIENT_ID.search(text)
        return {
            "orderId": 8_389_765_600_000_000_000 + self._number,
            "symbol": "BTCUSDT",
            "status": "NEW",
            "clientOrderId": client_id[1] if client_id else "",
            "price": "40000",
            "avgPrice": "0.00",
            "origQty": "0.01",
            "executedQty": "0",
            "cumQty": "0",
            "cumQuote": "0",
            "timeInForce": "GTC",
            "type": "LIMIT",
            "reduceOnly": False,
            "closePosition": False,
            "side": "BUY",
            "positionSide": "BOTH",
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": "LIMIT",
            "priceMatch": "NONE",
            "selfTradePreventionMode": "NONE",
            "goodTillDate": 0,
            "updateTime": time.time_ns() // 1_000_000,
        }

    # -- prices -------------------------------------------------------------------------------

    def _tell_price(self) -> None:
        self._left -= 1
        now_ms, bid = time.time_ns() // 1_000_000, 50_000 + self._left % 900
        if self._is_binance:
            text = (
                f'{{"e":"bookTicker","u":{10**7 - self._left},"s":"BTCUSDT","b":"{bid}.00",'
                f'"B":"31.210","a":"{bid}.10","A":"40.660","T":{now_ms},"E":{now_ms}}}'
            )
        else:
            sides = [
                ",".join(f'{{"px":"{bid + s * n}.0","sz":"{1 + n}.5","n":3}}' for n in range(20))
                for s in (-1, 1)
            ]
            sides[1] = ",".join(
                f'{{"px":"{bid + 1 + n}.0","sz":"{1 + n}.5","n":3}}' for n in range(20)
            )
            text = (
                f'{{"channel":"l2Book","data":{{"coin":"BTC","time":{now_ms},'
                f'"levels":[[{sides[0]}],[{sides[1]}]]}}}}'
            )
        frame = _frame(text.encode())
        self._next_ns = time.perf_counter_ns() + _PATIENCE_NS + self._gap_ns
        for line in self._lines.values():
            if line.hears_prices:
                line.socket.sendall(frame)


def _send(line: Line, body: object) -> None:
    line.socket.sendall(_frame(json.dumps(body).encode()))


def _frame(payload: bytes, kind: bytes = b"\x81") -> bytes:
    size = len(payload)
    return kind + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + payload


def _frames(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Whole frames of a client, taken out of the buffer: their kind and what they carry."""
    while len(buffer) >= 6:
        kind, size, start = buffer[0] & 15, buffer[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + 4 + size:
            return
        mask = bytes(buffer[start : start + 4])
        body = bytes(buffer[start + 4 : start + 4 + size])
        del buffer[: start + 4 + size]
        masked = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        yield kind, (int.from_bytes(body, "big") ^ masked).to_bytes(size, "big")


def main() -> None:
    """`canned.py KIND TICKS [GAP_MS]`: says its port and serves."""
    venue = CannedVenue(sys.argv[1], *map(int, sys.argv[2:]))
    print(venue.port, flush=True)
    venue.run()


if __name__ == "__main__":
    main()
