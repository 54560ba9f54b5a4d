"""What an engine stands on: journal, venue and prices, real or embedded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.wiring.configuration import check_live, read_grid, settings
from core.wiring.keys import key_store
from core.wiring.passphrase import PASSPHRASE
from core.wiring.places import JOURNAL, ONE_THREAD, PRICES, feed_name, home, tape_folder, venue_file
from core.wiring.venues import Opening, factory, has_adapter, venue_address

if TYPE_CHECKING:
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.models import Instrument, Margin
    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.adapters.exchanges.paper.settings import PaperSettings
    from core.engine.doors import BotPlan, OpenFeed, VenueRoom
    from core.engine.protocol import StartBot
    from core.services.ports import BotRow, Feed, Journal


def _public_venues(
    plan: BotPlan, request: StartBot
) -> tuple[dict[str, Callable[[], ExchangeInterface]], str]:
    """What makes the venue's adapter for its public prices, or why there is none."""
    from core.adapters.feeds.reach import is_reachable
    from core.infrastructure.clock import WallClock

    if request.feed not in {"auto", "live"} or not has_adapter(plan.venue):
        return {}, ""
    if request.speed == "max":
        return {}, f"prices of {plan.venue} come as they happen"
    if request.feed == "auto" and not is_reachable(
        venue_address(plan.venue, is_spot=plan.settings.instrument.is_spot)
    ):
        return {}, f"{plan.venue} cannot be reached"
    opening = Opening(clock=WallClock(), instruments=(plan.settings.instrument,))
    return {plan.venue: lambda: factory().create(plan.venue, opening)}, ""


def _own_prices(plan: BotPlan) -> Feed:
    """What stands for prices where the venue tells them itself: nothing is relayed."""
    from core.adapters.feeds.live import LiveFeed
    from core.infrastructure.clock import WallClock

    opening = Opening(clock=WallClock(), instruments=(plan.settings.instrument,))
    return LiveFeed(factory().create(plan.venue, opening), plan.settings.instrument)


def _live_exchange(plan: BotPlan, room: VenueRoom) -> ExchangeInterface:
    """The venue with the keys that are kept for it."""
    instrument = plan.settings.instrument
    opening = Opening(
        clock=room.clock,
        credentials=key_store().credentials(plan.venue),
        instruments=(instrument,),
        margins=_margins(plan),
    )
    return factory().create(plan.venue, opening)


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


class Doors:
    """Makes what an engine stands on: SQLite, the embedded venue, the feeds."""

    def read(self, request: StartBot) -> BotPlan:
        """Reads and checks a configuration."""
        from core.engine.doors import BotPlan
        from core.services.execution.tracked import Schedule
        from core.services.risk.limits import tighter

        config = read_grid(request)
        if request.is_live:
            check_live(config)
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
                equal_answers=health.equal_answers,
            ),
            config_json=config.config_json,
            door=config,
            warnings=config.notices,
            is_live=request.is_live,
            is_margin_accepted=config.is_margin_accepted,
        )

    def unlock(self, passphrase: str) -> None:
        """Takes the passphrase of sealed keys; it is tried when they are first read."""
        PASSPHRASE.tell(passphrase)

    def feed(self, plan: BotPlan, request: StartBot, now_ns: int) -> OpenFeed:
        """Opens the prices that were asked for."""
        os.environ.setdefault(*ONE_THREAD)
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
                    cache_folder=tape_folder(),
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
        return paper_exchange(plan, feed, room, venue_file(room.folder, plan.venue))

    def last_feed(self, folder: Path, bot: BotRow) -> str:
        """The simulation that it saw last, else what stands in for its venue's prices."""
        name = feed_name(venue_file(folder, bot.venue), bot.symbol)
        return name if name.startswith("sim") else "auto"

    def add_market(self, exchange: ExchangeInterface, plan: BotPlan, feed: OpenFeed) -> None:
        """Gives the running embedded venue the prices of another symbol."""
        from core.adapters.exchanges.paper.adapter import PaperExchange

        if isinstance(exchange, PaperExchange):
            instrument = plan.settings.instrument
            exchange.add_market(instrument, feed.feed, _margins(plan).get(instrument.symbol))
        elif plan.is_live:
            _refuse_other_rules(exchange, plan.settings.instrument)


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


def paper_exchange(
    plan: BotPlan, feed: OpenFeed, room: VenueRoom, path: Path | None
) -> PaperExchange:
    """The embedded venue; without a path it lives in memory alone."""
    import random

    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.infrastructure.clock import VirtualClock

    is_virtual = isinstance(room.clock, VirtualClock)
    paper = paper_settings(plan.door)
    instrument = plan.settings.instrument
    exchange = PaperExchange(
        venue=plan.venue,
        instruments=(instrument,),
        feeds={instrument.symbol: feed.feed},
        clock=room.clock,
        settings=paper,
        margins=_margins(plan),
        path=path,
        is_durable=not is_virtual,
        is_logged=is_virtual and path is not None,
        rng=random.Random(paper.seed) if is_virtual else random.SystemRandom(),
    )
    if is_virtual:
        exchange.set_horizon(room.horizon)
    return exchange


def paper_settings(door: object) -> PaperSettings:
    """What a grid's file says of the embedded venue."""
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


def _margins(plan: BotPlan) -> dict[str, Margin]:
    """What a bot's symbol is to be margined with; nothing on spot."""
    from core.adapters.exchanges.models import Margin

    settings, instrument = plan.settings, plan.settings.instrument
    if instrument.is_spot:
        return {}
    return {instrument.symbol: Margin(leverage=settings.leverage, mode=settings.margin_mode)}
