"""The limits of one bot: what the user wrote, the tighter of two sources, the plan for the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hard caps; None where there is none."""

    order_notional: Decimal | None = None
    """Largest value of one order, quote."""
    position: Decimal | None = None
    """Largest position if everything fills, base units, either direction."""
    open_orders: int | None = None
    orders_per_minute: int | None = None
    price_distance: Decimal | None = None
    """Furthest that the price of a marketable order may be from the market, fraction."""
    daily_loss: Decimal | None = None
    """Largest loss of equity within a UTC day, quote."""
    plan_amount: Decimal | None = None
    """Base units that the plan orders at once at most, at whatever price the market then has; set
    where nobody wrote `order_notional`, so that the plan's own orders are never refused."""
    planned: frozenset[str] = frozenset()
    """Names of the limits that nobody wrote: the plan's needs stand in for them."""
    is_position_configured: bool = False
    """Whether `position` was written by a person; a foreign holding then counts against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLimits:
    """What an app's plan needs at most; stands in for limits that nobody wrote."""

    order_notional: Decimal
    """Value of the all-filled ladder, because one order may have to close it."""
    position: Decimal
    """Amount of the all-filled ladder, base units."""
    open_orders: int
    """As many as the ladder, and what replacing needs."""
    orders_per_minute: int | None = None
    """The venue profile's; None for none."""


def tighter(first: Limits, second: Limits) -> Limits:
    """The smaller of each limit; a limit beats none."""
    return Limits(
        order_notional=_smaller(first.order_notional, second.order_notional),
        position=_smaller(first.position, second.position),
        open_orders=_fewer(first.open_orders, second.open_orders),
        orders_per_minute=_fewer(first.orders_per_minute, second.orders_per_minute),
        price_distance=_smaller(first.price_distance, second.price_distance),
        daily_loss=_smaller(first.daily_loss, second.daily_loss),
        is_position_configured=first.is_position_configured or second.is_position_configured,
    )


def with_plan(limits: Limits, plan: PlanLimits) -> Limits:
    """`limits` with the plan's needs in place of what nobody wrote."""
    names = ("order_notional", "position", "open_orders", "orders_per_minute")
    return replace(
        limits,
        planned=frozenset(name for name in names if getattr(limits, name) is None),
        order_notional=_first(limits.order_notional, plan.order_notional),
        plan_amount=plan.position if limits.order_notional is None else None,
        position=_first(limits.position, plan.position),
        open_orders=limits.open_orders if limits.open_orders is not None else plan.open_orders,
        orders_per_minute=(
            limits.orders_per_minute
            if limits.orders_per_minute is not None
            else plan.orders_per_minute
        ),
    )


def require_for_live(limits: Limits, *, source: str | None = None) -> None:
    """Checks what real money needs.

    Raises:
        ConfigError: If there is no daily loss limit.
    """
    if limits.daily_loss is None:
        raise ConfigError(
            "live trading needs a daily loss limit.",
            source=source,
            key="risk.daily_loss",
            remedy="Write the largest loss of one day in the quote currency, such as `200`.",
        )


def _smaller(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def _fewer(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def _first(written: Decimal | None, planned: Decimal) -> Decimal:
    return planned if written is None else written
