"""What a grid would do, before it does it: levels, money, worst case.

Reckoned with these rules, all in quote currency and exact:

    capital               sum of price · amount over all entries
    margin                capital / leverage; on spot the capital
    profit per trip       distance · interval · amount, before fees
    fee per trip          maker fee · (entry + exit) · amount: both legs as maker
    worst case loss       every entry filled, the price one interval beyond level 1, entry fees paid
    liquidation price     every entry filled, with `paper.initial_balance` as the only collateral:
                          long (capital - C) / (Q · (1 - mmr)),
                          short (capital + C) / (Q · (1 + mmr));
                          null on spot, and where no price above zero could liquidate
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import FeeAsset, Instrument, OrderSide, plain
from core.errors import ConfigError
from core.services.grid.ladder import Ladder, build_ladder, loses
from core.services.grid.ledger import EXACT
from core.services.grid.settings import GridSettings
from core.services.risk.limits import PlanLimits

SPARE_ORDERS: Final = 2
"""Beside one order a slot: the initial order, and the one that closes the position."""
COLLISION: Final = "amount_collision"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLevel:
    """One level: level 1 is the most adverse."""

    level: int
    side: OrderSide
    """Of the entry."""
    price: Decimal
    amount: Decimal
    exit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MinMax:
    """The smallest and the largest over the levels."""

    min: Decimal
    max: Decimal

    def as_json(self) -> dict[str, str]:
        """As text in plain notation."""
        return {"min": plain(self.min), "max": plain(self.max)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWarning:
    """Something to know before starting."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPlan:
    """The plan of one grid."""

    grid_type: str
    symbol: str
    levels: tuple[PlanLevel, ...]
    capital: Decimal
    margin: Decimal
    total_amount: Decimal
    profit_per_round_trip: MinMax
    fee_per_round_trip: MinMax
    worst_case_loss: Decimal
    """A loss is positive."""
    liquidation_price: Decimal | None
    unused_range: Decimal
    """Part of a fixed range that the interval leaves over."""
    warnings: tuple[PlanWarning, ...]
    quote: str
    base: str

    def as_json(self) -> dict[str, Any]:
        """What `ctos plan --json` prints: decimals as text, levels as integers."""
        liquidation = self.liquidation_price
        return {
            "grid_type": self.grid_type,
            "symbol": self.symbol,
            "levels": [
                {
                    "level": item.level,
                    "side": item.side.value,
                    "price": plain(item.price),
                    "amount": plain(item.amount),
                    "exit_price": plain(item.exit_price),
                }
                for item in self.levels
            ],
            "capital": plain(self.capital),
            "margin": plain(self.margin),
            "total_amount": plain(self.total_amount),
            "profit_per_round_trip": self.profit_per_round_trip.as_json(),
            "fee_per_round_trip": self.fee_per_round_trip.as_json(),
            "worst_case_loss": plain(self.worst_case_loss),
            "liquidation_price": None if liquidation is None else plain(liquidation),
            "warnings": [{"code": item.code, "message": item.message} for item in self.warnings],
        }


def make_plan(settings: GridSettings, price: Decimal | None = None) -> GridPlan:
    """The plan of a grid.

    Args:
        settings: Of the grid.
        price: What a follow grid computes its range from; without effect on fixed ranges.

    Raises:
        ConfigError: For a follow grid without a price, or whose range or fees do not work there.
    """
    ladder = _ladder(settings, price)
    instrument = settings.instrument
    levels = tuple(_level(instrument, ladder, level) for level in range(1, ladder.count + 1))
    capital = sum((instrument.notional(item.price, item.amount) for item in levels), Decimal(0))
    total = sum((item.amount for item in levels), Decimal(0))
    margin = capital if instrument.is_spot else capital / settings.leverage
    liquidation = liquidation_price(settings, capital, total)
    profits = [_profit(settings, item) for item in levels]
    fees = [_fee(settings, item) for item in levels]
    plan = GridPlan(
        grid_type=settings.grid_type.value,
        symbol=instrument.symbol,
        levels=levels,
        capital=capital,
        margin=margin,
        total_amount=total,
        profit_per_round_trip=MinMax(min=min(profits), max=max(profits)),
        fee_per_round_trip=MinMax(min=min(fees), max=max(fees)),
        worst_case_loss=_worst_case(settings, ladder, capital, total),
        liquidation_price=liquidation,
        unused_range=_unused(settings, ladder),
        warnings=(),
        quote=instrument.quote,
        base=instrument.base,
    )
    return _with_warnings(plan, settings, ladder)


