"""A watch over clocks, its wall and its venue: a place where time is wrong on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Generic, TypeVar

from core.adapters.storage.journal import SqliteJournal
from core.infrastructure.clock import SteadyClock, VirtualClock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.execution.clock_watch import ClockWatch
from core.services.execution.desk import Desk
from core.services.execution.sender import Sender
from core.services.execution.settings import ExecutionSettings
from core.services.execution.tracked import Alarm
from core.testing.execution import START_NS, instrument
from core.testing.scripted_venue import ScriptedVenue

VenueT = TypeVar("VenueT", bound=ScriptedVenue)


class Wall(VirtualClock):
    """The machine's own time, which somebody sets."""

    set_ns = 0
    """By how much."""

    def now_ns(self) -> int:
        """As it was set."""
        return super().now_ns() + self.set_ns


class ClockPlace(Generic[VenueT]):
    """A `ClockWatch` on virtual time.

    Args:
        folder: Of the journal.
        venue: Kind of venue; its `health_check` says what time it is there.
        wall_ns: By how much the machine's time is wrong from the beginning.
        has_wall: Whether there is a machine's time at all; on virtual time there is none.
        is_followed: Whether our clock is put right by what the watch finds.
    """

    def __init__(
        self,
        folder: Path,
        venue: type[VenueT],
        *,
        wall_ns: int = 0,
        has_wall: bool = True,
        is_followed: bool = True,
    ) -> None:
        self.loop = VirtualLoop(START_NS)
        self.wall = Wall(self.loop)
        self.wall.set_ns = wall_ns
        self.clock = SteadyClock(self.wall)
        self.venue = venue(VirtualClock(self.loop), instrument())
        self.alarms: list[Alarm] = []
        self.calmed: list[str] = []
        settings = ExecutionSettings()
        self.journal = SqliteJournal(folder / "journal.db", is_inline=True, busy_wait_s=0)
        sender = Sender(self.clock, settings, None)
        self.desk = Desk(self.venue, self.journal, self.clock, settings, sender)
        self.desk.on_alarm = self.alarms.append
        self.desk.on_calm = lambda _, code: self.calmed.append(code)
        follow = self._follow if is_followed else None
        self.watch = ClockWatch(self.desk, self.wall if has_wall else None, follow)

    def _follow(self) -> None:
        self.clock.follow()

    def agree(self) -> None:
        """Waits until both agree."""
        self.loop.run_until_complete(self.watch.agreed())

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.loop.run_until_complete(self.clock.sleep(seconds))

    def may_send(self) -> bool:
        """What an order is told."""

        async def ask() -> bool:
            return self.watch.may_send()

        return self.loop.run_until_complete(ask())

    def doubt(self) -> None:
        """Somebody noticed that time leapt, or that the machine slept."""

        async def doubt() -> None:
            self.watch.doubt()

        self.loop.run_until_complete(doubt())

    def close(self) -> None:
        """Ends it."""
        self.watch.close()
        self.loop.run_until_complete(self.desk.close())
        self.journal.close()
        self.loop.close()
