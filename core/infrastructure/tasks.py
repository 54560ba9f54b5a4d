"""Tasks with a parent and a name, whose crash is heard; and a watch over the loop they share.

    async with Supervisor(clock, on_crash=stop_that_bot) as supervisor:
        supervisor.start("grid.btc", service.run())
        await end.wait()
    # leaving cancels what still runs, last started first, and waits for it

A child that raises is logged with its traceback and reported; its siblings go on (PR12). A vital
child takes everything with it. Nothing runs without a parent, nothing dies in silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from core.infrastructure.clock import NS_PER_S, Clock
from core.infrastructure.logging import fields

log = logging.getLogger(__name__)

STOP_WARNING_S = 5.0
"""A task that needs longer to end after its cancellation is named in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A supervised task ended by an exception."""

    name: str
    at_ns: int
    error: Exception


CrashHandler = Callable[[Crash], object]


class Supervisor:
    """Owns the root task group; a context manager.

    Args:
        clock: Stamps crashes and measures how long tasks take to end.
        on_crash: Called on the loop, once for each crash, before anything else happens; it must not
            wait. What it raises is logged.
    """

    def __init__(self, clock: Clock, *, on_crash: CrashHandler | None = None) -> None:
        self._clock = clock
        self._on_crash = on_crash
        self._group = asyncio.TaskGroup()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._crashes: list[Crash] = []

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the tasks that run, in the order in which they were started."""
        return tuple(self._tasks.values())

    @property
    def crashes(self) -> tuple[Crash, ...]:
        """Every crash so far."""
        return tuple(self._crashes)

    def start(
        self,
        name: str,
        coroutine: Coroutine[Any, Any, object],
        *,
        is_vital: bool = False,
        on_crash: CrashHandler | None = None,
    ) -> asyncio.Task[None]:
        """Starts a task that lives until it returns, raises, is cancelled or the supervisor ends.

        Args:
            name: Unique among those that run; appears in logs and reports.
            is_vital: Whether its crash ends the supervisor, which then raises it.
            on_crash: Instead of the supervisor's own handler.

        Raises:
            ValueError: If a task of that name runs.
        """
        if name in self._tasks.values():
            coroutine.close()
            raise ValueError(f"a task named {name!r} is running")
        handler = on_crash or self._on_crash
        task = self._group.create_task(
            self._guard(name, coroutine, handler, is_vital=is_vital), name=name
        )
        self._tasks[task] = name
        task.add_done_callback(lambda done: self._ended(done, coroutine))
        return task

    async def stop(self, name: str) -> None:
        """Cancels a task and waits until it has ended; does nothing when none of that name runs."""
        for task, running in tuple(self._tasks.items()):
            if running == name:
                task.cancel()
                await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in reversed(tuple(self._tasks)):
            task.cancel()
        warning = self._clock.call_at_ns(
            self._clock.now_ns() + round(STOP_WARNING_S * NS_PER_S), self._name_the_slow
        )
        is_cancelled = isinstance(error, asyncio.CancelledError)
        try:
            # The body's own error is raised as it is; the group would wrap it.
            await self._group.__aexit__(
                kind if is_cancelled else None,
                error if is_cancelled else None,
                trace if is_cancelled else None,
            )
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise
        finally:
            warning.cancel()

    async def _guard(
        self,
        name: str,
        coroutine: Coroutine[Any, Any, object],
        handler: CrashHandler | None,
        *,
        is_vital: bool,
    ) -> None:
        try:
            await coroutine
        except Exception as error:
            log.exception("task.crashed", extra=fields(task=name, vital=is_vital))
            crash = Crash(name=name, at_ns=self._clock.now_ns(), error=error)
            self._crashes.append(crash)
            self._report(crash, handler)
            if is_vital:
                raise

    def _ended(self, task: asyncio.Task[None], coroutine: Coroutine[Any, Any, object]) -> None:
        del self._tasks[task]
        # One that was cancelled before its first turn has not been awaited, and Python would warn.
        coroutine.close()

    def _report(self, crash: Crash, handler: CrashHandler | None) -> None:
        if handler is None:
            return
        try:
            handler(crash)
        except Exception:
            log.exception("task.crash_handler_failed", extra=fields(task=crash.name))

    def _name_the_slow(self) -> None:
        for name in self.running:
            log.warning("task.ends_slowly", extra=fields(task=name, waited_s=STOP_WARNING_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLate:
    """The event loop came back later than asked (PR13)."""

    at_ns: int
    since_ns: int
    """When the loop was last known to turn."""
    lag_ms: int
    is_stale: bool
    """Too late to trust what was received meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJumped:
    """Wall and monotonic time moved apart: a suspended machine, or a clock that was set (PR14)."""

    at_ns: int
    since_ns: int
    jump_s: float
    """Positive: the wall moved ahead."""


class LoopMonitor:
    """Measures how late the loop turns and whether the clock jumped.

    For loops on the wall only: on virtual time it would be a timer without end that no loop is
    ever late for.

    Args:
        clock: Not a scaled one, whose seconds are not the loop's.
        report: Called on the loop for each finding.
        interval_s: How often it looks.
        warn_ms: Lag from which a finding is logged and reported.
        stale_ms: Lag from which data counts as stale.
        jump_s: Difference between wall and monotonic time that counts as a jump.
    """

    def __init__(
        self,
        clock: Clock,
        report: Callable[[LoopLate | ClockJumped], object],
        *,
        interval_s: float = 0.25,
        warn_ms: int = 250,
        stale_ms: int = 2_000,
        jump_s: float = 2.0,
    ) -> None:
        self._clock = clock
        self._report = report
        self._interval_s = interval_s
        self._warn_ms = warn_ms
        self._stale_ms = stale_ms
        self._jump_s = jump_s

    async def run(self) -> None:
        """Watches until cancelled."""
        while True:
            wall_ns, mono_ns = self._clock.now_ns(), self._clock.monotonic_ns()
            await self._clock.sleep(self._interval_s)
            self._judge(wall_ns, mono_ns)

    def _judge(self, wall_ns: int, mono_ns: int) -> None:
        now_ns = self._clock.now_ns()
        passed_ns = self._clock.monotonic_ns() - mono_ns
        lag_ms = passed_ns / 1_000_000 - self._interval_s * 1_000
        if lag_ms >= self._warn_ms:
            is_stale = lag_ms >= self._stale_ms
            log.warning("loop.late", extra=fields(lag_ms=round(lag_ms), stale=is_stale))
            self._report(
                LoopLate(at_ns=now_ns, since_ns=wall_ns, lag_ms=round(lag_ms), is_stale=is_stale)
            )
        jump_s = (now_ns - wall_ns - passed_ns) / NS_PER_S
        if abs(jump_s) >= self._jump_s:
            log.warning("clock.jumped", extra=fields(jump_s=round(jump_s, 3)))
            self._report(ClockJumped(at_ns=now_ns, since_ns=wall_ns, jump_s=jump_s))
