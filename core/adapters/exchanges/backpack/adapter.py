"""Backpack: spot and perpetuals with one Ed25519 key.

Keys: `key` is the public key and `secret` the seed, both in base64; `account` may pin the user id
that positions carry. The venue does not tell what a key may do, so a key without the right to
withdraw has to be made there. Leverage is a limit of the whole account and all margin is cross.

Our client order ids are numbers of 32 bits there (`native/client_numbers.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.backpack.account import Account
from core.adapters.exchanges.backpack.instruments import parse_markets
from core.adapters.exchanges.backpack.orders import Orders
from core.adapters.exchanges.backpack.prices import Prices
from core.adapters.exchanges.backpack.rest import BackpackRest, Key
from core.adapters.exchanges.backpack.sign import subscription
from core.adapters.exchanges.backpack.stream import PrivateDialect, PublicDialect, private_topics
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
    TradeData,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.exchange import NO_OPTIONS, Doors, Feed, Stream
from core.adapters.exchanges.native.face import Face
from core.adapters.exchanges.settings import Address
from core.errors import NotSupported, OrderRejected

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


class BackpackExchange(Face[BackpackRest]):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
    """

    title = "Backpack"
    capabilities = CAPABILITIES

    def __init__(self, doors: Doors) -> None:
        super().__init__("backpack", doors)
        urls, clock = doors.settings.urls, doors.clock
        numbers = self._numbers = ClientNumbers("backpack", 32)
        self._rest = BackpackRest(doors, self.listings)
        self._prices = Prices(self._rest, self.listings, self.hub)
        self._account = Account(self._rest, self.listings, self.hub, numbers)
        self._orders = Orders(self._rest, self.listings, self._account, numbers)
        public = PublicDialect(
            urls["public"],
            clock,
            self.listings,
            self.hub,
            whole=self._prices.whole_book,
            best=self._prices.tell_best,
            mark=self._prices.tell_mark,
            trades=lambda listing: self._prices.trades(listing.symbol),
            confirm=lambda: self._prices.is_quiet(self._public.subscriptions.topics()),
        )
        self._public = Connection(public, doors.seams, on_state=self.on_state)
        private = PrivateDialect(
            urls["private"],
            clock,
            self.listings,
            self._proof,
            self._account.on_news,
            self._account.catch_up,
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)

    def _topics(self) -> tuple[Topic, ...]:
        return private_topics()

    async def _load(self) -> Sequence[Listing]:
        await self._rest.measure_time()
        return parse_markets(await self._rest.public("/api/v1/markets"), self._rest.reading())

    async def _server_ns(self) -> int | None:
        return await self._rest.measure_time()

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        self._rest.key = Key(credentials)
        await self._account.leverage()
        await self._account.check_owner(self.account)

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
        return await self._prices.ticker(symbol)

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of at most a thousand levels."""
        return await self._prices.book(symbol, limit)

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """The newest candles, or those since a moment."""
        return await self._prices.candles(symbol, timeframe, since, limit)

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """At most the thousand newest."""
        return await self._prices.trades(symbol, since, limit)

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        return await self._prices.funding_rate(symbol)

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """What margins positions, with the account's equity at USDC, and every other asset."""
        self.need_account()
        return await self._account.balances()

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        self.need_account()
        return await self._account.positions(symbols)

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state: among the open ones, else in the history."""
        self.need_account()
        return await self._account.order(order_id, symbol, client_order_id)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        return await self._account.open_orders(symbol)

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders; where the stream did not tell when one ended, that is its creation."""
        self.need_account()
        return await self._account.history(symbol, since, limit)

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new."""
        self.need_account()
        return await self._account.fills(symbol, since)

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        return await self._account.funding(symbol, since)

    # -- orders -------------------------------------------------------------------------------

    def remember(self, client_order_ids: Iterable[str]) -> None:
        """Their numbers stand for them from now on."""
        for name in client_order_ids:
            self._numbers.number(name)

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
        return await self._orders.create(
            symbol, side, order_type, amount, price, params or NO_OPTIONS
        )

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels; the venue answers with the order as it is then."""
        self.need_orders()
        return await self._orders.cancel(order_id, symbol)

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, symbol by symbol."""
        self.need_orders()
        return await self._orders.cancel_all(symbol)

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Sets the limit of the whole account: all its perpetuals have it."""
        self.need_orders()
        self._need_perpetual(symbol)
        return LeverageResult(symbol=symbol, leverage=await self._account.set_leverage(leverage))

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Cross is all there is.

        Raises:
            OrderRejected: For isolated margin.
        """
        self._need_perpetual(symbol)
        if margin_mode is not MarginMode.CROSS:
            raise OrderRejected(
                f"{self.venue} margins the whole account, so {margin_mode.value} margin is not "
                "there: write `margin_mode: cross`.",
                venue=self.venue,
                code="MARGIN_MODE",
            )
        return MarginModeResult(symbol=symbol, margin_mode=MarginMode.CROSS)

    def _need_perpetual(self, symbol: str) -> None:
        if self.listings.of(symbol).market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
