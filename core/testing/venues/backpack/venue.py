"""Backpack on 127.0.0.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final

from core.adapters.exchanges.models import Instrument, TickerData, TradeData, UserData
from core.testing.venue import PERP, SPOT, instrument
from core.testing.venues.backpack.keys import Key, KeyRing
from core.testing.venues.backpack.rest import Rest, parameters
from core.testing.venues.backpack.streams import Streams
from core.testing.venues.faults import Answer, Call
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange

_PING_EVERY_S: Final = 60.0


class BackpackVenue(LoopbackVenue):
    """REST under `/api/v1` and `/wapi/v1`, one socket at `/` for public and private streams."""

    name: ClassVar[str] = "backpack"
    profile: ClassVar[str] = "backpack"

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.keys = KeyRing(self.rng)
        self.rest = Rest(self, self.keys)
        self.streams = Streams(self, self.rest, self.keys)
        self._is_pinging = False

    @property
    def key(self) -> Key:
        """The key that may trade."""
        return self.keys.main

    @property
    def public_url(self) -> str:
        """The socket."""
        return self.socket_url

    @property
    def private_url(self) -> str:
        """The same socket."""
        return self.socket_url

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TEST_USDC_PERP` and `TEST_USDC`."""
        return [
            instrument(PERP, venue=cls.name, venue_symbol="TEST_USDC_PERP"),
            instrument(SPOT, venue=cls.name, venue_symbol="TEST_USDC"),
        ]

    def named(self, call: Call) -> Call:
        """By method and path."""
        return replace(call, name=self.rest.named(call), params=parameters(call))

    def respond(self, call: Call) -> Answer:
        """REST."""
        return self.rest.respond(call)

    def opened(self, socket: Socket) -> None:
        """Pings begin with the first socket."""
        if not self._is_pinging:
            self._is_pinging = True
            self.every(_PING_EVERY_S, self._ping)

    def heard(self, socket: Socket, text: str) -> None:
        """A subscription."""
        self.streams.heard(socket, text)

    def told(self, data: UserData) -> None:
        """Private streams."""
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
            socket.ping()
