"""What screens may know of execution: how journal and venue compare, and why an order is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.adapters.exchanges.models import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthResult:
    """The last reconciliation."""

    checked_at: datetime | None
    next_at: datetime | None
    matched: int = 0
    missing: int = 0
    unknown: int = 0
    foreign: int = 0
    position_difference: Decimal = Decimal(0)
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether journal and venue agreed."""
        return not (self.missing or self.unknown or self.position_difference)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedFill:
    """One execution."""

    at: datetime
    price: Decimal
    amount: Decimal
    fee: Decimal
    """Quote, paid; negative is a rebate."""
    trade_id: str
    is_maker: bool | None
    round_trip: Decimal | None = None
    """Result of the round trip that it closed, after the fees of both legs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Something that was found out about the order."""

    at: datetime
    kind: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOrder:
    """One order in the history of the slot."""

    client_order_id: str
    at: datetime
    leg: str
    side: str
    price: Decimal | None
    amount: Decimal
    filled: Decimal
    state: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Risk said no: the order never existed."""

    code: str
    limit: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that is on record of one order."""

    bot: str
    venue: str
    symbol: str
    client_order_id: str
    order_id: str = ""
    at: datetime
    """When it was decided."""
    rule: str
    """Dotted name; empty for a refused order of which no reason was kept."""
    inputs: tuple[tuple[str, str], ...] = ()
    """What the rule read, with ages in milliseconds as `<name>_age_ms`."""
    leg: str
    side: str
    order_type: str = ""
    time_in_force: str = ""
    price: Decimal | None = None
    amount: Decimal | None = None
    filled: Decimal = Decimal(0)
    level: int | None = None
    state: str
    """A name of the order life cycle, or `DENIED`."""
    code: str = ""
    refusal: Refusal | None = None
    fills: tuple[ExplainedFill, ...] = ()
    learned: tuple[Learned, ...] = ()
    history: tuple[SlotOrder, ...] = ()
    """Orders of the same level, this one among them, oldest first."""
    outcome: str = ""
    """What came of it, in one sentence."""

    def as_json(self) -> dict[str, Any]:
        """What `ctos why --json` prints: decimals as text, times in ISO 8601."""
        return {
            "bot": self.bot,
            "venue": self.venue,
            "symbol": self.symbol,
            "client_order_id": self.client_order_id,
            "order_id": self.order_id or None,
            "at": _iso(self.at),
            "rule": self.rule,
            "inputs": dict(self.inputs),
            "leg": self.leg,
            "side": self.side,
            "order_type": self.order_type or None,
            "time_in_force": self.time_in_force or None,
            "price": _text(self.price),
            "amount": _text(self.amount),
            "filled": plain(self.filled),
            "level": self.level,
            "state": self.state.lower(),
            "code": self.code or None,
            "refusal": None
            if self.refusal is None
            else {
                "code": self.refusal.code,
                "limit": self.refusal.limit,
                "value": self.refusal.value,
            },
            "fills": [_fill_json(item) for item in self.fills],
            "learned": [
                {"at": _iso(item.at), "kind": item.kind, "detail": item.detail}
                for item in self.learned
            ],
            "history": [_history_json(item) for item in self.history],
            "outcome": self.outcome,
        }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _fill_json(item: ExplainedFill) -> dict[str, str | bool | None]:
    return {
        "at": _iso(item.at),
        "price": plain(item.price),
        "amount": plain(item.amount),
        "fee": plain(item.fee),
        "trade_id": item.trade_id,
        "maker": item.is_maker,
        "round_trip": _text(item.round_trip),
    }


def _history_json(item: SlotOrder) -> dict[str, str | None]:
    return {
        "client_order_id": item.client_order_id,
        "at": _iso(item.at),
        "leg": item.leg,
        "side": item.side,
        "price": _text(item.price),
        "amount": plain(item.amount),
        "filled": plain(item.filled),
        "state": item.state.lower(),
        "rule": item.rule,
    }