def plan_limits(settings: GridSettings, ladder: Ladder) -> PlanLimits:
    """What risk must allow for the ladder to work: the all-filled ladder and one order a slot.

    One order may have to open or close all of it, at the exit prices and with the slippage cap of
    the initial order.
    """
    instrument = settings.instrument
    value = total = Decimal(0)
    for level in range(1, ladder.count + 1):
        amount = instrument.amount(ladder.amount(level))
        highest = max(ladder.entry_price(level), ladder.exit_price(level))
        value += instrument.notional(instrument.price(highest), amount)
        total += amount
    if instrument.is_spot and instrument.fee_asset is FeeAsset.BASE:
        # A slot keeps less than a lot of what its fees left over, and it counts as a whole one.
        total += instrument.amount(ladder.count + 1)
    return PlanLimits(
        order_notional=value * (1 + settings.initial_fill_cap),
        position=total,
        open_orders=ladder.count + SPARE_ORDERS,
    )


def liquidation_price(
    settings: GridSettings, capital: Decimal, total: Decimal, collateral: Decimal | None = None
) -> Decimal | None:
    """Where the all-filled ladder would be liquidated.

    Args:
        settings: Of the grid.
        capital: Notional of the entries, quote.
        total: Their amount, base units.
        collateral: Equity without the open result; `paper.initial_balance` by default.
    """
    instrument = settings.instrument
    if instrument.is_spot or not total:
        return None
    own = settings.collateral if collateral is None else collateral
    sign = settings.entry_side.sign
    rate = 1 - sign * instrument.maintenance_margin_rate
    price = (capital - sign * own) / (total * instrument.contract_size * rate)
    return price if price > 0 else None


def _ladder(settings: GridSettings, price: Decimal | None) -> Ladder:
    if settings.grid_type.is_follow and price is None:
        raise ConfigError(
            f"{settings.grid_type} computes its range from the price.",
            key="grid_system.grid_type",
            remedy="Say which price to plan with: --price P",
        )
    try:
        ladder = build_ladder(settings, price)
    except ValueError as error:
        raise ConfigError(f"{error}.", key="grid_system.follow_grid_count") from error
    if not settings.is_loss_accepted and loses(settings, ladder):
        raise ConfigError(
            f"every round trip would lose by its own fees at {plain(price or Decimal(0))}.",
            key="grid_system.grid_interval",
            remedy="Widen the interval, or write `acknowledge: [losing_grid]`.",
        )
    return ladder


def _level(instrument: Instrument, ladder: Ladder, level: int) -> PlanLevel:
    return PlanLevel(
        level=level,
        side=ladder.entry_side,
        price=instrument.price(ladder.entry_price(level)),
        amount=instrument.amount(ladder.amount(level)),
        exit_price=instrument.price(ladder.exit_price(level)),
    )


def _profit(settings: GridSettings, item: PlanLevel) -> Decimal:
    return settings.instrument.notional(abs(item.exit_price - item.price), item.amount)


def _fee(settings: GridSettings, item: PlanLevel) -> Decimal:
    both = settings.instrument.notional(item.price + item.exit_price, item.amount)
    return EXACT.multiply(both, settings.maker_fee)


def _worst_case(
    settings: GridSettings, ladder: Ladder, capital: Decimal, total: Decimal
) -> Decimal:
    """The open loss one interval beyond level 1, and the fees of the entries."""
    instrument, sign = settings.instrument, settings.entry_side.sign
    beyond = max(ladder.entry_price(1) - sign * ladder.interval, 0)
    value = instrument.notional(instrument.price(beyond), total)
    return EXACT.fma(capital, settings.maker_fee, sign * (capital - value))


def _unused(settings: GridSettings, ladder: Ladder) -> Decimal:
    if settings.grid_type.is_follow:
        return Decimal(0)
    return settings.instrument.price(ladder.unused)


