"""The one module that names every concrete class, and what the command line may call.

Everything is imported inside functions, so that `ctos --help` and `ctos ps` load nothing that they
do not need.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import ConfigError, CtosError, ExitCode, FeedError

if TYPE_CHECKING:
    from core.adapters.exchanges.about import VenueAbout
    from core.adapters.exchanges.connection.limiter import Budgets
    from core.adapters.exchanges.connection.tap import Frame
    from core.adapters.exchanges.connection.transport import Transport
    from core.adapters.exchanges.credentials import Credentials
    from core.adapters.exchanges.factory import ExchangeFactory
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.models import Instrument
    from core.adapters.exchanges.native.exchange import Doors as NativeDoors
    from core.adapters.exchanges.native.exchange import Margin
    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.adapters.exchanges.paper.settings import PaperSettings
    from core.adapters.exchanges.settings import Address
    from core.adapters.exchanges.transcript import Transcript
    from core.adapters.feeds.spool import Spool
    from core.adapters.keys.store import KeyEntry, KeyStore
    from core.engine.checkup import Visit
    from core.engine.client import EngineClient
    from core.engine.doors import BotPlan, OpenFeed, VenueRoom
    from core.engine.protocol import KillStage, StartBot
    from core.engine.runs import RunTeller
    from core.engine.serving import Setting
    from core.infrastructure.clock import Clock
    from core.infrastructure.home import Home
    from core.infrastructure.yaml_document import Document
    from core.services.audit.records import Books
    from core.services.audit.snapshot import AuditReport
    from core.services.backtest.grid_space import Space
    from core.services.backtest.record import RunRecord
    from core.services.backtest.report import RunSetting
    from core.services.backtest.snapshot import BacktestReport, Execution, ParityReport
    from core.services.backtest.sweep import Batch, Found, Pool, Ranking
    from core.services.backtest.sweep_job import SweepJob
    from core.services.backtest.sweep_store import SweepStore
    from core.services.backtest.sweep_tape import Window
    from core.services.doctor.snapshot import Check, Examination
    from core.services.doctor.venue import Budget
    from core.services.execution.snapshot import Explanation
    from core.services.grid.config import GridBotConfig
    from core.services.grid.plan import GridPlan
    from core.services.ports import BotRow, Feed, FundingRow, Journal
    from core.services.recorder.rows import Kind
    from core.services.recorder.service import Recorded
    from core.services.risk.limits import Limits

EMBEDDED: Final = "paper"
"""The venue that stands in for others, and is one of its own."""
CCXT: Final = "ccxt-"
"""In front of a venue's name: through ccxt, whatever adapter of its own it has."""
JOURNAL: Final = "journal.db"
PRICES: Final = "prices"
"""Folder of a mode where it is noted which prices its bots had."""
VENUE_CLIENTS: Final = ("hyperliquid", "picows")
"""Loggers of venues' client libraries, which put requests and so keys into their lower levels."""
_TEST_PREFIX: Final = "CTOS_TEST_"
_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "1")
"""Nothing here multiplies matrices: threads for that would only begin and wait."""


# -- folders and environment --------------------------------------------------------------------


def home() -> Home:
    """Where this installation keeps its data."""
    from core.infrastructure.home import Home

    return Home.from_environment(os.environ)


def check_environment() -> None:
    """Refuses `CTOS_…` variables that nobody knows; what a test suite sets for itself is its own.

    Raises:
        ConfigError: With the nearest known name.
    """
    from core.adapters.keys.places import variables
    from core.infrastructure.environment import check_environment as check

    others = {name: text for name, text in os.environ.items() if not name.startswith(_TEST_PREFIX)}
    check(others, also=variables())


@contextmanager
def setting(mode: str, *, is_debug: bool = False) -> Iterator[Setting]:
    """What an engine of this process is told; logs go to files while it is open."""
    from core.engine.serving import Setting
    from core.infrastructure.process import seal

    seal()
    place = home()
    with logs(place, is_debug=is_debug) as ring:
        yield Setting(
            home=place, mode=mode, doors=Doors(), ring=ring, crash_limit=settings().crash_limit
        )


def log_folder(place: Home) -> Path:
    """Where logs go: with `CTOS_HOME` set under it, else in a checkout's `logs/`."""
    from core.infrastructure.home import find_checkout

    return place.log_folder(None if "CTOS_HOME" in os.environ else find_checkout())


@contextmanager
def logs(place: Home, *, is_debug: bool = False) -> Iterator[Any]:
    """Sends the log lines of this process to files while it is open; gives the newest lines."""
    from core.infrastructure.environment import log_level
    from core.infrastructure.logging import setup_logging

    level = "debug" if is_debug else log_level(os.environ)
    opened = setup_logging(log_folder(place), level=level, clients=VENUE_CLIENTS)
    try:
        yield opened.ring
    finally:
        opened.close()


# -- configuration --------------------------------------------------------------------------------


def config_file() -> Path:
    """`ctos.yaml` of the home where there is one, else the shipped one; it may be missing."""
    from core.adapters.exchanges.paper.instruments import find_config_dir

    own = home().root / "ctos.yaml"
    return own if own.is_file() else find_config_dir() / "ctos.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `config/ctos.yaml` says to engines."""

    limits: Limits
    crash_limit: int


def settings() -> Settings:
    """The `risk:` and `engine:` blocks of `config/ctos.yaml`; defaults where there is none.

    Raises:
        ConfigError: If a block says something impossible.
    """
    from core.engine.config import EngineConfig
    from core.infrastructure.config import load_yaml, validate
    from core.services.risk.config import RiskConfig
    from core.services.risk.limits import Limits

    path = config_file()
    if not path.is_file():
        return Settings(limits=Limits(), crash_limit=EngineConfig().crash_limit)
    document = load_yaml(path)
    present = document.data
    others = ("risk", "engine", "display", "keymap")
    engine = EngineConfig()
    limits = Limits()
    if present.get("engine"):
        engine = validate(EngineConfig, document, ("engine",), others=others)
    if present.get("risk"):
        limits = validate(RiskConfig, document, ("risk",), others=others).limits()
    return Settings(limits=limits, crash_limit=engine.crash_limit)


def find_instrument(venue: str, symbol: str, overrides: Mapping[str, Any]) -> Instrument:
    """The rules of a symbol in any spelling, with what a file states itself in their place.

    Raises:
        ConfigError: For a venue or a symbol that nobody knows.
    """
    import difflib

    from core.adapters.exchanges.paper.instruments import find_config_dir, load_instruments
    from core.adapters.exchanges.symbols import read_spelling
    from core.services.bot_config import assumed_instrument, with_overrides

    known = load_instruments(venue)
    if not known and venue.startswith(CCXT):
        known = _ccxt_rules(venue)
        if not known:  # what the file states is compared with the venue before anything is sent
            return assumed_instrument(venue, symbol, overrides)
    if not known and venue != EMBEDDED:
        venues = sorted(path.stem for path in (find_config_dir() / "instruments").glob("*.yaml"))
        near = difflib.get_close_matches(venue, venues, n=1)
        raise ConfigError(
            f"there is no venue {venue[:40]!r}; known are: {', '.join(venues)}.",
            key="exchange",
            remedy=f"Did you mean {near[0]!r}?" if near else None,
        )
    exact = [item for item in known.values() if symbol in {item.symbol, item.venue_symbol}]
    wanted = read_spelling(symbol)
    kind = overrides.get("market_type") or wanted.market_type
    found = exact or [
        item
        for item in known.values()
        if read_spelling(item.symbol).matches(wanted) and kind in {None, item.market_type}
    ]
    if kind is not None:
        found = [item for item in found if item.market_type == kind] or (
            [] if venue == EMBEDDED else found
        )
    if len(found) > 1:
        perpetual = [item for item in found if not item.is_spot]
        found = perpetual[:1] or found[:1]
    if found:
        return with_overrides(found[0], overrides)
    if venue == EMBEDDED:
        return assumed_instrument(venue, symbol, overrides)
    near = difflib.get_close_matches(symbol.upper(), list(known), n=1, cutoff=0.3)
    raise ConfigError(
        f"{venue} has no {symbol[:40]!r}.",
        key="symbol",
        remedy=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}.",
    )


