"""The simulation's loop: processes that stop and die, an order that a seed decides."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from core.infrastructure.rng import SeededRng
from core.infrastructure.virtual_time import DeadlockError
from core.testing.simulation.loop import Process, SimulationLoop

START_NS = 1_767_225_600_000_000_000


def run(loop: SimulationLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """Runs work of the world to its end and lets go of the loop."""
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.bury()
        loop.close()


def make(seed: int = 1, disorder: float = 1.0) -> SimulationLoop:
    """A loop."""
    return SimulationLoop(START_NS, SeededRng(seed), disorder)


def test_a_killed_process_runs_no_finally():
    """SIGKILL is no cancellation: what a process was about to tidy up stays as it is."""
    loop, process, said = make(), Process(1), []

    async def life() -> None:
        try:
            said.append("began")
            await asyncio.sleep(10)
            said.append("went on")
        finally:
            said.append("tidied up")

    async def world() -> None:
        loop.spawn(process, life(), name="life")
        await asyncio.sleep(1)
        loop.kill(process)
        await asyncio.sleep(60)
        assert said == ["began"]

    run(loop, world())


def test_what_a_dead_process_asked_for_does_not_come_back_to_it():
    """Timers, futures and callbacks of a dead process are dropped; those of the world go on."""
    loop, process, heard = make(), Process(1), []

    async def life() -> None:
        running = asyncio.get_running_loop()
        running.call_later(5, heard.append, "timer")
        assert isinstance(running, SimulationLoop)
        running.world_at_ns(running.now_ns() + 5_000_000_000, heard.append, "request under way")
        await asyncio.sleep(5)
        heard.append("woke")

    async def world() -> None:
        loop.spawn(process, life(), name="life")
        await asyncio.sleep(1)
        loop.kill(process)
        await asyncio.sleep(60)

    run(loop, world())

    assert heard == ["request under way"]


def test_children_of_a_process_die_with_it():
    """A task that a process's task started belongs to the process as well."""
    loop, process, heard = make(), Process(1), []

    async def child() -> None:
        await asyncio.sleep(5)
        heard.append("child")

    async def life() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    async def world() -> None:
        loop.spawn(process, life(), name="life")
        await asyncio.sleep(1)
        loop.kill(process)
        await asyncio.sleep(60)

    run(loop, world())

    assert heard == []


def test_a_stopped_process_hears_everything_once_it_goes_on():
    """SIGSTOP and SIGCONT: timers that fell due meanwhile fire late, none is lost."""
    loop, process, heard = make(), Process(1), []

    async def life() -> None:
        await asyncio.sleep(2)
        heard.append(loop.time())

    async def world() -> None:
        loop.spawn(process, life(), name="life")
        await asyncio.sleep(1)
        loop.stop_process(process)
        await asyncio.sleep(9)
        assert heard == []
        loop.continue_process(process)
        await asyncio.sleep(1)

    run(loop, world())

    assert heard == [10.0]


def test_a_process_dies_at_the_touch_that_was_named():
    """The n-th touch of the world is the last thing that it tries, and does not happen."""
    loop, process, touched = make(), Process(1), []
    process.kill = lambda: loop.kill(process)
    process.kill_at_crossing = 3

    async def life() -> None:
        while True:
            if not process.cross():
                await process.park()
            touched.append(process.crossings)
            await asyncio.sleep(1)

    async def world() -> None:
        loop.spawn(process, life(), name="life")
        await asyncio.sleep(60)

    run(loop, world())

    assert touched == [1, 2]


def order_of(seed: int, disorder: float) -> list[int]:
    """Who ran when, among twenty tasks that are ready at once."""
    loop, said = make(seed, disorder), []

    async def say(number: int) -> None:
        said.append(number)

    async def world() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(say(number))

    run(loop, world())
    return said


def test_a_seed_decides_whose_turn_it_is():
    """The same seed gives the same order, another one another; without disorder it is asyncio's."""
    assert order_of(1, 1.0) == order_of(1, 1.0)
    assert order_of(1, 1.0) != order_of(2, 1.0)
    assert order_of(1, 0.0) == list(range(20))


def test_the_trace_tells_two_orders_apart():
    """Runs of one seed have one trace; another order has another."""

    def trace(seed: int) -> str:
        loop = make(seed)

        async def world() -> None:
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(10)))

        loop.run_until_complete(world())
        found = loop.trace()
        loop.close()
        return found

    assert trace(1) == trace(1)
    assert trace(1) != trace(2)


def test_a_run_in_which_nothing_can_happen_says_who_waits():
    """L6: a future that nobody will ever resolve is a deadlock with a name, not a hang."""
    loop = make()

    async def stuck_here() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError, match="stuck_here"):
        run(loop, stuck_here())
