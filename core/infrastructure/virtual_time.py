"""An event loop on which time costs nothing and every run is the same.

The loop has no selector, no threads and no wall clock. Ready callbacks run first in, first out.
When nothing is ready, time moves to whatever comes next:

    the next row of the idle source, when it is strictly before the next timer
                                     → the source delivers rows and sets the time itself
    else the earliest timer          → time jumps there; those of one moment in order of asking
    neither                          → DeadlockError, naming who waits

So at an equal time a timer comes before a row not yet seen, and whatever a row caused at zero delay
is settled before the next row. Tasks hash by number, not by address, so that a TaskGroup or
`gather` treats them in the same order in every process.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import signal
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar, TypeVarTuple, Unpack

NS_PER_S = 1_000_000_000
_COMPACT_FROM = 1024
_GARBAGE = (50_000, 20, 50)
"""Thresholds of the garbage collector."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class IdleSource(Protocol):
    """Rows that a virtual loop takes in while it has nothing else to do."""

    def next_ns(self) -> int | None:
        """Time of the next row, or None when there are no more."""

    def advance(self, limit_ns: int | None) -> None:
        """Delivers rows, calling `loop.set_now_ns` before each.

        Returns as soon as `loop.has_ready()`, or when the next row is not strictly before
        `limit_ns`, or after the last row. At least one row is delivered. What it raises ends the
        loop's run, so a source that can fail turns that into an event of its own.
        """


