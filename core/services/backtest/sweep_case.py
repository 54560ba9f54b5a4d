"""From a grid's settings and a tape to the kernel's integers, or why the engine must do it.

Whoever adds a key to a grid need not know of this: a setting that is not named here and differs
from its default belongs to the engine.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from decimal import ROUND_CEILING, Decimal
from typing import Final

import numpy as np

from core.adapters.exchanges.models import FeeAsset, Instrument, MarginMode
from core.domain.matching import FillRule
from core.domain.policies import OnExit
from core.services.backtest import kernel
from core.services.backtest.rows import NEVER, Ints
from core.services.backtest.sweep_tape import SweepTape
from core.services.execution.settings import ExecutionSettings
from core.services.grid.config import GridBotConfig
from core.services.grid.ladder import Ladder, build_ladder
from core.services.grid.settings import GridSettings, GridType, InitialFill
from core.services.grid.state import minimum_lots
from core.services.risk.limits import Limits

_FILLS: Final = {
    FillRule.THROUGH: kernel.THROUGH,
    FillRule.TOUCH: kernel.TOUCH,
    FillRule.QUEUE: kernel.QUEUE,
}
_FIRST: Final = {
    InitialFill.TAKER_POSITION: kernel.TAKER_POSITION,
    InitialFill.PASSIVE_ONLY: kernel.PASSIVE_ONLY,
    InitialFill.ALL_LIMITS: kernel.ALL_LIMITS,
}
_TYPES: Final = frozenset(
    {
        GridType.LONG,
        GridType.SHORT,
        GridType.FOLLOW_LONG,
        GridType.FOLLOW_SHORT,
        GridType.MARTINGALE_LONG,
        GridType.MARTINGALE_SHORT,
        GridType.NEUTRAL,
    }
)
_KNOWN: Final = frozenset(
    {
        "amount_step",
        "collateral",
        "configured_fee_rate",
        "follow_distance",
        "follow_grid_count",
        "follow_timeout_s",
        "grid_count",
        "grid_interval",
        "grid_ratio",
        "grid_type",
        "health",
        "initial_fill",
        "initial_fill_cap",
        "instrument",
        "is_loss_accepted",
        "leverage",
        "lower_price",
        "maker_fee",
        "margin_mode",
        "martingale_increment",
        "max_position",
        "notifies",
        "on_exit",
        "on_start",
        "order_amount",
        "price_offset_grids",
        "price_step",
        "replace_limit",
        "reverse_order_grid_distance",
        "taker_fee",
        "upper_price",
    }
)
"""Settings that the kernel follows, or that change nothing on a tape."""
_MOST: Final = 1 << 62
_QUESTIONS: Final = 20
"""Requests of a minute that a start may have used up for questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A grid on a tape, in the kernel's integers."""

    instrument: Instrument
    rules: Ints
    levels: Ints
    """Side, entry price, exit price and lots of each level; last, the order in which they begin."""
    unit: Decimal
    """Quote of one lot at one unit of price."""
    initial_balance: Decimal
    leverage: Decimal
    is_isolated: bool
    """Whether a position stands for itself alone, with the margin that it was opened with."""
    furthest: int
    """Units: no order of this grid ever has a higher price, whatever the tape does."""


class BelongsToEngine(Exception):
    """The kernel cannot do this exactly."""


def make_case(
    config: GridBotConfig, limits: Limits, tape: SweepTape, *, highest: int, most: int | None
) -> Case:
    """The integers of one run.

    Args:
        config: A checked file.
        limits: What risk was told, of both files.
        tape: What it runs on.
        highest: Units of its highest price.
        most: Requests a minute that the venue takes which paper stands in for; None for any.

    Raises:
        BelongsToEngine: With the reason in words.
    """
    settings, instrument = config.settings, config.instrument
    _refuse(config, limits, tape)
    per_tick = _whole(instrument.tick_size, tape.price_unit, "the tick is finer than the prices")
    parts = _whole(instrument.lot_size, tape.amount_unit, "the lot is finer than the amounts")
    first = int(tape.columns["last"][0]) * tape.price_unit
    try:
        ladder = build_ladder(settings, first)
    except ValueError as error:
        raise BelongsToEngine(str(error)) from error
    levels = _levels(settings, ladder, per_tick)
    rules = _rules(config, ladder, per_tick, parts)
    _bound(rules, most)
    reach = 0
    if settings.grid_type.is_follow:
        reach = (ladder.count + ladder.distance + settings.price_offset_grids + 2) * ladder.interval
    return Case(
        instrument=instrument,
        rules=rules,
        levels=levels,
        unit=tape.price_unit * instrument.lot_size * instrument.contract_size,
        initial_balance=config.paper.initial_balance,
        leverage=settings.leverage,
        is_isolated=settings.margin_mode is MarginMode.ISOLATED,
        furthest=_fitting(max(highest, int(levels[1:3].max())) + reach * per_tick, rules, levels),
    )


