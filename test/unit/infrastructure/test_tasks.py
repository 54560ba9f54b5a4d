"""Supervision: crashes are heard, siblings live, the end is orderly; the loop is watched."""

from __future__ import annotations

import asyncio
import logging

import pytest

from core.infrastructure.tasks import ClockJumped, LoopLate, LoopMonitor, Supervisor
from core.infrastructure.virtual_time import run
from core.testing.clock import TEST_START_NS, ManualClock


async def waits():
    """Lives until it is cancelled."""
    await asyncio.Event().wait()


async def fails(text="broken"):
    """Crashes on its first turn."""
    await asyncio.sleep(0)
    raise ValueError(text)


async def test_a_crash_is_reported_and_siblings_go_on(caplog):
    """The handler hears of it once, the log has the traceback, the others still run."""
    heard = []
    async with Supervisor(ManualClock(), on_crash=heard.append) as supervisor:
        supervisor.start("healthy", waits())
        supervisor.start("sick", fails())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert supervisor.running == ("healthy",)

    assert [(crash.name, str(crash.error), crash.at_ns) for crash in heard] == [
        ("sick", "broken", TEST_START_NS)
    ]
    assert supervisor.crashes == tuple(heard)
    record = next(record for record in caplog.records if record.message == "task.crashed")
    assert record.exc_info is not None
    assert record.fields == {"task": "sick", "vital": False}


async def test_a_task_can_have_a_handler_of_its_own():
    """One bot's crash goes to whoever started that bot."""
    general, own = [], []
    async with Supervisor(ManualClock(), on_crash=general.append) as supervisor:
        task = supervisor.start("bot", fails(), on_crash=own.append)
        await asyncio.wait([task])

    assert (len(general), len(own)) == (0, 1)


async def test_a_vital_crash_ends_everything():
    """The supervisor cancels the rest and raises the crash itself."""
    others = []

    async def owner():
        async with Supervisor(ManualClock()) as supervisor:
            others.append(supervisor.start("other", waits()))
            supervisor.start("journal", fails("journal gone"), is_vital=True)
            await waits()

    with pytest.raises(ValueError, match="journal gone"):
        await owner()
    assert others[0].cancelled()


def test_leaving_cancels_in_the_reverse_order_of_starting():
    """What was started last, and may use what was started first, ends first."""
    ended = []

    async def service(name):
        try:
            await waits()
        finally:
            ended.append(name)

    async def main():
        async with Supervisor(ManualClock()) as supervisor:
            for name in ("journal", "venue", "bot"):
                supervisor.start(name, service(name))
            await asyncio.sleep(1)
        return supervisor.running

    assert run(main()) == ()
    assert ended == ["bot", "venue", "journal"]


async def test_the_bodys_error_comes_out_as_it_is():
    """Errors are not wrapped in groups, and the children are cancelled first."""
    children = []

    async def owner():
        async with Supervisor(ManualClock()) as supervisor:
            children.append(supervisor.start("child", waits()))
            await asyncio.sleep(0)
            raise KeyError("x")

    with pytest.raises(KeyError):
        await owner()
    assert children[0].cancelled()


async def test_cancelling_the_owner_passes_through():
    """A cancelled owner ends its children and stays cancelled."""

    async def owner():
        async with Supervisor(ManualClock()) as supervisor:
            children.append(supervisor.start("child", waits()))
            await waits()

    children = []
    task = asyncio.create_task(owner())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert children[0].cancelled()


async def test_names_are_unique_and_one_task_can_be_stopped():
    """A name can be used again once its task has ended."""
    async with Supervisor(ManualClock()) as supervisor:
        supervisor.start("bot", waits())
        with pytest.raises(ValueError, match="'bot' is running"):
            supervisor.start("bot", waits())
        await supervisor.stop("bot")
        await supervisor.stop("nobody")
        assert supervisor.running == ()
        supervisor.start("bot", waits())


async def test_a_failing_crash_handler_is_logged(caplog):
    """Trouble in the handler does not become trouble for the siblings."""

    def breaks(crash):
        raise RuntimeError("handler")

    async with Supervisor(ManualClock(), on_crash=breaks) as supervisor:
        other = supervisor.start("other", waits())
        await asyncio.wait([supervisor.start("sick", fails())])
        assert not other.done()

    assert "task.crash_handler_failed" in [record.message for record in caplog.records]


async def test_a_task_that_ends_slowly_is_named(caplog):
    """A clean-up that takes too long can be seen in the log."""
    clock = ManualClock()
    release = asyncio.Event()

    async def slow():
        try:
            await waits()
        finally:
            await release.wait()

    async def owner():
        async with Supervisor(clock) as supervisor:
            supervisor.start("slow", slow())
            await asyncio.sleep(0)

    task = asyncio.create_task(owner())
    with caplog.at_level(logging.WARNING):
        await clock.tick(6)
    release.set()
    await task

    assert [record.fields["task"] for record in caplog.records] == ["slow"]
    assert clock.waiting == 0


async def monitored(clock, *steps):
    """The findings of a monitor while the clock takes the given steps."""
    found = []
    monitor = LoopMonitor(clock, found.append, interval_s=0.25)
    task = asyncio.create_task(monitor.run())
    await clock.settle()
    for step in steps:
        step()
        await clock.settle()
    task.cancel()
    await asyncio.wait([task])
    return found


async def test_a_punctual_loop_is_no_finding():
    """A loop that turns in time gives no report."""
    clock = ManualClock()

    assert await monitored(clock, *[lambda: clock.advance(0.25)] * 20) == []


async def test_a_late_loop_is_reported_and_stale_when_very_late():
    """From a quarter of a second it is late, from two seconds its data is stale."""
    clock = ManualClock()

    found = await monitored(clock, lambda: clock.advance(0.6), lambda: clock.advance(2.5))

    assert [(finding.lag_ms, finding.is_stale) for finding in found] == [(350, False), (2250, True)]
    assert all(isinstance(finding, LoopLate) for finding in found)


@pytest.mark.parametrize("jump_s", [600.0, -5.0])
async def test_a_wall_clock_that_jumped_is_reported(jump_s):
    """A suspended machine or a clock that was set moves the wall and not what passed."""
    clock = ManualClock()

    def jump():
        clock.jump(jump_s)
        clock.advance(0.25)

    found = await monitored(clock, jump)

    assert [type(finding) for finding in found] == [ClockJumped]
    assert found[0].jump_s == jump_s
