"""What a drawn bot's file has beside its grid: protections; and how its user edits it later."""

from __future__ import annotations

import json
from typing import Any, Final

from core.infrastructure.rng import Rng

ALWAYS_ON: Final = 1_000
"""Of a count that would end the bot for good: a run is about what goes on."""


def draw_protections(rng: Rng, kind: str, *, is_spot: bool, fee_in_base: bool) -> dict[str, Any]:
    """Keys of the protections that a bot has; most have none.

    Args:
        rng: Draws them.
        kind: Of grid.
        is_spot: Whether it trades spot.
        fee_in_base: Whether fees are taken out of what is bought.
    """
    found: dict[str, Any] = {}
    if kind == "neutral" or rng.random() < 0.55:
        return found
    if rng.random() < 0.3:
        found |= _take_profit(rng)
    if kind == "infinity":
        return found  # it has no upper edge to reckon from
    if rng.random() < 0.35:
        found |= _scalping(rng)
    if rng.random() < 0.3:
        found |= _capital(rng)
    if rng.random() < 0.3:
        found |= _stop_loss(rng)
    if kind.startswith("follow") and rng.random() < 0.5:
        found |= _price_lock(rng, kind)
    if is_spot and fee_in_base and rng.random() < 0.5:
        found |= _reserve(rng)
    return found


def _scalping(rng: Rng) -> dict[str, Any]:
    found: dict[str, Any] = {
        "scalping_enabled": True,
        "scalping_trigger_percent": rng.integer(40, 95),
        "scalping_take_profit_grids": rng.integer(0, 3),
        "scalping_tp_clamp": rng.random() < 0.5,
        "scalping_after_tp": ("auto", "restart")[rng.integer(0, 1)],
    }
    if rng.random() < 0.5:
        found["scalping_exit_on_rebound_grids"] = rng.integer(1, 3)
    if rng.random() < 0.4:
        found["smart_scalping_enabled"] = True
        found["allowed_deep_drops"] = rng.integer(1, 2)
        found["min_drop_threshold_percent"] = rng.integer(5, 30)
        if rng.random() < 0.5:
            found["smart_scalping_ready_timeout"] = rng.integer(20, 200)
    return found


def _capital(rng: Rng) -> dict[str, Any]:
    return {
        "capital_protection_enabled": True,
        "capital_protection_trigger_percent": rng.integer(30, 90),
        "capital_protection_freeze_entries": rng.random() < 0.5,
        "capital_protection_action": ("wait_breakeven", "close_now")[rng.random() < 0.2],
    }


def _take_profit(rng: Rng) -> dict[str, Any]:
    return {
        "take_profit_enabled": True,
        "take_profit_percentage": f"0.00000{rng.integer(2, 9)}",
        "take_profit_after": "restart",
    }


def _stop_loss(rng: Rng) -> dict[str, Any]:
    return {
        "stop_loss_protection_enabled": True,
        "stop_loss_trigger_percent": f"{rng.integer(60, 100)}",
        "stop_loss_escape_timeout": rng.integer(5, 90),
        "stop_loss_apr_threshold": "0",
        "stop_loss_on_insufficient_data": "reset",
        "stop_loss_reentry": rng.random() < 0.5,
        "stop_loss_max_resets": ALWAYS_ON,
    }


def _price_lock(rng: Rng, kind: str) -> dict[str, Any]:
    away = rng.integer(0, 60) if kind.endswith("long") else -rng.integer(0, 60)
    return {
        "price_lock_enabled": True,
        "price_lock_threshold": f"{(1_000 + away) / 10:.1f}",
        "price_lock_mode": ("suppress_reset", "freeze_entries")[rng.integer(0, 1)],
    }


def _reserve(rng: Rng) -> dict[str, Any]:
    filling = {
        "enabled": rng.random() < 0.7,
        "min_order_value_usdc": "12",
        "max_replenish_per_day": 50,
        "min_replenish_interval": rng.integer(5, 60),
    }
    return {
        "spot_reserve": {
            "enabled": True,
            "reserve_amount": f"0.{rng.integer(10, 60)}",
            "spot_buy_fee_rate": "0.001",
            "auto_replenish": filling,
            "startup_check": {"auto_buy_on_startup": True, "continue_on_failure": True},
        }
    }


def draw_edit(rng: Rng, text: str) -> str:
    """A bot's file as its user would have it after some thought.

    Args:
        rng: Draws what changes.
        text: The file as it is.
    """
    grid = json.loads(text)["grid_system"]
    wishes = [_amount, _health]
    if "price_range" in grid:
        wishes += [_move, _widen]
    if "reverse_order_grid_distance" in grid and not grid.get("trailing_up"):
        wishes.append(_distance)
    for _ in range(rng.integer(1, 2)):
        wishes[rng.integer(0, len(wishes) - 1)](rng, grid)
    return json.dumps({"grid_system": grid}, sort_keys=True)


def _amount(rng: Rng, grid: dict[str, Any]) -> None:
    grid["order_amount"] = f"{float(grid['order_amount']) * rng.uniform(0.6, 1.6):.2f}"


def _health(rng: Rng, grid: dict[str, Any]) -> None:
    grid["order_health_check_interval"] = rng.integer(20, 90)


def _distance(rng: Rng, grid: dict[str, Any]) -> None:
    grid["reverse_order_grid_distance"] = rng.integer(1, 2)


def _move(rng: Rng, grid: dict[str, Any]) -> None:
    """The range goes up or down by whole intervals."""
    by = rng.integer(1, 3) * (1 if rng.random() < 0.5 else -1)
    _shift(grid, lower=by, upper=by)


def _widen(rng: Rng, grid: dict[str, Any]) -> None:
    """The range gains or loses a line at an end."""
    by = 1 if rng.random() < 0.7 else -1
    _shift(grid, lower=-by if rng.random() < 0.5 else 0, upper=by)


def _shift(grid: dict[str, Any], *, lower: int, upper: int) -> None:
    step = float(grid["grid_interval"])
    bounds = grid["price_range"]
    low = float(bounds["lower_price"]) + lower * step
    high = float(bounds["upper_price"]) + upper * step
    if high - low >= 2 * step:
        bounds["lower_price"], bounds["upper_price"] = f"{low:.1f}", f"{high:.1f}"
        for key, sign in (("trailing_up_limit", 1), ("trailing_down_limit", -1)):
            if key in grid:
                grid[key] = f"{(high if sign > 0 else low) + sign * 8:.1f}"
