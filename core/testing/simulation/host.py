"""A machine on which the program is started, killed, stopped and started again.

What a life does here is what `ctos engine` does, without its socket: lease, record of starts,
journal, engine, bot. Whoever watches over it starts it again when it is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from core.adapters.exchanges.interface import ExchangeInterface
from core.domain.events import Act
from core.engine.bots import Bot
from core.engine.doors import BotPlan, OpenFeed, VenueRoom
from core.engine.editing import edit_bot
from core.engine.engine import Engine
from core.engine.protocol import EditBot, Kill, KillStage, Push, StartBot
from core.engine.starts import StartRecord
from core.errors import ConfigError, CtosError, LeaseHeld
from core.infrastructure.files import FileLock
from core.infrastructure.rng import Rng
from core.services.execution.tracked import Alarm
from core.services.ports import BotRow, Chunk, FeedKind, FundingRow, Journal
from core.services.risk.rules import RiskState
from core.testing.simulation.account import SimulatedAccount
from core.testing.simulation.clock import MachineClock
from core.testing.simulation.disk import SimulatedJournal
from core.testing.simulation.door import VenueDoor
from core.testing.simulation.faults import Active
from core.testing.simulation.history import Alarmed, Ended, History, RiskSet, Started, Told
from core.testing.simulation.loop import Process, SimulationLoop
from core.testing.simulation.venue import SimulatedVenue
from core.testing.simulation.wire.bots import at_venue
from core.testing.simulation.wire.doors import wire_door
from core.testing.simulation.wire.venue import WireVenue
from core.testing.simulation.wire.witness import Witnessed
from core.wiring.doors import Doors as ShippedDoors

NS_PER_S: Final = 1_000_000_000
EXIT_NS: Final = 50_000_000
"""How long a process that has ended takes to be gone."""
Fields = tuple[tuple[str, str | int | bool | None], ...]


@lru_cache(maxsize=64)
def read_plan(text: str) -> BotPlan:
    """A configuration as the shipped door reads it; the same text gives the same plan."""
    return ShippedDoors().read(request_of(text))


def request_of(text: str) -> StartBot:
    """How the bot of a simulation is started."""
    return StartBot(app="grid", path="simulated.yaml", text=text, feed="sim", is_detached=True)


@dataclass(slots=True, kw_only=True)
class Life:
    """One process and what it stands on."""

    process: Process
    task: asyncio.Task[None] | None = None
    lease: FileLock | None = None
    journal: SimulatedJournal | None = None
    door: VenueDoor | Witnessed | None = None
    engine: Engine | None = None
    is_over: bool = False

    @property
    def bot(self) -> Bot | None:
        """The bot that runs in it."""
        if self.engine is None or self.process.is_dead:
            return None
        running = self.engine.running
        return running[0] if running else None


class Machine:
    """Folder, clock and lives.

    Args:
        loop: Time.
        folder: What survives every life.
        venue: Where it trades.
        text: The bot's file.
        rng: Draws journeys and disks.
        faults: What is wrong now.
        history: Told what happens.
    """

    def __init__(  # what a machine is connected to
        self,
        loop: SimulationLoop,
        folder: Path,
        venue: SimulatedAccount,
        text: str,
        *,
        rng: Rng,
        faults: Active,
        history: History,
    ) -> None:
        self.loop = loop
        self.folder = folder
        self.venue = venue
        self.text = text
        self.clock = MachineClock(loop)
        self.history = history
        self.faults = faults
        self.life: Life | None = None
        self.lives = 0
        self.restart_s = (0.2, 6.0)
        """Shortest and longest until a life that is gone is followed by the next."""
        self.edited: str | None = None
        """The file as the user has it elsewhere: what an edit under way makes of it, or made."""
        self.is_wanted = True
        """Whether the next life is to begin when one is over."""
        self.on_life: Callable[[Life], None] | None = None
        """Told of each life before it begins."""
        self._rng = rng
        self._restart = rng.child("restart")

    # -- lives --------------------------------------------------------------------------------

    def boot(self) -> Life:
        """Begins a life now."""
        self.lives += 1
        process = Process(self.lives)
        life = Life(process=process)
        process.kill = lambda: self.kill(life)
        self.life = life
        if self.on_life is not None:
            self.on_life(life)
        life.task = self.loop.spawn(process, self._live(life), name=f"life {self.lives}")
        life.task.add_done_callback(lambda _: self._over(life, "ended"), context=self.loop.world)
        return life

    def kill(self, life: Life | None = None) -> None:
        """SIGKILL."""
        victim = life or self.life
        if victim is None or victim.is_over or victim.process.is_dead:
            return
        self.loop.kill(victim.process)
        if victim.journal is not None:
            victim.journal.die()
        if victim.lease is not None:
            victim.lease.release()
        if victim.door is not None:
            victim.door.hang_up()
        self._over(victim, "killed")

    def freeze(self) -> None:
        """SIGSTOP."""
        if self.life is not None and not self.life.is_over:
            self.loop.stop_process(self.life.process)

    def thaw(self) -> None:
        """SIGCONT."""
        if self.life is not None:
            self.loop.continue_process(self.life.process)

    def _over(self, life: Life, how: str) -> None:
        if life.is_over:
            return
        life.is_over = True
        if how == "ended":
            self._exit(life)
        self.history.add(Ended(at_ns=self.loop.now_ns(), life=life.process.number, how=how))
        if life is self.life and self.is_wanted:
            wait_s = self._restart.uniform(*self.restart_s)
            self.loop.world_at_ns(self.loop.now_ns() + round(wait_s * NS_PER_S), self._next, life)

    def _exit(self, life: Life) -> None:
        """After its last line: what is left of a process is cancelled, then it is gone."""
        for task in tuple(life.process.tasks):
            task.cancel()
        at_ns = self.loop.now_ns() + EXIT_NS
        self.loop.world_at_ns(at_ns, self._gone, life)

    def _gone(self, life: Life) -> None:
        self.loop.kill(life.process)
        if life.door is not None:
            life.door.hang_up()

    def _next(self, after: Life) -> None:
        if self.is_wanted and self.life is after:
            self.boot()

    async def _live(self, life: Life) -> None:
        """What the engine's process does from start to end."""
        folder, now_ns = self.folder, self.clock.now_ns()
        lease = FileLock(folder / "lease")
        try:
            lease.acquire(now_ns)
        except LeaseHeld:
            return
        life.lease = lease
        number = life.process.number
        self.history.add(Started(at_ns=self.loop.now_ns(), life=number, token=lease.token))
        try:
            starts = StartRecord(folder / "starts.json")
            journal = SimulatedJournal(
                folder / "journal.db",
                loop=self.loop,
                process=life.process,
                rng=self._rng.child(f"disk-{number}"),
                faults=self.faults,
                history=self.history,
            )
            life.journal = journal
            is_safe = starts.begin(self.clock.now_ns(), number)
            engine = Engine(
                mode="paper",
                folder=folder,
                doors=_Doors(self, life),
                journal=journal,
                instance_id="simulated",
                wall=self.clock,
                may_send=lease.is_held,
            )
            async with engine:
                await self._run(life, engine, starts, is_safe=is_safe)
            starts.ended()
        except Exception as error:  # noqa: BLE001 # what ends a process is a fact like any other
            self._failed(life, error)
        finally:
            if not life.process.is_dead:
                lease.release()
                if life.journal is not None:
                    life.journal.close()

    def _failed(self, life: Life, error: Exception) -> None:
        """Notes what ended a life: a sentence of ours, or something that nobody expected."""
        if life.process.is_dead:
            return  # its coroutines are being buried
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        word = "life.failed" if isinstance(error, CtosError) else "life.crashed"
        self.history.add(
            Told(
                at_ns=self.loop.now_ns(),
                life=life.process.number,
                event=word,
                fields=(("error", f"{type(error).__name__}: {error}"),),
            )
        )

    async def _run(self, life: Life, engine: Engine, starts: StartRecord, *, is_safe: bool) -> None:
        life.engine = engine
        engine.teller = _Teller(self, life)
        heard = engine._on_alarm  # noqa: SLF001 # alarms have no listener of their own

        def on_alarm(alarm: Alarm) -> None:
            alarmed(self, life, alarm)
            heard(alarm)

        engine._on_alarm = on_alarm  # type: ignore[method-assign] # noqa: SLF001 # as above
        engine.on_order_event = starts.progressed
        engine.risk.listen(lambda state, by: self._on_risk(life, state.value, by))
        told = engine._on_risk  # noqa: SLF001 # the service is made anew with the first bot's clock

        def on_risk(state: RiskState, by: str) -> None:
            self._on_risk(life, state.value, by)
            told(state, by)

        engine._on_risk = on_risk  # type: ignore[method-assign] # noqa: SLF001 # as above
        ended = asyncio.Event()
        engine.on_ended = lambda _: ended.set()
        if is_safe:
            with suppress(CtosError):
                await engine.risk.halt("safe mode", "crash loop")
        await self._start(engine)
        if any(bot.is_running for bot in engine.bots.values()):
            await ended.wait()

    def _on_risk(self, life: Life, state: str, by: str) -> None:
        self.history.add(
            RiskSet(at_ns=self.loop.now_ns(), life=life.process.number, state=state, by=by)
        )

    async def _start(self, engine: Engine) -> None:
        """Starts the bot with the file as it is now, or as it was where an edit did not get far."""
        try:
            await engine.start_bot(request_of(self.text))
        except ConfigError:
            if self.edited is None:
                raise
            self.text, self.edited = self.edited, self.text
            await engine.start_bot(request_of(self.text))

    # -- what an operator asks ----------------------------------------------------------------

    def ask(self, act: Act) -> None:
        """Asks the bot for something, as a key on the screen does."""
        life = self.life
        if life is not None and not life.process.is_dead and life.bot is not None:
            bot = life.bot
            self.loop.deliver(life.process, lambda: bot.service.ask(act, "you"))

    def ask_edit(self, text: str) -> None:
        """Puts another file under the bot that runs, as `ctos edit` does."""
        life = self.life
        if life is None or life.engine is None or life.bot is None or life.is_over:
            return
        engine, name = life.engine, life.bot.name
        self.edited = text

        async def ask() -> None:
            edit = EditBot(bot=name, path="simulated.yaml", text=text, is_applied=True)
            try:
                await edit_bot(engine, edit)
            except CtosError:
                return
            if self.text != text:
                self.text, self.edited = text, self.text

        self.loop.spawn(life.process, ask(), name="edit")

    def ask_kill(self, stage: KillStage) -> None:
        """Asks the engine for a stage of a kill."""
        life = self.life
        if life is None or life.engine is None or life.process.is_dead or life.is_over:
            return
        engine = life.engine

        async def ask() -> None:
            with suppress(CtosError):
                await engine.kill(Kill(stage=stage))

        self.loop.spawn(life.process, ask(), name=f"kill {stage.value}")

    def ask_end(self) -> None:
        """SIGTERM: the bot ends by its policy, then the process does."""
        life = self.life
        if life is None or life.bot is None:
            return
        engine, bot = life.engine, life.bot
        if engine is not None:
            self.loop.deliver(life.process, lambda: engine.stop_bot(bot, by="SIGTERM"))

    def second(self) -> asyncio.Task[None]:
        """Starts a second instance beside the one that runs; it must not get anywhere."""
        self.lives += 1
        life = Life(process=Process(self.lives))
        life.is_over = True
        return self.loop.spawn(life.process, self._live(life), name=f"second {self.lives}")


