"""The words every part of ctos shares: what a venue tells us, and the rules of an instrument.

`*Data` is what a venue said. All values are immutable and checked once when they are made: prices,
amounts, money and rates are finite `Decimal`s (text and integers are accepted, binary floats are
refused), times are timezone-aware UTC. `None` means that the venue did not say; zero means zero.

Standard library only, so that any module may import it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from enum import Enum, StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class ExchangeType(StrEnum):
    """Kind of market a venue or an instrument belongs to."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURES = "futures"
    STOCK = "stock"
    FOREX = "forex"


class OrderSide(StrEnum):
    """Direction of an order or of the taker of a trade."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is OrderSide.BUY else -1

    @property
    def opposite(self) -> OrderSide:
        """The other side."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(StrEnum):
    """How an order names its price; execution conditions are in `OrderOptions`."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GTC = "gtc"
    """Until cancelled."""
    IOC = "ioc"
    """What does not fill at once is cancelled."""
    FOK = "fok"
    """All at once or nothing."""


class OrderStatus(StrEnum):
    """The venue's word on an order; UNKNOWN is a word we do not understand, not open nor closed."""

    PENDING = "pending"
    """Received, not yet accepted by the matching engine."""
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return self in _OPEN_STATUSES

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self in _FINAL_STATUSES


_OPEN_STATUSES: Final = frozenset(
    {OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED}
)
_FINAL_STATUSES: Final = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED}
)


class PositionSide(StrEnum):
    """Side of a position; one-way accounts report LONG, SHORT or FLAT from the sign of the size."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"


class MarginMode(StrEnum):
    """Whether a position has its own collateral or shares the account's."""

    CROSS = "cross"
    ISOLATED = "isolated"


class Liquidity(StrEnum):
    """Which side of the trade an execution was on."""

    MAKER = "maker"
    TAKER = "taker"


class FeeAsset(StrEnum):
    """What a spot buy pays its fee in."""

    QUOTE = "quote"
    BASE = "base"


class Rounding(Enum):
    """Direction of a rounding; there is no default on purpose."""

    DOWN = ROUND_FLOOR
    UP = ROUND_CEILING


class EventType(StrEnum):
    """What `ExchangeInterface.add_event_callback` can tell."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    RECONNECTING = "reconnecting"
    AUTHENTICATED = "authenticated"
    STALE = "stale"
    RECOVERED = "recovered"
    RATE_LIMITED = "rate_limited"
    FEED_ENDED = "feed_ended"
    INSTRUMENT_CHANGED = "instrument_changed"
    """The rules of something that is traded are others now, or it does not trade; see detail."""
    ERROR = "error"


def to_decimal(value: Decimal | int | str) -> Decimal:
    """A finite Decimal from text, an integer or a Decimal.

    Raises:
        TypeError: For a float (its text is not what the venue sent), a bool or another type.
        ValueError: For text that is no number, NaN or an infinity.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        message = f"expected Decimal, int or text, not {type(value).__name__} {value!r}"
        raise TypeError(message)
    try:
        number = value if isinstance(value, Decimal) else Decimal(value)
    except InvalidOperation as error:
        message = f"{value!r} is not a number"
        raise ValueError(message) from error
    if not number.is_finite():
        message = f"{value!r} is not finite"
        raise ValueError(message)
    return number


def plain(value: Decimal) -> str:
    """Plain notation, no exponent, no trailing zeros: `Decimal("1E+3")` is `1000`; zero is `0`."""
    if not value:
        return "0"
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def from_ns(ns: int) -> datetime:
    """UTC time of `ns` nanoseconds since 1970, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def to_ns(at: datetime) -> int:
    """Exact nanoseconds since 1970 of an aware time."""
    return (at - _EPOCH) // _MICROSECOND * 1000


class _Checked:
    """Normalises every Decimal and datetime field of a frozen dataclass, once, when it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        cls = type(self)
        kinds, values = _KINDS.get(cls) or _kinds(cls)
        for (name, kind), value in zip(kinds, values(self), strict=True):
            if value is None:
                continue
            if kind is Decimal:
                if type(value) is not Decimal or not value.is_finite():
                    object.__setattr__(self, name, to_decimal(value))
            elif value.tzinfo is None:
                message = f"{type(self).__name__}.{name} must be timezone-aware, got {value!r}"
                raise ValueError(message)
            elif value.tzinfo is not UTC:
                object.__setattr__(self, name, value.astimezone(UTC))


