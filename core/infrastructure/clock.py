"""Time as a seam: everything that waits or stamps takes it from the clock it was given.

`now_ns` is the time that rows, orders and snapshots carry: UTC nanoseconds since 1970. On a wall
clock that is the machine's time; on a scaled or virtual clock it is the feed's, and every duration
(`sleep`, `timeout`, `monotonic_ns`) is in the feed's seconds too.

    SteadyClock(wall)          live: the wall, unmoved by whoever sets it
    WallClock                  the machine's own, and sim at speed 1
    ScaledClock(start, speed)  a recording, or any speed other than 1
    VirtualClock(loop)         `--speed max`: time is what the virtual loop says
    core.testing.clock.ManualClock  tests move it by hand
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from core.infrastructure.virtual_time import VirtualLoop

NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAP_S = 30.0
"""The wall clock may jump while we sleep, so a long wait looks at it again this often."""


class Cancellable(Protocol):
    """A callback that has been asked for and can still be called off."""

    def cancel(self) -> None:
        """Calls it off; does nothing when it has already run."""


class Clock(Protocol):
    """Where time comes from. Durations are seconds of this clock, moments are its nanoseconds."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""

    def now(self) -> datetime:
        """`now_ns()` as an aware UTC time, cut to microseconds."""

    def monotonic_ns(self) -> int:
        """For durations and ages: never goes back, zero is arbitrary."""

    async def sleep(self, seconds: float) -> None:
        """Waits; yields to other tasks at least once, also for zero or less."""

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits until `now_ns()` is at least `ns`; yields at least once."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body after `seconds` and raises TimeoutError; None waits for ever."""

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back once when `now_ns()` reaches `ns`, soon when it is past. Loop thread only."""

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back once when so much time has passed, however the wall clock is set meanwhile.

        Loop thread only.
        """


class WallClock:
    """The machine's own time."""

    now_ns = staticmethod(time.time_ns)
    """UTC nanoseconds since 1970; steps when the system's time is set."""

    def now(self) -> datetime:
        """UTC, microseconds."""
        return datetime_of(self.now_ns())

    monotonic_ns = staticmethod(time.monotonic_ns)
    """The system's monotonic clock, which may stand still while the machine is suspended."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(max(seconds, 0.0))

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits; a step of the system's time is noticed within half a minute."""
        await asyncio.sleep(0)
        while (left_ns := ns - self.now_ns()) > 0:  # noqa: ASYNC110 # time has no event to wait on
            await asyncio.sleep(min(left_ns / NS_PER_S, _LONGEST_NAP_S))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body after `seconds`."""
        return asyncio.timeout(seconds)

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when the system's time reaches `ns`."""
        return WallTimer(self.now_ns, 1.0, ns, callback)

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when so many nanoseconds have passed."""
        return asyncio.get_running_loop().call_later(max(delay_ns, 0) / NS_PER_S, callback)


class SteadyClock:
    """The machine's time, taken from the wall once and counted from there.

    Whoever sets the wall moves nothing that is measured here: no wait grows by an hour, no price
    and no deadline is suddenly old. Whether the wall or this clock is right is for somebody else to
    say, who asks a venue; then `follow` takes the wall over.

    Args:
        wall: The machine's own time.
    """

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._offset_ns = wall.now_ns() - wall.monotonic_ns()

    @property
    def gap_ns(self) -> int:
        """How far the wall is ahead of this clock."""
        return self._wall.now_ns() - self.now_ns()

    def follow(self) -> int:
        """Takes the wall's time over; the result is by how much this clock moved ahead."""
        moved_ns = self.gap_ns
        self._offset_ns += moved_ns
        return moved_ns

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._wall.monotonic_ns() + self._offset_ns

    def now(self) -> datetime:
        """UTC, microseconds."""
        return datetime_of(self.now_ns())

    def monotonic_ns(self) -> int:
        """The machine's."""
        return self._wall.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._wall.sleep(seconds)

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits for a moment of this clock; that it followed the wall is noticed soon."""
        await asyncio.sleep(0)
        while (left_ns := ns - self.now_ns()) > 0:  # time has no event to wait on
            await self._wall.sleep(min(left_ns / NS_PER_S, _LONGEST_NAP_S))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body after `seconds`."""
        return self._wall.timeout(seconds)

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when this clock reaches `ns`."""
        return WallTimer(self.now_ns, 1.0, ns, callback)

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when so many nanoseconds have passed."""
        return self._wall.call_after_ns(delay_ns, callback)


