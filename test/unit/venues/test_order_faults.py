"""What edgeX and Lighter tell of orders, executions and positions when things cross each other."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    FillData,
    Margin,
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
)
from core.errors import (
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
)
from core.testing.venue import PERP, SPOT
from core.testing.venues.faults import Answer, Kind
from core.testing.venues.harness import edgex_harness, lighter_harness

D = Decimal
HARNESSES = {"edgex": edgex_harness, "lighter": lighter_harness}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


@asynccontextmanager
async def started(harness):
    """The harness while it runs."""
    await harness.start()
    try:
        yield harness.exchange
    finally:
        await harness.stop()


async def order(exchange, name, price="190", side=OrderSide.BUY, amount="1", **options):
    """A limit order."""
    return await exchange.create_order(
        PERP,
        side,
        OrderType.LIMIT,
        D(amount),
        D(price),
        OrderOptions(client_order_id=name, **options),
    )


async def until(holds, patience_s=5.0):
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


def told(harness, kind):
    """What the private socket told of a kind."""
    return [item for item in harness.private if isinstance(item, kind)]


# -- executions ---------------------------------------------------------------------------------


async def test_a_fill_before_its_answer_carries_our_id(harness):
    """The execution is told under the id that the create was sent with (V1)."""
    async with started(harness) as exchange:
        harness.venue.faults.delay_answer(seconds=0.2)
        sending = asyncio.ensure_future(order(exchange, "early1", price="200.1"))
        await until(lambda: told(harness, FillData))
        was_done = sending.done()
        found = await sending

        assert not was_done
        assert [item.client_order_id for item in told(harness, FillData)] == ["early1"]
        assert (found.status, found.filled) == (OrderStatus.FILLED, D(1))


async def test_a_fill_that_is_told_twice_counts_once(harness):
    """On the socket, and again after a reconnection (V2)."""
    async with started(harness) as exchange:
        await order(exchange, "twice1", price="199")
        harness.venue.faults.duplicate(Kind.FILL)
        await harness.trade("198")
        await until(lambda: told(harness, FillData))
        harness.venue.kill_sockets()
        await until(lambda: exchange.is_authenticated() and exchange.private[0][0].lives == 2)
        await asyncio.sleep(0.1)

        assert len(told(harness, FillData)) == 1
        assert len(await exchange.get_fills(PERP)) == 1


async def test_a_fill_of_somebody_else_has_not_our_id(harness):
    """It is told, since it moves the account, and nobody takes it for ours (V3, V10)."""
    async with started(harness):
        harness.venue.place_foreign(PERP, OrderSide.BUY, None, "2", "987654321")
        await until(lambda: told(harness, FillData))
        (fill,) = told(harness, FillData)

        assert fill.amount == D(2)
        assert fill.client_order_id != "twice1"
        assert fill.order_id


async def test_a_cancel_that_comes_too_late_leaves_the_fill(harness):
    """Not open any more; the order says what filled (V4)."""
    async with started(harness) as exchange:
        placed = await order(exchange, "race1", price="199")
        harness.venue.fill(harness.venue.floor.open_orders()[0].client_order_id)
        with pytest.raises(OrderNotFound):
            await exchange.cancel_order(placed.order_id, PERP)
        found = await exchange.get_order(placed.order_id, PERP)

        assert (found.status, found.filled) == (OrderStatus.FILLED, D(1))


async def test_a_cancel_of_the_rest_tells_the_part(harness):
    """What had filled stays filled, and the rest is gone (V5)."""
    async with started(harness) as exchange:
        placed = await order(exchange, "part1", price="199", amount="3")
        harness.venue.fill(harness.venue.floor.open_orders()[0].client_order_id, "1")
        gone = await exchange.cancel_order(placed.order_id, PERP)

        assert (gone.status, gone.filled, gone.remaining) == (OrderStatus.CANCELED, D(1), D(2))


async def test_fills_in_another_order_are_all_told(harness):
    """Two executions, the second before the first: both, once each (V6, T18)."""
    async with started(harness) as exchange:
        await order(exchange, "swap1", price="199", amount="3")
        name = harness.venue.floor.open_orders()[0].client_order_id
        harness.venue.faults.swap(Kind.FILL)
        harness.venue.fill(name, "1")
        harness.venue.fill(name, "2")
        await until(lambda: len(told(harness, FillData)) == 2)

        assert sorted(item.amount for item in told(harness, FillData)) == [D(1), D(2)]


# -- orders -------------------------------------------------------------------------------------


async def test_an_order_that_somebody_cancelled_is_told(harness):
    """Whoever did it: the order is over, with our id (V9, V10)."""
    async with started(harness) as exchange:
        placed = await order(exchange, "taken1")
        name = harness.venue.floor.open_orders()[0].client_order_id
        harness.venue.cancel_foreign(name)
        await until(lambda: any(item.status.is_final for item in told(harness, OrderData)))
        last = told(harness, OrderData)[-1]

        assert (last.client_order_id, last.order_id) == ("taken1", placed.order_id)
        assert last.status is OrderStatus.CANCELED


async def test_orders_and_positions_of_others_are_seen_and_not_named_ours(harness):
    """In the lists of the account, under no id of ours (V10, V11)."""
    async with started(harness) as exchange:
        harness.venue.place_foreign(PERP, OrderSide.BUY, "150", "1")
        harness.venue.place_foreign(PERP, OrderSide.SELL, None, "2")
        mine = await order(exchange, "mine1")
        orders = await exchange.get_open_orders(PERP)
        (position,) = await exchange.get_positions([PERP])

        assert [item.client_order_id == "mine1" for item in orders] == [False, True]
        assert position.size == D(-2)
        assert mine.order_id == orders[1].order_id


async def test_a_post_only_order_that_would_take_is_refused(harness):
    """For certain, and nobody is told of an order (V17)."""
    async with started(harness) as exchange:
        with pytest.raises(OrderRejected):
            await order(exchange, "post1", price="200.1", post_only=True)

        assert harness.venue.floor.fills() == []
        assert await exchange.get_open_orders(PERP) == []


async def test_what_the_rules_forbid_is_not_sent(harness):
    """Below the lot, or between two ticks (V20)."""
    async with started(harness) as exchange:
        for price, amount in (("190", "0.0000001"), ("190.0001", "1")):
            with pytest.raises(OrderRejected):
                await order(exchange, "rule1", price=price, amount=amount)

        assert harness.venue.calls_of("create_order") == []


async def test_what_is_not_traded_now_is_refused_here(harness):
    """A market that the venue halts is seen with its next list (V21, V22)."""
    async with started(harness) as exchange:
        listing = exchange.listings.by_symbol[PERP]
        exchange.listings.by_symbol[PERP] = replace(listing, is_trading=False)
        with pytest.raises(OrderRejected) as caught:
            await order(exchange, "halt1")

        assert caught.value.code == "HALTED"
        assert harness.venue.calls_of("create_order") == []


async def test_what_the_account_cannot_carry_is_refused(harness):
    """For certain, as what it is (V24)."""
    async with started(harness) as exchange:
        with pytest.raises(InsufficientFunds):
            await order(exchange, "poor1", amount="99000")

        assert await exchange.get_open_orders(PERP) == []


@pytest.mark.parametrize("leverage", ["3", "7"])
async def test_leverage_is_what_was_asked_for(harness, leverage):
    """Set once and read back, also where the venue keeps a rounded fraction of it (V25)."""
    make = harness._make
    wanted = {PERP: Margin(leverage=D(leverage), mode=MarginMode.CROSS)}
    harness._make = lambda doors: make(replace(doors, margins=wanted))
    async with started(harness) as exchange:
        found = await exchange.set_leverage(PERP, D(leverage))

        assert found.leverage == D(leverage)


async def test_fees_are_those_of_the_executions(harness):
    """To the digit, in the quote (V27)."""
    async with started(harness) as exchange:
        await order(exchange, "fee1", price="200.1")
        fills = await exchange.get_fills(PERP)

        assert [item.fee for item in fills] == [item.fee for item in harness.venue.floor.fills()]
        assert all(item.fee_currency in {"", "USDC"} for item in fills)


async def test_lists_that_lag_say_not_found_and_no_more(harness):
    """The order rests: whoever asked too early is told that this list does not know it (V29)."""
    async with started(harness) as exchange:
        harness.venue.faults.lose_answer()
        lag = harness.venue.faults.lag()
        with pytest.raises(OutcomeUnknown):
            await order(exchange, "lag1")
        with pytest.raises(OrderNotFound):
            await exchange.get_order(None, PERP, client_order_id="lag1")
        lag.cancel()
        await asyncio.sleep(0.35)  # an answer may be given to the same question again for so long
        found = await exchange.get_order(None, PERP, client_order_id="lag1")

        assert found.status is OrderStatus.OPEN


async def test_ids_are_text_to_the_last_digit(harness):
    """Numbers beyond 2^53 come and go as they are (V31)."""
    async with started(harness) as exchange:
        placed = await order(exchange, "long1")
        gone = await exchange.cancel_order(placed.order_id, PERP)
        (listed,) = await exchange.get_order_history(PERP)

        assert int(placed.order_id) > 1 << 46
        assert placed.order_id == gone.order_id == listed.order_id


async def test_a_cancel_of_everything_keeps_to_its_symbol():
    """Lighter's own request would take every market: orders are named one by one (V34)."""
    harness = lighter_harness(Path())
    async with started(harness) as exchange:
        await order(exchange, "here1")
        harness.venue.place_foreign(SPOT, OrderSide.BUY, "150", "1")
        gone = await exchange.cancel_all_orders(PERP)

        assert [item.client_order_id for item in gone] == ["here1"]
        assert harness.venue.calls_of("cancel_all_orders") == []
        assert len(harness.venue.floor.open_orders(SPOT)) == 1


