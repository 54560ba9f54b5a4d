"""What Backpack, edgeX and Lighter do on a bad day; their orders go over HTTP, news over sockets.

The contract suite tells what they promise on a good day.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.credentials import Secret
from core.adapters.exchanges.models import (
    ConnectionState,
    EventType,
    FillData,
    Margin,
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.errors import (
    DuplicateClientOrderId,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.testing.venue import PERP
from core.testing.venues.faults import Kind
from core.testing.venues.harness import backpack_harness, edgex_harness, lighter_harness, started

D = Decimal
HARNESSES = {"backpack": backpack_harness, "edgex": edgex_harness, "lighter": lighter_harness}
BITS = {"backpack": 32, "lighter": 48}
LONG = "k3x9q2w7E1zz"


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


async def create(harness, name, price="190", amount="1", **options):
    """A limit order to buy."""
    return await harness.exchange.create_order(
        PERP,
        OrderSide.BUY,
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


def as_told(harness, name):
    """Our id as the venue keeps it."""
    bits = BITS.get(harness.venue.name)
    return name if bits is None else str(ClientNumbers(harness.venue.name, bits).number(name))


def fills_of(harness):
    """The executions that were told."""
    return [item for item in harness.private if isinstance(item, FillData)]


# -- outcomes -----------------------------------------------------------------------------------


async def test_a_lost_answer_leaves_the_outcome_unknown(harness):
    """The order exists, is found by our id, and was never sent twice."""
    async with started(harness):
        harness.venue.faults.lose_answer("create_order")
        with pytest.raises(OutcomeUnknown):
            await create(harness, LONG)
        order = await harness.exchange.get_order(None, PERP, client_order_id=LONG)

        assert (order.status, order.client_order_id) == (OrderStatus.OPEN, LONG)
        assert len(harness.venue.calls_of("create_order")) == 1


@pytest.mark.parametrize("fault", ["html", "truncate", "fail"])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(harness, fault):
    """A page, half a body, a 503: none of them proves anything about the order."""
    async with started(harness):
        getattr(harness.venue.faults, fault)("create_order")
        with pytest.raises(OutcomeUnknown):
            await create(harness, "odd1")

        assert len(harness.venue.calls_of("create_order")) == 1


async def test_a_limit_of_the_venue_holds_everything_but_cancels(harness):
    """429 with its patience; the next order is refused here and not one byte of it leaves."""
    async with started(harness):
        order = await create(harness, "rests1")
        harness.venue.faults.limit("create_order", retry_after_s=7)
        with pytest.raises(RateLimited) as told:
            await create(harness, "over1")
        before = len(harness.venue.calls)
        with pytest.raises(RateLimited):
            await create(harness, "over2")
        assert len(harness.venue.calls) == before
        cancelled = await harness.exchange.cancel_order(order.order_id, PERP)

        assert told.value.retry_after_s == 7
        assert cancelled.status is OrderStatus.CANCELED


async def test_an_id_that_is_taken_is_evidence(harness):
    """Also a long one, which is a hash at two of these venues."""
    async with started(harness):
        await create(harness, LONG)
        with pytest.raises(DuplicateClientOrderId):
            await create(harness, LONG, price="191")


async def test_a_long_id_is_known_again_after_a_restart(harness):
    """Until it was asked for it is shown as none, never as somebody else's; then by its name."""
    async with started(harness):
        order = await create(harness, LONG)
        await harness.restart()
        (before,) = await harness.exchange.get_open_orders(PERP)
        found = await harness.exchange.get_order(None, PERP, client_order_id=LONG)
        (after,) = await harness.exchange.get_open_orders(PERP)

        assert before.client_order_id in {None, LONG}
        assert (found.order_id, found.client_order_id) == (order.order_id, LONG)
        assert after.client_order_id == LONG


async def test_what_is_over_is_found_by_our_id(harness):
    """A filled order is no longer among the open ones, and is asked for where it is."""
    async with started(harness):
        order = await create(harness, LONG, price="199")
        await harness.trade("198")
        found = await harness.exchange.get_order(None, PERP, client_order_id=LONG)

        assert (found.order_id, found.status, found.filled) == (
            order.order_id,
            OrderStatus.FILLED,
            D(1),
        )


# -- reconnection -------------------------------------------------------------------------------


async def test_what_was_missed_is_told_after_a_reconnection(harness):
    """An order fills while there is no socket: the execution is told once, and we are told so."""
    async with started(harness):
        order = await create(harness, "away1", price="199")
        events = []
        harness.exchange.add_event_callback(EventType.RECOVERED, events.append)
        harness.private.clear()
        harness.venue.kill_sockets()
        harness.venue.fill(as_told(harness, "away1"))
        await until(lambda: fills_of(harness))
        await until(lambda: harness.exchange.is_connected() and len(events) >= 2)
        await asyncio.sleep(0.05)

        fills = fills_of(harness)
        assert [(fill.order_id, fill.amount) for fill in fills] == [(order.order_id, D(1))]
        assert fills[0].client_order_id == "away1"


