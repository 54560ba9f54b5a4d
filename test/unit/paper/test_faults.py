from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    EventType,
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.adapters.exchanges.paper.faults import Fault
from core.errors import (
    InsufficientFunds,
    NotSent,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.testing.venue import PERP, venue_story

D = Decimal


async def buy(venue, price="190", amount="1", client_order_id="a1"):
    """Send a limit buy."""
    return await venue.exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        D(amount),
        D(price),
        OrderOptions(client_order_id=client_order_id),
    )


@venue_story
async def test_a_lost_request_never_arrives(venue):
    """T1: the caller times out, and no order exists."""
    venue.faults.lose_request(timeout_s=3)
    before_ns = venue.clock.now_ns()
    with pytest.raises(OutcomeUnknown):
        await buy(venue)

    assert venue.clock.now_ns() - before_ns == 3 * 10**9
    assert await venue.exchange.get_open_orders() == []
    assert venue.faults.fired == {Fault.LOSE_REQUEST: 1}


@venue_story
async def test_a_lost_answer_leaves_one_order(venue):
    """T2: the caller times out, and the order rests."""
    venue.faults.lose_answer()
    with pytest.raises(OutcomeUnknown):
        await buy(venue)

    assert [order.client_order_id for order in await venue.exchange.get_open_orders()] == ["a1"]


@venue_story
async def test_a_lost_answer_may_hide_a_fill(venue):
    """T3: the order filled at once, and only queries and the stream say so."""
    venue.faults.lose_answer()
    with pytest.raises(OutcomeUnknown):
        await buy(venue, "200.1")

    order = await venue.exchange.get_order(None, PERP, client_order_id="a1")
    assert order.status is OrderStatus.FILLED
    assert [type(data) for data in venue.private].count(FillData) == 1


@pytest.mark.parametrize("after, count", [(False, 0), (True, 1)])
@venue_story
async def test_a_5xx_proves_nothing(venue, after, count):
    """T4: the same error, whether the order was taken in or not."""
    venue.faults.fail(status=502, after_acceptance=after)
    with pytest.raises(OutcomeUnknown):
        await buy(venue)
    await venue.clock.sleep(1)

    assert len(await venue.exchange.get_open_orders()) == count


@venue_story
async def test_a_cancel_that_times_out_may_be_repeated(venue):
    """T6: the first one took effect, the second says that nothing is open."""
    order = await buy(venue)
    venue.faults.lose_answer("cancel_order")
    with pytest.raises(OutcomeUnknown):
        await venue.exchange.cancel_order(order.order_id, PERP)

    with pytest.raises(OrderNotFound):
        await venue.exchange.cancel_order(order.order_id, PERP)


@venue_story
async def test_refusals_are_definite(venue):
    """A code, a 429 with its pause, and a connection that never opened."""
    venue.faults.refuse(code="INSUFFICIENT_MARGIN")
    venue.faults.refuse(code="PRICE_BAND")
    venue.faults.limit(retry_after_s=7)
    venue.faults.not_sent()
    with pytest.raises(InsufficientFunds):
        await buy(venue)
    with pytest.raises(OrderRejected) as rejected:
        await buy(venue)
    with pytest.raises(RateLimited) as limited:
        await buy(venue)
    with pytest.raises(NotSent):
        await buy(venue)

    assert rejected.value.code == "PRICE_BAND"
    assert limited.value.retry_after_s == 7
    assert await venue.exchange.get_open_orders() == []
    assert not venue.faults.is_armed


@venue_story
async def test_a_delayed_request_arrives_late(venue):
    """The order is accepted so much later than it would have been."""
    venue.faults.delay(seconds=2)
    sent_ns = venue.clock.now_ns()
    await buy(venue)

    assert venue.clock.now_ns() - sent_ns == 2_050_000_000


@venue_story
async def test_a_deadline_refuses_what_arrives_late(venue):
    """A delayed request with a deadline is a definite no."""
    venue.faults.delay(seconds=2)
    deadline = venue.clock.now().replace(microsecond=500_000)
    with pytest.raises(OrderRejected) as caught:
        await venue.exchange.create_order(
            PERP,
            OrderSide.BUY,
            OrderType.LIMIT,
            D(1),
            D(190),
            OrderOptions(client_order_id="a1", expires_at=deadline),
        )

    assert caught.value.code == "REQUEST_EXPIRED"


