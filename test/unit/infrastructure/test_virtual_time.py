"""The virtual loop: order, exactness, rows beside timers, and a run like any other loop's."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from core.infrastructure.clock import VirtualClock
from core.infrastructure.virtual_time import DeadlockError, VirtualLoop, run, running_loop

START_NS = 1_767_225_600_000_000_001
SECOND = 1_000_000_000


class Rows:
    """An idle source over fixed times that calls back for each row."""

    def __init__(self, loop: VirtualLoop, times: list[int], on_row: Callable[[int], None]) -> None:
        self.loop = loop
        self.times = times
        self.on_row = on_row
        self.limits: list[int | None] = []
        self.index = 0

    def next_ns(self) -> int | None:
        """Time of the next row."""
        return self.times[self.index] if self.index < len(self.times) else None

    def advance(self, limit_ns: int | None) -> None:
        """Delivers rows until one made something ready."""
        self.limits.append(limit_ns)
        while (ns := self.next_ns()) is not None and (limit_ns is None or ns < limit_ns):
            self.loop.set_now_ns(ns)
            self.index += 1
            self.on_row(ns)
            if self.loop.has_ready():
                return


def test_ready_callbacks_run_first_in_first_out():
    """Callbacks that are ready run in the order in which they were asked for."""
    seen = []

    async def main():
        loop = running_loop()
        for number in range(5):
            loop.call_soon(seen.append, number)
        await asyncio.sleep(0)

    run(main())

    assert seen == [0, 1, 2, 3, 4]


def test_time_is_exact_to_the_nanosecond():
    """A timer fires at exactly the nanosecond it was asked for, decades after 1970."""
    seen = []

    async def main():
        loop = running_loop()
        clock = VirtualClock(loop)
        for ns in (START_NS + 1, START_NS + 50_000_000, START_NS + 86_400 * SECOND + 7):
            clock.call_at_ns(ns, lambda: seen.append(loop.now_ns()))
        await clock.sleep_until_ns(START_NS + 90_000 * SECOND)
        return clock.now_ns()

    end = run(main(), start_ns=START_NS)

    assert seen == [START_NS + 1, START_NS + 50_000_000, START_NS + 86_400 * SECOND + 7]
    assert end == START_NS + 90_000 * SECOND


def test_timers_of_one_moment_fire_in_order_of_asking():
    """Equal times keep the order of asking, whichever call set them."""
    seen = []

    async def main():
        loop = running_loop()
        loop.call_later(1.0, seen.append, "a")
        loop.call_at_ns(START_NS + SECOND, seen.append, "b")
        loop.call_at(loop.time() + 1.0, seen.append, "c")
        await asyncio.sleep(2)

    run(main(), start_ns=START_NS)

    assert seen == ["a", "b", "c"]


def test_a_cancelled_timer_neither_fires_nor_moves_time():
    """A timer that was called off leaves no trace in time."""

    async def main():
        loop = running_loop()
        timer = loop.call_later(5, pytest.fail, "fired")
        loop.call_later(9, lambda: None)
        timer.cancel()
        await asyncio.sleep(10)
        return loop.now_ns()

    assert run(main()) == 10 * SECOND


def test_cancelled_timers_do_not_pile_up():
    """A million timeouts that never fire keep the heap small."""

    async def main():
        loop = running_loop()
        for _ in range(50_000):
            loop.call_later(1_000, pytest.fail, "fired").cancel()
        return len(loop._timers)

    assert run(main()) < 2_048


def test_asyncio_sleep_timeout_and_wait_for_work_natively():
    """The standard library's waits take virtual seconds and no real ones."""

    async def main():
        loop = running_loop()
        await asyncio.sleep(3_600)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        return loop.now_ns()

    assert run(main()) == 3_660 * SECOND


def test_a_timer_comes_before_a_row_of_its_moment():
    """At an equal time the timer fires first, then the row is delivered."""
    seen = []

    async def main():
        loop = running_loop()
        rows = Rows(loop, [100, 200, 300], lambda ns: seen.append(("row", ns)))
        loop.set_idle_source(rows)
        loop.call_at_ns(200, lambda: seen.append(("timer", loop.now_ns())))
        await VirtualClock(loop).sleep_until_ns(400)
        return rows.limits

    limits = run(main())

    assert seen == [("row", 100), ("timer", 200), ("row", 200), ("row", 300)]
    assert limits == [200, 400]


def test_what_a_row_causes_settles_before_the_next_row_of_its_moment():
    """A chain of callbacks at zero delay runs to its end between two rows of one time."""
    seen = []

    async def main():
        loop = running_loop()

        def on_row(ns):
            seen.append(f"row {ns}")
            loop.call_soon(
                lambda: loop.call_soon(lambda: loop.call_later(0, seen.append, "settled"))
            )

        loop.set_idle_source(Rows(loop, [100, 100], on_row))
        await VirtualClock(loop).sleep_until_ns(101)

    run(main())

    assert seen == ["row 100", "settled", "row 100", "settled"]