async def test_a_reduce_only_order_that_is_dropped_is_unknown():
    """Lighter drops it without a word where the position went meanwhile (V18)."""
    harness = lighter_harness(Path())
    async with started(harness) as exchange:
        with pytest.raises(OrderRejected) as caught:
            await order(exchange, "none1", side=OrderSide.SELL, price="210", reduce_only=True)
        harness.venue.place_foreign(PERP, OrderSide.BUY, None, "1")
        await until(lambda: any(item.size for item in told(harness, PositionData)))
        harness.venue.faults.silence(Kind.ACCOUNT)
        harness.venue.place_foreign(PERP, OrderSide.SELL, None, "1")
        with pytest.raises(OutcomeUnknown):
            await order(exchange, "none2", side=OrderSide.SELL, price="210", reduce_only=True)
        with pytest.raises(OrderNotFound):
            await exchange.get_order(None, PERP, client_order_id="none2")

        assert caught.value.code == "REDUCE_ONLY"
        assert len(harness.venue.calls_of("create_order")) == 1


async def test_a_refusal_by_price_is_certain():
    """Lighter's codes of orders are definite, each by its number (V19)."""
    harness = lighter_harness(Path())
    async with started(harness) as exchange:
        body = {"code": 21705, "message": "order price is too far from the mark price"}
        harness.venue.faults.answer(answer=Answer(body, 400))
        with pytest.raises(OrderRejected) as caught:
            await order(exchange, "far1", price="100")

        assert caught.value.code == "21705"


