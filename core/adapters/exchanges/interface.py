"""The port every venue stands behind.

A service knows this class and nothing of any venue. Every method is a promise about units, order,
errors and rate; one contract suite (`test/contract`) holds all venues to it.

Rules for all methods:

- Symbols are canonical (`BTC-USDC-PERP`); amounts are unsigned base units, sizes are signed,
  prices are quote per base, rates are fractions, times are aware UTC.
- Errors are those of `core.errors`, translated at the venue's door. A read may raise
  `TransportError`, `RateLimited`, `AuthError`, `VenueUnavailable`, `NotSupported`.
- A method that changes orders raises `OrderRejected` only where the venue's answer proves that the
  order does not and will not exist, `NotSent` only where not one byte left; everything else that
  goes wrong is `OutcomeUnknown`. `CancelledError` passes through and leaves the outcome unknown.
- Nothing here retries by itself, and nothing sends anything that the caller did not ask for.
- Callbacks run on the event loop in the order of the venue's messages, must not block and must not
  call the venue; whoever needs to act puts the value on a queue. A callback that raises is logged
  and does not disturb the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from core.adapters.exchanges.models import (
    BalanceData,
    EventType,
    ExchangeEvent,
    ExchangeInfo,
    ExchangeStatus,
    FillData,
    FundingPaymentData,
    FundingRateData,
    HealthReport,
    Instrument,
    LeverageResult,
    MarginMode,
    MarginModeResult,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
    TickerData,
    TradeData,
    UserData,
)
from core.errors import NotSupported

TickerCallback = Callable[[TickerData], None]
OrderBookCallback = Callable[[OrderBookData], None]
TradeCallback = Callable[[TradeData], None]
UserDataCallback = Callable[[UserData], None]
EventCallback = Callable[[ExchangeEvent], None]


class Subscription:
    """Handle of one subscription; leaving it as a context manager, or `cancel()`, ends it."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel: Callable[[], None] | None = cancel

    def cancel(self) -> None:
        """Ends the subscription; a second call does nothing."""
        if self._cancel is not None:
            cancel, self._cancel = self._cancel, None
            cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()


@runtime_checkable
class ProvesKeys(Protocol):
    """An adapter that can try its keys without opening anything, at any time."""

    async def prove(self) -> None:
        """Tries them.

        Raises:
            AuthError: With the code of what is wrong: WITHDRAW, RIGHTS, ACCOUNT, POSITION_MODE, or
                the venue's own.
            VenueError: If the venue does not answer.
        """