class _Teller:
    """Passes on what an engine tells."""

    def __init__(self, machine: Machine, life: Life) -> None:
        self._machine = machine
        self._life = life

    def line(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        machine = self._machine
        machine.history.add(
            Told(
                at_ns=machine.loop.now_ns(),
                life=self._life.process.number,
                event=event,
                fields=fields,
            )
        )

    def push(self, push: Push) -> None:
        """Endings are in the diary as well."""


@dataclass(slots=True)
class _Doors:
    """What the engine of a life stands on."""

    machine: Machine
    life: Life

    def read(self, request: StartBot) -> BotPlan:
        """The shipped reader."""
        plan, venue = read_plan(request.text), self.machine.venue
        return at_venue(plan, venue.tongue.name) if isinstance(venue, WireVenue) else plan

    def unlock(self, passphrase: str) -> None:
        """Nothing is sealed here."""

    def feed(self, plan: BotPlan, request: StartBot, now_ns: int) -> OpenFeed:
        """Prices come with the venue; this says only what kind they are."""
        return OpenFeed(feed=_LiveFeed())

    def journal(self, folder: Path, *, is_virtual: bool) -> Journal:
        """Opened before the engine."""
        raise AssertionError("the journal is opened with the life")

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """This life's door."""
        machine, life, venue = self.machine, self.life, self.machine.venue
        rng = machine._rng.child(f"door-{life.process.number}")  # noqa: SLF001 # two halves of one thing
        if isinstance(venue, WireVenue):
            wired = life.door = wire_door(
                venue,
                plan.settings,
                process=life.process,
                clock=room.clock,
                rng=rng,
                faults=machine.faults,
                history=machine.history,
            )
            return wired
        assert isinstance(venue, SimulatedVenue)  # noqa: S101 # there are no others
        door = VenueDoor(
            venue,
            process=life.process,
            clock=machine.clock,
            stamps=room.clock,
            rng=rng,
            faults=machine.faults,
            history=machine.history,
        )
        life.door = door
        return door

    def last_feed(self, folder: Path, bot: BotRow) -> str:
        """Never asked."""
        return "auto"

    def add_market(self, exchange: ExchangeInterface, plan: BotPlan, feed: OpenFeed) -> None:
        """There is one market."""


class _LiveFeed:
    """Stands for prices that come from the venue itself."""

    name = "drawn"
    kind = FeedKind.LIVE
    has_book = True
    first_ns: int | None = None
    last_ns: int | None = None

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """None to read."""
        return iter(())

    def funding(self) -> Sequence[FundingRow]:
        """None."""
        return ()


def alarmed(machine: Machine, life: Life, alarm: Alarm) -> None:
    """Notes that a person was called."""
    machine.history.add(
        Alarmed(
            at_ns=machine.loop.now_ns(),
            life=life.process.number,
            code=alarm.code,
            text=alarm.text,
        )
    )
