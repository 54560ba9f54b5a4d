"""Channels: order, conflation, and what a slow reader loses or does not."""

from __future__ import annotations

import asyncio

import pytest

from core.infrastructure.channels import ChannelClosed, EventQueue


def market(event):
    """Events that begin with `m` replace each other."""
    return "market" if event.startswith("m") else None


async def test_events_keep_their_order_and_neighbouring_moves_become_one():
    """Only moves that stand beside each other are one; nothing overtakes a fill."""
    queue = EventQueue(market)
    for event in ["m1", "m2", "fill1", "m3", "fill2", "fill3", "m4", "m5", "m6"]:
        queue.post(event)

    assert len(queue) == 6
    assert await queue.get_batch() == ["m2", "fill1", "m3", "fill2", "fill3", "m6"]
    assert queue.conflated == 3


async def test_a_move_is_not_merged_with_one_that_was_read():
    """The first move after a batch was taken is a new event."""
    queue = EventQueue(market)
    queue.post("m1")
    assert await queue.get_batch() == ["m1"]
    queue.post("m2")

    assert await queue.get_batch() == ["m2"]
    assert queue.take() == []


async def test_a_reader_waits_for_the_first_event():
    """A waiting reader wakes with everything that was posted in one turn."""
    queue = EventQueue()
    reader = asyncio.create_task(queue.get_batch())
    await asyncio.sleep(0)
    queue.post("a")
    queue.post("b")

    assert await reader == ["a", "b"]


async def test_a_cancelled_reader_loses_nothing():
    """What arrives after a cancelled wait is there for the next one."""
    queue = EventQueue()
    reader = asyncio.create_task(queue.get_batch())
    await asyncio.sleep(0)
    queue.post("a")
    reader.cancel()
    await asyncio.wait([reader])

    assert await queue.get_batch() == ["a"]


async def test_a_queue_has_one_reader():
    """A second reader would tear the order apart."""
    queue = EventQueue()
    reader = asyncio.create_task(queue.get_batch())
    await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="one reader"):
        await queue.get_batch()
    reader.cancel()
    await asyncio.wait([reader])


async def test_a_closed_queue_is_read_to_its_end():
    """What was posted before the end is delivered, then the reader is told."""
    queue = EventQueue()
    queue.post("a")
    queue.close()
    queue.post("late")

    assert await queue.get_batch() == ["a"]
    with pytest.raises(ChannelClosed):
        await queue.get_batch()
    waiting = EventQueue()
    reader = asyncio.create_task(waiting.get_batch())
    await asyncio.sleep(0)
    waiting.close()
    with pytest.raises(ChannelClosed):
        await reader


def test_nothing_is_dropped_however_long_the_queue():
    """A reader that comes late finds every event."""
    queue = EventQueue()
    for number in range(20_000):
        queue.post(str(number))

    assert queue.take() == [str(number) for number in range(20_000)]
