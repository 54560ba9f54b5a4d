"""Bybit on 127.0.0.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from core.adapters.exchanges.models import Instrument, TickerData, TradeData, UserData
from core.testing.venue import PERP, SPOT, instrument
from core.testing.venues.bybit.keys import Key, KeyRing
from core.testing.venues.bybit.orders import Orders
from core.testing.venues.bybit.rest import Rest, parameters
from core.testing.venues.bybit.streams import Streams
from core.testing.venues.faults import Answer, Call
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange


class BybitVenue(LoopbackVenue):
    """REST under `/v5`, sockets under `/v5/public/<category>` and `/v5/private`."""

    name: ClassVar[str] = "bybit"
    profile: ClassVar[str] = "bybit"

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.keys = KeyRing(self.rng)
        self.orders = Orders(self.floor, self.told)
        self.rest = Rest(self, self.keys, self.orders)
        self.streams = Streams(self, self.rest, self.orders, self.keys)

    @property
    def key(self) -> Key:
        """The key that may trade."""
        return self.keys.main

    @property
    def public_url(self) -> str:
        """The socket of perpetuals' prices."""
        return f"{self.socket_url}/v5/public/linear"

    @property
    def private_url(self) -> str:
        """The socket of the account."""
        return f"{self.socket_url}/v5/private"

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TESTPERP`, which is settled in USDC, and `TESTUSDC`."""
        return [
            instrument(PERP, venue=cls.name, venue_symbol="TESTPERP", settle="USDC"),
            instrument(SPOT, venue=cls.name, venue_symbol="TESTUSDC"),
        ]

    def named(self, call: Call) -> Call:
        """By method and path."""
        return replace(call, name=self.rest.named(call), params=parameters(call))

    def respond(self, call: Call) -> Answer:
        """REST."""
        return self.rest.respond(call)

    def heard(self, socket: Socket, text: str) -> None:
        """A ping, an `auth` or a subscription."""
        self.streams.heard(socket, text)

    def told(self, data: UserData) -> None:
        """Private topics."""
        self.streams.told(data)

    def book_changed(self, change: BookChange) -> None:
        """Depth and best prices."""
        self.streams.book_changed(change)

    def traded(self, trade: TradeData) -> None:
        """Trades and candles."""
        self.streams.traded(trade)

    def priced(self, ticker: TickerData) -> None:
        """Tickers."""
        self.streams.priced(ticker)
