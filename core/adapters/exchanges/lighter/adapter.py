"""Lighter: perpetuals and spot with an API key of its own.

Keys: `account` is the account index, `secret` the API key's private key, the option
`api_key_index` its place (4 to 254), and the option `signer` the path of the venue's native signer
where the package lighter-sdk is not installed (`sign.py`). Without a signer everything public
works. No key is registered or changed, no integrator approved, nothing but orders, cancels and
leverage signed. An API key here may always do what its account may: the venue has no lesser right.
The key's nonces come from the clock and never fall below what the venue says is next, so that a
key which somebody else uses too costs one outcome in doubt each time and no more.

The venue's dead man's switch cancels every order of the account, in five minutes at the earliest.

Our client order ids are numbers of 48 bits there (`native/client_numbers.py`). The answer to an
order is a hash; what became of it comes on the private socket under that number, or is asked for.
What matching refuses is an order that was cancelled at once, with a word why: that is told as the
refusal that it is. A reduce-only order with nothing to reduce is dropped by the venue in silence,
so it is refused here, after a question. Orders rest at most 28 days. There is no fill-or-kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.lighter.account import Account
from core.adapters.exchanges.lighter.account_stream import PrivateDialect, private_topics
from core.adapters.exchanges.lighter.instruments import parse_markets
from core.adapters.exchanges.lighter.margins import Margins
from core.adapters.exchanges.lighter.market_stream import PublicDialect
from core.adapters.exchanges.lighter.news import News
from core.adapters.exchanges.lighter.orders import Orders
from core.adapters.exchanges.lighter.prices import Prices
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.lighter.sign import NativeSigner, Signer, find_library
from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    LeverageResult,
    MarginMode,
    MarginModeResult,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.exchange import (
    Doors,
    Feed,
    Stream,
)
from core.adapters.exchanges.native.face import Face
from core.adapters.exchanges.settings import Address
from core.errors import AuthError, ConfigError

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
    has_dead_mans_switch=True,
    changes_in_flight=3,  # one under way, one on its heels, one that waits for its outcome
)
CHAIN, TEST_CHAIN = 304, 300
_OVERLAP: Final = timedelta(seconds=5)


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


class LighterExchange(Face[LighterRest]):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
        make_signer: Makes what signs, when keys are to be proved.
    """

    title = "Lighter"
    capabilities = CAPABILITIES

    _prices: Prices
    _account: Account
    _orders: Orders

    def __init__(
        self, doors: Doors, *, make_signer: Callable[[Doors], Signer] = native_signer
    ) -> None:
        super().__init__("lighter", doors)
        urls, clock, listings = doors.settings.urls, doors.clock, self.listings
        self._make_signer = make_signer
        numbers = self._numbers = ClientNumbers("lighter", 48)
        rng = doors.seams.rng.child("lighter client order ids")
        self._rest = LighterRest(doors, listings, self.account)
        self._prices = Prices(self._rest, listings)
        self._account = Account(self._rest, listings, numbers)
        news = News(
            clock,
            self.hub,
            numbers,
            self._rest.changed,
            self.expect_word,
        )
        self._orders = Orders(self._rest, listings, self._prices, self._account, news, numbers, rng)
        self._margins = Margins(self._rest, listings, self._account)
        public = PublicDialect(
            urls["public"],
            clock,
            listings,
            self.hub,
            self._is_quiet,
            self._prices.newest_trades,
        )
        self._public = Connection(public, doors.seams, on_state=self.on_state)
        private = PrivateDialect(
            urls["private"],
            clock,
            listings,
            self._rest.token,
            self._rest.forget_token,
            news.take,
            self._catch_up,
            self._reload,
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)

    # -- what it is ---------------------------------------------------------------------------

    def _topics(self) -> tuple[Topic, ...]:
        return private_topics(self.account)

    async def _load(self) -> Sequence[Listing]:
        return parse_markets(await self._rest.public("orderBookDetails"), self._rest.reading())

    async def _server_ns(self) -> int | None:
        return await self._rest.measure_time()

    async def _prove(self) -> None:
        try:
            self._rest.signer = self._make_signer(self._doors)
        except ConfigError as error:
            raise AuthError(error.message, venue=self.venue, remedy=error.remedy) from error
        await self._rest.know_nonce()
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

    # -- orders and settings ------------------------------------------------------------------

    def remember(self, client_order_ids: Iterable[str]) -> None:
        """Their numbers stand for them from now on."""
        for name in client_order_ids:
            self._numbers.number(name)

    async def arm_switch(self, seconds: float | None) -> None:
        """See `Orders.schedule_cancel`; five minutes at least."""
        self.need_orders()
        await self._orders.schedule_cancel(seconds)

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """See `Margins.set_leverage`."""
        self.need_orders()
        return await self._margins.set_leverage(symbol, leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """See `Margins.set_mode`."""
        self.need_orders()
        return await self._margins.set_mode(symbol, margin_mode)

    # -- what the sockets do not tell ---------------------------------------------------------

    async def _is_quiet(self) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topics = self._public.subscriptions.topics()
        topic = next((t for t in topics if t.startswith("ticker/")), None)
        listing = None if topic is None else self.listings.by_key.get(topic.partition("/")[2])
        if listing is None:
            return not topics
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