def test_a_timer_set_while_rows_are_delivered_interrupts_them():
    """A row that sets a nearer timer is the last one before that timer fires."""
    seen = []

    async def main():
        loop = running_loop()

        def on_row(ns):
            seen.append(f"row {ns}")
            if ns == 100:
                loop.call_at_ns(150, seen.append, "timer")

        loop.set_idle_source(Rows(loop, [100, 120, 150, 160], on_row))
        await VirtualClock(loop).sleep_until_ns(1_000)

    run(main())

    assert seen == ["row 100", "row 120", "timer", "row 150", "row 160"]


def test_a_source_that_jumps_over_a_timer_is_refused():
    """Rows cannot take time past the next timer."""

    class Careless(Rows):
        def advance(self, limit_ns):
            super().advance(None)

    async def main():
        loop = running_loop()
        loop.set_idle_source(Careless(loop, [100, 500], lambda _: None))
        await VirtualClock(loop).sleep_until_ns(200)

    with pytest.raises(ValueError, match="not before the next timer"):
        run(main())


def test_a_deadlock_names_the_tasks_that_wait():
    """With nothing ready, no timer and no row the run ends with the names of those who wait."""

    async def waits_for_ever():
        await asyncio.Event().wait()

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(waits_for_ever(), name="resolver")

    with pytest.raises(DeadlockError, match=r"Task-1 in .*resolver in Event.wait \(locks.py:\d+\)"):
        run(main())


def test_a_source_without_rows_is_a_deadlock_too():
    """The end of a feed that nobody acts on is reported, not waited out."""

    async def main():
        loop = running_loop()
        loop.set_idle_source(Rows(loop, [1], lambda _: None))
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="nothing can happen"):
        run(main())


def test_threads_are_refused():
    """Executors and calls from other threads have no place in virtual time."""

    async def main():
        loop = running_loop()
        with pytest.raises(RuntimeError, match="no threads: call len directly"):
            await asyncio.to_thread(len, ())
        with pytest.raises(RuntimeError, match="no threads: call print directly"):
            loop.run_in_executor(None, print)
        return True

    assert run(main())


def test_task_groups_cancel_in_the_order_of_creation():
    """Tasks of a group are cancelled in the order in which they were made."""
    seen = []

    async def child(number):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(number)
            raise

    async def main():
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(child(number))
            await asyncio.sleep(1)
            raise ValueError("stop")

    with pytest.raises(ExceptionGroup):
        run(main())

    assert seen == sorted(seen)


def test_task_names_count_within_the_loop():
    """Names of tasks do not depend on what ran in the process before."""

    async def name():
        task = asyncio.current_task()
        return "" if task is None else task.get_name()

    async def main():
        return (
            await name(),
            await asyncio.create_task(name()),
            await asyncio.create_task(name(), name="x"),
        )

    assert run(main()) == run(main()) == ("Task-1", "Task-2", "x")


def test_left_over_tasks_and_generators_are_closed():
    """The end of a run cancels what is left and closes asynchronous generators."""
    seen = []

    async def numbers():
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(1)
            seen.append("generator")

    async def stays():
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("task")

    async def main():
        generator = numbers()
        await anext(generator)
        task = asyncio.create_task(stays())
        await asyncio.sleep(1)
        return generator, task

    run(main())

    assert seen == ["task", "generator"]


def test_a_callback_that_raises_reaches_the_exception_handler():
    """The loop goes on after a callback failed, and the handler heard of it."""
    seen = []

    async def main():
        loop = running_loop()
        loop.set_exception_handler(lambda _, context: seen.append(str(context["exception"])))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    run(main())

    assert seen == ["division by zero"]


def test_signal_handlers_run_on_the_loop():
    """A signal's callback runs among the others, and the old handler comes back at the end."""
    before = signal.getsignal(signal.SIGUSR1)
    seen = []

    async def main():
        loop = running_loop()
        loop.add_signal_handler(signal.SIGUSR1, seen.append, "usr1")
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(1)
        assert loop.remove_signal_handler(signal.SIGUSR1)
        assert not loop.remove_signal_handler(signal.SIGUSR1)

    run(main())

    assert seen == ["usr1"]
    assert signal.getsignal(signal.SIGUSR1) is before


STORY = """
import asyncio, hashlib
from core.infrastructure.virtual_time import run, running_loop
trace = hashlib.blake2b(digest_size=8)
async def worker(number, peers):
    try:
        for step in range(20):
            await asyncio.sleep((number * 7 + step * 3) % 5)
            trace.update(f"{number}.{step}@{running_loop().now_ns()};".encode())
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        trace.update(f"end {number}".encode())
        raise
async def main():
    try:
        async with asyncio.TaskGroup() as group:
            peers = {group.create_task(worker(n, None)) for n in range(30)}
            for task in peers:
                trace.update(task.get_name().encode())
            await asyncio.sleep(200)
            raise ValueError
    except* ValueError:
        pass
run(main())
print(trace.hexdigest())
"""


@pytest.mark.process
def test_two_processes_with_other_hash_seeds_run_alike():
    """The trace of a run does not depend on addresses or string hashes."""
    traces = {
        subprocess.run(
            [sys.executable, "-c", STORY],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(traces) == 1
