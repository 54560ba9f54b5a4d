"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from core.infrastructure.clock import NS_PER_S, datetime_of

TEST_START_NS = 1_767_225_600 * NS_PER_S
"""2026-01-01T00:00:00Z."""


class ManualClock:
    """Time for tests on an ordinary event loop: moves only by `advance`, `advance_to` and `tick`.

    Args:
        start_ns: UTC nanoseconds since 1970.
    """

    def __init__(self, start_ns: int = TEST_START_NS) -> None:
        self._passed_ns = 0
        self._wall_ns = start_ns
        self._timers: list[tuple[int, int, ManualTimer]] = []
        self._count = 0

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._wall_ns + self._passed_ns

    def now(self) -> datetime:
        """UTC, microseconds."""
        return datetime_of(self.now_ns())

    def monotonic_ns(self) -> int:
        """Nanoseconds that the test has let pass; a `jump` does not count."""
        return self._passed_ns

    @property
    def waiting(self) -> int:
        """How many sleeps, timeouts and callbacks are pending."""
        return sum(1 for _, _, timer in self._timers if not timer.is_cancelled)

    def advance(self, seconds: float) -> None:
        """Lets time pass; what falls due is called at its moment, tasks wake on the next turn."""
        self.advance_to(self.now_ns() + round(seconds * NS_PER_S))

    def advance_to(self, ns: int) -> None:
        """Lets time pass until a moment.

        Raises:
            ValueError: If that moment is past.
        """
        end_ns = ns - self._wall_ns
        if end_ns < self._passed_ns:
            raise ValueError("a manual clock does not go back; use `jump` for that")
        while self._timers and self._timers[0][0] <= end_ns:
            due_ns, _, timer = heapq.heappop(self._timers)
            if not timer.is_cancelled:
                self._passed_ns = max(self._passed_ns, due_ns)
                timer.callback()
        self._passed_ns = end_ns

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, also back; what waits still waits as long as it would have."""
        self._wall_ns += round(seconds * NS_PER_S)

    async def tick(self, seconds: float = 0.0) -> None:
        """Moves time on and lets tasks run, moment by moment, until all of them wait."""
        end_ns = self._passed_ns + round(seconds * NS_PER_S)
        await self.settle()
        while (due_ns := self._next_ns()) is not None and due_ns <= end_ns:
            self.advance_to(self._wall_ns + max(due_ns, self._passed_ns))
            await self.settle()
        self.advance_to(self._wall_ns + max(end_ns, self._passed_ns))
        await self.settle()

    async def settle(self) -> None:
        """Lets tasks run until all of them wait for something; at most 10,000 turns."""
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        for _ in range(20 if ready is None else 10_000):
            await asyncio.sleep(0)
            if ready is not None and not ready:
                return

    async def sleep(self, seconds: float) -> None:
        """Waits until the test has moved time far enough."""
        await self.sleep_until_ns(self.now_ns() + round(seconds * NS_PER_S))

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits until the test has moved time to `ns`."""
        if ns <= self.now_ns():
            await asyncio.sleep(0)
            return
        reached = asyncio.Event()
        timer = self.call_at_ns(ns, reached.set)
        try:
            await reached.wait()
        finally:
            timer.cancel()

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body when the test has moved time far enough, and raises TimeoutError."""
        return self._timeout(seconds)

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> ManualTimer:
        """Calls back inside `advance`, or on the next `advance` when `ns` is past."""
        timer = ManualTimer(callback)
        self._count += 1
        heapq.heappush(self._timers, (ns - self._wall_ns, self._count, timer))
        return timer

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> ManualTimer:
        """Calls back inside `advance`, so much later."""
        return self.call_at_ns(self.now_ns() + delay_ns, callback)

    def _next_ns(self) -> int | None:
        while self._timers and self._timers[0][2].is_cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    @asynccontextmanager
    async def _timeout(self, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            timer = None
            if seconds is not None:
                ns = self.now_ns() + round(seconds * NS_PER_S)
                timer = self.call_at_ns(ns, lambda: limit.reschedule(loop.time()))
            try:
                yield limit
            finally:
                if timer is not None:
                    timer.cancel()


class ManualTimer:
    """A pending callback of a manual clock."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        """Calls it off."""
        self.is_cancelled = True
