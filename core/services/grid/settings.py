"""What a grid is told: one frozen value, made by `config.py`, taken by the machine and the plan.

Prices are multiples of `price_step`, amounts of `amount_step`; both are whole ticks and lots of the
instrument. Whoever makes a `GridSettings` has checked it: nothing in here is checked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.adapters.exchanges.models import Instrument, MarginMode, OrderSide
from core.domain.policies import OnExit, OnStart


class GridType(StrEnum):
    """The six kinds of grids (docs/grid.md)."""

    LONG = "long"
    SHORT = "short"
    FOLLOW_LONG = "follow_long"
    FOLLOW_SHORT = "follow_short"
    MARTINGALE_LONG = "martingale_long"
    MARTINGALE_SHORT = "martingale_short"

    @property
    def entry_side(self) -> OrderSide:
        """The side that opens: buys for the long family, sells for the short."""
        return OrderSide.SELL if self.value.endswith("short") else OrderSide.BUY

    @property
    def is_follow(self) -> bool:
        """Whether the range is computed from the price and may be re-centred."""
        return self.value.startswith("follow")

    @property
    def is_martingale(self) -> bool:
        """Whether amounts must grow towards the adverse edge."""
        return self.value.startswith("martingale")


class InitialFill(StrEnum):
    """What happens to entries that the market has already passed when the ladder is built."""

    TAKER_POSITION = "taker_position"
    """One immediate-or-cancel order for their total, with a price cap."""
    PASSIVE_ONLY = "passive_only"
    """They stay empty until the price is on the right side of them."""
    ALL_LIMITS = "all_limits"
    """Each is sent as an ordinary limit and takes what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings:
    """How often journal and venue are compared; carried out by reconciliation."""

    is_enabled: bool = True
    interval_s: int = 300
    snapshot_count: int = 3
    """Consecutive equal answers of the venue before a difference is believed."""
    position_query_interval_s: int = 60
    position_tolerance: Decimal = Decimal(0)
    """Base units by which ledger and venue may differ, `order_amount` times multiplier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """One grid on one instrument."""

    instrument: Instrument
    grid_type: GridType
    grid_interval: Decimal
    """Price units between two levels, > 0."""
    order_amount: Decimal
    """Base units of the level nearest to the favourable edge."""
    lower_price: Decimal | None = None
    """None for follow types, whose range comes from the price."""
    upper_price: Decimal | None = None
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
    replace_limit: int = 3
    """How often within an hour a slot's order is placed again after somebody else ended it."""
    is_loss_accepted: bool = False
    """Whether a grid whose round trips lose by their own fees was asked for by name."""
    on_start: OnStart = OnStart.RESUME
    on_exit: OnExit = OnExit.CANCEL_ORDERS
    health: HealthSettings = HealthSettings()

    @property
    def entry_side(self) -> OrderSide:
        """Side of the entries."""
        return self.grid_type.entry_side

    @property
    def level_count(self) -> int:
        """Number of levels."""
        if self.follow_grid_count is not None:
            return self.follow_grid_count
        if self.lower_price is None or self.upper_price is None:
            return 0
        return int((self.upper_price - self.lower_price) // self.grid_interval)

    @property
    def fingerprint(self) -> dict[str, str]:
        """The values that a resume must agree on, as text."""
        values = {
            "grid_type": str(self.grid_type),
            "grid_interval": f"{self.grid_interval.normalize():f}",
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