def _ccxt_rules(venue: str) -> dict[str, Instrument]:
    """The shipped rules of the venue behind the ccxt door."""
    from core.adapters.exchanges.ccxt.names import rules_venue
    from core.adapters.exchanges.paper.instruments import load_instruments

    shipped = load_instruments(rules_venue(venue))
    return {name: replace(item, venue=venue) for name, item in shipped.items()}


def read_grid(request: StartBot) -> GridBotConfig:
    """A grid's file, read and checked.

    Raises:
        ConfigError: If anything in it is wrong.
    """
    from core.domain.policies import OnStart
    from core.services.grid.config import parse_grid

    on_start = None if request.on_start is None else OnStart(request.on_start)
    return parse_grid(request.text, request.path, find_instrument, on_start=on_start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a file would do, in words."""

    name: str
    venue: str
    account: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def describe(request: StartBot) -> Described:
    """Checks a file, and says what it would do.

    Raises:
        ConfigError: If anything in it, or in what was asked beside it, is wrong.
    """
    from core.adapters.exchanges.models import plain

    config = read_grid(request)
    if request.is_live:
        _check_live(config)
    kind = "LIVE" if request.is_live else "paper"
    grid, instrument = config.settings, config.settings.instrument
    market = f"{config.exchange} {instrument.symbol}"
    article = "an" if grid.grid_type.value[0] in "aeiou" else "a"
    warnings = list(config.notices)
    needs_price = grid.grid_type.is_infinite and instrument.reference_price is None
    if not grid.grid_type.is_follow and not needs_price:
        from core.services.grid.plan import make_plan

        warnings += [item.message for item in make_plan(grid).warnings]
    return Described(
        name=config.name,
        venue=config.exchange,
        account="",
        lines=(
            f"{config.name}: {article} {grid.grid_type.value} grid on {market}, {kind}",
            f"{grid.range_words}, {grid.spacing_words}",
            f"{plain(grid.order_amount)} {instrument.base} a level",
            f"on_start {grid.on_start.value}, on_exit {grid.on_exit.value}",
        ),
        warnings=tuple(warnings),
    )


def plan(request: StartBot, *, price: str | None) -> GridPlan:
    """What a grid's file would place.

    Raises:
        ConfigError: If the file is wrong, or a follow grid is planned without a price.
    """
    from core.infrastructure.config_types import decimal_of
    from core.services.grid.plan import make_plan

    config = read_grid(request)
    if price is None:
        return make_plan(config.settings, None)
    try:
        at = decimal_of(price)
    except ValueError as error:
        raise ConfigError(f"--price {price[:40]!r} is no price.", source="arguments") from error
    if at <= 0:
        raise ConfigError(f"--price {price[:40]} must be above 0.", source="arguments")
    return make_plan(config.settings, at)


def _check_live(config: GridBotConfig) -> None:
    """Refuses real money without an adapter, a limit for the loss of a day, or keys.

    Raises:
        ConfigError: Without an adapter, or without the limit.
        AuthError: Without keys.
    """
    from core.services.risk.limits import require_for_live, tighter

    venue = config.exchange
    if not _has_adapter(venue):
        raise ConfigError(
            f"no adapter for {venue} yet: real orders cannot be sent.",
            source="arguments",
            key="--live",
            remedy="Run it on paper: leave --live away.",
        )
    require_for_live(tighter(config.risk.limits(), settings().limits), source=config.source)
    key_store().credentials(venue)


# -- venues ---------------------------------------------------------------------------------------


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


@cache
def venues() -> ExchangeFactory[[Opening]]:
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


def _has_adapter(venue: str) -> bool:
    """Whether a venue can be spoken to; any that ccxt knows can, as `ccxt-<name>`."""
    if venue not in venues().names and venue.startswith(CCXT):
        from core.adapters.exchanges.ccxt.table import row_of

        row_of(venue)
        venues().register(venue, partial(_ccxt, venue))
    return venue in venues().names


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

    chosen = [item.symbol for item in opening.instruments] or sorted(load_instruments("ibkr"))
    return IbkrExchange(_native_doors("ibkr", ADDRESSES, opening), symbols=chosen)


def _lighter(opening: Opening) -> ExchangeInterface:
    from core.adapters.exchanges.lighter.adapter import ADDRESSES, LighterExchange

    return LighterExchange(_native_doors("lighter", ADDRESSES, opening))


def _native_doors(venue: str, addresses: Mapping[str, Address], opening: Opening) -> NativeDoors:
    from core.adapters.exchanges.connection.network import NetworkTransport
    from core.adapters.exchanges.connection.socket import Seams
    from core.adapters.exchanges.native.exchange import Doors as NativeDoors
    from core.adapters.exchanges.settings import load_settings
    from core.infrastructure.rng import SystemRng

    settings = load_settings(venue, addresses, _exchange_folders())
    transport: Transport = NetworkTransport(opening.clock, proxy=settings.proxy)
    if opening.tap is not None and opening.credentials is None:
        from core.adapters.exchanges.connection.tap import TappedTransport

        transport = TappedTransport(transport, opening.clock, opening.tap)
    return NativeDoors(
        seams=Seams(transport=transport, clock=opening.clock, rng=SystemRng()),
        budgets=_budgets(),
        settings=settings,
        credentials=opening.credentials,
        expected=opening.instruments if opening.credentials is not None else (),
        margins=opening.margins or {},
    )


@cache
def _budgets() -> Budgets:
    """The rate budgets of this process: whoever asks from here shares them."""
    from core.adapters.exchanges.connection.limiter import Budgets
    from core.infrastructure.clock import WallClock

    return Budgets(WallClock())


def _exchange_folders() -> tuple[Path, ...]:
    """Where a file of a venue's addresses may lie: the user's own first, then the shipped ones."""
    return (home().root, config_folder())


def _venue_address(venue: str) -> str:
    """Where a connection to a venue leads first: its proxy, or its requests."""
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
    settings = load_settings(venue, ADDRESSES, _exchange_folders())
    first = settings.urls["tws" if venue == "ibkr" else "rest"]
    return first if settings.proxy is None else str(settings.proxy)


def _ccxt_address(venue: str) -> str:
    """The same of a venue behind the ccxt door; ccxt is asked only where no host is written."""
    from core.adapters.exchanges.ccxt.table import row_of
    from core.adapters.exchanges.settings import load_settings

    files = [folder / "exchanges" / f"{venue}.yaml" for folder in _exchange_folders()]
    host = row_of(venue).host
    if host and not any(path.is_file() for path in files):
        return host
    from core.adapters.exchanges.ccxt.adapter import addresses

    settings = load_settings(venue, addresses(venue), _exchange_folders())
    return settings.urls["rest"] if settings.proxy is None else str(settings.proxy)


def _public_venues(
    plan: BotPlan, request: StartBot
) -> tuple[dict[str, Callable[[], ExchangeInterface]], str]:
    """What makes the venue's adapter for its public prices, or why there is none."""
    from core.adapters.feeds.reach import is_reachable
    from core.infrastructure.clock import WallClock

    if request.feed not in {"auto", "live"} or not _has_adapter(plan.venue):
        return {}, ""
    if request.speed == "max":
        return {}, f"prices of {plan.venue} come as they happen"
    if request.feed == "auto" and not is_reachable(_venue_address(plan.venue)):
        return {}, f"{plan.venue} cannot be reached"
    opening = Opening(clock=WallClock(), instruments=(plan.settings.instrument,))
    return {plan.venue: lambda: venues().create(plan.venue, opening)}, ""


def _own_prices(plan: BotPlan) -> Feed:
    """What stands for prices where the venue tells them itself: nothing is relayed."""
    from core.adapters.feeds.live import LiveFeed
    from core.infrastructure.clock import WallClock

    opening = Opening(clock=WallClock(), instruments=(plan.settings.instrument,))
    return LiveFeed(venues().create(plan.venue, opening), plan.settings.instrument)


def _live_exchange(plan: BotPlan, room: VenueRoom) -> ExchangeInterface:
    """The venue with the keys that are kept for it."""
    from core.adapters.exchanges.native.exchange import Margin

    settings, instrument = plan.settings, plan.settings.instrument
    margins = {}
    if not instrument.is_spot:
        wanted = Margin(leverage=settings.leverage, mode=settings.margin_mode)
        margins[instrument.symbol] = wanted
    opening = Opening(
        clock=room.clock,
        credentials=key_store().credentials(plan.venue),
        instruments=(instrument,),
        margins=margins,
    )
    return venues().create(plan.venue, opening)


def _refuse_other_rules(exchange: ExchangeInterface, instrument: Instrument) -> None:
    """Refuses a second bot whose instrument the running venue does not have so.

    Raises:
        ConfigError: Naming the difference.
    """
    from core.adapters.exchanges.native.exchange import NativeExchange

    if isinstance(exchange, NativeExchange):
        difference = exchange.difference(instrument)
        if difference:
            raise ConfigError(f"{difference}.", key="symbol")


# -- doors ----------------------------------------------------------------------------------------


class Doors:
    """Makes what an engine stands on: SQLite, the embedded venue, the feeds."""

    def read(self, request: StartBot) -> BotPlan:
        """Reads and checks a configuration."""
        from core.engine.doors import BotPlan
        from core.services.execution.tracked import Schedule
        from core.services.risk.limits import tighter

        config = read_grid(request)
        if request.is_live:
            _check_live(config)
        health = config.settings.health
        return BotPlan(
            app=request.app,
            name=config.name,
            venue=config.exchange,
            settings=config.settings,
            limits=tighter(config.risk.limits(), settings().limits),
            schedule=Schedule(
                health_check_s=float(health.interval_s) if health.is_enabled else None,
                position_query_s=float(health.position_query_interval_s),
                position_tolerance=health.position_tolerance,
            ),
            config_json=config.config_json,
            door=config,
            warnings=config.notices,
            is_live=request.is_live,
        )

    def feed(self, plan: BotPlan, request: StartBot, now_ns: int) -> OpenFeed:
        """Opens the prices that were asked for."""
        os.environ.setdefault(*_ONE_THREAD)
        from core.adapters.feeds.factory import FeedOptions, make_feed
        from core.adapters.feeds.recording import RecordingOptions
        from core.adapters.feeds.sim import DEFAULT_START_NS
        from core.engine.doors import OpenFeed

        if plan.is_live:
            return OpenFeed(feed=_own_prices(plan))
        adapters, reason = _public_venues(plan, request)
        feed, notices = make_feed(
            request.feed,
            plan.settings.instrument,
            venue=plan.venue,
            adapters=adapters,
            reason=reason,
            options=FeedOptions(
                seed=request.seed,
                start_ns=now_ns if now_ns > 0 else DEFAULT_START_NS,
                recording=RecordingOptions(
                    symbol=request.symbol,
                    market=request.market,
                    interval=request.interval,
                    direction=plan.settings.entry_side.sign,
                    cache_folder=_tape_folder(),
                ),
            ),
        )
        if request.speed != "max":
            feed = _noted(feed, plan, request, now_ns)
        return OpenFeed(feed=feed, notices=tuple(notices))

    def journal(self, folder: Path, *, is_virtual: bool = False) -> Journal:
        """Opens the journal of an engine."""
        from core.adapters.storage.journal import SqliteJournal
        from core.engine.version import version

        return SqliteJournal(
            folder / JOURNAL, is_inline=is_virtual, is_logged=is_virtual, code_version=version()
        )

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """The venue itself where money is real, else the embedded one in its place."""
        if plan.is_live:
            return _live_exchange(plan, room)
        return _paper_exchange(plan, feed, room, venue_file(room.folder, plan.venue))

    def last_feed(self, folder: Path, bot: BotRow) -> str:
        """The simulation that it saw last, else what stands in for its venue's prices."""
        name = _feed_name(venue_file(folder, bot.venue), bot.symbol)
        return name if name.startswith("sim") else "auto"

    def add_market(self, exchange: ExchangeInterface, plan: BotPlan, feed: OpenFeed) -> None:
        """Gives the running embedded venue the prices of another symbol."""
        from core.adapters.exchanges.paper.adapter import PaperExchange

        if isinstance(exchange, PaperExchange):
            exchange.add_market(plan.settings.instrument, feed.feed)
        elif plan.is_live:
            _refuse_other_rules(exchange, plan.settings.instrument)


def _tape_folder() -> Path:
    """Where converted recordings go beside which nothing can be written."""
    from core.adapters.feeds.tape import SHARED_FOLDER

    return home().root / "cache" / SHARED_FOLDER


def _noted(feed: Feed, plan: BotPlan, request: StartBot, now_ns: int) -> Feed:
    """Notes which prices a bot in real time gets; a live feed's are kept when that was asked."""
    from typing import cast

    from core.adapters.feeds.kept import RowKeeper
    from core.engine.provenance import Provenance, add_life, rows_file
    from core.services.ports import FeedKind, PushFeed

    folder = home().mode_folder("paper") / PRICES
    keeps = request.is_recorded and feed.kind is FeedKind.LIVE
    add_life(folder, plan.name, Provenance.of(request, start_ns=now_ns, has_rows=keeps))
    return RowKeeper(cast("PushFeed", feed), rows_file(folder, plan.name)) if keeps else feed


def venue_file(folder: Path, venue: str) -> Path:
    """The embedded venue's own file: one account for each venue that it stands in for."""
    return folder / ("venue.db" if venue == EMBEDDED else f"venue-{venue}.db")


def _paper_exchange(
    plan: BotPlan, feed: OpenFeed, room: VenueRoom, path: Path | None
) -> PaperExchange:
    """The embedded venue; without a path it lives in memory alone."""
    import random

    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.infrastructure.clock import VirtualClock

    is_virtual = isinstance(room.clock, VirtualClock)
    paper = _paper_settings(plan.door)
    instrument = plan.settings.instrument
    exchange = PaperExchange(
        venue=plan.venue,
        instruments=(instrument,),
        feeds={instrument.symbol: feed.feed},
        clock=room.clock,
        settings=paper,
        path=path,
        is_durable=not is_virtual,
        is_logged=is_virtual and path is not None,
        rng=random.Random(paper.seed) if is_virtual else random.SystemRandom(),
    )
    if is_virtual:
        exchange.set_horizon(room.horizon)
    return exchange


def _paper_settings(door: object) -> PaperSettings:
    from core.adapters.exchanges.paper.settings import PaperSettings
    from core.domain.matching import FillRule
    from core.services.grid.config import GridBotConfig

    assert isinstance(door, GridBotConfig)  # noqa: S101 # made by `Doors.read`
    block = door.paper
    return PaperSettings(
        initial_balance=block.initial_balance,
        latency_ms=block.latency_ms,
        fill=None if block.fill is None else FillRule(block.fill),
        profile=block.profile,
        funding_rate=block.funding_rate,
        seed=block.seed,
    )


# -- engines --------------------------------------------------------------------------------------


async def connect_or_start(place: Home, mode: str, *, is_debug: bool = False) -> EngineClient:
    """The engine of a mode, started when none runs."""
    from core.engine.spawn import connect_or_start as connect

    return await connect(place, mode, is_debug=is_debug)


async def connect(place: Home, mode: str) -> EngineClient:
    """The engine of a mode that runs already; raises `NoEngine` where there is none."""
    from core.engine.client import EngineClient

    return await EngineClient.connect(place, mode)


def config_folder() -> Path:
    """Where the configuration that comes with ctos lies."""
    from core.adapters.exchanges.paper.instruments import find_config_dir

    return find_config_dir()


def run_foreground(request: StartBot, teller: RunTeller, *, is_debug: bool = False) -> int:
    """Runs a bot in this process in real time; gives the exit code."""
    from core.engine.runs import run_foreground as run

    mode = "live" if request.is_live else "paper"
    with setting(mode, is_debug=is_debug) as found:
        return run(found, request, teller)


def run_virtual(request: StartBot, teller: RunTeller, *, is_debug: bool = False) -> int:
    """Runs a bot on virtual time; gives the exit code."""
    from core.engine.runs import run_virtual as run

    place = home()
    with logs(place, is_debug=is_debug):
        return run(place, Doors(), request, teller)


# -- backtests ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestData:
    """The prices of a backtest."""

    paths: tuple[Path, ...]
    from_ns: int | None = None
    to_ns: int | None = None
    """The first moment that no longer belongs to it."""
    keeps_columns: bool = True
    """Whether converted columns are kept for the next time."""


class BacktestDoors(Doors):
    """Doors of a run that leaves nothing behind: everything is in memory, and it is listened to.

    Args:
        open_feed: Opens its prices, once.
        record: Hears who the bot is and what its account holds.
    """

    def __init__(
        self, open_feed: Callable[[BotPlan, StartBot], OpenFeed], record: RunRecord
    ) -> None:
        self._open_feed = open_feed
        self._record = record
        self._plan: BotPlan | None = None
        self._feed: OpenFeed | None = None

    def read(self, request: StartBot) -> BotPlan:
        """Reads the configuration once."""
        if self._plan is None:
            self._plan = super().read(request)
        return self._plan

    def feed(self, plan: BotPlan, request: StartBot, now_ns: int) -> OpenFeed:
        """Opens the prices once."""
        if self._feed is None:
            os.environ.setdefault(*_ONE_THREAD)
            self._feed = self._open_feed(plan, request)
        return self._feed

    def journal(self, folder: Path, *, is_virtual: bool = False) -> Journal:  # no folder
        """In memory."""
        from core.adapters.storage.memory import MemoryJournal

        return MemoryJournal(self._record.bot)

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """The embedded venue in memory."""
        exchange = _paper_exchange(plan, feed, room, None)
        exchange.watch_worth(self._record.worth)
        return exchange


def backtest(
    request: StartBot, data: BacktestData, *, by_kernel: bool = False, is_debug: bool = False
) -> BacktestReport:
    """Runs a bot over recorded prices and measures what it did.

    Args:
        request: The bot.
        data: Its prices.
        by_kernel: Whether a grid that the sweep's kernel can do exactly is run by it; else, and
            otherwise, the engine runs it.
        is_debug: Log everything.

    Raises:
        ConfigError: If the file, or what was asked beside it, is wrong.
        FeedError: If the data cannot be trusted, or do not cover what was asked for.
        CtosError: If the bot failed.
    """
    from core.engine.runs import run_apart
    from core.services.backtest.record import RunRecord
    from core.services.backtest.report import make_report

    record = RunRecord()
    doors = BacktestDoors(lambda plan, asked: open_data(plan, asked, data), record)
    with logs(home(), is_debug=is_debug):
        plan = doors.read(request)
        feed = doors.feed(plan, request, -1)
        known = _record_of_kernel(plan, feed, record) if by_kernel else None
        exit_code = 0 if known is not None else run_apart(doors, request, record)
    record = record if known is None else known
    if not record.summary:
        raise CtosError(record.closing or "the run ended without a result.")
    return make_report(_run_setting(plan, feed), record, exit_code)


def _record_of_kernel(plan: BotPlan, feed: OpenFeed, told: RunRecord) -> RunRecord | None:
    """The run by the kernel; None, and a notice why, where it belongs to the engine."""
    from typing import cast

    from core.adapters.exchanges.paper.profiles import profile_of
    from core.services.backtest.compiling import keep_code_in

    keep_code_in(home().root / "cache" / "code")
    from core.services.backtest.kernel_record import record_by_kernel
    from core.services.backtest.sweep_case import BelongsToEngine

    config = cast("GridBotConfig", plan.door)
    profile = profile_of(config.paper.profile or config.exchange)
    try:
        found = record_by_kernel(config, plan.limits, feed.feed, most=profile.orders_per_minute)
    except BelongsToEngine as reason:
        told.notice(f"run by the engine: {reason}.")
        return None
    for notice in feed.notices:
        found.notice(notice)
    return found


def _run_setting(plan: BotPlan, feed: OpenFeed) -> RunSetting:
    from core.adapters.exchanges.paper.schedule import FundingSchedule, settlements
    from core.services.backtest.report import RunSetting

    paper = _paper_settings(plan.door)
    instrument = plan.settings.instrument
    due: list[FundingRow] = []
    if not instrument.is_spot:
        schedule = FundingSchedule(instrument, paper.funding_rate, feed.feed.funding())
        due = settlements(schedule, feed.feed.first_ns or 0, feed.feed.last_ns or 0)
    return RunSetting(
        bot=plan.name,
        grid_type=plan.settings.grid_type.value,
        instrument=instrument,
        feed=feed.feed,
        rule=paper.fill_rule(has_book=feed.feed.has_book),
        latency_ms=paper.latency_ms,
        initial_balance=paper.initial_balance,
        fixed_funding=paper.funding_rate,
        settlements=due,
    )


def open_data(plan: BotPlan, request: StartBot, data: BacktestData) -> OpenFeed:
    """The recording of a backtest, cut to the time that was asked for."""
    from core.adapters.feeds.recording import RecordingOptions, open_recording
    from core.adapters.feeds.window import Window
    from core.engine.doors import OpenFeed

    options = RecordingOptions(
        symbol=request.symbol,
        market=request.market,
        interval=request.interval,
        direction=plan.settings.entry_side.sign,
        cache=None if data.keeps_columns else False,
        cache_folder=_tape_folder(),
    )
    recording = open_recording(data.paths, plan.settings.instrument, options)
    if data.from_ns is None and data.to_ns is None:
        return OpenFeed(feed=recording, notices=recording.warnings)
    window = Window(recording, data.from_ns, data.to_ns)
    return OpenFeed(feed=window, notices=recording.warnings)


# -- sweeps ---------------------------------------------------------------------------------------


INTERPRETED_ROWS: Final = 500_000
"""So many rows, over all sets, take less time than compiling the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepWish:
    """What a sweep is asked."""

    grids: tuple[str, ...]
    """Parameters with their values, as typed."""
    objective: str
    is_engine: bool = False
    workers: int | None = None
    """None for as many as there are processors."""
    cluster: str | None = None
    """Address of a Dask scheduler."""
    folds: int = 0
    """Of walk-forward; 0 for none."""
    is_resumed: bool = False


class SweepWorkshop:
    """What a worker of a sweep needs, from this module."""

    def __init__(self) -> None:
        self._limits = settings().limits
        self._instruments: dict[str, Instrument] = {}
        """Of what was asked: a venue's file is read once, not for every set."""

    def config(self, document: Document) -> GridBotConfig:
        """Checks a document."""
        from core.services.grid.config import load_grid

        return load_grid(document, self._instrument)

    def _instrument(self, venue: str, symbol: str, overrides: Mapping[str, Any]) -> Instrument:
        asked = repr((venue, symbol, sorted(overrides.items(), key=str)))
        found = self._instruments.get(asked)
        if found is None:
            found = self._instruments[asked] = find_instrument(venue, symbol, overrides)
        return found

    def limits(self, config: GridBotConfig) -> Limits:
        """What risk would be told: the tighter of both files."""
        from core.services.risk.limits import tighter

        return tighter(config.risk.limits(), self._limits)

    def requests_per_minute(self, config: GridBotConfig) -> int | None:
        """What the venue takes that paper stands in for; None for any number."""
        from core.adapters.exchanges.paper.profiles import profile_of

        return profile_of(config.paper.profile or config.exchange).orders_per_minute

    def doors(self, feed: Feed, record: RunRecord) -> Doors:
        """Doors of a run in memory."""
        from core.engine.doors import OpenFeed

        return BacktestDoors(lambda _plan, _request: OpenFeed(feed=feed), record)

    def recording(self, config: GridBotConfig, job: SweepJob, window: Window) -> Feed:
        """A piece of the data, read anew."""
        return _sweep_feed(config, job, window)


def count_sets(grids: tuple[str, ...]) -> int:
    """How many sets of parameters `--grid` options make.

    Raises:
        ConfigError: For what is no parameter.
    """
    from core.services.backtest.grid_space import read_space

    return read_space(grids).count


def sweep(
    request: StartBot,
    data: BacktestData,
    wish: SweepWish,
    on_progress: Callable[[int, int], None],
    notice: Callable[[str], None] = lambda _: None,
) -> Ranking:
    """Runs a grid with every set of parameters over recorded prices.

    Raises:
        ConfigError: If the file, or what was asked beside it, is wrong, or no set is a grid.
        FeedError: If the data cannot be trusted, or do not cover what was asked for.
        ExtraMissing: Without what the kernel or the cluster needs.
        CtosError: If a worker failed; `is_resumed` goes on from there.
    """
    os.environ.setdefault(*_ONE_THREAD)
    from core.adapters.compute.processes import LocalProcesses, processors
    from core.services.backtest.compiling import demand_compiler, interpret, keep_code_in
    from core.services.backtest.grid_space import read_space

    code = home().root / "cache" / "code"
    keep_code_in(code)
    if not wish.is_engine:
        demand_compiler()
    space = read_space(wish.grids)
    job = _sweep_job(request, data, space, wish)
    is_alone = wish.cluster is None and wish.workers in {None, 1}
    is_small = is_alone and _rows_of(job) * space.count <= INTERPRETED_ROWS
    if not wish.is_engine and not code.is_dir():
        if is_small:
            interpret()
        else:
            notice("The kernel is compiled first; that is done once for each version of ctos.")
    with _sweep_store(job, wish) as store:
        if wish.cluster is not None:
            from core.adapters.compute.dask_cluster import DaskCluster

            cluster = DaskCluster(wish.cluster, sweep_batch, _with_rows(job))
            try:
                return _ranked(space, cluster, store, wish, on_progress)
            finally:
                cluster.close()
        workers = min(wish.workers or (1 if is_small else processors()), space.count)
        local = LocalProcesses(partial(sweep_batch, job), workers)
        return _ranked(space, local, store, wish, on_progress)


def _ranked(
    space: Space,
    pool: Pool,
    store: SweepStore,
    wish: SweepWish,
    on_progress: Callable[[int, int], None],
) -> Ranking:
    from core.services.backtest.sweep import rank, run_sweep

    if not wish.is_engine and pool.workers > 1:
        from core.services.backtest.kernel_run import warm_up

        warm_up()
    ranking = rank(run_sweep(space, pool, store, on_progress), wish.objective)
    if not ranking.rows:
        raise ConfigError(f"no set is a grid. {ranking.refused[0][1]}")
    store.remove()
    return ranking


def sweep_batch(job: SweepJob, batch: Batch) -> Found:
    """Runs some sets of a sweep; called by its name in workers."""
    import logging

    from core.engine.sweeping import run_batch
    from core.services.backtest.compiling import keep_code_in

    logging.getLogger("core").addHandler(logging.NullHandler())
    logging.getLogger("core").propagate = False
    keep_code_in(home().root / "cache" / "code")
    return run_batch(job, batch, _workshop())


@cache
def _workshop() -> SweepWorkshop:
    """One for all sets of a process."""
    return SweepWorkshop()


def _sweep_job(request: StartBot, data: BacktestData, space: Space, wish: SweepWish) -> SweepJob:
    """What all sets share: the file's block, and the prices made ready."""
    from core.infrastructure.config import parse_yaml
    from core.services.backtest.sweep_job import SweepJob
    from core.services.backtest.sweep_tape import Window, keep_tape
    from core.services.backtest.walk_forward import spans
    from core.services.grid.keys import ROOT
    from core.services.ports import FeedKind

    document = parse_yaml(request.text, request.path)
    block = document.get((ROOT,))
    if not isinstance(block, dict):
        raise document.error(f"has no `{ROOT}:` block.")
    whole = Window(from_ns=data.from_ns, to_ns=data.to_ns)
    job = SweepJob(
        source=request.path,
        block=block,
        tapes={},
        windows=(whole,),
        is_engine=wish.is_engine,
        paths=data.paths,
        symbol=request.symbol,
        market=request.market,
        interval=request.interval,
    )
    config = _first_grid(job, space)
    feed = _sweep_feed(config, job, whole)
    times = spans(feed.first_ns or 0, feed.last_ns or 0, wish.folds) if wish.folds else ()
    if feed.has_book:
        return replace(job, windows=(whole, *times))
    folder = home().root / "cache" / "tapes"
    direction = config.settings.entry_side.sign
    tapes = {direction: keep_tape(feed, folder)}
    if feed.kind is FeedKind.CANDLES:
        other = _sweep_feed(config, job, whole, direction=-direction)
        tapes[-direction] = keep_tape(other, folder)
    return replace(job, tapes=tapes, windows=(Window(), *times))


def _rows_of(job: SweepJob) -> int:
    """Rows that each set meets; none that count where the engine runs them all."""
    from core.services.backtest.sweep_tape import open_tape

    tapes = (tape for tape in job.tapes.values() if isinstance(tape, Path))
    return max((open_tape(tape).rows for tape in tapes), default=0) * len(job.windows)


def _first_grid(job: SweepJob, space: Space) -> GridBotConfig:
    """The first set that is a grid: it says what is traded.

    Raises:
        ConfigError: Of the first set, if none is.
    """
    from core.services.backtest.sweep_job import document_of

    workshop, first = SweepWorkshop(), None
    for params in space.sets():
        try:
            return workshop.config(document_of(job, params))
        except ConfigError as error:
            first = first or error
    raise first or ConfigError("a sweep needs at least one set.")


def _sweep_feed(
    config: GridBotConfig, job: SweepJob, window: Window, *, direction: int | None = None
) -> Feed:
    """The recording, cut to a piece of time."""
    from core.adapters.feeds.recording import RecordingOptions, open_recording
    from core.adapters.feeds.window import Window as Cut

    options = RecordingOptions(
        symbol=job.symbol,
        market=job.market,
        interval=job.interval,
        direction=config.settings.entry_side.sign if direction is None else direction,
    )
    recording = open_recording(job.paths, config.settings.instrument, options)
    if window.from_ns is None and window.to_ns is None:
        return recording
    return Cut(recording, window.from_ns, window.to_ns)


def _with_rows(job: SweepJob) -> SweepJob:
    """A job that carries its prices, for workers that share no folder with this machine."""
    from core.services.backtest.sweep_tape import open_tape

    tapes = {
        direction: open_tape(tape) if isinstance(tape, Path) else tape
        for direction, tape in job.tapes.items()
    }
    return replace(job, tapes=tapes)


@contextmanager
def _sweep_store(job: SweepJob, wish: SweepWish) -> Iterator[SweepStore]:
    """Where results are kept meanwhile: one place for each file, prices and way of running."""
    from core.engine.version import version
    from core.services.backtest.sweep_store import SweepStore, digest_of

    name = digest_of(
        version(),
        job.block,
        {direction: str(tape) for direction, tape in job.tapes.items()},
        [(str(path), path.stat().st_mtime_ns) for path in job.paths if not job.tapes],
        [(window.from_ns, window.to_ns) for window in job.windows],
        job.is_engine,
    )
    store = SweepStore(home().root / "sweeps" / f"{name}.jsonl", is_resumed=wish.is_resumed)
    try:
        yield store
    finally:
        store.close()


def write_ranking(ranking: Ranking, path: Path) -> None:
    """Writes all rows of a sweep as Parquet.

    Raises:
        ExtraMissing: Without pyarrow.
        ConfigError: If the file cannot be written.
    """
    from core.adapters.storage.tables import write_parquet
    from core.services.backtest.sweep_table import table_of

    write_parquet(path, table_of(ranking), about={"objective": ranking.objective})


# -- keys of live accounts ------------------------------------------------------------------------


def key_store() -> KeyStore:
    """The keys of every venue, wherever they are kept."""
    from core.adapters.keys.store import KeyStore

    return KeyStore(os.environ, home().root / "keys")


def key_fields(venue: str) -> list[tuple[str, str, bool]]:
    """What a venue wants: name, how to ask for it, whether it is a secret."""
    import difflib

    from core.adapters.keys.fields import FIELDS, fields_of
    from core.adapters.keys.places import check_venue

    check_venue(venue)
    known = sorted({*FIELDS, *venues().names})
    if venue not in known and not venue.startswith(CCXT):
        near = difflib.get_close_matches(venue, known, n=1)
        raise ConfigError(
            f"there is no venue {venue!r}; known are: {', '.join(known)}, and {CCXT}NAME.",
            source="arguments",
            remedy=f"Did you mean {near[0]!r}?" if near else None,
        )
    return [(item.name, item.asks, item.is_secret) for item in fields_of(venue)]


def keep_keys(venue: str, values: Mapping[str, str], *, store: str) -> str:
    """Keeps a venue's keys; gives the name of the place.

    Args:
        venue: Whose.
        values: Field -> value.
        store: `keyring`, `file`, or `auto` for the keyring where there is one that encrypts.

    Raises:
        ConfigError: If a value is missing or cannot be right, or the place cannot be used.
    """
    home().ensure()
    found = key_store()
    place = found.keyring
    if store == "file" or (store == "auto" and place.why_not is not None):
        found.keep(venue, values, found.file)
        return found.file.name
    found.keep(venue, values, place)
    return place.name


def key_entries() -> list[KeyEntry]:
    """What is kept where, without any value."""
    return key_store().entries()


def remove_keys(venue: str) -> list[str]:
    """Removes a venue's keys; gives the names of the places that had some."""
    return key_store().remove(venue)


def parity(
    place: Home, name: str, *, is_paper: bool = False, is_debug: bool = False
) -> ParityReport:
    """Replays what a bot did on paper, and lays both side by side.

    Args:
        place: Where the data is.
        name: A run of `--speed max`, or a bot that traded in real time.
        is_paper: Whether the bot is meant where a run has the same name.
        is_debug: Log everything.

    Raises:
        ConfigError: If there is neither.
        FeedError: If its prices were not kept, or have changed.
    """
    import tempfile

    from core.services.backtest.parity import compare
    from core.services.backtest.record import RunRecord
    from core.services.backtest.snapshot import ParityReport

    folder = place.root / "runs" / name
    is_run = not is_paper and (folder / JOURNAL).is_file()
    if not is_run:
        folder = place.root / "paper"
    if not (folder / JOURNAL).is_file():
        raise _nothing_recorded(place, name)
    with tempfile.TemporaryDirectory(prefix="ctos-parity-") as temporary:
        past = _past(folder, Path(temporary), name)
        if past is None:
            raise _nothing_recorded(place, name)
        request, open_feed, notices = _replay_of(past, folder, name, is_run=is_run)
        record = RunRecord()
        from core.engine.runs import run_apart

        with logs(place, is_debug=is_debug):
            run_apart(BacktestDoors(open_feed, record), request, record)
    if not record.summary:
        raise CtosError(record.closing or "the replay ended without a result.")
    return ParityReport(
        bot=name,
        source="run" if is_run else "paper",
        feed=str(dict(record.summary)["feed"]),
        orders=compare(past.executions, record.executions()),
        notices=(*notices, *record.notices),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What a journal and a venue's file say of a bot."""

    config: str
    executions: list[Execution]
    feed: str
    """Name of its prices."""
    rows: int
    """Rows of the feed that the venue had taken in."""
    has_flattened: bool


def _past(folder: Path, copies: Path, name: str) -> _Past | None:
    """Reads copies of both files; None where nobody of this name traded."""
    import json

    from core.adapters.storage.copying import copy_database
    from core.adapters.storage.history import SqliteHistory
    from core.services.backtest.parity import Part, executions

    for path in (*folder.glob("venue*.db"), folder / JOURNAL):
        copy_database(path, copies / path.name)
    journal = Doors().journal(copies, is_virtual=True)
    try:
        bots = [row for row in journal.bots() if row.name == name]
        if not bots:
            return None
        bot = bots[-1]
        lines = journal.diary(bot.bot_id, -1)
    finally:
        journal.close()
    profits: dict[tuple[str, str], str] = {}
    legs: set[str] = set()
    for line in lines:
        if line.event == "order.filled":
            fields = json.loads(line.fields)
            legs.add(fields["leg"])
            if fields.get("round_trip") is not None:
                profits[fields["client_order_id"], fields["trade_id"]] = fields["round_trip"]
    history = SqliteHistory(copies / JOURNAL)
    try:
        fills = history.fills(bot.bot_id)
    finally:
        history.close()
    feed, rows = _feed_place(venue_file(copies, bot.venue), bot.symbol)
    return _Past(
        config=bot.config,
        executions=executions(
            (
                Part(
                    client_order_id=row.client_order_id,
                    trade_id=row.trade_id,
                    side=row.side,
                    price=Decimal(row.price),
                    amount=Decimal(row.amount),
                    fee=Decimal(row.fee_quote),
                    profit=Decimal(profits.get((row.client_order_id, row.trade_id), "0")),
                )
                for row in fills
            ),
            bot.order_prefix,
        ),
        feed=feed,
        rows=rows,
        has_flattened="flatten" in legs,
    )


def _replay_of(
    past: _Past, folder: Path, name: str, *, is_run: bool
) -> tuple[StartBot, Callable[[BotPlan, StartBot], OpenFeed], tuple[str, ...]]:
    """How to start it again, its prices, and what a person should know."""
    from core.engine.doors import OpenFeed
    from core.engine.protocol import StartBot
    from core.engine.provenance import read_lives, read_run, rows_file

    notices: tuple[str, ...] = ()
    if is_run:
        found = read_run(folder)
    else:
        lives = read_lives(folder / PRICES, name)
        found = lives[0] if lives else None
        if len(lives) > 1:
            notices = (f"{name} was started {len(lives)} times; it is replayed as one run.",)
    if found is None:
        raise FeedError(
            f"nobody noted the prices of {name}.", remedy="Runs from now on can be replayed."
        )
    found.refuse_changed()
    request = StartBot(
        app="grid",
        path=f"{name}.yaml",
        text=past.config if is_run else _kept_open(past),
        feed=found.feed,
        speed="max",
        seed=found.seed,
        duration_s=found.duration_s if is_run else None,
        symbol=found.symbol,
        market=found.market,
        interval=found.interval,
    )

    def open_feed(plan: BotPlan, asked: StartBot) -> OpenFeed:
        from core.adapters.feeds.kept import KeptFeed
        from core.adapters.feeds.window import Rows

        if found.has_rows:
            opened = OpenFeed(feed=KeptFeed(rows_file(folder / PRICES, name), past.feed))
        elif past.feed == "live":
            raise FeedError(
                f"{name} traded on live prices, which were not kept.",
                remedy="Start it with --record.",
            )
        else:
            opened = Doors().feed(plan, asked, found.start_ns)
        if is_run:
            return opened
        return OpenFeed(feed=Rows(opened.feed, past.rows), notices=opened.notices)

    return request, open_feed, notices


def _kept_open(past: _Past) -> str:
    """The configuration; where nothing was flattened the replay flattens nothing at its end."""
    import json

    document: dict[str, Any] = json.loads(past.config)
    if not past.has_flattened:
        for block in document.values():
            if isinstance(block, dict):
                block.pop("exit_cleanup_enabled", None)
                block["on_exit"] = "keep"
    return json.dumps(document)


def _nothing_recorded(place: Home, name: str) -> ConfigError:
    runs = place.root / "runs"
    known = sorted(path.name for path in runs.iterdir()) if runs.is_dir() else []
    shown = f"Runs: {', '.join(known[:20])}." if known else None
    return ConfigError(
        f"there is no run and no paper bot named {name[:64]!r}.", source="arguments", remedy=shown
    )


def _feed_place(path: Path, symbol: str) -> tuple[str, int]:
    """The name of a feed, and how many of its rows the venue has taken in."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute(
            "SELECT name, feed_row FROM feeds WHERE symbol = ?", (symbol,)
        ).fetchone()
    return ("none", 0) if row is None else (str(row[0]), int(row[1]))


# -- after the end --------------------------------------------------------------------------------


def left_behind(place: Home, name: str) -> BotRow | None:
    """A bot of this name that is not closed for good; None where none is, or an engine runs.

    Raises:
        JournalError: If a journal cannot be read.
    """
    from core.engine.offline import left_behind as look

    return look(place, name, Doors().journal)


def engine_pid(place: Home, mode: str) -> int | None:
    """The process that holds the lease of a mode; None when nobody does."""
    from core.engine.offline import holder_of

    return holder_of(place, mode)


async def end_process(place: Home, mode: str, pid: int) -> None:
    """Ends an engine that hangs, and waits until its lease is free."""
    from core.engine.offline import end_process as end

    await end(place, mode, pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What a kill without an engine did."""

    lines: tuple[str, ...]
    exit_code: ExitCode


async def kill_offline(place: Home, mode: str, stage: KillStage) -> Killed:
    """Latches the halt in the journal while no engine runs, and cancels at the venue.

    Raises:
        LeaseHeld: If an engine has started meanwhile.
    """
    from core.engine.offline import kill

    lines, is_clean = await kill(place, mode, stage, Doors().journal, _resting)
    return Killed(lines=lines, exit_code=ExitCode.OK if is_clean else ExitCode.UNCLEAN)


def _resting(folder: Path, bot: BotRow) -> ExchangeInterface:
    """The venue to cancel at what rests there: itself, or the embedded one at a standstill.

    The instrument is made up in steps so fine that every price and amount is a multiple of them:
    cancelling needs no more of it, and no file is read.
    """
    import random
    from decimal import Decimal

    from core.adapters.exchanges.models import ExchangeType, Instrument
    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.adapters.exchanges.paper.settings import PaperSettings
    from core.engine.standstill import Standstill
    from core.infrastructure.clock import WallClock

    if bot.mode == "live":
        credentials = key_store().credentials(bot.venue)
        return venues().create(bot.venue, Opening(clock=WallClock(), credentials=credentials))
    path = venue_file(folder, bot.venue)
    base, _, rest = bot.symbol.partition("-")
    instrument = Instrument(
        symbol=bot.symbol,
        venue=bot.venue,
        market_type=ExchangeType.SPOT if bot.symbol.endswith("-SPOT") else ExchangeType.PERPETUAL,
        base=base,
        quote=rest.partition("-")[0] or "USDC",
        tick_size=Decimal("1E-12"),
        lot_size=Decimal("1E-12"),
    )
    return PaperExchange(
        venue=bot.venue,
        instruments=(instrument,),
        feeds={bot.symbol: Standstill(_feed_name(path, bot.symbol))},
        clock=WallClock(),
        settings=PaperSettings(latency_ms=0),
        path=path,
        rng=random.SystemRandom(),
    )


def _feed_name(path: Path, symbol: str) -> str:
    """The feed whose place the venue's file keeps."""
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT name FROM feeds WHERE symbol = ?", (symbol,))
            row = found.fetchone()
    except sqlite3.Error:
        return "none"
    return "none" if row is None else str(row[0])


def audit(place: Home, mode: str, *, name: str | None, run: str | None) -> AuditReport:
    """Holds journal, books and venue against each other, on copies of them.

    Args:
        place: Where the data is.
        mode: `paper` or `live`.
        name: One bot; all when None.
        run: A run on virtual time instead of a mode.

    Raises:
        CtosError: If there is no such bot or run, or a file cannot be read.
    """
    import asyncio
    import tempfile

    from core.adapters.storage.copying import copy_database
    from core.adapters.storage.history import SqliteHistory
    from core.engine.inspection import ON_ITS_WAY_NS, Bench
    from core.engine.inspection import audit as look
    from core.engine.offline import holder_of
    from core.infrastructure.clock import WallClock
    from core.services.audit.snapshot import AuditReport

    folder = _journal_folder(place, mode, run)
    if folder is None:
        return AuditReport(findings=())
    is_running = run is None and holder_of(place, mode) is not None
    with tempfile.TemporaryDirectory(prefix="ctos-audit-") as temporary:
        copies = Path(temporary)
        settled_ns = WallClock().now_ns() - ON_ITS_WAY_NS if is_running else 2**63 - 1
        for path in (*folder.glob("venue*.db"), folder / JOURNAL):
            copy_database(path, copies / path.name)
        Doors().journal(copies, is_virtual=run is not None).close()
        history = SqliteHistory(copies / JOURNAL)
        try:
            bench = Bench(
                history=history,
                open_venue=lambda bot: _resting(copies, bot),
                instrument=_instrument_of,
                books=_books_of,
                settled_ns=settled_ns,
            )
            return asyncio.run(look(bench, name))
        finally:
            history.close()


def explain(
    place: Home, mode: str, order: str, *, bot: str | None, run: str | None
) -> Explanation | None:
    """Why an order was made and what came of it, read from a copy of the journal.

    Args:
        place: Where the data is.
        mode: `paper` or `live`.
        order: Our id, or the venue's.
        bot: Name of its bot, where the venue's id is that of several.
        run: A run on virtual time instead of a mode.

    Returns:
        None where the journal of this mode knows no such order, or is not there.

    Raises:
        CtosError: If there is no such run, several orders have the id, or a file cannot be read.
    """
    import tempfile

    from core.adapters.storage.copying import copy_database
    from core.services.execution.explanation import UnknownOrder
    from core.services.execution.explanation import explain as look

    folder = _journal_folder(place, mode, run)
    if folder is None:
        return None
    with tempfile.TemporaryDirectory(prefix="ctos-why-") as temporary:
        copies = Path(temporary)
        copy_database(folder / JOURNAL, copies / JOURNAL)
        journal = Doors().journal(copies, is_virtual=True)
        try:
            return look(journal, order, bot)
        except UnknownOrder:
            return None
        finally:
            journal.close()


def _journal_folder(place: Home, mode: str, run: str | None) -> Path | None:
    """Where the journal of a mode or of a run is; None for a mode that never traded.

    Raises:
        ConfigError: For a run that is not there.
    """
    folder = place.mode_folder(mode) if run is None else place.root / "runs" / run
    if (folder / JOURNAL).is_file():
        return folder
    if run is not None:
        raise ConfigError(f"there is no run {run[:64]!r}.", source="arguments", key="--run")
    return None


def _grid_of(bot: BotRow) -> GridBotConfig | None:
    from core.services.grid.config import parse_grid

    try:
        return parse_grid(bot.config, f"{bot.name} in the journal", find_instrument)
    except ConfigError:
        return None


def _instrument_of(bot: BotRow) -> Instrument:
    """The rules under which a bot traded; those of today where its configuration is unreadable."""
    config = _grid_of(bot)
    return (
        find_instrument(bot.venue, bot.symbol, {}) if config is None else config.settings.instrument
    )


def _books_of(bot: BotRow, state: dict[str, str]) -> Books | None:
    from core.services.grid.audited import books_of

    config = _grid_of(bot)
    return None if config is None or not state else books_of(config.settings, state)


# -- venues and this machine, looked at ------------------------------------------------------------

_EXTRAS: Final = (
    ("hyperliquid", ("hyperliquid",), "Hyperliquid's signatures at speed"),
    ("ibkr", ("ib_async", "ib_insync"), "stocks and currencies at Interactive Brokers"),
    ("keyring", ("keyring",), "keys in the system's own store"),
    ("data", ("pyarrow",), "recordings as Parquet"),
    ("fast", ("numba",), "sweeps at the speed of the machine"),
    ("cluster", ("distributed",), "sweeps on several machines"),
)
"""Extra, packages of which one is enough, what it is needed for."""


def venue_table() -> list[VenueAbout]:
    """Every venue that ctos knows, with what can be done there now; nothing of any is loaded."""
    from core.adapters.exchanges.about import known_venues
    from core.adapters.exchanges.facts import FACTS

    return known_venues(FACTS, {*venues().names, EMBEDDED})


def venue_fields() -> list[dict[str, object]]:
    """The table of venues as JSON values."""
    from core.adapters.exchanges.about import as_json

    return [as_json(row) for row in venue_table()]


def examine_machine() -> Examination:
    """Whether ctos can run here: folders, files, disk, clock, journals, engines, keys, extras."""
    from core.engine.premises import look
    from core.services.doctor.snapshot import Examination

    place = home()
    looked = look(place, _EXTRAS)
    return Examination(checks=(*looked[:4], *_examine_files(place), *_examine_setup(), *looked[4:]))


def _examine_files(place: Home) -> list[Check]:
    from core.adapters.storage.integrity import inspect
    from core.infrastructure.home import MODES
    from core.services.doctor import premises as judge

    found = []
    for mode in MODES:
        path = place.root / mode / JOURNAL
        rows, fault = 0, None
        if path.is_file():
            try:
                rows = inspect(path, counts_orders=True)
            except CtosError as error:
                fault = error
        found.append(judge.journal(mode, exists=path.is_file(), fault=fault, rows=rows))
    for path in sorted((place.root / "paper").glob("venue*.db")):
        fault = None
        try:
            inspect(path)
        except CtosError as error:
            fault = error
        found.append(judge.account_file(path.stem, fault))
    return found


def _examine_setup() -> list[Check]:
    from core.services.doctor import premises as judge

    faults: list[ConfigError | None] = []
    for read in (check_environment, settings):
        try:
            read()
            faults.append(None)
        except ConfigError as error:
            faults.append(error)
    kept = [
        judge.KeptKeys(venue=entry.venue, place=entry.place, fault=entry.fault)
        for entry in key_entries()
        if not entry.is_hidden
    ]
    return [
        judge.environment(faults[0]),
        judge.settings(config_file().name, faults[1]),
        judge.keys(kept),
    ]


def examine_venue(venue: str, *, market: str | None = None) -> Examination:
    """Asks a venue, with the keys that are kept for it, whether one could trade there now.

    Questions alone: nothing is ordered, set or written.

    Args:
        venue: Its name.
        market: `spot` or `perpetual`, where the venue has both apart.

    Raises:
        ConfigError: For a venue that nobody knows, or settings of it that cannot be right.
    """
    import asyncio

    from core.engine.checkup import examine
    from core.errors import ExtraMissing
    from core.services.doctor.snapshot import Examination, fail

    if venue == EMBEDDED:
        return examine_machine()
    try:
        visit = _visit(venue, market)
    except ExtraMissing as error:
        check = fail("venue.adapter", error.message, error.remedy, error.exit_code)
        return Examination(checks=(check,))
    return Examination(checks=tuple(asyncio.run(examine(visit))))


def _visit(venue: str, market: str | None) -> Visit:
    from core.adapters.exchanges.about import CCXT_PREFIX, known_venues
    from core.adapters.exchanges.facts import FACTS
    from core.engine.checkup import Visit
    from core.errors import AuthError
    from core.infrastructure.clock import WallClock

    credentials, fault = None, None
    try:
        credentials = key_store().credentials(venue)
    except AuthError:
        pass
    except ConfigError as error:
        fault = error
    opening = Opening(clock=WallClock(), credentials=credentials, market=market or "perpetual")
    _has_adapter(venue)  # registers what ccxt knows
    exchange = venues().create(venue, opening)
    plain_name = venue.removeprefix(CCXT_PREFIX)
    about = next(row for row in known_venues(FACTS, [plain_name]) if row.name == plain_name)
    is_native = about.door == "native" and plain_name == venue
    return Visit(
        exchange=exchange,
        address=_venue_address(venue) if is_native else about.title,
        keys=fault,
        has_keys=credentials is not None,
        rights_told=about.rights_told,
        position_mode=about.position_mode,
        prefixes=_our_prefixes(),
        budgets=lambda: _budgets_of(venue),
    )


def _our_prefixes() -> tuple[str, ...]:
    """Of the live journal's orders; none where it cannot be read, which its own check tells."""
    from core.adapters.storage.integrity import order_prefixes

    try:
        return order_prefixes(home().root / "live" / JOURNAL)
    except CtosError:
        return ()


def _budgets_of(venue: str) -> list[Budget]:
    from core.services.doctor.venue import Budget

    return [
        Budget(name=item.name, used_fraction=item.used_fraction, paused_for_s=item.paused_for_s)
        for item in _budgets().all()
        if item.name.split()[0] == venue
    ]


# -- recordings of what venues said ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """What is to be recorded, and how."""

    venue: str
    symbols: tuple[str, ...]
    out: Path
    kinds: tuple[str, ...] = ("trades", "quotes", "books")
    has_raw: bool = True
    is_parquet: bool | None = None
    """None: where pyarrow is installed."""
    depth: int = 50
    seconds: float | None = None
    limit_bytes: int | None = None


def record(request: RecordRequest) -> Recorded:
    """Records a venue's public data until the time is over or the process is asked to end.

    Raises:
        ConfigError: For a venue, symbol or folder that cannot be.
        LeaseHeld: If another recording writes into the folder.
        VenueError: If the venue cannot be reached.
        ExtraMissing: For Parquet without the `data` extra.
    """
    import asyncio
    import signal
    import threading

    from core.adapters.feeds.spool import in_thread
    from core.infrastructure.clock import WallClock
    from core.infrastructure.files import FileLock, ensure_folder
    from core.services.recorder.rows import Kind
    from core.services.recorder.service import Recorder, Wish

    clock = WallClock()
    ensure_folder(request.out)
    tap = _Tap()
    spot = [name.upper().endswith("-SPOT") for name in request.symbols]
    market = None if any(spot) and not all(spot) else "spot" if all(spot) else "perpetual"
    opening = Opening(
        clock=clock,
        market=market,
        tap=tap.tell if request.has_raw else None,
    )
    _has_adapter(request.venue)  # registers what ccxt knows
    exchange = venues().create(request.venue, opening)

    async def run(spools: dict[Kind, Spool]) -> Recorded:
        recorder = Recorder(
            exchange,
            clock,
            spools,
            Wish(
                symbols=request.symbols,
                kinds=frozenset(map(Kind, request.kinds)),
                depth=request.depth,
                seconds=request.seconds,
            ),
            apart=in_thread,
            missing=partial(_missing_of, exchange),
        )
        tap.listener = recorder.on_frame
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
                loop.add_signal_handler(getattr(signal, name), recorder.end)
        return await recorder.run()

    with FileLock(request.out / ".recording.lock") as lock:
        lock.acquire(clock.now_ns())
        return asyncio.run(run(_spools(request)))


def _missing_of(exchange: ExchangeInterface) -> Mapping[str, int]:
    """What an adapter of ours knows to be missing for good."""
    from core.adapters.exchanges.native.exchange import NativeExchange

    return exchange.listings.lost if isinstance(exchange, NativeExchange) else {}


class _Tap:
    """Between an adapter that is made first and a recorder that is made with it."""

    def __init__(self) -> None:
        self.listener: Callable[[Frame], None] | None = None

    def tell(self, frame: Frame) -> None:
        """Hands a frame on once somebody listens."""
        if self.listener is not None:
            self.listener(frame)


def _spools(request: RecordRequest) -> dict[Kind, Spool]:
    """Where each kind goes: trades and quotes side by side, so that they are read as one feed."""
    from core.adapters.feeds.parquet_writer import is_available, to_parquet
    from core.adapters.feeds.spool import LIMIT_BYTES, Spool, renamed
    from core.errors import ExtraMissing
    from core.infrastructure.files import ensure_folder
    from core.services.recorder.rows import COLUMNS, WHOLE_COLUMNS, Kind

    is_parquet = is_available() if request.is_parquet is None else request.is_parquet
    if is_parquet and not is_available():
        raise ExtraMissing("data", "Writing Parquet")
    table = partial(to_parquet, integers=WHOLE_COLUMNS) if is_parquet else renamed(".csv")
    places = {Kind.BOOKS: request.out / "books", Kind.RAW: request.out / "raw"}
    wanted = [*map(Kind, request.kinds), *([Kind.RAW] if request.has_raw else []), Kind.GAPS]
    spools = {}
    for kind in wanted:
        folder = places.get(kind, request.out)
        ensure_folder(folder)
        columns = COLUMNS.get(kind)
        spools[kind] = Spool(
            folder,
            kind.value,
            "" if columns is None else ",".join(columns),
            renamed(".jsonl") if columns is None else table,
            limit_bytes=request.limit_bytes or LIMIT_BYTES,
        )
    return spools


def replay(path: Path, *, symbol: str | None, depth: int) -> Iterator[tuple[int, object]]:
    """What a recording holds, in order of time: (nanoseconds, what was told or a gap).

    Raises:
        FeedError: For a recording that cannot be read.
    """
    from core.adapters.feeds.replay import replay as read

    return read(path, symbol=symbol, depth=depth)


def transcript(venue: str, channel: str) -> Transcript:
    """Reads a recording of a venue's messages with that venue's parsers.

    Raises:
        ConfigError: If the venue or the channel is not known.
    """
    from core.adapters.exchanges.transcript import Transcript

    return Transcript(venue, channel)
