"""The one module that names every concrete class, and what the command line may call.

Everything is imported inside functions, so that `ctos --help` and `ctos ps` load nothing that they
do not need.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.models import Instrument
    from core.adapters.exchanges.paper.settings import PaperSettings
    from core.adapters.exchanges.transcript import Transcript
    from core.engine.client import EngineClient
    from core.engine.doors import BotPlan, OpenFeed, VenueRoom
    from core.engine.protocol import KillStage, StartBot
    from core.engine.runs import RunTeller
    from core.engine.serving import Setting
    from core.infrastructure.home import Home
    from core.services.grid.config import GridBotConfig
    from core.services.grid.plan import GridPlan
    from core.services.ports import BotRow, Journal
    from core.services.risk.limits import Limits

EMBEDDED: Final = "paper"
"""The venue that stands in for others, and is one of its own."""
JOURNAL: Final = "journal.db"
VENUE_CLIENTS: Final = ("hyperliquid",)
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
    from core.infrastructure.environment import check_environment as check

    check({name: text for name, text in os.environ.items() if not name.startswith(_TEST_PREFIX)})


@contextmanager
def setting(mode: str, *, is_debug: bool = False) -> Iterator[Setting]:
    """What an engine of this process is told; logs go to files while it is open."""
    from core.engine.serving import Setting

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
        raise _no_live(config.exchange)
    grid, instrument = config.settings, config.settings.instrument
    if grid.grid_type.is_follow:
        where = f"{grid.level_count} levels around the price"
    else:
        low, high = grid.lower_price, grid.upper_price
        where = f"{grid.level_count} levels from {plain(low or 0)} to {plain(high or 0)}"  # type: ignore[arg-type] # fixed types have both
    market = f"{config.exchange} {instrument.symbol}"
    warnings = list(config.notices)
    if not grid.grid_type.is_follow:
        from core.services.grid.plan import make_plan

        warnings += [item.message for item in make_plan(grid).warnings]
    return Described(
        name=config.name,
        venue=config.exchange,
        account="",
        lines=(
            f"{config.name}: a {grid.grid_type.value} grid on {market}, paper",
            f"{where}, every {plain(grid.grid_interval)} {instrument.quote}",
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
    return make_plan(config.settings, at)


def _no_live(venue: str) -> ConfigError:
    return ConfigError(
        f"no adapter for {venue} yet: real orders cannot be sent.",
        source="arguments",
        key="--live",
        remedy="Run it on paper: leave --live away.",
    )


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
            raise _no_live(config.exchange)
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
        )

    def feed(self, plan: BotPlan, request: StartBot, now_ns: int) -> OpenFeed:
        """Opens the prices that were asked for."""
        os.environ.setdefault(*_ONE_THREAD)
        from core.adapters.feeds.factory import FeedOptions, make_feed
        from core.adapters.feeds.recording import RecordingOptions
        from core.adapters.feeds.sim import DEFAULT_START_NS
        from core.engine.doors import OpenFeed

        feed, notices = make_feed(
            request.feed,
            plan.settings.instrument,
            venue=plan.venue,
            options=FeedOptions(
                seed=request.seed,
                start_ns=now_ns if now_ns > 0 else DEFAULT_START_NS,
                recording=RecordingOptions(
                    symbol=request.symbol,
                    market=request.market,
                    interval=request.interval,
                    direction=plan.settings.entry_side.sign,
                ),
            ),
        )
        return OpenFeed(feed=feed, notices=tuple(notices))

    def journal(self, folder: Path, *, is_virtual: bool = False) -> Journal:
        """Opens the journal of an engine."""
        from core.adapters.storage.journal import SqliteJournal
        from core.engine.version import version

        return SqliteJournal(
            folder / JOURNAL, is_inline=is_virtual, is_logged=is_virtual, code_version=version()
        )

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """The embedded venue in place of the one the file names."""
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
            path=venue_file(room.folder, plan.venue),
            is_durable=not is_virtual,
            is_logged=is_virtual,
            rng=random.Random(paper.seed) if is_virtual else random.SystemRandom(),
        )
        if is_virtual:
            exchange.set_horizon(room.horizon)
        return exchange

    def last_feed(self, folder: Path, bot: BotRow) -> str:
        """The simulation that it saw last, else what stands in for its venue's prices."""
        name = _feed_name(venue_file(folder, bot.venue), bot.symbol)
        return name if name.startswith("sim") else "auto"

    def add_market(self, exchange: ExchangeInterface, plan: BotPlan, feed: OpenFeed) -> None:
        """Gives the running embedded venue the prices of another symbol."""
        from core.adapters.exchanges.paper.adapter import PaperExchange

        if isinstance(exchange, PaperExchange):
            exchange.add_market(plan.settings.instrument, feed.feed)


def venue_file(folder: Path, venue: str) -> Path:
    """The embedded venue's own file: one account for each venue that it stands in for."""
    return folder / ("venue.db" if venue == EMBEDDED else f"venue-{venue}.db")


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
    """The embedded venue with its market at a standstill, to cancel what rests there.

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


# -- recordings of what venues said ---------------------------------------------------------------


def transcript(venue: str, channel: str) -> Transcript:
    """Reads a recording of a venue's messages with that venue's parsers.

    Raises:
        ConfigError: If the venue or the channel is not known.
    """
    from core.adapters.exchanges.transcript import Transcript

    return Transcript(venue, channel)
