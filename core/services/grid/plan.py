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

An infinity grid buys at once what it will sell above the price, on all lines there are: its capital
is the price of that and of the entries below.

A neutral grid is two grids that never fill together: the levels that buy first fill below the
start, those that sell first above it. Capital, margin, amount and worst case are those of the
side that needs more, and there is a liquidation price on either side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import FeeAsset, OrderSide, plain
from core.errors import ConfigError
from core.services.grid.ladder import Ladder, build_ladder, loses, pool_lots
from core.services.grid.ledger import EXACT
from core.services.grid.settings import FollowShift, GridSettings, TargetSettings
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
    entry_value: Decimal = Decimal(0)
    """Price times amount, quote."""
    net_profit: Decimal = Decimal(0)
    """Of a round trip, after the fees of both legs."""


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
    """Of a neutral grid the one below."""
    liquidation_price_above: Decimal | None = None
    """Of a neutral grid: where it is liquidated with everything sold."""
    start_price: Decimal | None = None
    """Of a neutral grid: the line that stays empty at first."""
    grid_ratio: Decimal | None = None
    """Of a geometric grid."""
    initial_amount: Decimal | None = None
    """Base units that an infinity grid buys at once."""
    initial_cost: Decimal | None = None
    """Their price, quote."""
    course: tuple[tuple[str, str | bool | None], ...] = ()
    """When it begins, moves, grows and ends: key -> value, for what the file says."""
    net_profit_per_round_trip: MinMax
    """After the fees of both legs."""
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
            **self._more_json(),
            "warnings": [{"code": item.code, "message": item.message} for item in self.warnings],
        }

    def _more_json(self) -> dict[str, Any]:
        """What only some kinds of grids have."""
        found: dict[str, Any] = {}
        if self.start_price is not None:
            above = self.liquidation_price_above
            found["liquidation_price_above"] = None if above is None else plain(above)
            found["start_price"] = plain(self.start_price)
        if self.initial_amount is not None and self.initial_cost is not None:
            found["initial_amount"] = plain(self.initial_amount)
            found["initial_cost"] = plain(self.initial_cost)
        if self.course:
            found["course"] = dict(self.course)
        if self.grid_ratio is not None:
            found["grid_spacing"] = "geometric"
            found["grid_ratio"] = f"{self.grid_ratio:.12g}"
            found["net_profit_per_round_trip"] = self.net_profit_per_round_trip.as_json()
            found["return_per_round_trip"] = {
                "min": f"{min(self.returns):.6f}",
                "max": f"{max(self.returns):.6f}",
            }
        return found

    @property
    def returns(self) -> tuple[float, ...]:
        """What each level's round trip earns after fees, as a fraction of its entry."""
        return tuple(
            float(item.net_profit / item.entry_value) for item in self.levels if item.entry_value
        )


