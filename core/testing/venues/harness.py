"""An adapter connected to its loopback venue, as the contract suite asks for one.

Time is the wall's: real sockets lie between. What a test does settles when the adapter has heard
all of it, which a marker tells: the newest public trade that the venue told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.network import NetworkTransport
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.models import TickerData, TradeData, UserData
from core.adapters.exchanges.native.exchange import Doors, NativeExchange
from core.adapters.exchanges.settings import VenueSettings
from core.infrastructure.clock import WallClock
from core.infrastructure.rng import SeededRng
from core.testing.venues.server import LoopbackVenue

_SETTLE_S = 0.03
_PATIENCE_S = 5.0


class LoopbackHarness:
    """See `core.testing.venue.VenueHarness`.

    Args:
        venue: Not yet opened.
        make: Makes the adapter.
        addresses: The venue's URLs by the adapter's names of them.
        credentials: Of the venue's account.
    """

    is_real_time = True

    def __init__(
        self,
        venue: LoopbackVenue,
        make: Callable[[Doors], NativeExchange],
        addresses: Callable[[], dict[str, str]],
        credentials: Callable[[], Credentials],
    ) -> None:
        self.private: list[UserData] = []
        self.tickers: list[TickerData] = []
        self.venue = venue
        self.clock = WallClock()
        self._make = make
        self._addresses = addresses
        self._credentials = credentials
        self._exchange: NativeExchange | None = None
        self._transport: NetworkTransport | None = None
        self._trades: list[TradeData] = []
        self._is_open = False

    @property
    def exchange(self) -> NativeExchange:
        """The connected adapter."""
        if self._exchange is None:
            raise RuntimeError("the harness has not started")
        return self._exchange

    @property
    def symbols(self) -> list[str]:
        """What the venue trades."""
        return sorted(self.venue.floor.instruments)

    async def start(self) -> None:
        """Opens venue and adapter, listens, and waits for the first price."""
        if not self._is_open:
            self._is_open = True
            await self.venue.__aenter__()
        self._transport = NetworkTransport(self.clock)
        doors = Doors(
            seams=Seams(transport=self._transport, clock=self.clock, rng=SeededRng(7)),
            budgets=Budgets(self.clock),
            settings=VenueSettings(urls=self._addresses()),
            credentials=self._credentials(),
        )
        self._exchange = self._make(doors)
        await self._exchange.connect()
        assert await self._exchange.authenticate(), self._exchange.get_status().detail  # noqa: S101 # a test's harness
        await self._exchange.subscribe_user_data(self.private.append)
        await asyncio.gather(
            *(self._exchange.subscribe_ticker(name, self.tickers.append) for name in self.symbols),
            *(self._exchange.subscribe_trades(name, self._trades.append) for name in self.symbols),
        )
        await self._until(lambda: {item.symbol for item in self.tickers} == set(self.symbols))
        await asyncio.sleep(_SETTLE_S)

    async def trade(self, price: str, amount: str = "10") -> None:
        """A public trade on every market; waits until the adapter told of it on each."""
        before = len(self._trades)
        self.venue.trade(price, amount)
        wanted = Decimal(price)
        heard = {symbol for symbol in self.symbols if self.exchange.hub.of(symbol).trades}
        await self._until(
            lambda: {t.symbol for t in self._trades[before:] if t.price == wanted} >= heard
        )
        await asyncio.sleep(_SETTLE_S)

    async def restart(self) -> None:
        """The client dies without a word and comes back on the same account."""
        self.private.clear()
        await self._leave()
        await self.start()

    async def stop(self) -> None:
        """Closes both."""
        await self._leave()
        if self._is_open:
            await self.venue.__aexit__(None, None, None)

    async def _leave(self) -> None:
        if self._exchange is not None:
            await self._exchange.disconnect()
        if self._transport is not None:
            await self._transport.close()

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
                await asyncio.sleep(0.002)


@asynccontextmanager
async def started(harness: LoopbackHarness) -> AsyncIterator[LoopbackHarness]:
    """The harness while it runs."""
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


def hyperliquid_harness(path: Path) -> LoopbackHarness:
    """Hyperliquid with its agent's key."""
    from core.adapters.exchanges.credentials import Secret
    from core.adapters.exchanges.hyperliquid.adapter import HyperliquidExchange
    from core.testing.venues.hyperliquid.venue import HyperliquidVenue

    del path
    venue = HyperliquidVenue()
    return LoopbackHarness(
        venue,
        HyperliquidExchange,
        lambda: {
            "rest": venue.rest_url,
            "public": venue.public_url,
            "private": venue.private_url,
        },
        lambda: Credentials(
            venue="hyperliquid",
            account=venue.wallets.main.address,
            secret=Secret(venue.wallets.agent.secret),
        ),
    )


