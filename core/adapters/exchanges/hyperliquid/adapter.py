"""Hyperliquid: perpetuals, those of builders among them (HIP-3), and spot, with an agent's key.

Keys: `account` is the address that owns the account, `secret` the private key of an API wallet
(agent) that it approved. The account's own key is refused: an agent cannot withdraw. No builder
fee, no referrer and no approval is ever signed.

A builder's perpetual is named with its dex: `xyz:NVDA-USDC-PERP` (`dexes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.ethereum import address_of, private_key
from core.adapters.exchanges.hyperliquid.account import Account
from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.hyperliquid.dexes import Dexes
from core.adapters.exchanges.hyperliquid.orders import Orders
from core.adapters.exchanges.hyperliquid.prices import Prices
from core.adapters.exchanges.hyperliquid.private import PrivateDialect
from core.adapters.exchanges.hyperliquid.rest import HyperliquidRest, Signer, check_role
from core.adapters.exchanges.hyperliquid.stream import PublicDialect
from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    LeverageResult,
    MarginMode,
    MarginModeResult,
    to_ns,
)
from core.adapters.exchanges.native.exchange import Doors, Feed, Stream
from core.adapters.exchanges.native.face import Face
from core.adapters.exchanges.settings import Address
from core.errors import AuthError, NotSupported

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
    has_dead_mans_switch=True,
    max_client_order_id_length=32,
)


_LEAST_S: Final = 6.0
"""The venue wants five seconds ahead when it reads the action."""


class HyperliquidExchange(Face[HyperliquidRest]):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
    """

    title = "Hyperliquid"
    capabilities = CAPABILITIES

    _prices: Prices
    _account: Account
    _orders: Orders

    def __init__(self, doors: Doors) -> None:
        super().__init__("hyperliquid", doors)
        urls, clock, ids = doors.settings.urls, doors.clock, ClientIds()
        self._rest = HyperliquidRest(doors, self.listings, self.account)
        self._dexes = Dexes(self.listings, (*doors.margins, *(i.symbol for i in doors.expected)))
        self._prices = Prices(
            self._rest, self.listings, self.hub, is_live=lambda: self._public.is_live
        )
        self._account = Account(self._rest, self.listings, self._dexes, self.hub, ids)
        public = PublicDialect(
            urls["public"],
            clock,
            self.listings,
            self.hub,
            confirm=lambda: self._prices.is_quiet(self._public.subscriptions.topics()),
            trades=lambda listing: self._prices.trades(listing.symbol),
        )
        self._public = Connection(public, doors.seams, on_state=self.on_state)
        private = PrivateDialect(
            urls["private"],
            clock,
            self.listings,
            self.hub,
            ids,
            self._account.on_news,
            self._account.catch_up,
        )
        self._private = Connection(private, doors.seams, on_state=self.on_state)
        self._orders = Orders(
            self._rest, self._private, self.listings, self._prices, self._account, ids
        )

    def _topics(self) -> tuple[Topic, ...]:
        user = self.account
        return (f"orderUpdates:{user}", f"userFills:{user}", f"userFundings:{user}")

    async def _load(self) -> Sequence[Listing]:
        return await self._rest.load()

    async def _server_ns(self) -> int | None:
        return to_ns(await self._prices.server_time())

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
        self._orders.signer = Signer(
            key,
            is_mainnet=not self._doors.settings.is_testnet,
            now_ms=lambda: self._clock.now_ns() // 1_000_000,
            vault=credentials.options.get("vault"),
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

    # -- orders -------------------------------------------------------------------------------

    async def arm_switch(self, seconds: float | None) -> None:
        """Schedules the cancel of every order of the account; None calls it off.

        The venue wants at least five seconds, at most ten firings a day, and a million USD traded.
        """
        self.need_orders()
        await self._orders.schedule_cancel(None if seconds is None else max(seconds, _LEAST_S))

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode; whole numbers only."""
        found, mode = await self._margin(symbol)
        if found != leverage:
            self.need_orders()
            await self._orders.set_margin(symbol, leverage, mode)
            found, _ = await self._account.margin(symbol)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage."""
        leverage, found = await self._margin(symbol)
        if found is not margin_mode:
            self.need_orders()
            await self._orders.set_margin(symbol, leverage, margin_mode)
            _, found = await self._account.margin(symbol)
        return MarginModeResult(symbol=symbol, margin_mode=found)

    async def _margin(self, symbol: str) -> tuple[Decimal, MarginMode]:
        self.need_account()
        _, instrument = self.listings.to_trade(symbol)
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self.venue)
        return await self._account.margin(symbol)
