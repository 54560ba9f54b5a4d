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

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.edgex.account import Account
from core.adapters.exchanges.edgex.margins import Margins
from core.adapters.exchanges.edgex.news import News
from core.adapters.exchanges.edgex.orders import Orders
from core.adapters.exchanges.edgex.prices import Prices
from core.adapters.exchanges.edgex.rest import EdgexRest, key_of
from core.adapters.exchanges.edgex.stream import BEST, PrivateDialect, PublicDialect
from core.adapters.exchanges.ethereum import private_key
from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    LeverageResult,
    MarginMode,
    MarginModeResult,
)
from core.adapters.exchanges.native.exchange import (
    Doors,
    Feed,
    Stream,
)
from core.adapters.exchanges.native.face import Face
from core.adapters.exchanges.settings import Address
from core.errors import AuthError, TransportError

ADDRESSES: Final = {
    "rest": Address(main="https://edgex-prod-v2.edgex.exchange"),
    "public": Address(main="wss://edgex-quote-prod-v2.edgex.exchange/api/v1/public/ws"),
    "private": Address(main="wss://edgex-quote-prod-v2.edgex.exchange/api/v1/private/ws"),
}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL}), max_client_order_id_length=32
)
_OVERLAP: Final = timedelta(seconds=5)


class EdgexExchange(Face[EdgexRest]):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
    """

    title = "edgeX"
    capabilities = CAPABILITIES

    _prices: Prices
    _account: Account
    _orders: Orders

    def __init__(self, doors: Doors) -> None:
        super().__init__("edgex", doors)
        urls, clock, listings = doors.settings.urls, doors.clock, self.listings
        self._rest = EdgexRest(doors, listings)
        public = PublicDialect(urls["public"], clock, listings, self.hub, self._is_quiet)
        self._markets = public.market
        self._public = Connection(public, doors.seams, on_state=self.on_state)
        self._prices = Prices(self._rest, listings, self._public, public.trails.newest)
        self._account = Account(self._rest, listings, self._prices)
        news = News(clock, self.hub, self._account, self.expect_word)
        rng = doors.seams.rng.child("edgex client order ids")
        self._orders = Orders(self._rest, listings, self._prices, self._account, news, rng)
        self._margins = Margins(self._rest, listings, self._account)
        private = PrivateDialect(
            urls["private"],
            clock,
            listings,
            self._rest,
            news.take,
            self._catch_up,
            self._reload,
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)

    async def _load(self) -> Sequence[Listing]:
        await self._rest.measure_time()
        return (await self._rest.load()).listings

    async def _server_ns(self) -> int | None:
        return await self._rest.measure_time()

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        self._rest.key = key_of(credentials)
        self._orders.signs_with = private_key(credentials.options.get("trading_key", ""))
        try:
            await self._account.settings()
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

    # -- orders and settings ------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """See `Margins.set_leverage`."""
        self.need_orders()
        return await self._margins.set_leverage(symbol, leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """See `Margins.set_mode`."""
        self.need_account()
        return await self._margins.set_mode(symbol, margin_mode)

    # -- what the sockets do not tell ---------------------------------------------------------

    async def _is_quiet(self) -> bool:
        """Whether REST tells the book that the stream told last; its prices are fresh then."""
        books = self._markets.books
        topic = min(books, key=lambda name: (not name.endswith(BEST), name), default=None)
        listing = None if topic is None else self.listings.by_key.get(topic.split(".")[1])
        if topic is None or listing is None:
            return False
        known = books[topic].joint.known
        if not topic.endswith(BEST):
            return (await self._prices.book(listing.symbol)).sequence == known
        book = await self._prices.book(listing.symbol, 1)
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
        for fill in await self._account.fills(None, since):
            self.hub.tell_user(fill)
