"""Protections that are switched on and could not act on the grid they stand with."""

from __future__ import annotations

from core.adapters.exchanges.models import plain
from core.services.grid.protections.settings import LockMode
from core.services.grid.settings import GridSettings

Misfit = tuple[str, str, str]
"""Key, what is wrong, and the way out."""


def misfit(settings: GridSettings) -> Misfit | None:
    """The first protection that could not do what it says; None where all can."""
    for rule in (_on_neutral, _of_lock, _of_smart, _of_reserve, _of_scope):
        found = rule(settings)
        if found is not None:
            return found
    return None


def _on_neutral(settings: GridSettings) -> Misfit | None:
    """A neutral grid has an adverse end on either side, so no level is the most adverse one."""
    if not settings.grid_type.is_neutral:
        return None
    told = settings.protections
    keys = (
        ("stop_loss_protection_enabled", told.stop_loss),
        ("capital_protection_enabled", told.capital),
        ("scalping_enabled", told.scalping),
        ("price_lock_enabled", told.price_lock),
    )
    for key, value in keys:
        if value is not None:
            return (
                key,
                "cannot act on grid_type neutral, whose price can leave on either side.",
                "Leave it out, or choose a long or short type; take profit works here too.",
            )
    return None


def _of_lock(settings: GridSettings) -> Misfit | None:
    lock = settings.protections.price_lock
    if lock is None or settings.grid_type.is_follow:
        return None
    if lock.starts_at_threshold:
        return (
            "price_lock_start_at_threshold",
            "cannot act on a fixed range: only a follow type computes its range.",
            "Leave it out, or choose a follow type.",
        )
    if lock.mode is LockMode.FREEZE_ENTRIES:
        return (
            "price_lock_mode",
            "freeze_entries cannot act on a fixed range, where the lock is only shown.",
            "Write `suppress_reset`, or choose a follow type.",
        )
    return None


def _of_smart(settings: GridSettings) -> Misfit | None:
    """A crash level at or above the trigger would scalp before any drop could be counted."""
    scalping = settings.protections.scalping
    if scalping is None or scalping.smart is None:
        return None
    levels = settings.level_count
    trigger = max(1, levels - levels * scalping.trigger_percent // 100)
    crash = scalping.smart.crash_level
    if crash < trigger or crash <= 1:
        return None
    return (
        "smart_scalping_crash_level",
        f"must be below the trigger level {trigger}, found {crash}: no drop would ever be counted.",
        f"Write {max(trigger - 1, 0)} or less; 0 switches it off.",
    )


def _of_scope(settings: GridSettings) -> Misfit | None:
    """On spot all there is of the symbol is everything that the account owns of the asset."""
    if not settings.instrument.is_spot:
        return None
    base = settings.instrument.base
    if settings.flattens_symbol:
        message = f"symbol would sell all {base} of the account, also what was there before."
        return "flatten_scope", message, "Write `grid`, or leave it out."
    if settings.fixes_position:
        message = f"would sell all {base} of the account that this grid did not buy."
        return "health_check_auto_fix_position", message, "Write `false`, or leave it out."
    return None


def _of_reserve(settings: GridSettings) -> Misfit | None:
    reserve, instrument = settings.protections.reserve, settings.instrument
    if reserve is None:
        return None
    if not instrument.is_spot:
        return (
            "spot_reserve.enabled",
            f"cannot act on {instrument.symbol}: a reserve of the base asset is for spot.",
            "Write `enabled: false`, or leave the block out.",
        )
    needed = reserve.fee_rate * (
        settings.order_amount + (settings.level_count - 1) * settings.martingale_increment
    )
    if reserve.amount >= needed:
        return None
    return (
        "spot_reserve.reserve_amount",
        (
            f"does not cover the fee of one purchase, {plain(needed)} {instrument.base}, found "
            f"{plain(reserve.amount)}."
        ),
        f"Write {plain(needed * settings.level_count)} or more, which covers the whole ladder.",
    )
