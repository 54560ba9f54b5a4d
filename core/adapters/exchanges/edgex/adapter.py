"""edgeX V2: perpetuals that are margined and settled in USDC.

Keys: `account` is the account id, `key`, `secret` and `passphrase` are the API key's, and the
option `trading_key` is the private key that signs orders (L2). It can sign nothing else here:
withdrawals have a signature of their own, which is not made.

An order is signed with the first 32 bits of its client order id's hash as its nonce: two ids with
one nonce are refused by the venue, never two orders. Its answer is a number alone; what became of
it comes on the private socket, or is asked for. It rests at most 22 days: the venue's own client
signs for thirty and leaves eight of them to the chain. A market order is signed with a worst price
five percent away.

No list of error codes is published. A refusal counts as one only if the code says so in words and
no order is found under our id afterwards; else the outcome is unknown. Margin is cross: the
request for isolated margin has a signature that is not documented.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from coincurve import PrivateKey

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.edgex import parse
from core.adapters.exchanges.edgex.errors import refused_by_words
from core.adapters.exchanges.edgex.instruments import Metadata, parse_metadata
from core.adapters.exchanges.edgex.rest import EdgexRest, key_of
from core.adapters.exchanges.edgex.sign import (
    L2_EXPIRY_MARGIN_MS,
    OrderTerms,
    Value,
    sign_order,
)
from core.adapters.exchanges.edgex.stream import PrivateDialect, PublicDialect
from core.adapters.exchanges.ethereum import private_key
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
    DuplicateClientOrderId,
    MalformedMessage,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
)

ADDRESSES: Final = {
    "rest": Address(main="https://edgex-prod-v2.edgex.exchange"),
    "public": Address(main="wss://edgex-quote-prod-v2.edgex.exchange/api/v1/public/ws"),
    "private": Address(main="wss://edgex-quote-prod-v2.edgex.exchange/api/v1/private/ws"),
}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL}), max_client_order_id_length=32
)
_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: "GOOD_TIL_CANCEL",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_KINDS: Final = {
    "1m": ("MINUTE_1", 60),
    "5m": ("MINUTE_5", 300),
    "15m": ("MINUTE_15", 900),
    "30m": ("MINUTE_30", 1800),
    "1h": ("HOUR_1", 3600),
    "2h": ("HOUR_2", 7200),
    "4h": ("HOUR_4", 14_400),
    "6h": ("HOUR_6", 21_600),
    "8h": ("HOUR_8", 28_800),
    "12h": ("HOUR_12", 43_200),
    "1d": ("DAY_1", 86_400),
    "1w": ("WEEK_1", 604_800),
}
_LIFE_MS: Final = 22 * 24 * 3600 * 1000
_SLIPPAGE: Final = Decimal("0.05")
_NEWS_S: Final = 0.5
"""How long the private socket is given to say what became of an order before it is asked for."""
_HEARD: Final = 10_000
_LONG_OPEN: Final = timedelta(days=30)
_OVERLAP: Final = timedelta(seconds=5)
_HISTORY_S: Final = 3.0
_NEVER: Final = from_ns(0)


class EdgexExchange(NativeExchange):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
    """

    title = "edgeX"

    def __init__(self, doors: Doors) -> None:
        super().__init__("edgex", doors)
        urls, clock = doors.settings.urls, doors.clock
        self._rest = EdgexRest(doors, self.listings)
        self._public_dialect = PublicDialect(
            urls["public"], clock, self.listings, self.hub, self._is_quiet
        )
        self._public = Connection(self._public_dialect, doors.seams, on_state=self.on_state)
        private = PrivateDialect(
            urls["private"], clock, self.listings, self._rest, self._on_news, self._catch_up
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)
        self._rng = doors.seams.rng.child("edgex client order ids")
        self._meta: Metadata | None = None
        self._trading: PrivateKey | None = None
        self._heard: OrderedDict[str, OrderData] = OrderedDict()
        """Order id -> what the private socket said last."""
        self._waiting: dict[str, asyncio.Event] = {}
        """Order id -> set by news of it."""
        self._is_asking = False
        self._asks_again = False

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> EdgexRest:
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
        """One socket, without topics."""
        return ((self._private, ()),)

    async def _load(self) -> Sequence[Listing]:
        await self._rest.measure_time()
        answer = await self._rest.public("meta/getMetaData")
        self._meta = parse_metadata(answer, self._rest.reading())
        return self._meta.listings

    async def _server_ns(self) -> int | None:
        return await self._rest.measure_time()

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        self._rest.key = key_of(credentials)
        self._trading = private_key(credentials.options.get("trading_key", ""))
        try:
            await self._setting(None)
        except TransportError as error:
            if error.code is None or error.code.isdigit():
                raise
            raise AuthError(
                f"edgex refused the key: {error.message}",
                venue=self.venue,
                code=error.code,
                remedy="Store account id, key, secret and passphrase again.",
            ) from error

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        key = listing.key
        if stream is Stream.BOOK:
            return [Feed(self._public, f"depth.{key}.200", has_snapshot=True)]
        if stream is Stream.TRADES:
            return [Feed(self._public, f"trades.{key}")]
        return [
            Feed(self._public, f"depth.{key}.15", has_snapshot=True),
            Feed(self._public, f"ticker.{key}", has_snapshot=True),
        ]

    # -- market data --------------------------------------------------------------------------

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, last, mark and index."""
        listing = self.listings.of(symbol)
        book = await self.get_orderbook(symbol, 15)
        answer = await self._rest.public("quote/getTicker", {"contractId": listing.key})
        for part in parse.parse_tickers(answer, self._rest.reading()):
            if isinstance(part, TickerData):
                return replace(
                    part,
                    bid=book.bids[0].price if book.bids else None,
                    bid_amount=book.bids[0].amount if book.bids else None,
                    ask=book.asks[0].price if book.asks else None,
                    ask_amount=book.asks[0].amount if book.asks else None,
                )
        raise MalformedMessage(f"{self.venue} told no ticker of {symbol}", venue=self.venue)

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Fifteen or two hundred levels a side."""
        listing = self.listings.of(symbol)
        level = 15 if limit is not None and limit <= 15 else 200  # the venue's two
        answer = await self._rest.public(
            "quote/getDepth", {"contractId": listing.key, "level": level}
        )
        for book in parse.parse_depth(answer, self._rest.reading()):
            if isinstance(book, OrderBookData):
                if limit is None:
                    return book
                return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])
        raise MalformedMessage(f"{self.venue} told no book of {symbol}", venue=self.venue)

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """The newest candles, or those since a moment; at most a thousand."""
        listing = self.listings.of(symbol)
        if timeframe not in _KINDS:
            raise NotSupported(
                f"{self.venue} has no candles of {timeframe[:10]}.", venue=self.venue
            )
        kind, length_s = _KINDS[timeframe]
        params: dict[str, object] = {
            "contractId": listing.key,
            "priceType": "LAST_PRICE",
            "klineType": kind,
            "size": min(limit or 500, 1000),
        }
        if since is not None:
            params["filterBeginKlineTimeInclusive"] = to_ns(since) // 1_000_000
        answer = await self._rest.public("quote/getKline", params)
        now = self._clock.now()
        rows = [
            replace(row, is_closed=row.at + timedelta(seconds=length_s) <= now)
            for row in parse.parse_klines(answer, self._rest.reading())
        ]
        return sorted(rows, key=lambda row: row.at)

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The newest ones of the stream, which begins with some: REST has none."""
        self._rest.need_open()
        listing = self.listings.of(symbol)
        topic, recent = f"trades.{listing.key}", self._public_dialect.recent
        await self._public.start()
        await self._public.subscribe(topic)
        try:
            async with self._clock.timeout(_HISTORY_S):
                while listing.key not in recent:
                    await self._clock.sleep(0.01)
            found = list(recent[listing.key])
        except TimeoutError as error:
            raise TransportError(f"{self.venue} told no trades of {symbol}") from error
        finally:
            self._public.unsubscribe(topic)
        rows = sorted(found, key=lambda trade: (trade.at, trade.trade_id))
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        listing = self.listings.of(symbol)
        answer = await self._rest.public(
            "funding/getLatestFundingRate", {"contractId": listing.key}
        )
        for rate in parse.parse_funding(answer, self._rest.reading()):
            return rate
        raise MalformedMessage(f"{self.venue} told no funding of {symbol}", venue=self.venue)

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """The collateral, with what the account is worth."""
        self.need_account()
        found = [item for item in await self._asset() if isinstance(item, BalanceData)]
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat, with leverage and, at the venue's mark, their open result."""
        self.need_account()
        found = [
            item
            for item in await self._asset()
            if isinstance(item, PositionData) and (symbols is None or item.symbol in symbols)
        ]
        told: list[PositionData] = []
        for item in sorted(found, key=lambda item: item.symbol):
            mark = (await self.get_ticker(item.symbol)).mark
            leverage, mode = await self._setting(self.listings.of(item.symbol).key)
            entry = item.entry_price
            told.append(
                replace(
                    item,
                    mark_price=mark,
                    unrealized_pnl=None
                    if mark is None or entry is None
                    else item.size * (mark - entry),
                    leverage=leverage,
                    margin_mode=mode,
                )
            )
        return told

    async def _asset(self) -> tuple[UserData, ...]:
        answer = await self._rest.private("GET", "account/getAccountAsset")
        coins = {} if self._meta is None else self._meta.coins
        return parse.parse_account_asset(answer, self._rest.reading(), coins)

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        self.need_account()
        self.listings.of(symbol)
        if order_id is not None and order_id.isdigit():
            path, name, value = "order/getOrderById", "orderIdList", order_id
        elif client_order_id:
            path, name = "order/getOrderByClientOrderId", "clientOrderIdList"
            value = client_order_id
        else:
            raise OrderNotFound(f"{self.venue} has no order {order_id!r}."[:120], venue=self.venue)
        answer = await self._rest.private("GET", path, {name: value}, is_urgent=True)
        for row in parse.parse_orders(answer, self._rest.reading()):
            if value in (row.order_id, row.client_order_id) and row.symbol == symbol:
                return row
        raise OrderNotFound(f"{self.venue} does not know the order.", venue=self.venue)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        found = await self._rest.walk(
            "order/getActiveOrderPage",
            self._of_contract(symbol),
            lambda answer: parse.parse_orders(answer, self._rest.reading()),
            lambda row: row.order_id,
        )
        rows = [row for row in found if symbol in {None, row.symbol}]
        return sorted(rows, key=lambda row: (row.created_at or _NEVER, _number(row.order_id)))

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders; the venue filters by creation, so it is asked from earlier on."""
        self.need_account()
        params = self._of_contract(symbol)
        if since is not None:
            start = to_ns(since - _LONG_OPEN) // 1_000_000
            params["filterStartCreatedTimeInclusive"] = str(max(0, start))
        found = await self._rest.walk(
            "order/getHistoryOrderPage",
            params,
            lambda answer: parse.parse_orders(answer, self._rest.reading()),
            lambda row: row.order_id,
        )
        rows = [
            row
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
        params = self._of_contract(symbol)
        if since is not None:
            params["filterStartCreatedTimeInclusive"] = str(to_ns(since) // 1_000_000)
        found = await self._rest.walk(
            "order/getHistoryOrderFillTransactionPage",
            params,
            lambda answer: parse.parse_fills(answer, self._rest.bare()),
            lambda row: row.trade_id,
        )
        rows = [
            row
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: (row.at, _number(row.trade_id)))

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        params = self._of_contract(symbol)
        params["filterTypeList"] = "SETTLE_FUNDING_FEE"
        if since is not None:
            params["filterStartCreatedTimeInclusive"] = str(to_ns(since) // 1_000_000)
        found = await self._rest.walk(
            "account/getPositionTransactionPage",
            params,
            lambda answer: parse.parse_funding_payments(answer, self._rest.reading()),
            lambda row: row.payment_id,
        )
        rows = [
            row
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: row.at)

    def _of_contract(self, symbol: str | None) -> dict[str, Value]:
        return {} if symbol is None else {"filterContractIdList": self.listings.of(symbol).key}

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
        name = options.client_order_id or f"x{self._rng.bytes(15).hex()}"
        worst = price if price is not None else await self._worst_price(symbol, side)
        fields = self._signed_order(listing, side, amount, price, worst, name, options)
        try:
            answer = await self._rest.private("POST", "order/createOrder", fields, is_order=True)
            ack = parse.parse_created(answer, self._rest.reading())
        except OutcomeUnknown as error:
            raise await self._judged(error, symbol, name) from error
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self.venue) from error
        sent = OrderData(
            venue=self.venue,
            symbol=symbol,
            order_id=ack.order_id,
            client_order_id=name,
            side=side,
            order_type=order_type,
            status=OrderStatus.PENDING,
            amount=amount,
            price=price,
            time_in_force=options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            created_at=self._clock.now(),
            updated_at=self._clock.now(),
        )
        is_brief = price is None or options.time_in_force is not TimeInForce.GTC
        return await self._outcome(sent, is_brief=is_brief)

    def _signed_order(
        self,
        listing: Listing,
        side: OrderSide,
        amount: Decimal,
        price: Decimal | None,
        worst: Decimal,
        name: str,
        options: OrderOptions,
    ) -> dict[str, Value]:
        """An order in the venue's words, with its signature.

        Raises:
            NotSent: If the venue's metadata lack what a signature binds.
        """
        meta, key, account = self._meta, self._trading, self._rest.need_key().account
        contract = None if meta is None else meta.contracts.get(listing.key)
        if meta is None or contract is None or key is None:
            raise NotSent(f"{self.venue} {listing.symbol}: cannot be signed for.", venue=self.venue)
        if meta.chain_id is None or meta.verifying_contract is None:
            raise NotSent(f"{self.venue}: the metadata name no chain.", venue=self.venue)
        expires_ms = self._rest.now_ms() + _LIFE_MS
        terms = OrderTerms(
            account_id=int(account),
            client_order_id=name,
            side=side,
            amount=amount,
            price=worst,
            expires_at_ms=expires_ms,
        )
        signature = sign_order(
            terms, contract, key, chain_id=meta.chain_id, verifying=meta.verifying_contract
        )
        word = "POST_ONLY" if options.post_only else _TIMES_IN_FORCE[options.time_in_force]
        return {
            "contractId": listing.key,
            "side": _SIDES[side],
            "size": plain(amount),
            "price": "0" if price is None else plain(price),
            "type": "MARKET" if price is None else "LIMIT",
            "timeInForce": "IMMEDIATE_OR_CANCEL" if price is None else word,
            "reduceOnly": options.reduce_only,
            "clientOrderId": name,
            "expireTime": str(expires_ms),
            "l2Nonce": str(terms.nonce),
            "l2Value": plain(terms.value),
            "l2Size": plain(amount),
            "l2LimitFee": plain(terms.limit_fee(contract)),
            "l2ExpireTime": str(expires_ms + L2_EXPIRY_MARGIN_MS),
            "l2Signature": signature.hex(),
        }

    async def _judged(self, error: OutcomeUnknown, symbol: str, name: str) -> VenueError:
        """What an answer other than success proves, with a question to make sure."""
        refused = refused_by_words(error.code, error.message)
        if refused is None or isinstance(refused, DuplicateClientOrderId):
            return refused or error
        try:
            await self.get_order(None, symbol, client_order_id=name)
        except OrderNotFound:
            return refused
        except VenueError:
            return error
        return DuplicateClientOrderId(
            f"{self.venue} refused, and has an order of that id.",
            venue=self.venue,
            code=error.code,
        )

    async def _outcome(self, sent: OrderData, *, is_brief: bool) -> OrderData:
        """What the private socket, or else a question, says of an order that was taken.

        Args:
            sent: As it was acknowledged.
            is_brief: Whether its end is waited for, since it cannot rest.
        """

        def is_told(order: OrderData | None) -> bool:
            if order is None or order.status is OrderStatus.PENDING:
                return False
            return order.status.is_final or not is_brief

        news = self._waiting[sent.order_id] = asyncio.Event()
        try:
            async with self._clock.timeout(_NEWS_S):
                while not is_told(self._heard.get(sent.order_id)):
                    news.clear()
                    await news.wait()
            return self._heard[sent.order_id]
        except TimeoutError:
            pass  # the socket is slow or gone: ask
        finally:
            self._waiting.pop(sent.order_id, None)
        try:
            return await self.get_order(sent.order_id, sent.symbol)
        except VenueError:
            return sent

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, then asks for what the order is; the venue's answer to a cancel says little."""
        self.need_orders()
        self.listings.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self.venue} has no order {order_id[:40]!r}.", venue=self.venue)
        answer = await self._rest.private(
            "POST",
            "order/cancelOrderById",
            {"orderIdList": [order_id]},
            is_order=True,
            is_urgent=True,
        )
        outcome = _outcomes(answer).get(order_id, "")
        if outcome.startswith("FAILED_ORDER"):
            raise OrderNotFound(
                f"{self.venue} has no such order open: {outcome[:60]}.",
                venue=self.venue,
                code=outcome,
            )
        if outcome != "SUCCESS":
            raise OutcomeUnknown(f"{self.venue} did not say that it cancelled.", venue=self.venue)
        try:
            return await self.get_order(order_id, symbol)
        except VenueError as error:
            raise OutcomeUnknown(
                f"{self.venue} cancelled, and did not say what had filled before.",
                venue=self.venue,
            ) from error

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open of one contract, or of all."""
        self.need_orders()
        keys: list[Value] = [] if symbol is None else [self.listings.of(symbol).key]
        before = await self.get_open_orders(symbol)
        fields: dict[str, Value] = {"filterContractIdList": keys} if keys else {}
        await self._rest.private(
            "POST", "order/cancelAllOrder", fields, is_order=True, is_urgent=True
        )
        return [await self.get_order(order.order_id, order.symbol) for order in before]

    async def _worst_price(self, symbol: str, side: OrderSide) -> Decimal:
        """The limit that a market order is signed with: five percent beyond the best price."""
        try:
            book = await self.get_orderbook(symbol, 1)
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
        _, instrument = self.listings.to_trade(symbol)
        worst = levels[0].price * (1 + side.sign * _SLIPPAGE)
        rounding = Rounding.UP if side is OrderSide.BUY else Rounding.DOWN
        step = instrument.tick_size
        return (worst / step).quantize(Decimal(1), rounding.value) * step

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Sets the contract's largest leverage and reads it back."""
        self.need_orders()
        listing, instrument = self.listings.to_trade(symbol)
        if not 1 <= leverage <= instrument.max_leverage:
            raise OrderRejected(
                f"{self.venue} {symbol}: leverage is at most {plain(instrument.max_leverage)}, "
                f"not {plain(leverage)}.",
                venue=self.venue,
                code="LEVERAGE",
            )
        await self._rest.private(
            "POST",
            "account/updateLeverageSetting",
            {"contractId": listing.key, "leverage": plain(leverage)},
            is_order=True,
        )
        found, _ = await self._setting(listing.key)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Cross is what the venue begins with, and all that is asked for here.

        Raises:
            OrderRejected: For another one than is in force.
        """
        self.need_account()
        _, found = await self._setting(self.listings.of(symbol).key)
        if found is not margin_mode:
            raise OrderRejected(
                f"{self.venue} {symbol}: margin is {found.value}; ctos does not change it there.",
                venue=self.venue,
                code="MARGIN_MODE",
                remedy="Change it on the venue's own page.",
            )
        return MarginModeResult(symbol=symbol, margin_mode=found)

    async def _setting(self, key: str | None) -> tuple[Decimal, MarginMode]:
        """Leverage and margin mode of a contract; what the venue tells of none is 1 and cross."""
        answer = await self._rest.private("GET", "account/getAccountById")
        data = answer.get("data") if isinstance(answer, dict) else None
        told = str(data.get("id")) if isinstance(data, dict) else ""
        if told != self.account:
            raise AuthError(
                "edgex: the key belongs to another account than the one that was pinned.",
                venue=self.venue,
                code="ACCOUNT",
                remedy="Store the key of the right account, or store the account anew.",
            )
        settings = data.get("contractIdToTradeSetting") if isinstance(data, dict) else None
        row = settings.get(key) if isinstance(settings, dict) else None
        if not isinstance(row, dict):
            return Decimal(1), MarginMode.CROSS
        is_isolated = str(row.get("marginMode", "")).upper() == "ISOLATED"
        try:
            leverage = Decimal(str(row.get("maxLeverage")))
        except ArithmeticError as error:
            raise MalformedMessage(
                "edgex getAccountById: maxLeverage is no number", venue=self.venue
            ) from error
        return leverage, MarginMode.ISOLATED if is_isolated else MarginMode.CROSS

    # -- what the sockets do not tell ---------------------------------------------------------

    async def _is_quiet(self) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topics = self._public.subscriptions.topics()
        topic = next((t for t in topics if t.endswith(".15")), None)
        listing = None if topic is None else self.listings.by_key.get(topic.split(".")[1])
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

    def _on_news(self, told: Sequence[UserData], event: str, link: Link) -> None:
        """What the private socket told; money is asked for after an execution."""
        has_filled = False
        for item in told:
            if isinstance(item, BalanceData):
                continue  # without what is free: that is asked for
            if isinstance(item, OrderData):
                self._remember(item)
            has_filled = has_filled or isinstance(item, FillData)
            self.hub.tell_user(item)
        if event == "FUNDING_SETTLEMENT":
            link.spawn(self._tell_settlements())
        if not has_filled:
            return
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            link.spawn(self._tell_balances())

    def _remember(self, order: OrderData) -> None:
        self._heard[order.order_id] = order
        self._heard.move_to_end(order.order_id)
        if len(self._heard) > _HEARD:
            self._heard.popitem(last=False)
        news = self._waiting.get(order.order_id)
        if news is not None:
            news.set()

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

    async def _tell_settlements(self) -> None:
        try:
            since = self._clock.now() - timedelta(minutes=5)
            for payment in await self.get_funding_payments(None, since):
                self.hub.tell_user(payment)
        except VenueError:
            return  # reconciliation asks for them


def _outcomes(answer: object) -> dict[str, str]:
    """Order id -> what became of its cancel."""
    data = answer.get("data") if isinstance(answer, dict) else None
    found = data.get("cancelResultMap") if isinstance(data, dict) else None
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