# -- strange words ------------------------------------------------------------------------------


async def test_a_status_that_nobody_knows_is_unknown(harness):
    """Neither open nor over; the venue's word is counted (D18)."""

    def odd(message):
        text = str(message)
        assert "status" in text
        rows = (
            message["content"]["data"]["order"]
            if "content" in message
            else next(iter(message["orders"].values()))
        )
        rows[0]["status"] = "SUSPENDED-ODD"
        return message

    async with started(harness) as exchange:
        harness.venue.faults.alter(Kind.ORDER, odd)
        found = await order(exchange, "odd1")
        statuses = [item.status for item in told(harness, OrderData)]

        assert OrderStatus.UNKNOWN in {found.status, *statuses}
        assert any("SUSPENDED-ODD" in name for name in exchange.listings.unknown)


async def test_words_about_another_account_end_the_socket(harness):
    """Nothing of it is told, the next socket is opened, and what is ours is asked for (V30)."""

    def strange(message):
        if "content" in message:
            for rows in message["content"]["data"].values():
                for row in rows:
                    row["accountId"] = "4711"
        else:
            message["channel"] = message["channel"].partition(":")[0] + ":4711"
            for rows in message["orders"].values():
                for row in rows:
                    row["owner_account_index"] = 4711
        return message

    async with started(harness) as exchange:
        placed = await order(exchange, "ours1")
        lives = exchange.private[0][0].lives
        harness.private.clear()
        harness.venue.faults.alter(Kind.ORDER, strange)
        harness.venue.cancel_foreign(harness.venue.floor.open_orders()[0].client_order_id)
        await until(lambda: exchange.private[0][0].lives > lives and exchange.is_authenticated())
        found = await exchange.get_order(placed.order_id, PERP)

        assert told(harness, OrderData) == []
        assert found.status is OrderStatus.CANCELED


async def test_a_market_that_is_newer_than_our_list_is_learned():
    """A word about it ends the socket once; before the next one the list is asked for (V22)."""
    harness = lighter_harness(Path())
    async with started(harness) as exchange:
        known = exchange.listings.by_symbol.pop(SPOT)
        exchange.listings.by_key.pop(known.key)
        harness.venue.place_foreign(SPOT, OrderSide.BUY, "150", "1")
        await until(lambda: SPOT in exchange.listings.by_symbol and exchange.is_authenticated())
        await until(lambda: any(item.symbol == SPOT for item in told(harness, OrderData)))

        assert exchange.private[0][0].lives == 2
