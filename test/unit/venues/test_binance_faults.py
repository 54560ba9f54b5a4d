"""What Binance does to an adapter, against both of its loopback markets."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import NotSent, OrderNotFound, OrderRejected, OutcomeUnknown, RateLimited
from core.testing.venue import PERP, SPOT
from core.testing.venues.binance_spot.harness import binance_spot_harness
from core.testing.venues.faults import Kind, Loss
from core.testing.venues.harness import binance_harness

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKETS = {PERP: binance_harness, SPOT: binance_spot_harness}


@pytest.fixture(params=sorted(MARKETS))
def symbol(request):
    """What is traded: a perpetual, or on spot."""
    return request.param


@asynccontextmanager
async def opened(symbol):
    """The adapter, connected to its venue."""
    harness = MARKETS[symbol](Path())
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


async def create(harness, symbol, name, price="199", amount="1", side=BUY, **options):
    """Sends a limit order under our id."""
    return await harness.exchange.create_order(
        symbol, side, OrderType.LIMIT, D(amount), D(price),
        OrderOptions(client_order_id=name, **options),
    )  # fmt: skip


async def comes(holds, patience_s=5.0):
    """Waits for what the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


def heard(harness, kind):
    """What the private stream told of a kind."""
    return [item for item in harness.private if isinstance(item, kind)]


# -- requests -------------------------------------------------------------------------------------


async def test_an_order_that_never_arrived_is_unknown_and_not_there(symbol):
    """Its socket ends while it is on its way: asked for afterwards, the venue knows none."""
    async with opened(symbol) as harness:
        harness.venue.faults.lose_request("create_order", how=Loss.SILENCE)
        sending = asyncio.ensure_future(create(harness, symbol, "gone1"))
        await harness.venue.until(lambda: harness.venue.calls_of("create_order"))
        harness.venue.kill_sockets()
        with pytest.raises(OutcomeUnknown):
            await sending
        with pytest.raises(OrderNotFound):
            await harness.exchange.get_order(None, symbol, client_order_id="gone1")

        assert harness.venue.floor.open_orders() == []


async def test_a_cancel_without_an_answer_may_be_repeated(symbol):
    """The first is unknown; the second says that the order is over."""
    async with opened(symbol) as harness:
        order = await create(harness, symbol, "a1")
        harness.venue.faults.lose_answer("cancel_order", how=Loss.SILENCE)
        sending = asyncio.ensure_future(harness.exchange.cancel_order(order.order_id, symbol))
        await harness.venue.until(lambda: harness.venue.calls_of("cancel_order"))
        harness.venue.kill_sockets()
        with pytest.raises(OutcomeUnknown):
            await sending
        with pytest.raises(OrderNotFound):
            await harness.exchange.cancel_order(order.order_id, symbol)
        found = await harness.exchange.get_order(order.order_id, symbol)

        assert found.status is OrderStatus.CANCELED


async def test_an_answer_for_another_order_is_unknown(symbol):
    """Whoever mixed them up, nothing is concluded of ours."""
    async with opened(symbol) as harness:
        harness.venue.faults.alter_answer(
            "create_order", lambda body: {**body, "clientOrderId": "someone"}
        )
        with pytest.raises(OutcomeUnknown):
            await create(harness, symbol, "a1")

        assert [o.client_order_id for o in harness.venue.floor.open_orders()] == ["a1"]


async def test_nothing_leaves_for_a_venue_that_is_down(symbol):
    """Without a socket and without a connection: provably not sent."""
    async with opened(symbol) as harness:
        await harness.venue.go_down()
        await comes(lambda: not harness.exchange.is_authenticated())
        with pytest.raises(NotSent):
            await create(harness, symbol, "a1")
        await harness.venue.come_back()
        await comes(harness.exchange.is_authenticated, 30.0)

        assert (await create(harness, symbol, "a2")).status is OrderStatus.OPEN


async def test_a_ban_holds_cancels_too(symbol):
    """After 418 nothing is asked any more until it is over; the error says so."""
    async with opened(symbol) as harness:
        order = await create(harness, symbol, "a1")
        body = {"code": -1003, "msg": "Way too many requests; IP banned."}
        harness.venue.faults.limit("get_order", retry_after_s=120, status=418, body=body)
        with pytest.raises(RateLimited) as caught:
            await harness.exchange.get_order(order.order_id, symbol)
        before = len(harness.venue.calls)
        with pytest.raises(RateLimited):
            await harness.exchange.cancel_order(order.order_id, symbol)

        assert (caught.value.is_ban, caught.value.retry_after_s) == (True, 120)
        assert len(harness.venue.calls) == before


# -- sockets --------------------------------------------------------------------------------------


async def test_a_socket_that_the_venue_ends_is_opened_again(symbol):
    """`serverShutdown` is obeyed at once; what filled meanwhile is told once."""
    async with opened(symbol) as harness:
        await create(harness, symbol, "a1")
        lives = [connection.lives for connection in harness.exchange.public]
        for socket in tuple(harness.venue.sockets):
            if any("@" in topic for topic in socket.topics):
                socket.reply({"e": "serverShutdown", "E": harness.venue.now_ms()})
        await comes(
            lambda: all(
                now.lives > before and now.is_live
                for now, before in zip(harness.exchange.public, lives, strict=True)
            )
        )
        await harness.trade("198")
        await comes(lambda: heard(harness, FillData))

        assert [fill.client_order_id for fill in heard(harness, FillData)] == ["a1"]


