"""What others may know of a grid: one frozen value, everything the screen shows.

Numbers are exact; formatting is the screen's business. Lists are tuples. Ages are computed when
the snapshot is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any, Final

from core.adapters.exchanges.models import OrderSide, plain
from core.services.execution.snapshot import HealthResult
from core.services.market_data.snapshot import FeedLight, PricePoint
from core.services.risk.snapshot import LimitGauge

_MILLIONTH: Final = Decimal("0.000001")
_EXACT: Final = Context(prec=100)
"""As in the ledger: sums are never rounded."""
Fields = tuple[tuple[str, str | int | bool | None], ...]
"""What a line of the diary says."""


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
    WAITING = "waiting"
    """The start waits for its trigger price."""
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
    client_order_id: str = ""
    """Of the order that it has; empty for none, and for one that serves several slots."""
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
    """Fraction a year on capital, round trips of the last 24 h; None under 10 min of them."""
    apr_7d: Decimal | None
    sample_24h_s: int = 0
    """Seconds that `apr_24h` was measured on: what lies wholly inside the window."""
    sample_7d_s: int = 0
    reserved: Decimal = Decimal(0)
    """Profit set aside, quote; part of what is realized."""
    trailing_cost: Decimal = Decimal(0)
    """Losses booked for lines that trailing gave up, quote, >= 0; part of what is realized."""
    trailed: int = 0
    """Lines that the ladder has moved by, either way."""
    trips_net: Decimal = Decimal(0)
    """What the round trips earned after the fees of both legs; open results left out."""
    cycle_apr: Decimal | None = None
    """Fraction a year on capital of `trips_net`, since the start."""
    net_apr: Decimal | None = None
    """Fraction a year on capital of all that was earned, open results included, since the start."""
    run_s: int = 0
    """Seconds that `cycle_apr` and `net_apr` were measured on."""

    @property
    def net(self) -> Decimal:
        """Realized + unrealized - fees + funding: the change of equity."""
        gross = _EXACT.add(self.realized_pnl, self.unrealized_pnl)
        return _EXACT.add(_EXACT.subtract(gross, self.fees), self.funding)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRow:
    """One round trip of a slot, as it was executed."""

    level: int | None
    entry_price: Decimal
    """Mean of its executions."""
    exit_price: Decimal
    amount: Decimal
    gross: Decimal
    fees: Decimal
    """Of both legs."""
    net: Decimal
    opened_at: datetime | None
    """First execution of the entry."""
    closed_at: datetime
    """Last execution of the exit."""

    def as_json(self) -> dict[str, str | int | None]:
        """As text in plain notation."""
        return {
            "level": self.level,
            "entry_price": plain(self.entry_price),
            "exit_price": plain(self.exit_price),
            "amount": plain(self.amount),
            "gross": plain(self.gross),
            "fees": plain(self.fees),
            "net": plain(self.net),
            "opened_at": _iso(self.opened_at),
            "closed_at": _iso(self.closed_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotProfit:
    """What one slot has earned and holds; the sums over all of them are those of the grid."""

    level: int | None
    """None for the rest: what belongs to no slot of the ladder as it stands."""
    entry_price: Decimal | None
    exit_price: Decimal | None
    round_trips: int
    realized: Decimal
    """Before fees."""
    fees: Decimal
    holds: Decimal
    """Signed base units that no exit has closed yet: the unpaired inventory."""
    unrealized: Decimal
    """Of what it holds, at mark."""

    def as_json(self) -> dict[str, str | int | None]:
        """As text in plain notation."""
        return {
            "level": self.level,
            "entry_price": None if self.entry_price is None else plain(self.entry_price),
            "exit_price": None if self.exit_price is None else plain(self.exit_price),
            "round_trips": self.round_trips,
            "realized_pnl": plain(self.realized),
            "fees": plain(self.fees),
            "holds": plain(self.holds),
            "unrealized_pnl": plain(self.unrealized),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GridProfit:
    """Where a grid's result comes from."""

    result: GridResult
    slots: tuple[SlotProfit, ...]
    """Level 1 first; the rest last. Their sums are those of `result`, exactly."""
    trips: tuple[TripRow, ...]
    """Newest first, at most 200, since the process began."""
    capital: Decimal
    quote: str
    base: str

    def as_json(self) -> dict[str, Any]:
        """What `ctos status NAME --json` prints under `profit`."""
        result = self.result
        return {
            "position": plain(result.position),
            "average_entry": None if result.average_entry is None else plain(result.average_entry),
            "realized_pnl": plain(result.realized_pnl),
            "unrealized_pnl": plain(result.unrealized_pnl),
            "fees": plain(result.fees),
            "funding": plain(result.funding),
            "net": plain(result.net),
            "round_trips": result.round_trips,
            "fills": result.fills,
            "round_trip_pnl": plain(result.trips_net),
            "capital": plain(self.capital),
            "cycle_apr": rate_text(result.cycle_apr),
            "net_apr": rate_text(result.net_apr),
            "sample_s": result.run_s,
            "cycle_apr_24h": rate_text(result.apr_24h),
            "sample_24h_s": result.sample_24h_s,
            "cycle_apr_7d": rate_text(result.apr_7d),
            "sample_7d_s": result.sample_7d_s,
            "slots": [slot.as_json() for slot in self.slots],
            "trips": [trip.as_json() for trip in self.trips],
        }