def _refuse(config: GridBotConfig, limits: Limits, tape: SweepTape) -> None:
    """Everything that is not a plain grid on a plain tape."""
    settings, instrument, paper = config.settings, config.instrument, config.paper
    if settings.grid_type not in _TYPES:
        raise BelongsToEngine(f"a grid of type {settings.grid_type}")
    other = _first_unknown(settings)
    if other is not None:
        raise BelongsToEngine(f"{other} is set")
    if limits != Limits():
        raise BelongsToEngine("risk limits are set")
    if instrument.fee_step:
        raise BelongsToEngine("fees are rounded")
    if instrument.is_spot and instrument.fee_asset is FeeAsset.BASE:
        raise BelongsToEngine("fees are paid in what is bought")
    if not instrument.is_spot and (paper.funding_rate or tape.settlements):
        raise BelongsToEngine("funding is paid")
    if settings.grid_type.is_follow and settings.grid_ratio is not None:
        raise BelongsToEngine("a geometric ladder follows the price")
    if settings.grid_type.is_neutral and instrument.is_spot:
        raise BelongsToEngine("a neutral grid on spot needs a holding")


def _first_unknown(settings: GridSettings) -> str | None:
    """A setting that the kernel knows nothing of and that is not as it is by itself."""
    for item in fields(settings):
        if item.name in _KNOWN:
            continue
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        if getattr(settings, item.name) != default:
            return item.name
    return None


def _levels(settings: GridSettings, ladder: Ladder, per_tick: int) -> Ints:
    """The ladder as the kernel takes it; a slot too small for the venue belongs to the engine."""
    instrument, rows = settings.instrument, []
    for level in range(1, ladder.count + 1):
        entry, leave = ladder.entry_price(level), ladder.exit_price(level)
        lots = ladder.amount(level)
        if leave <= 0 or lots < minimum_lots(instrument, min(entry, leave)):
            raise BelongsToEngine("a level is below the venue's smallest order")
        rows.append((ladder.side(level).sign, entry * per_tick, leave * per_tick, lots))
    most = instrument.max_amount
    total = instrument.amount(sum(row[3] for row in rows))
    if most is not None and total > most:
        raise BelongsToEngine("one order cannot carry the whole ladder")
    return np.vstack([np.array(rows, np.int64).T, _turns(ladder)])


def _turns(ladder: Ladder) -> Ints:
    """Levels less 1, nearest to the price first: the order in which their entries leave."""
    levels = range(1, ladder.count + 1)
    if ladder.start is None:
        turns = sorted(levels, key=ladder.rank, reverse=True)
    else:
        middle = 2 * ladder.start - 1
        turns = sorted(levels, key=lambda level: (abs(2 * ladder.gap(level) - middle), -level))
    return np.array(turns, np.int64) - 1


def _rules(config: GridBotConfig, ladder: Ladder, per_tick: int, parts: int) -> Ints:
    settings, paper, instrument = config.settings, config.paper, config.instrument
    rule = FillRule.THROUGH if paper.fill is None else FillRule(paper.fill)
    cap, cap_unit = settings.initial_fill_cap.as_integer_ratio()
    fee, fee_unit = (2 * max(settings.maker_fee, Decimal(0))).as_integer_ratio()
    least = instrument.min_notional / (
        instrument.tick_size * instrument.lot_size * instrument.contract_size
    )
    is_follow = settings.grid_type.is_follow
    rules = np.zeros(kernel.RULES, np.int64)
    rules[kernel.FILL] = _FILLS[rule]
    rules[kernel.LATENCY_NS] = int(paper.latency_ms * 1_000_000)
    rules[kernel.INITIAL_FILL] = _FIRST[settings.initial_fill]
    rules[kernel.CAP], rules[kernel.CAP_UNIT] = cap, cap_unit
    rules[kernel.PER_TICK], rules[kernel.PARTS] = per_tick, parts
    rules[kernel.STEP] = instrument.ticks(settings.price_step) * per_tick
    rules[kernel.FLATTENS] = settings.on_exit is OnExit.FLATTEN
    rules[kernel.FOLLOWS] = settings.entry_side.sign if is_follow else 0
    rules[kernel.INTERVAL] = ladder.interval * per_tick
    rules[kernel.DISTANCE] = ladder.distance
    rules[kernel.OFFSET] = settings.price_offset_grids
    rules[kernel.REACH] = max(settings.follow_distance, ladder.distance)
    rules[kernel.TIMEOUT_NS] = (
        NEVER if settings.follow_timeout_s is None else settings.follow_timeout_s * 1_000_000_000
    )
    rules[kernel.LEAST_VALUE] = int(least.to_integral_value(ROUND_CEILING)) * per_tick
    rules[kernel.FEE] = 0 if settings.is_loss_accepted else fee
    rules[kernel.FEE_UNIT] = fee_unit
    return rules


def _bound(rules: Ints, most: int | None) -> None:
    """How many requests go out at once, and in a minute without a wait (`execution.sender`)."""
    if most is not None:
        execution = ExecutionSettings()
        rules[kernel.AT_ONCE] = execution.max_in_flight
        allowed = int(most * (1 - execution.reserved_fraction))
        rules[kernel.A_MINUTE] = max(1, allowed - _QUESTIONS)


def _whole(whole: Decimal, unit: Decimal, otherwise: str) -> int:
    count, rest = divmod(whole, unit)
    if rest or not count:
        raise BelongsToEngine(otherwise)
    return int(count)


def _fitting(furthest: int, rules: Ints, levels: Ints) -> int:
    """The highest price, if every product of the kernel has room in 63 bits."""
    total = int(levels[3].sum())
    factors = (
        total,
        2 * int(rules[kernel.CAP_UNIT]) * int(rules[kernel.STEP]),
        int(rules[kernel.FEE]),
        int(rules[kernel.FEE_UNIT]),
    )
    if furthest * max(factors) >= _MOST:
        raise BelongsToEngine("the numbers need more than 63 bits")
    return furthest
