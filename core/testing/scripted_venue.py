"""A venue that does what a test tells it: answers, keeps silent, lies late, or forgets.

It keeps true books (orders, executions, position), so that a test can compare what ctos believes
with what is so. Each create and cancel takes the next word from its script; an empty script means
that all is well. It is no paper venue: nothing trades unless the test says `fill`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto

from core.adapters.exchanges.interface import (
    EventCallback,
    ExchangeInterface,
    OrderBookCallback,
    Subscription,
    TickerCallback,
    TradeCallback,
    UserDataCallback,
)
from core.adapters.exchanges.models import (
    BalanceData,
    Capabilities,
    ConnectionState,
    EventType,
    ExchangeEvent,
    ExchangeInfo,
    ExchangeStatus,
    ExchangeType,
    FillData,
    FundingPaymentData,
    FundingRateData,
    HealthReport,
    Instrument,
    LeverageResult,
    Liquidity,
    MarginMode,
    MarginModeResult,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TickerData,
    TradeData,
    UserData,
)
from core.errors import (
    ActionsUsedUp,
    DuplicateClientOrderId,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.infrastructure.clock import Clock


class Create(Enum):
    """What becomes of a create."""

    LOST_BEFORE = auto()
    """The venue never saw it; no answer."""
    LOST_AFTER = auto()
    """It rests; no answer."""
    FILLED_LOST_AFTER = auto()
    """It filled whole, the stream is silent, no answer."""
    FILLED_BEFORE_ACK = auto()
    """Its fill is told before the answer."""
    HANGS_BEFORE = auto()
    """The venue never saw it and the connection stays open."""
    HANGS_AFTER = auto()
    """It rests and the answer never comes."""
    BROKEN_ANSWER = auto()
    """It rests; the answer is no order at all."""
    REJECTED = auto()
    NOT_SENT = auto()
    RATE_LIMITED = auto()
    USED_UP = auto()
    """Refused: the venue's budget of actions over the account's life is used up."""
    DUPLICATE = auto()
    """It rests from an earlier delivery; the answer says that the id is taken."""
    OF_ANOTHER = auto()
    """It rests; the answer speaks of another order."""


class Cancel(Enum):
    """What becomes of a cancel."""

    LOST_BEFORE = auto()
    LOST_AFTER = auto()
    """Cancelled; no answer."""
    FILLED_FIRST = auto()
    """A fill won the race: the order is not known as open any more."""
    ACK_THEN_FILL = auto()
    """Half filled and cancelled: the answer comes first, the fill is told later."""
    PENDING = auto()
    """Taken in, not done yet: the answer says open."""


class ScriptedVenue(ExchangeInterface):
    """One account of a venue in memory.

    Args:
        clock: For the times in what it tells.
        instrument: The one thing it trades.
        capabilities: What it says it can do.
    """

    def __init__(
        self,
        clock: Clock,
        instrument: Instrument,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.venue = instrument.venue
        self.account = "test"
        self.instrument = instrument
        self.create_script: deque[Create] = deque()
        self.cancel_script: deque[Cancel] = deque()
        self.is_reachable = True
        """False: every question ends in a TransportError."""
        self.is_stream_silent = False
        """True: nothing is told on the private stream, and nothing is told later."""
        self.hides_fills = False
        """True: `get_fills` lags and answers with nothing."""
        self.creates: list[str] = []
        """Client order ids of every create that was asked for, in order."""
        self.cancels: list[str] = []
        """Venue ids of every cancel that was asked for, in order."""
        self.questions: list[str] = []
        """Names of every read that was asked for, in order."""
        self.orders: dict[str, OrderData] = {}
        """Venue id -> order, in any state."""
        self.fills: list[FillData] = []
        self.funding: list[FundingPaymentData] = []
        self.position = Decimal(0)
        self.retry_after_s = 5.0
        self._clock = clock
        self._capabilities = capabilities or Capabilities(
            market_types=frozenset({ExchangeType.PERPETUAL})
        )
        self._listeners: list[UserDataCallback] = []
        self._event_listeners: list[tuple[EventType, EventCallback]] = []
        self._later: list[UserData] = []
        self._numbers = 0

    # -- what a test does ---------------------------------------------------------------------

    def by_client_id(self, client_order_id: str) -> OrderData:
        """The newest order with one of our ids.

        Raises:
            KeyError: If there is none.
        """
        for order in reversed(self.orders.values()):
            if order.client_order_id == client_order_id:
                return order
        raise KeyError(client_order_id)

    def open_orders(self) -> list[OrderData]:
        """Everything that rests."""
        return [order for order in self.orders.values() if order.status.is_open]

    def fill(
        self,
        client_order_id: str,
        amount: str | None = None,
        price: str | None = None,
        *,
        trade_id: str | None = None,
        is_named: bool = True,
    ) -> FillData:
        """Executes an order (whole by default) and tells of it, fill first, then the order."""
        order = self.by_client_id(client_order_id)
        fill = self.execute(order, amount, price, trade_id=trade_id)
        told = fill if is_named else replace(fill, client_order_id=None)
        self.tell(told)
        self.tell(self.orders[order.order_id])
        return told

    def execute(
        self,
        order: OrderData,
        amount: str | None = None,
        price: str | None = None,
        *,
        trade_id: str | None = None,
    ) -> FillData:
        """Executes an order without telling anyone."""
        order = self.orders[order.order_id]
        self._numbers += 1
        quantity = order.remaining if amount is None else Decimal(amount)
        filled = order.filled + quantity
        is_whole = filled >= order.amount
        status = OrderStatus.FILLED if is_whole else OrderStatus.PARTIALLY_FILLED
        if not order.status.is_open:
            status = order.status
        now = self._clock.now()
        self.orders[order.order_id] = replace(order, filled=filled, status=status, updated_at=now)
        self.position += quantity * order.side.sign
        value = Decimal(price) if price is not None else (order.price or Decimal(1))
        fill = FillData(
            venue=self.venue,
            account=self.account,
            symbol=order.symbol,
            trade_id=trade_id or f"t{self._numbers}",
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price=value,
            amount=quantity,
            fee=value * quantity * Decimal("0.0002"),
            fee_currency=self.instrument.quote,
            liquidity=Liquidity.MAKER,
            at=now,
        )
        self.fills.append(fill)
        return fill

    def settle(self, amount: str, *, is_told: bool = True) -> FundingPaymentData:
        """Settles funding on the position; positive is received."""
        payment = FundingPaymentData(
            venue=self.venue,
            account=self.account,
            symbol=self.instrument.symbol,
            payment_id=f"f{len(self.funding) + 1}",
            amount=Decimal(amount),
            rate=Decimal("0.0001"),
            position=self.position,
            at=self._clock.now(),
        )
        self.funding.append(payment)
        if is_told:
            self.tell(payment)
        return payment

    def end(self, client_order_id: str, status: OrderStatus, *, is_told: bool = True) -> None:
        """Ends an order as the venue or its user would."""
        order = self.by_client_id(client_order_id)
        self.orders[order.order_id] = replace(order, status=status, updated_at=self._clock.now())
        if is_told:
            self.tell(self.orders[order.order_id])

    def forget(self, client_order_id: str) -> None:
        """Loses every trace of an order."""
        del self.orders[self.by_client_id(client_order_id).order_id]

    def place_foreign(self, side: OrderSide, price: str, amount: str) -> OrderData:
        """An order that somebody else put on the account."""
        return self._accept(
            self.instrument.symbol,
            side,
            OrderType.LIMIT,
            Decimal(amount),
            Decimal(price),
            OrderOptions(),
        )

    def silence(self) -> None:
        """Drops every listener, as the death of their process does."""
        self._listeners.clear()
        self._event_listeners.clear()

    def use(self, clock: Clock) -> None:
        """Goes on with another clock, for the process after a crash."""
        self._clock = clock

    def tell(self, data: UserData) -> None:
        """Tells it on the private stream, unless that is silent."""
        if not self.is_stream_silent:
            for listener in tuple(self._listeners):
                listener(data)

    def tell_later(self) -> None:
        """Tells what a script held back."""
        later, self._later = self._later, []
        for data in later:
            self.tell(data)

    def recover(self) -> None:
        """Says that the connection is back after a gap."""
        event = ExchangeEvent(
            venue=self.venue, event_type=EventType.RECOVERED, at=self._clock.now()
        )
        for kind, callback in tuple(self._event_listeners):
            if kind is EventType.RECOVERED:
                callback(event)

    # -- orders -------------------------------------------------------------------------------

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Takes the next word of the script."""
        options = params or OrderOptions()
        client_order_id = options.client_order_id or ""
        self.creates.append(client_order_id)
        word = self.create_script.popleft() if self.create_script else None
        await asyncio.sleep(0)
        self._refuse(word)
        if word is Create.HANGS_BEFORE:
            await asyncio.get_running_loop().create_future()
        order = self._accept(symbol, side, order_type, amount, price, options)
        self._accepted(word, order)
        if word is Create.HANGS_AFTER:
            await asyncio.get_running_loop().create_future()
        if word is Create.OF_ANOTHER:
            return replace(order, client_order_id="cother0001", order_id="v999")
        if word is not Create.FILLED_BEFORE_ACK:
            self.tell(order)
        return order

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Takes the next word of the script."""
        self.cancels.append(order_id)
        word = self.cancel_script.popleft() if self.cancel_script else None
        await asyncio.sleep(0)
        if not self.is_reachable or word is Cancel.LOST_BEFORE:
            raise OutcomeUnknown(f"{self.venue} did not answer.", venue=self.venue)
        order = self.orders.get(order_id)
        if order is None or not order.status.is_open:
            raise OrderNotFound(f"{self.venue} knows no open order {order_id}.")
        if word is Cancel.PENDING:
            return order
        if word is Cancel.FILLED_FIRST:
            self._later = [self.execute(order), self.orders[order_id]]
            raise OrderNotFound(f"{self.venue} knows no open order {order_id}.")
        if word is Cancel.ACK_THEN_FILL:
            self._later = [self.execute(order, str(order.remaining / 2))]
            order = self.orders[order_id]
        ended = replace(order, status=OrderStatus.CANCELED, updated_at=self._clock.now())
        self.orders[order_id] = ended
        if word is Cancel.LOST_AFTER:
            raise OutcomeUnknown(f"{self.venue} did not answer.", venue=self.venue)
        self.tell(ended)
        return ended

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Never called by ctos while trading."""
        raise NotSupported("this venue cancels one by one.")

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order."""
        await self._asked("get_order")
        for order in reversed(self.orders.values()):
            if order.order_id == order_id or (
                client_order_id and order.client_order_id == client_order_id
            ):
                return order
        raise OrderNotFound(f"{self.venue} does not know the order.")

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Open orders."""
        await self._asked("get_open_orders")
        return self.open_orders()

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders."""
        await self._asked("get_order_history")
        return [order for order in self.orders.values() if not order.status.is_open]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Executions."""
        await self._asked("get_fills")
        if self.hides_fills:
            return []
        return [fill for fill in self.fills if since is None or fill.at >= since]

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Settlements."""
        await self._asked("get_funding_payments")
        return [item for item in self.funding if since is None or item.at >= since]

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """The one position."""
        await self._asked("get_positions")
        if not self.position:
            return []
        symbol = self.instrument.symbol
        return [PositionData(venue=self.venue, symbol=symbol, size=self.position)]

    async def get_balances(self) -> list[BalanceData]:
        """On spot, the base asset that is held."""
        await self._asked("get_balances")
        base = BalanceData(
            venue=self.venue, asset=self.instrument.base, total=self.position, free=self.position
        )
        return [base] if self.position else []

    # -- subscriptions ------------------------------------------------------------------------

    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """The private stream, with everything on it."""
        self._listeners.append(callback)
        return Subscription(lambda: self._drop(callback))

    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Connection events."""
        self._event_listeners.append((event_type, callback))
        return Subscription(lambda: self.remove_event_callback(event_type, callback))

    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback."""
        if (event_type, callback) in self._event_listeners:
            self._event_listeners.remove((event_type, callback))

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Silent."""
        return Subscription(_nothing)

    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """Silent."""
        return Subscription(_nothing)

    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Silent."""
        return Subscription(_nothing)

    async def unsubscribe(self, symbol: str | None = None) -> None:
        """Ends all."""
        self._listeners.clear()

    # -- the rest -----------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Always."""
        return True

    async def disconnect(self) -> None:
        """Orders stay."""
        self._listeners.clear()

    async def authenticate(self) -> bool:
        """Always."""
        return True

    async def health_check(self) -> HealthReport:
        """As reachable as told."""
        return HealthReport(
            venue=self.venue, is_healthy=self.is_reachable, latency_ms=0.0, clock_skew_ms=0.0
        )

    async def get_exchange_info(self) -> ExchangeInfo:
        """What it can do."""
        return ExchangeInfo(
            venue=self.venue,
            name="Scripted",
            capabilities=self._capabilities,
            symbols=(self.instrument.symbol,),
        )

    async def get_instruments(self) -> list[Instrument]:
        """The one."""
        return [self.instrument]

    async def get_ticker(self, symbol: str) -> TickerData:
        """No market data here."""
        raise NotSupported("this venue has no market data.")

    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """No market data here."""
        raise NotSupported("this venue has no market data.")

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """No market data here."""
        raise NotSupported("this venue has no market data.")

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """No market data here."""
        raise NotSupported("this venue has no market data.")

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """No market data here."""
        raise NotSupported("this venue has no market data.")

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """No market data here."""
        raise NotSupported("this venue has no market data.")

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """As asked."""
        return LeverageResult(symbol=symbol, leverage=leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """As asked."""
        return MarginModeResult(symbol=symbol, margin_mode=margin_mode)

    def get_status(self) -> ExchangeStatus:
        """As reachable as told."""
        state = ConnectionState.LIVE if self.is_reachable else ConnectionState.RECONNECTING
        return ExchangeStatus(venue=self.venue, state=state, is_authenticated=True)

    def is_connected(self) -> bool:
        """As told."""
        return self.is_reachable

    def is_authenticated(self) -> bool:
        """Always."""
        return True

    # -- inside -------------------------------------------------------------------------------

    def _refuse(self, word: Create | None) -> None:
        if word is Create.REJECTED:
            raise OrderRejected(f"{self.venue} refused the order.", code="INSUFFICIENT_FUNDS")
        if word is Create.NOT_SENT:
            raise NotSent(f"{self.venue} cannot be reached.")
        if word is Create.USED_UP:
            raise ActionsUsedUp(
                "scripted takes no more actions: 10001 > 10000.", retry_after_s=10, venue=self.venue
            )
        if word is Create.RATE_LIMITED:
            raise RateLimited(f"{self.venue} is busy.", retry_after_s=self.retry_after_s)
        if word is Create.LOST_BEFORE or not self.is_reachable:
            raise OutcomeUnknown(f"{self.venue} did not answer.", venue=self.venue)

    def _accepted(self, word: Create | None, order: OrderData) -> None:
        if word is Create.LOST_AFTER:
            raise OutcomeUnknown(f"{self.venue} did not answer.", venue=self.venue)
        if word is Create.FILLED_LOST_AFTER:
            self.execute(order)
            raise OutcomeUnknown(f"{self.venue} did not answer.", venue=self.venue)
        if word is Create.FILLED_BEFORE_ACK:
            self.tell(self.execute(order))
        if word is Create.BROKEN_ANSWER:
            raise ValueError("Expecting value: line 1 column 1 (char 0)")
        if word is Create.DUPLICATE:
            raise DuplicateClientOrderId(f"{self.venue} has the id already.")

    def _accept(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        self._numbers += 1
        now = self._clock.now()
        order = OrderData(
            venue=self.venue,
            symbol=symbol,
            order_id=f"v{self._numbers}",
            client_order_id=options.client_order_id,
            side=side,
            order_type=order_type,
            status=OrderStatus.OPEN,
            amount=amount,
            price=price,
            time_in_force=options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            created_at=now,
            updated_at=now,
        )
        self.orders[order.order_id] = order
        return order

    def _drop(self, callback: UserDataCallback) -> None:
        if callback in self._listeners:
            self._listeners.remove(callback)

    async def _asked(self, name: str) -> None:
        self.questions.append(name)
        await asyncio.sleep(0)
        if not self.is_reachable:
            raise TransportError(f"{self.venue} cannot be reached.", venue=self.venue)


def _nothing() -> None:
    """Nothing to end."""