async def test_a_listen_key_that_has_expired_is_replaced():
    """The socket is opened under another one, and what filled meanwhile is told."""
    async with opened(PERP) as harness:
        await create(harness, PERP, "a1")
        ((connection, _), *_) = harness.exchange.private
        lives = connection.lives
        harness.venue.expire_listen_keys()
        harness.venue.trade("198")
        await comes(lambda: connection.lives > lives and connection.is_live)
        await comes(lambda: heard(harness, FillData))

        assert len(heard(harness, FillData)) == 1


async def test_a_private_message_that_makes_no_sense_costs_its_socket(symbol):
    """An instrument that nobody listed, an amount that is none: asked for instead of believed."""
    async with opened(symbol) as harness:
        await create(harness, symbol, "a1")

        def broken(message):
            event = message.get("event", message)
            row = event.get("o", event)
            row = {**row, "s": "NOBODYUSDC"} if isinstance(row, dict) else {**event, "l": "NaN"}
            if "o" in event and isinstance(event["o"], dict):
                return {**event, "o": row}
            return {**message, "event": {**event, "s": "NOBODYUSDC"}}

        harness.venue.faults.alter(Kind.FILL, broken)
        harness.venue.trade("198")
        await comes(lambda: heard(harness, FillData))

        assert [fill.symbol for fill in heard(harness, FillData)] == [symbol]


# -- what orders do -------------------------------------------------------------------------------


async def test_a_fill_before_the_answer_is_told_under_our_id(symbol):
    """The stream may be quicker than the answer to the create."""
    async with opened(symbol) as harness:
        harness.venue.faults.delay_answer("create_order", seconds=0.1)
        sending = asyncio.ensure_future(create(harness, symbol, "a1", price="201"))
        await comes(lambda: heard(harness, FillData))
        assert not sending.done()
        order = await sending

        assert order.status is OrderStatus.FILLED
        assert {fill.client_order_id for fill in heard(harness, FillData)} == {"a1"}
        assert {fill.order_id for fill in heard(harness, FillData)} == {order.order_id}


async def test_a_fill_beats_the_cancel(symbol):
    """The cancel finds no open order, and the order is filled."""
    async with opened(symbol) as harness:
        order = await create(harness, symbol, "a1")
        harness.venue.fill("a1")
        with pytest.raises(OrderNotFound):
            await harness.exchange.cancel_order(order.order_id, symbol)

        assert (await harness.exchange.get_order(order.order_id, symbol)).filled == D(1)


async def test_a_part_that_filled_stays_with_a_cancelled_order(symbol):
    """Its state says both."""
    async with opened(symbol) as harness:
        order = await create(harness, symbol, "a1")
        harness.venue.fill("a1", "0.4")
        cancelled = await harness.exchange.cancel_order(order.order_id, symbol)
        fills = await harness.exchange.get_fills(symbol)

        assert (cancelled.status, cancelled.filled) == (OrderStatus.CANCELED, D("0.4"))
        assert [fill.amount for fill in fills] == [D("0.4")]


@pytest.mark.parametrize("fault", ["duplicate", "swap", "hold"])
async def test_private_messages_may_come_twice_late_or_turned_round(symbol, fault):
    """Every execution is told once, and the sum is the order's."""
    async with opened(symbol) as harness:
        await create(harness, symbol, "a1", amount="2")
        options = {"seconds": 0.05} if fault == "hold" else {}
        getattr(harness.venue.faults, fault)(Kind.FILL, **options)
        harness.venue.fill("a1", "0.5")
        harness.venue.fill("a1", "1.5")
        await comes(lambda: sum(fill.amount for fill in heard(harness, FillData)) == D(2))
        await asyncio.sleep(0.1)

        assert sum(fill.amount for fill in heard(harness, FillData)) == D(2)
        assert len({fill.trade_id for fill in heard(harness, FillData)}) == 2


async def test_an_order_of_somebody_else_is_shown_and_left_alone(symbol):
    """Asked for and told, with its own id."""
    async with opened(symbol) as harness:
        await create(harness, symbol, "a1")
        harness.venue.place_foreign(symbol, BUY, "150", "1")
        await comes(lambda: len({o.order_id for o in heard(harness, OrderData)}) == 2)
        found = await harness.exchange.get_open_orders(symbol)

        assert sorted(o.price for o in found) == [D(150), D(199)]
        assert sum(o.client_order_id == "a1" for o in found) == 1


async def test_post_only_that_would_take_is_a_definite_no(symbol):
    """Nothing rests, and nothing is unknown."""
    async with opened(symbol) as harness:
        with pytest.raises(OrderRejected) as caught:
            await create(harness, symbol, "a1", price="205", post_only=True)

        assert not isinstance(caught.value, OutcomeUnknown)
        assert harness.venue.floor.open_orders() == []


async def test_a_list_that_lags_shows_nothing_yet(symbol):
    """Absence in a list proves nothing about an order that was just taken."""
    async with opened(symbol) as harness:
        order = await create(harness, symbol, "a1")
        rule = harness.venue.faults.lag("get_open_orders", seconds=60)
        assert await harness.exchange.get_open_orders(symbol) == []
        rule.cancel()

        (found,) = await harness.exchange.get_open_orders(symbol)
        assert found.order_id == order.order_id


async def test_ids_beyond_what_a_float_holds_stay_whole(symbol):
    """The venue's ids are past 2^53; they are text from end to end."""
    async with opened(symbol) as harness:
        order = await create(harness, symbol, "a1")

        assert int(order.order_id) > 2**53
        assert (await harness.exchange.get_order(order.order_id, symbol)).client_order_id == "a1"
