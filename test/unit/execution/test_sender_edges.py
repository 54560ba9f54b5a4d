"""Turns that are called off, counted late, or asked for by many."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from core.infrastructure.clock import VirtualClock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.execution.sender import Priority, Sender
from core.services.execution.settings import ExecutionSettings


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """Virtual time."""
    made = VirtualLoop(0)
    yield made
    made.close()


def test_a_venue_without_a_limit_has_no_used_part(loop: VirtualLoop):
    """With one it is what was sent in the last minute."""
    clock = VirtualClock(loop)
    free = Sender(clock, ExecutionSettings(), None)
    bound = Sender(clock, ExecutionSettings(), 8)

    async def story() -> None:
        for sender in (free, bound):
            await sender.acquire(Priority.ENTRY)
            sender.release(Priority.ENTRY)
        free.count()
        bound.count()

    loop.run_until_complete(story())

    assert free.used_fraction is None
    assert bound.used_fraction == 0.25


def test_one_who_gave_up_waiting_holds_nobody_up(loop: VirtualLoop):
    """Its place in line is skipped, and the turn goes to the next."""
    clock = VirtualClock(loop)
    sender = Sender(clock, ExecutionSettings(max_in_flight=1), 100)
    went: list[str] = []

    async def one(name: str) -> None:
        await sender.acquire(Priority.ENTRY)
        went.append(name)

    async def story() -> None:
        await sender.acquire(Priority.ENTRY)
        first, second = (loop.create_task(one(name)) for name in ("first", "second"))
        await clock.sleep(0)
        first.cancel()
        await clock.sleep(0)
        sender.release(Priority.ENTRY)
        await second
        with pytest.raises(asyncio.CancelledError):
            await first

    loop.run_until_complete(story())

    assert went == ["second"]
    assert sender.used_fraction == 0.02


def test_two_who_give_up_in_one_moment_hold_nobody_up(loop: VirtualLoop):
    """Neither takes a turn that the third is waiting for."""
    clock = VirtualClock(loop)
    sender = Sender(clock, ExecutionSettings(max_in_flight=1), 100)
    went: list[str] = []

    async def one(name: str) -> None:
        await sender.acquire(Priority.ENTRY)
        went.append(name)

    async def story() -> None:
        await sender.acquire(Priority.ENTRY)
        tasks = [loop.create_task(one(name)) for name in ("first", "second", "third")]
        await clock.sleep(0)
        tasks[0].cancel()
        tasks[1].cancel()
        sender.release(Priority.ENTRY)
        await tasks[2]
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(story())

    assert went == ["third"]


def test_the_pause_after_refusals_ends_where_it_should(loop: VirtualLoop):
    """One second, two, four; after an answer it begins at one again."""
    clock = VirtualClock(loop)
    sender = Sender(clock, ExecutionSettings(refusal_pause_s=1.0, max_pause_s=3.0), None)
    pauses: list[float] = []

    async def story() -> None:
        for _ in range(3):
            sender.back_off()
            pauses.append(sender.paused_for_s)
            await clock.sleep(sender.paused_for_s)
        sender.answered()
        sender.back_off()
        pauses.append(sender.paused_for_s)

    loop.run_until_complete(story())

    assert pauses == [1.0, 2.0, 3.0, 1.0]