class ExchangeInterface(ABC):
    """One account at one venue."""

    venue: str
    """Name in configuration files, such as `paper`."""
    account: str
    """Identity of the account, part of every fill's identity; empty where a venue has only one."""
    dead_mans_switch_s: float | None = None
    """How long the venue waits for us before it cancels the account's orders, where that was asked
    for; None for no such switch."""

    # -- life cycle ---------------------------------------------------------------------------

    @abstractmethod
    async def connect(self) -> bool:
        """Opens the connection and loads instruments. Idempotent.

        Returns:
            False if the venue refused; `get_status().detail` says why.

        Raises:
            TransportError: If the venue cannot be reached.
        """

    @abstractmethod
    async def disconnect(self) -> None:
        """Ends all subscriptions and closes the connection; resting orders stay. Idempotent."""

    @abstractmethod
    async def authenticate(self) -> bool:
        """Proves who we are, so that account methods work. Idempotent.

        Returns:
            False if the venue refused the key; `get_status().detail` says why.
        """

    @abstractmethod
    async def health_check(self) -> HealthReport:
        """Asks the venue for its time; never raises for a venue that is down."""

    # -- market data --------------------------------------------------------------------------

    @abstractmethod
    async def get_exchange_info(self) -> ExchangeInfo:
        """What the venue is and can do."""

    @abstractmethod
    async def get_instruments(self) -> list[Instrument]:
        """The rules of everything tradable, sorted by symbol."""

    @abstractmethod
    async def get_ticker(self, symbol: str) -> TickerData:
        """Newest prices."""

    @abstractmethod
    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """Newest prices of several symbols in the order asked, or of all, sorted by symbol."""

    @abstractmethod
    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth, best first on both sides, at most `limit` levels a side."""

    @abstractmethod
    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """Candles from old to new; the last one may still be open (`is_closed`)."""

    @abstractmethod
    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """Public trades from old to new, `at >= since`."""

    @abstractmethod
    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate that the next settlement will use.

        Raises:
            NotSupported: For anything but a perpetual.
        """

    # -- account and trading ------------------------------------------------------------------

    @abstractmethod
    async def get_balances(self) -> list[BalanceData]:
        """Every asset with a total other than zero, sorted by asset."""

    @abstractmethod
    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat, sorted by symbol."""

    def prepare_order(  # noqa: B027 # most adapters have nothing to do before they send
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        params: OrderOptions,
    ) -> None:
        """Says which order will soon be sent by `create_order`, with the very same `params`.

        An adapter may build and sign its request while the intent is being written. Nothing leaves,
        nothing is promised, and an order that cannot be sent is refused by `create_order` alone.
        """

    @abstractmethod
    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Sends one order, once.

        Args:
            symbol: Canonical symbol.
            side: Buy or sell.
            order_type: A limit order needs `price`; a market order has none.
            amount: Base units, a multiple of the lot.
            price: A multiple of the tick.
            params: Client order id, time in force, post-only, reduce-only, deadline.

        Returns:
            The venue's acknowledgement. It may already say FILLED; fills arrive as `FillData` on
            the private stream and through `get_fills`, which alone are booked.

        Raises:
            OrderRejected: Definitely refused; the order does not and will not exist.
            DuplicateClientOrderId: The id is taken: evidence that the order exists.
            NotSent: Not one byte left this machine.
            RateLimited: Refused before the matching engine, where the venue documents it so.
            OutcomeUnknown: Anything else; ask with `get_order`, never send again.
        """

    @abstractmethod
    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels by the venue's id. Repeating it is safe.

        Returns:
            The order as the venue last knew it. A fill may have come first: only `status` and
            `filled` say what happened.

        Raises:
            OrderNotFound: The venue does not know the order as open.
            OutcomeUnknown: The cancel may or may not have happened; the order may still fill.
        """

    @abstractmethod
    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels every open order of the account, foreign ones included.

        ctos itself never calls it while trading: it cancels its own orders one by one.
        """

    @abstractmethod
    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state, by the venue's id or by ours.

        Raises:
            OrderNotFound: This endpoint does not know it; see reliability P6 for what that proves.
        """

    def remember(self, client_order_ids: Iterable[str]) -> None:
        """Names ids of ours that messages may tell of from now on; nothing is sent.

        A venue that takes numbers where we have texts tells numbers back: what they stand for is
        learned here, so that lists name our orders also after a restart. A list that does not name
        an order of ours would be taken for proof that it is not there.
        """
        del client_order_ids  # where ids travel as they are

    @abstractmethod
    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders of the account from old to new, foreign ones included."""

    @abstractmethod
    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders from old to new by their last update, `updated_at >= since`."""

    @abstractmethod
    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new, `at >= since`, complete: pages are walked to the end."""

    @abstractmethod
    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Funding settlements of our positions from old to new, `at >= since`, complete.

        Needed so that a restart books what was settled while nobody listened, exactly once.
        Empty on venues without funding.
        """

    async def arm_switch(self, seconds: float | None) -> None:
        """Arms the venue's dead man's switch; None disarms it.

        In so many seconds, unless it is armed anew, the venue cancels every order of the account,
        foreign ones included.

        Raises:
            NotSupported: If the venue has none.
        """
        del seconds
        raise NotSupported(f"{self.venue} has no dead man's switch.", venue=self.venue)

    # -- settings -----------------------------------------------------------------------------

    def renew_rules(self) -> None:  # noqa: B027 # where rules are ours there is nothing to ask
        """Asks for the rules of instruments anew, soon: the venue refused an order.

        Returns at once and may be called with every refusal; an adapter asks once a minute at most.
        What is different is told by INSTRUMENT_CHANGED. Where rules are ours, nothing happens.
        """

    @abstractmethod
    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Sets and reads back the leverage; the result is what is in force."""

    @abstractmethod
    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Sets and reads back the margin mode; the result is what is in force."""

    # -- subscriptions ------------------------------------------------------------------------

    @abstractmethod
    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Every change of best bid, best ask, last or mark; may conflate, latest wins."""

    @abstractmethod
    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """The book after each change; may conflate, latest wins. Never a crossed or broken book."""

    @abstractmethod
    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Every public trade in order, none left out in silence."""

    @abstractmethod
    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """Our orders, fills, positions and balances in the venue's order; never conflated.

        Args:
            callback: Called with each message.
            kinds: Classes of messages that the subscriber needs, such as `FillData`; all when
                None. Those are never left out, others may come all the same.
        """

    @abstractmethod
    async def unsubscribe(self, symbol: str | None = None) -> None:
        """Ends all subscriptions of a symbol, or all of them, private ones included."""

    # -- status and events --------------------------------------------------------------------

    @abstractmethod
    def get_status(self) -> ExchangeStatus:
        """How the connection is, from memory; costs nothing."""

    @abstractmethod
    def is_connected(self) -> bool:
        """Whether public data may be trusted now."""

    @abstractmethod
    def is_authenticated(self) -> bool:
        """Whether account methods may be called now."""

    @abstractmethod
    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Calls back when something happens to the connection."""

    @abstractmethod
    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback; unknown ones are ignored."""