async def test_prices_come_again_after_a_reconnection(harness):
    """With all topics, and the status tells of the way there."""
    async with started(harness):
        states = []
        harness.exchange.add_event_callback(
            EventType.RECONNECTING, lambda event: states.append(event.detail)
        )
        harness.venue.kill_sockets()
        await until(lambda: states)
        await until(harness.exchange.is_connected)
        await asyncio.sleep(0.15)
        harness.tickers.clear()
        await harness.trade("203")

        assert harness.tickers[-1].last == D(203) or harness.tickers[-1].bid == D("202.9")
        assert harness.exchange.get_status().state is ConnectionState.LIVE


async def test_a_duplicated_message_is_told_once(harness):
    """The venue sends an execution twice."""
    async with started(harness):
        await create(harness, "twice1", price="199")
        harness.venue.faults.duplicate(Kind.FILL)
        await harness.trade("198")
        await until(lambda: fills_of(harness))
        await asyncio.sleep(0.05)

        assert len(fills_of(harness)) == 1


async def test_a_book_with_a_missing_change_is_asked_for_anew(harness):
    """What is told afterwards is the venue's book again."""
    async with started(harness):
        books = []
        await harness.exchange.subscribe_orderbook(PERP, books.append)
        await asyncio.sleep(0.15)
        await harness.trade("201")
        harness.venue.faults.drop(Kind.BOOK)
        await harness.trade("202")
        await harness.trade("203")
        await until(lambda: books and books[-1].bids[0].price == D("202.9"))
        truth = await harness.exchange.get_orderbook(PERP)

        assert list(books[-1].bids) == list(truth.bids)
        assert list(books[-1].asks) == list(truth.asks)
        assert all(book.bids[0].price < book.asks[0].price for book in books)


async def test_trades_are_told_once_and_not_again_after_a_reconnection(harness):
    """First messages of a channel repeat what was told."""
    async with started(harness):
        trades = []
        await harness.exchange.subscribe_trades(PERP, trades.append)
        await harness.trade("201")
        harness.venue.kill_sockets()
        await until(lambda: not harness.exchange.is_connected())
        await until(harness.exchange.is_connected)
        await asyncio.sleep(0.2)
        await harness.trade("202")

        prices = [trade.price for trade in trades if trade.price in {D(201), D(202)}]
        assert prices == [D(201), D(202)]


# -- keys ---------------------------------------------------------------------------------------


async def refused(harness):
    """Why the adapter does not authenticate, and that nothing was sent."""
    with pytest.raises(AssertionError):
        await harness.start()
    detail = harness.exchange.get_status().detail
    with pytest.raises((NotSent, TransportError)):
        await create(harness, "never1")
    assert harness.venue.calls_of("create_order") == []
    await harness.stop()
    return detail


def strange(harness):
    """The harness with the keys of a stranger."""
    keys, credentials = harness.venue.keys, harness._credentials()
    if harness.venue.name == "lighter":
        from core.testing.venues.lighter.signing import StandIn

        make = harness._make
        harness._make = lambda doors: with_signer(make(doors), StandIn(keys.stranger))
        return harness
    if harness.venue.name == "edgex":
        changed = replace(credentials, secret=Secret(keys.stranger.secret))
    else:
        other = keys.stranger
        changed = replace(credentials, key=other.api_key, secret=Secret(other.secret))
    harness._credentials = lambda: changed
    return harness


def with_signer(exchange, signer):
    """A Lighter adapter that signs with something else."""
    exchange._make_signer = lambda _doors: signer
    return exchange


async def test_a_key_that_is_not_the_accounts_is_refused(harness):
    """In one line, before anything is traded."""
    detail = await refused(strange(harness))

    assert harness.venue.name in detail.lower()
    assert "\n" not in detail


async def test_margins_are_put_into_force_before_anything_is_traded(harness):
    """What the configuration says is what the venue has."""
    make = harness._make
    wanted = Margin(leverage=D(4), mode=MarginMode.CROSS)
    harness._make = lambda doors: make(replace(doors, margins={PERP: wanted}))
    async with started(harness):
        holding = harness.venue.floor.holding(PERP)

        assert (D(holding.leverage), holding.margin_mode) == (D(4), MarginMode.CROSS)


async def test_public_data_needs_no_key(harness):
    """Prices, book and trades come without credentials, and an account cannot be asked about."""
    make = harness._make
    harness._make = lambda doors: make(replace(doors, credentials=None))
    with pytest.raises(AssertionError):
        await harness.start()
    try:
        exchange = harness.exchange
        tickers = []
        await exchange.subscribe_ticker(PERP, tickers.append)
        await until(lambda: tickers)
        ticker = await exchange.get_ticker(PERP)

        assert (ticker.bid, ticker.ask) == (D("199.9"), D("200.1"))
        assert exchange.is_connected()
        assert not exchange.is_authenticated()
        assert "no keys" in exchange.get_status().detail
    finally:
        await harness.stop()