_Kinds = tuple[tuple[tuple[str, type], ...], Callable[[object], tuple[Any, ...]]]
_KINDS: dict[type, _Kinds] = {}
"""Checked class -> name and type of each field that is normalised, and what reads them all."""


def _kinds(cls: type) -> _Kinds:
    known = _KINDS.get(cls)
    if known is None:
        found: list[tuple[str, type]] = []
        for item in fields(cls):
            annotation = str(item.type).removesuffix(" | None")
            if annotation == "Decimal":
                found.append((item.name, Decimal))
            elif annotation == "datetime":
                found.append((item.name, datetime))
        names = [name for name, _ in found]
        if len(names) > 1:
            known = tuple(found), attrgetter(*names)
        else:
            known = tuple(found), lambda made: tuple(getattr(made, name) for name in names)
        _KINDS[cls] = known
    return known


@dataclass(frozen=True, kw_only=True)
class Instrument(_Checked):
    """The rules of one tradable thing at one venue. Every rounding of ctos happens here."""

    symbol: str
    """Canonical, such as `BTC-USDC-PERP`."""
    venue: str
    market_type: ExchangeType
    base: str
    quote: str
    settle: str = ""
    """Asset that margin and results are counted in; the quote when empty."""
    venue_symbol: str = ""
    """The venue's own spelling; the canonical symbol when empty."""
    tick_size: Decimal
    """Smallest price step, quote per base, > 0."""
    lot_size: Decimal
    """Smallest amount step in base units (contracts × contract_size), > 0."""
    min_amount: Decimal = Decimal(0)
    """Smallest order amount, base units; the lot applies in any case."""
    min_notional: Decimal = Decimal(0)
    """Smallest order value in quote; 0 for none."""
    max_amount: Decimal | None = None
    contract_size: Decimal = Decimal(1)
    """Base units per contract: notional = amount × price × contract_size."""
    maker_fee: Decimal | None = None
    """Fraction of notional, negative for a rebate; None when the venue did not say."""
    taker_fee: Decimal | None = None
    fee_asset: FeeAsset = FeeAsset.QUOTE
    fee_step: Decimal | None = None
    """Money step that fees are rounded up to; None for unrounded."""
    max_leverage: Decimal = Decimal(20)
    maintenance_margin_rate: Decimal = Decimal("0.005")
    """Fraction of notional that keeps a position from liquidation."""
    funding_interval_s: int | None = None
    reference_price: Decimal | None = None
    """Round number near which the simulated market starts; never used to trade."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tick_size", "lot_size", "contract_size"):
            if getattr(self, name) <= 0:
                message = f"{self.symbol}: {name} must be above 0"
                raise ValueError(message)
        if not self.settle:
            object.__setattr__(self, "settle", self.quote)
        if not self.venue_symbol:
            object.__setattr__(self, "venue_symbol", self.symbol)

    @property
    def is_spot(self) -> bool:
        """Whether a holding is an asset rather than a margined position."""
        return self.market_type in (ExchangeType.SPOT, ExchangeType.STOCK)

    @cached_property
    def price_decimals(self) -> int:
        """Decimals that show every tick."""
        return max(0, -int(self.tick_size.normalize().as_tuple().exponent))

    @cached_property
    def amount_decimals(self) -> int:
        """Decimals that show every lot."""
        return max(0, -int(self.lot_size.normalize().as_tuple().exponent))

    def round_price(self, price: Decimal, rounding: Rounding) -> Decimal:
        """The tick next to `price` in the stated direction."""
        return (price / self.tick_size).quantize(Decimal(1), rounding.value) * self.tick_size

    def floor_amount(self, amount: Decimal) -> Decimal:
        """`amount` cut down to whole lots (towards zero)."""
        return amount // self.lot_size * self.lot_size

    def ticks(self, price: Decimal) -> int:
        """The price as whole ticks.

        Raises:
            ValueError: If `price` is no multiple of the tick.
        """
        count, rest = divmod(price, self.tick_size)
        if rest:
            raise ValueError(
                f"{self.symbol}: price {plain(price)} is no multiple of the tick "
                f"{plain(self.tick_size)}"
            )
        return int(count)

    def lots(self, amount: Decimal) -> int:
        """The amount as whole lots.

        Raises:
            ValueError: If `amount` is no multiple of the lot.
        """
        count, rest = divmod(amount, self.lot_size)
        if rest:
            raise ValueError(
                f"{self.symbol}: amount {plain(amount)} is no multiple of the lot "
                f"{plain(self.lot_size)}"
            )
        return int(count)

    def price(self, ticks: int) -> Decimal:
        """The price of a number of ticks."""
        return ticks * self.tick_size

    def amount(self, lots: int) -> Decimal:
        """The amount of a number of lots."""
        return lots * self.lot_size

    def notional(self, price: Decimal, amount: Decimal) -> Decimal:
        """Amount × price × contract_size, in quote."""
        return amount * price * self.contract_size


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOptions:
    """Properties of an order beside side, type, price and amount."""

    client_order_id: str | None = None
    """Ours, made before sending, unique for ever; at most 32 ASCII letters and digits."""
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    """Refused by the venue instead of taking."""
    reduce_only: bool = False
    """May only bring the position nearer to zero."""
    expires_at: datetime | None = None
    """Request deadline: a venue refuses what arrives later, so a negative answer becomes final."""
    may_leave: Callable[[], bool] | None = field(default=None, compare=False, repr=False)
    """Asked by an adapter that waited for something else first, right before it sends; False: the
    order is `NotSent`."""


NO_OPTIONS: Final = OrderOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderData(_Checked):
    """A venue's word on one order."""

    venue: str
    symbol: str
    order_id: str
    """The venue's id, opaque text; empty while the venue has not given one."""
    client_order_id: str | None = None
    side: OrderSide
    order_type: OrderType
    status: OrderStatus
    amount: Decimal
    """Ordered, unsigned, base units."""
    price: Decimal | None = None
    """Limit price; None for a market order."""
    filled: Decimal = Decimal(0)
    """Cumulative, unsigned, base units."""
    average_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    reason: str | None = None
    """Why it was rejected, cancelled or expired, as the venue's code or word."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def remaining(self) -> Decimal:
        """What has not filled."""
        return self.amount - self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class FillData(_Checked):
    """One execution of one of our orders. Identity: (venue, account, symbol, trade_id)."""

    venue: str
    account: str = ""
    symbol: str
    trade_id: str
    order_id: str
    client_order_id: str | None = None
    side: OrderSide
    price: Decimal
    amount: Decimal
    """Unsigned, base units."""
    fee: Decimal = Decimal(0)
    """Paid in `fee_currency`; negative is a rebate."""
    fee_currency: str = ""
    """The quote when empty."""
    liquidity: Liquidity | None = None
    at: datetime
    """When it happened at the venue."""
    received_at: datetime | None = None
    """When we heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionData(_Checked):
    """A net position."""

    venue: str
    symbol: str
    size: Decimal
    """Signed, long positive, base units."""
    entry_price: Decimal | None = None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    margin: Decimal | None = None
    leverage: Decimal | None = None
    margin_mode: MarginMode | None = None
    at: datetime | None = None

    @property
    def side(self) -> PositionSide:
        """LONG, SHORT or FLAT, from the sign of the size."""
        if self.size > 0:
            return PositionSide.LONG
        return PositionSide.SHORT if self.size < 0 else PositionSide.FLAT


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceData(_Checked):
    """One asset of the account."""

    venue: str
    asset: str
    total: Decimal
    free: Decimal
    used: Decimal = Decimal(0)
    """Held by open orders or margin."""
    equity: Decimal | None = None
    """Total plus unrealised result, for margin assets."""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerData(_Checked):
    """Newest prices of a symbol; last, mark and index are different prices."""

    venue: str
    symbol: str
    bid: Decimal | None = None
    bid_amount: Decimal | None = None
    ask: Decimal | None = None
    ask_amount: Decimal | None = None
    last: Decimal | None = None
    mark: Decimal | None = None
    index: Decimal | None = None
    open_24h: Decimal | None = None
    high_24h: Decimal | None = None
    low_24h: Decimal | None = None
    volume_24h: Decimal | None = None
    at: datetime
    received_at: datetime | None = None

    @property
    def mid(self) -> Decimal | None:
        """Half way between bid and ask, where both are known."""
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class OHLCVData(_Checked):
    """One candle; `at` is its open time."""

    venue: str
    symbol: str
    timeframe: str
    """`1m`, `5m`, `1h`, `1d` …"""
    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_closed: bool = True


