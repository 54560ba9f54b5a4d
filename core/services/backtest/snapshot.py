"""What a backtest has to say, ready to be shown or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import from_ns, plain
from core.domain.position import MONEY, ZERO
from core.services.backtest.curve import Curve, Point
from core.services.backtest.metrics import Metrics

Value = str | int | bool | None
DIGITS: Final = 10
"""Significant digits of a measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedFill:
    """One execution, as the diary told it; a share of one where it served several slots."""

    at_ns: int
    side: str
    price: Decimal
    amount: Decimal
    level: int | None
    leg: str
    fee: Decimal
    round_trip: Decimal | None
    """Result after fees, where this fill completes a round trip."""
    is_maker: bool
    client_order_id: str
    trade_id: str
    share: str = ""
    """`2/3` for the second of three slots that one execution served."""

    @property
    def value(self) -> Decimal:
        """Price times amount."""
        return self.price * self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """A whole run."""

    bot: str
    symbol: str
    base: str
    quote: str
    grid_type: str
    summary: tuple[tuple[str, Value], ...]
    """The fields of the diary's last line."""
    metrics: Metrics
    buy_and_hold: Metrics
    curve: Curve
    held: Curve
    """Of buying and holding."""
    assumptions: tuple[tuple[str, str], ...]
    """What was assumed, in sentences, by name."""
    fills: tuple[TradedFill, ...]
    notices: tuple[str, ...]
    """What a person should know about the data."""
    closing: str
    """How the bot ended, in words."""
    exit_code: int

    def as_json(self) -> dict[str, object]:
        """One object: the summary, then everything else; decimals are text."""
        return {
            **dict(self.summary),
            "metrics": metrics_json(self.metrics),
            "buy_and_hold": metrics_json(self.buy_and_hold),
            "equity": [point_json(point) for point in self.curve.points],
            "assumptions": dict(self.assumptions),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one order did, as far as it filled."""

    order: str
    """Our id without the part that names bot and installation: level, leg and number."""
    side: str
    fills: int
    amount: Decimal
    value: Decimal
    """Sum of price times amount."""
    fee: Decimal
    profit: Decimal
    """Sum of the round trips that it completed, after fees."""

    @property
    def price(self) -> Decimal | None:
        """Mean price, for display."""
        return self.value / self.amount if self.amount else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderParity:
    """One order in both runs; None where it filled in one of them only."""

    order: str
    """Level, leg, and which of those: `4 exit 3`."""
    side: str
    recorded: Execution | None
    replayed: Execution | None

    @property
    def amount(self) -> Decimal:
        """Replayed less recorded, base units."""
        return _difference(self, "amount")

    @property
    def price(self) -> Decimal | None:
        """The same of the mean prices; None where one run has none."""
        if self.recorded is None or self.replayed is None:
            return None
        before, after = self.recorded.price, self.replayed.price
        if self.recorded.value * self.replayed.amount == self.replayed.value * self.recorded.amount:
            return ZERO
        return None if before is None or after is None else after - before

    @property
    def fee(self) -> Decimal:
        """The same of the fees."""
        return _difference(self, "fee")

    @property
    def profit(self) -> Decimal:
        """The same of the round trips' results."""
        return _difference(self, "profit")

    @property
    def is_equal(self) -> bool:
        """Whether both runs did the same with this order."""
        if self.recorded is None or self.replayed is None:
            return False
        same = ("side", "fills", "amount", "value", "fee", "profit")
        return all(getattr(self.recorded, item) == getattr(self.replayed, item) for item in same)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """Both runs, order by order."""

    bot: str
    source: str
    """What was replayed, such as `run` or `paper`."""
    feed: str
    orders: tuple[OrderParity, ...]
    notices: tuple[str, ...] = ()

    @property
    def different(self) -> tuple[OrderParity, ...]:
        """The orders that did not do the same."""
        return tuple(order for order in self.orders if not order.is_equal)

    @property
    def profit(self) -> Decimal:
        """Replayed less recorded results of all round trips."""
        return sum((order.profit for order in self.orders), ZERO)

    def as_json(self) -> dict[str, object]:
        """One object; decimals are text."""
        recorded = [order.recorded for order in self.orders if order.recorded is not None]
        replayed = [order.replayed for order in self.orders if order.replayed is not None]
        return {
            "bot": self.bot,
            "source": self.source,
            "feed": self.feed,
            "fills": {
                "recorded": sum(item.fills for item in recorded),
                "replayed": sum(item.fills for item in replayed),
            },
            "different": len(self.different),
            "profit_difference": plain(self.profit),
            "orders": [_order_json(order) for order in self.orders],
        }


def metrics_json(metrics: Metrics) -> Mapping[str, str | None]:
    """The measures by name, as plain decimals; None for what is not defined."""
    return {item.name: decimal_text(getattr(metrics, item.name)) for item in fields(metrics)}


def point_json(point: Point) -> list[str]:
    """`[at, equity, price, position]`."""
    return [
        iso(point.at_ns),
        plain(point.equity),
        plain(point.price),
        plain(point.position),
    ]


def decimal_text(value: float | None) -> str | None:
    """A measure in plain notation; None for none, and for what is no finite number."""
    if value is None or value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 # NaN
        return None
    return plain(Decimal(f"{value:.{DIGITS}g}"))


def iso(ns: int) -> str:
    """ISO 8601 UTC with milliseconds and `Z`."""
    return from_ns(ns).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns // 1_000_000 % 1000:03d}Z"


def _difference(order: OrderParity, name: str) -> Decimal:
    before = ZERO if order.recorded is None else getattr(order.recorded, name)
    after = ZERO if order.replayed is None else getattr(order.replayed, name)
    return MONEY.subtract(after, before)


def _order_json(order: OrderParity) -> Mapping[str, object]:
    return {
        "order": order.order,
        "side": order.side,
        "recorded": _execution_json(order.recorded),
        "replayed": _execution_json(order.replayed),
        "difference": {
            "amount": plain(order.amount),
            "price": None if order.price is None else plain(order.price),
            "fee": plain(order.fee),
            "profit": plain(order.profit),
        },
    }


def _execution_json(item: Execution | None) -> Mapping[str, object] | None:
    if item is None:
        return None
    found: dict[str, object] = {"fills": item.fills, "price": None}
    if item.price is not None:
        found["price"] = plain(item.price)
    for field in fields(item):
        if field.name in {"amount", "fee", "profit"}:
            found[field.name] = plain(getattr(item, field.name))
    return found
