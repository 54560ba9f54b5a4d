"""The keys of protections: known to every grid, and off unless switched on.

A file may carry the parameters of what is off. What is switched on and cannot act is refused by
name, so that nobody trades unprotected in the belief of being protected. Percents are percents and
fractions are fractions: a value that looks like the other is refused with what it should be.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from core.adapters.exchanges.models import plain
from core.errors import ConfigError
from core.infrastructure.config_types import (
    BoolStrict,
    ConfigModel,
    IntText,
    NonNegativeDecimal,
    NonNegativeInt,
    PositiveDecimal,
    PositiveInt,
    int_of,
)
from core.services.grid.protections.settings import (
    After,
    CapitalSettings,
    LockMode,
    LockSettings,
    ProtectionSettings,
    ReserveSettings,
    ScalpingSettings,
    SmartSettings,
    StopLossSettings,
    TakeProfitSettings,
)

LONGEST_S: Final = 31_536_000
"""A year."""


def _no_fraction(value: object) -> object:
    """Percents are whole: a value between 0 and 1 was meant as a fraction."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return value
    if not 0 < number < 1:
        return value
    raise PydanticCustomError(
        "percent",
        "is in percent, found the fraction {found}: write {percent}.",
        {"found": plain(number), "percent": plain((number * 100).normalize())},
    )


Percent = Annotated[
    int,
    BeforeValidator(int_of),
    BeforeValidator(_no_fraction),
    Field(ge=1, le=100),
]
Seconds = Annotated[IntText, Field(ge=1, le=LONGEST_S)]


