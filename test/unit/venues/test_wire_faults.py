"""What a fault of the wire or of the venue becomes at the adapters of Hyperliquid and Backpack.

Each test names the row that it shows: T of the transport, V of the venue (docs/reliability.md).
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    ConnectionState,
    EventType,
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import (
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.testing.venue import PERP
from core.testing.venues.faults import Answer, Kind
from core.testing.venues.harness import backpack_harness, hyperliquid_harness

D = Decimal
HARNESSES = {"backpack": backpack_harness, "hyperliquid": hyperliquid_harness}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


@asynccontextmanager
async def started(harness, *, is_over_http=False):
    """The harness while it runs; orders go over HTTP where a test wants the same for both."""
    await harness.start()
    try:
        if is_over_http:
            await stop_private(harness)
        yield harness
    finally:
        await harness.stop()


async def stop_private(harness):
    """The private socket is away."""
    for connection, _ in harness.exchange.private:
        await connection.stop()


async def create(harness, name, price="190", amount="1"):
    """A limit order to buy."""
    return await harness.exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        D(amount),
        D(price),
        OrderOptions(client_order_id=name),
    )


async def found(harness, name):
    """The order by our id."""
    return await harness.exchange.get_order(None, PERP, client_order_id=name)


async def until(holds, patience_s=5.0):
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


def fills_of(harness):
    """The executions that were told."""
    return [item for item in harness.private if isinstance(item, FillData)]


# -- transport ----------------------------------------------------------------------------------


async def test_t1_a_request_that_never_arrived_is_unknown_and_then_not_there(harness):
    """The adapter concludes nothing; by our id the venue knows no order."""
    async with started(harness, is_over_http=True):
        harness.venue.faults.lose_request("create_order")
        with pytest.raises(OutcomeUnknown):
            await create(harness, "t1")
        with pytest.raises(OrderNotFound):
            await found(harness, "t1")

        assert harness.venue.floor.open_orders() == []


async def test_t3_an_order_that_filled_while_its_answer_was_lost_is_found_filled(harness):
    """By our id it is over and whole; its execution is in the list, once."""
    async with started(harness, is_over_http=True):
        harness.venue.faults.lose_answer("create_order")
        with pytest.raises(OutcomeUnknown):
            await create(harness, "t3", price="205")
        order = await found(harness, "t3")
        fills = await harness.exchange.get_fills(PERP)

        assert (order.status, order.filled) == (OrderStatus.FILLED, D(1))
        assert [fill.client_order_id for fill in fills] == ["t3"]


async def test_t5_an_answer_to_another_order_is_unknown(harness):
    """Two answers reach each other's requests: neither order is taken for the other."""
    async with started(harness, is_over_http=True):
        harness.venue.faults.mix("create_order")
        outcomes = await asyncio.gather(
            create(harness, "t5a", price="190"),
            create(harness, "t5b", price="189"),
            return_exceptions=True,
        )

        assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown] * 2
        assert (await found(harness, "t5a")).price == D(190)
        assert (await found(harness, "t5b")).price == D(189)


async def test_t6_a_cancel_without_an_answer_may_be_repeated(harness):
    """The first happened; the second finds nothing open, and the order says that it is over."""
    async with started(harness, is_over_http=True):
        order = await create(harness, "t6")
        harness.venue.faults.lose_answer("cancel_order")
        with pytest.raises(OutcomeUnknown):
            await harness.exchange.cancel_order(order.order_id, PERP)
        with pytest.raises(OrderNotFound):
            await harness.exchange.cancel_order(order.order_id, PERP)

        assert (await found(harness, "t6")).status is OrderStatus.CANCELED


async def test_t9_a_refused_connection_is_not_sent(harness):
    """Not one byte left: the order is known not to exist."""
    async with started(harness, is_over_http=True):
        await create(harness, "t9a")  # a connection that was alive a moment ago
        await harness.venue.go_down()
        with pytest.raises(TransportError):
            await harness.exchange.get_ticker(PERP)  # notices that it is gone
        with pytest.raises(NotSent):
            await create(harness, "t9b")
        await harness.venue.come_back()

        assert [order.price for order in harness.venue.floor.open_orders()] == [D(190)]


