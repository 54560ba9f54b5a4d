"""EdgeX V2: two signatures on every order, an envelope around every answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.edgex.adapter import EdgexExchange
from core.adapters.exchanges.models import FillData, OrderData
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.testing.simulation.wire.tongue import Create, Ground, Tongue
from core.testing.venues.edgex.venue import EdgexVenue
from core.testing.venues.edgex.words import ORDER_IDS, TRADE_IDS
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import number_of

_TIMES: Final = {
    "GOOD_TIL_CANCEL": "gtc",
    "POST_ONLY": "gtc",
    "IMMEDIATE_OR_CANCEL": "ioc",
    "FILL_OR_KILL": "fok",
}


class Edgex(Tongue):
    """See the module's text."""

    name: ClassVar[str] = "edgex"
    profile: ClassVar[str] = "edgex"
    private: ClassVar[frozenset[str]] = frozenset({"private"})
    venue: EdgexVenue

    def make_venue(self, ground: Ground) -> EdgexVenue:
        """Its server."""
        return EdgexVenue(**ground.of_server())

    def adapter(self) -> type[NativeExchange]:
        """Its adapter."""
        return EdgexExchange

    def make(self, kind: type[NativeExchange], doors: Doors) -> NativeExchange:
        """Nothing but its doors."""
        assert issubclass(kind, EdgexExchange)  # noqa: S101 # made of it
        return kind(doors)

    def urls(self) -> dict[str, str]:
        """As the contract suite has them."""
        venue = self.venue
        return {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url}

    def credentials(self) -> Credentials:
        """An API key, and the key that signs orders."""
        key = self.venue.key
        return Credentials(
            venue=self.name,
            account=str(key.account_id),
            key=key.api_key,
            secret=Secret(key.secret),
            passphrase=Secret(key.passphrase),
            options={"trading_key": key.trading_secret},
        )

    # -- what the program says ----------------------------------------------------------------

    def create_of(self, call: Call) -> Create:
        """From the body."""
        body: dict[str, Any] = call.params
        return Create(
            identity=str(body["clientOrderId"]),
            side=str(body["side"]).lower(),
            price=Decimal(str(body["price"])) if body["type"] == "LIMIT" else None,
            amount=Decimal(str(body["size"])),
            time_in_force=_TIMES[body["timeInForce"]],
            reduce_only=bool(body.get("reduceOnly")),
        )

    def cancelled_by(self, call: Call) -> str:
        """From the list of one."""
        found = call.params.get("orderIdList")
        return str(found[0]) if isinstance(found, list) and found else ""

    # -- what matching says -------------------------------------------------------------------

    def order_id(self, data: OrderData | FillData) -> str:
        """A number."""
        return str(ORDER_IDS + number_of(data.order_id))

    def trade_id(self, fill: FillData) -> str:
        """A number."""
        return str(TRADE_IDS + number_of(fill.trade_id))

    # -- what goes wrong ----------------------------------------------------------------------

    def too_many(self, call: Call, seconds: int) -> Answer:
        """429 in the envelope."""
        body = self._envelope("TOO_MANY_REQUESTS", "too many requests")
        return Answer(body, 429, {"Retry-After": str(seconds)})

    def failed(self, call: Call) -> Answer:
        """A code that nobody has documented, with status 200."""
        return Answer(self._envelope("SYSTEM_ERROR", "system error"))

    def _envelope(self, code: str, text: str) -> dict[str, object]:
        now = str(self.venue.now_ms())
        return {
            "code": code,
            "data": None,
            "msg": text,
            "errorParam": None,
            "requestTime": now,
            "responseTime": now,
            "traceId": "0" * 32,
        }