class Replenish(ConfigModel):
    """How a spot reserve is filled up."""

    enabled: BoolStrict = False
    """Whether the reserve is filled up by itself."""
    trigger_percent: NonNegativeDecimal = Decimal("0.5")
    """Fraction of the reserve at which it is filled up; 0.5 is half of it."""
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
    """Protections: off unless switched on."""

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
    take_profit_percentage: PositiveDecimal = Decimal("0.01")
    """Gain as a fraction of the capital at the start, at most 1: 0.01 is one percent."""
    take_profit_percent: Annotated[PositiveDecimal, Field(le=1000)] | None = None
    """The same in percent, in place of the fraction."""
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
    """Whether what the account holds beyond our fills is closed by reduce-only orders."""
    flatten_scope: Literal["grid", "symbol"] = "grid"
    """What closing by you or at the end closes: this grid's position, or all of the symbol."""

    @model_validator(mode="after")
    def _check_protections(self) -> Self:
        if self.take_profit_percentage > 1:
            percent = plain(self.take_profit_percentage.normalize())
            fraction = plain((self.take_profit_percentage / 100).normalize())
            raise ConfigError(
                f"is a fraction of the capital, at most 1, found {percent}.",
                key="take_profit_percentage",
                remedy=f"{percent} percent is {fraction}, or `take_profit_percent: {percent}`.",
            )
        given = {"take_profit_percentage", "take_profit_percent"} & self.model_fields_set
        if len(given) > 1 and self.take_profit_percent is not None:
            raise ConfigError(
                "says the same as take_profit_percentage, and only one can hold.",
                key="take_profit_percent",
                remedy="Leave one of them out.",
            )
        if self.smart_scalping_enabled and not self.scalping_enabled:
            raise ConfigError(
                "needs scalping, which is off.",
                key="smart_scalping_enabled",
                remedy="Write `scalping_enabled: true`, or leave it out.",
            )
        if self.price_lock_enabled and self.price_lock_threshold is None:
            raise ConfigError(
                "needs a price.",
                key="price_lock_enabled",
                remedy="Write `price_lock_threshold`.",
            )
        return self

    def protections(self) -> ProtectionSettings:
        """What is switched on, as the machine takes it."""
        return ProtectionSettings(
            stop_loss=self._stop_loss(),
            take_profit=self._take_profit(),
            capital=self._capital(),
            scalping=self._scalping(),
            price_lock=self._price_lock(),
            reserve=self._reserve(),
        )

    def _stop_loss(self) -> StopLossSettings | None:
        if not self.stop_loss_protection_enabled:
            return None
        return StopLossSettings(
            trigger_percent=self.stop_loss_trigger_percent,
            timeout_s=self.stop_loss_escape_timeout,
            apr_threshold=self.stop_loss_apr_threshold,
            is_reset_without_data=self.stop_loss_on_insufficient_data == "reset",
            has_reentry=self.stop_loss_reentry,
            max_resets=self.stop_loss_max_resets,
        )

    def _take_profit(self) -> TakeProfitSettings | None:
        if not self.take_profit_enabled:
            return None
        percent = self.take_profit_percent
        fraction = self.take_profit_percentage if percent is None else percent / 100
        return TakeProfitSettings(fraction=fraction, after=After(self.take_profit_after))

    def _capital(self) -> CapitalSettings | None:
        if not self.capital_protection_enabled:
            return None
        return CapitalSettings(
            trigger_percent=self.capital_protection_trigger_percent,
            freezes_entries=self.capital_protection_freeze_entries,
            closes_now=self.capital_protection_action == "close_now",
        )

    def _scalping(self) -> ScalpingSettings | None:
        if not self.scalping_enabled:
            return None
        return ScalpingSettings(
            trigger_percent=self.scalping_trigger_percent,
            take_profit_grids=self.scalping_take_profit_grids,
            is_clamped=self.scalping_tp_clamp,
            after=After(self.scalping_after_tp),
            rebound_grids=self.scalping_exit_on_rebound_grids,
            smart=self._smart(),
        )

    def _smart(self) -> SmartSettings | None:
        if not self.smart_scalping_enabled:
            return None
        return SmartSettings(
            allowed_drops=self.allowed_deep_drops,
            min_drop_percent=self.min_drop_threshold_percent,
            crash_level=self.smart_scalping_crash_level,
            ready_timeout_s=self.smart_scalping_ready_timeout,
        )

    def _price_lock(self) -> LockSettings | None:
        if not self.price_lock_enabled or self.price_lock_threshold is None:
            return None
        return LockSettings(
            threshold=self.price_lock_threshold,
            starts_at_threshold=self.price_lock_start_at_threshold,
            mode=LockMode(self.price_lock_mode),
        )

    def _reserve(self) -> ReserveSettings | None:
        told = self.spot_reserve
        if not told.enabled:
            return None
        filling, start = told.auto_replenish, told.startup_check
        return ReserveSettings(
            amount=told.reserve_amount,
            fee_rate=told.spot_buy_fee_rate,
            replenishes=filling.enabled,
            trigger_fraction=filling.trigger_percent,
            target_fraction=filling.target_percent,
            min_order_value=filling.min_order_value_usdc,
            max_per_day=filling.max_replenish_per_day,
            min_interval_s=filling.min_replenish_interval,
            buys_at_start=start.auto_buy_on_startup,
            goes_on_without=start.continue_on_failure,
        )

    @model_validator(mode="after")
    def _check_reserve(self) -> Self:
        told = self.spot_reserve
        if told.enabled and not told.reserve_amount:
            raise ConfigError(
                "must be above 0 where a reserve is kept, found 0.",
                key="spot_reserve.reserve_amount",
                remedy="Write how much of the base asset to keep.",
            )
        filling = told.auto_replenish
        for key in ("trigger_percent", "target_percent"):
            value = getattr(filling, key)
            if value > 1:
                raise ConfigError(
                    f"is a fraction of the reserve, at most 1, found {plain(value)}.",
                    key=f"spot_reserve.auto_replenish.{key}",
                    remedy=f"{plain(value)} percent is {plain((value / 100).normalize())}.",
                )
        if filling.enabled and filling.trigger_percent >= filling.target_percent:
            raise ConfigError(
                f"must be below target_percent {plain(filling.target_percent)}, found "
                f"{plain(filling.trigger_percent)}.",
                key="spot_reserve.auto_replenish.trigger_percent",
                remedy="Fill it up before it is full: 0.5 is half of it.",
            )
        return self
