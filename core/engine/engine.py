"""The process: one clock, one journal, one risk service, and every bot of a mode.

    start_bot ─► plan ─► feed ─► clock (with the first) ─► account ─► GridService ─► runs
    diary, endings ─► whoever listens: the control socket, or stdout of a run in the foreground

The engine decides nothing about orders. It starts what was asked for, passes on what operators
want, ends what ends, and sees to it that a bot's failure stays that bot's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from core.adapters.exchanges.models import EventType, ExchangeEvent, plain
from core.domain.events import Act, Horizon, RiskStateChanged
from core.domain.policies import OnExit, OnStart
from core.engine.accounts import Account
from core.engine.bots import Bot
from core.engine.doors import BotPlan, Doors, OpenFeed, VenueRoom
from core.engine.headroom import require_headroom
from core.engine.limited import LadderLimits
from core.engine.pace import OwnTime, Pace, newest_ns
from core.engine.protocol import (
    BotStarted,
    Kill,
    KillStage,
    Push,
    StartBot,
)
from core.errors import ConfigError, CtosError, ExitCode, JournalError, VenueError
from core.infrastructure.clock import Clock, SteadyClock, WallClock
from core.infrastructure.logging import LogRing
from core.infrastructure.tasks import ClockJumped, LoopLate, LoopMonitor
from core.services.execution.desk import diary_row
from core.services.execution.service import ExecutionService
from core.services.execution.tracked import Alarm
from core.services.gateway import BotSpec, Renewal
from core.services.grid.edit import with_left_over
from core.services.grid.ladder import Ladder
from core.services.grid.machine import GridMachine
from core.services.grid.news import OVER
from core.services.grid.outcome import BotOutcome
from core.services.grid.plan import plan_limits
from core.services.grid.service import GridService
from core.services.grid.snapshot import EditDiff
from core.services.market_data.quality import DEFAULT_JUMP
from core.services.market_data.service import STALE_AFTER_S, MarketData
from core.services.portfolio.service import Portfolio
from core.services.portfolio.snapshot import BotRow, HomeSnapshot, LogRow
from core.services.ports import BotRow as JournalRow
from core.services.ports import FeedKind, Journal, Transaction
from core.services.risk.limits import Limits, with_plan
from core.services.risk.rules import Reference, RiskState
from core.services.risk.service import RiskService

log = logging.getLogger(__name__)

Fields = tuple[tuple[str, str | int | bool | None], ...]

START_S: Final = 15.0
START_POLL_S: Final = 0.01
CANCEL_S: Final = 14.0
STOP_S: Final = 30.0
CLOSE_S: Final = 5.0
LOG_ROWS: Final = 200


class Teller(Protocol):
    """Who hears what happens in an engine."""

    def line(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        """Takes a line of a bot's diary; never waits and never raises."""

    def push(self, push: Push) -> None:
        """Takes anything else that concerns everyone, such as an ending."""


