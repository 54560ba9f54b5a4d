"""Any venue through ccxt: `ExchangeInterface` over ccxt's builders, signers and sockets.

    table.py       one row a venue: what differs, what may never be sent
    client.py      ccxt's object with our transport under it
    rest.py        one attempt, one outcome
    stream.py      watches that begin again, silence that is noticed
    account.py     the account, read by our own parsers where there are some
    convert.py     ccxt's words in ours, pure
    errors.py      what ccxt's exceptions prove

Slower than a native adapter, and there for the venues that have none. It tells the same: every
trade, every execution once, books that are whole. After each execution positions and balances are
asked for, so that they never come from half of a message.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core.adapters.exchanges.ccxt.account import Account, account_of
from core.adapters.exchanges.ccxt.client import addresses_of, make_client
from core.adapters.exchanges.ccxt.client_ids import id_book
from core.adapters.exchanges.ccxt.convert import Unified, Words, seconds_of
from core.adapters.exchanges.ccxt.rest import CcxtRest
from core.adapters.exchanges.ccxt.stream import Watch, Watches, told_class
from core.adapters.exchanges.ccxt.table import Row, row_of
from core.adapters.exchanges.connection.dedup import Seen
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.interface import Subscription
from core.adapters.exchanges.listeners import Listeners
from core.adapters.exchanges.models import (
    BalanceData,
    Capabilities,
    ConnectionState,
    EventType,
    ExchangeStatus,
    ExchangeType,
    FillData,
    FundingPaymentData,
    FundingRateData,
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
    from_ns,
    plain,
    to_ns,
)
from core.adapters.exchanges.native.exchange import (
    NO_OPTIONS,
    Doors,
    Feed,
    NativeExchange,
    Stream,
    T,
)
from core.adapters.exchanges.native.listings import check_order
from core.adapters.exchanges.refusals import Meaning, refusal
from core.adapters.exchanges.settings import Address
from core.errors import (
    AuthError,
    MalformedMessage,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
)

_NEVER: Final = from_ns(0)
_OVERLAP: Final = timedelta(seconds=5)
_SETTLED_S: Final = 0.05
_OPENS_IN_S: Final = 10.0
_REMEMBERED: Final = 10_000
_FEW: Final = 20
"""So many symbols are asked one by one where a venue tells of one at a time."""
_ENDED_EARLY: Final = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


def addresses(name: str) -> dict[str, Address]:
    """The hosts of a venue by the names that a file may give others for.

    Raises:
        ConfigError: If ccxt has no such venue.
    """
    return addresses_of(row_of(name))


class CcxtExchange(NativeExchange):
    """See the module's text.

    Args:
        name: Of the venue, with or without `ccxt-` before it.
        doors: What it stands on; `credentials` may be missing, for public data alone.
        shown_as: How configurations call it.
    """

    def __init__(self, name: str, doors: Doors, *, shown_as: str = "") -> None:
        row = row_of(name)
        super().__init__(shown_as or name, doors)
        self.row: Row = replace(row, venue=self.venue)
        self.title = row.title
        self._rest = CcxtRest(self.row, doors)
        self._words = Words(self.row, self.account)
        self._ids = id_book(self.venue, row.client_ids)
        self._client = self._new_client(doors)
        self._rest.client = self._client
        self._account: Account = account_of(row.venue, self._words, self._client)
        self._watches = Watches(
            doors.clock,
            doors.seams.rng,
            is_quiet=self._is_quiet,
            drop=self._drop,
            on_change=self._on_change,
        )
        self._touched: set[str] = set()
        """Symbols that were traded or listened to."""
        self._filled: dict[str, Decimal] = {}
        """Order id -> what its executions add up to, while it is open."""
        self._ends: OrderedDict[str, datetime] = OrderedDict()
        """Order id -> when the stream said that it ended, for venues whose lists do not say."""
        self._shown: set[str] = set()
        """Symbols whose position was told as other than flat."""
        self._trades: dict[str, Seen] = {}
        self._last_trade: dict[str, datetime] = {}
        self._is_asking = False
        self._asks_again = False
        self._was_lost = False

    def _new_client(self, doors: Doors) -> Any:  # noqa: ANN401 # ccxt has no types
        keys = {} if doors.credentials is None else self.row.keys(doors.credentials)
        return make_client(self.row, doors.settings, keys, self._rest, self)

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> CcxtRest:
        """Its requests."""
        return self._rest

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self.row.capabilities

    @property
    def public(self) -> tuple[Connection, ...]:
        """None of ours: ccxt has the sockets."""
        return ()

    @property
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """None of ours."""
        return ()

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        del stream, listing
        return ()

    async def _load(self) -> Sequence[Listing]:
        await self._rest.run(lambda: self._client.load_markets(True))  # noqa: FBT003 # ccxt's
        mode = self._client.precisionMode
        return self._words.take_markets(self._client.markets, mode)

    async def _server_ns(self) -> int | None:
        if self.row.tells_time and self._client.has.get("fetchTime"):
            return int(await self._rest.run(self._client.fetch_time)) * 1_000_000
        symbol = next(iter(self._words.unified), None)
        if symbol is not None:
            await self.get_orderbook(symbol, 1)
        return None

    async def _prove(self) -> None:
        await self._rest.run(self._account.check_key)

    # -- life cycle ---------------------------------------------------------------------------

    async def disconnect(self) -> None:
        """Ends every watch, then ccxt's sockets."""
        await self._watches.close()
        if self._client.session is not None or self._client.clients:
            await self._client.close()
        await super().disconnect()
        self._trades.clear()
        self._last_trade.clear()
        self._was_lost = self._is_asking = self._asks_again = False

    async def authenticate(self) -> bool:
        """Proves who we are and listens to the account."""
        if self._is_authenticated:
            return True
        if not await super().authenticate():
            return False
        self._tell_of_caches()
        for method in ("watch_orders", "watch_my_trades"):
            if self._has(method):
                self._watches.begin(
                    method, getattr(self._client, method), _nothing, is_public=False
                )
        try:
            await self._until_open()
        except TransportError as error:
            self._is_authenticated = False
            self._detail = str(error)
            return False
        return True

    def _has(self, method: str) -> bool:
        words = method.split("_")
        name = words[0] + "".join(word.capitalize() for word in words[1:])
        return bool(self._client.has.get(name)) and hasattr(self._client, method)

    async def _until_open(self) -> None:
        """Waits until ccxt's private sockets stand and were told what we want to hear."""
        waited_s = settled_s = 0.0
        while settled_s < _SETTLED_S:
            clients = self._sockets()
            stands = bool(clients) and all(item.isConnected for item in clients)
            settled_s = settled_s + 0.005 if stands else 0.0
            await self._clock.sleep(0.005)
            waited_s += 0.005
            if waited_s > _OPENS_IN_S:
                failed = "; ".join(filter(None, (watch.failure for watch in self._watches.all)))
                raise TransportError(
                    f"{self.venue}: the private socket does not open: {failed or 'no answer'}"[
                        :300
                    ],
                    venue=self.venue,
                )

    def _sockets(self) -> list[Any]:
        """ccxt's, without what it keeps among them that is none."""
        clients = (self._client.clients or {}).items()
        return [client for url, client in clients if url.startswith("ws")]

    def get_status(self) -> ExchangeStatus:
        """How the watches are, from memory."""
        state = ConnectionState.LIVE if self._is_open else ConnectionState.DISCONNECTED
        failed = [watch for watch in self._watches.all if watch.failure]
        if self._is_open and failed:
            state = ConnectionState.RECONNECTING
        return ExchangeStatus(
            venue=self.venue,
            state=state,
            is_authenticated=self._is_authenticated,
            latency_ms=self._rest.latency_ms,
            data_age_s=self._watches.age_s,
            detail=self._detail or self._sick_detail(),
            feed="live",
        )

    def is_connected(self) -> bool:
        """Whether every public watch lives."""
        return self._is_open and not any(
            watch.failure for watch in self._watches.all if watch.is_public
        )

    def is_authenticated(self) -> bool:
        """Whether the keys were accepted and every private watch lives."""
        return self._is_authenticated and not any(
            watch.failure for watch in self._watches.all if not watch.is_public
        )

    def _sick_detail(self) -> str:
        return "; ".join(
            f"{watch.name}: {watch.failure}" for watch in self._watches.all if watch.failure
        )

    # -- what ccxt's sockets tell -------------------------------------------------------------

    def on_message(self, message: object) -> None:
        """Orders and executions of a private message, before ccxt reads it."""
        if not self._is_open or not self._is_authenticated:
            return
        try:
            news = self._account.heard(message, self._reading())
        except MalformedMessage as error:
            # What is wrong with a private message must not be overlooked: ask instead.
            self.listings.count("private:refused")
            self._tell(EventType.ERROR, str(error))
            self._watches.spawn(self._catch_up, "catch_up")
            return
        for item in sorted(news or (), key=lambda item: not isinstance(item, FillData)):
            self._tell_user(item)

    def on_stumble(self, error: Exception) -> None:
        """A message that ccxt cannot read costs its socket."""
        self.listings.count(f"ccxt:{type(error).__name__}")

    def on_socket(self) -> None:
        """A socket stands."""
        self._watches.on_socket()

    def _tell_of_caches(self) -> None:
        """Orders and executions where ccxt puts them, for venues without parsers of ours."""
        if self.row.parsers:
            return
        from ccxt.async_support.base.ws import cache

        names = (
            (cache.ArrayCacheBySymbolById, self._take_order),
            (
                cache.ArrayCacheBySymbolById,
                self._take_fill,
            ),
        )
        for name, (base, take) in zip(("orders", "myTrades"), names, strict=True):
            kind = cache.ArrayCache if self.row.ccxt_id == "lighter" else base
            setattr(self._client, name, told_class(kind, take)(1000))

    def _take_order(self, data: Unified) -> None:
        if data.get("symbol") in self._words.listings:
            self._take(lambda: self._tell_user(self._words.order(data)))

    def _take_fill(self, data: Unified) -> None:
        if data.get("symbol") in self._words.listings:
            self._take(lambda: self._tell_user(self._words.fill(data, self._clock.now())))

    def _take(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except MalformedMessage:
            self.listings.count("private:refused")
            self._watches.spawn(self._catch_up, "catch_up")

    def _tell_user(self, item: object) -> None:
        if isinstance(item, FillData):
            self._filled[item.order_id] = self._filled.get(item.order_id, Decimal(0)) + item.amount
            self._touched.add(item.symbol)
            self.hub.tell_user(self._our_fill(item))
            self._ask_news()
        elif isinstance(item, OrderData):
            if item.status.is_final:
                filled = self._filled.pop(item.order_id, Decimal(0))
                self._note_end(item)
                if self.row.sums_fills and item.status is not OrderStatus.FILLED:
                    item = replace(item, filled=filled)
            self._touched.add(item.symbol)
            self.hub.tell_user(self._ours(item))

    def _note_end(self, order: OrderData) -> None:
        if self.row.hides_ends and order.updated_at is not None:
            self._ends[order.order_id] = order.updated_at
            if len(self._ends) > _REMEMBERED:
                self._ends.popitem(last=False)

    def _ask_news(self) -> None:
        """After an execution: positions and balances, once for all that come together."""
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            self._watches.spawn(self._tell_account, "account")

    async def _tell_account(self) -> None:
        try:
            while True:
                self._asks_again = False
                positions = await self.get_positions()
                balances = await self.get_balances()
                self._tell_positions(positions)
                for balance in balances:
                    self.hub.tell_user(balance)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False

    def _tell_positions(self, positions: Sequence[PositionData]) -> None:
        """What is there, and what was and is flat now."""
        now = {item.symbol for item in positions}
        for symbol in sorted(self._shown - now):
            self.hub.tell_user(PositionData(venue=self.venue, symbol=symbol, size=Decimal(0)))
        for item in positions:
            self.hub.tell_user(item)
        self._shown = now

    def _on_change(self, watch: Watch, lives: bool) -> None:  # noqa: FBT001 # one of two
        if not self._is_open:
            return
        if not lives:
            self._was_lost |= not watch.is_public
            self._tell(EventType.RECONNECTING, f"{watch.name}: {watch.failure}")
            return
        self._tell(EventType.RECOVERED, watch.name)
        kind, _, symbol = watch.name.partition(" ")
        if kind == "watch_trades":
            self._watches.spawn(partial(self._fill_trades, symbol), "trades")
        if self._was_lost and self.is_authenticated():
            self._was_lost = False
            self._watches.spawn(self._catch_up, "catch_up")

    def _drop(self, why: str) -> None:
        """Gives every socket up; the watches open them anew."""
        import ccxt

        self._tell(EventType.STALE, why)
        self.hub.forget_prices()
        for client in self._sockets():
            client.on_error(ccxt.NetworkError(why))

    async def _is_quiet(self, symbol: str) -> bool:
        """Whether REST tells the prices that were heard last; then they are fresh again."""
        book = await self.get_orderbook(symbol, 5)
        quote = self.hub.of(symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        quote.at = book.at
        self.hub.tell_quote(symbol, self._clock.now())
        return True

    async def _catch_up(self) -> None:
        since = self.hub.newest_fill_at
        since = self._clock.now() - timedelta(minutes=10) if since is None else since - _OVERLAP
        try:
            for fill in await self.get_fills(None, since):
                self.hub.tell_user(fill)
        except VenueError:
            self._was_lost = True  # reconciliation asks too
        self._ask_news()

    # -- subscriptions ------------------------------------------------------------------------

    async def _subscribe(
        self,
        stream: Stream,
        symbol: str,
        listeners: Listeners[T],
        callback: Callable[[T], None],
    ) -> Subscription:
        self._rest.need_open()
        self.listings.of(symbol)
        calls = self._calls(stream, symbol)
        heard = listeners.add(callback)
        names = []
        for method, take in calls:
            name = f"{method} {symbol}"
            self._watches.begin(name, self._caller(method, symbol), take)
            names.append(name)

        def end() -> None:
            heard.cancel()
            for name in names:
                self._watches.end(name)
            if not self.hub.of(symbol).tickers and not self.hub.of(symbol).books:
                self._watches.forget(symbol)

        if stream is not Stream.TRADES:
            self._watches.priced(symbol)
            self._watches.spawn(partial(self._first_prices, symbol, stream), "first")
        self._touched.add(symbol)
        handle = Subscription(end)
        self._handles.setdefault(symbol, []).append(handle)
        return handle

    async def _first_prices(self, symbol: str, stream: Stream) -> None:
        """Prices of a quiet market: many venues tell them only when they change."""
        try:
            book = await self.get_orderbook(symbol)
            ticker = None if stream is Stream.BOOK else await self.get_ticker(symbol)
        except VenueError as error:
            self.listings.count(f"first prices:{type(error).__name__}")
            return
        room = self.hub.of(symbol)
        if stream is Stream.BOOK:
            room.books.tell(book)
        elif ticker is not None and (room.quote.at is None or room.quote.bid is None):
            self.hub.take_part(symbol, ticker)
            self.hub.tell_quote(symbol, self._clock.now())

    def _calls(self, stream: Stream, symbol: str) -> list[tuple[str, Callable[[object], None]]]:
        """The methods of ccxt that make a stream, and what is done with what they give."""
        found: list[tuple[str, Callable[[object], None]]]
        book = "watch_order_book", partial(self._take_book, symbol)
        trades = "watch_trades", _nothing
        if stream is Stream.BOOK:
            found = [book]
        elif stream is Stream.TRADES:
            found = [trades]
        else:
            found = [book]
            if self._has("watch_bids_asks") and not self.row.quotes_from_book:
                found = [("watch_bids_asks", partial(self._take_quotes, symbol))]
            for method in ("watch_mark_price", "watch_ticker"):
                is_perpetual = self.listings.of(symbol).market_type is ExchangeType.PERPETUAL
                if self._has(method) and (is_perpetual or method == "watch_ticker"):
                    found.append((method, partial(self._take_ticker, symbol)))
                    break
        missing = [method for method, _ in found if not self._has(method)]
        if missing:
            raise NotSupported(
                f"{self.venue} has no {stream.value} stream through ccxt ({missing[0]}).",
                venue=self.venue,
            )
        return found

    def _caller(self, method: str, symbol: str) -> Callable[[], Awaitable[object]]:
        unified = self._words.unified[symbol]
        ask = getattr(self._client, method)

        async def call() -> object:
            if method == "watch_trades":
                self._listen_to_trades(unified, symbol)
            given: object = await ask([unified] if method == "watch_bids_asks" else unified)
            return given

        return call

    def _take_book(self, symbol: str, data: object) -> None:
        now = self._clock.now()
        if not isinstance(data, dict):
            return
        book = self._words.book(data, self._words.unified[symbol], now)
        self._watches.priced(symbol)
        room = self.hub.of(symbol)
        if room.tickers and (self.row.quotes_from_book or not self._has("watch_bids_asks")):
            bid, ask = (side[0] if side else None for side in (book.bids, book.asks))
            self.hub.take_part(
                symbol,
                TickerData(
                    venue=self.venue,
                    symbol=symbol,
                    bid=None if bid is None else bid.price,
                    bid_amount=None if bid is None else bid.amount,
                    ask=None if ask is None else ask.price,
                    ask_amount=None if ask is None else ask.amount,
                    at=book.at,
                ),
            )
            self.hub.tell_quote(symbol, now)
        room.books.tell(book)

    def _take_quotes(self, symbol: str, data: object) -> None:
        """Best bids and asks by symbol."""
        mine = data.get(self._words.unified[symbol]) if isinstance(data, dict) else None
        if isinstance(mine, dict):
            self._take_part(symbol, {**mine, "last": None, "markPrice": None})

    def _take_ticker(self, symbol: str, data: object) -> None:
        """Last and mark; its bid and ask are no best ones on several venues."""
        if isinstance(data, dict):
            mine = data.get(self._words.unified[symbol], data)
            if isinstance(mine, dict):
                self._take_part(symbol, mine, has_quote=False)

    def _take_part(self, symbol: str, data: Unified, *, has_quote: bool = True) -> None:
        now = self._clock.now()
        part = self._words.ticker(data, now, has_quote=has_quote)
        if part.bid is not None and part.ask is not None and part.bid >= part.ask:
            self.listings.count("ticker:crossed")
            return
        if has_quote:
            self._watches.priced(symbol)
        self.hub.take_part(symbol, part)
        self.hub.tell_quote(symbol, now)

    # -- trades, each of them -----------------------------------------------------------------

    def _listen_to_trades(self, unified: str, symbol: str) -> None:
        """Puts a cache that tells in the place of ccxt's, which forgets in silence."""
        from ccxt.async_support.base.ws import cache

        known = self._client.trades.get(unified)
        if known is None or not hasattr(known, "ctos"):
            kept = told_class(cache.ArrayCache, partial(self._take_trade, symbol))(1000)
            kept.ctos = True
            self._client.trades[unified] = kept

    def _take_trade(self, symbol: str, data: Unified) -> None:
        try:
            trade = self._words.trade(data, self._clock.now())
        except MalformedMessage:
            self.listings.count("trades:refused")
            return
        self._tell_trade(symbol, trade)

    def _tell_trade(self, symbol: str, trade: TradeData) -> None:
        seen = self._trades.setdefault(symbol, Seen())
        if trade.trade_id and not seen.add((symbol, trade.trade_id)):
            return
        last = self._last_trade.get(symbol)
        if last is None or trade.at > last:
            self._last_trade[symbol] = trade.at
        self.hub.of(symbol).quote.last = trade.price
        self.hub.tell_trades(symbol, (trade,))

    async def _fill_trades(self, symbol: str) -> None:
        """After a socket was lost: the trades since the last one, or a counted gap."""
        since = self._last_trade.get(symbol)
        if since is None:
            return
        try:
            found = await self.get_trades(symbol, since=since)
        except VenueError:
            self.listings.count("trades:gap")
            return
        if not found or found[0].at > since:
            self.listings.count("trades:gap")  # the venue does not reach back to the last one
        for trade in found:
            self._tell_trade(symbol, trade)

    # -- market data --------------------------------------------------------------------------

    def _unified(self, symbol: str) -> str:
        self.listings.of(symbol)
        return self._words.unified[symbol]

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, and what the ticker says of last, mark and index."""
        unified = self._unified(symbol)
        book = await self.get_orderbook(symbol, 5)
        last, mark, index = None, None, None
        if self._client.has.get("fetchTicker"):
            data = await self._rest.run(lambda: self._client.fetch_ticker(unified))
            part = self._words.ticker(data, self._clock.now(), has_quote=False)
            last, mark, index = part.last, part.mark, part.index
        if mark is None and self.listings.of(symbol).market_type is ExchangeType.PERPETUAL:
            mark, index = await self._mark(unified)
        if self.row.quotes_from_book or last is None:
            trades = await self.get_trades(symbol, limit=1)
            last = trades[-1].price if trades else last
        bid, ask = (side[0] if side else None for side in (book.bids, book.asks))
        return TickerData(
            venue=self.venue,
            symbol=symbol,
            bid=None if bid is None else bid.price,
            bid_amount=None if bid is None else bid.amount,
            ask=None if ask is None else ask.price,
            ask_amount=None if ask is None else ask.amount,
            last=last,
            mark=mark,
            index=index,
            at=book.at,
            received_at=book.received_at,
        )

    async def _mark(self, unified: str) -> tuple[Decimal | None, Decimal | None]:
        if not self._client.has.get("fetchFundingRate"):
            return None, None
        data = await self._rest.run(lambda: self._client.fetch_funding_rate(unified))
        words = self._words.ticker({**data, "timestamp": None}, self._clock.now(), has_quote=False)
        return words.mark, words.index

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of the venue's default, cut to `limit`."""
        unified = self._unified(symbol)
        data = await self._rest.run(lambda: self._client.fetch_order_book(unified))
        return self._words.book(data, unified, self._clock.now(), limit)

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """One page of candles."""
        unified = self._unified(symbol)
        if timeframe not in (self._client.timeframes or {}):
            raise NotSupported(
                f"{self.venue} has no candles of {timeframe[:10]}.", venue=self.venue
            )
        if since is None and self.row.parsers in {"hyperliquid", "backpack"}:
            back = timedelta(seconds=seconds_of(timeframe) * (limit or 500))
            since = self._clock.now() - back
        rows = await self._rest.run(
            lambda: self._client.fetch_ohlcv(unified, timeframe, _ms(since), limit)
        )
        found = self._words.candles(rows, unified, timeframe, self._clock.now())
        return found if limit is None else found[-limit:]

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The newest page, or those since a moment."""
        unified = self._unified(symbol)
        ask: Callable[..., Awaitable[list[Unified]]] = self._client.fetch_trades
        if self.row.quotes_from_book:
            ask = self._recent_trades
        rows = await self._rest.run(lambda: ask(unified, _ms(since)))
        now = self._clock.now()
        found = sorted((self._words.trade(row, now) for row in rows), key=lambda trade: trade.at)
        found = [trade for trade in found if since is None or trade.at >= since]
        return found if limit is None else (found[-limit:] if since is None else found[:limit])

    async def _recent_trades(self, unified: str, since_ms: int | None) -> list[Unified]:
        """Hyperliquid's public trades: ccxt's method tells only those of an address."""
        del since_ms
        listing = self._words.of(unified)
        rows = await self._client.publicPostInfo({"type": "recentTrades", "coin": listing.key})
        return [
            {
                "symbol": unified,
                "id": str(row["tid"]),
                "price": row["px"],
                "amount": row["sz"],
                "side": "buy" if row["side"] == "B" else "sell",
                "timestamp": row["time"],
            }
            for row in (rows if isinstance(rows, list) else ())
        ]

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        listing = self.listings.of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self.venue)
        if not self._client.has.get("fetchFundingRate"):
            raise NotSupported(f"{self.venue} tells no funding rate.", venue=self.venue)
        unified = self._unified(symbol)
        data = await self._rest.run(lambda: self._client.fetch_funding_rate(unified))
        return self._words.funding(data, self._clock.now())

    # -- the account --------------------------------------------------------------------------

    def _reading(self) -> Reading:
        return self.listings.reading(self._clock.now())

    async def get_balances(self) -> list[BalanceData]:
        """Assets other than zero."""
        self.need_account()
        found = await self._rest.run(lambda: self._account.balances(self._reading()))
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        self.need_account()
        found = await self._rest.run(lambda: self._account.positions(self._reading()))
        return sorted(
            (item for item in found if symbols is None or item.symbol in symbols),
            key=lambda item: item.symbol,
        )

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        self.need_account()
        unified = self._unified(symbol)
        if order_id is not None and self.row.has_number_ids and not order_id.isdigit():
            raise self._nobody(order_id)
        if self.row.searches_lists:
            found = await self._search(symbol, order_id, client_order_id)
        else:
            sent = None if order_id is not None else self._ids.asked(client_order_id or "")
            told = await self._rest.run(
                lambda: self._account.find(unified, order_id, sent, self._reading()),
                is_urgent=True,
            )
            found = self._ours(told)
        (whole,) = await self._with_fills([found])
        return whole

    async def _search(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> OrderData:
        """Among the open orders, then among the closed ones."""
        if client_order_id is not None:
            self._ids.asked(client_order_id)  # from now on a number of ours is known again
        for ask in (self.get_open_orders, self.get_order_history):
            for item in reversed(await ask(symbol)):
                is_ours = order_id is None and item.client_order_id == client_order_id
                if is_ours or (order_id is not None and item.order_id == order_id):
                    return item
        raise self._nobody(order_id or client_order_id or "")

    def _nobody(self, name: str) -> VenueError:
        return refusal(
            self.venue,
            Meaning.NOT_FOUND,
            code="NOT_FOUND",
            words=f"there is no order {name[:40]}",
            is_order=True,
        )

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        unified = None if symbol is None else self._unified(symbol)
        rows = await self._rest.run(lambda: self._client.fetch_open_orders(unified), is_urgent=True)
        found = self._orders(rows)
        return sorted(found, key=lambda item: (item.created_at or _NEVER, _number(item.order_id)))

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders of the newest page that the venue tells."""
        self.need_account()
        rows: list[Unified] = []
        for unified in self._asked(symbol):
            for method in self._history_methods():
                ask = getattr(self._client, method)
                rows += await self._rest.run(partial(ask, unified, None, self.row.page))
        found = {
            item.order_id: item
            for item in self._orders(rows)
            if item.status.is_final
            and symbol in {None, item.symbol}
            and (since is None or (item.updated_at or _NEVER) >= since)
        }
        closed = sorted(
            found.values(), key=lambda item: (item.updated_at or _NEVER, _number(item.order_id))
        )
        return await self._with_fills(closed if limit is None else closed[-limit:])

    def _history_methods(self) -> tuple[str, ...]:
        has = self._client.has
        if has.get("fetchOrders") is True:
            return ("fetch_orders",)
        if has.get("fetchCanceledAndClosedOrders"):
            return ("fetch_canceled_and_closed_orders",)
        names = {"fetchClosedOrders": "fetch_closed_orders"}
        names |= {"fetchCanceledOrders": "fetch_canceled_orders"}
        return tuple(method for name, method in names.items() if has.get(name))

    def _orders(self, rows: Sequence[Unified]) -> list[OrderData]:
        reading = self._reading()
        return [
            self._ended(self._ours(self._account.order(row, reading)))
            for row in rows
            if row.get("symbol") in self._words.listings
        ]

    def _asked(self, symbol: str | None) -> list[str | None]:
        """The symbols of ccxt to ask about, one by one where the venue wants that."""
        if symbol is not None:
            return [self._unified(symbol)]
        if not self.row.needs_symbol:
            return [None]
        known = {item.symbol for item in self._doors.expected} | self._touched
        if len(self._words.unified) <= _FEW:
            known |= self._words.unified.keys()
        if not known:
            raise NotSupported(
                f"{self.venue} tells of one symbol at a time; name one.", venue=self.venue
            )
        return [self._words.unified[name] for name in sorted(known) if name in self._words.unified]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new; without `since` the venue's newest page."""
        self.need_account()
        found: dict[tuple[str, str, str], FillData] = {}
        for unified in self._asked(symbol):
            for row in await self._fill_rows(unified, since):
                if row.get("symbol") in self._words.listings:
                    item = self._our_fill(self._account.fill(row, self.listings.reading(None)))
                    found[(item.symbol, item.trade_id, item.order_id)] = item
        return sorted(
            (
                item
                for item in found.values()
                if (since is None or item.at >= since) and symbol in {None, item.symbol}
            ),
            key=lambda item: (item.at, _number(item.trade_id)),
        )

    async def _fill_rows(self, unified: str | None, since: datetime | None) -> list[Unified]:
        """Pages to the end: by time, or by offset."""
        page, since_ms = self.row.page, _ms(since)
        found: dict[tuple[object, object, object], Unified] = {}
        offset = 0
        while True:
            params = {"offset": offset} if self.row.has_page_numbers else {}
            rows = await self._rest.run(
                partial(self._client.fetch_my_trades, unified, since_ms, page, params)
            )
            fresh = {(row["symbol"], row["id"], row["order"]): row for row in rows}
            is_over = len(rows) < page or fresh.keys() <= found.keys()
            found |= fresh
            if is_over or (since is None and not self.row.has_page_numbers):
                return list(found.values())
            offset += page
            if not self.row.has_page_numbers:
                since_ms = max(int(row["timestamp"]) for row in rows)

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        found = await self._rest.run(
            lambda: self._account.payments(symbol, _ms(since), self._reading())
        )
        return sorted(
            (item for item in found if since is None or item.at >= since), key=lambda item: item.at
        )

    async def _with_fills(self, orders: list[OrderData]) -> list[OrderData]:
        """The same with what filled of those that ended early, where the venue does not say."""
        doubtful = [order for order in orders if order.status in _ENDED_EARLY]
        if not self.row.sums_fills or not doubtful:
            return orders
        since = min(order.created_at or _NEVER for order in doubtful)
        filled: dict[str, Decimal] = {}
        for fill in await self.get_fills(None, since):
            filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.amount
        return [
            replace(order, filled=filled.get(order.order_id, Decimal(0)))
            if order.status in _ENDED_EARLY
            else order
            for order in orders
        ]

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
        """Sends one order, once."""
        self.need_orders()
        options = params or NO_OPTIONS
        listing, instrument = self.listings.to_trade(symbol)
        tick = None
        if self.row.has_significant_digits and price is not None and price > 0:
            tick = tick_at(instrument, price)
        check_order(instrument, order_type, amount, price, options, tick)
        if options.time_in_force is TimeInForce.FOK and not self.row.has_fok:
            raise OrderRejected(
                f"{self.venue} has no fill-or-kill orders; nothing was sent.",
                venue=self.venue,
                code="FOK",
            )
        # Without an id of ours ccxt would put a broker's into its place.
        ours = options.client_order_id or f"x{self._doors.seams.rng.bytes(9).hex()}"
        near = price
        if price is None and self.row.prices_markets:
            near = await self._near(symbol, side)
        data = await self._rest.run(
            lambda: self._client.create_order(
                self._words.unified[symbol],
                order_type.value,
                side.value,
                plain(self._words.contracts(listing, amount)),
                None if near is None else plain(near),
                self._params(order_type, options, self._ids.sent(ours)),
            ),
            is_order=True,
        )
        self._touched.add(symbol)
        return self._acknowledged(data, symbol, side, order_type, amount, price, options, ours)

    def _params(self, order_type: OrderType, options: OrderOptions, sent: str) -> dict[str, Any]:
        params: dict[str, Any] = {"clientOrderId": sent}
        if order_type is OrderType.LIMIT:
            if options.post_only:
                params["postOnly"] = True
            else:
                params["timeInForce"] = options.time_in_force.value.upper()
        if options.reduce_only:
            params["reduceOnly"] = True
        return params

    def _acknowledged(  # what was asked beside what was answered
        self,
        data: Unified,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
        ours: str,
    ) -> OrderData:
        """The venue's answer, which may say little more than an id."""
        if not isinstance(data, dict):
            raise OutcomeUnknown(f"{self.venue} answered without a form.", venue=self.venue)
        try:
            if self.row.answers_orders:
                return self._ours(self._account.order(data, self._reading()))
            ack = self._account.ack(data, symbol, amount, self._reading())
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self.venue) from error
        now = self._clock.now()
        return OrderData(
            venue=self.venue,
            symbol=symbol,
            order_id=ack.order_id,
            client_order_id=ours if options.client_order_id is None else options.client_order_id,
            side=side,
            order_type=order_type,
            status=ack.status,
            amount=amount,
            price=price,
            filled=ack.filled or Decimal(0),
            average_price=ack.average_price,
            time_in_force=options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            created_at=now,
            updated_at=now,
        )

    async def _near(self, symbol: str, side: OrderSide) -> Decimal:
        """The best price on the other side; ccxt puts the worst one five percent beyond it."""
        try:
            book = await self.get_orderbook(symbol, 5)
        except TransportError as error:
            raise NotSent(
                f"{self.venue}: there is no price for a market order in {symbol}.",
                venue=self.venue,
            ) from error
        levels = book.asks if side is OrderSide.BUY else book.bids
        if not levels:
            raise OrderRejected(
                f"{self.venue} {symbol}: nobody is there to trade with; nothing was sent.",
                venue=self.venue,
                code="NO_LIQUIDITY",
            )
        return levels[0].price

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, then asks for what the order is where the answer does not say."""
        self.need_orders()
        self.listings.to_trade(symbol)
        if self.row.has_number_ids and not order_id.isdigit():
            raise self._nobody(order_id)
        unified = self._words.unified[symbol]
        data = await self._rest.run(
            lambda: self._client.cancel_order(order_id, unified), is_order=True, is_urgent=True
        )
        if self.row.answers_orders:
            try:
                return self._ours(self._account.order(data, self._reading()))
            except MalformedMessage as error:
                raise OutcomeUnknown(str(error), venue=self.venue) from error
        try:
            return await self.get_order(order_id, symbol)
        except (OrderNotFound, TransportError) as error:
            raise OutcomeUnknown(
                f"{self.venue} cancelled, and did not say what had filled before.",
                venue=self.venue,
            ) from error

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, one after the other: each answer proves what became of it."""
        self.need_orders()
        gone = []
        for order in await self.get_open_orders(symbol):
            try:
                gone.append(await self.cancel_order(order.order_id, order.symbol))
            except OrderNotFound:
                continue  # it filled or was cancelled meanwhile
        return gone

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode; whole numbers only."""
        listing = self._margined(symbol, leverage)
        _, mode = await self._margin(listing)
        await self._rest.run(
            lambda: self._account.set_leverage(listing, leverage, mode), is_order=True
        )
        found, _ = await self._margin(listing)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage; asks for nothing where the mode is in force."""
        listing = self._margined(symbol)
        leverage, mode = await self._margin(listing)
        if mode is not margin_mode:
            await self._rest.run(
                lambda: self._account.set_mode(listing, leverage, margin_mode), is_order=True
            )
            _, mode = await self._margin(listing)
        return MarginModeResult(symbol=symbol, margin_mode=mode)

    def _margined(self, symbol: str, leverage: Decimal | None = None) -> Listing:
        self.need_orders()
        listing, instrument = self.listings.to_trade(symbol)
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
        most = instrument.max_leverage
        if leverage is not None and (leverage % 1 or leverage < 1):
            raise OrderRejected(
                f"{self.venue} {symbol}: leverage is a whole number up to {plain(most)}, not "
                f"{plain(leverage)}.",
                venue=self.venue,
                code="LEVERAGE",
            )
        return listing

    async def _margin(self, listing: Listing) -> tuple[Decimal, MarginMode]:
        self.need_account()
        return await self._rest.run(lambda: self._account.margin(listing, self._reading()))

    # -- small parts --------------------------------------------------------------------------

    def _ours(self, data: OrderData) -> OrderData:
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    def _ended(self, order: OrderData) -> OrderData:
        """The same with the moment of its end, where that was heard."""
        at = self._ends.get(order.order_id)
        return order if at is None else replace(order, updated_at=at)

    def _our_fill(self, data: FillData) -> FillData:
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    def need_account(self) -> None:
        """Checks that the account may be asked about.

        Raises:
            AuthError: If there are no keys.
            TransportError: If we are not connected.
        """
        self._rest.need_open()
        if self._doors.credentials is None:
            raise AuthError(f"{self.venue}: there are no keys.", venue=self.venue)


def _nothing(data: object) -> None:
    """What a watch gives is heard elsewhere."""


def _ms(at: datetime | None) -> int | None:
    return None if at is None else to_ns(at) // 1_000_000


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0