def _with_warnings(plan: GridPlan, settings: GridSettings, ladder: Ladder) -> GridPlan:
    found = [
        warning
        for check in (
            _warn_unused,
            _warn_collisions,
            _warn_amount_cut,
            _warn_fee_rate,
            _warn_margin,
            _warn_liquidation,
            _warn_loss,
            _warn_minimum,
        )
        if (warning := check(plan, settings, ladder)) is not None
    ]
    values = {name: getattr(plan, name) for name in plan.__slots__}
    return GridPlan(**{**values, "warnings": tuple(found)})


def _warn_unused(plan: GridPlan, _: GridSettings, __: Ladder) -> PlanWarning | None:
    if not plan.unused_range:
        return None
    return PlanWarning(
        code="unused_range",
        message=f"The interval does not divide the range: {plain(plan.unused_range)} "
        f"{plan.quote} at the favourable edge stay unused.",
    )


def _warn_collisions(_: GridPlan, settings: GridSettings, ladder: Ladder) -> PlanWarning | None:
    if not settings.martingale_increment or len(set(ladder.amounts)) == ladder.count:
        return None
    return PlanWarning(
        code=COLLISION,
        message=f"martingale_increment {plain(settings.martingale_increment)} is finer than the "
        f"amount step {plain(settings.amount_step)}: {ladder.count} levels share "
        f"{len(set(ladder.amounts))} amounts.",
    )


def _warn_amount_cut(plan: GridPlan, settings: GridSettings, _: Ladder) -> PlanWarning | None:
    if not settings.order_amount % settings.amount_step:
        return None
    return PlanWarning(
        code="amount_cut",
        message=f"order_amount {plain(settings.order_amount)} is cut down to "
        f"{plain(plan.levels[-1].amount)} {plan.base}.",
    )


def _warn_fee_rate(plan: GridPlan, settings: GridSettings, _: Ladder) -> PlanWarning | None:
    written = settings.configured_fee_rate
    if written is None or written == settings.maker_fee:
        return None
    return PlanWarning(
        code="fee_rate_differs",
        message=f"fee_rate {plain(written)} is not what {plan.symbol} charges a maker: "
        f"{plain(settings.maker_fee)} is used.",
    )


def _warn_margin(plan: GridPlan, settings: GridSettings, _: Ladder) -> PlanWarning | None:
    if plan.margin <= settings.collateral:
        return None
    return PlanWarning(
        code="margin_above_balance",
        message=f"All entries together need {plain(plan.margin)} {plan.quote}, more than the "
        f"{plain(settings.collateral)} of paper.initial_balance: not every level will fill.",
    )


def _warn_liquidation(plan: GridPlan, settings: GridSettings, ladder: Ladder) -> PlanWarning | None:
    price = plan.liquidation_price
    if price is None:
        return None
    edge = settings.instrument.price(ladder.entry_price(1))
    if settings.entry_side.sign * (edge - price) > 0:
        return None
    return PlanWarning(
        code="liquidation_inside_range",
        message=f"The all-filled grid would be liquidated at {plain(price)}, before the price "
        f"reaches level 1 at {plain(edge)}.",
    )


def _warn_loss(plan: GridPlan, settings: GridSettings, ladder: Ladder) -> PlanWarning | None:
    if not loses(settings, ladder):
        return None
    return PlanWarning(
        code="losing_grid",
        message=f"Every round trip loses: {plain(plan.profit_per_round_trip.max)} at most, fees "
        f"{plain(plan.fee_per_round_trip.min)} at least. You accepted it.",
    )


def _warn_minimum(plan: GridPlan, settings: GridSettings, _: Ladder) -> PlanWarning | None:
    """Follow grids are told only here: their prices were not known when the file was checked."""
    instrument = settings.instrument
    least = min(instrument.notional(item.price, item.amount) for item in plan.levels)
    if least >= instrument.min_notional:
        return None
    return PlanWarning(
        code="below_min_notional",
        message=f"The smallest level is worth {plain(least)} {plan.quote}, below the minimum of "
        f"{plain(instrument.min_notional)}: amounts are raised to it.",
    )