class ScaledClock:
    """Feed time that runs `speed` times as fast as the wall.

    Args:
        start_ns: What the feed's time is at the moment this clock is made.
        speed: Feed seconds per wall second, above zero.
        elapsed_ns: The machine's monotonic time, in which the event loop counts as well.
    """

    def __init__(
        self, start_ns: int, speed: float, elapsed_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above zero, not {speed}")
        self.speed = float(speed)
        self._start_ns = start_ns
        self._elapsed_ns = elapsed_ns
        self._origin_ns = elapsed_ns()

    def now_ns(self) -> int:
        """Feed time."""
        return self._start_ns + self.monotonic_ns()

    def now(self) -> datetime:
        """Feed time."""
        return datetime_of(self.now_ns())

    def monotonic_ns(self) -> int:
        """Feed nanoseconds since the clock was made."""
        return int((self._elapsed_ns() - self._origin_ns) * self.speed)

    async def sleep(self, seconds: float) -> None:
        """Waits feed seconds."""
        await asyncio.sleep(max(seconds, 0.0) / self.speed)

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits for a moment of feed time."""
        await asyncio.sleep(0)
        while (left_ns := ns - self.now_ns()) > 0:  # noqa: ASYNC110 # time has no event to wait on
            await asyncio.sleep(min(left_ns / NS_PER_S / self.speed, _LONGEST_NAP_S))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body after feed seconds."""
        return asyncio.timeout(None if seconds is None else seconds / self.speed)

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when feed time reaches `ns`."""
        return WallTimer(self.now_ns, self.speed, ns, callback)

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when so many nanoseconds of feed time have passed."""
        delay_s = max(delay_ns, 0) / NS_PER_S / self.speed
        return asyncio.get_running_loop().call_later(delay_s, callback)


class VirtualClock:
    """The time of a virtual loop, exact to the nanosecond; waiting costs nothing."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ns(self) -> int:
        """The loop's time."""
        return self._loop.now_ns()

    def now(self) -> datetime:
        """The loop's time."""
        return datetime_of(self._loop.now_ns())

    def monotonic_ns(self) -> int:
        """The same as `now_ns()`: virtual time never goes back."""
        return self._loop.now_ns()

    async def sleep(self, seconds: float) -> None:
        """Waits virtual seconds, rounded to the nanosecond."""
        if seconds > 0:
            await self.sleep_until_ns(self._loop.now_ns() + round(seconds * NS_PER_S))
        else:
            await asyncio.sleep(0)

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits for exactly that moment."""
        if ns <= self._loop.now_ns():
            await asyncio.sleep(0)
            return
        reached: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_at_ns(ns, _set, reached)
        try:
            await reached
        finally:
            timer.cancel()

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body after virtual seconds."""
        return asyncio.timeout(seconds)

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back at exactly `ns`; those of one moment run in the order of asking."""
        return self._loop.call_at_ns(ns, callback)

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back exactly `delay_ns` later."""
        return self._loop.call_at_ns(self._loop.now_ns() + max(delay_ns, 0), callback)


class WallTimer:
    """A callback at a moment of a clock on the wall; looks again when it woke too early."""

    def __init__(
        self, now_ns: Callable[[], int], speed: float, ns: int, callback: Callable[[], object]
    ) -> None:
        self._now_ns = now_ns
        self._speed = speed
        self._ns = ns
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle = self._nap()

    def cancel(self) -> None:
        """Calls it off."""
        self._handle.cancel()

    def _nap(self) -> asyncio.TimerHandle:
        wall_s = max(self._ns - self._now_ns(), 0) / NS_PER_S / self._speed
        return self._loop.call_later(min(wall_s, _LONGEST_NAP_S), self._wake)

    def _wake(self) -> None:
        if self._now_ns() < self._ns:
            self._handle = self._nap()
        else:
            self._callback()


def datetime_of(ns: int) -> datetime:
    """Nanoseconds since 1970 as an aware UTC time, cut down to whole microseconds."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def iso_utc(ns: int) -> str:
    """Nanoseconds since 1970 as `2026-11-21T10:00:00.123Z`, cut down to milliseconds."""
    return f"{datetime_of(ns):%Y-%m-%dT%H:%M:%S}.{ns // 1_000_000 % 1000:03d}Z"


def _set(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)
