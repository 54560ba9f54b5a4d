"""Interactive Brokers through TWS or IB Gateway on this machine.

Keys: `account` alone; the login is TWS's. The address (`urls.tws` in `config/exchanges/ibkr.yaml`,
such as `tcp://127.0.0.1:4002?client_id=71`) must be of the account's kind: a paper account at a
live port, or the reverse, is refused before anything is asked.

An order carries our client order id as `orderRef`, and is known by IBKR's `permId`, which outlives
sessions. IBKR does not refuse an `orderRef` that is taken: one of an open order is refused here.
There is no post-only, no reduce-only and no deadline. Orders wait for the regular session
(`outsideRth` is never set); `hours()` says when that is. Executions are told since midnight.

Prices have the time at which they were heard, since TWS tells none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from core.adapters.exchanges.connection.limiter import Limit
from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.contracts import (
    PAIR,
    Listed,
    listed_of,
    name_of,
)
from core.adapters.exchanges.ibkr.errors import Meaning, cancel_error, meaning_of, order_error
from core.adapters.exchanges.ibkr.library import Library, load_library
from core.adapters.exchanges.ibkr.life import Life, unreachable
from core.adapters.exchanges.ibkr.lines import LineKind, Lines, book_of
from core.adapters.exchanges.ibkr.orders import Entry
from core.adapters.exchanges.ibkr.place import account_problem, read_place
from core.adapters.exchanges.ibkr.sessions import Hours
from core.adapters.exchanges.ibkr.wire import Wire, as_utc_text
from core.adapters.exchanges.interface import (
    EventCallback,
    ExchangeInterface,
    OrderBookCallback,
    Subscription,
    TickerCallback,
    TradeCallback,
    UserDataCallback,
)
from core.adapters.exchanges.listeners import EventListeners, Listeners
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
    TimeInForce,
    TradeData,
    UserData,
    from_ns,
    plain,
)
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import check_order
from core.adapters.exchanges.settings import Address
from core.errors import (
    AuthError,
    DuplicateClientOrderId,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
    VenueUnavailable,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

VENUE: Final = "ibkr"
ADDRESSES: Final = {"tws": Address(main="tcp://127.0.0.1:7496", test="tcp://127.0.0.1:7497")}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.STOCK, ExchangeType.SPOT}),
    has_post_only=False,
    has_reduce_only=False,
    orders_per_minute=2_700,
)
_NO_OPTIONS: Final = OrderOptions()
_ANSWER_S: Final = 8.0
_END_S: Final = 2.0
"""How long an order that must end at once is waited for after it was taken."""
_FIRST_PRICE_S: Final = 5.0
_FEE_S: Final = 3.0
_PAGE: Final = 1_000
_BARS: Final = {
    "1m": ("1 min", 60),
    "5m": ("5 mins", 300),
    "15m": ("15 mins", 900),
    "30m": ("30 mins", 1_800),
    "1h": ("1 hour", 3_600),
    "4h": ("4 hours", 14_400),
    "1d": ("1 day", 86_400),
}
_NEVER: Final = from_ns(0).astimezone(UTC)


class IbkrExchange(ExchangeInterface):
    """See the module's text.

    Events: CONNECTED and DISCONNECTED when asked for; STALE, RECONNECTING and RECOVERED of the
    connection; AUTHENTICATED; ERROR for an execution that IBKR corrected after it was told.

    Args:
        doors: What it stands on; `expected` are the instruments that are to be traded.
        symbols: What is listed beside them; other symbols are looked up when they are asked for.
        library: The client library; the installed one when None.

    Raises:
        ExtraMissing: If none is installed.
        ConfigError: If the address is none.
    """

    title = "Interactive Brokers"

    def __init__(
        self, doors: Doors, *, symbols: Sequence[str] = (), library: Library | None = None
    ) -> None:
        self.venue = VENUE
        self.account = doors.credentials.account if doors.credentials is not None else ""
        self.hub = Hub(VENUE)
        self.place = read_place(doors.settings.urls["tws"])
        self._doors = doors
        self._clock = doors.clock
        self._library = load_library() if library is None else library
        self._budget = doors.budgets.of(
            f"{VENUE} {self.place.host}:{self.place.port}", Limit(45, 1.0)
        )
        self._events = EventListeners()
        self._symbols = tuple(dict.fromkeys((*(item.symbol for item in doors.expected), *symbols)))
        self._listed: dict[str, Listed] = {}
        self._wire = Wire(self._library, self, self._clock)
        self._life = Life(self._wire, self.place, self, self._clock, doors.seams.rng)
        self._lines = Lines(self._wire, self.hub, self._clock, lambda: self._budget.take(1))
        self._account = Account(self.account, self._clock, self.hub.tell_user, self._warn)
        self._is_open = False
        self._is_authenticated = False
        self._detail = ""
        self._handles: dict[str, list[Subscription]] = {}
        self._failures: dict[int, VenueError] = {}
        """Number of an order or a cancel that is waited for -> how a code ended it."""
        self._waited: dict[int, Callable[[int, str], VenueError | None]] = {}
        """Number -> what reads codes for it."""

    # -- life cycle ---------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Connects to TWS and looks the instruments up."""
        if self._is_open:
            return True
        if self.account:
            self._detail = account_problem(
                self.place, self.account, is_testnet=self._doors.settings.is_testnet
            )
            if self._detail:
                return False
        self._account.is_quiet = True
        self._detail = await self._life.start()
        if self._detail:
            return False
        try:
            for symbol in self._symbols:
                await self._look_up(symbol)
            self._detail = self._difference()
        except NotSupported as error:
            self._detail = str(error)
        except BaseException:
            await self._life.stop()
            raise
        if self._detail:
            await self._life.stop()
            return False
        self._is_open = True
        self._tell(EventType.CONNECTED)
        return True

    async def disconnect(self) -> None:
        """Ends all subscriptions and hangs up; orders that rest stay."""
        was_open, self._is_open = self._is_open, False
        self._is_authenticated = False
        await self._life.stop()
        await self._doors.seams.transport.close()
        self._lines.clear()
        self.hub.clear()
        self.hub.forget_prices()
        self._handles.clear()
        self._detail = ""
        if was_open:
            self._tell(EventType.DISCONNECTED, "asked for")

    async def authenticate(self) -> bool:
        """Whether TWS is logged in with the account that was pinned."""
        if self._is_authenticated:
            return True
        if not self._is_open:
            self._detail = self._detail or "not connected"
            return False
        if not self.account:
            self._detail = f"there is no account for {VENUE}"
            return False
        self._is_authenticated = True
        self._tell(EventType.AUTHENTICATED)
        return True

    async def health_check(self) -> HealthReport:
        """Asks TWS for the time, which it tells in whole seconds."""
        try:
            self._need_live()
            began_ns = self._clock.now_ns()
            told_s = await self._life.ask_time()
        except VenueError as error:
            return HealthReport(
                venue=VENUE,
                is_healthy=False,
                latency_ms=None,
                clock_skew_ms=None,
                detail=self._detail or self._life.why or str(error),
            )
        ours_s = began_ns // 1_000_000_000
        within = told_s - ours_s in {0, 1}
        return HealthReport(
            venue=VENUE,
            is_healthy=True,
            latency_ms=self._life.latency_ms,
            clock_skew_ms=0.0 if within else (told_s - ours_s) * 1000.0,
        )

    # -- for the connection's life -------------------------------------------------------------

    def check_accounts(self, accounts: tuple[str, ...]) -> str:
        """Why a login may not be used; empty if it may."""
        if self.account and self.account not in accounts:
            return f"TWS is logged in with another account than {self.account}"
        for account in accounts:
            problem = account_problem(
                self.place, account, is_testnet=self._doors.settings.is_testnet
            )
            if problem:
                return problem
        return ""

    async def read_state(self, *, is_first: bool) -> None:
        """Orders, executions, positions and values, as they are now."""
        if not self.account:
            return
        self._account.is_quiet = is_first
        await self._ask_orders()
        await self._ask_completed()
        await self._ask("positions", lambda client: client.reqPositions())
        await self._ask_values()
        await self._ask_executions()
        self._account.is_quiet = False

    async def listen_again(self) -> None:
        """Asks again for every line."""
        self.hub.forget_prices()
        self._lines.ask_again()

    def state_changed(self, state: ConnectionState, why: str) -> None:
        """Tells of the connection."""
        self._account.stir()
        if not self._is_open:
            return
        if state is ConnectionState.STALE:
            self._tell(EventType.STALE, why)
        elif state is ConnectionState.RECONNECTING:
            self.hub.forget_prices()
            self._tell(EventType.RECONNECTING, why)
        elif state is ConnectionState.LIVE:
            self._tell(EventType.RECOVERED, why)

    # -- what TWS tells ------------------------------------------------------------------------

    def order_told(self, number: int, contract: Any, order: Any, word: str) -> None:  # noqa: ANN401
        """`openOrder`."""
        self._account.order_told(number, contract, order, word)

    def status_told(  # the message's fields
        self, number: int, word: str, filled: float, average: float, perm_id: int, client_id: int
    ) -> None:
        """`orderStatus`."""
        self._account.status_told(number, word, filled, average, perm_id, client_id)

    def execution_told(self, contract: Any, execution: Any) -> None:  # noqa: ANN401
        """`execDetails`."""
        self._account.execution_told(contract, execution)

    def commission_told(self, report: Any) -> None:  # noqa: ANN401
        """`commissionReport`."""
        self._account.commission_told(report)

    def position_told(self, account: str, contract: Any, size: float, cost: float) -> None:  # noqa: ANN401
        """`position`."""
        self._account.position_told(account, contract, size, cost)

    def worth_told(  # the message's fields
        self,
        account: str,
        contract: Any,  # noqa: ANN401
        size: float,
        mark: float,
        cost: float,
    ) -> None:
        """`updatePortfolio`."""
        self._account.worth_told(account, contract, size, mark, cost)

    def value_told(self, account: str, tag: str, value: str, currency: str) -> None:
        """`updateAccountValue`."""
        self._account.value_told(account, tag, value, currency)

    def price_told(self, request_id: int, tick: int, price: float, size: float) -> None:
        """`tickPrice`."""
        self._lines.price(request_id, tick, price, size)

    def size_told(self, request_id: int, tick: int, size: float) -> None:
        """`tickSize`."""
        self._lines.size(request_id, tick, size)

    def depth_told(  # the message's fields
        self, request_id: int, place: int, operation: int, side: int, price: float, size: float
    ) -> None:
        """`updateMktDepth`."""
        self._lines.depth(request_id, place, operation, side, price, size)

    def trade_told(self, request_id: int, at_s: int, price: float, size: float) -> None:
        """`tickByTick`."""
        self._lines.trade(request_id, at_s, price, size)

    def data_kind_told(self, request_id: int, kind: int) -> None:
        """`marketDataType`."""
        self._lines.data_kind(request_id, kind)

    def code_told(self, request_id: int, code: int, text: str) -> None:
        """A code of an order, a line, or the connection."""
        reads = self._waited.get(request_id)
        if reads is not None:
            error = reads(code, text)
            if error is not None:
                self._failures[request_id] = error
        entry = self._account.orders.numbered(self.place.client_id, request_id)
        if entry is not None and meaning_of(code) is Meaning.REJECTED:
            self._account.orders.end(entry, OrderStatus.REJECTED, str(code), self._clock.now())
            self._account.order_changed(entry)
        if entry is None and not self._lines.refused(request_id, code, text):
            self._life.code(meaning_of(code), text)
        self._account.stir()

    def batch_ended(self) -> None:
        """Tells what one read of the socket brought."""
        self._lines.batch_ended()
        self._account.batch_ended()

    def connection_lost(self) -> None:
        """Dials again."""
        self._life.lost("TWS closed the connection")

    # -- what is known -------------------------------------------------------------------------

    async def get_exchange_info(self) -> ExchangeInfo:
        """What is listed; IBKR has more, which is looked up when it is asked for."""
        return ExchangeInfo(
            venue=VENUE,
            name=self.title,
            capabilities=CAPABILITIES,
            symbols=tuple(sorted(self._listed)),
        )

    async def get_instruments(self) -> list[Instrument]:
        """Rules of what was looked up, sorted by symbol."""
        self._need_live()
        return [self._listed[symbol].instrument for symbol in sorted(self._listed)]

    async def hours(self, symbol: str) -> Hours:
        """When a symbol trades, about a week ahead, half days and holidays included."""
        return (await self._of(symbol)).hours

    # -- market data --------------------------------------------------------------------------

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices, last and mark, from a line that is opened where none is open."""
        listed = await self._of(symbol)
        line = self._lines.hold(listed, LineKind.QUOTE)
        try:
            await self._lines.first(line, _FIRST_PRICE_S)
            quote = self.hub.of(symbol).quote
            if quote.at is None:
                raise VenueUnavailable(f"{VENUE} told no price of {symbol}.", venue=VENUE)
            return TickerData(
                venue=VENUE,
                symbol=symbol,
                bid=quote.bid,
                bid_amount=quote.bid_amount,
                ask=quote.ask,
                ask_amount=quote.ask_amount,
                last=quote.last,
                mark=quote.mark,
                at=quote.at,
                received_at=quote.at,
            )
        finally:
            self._lines.release(line)

    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """One after the other."""
        wanted = sorted(self._listed) if symbols is None else symbols
        return [await self.get_ticker(symbol) for symbol in wanted]

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth, twenty rows a side at most; it needs a subscription at IBKR."""
        listed = await self._of(symbol)
        line = self._lines.hold(listed, LineKind.DEPTH)
        try:
            await self._lines.first(line, _FIRST_PRICE_S)
            book = book_of(line, self._clock.now())
        finally:
            self._lines.release(line)
        if book is None or not (book.bids or book.asks):
            raise VenueUnavailable(f"{VENUE} told no depth of {symbol}.", venue=VENUE)
        if limit is None:
            return book
        return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """Candles of trades, of the middle price for a pair, outside regular hours too."""
        listed = await self._of(symbol)
        if timeframe not in _BARS:
            raise NotSupported(f"{VENUE} has no candles of {timeframe[:10]}.", venue=VENUE)
        bar, seconds = _BARS[timeframe]
        now = self._clock.now()
        wanted = 100 if limit is None else limit
        span_s = wanted * seconds if since is None else int((now - since).total_seconds())
        what = "MIDPOINT" if listed.sec_type == PAIR else "TRADES"
        number = self._number()
        rows = await self._ask(
            number,
            lambda client: client.reqHistoricalData(
                *(number, listed.contract, "", _duration(span_s), bar, what, 0, 2),
                keepUpToDate=False,
                chartOptions=[],
            ),
        )
        found = [
            convert.candle_of(row, symbol, timeframe, seconds=seconds, now=now) for row in rows
        ]
        found = [candle for candle in found if since is None or candle.at >= since]
        if limit is None:
            return found
        return found[-limit:] if since is None else found[:limit]

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The newest thousand, or those since a moment; those of a second are in its order."""
        listed = await self._of(symbol)
        if listed.sec_type == PAIR:
            raise NotSupported(f"{VENUE} tells no trades of {symbol}.", venue=VENUE)
        start = "" if since is None else as_utc_text(since)
        end = "" if start else as_utc_text(self._clock.now() + timedelta(seconds=1))
        number = self._number()
        ticks = await self._ask(
            number,
            lambda client: client.reqHistoricalTicks(
                *(number, listed.contract, start, end, _PAGE, "TRADES", 0, False, []),
            ),
        )
        rows = _trades(symbol, ticks, listed.instrument.tick_size)
        rows = [trade for trade in rows if since is None or trade.at >= since]
        if limit is None:
            return rows
        return rows[-limit:] if since is None else rows[:limit]

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """There is none.

        Raises:
            NotSupported: Always.
        """
        raise NotSupported(f"{symbol[:40]} is no perpetual.", venue=VENUE)

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """Cash by currency, and what is held of stocks and coins."""
        self._need_account()
        await self._ask_values()
        return self._account.balances()

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Stocks and coins; a pair is two balances at IBKR."""
        self._need_account()
        await self._ask_values()
        rows = self._account.positions()
        return [item for item in rows if symbols is None or item.symbol in symbols]

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Sends one order; one that must end at once is waited for until it did."""
        options = _NO_OPTIONS if params is None else params
        self._need_orders()
        listed = self._listed.get(symbol)
        if listed is None:
            listed = await self._to_trade(symbol)
        self._check(listed, order_type, amount, price, options)
        entry = self._send_order(listed, side, order_type, amount, price, options)
        number = entry.number
        try:
            await self._settled(number, lambda: bool(entry.perm_id) and _is_taken(entry))
            must_end = order_type is OrderType.MARKET or entry.time_in_force is not TimeInForce.GTC
            if must_end and not entry.status.is_final:
                await self._account.until(lambda: entry.status.is_final, _END_S)
        finally:
            self._waited.pop(number, None)
            self._failures.pop(number, None)
        return entry.data()

    def _send_order(  # those of an order
        self,
        listed: Listed,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> Entry:
        """Hands an order to the socket, without waiting for anything."""
        client = self._wire.client
        self._budget.spend_now(1)
        number = client.getReqId()
        order = self._library.order(
            action="BUY" if side is OrderSide.BUY else "SELL",
            totalQuantity=plain(amount),
            orderType="LMT" if order_type is OrderType.LIMIT else "MKT",
            tif=options.time_in_force.value.upper(),
            account=self.account,
            orderRef=options.client_order_id or "",
        )
        if price is not None:
            order.lmtPrice = plain(price)
        entry = Entry(
            symbol=listed.symbol,
            side=side,
            order_type=order_type,
            amount=amount,
            price=price,
            time_in_force=options.time_in_force,
            ref=options.client_order_id or "",
            client_id=self.place.client_id,
            number=number,
        )
        self._account.orders.add(entry)
        self._waited[number] = order_error
        try:
            self._wire.send(lambda: client.placeOrder(number, listed.contract, order))
        except NotSent:
            self._account.orders.forget(entry)
            self._waited.pop(number, None)
            raise
        return entry

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels and waits for the order's end."""
        self._need_orders(is_cancel=True)
        entry = self._account.orders.find(order_id, None)
        if entry is None:
            await self._ask_orders()
            entry = self._account.orders.find(order_id, None)
        if entry is None or entry.status.is_final:
            raise OrderNotFound(f"{VENUE}: order {order_id[:40]} is not open.", venue=VENUE)
        await self._cancel(entry)
        if entry.status is OrderStatus.FILLED:
            raise OrderNotFound(f"{VENUE}: order {order_id} filled before.", venue=VENUE)
        return entry.data()

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Of all, also those that were placed by hand; with a symbol, only our client's."""
        self._need_orders(is_cancel=True)
        await self._ask_orders()
        found = [
            entry
            for entry in self._account.orders.all()
            if entry.status.is_open and symbol in {None, entry.symbol}
        ]
        if symbol is None:
            client = self._wire.client
            self._budget.spend_now(1, is_urgent=True)
            self._wire.send(client.reqGlobalCancel)
            await self._account.until(lambda: all(e.status.is_final for e in found), _ANSWER_S)
            await self._ask_orders()
        else:
            found = [entry for entry in found if entry.client_id == self.place.client_id]
            for entry in found:
                await self._cancel(entry)
        return [entry.data() for entry in found if entry.status is OrderStatus.CANCELED]

    async def _cancel(self, entry: Entry) -> None:
        if entry.client_id != self.place.client_id or entry.number <= 0:
            raise NotSupported(
                f"{VENUE}: order {entry.order_id} was placed by another client.", venue=VENUE
            )
        client, number = self._wire.client, entry.number
        self._budget.spend_now(1, is_urgent=True)
        self._waited[number] = cancel_error
        try:
            self._wire.send(lambda: client.cancelOrder(number))
            await self._settled(number, lambda: entry.status.is_final)
        finally:
            self._waited.pop(number, None)
            self._failures.pop(number, None)

    async def _settled(self, number: int, holds: Callable[[], bool]) -> None:
        """Waits for the outcome of what was sent under a number.

        Raises:
            VenueError: As a code said.
            OutcomeUnknown: If nothing came, or the connection ended.
        """

        def is_over() -> bool:
            return number in self._failures or holds() or not self._wire.is_up

        came = await self._account.until(is_over, _ANSWER_S)
        if number in self._failures:
            raise self._failures[number]
        if not holds():
            why = "the connection ended" if came else f"no answer within {_ANSWER_S:g} s"
            raise OutcomeUnknown(f"{VENUE}: {why}; the order may live.", venue=VENUE)

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order of today, or one that is still open."""
        self._need_account()
        await self._ask_orders()
        entry = self._account.orders.find(order_id, client_order_id)
        if entry is None or not (entry.status.is_final or entry.status.is_open):
            await self._ask_completed()
            entry = self._account.orders.find(order_id, client_order_id)
        if entry is None or not entry.order_id or entry.symbol != symbol:
            name = (order_id or client_order_id or "")[:40]
            raise OrderNotFound(f"{VENUE} does not know the order {name}.", venue=VENUE)
        return entry.data()

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Those of other clients and by hand included."""
        self._need_account()
        await self._ask_orders()
        return [
            entry.data()
            for entry in self._account.orders.all()
            if entry.order_id and not entry.status.is_final and symbol in {None, entry.symbol}
        ]

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Those that ended today, and those that ended while we listened."""
        self._need_account()
        await self._ask_orders()
        await self._ask_completed()
        rows = [
            entry.data()
            for entry in self._account.orders.all()
            if entry.status.is_final and entry.order_id and symbol in {None, entry.symbol}
        ]
        rows = [row for row in rows if since is None or (row.updated_at or _NEVER) >= since]
        rows.sort(key=lambda row: row.updated_at or _NEVER)
        return rows if limit is None else rows[-limit:]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Executions since midnight, which is all that IBKR tells, and what was heard before."""
        self._need_account()
        ids = await self._ask_executions()
        rows = [
            fill
            for fill in self._account.fills(ids)
            if symbol in {None, fill.symbol} and (since is None or fill.at >= since)
        ]
        return sorted(rows, key=lambda fill: fill.at)

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """None: nothing here is funded."""
        del symbol, since
        return []

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """The account's kind says what it may borrow.

        Raises:
            NotSupported: Always.
        """
        del leverage
        raise NotSupported(f"{VENUE} has no leverage of {symbol[:40]}.", venue=VENUE)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """The account's kind says how it is margined.

        Raises:
            NotSupported: Always.
        """
        del margin_mode
        raise NotSupported(f"{VENUE} has no margin mode of {symbol[:40]}.", venue=VENUE)

    # -- subscriptions ------------------------------------------------------------------------

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Best bid and ask, last and mark, after each read of the socket that changed one."""
        return await self._subscribe(symbol, LineKind.QUOTE, self.hub.of(symbol).tickers, callback)

    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """The depth after each read of the socket that changed it."""
        return await self._subscribe(symbol, LineKind.DEPTH, self.hub.of(symbol).books, callback)

    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Every trade, those off the exchange's book included (`AllLast`)."""
        return await self._subscribe(symbol, LineKind.TRADES, self.hub.of(symbol).trades, callback)

    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """Orders that our client placed, their executions, positions and balances."""
        del kinds
        return self.hub.user.add(callback)

    async def unsubscribe(self, symbol: str | None = None) -> None:
        """Ends all subscriptions of a symbol, or all of them, private ones included."""
        for name in list(self._handles) if symbol is None else [symbol]:
            for handle in self._handles.pop(name, []):
                handle.cancel()
        self.hub.clear(symbol)

    async def _subscribe(
        self,
        symbol: str,
        kind: LineKind,
        listeners: Listeners[T],
        callback: Callable[[T], None],
    ) -> Subscription:
        line = self._lines.hold(await self._of(symbol), kind)
        if line.refusal is not None:
            self._lines.release(line)
            raise line.refusal
        heard = listeners.add(callback)

        def let_go() -> None:
            heard.cancel()
            self._lines.release(line)

        handle = Subscription(let_go)
        self._handles.setdefault(symbol, []).append(handle)
        return handle

    # -- status and events --------------------------------------------------------------------

    def get_status(self) -> ExchangeStatus:
        """How the connection is, from memory."""
        state = self._life.state if self._is_open else ConnectionState.DISCONNECTED
        heard_ns = self._lines.heard_ns
        age_s = None if heard_ns is None else (self._clock.monotonic_ns() - heard_ns) / 1e9
        return ExchangeStatus(
            venue=VENUE,
            state=state,
            is_authenticated=self.is_authenticated(),
            latency_ms=self._life.latency_ms,
            data_age_s=age_s,
            detail=self._detail or ("" if self._life.is_live else self._life.why),
            feed="live",
        )

    def is_connected(self) -> bool:
        """Whether TWS is there and reaches IBKR."""
        return self._is_open and self._life.is_live

    def is_authenticated(self) -> bool:
        """Whether the account may be asked about now."""
        return self._is_authenticated and self._life.is_live

    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Calls back when something happens to the connection."""
        return self._events.add(event_type, callback)

    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback; unknown ones are ignored."""
        self._events.remove(event_type, callback)

    # -- small parts --------------------------------------------------------------------------

    async def _of(self, symbol: str) -> Listed:
        self._need_live()
        return self._listed.get(symbol) or await self._look_up(symbol)

    async def _to_trade(self, symbol: str) -> Listed:
        try:
            return await self._look_up(symbol)
        except NotSupported as error:
            raise OrderRejected(
                f"{error.message} Nothing was sent.", venue=VENUE, code="SYMBOL"
            ) from error
        except TransportError as error:
            raise NotSent(
                f"{VENUE}: the rules of {symbol[:40]} are not known.", venue=VENUE
            ) from error

    async def _look_up(self, symbol: str) -> Listed:
        name = name_of(symbol)
        contract = self._library.contract(
            secType=name.sec_type,
            symbol=name.symbol,
            exchange=name.exchange,
            currency=name.currency,
        )
        number = self._number()
        found = await self._ask(number, lambda client: client.reqContractDetails(number, contract))
        if len(found) != 1:
            count = "no" if not found else str(len(found))
            raise NotSupported(f"{VENUE} has {count} contracts for {symbol[:40]}.", venue=VENUE)
        listed = self._listed[symbol] = listed_of(symbol, found[0])
        return listed

    def _check(
        self,
        listed: Listed,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> None:
        """Refuses what IBKR cannot do or its rules forbid, before anything is sent."""
        for is_wanted, word in (
            (options.post_only, "post-only"),
            (options.reduce_only, "reduce-only"),
        ):
            if is_wanted:
                raise OrderRejected(
                    f"{VENUE} has no {word} orders; nothing was sent.",
                    venue=VENUE,
                    code=word.upper().replace("-", "_"),
                )
        check_order(listed.instrument, order_type, amount, price, options)
        ref = options.client_order_id
        if ref and self._account.orders.open_ref(ref) is not None:
            raise DuplicateClientOrderId(
                f"{VENUE}: an open order has the id {ref}; nothing was sent.",
                venue=VENUE,
                code="DUPLICATE_REF",
            )

    def _difference(self) -> str:
        """How TWS's rules differ from those that were planned with; empty if they fit."""
        for planned in self._doors.expected:
            rules = self._listed[planned.symbol].instrument
            for name in ("tick_size", "lot_size"):
                ours: Decimal = getattr(planned, name)
                theirs: Decimal = getattr(rules, name)
                if ours % theirs:
                    return (
                        f"{planned.symbol}: {name} is {plain(theirs)} at {VENUE}, and "
                        f"{plain(ours)} in the configuration, which is no multiple of it"
                    )
        return ""

    def _number(self) -> int:
        return int(self._wire.client.getReqId())

    async def _ask(self, key: int | str, send: Callable[[Any], object]) -> list[Any]:
        await self._budget.spend(1)
        client = self._wire.client
        return await self._wire.ask(key, lambda: send(client))

    async def _ask_orders(self) -> None:
        """Reads what is open; an order that we thought open and is not was closed meanwhile."""
        before = [e for e in self._account.orders.all() if e.perm_id and not e.status.is_final]
        found = set(await self._ask("open", lambda client: client.reqAllOpenOrders()))
        gone = [e for e in before if e.perm_id not in found and not e.status.is_final]
        if gone:
            await self._ask_completed()
        for entry in gone:
            if not entry.status.is_final:
                # Not open and not closed today: nobody says what it is.
                entry.status = OrderStatus.UNKNOWN

    async def _ask_completed(self) -> None:
        rows = await self._ask("completed", lambda client: client.reqCompletedOrders(False))  # noqa: FBT003
        for contract, order, state in rows:
            self._account.completed_told(contract, order, state)

    async def _ask_values(self) -> None:
        """Has everything of the account told anew."""
        client = self._wire.client
        self._budget.take(1)
        self._wire.send(lambda: client.reqAccountUpdates(False, self.account))  # noqa: FBT003

        def subscribe(client: Any) -> None:  # noqa: ANN401
            self._account.begin_download()
            client.reqAccountUpdates(True, self.account)  # noqa: FBT003

        await self._ask("account", subscribe)

    async def _ask_executions(self) -> list[str]:
        """Whole ids of all executions since midnight; their commissions came, or were given up."""
        number = self._number()
        wanted = self._library.execution_filter(acctCode=self.account)
        ids = await self._ask(number, lambda client: client.reqExecutions(number, wanted))
        bases = {convert.split_exec_id(exec_id)[0] for exec_id in ids}
        executions = self._account.executions
        await self._account.until(lambda: not bases & set(executions.waiting()), _FEE_S)
        return [str(exec_id) for exec_id in ids]

    def _need_live(self) -> None:
        if not self._wire.is_up or self._life.is_cut:
            raise unreachable()

    def _need_account(self) -> None:
        self._need_live()
        if not self.account:
            raise AuthError(f"{VENUE}: there is no account.", venue=VENUE)

    def _need_orders(self, *, is_cancel: bool = False) -> None:
        is_up = self._is_open and self._wire.is_up and not self._life.is_cut
        if not is_up or not (self._life.is_live or is_cancel):
            why = f" ({self._life.why})" if self._life.why else ""
            raise NotSent(f"{VENUE}: there is no connection to IBKR{why}.", venue=VENUE)
        if not self.account:
            raise NotSent(f"{VENUE}: there is no account.", venue=VENUE)

    def _warn(self, text: str) -> None:
        self._tell(EventType.ERROR, text)

    def _tell(self, event_type: EventType, detail: str = "") -> None:
        self._events.tell(
            ExchangeEvent(venue=VENUE, event_type=event_type, at=self._clock.now(), detail=detail)
        )


def _is_taken(entry: Entry) -> bool:
    """Whether IBKR has answered for an order."""
    return entry.status is not OrderStatus.PENDING


def _duration(seconds: int) -> str:
    """A span as `reqHistoricalData` takes it: seconds up to a day, then days, then years."""
    if seconds <= 86_400:
        return f"{max(seconds, 60)} S"
    days = -(-seconds // 86_400)
    return f"{days} D" if days <= 365 else f"{-(-days // 365)} Y"


def _trades(symbol: str, ticks: Sequence[Any], tick: Decimal) -> list[TradeData]:
    """Past trades; those of one second are kept apart by microseconds, in their order."""
    found: list[TradeData] = []
    second, count = _NEVER, 0
    for row in ticks:
        price, amount = convert.quoted(row.price, tick), convert.size_of(row.size)
        at = row.time.astimezone(UTC)
        count = count + 1 if at == second else 0
        second = at
        if price is not None and amount:
            found.append(
                TradeData(
                    venue=VENUE,
                    symbol=symbol,
                    price=price,
                    amount=amount,
                    at=at + timedelta(microseconds=count),
                )
            )
    return found