def make_plan(settings: GridSettings, price: Decimal | None = None) -> GridPlan:
    """The plan of a grid.

    Args:
        settings: Of the grid.
        price: What a follow grid computes its range from, and where a neutral grid is split; the
            instrument's reference price splits it otherwise, else its middle. Without effect on
            other grids.

    Raises:
        ConfigError: For a follow grid without a price, or whose range or fees do not work there.
    """
    ladder = _ladder(settings, price)
    instrument = settings.instrument
    levels = tuple(_level(settings, ladder, level) for level in range(1, ladder.count + 1))
    initial = None
    if settings.grid_type.is_infinite:
        initial = _Initial.of(settings, ladder, _base_price(settings, price) or Decimal(0))
    sides = _sides(settings, ladder, levels) if initial is None else [initial.side]
    capital, total = max(side.capital for side in sides), max(side.total for side in sides)
    margin = capital if instrument.is_spot else capital / settings.leverage
    profits = [_profit(settings, item) for item in levels]
    fees = [_fee(settings, item) for item in levels]
    nets = [item.net_profit for item in levels]
    plan = GridPlan(
        grid_type=settings.grid_type.value,
        symbol=instrument.symbol,
        levels=levels,
        capital=capital,
        margin=margin,
        total_amount=total,
        profit_per_round_trip=MinMax(min=min(profits), max=max(profits)),
        fee_per_round_trip=MinMax(min=min(fees), max=max(fees)),
        worst_case_loss=max(side.worst_case for side in sides),
        liquidation_price=sides[0].liquidation,
        liquidation_price_above=sides[1].liquidation if len(sides) > 1 else None,
        start_price=None if ladder.start is None else instrument.price(ladder.line(ladder.start)),
        grid_ratio=settings.grid_ratio,
        initial_amount=None if initial is None else initial.amount,
        initial_cost=None if initial is None else initial.cost,
        course=course_of(settings),
        net_profit_per_round_trip=MinMax(min=min(nets), max=max(nets)),
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
    if settings.grid_type.is_infinite:
        return _infinite_limits(settings, ladder)
    values, totals = dict.fromkeys(OrderSide, Decimal(0)), dict.fromkeys(OrderSide, Decimal(0))
    for level in range(1, ladder.count + 1):
        amount, side = instrument.amount(ladder.amount(level)), ladder.side(level)
        highest = max(ladder.entry_price(level), ladder.exit_price(level))
        values[side] += instrument.notional(instrument.price(highest), amount)
        totals[side] += amount
    value, total = max(values.values()), max(totals.values())
    if instrument.is_spot and instrument.fee_asset is FeeAsset.BASE:
        # A slot keeps less than a lot of what its fees left over, and it counts as a whole one.
        total += instrument.amount(ladder.count + 1)
    reserve = settings.protections.reserve
    if reserve is not None:
        # The reserve itself, and what the least value of a purchase may add to it.
        total += reserve.amount + reserve.min_order_value / instrument.price(ladder.lower)
    return PlanLimits(
        order_notional=value * (1 + settings.initial_fill_cap),
        position=total,
        open_orders=ladder.count + SPARE_ORDERS,
    )


def _infinite_limits(settings: GridSettings, ladder: Ladder) -> PlanLimits:
    """All that an infinity grid can hold: every line from the lowest up.

    Whatever the price, what it holds is worth the same, and one order may have to sell all of it.
    """
    instrument = settings.instrument
    pool = pool_lots(settings, replace(ladder, amounts=()))
    total = instrument.amount(max(pool, sum(ladder.amounts)) + ladder.count + 1)
    highest = max(instrument.price(ladder.line(1)), Decimal(0))
    return PlanLimits(
        order_notional=instrument.notional(highest, total) * (1 + settings.initial_fill_cap),
        position=total,
        open_orders=ladder.count + SPARE_ORDERS,
    )


def course_of(settings: GridSettings) -> tuple[tuple[str, str | bool | None], ...]:
    """When a grid begins, moves, grows and ends, as far as it says so."""
    found: dict[str, str | bool | None] = {}
    if settings.trigger_price is not None:
        found["trigger_price"] = plain(settings.trigger_price)
    for way, is_on, limit in (
        ("trailing_up", settings.trailing_up, settings.trailing_up_limit),
        ("trailing_down", settings.trailing_down, settings.trailing_down_limit),
    ):
        if is_on:
            found[way] = True
            found[f"{way}_limit"] = None if limit is None else plain(limit)
    if settings.follow_shift is FollowShift.ROLL:
        found["follow_shift_mode"] = settings.follow_shift.value
    if settings.active_window:
        found["active_window_grids"] = str(settings.active_window)
    if settings.is_compounding:
        found["compounding"] = True
    if settings.profit_reserve_percent:
        found["profit_reserve_percent"] = plain(settings.profit_reserve_percent)
    for name, target in (
        ("bot_take_profit", settings.bot_take_profit),
        ("bot_stop_loss", settings.bot_stop_loss),
    ):
        found.update(() if target is None else _target_of(name, target))
    return tuple(found.items())


def _target_of(name: str, target: TargetSettings) -> list[tuple[str, str]]:
    percent = None if target.fraction is None else target.fraction * 100
    numbers = (("price", target.price), ("price_above", target.price_above), ("percent", percent))
    found = [(f"{name}_{key}", plain(value)) for key, value in numbers if value is not None]
    after = "restart" if target.restarts else "stop"
    return [*found, (f"{name}_action", target.action.value), (f"{name}_after", after)]


def liquidation_price(
    settings: GridSettings,
    capital: Decimal,
    total: Decimal,
    collateral: Decimal | None = None,
    side: OrderSide | None = None,
) -> Decimal | None:
    """Where the all-filled ladder would be liquidated.

    Args:
        settings: Of the grid.
        capital: Notional of the entries, quote.
        total: Their amount, base units.
        collateral: Equity without the open result; `paper.initial_balance` by default.
        side: Of the entries; the grid's own by default.
    """
    instrument = settings.instrument
    if instrument.is_spot or not total:
        return None
    own = settings.collateral if collateral is None else collateral
    sign = (side or settings.entry_side).sign
    rate = 1 - sign * instrument.maintenance_margin_rate
    price = (capital - sign * own) / (total * instrument.contract_size * rate)
    return price if price > 0 else None


def _base_price(settings: GridSettings, price: Decimal | None) -> Decimal | None:
    """The price that a grid is planned at, where its kind needs one and none was given."""
    if price is not None or settings.grid_type.is_follow:
        return price
    reference = settings.instrument.reference_price
    if settings.grid_type.is_infinite and reference is None:
        raise ConfigError(
            "infinity begins with what the price asks for.",
            key="grid_system.grid_type",
            remedy="Say which price to plan with: --price P",
        )
    return reference


@dataclass(frozen=True, slots=True, kw_only=True)
class _Initial:
    """What an infinity grid buys at once, and what all of it comes to."""

    amount: Decimal
    cost: Decimal
    side: _Side

    @classmethod
    def of(cls, settings: GridSettings, ladder: Ladder, price: Decimal) -> _Initial:
        instrument = settings.instrument
        ticks = price / instrument.tick_size
        lots, value = pool_lots(settings, ladder), Decimal(0)
        total = lots
        for level in range(1, ladder.count + 1):
            entry, own = ladder.entry_price(level), ladder.amount(level)
            total += own
            if entry >= ticks:
                lots += own
            else:
                value += instrument.notional(instrument.price(entry), instrument.amount(own))
        amount, whole = instrument.amount(lots), instrument.amount(total)
        cost = instrument.notional(price, amount)
        capital = value + cost
        side = _Side(
            capital=capital,
            total=whole,
            worst_case=_worst_case(settings, ladder, OrderSide.BUY, capital, whole),
            liquidation=liquidation_price(settings, capital, whole),
        )
        return cls(amount=amount, cost=cost, side=side)


def _ladder(settings: GridSettings, price: Decimal | None) -> Ladder:
    if settings.grid_type.is_follow and price is None:
        raise ConfigError(
            f"{settings.grid_type} computes its range from the price.",
            key="grid_system.grid_type",
            remedy="Say which price to plan with: --price P",
        )
    price = _base_price(settings, price)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The levels that fill together."""

    capital: Decimal
    total: Decimal
    worst_case: Decimal
    liquidation: Decimal | None


def _sides(settings: GridSettings, ladder: Ladder, levels: tuple[PlanLevel, ...]) -> list[_Side]:
    """What fills together: all levels, or on a neutral grid those below and those above."""
    found = []
    sides = (OrderSide.BUY, OrderSide.SELL) if ladder.is_neutral else (ladder.entry_side,)
    for side in sides:
        own = [item for item in levels if item.side is side]
        capital = sum((item.entry_value for item in own), Decimal(0))
        total = sum((item.amount for item in own), Decimal(0))
        found.append(
            _Side(
                capital=capital,
                total=total,
                worst_case=_worst_case(settings, ladder, side, capital, total),
                liquidation=liquidation_price(settings, capital, total, side=side),
            )
        )
    return found


def _level(settings: GridSettings, ladder: Ladder, level: int) -> PlanLevel:
    instrument = settings.instrument
    bare = PlanLevel(
        level=level,
        side=ladder.side(level),
        price=instrument.price(ladder.entry_price(level)),
        amount=instrument.amount(ladder.amount(level)),
        exit_price=instrument.price(ladder.exit_price(level)),
    )
    return replace(
        bare,
        entry_value=instrument.notional(bare.price, bare.amount),
        net_profit=EXACT.subtract(_profit(settings, bare), _fee(settings, bare)),
    )


def _profit(settings: GridSettings, item: PlanLevel) -> Decimal:
    return settings.instrument.notional(abs(item.exit_price - item.price), item.amount)


def _fee(settings: GridSettings, item: PlanLevel) -> Decimal:
    both = settings.instrument.notional(item.price + item.exit_price, item.amount)
    return EXACT.multiply(both, settings.maker_fee)


def _worst_case(
    settings: GridSettings, ladder: Ladder, side: OrderSide, capital: Decimal, total: Decimal
) -> Decimal:
    """The open loss one line beyond the last level that fills, and the fees of the entries."""
    instrument, sign = settings.instrument, side.sign
    is_far = side is not ladder.entry_side
    beyond = max(ladder.line(ladder.shift + ladder.count + 1 if is_far else ladder.shift - 1), 0)
    value = instrument.notional(instrument.price(beyond), total)
    return EXACT.fma(capital, settings.maker_fee, sign * (capital - value))


def _unused(settings: GridSettings, ladder: Ladder) -> Decimal:
    if settings.grid_type.is_follow or settings.grid_type.is_infinite:
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
    return replace(plan, warnings=tuple(found))


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
    if not settings.order_amount % settings.amount_step or settings.grid_type.is_infinite:
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
        f"{plain(settings.collateral)} of paper.initial_balance: not every level will fill. "
        f"{_fitting(plan, settings)}",
    )


def _fitting(plan: GridPlan, settings: GridSettings) -> str:
    """The order amount that the balance could pay for."""
    scale = settings.collateral / plan.margin
    fits = settings.order_amount * scale // settings.amount_step * settings.amount_step
    if fits <= 0 or settings.martingale_increment:
        return "Fewer levels would."
    return f"With an order_amount of {plain(fits)} it would."


def _warn_liquidation(plan: GridPlan, settings: GridSettings, ladder: Ladder) -> PlanWarning | None:
    price = plan.liquidation_price
    edge = settings.instrument.price(ladder.entry_price(1))
    if price is None or settings.entry_side.sign * (edge - price) > 0:
        price, edge = plan.liquidation_price_above, settings.instrument.price(ladder.upper)
        if price is None or price > edge:
            return None
    return PlanWarning(
        code="liquidation_inside_range",
        message=f"The all-filled grid would be liquidated at {plain(price)}, before the price "
        f"reaches {'the last level' if ladder.is_neutral else 'level 1'} at {plain(edge)}.",
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
