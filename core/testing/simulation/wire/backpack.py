"""Backpack: requests over HTTP, numbers of 32 bits for client order ids."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.backpack.adapter import BackpackExchange
from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.models import FillData, OrderData
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.testing.simulation.wire.numbered import Numbered
from core.testing.simulation.wire.tongue import Create, Ground
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.backpack.words import ORDER_IDS, TRADE_IDS
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import number_of

_SIDES: Final = {"Bid": "buy", "Ask": "sell"}


class Backpack(Numbered):
    """See the module's text."""

    name: ClassVar[str] = "backpack"
    profile: ClassVar[str] = "backpack"
    private: ClassVar[frozenset[str]] = frozenset({"private"})
    has_request_deadline: ClassVar[bool] = True
    bits: ClassVar[int] = 32
    venue: BackpackVenue

    def make_venue(self, ground: Ground) -> BackpackVenue:
        """Its server."""
        return BackpackVenue(**ground.of_server())

    def adapter(self) -> type[NativeExchange]:
        """Its adapter."""
        return BackpackExchange

    def make(self, kind: type[NativeExchange], doors: Doors) -> NativeExchange:
        """Nothing but its doors."""
        assert issubclass(kind, BackpackExchange)  # noqa: S101 # made of it
        return kind(doors)

    def urls(self) -> dict[str, str]:
        """As the contract suite has them."""
        venue = self.venue
        return {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url}

    def credentials(self) -> Credentials:
        """An Ed25519 key."""
        key = self.venue.key
        return Credentials(
            venue=self.name, account="1813870", key=key.api_key, secret=Secret(key.secret)
        )

    # -- what the program says ----------------------------------------------------------------

    def create_of(self, call: Call) -> Create:
        """From the body."""
        body: dict[str, Any] = call.params
        price = body.get("price")
        return Create(
            identity=self.identity(str(body["clientId"])) or "",
            side=_SIDES[body["side"]],
            price=None if price is None else Decimal(price),
            amount=Decimal(body["quantity"]),
            time_in_force=str(body.get("timeInForce") or "GTC").lower(),
            reduce_only=bool(body.get("reduceOnly")),
        )

    def cancelled_by(self, call: Call) -> str:
        """From the body."""
        return str(call.params.get("orderId", ""))

    # -- what matching says -------------------------------------------------------------------

    def order_id(self, data: OrderData | FillData) -> str:
        """A number."""
        return str(ORDER_IDS + number_of(data.order_id))

    def trade_id(self, fill: FillData) -> str:
        """A number."""
        return str(TRADE_IDS + number_of(fill.trade_id))

    # -- what goes wrong ----------------------------------------------------------------------

    def too_many(self, call: Call, seconds: int) -> Answer:
        """429 with its code."""
        body = {"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}
        return Answer(body, 429, {"Retry-After": str(seconds)})

    def failed(self, call: Call) -> Answer:
        """An error of the server."""
        return Answer({"code": "SERVER_ERROR", "message": "Internal server error"}, 500)
