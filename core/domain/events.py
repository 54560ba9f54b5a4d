"""What a machine hears. Past participles, frozen, in order; time arrives inside them.

Prices of the market are ticks, amounts are lots, times are nanoseconds since 1970 (UTC, venue).
Money and the prices of executions are exact Decimals, because an execution need not be on the tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from core.adapters.exchanges.models import OrderSide, OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketMoved:
    """The newest prices; latest wins. Where there is no book, bid and ask are the last trade."""

    at_ns: int
    bid: int | None
    """Ticks, rounded down where the market is finer than the tick; None for an empty side."""
    ask: int | None
    """Ticks, rounded up."""
    last: int | None
    """Ticks, rounded to nearest."""
    mark: Decimal | None
    """Exact price that open results are valued at."""
    age_ms: int = 0
    """How old the prices were when they were handed over."""
    has_book: bool = True
    """Whether bid and ask are a book's; else they are the last trade, rounded away from it."""
    previous: Decimal | None = None
    """Mark of the prices before these, also where nobody was shown them; None for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The venue has the order."""

    at_ns: int
    client_order_id: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled:
    """One execution, delivered exactly once, in the venue's order per symbol."""

    at_ns: int
    client_order_id: str
    trade_id: str
    side: OrderSide
    price: Decimal
    """Exact execution price, quote per base."""
    amount: int
    """Lots of this execution."""
    fee: Decimal
    """Quote; a fee taken in base is valued at `price`. Negative is a rebate."""
    fee_base: Decimal = Decimal(0)
    """Base units that the fee took out of what was bought; 0 where fees are paid in quote."""
    is_maker: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEnded:
    """The order is final or was proved never to exist; all its fills came before this."""

    at_ns: int
    client_order_id: str
    status: OrderStatus
    """FILLED, CANCELED, EXPIRED or REJECTED; REJECTED also for one that was never placed."""
    filled: int
    """Cumulative lots."""
    code: str = ""
    """The venue's or our code for why, such as `NOT_PLACED` or `POST_ONLY_WOULD_CROSS`."""
    is_ours: bool = True
    """Whether we asked for the end (a cancel of ours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDenied:
    """Risk said no before anything was written or sent; the order never existed."""

    at_ns: int
    client_order_id: str
    code: str
    limit: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown:
    """A request did not answer; the slot stays locked until Accepted, Filled or Ended follows."""

    at_ns: int
    client_order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """A funding settlement; positive is received."""

    at_ns: int
    amount: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """Journal and venue agree: every order not named in `open_orders` is final and was reported."""

    at_ns: int
    open_orders: frozenset[str]
    """Client order ids of ours that rest at the venue."""
    foreign_orders: int
    venue_position: int
    """Signed lots at the venue, foreign holdings included."""
    foreign_position: int = 0
    """Signed lots of it that none of our bots' executions explain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeReached:
    """A moment that the machine's horizon named has come."""

    at_ns: int


class Act(StrEnum):
    """What an operator can ask of a bot."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL_ALL = "cancel_all"
    """Cancel our orders and hold: no new ones until RESUME."""
    FLATTEN = "flatten"
    """Cancel, close our own position, hold."""
    STOP_KEEP = "stop_keep"
    STOP_CANCEL = "stop_cancel"
    STOP_FLATTEN = "stop_flatten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The operator, or the engine on the operator's behalf, asked for something."""

    at_ns: int
    act: Act
    by: str = "you"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskStateChanged:
    """Risk went to ACTIVE, REDUCING (only orders that reduce) or HALTED (nothing but cancels)."""

    at_ns: int
    state: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStale:
    """Prices or the private stream are stale since `since_ns`; a fresh MarketMoved ends it."""

    at_ns: int
    what: str
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEnded:
    """No more prices will come."""

    at_ns: int


Event = (
    MarketMoved
    | OrderAccepted
    | OrderFilled
    | OrderEnded
    | OrderDenied
    | OrderUnknown
    | FundingPaid
    | Reconciled
    | TimeReached
    | Asked
    | RiskStateChanged
    | DataStale
    | FeedEnded
)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The nearest prices and time at which something could act; all inside may be skipped."""

    above: int | None = None
    """Ticks; the first price from below upwards that must be handed over. None for never."""
    below: int | None = None
    at_ns: int | None = None

    def __or__(self, other: Horizon) -> Horizon:
        """The tighter of two horizons."""
        return Horizon(
            above=_nearer(self.above, other.above, min),
            below=_nearer(self.below, other.below, max),
            at_ns=_nearer(self.at_ns, other.at_ns, min),
        )


def _nearer(first: int | None, second: int | None, choose: Callable[[int, int], int]) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return choose(first, second)
