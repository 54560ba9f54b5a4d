"""Binance: USDⓈ-M perpetuals and spot with one API key.

Keys: `key` is the API key, `secret` its HMAC secret or an Ed25519 key as PEM. A key that may
withdraw is refused, and so is an account in hedge mode. `account` pins the account: USDⓈ-M's
account code (`accountAlias`) where futures are used, else the uid that spot tells.

Orders go over the WebSocket API while that is live, else over HTTP. Every request has a window
after which the venue refuses it, which for an order is its deadline.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.instruments import parse_exchange_info, parse_funding_info
from core.adapters.exchanges.binance.markets import SPOT, USDM, Market
from core.adapters.exchanges.binance.rest import BinanceRest, Params, key_of
from core.adapters.exchanges.binance.stream import (
    ApiDialect,
    MarketDialect,
    Questions,
    UserDialect,
    Whole,
    depth_topic,
    mark_topic,
    read_event,
    topic_of,
)
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    Capabilities,
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
)
from core.adapters.exchanges.native.listings import Listings, check_order
from core.errors import (
    AuthError,
    MalformedMessage,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
)

T = TypeVar("T")

CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL, ExchangeType.SPOT}),
    has_request_deadline=True,
    max_client_order_id_length=36,
    orders_per_minute=1200,
)
_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}
_MARGIN_WORDS: Final = {MarginMode.ISOLATED: "ISOLATED", MarginMode.CROSS: "CROSSED"}
_MARGIN_MODES: Final = {
    "ISOLATED": MarginMode.ISOLATED,
    "CROSSED": MarginMode.CROSS,
    "CROSS": MarginMode.CROSS,
}
_NO_CHANGE: Final = "-4046"
"""The margin mode is what was asked for already."""
_TIMEFRAMES: Final = frozenset(
    "1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()  # noqa: SIM905 # reads better
)
_TIMEOUT_S: Final = 5.0
_OVERLAP: Final = timedelta(seconds=5)
_SETTLED_LAG: Final = timedelta(minutes=2)
_NEVER: Final = from_ns(0)
BOTH: Final = frozenset({"usdm", "spot"})


class _Board:
    """One market of the venue: its instruments and its sockets."""

    def __init__(self, exchange: BinanceExchange, market: Market, doors: Doors) -> None:
        urls, clock, name = doors.settings.urls, doors.clock, market.name
        self.market = market
        self.listings = Listings(exchange.venue, exchange.account)

        def connection(kind: str, url: str) -> Connection:
            dialect = MarketDialect(
                f"{name} {kind}",
                url,
                clock,
                self.listings,
                exchange.hub,
                Questions(
                    depth=exchange.whole_book,
                    best=lambda topics: exchange.tell_best(self, topics),
                    trades=exchange.trades_from,
                    confirm=lambda topics: exchange.is_quiet(self, topics),
                ),
                is_spot=market.is_spot,
            )
            return Connection(dialect, doors.seams, on_state=exchange.on_state)

        self.public = connection("public", urls[market.public])
        self.trades = (
            self.public
            if market.market == market.public
            else connection("market", urls[market.market])
        )
        api = ApiDialect(
            f"{name} orders",
            urls[market.orders],
            subscribe=exchange.subscription if market.is_spot else None,
            news=exchange.on_event(self) if market.is_spot else None,
            catch_up=(lambda: exchange.catch_up(self)) if market.is_spot else None,
        )
        self.orders = Connection(api, doors.seams, on_state=exchange.on_state)
        self.private: Connection | None = None
        if not market.is_spot:
            user = UserDialect(
                urls["private"],
                clock,
                exchange.listen,
                exchange.on_event(self),
                lambda: exchange.catch_up(self),
            )
            self.private = Connection(user, doors.seams, on_state=exchange.on_state)


class BinanceExchange(NativeExchange):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
        markets: `usdm`, `spot` or both; nothing is asked of a market that is not among them.
    """

    title = "Binance"

    def __init__(self, doors: Doors, *, markets: Collection[str] = BOTH) -> None:
        super().__init__("binance", doors)
        self._rest = BinanceRest(doors)
        self._boards = {
            market.name: _Board(self, market, doors)
            for market in (USDM, SPOT)
            if market.name in markets
        }
        self._used: dict[str, None] = {}
        """Symbols that we traded or asked about; where all of them are meant, these are asked."""
        self._numbers = itertools.count(1)

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> BinanceRest:
        """Its requests."""
        return self._rest

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        kinds = {"usdm": ExchangeType.PERPETUAL, "spot": ExchangeType.SPOT}
        return replace(CAPABILITIES, market_types=frozenset(kinds[name] for name in self._boards))

    @property
    def public(self) -> tuple[Connection, ...]:
        """One or two sockets a market."""
        found = [item for board in self._boards.values() for item in (board.public, board.trades)]
        return tuple(dict.fromkeys(found))

    @property
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """A socket for orders of each market, and one for the news of USDⓈ-M."""
        found: list[tuple[Connection, tuple[Topic, ...]]] = []
        for board in self._boards.values():
            if board.private is not None:
                found.append((board.private, ()))
            found.append((board.orders, ()))
        return tuple(found)

    async def _load(self) -> Sequence[Listing]:
        everything: list[Listing] = []
        for board in self._boards.values():
            market = board.market
            await self._rest.measure_time(market)
            weight = 20 if market.is_spot else 1
            info = await self._rest.public(market, "exchangeInfo", weight=weight)
            reading = board.listings.reading(self._clock.now())
            found = parse_exchange_info(info, reading)
            if not market.is_spot:
                hours = await self._rest.public(market, "fundingInfo")
                found = parse_funding_info(hours, found, reading)
            board.listings.replace(found)
            everything += found
        return everything

    async def _server_ns(self) -> int | None:
        market = next(iter(self._boards.values())).market
        return await self._rest.measure_time(market)

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        self._rest.key = key_of(credentials)
        if not self._doors.settings.is_testnet:
            await self._check_rights()
        if "usdm" in self._boards:
            await self._check_futures()
        else:
            await self._check_spot()

    async def _check_rights(self) -> None:
        """Refuses a key that may withdraw; the test networks do not tell."""
        market = next(iter(self._boards.values())).market
        rights = await self._rest.signed(
            "GET", market, "/sapi/v1/account/apiRestrictions", address="account"
        )
        if not isinstance(rights, dict):
            raise MalformedMessage("binance apiRestrictions: expected an object", venue=self.venue)
        if rights.get("enableWithdrawals") is not False:
            raise AuthError(
                "binance: this key may withdraw.",
                venue=self.venue,
                code="WITHDRAW",
                remedy="Take that right away at the venue, or make a key without it.",
            )
        if "usdm" in self._boards and rights.get("enableFutures") is not True:
            raise AuthError(
                "binance: this key may not trade futures.",
                venue=self.venue,
                code="RIGHTS",
                remedy="Give it that right at the venue.",
            )

    async def _check_futures(self) -> None:
        mode = await self._rest.signed("GET", USDM, "positionSide/dual", weight=30)
        if not isinstance(mode, dict) or mode.get("dualSidePosition") is not False:
            raise AuthError(
                "binance: the account is in hedge mode.",
                venue=self.venue,
                code="POSITION_MODE",
                remedy="Switch it to one-way mode at the venue.",
            )
        rows = await self._rest.signed("GET", USDM, "/fapi/v3/balance", weight=5)
        names = {str(row.get("accountAlias")) for row in rows} if isinstance(rows, list) else set()
        self._check_account(names)

    async def _check_spot(self) -> None:
        account = await self._rest.signed("GET", SPOT, "account", weight=20)
        uid = account.get("uid") if isinstance(account, dict) else None
        self._check_account(set() if uid is None else {str(uid)})

    def _check_account(self, found: set[str]) -> None:
        if self.account and found and found != {self.account}:
            raise AuthError(
                "binance: the key belongs to another account than the one that was pinned.",
                venue=self.venue,
                code="ACCOUNT",
                remedy="Store the key of the right account, or store the account anew.",
            )

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        board = self._board(listing.symbol)
        key = listing.key
        if stream is Stream.BOOK:
            return [Feed(board.public, depth_topic(key))]
        if stream is Stream.TRADES:
            return [Feed(board.trades, topic_of(key, "aggTrade"))]
        feeds = [Feed(board.public, topic_of(key, "bookTicker"))]
        if not board.market.is_spot:
            feeds.append(Feed(board.trades, mark_topic(key)))
        return feeds

    # -- market data --------------------------------------------------------------------------

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices and the last one; of perpetuals also mark and index."""
        board, listing = self._of(symbol)
        market, params = board.market, {"symbol": listing.key}
        best = await self._rest.public(market, "ticker/bookTicker", params, 2)
        last = await self._rest.public(market, "ticker/price", params, 2)
        ticker = parse.parse_book_ticker(best, self._reading(board))
        ticker = replace(ticker, last=parse.parse_last(last, self._reading(board)))
        if market.is_spot:
            return ticker
        premium = await self._rest.public(market, "premiumIndex", params)
        for part in parse.parse_premium_index(premium, self._reading(board)):
            if isinstance(part, TickerData):
                return replace(ticker, mark=part.mark, index=part.index)
        return ticker

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of at most a thousand levels."""
        board, listing = self._of(symbol)
        asked = next((size for size in (5, 10, 20, 50, 100, 500) if size >= (limit or 100)), 1000)
        answer = await self._rest.public(
            board.market,
            "depth",
            {"symbol": listing.key, "limit": asked},
            board.market.depth_weight,
        )
        book = parse.parse_depth(answer, self._reading(board, listing.key))
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
        """At most a thousand candles."""
        board, listing = self._of(symbol)
        if timeframe not in _TIMEFRAMES:
            raise NotSupported(
                f"{self.venue} has no candles of {timeframe[:10]}.", venue=self.venue
            )
        params: dict[str, object] = {"symbol": listing.key, "interval": timeframe}
        params["limit"] = min(limit or 500, 1000)
        if since is not None:
            params["startTime"] = to_ns(since) // 1_000_000
        answer = await self._rest.public(board.market, "klines", params, 5)
        return list(parse.parse_klines(answer, self._reading(board, listing.key), timeframe))

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """Aggregated trades, at most a thousand."""
        _, listing = self._of(symbol)
        params: dict[str, object] = {"limit": min(limit or 500, 1000)}
        if since is not None:
            params["startTime"] = to_ns(since) // 1_000_000
        found = await self._agg_trades(listing, params)
        return [trade for trade in found if since is None or trade.at >= since]

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        board, listing = self._of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self.venue)
        answer = await self._rest.public(board.market, "premiumIndex", {"symbol": listing.key})
        for part in parse.parse_premium_index(answer, self._reading(board)):
            if isinstance(part, FundingRateData):
                return part
        raise MalformedMessage(f"{self.venue} told no funding of {symbol}", venue=self.venue)

    async def whole_book(self, listing: Listing) -> Whole:
        """A whole book for the stream to build on."""
        market = self._board(listing.symbol).market
        answer = await self._rest.public(
            market,
            "depth",
            {"symbol": listing.key, "limit": market.depth_limit},
            market.depth_weight,
        )
        board = self._board(listing.symbol)
        book = parse.parse_depth(answer, self._reading(board, listing.key))
        assert book.sequence is not None  # noqa: S101 # `parse_depth` wants it
        bids, asks = (
            [(float(level.price), float(level.amount)) for level in side]
            for side in (book.bids, book.asks)
        )
        return Whole(
            sequence=book.sequence, at_ms=to_ns(book.at) // 1_000_000, bids=bids, asks=asks
        )

    async def tell_best(self, board: _Board, topics: Sequence[Topic]) -> None:
        """Tells the best prices of these topics' instruments, with one question."""
        keys = {topic.partition("@")[0].upper() for topic in topics}
        params = {"symbol": next(iter(keys))} if len(keys) == 1 else None
        answer = await self._rest.public(board.market, "ticker/bookTicker", params, 5)
        reading = self._reading(board)
        for row in answer if isinstance(answer, list) else [answer]:
            if not isinstance(row, dict) or row.get("symbol") not in keys:
                continue
            try:
                ticker = parse.parse_book_ticker(row, reading)
            except MalformedMessage:
                board.listings.count("ticker/bookTicker:refused")
                continue
            quote = self.hub.of(ticker.symbol).quote
            if quote.at is None or quote.bid is None or ticker.at > quote.at:
                self.hub.take_part(ticker.symbol, ticker)
                self.hub.tell_quote(ticker.symbol, self._clock.now())

    async def trades_from(self, listing: Listing, first: int) -> Sequence[TradeData]:
        """Public trades from an id on."""
        return await self._agg_trades(listing, {"fromId": first, "limit": 1000})

    async def _agg_trades(self, listing: Listing, params: dict[str, object]) -> list[TradeData]:
        board = self._board(listing.symbol)
        answer = await self._rest.public(
            board.market, "aggTrades", {"symbol": listing.key, **params}, 20
        )
        return list(parse.parse_agg_trades(answer, self._reading(board, listing.key)))

    async def is_quiet(self, board: _Board, topics: Sequence[Topic]) -> bool:
        """Whether REST tells what the stream told last; then its prices are fresh again."""
        key = next((topic.partition("@")[0].upper() for topic in topics), "")
        listing = board.listings.by_key.get(key)
        if listing is None:
            return not topics
        answer = await self._rest.public(
            board.market, "ticker/bookTicker", {"symbol": listing.key}, 2
        )
        told = parse.parse_book_ticker(answer, self._reading(board))
        quote = self.hub.of(listing.symbol).quote
        if (quote.bid, quote.ask) != (told.bid, told.ask):
            return False
        quote.at = self._clock.now()
        self.hub.tell_quote(listing.symbol, quote.at)
        return True

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """Both markets' wallets; an asset that is in both is one."""
        self.need_account()
        found: dict[str, BalanceData] = {}
        for board in self._boards.values():
            for item in await self._balances(board):
                known = found.get(item.asset)
                found[item.asset] = item if known is None else _together(known, item)
        return [found[asset] for asset in sorted(found)]

    async def _balances(self, board: _Board) -> Sequence[BalanceData]:
        if board.market.is_spot:
            answer = await self._rest.signed("GET", SPOT, "account", weight=20)
            return parse.parse_account(answer, self._reading(board))
        answer = await self._rest.signed("GET", USDM, "/fapi/v3/balance", weight=5)
        return parse.parse_balances(answer, self._reading(board))

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions of USDⓈ-M, with the leverage and margin mode that the venue tells apart."""
        self.need_account()
        board = self._boards.get("usdm")
        if board is None:
            return []
        answer = await self._rest.signed("GET", USDM, "/fapi/v3/positionRisk", weight=5)
        found = [
            item
            for item in parse.parse_positions(answer, self._reading(board))
            if symbols is None or item.symbol in symbols
        ]
        told: list[PositionData] = []
        for item in sorted(found, key=lambda item: item.symbol):
            self._used[item.symbol] = None
            leverage, mode = await self._margin(item.symbol)
            told.append(replace(item, leverage=leverage, margin_mode=mode))
        return told

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        self.need_account()
        board, listing = self._of(symbol)
        params = _named(listing, order_id, client_order_id)
        answer = await self._rest.signed(
            "GET", board.market, "order", params, weight=4, is_urgent=True
        )
        return parse.parse_order(answer, self._reading(board))

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        found: list[OrderData] = []
        boards: list[tuple[_Board, Listing | None]] = [
            (board, None) for board in self._boards.values()
        ]
        if symbol is not None:
            boards = [self._of(symbol)]
        for board, listing in boards:
            params = {} if listing is None else {"symbol": listing.key}
            weight = board.market.open_orders_weight if listing is None else 1
            answer = await self._rest.signed(
                "GET", board.market, "openOrders", params, weight=weight, is_urgent=True
            )
            found += parse.parse_orders(answer, self._reading(board))
        self._used.update(dict.fromkeys(order.symbol for order in found))
        return sorted(found, key=lambda item: (item.created_at or _NEVER, int(item.order_id)))

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders of a symbol, or of all that we had to do with."""
        self.need_account()
        rows: list[OrderData] = []
        for name in await self._symbols(symbol):
            board, listing = self._of(name)
            # The venue filters by creation; what ended after `since` may have begun before.
            window = timedelta(milliseconds=board.market.fill_window_ms)
            rows += await self._rest.walk(
                board.market,
                "allOrders",
                listing.key,
                None if since is None else since - window,
                _reader(parse.parse_orders, board, self._reading),
                lambda row: int(row.order_id),
                first="orderId",
            )
        found = [
            row
            for row in rows
            if row.status.is_final and (since is None or (row.updated_at or _NEVER) >= since)
        ]
        found.sort(key=lambda row: (row.updated_at or _NEVER, int(row.order_id)))
        return found if limit is None else found[-limit:]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions of a symbol, or of all that we had to do with."""
        self.need_account()
        rows: list[FillData] = []
        for name in await self._symbols(symbol):
            board, listing = self._of(name)
            found = await self._rest.walk(
                board.market,
                board.market.fills,
                listing.key,
                since,
                _reader(parse.parse_fills, board, self._reading),
                lambda row: int(row.trade_id),
            )
            rows += [row for row in found if since is None or row.at >= since]
        return sorted(
            (replace(row, received_at=None) for row in rows),
            key=lambda row: (row.at, int(row.trade_id)),
        )

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Settlements of USDⓈ-M; the venue tells rate and mark of each apart."""
        self.need_account()
        board = self._boards.get("usdm")
        if board is None:
            return []
        start_ms = 0 if since is None else to_ns(since) // 1_000_000
        params: dict[str, object] = {"incomeType": "FUNDING_FEE", "limit": 1000}
        if symbol is not None:
            params["symbol"] = self._of(symbol)[1].key
        rows: dict[tuple[str, str], parse.Income] = {}
        while True:
            answer = await self._rest.signed(
                "GET", USDM, "income", {**params, "startTime": start_ms}, weight=30
            )
            page = parse.parse_income(answer, self._reading(board))
            fresh = {(row.symbol, row.payment_id): row for row in page}
            is_over = len(page) < 1000 or fresh.keys() <= rows.keys()
            rows.update(fresh)
            if is_over:
                break
            start_ms = max(to_ns(row.at) // 1_000_000 for row in page)
        return [
            await self._payment(board, row)
            for row in sorted(rows.values(), key=lambda row: row.at)
            if since is None or row.at >= since
        ]

    async def _payment(self, board: _Board, row: parse.Income) -> FundingPaymentData:
        """A settlement with its rate, and the position that it was computed on."""
        listing = board.listings.of(row.symbol)
        at_ms = to_ns(row.at) // 1_000_000
        answer = await self._rest.public(
            USDM,
            "fundingRate",
            {"symbol": listing.key, "startTime": at_ms - 60_000, "endTime": at_ms + 60_000},
        )
        rates = parse.parse_funding_marks(answer, self._reading(board))
        rate, mark = rates[-1] if rates else (Decimal(0), None)
        position = Decimal(0)
        if rate and mark and listing.instrument is not None:
            position = listing.instrument.floor_amount(abs(row.amount / (rate * mark)))
            position = position.copy_sign(-row.amount * rate)
        return FundingPaymentData(
            venue=self.venue,
            account=self.account,
            symbol=row.symbol,
            payment_id=row.payment_id,
            amount=row.amount,
            rate=rate,
            position=position,
            at=row.at,
        )

    async def _symbols(self, symbol: str | None) -> list[str]:
        """The symbols that a question about all of them is asked of."""
        if symbol is not None:
            self._used[symbol] = None
            return [symbol]
        await self.get_open_orders()
        await self.get_positions()
        return sorted(self._used)

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
        check_order(instrument, order_type, amount, price, options)
        board = self._board(symbol)
        self._used[symbol] = None
        fields = _order_fields(board.market, listing, side, amount, price, options)
        if options.client_order_id is not None:
            fields["newClientOrderId"] = options.client_order_id
        self._rest.order_budget(board.market).spend_now()
        answer = await self._send(
            board,
            "order.place",
            "POST",
            "order",
            fields,
            window_ms=self._rest.window_ms(options.expires_at),
        )
        order = self._read_order(answer, board)
        if order.symbol != symbol or order.client_order_id != (
            options.client_order_id or order.client_order_id
        ):
            raise OutcomeUnknown(
                f"{self.venue} answered with another order than was sent.", venue=self.venue
            )
        return order

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels; the venue answers with the order as it is then."""
        self.need_orders()
        board, listing = self._of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self.venue} has no order {order_id[:40]!r}.", venue=self.venue)
        fields = {"symbol": listing.key, "orderId": order_id}
        answer = await self._send(board, "order.cancel", "DELETE", "order", fields, is_urgent=True)
        return self._read_order(answer, board)

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, symbol by symbol."""
        self.need_orders()
        before = await self.get_open_orders(symbol)
        for name in sorted({order.symbol for order in before}):
            board, listing = self._of(name)
            path = "openOrders" if board.market.is_spot else "allOpenOrders"
            await self._rest.signed(
                "DELETE",
                board.market,
                path,
                {"symbol": listing.key},
                is_order=True,
                is_urgent=True,
            )
        return [await self.get_order(order.order_id, order.symbol) for order in before]

    async def cancel_all_after(self, symbol: str, seconds: float | None) -> None:
        """Arms the dead man's switch of a perpetual: its orders are cancelled then; None disarms.

        Raises:
            NotSupported: For spot, which has none.
        """
        self.need_orders()
        board, listing = self._of(symbol)
        if board.market.is_spot:
            raise NotSupported(f"{symbol}: spot has no dead man's switch.", venue=self.venue)
        count = "0" if seconds is None else str(round(seconds * 1000))
        await self._rest.signed(
            "POST",
            USDM,
            "countdownCancelAll",
            {"symbol": listing.key, "countdownTime": count},
            weight=10,
            is_order=True,
            is_urgent=True,
        )

    async def _send(
        self,
        board: _Board,
        word: str,
        method: str,
        path: str,
        fields: Params,
        *,
        is_urgent: bool = False,
        window_ms: int = 5_000,
    ) -> object:
        """A request that changes orders, once: over the socket if that is live, else over HTTP."""
        rest = self._rest
        if not board.orders.is_live:
            return await rest.signed(
                method,
                board.market,
                path,
                fields,
                is_order=True,
                is_urgent=is_urgent,
                window_ms=window_ms,
            )
        budget = rest.budget(board.market)
        budget.spend_now(1, is_urgent=is_urgent)
        sequence = str(next(self._numbers))
        message = _request(sequence, word, rest.socket_params(fields, window_ms))
        try:
            answer = await board.orders.call(sequence, message, timeout_s=_TIMEOUT_S)
        except TransportError as error:
            raise rest.failed(error, is_order=True) from error
        if not isinstance(answer, dict) or not isinstance(answer.get("status"), int):
            raise OutcomeUnknown(f"{self.venue} answered without a form.", venue=self.venue)
        status = answer["status"]
        body = answer.get("result") if status == 200 else answer
        return rest.judge(status, body, budget, is_order=True)

    def _read_order(self, answer: object, board: _Board) -> OrderData:
        try:
            return replace(parse.parse_order(answer, self._reading(board)), raw=None)
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self.venue) from error

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Whole numbers only."""
        self.need_orders()
        listing = self._perpetual(symbol)
        if leverage % 1 or leverage < 1:
            raise OrderRejected(
                f"{self.venue}: leverage is a whole number, not {plain(leverage)}.",
                venue=self.venue,
                code="LEVERAGE",
            )
        await self._rest.signed(
            "POST",
            USDM,
            "leverage",
            {"symbol": listing.key, "leverage": plain(leverage)},
            is_order=True,
        )
        found, _ = await self._margin(symbol)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Refused by the venue while there is a position or an order."""
        self.need_orders()
        listing = self._perpetual(symbol)
        try:
            await self._rest.signed(
                "POST",
                USDM,
                "marginType",
                {"symbol": listing.key, "marginType": _MARGIN_WORDS[margin_mode]},
                is_order=True,
            )
        except OrderRejected as error:
            if error.code != _NO_CHANGE:
                raise
        _, found = await self._margin(symbol)
        return MarginModeResult(symbol=symbol, margin_mode=found)

    async def _margin(self, symbol: str) -> tuple[Decimal, MarginMode]:
        listing = self._perpetual(symbol)
        answer = await self._rest.signed(
            "GET", USDM, "symbolConfig", {"symbol": listing.key}, weight=5
        )
        row = answer[0] if isinstance(answer, list) and answer else None
        mode = _MARGIN_MODES.get(str(row.get("marginType"))) if isinstance(row, dict) else None
        leverage = row.get("leverage") if isinstance(row, dict) else None
        if mode is None or not isinstance(leverage, int):
            raise MalformedMessage("binance symbolConfig: expected leverage", venue=self.venue)
        return Decimal(leverage), mode

    def _perpetual(self, symbol: str) -> Listing:
        board, listing = self._of(symbol)
        if board.market.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
        return listing

    # -- the account's news -------------------------------------------------------------------

    def subscription(self, number: str) -> bytes:
        """The signed request for the news of spot."""
        return _request(number, "userDataStream.subscribe.signature", self._rest.socket_params({}))

    async def listen(self, is_renewal: bool) -> str:  # noqa: FBT001 # one of two requests
        """A listen key for the news of USDⓈ-M; asking again gives the same one a new hour."""
        answer = await self._rest.keyed("PUT" if is_renewal else "POST", USDM, "listenKey")
        found = answer.get("listenKey") if isinstance(answer, dict) else None
        if not isinstance(found, str) or not found:
            if is_renewal:
                return ""
            raise MalformedMessage("binance listenKey: there is none", venue=self.venue)
        return found

    def on_event(self, board: _Board) -> Callable[[object, Link], None]:
        """What takes an event of the account on this market."""

        def take(raw: object, link: Link) -> None:
            if not isinstance(raw, dict):
                return
            if raw.get("e") == "listenKeyExpired":
                link.drop("the listen key has expired")
                return
            try:
                found = read_event(raw, board.listings, self._clock)
            except MalformedMessage as error:
                board.listings.count(f"event:{str(raw.get('e'))[:40]}:refused")
                link.drop(f"a private message makes no sense: {error}")
                return
            for item in found:
                if isinstance(item, OrderData):
                    self._used[item.symbol] = None
                self.hub.tell_user(item)
            part = raw.get("a")
            if isinstance(part, dict) and part.get("m") == "FUNDING_FEE":
                link.spawn(self._tell_settlements())

        return take

    async def _tell_settlements(self) -> None:
        try:
            since = self._clock.now() - _SETTLED_LAG
            for payment in await self.get_funding_payments(None, since):
                self.hub.tell_user(payment)
        except VenueError:
            return  # reconciliation asks for them

    async def catch_up(self, board: _Board) -> None:
        """Executions that were missed while there was no socket."""
        since = self.hub.newest_fill_at
        since = self._clock.now() - timedelta(minutes=10) if since is None else since - _OVERLAP
        for symbol in list(self._used):
            if symbol in board.listings.by_symbol:
                for fill in await self.get_fills(symbol, since):
                    self.hub.tell_user(fill)

    # -- small parts --------------------------------------------------------------------------

    def _board(self, symbol: str) -> _Board:
        for board in self._boards.values():
            if symbol in board.listings.by_symbol:
                return board
        raise NotSupported(f"{self.venue} has no {symbol[:40]}.", venue=self.venue)

    def _of(self, symbol: str) -> tuple[_Board, Listing]:
        board = self._board(symbol)
        return board, board.listings.of(symbol)

    def _reading(self, board: _Board, key: str = "") -> Reading:
        return board.listings.reading(self._clock.now(), asked_for=key)


