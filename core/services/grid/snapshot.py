"""What others may know of a grid: one frozen value, everything the screen shows.

Numbers are exact; formatting is the screen's business. Lists are tuples. Ages are computed when
the snapshot is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from core.adapters.exchanges.models import OrderSide
from core.services.execution.snapshot import HealthResult
from core.services.market_data.snapshot import FeedLight, PricePoint
from core.services.risk.snapshot import LimitGauge


class SlotState(StrEnum):
    """Where one slot of the ladder stands."""

    EMPTY = "empty"
    """No order; an entry is placed once allowed."""
    ENTRY_PENDING = "entry_pending"
    """Entry on its way, no answer yet."""
    ENTRY_OPEN = "entry_open"
    EXIT_PENDING = "exit_pending"
    EXIT_OPEN = "exit_open"
    UNKNOWN = "unknown"
    """An order of this slot did not answer; locked until the venue tells."""
    PARKED = "parked"
    """Refused for a reason that repeating would not mend."""


class GridPhase(StrEnum):
    """Life of a grid."""

    CONNECTING = "connecting"
    RECONCILING = "reconciling"
    BUILDING = "building"
    RUNNING = "running"
    PAUSED = "paused"
    HOLDING = "holding"
    """Orders cancelled by you; resume builds the ladder again."""
    RESETTING = "resetting"
    DEGRADED = "degraded"
    HALTED = "halted"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRow:
    """One slot: the order it shows now."""

    level: int
    """1 is the most adverse level."""
    state: SlotState
    side: OrderSide
    """Of the order that rests or would rest."""
    price: Decimal
    """Of that order."""
    entry_price: Decimal
    exit_price: Decimal
    amount: Decimal
    filled: Decimal = Decimal(0)
    """Of the current order."""
    last_fill_at: datetime | None = None
    unknown_since: datetime | None = None
    note: str = ""
    """Why it is empty, parked or unknown, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One execution (or one slot's share of one)."""

    at: datetime
    level: int | None
    leg: str
    """`entry`, `exit` or `flatten`."""
    side: OrderSide
    amount: Decimal
    price: Decimal
    fee: Decimal
    round_trip: Decimal | None
    """Result of the round trip that this exit closed, after the fees of both legs."""
    client_order_id: str
    trade_id: str
    is_maker: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridResult:
    """The ledger of the grid. equity change = realized + unrealized - fees + funding."""

    position: Decimal
    """Signed base units, the sum of our own fills."""
    average_entry: Decimal | None
    realized_pnl: Decimal
    """Closed round trips at actual execution prices, before fees and funding."""
    unrealized_pnl: Decimal
    """Open slots at mark."""
    fees: Decimal
    """Paid; negative when rebates outweigh."""
    funding: Decimal
    """Received; negative when paid."""
    round_trips: int
    round_trips_today: int
    fills: int
    apr_24h: Decimal | None
    """Fraction a year on capital, cycles of the last 24 h; None under 10 min of running."""
    apr_7d: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingStep:
    """One step of an orderly end, for the list that ticks off."""

    text: str
    """Such as `3 orders cancelled`."""
    is_done: bool
    is_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSnapshot:
    """Everything the grid screen shows."""

    bot: str
    app: str = "grid"
    mode: str
    """`paper` or `live`."""
    venue: str
    symbol: str
    base: str
    quote: str
    grid_type: str
    price_decimals: int
    amount_decimals: int
    quote_decimals: int = 2
    at: datetime
    started_at: datetime
    phase: GridPhase
    phase_reason: str = ""
    """In words: `paused by you 3m ago. Orders stay.`"""
    phase_since: datetime | None = None
    feed: str
    """`sim:7`, `live`, or the recording's name."""
    feed_notice: str = ""
    """Shown as long as it is true, such as `no adapter for lighter yet: prices are simulated`."""
    levels: int
    interval: Decimal
    lower_price: Decimal | None
    upper_price: Decimal | None
    unused_range: Decimal = Decimal(0)
    """Part of a fixed range that the interval leaves over."""
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    mark: Decimal | None
    slots: tuple[SlotRow, ...]
    """From the highest price to the lowest."""
    entries_resting: int
    exits_resting: int
    waiting: int
    fills: tuple[FillRow, ...]
    """Newest first, at most 200."""
    result: GridResult
    equity: Decimal | None
    day_change: Decimal | None
    liquidation_price: Decimal | None
    health: HealthResult
    lights: tuple[FeedLight, ...]
    limits: tuple[LimitGauge, ...]
    follow_state: str = ""
    """`not escaped`, `escaped 12 s of 300 s`; empty for fixed types."""
    prices: tuple[PricePoint, ...] = ()
    """From old to new."""
    message: str = ""
    """The last thing that happened, in words."""
    message_at: datetime | None = None
    is_error: bool = False
    """Whether the message stays until it is read."""
    closing: tuple[ClosingStep, ...] = ()
    foreign_orders: int = 0
    foreign_position: Decimal = Decimal(0)
    is_read_only: bool = False
