"""Backpack: spot and perpetuals with one Ed25519 key.

Keys: `key` is the public key and `secret` the seed, both in base64; `account` may pin the user id
that positions carry. The venue does not tell what a key may do, so a key without the right to
withdraw has to be made there. Leverage is a limit of the whole account and all margin is cross.

Our client order ids are numbers of 32 bits there (`native/client_numbers.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    Capabilities,
    ExchangeType,
    LeverageResult,
    MarginMode,
    MarginModeResult,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.exchange import Doors, Feed, Stream
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

    _prices: Prices
    _account: Account
    _orders: Orders

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

    # -- orders -------------------------------------------------------------------------------

    def remember(self, client_order_ids: Iterable[str]) -> None:
        """Their numbers stand for them from now on."""
        for name in client_order_ids:
            self._numbers.number(name)

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