@venue_story
async def test_a_lagging_query_does_not_see_what_is_young(venue):
    """V29: not found for two seconds, then found; a negative proves nothing."""
    venue.faults.hide(lag_s=2)
    order = await buy(venue)
    with pytest.raises(OrderNotFound):
        await venue.exchange.get_order(order.order_id, PERP)
    assert await venue.exchange.get_open_orders() == []
    await venue.clock.sleep(2)

    assert await venue.exchange.get_order(order.order_id, PERP) == order
    assert await venue.exchange.get_open_orders() == [order]


@venue_story
async def test_a_query_can_fail(venue):
    """Reads break as transport errors."""
    venue.faults.fail("get_open_orders")
    with pytest.raises(TransportError):
        await venue.exchange.get_open_orders()

    assert await venue.exchange.get_open_orders() == []


@venue_story
async def test_the_fill_beats_the_cancel(venue):
    """V4: the cancel finds nothing open, and the fill was told first."""
    order = await buy(venue)
    venue.faults.fill_first()
    with pytest.raises(OrderNotFound):
        await venue.exchange.cancel_order(order.order_id, PERP)

    assert (await venue.exchange.get_order(order.order_id, PERP)).status is OrderStatus.FILLED
    assert [data.price for data in venue.private if isinstance(data, FillData)] == [D(190)]


@venue_story
async def test_fills_come_in_parts(venue):
    """V5: three tenths per row, the rest with the row after."""
    venue.faults.cut("0.3", "0.3")
    await buy(venue, "199", "1")
    for price in ("198", "197", "196", "195"):
        await venue.trade(price)

    amounts = [fill.amount for fill in await venue.exchange.get_fills()]
    assert amounts == [D("0.3"), D("0.3"), D("0.4")]


@venue_story
async def test_messages_are_dropped_doubled_held_and_swapped(venue):
    """T18, V1, V2, V6: the stream lies by omission and order, never in content."""
    venue.faults.drop(OrderData)
    venue.faults.duplicate(FillData)
    await buy(venue, "200.1", client_order_id="a1")
    fills = [data for data in venue.private if isinstance(data, FillData)]
    assert len(fills) == 2
    assert fills[0] == fills[1]
    assert [data.status for data in venue.private if isinstance(data, OrderData)] == [
        OrderStatus.FILLED
    ]

    venue.private.clear()
    venue.faults.swap(OrderData)
    await buy(venue, "200.1", client_order_id="a2")
    assert [type(data) for data in venue.private[:2]] == [FillData, OrderData]
    assert venue.private[1].status is OrderStatus.OPEN

    venue.private.clear()
    venue.faults.hold(FillData, seconds=5)
    await buy(venue, "200.1", client_order_id="a3")
    assert FillData not in [type(data) for data in venue.private]
    await venue.clock.sleep(5)
    assert isinstance(venue.private[-1], FillData)


@venue_story
async def test_a_silent_stream_says_nothing_while_queries_work(venue):
    """T16: only asking finds the fill."""
    rule = venue.faults.silence()
    await buy(venue, "200.1")

    assert venue.private == []
    assert len(await venue.exchange.get_fills()) == 1
    rule.cancel()
    await buy(venue, "190", client_order_id="a2")
    assert [type(data) for data in venue.private] == [OrderData]


@venue_story
async def test_a_cut_connection_fails_who_waits_and_comes_back(venue):
    """T13: in flight is unknown, afterwards not sent, and the venue went on meanwhile."""
    events = []
    for kind in EventType:
        venue.exchange.add_event_callback(kind, lambda event: events.append(event.event_type))
    venue.clock.call_at_ns(
        venue.clock.now_ns() + 10_000_000, lambda: venue.faults.disconnect(for_s=5)
    )
    with pytest.raises(OutcomeUnknown):
        await buy(venue)
    with pytest.raises(NotSent):
        await buy(venue, client_order_id="a2")
    await venue.clock.sleep(6)

    assert events == [EventType.DISCONNECTED, EventType.RECONNECTING, EventType.CONNECTED]
    assert [order.client_order_id for order in await venue.exchange.get_open_orders()] == ["a1"]
    assert venue.private == []


@venue_story
async def test_a_cancelled_rule_does_nothing(venue):
    """Disarming takes effect at once, and the count stays."""
    rule = venue.faults.lose_request(times=5)
    rule.cancel()
    await buy(venue)
    venue.faults.clear()

    assert not venue.faults.is_armed
    assert venue.faults.fired == {}