class Engine:
    """All bots of one mode, or one run on virtual time; a context manager.

    Args:
        mode: `paper` or `live`.
        folder: Where journal and venue live.
        doors: Makes what is concrete.
        journal: Opened; closed by the engine.
        instance_id: Identity of the installation, part of every client order id.
        clock: Set for virtual time, where also nothing is scheduled that no event needs; None to
            choose with the first bot.
        ring: The newest log lines, for screens.
        may_send: Asked before each create; False once the lease is lost.
        wall: The machine's own time.
    """

    def __init__(  # noqa: PLR0913 # what an engine stands on, given by name
        self,
        *,
        mode: str,
        folder: Path,
        doors: Doors,
        journal: Journal,
        instance_id: str,
        clock: Clock | None = None,
        ring: LogRing | None = None,
        may_send: Callable[[], bool] | None = None,
        wall: Clock | None = None,
    ) -> None:
        self.mode = mode
        self.bots: dict[str, Bot] = {}
        """Name -> bot, ended ones included until one of the same name starts."""
        self.teller: Teller | None = None
        self.on_ended: Callable[[Bot], None] | None = None
        self.on_order_event: Callable[[], None] | None = None
        self._folder = folder
        self._doors = doors
        self._journal = journal
        self._instance_id = instance_id
        self._is_virtual = clock is not None
        self._wall: Clock = wall or WallClock()
        self._clock: Clock = clock or self._wall
        self._pace: Pace | None = None
        self._own_time: OwnTime | None = None
        """Of an engine whose time is not the machine's."""
        self._ring = ring or LogRing()
        self._may_send = may_send
        self.risk = RiskService(journal, self._clock)
        self.risk.listen(self._on_risk)
        self._portfolio: Portfolio | None = None
        self._accounts: dict[str, Account] = {}
        """Venue -> its account."""
        self._starting = asyncio.Lock()
        self._group = asyncio.TaskGroup()
        self._background: list[asyncio.Task[None]] = []
        self._is_watching_loop = False

    # -- life ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._close()
        finally:
            await self._group.__aexit__(kind, error, traceback)

    @property
    def clock(self) -> Clock:
        """The engine's time."""
        return self._clock

    @property
    def running(self) -> tuple[Bot, ...]:
        """Bots that have not come to their end."""
        return tuple(bot for bot in self.bots.values() if bot.is_running)

    async def _close(self) -> None:
        for bot in self.running:
            if bot.task is not None:
                bot.task.cancel()
        tasks = [bot.task for bot in self.bots.values() if bot.task is not None]
        if tasks:
            await asyncio.wait(tasks)
        for task in self._background:
            task.cancel()
        for account in self._accounts.values():
            with contextlib.suppress(TimeoutError, VenueError):
                async with asyncio.timeout(None if self._is_virtual else CLOSE_S):
                    await account.close()
        if self._portfolio is not None:
            self._portfolio.close()
        self._journal.close()

    # -- starting -----------------------------------------------------------------------------

    async def start_bot(self, request: StartBot, *, owner: int | None = None) -> BotStarted:
        """Starts a bot and returns once it trades, or waits for its first price.

        Raises:
            ConfigError: If the file, or starting it now, is wrong.
            MarginShort: If the account cannot carry it beside what is on it.
            CtosError: If the venue could not be reached, or the bot ended at once.
        """
        async with self._starting:
            plan = self._doors.read(request)
            self._refuse_double(plan)
            feed = await self._open_feed(plan, request)
            self._choose_clock(feed, request)
            account = await self._account(plan, feed)
            if plan.is_live and self.left_behind(plan.name) is None:
                await require_headroom(plan, self._plans_at(plan.venue), account.exchange)
            bot = self._make_bot(plan, request, account, feed, owner)
            self.bots[plan.name] = bot
            if request.duration_s is not None:
                self._end_after(bot, request.duration_s)
            bot.task = self._group.create_task(self._run(bot, account), name=f"bot.{plan.name}")
        if not self._is_virtual:
            await self._wait_started(bot)
        return BotStarted(name=bot.name, bot_id=bot.bot_id, notices=(*feed.notices, *plan.warnings))

    async def revive(self, name: str) -> Bot:
        """Starts a bot that does not run from what the journal knows of it, to bring it to an end.

        Raises:
            ConfigError: If the journal knows none of this name that is not closed for good.
        """
        row = self.left_behind(name)
        if row is None:
            return self.bot(name)
        request = StartBot(
            app=row.app,
            path=f"{row.name}.yaml",
            text=row.config,
            is_live=row.mode == "live",
            feed=self._doors.last_feed(self._folder, row),
            on_start=OnStart.RESUME.value,
            is_detached=True,
        )
        await self.start_bot(request)
        return self.bot(name)

    async def _open_feed(self, plan: BotPlan, request: StartBot) -> OpenFeed:
        """The prices; finding out whether a venue can be reached must not hold up other bots."""
        start_ns = self._feed_start_ns()
        if self._is_virtual or request.feed not in {"auto", "live"}:
            return self._doors.feed(plan, request, start_ns)
        return await asyncio.to_thread(self._doors.feed, plan, request, start_ns)

    def _end_after(self, bot: Bot, duration_s: float) -> None:
        """`--for`: so many seconds of the engine's time."""
        at_ns = self._clock.now_ns() + round(duration_s * 1e9)

        def end() -> None:
            if bot.is_running:
                self.stop_bot(bot, by="--for")

        bot.end_timer = self._clock.call_at_ns(at_ns, end)

    def _feed_start_ns(self) -> int:
        """Where a simulated market begins: now, or behind what the journal knows."""
        newest = None if self._is_virtual else newest_ns(self._journal)
        now_ns = self._clock.now_ns()
        return now_ns if newest is None else max(now_ns, newest)

    def _refuse_double(self, plan: BotPlan) -> None:
        known = self.bots.get(plan.name)
        if known is not None and known.is_running:
            raise ConfigError(
                f"a bot named {plan.name} runs already.",
                remedy=f"See it with `ctos attach {plan.name}`, or give this one a `name:`.",
            )

    def _choose_clock(self, feed: OpenFeed, request: StartBot) -> None:
        if self._is_virtual:
            return
        pace = Pace.of(feed.feed, request.speed)
        if self._pace is not None:
            self._pace.demand_same(pace)
            return
        self._pace = pace
        self._clock = pace.clock(feed.feed, newest_ns(self._journal), self._wall)
        self._own_time = OwnTime.of(self._clock, self._wall)
        state, by = self.risk.state, self.risk.by
        self.risk = RiskService(self._journal, self._clock)
        self.risk.state, self.risk.by = state, by
        self.risk.listen(self._on_risk)

    def _make_bot(
        self, plan: BotPlan, request: StartBot, account: Account, feed: OpenFeed, owner: int | None
    ) -> Bot:
        bot_id = f"{self.mode}/{plan.venue}/{account.exchange.account}/{plan.symbol}/{plan.name}"
        spec = BotSpec(
            bot_id=bot_id,
            name=plan.name,
            app=plan.app,
            mode=self.mode,
            venue=plan.venue,
            symbol=plan.symbol,
            instrument=plan.settings.instrument,
            order_prefix=account.execution.order_prefix(bot_id),
            fingerprint=plan.settings.fingerprint,
            config=plan.config_json,
            is_difference_accepted=plan.settings.on_start is OnStart.FLATTEN,
        )
        self._set_limits(bot_id, plan, plan.limits)
        machine = GridMachine(plan.settings, order_prefix=spec.order_prefix)
        gateway = LadderLimits(
            account.execution, machine, self._limits_of(bot_id, plan, machine, account)
        )
        service = GridService(
            spec=spec,
            machine=machine,
            gateway=gateway,
            market=account.market,
            portfolio=self.portfolio,
            clock=self._clock,
            diary=lambda at_ns, event, fields: self._line(plan.name, at_ns, event, fields),
            on_equity=self._loss_watch(bot_id, plan),
        )
        service.feed_notice = " ".join(feed.notices)
        if self.risk.state is not RiskState.ACTIVE:
            state, by = self.risk.state.value, self.risk.by
            now_ns = self._clock.now_ns()
            service.inbox.post(RiskStateChanged(at_ns=now_ns, state=state, by=by))
        self.portfolio.follow(plan.venue, plan.settings.instrument)
        return Bot(
            plan=plan,
            request=request,
            service=service,
            gateway=gateway,
            started_ns=self._clock.now_ns(),
            owner=owner,
        )

    def _limits_of(
        self, bot_id: str, plan: BotPlan, machine: GridMachine, account: Account
    ) -> Callable[[Ladder], None]:
        """Puts the limits of a plan in force for each new ladder."""

        def set_limits(ladder: Ladder) -> None:
            needs = with_left_over(plan_limits(plan.settings, ladder), machine)
            needs = replace(needs, orders_per_minute=account.orders_per_minute)
            self._set_limits(bot_id, plan, with_plan(plan.limits, needs))

        return set_limits

    @property
    def journal(self) -> Journal:
        """Where its bots are on record."""
        return self._journal

    def _plans_at(self, venue: str) -> list[BotPlan]:
        """Of the bots that run there."""
        return [bot.plan for bot in self.running if bot.plan.venue == venue]

    def left_behind(self, name: str) -> JournalRow | None:
        """What the journal knows of a bot that does not run and is not closed for good."""
        known = self.bots.get(name)
        if known is not None and known.is_running:
            return None
        rows = [row for row in self._journal.bots() if row.name == name and not row.is_closed]
        return rows[-1] if rows else None

    def read(self, request: StartBot) -> BotPlan:
        """Reads and checks a configuration.

        Raises:
            ConfigError: If anything in it is wrong.
        """
        return self._doors.read(request)

    async def edit(self, bot: Bot, plan: BotPlan, request: StartBot, by: str) -> EditDiff:
        """Lets a bot go on with another plan; returns what changed, once that is durable.

        Args:
            bot: Runs.
            plan: Of the same bot.
            request: As if it was started with it.
            by: Who asks.

        Raises:
            ConfigError: If it cannot be edited so; it goes on as it was.
        """
        account = self.account_of(bot)

        def put_in_force() -> None:
            bot.plan, bot.request = plan, request
            machine = bot.service.machine
            bot.gateway.renew(self._limits_of(bot.bot_id, plan, machine, account))
            bot.service.on_equity = self._loss_watch(bot.bot_id, plan)
            if not self._is_virtual:
                account.execution.schedule(bot.bot_id, plan.schedule)

        renewal = Renewal(fingerprint=plan.settings.fingerprint, config=plan.config_json)
        return await bot.service.edit(plan.settings, renewal, put_in_force, by)

    def _loss_watch(self, bot_id: str, plan: BotPlan) -> Callable[[Decimal, int], None] | None:
        """Tells risk what the bot is worth; None where no loss limit asks."""
        if plan.limits.daily_loss is None:
            return None
        limit = plain(plan.limits.daily_loss)

        def watch(equity: Decimal, at_ns: int) -> None:
            if self.risk.on_equity(bot_id, equity, at_ns):
                fields = (("limit", limit), ("equity", plain(equity)))
                self._line(plan.name, at_ns, "risk.daily_loss_reached", fields)

        return watch

    def _set_limits(self, bot_id: str, plan: BotPlan, limits: Limits) -> None:
        age_ms = None if self._is_virtual else round(STALE_AFTER_S * 1000)
        self.risk.register(bot_id, plan.settings.instrument, limits, max_price_age_ms=age_ms)

    async def _wait_started(self, bot: Bot) -> None:
        """Waits until journal and venue agree, so that whoever asked hears a refusal as one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_S
        while bot.is_starting and loop.time() < deadline:  # noqa: ASYNC110 # a machine tells nobody
            await asyncio.sleep(START_POLL_S)
        if bot.outcome is not None and bot.failure is not None:
            self.bots.pop(bot.name, None)
            raise bot.failure

    @property
    def portfolio(self) -> Portfolio:
        """What the accounts are worth."""
        if self._portfolio is None:
            self._portfolio = Portfolio(self._clock)
            if not self._is_virtual:
                self._background.append(
                    self._group.create_task(self._guarded(self._portfolio.run()), name="portfolio")
                )
        return self._portfolio

    # -- accounts -----------------------------------------------------------------------------

    async def _account(self, plan: BotPlan, feed: OpenFeed) -> Account:
        account = self._accounts.get(plan.venue)
        if account is not None:
            self._doors.add_market(account.exchange, plan, feed)
            return account
        room = VenueRoom(
            folder=self._folder, clock=self._clock, horizon=lambda: self._horizon(plan.venue)
        )
        exchange = self._doors.exchange(plan, feed, room)
        try:
            is_in = await exchange.connect() and await exchange.authenticate()
        except (Exception, asyncio.CancelledError):
            await exchange.disconnect()  # a start that failed leaves no sockets behind
            raise
        if not is_in:
            detail = exchange.get_status().detail
            await exchange.disconnect()
            raise VenueError(f"{plan.venue} refused us: {detail}", venue=plan.venue)
        market = MarketData(
            exchange,
            self._clock,
            stale_after_s=None if self._is_virtual else STALE_AFTER_S,
            # A recording is what it is; a venue may say anything once (reliability D7).
            jump=DEFAULT_JUMP if feed.feed.kind is FeedKind.LIVE else None,
        )
        execution = ExecutionService(
            venue=exchange,
            journal=self._journal,
            risk=self.risk,
            clock=self._clock,
            instance_id=self._instance_id,
            reference=lambda symbol: _reference(market, plan, symbol),
            on_diary=self._line_of_id,
            on_alarm=self._on_alarm,
            on_calm=self._on_calm,
            may_send=self._may_send,
            wall=self._wall if isinstance(self._clock, SteadyClock) else None,
            on_wall_right=self._follow_wall,
        )
        info = await exchange.get_exchange_info()
        account = Account(
            exchange=exchange,
            market=market,
            execution=execution,
            orders_per_minute=info.capabilities.orders_per_minute,
        )
        self._accounts[plan.venue] = account
        exchange.add_event_callback(EventType.INSTRUMENT_CHANGED, self._on_instrument)
        await execution.start()
        await self.portfolio.add(exchange, market, execution.ask, is_followed=not self._is_virtual)
        if not self._is_virtual:
            self._watch_loop()
            account.watcher = self._group.create_task(
                self._guarded(market.watch_age()), name=f"age.{plan.venue}"
            )
        return account

    def _watch_loop(self) -> None:
        """Begins to measure how late the loop turns, once, where the clock is the machine's."""
        if self._is_watching_loop or not isinstance(self._clock, SteadyClock):
            return
        self._is_watching_loop = True
        monitor = LoopMonitor(self._wall, self._on_loop)
        self._background.append(
            self._group.create_task(self._guarded(monitor.run()), name="loop.monitor")
        )

    def _on_loop(self, finding: LoopLate | ClockJumped) -> None:
        """After standing still or a jump of the clock nothing is believed before it is checked."""
        if isinstance(finding, LoopLate) and not finding.is_stale:
            return
        if isinstance(finding, ClockJumped):
            self._tell_all("bot.clock_jumped", (("seconds", f"{finding.jump_s:.3f}"),))
        for account in self._accounts.values():
            account.market.distrust()
            if isinstance(finding, ClockJumped):
                account.execution.doubt_clock()
            for bot in self.running:
                if account.execution.has(bot.bot_id):
                    check = account.execution.reconcile(bot.bot_id)
                    name = f"check.{bot.name}"
                    task = self._group.create_task(self._guarded(check), name=name)
                    self._background.append(task)

    def _follow_wall(self) -> None:
        """A venue agrees with the wall, and not with us: the machine slept, or began wrong."""
        if not isinstance(self._clock, SteadyClock):
            return
        moved_ns = self._clock.follow()
        self._tell_all("bot.clock_set", (("seconds", f"{moved_ns / 1e9:.3f}"),))
        for account in self._accounts.values():
            account.market.distrust()
            account.execution.doubt_clock()

    def _horizon(self, venue: str) -> Horizon:
        account = self._accounts.get(venue)
        if account is None:
            return Horizon()
        return account.market.horizon() | self.risk.horizon()

    # -- running ------------------------------------------------------------------------------

    async def _run(self, bot: Bot, account: Account) -> None:
        """A bot from start to end; whatever happens to it stays with it."""
        plan, settings = bot.plan, bot.plan.settings
        fields = (
            ("app", plan.app),
            ("venue", plan.venue),
            ("symbol", plan.symbol),
            ("type", settings.grid_type.value),
            ("feed", account.market.feed),
        )
        self._line(bot.name, self._clock.now_ns(), "bot.started", fields)
        try:
            starter = self._group.create_task(self._begun(bot, account), name=f"begin.{bot.name}")
            try:
                bot.outcome = await bot.service.run()
            finally:
                starter.cancel()
        except CtosError as error:
            log.error("bot.failed bot=%s error=%s", bot.name, error)  # noqa: TRY400 # one sentence says it
            bot.fail(error, error.exit_code)
        except asyncio.CancelledError:
            bot.outcome = _cut_short(bot)
        except Exception as error:
            log.exception("bot.failed bot=%s", bot.name)
            bot.fail(error, ExitCode.FAILED)
        finally:
            await self._leave_nothing(bot, account)
            self._ended(bot, account)

    async def _leave_nothing(self, bot: Bot, account: Account) -> None:
        """A bot that failed does not end in silence: its orders are cancelled, its place is freed.

        Its position stays, and so do its orders where `on_exit` keeps them or the engine itself
        ends: the next start goes on with both.
        """
        if bot.failure is None or not account.execution.has(bot.bot_id):
            return
        cancels = bot.plan.settings.on_exit is not OnExit.KEEP
        with contextlib.suppress(Exception):
            async with self._clock.timeout(CANCEL_S):
                await account.execution.abandon(bot.bot_id, cancels=cancels)

    async def _begun(self, bot: Bot, account: Account) -> None:
        """What is set once journal and venue have agreed."""
        while bot.is_starting:
            await self._clock.sleep(0)
            if not self._is_virtual:
                await asyncio.sleep(START_POLL_S)
        if not self._is_virtual:
            account.execution.schedule(bot.bot_id, bot.plan.schedule)

    def _ended(self, bot: Bot, account: Account) -> None:
        bot.disarm()
        if bot.outcome is None:
            bot.fail(RuntimeError("ended without an outcome"), ExitCode.FAILED)
        with contextlib.suppress(Exception):
            bot.last_snapshot = bot.service.snapshot()
        self.risk.unregister(bot.bot_id)
        outcome = bot.outcome
        if outcome is not None:
            if outcome.summary:
                self._line(bot.name, self._clock.now_ns(), "summary", outcome.summary)
            log.info(
                "bot.ended bot=%s exit_code=%d text=%s", bot.name, outcome.exit_code, outcome.text
            )
        if self.teller is not None:
            self.teller.push(bot.ended())
        if self.on_ended is not None:
            self.on_ended(bot)

    async def _guarded(self, work: object) -> None:
        """Lets something run in the background; its failure is logged and ends nothing else."""
        try:
            await work  # type: ignore[misc] # a coroutine of a service
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("background.failed")

    # -- asking -------------------------------------------------------------------------------

    def unlock(self, passphrase: str) -> None:
        """Takes the passphrase of sealed keys, for the bots that are started from now on."""
        self._doors.unlock(passphrase)

    def bot(self, name: str) -> Bot:
        """A bot that runs, by its name.

        Raises:
            ConfigError: If none of that name runs.
        """
        bot = self.bots.get(name)
        if bot is None or not bot.is_running:
            running = ", ".join(item.name for item in self.running) or "nothing"
            raise ConfigError(f"no bot named {name[:60]} runs.", remedy=f"What runs: {running}.")
        return bot

    def stop_bot(
        self, bot: Bot, act: Act | None = None, *, by: str = "you", deadline_s: float = STOP_S
    ) -> None:
        """Asks a bot to end; asked again, it is hurried. After the deadline it is cut short.

        Args:
            bot: Which.
            act: A STOP act; None for its own `on_exit`.
            by: Who asks.
            deadline_s: Wall seconds.
        """
        bot.stop_asked += 1
        if bot.stop_asked == 1:
            bot.service.ask(act or bot.stop_act, by)
        if bot.deadline is not None:
            bot.deadline.cancel()
        if bot.task is not None and not self._is_virtual:
            loop = asyncio.get_running_loop()
            bot.deadline = loop.call_later(deadline_s, bot.task.cancel)

    async def kill(self, request: Kill) -> str:
        """Carries out a stage of a kill; in force before this returns.

        Returns:
            What was done, in words.
        """
        if request.stage is KillStage.RELEASE:
            await self.risk.release(request.by)
            return "released"
        if request.stage is KillStage.FLATTEN:
            await self.risk.reduce(request.by, "flattening")
            done = await self._ask_all(Act.FLATTEN, request.by)
            await self.risk.halt(request.by)
            return done
        await self.risk.halt(request.by)
        if request.stage is KillStage.CANCEL:
            return await self._ask_all(Act.CANCEL_ALL, request.by)
        return "halted"

    async def _ask_all(self, act: Act, by: str) -> str:
        bots = self.running
        before = sum(bot.service.machine.open_orders for bot in bots)
        for bot in bots:
            bot.service.ask(act, by)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CANCEL_S
        while loop.time() < deadline and any(_is_busy(bot, act) for bot in bots):  # noqa: ASYNC110 # same
            await asyncio.sleep(START_POLL_S)
        left = sum(bot.service.machine.open_orders for bot in bots)
        text = f"{before - left} of {before} orders cancelled"
        if act is Act.FLATTEN:
            held = [bot for bot in bots if bot.service.machine.position]
            text += (
                ", every position of ours closed"
                if not held
                else "".join(
                    f", {bot.name} still holds {plain(bot.service.machine.position)}"
                    for bot in held
                )
            )
        return text

    # -- telling ------------------------------------------------------------------------------

    def home(self) -> HomeSnapshot:
        """Everything the home screen shows."""
        return self.portfolio.home(
            mode=self.mode,
            bots=self.rows(),
            venues=[
                account.row(self._open_orders(venue)) for venue, account in self._accounts.items()
            ],
            log_rows=self.log_rows(),
            risk_state=self.risk.state.value,
            risk_by=self.risk.by,
        )

    def rows(self) -> list[BotRow]:
        """Every bot, running ones first."""
        rows = [bot.row() for bot in self.bots.values()]
        return sorted(rows, key=lambda row: not row.is_running)

    def log_rows(self, limit: int = LOG_ROWS) -> list[LogRow]:
        """The newest log lines, newest first, in the time of the diary that they stand beside."""
        own = self._own_time
        return [
            LogRow(
                at=line.at if own is None else own.at(line.at),
                level=line.level,
                source=line.source,
                text=line.text,
            )
            for line in reversed(self._ring.newest(limit))
        ]

    def _open_orders(self, venue: str) -> int:
        bots = (bot for bot in self.running if bot.plan.venue == venue)
        return sum(bot.service.machine.open_orders for bot in bots)

    def account_of(self, bot: Bot) -> Account:
        """Where a bot trades."""
        return self._accounts[bot.plan.venue]

    @property
    def accounts(self) -> Iterable[Account]:
        """Every connected account."""
        return self._accounts.values()

    def _line_of_id(self, bot_id: str, at_ns: int, event: str, fields: Fields) -> None:
        for bot in self.bots.values():
            if bot.bot_id == bot_id:
                bot.service.pass_on(at_ns, event, fields)
                if event == "order.rejected" and bot.plan.venue in self._accounts:
                    self._accounts[bot.plan.venue].exchange.renew_rules()
                return

    def _line(self, name: str, at_ns: int, event: str, fields: Fields) -> None:
        if self.on_order_event is not None and event.startswith("order."):
            self.on_order_event()
        if self.teller is not None:
            self.teller.line(name, at_ns, event, fields)

    def _on_alarm(self, alarm: Alarm) -> None:
        """Somebody must look; what concerns no single bot is told by all of them."""
        log.error("alarm bot=%s code=%s text=%s", alarm.bot_id, alarm.code, alarm.text)
        if not alarm.bot_id:
            self._tell_all("bot.alarm", (("code", alarm.code), ("text", alarm.text)))

    def _on_calm(self, bot_id: str, code: str) -> None:
        """What an alarm told of has ended: whoever still shows it need not."""
        self._tell_all(OVER, (("code", code),), only=bot_id)

    def _tell_all(self, event: str, fields: Fields, *, only: str = "") -> None:
        """A line in the diary of every bot that runs, or of one by its id."""
        now_ns = self._clock.now_ns()
        for bot in self.running:
            if only not in {"", bot.bot_id}:
                continue
            row = diary_row(bot.bot_id, now_ns, event, fields)
            with contextlib.suppress(JournalError):
                self._journal.write(Transaction(diary=[row]))
            bot.service.pass_on(now_ns, event, fields)

    def _on_instrument(self, event: ExchangeEvent) -> None:
        """The rules of a symbol are others now: its bots say so.

        Orders that do not fit them are refused before they are sent.
        """
        symbol, _, change = event.detail.partition(": ")
        now_ns = self._clock.now_ns()
        fields = (("symbol", symbol), ("change", change))
        for bot in self.running:
            if (bot.plan.venue, bot.plan.symbol) == (event.venue, symbol):
                bot.service.hear(now_ns, "feed.rules_changed", fields)
                self._line(bot.name, now_ns, "feed.rules_changed", fields)

    def _on_risk(self, state: RiskState, by: str) -> None:
        now_ns = self._clock.now_ns()
        event = "risk.released" if state is RiskState.ACTIVE else "risk.halted"
        for bot in self.running:
            bot.service.inbox.post(RiskStateChanged(at_ns=now_ns, state=state.value, by=by))
            fields = (("state", state.value), ("by", by))
            bot.service.hear(now_ns, event, fields)
            self._line(bot.name, now_ns, event, fields)


def _reference(market: MarketData, plan: BotPlan, symbol: str) -> Reference | None:
    newest = market.newest(symbol)
    if newest is None or market.reference_price(symbol) is None:
        return None
    tick = plan.settings.instrument.tick_size
    age_s = market.age_s(symbol) or 0.0
    return Reference(
        bid=None if newest.bid is None else newest.bid * tick,
        ask=None if newest.ask is None else newest.ask * tick,
        mark=newest.mark,
        age_ms=round(age_s * 1000),
    )


def _is_busy(bot: Bot, act: Act) -> bool:
    machine = bot.service.machine
    return bot.is_running and bool(machine.open_orders or (act is Act.FLATTEN and machine.position))


def _cut_short(bot: Bot) -> BotOutcome:
    machine = bot.service.machine
    orders, position = machine.open_orders, plain(machine.position)
    return BotOutcome(
        exit_code=ExitCode.UNCLEAN,
        text=f"ended before the clean-up was finished: {orders} orders may still rest, position "
        f"{position} {bot.plan.settings.instrument.base}; the next start finishes it",
        summary=(),
    )
