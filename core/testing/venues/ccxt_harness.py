"""The ccxt door connected to loopback venues, as the contract suite asks for it."""

from __future__ import annotations

from pathlib import Path

from core.adapters.exchanges.ccxt.adapter import CcxtExchange
from core.adapters.exchanges.credentials import Credentials, Secret
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.binance_spot.rest import UID
from core.testing.venues.binance_spot.venue import BinanceSpotVenue
from core.testing.venues.bybit.venue import BybitVenue
from core.testing.venues.harness import LoopbackHarness
from core.testing.venues.hyperliquid.venue import HyperliquidVenue
from core.testing.venues.lighter.signing import StandIn
from core.testing.venues.lighter.venue import LighterVenue
from core.testing.venues.okx.venue import OkxVenue
from core.testing.venues.server import LoopbackVenue


class CcxtHarness(LoopbackHarness):
    """ccxt does not say when a subscription stands, so the venue is asked."""

    async def start(self) -> None:
        """Also waits until the venue tells the trades of every market."""
        await super().start()
        await self.venue.until(lambda: self._trade_topics() >= len(self.symbols))

    def _trade_topics(self) -> int:
        topics = [topic for socket in self.venue.sockets for topic in socket.topics]
        return sum("trade" in topic.lower() for topic in topics)


def _harness(venue: LoopbackVenue, name: str, credentials: Credentials) -> LoopbackHarness:
    return CcxtHarness(
        venue,
        lambda doors: CcxtExchange(name, doors),
        lambda: {"rest": venue.rest_url, "socket": venue.socket_url},
        lambda: credentials,
    )


def ccxt_binance_harness(path: Path) -> LoopbackHarness:
    """Binance USDⓈ-M with an HMAC key."""
    del path
    venue = BinanceVenue()
    key = Credentials(
        venue="binance", account="SgsR", key=venue.key.api_key, secret=Secret(venue.key.secret)
    )
    return _harness(venue, "ccxt-binance-usdm", key)


def ccxt_binance_spot_harness(path: Path) -> LoopbackHarness:
    """Binance spot with an HMAC key."""
    del path
    venue = BinanceSpotVenue()
    key = Credentials(
        venue="binance", account=str(UID), key=venue.key.api_key, secret=Secret(venue.key.secret)
    )
    return _harness(venue, "ccxt-binance", key)


def ccxt_hyperliquid_harness(path: Path) -> LoopbackHarness:
    """Hyperliquid with its agent's key."""
    del path
    venue = HyperliquidVenue()
    key = Credentials(
        venue="hyperliquid",
        account=venue.wallets.main.address,
        secret=Secret(venue.wallets.agent.secret),
    )
    return _harness(venue, "ccxt-hyperliquid", key)


def ccxt_backpack_harness(path: Path) -> LoopbackHarness:
    """Backpack with the key that may trade."""
    del path
    venue = BackpackVenue()
    key = Credentials(venue="backpack", key=venue.key.api_key, secret=Secret(venue.key.secret))
    return _harness(venue, "ccxt-backpack", key)


def ccxt_lighter_harness(path: Path) -> LoopbackHarness:
    """Lighter with the stand-in for its native signer."""
    del path
    venue = LighterVenue()
    key = Credentials(
        venue="lighter",
        account=str(venue.key.account_index),
        secret=Secret(venue.key.secret),
        options={"api_key_index": str(venue.key.api_key_index)},
    )
    return CcxtHarness(
        venue,
        lambda doors: CcxtExchange(
            "ccxt-lighter", doors, make_signer=lambda _doors: StandIn(venue.key)
        ),
        lambda: {"rest": venue.rest_url, "socket": venue.socket_url},
        lambda: key,
    )


def okx_harness(path: Path) -> LoopbackHarness:
    """OKX with the key that may trade."""
    del path
    venue = OkxVenue()
    key = Credentials(
        venue="okx",
        account=venue.rest.account,
        key=venue.key.api_key,
        secret=Secret(venue.key.secret),
        passphrase=Secret(venue.key.passphrase),
    )
    return _harness(venue, "okx", key)


def bybit_harness(path: Path) -> LoopbackHarness:
    """Bybit with the key that may trade."""
    del path
    venue = BybitVenue()
    key = Credentials(
        venue="bybit",
        account=venue.rest.account,
        key=venue.key.api_key,
        secret=Secret(venue.key.secret),
    )
    return _harness(venue, "bybit", key)
