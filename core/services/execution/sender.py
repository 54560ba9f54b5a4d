"""Whose turn it is to talk to the venue.

    cancel > reduce > exit > entry > query

Requests wait in that order for a place among those under way and for the rate budget of the last
sixty seconds. A fifth of the budget is kept for cancels and queries, so that getting out and
finding out always work (T10). A turn is counted when it is taken: a process that stood still
between getting one and using it asks for another, so that what it does on waking counts then (CK7).
After a `RateLimited` everything but cancels rests until the venue's time is over; a long one is a
ban, and then nothing is sent at all (T11). Where creates and cancels leave one after the other, a
few are let go at a time: who waited inside the venue's door would use up the time for its answer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from enum import IntEnum
from typing import Final

from core.infrastructure.clock import Cancellable, Clock
from core.services.execution.settings import ExecutionSettings

_WINDOW_NS: Final = 60_000_000_000
_BAN_FROM_S: Final = 60.0
"""A venue that asks for more patience than this has banned us: probing makes it longer."""
_LATE_NS: Final = 500_000_000
"""A turn that is taken up later than this was given to a process that stood still meanwhile."""


class Priority(IntEnum):
    """Smaller goes first."""

    CANCEL = 0
    REDUCE = 1
    EXIT = 2
    ENTRY = 3
    QUERY = 4


_RESERVED: Final = frozenset({Priority.CANCEL, Priority.QUERY})
_Turn = tuple[Priority, int, asyncio.Future[int]]
"""Who waits, since when in the order of asking, and for when the turn was given."""


class Sender:
    """Permits to call one account of one venue.

    Args:
        clock: The engine's clock.
        settings: Bounds.
        requests_per_minute: The venue's limit; None for none, and then nothing waits for it.
        changes_in_flight: Creates and cancels under way at a time; None for any number.
    """

    def __init__(
        self,
        clock: Clock,
        settings: ExecutionSettings,
        requests_per_minute: int | None,
        changes_in_flight: int | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._budget = requests_per_minute
        self._max_in_flight = settings.max_in_flight if requests_per_minute is not None else None
        self._max_changes = changes_in_flight
        self._sent_ns: deque[int] = deque()
        self._in_flight = 0
        self._changes = 0
        """Creates and cancels among those in flight."""
        self._waiting: list[_Turn] = []
        self._count = 0
        self._paused_until_ns = 0
        self._banned_until_ns = 0
        self._refusals = 0
        self._timer: Cancellable | None = None

    @property
    def used_fraction(self) -> float | None:
        """Part of the rate budget used in the last minute; None where there is no limit."""
        if self._budget is None:
            return None
        return self._spent() / self._budget

    @property
    def paused_for_s(self) -> float:
        """Seconds until orders may be sent again; 0 when they may."""
        return max(0, self._paused_until_ns - self._clock.monotonic_ns()) / 1e9

    async def acquire(self, priority: Priority) -> None:
        """Waits for a turn; each one taken must be given back with `release`."""
        if not self._waiting and self.may(priority):
            self._grant(priority)
            return
        while await self._wait(priority) > _LATE_NS:
            self.release(priority)

    def count(self) -> None:
        """Counts a turn once more whose request leaves later than it was taken."""
        if self._budget is not None:
            self._sent_ns.append(self._clock.monotonic_ns())

    async def _wait(self, priority: Priority) -> int:
        """Waits in line for a turn; says how long ago it was given."""
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (priority, self._count, turn))
        self._pump()
        try:
            given_ns = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(priority)
            else:
                self._pump()  # a place in the queue that nobody holds is no request that waits
            raise
        return self._clock.monotonic_ns() - given_ns

    def release(self, priority: Priority) -> None:
        """Gives a turn back."""
        self._in_flight -= 1
        self._changes -= priority is not Priority.QUERY
        if self._waiting:
            self._pump()

    def answered(self) -> None:
        """The venue can be reached: the pauses after refusals begin small again."""
        self._refusals = 0

    def pause(self, seconds: float, *, is_ban: bool = False) -> None:
        """The venue asked for patience; during a ban, or a long time, not even cancels leave."""
        until_ns = self._clock.monotonic_ns() + round(seconds * 1e9)
        self._paused_until_ns = max(self._paused_until_ns, until_ns)
        if is_ban or seconds >= _BAN_FROM_S:
            self._banned_until_ns = max(self._banned_until_ns, until_ns)
        self._pump()

    def back_off(self) -> None:
        """A request could not even leave: rest a little, twice as long each time in a row."""
        settings = self._settings
        seconds = settings.refusal_pause_s * 2.0 ** min(self._refusals, 10)
        self._refusals += 1
        self.pause(min(seconds, settings.max_pause_s))

    def close(self) -> None:
        """Calls off the timer and everyone who waits."""
        if self._timer is not None:
            self._timer.cancel()
        for _, _, turn in self._waiting:
            turn.cancel()
        self._waiting.clear()

    def may(self, priority: Priority) -> bool:
        """Whether a request of this kind would have its turn now."""
        if self._max_in_flight is not None and self._in_flight >= self._max_in_flight:
            return False
        if priority is not Priority.QUERY and self._is_crowded:
            return False
        return self._ready_ns(priority) <= self._clock.monotonic_ns()

    @property
    def _is_crowded(self) -> bool:
        """Whether no other create or cancel may be under way."""
        return self._max_changes is not None and self._changes >= self._max_changes

    def _ready_ns(self, priority: Priority) -> int:
        """When pauses and budget allow a request; a time in the past for now."""
        is_cancel = priority is Priority.CANCEL
        ready_ns = self._banned_until_ns if is_cancel else self._paused_until_ns
        if self._budget is None:
            return ready_ns
        allowed = self._budget
        if priority not in _RESERVED:
            allowed = max(1, int(allowed * (1 - self._settings.reserved_fraction)))
        excess = self._spent() - allowed
        if excess < 0:
            return ready_ns
        return max(ready_ns, self._sent_ns[excess] + _WINDOW_NS)

    def _spent(self) -> int:
        since_ns = self._clock.monotonic_ns() - _WINDOW_NS
        sent = self._sent_ns
        while sent and sent[0] <= since_ns:
            sent.popleft()
        return len(sent)

    def _grant(self, priority: Priority) -> None:
        self._in_flight += 1
        self._changes += priority is not Priority.QUERY
        if self._budget is not None:
            self._sent_ns.append(self._clock.monotonic_ns())

    def _pump(self) -> None:
        """Lets everyone go who may, in order; a query passes entries that only lack budget."""
        held: list[_Turn] = []
        while self._waiting:
            item = heapq.heappop(self._waiting)
            if item[2].done():
                continue
            if self.may(item[0]):
                self._grant(item[0])
                item[2].set_result(self._clock.monotonic_ns())
            else:
                held.append(item)
                if self._max_in_flight is not None and self._in_flight >= self._max_in_flight:
                    break
        for item in held:
            heapq.heappush(self._waiting, item)
        self._arm(held)

    def _arm(self, held: list[_Turn]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ns = self._clock.monotonic_ns()
        waits_ns = [self._ready_ns(item[0]) - now_ns for item in held]
        # Who waits for a place alone gets it as soon as one is given back.
        wait_ns = min((each for each in waits_ns if each > 0), default=0)
        if wait_ns:
            self._timer = self._clock.call_after_ns(wait_ns, self._pump)
