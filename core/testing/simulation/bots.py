"""The bot of a run, drawn from the seed: every kind of grid, perpetual or spot, at every venue."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any, Final

from core.infrastructure.rng import Rng
from core.testing.simulation.market import Shape
from core.testing.simulation.wishes import draw_protections

PROFILES: Final = (
    "paper",
    "lighter",
    "hyperliquid",
    "backpack",
    "edgex",
    "binance_um",
    "okx",
    "bybit",
    "ibkr",
)
KINDS: Final = (
    "long",
    "short",
    "follow_long",
    "follow_short",
    "martingale_long",
    "martingale_short",
    "neutral",
    "infinity",
)
ROOM: Final = 4
"""Requests a minute for each line, at least: to cancel and place all of them within two minutes."""
NARROWEST: Final = 60
"""Requests a minute that a venue allows at least; with a third of them some bots take longer to
come to rest than a run's end gives them."""
TICKS: Final = 1_000
"""The middle price, in ticks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnBot:
    """A bot's file, and the market it meets."""

    text: str
    shape: Shape
    profile: str
    kind: str
    is_spot: bool
    orders_per_minute: int | None = None
    """A tighter rate than the profile's, so that small grids meet it."""


def draw_bot(rng: Rng, only: str | None = None) -> DrawnBot:
    """Draws a bot's file.

    Args:
        rng: Draws it.
        only: The kind of grid that it is; None for any.
    """
    drawn = KINDS[rng.integer(0, len(KINDS) - 1)]
    kind = only or drawn
    is_spot = not kind.endswith(("short", "neutral")) and rng.random() < 0.25
    profile = "binance_spot" if is_spot else PROFILES[rng.integer(0, len(PROFILES) - 1)]
    levels, step = rng.integer(3, 9), rng.integer(4, 20)
    grid: dict[str, Any] = {
        "exchange": "paper",
        "symbol": "SIM-USDC-SPOT" if is_spot else "SIM-USDC-PERP",
        "grid_type": kind,
        "grid_interval": _price(step),
        "order_amount": f"{rng.integer(20, 200) / 100:.2f}",
        "reverse_order_grid_distance": rng.integer(1, 2),
        "initial_fill": _of(rng, ("taker_position", "passive_only", "all_limits")),
        "initial_fill_cap": _of(rng, ("0.002", "0.01")),
        "on_exit": _of(rng, ("cancel_orders", "keep", "flatten")),
        "order_health_check_interval": rng.integer(20, 90),
        "rest_position_query_interval": rng.integer(10, 60),
        "replace_limit": 100,
        "acknowledge": ["losing_grid"],
        "instrument": _instrument(rng, is_spot=is_spot),
        "paper": _account(rng, profile),
    }
    for key in _STRANGERS.get(kind, ()):
        del grid[key]
    grid |= _range(rng, kind, levels, step)
    grid |= _extras(rng, kind, grid)
    grid |= draw_protections(
        rng.child("protections"),
        kind,
        is_spot=is_spot,
        fee_in_base=grid["instrument"].get("fee_asset") == "base",
    )
    shape = Shape(
        middle=TICKS,
        breadth=max(levels * step // 2, 8),
        gap_s=rng.uniform(0.4, 2.0),
        spread=rng.integer(1, 3),
        is_wild=rng.random() < 0.4,
    )
    text = json.dumps({"grid_system": grid}, sort_keys=True)
    rate = rng.integer(NARROWEST, 150) if rng.random() < 0.2 else None
    if rate is not None:
        rate = max(rate, ROOM * _lines(grid, levels))
    return DrawnBot(
        text=text,
        shape=shape,
        profile=profile,
        kind=kind,
        is_spot=is_spot,
        orders_per_minute=rate,
    )


def narrowed(bot: DrawnBot) -> DrawnBot:
    """The same bot where a venue allows as few requests as any seed's does."""
    grid = json.loads(bot.text)["grid_system"]
    rate = max(NARROWEST, ROOM * _lines(grid, NARROWEST // ROOM))
    return replace(bot, orders_per_minute=rate)


_STRANGERS: Final = {
    "neutral": ("reverse_order_grid_distance", "initial_fill", "initial_fill_cap"),
    "infinity": ("reverse_order_grid_distance", "grid_interval"),
}
"""Kind -> keys that cannot act on it."""


def _extras(rng: Rng, kind: str, grid: dict[str, Any]) -> dict[str, Any]:
    """What some fixed grids do besides: lines by ratio, ranges that trail, gains that compound."""
    if kind not in {"long", "short", "neutral"} or rng.random() < 0.5:
        return {}
    found: dict[str, Any] = {}
    bounds = grid["price_range"]
    if kind == "long" and rng.random() < 0.4:
        found["trailing_up"] = True
        found["trailing_up_limit"] = f"{float(bounds['upper_price']) + 8:.1f}"
    if kind == "short" and rng.random() < 0.4:
        found["trailing_down"] = True
        found["trailing_down_limit"] = f"{float(bounds['lower_price']) - 8:.1f}"
    if rng.random() < 0.3:
        found["active_window_grids"] = rng.integer(2, 4)
    if kind == "long" and rng.random() < 0.3:
        found["compounding"] = True
    return found


def _range(rng: Rng, kind: str, levels: int, step: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kind == "infinity":
        found["lower_price"] = _price(TICKS - levels * step)
        found["grid_ratio"] = f"{1 + rng.integer(5, 20) / 1000:.3f}"
    elif kind.startswith("follow"):
        found["follow_grid_count"] = levels
        found["follow_timeout"] = rng.integer(20, 200)
        found["follow_distance"] = rng.integer(1, 2)
        found["price_offset_grids"] = rng.integer(0, max(0, min(2, levels - 1)))
    else:
        middle = TICKS + rng.integer(-levels * step // 2, levels * step // 2)
        lower = middle - levels * step // 2
        found["price_range"] = {
            "lower_price": _price(lower),
            "upper_price": _price(lower + levels * step),
        }
    if kind.startswith("martingale"):
        found["martingale_increment"] = f"{rng.integer(5, 40) / 100:.2f}"
    return found


def _lines(grid: dict[str, Any], levels: int) -> int:
    """How many lines a grid has at most; those without an upper edge go on above the price."""
    if "grid_ratio" not in grid:
        return levels
    highest, lowest = 0.15 * TICKS, float(grid["lower_price"])
    return math.ceil(math.log(highest / lowest) / math.log(float(grid["grid_ratio"])))


def _instrument(rng: Rng, *, is_spot: bool) -> dict[str, Any]:
    fee = _of(rng, ("0", "0.0002", "0.001"))
    found: dict[str, Any] = {
        "tick_size": "0.1",
        "lot_size": "0.01",
        "min_notional": _of(rng, ("0", "5")),
        "maker_fee": fee,
        "taker_fee": _of(rng, ("0.0005", "0.001")),
    }
    if not is_spot:
        found["funding_interval_s"] = rng.integer(1, 10) * 60
    if is_spot:
        found["fee_asset"] = _of(rng, ("quote", "base"))
    return found


def _account(rng: Rng, profile: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "initial_balance": "1000000",
        "latency_ms": 0,
        "profile": profile,
        "fill": _of(rng, ("through", "touch", "queue")),
    }
    if rng.random() < 0.5:
        found["funding_rate"] = "0.0001"
    return found


def _price(ticks: int) -> str:
    return f"{ticks / 10:.1f}"


def _of(rng: Rng, values: tuple[str, ...]) -> str:
    return values[rng.integer(0, len(values) - 1)]