async def test_t12_a_spent_action_budget_stops_orders_and_not_cancels():
    """Hyperliquid counts actions against the volume traded; cancels go on."""
    harness = hyperliquid_harness(Path())
    async with started(harness):
        order = await create(harness, "t12a")
        harness.venue.actions.requests_left = 0
        with pytest.raises(RateLimited):
            await create(harness, "t12b")
        canceled = await harness.exchange.cancel_order(order.order_id, PERP)

        assert canceled.status is OrderStatus.CANCELED


async def test_t17_a_topic_that_the_venue_refuses_is_told():
    """Who subscribes hears of it at once; the socket and its other topics go on."""
    harness = hyperliquid_harness(Path())
    async with started(harness):
        listings, lives = harness.exchange.listings, harness.exchange.public[0].lives
        gone = replace(listings.of(PERP), key="GONE", symbol="GONE-USDC-PERP")
        listings.by_symbol[gone.symbol] = gone
        with pytest.raises(NotSupported, match="trades:GONE"):
            await harness.exchange.subscribe_trades(gone.symbol, lambda _trade: None)
        await harness.trade("203")

        assert harness.tickers[-1].last == D(203)
        assert harness.exchange.public[0].lives == lives


@pytest.mark.parametrize("status", [200, 301, 403])
async def test_t22_a_page_or_a_redirect_in_the_answers_place_proves_nothing(harness, status):
    """Redirects of signed requests are not followed; a page is no answer, whatever its status."""
    async with started(harness, is_over_http=True):
        page = Answer(b"<html>captcha</html>", status, {"Location": "http://127.0.0.1:1/"})
        harness.venue.faults.answer("create_order", page, after_acceptance=True)
        with pytest.raises((OutcomeUnknown, OrderRejected)) as caught:
            await create(harness, "t22")

        assert isinstance(caught.value, OutcomeUnknown)
        assert (await found(harness, "t22")).status is OrderStatus.OPEN


# -- the venue ----------------------------------------------------------------------------------


async def test_v1_a_fill_that_comes_before_the_answer_names_our_order(harness):
    """The private stream is quicker than the answer: the execution carries our id already."""
    async with started(harness):
        harness.venue.faults.delay_answer("create_order", seconds=0.3)
        sending = asyncio.ensure_future(create(harness, "v1", price="205"))
        await until(lambda: fills_of(harness))
        early = not sending.done()
        await sending

        assert early
        assert [fill.client_order_id for fill in fills_of(harness)] == ["v1"]


async def test_v4_a_cancel_that_comes_too_late_says_what_filled(harness):
    """The fill beat the cancel: not found as open, and filled when asked for."""
    async with started(harness):
        order = await create(harness, "v4")
        await harness.trade("189")
        with pytest.raises(OrderNotFound):
            await harness.exchange.cancel_order(order.order_id, PERP)
        after = await found(harness, "v4")

        assert (after.status, after.filled) == (OrderStatus.FILLED, D(1))


async def test_v5_a_cancel_after_a_part_tells_the_part(harness):
    """Answer, list and stream agree on how much had filled."""
    async with started(harness):
        order = await create(harness, "v5")
        name = harness.venue.floor.open_orders()[0].client_order_id
        harness.venue.fill(name, "0.4")
        answer = await harness.exchange.cancel_order(order.order_id, PERP)
        asked = await found(harness, "v5")
        await until(lambda: any(told.status is OrderStatus.CANCELED for told in orders_of(harness)))
        (told,) = [item for item in orders_of(harness) if item.status is OrderStatus.CANCELED]

        assert [item.filled for item in (answer, asked, told)] == [D("0.4")] * 3
        assert sum(fill.amount for fill in fills_of(harness)) == D("0.4")


def orders_of(harness):
    """The orders that were told."""
    return [item for item in harness.private if isinstance(item, OrderData)]


async def test_v2_v6_executions_out_of_order_and_doubled_are_told_once_each(harness):
    """Their sum is what the venue executed, whatever way they came."""
    async with started(harness):
        await create(harness, "v6")
        name = harness.venue.floor.open_orders()[0].client_order_id
        harness.venue.faults.swap(Kind.FILL)
        harness.venue.faults.duplicate(Kind.FILL, times=2)
        for part in ("0.2", "0.3", "0.5"):
            harness.venue.fill(name, part)
        await until(lambda: len(fills_of(harness)) == 3)
        await asyncio.sleep(0.05)

        assert sorted(fill.amount for fill in fills_of(harness)) == [D("0.2"), D("0.3"), D("0.5")]