def rate_text(value: Decimal | None) -> str | None:
    """A yearly rate as text, cut to a millionth; None where it is not known."""
    return None if value is None else plain(value.quantize(_MILLIONTH))


def _iso(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditLine:
    """One order that an edit cancels, keeps or places."""

    level: int | None
    """Its level, of an order that is cancelled the old one; None where it serves several."""
    leg: str
    """`entry` or `exit`."""
    side: OrderSide
    price: Decimal | None
    amount: Decimal
    """Base units that may still fill."""
    client_order_id: str = ""
    """Empty for an order that is still to be placed."""
    is_taker: bool = False
    """Whether it is to execute at once, as a grid's initial order does."""

    def as_json(self) -> dict[str, str | int | bool | None]:
        """As text in plain notation."""
        found: dict[str, str | int | bool | None] = {
            "level": self.level,
            "leg": self.leg,
            "side": self.side.value,
            "price": None if self.price is None else plain(self.price),
            "amount": plain(self.amount),
        }
        if self.client_order_id:
            found["client_order_id"] = self.client_order_id
        else:
            found["taker"] = self.is_taker
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHolding:
    """What a line that is taken off the ladder holds, and where it is sold."""

    level: int
    """The number that its slot gets."""
    entry_price: Decimal
    exit_price: Decimal
    amount: Decimal

    def as_json(self) -> dict[str, str | int]:
        """As text in plain notation."""
        return {
            "level": self.level,
            "entry_price": plain(self.entry_price),
            "exit_price": plain(self.exit_price),
            "amount": plain(self.amount),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One key of the file that has another value."""

    key: str
    before: str | None
    """As JSON; None where the old file did not have it."""
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditDiff:
    """What an edit would do to a running grid, or did."""

    cancel: tuple[EditLine, ...] = ()
    keep: tuple[EditLine, ...] = ()
    place: tuple[EditLine, ...] = ()
    kept_holdings: tuple[KeptHolding, ...] = ()
    """What lines that are gone hold: sold at its old exit price, and by nothing else."""
    capital_before: Decimal = Decimal(0)
    """Sum of price times amount over all entries, quote."""
    capital_after: Decimal = Decimal(0)
    exposure_before: Decimal = Decimal(0)
    """Signed base units held if every entry of one direction fills, the larger direction."""
    exposure_after: Decimal = Decimal(0)
    exposure_quote_before: Decimal = Decimal(0)
    """The same in quote, at the prices of the entries; unsigned."""
    exposure_quote_after: Decimal = Decimal(0)
    changes: tuple[KeyChange, ...] = ()
    notices: tuple[str, ...] = ()
    """What a person should know, in sentences."""
    quote: str = ""
    base: str = ""

    @property
    def touches_orders(self) -> bool:
        """Whether any order is cancelled or placed."""
        return bool(self.cancel or self.place)

    def as_json(self) -> dict[str, Any]:
        """What `ctos edit --json` prints: decimals as text, levels as integers."""
        return {
            "cancel": [line.as_json() for line in self.cancel],
            "keep": [line.as_json() for line in self.keep],
            "place": [line.as_json() for line in self.place],
            "capital_change": plain(self.capital_after - self.capital_before),
            "exposure_change": plain(self.exposure_after - self.exposure_before),
            "capital": {"before": plain(self.capital_before), "after": plain(self.capital_after)},
            "exposure": {
                "base": {
                    "before": plain(self.exposure_before),
                    "after": plain(self.exposure_after),
                },
                "quote": {
                    "before": plain(self.exposure_quote_before),
                    "after": plain(self.exposure_quote_after),
                },
            },
            "kept_holdings": [item.as_json() for item in self.kept_holdings],
            "changes": [
                {"key": item.key, "before": item.before, "after": item.after}
                for item in self.changes
            ],
            "notices": list(self.notices),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionView:
    """One protection: whether it is on, where it stands, and how near it is to firing."""

    name: str
    """`scalping`, `smart_scalping`, `capital_protection`, `take_profit`, `stop_loss`, `price_lock`
    or `spot_reserve`."""
    state: str
    """`off`, `idle`, `armed`, `active`, `triggered` or `cooling`."""
    words: str = ""
    """Such as `begins at level 40`, `escaped 12 s of 300 s`."""
    price: Decimal | None = None
    """At which it would act next; None where that is no price."""
    level: int | None = None
    distance: Decimal | None = None
    """From the newest price to `price`; positive is higher."""
    since: datetime | None = None
    progress: float | None = None
    """0 to 1: of a timer, or of the way to firing."""


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
    """The last thing that happened, in English words."""
    message_event: str = ""
    """Which line of the diary it is, so that a screen can say it in its own language."""
    message_fields: Fields = ()
    """What that line says."""
    message_at: datetime | None = None
    is_error: bool = False
    """Whether the message stays until it is read."""
    alarm: str = ""
    """The last thing that somebody must look at, in words; later messages do not take its place.

    Empty again once what it told of has ended."""
    alarm_code: str = ""
    """Which alarm it is, or which line, so that a screen can name it in its own language."""
    alarm_fields: Fields = ()
    alarm_at: datetime | None = None
    bells: int = 0
    """Moments so far of which a person is to be told: one more rings the terminal's bell."""
    closing: tuple[ClosingStep, ...] = ()
    protections: tuple[ProtectionView, ...] = ()
    """Every protection, those that are off too, in their order of precedence."""
    foreign_orders: int = 0
    foreign_position: Decimal = Decimal(0)
    is_read_only: bool = False
