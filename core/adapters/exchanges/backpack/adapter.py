"""Backpack: spot and perpetuals with one Ed25519 key.

Keys: `key` is the public key and `secret` the seed, both in base64; `account` may pin the user id
that positions carry. The venue does not tell what a key may do, so a key without the right to
withdraw has to be made there. Leverage is a limit of the whole account and all margin is cross.

Our client order ids are numbers of 32 bits there (`native/client_numbers.py`). Every request has a
window after which the venue refuses it, which for an order is its deadline. Closed orders are only
in the history, which does not say when they ended: the private stream does, as long as we listen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.backpack import parse
from core.adapters.exchanges.backpack.instruments import parse_markets
from core.adapters.exchanges.backpack.rest import BackpackRest, Key
from core.adapters.exchanges.backpack.sign import Value, subscription
from core.adapters.exchanges.backpack.stream import PrivateDialect, PublicDialect, private_topics
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
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
    UserData,
    from_ns,
    plain,
    to_ns,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.exchange import (
    NO_OPTIONS,
    Doors,
    Feed,
    NativeExchange,
    Stream,
)
from core.adapters.exchanges.native.listings import check_order
from core.adapters.exchanges.native.market import Change
from core.adapters.exchanges.settings import Address
from core.errors import (
    AuthError,
    MalformedMessage,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    VenueError,
)

T = TypeVar("T", OrderData, FillData)

ADDRESSES: Final = {
    "rest": Address(main="https://api.backpack.exchange"),
    "public": Address(main="wss://ws.backpack.exchange"),
    "private": Address(main="wss://ws.backpack.exchange"),
}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL, ExchangeType.SPOT}),
    has_request_deadline=True,
    max_client_order_id_length=32,
    orders_per_minute=2000,
)
_SIDES: Final = {OrderSide.BUY: "Bid", OrderSide.SELL: "Ask"}
_SECONDS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
    "1w": 604_800,
}
_OVERLAP: Final = timedelta(seconds=5)
_LONG_OPEN: Final = timedelta(days=30)
"""Orders that ended after a moment are looked for so long before it: the history goes by their
creation."""
_ENDS: Final = 10_000
_NEVER: Final = from_ns(0)


class BackpackExchange(NativeExchange):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
    """

    title = "Backpack"

    def __init__(self, doors: Doors) -> None:
        super().__init__("backpack", doors)
        urls, clock = doors.settings.urls, doors.clock
        self._rest = BackpackRest(doors, self.listings)
        self._numbers = ClientNumbers("backpack", 32)
        self._public_dialect = PublicDialect(
            urls["public"],
            clock,
            self.listings,
            self.hub,
            whole=self._whole_book,
            best=self._tell_best,
            missed=self._tell_missed,
            confirm=self._is_quiet,
        )
        self._public = Connection(self._public_dialect, doors.seams, on_state=self.on_state)
        private = PrivateDialect(
            urls["private"], clock, self.listings, self._proof, self._on_news, self._catch_up
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)
        self._ends: OrderedDict[str, datetime] = OrderedDict()
        """Order id -> when it ended, as the private stream told."""
        self._is_asking = False
        self._asks_again = False

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> BackpackRest:
        """Its requests."""
        return self._rest

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return CAPABILITIES

    @property
    def public(self) -> tuple[Connection, ...]:
        """One socket."""
        return (self._public,)

    @property
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """One socket for orders, executions and positions."""
        return ((self._private, private_topics()),)

    async def _load(self) -> Sequence[Listing]:
        await self._rest.measure_time()
        return parse_markets(await self._rest.public("/api/v1/markets"), self._rest.reading())

    async def _server_ns(self) -> int | None:
        return await self._rest.measure_time()

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        self._rest.key = Key(credentials)
        await self._leverage()
        rows = await self._rest.signed("GET", "/api/v1/position", "positionQuery")
        users = {str(row.get("userId")) for row in rows} if isinstance(rows, list) else set()
        if self.account and users and users != {self.account}:
            raise AuthError(
                "backpack: the key belongs to another account than the one that was pinned.",
                venue=self.venue,
                code="ACCOUNT",
                remedy="Store the key of the right account, or store the account anew.",
            )

    def _proof(self) -> list[str]:
        key = self._rest.need_key()
        return subscription(api_key=key.name, key=key.pair, timestamp_ms=self._rest.now_ms())

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        key = listing.key
        if stream is Stream.BOOK:
            return [Feed(self._public, f"depth.{key}")]
        if stream is Stream.TRADES:
            return [Feed(self._public, f"trade.{key}")]
        feeds = [Feed(self._public, f"bookTicker.{key}")]
        if listing.market_type is ExchangeType.PERPETUAL:
            feeds.append(Feed(self._public, f"markPrice.{key}"))
        return feeds

    # -- market data --------------------------------------------------------------------------

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, the last trade, and of perpetuals mark and index."""
        listing = self.listings.of(symbol)
        book = await self.get_orderbook(symbol, 1)
        answer = await self._rest.public("/api/v1/ticker", {"symbol": listing.key})
        day = parse.parse_ticker(answer, self._rest.reading())
        ticker = replace(
            day,
            bid=book.bids[0].price if book.bids else None,
            bid_amount=book.bids[0].amount if book.bids else None,
            ask=book.asks[0].price if book.asks else None,
            ask_amount=book.asks[0].amount if book.asks else None,
            at=book.at,
        )
        if listing.market_type is not ExchangeType.PERPETUAL:
            return ticker
        for part in await self._mark(listing):
            if isinstance(part, TickerData):
                return replace(ticker, mark=part.mark, index=part.index)
        return ticker

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of at most a thousand levels."""
        listing = self.listings.of(symbol)
        asked = next((size for size in (5, 10, 20, 50, 100, 500) if size >= (limit or 100)), 1000)
        answer = await self._rest.public("/api/v1/depth", {"symbol": listing.key, "limit": asked})
        book = parse.parse_depth(answer, self._rest.reading(listing.key))
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
        """The newest candles, or those since a moment."""
        listing = self.listings.of(symbol)
        length_s = _SECONDS.get(timeframe)
        if length_s is None:
            raise NotSupported(
                f"{self.venue} has no candles of {timeframe[:10]}.", venue=self.venue
            )
        now_s = self._rest.now_ms() // 1000
        start_s = now_s - length_s * (limit or 500) if since is None else to_ns(since) // 10**9
        params = {"symbol": listing.key, "interval": timeframe, "startTime": start_s}
        answer = await self._rest.public("/api/v1/klines", params)
        found = parse.parse_klines(answer, self._rest.reading(listing.key))
        rows = [row for row in found if since is None or row.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """At most the thousand newest."""
        listing = self.listings.of(symbol)
        answer = await self._rest.public("/api/v1/trades", {"symbol": listing.key, "limit": 1000})
        found = parse.parse_trades(answer, self._rest.reading(listing.key))
        rows = sorted(found, key=lambda trade: (trade.at, _number(trade.trade_id)))
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        listing = self.listings.of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self.venue)
        for part in await self._mark(listing):
            if isinstance(part, FundingRateData):
                return part
        raise MalformedMessage(f"{self.venue} told no funding of {symbol}", venue=self.venue)

    async def _mark(self, listing: Listing) -> list[TickerData | FundingRateData]:
        rows = await self._rest.public("/api/v1/markPrices", {"symbol": listing.key})
        found: list[TickerData | FundingRateData] = []
        for row in rows if isinstance(rows, list) else []:
            found += parse.parse_mark(row, self._rest.reading())
        return [part for part in found if part.symbol == listing.symbol]

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """What margins positions, with the account's equity at USDC, and every other asset."""
        self.need_account()
        margin = await self._rest.signed("GET", "/api/v1/capital/collateral", "collateralQuery")
        capital = await self._rest.signed("GET", "/api/v1/capital", "balanceQuery")
        reading = self._rest.reading()
        found = {item.asset: item for item in parse.parse_balances(capital, reading)}
        found |= {item.asset: item for item in parse.parse_collateral(margin, reading)}
        return [found[asset] for asset in sorted(found) if found[asset].total]

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        self.need_account()
        rows = await self._rest.signed("GET", "/api/v1/position", "positionQuery")
        found = [
            item
            for item in parse.parse_positions(rows, self._rest.reading())
            if symbols is None or item.symbol in symbols
        ]
        if not found:
            return []
        leverage = await self._leverage()
        return [
            replace(item, leverage=leverage, margin_mode=MarginMode.CROSS)
            for item in sorted(found, key=lambda item: item.symbol)
        ]

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state: among the open ones, else in the history."""
        self.need_account()
        params: dict[str, Value] = {"symbol": self.listings.of(symbol).key}
        number: int | None = None
        if order_id is not None and order_id.isdigit():
            params["orderId"] = order_id
        elif client_order_id is not None:
            number = self._numbers.number(client_order_id)
            params["clientId"] = number
        else:
            raise OrderNotFound(f"{self.venue} has no order {order_id!r}."[:120], venue=self.venue)
        try:
            answer = await self._rest.signed(
                "GET", "/api/v1/order", "orderQuery", params, is_urgent=True
            )
        except OrderNotFound:
            return await self._closed_order(params, number)
        return self._ours(parse.parse_order(answer, self._rest.reading()))

    async def _closed_order(self, params: dict[str, Value], number: int | None) -> OrderData:
        params.pop("clientId", None)

        def is_meant(row: OrderData) -> bool:
            return number is None or row.client_order_id == str(number)

        rows = await self._rest.orders(params, lambda page: any(map(is_meant, page)))
        for row in rows:
            if is_meant(row) and params.get("orderId", row.order_id) == row.order_id:
                return self._ended(self._ours(row))
        raise OrderNotFound(f"{self.venue} does not know the order.", venue=self.venue)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        params: dict[str, Value] = {}
        if symbol is not None:
            params["symbol"] = self.listings.of(symbol).key
        answer = await self._rest.signed(
            "GET", "/api/v1/orders", "orderQueryAll", params, is_urgent=True
        )
        found = [self._ours(item) for item in parse.parse_orders(answer, self._rest.reading())]
        return sorted(found, key=lambda item: (item.created_at or _NEVER, _number(item.order_id)))

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders; where the stream did not tell when one ended, that is its creation."""
        self.need_account()
        params: dict[str, Value] = {}
        if symbol is not None:
            params["symbol"] = self.listings.of(symbol).key
        before = None if since is None else since - _LONG_OPEN
        rows = await self._rest.orders(
            params,
            lambda page: (
                before is not None and all((row.created_at or _NEVER) < before for row in page)
            ),
        )
        found = [self._ended(self._ours(row)) for row in rows if row.status.is_final]
        found = [row for row in found if since is None or (row.updated_at or _NEVER) >= since]
        found.sort(key=lambda row: (row.updated_at or _NEVER, _number(row.order_id)))
        return found if limit is None else found[-limit:]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new."""
        self.need_account()
        key = None if symbol is None else self.listings.of(symbol).key
        return [self._ours(row) for row in await self._rest.fills(key, since)]

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        key = None if symbol is None else self.listings.of(symbol).key
        return await self._rest.funding(key, since)

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
        fields = _order_fields(listing, side, amount, price, options)
        if options.client_order_id is not None:
            fields["clientId"] = self._numbers.to_send(options.client_order_id)
        answer = await self._rest.signed(
            "POST",
            "/api/v1/order",
            "orderExecute",
            fields,
            is_order=True,
            window_ms=self._rest.window_ms(options.expires_at),
        )
        order = self._read_order(answer)
        sent = (symbol, side, options.client_order_id)
        if (order.symbol, order.side, order.client_order_id) != sent:
            raise OutcomeUnknown(
                f"{self.venue} answered with another order than was sent.", venue=self.venue
            )
        return order

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels; the venue answers with the order as it is then."""
        self.need_orders()
        listing = self.listings.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self.venue} has no order {order_id[:40]!r}.", venue=self.venue)
        answer = await self._rest.signed(
            "DELETE",
            "/api/v1/order",
            "orderCancel",
            {"orderId": order_id, "symbol": listing.key},
            is_order=True,
            is_urgent=True,
        )
        return self._read_order(answer)

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, symbol by symbol."""
        self.need_orders()
        before = await self.get_open_orders(symbol)
        gone: list[OrderData] = []
        for name in sorted({order.symbol for order in before}):
            answer = await self._rest.signed(
                "DELETE",
                "/api/v1/orders",
                "orderCancelAll",
                {"symbol": self.listings.of(name).key},
                is_order=True,
                is_urgent=True,
            )
            try:
                gone += parse.parse_orders(answer, self._rest.reading())
            except MalformedMessage as error:
                raise OutcomeUnknown(str(error), venue=self.venue) from error
        return [self._ours(order) for order in gone]

    def _read_order(self, answer: object) -> OrderData:
        try:
            return self._ours(parse.parse_order(answer, self._rest.reading()))
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self.venue) from error

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Sets the limit of the whole account: all its perpetuals have it."""
        self.need_orders()
        self._need_perpetual(symbol)
        try:
            await self._rest.signed(
                "PATCH",
                "/api/v1/account",
                "accountUpdate",
                {"leverageLimit": plain(leverage)},
                is_order=True,
            )
        except OutcomeUnknown as error:
            if error.code != "200":  # success has an empty body; what is in force is asked for
                raise
        return LeverageResult(symbol=symbol, leverage=await self._leverage())

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Cross is all there is.

        Raises:
            OrderRejected: For isolated margin.
        """
        self._need_perpetual(symbol)
        if margin_mode is not MarginMode.CROSS:
            raise OrderRejected(
                f"{self.venue} margins the whole account: {margin_mode.value} is not there.",
                venue=self.venue,
                code="MARGIN_MODE",
            )
        return MarginModeResult(symbol=symbol, margin_mode=MarginMode.CROSS)

    async def _leverage(self) -> Decimal:
        account = await self._rest.signed("GET", "/api/v1/account", "accountQuery")
        told = account.get("leverageLimit") if isinstance(account, dict) else None
        if not isinstance(told, str):
            raise MalformedMessage("backpack account: expected leverageLimit", venue=self.venue)
        try:
            return Decimal(told)
        except ArithmeticError as error:
            raise MalformedMessage(
                "backpack account: leverageLimit is no number", venue=self.venue
            ) from error

    def _need_perpetual(self, symbol: str) -> None:
        if self.listings.of(symbol).market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)

    # -- small parts --------------------------------------------------------------------------

    def _ours(self, data: T) -> T:
        return replace(data, client_order_id=self._numbers.ours(data.client_order_id))

    def _ended(self, order: OrderData) -> OrderData:
        """The same with the moment of its end, where that was heard."""
        at = self._ends.get(order.order_id)
        return order if at is None else replace(order, updated_at=at)

    # -- what the sockets do not tell ---------------------------------------------------------

    async def _whole_book(self, listing: Listing) -> tuple[int, Change]:
        book = await self.get_orderbook(listing.symbol, 1000)
        bids, asks = (
            [(float(level.price), float(level.amount)) for level in side]
            for side in (book.bids, book.asks)
        )
        return book.sequence or 0, Change(bids, asks, to_ns(book.at))

    async def _tell_best(self, listing: Listing) -> None:
        """Tells best prices as they are now, unless the stream was quicker."""
        book = await self.get_orderbook(listing.symbol, 1)
        quote = self.hub.of(listing.symbol).quote
        if (quote.bid is None and quote.ask is None) or quote.at is None or book.at > quote.at:
            self._set_best(book)

    def _set_best(self, book: OrderBookData) -> None:
        quote = self.hub.of(book.symbol).quote
        self.hub.set_best(
            quote,
            book.bids[0].price if book.bids else None,
            book.bids[0].amount if book.bids else None,
            book.asks[0].price if book.asks else None,
            book.asks[0].amount if book.asks else None,
        )
        quote.at = book.at
        self.hub.tell_quote(book.symbol, self._clock.now())

    async def _tell_missed(self, listing: Listing) -> None:
        self._public_dialect.market.tell_missed(listing.key, await self.get_trades(listing.symbol))

    async def _is_quiet(self) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topics = self._public.subscriptions.topics()
        topic = next((t for t in topics if t.startswith("bookTicker.")), None)
        if topic is None:
            return not topics
        listing = self.listings.by_key.get(topic.partition(".")[2])
        if listing is None:
            return False
        book = await self.get_orderbook(listing.symbol, 1)
        quote = self.hub.of(listing.symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        self._set_best(replace(book, at=self._clock.now()))
        return True

    async def _catch_up(self) -> None:
        since = self.hub.newest_fill_at
        since = self._clock.now() - timedelta(minutes=10) if since is None else since - _OVERLAP
        for fill in await self.get_fills(None, since):
            self.hub.tell_user(fill)

    def _on_news(self, told: Sequence[UserData], link: Link) -> None:
        """What the private stream told; balances are asked for after an execution."""
        has_filled = False
        for item in told:
            if isinstance(item, OrderData):
                if item.status.is_final and item.updated_at is not None:
                    self._ends[item.order_id] = item.updated_at
                    if len(self._ends) > _ENDS:
                        self._ends.popitem(last=False)
                self.hub.tell_user(self._ours(item))
            elif isinstance(item, FillData):
                has_filled = True
                at = from_ns(to_ns(item.at) // 1_000_000 * 1_000_000)  # as precise as REST tells
                self.hub.tell_user(replace(self._ours(item), at=at))
            else:
                self.hub.tell_user(item)
        if has_filled and self._is_asking:
            self._asks_again = True
        elif has_filled:
            self._is_asking = True
            link.spawn(self._tell_balances())

    async def _tell_balances(self) -> None:
        try:
            while True:
                self._asks_again = False
                for item in await self.get_balances():
                    self.hub.tell_user(item)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False


def _order_fields(
    listing: Listing,
    side: OrderSide,
    amount: Decimal,
    price: Decimal | None,
    options: OrderOptions,
) -> dict[str, Value]:
    """An order in the venue's words."""
    fields: dict[str, Value] = {
        "symbol": listing.key,
        "side": _SIDES[side],
        "quantity": plain(amount),
        "orderType": "Market" if price is None else "Limit",
    }
    if price is not None:
        fields["price"] = plain(price)
        fields["timeInForce"] = options.time_in_force.value.upper()
        if options.post_only:
            fields["postOnly"] = True
            fields["timeInForce"] = TimeInForce.GTC.value.upper()
    if options.reduce_only:
        fields["reduceOnly"] = True
    return fields


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
