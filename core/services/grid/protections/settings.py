"""What the protections of a grid are told: one frozen value for each, None where it is off.

Percents are percents, fractions are fractions, times are seconds. Whoever makes these has checked
them: nothing in here is checked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class After(StrEnum):
    """What follows once everything is closed."""

    AUTO = "auto"
    """A follow grid begins anew, any other stops."""
    RESTART = "restart"
    STOP = "stop"


class LockMode(StrEnum):
    """What a price lock withholds."""

    SUPPRESS_RESET = "suppress_reset"
    FREEZE_ENTRIES = "freeze_entries"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLossSettings:
    """Close everything when the price stays beyond a part of the range."""

    trigger_percent: Decimal = Decimal(100)
    """Of the range, measured from the favourable edge."""
    timeout_s: int = 300
    apr_threshold: Decimal = Decimal(50)
    """Percent a year at and above which the grid goes on afterwards."""
    is_reset_without_data: bool = False
    """Whether it goes on when there is too little to reckon a rate from."""
    has_reentry: bool = True
    """Whether a fixed ladder is built again when the price is back."""
    max_resets: int = 3
    """Within 24 hours; beyond it stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProfitSettings:
    """Close everything at a gain."""

    fraction: Decimal = Decimal("0.01")
    """Of the capital at the beginning."""
    after: After = After.RESTART


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalSettings:
    """Close at break-even after a scare."""

    trigger_percent: int = 50
    """Of the ladder."""
    freezes_entries: bool = False
    closes_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartSettings:
    """Let some deep drops pass before scalping."""

    allowed_drops: int = 1
    min_drop_percent: int = 10
    """Of the number of levels."""
    crash_level: int = 1
    """Level at which scalping begins at once; 0 for never."""
    ready_timeout_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalpingSettings:
    """One exit for the whole position when much of the ladder has filled."""

    trigger_percent: int = 80
    take_profit_grids: int = 2
    is_clamped: bool = False
    after: After = After.AUTO
    rebound_grids: int | None = None
    smart: SmartSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSettings:
    """Do not follow beyond a price."""

    threshold: Decimal
    starts_at_threshold: bool = False
    mode: LockMode = LockMode.SUPPRESS_RESET


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveSettings:
    """A buffer of the base asset for fees on spot."""

    amount: Decimal
    """Base units."""
    fee_rate: Decimal = Decimal(0)
    """Fraction of a purchase that is expected to be taken in base: what the reserve must cover."""
    replenishes: bool = False
    trigger_fraction: Decimal = Decimal("0.5")
    """Of the reserve at which it is filled up."""
    target_fraction: Decimal = Decimal(1)
    min_order_value: Decimal = Decimal(12)
    """Quote."""
    max_per_day: int = 10
    min_interval_s: int = 300
    buys_at_start: bool = True
    goes_on_without: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionSettings:
    """All protections of one grid."""

    stop_loss: StopLossSettings | None = None
    take_profit: TakeProfitSettings | None = None
    capital: CapitalSettings | None = None
    scalping: ScalpingSettings | None = None
    price_lock: LockSettings | None = None
    reserve: ReserveSettings | None = None

    @property
    def has_rules(self) -> bool:
        """Whether any of them watches the price."""
        rules = (self.stop_loss, self.take_profit, self.capital, self.scalping, self.price_lock)
        return any(rule is not None for rule in rules)


NO_PROTECTIONS: Final = ProtectionSettings()
"""Everything off."""
