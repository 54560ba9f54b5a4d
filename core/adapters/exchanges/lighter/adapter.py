"""Lighter: perpetuals and spot with an API key of its own.

Keys: `account` is the account index, `secret` the API key's private key, the option
`api_key_index` its place (4 to 254), and the option `signer` the path of the venue's native signer
where the package lighter-sdk is not installed (`sign.py`). Without a signer everything public
works. No key is registered or changed, no integrator approved, nothing but orders, cancels and
leverage signed. An API key here may always do what its account may: the venue has no lesser right.
The key's nonces come from the clock, so nothing else should send with the same key.

Our client order ids are numbers of 48 bits there (`native/client_numbers.py`). The answer to an
order is a hash; what became of it comes on the private socket under that number, or is asked for.
What matching refuses is an order that was cancelled at once, with a word why: that is told as the
refusal that it is. A reduce-only order with nothing to reduce is dropped by the venue in silence,
so it is refused here, after a question. Orders rest at most 28 days. There is no fill-or-kill.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.instruments import parse_markets
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.lighter.sign import (
    CANCEL_ORDER,
    CREATE_ORDER,
    GTT,
    IOC,
    LIMIT,
    MARKET,
    POST_ONLY,
    UPDATE_LEVERAGE,
    NativeSigner,
    Order,
    Signer,
    find_library,
)
from core.adapters.exchanges.lighter.stream import PrivateDialect, PublicDialect, private_topics
from core.adapters.exchanges.models import (
    BalanceData,
    Capabilities,
    ExchangeType,
    FillData,
    FundingPaymentData,
    FundingRateData,
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
    Rounding,
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
from core.adapters.exchanges.settings import Address
from core.errors import (
    AuthError,
    ConfigError,
    InsufficientFunds,
    MalformedMessage,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
)

T = TypeVar("T", OrderData, FillData)

ADDRESSES: Final = {
    "rest": Address(
        main="https://mainnet.zklighter.elliot.ai", test="https://testnet.zklighter.elliot.ai"
    ),
    "public": Address(
        main="wss://mainnet.zklighter.elliot.ai/stream",
        test="wss://testnet.zklighter.elliot.ai/stream",
    ),
    "private": Address(
        main="wss://mainnet.zklighter.elliot.ai/stream",
        test="wss://testnet.zklighter.elliot.ai/stream",
    ),
}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL, ExchangeType.SPOT}),
    max_client_order_id_length=32,
)
CHAIN, TEST_CHAIN = 304, 300
_SECONDS: Final = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14_400,
    "12h": 43_200,
    "1d": 86_400,
    "1w": 604_800,
}
_EVERY_MARKET: Final = 255
_FRACTIONS: Final = Decimal(10_000)
_SLIPPAGE: Final = Decimal("0.05")
_NEWS_S: Final = 1.0
"""How long the private socket is given to say what became of a transaction."""
_SETTLE_S: Final = 3.0
_HEARD: Final = 10_000
_LONG_OPEN: Final = timedelta(days=30)
_OVERLAP: Final = timedelta(seconds=5)
_NEVER: Final = from_ns(0)
_REFUSALS: Final[dict[str, type[OrderRejected]]] = {
    "canceled-post-only": OrderRejected,
    "canceled-reduce-only": OrderRejected,
    "canceled-position-not-allowed": OrderRejected,
    "canceled-margin-not-allowed": InsufficientFunds,
    "canceled-invalid-balance": InsufficientFunds,
}
"""What the venue calls an order that matching refused -> the refusal that it is."""
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def native_signer(doors: Doors) -> Signer:
    """The venue's own signer.

    Raises:
        ConfigError: If it is not there.
        AuthError: If the key is none.
    """
    credentials = doors.credentials
    if credentials is None or not credentials.account.isdigit():
        raise AuthError("lighter: the account index is missing beside the key.", venue="lighter")
    index = credentials.options.get("api_key_index", "")
    if not index.isdigit():
        raise AuthError("lighter: the API key's index is missing.", venue="lighter")
    return NativeSigner(
        find_library(credentials.options.get("signer")),
        url=doors.settings.urls["rest"],
        chain=TEST_CHAIN if doors.settings.is_testnet else CHAIN,
        account=int(credentials.account),
        key_index=int(index),
        secret=credentials.secret.reveal(),
    )


class LighterExchange(NativeExchange):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
        make_signer: Makes what signs, when keys are to be proved.
    """

    title = "Lighter"

    def __init__(
        self, doors: Doors, *, make_signer: Callable[[Doors], Signer] = native_signer
    ) -> None:
        super().__init__("lighter", doors)
        urls, clock = doors.settings.urls, doors.clock
        self._make_signer = make_signer
        self._rest = LighterRest(doors, self.listings, self.account)
        self._numbers = ClientNumbers("lighter", 48)
        self._rng = doors.seams.rng.child("lighter client order ids")
        self._public_dialect = PublicDialect(
            urls["public"], clock, self.listings, self.hub, self._is_quiet
        )
        self._public = Connection(self._public_dialect, doors.seams, on_state=self.on_state)
        private = PrivateDialect(
            urls["private"], clock, self.listings, self._rest.token, self._on_news, self._catch_up
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)
        self._by_number: OrderedDict[str, OrderData] = OrderedDict()
        """The venue's client order index -> what the private socket said last."""
        self._by_id: OrderedDict[str, OrderData] = OrderedDict()
        self._creating: set[str] = set()
        """Client order indexes of creates whose outcome is waited for."""
        self._waiting: set[asyncio.Event] = set()
        self._positions: dict[str, PositionData] | None = None
        """Symbol -> position other than flat, as the private socket told."""

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> LighterRest:
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
        """One socket for orders, executions, positions and collateral."""
        return ((self._private, private_topics(self.account)),)

    async def _load(self) -> Sequence[Listing]:
        return parse_markets(await self._rest.public("orderBookDetails"), self._rest.reading())

    async def _server_ns(self) -> int | None:
        """It tells no time in milliseconds; that it answers is what counts."""
        listing = next(iter(self.listings), None)
        params = {} if listing is None else {"market_id": listing.key}
        await self._rest.public("orderBookDetails", params)
        return None

    async def _prove(self) -> None:
        try:
            self._rest.signer = self._make_signer(self._doors)
        except ConfigError as error:
            raise AuthError(error.message, venue=self.venue, remedy=error.remedy) from error
        limits = await self._rest.private("accountLimits")
        if isinstance(limits, dict) and limits.get("user_tier") == "premium":
            self._rest.be_premium()

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        key = listing.key
        if stream is Stream.BOOK:
            return [Feed(self._public, f"order_book/{key}", has_snapshot=True)]
        if stream is Stream.TRADES:
            return [Feed(self._public, f"trade/{key}")]
        is_spot = listing.market_type is ExchangeType.SPOT
        stats = "spot_market_stats" if is_spot else "market_stats"
        return [
            Feed(self._public, f"ticker/{key}", has_snapshot=True),
            Feed(self._public, f"{stats}/{key}", has_snapshot=True),
        ]

    # -- market data --------------------------------------------------------------------------

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices of the book; the last trade, mark and index of the market's details."""
        listing = self.listings.of(symbol)
        book = await self.get_orderbook(symbol, 1)
        answer = await self._rest.public("orderBookDetails", {"market_id": listing.key})
        row = _details(answer, listing)
        return TickerData(
            venue=self.venue,
            symbol=symbol,
            bid=book.bids[0].price if book.bids else None,
            bid_amount=book.bids[0].amount if book.bids else None,
            ask=book.asks[0].price if book.asks else None,
            ask_amount=book.asks[0].amount if book.asks else None,
            last=_price(row, "last_trade_price"),
            mark=_price(row, "mark_price"),
            index=_price(row, "index_price"),
            at=book.at,
            received_at=book.received_at,
        )

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """The orders nearest to the market, added up by price."""
        listing = self.listings.of(symbol)
        params = {"market_id": listing.key, "limit": 250}
        answer = await self._rest.public("orderBookOrders", params)
        book = parse.parse_book_orders(answer, self._rest.reading(listing.key))
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
        """The newest candles, or those since a moment; at most five hundred."""
        listing = self.listings.of(symbol)
        length_s = _SECONDS.get(timeframe)
        if length_s is None:
            raise NotSupported(
                f"{self.venue} has no candles of {timeframe[:10]}.", venue=self.venue
            )
        now = self._clock.now()
        count = min(limit or 500, 500)
        start = now - timedelta(seconds=length_s * count) if since is None else since
        params = {
            "market_id": listing.key,
            "resolution": timeframe,
            "start_timestamp": to_ns(start) // 1_000_000,
            "end_timestamp": to_ns(now) // 1_000_000,
            "count_back": 500,
        }
        answer = await self._rest.public("candles", params)
        rows = [
            replace(row, is_closed=row.at + timedelta(seconds=length_s) <= now)
            for row in parse.parse_candles(answer, self._rest.reading(listing.key))
            if since is None or row.at >= since
        ]
        return rows[-count:] if since is None else rows[:count]

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """At most the hundred newest."""
        listing = self.listings.of(symbol)
        params = {"market_id": listing.key, "limit": 100}
        answer = await self._rest.public("recentTrades", params)
        found = parse.parse_trades(answer, self._rest.reading(listing.key))
        rows = sorted(found, key=lambda trade: (trade.at, _number(trade.trade_id)))
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement, as the venue compares it: per eight hours."""
        if self.listings.of(symbol).market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self.venue)
        answer = await self._rest.public("funding-rates")
        for rate in parse.parse_funding_rates(answer, self._rest.reading()):
            if rate.symbol == symbol:
                return rate
        raise MalformedMessage(f"{self.venue} told no funding of {symbol}", venue=self.venue)

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """The collateral with what the account is worth, and every other asset."""
        self.need_account()
        answer = await self._account()
        reading = self._rest.reading()
        found: list[BalanceData] = [
            item for item in parse.parse_account(answer, reading) if isinstance(item, BalanceData)
        ]
        found += parse.parse_account_assets(answer, reading)
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        self.need_account()
        found = parse.parse_account(await self._account(), self._rest.reading())
        return sorted(
            (
                item
                for item in found
                if isinstance(item, PositionData) and (symbols is None or item.symbol in symbols)
            ),
            key=lambda item: item.symbol,
        )

    async def _account(self) -> object:
        return await self._rest.public("account", {"by": "index", "value": self.account})

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state: among the open ones, else among those that are over."""
        self.need_account()
        listing = self.listings.of(symbol)
        number: str | None = None
        if order_id is None or not order_id.isdigit():
            if client_order_id is None:
                raise OrderNotFound(
                    f"{self.venue} has no order {order_id!r}."[:120], venue=self.venue
                )
            number = str(self._numbers.number(client_order_id))

        def is_meant(row: OrderData) -> bool:
            return row.order_id == order_id if number is None else row.client_order_id == number

        params = {"market_id": listing.key}
        answer = await self._rest.private("accountActiveOrders", params, is_urgent=True)
        rows = list(parse.parse_orders(answer, self._rest.reading()))
        if not any(map(is_meant, rows)):
            rows = await self._rest.walk(
                "accountInactiveOrders",
                params,
                lambda answer: parse.parse_orders(answer, self._rest.reading()),
                lambda page: any(map(is_meant, page)),
            )
        for row in rows:
            if is_meant(row):
                return self._ours(row)
        raise OrderNotFound(f"{self.venue} does not know the order.", venue=self.venue)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        answer = await self._rest.private(
            "accountActiveOrders", self._of_market(symbol), is_urgent=True
        )
        found = [self._ours(row) for row in parse.parse_orders(answer, self._rest.reading())]
        return sorted(
            (row for row in found if row.status.is_open and symbol in {None, row.symbol}),
            key=lambda row: (row.created_at or _NEVER, _number(row.order_id)),
        )

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders; looked for until a page is far older than was asked for."""
        self.need_account()
        before = None if since is None else since - _LONG_OPEN
        found = await self._rest.walk(
            "accountInactiveOrders",
            self._of_market(symbol),
            lambda answer: parse.parse_orders(answer, self._rest.reading()),
            lambda page: (
                before is not None and all((row.updated_at or _NEVER) < before for row in page)
            ),
        )
        rows = [
            self._ours(row)
            for row in found
            if row.status.is_final
            and symbol in {None, row.symbol}
            and (since is None or (row.updated_at or _NEVER) >= since)
        ]
        rows.sort(key=lambda row: (row.updated_at or _NEVER, _number(row.order_id)))
        return rows if limit is None else rows[-limit:]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new."""
        self.need_account()
        found = await self._rest.walk(
            "trades",
            {**self._of_market(symbol), "sort_by": "timestamp", "sort_dir": "desc"},
            lambda answer: parse.parse_fills(answer, self._rest.bare()),
            lambda page: since is not None and all(row.at < since for row in page),
        )
        rows = [
            self._ours(row)
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: (row.at, _number(row.trade_id)))

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        found = await self._rest.walk(
            "positionFunding",
            self._of_market(symbol),
            lambda answer: parse.parse_funding_payments(answer, self._rest.reading()),
            lambda page: since is not None and all(row.at < since for row in page),
        )
        rows = [
            row
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: row.at)

    def _of_market(self, symbol: str | None) -> dict[str, object]:
        return {"market_id": _EVERY_MARKET if symbol is None else self.listings.of(symbol).key}

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
        """Sends one order, once, and tells what became of it as far as that is known."""
        self.need_orders()
        options = params or NO_OPTIONS
        listing, instrument = self.listings.to_trade(symbol)
        check_order(instrument, order_type, amount, price, options)
        if options.time_in_force is TimeInForce.FOK:
            raise self._refused("FOK", "has no fill-or-kill orders")
        if options.reduce_only:
            await self._check_reduces(symbol, side)
        name = options.client_order_id or self._name()
        number = self._numbers.to_send(name)
        worst = price if price is not None else await self._worst_price(symbol, side)
        is_brief = price is None or options.time_in_force is TimeInForce.IOC
        order = Order(
            market=listing.number or 0,
            client_index=number,
            amount=int(amount / instrument.lot_size),
            price=int(worst / instrument.tick_size),
            is_ask=side is OrderSide.SELL,
            kind=MARKET if price is None else LIMIT,
            time_in_force=IOC if is_brief else POST_ONLY if options.post_only else GTT,
            is_reduce_only=options.reduce_only,
        )
        key = str(number)
        self._by_number.pop(key, None)
        self._creating.add(key)
        try:
            await self._rest.send(CREATE_ORDER, lambda signer, nonce: signer.create(order, nonce))
            told = await self._outcome(key, symbol, name, is_brief=is_brief)
        finally:
            self._creating.discard(key)
        refusal = _refusal_in(told)
        if refusal is not None:
            raise refusal
        return told

    async def _outcome(self, key: str, symbol: str, name: str, *, is_brief: bool) -> OrderData:
        """What the private socket, or else a question, says of an order that was taken.

        Args:
            key: The venue's client order index.
            symbol: Of the order.
            name: Our id.
            is_brief: Whether its end is waited for, since it cannot rest.

        Raises:
            OutcomeUnknown: If nothing is known of it yet.
        """

        def told() -> OrderData | None:
            order = self._by_number.get(key)
            if order is None or order.status is OrderStatus.PENDING:
                return None
            return order if order.status.is_final or not is_brief else None

        order = await self._news_of(told)
        if order is not None:
            return self._ours(order)
        try:
            return await self.get_order(None, symbol, client_order_id=name)
        except VenueError as error:
            raise OutcomeUnknown(
                f"{self.venue} took the order, and nothing is known of it yet.", venue=self.venue
            ) from error

    async def _news_of(self, told: Callable[[], OrderData | None]) -> OrderData | None:
        """Waits for the private socket; None when it said nothing in time."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            async with self._clock.timeout(_NEWS_S):
                while (order := told()) is None:
                    news.clear()
                    await news.wait()
                return order
        except TimeoutError:
            return None
        finally:
            self._waiting.discard(news)

    async def _check_reduces(self, symbol: str, side: OrderSide) -> None:
        """Refuses a reduce-only order that the venue would drop without a word.

        Raises:
            OrderRejected: If there is no position on the other side, after asking.
        """
        held = (self._positions or {}).get(symbol)
        if held is None or held.size * side.sign >= 0:
            asked = await self.get_positions([symbol])
            held = asked[0] if asked else None
        if held is None or held.size * side.sign >= 0:
            raise self._refused("REDUCE_ONLY", f"{symbol}: there is nothing to reduce")

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, and waits for what the order is then."""
        self.need_orders()
        listing = self.listings.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self.venue} has no order {order_id[:40]!r}.", venue=self.venue)
        await self._rest.send(
            CANCEL_ORDER,
            lambda signer, nonce: signer.cancel(listing.number or 0, int(order_id), nonce),
            is_urgent=True,
        )

        def told() -> OrderData | None:
            order = self._by_id.get(order_id)
            return order if order is not None and order.status.is_final else None

        order = await self._news_of(told)
        if order is not None:
            return self._ours(order)
        try:
            found = await self.get_order(order_id, symbol)
        except VenueError as error:
            raise OutcomeUnknown(
                f"{self.venue} took the cancel, and did not say what became of the order.",
                venue=self.venue,
            ) from error
        if not found.status.is_final:
            raise OutcomeUnknown(
                f"{self.venue} took the cancel, and the order is open yet.", venue=self.venue
            )
        return found

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, one by one: the venue's own request knows no symbol."""
        self.need_orders()
        gone: list[OrderData] = []
        for order in await self.get_open_orders(symbol):
            try:
                gone.append(await self.cancel_order(order.order_id, order.symbol))
            except OrderNotFound:
                continue  # it ended by itself
        return gone

    async def _worst_price(self, symbol: str, side: OrderSide) -> Decimal:
        """The limit of a market order: five percent beyond the best price, on the tick."""
        try:
            book = await self.get_orderbook(symbol, 1)
        except TransportError as error:
            raise NotSent(
                f"{self.venue}: there is no price for a market order in {symbol}.",
                venue=self.venue,
            ) from error
        levels = book.asks if side is OrderSide.BUY else book.bids
        if not levels:
            raise self._refused("NO_LIQUIDITY", f"{symbol}: nobody is there to trade with")
        _, instrument = self.listings.to_trade(symbol)
        worst = levels[0].price * (1 + side.sign * _SLIPPAGE)
        rounding = Rounding.UP if side is OrderSide.BUY else Rounding.DOWN
        step = instrument.tick_size
        return (worst / step).quantize(Decimal(1), rounding.value) * step

    def _name(self) -> str:
        """An id for an order that was given none; it is read back from its number."""
        return "".join(_LETTERS[self._rng.integer(0, len(_LETTERS) - 1)] for _ in range(8))

    def _refused(self, code: str, problem: str) -> OrderRejected:
        return OrderRejected(
            f"{self.venue} {problem}; nothing was sent.", venue=self.venue, code=code
        )

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode."""
        listing, instrument = self._perpetual(symbol)
        if not 1 <= leverage <= instrument.max_leverage:
            raise self._refused(
                "LEVERAGE",
                f"{symbol}: leverage is at most {plain(instrument.max_leverage)}, "
                f"not {plain(leverage)}",
            )
        _, mode = await self._margin(symbol)
        found, _ = await self._set_margin(listing, leverage, mode)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage."""
        listing, _ = self._perpetual(symbol)
        leverage, _ = await self._margin(symbol)
        _, found = await self._set_margin(listing, leverage, margin_mode)
        return MarginModeResult(symbol=symbol, margin_mode=found)

    async def _set_margin(
        self, listing: Listing, leverage: Decimal, mode: MarginMode
    ) -> tuple[Decimal, MarginMode]:
        """Sends both, and reads back until they are in force or it takes too long."""
        fraction = int(_FRACTIONS / leverage)
        word = int(mode is MarginMode.ISOLATED)
        await self._rest.send(
            UPDATE_LEVERAGE,
            lambda signer, nonce: signer.leverage(listing.number or 0, fraction, word, nonce),
        )
        until_ns = self._clock.monotonic_ns() + round(_SETTLE_S * 1e9)
        while True:
            found = await self._margin(listing.symbol)
            if found == (leverage, mode) or self._clock.monotonic_ns() > until_ns:
                return found
            await self._clock.sleep(0.25)

    async def _margin(self, symbol: str) -> tuple[Decimal, MarginMode]:
        """What is in force; a market that was never traded has the venue's largest leverage."""
        self.need_account()
        _, instrument = self._perpetual(symbol)
        rows = parse.parse_account_margins(await self._account(), self._rest.reading())
        for row in rows:
            if row.symbol == symbol and row.leverage is not None:
                return row.leverage, row.margin_mode or MarginMode.CROSS
        return instrument.max_leverage, MarginMode.CROSS

    def _perpetual(self, symbol: str) -> tuple[Listing, Instrument]:
        self.need_orders()
        listing, instrument = self.listings.to_trade(symbol)
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
        return listing, instrument

    # -- what the sockets told ----------------------------------------------------------------

    def _ours(self, data: T) -> T:
        return replace(data, client_order_id=self._numbers.ours(data.client_order_id))

    def _on_news(self, kind: str, told: Sequence[UserData]) -> None:
        if kind == "account_all_positions":
            self._take_positions([item for item in told if isinstance(item, PositionData)])
            return
        for item in told:
            if isinstance(item, OrderData):
                self._take_order(item)
            elif isinstance(item, FillData):
                self.hub.tell_user(self._ours(item))
            else:
                self.hub.tell_user(item)

    def _take_order(self, order: OrderData) -> None:
        """Keeps it for whoever waits; what a create will call a refusal is not told as well."""
        number = order.client_order_id or ""
        for memory, key in ((self._by_number, number), (self._by_id, order.order_id)):
            memory[key] = order
            memory.move_to_end(key)
            if len(memory) > _HEARD:
                memory.popitem(last=False)
        for news in self._waiting:
            news.set()
        if number in self._creating and _refusal_in(order) is not None:
            return
        self.hub.tell_user(self._ours(order))

    def _take_positions(self, found: Sequence[PositionData]) -> None:
        """Tells what changed; a market that is missing has become flat."""
        before, now = self._positions or {}, {item.symbol: item for item in found if item.size}
        self._positions = now
        for symbol, item in now.items():
            known = before.get(symbol)
            if known is None or (known.size, known.entry_price) != (item.size, item.entry_price):
                self.hub.tell_user(item)
        for symbol, known in before.items():
            if symbol not in now:
                self.hub.tell_user(
                    PositionData(venue=self.venue, symbol=symbol, size=Decimal(0), at=known.at)
                )

    async def _is_quiet(self) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topics = self._public.subscriptions.topics()
        topic = next((t for t in topics if t.startswith("ticker/")), None)
        listing = None if topic is None else self.listings.by_key.get(topic.partition("/")[2])
        if listing is None:
            return not topics
        book = await self.get_orderbook(listing.symbol, 1)
        quote = self.hub.of(listing.symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        quote.at = self._clock.now()
        self.hub.tell_quote(listing.symbol, quote.at)
        return True

    async def _catch_up(self) -> None:
        since = self.hub.newest_fill_at
        since = self._clock.now() - timedelta(minutes=10) if since is None else since - _OVERLAP
        for fill in await self.get_fills(None, since):
            self.hub.tell_user(fill)


def _refusal_in(order: OrderData) -> OrderRejected | None:
    """The refusal that an order which was cancelled at once stands for; None for a cancel."""
    kind = _REFUSALS.get(order.reason or "")
    if kind is None or order.filled or order.status is not OrderStatus.CANCELED:
        return None
    return kind(f"lighter refused: {order.reason}", venue="lighter", code=order.reason)


def _details(answer: object, listing: Listing) -> dict[str, object]:
    """The row of a market among the venue's details."""
    if isinstance(answer, dict):
        for name in ("order_book_details", "spot_order_book_details"):
            rows = answer.get(name)
            for row in rows if isinstance(rows, list) else []:
                if isinstance(row, dict) and str(row.get("market_id")) == listing.key:
                    return row
    raise MalformedMessage(f"lighter told nothing of {listing.symbol}", venue="lighter")


def _price(row: dict[str, object], name: str) -> Decimal | None:
    """A price as text or as an exact number; None where there is none."""
    value = row.get(name)
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | Decimal) else None
    except ArithmeticError:
        return None
    return found if found is not None and found.is_finite() and found > 0 else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
