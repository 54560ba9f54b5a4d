"""Whether our clock and the venue's agree: no order leaves while they may not (reliability CK2).

    asked, differs by little    orders may leave
    a leap, a long sleep        nothing is known: asked again at once, nothing leaves meanwhile
    asked, differs by much      the wall is right: our clock follows it; else a person is called

A venue that tells no time of its own is measured against the wall alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from core.adapters.exchanges.models import HealthReport
from core.errors import TransportError, VenueError
from core.infrastructure.clock import Cancellable, Clock
from core.services.execution.desk import Desk
from core.services.execution.sender import Priority
from core.services.execution.tracked import Alarm

log = logging.getLogger(__name__)

NS_PER_MS: Final = 1_000_000
LEAP_NS: Final = 1_000_000_000
"""Difference by which the wall leapt, or the machine slept."""
WARN_NS: Final = 500_000_000
_DIFFERS: Final = "our clock is {seconds} s {where} {venue}'s: no order is sent until it is right"


class ClockWatch:
    """Asks one venue for its time and says whether orders may be stamped with ours.

    Args:
        desk: Shared.
        wall: The machine's own time; None where time is virtual, and then it is never asked.
        on_wall_right: Called when the venue agrees with the wall and not with our clock; takes the
            wall's time over.
    """

    def __init__(
        self, desk: Desk, wall: Clock | None, on_wall_right: Callable[[], None] | None
    ) -> None:
        self._desk = desk
        self._wall = wall
        self._on_wall_right = on_wall_right
        self._is_agreed = False
        self._is_asking = False
        self._is_told = False
        self._lead_ns = 0
        """Wall less monotonic time when the venue was asked last: it changes when either leaps."""
        self._skew_ns = 0
        self._timer: Cancellable | None = None

    @property
    def skew_ns(self) -> int:
        """How far the venue was ahead of our clock, when it was asked last."""
        return self._skew_ns

    @property
    def is_agreed(self) -> bool:
        """Whether both agreed when the venue was asked last, and nothing leapt since."""
        return self._wall is None or (
            self._is_agreed and abs(self._lead(self._wall) - self._lead_ns) <= LEAP_NS
        )

    def may_send(self) -> bool:
        """Whether orders may leave now; where they may not, the venue is asked."""
        if self.is_agreed:
            return True
        self.doubt()
        return False

    def doubt(self) -> None:
        """Something happened to the time: the venue is asked at once."""
        if self._wall is None:
            return
        self._is_agreed = False
        if not self._is_asking and not self._desk.is_closed:
            self._is_asking = True
            self._desk.spawn(self._ask_until_agreed(), "ask for the time")

    async def agreed(self) -> None:
        """Waits until both agree.

        Raises:
            VenueError: If the venue does not answer.
        """
        while not self.is_agreed:
            await self._ask()
            if not self.is_agreed:
                await self._desk.clock.sleep(self._desk.settings.clock_retry_s)
        if self._wall is not None and self._timer is None:
            self._arm()

    def close(self) -> None:
        """Calls the next question off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        after_ns = round(self._desk.settings.clock_check_s * 1e9)
        self._timer = self._desk.clock.call_after_ns(after_ns, self._check)

    def _check(self) -> None:
        """The question of every few minutes; one that is not answered changes nothing."""
        self._arm()
        if not self._is_asking:
            self._is_asking = True
            self._desk.spawn(self._ask_once(), "ask for the time")

    async def _ask_once(self) -> None:
        try:
            await self._ask()
        except VenueError as error:
            log.info("clock.no_answer venue=%s error=%s", self._desk.venue.venue, error)
        finally:
            self._is_asking = False
        if not self.is_agreed:
            self.doubt()

    async def _ask_until_agreed(self) -> None:
        try:
            while not self.is_agreed:
                try:
                    await self._ask()
                except VenueError as error:
                    log.info("clock.no_answer venue=%s error=%s", self._desk.venue.venue, error)
                if not self.is_agreed:
                    await self._desk.clock.sleep(self._desk.settings.clock_retry_s)
        finally:
            self._is_asking = False

    async def _ask(self) -> None:
        wall, desk = self._wall, self._desk
        if wall is None:
            return
        lead_ns = self._lead(wall)
        report = await desk.call("health_check", "", Priority.QUERY, desk.venue.health_check)
        if not report.is_healthy:
            raise TransportError(report.detail or "no answer", venue=desk.venue.venue)
        if abs(self._lead(wall) - lead_ns) > LEAP_NS:
            return  # it leapt while the answer was on its way
        self._lead_ns = lead_ns
        self._judge(report, wall.now_ns() - desk.clock.now_ns())

    def _judge(self, report: HealthReport, gap_ns: int) -> None:
        """Takes in an answer.

        Args:
            report: What the venue said.
            gap_ns: How far the wall is ahead of our clock.
        """
        most_ns = round(self._desk.settings.max_skew_s * 1e9)
        if report.clock_skew_ms is None:
            skew_ns, error_ns = gap_ns, 0
        else:
            skew_ns = round(report.clock_skew_ms * NS_PER_MS)
            error_ns = round((report.latency_ms or 0.0) * NS_PER_MS / 2)
        if abs(skew_ns) + error_ns <= most_ns:
            self._agree(skew_ns)
        elif abs(skew_ns) - error_ns > most_ns:
            if self._on_wall_right is not None and abs(skew_ns - gap_ns) + error_ns <= most_ns:
                self._on_wall_right()
                self._agree(skew_ns - gap_ns)
            else:
                self._differ(skew_ns)
        # Else the answer took so long that it says nothing.

    def _agree(self, skew_ns: int) -> None:
        self._is_agreed, self._skew_ns = True, skew_ns
        if abs(skew_ns) > WARN_NS:
            log.warning("clock.off venue=%s ms=%d", self._desk.venue.venue, skew_ns // NS_PER_MS)
        if self._is_told:
            self._is_told = False
            self._desk.calm("CLOCK_DIFFERS")

    def _differ(self, skew_ns: int) -> None:
        self._is_agreed, self._skew_ns = False, skew_ns
        if self._is_told:
            return
        self._is_told = True
        text = _DIFFERS.format(
            seconds=f"{abs(skew_ns) / 1e9:.1f}",
            where="behind" if skew_ns > 0 else "ahead of",
            venue=self._desk.venue.venue,
        )
        self._desk.alarm(Alarm("", "CLOCK_DIFFERS", text, self._desk.clock.now_ns()))

    def _lead(self, wall: Clock) -> int:
        return wall.now_ns() - wall.monotonic_ns()
