"""The keys of protections: known to every grid, and off.

A file may carry them with their parameters. Switching one on is refused by name until it is there,
so that nobody trades unprotected in the belief of being protected.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from core.errors import ConfigError
from core.infrastructure.config_types import (
    BoolStrict,
    ConfigModel,
    IntText,
    NonNegativeDecimal,
    NonNegativeInt,
    PositiveDecimal,
    PositiveInt,
)

LONGEST_S: Final = 31_536_000
"""A year."""

Percent = Annotated[IntText, Field(ge=1, le=100)]
Seconds = Annotated[IntText, Field(ge=1, le=LONGEST_S)]


class Replenish(ConfigModel):
    """How a spot reserve is filled up."""

    enabled: BoolStrict = False
    """Whether the reserve is filled up by itself."""
    trigger_percent: NonNegativeDecimal = Decimal("0.5")
    """Fraction of the reserve at which it is filled up."""
    target_percent: NonNegativeDecimal = Decimal(1)
    """Fraction of the reserve to which it is filled up."""
    order_type: Literal["market"] = "market"
    """How the base asset is bought."""
    min_order_value_usdc: NonNegativeDecimal = Decimal(12)
    """Smallest purchase, quote."""
    max_replenish_per_day: NonNegativeInt = 10
    """Most purchases a day."""
    min_replenish_interval: NonNegativeInt = 300
    """Least seconds between two purchases."""


class StartupCheck(ConfigModel):
    """What a spot reserve needs at the start."""

    auto_buy_on_startup: BoolStrict = True
    """Whether what is missing is bought at the start."""
    continue_on_failure: BoolStrict = False
    """Whether the grid starts although that failed."""


class SpotReserve(ConfigModel):
    """A buffer of the base asset for fees on spot."""

    enabled: BoolStrict = False
    """Whether a reserve is kept."""
    reserve_amount: NonNegativeDecimal = Decimal(0)
    """Its size, base units."""
    spot_buy_fee_rate: NonNegativeDecimal = Decimal(0)
    """Fraction of a purchase that is paid in the base asset."""
    auto_replenish: Replenish = Replenish()
    startup_check: StartupCheck = StartupCheck()


class ProtectionKeys(ConfigModel):
    """Protections: known, and off. Switching one on is refused until it is there."""

    scalping_enabled: BoolStrict = False
    """Replace the exits by one for the whole position when much of the ladder has filled."""
    scalping_trigger_percent: Percent = 80
    """Percent of the ladder."""
    scalping_take_profit_grids: NonNegativeInt = 2
    """Intervals beyond break-even."""
    scalping_tp_clamp: BoolStrict = False
    """Whether that exit stays inside the ladder."""
    scalping_after_tp: Literal["auto", "restart", "stop"] = "auto"
    """What follows that exit."""
    scalping_exit_on_rebound_grids: NonNegativeInt | None = None
    """Intervals above the trigger at which scalping ends; unset, it does not."""
    smart_scalping_enabled: BoolStrict = False
    """Let some deep drops pass before scalping."""
    allowed_deep_drops: PositiveInt = 1
    """Drops that are let pass."""
    min_drop_threshold_percent: Annotated[IntText, Field(ge=0, le=100)] = 10
    """Percent of the ladder that counts as deep."""
    smart_scalping_crash_level: NonNegativeInt = 1
    """Level at which scalping begins at once."""
    smart_scalping_ready_timeout: Seconds | None = None
    """Seconds for which a readiness holds; unset, for ever."""
    capital_protection_enabled: BoolStrict = False
    """Close at break-even after a scare."""
    capital_protection_trigger_percent: Percent = 50
    """Percent of the ladder that is a scare."""
    capital_protection_freeze_entries: BoolStrict = False
    """Whether entries stop while it is armed."""
    capital_protection_action: Literal["wait_breakeven", "close_now"] = "wait_breakeven"
    """What it does when it triggers."""
    take_profit_enabled: BoolStrict = False
    """Close everything at a gain and begin anew."""
    take_profit_percentage: Annotated[PositiveDecimal, Field(le=10)] = Decimal("0.01")
    """Gain as a fraction of the capital at the start: 0.01 is one percent."""
    take_profit_percent: Annotated[PositiveDecimal, Field(le=1000)] | None = None
    """The same in percent."""
    take_profit_after: Literal["restart", "stop"] = "restart"
    """What follows."""
    stop_loss_protection_enabled: BoolStrict = False
    """Close everything when the price stays beyond a part of the range."""
    stop_loss_trigger_percent: Annotated[PositiveDecimal, Field(le=100)] = Decimal(100)
    """Percent of the range, measured from the favourable edge."""
    stop_loss_escape_timeout: Seconds = 300
    """Seconds for which the price must stay there."""
    stop_loss_apr_threshold: NonNegativeDecimal = Decimal(50)
    """Percent a year above which the grid goes on afterwards."""
    stop_loss_on_insufficient_data: Literal["stop", "reset"] = "stop"
    """What follows while there is too little to reckon a rate from."""
    stop_loss_reentry: BoolStrict = True
    """Whether a fixed ladder is built again when the price is back."""
    stop_loss_max_resets: NonNegativeInt = 3
    """In 24 hours, before it stops for good."""
    price_lock_enabled: BoolStrict = False
    """Keep a follow grid from re-centring beyond a price."""
    price_lock_threshold: PositiveDecimal | None = None
    """That price."""
    price_lock_start_at_threshold: BoolStrict = False
    """Whether a ladder begins at that price when the market is beyond it."""
    price_lock_mode: Literal["suppress_reset", "freeze_entries"] = "suppress_reset"
    """What the lock withholds."""
    spot_reserve: SpotReserve = SpotReserve()
    """A buffer of the base asset."""
    health_check_auto_fix_position: BoolStrict = False
    """Whether a position difference is corrected by orders."""
    active_window_grids: NonNegativeInt = 0
    """Levels kept live around the price; 0 for all."""
    follow_shift_mode: Literal["reset", "roll"] = "reset"
    """How a follow grid moves."""
    flatten_scope: Literal["grid", "symbol"] = "grid"
    """What flattening closes: this grid's position, or all there is of the symbol."""

    NOT_YET: ClassVar[tuple[tuple[str, str, object], ...]] = (
        ("scalping_enabled", "false", False),
        ("smart_scalping_enabled", "false", False),
        ("capital_protection_enabled", "false", False),
        ("take_profit_enabled", "false", False),
        ("stop_loss_protection_enabled", "false", False),
        ("price_lock_enabled", "false", False),
        ("health_check_auto_fix_position", "false", False),
        ("active_window_grids", "0", 0),
        ("follow_shift_mode", "reset", "reset"),
        ("flatten_scope", "grid", "grid"),
    )
    """Key, what to write for off, and that value."""

    @model_validator(mode="after")
    def _refuse_what_is_not_there(self) -> Self:
        for key, off, value in self.NOT_YET:
            if getattr(self, key) != value:
                raise _not_yet(key, off)
        if self.spot_reserve.enabled:
            raise _not_yet("spot_reserve.enabled", "false")
        return self


def _not_yet(key: str, off: str) -> ConfigError:
    name = key.rpartition(".")[2]
    return ConfigError(
        "is not there yet: this version trades the grid without it.",
        key=key,
        remedy=f"Write `{name}: {off}` or leave it out.",
    )