@dataclass(frozen=True, slots=True)
class BookLevel:
    """One price of a book with its amount in base units."""

    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBookData(_Checked):
    """Depth of a symbol: bids from high to low, asks from low to high."""

    venue: str
    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    sequence: int | None = None
    at: datetime
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeData(_Checked):
    """One public trade."""

    venue: str
    symbol: str
    trade_id: str = ""
    price: Decimal
    amount: Decimal
    side: OrderSide | None = None
    """The taker's."""
    at: datetime
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRateData(_Checked):
    """The funding rate of a perpetual. Positive: longs pay shorts."""

    venue: str
    symbol: str
    rate: Decimal
    """Fraction of notional per `interval_s`."""
    interval_s: int
    next_at: datetime | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a venue can do, so that callers need not find out by failing."""

    market_types: frozenset[ExchangeType]
    has_private_stream: bool = True
    has_post_only: bool = True
    has_reduce_only: bool = True
    has_request_deadline: bool = False
    """Whether `OrderOptions.expires_at` is enforced before the matching engine."""
    finds_by_client_order_id: bool = True
    client_order_id_unique_forever: bool = False
    """False: an id may be taken again once its order is closed, so resending could double it."""
    max_client_order_id_length: int = 32
    cancel_all_is_account_wide: bool = False
    has_dead_mans_switch: bool = False
    """Whether the venue cancels every order of the account by itself unless it is told not to."""
    orders_per_minute: int | None = None
    """Published limit; None for none."""
    changes_in_flight: int | None = None
    """Creates and cancels that are handed to a venue at a time whose requests about orders leave
    one after the other; None where they do not wait for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeInfo:
    """What a venue is."""

    venue: str
    name: str
    capabilities: Capabilities
    symbols: tuple[str, ...] = ()
    server_time: datetime | None = None


