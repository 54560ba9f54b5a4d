"""Hyperliquid: perpetuals and spot with an agent's key.

Keys: `account` is the address that owns the account, `secret` the private key of an API wallet
(agent) that it approved. The account's own key is refused: an agent cannot withdraw. No builder
fee, no referrer and no approval is ever signed.

Orders go over the private socket while it is live, else over HTTP; the signed bytes are the same.
Their nonce is the clock in milliseconds and never falls back; their deadline (`expiresAfter`) makes
a negative answer final. A market order is an immediate-or-cancel limit five percent away.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, OrderAck
from core.adapters.exchanges.ethereum import address_of, private_key
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.hyperliquid.errors import error_of, refusal_of
from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.hyperliquid.rest import (
    HyperliquidRest,
    Signer,
    check_role,
    statuses_of,
)
from core.adapters.exchanges.hyperliquid.sign import (
    Action,
    cancel_action,
    leverage_action,
    order_action,
    order_wire,
    schedule_cancel_action,
)
from core.adapters.exchanges.hyperliquid.stream import PrivateDialect, PublicDialect, post
from core.adapters.exchanges.models import (
    BalanceData,
    Capabilities,
    ConnectionState,
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
    from_ns,
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
    MalformedMessage,
    NotSent,
    NotSupported,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
)

ADDRESSES: Final = {
    "rest": Address(main="https://api.hyperliquid.xyz", test="https://api.hyperliquid-testnet.xyz"),
    "public": Address(
        main="wss://api.hyperliquid.xyz/ws", test="wss://api.hyperliquid-testnet.xyz/ws"
    ),
    "private": Address(
        main="wss://api.hyperliquid.xyz/ws", test="wss://api.hyperliquid-testnet.xyz/ws"
    ),
}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL, ExchangeType.SPOT}),
    has_request_deadline=True,
    max_client_order_id_length=32,
)
_SLIPPAGE: Final = Decimal("0.05")
"""How far from the best price a market order's worst price is, as the venue's own clients do."""
_TIMEOUT_S: Final = 5.0
_OVERLAP: Final = timedelta(seconds=5)


class HyperliquidExchange(NativeExchange):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
    """

    title = "Hyperliquid"

    def __init__(self, doors: Doors) -> None:
        super().__init__("hyperliquid", doors)
        urls, clock = doors.settings.urls, doors.clock
        self._rest = HyperliquidRest(doors, self.listings, self.account)
        self._ids = ClientIds()
        self._public = Connection(
            PublicDialect(urls["public"], clock, self.listings, self.hub, self._is_quiet),
            doors.seams,
            on_state=self.on_state,
        )
        self._private_dialect = PrivateDialect(
            urls["private"],
            clock,
            self.listings,
            self.hub,
            self._ids,
            self._on_news,
            self._catch_up,
        )
        self._private = Connection(self._private_dialect, doors.seams, on_state=self.on_state)
        self._signer: Signer | None = None
        self._numbers = itertools.count(1)
        self._is_asking = False
        self._asks_again = False

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> HyperliquidRest:
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
        """One socket for orders and what becomes of them."""
        user = self.account
        topics = (f"orderUpdates:{user}", f"userFills:{user}", f"userFundings:{user}")
        return ((self._private, topics),)

    async def _load(self) -> Sequence[Listing]:
        return await self._rest.load()

    async def _server_ns(self) -> int | None:
        """The time of a book that was made for the question."""
        key = next(iter(self.listings.by_key), None)
        if key is None:
            return None
        answer = await self._rest.info("l2Book", coin=key)
        return to_ns(parse.parse_book(answer, self._rest.reading()).at)

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        key = private_key(credentials.secret.reveal())
        agent = address_of(key)
        if not self.account:
            raise AuthError(
                "hyperliquid: the account's address is missing beside the key.",
                venue=self.venue,
                remedy="Store the address of the account that approved the API wallet.",
            )
        if agent == self.account.lower():
            check_role("user", "", self.account)
        role, master = await self._rest.role(agent)
        check_role(role, master, self.account)
        vault = credentials.options.get("vault")
        self._signer = Signer(
            key,
            is_mainnet=not self._doors.settings.is_testnet,
            now_ms=lambda: self._clock.now_ns() // 1_000_000,
            vault=vault,
        )

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        key = listing.key
        if stream is Stream.BOOK:
            return [Feed(self._public, f"l2Book:{key}", has_snapshot=True)]
        if stream is Stream.TRADES:
            return [Feed(self._public, f"trades:{key}")]
        feeds = [Feed(self._public, f"bbo:{key}", has_snapshot=True)]
        if listing.market_type is ExchangeType.PERPETUAL:
            feeds.append(Feed(self._public, f"activeAssetCtx:{key}", has_snapshot=True))
        return feeds

    # -- market data --------------------------------------------------------------------------

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, the last trade, mark and oracle (as index)."""
        listing = self.listings.of(symbol)
        book = await self.get_orderbook(symbol, 1)
        trades = await self.get_trades(symbol, limit=1)
        mark = index = None
        if listing.market_type is ExchangeType.PERPETUAL:
            for part in await self._contexts():
                if part.symbol == symbol and isinstance(part, TickerData):
                    mark, index = part.mark, part.index
        return TickerData(
            venue=self.venue,
            symbol=symbol,
            bid=book.bids[0].price if book.bids else None,
            bid_amount=book.bids[0].amount if book.bids else None,
            ask=book.asks[0].price if book.asks else None,
            ask_amount=book.asks[0].amount if book.asks else None,
            last=trades[-1].price if trades else None,
            mark=mark,
            index=index,
            at=book.at,
            received_at=book.received_at,
        )

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Twenty levels a side, or fewer."""
        listing = self.listings.of(symbol)
        answer = await self._rest.info("l2Book", coin=listing.key)
        book = parse.parse_book(answer, self._rest.reading())
        return (
            book if limit is None else replace(book, bids=book.bids[:limit], asks=book.asks[:limit])
        )

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """The newest five thousand candles that the venue keeps, or those since a moment."""
        listing = self.listings.of(symbol)
        try:
            return await self._rest.candles(listing.key, timeframe, since, limit)
        except KeyError:
            raise NotSupported(
                f"{self.venue} has no candles of {timeframe[:10]}.", venue=self.venue
            ) from None

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The few newest ones that the venue tells."""
        listing = self.listings.of(symbol)
        answer = await self._rest.info("recentTrades", coin=listing.key)
        found = parse.parse_trades(answer, self._rest.reading())
        rows = sorted(found, key=lambda trade: trade.at)
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the hour so far."""
        listing = self.listings.of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self.venue)
        for part in await self._contexts():
            if part.symbol == symbol and isinstance(part, FundingRateData):
                return part
        raise MalformedMessage(f"{self.venue} told no funding of {symbol}", venue=self.venue)

    async def _contexts(self) -> tuple[TickerData | FundingRateData, ...]:
        answer = await self._rest.info("metaAndAssetCtxs")
        return parse.parse_meta_and_ctxs(answer, self._rest.reading())

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """USDC of both accounts as one, and every token of the spot account."""
        self.need_account()
        margin = await self._account()
        spot = await self._rest.info("spotClearinghouseState", user=self.account)
        found = [item for item in margin if isinstance(item, BalanceData)]
        for item in parse.parse_spot_account(spot, self._rest.reading()):
            same = next((other for other in found if other.asset == item.asset), None)
            if same is None:
                found.append(item)
            else:
                found[found.index(same)] = _together(same, item)
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        self.need_account()
        found = [item for item in await self._account() if isinstance(item, PositionData)]
        return sorted(
            (item for item in found if symbols is None or item.symbol in symbols),
            key=lambda item: item.symbol,
        )

    async def _account(self) -> tuple[object, ...]:
        answer = await self._rest.info("clearinghouseState", user=self.account)
        return parse.parse_account(answer, self._rest.reading())

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        self.need_account()
        self.listings.of(symbol)
        if order_id is not None and order_id.isdigit():
            oid: int | str = int(order_id)
        elif client_order_id is not None:
            oid = self._ids.cloid(client_order_id)
        else:
            oid = 0  # no order has this number
        answer = await self._rest.info("orderStatus", user=self.account, oid=oid, is_urgent=True)
        order = self._ours(parse.parse_order_status(answer, self._rest.reading()))
        (told,) = await self._with_fills([order])
        return told

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        answer = await self._rest.info("frontendOpenOrders", user=self.account, is_urgent=True)
        found = parse.parse_open_orders(answer, self._rest.reading())
        rows = [self._ours(item) for item in found if symbol in {None, item.symbol}]
        return sorted(rows, key=lambda item: (item.created_at or _NEVER, _number(item.order_id)))

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """The newest two thousand that are closed."""
        self.need_account()
        answer = await self._rest.info("historicalOrders", user=self.account)
        found = parse.parse_order_updates(answer, self._rest.reading())
        rows = [
            self._ours(item)
            for item in found
            if item.status.is_final
            and symbol in {None, item.symbol}
            and (since is None or (item.updated_at or _NEVER) >= since)
        ]
        rows.sort(key=lambda item: (item.updated_at or _NEVER, _number(item.order_id)))
        return await self._with_fills(rows if limit is None else rows[-limit:])

    async def _with_fills(self, orders: list[OrderData]) -> list[OrderData]:
        """The same with what filled of those that ended early.

        What the venue calls `sz` of such an order is not what was left of it, so its executions are
        added up.
        """
        doubtful = [order for order in orders if order.status in _ENDED_EARLY]
        if not doubtful:
            return orders
        since = min(order.created_at or _NEVER for order in doubtful)
        filled: dict[str, Decimal] = {}
        for fill in await self._rest.fills(since):
            filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.amount
        return [
            replace(order, filled=filled.get(order.order_id, Decimal(0)))
            if order.status in _ENDED_EARLY
            else order
            for order in orders
        ]

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new, as far as the venue keeps them (ten thousand)."""
        self.need_account()
        found = await self._rest.fills(since)
        return [self._our_fill(item) for item in found if symbol in {None, item.symbol}]

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        found = await self._rest.funding(since)
        return [item for item in found if symbol in {None, item.symbol}]

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
        tick = None if price is None or price <= 0 else tick_at(instrument, price)
        check_order(instrument, order_type, amount, price, options, tick)
        if options.time_in_force is TimeInForce.FOK:
            raise OrderRejected(
                f"{self.venue} has no fill-or-kill orders; nothing was sent.",
                venue=self.venue,
                code="FOK",
            )
        limit = price if price is not None else await self._worst_price(symbol, side)
        wire = order_wire(
            listing.number or 0,
            side,
            limit,
            amount,
            replace(
                options,
                time_in_force=TimeInForce.IOC if price is None else options.time_in_force,
                client_order_id=None
                if options.client_order_id is None
                else self._ids.cloid(options.client_order_id),
            ),
        )
        expires = None if options.expires_at is None else to_ns(options.expires_at) // 1_000_000
        answer = await self._act(order_action([wire]), expires)
        (ack,) = self._acks(answer, 1)
        return OrderData(
            venue=self.venue,
            symbol=symbol,
            order_id=ack.order_id,
            client_order_id=options.client_order_id,
            side=side,
            order_type=order_type,
            status=_status(ack, amount),
            amount=amount,
            price=price,
            filled=ack.filled or Decimal(0),
            average_price=ack.average_price,
            time_in_force=options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            created_at=self._clock.now(),
            updated_at=self._clock.now(),
        )

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, then asks for what the order is; the venue's answer to a cancel says little."""
        self.need_orders()
        listing, _ = self.listings.to_trade(symbol)
        if not order_id.isdigit():
            raise refusal_of("order was never placed, already canceled, or filled")
        answer = await self._act(
            cancel_action([(listing.number or 0, int(order_id))]), is_urgent=True
        )
        self._acks(answer, 1)
        try:
            return await self.get_order(order_id, symbol)
        except TransportError as error:
            raise OutcomeUnknown(
                f"{self.venue} cancelled, and did not say what had filled before.",
                venue=self.venue,
            ) from error

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, all in one action."""
        self.need_orders()
        open_orders = await self.get_open_orders(symbol)
        cancels = [
            (self.listings.of(order.symbol).number or 0, int(order.order_id))
            for order in open_orders
        ]
        if not cancels:
            return []
        answer = await self._act(cancel_action(cancels), is_urgent=True)
        statuses = statuses_of(answer, self._rest.reading())
        gone = [
            order
            for order, status in zip(open_orders, statuses, strict=False)
            if isinstance(status, OrderAck)
        ]
        told = [replace(order, status=OrderStatus.CANCELED) for order in gone]
        return await self._with_fills(told)

    async def cancel_all_after(self, seconds: float | None) -> None:
        """Arms the dead man's switch: everything is cancelled then; None disarms it.

        The venue wants at least five seconds, at most ten firings a day, and a million USD traded.
        """
        self.need_orders()
        at_ms = None
        if seconds is not None:
            at_ms = self._clock.now_ns() // 1_000_000 + round(max(seconds, 5.0) * 1000)
        await self._act(schedule_cancel_action(at_ms), is_urgent=True)

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode; whole numbers only."""
        _, mode = await self._margin(symbol)
        await self._set_margin(symbol, leverage, mode)
        found, _ = await self._margin(symbol)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage."""
        leverage, _ = await self._margin(symbol)
        await self._set_margin(symbol, leverage, margin_mode)
        _, found = await self._margin(symbol)
        return MarginModeResult(symbol=symbol, margin_mode=found)

    async def _margin(self, symbol: str) -> tuple[Decimal, MarginMode]:
        self.need_account()
        listing, instrument = self.listings.to_trade(symbol)
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
        answer = await self._rest.info("activeAssetData", user=self.account, coin=listing.key)
        return parse.parse_active_asset(answer, self._rest.reading())

    async def _set_margin(self, symbol: str, leverage: Decimal, mode: MarginMode) -> None:
        self.need_orders()
        listing, instrument = self.listings.to_trade(symbol)
        if leverage % 1 or not 1 <= leverage <= instrument.max_leverage:
            raise OrderRejected(
                f"{self.venue} {symbol}: leverage is a whole number up to "
                f"{instrument.max_leverage}, not {leverage}.",
                venue=self.venue,
                code="LEVERAGE",
            )
        action = leverage_action(
            listing.number or 0, int(leverage), is_cross=mode is MarginMode.CROSS
        )
        await self._act(action)

    # -- small parts --------------------------------------------------------------------------

    async def _act(
        self, action: Action, expires_ms: int | None = None, *, is_urgent: bool = False
    ) -> object:
        """Signs and sends an action, once, over the socket if it is live, else over HTTP."""
        if self._signer is None:
            raise NotSent(f"{self.venue}: no key was accepted.", venue=self.venue)
        if self._private.state is not ConnectionState.LIVE:
            return await self._rest.act(self._signer.body(action, expires_ms), is_urgent=is_urgent)
        self._rest.budget.spend_now(1, is_urgent=is_urgent)
        sequence = next(self._numbers)
        message = post(sequence, self._signer.body(action, expires_ms))
        try:
            answer = await self._private.call(str(sequence), message, timeout_s=_TIMEOUT_S)
        except TransportError as error:
            raise self._rest.failed(error, is_order=True) from error
        return self._judge(answer)

    def _judge(self, answer: object) -> object:
        """The payload of a `post` answer, which is what HTTP would have answered."""
        if not isinstance(answer, dict):
            raise OutcomeUnknown(f"{self.venue} answered without a form.", venue=self.venue)
        payload = answer.get("payload")
        if answer.get("type") == "error":
            text = str(payload)
            status = int(text[:3]) if text[:3].isdigit() else 200
            body: object = {"status": "err", "response": text}
            error = error_of(status, body, is_order=True)
            raise error or OutcomeUnknown(f"{self.venue}: {text[:200]}", venue=self.venue)
        return self._rest.judge(200, payload, self._rest.budget, is_order=True)

    def _acks(self, answer: object, count: int) -> tuple[OrderAck, ...]:
        """The acknowledgements of an action.

        Raises:
            VenueError: The first refusal among them.
            OutcomeUnknown: If there are not as many as were asked for.
        """
        found = statuses_of(answer, self._rest.reading())
        if len(found) != count:
            raise OutcomeUnknown(f"{self.venue} answered {len(found)} of {count}", venue=self.venue)
        acks: list[OrderAck] = []
        for item in found:
            if isinstance(item, OrderAck):
                acks.append(item)
            else:
                raise refusal_of(str(item))
        return tuple(acks)

    async def _worst_price(self, symbol: str, side: OrderSide) -> Decimal:
        """The limit of a market order: five percent beyond the best price, on the tick."""
        quote = self.hub.of(symbol).quote
        best = quote.ask if side is OrderSide.BUY else quote.bid
        is_fresh = quote.at is not None and self._clock.now() - quote.at < timedelta(seconds=2)
        if best is None or not is_fresh or not self._public.is_live:
            try:
                book = await self.get_orderbook(symbol, 1)
            except TransportError as error:
                raise NotSent(
                    f"{self.venue}: there is no price for a market order in {symbol}.",
                    venue=self.venue,
                ) from error
            levels = book.asks if side is OrderSide.BUY else book.bids
            best = levels[0].price if levels else None
        if best is None:
            raise OrderRejected(
                f"{self.venue} {symbol}: nobody is there to trade with; nothing was sent.",
                venue=self.venue,
                code="NO_LIQUIDITY",
            )
        _, instrument = self.listings.to_trade(symbol)
        worst = best * (1 + side.sign * _SLIPPAGE)
        rounding = Rounding.UP if side is OrderSide.BUY else Rounding.DOWN
        step = tick_at(instrument, worst)
        return (worst / step).quantize(Decimal(1), rounding.value) * step

    def _ours(self, data: OrderData) -> OrderData:
        if data.client_order_id is None:
            return data
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    def _our_fill(self, data: FillData) -> FillData:
        if data.client_order_id is None:
            return data
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    # -- what the sockets cannot tell ---------------------------------------------------------

    async def _is_quiet(self) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topic = next(
            (t for t in self._public.subscriptions.topics() if not t.startswith("active")), None
        )
        if topic is None:
            return True
        listing = self.listings.by_key.get(topic.partition(":")[2])
        if listing is None:
            return False
        book = await self.get_orderbook(listing.symbol, 1)
        quote = self.hub.of(listing.symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        quote.at = book.at
        self.hub.tell_quote(listing.symbol, self._clock.now())
        return True

    async def _catch_up(self) -> None:
        since = self.hub.newest_fill_at
        since = self._clock.now() - timedelta(minutes=10) if since is None else since - _OVERLAP
        for fill in await self.get_fills(None, since):
            self.hub.tell_user(fill)

    def _on_news(self, link: Link, is_settlement: bool) -> None:  # noqa: FBT001 # one of two kinds
        """After an execution or a settlement: positions, balances and the settlement itself."""
        if is_settlement:
            link.spawn(self._tell_settlements())
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            link.spawn(self._tell_account())

    async def _tell_account(self) -> None:
        try:
            while True:
                self._asks_again = False
                found = await self._account()
                for kind in (PositionData, BalanceData):
                    for item in found:
                        if isinstance(item, kind):
                            self.hub.tell_user(item)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False

    async def _tell_settlements(self) -> None:
        try:
            for payment in await self._rest.funding(self._clock.now() - timedelta(minutes=5)):
                self.hub.tell_user(payment)
        except VenueError:
            return  # reconciliation asks for them


_ENDED_EARLY: Final = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
_NEVER: Final = from_ns(0).astimezone(UTC)


def _number(order_id: str) -> int:
    return int(order_id) if order_id.isdigit() else 0


def _status(ack: OrderAck, amount: Decimal) -> OrderStatus:
    """What an acknowledgement says: one that filled in part and does not rest is cancelled."""
    if ack.status is OrderStatus.FILLED and ack.filled is not None and ack.filled < amount:
        return OrderStatus.CANCELED
    return ack.status


def _together(first: BalanceData, second: BalanceData) -> BalanceData:
    """One asset in two accounts of the same owner."""
    equity = first.equity if first.equity is not None else first.total
    return replace(
        first,
        total=first.total + second.total,
        free=first.free + second.free,
        used=first.used + second.used,
        equity=equity + second.total,
    )
