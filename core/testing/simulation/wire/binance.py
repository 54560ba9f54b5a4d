"""Binance USDⓈ-M: requests over HTTP and on the WebSocket API, listen keys, two market sockets."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.binance.adapter import BinanceExchange
from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.models import FillData, OrderData
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.testing.simulation.wire.tongue import Create, Ground, Tongue
from core.testing.venues.binance.refusals import BANNED, TOO_MANY
from core.testing.venues.binance.socket_api import call_of
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.binance.words import ORDER_IDS, TRADE_IDS
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import number_of

_TIMES: Final = {"GTC": "gtc", "GTX": "gtc", "IOC": "ioc", "FOK": "fok"}


class Binance(Tongue):
    """See the module's text."""

    name: ClassVar[str] = "binance"
    profile: ClassVar[str] = "binance_um"
    has_request_deadline: ClassVar[bool] = True
    private: ClassVar[frozenset[str]] = frozenset({"private", "orders"})
    asking: ClassVar[frozenset[str]] = frozenset({"orders"})
    venue: BinanceVenue

    def make_venue(self, ground: Ground) -> BinanceVenue:
        """Its server."""
        return BinanceVenue(**ground.of_server())

    def adapter(self) -> type[NativeExchange]:
        """Its adapter."""
        return BinanceExchange

    def make(self, kind: type[NativeExchange], doors: Doors) -> NativeExchange:
        """For USDⓈ-M alone."""
        assert issubclass(kind, BinanceExchange)  # noqa: S101 # made of it
        return kind(doors, markets={"usdm"})

    def urls(self) -> dict[str, str]:
        """As the contract suite has them."""
        venue = self.venue
        return {
            "rest": venue.rest_url,
            "public": f"{venue.socket_url}/public/ws",
            "market": f"{venue.socket_url}/market/ws",
            "private": venue.private_url,
            "orders": venue.api_url,
            "account": venue.rest_url,
        }

    def credentials(self) -> Credentials:
        """An HMAC key."""
        key = self.venue.key
        return Credentials(
            venue=self.name, account="SgsR", key=key.api_key, secret=Secret(key.secret)
        )

    # -- what the program says ----------------------------------------------------------------

    def spoken(self, text: str) -> Call | None:
        """A request of the WebSocket API."""
        return call_of(text)

    def create_of(self, call: Call) -> Create:
        """From the parameters."""
        params = _texts(call.params)
        price = params.get("price")
        return Create(
            identity=params["newClientOrderId"],
            side=params["side"].lower(),
            price=None if price is None else Decimal(price),
            amount=Decimal(params["quantity"]),
            time_in_force=_TIMES[params.get("timeInForce", "GTC")],
            reduce_only=params.get("reduceOnly") == "true",
        )

    def cancelled_by(self, call: Call) -> str:
        """From the parameters."""
        return _texts(call.params).get("orderId", "")

    # -- what matching says -------------------------------------------------------------------

    def order_id(self, data: OrderData | FillData) -> str:
        """A number beyond 2^53."""
        return str(ORDER_IDS + number_of(data.order_id))

    def trade_id(self, fill: FillData) -> str:
        """A number."""
        return str(TRADE_IDS + number_of(fill.trade_id))

    # -- what goes wrong ----------------------------------------------------------------------

    def too_many(self, call: Call, seconds: int) -> Answer:
        """-1003 with 429."""
        return _limited(TOO_MANY, 429, seconds, self.venue.now_ms())

    def banned(self, call: Call, seconds: int) -> Answer:
        """-1003 with 418."""
        return _limited(BANNED, 418, seconds, self.venue.now_ms())

    def failed(self, call: Call) -> Answer:
        """-1007: it may have been done."""
        words = (
            "Timeout waiting for response from backend server. "
            "Send status unknown; execution status unknown."
        )
        return Answer({"code": -1007, "msg": words}, 408)


def _limited(words: tuple[int, str], status: int, seconds: int, now_ms: int) -> Answer:
    code, text = words
    data = {"serverTime": now_ms, "retryAfter": now_ms + seconds * 1000}
    return Answer({"code": code, "msg": text, "data": data}, status, {"Retry-After": str(seconds)})


def _texts(params: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}
