"""The embedded venue behind the port that every venue stands behind.

What differs from a venue far away, and is promised here:

- Orders, cancels and cancel-all travel `latency_ms`; their answers, and everything that is only
  read, come at once. Reads wait until what was acknowledged before them is written.
- A symbol's market opens when its ticker, book or trades are first subscribed to, so that whoever
  starts up misses no row, and then stays open until `disconnect`. It stands still while nobody is
  connected: after a restart it goes on behind the last row that the file knows.
- Public trades are delivered row by row, so a trade subscription turns leaping off for its symbol.
- The account is ours alone and needs no key: being connected is being authenticated.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

from core.adapters.exchanges.interface import (
    EventCallback,
    ExchangeInterface,
    OrderBookCallback,
    Subscription,
    TickerCallback,
    TradeCallback,
    UserDataCallback,
)
from core.adapters.exchanges.listeners import EventListeners
from core.adapters.exchanges.models import (
    NO_OPTIONS,
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
    Margin,
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
    from_ns,
    to_decimal,
    to_ns,
)
from core.adapters.exchanges.paper.checks import NewOrder
from core.adapters.exchanges.paper.engine import Engine, Identity
from core.adapters.exchanges.paper.faults import Request, Rule, Switchboard
from core.adapters.exchanges.paper.floor import FloorPlan, TradingFloor
from core.adapters.exchanges.paper.history import MINUTE_NS
from core.adapters.exchanges.paper.latency import broken
from core.adapters.exchanges.paper.market import Market
from core.adapters.exchanges.paper.profiles import IdScope, profile_of
from core.adapters.exchanges.paper.settings import PaperSettings
from core.adapters.exchanges.paper.storage import Storage
from core.adapters.exchanges.paper.stream import PrivateStream, PublicStreams
from core.domain.candles import timeframe_ns
from core.domain.events import Horizon
from core.domain.worth import Worth
from core.errors import (
    ConfigError,
    JournalError,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    TransportError,
    VenueUnavailable,
)
from core.infrastructure.clock import Cancellable, Clock
from core.services.ports import Feed

log = logging.getLogger(__name__)

T = TypeVar("T")

_SERIES_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_SERIES_LENGTH: Final = 6
_NS_PER_S: Final = 1_000_000_000


class PaperExchange(ExchangeInterface):
    """One account at the embedded venue.

    Args:
        venue: Name that it goes by; the venue it stands in for.
        instruments: The rules of everything tradable.
        feeds: Symbol -> where its prices come from; an instrument without one cannot be traded.
        clock: Time; on a `VirtualLoop` rows are taken in whenever everything else is settled.
        settings: Balance, latency, fill rule, profile, funding.
        account: Identity of the account.
        path: The venue's own file, apart from the journal; None keeps it in memory.
        is_durable: Whether a commit waits for the disk; False on virtual time.
        is_logged: Whether the file, where it is not durable, takes in many moments at once from a
            log beside it.
        rng: Makes the ids of a new account; seeded on virtual time.
        faults: The switchboard of tests and drills.
    """

    def __init__(  # noqa: PLR0913 # the doors of a venue, each by its name
        self,
        *,
        venue: str,
        instruments: Sequence[Instrument],
        feeds: Mapping[str, Feed],
        clock: Clock,
        settings: PaperSettings | None = None,
        account: str = "paper",
        path: Path | None = None,
        is_durable: bool = True,
        is_logged: bool = False,
        rng: random.Random | None = None,
        faults: Switchboard | None = None,
        margins: Mapping[str, Margin] | None = None,
    ) -> None:
        self.venue = venue
        self._margins = dict(margins or {})
        self.account = account
        self.settings = PaperSettings() if settings is None else settings
        self.profile = profile_of(self.settings.profile or venue)
        self.faults = Switchboard() if faults is None else faults
        self.faults.on_disconnect = self._on_cut
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._feeds = dict(feeds)
        self._clock = clock
        self._path = path
        self._is_durable = is_durable and path is not None
        self._is_logged = is_logged
        self._rng = random.Random(self.settings.seed) if rng is None else rng
        self._horizon: Callable[[], Horizon] | None = None
        self._on_worth: Callable[[str, Worth], None] | None = None
        self._state = ConnectionState.DISCONNECTED
        self._detail = ""
        self._floor: TradingFloor | None = None
        self._is_broken = False
        """Whether the file failed: only reading it anew can go on."""
        self._public = PublicStreams()
        self._private = PrivateStream(self.faults, self._later)
        self._events = EventListeners()

    # -- for wiring ---------------------------------------------------------------------------

    def set_horizon(self, horizon: Callable[[], Horizon] | None) -> None:
        """Lets virtual time leap over rows at which nobody could act; None steps through all."""
        self._horizon = horizon

    def watch_worth(self, listener: Callable[[str, Worth], None]) -> None:
        """Tells what each symbol's part of the account is after every change, from `connect` on."""
        self._on_worth = listener

    def add_market(self, instrument: Instrument, feed: Feed, margin: Margin | None = None) -> None:
        """Makes another symbol tradable, also while connected.

        Raises:
            ConfigError: If the symbol has another feed or other rules already.
        """
        symbol = instrument.symbol
        known = self._instruments.get(symbol)
        if symbol in self._feeds:
            if known != instrument or self._feeds[symbol].name != feed.name:
                raise ConfigError(
                    f"{symbol} runs at {self.venue} with other rules or another feed already.",
                    remedy="Use the same `instrument:` block and feed, or another symbol.",
                )
            return
        self._instruments[symbol] = instrument
        self._feeds[symbol] = feed
        if margin is not None:
            self._margins[symbol] = margin
        if self._floor is not None:
            self._floor.add(instrument, feed, margin)

    def feed_position(self, symbol: str) -> int:
        """Index of the next row of a symbol's feed."""
        return self._market(symbol).next_row

    # -- life cycle ---------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Opens the file and takes up account, orders and feeds where they stood."""
        if self._is_broken and self._floor is not None:
            self.abandon()
        if self._floor is not None:
            if self._state is not ConnectionState.LIVE:
                self._go_live()
            return True
        self._state = ConnectionState.CONNECTING
        series = "".join(self._rng.choices(_SERIES_LETTERS, k=_SERIES_LENGTH))
        try:
            storage = Storage(
                self._path,
                is_durable=self._is_durable,
                is_logged=self._is_logged,
                series=series,
            )
        except JournalError as error:
            self._state = ConnectionState.DISCONNECTED
            self._detail = str(error)
            raise
        self._floor = self._build(storage)
        self._go_live()
        return True

    async def disconnect(self) -> None:
        """Writes what is left and closes the file; the market stands still until `connect`."""
        floor, self._floor = self._floor, None
        if floor is None:
            return
        await floor.close()
        self._end_subscriptions(None)
        was, self._state = self._state, ConnectionState.DISCONNECTED
        self._detail = ""
        if was is not ConnectionState.DISCONNECTED:
            self._tell_event(EventType.DISCONNECTED, "asked for")

    def abandon(self) -> None:
        """Lets go of everything without a word, as a killed process does; for tests and drills."""
        floor, self._floor = self._floor, None
        if floor is not None:
            floor.abandon()
        self._is_broken = False
        self._state = ConnectionState.DISCONNECTED

    async def authenticate(self) -> bool:
        """The account is ours: true while connected."""
        if self._floor is None:
            self._detail = "not connected"
            return False
        self._tell_event(EventType.AUTHENTICATED)
        return True

    async def health_check(self) -> HealthReport:
        """The venue's clock is ours."""
        is_up = self._state is ConnectionState.LIVE
        return HealthReport(
            venue=self.venue,
            is_healthy=is_up,
            latency_ms=float(self.settings.latency_ms) if is_up else None,
            clock_skew_ms=None,  # it has no time but ours
            detail=self._detail,
        )

    # -- market data --------------------------------------------------------------------------

    async def get_exchange_info(self) -> ExchangeInfo:
        """What the venue is and can do."""
        profile = self.profile
        return ExchangeInfo(
            venue=self.venue,
            name=profile.title if self.venue == profile.name else self.venue,
            capabilities=Capabilities(
                market_types=frozenset(
                    instrument.market_type for instrument in self._instruments.values()
                )
                or frozenset({ExchangeType.PERPETUAL, ExchangeType.SPOT}),
                has_request_deadline=profile.has_request_deadline,
                finds_by_client_order_id=profile.finds_by_client_order_id,
                client_order_id_unique_forever=profile.id_scope is IdScope.FOREVER,
                max_client_order_id_length=profile.max_id_length,
                cancel_all_is_account_wide=profile.cancel_all_is_account_wide,
                orders_per_minute=profile.orders_per_minute,
            ),
            symbols=tuple(sorted(self._instruments)),
            server_time=self._clock.now(),
        )

    async def get_instruments(self) -> list[Instrument]:
        """The rules of everything tradable, sorted by symbol."""
        return [self._instruments[symbol] for symbol in sorted(self._instruments)]

    async def get_ticker(self, symbol: str) -> TickerData:
        """Newest prices; `VenueUnavailable` before the first row."""
        await self._asked("get_ticker", symbol)
        return self._known(symbol, self._market(symbol).ticker(self.venue))

    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """Newest prices of those that have any."""
        await self._asked("get_tickers")
        if symbols is not None:
            return [await self.get_ticker(symbol) for symbol in symbols]
        markets = self._live().markets
        found = [markets[symbol].ticker(self.venue) for symbol in sorted(markets)]
        return [ticker for ticker in found if ticker is not None]

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """The depth that the feed knows; empty sides for a feed without a book."""
        await self._asked("get_orderbook", symbol)
        return self._known(symbol, self._market(symbol).book(self.venue, limit))

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """Candles of what the feed has shown, from whole minutes; without `since` the newest."""
        await self._asked("get_ohlcv", symbol)
        market = self._market(symbol)
        try:
            interval_ns = timeframe_ns(timeframe)
        except ValueError as error:
            raise NotSupported(f"{self.venue}: {error}.", venue=self.venue) from error
        if interval_ns % MINUTE_NS:
            raise NotSupported(f"{self.venue} has candles of whole minutes only.", venue=self.venue)
        now_ns = self._clock.now_ns()
        since_ns = None if since is None else to_ns(since)
        found = [
            OHLCVData(
                venue=self.venue,
                symbol=symbol,
                timeframe=timeframe,
                at=from_ns(candle.start_ns),
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                volume=candle.volume,
                is_closed=candle.start_ns + interval_ns <= now_ns,
            )
            for candle in market.candles(interval_ns)
            if since_ns is None or candle.start_ns >= since_ns
        ]
        return _limited(found, since, limit)

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The newest public trades that the feed has shown (at most 1,000)."""
        await self._asked("get_trades", symbol)
        since_ns = None if since is None else to_ns(since)
        found = [
            self._open_floor().trade(symbol, trade)
            for trade in self._market(symbol).trades()
            if since_ns is None or trade.at_ns >= since_ns
        ]
        return _limited(found, since, limit)

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement; 0 where neither settings nor feed have one."""
        await self._asked("get_funding_rate", symbol)
        market = self._market(symbol)
        if market.instrument.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self.venue)
        schedule = self._open_floor().schedules[symbol]
        coming = schedule.after(self._clock.now_ns(), market.shift_ns)
        return FundingRateData(
            venue=self.venue,
            symbol=symbol,
            rate=Decimal(0) if coming is None else coming.rate,
            interval_s=schedule.interval_s,
            next_at=None if coming is None else from_ns(coming.at_ns),
            at=self._clock.now(),
        )

    # -- account and trading ------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """Exact `equity`, open results at mark included, for settlement assets."""
        engine = await self._asked("get_balances")
        return engine.account.balances(self.venue, self._clock.now_ns())

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Margined positions other than flat; a spot holding is a balance."""
        engine = await self._asked("get_positions")
        return [
            engine.position_data(symbol, self._clock.now_ns())
            for symbol, holding in sorted(engine.account.holdings.items())
            if not holding.position.is_flat and (symbols is None or symbol in symbols)
        ]

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Arrives `latency_ms` after it was sent and is judged there and then."""
        options = NO_OPTIONS if params is None else params
        new = NewOrder(
            symbol=symbol,
            side=OrderSide(side),
            order_type=OrderType(order_type),
            amount=to_decimal(amount),
            price=None if price is None else to_decimal(price),
            options=options,
        )
        request = Request(
            method="create_order", symbol=symbol, client_order_id=options.client_order_id
        )
        floor = self._sending()
        return await floor.carry(request, lambda now_ns: floor.engine.create(new, now_ns))

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Arrives `latency_ms` after it was sent."""
        request = Request(method="cancel_order", symbol=symbol, order_id=order_id)
        floor = self._sending()
        return await floor.carry(
            request, lambda now_ns: floor.engine.cancel(order_id, symbol, now_ns)
        )

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Arrives `latency_ms` after it was sent."""
        request = Request(method="cancel_all_orders", symbol=symbol)
        floor = self._sending()
        return await floor.carry(request, lambda now_ns: floor.engine.cancel_all(symbol, now_ns))

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        engine = await self._asked("get_order", symbol, order_id, client_order_id)
        order = engine.orders.find(order_id, client_order_id)
        if order is None:
            order = self._file().order(
                self._instruments, order_id=order_id, client_order_id=client_order_id
            )
        hides = self._hiding("get_order", symbol, order_id, client_order_id)
        if order is None or order.symbol != symbol or self._is_hidden(hides, order.created_ns):
            name = order_id if order_id is not None else client_order_id
            raise OrderNotFound(
                f"{self.venue} does not know the order {name} of {symbol}.",
                venue=self.venue,
                code="ORDER_NOT_FOUND",
            )
        return order.data(self.venue, self._instruments[symbol])

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """From old to new."""
        engine = await self._asked("get_open_orders", symbol)
        hides = self._hiding("get_open_orders", symbol)
        return [
            order.data(self.venue, self._instruments[order.symbol])
            for order in engine.orders.of(symbol)
            if not self._is_hidden(hides, order.created_ns)
        ]

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders from old to new by their last update; with a limit the newest."""
        await self._asked("get_order_history", symbol)
        hides = self._hiding("get_order_history", symbol)
        orders = self._file().closed_orders(
            self._instruments,
            symbol=symbol,
            since_ns=None if since is None else to_ns(since),
            limit=limit,
        )
        return [
            order.data(self.venue, self._instruments[order.symbol])
            for order in orders
            if not self._is_hidden(hides, order.created_ns)
        ]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """All executions since then, from old to new."""
        await self._asked("get_fills", symbol)
        hides = self._hiding("get_fills", symbol)
        since_ns = None if since is None else to_ns(since)
        fills = self._file().fills(self.venue, self.account, symbol=symbol, since_ns=since_ns)
        return [fill for fill in fills if not self._is_hidden(hides, to_ns(fill.at))]

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """All settlements since then, from old to new."""
        await self._asked("get_funding_payments", symbol)
        since_ns = None if since is None else to_ns(since)
        return self._file().funding(self.venue, self.account, symbol=symbol, since_ns=since_ns)

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """From 1 to the instrument's maximum; needs collateral for what is open already."""
        engine = await self._asked("set_leverage", symbol)
        instrument = self._market(symbol).instrument
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
        if not 1 <= leverage <= instrument.max_leverage:
            raise OrderRejected(
                f"{self.venue} refused leverage {leverage} for {symbol}: allowed are 1 to"
                f" {instrument.max_leverage}.",
                venue=self.venue,
                code="LEVERAGE",
            )
        holding = engine.account.holdings[symbol]
        before, holding.leverage = holding.leverage, leverage
        if leverage < before and engine.account.free(instrument.settle) < 0:
            holding.leverage = before
            raise OrderRejected(
                f"{self.venue} refused leverage {leverage} for {symbol}: what is open needs more"
                " collateral than there is.",
                venue=self.venue,
                code="INSUFFICIENT_MARGIN",
            )
        engine.changed(symbol)
        await engine.outbox.settled()
        return LeverageResult(symbol=symbol, leverage=holding.leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Refused while a position is open."""
        engine = await self._asked("set_margin_mode", symbol)
        if self._market(symbol).instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no margin.", venue=self.venue)
        holding = engine.account.holdings[symbol]
        if margin_mode is not holding.margin_mode:
            if not holding.position.is_flat:
                raise OrderRejected(
                    f"{self.venue} refused the margin mode of {symbol}: a position is open.",
                    venue=self.venue,
                    code="POSITION_OPEN",
                )
            holding.margin_mode = margin_mode
            engine.changed(symbol)
            await engine.outbox.settled()
        return MarginModeResult(symbol=symbol, margin_mode=holding.margin_mode)

    # -- subscriptions ------------------------------------------------------------------------

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Every row handed over; the newest price at once where there is one. Opens the market."""
        market = self._market(symbol)
        subscription = self._public.of(symbol).tickers.add(callback)
        ticker = market.ticker(self.venue)
        if ticker is not None:
            callback(ticker)
        await self._open_floor().open(market)
        return subscription

    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """After every row handed over. Opens the market."""
        market = self._market(symbol)
        subscription = self._public.of(symbol).books.add(callback)
        await self._open_floor().open(market)
        return subscription

    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Every trade of the feed. Opens the market."""
        market = self._market(symbol)
        subscription = self._public.of(symbol).trades.add(callback)
        await self._open_floor().open(market)
        return subscription

    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """Acknowledgements, fills, order updates, then position and balances of one moment.

        Positions and balances are left out where nobody asked for them.
        """
        self._live()
        return self._private.add(callback, kinds)

    async def unsubscribe(self, symbol: str | None = None) -> None:
        """Ends subscriptions; the market goes on."""
        self._end_subscriptions(symbol)

    # -- status and events --------------------------------------------------------------------

    def get_status(self) -> ExchangeStatus:
        """How the connection is."""
        markets = {} if self._floor is None else self._floor.engine.markets
        newest = max(
            (market.at_ns for market in markets.values() if market.at_ns is not None), default=None
        )
        age_s = None if newest is None else max(0, self._clock.now_ns() - newest) / _NS_PER_S
        is_live = self._state is ConnectionState.LIVE
        return ExchangeStatus(
            venue=self.venue,
            state=self._state,
            is_authenticated=is_live,
            latency_ms=float(self.settings.latency_ms) if is_live else None,
            data_age_s=age_s,
            detail=self._detail or ("" if self._floor is None else self._floor.detail),
            feed=", ".join(dict.fromkeys(feed.name for feed in self._feeds.values())),
        )

    def is_connected(self) -> bool:
        """Whether the state is `LIVE`."""
        return self._state is ConnectionState.LIVE

    def is_authenticated(self) -> bool:
        """The same: the account is ours."""
        return self._state is ConnectionState.LIVE

    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Calls back; survives a reconnect."""
        return self._events.add(event_type, callback)

    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback."""
        self._events.remove(event_type, callback)

    def _go_live(self) -> None:
        self._private.is_cut = False
        self._state = ConnectionState.LIVE
        self._detail = ""
        self._tell_event(EventType.CONNECTED)

    # -- inside: requests ---------------------------------------------------------------------

    def _sending(self) -> TradingFloor:
        if self._floor is None or self._state is not ConnectionState.LIVE:
            raise NotSent(f"{self.venue} is not connected.", venue=self.venue)
        return self._floor

    async def _asked(
        self,
        method: str,
        symbol: str | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> Engine:
        """Lets a read pass: the switchboard, the connection, and what must be written first."""
        if self.faults.is_armed:
            request = Request(
                method=method, symbol=symbol, order_id=order_id, client_order_id=client_order_id
            )
            verdict = self.faults.on_request(request)
            if verdict.delay_s or verdict.after_s:
                await self._clock.sleep(verdict.delay_s + verdict.after_s)
            if verdict.error is not None:
                raise verdict.error
        engine = self._live()
        if not engine.outbox.is_idle:
            await engine.outbox.settled()
        return engine

    def _hiding(
        self,
        method: str,
        symbol: str | None = None,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> Rule | None:
        if not self.faults.is_armed:
            return None
        return self.faults.on_query(
            Request(
                method=method, symbol=symbol, order_id=order_id, client_order_id=client_order_id
            )
        )

    def _is_hidden(self, rule: Rule | None, created_ns: int) -> bool:
        """Whether a query that lags does not see something of that age yet."""
        if rule is None:
            return False
        if rule.lag_s is None:
            return True
        return self._clock.now_ns() - created_ns < rule.lag_s * _NS_PER_S

    # -- inside: trouble ----------------------------------------------------------------------

    def _on_cut(self, for_s: float) -> None:
        """The switchboard cuts the connection; the venue itself goes on."""
        if self._floor is None or self._state is not ConnectionState.LIVE:
            return
        self._private.is_cut = True
        self._floor.courier.fail_all(lambda: broken(self.venue))
        self._detail = "the connection was cut"
        self._state = ConnectionState.RECONNECTING if for_s else ConnectionState.DISCONNECTED
        self._tell_event(EventType.DISCONNECTED, self._detail)
        if for_s:
            self._tell_event(EventType.RECONNECTING, self._detail)
            self._later(for_s, self._on_mended)

    def _on_mended(self) -> None:
        if self._floor is not None and self._state is ConnectionState.RECONNECTING:
            self._go_live()

    def _on_broken(self, error: JournalError) -> None:
        """The file could not be written: nothing may be acknowledged any more."""
        log.error("paper.file_failed reason=%s", error)
        self._is_broken = True
        self._detail = str(error)
        self._state = ConnectionState.DISCONNECTED
        self._private.is_cut = True
        if self._floor is not None:
            self._floor.courier.fail_all(lambda: broken(self.venue))
        self._tell_event(EventType.ERROR, self._detail)
        self._tell_event(EventType.DISCONNECTED, self._detail)

    # -- inside: small ------------------------------------------------------------------------

    def _build(self, storage: Storage) -> TradingFloor:
        floor = TradingFloor(
            FloorPlan(
                identity=Identity(venue=self.venue, account=self.account),
                profile=self.profile,
                settings=self.settings,
                clock=self._clock,
                faults=self.faults,
                is_durable=self._is_durable,
                private=self._private,
                public=self._public,
                horizon=lambda: self._horizon,
                tell=self._tell_event,
                on_failure=self._on_broken,
            ),
            storage,
        )
        for symbol, feed in self._feeds.items():
            floor.add(self._instruments[symbol], feed, self._margins.get(symbol))
        floor.engine.on_worth = self._on_worth
        floor.outbox.flush()
        return floor

    def _open_floor(self) -> TradingFloor:
        if self._floor is None or self._state is not ConnectionState.LIVE:
            raise TransportError(f"{self.venue} is not connected.", venue=self.venue)
        return self._floor

    def _live(self) -> Engine:
        return self._open_floor().engine

    def _file(self) -> Storage:
        return self._open_floor().storage

    def _market(self, symbol: str) -> Market:
        market = self._live().markets.get(symbol)
        if market is None:
            raise NotSupported(f"{self.venue} does not trade {symbol}.", venue=self.venue)
        return market

    def _known(self, symbol: str, data: T | None) -> T:
        if data is None:
            raise VenueUnavailable(f"{symbol} has no price yet.", venue=self.venue)
        return data

    def _end_subscriptions(self, symbol: str | None) -> None:
        if symbol is None:
            self._private.clear()
        self._public.clear(symbol)

    def _later(self, seconds: float, callback: Callable[[], None]) -> Cancellable:
        return self._clock.call_at_ns(self._clock.now_ns() + round(seconds * _NS_PER_S), callback)

    def _tell_event(self, event_type: EventType, detail: str = "") -> None:
        self._events.tell(
            ExchangeEvent(
                venue=self.venue, event_type=event_type, at=self._clock.now(), detail=detail
            )
        )


def _limited(found: list[T], since: datetime | None, limit: int | None) -> list[T]:
    """The first ones after `since`, or the newest without it."""
    if limit is None:
        return found
    return found[:limit] if since is not None else found[max(0, len(found) - limit) :]
