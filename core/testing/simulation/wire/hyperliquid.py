"""Hyperliquid: signed actions over HTTP and on the socket, one kind of socket for everything."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.hyperliquid.adapter import HyperliquidExchange
from core.adapters.exchanges.hyperliquid.client_ids import read_cloid
from core.adapters.exchanges.models import (
    FillData,
    Instrument,
    OrderData,
    OrderStatus,
    UserData,
)
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.testing.simulation.wire.tongue import Create, Ground, Tongue
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import number_of
from core.testing.venues.hyperliquid.venue import HyperliquidVenue, posted
from core.testing.venues.hyperliquid.words import ORDER_IDS, TRADE_IDS
from core.testing.venues.server import decoded

_TIMES: Final = {"Gtc": "gtc", "Ioc": "ioc", "Alo": "gtc"}  # codespell:ignore alo
_FOREIGN: Final = 0xEE
"""First byte of a cloid that no program of ours makes."""


class Hyperliquid(Tongue):
    """See the module's text."""

    name: ClassVar[str] = "hyperliquid"
    profile: ClassVar[str] = "hyperliquid"
    rules: ClassVar[dict[str, object]] = {"min_notional": "10"}
    has_request_deadline: ClassVar[bool] = True
    private: ClassVar[frozenset[str]] = frozenset({"private"})
    asking: ClassVar[frozenset[str]] = frozenset({"private"})
    venue: HyperliquidVenue

    @classmethod
    def listed(cls, instrument: Instrument) -> Instrument:
        """The venue's own tick: six decimals less those of the lot."""
        tick = Decimal(1).scaleb(instrument.amount_decimals - 6)
        return replace(instrument, venue=cls.name, tick_size=tick)

    def make_venue(self, ground: Ground) -> HyperliquidVenue:
        """Its server."""
        return HyperliquidVenue(is_mainnet=True, **ground.of_server())

    def adapter(self) -> type[NativeExchange]:
        """Its adapter."""
        return HyperliquidExchange

    def make(self, kind: type[NativeExchange], doors: Doors) -> NativeExchange:
        """Nothing but its doors."""
        assert issubclass(kind, HyperliquidExchange)  # noqa: S101 # made of it
        return kind(doors)

    def urls(self) -> dict[str, str]:
        """As the contract suite has them."""
        venue = self.venue
        return {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url}

    def credentials(self) -> Credentials:
        """The account's address and its agent's key."""
        wallets = self.venue.wallets
        return Credentials(
            venue=self.name, account=wallets.main.address, secret=Secret(wallets.agent.secret)
        )

    # -- what the program says ----------------------------------------------------------------

    def spoken(self, text: str) -> Call | None:
        """A `post`."""
        asked = decoded(text)
        if not isinstance(asked, dict) or asked.get("method") != "post":
            return None
        return posted(asked)

    def create_of(self, call: Call) -> Create:
        """From the one order of an action."""
        (wire,) = _action(call)["orders"]
        return Create(
            identity=read_cloid(wire["c"]) or wire["c"],
            side="buy" if wire["b"] else "sell",
            price=Decimal(wire["p"]),
            amount=Decimal(wire["s"]),
            time_in_force=_TIMES[wire["t"]["limit"]["tif"]],
            reduce_only=wire["r"],
        )

    def cancelled_by(self, call: Call) -> str:
        """From the one cancel of an action."""
        (cancel,) = _action(call)["cancels"]
        return str(cancel["o"])

    # -- what matching says -------------------------------------------------------------------

    def order_id(self, data: OrderData | FillData) -> str:
        """A number."""
        return str(ORDER_IDS + number_of(data.order_id))

    def trade_id(self, fill: FillData) -> str:
        """A number."""
        return str(TRADE_IDS + number_of(fill.trade_id))

    def identity(self, client_order_id: str | None) -> str | None:
        """What a cloid holds."""
        if client_order_id is None:
            return None
        return read_cloid(client_order_id) or client_order_id

    def foreign(self, name: str) -> str:
        """A cloid that holds none of ours."""
        digits = int.from_bytes(name.encode()) % (1 << 120)
        return f"0x{_FOREIGN << 120 | digits:032x}"

    def told(self, data: UserData) -> UserData:
        """An order that found nothing to match at once was refused, as the venue calls it."""
        told = super().told(data)
        if isinstance(told, OrderData) and told.status is OrderStatus.EXPIRED and not told.filled:
            return replace(told, status=OrderStatus.REJECTED)
        return told

    # -- what goes wrong ----------------------------------------------------------------------

    def too_many(self, call: Call, seconds: int) -> Answer:
        """429 with `null`."""
        return Answer(None, 429, {"Retry-After": str(seconds)})

    def failed(self, call: Call) -> Answer:
        """A text."""
        return Answer(b"upstream connect error or disconnect/reset before headers", 503)


def _action(call: Call) -> dict[str, Any]:
    action = call.params["action"]
    assert isinstance(action, dict)  # noqa: S101 # its name came from it
    return action
