"""The keys of a grid file as the oracle reads them: few checks, no defaults beyond the words.

It reads the mapping that YAML or JSON gives, so that the same text can be handed to the product.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One grid, its instrument and its paper account."""

    direction: int
    """1 buys first, -1 sells first."""
    follows: bool
    interval: Decimal
    order_amount: Decimal
    increment: Decimal
    distance: int
    """Intervals between an entry and its exit."""
    lower: Decimal
    upper: Decimal
    """Bounds of a fixed grid; both 0 where the grid follows."""
    count: int
    """Levels of a grid that follows; 0 for a fixed one."""
    timeout_ms: int | None
    """None never builds anew."""
    follow_distance: int
    offset: int
    initial_fill: str
    cap: Decimal
    on_exit: str
    tick: Decimal
    price_step: Decimal
    """What computed bounds round to; a multiple of the tick."""
    lot: Decimal
    amount_step: Decimal
    """What amounts round down to; a multiple of the lot."""
    maker_fee: Decimal
    taker_fee: Decimal
    is_spot: bool
    fee_in_base: bool
    initial_balance: Decimal
    latency_ms: int
    fills_at_touch: bool


def read_settings(document: Mapping[str, Any]) -> Settings:
    """Read a grid file's mapping, with or without its root key `grid_system`.

    Raises:
        ValueError: What the oracle cannot foretell: short types on spot, fills by queue.
    """
    grid: Mapping[str, Any] = document.get("grid_system", document)
    instrument: Mapping[str, Any] = grid.get("instrument", {})
    paper: Mapping[str, Any] = grid.get("paper", {})
    bounds: Mapping[str, Any] = grid.get("price_range", {})
    kind = str(grid["grid_type"])
    direction = -1 if kind.endswith("short") else 1
    is_spot = grid.get("market_type") == "spot" or str(grid["symbol"]).endswith("-SPOT")
    if is_spot and direction < 0:
        raise ValueError("a short grid cannot run on spot")
    fill = str(paper.get("fill", "through"))
    if fill not in {"through", "touch"}:
        raise ValueError(f"fills by {fill} need a book")
    tick, lot = Decimal(str(instrument["tick_size"])), Decimal(str(instrument["lot_size"]))
    fee_rate = str(grid.get("fee_rate", "0.0001"))
    return Settings(
        direction=direction,
        follows=kind.startswith("follow"),
        interval=_number(grid, "grid_interval", "0"),
        order_amount=_number(grid, "order_amount", "0"),
        increment=_number(grid, "martingale_increment", "0"),
        distance=int(grid.get("reverse_order_grid_distance", 1)),
        lower=_number(bounds, "lower_price", "0"),
        upper=_number(bounds, "upper_price", "0"),
        count=int(grid.get("follow_grid_count", 0)),
        timeout_ms=_timeout_ms(grid.get("follow_timeout", 300)),
        follow_distance=int(grid.get("follow_distance", 1)),
        offset=int(grid.get("price_offset_grids", 0)),
        initial_fill=str(grid.get("initial_fill", "taker_position")),
        cap=_number(grid, "initial_fill_cap", "0.002"),
        on_exit=_on_exit(grid),
        tick=tick,
        price_step=max(tick, _decimals(grid.get("price_decimals"))),
        lot=lot,
        amount_step=max(lot, _decimals(grid.get("quantity_precision"))),
        maker_fee=_number(instrument, "maker_fee", fee_rate),
        taker_fee=_number(instrument, "taker_fee", fee_rate),
        is_spot=is_spot,
        fee_in_base=is_spot and instrument.get("fee_asset") == "base",
        initial_balance=_number(paper, "initial_balance", "10000"),
        latency_ms=int(paper.get("latency_ms", 50)),
        fills_at_touch=fill == "touch",
    )


def _number(mapping: Mapping[str, Any], key: str, default: str) -> Decimal:
    return Decimal(str(mapping.get(key, default)))


def _on_exit(grid: Mapping[str, Any]) -> str:
    if "exit_cleanup_enabled" in grid:
        return "flatten" if grid["exit_cleanup_enabled"] else "cancel_orders"
    return str(grid.get("on_exit", "cancel_orders"))


def _timeout_ms(raw: object) -> int | None:
    return None if raw in {0, "0", "never"} else int(str(raw)) * 1000


def _decimals(raw: object) -> Decimal:
    return Decimal(0) if raw is None else Decimal(1).scaleb(-int(str(raw)))