class DeadlockError(RuntimeError):
    """Nothing is ready, no timer is set and no row is left: those who wait would wait for ever."""


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """An asyncio event loop in virtual time.

    Args:
        start_ns: UTC nanoseconds since 1970 at which time begins. `time()` counts seconds from
            there, so that a float keeps nanoseconds for the first hundred days.
    """

    _ready: deque[asyncio.Handle]
    _stopping: bool
    _thread_id: int | None

    def __init__(self, start_ns: int = 0) -> None:
        super().__init__()
        self.set_debug(False)  # its clockwork of slow callbacks reads the wall
        self._start_ns = start_ns
        self._now_ns = start_ns
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._timer_count = 0
        self._compact_at = _COMPACT_FROM
        self._task_count = 0
        self._source: IdleSource | None = None
        self._is_advancing = False
        self._is_interrupted = False
        self._limit_ns: int | None = None
        self._old_signals: dict[int, Any] = {}

    # Time

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._now_ns

    def time(self) -> float:
        """Seconds since the loop began."""
        return (self._now_ns - self._start_ns) / NS_PER_S

    def set_now_ns(self, ns: int) -> None:
        """Moves time on to `ns`; does nothing when it is past (a source that was set late).

        Raises:
            ValueError: If an idle source jumps over the next timer.
        """
        if self._limit_ns is not None and ns >= self._limit_ns and self._is_advancing:
            raise ValueError(f"a row at {ns} is not before the next timer at {self._limit_ns}")
        if ns > self._now_ns:  # noqa: PLR1730 # `max` costs three times as much here
            self._now_ns = ns

    def next_timer_ns(self) -> int | None:
        """When the earliest timer fires, or None when no timer is set."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def has_ready(self) -> bool:
        """Whether a source must return: something is ready, or a nearer timer was set."""
        return bool(self._ready) or self._is_interrupted

    def set_idle_source(self, source: IdleSource | None) -> None:
        """Sets where rows come from; one at a time, None takes it away."""
        self._source = source

    # Scheduling

    def call_at_ns(
        self,
        ns: int,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Calls back at exactly `ns`; callbacks of one moment run in the order of asking."""
        self._check_closed()
        when = (ns - self._start_ns) / NS_PER_S
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (ns, self._timer_count, timer))
        if len(self._timers) >= self._compact_at:
            self._compact()
        if self._is_advancing and (self._limit_ns is None or ns < self._limit_ns):
            self._limit_ns = ns
            self._is_interrupted = True
        return timer

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Calls back at `when`, seconds of `time()`, rounded to the nanosecond."""
        ns = self._start_ns + round(when * NS_PER_S)
        return self.call_at_ns(ns, callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Calls back after `delay` seconds, rounded to the nanosecond."""
        ns = self._now_ns + round(delay * NS_PER_S)
        return self.call_at_ns(ns, callback, *args, context=context)

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Calls back soon, from the loop's own thread and its signal handlers only.

        Raises:
            RuntimeError: From another thread, whose timing no run could repeat.
        """
        if self._thread_id not in {None, threading.get_ident()}:
            raise RuntimeError("a virtual loop takes no calls from other threads")
        return self.call_soon(callback, *args, context=context)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,  # noqa: ANN401 # `eager_start` of newer Pythons is passed on as it is
    ) -> asyncio.Task[T]:
        """Makes a task that hashes by its number in this loop."""
        self._check_closed()
        self._task_count += 1
        task: _Task[T] = _Task.__new__(_Task)
        task.number = self._task_count
        label = f"Task-{self._task_count}" if name is None else str(name)
        task.__init__(coro, loop=self, name=label, context=context, **options)  # type: ignore[misc] # numbered before asyncio puts it into its set
        return task

    def run_in_executor(
        self,
        executor: object,
        func: Callable[[Unpack[Ts]], object],
        *args: *Ts,
    ) -> NoReturn:
        """Refuses: threads have no place in virtual time."""
        inner = func.args[0] if isinstance(func, partial) and func.args else func
        name = getattr(inner, "__qualname__", repr(inner))
        raise RuntimeError(f"a virtual loop has no threads: call {name} directly")

    # Signals

    def add_signal_handler(
        self, sig: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> None:
        """Calls back soon after a signal; main thread only."""
        previous = signal.signal(sig, lambda *_: self.call_soon(callback, *args))
        self._old_signals.setdefault(sig, previous)

    def remove_signal_handler(self, sig: int) -> bool:
        """Puts back what handled the signal before; False when nothing was added."""
        if sig not in self._old_signals:
            return False
        signal.signal(sig, self._old_signals.pop(sig))
        return True

    # The turning of the loop

    def close(self) -> None:
        """Ends the loop; timers and signal handlers are dropped."""
        for sig in tuple(self._old_signals):
            self.remove_signal_handler(sig)
        self._timers.clear()
        self._source = None
        super().close()

    def run_forever(self) -> None:
        """Runs until it is stopped; the collector of garbage looks less often meanwhile.

        Nearly nothing here is part of a cycle, and looking for those costs more than they take.
        """
        before = gc.get_threshold()
        gc.set_threshold(*_GARBAGE)
        try:
            super().run_forever()
        finally:
            gc.set_threshold(*before)

    def _run_once(self) -> None:
        ready = self._ready
        if not ready and not self._stopping:
            self._move_time()
        self._collect_due()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001 # this is what a loop does
                handle._run()  # noqa: SLF001

    def _move_time(self) -> None:
        """With nothing ready, makes something happen, or raises DeadlockError."""
        timer_ns = self.next_timer_ns()
        row_ns = None if self._source is None else self._source.next_ns()
        if row_ns is not None and (timer_ns is None or row_ns < timer_ns):
            self._advance(timer_ns)
        elif timer_ns is not None:
            self._now_ns = max(self._now_ns, timer_ns)
        else:
            raise DeadlockError(f"nothing can happen any more; waiting: {self._waiting()}")

    def _advance(self, limit_ns: int | None) -> None:
        assert self._source is not None  # noqa: S101 # the caller asked it for its next row
        self._limit_ns = limit_ns
        self._is_interrupted = False
        self._is_advancing = True
        try:
            self._source.advance(limit_ns)
        finally:
            self._is_advancing = False
            self._is_interrupted = False
            self._limit_ns = None

    def _collect_due(self) -> None:
        timers = self._timers
        now_ns = self._now_ns
        while timers and timers[0][0] <= now_ns:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                self._ready.append(timer)

    def _compact(self) -> None:
        """Drops cancelled timers, whose number would else grow with the tape."""
        self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
        heapq.heapify(self._timers)
        self._compact_at = max(_COMPACT_FROM, 2 * len(self._timers))

    def _waiting(self) -> str:
        tasks = sorted(
            (task for task in asyncio.all_tasks(self) if isinstance(task, _Task)),
            key=lambda task: task.number,
        )
        return ", ".join(f"{task.get_name()} in {_innermost(task)}" for task in tasks) or "no task"

    def _check_closed(self) -> None:
        if self.is_closed():
            raise RuntimeError("the virtual loop is closed")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are skipped when their time comes and swept by `_compact`."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""

    def _process_events(self, event_list: object) -> None:
        """There are no sockets."""


def run(
    main: Coroutine[Any, Any, T],
    *,
    start_ns: int = 0,
    source: Callable[[VirtualLoop], IdleSource] | None = None,
) -> T:
    """Runs a coroutine on a virtual loop of its own, as `asyncio.run` does on a real one.

    Tasks that are left over are cancelled, asynchronous generators closed, SIGINT cancels `main`.

    Args:
        start_ns: UTC nanoseconds since 1970 at which time begins.
        source: Makes the idle source; `main` may also set one by itself.

    Raises:
        DeadlockError: If everyone waits and nothing can happen any more.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start_ns)) as runner:
        loop = runner.get_loop()
        if source is not None and isinstance(loop, VirtualLoop):
            loop.set_idle_source(source(loop))
        return runner.run(main)


def running_loop() -> VirtualLoop:
    """The virtual loop that is running.

    Raises:
        RuntimeError: If no loop runs, or one that is not virtual.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError("this runs on virtual time only")  # noqa: TRY004 # the same as asyncio
    return loop


class _Task(asyncio.Task[T]):
    """A task that hashes by its number, so that sets of tasks have the same order in every run."""

    number: int

    def __hash__(self) -> int:
        return self.number


def _innermost(task: asyncio.Task[Any]) -> str:
    """Where a task waits, as `function (file:line)`."""
    awaited: object = task.get_coro()
    name, place = "?", ""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None:
            name = frame.f_code.co_qualname
            place = f" ({frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno})"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return name + place