async def test_v2_a_doubled_execution_counts_once_in_what_an_order_ended_with(harness):
    """Seed 416: a market order that filled in part and ended waited for ever for the other half."""
    async with started(harness):
        order = await create(harness, "v2")
        name = harness.venue.floor.open_orders()[0].client_order_id
        harness.venue.faults.duplicate(Kind.FILL)
        harness.venue.fill(name, "0.4")
        await until(lambda: fills_of(harness))
        harness.venue.cancel_foreign(name)
        await until(lambda: orders_of(harness)[-1].status.is_final)

        ended = orders_of(harness)[-1]
        assert (ended.order_id, ended.status) == (order.order_id, OrderStatus.CANCELED)
        assert ended.filled == D("0.4")


async def test_v20_what_the_rules_forbid_never_leaves(harness):
    """Off the tick, off the lot, worth too little (where the venue tells how little that is)."""
    forbidden = [("190.12345", "1"), ("190", "0.00001")]
    if harness.venue.name == "hyperliquid":
        forbidden.append(("190", "0.001"))
    async with started(harness):
        for price, amount in forbidden:
            with pytest.raises(OrderRejected):
                await create(harness, "v20", price=price, amount=amount)

        assert harness.venue.calls_of("create_order") == []


async def test_v22_a_market_that_does_not_trade_takes_no_order(harness):
    """A delisted or halted instrument is refused here, and can still be asked about."""
    async with started(harness):
        listings = harness.exchange.listings
        halted = replace(listings.of(PERP), is_trading=False)
        listings.by_symbol[PERP] = halted
        with pytest.raises(OrderRejected, match="does not trade"):
            await create(harness, "v22")
        book = await harness.exchange.get_orderbook(PERP)

        assert book.bids
        assert harness.venue.calls_of("create_order") == []


async def test_v29_an_order_that_a_list_does_not_show_yet_is_only_not_found(harness):
    """A list that lags proves nothing: the adapter says that it is not found, and asks again."""
    async with started(harness):
        lag = harness.venue.faults.lag("*")
        order = await create(harness, "v29")
        with pytest.raises(OrderNotFound):
            await found(harness, "v29")
        hidden = await harness.exchange.get_open_orders(PERP)
        lag.cancel()
        shown = await harness.exchange.get_open_orders(PERP)

        assert hidden == []
        assert [item.order_id for item in shown] == [order.order_id]


async def test_v31_ids_of_any_size_stay_texts(harness):
    """Beyond 2^53 a number in between would round: order, fill and trade ids are texts."""
    async with started(harness):
        order = await create(harness, "v31", price="205")
        fills = await harness.exchange.get_fills(PERP)

        ids = [order.order_id, fills[0].order_id, fills[0].trade_id]
        assert all(isinstance(identity, str) and identity.isdigit() for identity in ids)
        assert order.order_id == fills[0].order_id


async def test_v34_a_cancel_takes_one_order_and_no_other(harness):
    """Orders are cancelled by id; what somebody else placed beside it rests on."""
    async with started(harness):
        harness.venue.place_foreign(PERP, OrderSide.BUY, "150", "1")
        order = await create(harness, "v34")
        await harness.exchange.cancel_order(order.order_id, PERP)
        rest = await harness.exchange.get_open_orders()

        assert [item.price for item in rest] == [D(150)]
        assert harness.venue.calls_of("cancel_all_orders") == []


async def test_t13_only_a_socket_that_was_lost_recovers(harness):
    """A quiet market that was doubted and confirmed is no reason to compare everything again."""
    async with started(harness):
        events = []
        harness.exchange.add_event_callback(EventType.RECOVERED, events.append)
        (public,) = harness.exchange.public
        harness.venue.kill_sockets()
        await until(lambda: len(events) == 2)
        for state in (ConnectionState.STALE, ConnectionState.LIVE) * 3:
            harness.exchange.on_state(public, state, "")

        assert sorted(event.detail for event in events) == ["private", "public"]
