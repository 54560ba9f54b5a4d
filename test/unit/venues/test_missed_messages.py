"""What edgeX and Lighter lose on their sockets: found again where the venue tells it, else counted.

Neither numbers its trades one after the other, so a missing one leaves no mark in those that come.
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import FillData, OrderOptions, OrderSide, OrderType
from core.testing.venue import PERP
from core.testing.venues.faults import ALWAYS, Kind
from core.testing.venues.harness import edgex_harness, lighter_harness

D = Decimal
HARNESSES = {"edgex": edgex_harness, "lighter": lighter_harness}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


@asynccontextmanager
async def started(harness, audit_s=60.0):
    """The harness while it runs, with every public trade of the perpetual in a list."""
    make = harness._make

    def made(doors):
        exchange = make(doors)
        exchange.public[0].dialect.audit_s = audit_s
        return exchange

    harness._make = made
    await harness.start()
    trades = []
    await harness.exchange.subscribe_trades(PERP, trades.append)
    try:
        yield trades
    finally:
        await harness.stop()


async def until(holds, patience_s=5.0):
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


def prices(trades):
    """Of trades, in the order of telling."""
    return [int(trade.price) for trade in trades]


async def test_trades_that_a_live_socket_lost_are_found_again(harness):
    """The venue tells its newest trades anew, and what is missing is told late (T18)."""
    async with started(harness, audit_s=0.3) as trades:
        await harness.trade("201")
        harness.venue.faults.drop(Kind.TRADE, times=2 * len(harness.symbols))
        harness.venue.trade("202")
        harness.venue.trade("203")
        await harness.trade("204")
        await until(lambda: {202, 203} <= set(prices(trades)))
        await asyncio.sleep(0.4)

        assert [price for price in prices(trades) if price > 200] == [201, 204, 202, 203]
        assert harness.exchange.listings.lost == {}
        assert harness.exchange.is_connected()


async def test_trades_that_happened_while_there_was_no_socket_are_told(harness):
    """In order and once, after the next subscription (T13)."""
    async with started(harness) as trades:
        await harness.trade("201")
        harness.venue.kill_sockets()
        for price in ("202", "203", "204"):
            harness.venue.trade(price)
        await until(lambda: 204 in prices(trades))

        assert [price for price in prices(trades) if price > 200] == [201, 202, 203, 204]
        assert harness.exchange.listings.lost == {}


def shortened(message):
    """A first message that does not reach back far enough."""
    content = message.get("content", message)
    name = "data" if "data" in content else "trades"
    rows = sorted(content[name], key=lambda row: int(row.get("time") or row.get("timestamp")))[-3:]
    short = {**content, name: rows}
    return {**message, "content": short} if "content" in message else short


async def test_a_gap_that_cannot_be_filled_is_counted(harness):
    """The venue's list is too short: one loss is counted, and what it tells is told (T13)."""
    async with started(harness) as trades:
        await harness.trade("201")
        harness.venue.faults.alter(Kind.TRADE, shortened, times=ALWAYS)
        harness.venue.kill_sockets()
        for number in range(120):
            harness.venue.trade(str(300 + number))
        await until(lambda: 419 in prices(trades))
        await until(lambda: harness.exchange.listings.lost)

        assert harness.exchange.listings.lost["trade"] >= 1
        found = [price for price in prices(trades) if price > 201]
        assert found == sorted(set(found))
        assert (len(found) == 3) if harness.venue.name == "edgex" else (len(found) == 100)


async def test_a_book_that_misses_a_change_is_asked_for_anew(harness):
    """By versions at edgeX, by nonces at Lighter; what is told is the venue's book again."""
    async with started(harness):
        books = []
        await harness.exchange.subscribe_orderbook(PERP, books.append)
        await harness.trade("201")
        depths = 2 if harness.venue.name == "edgex" else 1
        harness.venue.faults.drop(Kind.BOOK, times=depths)
        await harness.trade("202")
        await harness.trade("203")
        await until(lambda: books and books[-1].bids[0].price == D("202.9"))
        truth = await harness.exchange.get_orderbook(PERP)

        assert [replace(level) for level in books[-1].bids] == list(truth.bids)
        assert [replace(level) for level in books[-1].asks] == list(truth.asks)
        assert all(book.bids[0].price < book.asks[0].price for book in books)


async def test_an_execution_that_the_private_socket_lost_is_found(harness):
    """EdgeX counts its messages; at Lighter the next socket asks (T13, T16)."""
    async with started(harness):
        for name, price in (("lost1", "195"), ("lost2", "194")):
            await harness.exchange.create_order(
                PERP,
                OrderSide.BUY,
                OrderType.LIMIT,
                D(1),
                D(price),
                OrderOptions(client_order_id=name),
            )
        harness.venue.faults.drop(Kind.FILL)
        harness.venue.fill("lost1" if harness.venue.name == "edgex" else number("lost1"))
        harness.venue.fill("lost2" if harness.venue.name == "edgex" else number("lost2"))
        if harness.venue.name == "lighter":
            harness.venue.kill_sockets()
        fills = []

        def both():
            fills[:] = [item for item in harness.private if isinstance(item, FillData)]
            return len(fills) >= 2

        await until(both)

        assert sorted(fill.price for fill in fills) == [D(194), D(195)]


def number(name):
    """Our id as Lighter is told it."""
    from core.adapters.exchanges.native.client_numbers import ClientNumbers

    return str(ClientNumbers("lighter", 48).number(name))
