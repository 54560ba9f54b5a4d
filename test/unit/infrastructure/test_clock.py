"""Clocks: one meaning of time on the wall, scaled, virtual and by hand."""

from __future__ import annotations

import asyncio

import pytest

from core.infrastructure.clock import (
    ScaledClock,
    VirtualClock,
    WallClock,
    datetime_of,
    iso_utc,
)
from core.infrastructure.virtual_time import run, running_loop
from core.testing.clock import TEST_START_NS, ManualClock

SECOND = 1_000_000_000


def test_iso_time_has_milliseconds_and_z():
    """Times are written in UTC, cut to milliseconds."""
    assert iso_utc(1_795_255_200_123_999_999) == "2026-11-21T10:00:00.123Z"
    assert iso_utc(0) == "1970-01-01T00:00:00.000Z"


def test_nanoseconds_become_an_aware_time_without_rounding_up():
    """Microseconds are cut, not rounded, also before 1970."""
    assert datetime_of(1_999).isoformat() == "1970-01-01T00:00:00.000001+00:00"
    assert datetime_of(-1).isoformat() == "1969-12-31T23:59:59.999999+00:00"


async def test_the_wall_clock_calls_back_and_can_be_called_off():
    """A past moment is called soon, a cancelled one never."""
    clock = WallClock()
    called = asyncio.Event()

    clock.call_at_ns(clock.now_ns() + 60 * SECOND, pytest.fail).cancel()
    clock.call_at_ns(clock.now_ns() - 1, called.set)
    await called.wait()
    await clock.sleep(0)
    await clock.sleep_until_ns(clock.now_ns() - 5)

    assert clock.now_ns() > TEST_START_NS
    assert clock.monotonic_ns() <= clock.monotonic_ns()


async def test_a_scaled_clock_runs_faster_than_the_wall():
    """An hour at a million times the wall passes at once, in `sleep`, `timeout` and callbacks."""
    clock = ScaledClock(TEST_START_NS, 10_000_000)
    called = asyncio.Event()

    clock.call_at_ns(clock.now_ns() + 3_600 * SECOND, called.set)
    await clock.sleep_until_ns(TEST_START_NS + 3_600 * SECOND)
    await clock.sleep(60)
    await called.wait()
    with pytest.raises(TimeoutError):
        async with clock.timeout(3_600):
            await asyncio.Event().wait()

    assert clock.now_ns() >= TEST_START_NS + 7_260 * SECOND


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_scaled_clock_refuses_a_speed_that_stands_still(speed):
    """Time must move forward."""
    with pytest.raises(ValueError, match="above zero"):
        ScaledClock(0, speed)


def test_a_virtual_clock_sleeps_exactly():
    """Sleeping a tenth of a second three times is exactly three tenths."""

    async def main():
        clock = VirtualClock(running_loop())
        for _ in range(3):
            await clock.sleep(0.1)
        with pytest.raises(TimeoutError):
            async with clock.timeout(0.5):
                await asyncio.Event().wait()
        await clock.sleep(0)
        await clock.sleep_until_ns(0)
        return clock.now_ns(), clock.monotonic_ns(), clock.now()

    end_ns, monotonic_ns, now = run(main(), start_ns=TEST_START_NS)

    assert end_ns == monotonic_ns == TEST_START_NS + 800_000_000
    assert now == datetime_of(end_ns)


def test_a_cancelled_virtual_sleep_leaves_no_timer():
    """Cancelling a sleeper takes its timer along, so time does not run on for it."""

    async def main():
        loop = running_loop()
        sleeper = asyncio.create_task(VirtualClock(loop).sleep(100))
        await asyncio.sleep(1)
        sleeper.cancel()
        await asyncio.wait([sleeper])
        return loop.next_timer_ns()

    assert run(main()) is None


async def test_a_manual_clock_moves_only_by_hand():
    """Sleepers wake in the order of their moments, when the test has moved time there."""
    clock = ManualClock()
    seen = []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        seen.append((seconds, clock.now_ns() - TEST_START_NS))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2)]
    await clock.tick()
    assert (seen, clock.waiting) == ([], 3)
    await clock.tick(2)
    assert seen == [(1, SECOND), (2, 2 * SECOND)]
    await clock.tick(5)
    await asyncio.gather(*tasks)

    assert seen[-1] == (3, 3 * SECOND)
    assert clock.now_ns() == TEST_START_NS + 7 * SECOND


async def test_a_manual_timeout_ends_its_body():
    """A timeout of a manual clock raises TimeoutError when its time has come, and only then."""
    clock = ManualClock()
    ended = []

    async def waits():
        try:
            async with clock.timeout(5):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(clock.now_ns() - TEST_START_NS)

    task = asyncio.create_task(waits())
    await clock.tick(4)
    assert ended == []
    await clock.tick(2)
    await task
    async with clock.timeout(None), clock.timeout(1):
        await asyncio.sleep(0)

    assert ended == [5 * SECOND]
    assert clock.waiting == 0


def test_a_manual_clock_jumps_without_waking_anyone():
    """A clock that is set moves the wall, not what passes."""
    clock = ManualClock()
    seen = []
    clock.call_at_ns(TEST_START_NS + 10 * SECOND, lambda: seen.append(clock.monotonic_ns()))

    clock.jump(-3_600)
    clock.advance(9)
    assert seen == []
    clock.advance(1)

    assert seen == [10 * SECOND]
    assert clock.now_ns() == TEST_START_NS - 3_590 * SECOND
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
