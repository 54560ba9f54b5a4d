"""What a venue says about time: our stamp is not its time, and until when we shall be quiet."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.binance.errors import told_wait_s
from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderStatus, OrderType
from core.errors import OrderRejected, RateLimited, VenueError
from core.testing.venue import PERP
from core.testing.venues.faults import Answer
from core.testing.venues.harness import backpack_harness, binance_harness, edgex_harness

OFFSET_S = {binance_harness: -3, backpack_harness: -8, edgex_harness: -90}
"""So far behind is the venue's clock that it refuses our stamps."""


async def create(harness, name):
    """A limit order under our id."""
    return await harness.exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        Decimal(1),
        Decimal(199),
        OrderOptions(client_order_id=name),
    )


@pytest.mark.parametrize("make", list(OFFSET_S))
async def test_a_refused_stamp_asks_for_the_time_once_and_orders_go_on(make):
    """CK2: three orders are refused, one question follows, and the next order is taken."""
    harness = make(Path())
    await harness.start()
    try:
        harness.venue.faults.clock_offset_s = OFFSET_S[make]
        before = len(harness.venue.calls_of("health_check"))
        ends = await asyncio.gather(
            *(create(harness, f"late{n}") for n in range(3)), return_exceptions=True
        )
        asked = harness.exchange.rest
        async with asyncio.timeout(5):
            while asked.offset_ms > OFFSET_S[make] * 900:  # noqa: ASYNC110 # nobody tells
                await asyncio.sleep(0.005)
        order = await create(harness, "intime")

        assert all(isinstance(end, VenueError) for end in ends)
        assert len(harness.venue.calls_of("health_check")) == before + 1
        assert order.status is OrderStatus.OPEN
    finally:
        await harness.stop()


async def test_an_order_whose_stamp_is_refused_is_a_definite_no():
    """-1021 is said before matching: the time is asked for, and the order is not."""
    harness = binance_harness(Path())
    await harness.start()
    try:
        harness.venue.faults.clock_offset_s = OFFSET_S[binance_harness]
        with pytest.raises(OrderRejected) as caught:
            await create(harness, "late")

        assert caught.value.code == "-1021"
        assert len(harness.venue.calls_of("create_order")) == 1
        assert harness.venue.floor.open_orders() == []
    finally:
        await harness.stop()


@pytest.mark.parametrize("status", [418, 429])
async def test_the_socket_says_until_when_to_be_quiet(status):
    """T10, T11: the WebSocket API has no header; `retryAfter` is a moment in the answer."""
    harness = binance_harness(Path())
    await harness.start()
    try:
        now_ms = harness.venue.now_ms()
        data = {"serverTime": now_ms, "retryAfter": now_ms + 90_000}
        body = {"code": -1003, "msg": "Way too many requests.", "data": data}
        harness.venue.faults.answer("create_order", Answer(body, status))
        with pytest.raises(RateLimited) as caught:
            await create(harness, "banned")

        assert caught.value.retry_after_s == 90
        assert caught.value.is_ban is (status == 418)
    finally:
        await harness.stop()


@pytest.mark.parametrize(
    "data, wait_s",
    [
        ({"serverTime": 5_000, "retryAfter": 6_500}, 1.5),
        ({"retryAfter": 6_500}, 2.5),
        ({"serverTime": 5_000, "retryAfter": 4_000}, 0.0),
        ({"serverTime": 5_000}, None),
        ({"retryAfter": "soon"}, None),
        ({"retryAfter": True}, None),
        ([6_500], None),
    ],
)
def test_a_moment_is_a_wait_from_the_venues_time(data, wait_s):
    """Ours stands in where the venue's is not told; what is no number says nothing."""
    assert told_wait_s({"error": {"code": -1003, "data": data}}, 4_000) == wait_s


@pytest.mark.parametrize("body", [None, [], {}, {"error": None}, {"error": {"code": -1003}}])
def test_an_answer_without_a_moment_says_nothing(body):
    """Then the usual wait holds."""
    assert told_wait_s(body, 4_000) is None