def _order_fields(
    market: Market,
    listing: Listing,
    side: OrderSide,
    amount: Decimal,
    price: Decimal | None,
    options: OrderOptions,
) -> Params:
    """An order in the venue's words."""
    fields: Params = {
        "symbol": listing.key,
        "side": _SIDES[side],
        "quantity": plain(amount),
        "newOrderRespType": "FULL" if market.is_spot else "RESULT",
    }
    if price is None:
        fields["type"] = "MARKET"
    else:
        fields["price"] = plain(price)
        if options.post_only and market.is_spot:
            fields["type"] = "LIMIT_MAKER"
        else:
            fields["type"] = "LIMIT"
            word = "GTX" if options.post_only else _TIMES_IN_FORCE[options.time_in_force]
            fields["timeInForce"] = word
    if options.reduce_only:
        if market.is_spot:
            raise NotSupported("binance spot has no reduce-only orders.", venue="binance")
        fields["reduceOnly"] = "true"
    return fields


def _named(listing: Listing, order_id: str | None, client_order_id: str | None) -> Params:
    """Which order a question is about; without a good id, one that no order has."""
    if order_id is not None and order_id.isdigit():
        return {"symbol": listing.key, "orderId": order_id}
    if client_order_id:
        return {"symbol": listing.key, "origClientOrderId": client_order_id}
    raise OrderNotFound(f"binance has no order {order_id!r}."[:120], venue="binance")


def _request(number: str, method: str, params: Params) -> bytes:
    return msgspec.json.encode({"id": number, "method": method, "params": params})


def _reader(
    read: Callable[[object, Reading], Sequence[T]],
    board: _Board,
    reading: Callable[[_Board], Reading],
) -> Callable[[object], Sequence[T]]:
    return lambda answer: read(answer, reading(board))


def _together(first: BalanceData, second: BalanceData) -> BalanceData:
    """One asset in two wallets of the same owner."""
    equity = first.equity if first.equity is not None else first.total
    more = second.equity if second.equity is not None else second.total
    return replace(
        first,
        total=first.total + second.total,
        free=first.free + second.free,
        used=first.used + second.used,
        equity=equity + more,
    )
