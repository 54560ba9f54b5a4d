"""Engines of this installation: started, reached, ended, and stood in for when none runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import ExitCode
from core.wiring.configuration import settings
from core.wiring.doors import Doors
from core.wiring.journals import resting
from core.wiring.passphrase import PASSPHRASE
from core.wiring.places import home, logs

if TYPE_CHECKING:
    from core.engine.client import EngineClient
    from core.engine.protocol import KillStage, StartBot
    from core.engine.runs import RunTeller
    from core.engine.serving import Setting
    from core.infrastructure.home import Home
    from core.services.ports import BotRow


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


async def connect_or_start(place: Home, mode: str, *, is_debug: bool = False) -> EngineClient:
    """The engine of a mode, started when none runs; it is told a passphrase that was typed here."""
    from core.engine.protocol import Unlock
    from core.engine.spawn import connect_or_start as connect

    client = await connect(place, mode, is_debug=is_debug)
    if PASSPHRASE.told:
        await client.demand(Unlock(passphrase=PASSPHRASE.told))
    return client


async def connect(place: Home, mode: str) -> EngineClient:
    """The engine of a mode that runs already; raises `NoEngine` where there is none."""
    from core.engine.client import EngineClient

    return await EngineClient.connect(place, mode)


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

    lines, is_clean = await kill(place, mode, stage, Doors().journal, resting)
    return Killed(lines=lines, exit_code=ExitCode.OK if is_clean else ExitCode.UNCLEAN)
