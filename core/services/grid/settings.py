"""What a grid is told: one frozen value, made by `config.py`, taken by the machine and the plan.

Prices are multiples of `price_step`, amounts of `amount_step`; both are whole ticks and lots of the
instrument. Whoever makes a `GridSettings` has checked it: nothing in here is checked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from core.adapters.exchanges.models import Instrument, MarginMode, OrderSide, plain
from core.domain.policies import OnExit, OnStart
from core.services.grid.protections.settings import NO_PROTECTIONS, ProtectionSettings

HEADROOM: Final = 20
"""Levels that an infinity grid keeps ready above the price where no window says otherwise."""


class GridType(StrEnum):
    """The kinds of grids (docs/grid.md)."""

    LONG = "long"
    SHORT = "short"
    FOLLOW_LONG = "follow_long"
    FOLLOW_SHORT = "follow_short"
    MARTINGALE_LONG = "martingale_long"
    MARTINGALE_SHORT = "martingale_short"
    NEUTRAL = "neutral"
    INFINITY = "infinity"

    @property
    def entry_side(self) -> OrderSide:
        """The side that opens: buys for the long family, sells for the short.

        A neutral grid opens on both sides; its lines count from below, so BUY stands for it.
        """
        return OrderSide.SELL if self.value.endswith("short") else OrderSide.BUY

    @property
    def is_follow(self) -> bool:
        """Whether the range is computed from the price and may be re-centred."""
        return self.value.startswith("follow")

    @property
    def is_martingale(self) -> bool:
        """Whether amounts must grow towards the adverse edge."""
        return self.value.startswith("martingale")

    @property
    def is_neutral(self) -> bool:
        """Whether it buys below the price and sells above it."""
        return self is GridType.NEUTRAL

    @property
    def is_infinite(self) -> bool:
        """Whether it has no upper price and adds levels as the price rises."""
        return self is GridType.INFINITY


class FollowShift(StrEnum):
    """How a follow grid goes after a price that has left it behind."""

    RESET = "reset"
    """Cancel, close, and build anew."""
    ROLL = "roll"
    """Move by whole lines: only the orders at the far end are cancelled."""


class GridSpacing(StrEnum):
    """How the lines of a grid follow one another."""

    ARITHMETIC = "arithmetic"
    """Equally far apart in price."""
    GEOMETRIC = "geometric"
    """Each the same multiple of the one below it."""


class InitialFill(StrEnum):
    """What happens to entries that the market has already passed when the ladder is built."""

    TAKER_POSITION = "taker_position"
    """One immediate-or-cancel order for their total, with a price cap."""
    PASSIVE_ONLY = "passive_only"
    """They stay empty until the price is on the right side of them."""
    ALL_LIMITS = "all_limits"
    """Each is sent as an ordinary limit and takes what is there."""


class StopAction(StrEnum):
    """What a whole-bot target does to orders and position."""

    KEEP = "keep"
    """Both stay at the venue."""
    CANCEL = "cancel"
    """Orders are cancelled, the position is kept."""
    FLATTEN = "flatten"
    """Orders are cancelled, the position is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One end of the whole bot: whichever of its conditions comes first."""

    price: Decimal | None = None
    """At or beyond which it ends: on the favourable side for a profit, the adverse for a loss."""
    price_above: Decimal | None = None
    """Of a neutral grid, which loses on both sides: the upper one."""
    fraction: Decimal | None = None
    """Of the worth at the start, gained or lost."""
    action: StopAction = StopAction.FLATTEN
    restarts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """How often journal and venue are compared; carried out by reconciliation."""

    is_enabled: bool = True
    interval_s: int = 300
    equal_answers: int = 3
    """Answers of the venue in a row that must say the same before a difference is believed."""
    position_query_interval_s: int = 60
    position_tolerance: Decimal = Decimal(0)
    """Base units by which ledger and venue may differ, `order_amount` times multiplier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """One grid on one instrument."""

    instrument: Instrument
    grid_type: GridType
    grid_interval: Decimal
    """Price units between two lines, > 0; 0 on a geometric grid."""
    order_amount: Decimal
    """Base units of the level nearest to the favourable edge."""
    lower_price: Decimal | None = None
    """None for follow types, whose range comes from the price."""
    upper_price: Decimal | None = None
    grid_ratio: Decimal | None = None
    """Of two neighbouring lines of a geometric grid, > 1; None for an arithmetic one."""
    grid_count: int | None = None
    """Levels of a fixed range that were counted, or that its ratio gives; None where the interval
    gives the number."""
    follow_grid_count: int | None = None
    """Levels of a follow grid; None for fixed ranges, where the range gives the number."""
    follow_timeout_s: int | None = None
    """Seconds of uninterrupted escape before a re-centre; None for never."""
    follow_distance: int = 1
    """Intervals beyond the favourable edge that count as outside."""
    price_offset_grids: int = 0
    """Intervals by which a computed range reaches beyond the price."""
    martingale_increment: Decimal = Decimal(0)
    """Base units that each level adds over its favourable neighbour; 0 for equal amounts."""
    reverse_order_grid_distance: int = 1
    """Intervals between an entry and its exit, >= 1."""
    price_step: Decimal
    """Prices of orders are multiples of it; at least the tick."""
    amount_step: Decimal
    """Amounts of orders are multiples of it; at least the lot."""
    maker_fee: Decimal
    """Fraction of notional, negative for a rebate: what the plan reckons with."""
    taker_fee: Decimal
    configured_fee_rate: Decimal | None = None
    """`fee_rate` as it stands in the file; None where it does not."""
    leverage: Decimal = Decimal(1)
    margin_mode: MarginMode = MarginMode.ISOLATED
    max_position: Decimal | None = None
    """Hard cap on the sum of all entries, base units."""
    collateral: Decimal = Decimal(10_000)
    """Quote that the plan reckons margin and liquidation with."""
    initial_fill: InitialFill = InitialFill.TAKER_POSITION
    initial_fill_cap: Decimal = Decimal("0.002")
    """Fraction beyond the best price that the initial order may pay."""
    order_value: Decimal | None = None
    """Quote that each level of an infinity grid is worth at its entry; None for other grids."""
    trigger_price: Decimal | None = None
    """The first ladder is built once the price has reached it, from whichever side."""
    trailing_up: bool = False
    """Whether the range moves up, a line at a time, with a price above it."""
    trailing_up_limit: Decimal | None = None
    """Highest price that it may move up to; None for any."""
    trailing_down: bool = False
    trailing_down_limit: Decimal | None = None
    """Lowest price that it may move down to; None for any."""
    follow_shift: FollowShift = FollowShift.RESET
    active_window: int = 0
    """Orders on each side of the price that rest at the venue; 0 for all."""
    is_compounding: bool = False
    """Whether booked profit makes the orders larger."""
    profit_reserve_percent: Decimal = Decimal(0)
    """Percent of each round trip's profit that is set aside."""
    bot_take_profit: TargetSettings | None = None
    bot_stop_loss: TargetSettings | None = None
    replace_limit: int = 3
    """How often within an hour a slot's order is placed again after somebody else ended it."""
    is_loss_accepted: bool = False
    """Whether a grid whose round trips lose by their own fees was asked for by name."""
    on_start: OnStart = OnStart.RESUME
    on_exit: OnExit = OnExit.CANCEL_ORDERS
    health: HealthSettings = HealthSettings()
    protections: ProtectionSettings = NO_PROTECTIONS
    notifies: bool = False
    """Whether a person is told of start, end, protections, resets and trouble."""
    flattens_symbol: bool = False
    """Whether closing by a person or at the end closes what is not ours too."""
    fixes_position: bool = False
    """Whether what the account holds beyond our fills is closed by reduce-only orders."""

    @property
    def entry_side(self) -> OrderSide:
        """Side of the entries."""
        return self.grid_type.entry_side

    @property
    def level_count(self) -> int:
        """Number of levels."""
        if self.follow_grid_count is not None:
            return self.follow_grid_count
        if self.grid_count is not None:
            return self.grid_count
        if self.order_value is not None:
            return 1
        if self.lower_price is None or self.upper_price is None:
            return 0
        return int((self.upper_price - self.lower_price) // self.grid_interval)

    @property
    def range_words(self) -> str:
        """How many levels, and where, for a sentence."""
        if self.grid_type.is_infinite:
            return f"levels from {plain(self.lower_price or Decimal(0))} up without an end"
        if self.lower_price is None or self.upper_price is None:
            return f"{self.level_count} levels around the price"
        bounds = f"from {plain(self.lower_price)} to {plain(self.upper_price)}"
        return f"{self.level_count} levels {bounds}"

    @property
    def spacing_words(self) -> str:
        """How far apart the lines are, for a sentence."""
        if self.grid_ratio is not None:
            return f"each {self.grid_ratio:.6g} times the one below"
        return f"every {plain(self.grid_interval)} {self.instrument.quote}"

    @property
    def fingerprint(self) -> dict[str, str]:
        """The values that a resume must agree on, as text."""
        values = {
            "grid_type": str(self.grid_type),
            "grid_interval": f"{self.grid_interval.normalize():f}",
            **self._bent_fingerprint,
            "order_amount": f"{self.order_amount.normalize():f}",
            "martingale_increment": f"{self.martingale_increment.normalize():f}",
            "reverse_order_grid_distance": str(self.reverse_order_grid_distance),
        }
        if self.lower_price is not None and self.upper_price is not None:
            values["price_range.lower_price"] = f"{self.lower_price.normalize():f}"
            values["price_range.upper_price"] = f"{self.upper_price.normalize():f}"
        else:
            values["follow_grid_count"] = str(self.follow_grid_count)
            values["price_offset_grids"] = str(self.price_offset_grids)
        return values

    @property
    def _bent_fingerprint(self) -> dict[str, str]:
        """What only some grids have, so that the others are known by what they always were."""
        values = {}
        if self.grid_ratio is not None:
            values["grid_ratio"] = f"{self.grid_ratio:f}"
        if self.grid_count is not None:
            values["grid_count"] = str(self.grid_count)
        if self.order_value is not None:
            values["order_value"] = f"{self.order_value.normalize():f}"
            values["lower_price"] = f"{self.lower_price or 0:f}"
        return values

    @property
    def is_moving(self) -> bool:
        """Whether a price alone can move or lengthen the ladder."""
        return self.trailing_up or self.trailing_down or self.order_value is not None

    @property
    def headroom(self) -> int:
        """Levels of an infinity grid that are ready above the price."""
        return self.active_window or HEADROOM
