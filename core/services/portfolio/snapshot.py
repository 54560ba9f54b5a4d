"""What the home screen shows: worth, doors, bots, exposure, and what just happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRow:
    """One door."""

    name: str
    state: str
    """`live`, `connecting`, `stale`, `reconnecting`, `off`."""
    feed: str
    latency_ms: float | None
    age_s: float | None
    open_orders: int
    budget_used: float | None
    """Fraction of the rate budget; None where there is no limit."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotResult:
    """Where a bot's result comes from. pnl = realized + unrealized - fees + funding."""

    position: Decimal
    """Signed base units: the inventory that no exit has closed yet."""
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    round_trips: int
    round_trip_pnl: Decimal
    """Of closed round trips, after the fees of both legs."""
    cycle_apr: Decimal | None
    """Fraction a year on capital of the closed round trips; None under ten minutes."""
    net_apr: Decimal | None
    """Fraction a year on capital of everything, open results included."""
    sample_s: int
    """Seconds that both were measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What was said beside its file when a bot was started, so that it can be started again."""

    feed: str = "auto"
    speed: str = "1"
    seed: int | None = None
    is_recorded: bool = False
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRow:
    """One bot, running or stopped."""

    name: str
    app: str
    venue: str
    symbol: str
    state: str
    is_running: bool
    started_at: datetime | None
    pnl: Decimal | None
    """realized + unrealized - fees + funding."""
    risk_used: Decimal | None
    """Largest used fraction of its limits."""
    config_path: str = ""
    options: RunOptions = RunOptions()
    result: BotResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One position."""

    symbol: str
    venue: str
    size: Decimal
    entry_price: Decimal | None
    unrealized_pnl: Decimal | None
    liquidation_distance: Decimal | None
    """Signed fraction of the mark price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityPoint:
    """One point of the equity line."""

    at: datetime
    equity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One line of the diary."""

    at: datetime
    level: str
    """`debug`, `info`, `warning`, `error`."""
    source: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSnapshot:
    """Everything the home screen shows."""

    mode: str
    at: datetime
    equity: Decimal | None
    day_change: Decimal | None
    quote: str
    equity_line: tuple[EquityPoint, ...]
    """From old to new, 24 h."""
    max_drawdown: Decimal | None
    """Fraction of the highest equity of the line."""
    venues: tuple[VenueRow, ...]
    bots: tuple[BotRow, ...]
    positions: tuple[PositionRow, ...]
    free_margin: Decimal | None
    used_margin_fraction: Decimal | None
    log: tuple[LogRow, ...]
    """Newest first."""
    risk_state: str
    """`ACTIVE`, `REDUCING` or `HALTED`."""
    risk_by: str = ""
    is_read_only: bool = False
