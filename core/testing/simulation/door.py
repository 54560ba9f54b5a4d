"""The program's door to the simulated venue: requests and streams through a network that fails.

A request leaves its process and from then on belongs to the world: it arrives, takes effect and
answers whether or not anybody is left to hear it. A message of a stream is called back as work of
the process that subscribed, in the order of its connection.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

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
    ConnectionState,
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
    to_ns,
)
from core.errors import (
    CtosError,
    MalformedMessage,
    NotSent,
    NotSupported,
    OrderNotFound,
    OutcomeUnknown,
    RateLimited,
    TransportError,
    VenueError,
)
from core.infrastructure.clock import Clock
from core.infrastructure.rng import Rng
from core.testing.simulation.clock import MachineClock
from core.testing.simulation.faults import Active, Kind
from core.testing.simulation.history import (
    Banned,
    Called,
    CancelCalled,
    CreateCalled,
    Denied,
    History,
)
from core.testing.simulation.loop import Process, SimulationLoop
from core.testing.simulation.venue import SimulatedVenue

T = TypeVar("T")
NS_PER_S: Final = 1_000_000_000
_CHANGES: Final = frozenset({"create_order", "cancel_order"})
GIVES_UP_S: Final = 8.0
"""When a client gives a request up by itself."""
LATEST_CREATE_S: Final = 3.3
"""Longest that a create is late where the venue does not look at its deadline."""


class Latency:
    """How long a message travels in quiet times, drawn once for a run.

    Args:
        rng: Draws it, and each journey.
    """

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self.least_s = rng.uniform(0.001, 0.05)
        self.mean_s = rng.uniform(0.005, 0.2)

    def draw_ns(self) -> int:
        """One journey."""
        extra_s = -self.mean_s * math.log(1.0 - self._rng.random())
        return round((self.least_s + min(extra_s, 1.2)) * NS_PER_S)


class Line:
    """One connection whose messages keep their order, from the venue to a process."""

    def __init__(self, loop: SimulationLoop, process: Process, latency: Latency) -> None:
        self._loop = loop
        self._process = process
        self._latency = latency
        self._free_ns = 0
        self._here: deque[tuple[Callable[[Any], None], object]] = deque()
        """Arrived, and not yet handed over."""

    def send(self, callback: Callable[[Any], None], data: object, extra_ns: int = 0) -> None:
        """Delivers a message after those before it."""
        self._free_ns = max(self._free_ns, self._loop.now_ns() + self._latency.draw_ns() + extra_ns)
        self._loop.world_at_ns(self._free_ns, self._arrive, callback, data)

    def send_alone(self, callback: Callable[[Any], None], data: object, delay_ns: int) -> None:
        """Delivers a message that others may overtake."""
        self._loop.world_at_ns(self._loop.now_ns() + delay_ns, self._arrive, callback, data)

    def _arrive(self, callback: Callable[[Any], None], data: object) -> None:
        self._here.append((callback, data))
        self._loop.deliver(self._process, self._hand_over)

    def _hand_over(self) -> None:
        """Hands the oldest message over, whichever of the wake-ups comes first."""
        callback, data = self._here.popleft()
        callback(data)


class VenueDoor(ExchangeInterface):
    """The venue as one process sees it.

    Args:
        venue: What is behind the network.
        process: Whose door it is.
        clock: Of the machine.
        stamps: The clock that requests are stamped with: the engine's.
        rng: Draws journeys.
        faults: What is wrong now.
        history: Told what leaves and what comes.
    """

    def __init__(  # both ends of a wire
        self,
        venue: SimulatedVenue,
        *,
        process: Process,
        clock: MachineClock,
        stamps: Clock,
        rng: Rng,
        faults: Active,
        history: History,
    ) -> None:
        self.venue = venue.instrument.venue
        self.account = "paper"
        self.newest_price_ns: int | None = None
        """Event time of the newest price that this process was given."""
        self._far = venue
        self._loop = venue.loop
        self._process = process
        self._clock = clock
        self._stamps = stamps
        self._faults = faults
        self._history = history
        self._latency = Latency(rng.child("requests"))
        self._private = Line(venue.loop, process, Latency(rng.child("private")))
        self._public = Line(venue.loop, process, Latency(rng.child("public")))
        self._number = 0
        self._bans: dict[asyncio.Future[Any], Banned] = {}
        """Answer that has arrived -> the ban it tells of; who gave up in that moment heard none."""
        self._state = ConnectionState.DISCONNECTED
        self._is_private_up = self._is_public_up = True
        self._listeners: list[tuple[UserDataCallback, frozenset[type] | None]] = []
        self._tickers: list[TickerCallback] = []
        self._events: list[tuple[EventType, EventCallback]] = []
        self._frozen_at: datetime | None = None
        self._was_true = False
        """Whether the last price that was sent was as the market had it, and somebody listened."""

    # -- life ---------------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Opens both streams."""
        await self._ask("connect", "", self._nothing)
        self._far.on_user_data.append(self._on_user_data)
        self._far.on_ticker.append(self._on_ticker)
        self._state = ConnectionState.LIVE
        self._tell(EventType.CONNECTED)
        return True

    async def disconnect(self) -> None:
        """Closes both streams."""
        self.hang_up()
        self._state = ConnectionState.DISCONNECTED

    def hang_up(self) -> None:
        """The venue notices that nobody is there any more."""
        if self._on_user_data in self._far.on_user_data:
            self._far.on_user_data.remove(self._on_user_data)
        if self._on_ticker in self._far.on_ticker:
            self._far.on_ticker.remove(self._on_ticker)

    async def authenticate(self) -> bool:
        """Always."""
        return True

    async def health_check(self) -> HealthReport:
        """The venue's time beside the one that orders are stamped with."""
        began_ns, began_mono_ns = self._stamps.now_ns(), self._loop.now_ns()
        try:
            told_ns = await self._ask("health_check", "", self._tell_time)
        except RateLimited:
            raise
        except VenueError as error:
            return HealthReport(
                venue=self.venue,
                is_healthy=False,
                latency_ms=None,
                clock_skew_ms=None,
                detail=str(error),
            )
        took_ns = self._loop.now_ns() - began_mono_ns
        return HealthReport(
            venue=self.venue,
            is_healthy=True,
            latency_ms=took_ns / 1e6,
            clock_skew_ms=(told_ns - began_ns - took_ns // 2) / 1e6,
        )

    async def _tell_time(self) -> int:
        return self._loop.now_ns()

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
        """A create leaves."""
        options = params or OrderOptions()
        identity = options.client_order_id or ""
        newest = self.newest_price_ns
        record = CreateCalled(
            at_ns=self._loop.now_ns(),
            life=self._process.number,
            number=self._next(),
            method="create_order",
            identity=identity,
            side=side.value,
            price=price,
            amount=amount,
            time_in_force=options.time_in_force.value,
            reduce_only=options.reduce_only,
            price_age_ns=None if newest is None else self._loop.now_ns() - newest,
            stamped_ns=self._stamps.now_ns(),
        )
        answer = await self._send(
            record, lambda: self._far.create(side, order_type, amount, price, options)
        )
        return self._mixed_up(answer)

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """A cancel leaves."""
        record = CancelCalled(
            at_ns=self._loop.now_ns(),
            life=self._process.number,
            number=self._next(),
            method="cancel_order",
            order_id=order_id,
        )
        return await self._send(record, lambda: self._far.cancel(order_id))

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Never called by ctos: it would take others' orders too."""
        raise NotSupported("this venue cancels one by one.")

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order."""
        asked_ns = self._loop.now_ns()
        try:
            found = await self._ask(
                "get_order",
                client_order_id or order_id or "",
                lambda: self._far.order(order_id, client_order_id),
            )
        except OrderNotFound:
            self._deny(asked_ns, "order", client_order_id or "", ())
            raise
        return self._mixed_up(found)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """What is open."""
        asked_ns = self._loop.now_ns()
        found = await self._ask("get_open_orders", "", self._far.open_orders)
        self._deny(asked_ns, "open_orders", "", _identities(found))
        return found

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """What is closed."""
        return await self._ask("get_order_history", "", lambda: self._far.history(since, limit))

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Executions; `since` is a time of the machine's wall, as every time that we have."""
        asked_ns = self._loop.now_ns()
        found = await self._ask("get_fills", "", lambda: self._far.fills(since))
        self._deny(asked_ns, "fills", "", _identities(found))
        return found

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Settlements."""
        return await self._ask("get_funding_payments", "", lambda: self._far.funding(since))

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """What is held."""
        return await self._ask("get_positions", "", self._far.positions)

    async def get_balances(self) -> list[BalanceData]:
        """What there is."""
        return await self._ask("get_balances", "", self._far.paper.get_balances)

    # -- market data --------------------------------------------------------------------------

    async def get_exchange_info(self) -> ExchangeInfo:
        """What the venue can do."""
        return await self._ask("get_exchange_info", "", self._far.paper.get_exchange_info)

    async def get_instruments(self) -> list[Instrument]:
        """The one that is traded."""
        return [self._far.instrument]

    async def get_ticker(self, symbol: str) -> TickerData:
        """Newest prices."""
        return await self._ask("get_ticker", "", lambda: self._far.paper.get_ticker(symbol))

    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """Newest prices."""
        return [await self.get_ticker(self._far.instrument.symbol)]

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth."""
        return await self._ask(
            "get_orderbook", "", lambda: self._far.paper.get_orderbook(symbol, limit)
        )

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """Candles."""
        return await self._ask(
            "get_ohlcv", "", lambda: self._far.paper.get_ohlcv(symbol, timeframe, since, limit)
        )

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """Public trades."""
        return await self._ask(
            "get_trades", "", lambda: self._far.paper.get_trades(symbol, since, limit)
        )

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The next settlement's."""
        return await self._ask(
            "get_funding_rate", "", lambda: self._far.paper.get_funding_rate(symbol)
        )

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """As asked."""
        return LeverageResult(symbol=symbol, leverage=leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """As asked."""
        return MarginModeResult(symbol=symbol, margin_mode=margin_mode)

    # -- subscriptions ------------------------------------------------------------------------

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Every row that comes through."""
        self._tickers.append(callback)
        return Subscription(lambda: self._tickers.remove(callback))

    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """Silent."""
        return Subscription(_nothing)

    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Silent."""
        return Subscription(_nothing)

    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """The private stream."""
        entry = (callback, None if kinds is None else frozenset(kinds))
        self._listeners.append(entry)
        return Subscription(lambda: self._listeners.remove(entry))

    async def unsubscribe(self, symbol: str | None = None) -> None:
        """Ends all."""
        self._listeners.clear()
        self._tickers.clear()

    def get_status(self) -> ExchangeStatus:
        """As the streams are."""
        return ExchangeStatus(
            venue=self.venue,
            state=self._state,
            is_authenticated=self.is_connected(),
            feed="drawn",
        )

    def is_connected(self) -> bool:
        """Whether both streams are up."""
        return self._state is ConnectionState.LIVE

    def is_authenticated(self) -> bool:
        """The same."""
        return self.is_connected()

    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Connection events."""
        self._events.append((event_type, callback))
        return Subscription(lambda: self.remove_event_callback(event_type, callback))

    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback."""
        if (event_type, callback) in self._events:
            self._events.remove((event_type, callback))

    # -- the world: connections ---------------------------------------------------------------

    def cut(self, *, is_private: bool) -> None:
        """A stream is cut; the program notices a moment later."""
        if is_private:
            self._is_private_up = False
        else:
            self._is_public_up = False
        self._line_event(EventType.DISCONNECTED, ConnectionState.RECONNECTING)

    def mend(self, *, is_private: bool) -> None:
        """A stream is back; what it would have said meanwhile is lost."""
        if is_private:
            self._is_private_up = True
        else:
            self._is_public_up = True
        if self._is_private_up and self._is_public_up:
            self._line_event(EventType.CONNECTED, ConnectionState.LIVE)

    def _line_event(self, event_type: EventType, state: ConnectionState) -> None:
        if self._state is ConnectionState.DISCONNECTED:
            return

        def arrive(_: object) -> None:
            self._state = state
            self._tell(event_type)

        self._private.send(arrive, None)

    def _tell(self, event_type: EventType) -> None:
        event = ExchangeEvent(venue=self.venue, event_type=event_type, at=self._clock.now())
        for kind, callback in tuple(self._events):
            if kind is event_type:
                callback(event)

    # -- the world: messages ------------------------------------------------------------------

    def _on_user_data(self, data: UserData) -> None:
        faults = self._faults
        if not self._is_private_up:
            return
        if faults.acts(Kind.PRIVATE_SILENT) is not None:
            return
        if faults.chance(Kind.PRIVATE_DROP) is not None:
            return
        late = faults.acts(Kind.PRIVATE_LATE)
        if late is not None:
            wait_ns = round(faults.stream(late).random() * late.strength * NS_PER_S)
            self._private.send_alone(self._hear, data, wait_ns)
        else:
            self._private.send(self._hear, data)
        if faults.chance(Kind.PRIVATE_DOUBLE) is not None:
            self._private.send(self._hear, data)

    def _hear(self, data: UserData) -> None:
        if not self._process.cross():
            return
        for callback, kinds in tuple(self._listeners):
            if kinds is None or type(data) in kinds:
                callback(data)

    def _on_ticker(self, ticker: TickerData) -> None:
        faults = self._faults
        if not self._is_public_up or faults.acts(Kind.PUBLIC_SILENT) is not None:
            return
        extra_ns = 0
        frozen = faults.acts(Kind.PUBLIC_FROZEN)
        if frozen is None:
            self._frozen_at = None
        else:
            if self._frozen_at is None:
                self._frozen_at = ticker.at
            ticker = replace(ticker, at=self._frozen_at)
        garbage = faults.chance(Kind.PUBLIC_GARBAGE)
        if garbage is not None:
            ticker = _spoilt(ticker, faults.stream(garbage), may_leap=self._was_true)
        self._was_true = garbage is None and bool(self._tickers)
        late = faults.acts(Kind.PUBLIC_LATE)
        if late is not None:
            extra_ns = round(late.strength * NS_PER_S)
        self._public.send(self._show, ticker, extra_ns)

    def _show(self, ticker: TickerData) -> None:
        at_ns = to_ns(ticker.at)
        if self.newest_price_ns is None or at_ns > self.newest_price_ns:
            self.newest_price_ns = at_ns
        for callback in tuple(self._tickers):
            callback(ticker)

    # -- requests -----------------------------------------------------------------------------

    async def _nothing(self) -> None:
        """A request that asks for nothing."""

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _ask(self, method: str, detail: str, work: Callable[[], Awaitable[T]]) -> T:
        record = Called(
            at_ns=self._loop.now_ns(),
            life=self._process.number,
            number=self._next(),
            method=method,
            detail=detail,
        )
        return await self._send(record, work)

    async def _send(self, record: Called, work: Callable[[], Awaitable[T]]) -> T:
        """One request through the network."""
        if not self._process.cross():
            await self._process.park()
        faults, method = self._faults, record.method
        is_change = method in _CHANGES
        if faults.chance(Kind.NOT_SENT) is not None:
            await asyncio.sleep(0)
            raise NotSent(f"{self.venue} refused the connection.", code="ECONNREFUSED")
        self._history.add(record)
        answer: asyncio.Future[T] = self._loop.create_future()
        lost = faults.acts(Kind.REST_DOWN) or faults.chance(Kind.LOSE_REQUEST)
        if lost is None:
            delay_ns = self._latency.draw_ns() + self._late_ns(method)
            self._loop.world_at_ns(
                self._loop.now_ns() + delay_ns, self._arrive, method, work, answer
            )
        self._loop.world_at_ns(
            self._loop.now_ns() + round(GIVES_UP_S * NS_PER_S),
            self._answer,
            answer,
            None,
            _silence(is_change=is_change),
        )
        try:
            return await answer
        except RateLimited:
            if answer in self._bans:
                self._history.add(replace(self._bans[answer], at_ns=self._loop.now_ns()))
            raise
        finally:
            self._bans.pop(answer, None)

    def _late_ns(self, method: str) -> int:
        late = self._faults.chance(Kind.LATE_REQUEST)
        if late is None:
            return 0
        is_bounded = method == "create_order" and not self._far.profile.has_request_deadline
        most_s = LATEST_CREATE_S if is_bounded else 30.0
        return round(self._faults.stream(late).random() ** 2 * most_s * NS_PER_S)

    def _arrive(
        self, method: str, work: Callable[[], Awaitable[T]], answer: asyncio.Future[T]
    ) -> None:
        """The request is at the venue."""
        self._loop.spawn(None, self._serve(method, work, answer), name=f"serve {method}")

    async def _serve(
        self, method: str, work: Callable[[], Awaitable[T]], answer: asyncio.Future[T]
    ) -> None:
        faults, is_change = self._faults, method in _CHANGES
        result: T | None = None
        error: Exception | None = None
        broken = faults.chance(Kind.SERVER_ERROR)
        try:
            self._far.admit()
            if broken is None or faults.stream(broken).random() < 0.5:
                result = await work()
        except CtosError as failure:
            error = failure
        if broken is not None:
            kind = OutcomeUnknown if is_change else TransportError
            error = kind("the venue answered with status 502.", code="502")
        elif error is None and faults.chance(Kind.BROKEN_BODY) is not None:
            error = (
                ValueError("Expecting value: line 1 column 1 (char 0)")
                if is_change
                else MalformedMessage("the answer could not be read.")
            )
        if isinstance(error, RateLimited) and error.code == "418":
            until_ns = self._loop.now_ns() + round(error.retry_after_s * NS_PER_S)
            self._back(
                answer,
                None,
                error,
                Banned(at_ns=self._loop.now_ns(), life=self._process.number, until_ns=until_ns),
            )
            return
        if faults.chance(Kind.LOSE_ANSWER) is not None:
            return
        self._back(answer, result, error, None)

    def _back(
        self,
        answer: asyncio.Future[Any],
        result: object,
        error: Exception | None,
        record: Banned | None,
    ) -> None:
        """The answer begins its way back."""
        delay_ns = self._latency.draw_ns()
        late = self._faults.chance(Kind.LATE_ANSWER)
        if late is not None:
            delay_ns += round(self._faults.stream(late).random() ** 2 * 30 * NS_PER_S)
        at_ns = self._loop.now_ns() + delay_ns
        self._loop.world_at_ns(at_ns, self._answer, answer, result, error, record)

    def _answer(
        self,
        answer: asyncio.Future[Any],
        result: object,
        error: Exception | None,
        record: Banned | None = None,
    ) -> None:
        if not answer.done():
            self._loop.deliver(self._process, self._take, answer, result, error, record)

    def _take(
        self,
        answer: asyncio.Future[Any],
        result: object,
        error: Exception | None,
        record: Banned | None,
    ) -> None:
        """The answer is in the process."""
        if answer.done() or not self._process.cross():
            return
        if record is not None:
            self._bans[answer] = record
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def _deny(self, asked_ns: int, endpoint: str, identity: str, present: tuple[str, ...]) -> None:
        self._history.add(
            Denied(
                at_ns=self._loop.now_ns(),
                life=self._process.number,
                asked_ns=asked_ns,
                endpoint=endpoint,
                identity=identity,
                present=present,
            )
        )

    def _mixed_up(self, order: OrderData) -> OrderData:
        """Now and then the answer to another question (T5)."""
        if self._faults.chance(Kind.WRONG_ANSWER) is None:
            return order
        return replace(order, client_order_id="cother0001", order_id=f"{order.order_id}x")


def _silence(*, is_change: bool) -> Exception:
    """What a client concludes when nothing came back."""
    kind = OutcomeUnknown if is_change else TransportError
    return kind("the venue did not answer in time.", code="TIMEOUT")


def _identities(found: Sequence[OrderData] | Sequence[FillData]) -> tuple[str, ...]:
    return tuple(item.client_order_id for item in found if item.client_order_id)


def _spoilt(  # noqa: PLR0911 # one line for each thing that can be wrong
    ticker: TickerData, rng: Rng, *, may_leap: bool
) -> TickerData:
    """A price that is none, or has its point in another place.

    Args:
        ticker: As it was.
        rng: Draws what is wrong.
        may_leap: Whether it may be on another scale: not twice in a row, which no program could
            tell from a market that moved, and not before there was a price.
    """
    kind = rng.integer(0, 6 if may_leap else 5)
    nan = Decimal("NaN")
    if kind == 0:
        return replace(ticker, last=Decimal(0), bid=Decimal(0), ask=Decimal(0))
    if kind == 1:
        return replace(ticker, bid=ticker.ask, ask=ticker.bid)
    if kind == 2:
        return replace(ticker, last=None, bid=None, ask=None)
    if kind == 3:
        return replace(ticker, at=ticker.at - timedelta(seconds=30))
    if kind == 4:
        return replace(ticker, bid=None)
    if kind == 6:
        return _scaled(ticker, Decimal(10) if rng.random() < 0.5 else Decimal("0.1"))
    return _unchecked(ticker, nan)


def _scaled(ticker: TickerData, factor: Decimal) -> TickerData:
    """The same with its point in another place."""

    def moved(price: Decimal | None) -> Decimal | None:
        return None if price is None else price * factor

    return replace(ticker, last=moved(ticker.last), bid=moved(ticker.bid), ask=moved(ticker.ask))


def _unchecked(ticker: TickerData, price: Decimal) -> TickerData:
    """As an adapter without checks would hand it over; the model itself may refuse it."""
    try:
        return replace(ticker, last=price, bid=price, ask=price)
    except ValueError:
        return replace(ticker, last=None, bid=None, ask=None)


def _nothing() -> None:
    """Nothing to end."""
