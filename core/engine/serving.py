"""An engine that others can reach: lease, journal, socket, signals; detached or in the foreground.

Starting and recovering are one path. Ending is one path too: every bot by its policy, then whoever
is connected gets what is queued for them, then the socket and the lease go.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.engine.bots import Bot
from core.engine.desk import FrontDesk
from core.engine.doors import Doors
from core.engine.endpoint import Endpoint
from core.engine.engine import Engine, Fields, Teller
from core.engine.protocol import Push
from core.engine.server import ControlServer
from core.engine.signals import LAST_STAGE, Askings, Ending
from core.engine.starts import CRASH_LIMIT, StartRecord
from core.engine.supervisor import Supervisor
from core.errors import ExitCode
from core.infrastructure.clock import WallClock
from core.infrastructure.files import FileLock
from core.infrastructure.garbage import leave_alone, look_again, seldom
from core.infrastructure.home import Home
from core.infrastructure.logging import LogRing
from core.infrastructure.rng import SystemRng

log = logging.getLogger(__name__)

SAFE_BY = "safe mode"
SAFE_NOTICE = (
    "This engine is in safe mode: it crashed again and again without bringing anything forward. "
    "It compares its orders with the venue and sends nothing new until `ctos kill --release`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an engine process is told."""

    home: Home
    mode: str
    doors: Doors
    ring: LogRing
    crash_limit: int = CRASH_LIMIT


async def serve(
    setting: Setting,
    *,
    foreground: Callable[[Engine], Awaitable[int]] | None = None,
    teller: Teller | None = None,
) -> int:
    """Runs the engine of a mode until nothing is left to do, or it is asked to end.

    Args:
        setting: What it is told.
        foreground: What this process itself wants of it, such as one bot from start to end; its
            result is the exit code, and the engine ends with it unless others' bots run.
        teller: Hears what every client hears.

    Raises:
        LeaseHeld: If another engine owns this home.
        JournalError: If the journal cannot be opened.
    """
    home, mode = setting.home, setting.mode
    lease = FileLock(home.lease_path(mode))
    lease.acquire(WallClock().now_ns())
    with lease, seldom():
        folder = home.mode_folder(mode)
        starts = StartRecord(folder / "starts.json", setting.crash_limit)
        journal = setting.doors.journal(folder, is_virtual=False)
        is_safe = starts.begin(WallClock().now_ns(), os.getpid())
        async with Engine(
            mode=mode,
            folder=folder,
            doors=setting.doors,
            journal=journal,
            instance_id=home.instance_id(SystemRng()),
            ring=setting.ring,
            may_send=lease.is_held,
        ) as engine:
            if is_safe:
                log.error("engine.safe_mode crashes=%d", setting.crash_limit)
                await engine.risk.halt(SAFE_BY, "crash loop")
            notices = (SAFE_NOTICE,) if is_safe else ()
            code = await _Life(setting, engine, starts, notices, teller).live(foreground)
        starts.ended()
    return code


class _Life:
    """One engine between its start and its end."""

    def __init__(
        self,
        setting: Setting,
        engine: Engine,
        starts: StartRecord,
        notices: tuple[str, ...],
        teller: Teller | None,
    ) -> None:
        self._engine = engine
        self._supervisor = Supervisor(engine)
        desk = FrontDesk(engine, self._supervisor, starts, notices)
        self._server = ControlServer(Endpoint.of(setting.home, setting.mode), desk)
        self._tellers: list[Teller] = [self._server, *([] if teller is None else [teller])]
        self._loop = asyncio.get_running_loop()
        self._was_asked = False
        engine.teller = self
        engine.on_ended = self._on_ended
        engine.on_order_event = starts.progressed

    def line(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        """Tells everyone who listens a line of a diary."""
        if event == "bot.started":
            leave_alone()  # its venue is connected, and everything it needs is in memory
        for teller in self._tellers:
            teller.line(bot, at_ns, event, fields)

    def push(self, push: Push) -> None:
        """Tells everyone who listens."""
        for teller in self._tellers:
            teller.push(push)

    async def live(self, foreground: Callable[[Engine], Awaitable[int]] | None) -> int:
        """Listens, and lives until there is nothing left to do."""
        with Askings(self._asked).heard(self._loop):
            async with self._server.open():
                if foreground is None:
                    await self._supervisor.finished.wait()
                    return self._code()
                code = await foreground(self._engine)
                others = list(self._engine.running)
                if others and not self._was_asked:
                    await self._supervisor.finished.wait()
                return code

    def _on_ended(self, bot: Bot) -> None:
        look_again()
        self._supervisor.ended(bot)
        if self._was_asked and not self._engine.running:
            self._supervisor.finished.set()

    def _asked(self, ending: Ending) -> None:
        """A signal asked this process to end."""
        log.warning("engine.asked_to_end by=%s stage=%d", ending.by, ending.stage)
        self._was_asked = True
        if ending.stage == LAST_STAGE:
            # What is not finished is on record: the next start finishes it.
            os._exit(ExitCode.UNCLEAN)
        for bot in self._engine.running:
            self._engine.stop_bot(bot, by=ending.by, deadline_s=ending.deadline_s)
        if not self._engine.running:
            self._supervisor.finished.set()

    def _code(self) -> int:
        codes = [
            int(bot.outcome.exit_code)
            for bot in self._engine.bots.values()
            if bot.outcome is not None
        ]
        return max(codes, default=0) if self._was_asked else 0
