"""One bot from start to end in this process: in real time with a socket, or on virtual time.

A run on virtual time is an engine of its own: a fresh account in a folder of its own, no socket, no
lease on the ordinary engine, ids from the seed. Nothing of the wall's clock, of this process or of
the folder's place reaches what it tells.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from core.engine.bots import Bot
from core.engine.doors import Doors
from core.engine.engine import Engine
from core.engine.pace import newest_ns
from core.engine.protocol import BotEnded, BotStarted, Push, StartBot
from core.engine.provenance import RUN_FILE, Provenance, write_run
from core.engine.serving import Setting, serve
from core.engine.signals import LAST_STAGE, Askings, Ending
from core.errors import ExitCode
from core.infrastructure.clock import VirtualClock
from core.infrastructure.files import FileLock
from core.infrastructure.home import Home
from core.infrastructure.ids import random_id
from core.infrastructure.rng import SeededRng
from core.infrastructure.virtual_time import VirtualLoop

log = logging.getLogger(__name__)

DEFAULT_SEED: Final = 7
OURS: Final = ("journal.db", RUN_FILE, "venue")
"""Beginnings of the names of what a run leaves in its folder."""

Fields = tuple[tuple[str, str | int | bool | None], ...]


class RunTeller(Protocol):
    """Who hears a run of this process; called on its loop, must not wait for long."""

    def event(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        """A line of the diary."""

    def notice(self, text: str) -> None:
        """Something a person should know."""

    def ended(self, ended: BotEnded) -> None:
        """The closing line."""


class _Pusher:
    """Passes on what concerns one bot."""

    def __init__(self, teller: RunTeller) -> None:
        self._teller = teller
        self.name = ""
        """Empty until it is known: then everything is passed on."""

    def line(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        if not self.name or bot == self.name:
            self._teller.event(bot, at_ns, event, fields)

    def push(self, push: Push) -> None:
        if isinstance(push, BotEnded) and (not self.name or push.bot == self.name):
            self._teller.ended(push)


def run_foreground(setting: Setting, request: StartBot, teller: RunTeller) -> int:
    """Runs a bot in real time until it ends; others reach the engine through its socket.

    Raises:
        LeaseHeld: If another engine owns this home.
    """
    pusher = _Pusher(teller)
    return asyncio.run(serve(setting, foreground=_one_bot(request, pusher, teller), teller=pusher))


def run_virtual(
    home: Home,
    doors: Doors,
    request: StartBot,
    teller: RunTeller,
) -> int:
    """Runs a bot on virtual time until its feed, or its time, ends; gives the exit code.

    Raises:
        ConfigError: If the file is wrong, or a run that is to be resumed is not there.
    """
    plan = doors.read(request)
    folder = _folder(home, plan.name, is_resumed=request.is_resumed)
    with FileLock(folder / "run.lock") as lock:
        lock.acquire(0)
        if not request.is_resumed:
            _clear(folder)
            write_run(folder, Provenance.of(request))
        return _run(folder, doors, request, teller)


def run_apart(doors: Doors, request: StartBot, teller: RunTeller) -> int:
    """Runs a bot on virtual time as `run_virtual` does, and leaves nothing behind.

    Args:
        doors: Their journal and venue keep no files.
        request: As for `run_virtual`; nothing is resumed.
        teller: Hears the same lines.

    Raises:
        ConfigError: If the file is wrong.
    """
    return _run(Path(), doors, request, teller)


def _run(folder: Path, doors: Doors, request: StartBot, teller: RunTeller) -> int:
    feed = doors.feed(doors.read(request), request, now_ns=-1)
    journal = doors.journal(folder, is_virtual=True)
    start_ns = feed.feed.first_ns or 0
    newest = newest_ns(journal)
    if newest is not None:
        start_ns = max(start_ns, newest)
    loop = VirtualLoop(start_ns)
    pusher = _Pusher(teller)
    seed = DEFAULT_SEED if request.seed is None else request.seed

    async def main() -> int:
        engine = Engine(
            mode="paper",
            folder=folder,
            doors=doors,
            journal=journal,
            instance_id=random_id(SeededRng(f"instance-{seed}")),
            clock=VirtualClock(loop),
        )
        engine.teller = pusher
        with Askings(lambda ending: _asked(engine, ending)).heard(loop):
            async with engine:
                return await _one_bot(request, pusher, teller)(engine)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


def _asked(engine: Engine, ending: Ending) -> None:
    """The bot ends by its policy at the time the run has reached; the third signal ends it all."""
    if ending.stage == LAST_STAGE:
        os._exit(ExitCode.UNCLEAN)
    for bot in engine.running:
        engine.stop_bot(bot, by=ending.by)


def _one_bot(
    request: StartBot, pusher: _Pusher, teller: RunTeller
) -> Callable[[Engine], Awaitable[int]]:
    """Starts a bot and waits for its end."""

    async def run(engine: Engine) -> int:
        bots: asyncio.Queue[Bot] = asyncio.Queue()
        before = engine.on_ended

        def ended(bot: Bot) -> None:
            if before is not None:
                before(bot)
            bots.put_nowait(bot)

        engine.on_ended = ended
        started = await engine.start_bot(request)
        pusher.name = started.name
        _tell_notices(started, teller)
        while True:
            bot = await bots.get()
            if bot.name == started.name:
                return int(ExitCode.FAILED if bot.outcome is None else bot.outcome.exit_code)

    return run


def _tell_notices(started: BotStarted, teller: RunTeller) -> None:
    for notice in started.notices:
        teller.notice(notice)


def _folder(home: Home, name: str, *, is_resumed: bool) -> Path:
    folder = home.find_run(name)
    is_there = folder.is_dir() and any(folder.iterdir())
    return home.run_folder(name, is_resumed=is_resumed or is_there)


def _clear(folder: Path) -> None:
    """Takes an earlier run of the same name away: a run is fresh unless it is resumed."""
    for path in folder.iterdir():
        if path.is_file() and path.name.startswith(OURS):
            with suppress(FileNotFoundError):
                path.unlink()
