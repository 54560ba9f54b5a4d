"""The clocks of a simulated machine: one for durations, that runs, one on the wall, that lies.

Durations are the loop's own. The wall is the loop's time plus an offset that a fault may change at
any moment, and that drifts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final

from core.infrastructure.clock import NS_PER_S, Cancellable, VirtualClock, WallTimer, datetime_of
from core.testing.simulation.loop import SimulationLoop

_PER_MILLION: Final = 1_000_000


class MachineClock:
    """Time as programs on one machine see it.

    Args:
        loop: Where true time comes from.
    """

    def __init__(self, loop: SimulationLoop) -> None:
        self._loop = loop
        self._true = VirtualClock(loop)
        self._offset_ns = 0
        self._drift_ppm = 0
        self._drifts_from_ns = 0

    @property
    def offset_ns(self) -> int:
        """How far the wall is ahead of true time."""
        passed_ns = self._loop.now_ns() - self._drifts_from_ns
        return self._offset_ns + passed_ns * self._drift_ppm // _PER_MILLION

    def step(self, ns: int) -> None:
        """Sets the wall so far ahead of true time; negative behind it."""
        self._offset_ns = ns
        self._drifts_from_ns = self._loop.now_ns()

    def drift(self, ppm: int) -> None:
        """From now on the wall gains so many microseconds a second."""
        self._offset_ns = self.offset_ns
        self._drifts_from_ns = self._loop.now_ns()
        self._drift_ppm = ppm

    def heal(self) -> None:
        """The wall is right again."""
        self._offset_ns = self._drift_ppm = 0

    def now_ns(self) -> int:
        """The wall."""
        return self._loop.now_ns() + self.offset_ns

    def now(self) -> datetime:
        """The wall."""
        return datetime_of(self.now_ns())

    def monotonic_ns(self) -> int:
        """Never set by anybody."""
        return self._loop.now_ns()

    async def sleep(self, seconds: float) -> None:
        """Waits so long, whatever the wall says."""
        await self._true.sleep(seconds)

    async def sleep_until_ns(self, ns: int) -> None:
        """Waits until the wall says so; a wall that was set is noticed within half a minute."""
        await asyncio.sleep(0)
        while (left_ns := ns - self.now_ns()) > 0:  # time has no event to wait on
            await self._true.sleep(min(left_ns / NS_PER_S, 30.0))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancels the body after so long."""
        return asyncio.timeout(seconds)

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when the wall says so."""
        return WallTimer(self.now_ns, 1.0, ns, callback)

    def call_after_ns(self, delay_ns: int, callback: Callable[[], object]) -> Cancellable:
        """Calls back when so much time has passed."""
        return self._true.call_after_ns(delay_ns, callback)
