"""A bot over recorded prices, by the engine or by the kernel."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CtosError
from core.wiring.doors import Doors, paper_exchange, paper_settings
from core.wiring.places import ONE_THREAD, home, logs, tape_folder

if TYPE_CHECKING:
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.engine.doors import BotPlan, OpenFeed, VenueRoom
    from core.engine.protocol import StartBot
    from core.services.backtest.record import RunRecord
    from core.services.backtest.report import RunSetting
    from core.services.backtest.snapshot import BacktestReport
    from core.services.grid.config import GridBotConfig
    from core.services.ports import FundingRow, Journal


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
            os.environ.setdefault(*ONE_THREAD)
            self._feed = self._open_feed(plan, request)
        return self._feed

    def journal(self, folder: Path, *, is_virtual: bool = False) -> Journal:  # no folder
        """In memory."""
        from core.adapters.storage.memory import MemoryJournal

        return MemoryJournal(self._record.bot)

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """The embedded venue in memory."""
        exchange = paper_exchange(plan, feed, room, None)
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

    paper = paper_settings(plan.door)
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
        cache_folder=tape_folder(),
    )
    recording = open_recording(data.paths, plan.settings.instrument, options)
    if data.from_ns is None and data.to_ns is None:
        return OpenFeed(feed=recording, notices=recording.warnings)
    window = Window(recording, data.from_ns, data.to_ns)
    return OpenFeed(feed=window, notices=recording.warnings)
