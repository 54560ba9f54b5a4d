"""Channels: order, conflation, and what a slow reader loses or does not."""

from __future__ import annotations

import asyncio

import pytest

from core.infrastructure.channels import Broadcast, ChannelClosed, Conflated, EventQueue


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
    """An overfull queue says so and keeps every event."""
    queue = EventQueue(high_water=3)
    for number in range(10):
        queue.post(str(number))

    assert queue.is_overfull
    assert len(queue.take()) == 10
    assert not queue.is_overfull


async def test_changes_skip_what_nobody_had_time_to_see():
    """A slow reader sees the value at first and then only the newest."""
    value = Conflated(0)
    seen = []

    async def reads():
        async for number in value.changes():
            seen.append(number)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(reads()) for _ in range(2)]
    await asyncio.sleep(0)
    for number in range(1, 100):
        value.set(number)
    value.close()
    await asyncio.gather(*readers)

    assert seen == [0, 0, 99, 99]
    assert (value.value, value.version) == (99, 99)


async def test_a_reader_that_leaves_is_forgotten():
    """Cancelled readers of changes leave nothing behind."""
    value = Conflated("a")
    changes = value.changes()
    assert await anext(changes) == "a"
    waiting = asyncio.create_task(anext(changes))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert value._waiting == []


async def test_each_subscriber_has_its_own_pace():
    """A slow subscriber loses its oldest items and is told how many; others lose none."""
    news = Broadcast(capacity=2)
    slow = news.subscribe()
    with news.subscribe() as fast:
        seen = []
        for number in range(4):
            news.send(number)
            seen.append(await anext(fast))
        assert news.subscribers == 2
    news.send(9)

    assert seen == [0, 1, 2, 3]
    assert (slow.dropped, len(slow), fast.dropped, len(fast)) == (3, 2, 0, 0)
    news.close()
    assert [item async for item in slow] == [3, 9]
    assert news.subscribers == 0


async def test_a_waiting_subscriber_wakes_for_an_item_and_for_the_end():
    """Iteration waits for items and ends when the sender closes."""
    news = Broadcast()
    subscription = news.subscribe()

    async def reads():
        return [item async for item in subscription]

    reader = asyncio.create_task(reads())
    await asyncio.sleep(0)
    news.send("a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    news.close()

    assert await reader == ["a"]
