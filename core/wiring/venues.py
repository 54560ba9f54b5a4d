"""The venues that have an adapter, and what each is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from core.wiring.places import CCXT, exchange_folders, home

if TYPE_CHECKING:
    from core.adapters.exchanges.connection.limiter import Budgets
    from core.adapters.exchanges.connection.tap import Frame
    from core.adapters.exchanges.connection.transport import Transport
    from core.adapters.exchanges.credentials import Credentials
    from core.adapters.exchanges.factory import ExchangeFactory
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.metadata import Shelf
    from core.adapters.exchanges.models import Instrument, Margin
    from core.adapters.exchanges.native.exchange import Doors as NativeDoors
    from core.adapters.exchanges.settings import Address
    from core.infrastructure.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an adapter is made with."""

    clock: Clock
    credentials: Credentials | None = None
    """None for public data alone."""
    instruments: tuple[Instrument, ...] = ()
    """What is to be traded, by the rules that were planned with; empty for everything."""
    margins: Mapping[str, Margin] | None = None
    market: str | None = None
    """Which market of a venue that has several apart; that of the instruments when None."""
    tap: Callable[[Frame], None] | None = None
    """Hears every message as it came; public data alone."""
    lookups: tuple[str, ...] = ()
    """Canonical symbols to look up at a venue that has no list of all."""
    is_visit: bool = False
    """Whether it only looks, beside an engine that may be connected with the same keys."""


@cache
def factory() -> ExchangeFactory[[Opening]]:
    """The venues that have an adapter; its module is imported when one is made."""
    from core.adapters.exchanges.factory import ExchangeFactory

    factory: ExchangeFactory[[Opening]] = ExchangeFactory()
    factory.register("backpack", _backpack)
    factory.register("binance", _binance)
    factory.register("edgex", _edgex)
    factory.register("hyperliquid", _hyperliquid)
    factory.register("ibkr", _ibkr)
    factory.register("lighter", _lighter)
    from core.adapters.exchanges.ccxt.names import names

    for name in names():
        factory.register(name, partial(_ccxt, name))
    return factory


def has_adapter(venue: str) -> bool:
    """Whether a venue can be spoken to; any that ccxt knows can, as `ccxt-<name>`."""
    if venue not in factory().names and venue.startswith(CCXT):
        from core.adapters.exchanges.ccxt.table import row_of

        row_of(venue)
        factory().register(venue, partial(_ccxt, venue))
    return venue in factory().names


