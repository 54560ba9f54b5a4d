"""edgeX V2 on 127.0.0.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from core.adapters.exchanges.models import Instrument, TickerData, TradeData, UserData
from core.infrastructure.clock import NS_PER_S
from core.testing.venue import PERP, instrument
from core.testing.venues.edgex.contracts import Contracts
from core.testing.venues.edgex.keys import Key, KeyRing, Refused
from core.testing.venues.edgex.rest import Rest
from core.testing.venues.edgex.streams import Streams
from core.testing.venues.faults import Answer, Call
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_PING_EVERY_S: Final = 10.0
_MISSES: Final = 5
"""Pings without any word before a client is let go."""
_PRIVATE: Final = "/api/v1/private/ws"


class EdgexVenue(LoopbackVenue):
    """REST under `/api/v2`, sockets at `/api/v1/public/ws` and `/api/v1/private/ws`."""

    name: ClassVar[str] = "edgex"
    profile: ClassVar[str] = "edgex"

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.keys = KeyRing(self.rng)
        self.contracts = Contracts(self.floor.instruments.values())
        self.rest = Rest(self, self.contracts, self.keys)
        self.streams = Streams(self, self.contracts, self.rest, self.key.account_id)
        self._is_pinging = False

    @property
    def key(self) -> Key:
        """The account's key."""
        return self.keys.main

    @property
    def public_url(self) -> str:
        """The public socket."""
        return f"{self.socket_url}/api/v1/public/ws"

    @property
    def private_url(self) -> str:
        """The private socket; `?accountId=&timestamp=` and signed headers belong to it."""
        return f"{self.socket_url}{_PRIVATE}"

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TESTUSDC`, a perpetual with the id 30000101."""
        return [instrument(PERP, venue=cls.name, venue_symbol="30000101")]

    def named(self, call: Call) -> Call:
        """By method and path."""
        if call.method == "GET":
            params: object = dict(parse_qsl(call.query, keep_blank_values=True))
        else:
            params = decoded(call.body)
        found = params if isinstance(params, dict) else {}
        return replace(call, name=self.rest.named(call), params=found)

    def respond(self, call: Call) -> Answer:
        """REST."""
        return self.rest.respond(call)

    def refuse_socket(
        self, path: str, query: dict[str, str], headers: dict[str, str]
    ) -> Answer | None:
        """A private socket is signed like a GET of its account and time."""
        if path != _PRIVATE:
            return None
        text = f"accountId={query.get('accountId', '')}&timestamp={query.get('timestamp', '')}"
        try:
            self.keys.check("GET", path, text, headers, self.now_ms())
        except Refused as no:
            return Answer({"code": no.code, "msg": str(no)}, 401)
        return None

    def opened(self, socket: Socket) -> None:
        """Pings begin with the first socket."""
        self.streams.opened(socket, is_private=socket.path == _PRIVATE)
        if not self._is_pinging:
            self._is_pinging = True
            self.every(_PING_EVERY_S, self._ping)

    def heard(self, socket: Socket, text: str) -> None:
        """A subscription or a heartbeat."""
        self.streams.heard(socket, text)

    def told(self, data: UserData) -> None:
        """The private socket."""
        self.streams.told(data)

    def book_changed(self, change: BookChange) -> None:
        """`depth`."""
        self.streams.book_changed(change)

    def traded(self, trade: TradeData) -> None:
        """`trades` and `kline`."""
        self.streams.traded(trade)

    def priced(self, ticker: TickerData) -> None:
        """`ticker`."""
        self.streams.priced(ticker)

    def _ping(self) -> None:
        limit_ns = round(_PING_EVERY_S * _MISSES * NS_PER_S)
        for socket in tuple(self.sockets):
            if self.clock.monotonic_ns() - socket.heard_ns > limit_ns:
                socket.close(1001, "ping timeout")
            else:
                socket.reply({"type": "ping", "time": str(self.now_ms())})
