"""Lighter: signed transactions that are answered before matching, ids of 48 bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.lighter.adapter import LighterExchange
from core.adapters.exchanges.models import FillData, OrderData, OrderStatus, UserData
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.testing.simulation.wire.numbered import Numbered
from core.testing.simulation.wire.tongue import Create, Ground
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import number_of
from core.testing.venues.lighter.signing import StandIn
from core.testing.venues.lighter.venue import LighterVenue
from core.testing.venues.lighter.words import TRADE_IDS, order_index
from core.testing.venues.server import decoded

_IOC: Final = 0


class Lighter(Numbered):
    """See the module's text."""

    name: ClassVar[str] = "lighter"
    profile: ClassVar[str] = "lighter"
    private: ClassVar[frozenset[str]] = frozenset({"private"})
    bits: ClassVar[int] = 48
    venue: LighterVenue

    def make_venue(self, ground: Ground) -> LighterVenue:
        """Its server."""
        return LighterVenue(**ground.of_server())

    def adapter(self) -> type[NativeExchange]:
        """Its adapter."""
        return LighterExchange

    def make(self, kind: type[NativeExchange], doors: Doors) -> NativeExchange:
        """With the stand-in for the venue's own signer, which is a binary of its own."""
        assert issubclass(kind, LighterExchange)  # noqa: S101 # made of it
        return kind(doors, make_signer=lambda _doors: StandIn(self.venue.key))

    def urls(self) -> dict[str, str]:
        """As the contract suite has them."""
        venue = self.venue
        return {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url}

    def credentials(self) -> Credentials:
        """Account and key by their numbers."""
        key = self.venue.key
        return Credentials(
            venue=self.name,
            account=str(key.account_index),
            secret=Secret(key.secret),
            options={"api_key_index": str(key.api_key_index)},
        )

    # -- what the program says ----------------------------------------------------------------

    def create_of(self, call: Call) -> Create:
        """From the transaction."""
        info = _info(call)
        market = self.venue.markets.by_number[int(info["MarketIndex"])]
        amount, price = market.amount(int(info["BaseAmount"])), market.price(int(info["Price"]))
        return Create(
            identity=self.identity(str(info["ClientOrderIndex"])) or "",
            side="sell" if info["IsAsk"] else "buy",
            price=Decimal(price),
            amount=Decimal(amount),
            time_in_force="ioc" if int(info["TimeInForce"]) == _IOC else "gtc",
            reduce_only=bool(info["ReduceOnly"]),
        )

    def cancelled_by(self, call: Call) -> str:
        """From the transaction."""
        return str(_info(call)["Index"])

    # -- what matching says -------------------------------------------------------------------

    def order_id(self, data: OrderData | FillData) -> str:
        """A number that tells the side."""
        return str(order_index(number_of(data.order_id), data.side))

    def trade_id(self, fill: FillData) -> str:
        """A number."""
        return str(TRADE_IDS + number_of(fill.trade_id))

    def listen(self, witness: Callable[[UserData], None]) -> None:
        """Orders that were taken in, and that matching then refused."""
        self.venue.transactions.on_refused = lambda order: witness(
            replace(order, status=OrderStatus.REJECTED)
        )

    # -- what goes wrong ----------------------------------------------------------------------

    def too_many(self, call: Call, seconds: int) -> Answer:
        """429 with its code."""
        body = {"code": 23000, "message": "Too Many Requests!"}
        return Answer(body, 429, {"Retry-After": str(seconds)})

    def failed(self, call: Call) -> Answer:
        """An error of the server."""
        return Answer({"code": 29500, "message": "internal server error"}, 500)


def _info(call: Call) -> dict[str, Any]:
    found = decoded(str(call.params["tx_info"]))
    assert isinstance(found, dict)  # noqa: S101 # its name came from it
    return found
