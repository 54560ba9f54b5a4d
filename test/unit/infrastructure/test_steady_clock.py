"""A clock that whoever sets the wall does not move."""

from __future__ import annotations

import asyncio

from core.infrastructure.clock import SteadyClock
from core.testing.clock import TEST_START_NS, ManualClock

SECOND = 1_000_000_000


def test_it_begins_with_the_wall_and_counts_from_there():
    """Time passes, and neither a leap ahead nor one back is in it."""
    wall = ManualClock()
    clock = SteadyClock(wall)
    wall.advance(5)
    wall.jump(3_600)
    assert clock.now_ns() == TEST_START_NS + 5 * SECOND
    wall.jump(-7_200)
    wall.advance(5)

    assert clock.now_ns() == TEST_START_NS + 10 * SECOND
    assert clock.gap_ns == -3_600 * SECOND


def test_it_follows_the_wall_when_it_is_told_to():
    """Afterwards both agree; by how much it moved is told."""
    wall = ManualClock()
    clock = SteadyClock(wall)
    wall.jump(90)

    assert clock.follow() == 90 * SECOND
    assert clock.gap_ns == 0
    assert clock.now_ns() == wall.now_ns()
    assert clock.now() == wall.now()


async def test_waits_are_of_its_own_time():
    """A wall that is set back an hour makes no wait longer."""
    wall = ManualClock()
    clock = SteadyClock(wall)
    done: list[str] = []
    clock.call_after_ns(2 * SECOND, lambda: done.append("after"))

    async def sleep() -> None:
        await clock.sleep_until_ns(TEST_START_NS + 3 * SECOND)
        done.append("until")
        await clock.sleep(1)
        done.append("slept")

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0)
    wall.jump(-3_600)
    await wall.tick(2)
    assert done == ["after"]
    await wall.tick(1)
    assert done == ["after", "until"]
    await wall.tick(1)
    await task

    assert done == ["after", "until", "slept"]
    assert clock.monotonic_ns() == wall.monotonic_ns()
