"""Binance USDⓈ-M on 127.0.0.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final

from core.adapters.exchanges.models import Instrument, TickerData, TradeData, UserData
from core.testing.venue import PERP, instrument
from core.testing.venues.binance.keys import Key, KeyRing
from core.testing.venues.binance.listen_keys import ListenKeys
from core.testing.venues.binance.numbering import TradeNumbers
from core.testing.venues.binance.orders import Orders
from core.testing.venues.binance.rest import Rest, parameters
from core.testing.venues.binance.socket_api import PATH, SocketApi
from core.testing.venues.binance.streams import Streams
from core.testing.venues.faults import Answer, Call
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_PING_EVERY_S: Final = 180.0


class BinanceVenue(LoopbackVenue):
    """USDⓈ-M futures: REST under `/fapi`, sockets under `/ws`, `/stream` and `/ws-fapi/v1`."""

    name: ClassVar[str] = "binance"
    profile: ClassVar[str] = "binance_um"

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.keys = KeyRing(self.rng)
        self.orders = Orders(self.floor)
        self.listen_keys = ListenKeys(self)
        self.numbers = TradeNumbers()
        self.rest = Rest(self, self.orders, self.keys, self.listen_keys, self.numbers)
        self.streams = Streams(self, self.orders, self.listen_keys, self.numbers)
        self.api = SocketApi(self, self.orders, self.keys, self.rest, self.listen_keys)
        self._is_pinging = False

    @property
    def key(self) -> Key:
        """The HMAC key that may trade."""
        return self.keys.hmac

    @property
    def public_url(self) -> str:
        """Raw market streams."""
        return f"{self.socket_url}/ws"

    @property
    def private_url(self) -> str:
        """The user stream; `?listenKey=` or `/<listen key>` follows."""
        return f"{self.socket_url}/private/ws"

    @property
    def api_url(self) -> str:
        """The WebSocket API."""
        return f"{self.socket_url}{PATH}"

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TESTUSDC`, a perpetual."""
        return [instrument(PERP, venue=cls.name, venue_symbol="TESTUSDC")]

    # -- stories ------------------------------------------------------------------------------

    def expire_listen_keys(self) -> None:
        """Every token of the user stream is over, and its sockets are told."""
        self.streams.expire(self.listen_keys.expire_all())

    # -- what the server asks -----------------------------------------------------------------

    def named(self, call: Call) -> Call:
        """By method and path."""
        name = self.rest.name_of(call.method, call.path)
        return replace(call, name=name, params=parameters(call))

    def respond(self, call: Call) -> Answer:
        """REST."""
        return self.rest.respond(call)

    def opened(self, socket: Socket) -> None:
        """Subscriptions may be in the URL; pings begin with the first socket."""
        if socket.path != PATH:
            self.streams.opened(socket)
        if not self._is_pinging:
            self._is_pinging = True
            self.every(_PING_EVERY_S, self._ping)

    def closed(self, socket: Socket) -> None:
        """Sessions end with their socket."""
        self.api.closed(socket)

    def heard(self, socket: Socket, text: str) -> None:
        """A subscription, or a request of the WebSocket API."""
        if socket.path == PATH:
            self.api.heard(socket, text)
        else:
            self.streams.heard(socket, text)

    def told(self, data: UserData) -> None:
        """The user stream."""
        self.streams.told(data)

    def book_changed(self, change: BookChange) -> None:
        """Depth and best prices."""
        self.streams.book_changed(change)

    def traded(self, trade: TradeData) -> None:
        """Trades and candles."""
        self.streams.traded(trade)

    def priced(self, ticker: TickerData) -> None:
        """Tickers and marks."""
        self.streams.priced(ticker)

    def _ping(self) -> None:
        for socket in self.sockets:
            socket.ping(str(self.now_ms()).encode())