def _ccxt(name: str, opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.ccxt.adapter import CcxtExchange, addresses

    return CcxtExchange(name, _native_doors(name, addresses(name), opening))


def _backpack(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.backpack.adapter import ADDRESSES, BackpackExchange

    return BackpackExchange(_native_doors("backpack", ADDRESSES, opening))


def _edgex(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.edgex.adapter import ADDRESSES, EdgexExchange

    return EdgexExchange(_native_doors("edgex", ADDRESSES, opening))


def _binance(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.binance.adapter import BinanceExchange
    from core.adapters.exchanges.binance.markets import ADDRESSES

    markets = {"spot" if item.is_spot else "usdm" for item in opening.instruments}
    if opening.market is not None:
        markets = {"spot" if opening.market == "spot" else "usdm"}
    doors = _native_doors("binance", ADDRESSES, opening)
    return BinanceExchange(doors, markets=markets or {"spot", "usdm"})


def _hyperliquid(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.hyperliquid.adapter import ADDRESSES, HyperliquidExchange

    return HyperliquidExchange(_native_doors("hyperliquid", ADDRESSES, opening))


def _ibkr(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.ibkr.adapter import ADDRESSES, IbkrExchange
    from core.adapters.exchanges.paper.instruments import load_instruments

    chosen = [*opening.lookups, *(item.symbol for item in opening.instruments)]
    return IbkrExchange(
        _native_doors("ibkr", ADDRESSES, opening),
        symbols=chosen or sorted(load_instruments("ibkr")),
        is_guest=opening.is_visit,
    )


def _lighter(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.lighter.adapter import ADDRESSES, LighterExchange

    return LighterExchange(_native_doors("lighter", ADDRESSES, opening))


def _native_doors(venue: str, addresses: Mapping[str, Address], opening: Opening) -> NativeDoors:
    from core.adapters.exchanges.connection.network import NetworkTransport
    from core.adapters.exchanges.connection.socket import Seams
    from core.adapters.exchanges.native.exchange import Doors as NativeDoors
    from core.adapters.exchanges.settings import load_settings
    from core.infrastructure.rng import SystemRng

    settings = load_settings(venue, addresses, exchange_folders())
    transport: Transport = NetworkTransport(opening.clock, proxy=settings.proxy)
    if opening.tap is not None and opening.credentials is None:
        from core.adapters.exchanges.connection.tap import TappedTransport

        transport = TappedTransport(transport, opening.clock, opening.tap)
    return NativeDoors(
        seams=Seams(transport=transport, clock=opening.clock, rng=SystemRng()),
        budgets=budgets(),
        settings=settings,
        credentials=opening.credentials,
        expected=opening.instruments if opening.credentials is not None else (),
        margins=opening.margins or {},
        learned=_keeper(venue),
    )


def _keeper(venue: str) -> Callable[[Sequence[Instrument]], None]:
    """Keeps what a venue told, beside the loop that trades: a disk may be slow."""
    import asyncio

    kept = shelf()

    def keep(rules: Sequence[Instrument]) -> None:
        asyncio.get_running_loop().run_in_executor(None, kept.put, venue, tuple(rules))

    return keep


def shelf() -> Shelf:
    """What venues told of their instruments, in the home."""
    from core.adapters.exchanges.metadata import Shelf
    from core.infrastructure.clock import WallClock

    return Shelf(home().root / "cache" / "instruments", WallClock())


@cache
def budgets() -> Budgets:
    """The rate budgets of this process: whoever asks from here shares them."""
    from core.adapters.exchanges.connection.limiter import Budgets
    from core.infrastructure.clock import WallClock

    return Budgets(WallClock())


def venue_address(venue: str, *, is_spot: bool = False) -> str:
    """Where a connection to a venue leads first: its proxy, or its requests.

    Args:
        venue: Its name.
        is_spot: Whether its spot market is meant, where that has a host of its own.
    """
    from core.adapters.exchanges.ccxt.names import leads_through
    from core.adapters.exchanges.settings import load_settings

    if leads_through(venue):
        return _ccxt_address(venue)
    if venue == "backpack":
        from core.adapters.exchanges.backpack.adapter import ADDRESSES
    elif venue == "binance":
        from core.adapters.exchanges.binance.markets import ADDRESSES
    elif venue == "edgex":
        from core.adapters.exchanges.edgex.adapter import ADDRESSES
    elif venue == "ibkr":
        from core.adapters.exchanges.ibkr.adapter import ADDRESSES
    elif venue == "lighter":
        from core.adapters.exchanges.lighter.adapter import ADDRESSES
    else:
        from core.adapters.exchanges.hyperliquid.adapter import ADDRESSES
    settings = load_settings(venue, ADDRESSES, exchange_folders())
    first = settings.urls["tws" if venue == "ibkr" else "rest"]
    if is_spot:
        first = settings.urls.get("spot_rest", first)
    return first if settings.proxy is None else str(settings.proxy)


def _ccxt_address(venue: str) -> str:
    """The same of a venue behind the ccxt door; ccxt is asked only where no host is written."""
    from core.adapters.exchanges.ccxt.table import row_of
    from core.adapters.exchanges.settings import load_settings

    files = [folder / "exchanges" / f"{venue}.yaml" for folder in exchange_folders()]
    host = row_of(venue).host
    if host and not any(path.is_file() for path in files):
        return host
    from core.adapters.exchanges.ccxt.adapter import addresses

    settings = load_settings(venue, addresses(venue), exchange_folders())
    return settings.urls["rest"] if settings.proxy is None else str(settings.proxy)