class ConnectionState(StrEnum):
    """Life of a connection; `LIVE` is the only state whose data may be traded on."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    AUTHENTICATING = "authenticating"
    RESUBSCRIBING = "resubscribing"
    SNAPSHOT = "snapshot"
    LIVE = "live"
    STALE = "stale"
    RECONNECTING = "reconnecting"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeStatus:
    """How a connection is."""

    venue: str
    state: ConnectionState
    is_authenticated: bool
    latency_ms: float | None = None
    data_age_s: float | None = None
    """Age by event time of the newest public message."""
    detail: str = ""
    """Why it is not live, in words."""
    feed: str = ""
    """`live`, `sim:7`, or the recording's name; the paper venue's source of prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """Answer of `health_check`."""

    venue: str
    is_healthy: bool
    latency_ms: float | None
    clock_skew_ms: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How a perpetual is to be margined."""

    leverage: Decimal
    mode: MarginMode


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageResult:
    """The leverage that is in force after `set_leverage`."""

    symbol: str
    leverage: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginModeResult:
    """The margin mode that is in force after `set_margin_mode`."""

    symbol: str
    margin_mode: MarginMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeEvent:
    """Something happened to the connection."""

    venue: str
    event_type: EventType
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaymentData(_Checked):
    """One funding settlement of our position. Identity: (venue, account, symbol, payment_id)."""

    venue: str
    account: str = ""
    symbol: str
    payment_id: str
    amount: Decimal
    """In the settlement asset; positive is received."""
    rate: Decimal
    """Fraction of notional; positive: longs pay shorts."""
    position: Decimal
    """Signed size that it was computed on, base units."""
    at: datetime


UserData = OrderData | FillData | PositionData | BalanceData | FundingPaymentData
"""What `subscribe_user_data` delivers."""
