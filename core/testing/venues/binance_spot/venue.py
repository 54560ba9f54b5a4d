"""Binance spot on 127.0.0.1."""

from __future__ import annotations

from typing import Any, ClassVar

from core.adapters.exchanges.models import Instrument
from core.testing.venue import SPOT, instrument
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.binance_spot.orders import SpotOrders
from core.testing.venues.binance_spot.rest import SpotRest
from core.testing.venues.binance_spot.socket_api import PATH, SpotSocketApi
from core.testing.venues.binance_spot.streams import SpotStreams
from core.testing.venues.socket import Socket


class BinanceSpotVenue(BinanceVenue):
    """Spot: REST under `/api/v3`, streams under `/ws` and `/stream`, its API at `/ws-api/v3`."""

    profile: ClassVar[str] = "binance_spot"

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 # those of LoopbackVenue
        super().__init__(**settings)
        self.orders = SpotOrders(self.floor)
        self.rest = SpotRest(self, self.orders, self.keys, self.listen_keys, self.numbers)
        self.streams = SpotStreams(self, self.orders, self.listen_keys, self.numbers)
        self.api = SpotSocketApi(self, self.orders, self.keys, self.rest, self.listen_keys)

    @property
    def api_url(self) -> str:
        """The WebSocket API."""
        return f"{self.socket_url}{PATH}"

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """`TESTUSDC`, on spot."""
        return [instrument(SPOT, venue=cls.name, venue_symbol="TESTUSDC")]

    # -- what the server asks -----------------------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """Subscriptions may be in the URL."""
        if socket.path != PATH:
            self.streams.opened(socket)

    def heard(self, socket: Socket, text: str) -> None:
        """A subscription, or a request of the WebSocket API."""
        if socket.path == PATH:
            self.api.heard(socket, text)
        else:
            self.streams.heard(socket, text)