def binance_harness(path: Path) -> LoopbackHarness:
    """Binance USDⓈ-M with an HMAC key."""
    from core.adapters.exchanges.binance.adapter import BinanceExchange
    from core.adapters.exchanges.credentials import Secret
    from core.testing.venues.binance.venue import BinanceVenue

    del path
    venue = BinanceVenue()
    return LoopbackHarness(
        venue,
        lambda doors: BinanceExchange(doors, markets={"usdm"}),
        lambda: {
            "rest": venue.rest_url,
            "public": f"{venue.socket_url}/public/ws",
            "market": f"{venue.socket_url}/market/ws",
            "private": venue.private_url,
            "orders": venue.api_url,
            "account": venue.rest_url,
        },
        lambda: Credentials(
            venue="binance", account="SgsR", key=venue.key.api_key, secret=Secret(venue.key.secret)
        ),
    )


def backpack_harness(path: Path) -> LoopbackHarness:
    """Backpack with an Ed25519 key."""
    from core.adapters.exchanges.backpack.adapter import BackpackExchange
    from core.adapters.exchanges.credentials import Secret
    from core.testing.venues.backpack.venue import BackpackVenue

    del path
    venue = BackpackVenue()
    return LoopbackHarness(
        venue,
        BackpackExchange,
        lambda: {
            "rest": venue.rest_url,
            "public": venue.public_url,
            "private": venue.private_url,
        },
        lambda: Credentials(
            venue="backpack",
            account="1813870",
            key=venue.key.api_key,
            secret=Secret(venue.key.secret),
        ),
    )


def edgex_harness(path: Path) -> LoopbackHarness:
    """EdgeX V2 with an API key and the key that signs orders."""
    from core.adapters.exchanges.credentials import Secret
    from core.adapters.exchanges.edgex.adapter import EdgexExchange
    from core.testing.venues.edgex.venue import EdgexVenue

    del path
    venue = EdgexVenue()
    return LoopbackHarness(
        venue,
        EdgexExchange,
        lambda: {
            "rest": venue.rest_url,
            "public": venue.public_url,
            "private": venue.private_url,
        },
        lambda: Credentials(
            venue="edgex",
            account=str(venue.key.account_id),
            key=venue.key.api_key,
            secret=Secret(venue.key.secret),
            passphrase=Secret(venue.key.passphrase),
            options={"trading_key": venue.key.trading_secret},
        ),
    )


def lighter_harness(path: Path) -> LoopbackHarness:
    """Lighter with the stand-in for its native signer."""
    from core.adapters.exchanges.credentials import Secret
    from core.adapters.exchanges.lighter.adapter import LighterExchange
    from core.testing.venues.lighter.signing import StandIn
    from core.testing.venues.lighter.venue import LighterVenue

    del path
    venue = LighterVenue()
    return LoopbackHarness(
        venue,
        lambda doors: LighterExchange(doors, make_signer=lambda _doors: StandIn(venue.key)),
        lambda: {
            "rest": venue.rest_url,
            "public": venue.public_url,
            "private": venue.private_url,
        },
        lambda: Credentials(
            venue="lighter",
            account=str(venue.key.account_index),
            secret=Secret(venue.key.secret),
            options={"api_key_index": str(venue.key.api_key_index)},
        ),
    )
