"""Public trades that are missed: asked for where the venue tells them, else counted and said (T13).

Hyperliquid's ids say nothing of their order; Backpack's are numbers that grow.
"""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.testing.venue import PERP
from core.testing.venues.faults import ALWAYS, Kind
from core.testing.venues.harness import backpack_harness, hyperliquid_harness

D = Decimal
HARNESSES = {"backpack": backpack_harness, "hyperliquid": hyperliquid_harness}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


@pytest.fixture
def backpack():
    """Backpack alone."""
    return backpack_harness(Path())


@asynccontextmanager
async def listening(harness):
    """The harness while it runs, and the prices of the trades that were told."""
    await harness.start()
    prices = []
    await harness.exchange.subscribe_trades(PERP, lambda trade: prices.append(trade.price))
    try:
        await harness.trade("201")
        yield prices
    finally:
        await harness.stop()


async def until(holds, patience_s=5.0):
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


async def reconnected(harness, lives):
    """Waits for the public socket's next life."""
    (public,) = harness.exchange.public
    await until(lambda: public.lives > lives and public.is_live)


async def test_trades_of_the_time_without_a_socket_are_asked_for(harness):
    """Each is told once and in order, and nothing counts as lost."""
    async with listening(harness) as prices:
        lives = harness.exchange.public[0].lives
        harness.venue.kill_sockets()
        for price in ("202", "203", "204"):
            harness.venue.trade(price)
        await reconnected(harness, lives)
        await harness.trade("205")

        assert prices == [D(201), D(202), D(203), D(204), D(205)]
        assert harness.exchange.listings.lost == {}


async def test_a_trade_that_comes_before_the_missed_ones_waits_for_them(harness):
    """REST answers late; what the new socket tells meanwhile is told behind the missed trades."""
    async with listening(harness) as prices:
        lives = harness.exchange.public[0].lives
        harness.venue.faults.delay("get_trades", seconds=0.3, times=2)
        harness.venue.kill_sockets()
        harness.venue.trade("202")
        await harness.venue.until(lambda: harness.venue.calls_of("get_trades"))
        harness.venue.trade("203")
        await reconnected(harness, lives)
        await until(lambda: len(prices) >= 3)

        assert prices == [D(201), D(202), D(203)]


async def test_trades_that_nobody_tells_are_counted(harness):
    """REST does not answer: the stream goes on, and the gap is visible."""
    async with listening(harness) as prices:
        lives = harness.exchange.public[0].lives
        harness.venue.faults.fail("get_trades", status=503, times=ALWAYS)
        harness.venue.kill_sockets()
        for price in ("202", "203"):
            harness.venue.trade(price)
        await reconnected(harness, lives)
        await harness.trade("204")

        assert prices == [D(201), D(204)]
        assert harness.exchange.listings.lost["trade"] >= 1


async def test_more_trades_than_rest_reaches_back_are_counted(harness):
    """What is older than REST's oldest row is lost; the rest is told."""
    async with listening(harness) as prices:
        lives = harness.exchange.public[0].lives
        harness.venue.faults.alter_answer("get_trades", lambda rows: rows[:2], times=ALWAYS)
        harness.venue.kill_sockets()
        for price in ("202", "203", "204", "205"):
            harness.venue.trade(price)
        await reconnected(harness, lives)
        await harness.trade("206")

        assert prices == [D(201), D(204), D(205), D(206)]
        lost = harness.exchange.listings.lost["trade"]
        each = 2 if harness.venue.name == "backpack" else 1  # of a gap, at least one
        assert lost == each * len(harness.symbols)


async def test_a_number_that_is_left_out_is_asked_for(backpack):
    """A lost message on a live socket: the trade behind it waits until REST told the missing."""
    async with listening(backpack) as prices:
        backpack.venue.faults.drop(Kind.TRADE, times=2, when=lambda m: "PERP" in str(m))
        for price in ("202", "203", "204"):
            backpack.venue.trade(price)
        await until(lambda: len(prices) == 4)

        assert prices == [D(201), D(202), D(203), D(204)]
        assert backpack.exchange.listings.lost == {}


async def test_numbers_that_jump_at_the_venue_itself_are_no_loss(backpack):
    """REST shows two neighbours with a jump between: from then on jumps mean nothing there."""
    async with listening(backpack) as prices:
        count = iter(range(10, 10_000, 10))
        changed = {}

        def leap(message):
            data = message["data"]
            real = data["t"]
            changed.setdefault(real, real + next(count))
            return {**message, "data": {**data, "t": changed[real]}}

        def leap_too(rows):
            return [{**row, "id": changed.get(row["id"], row["id"])} for row in rows]

        backpack.venue.faults.alter(Kind.TRADE, leap, times=ALWAYS)
        backpack.venue.faults.alter_answer("get_trades", leap_too, times=ALWAYS)
        for number in range(202, 207):
            await backpack.trade(str(number))

        assert prices == [D(number) for number in range(201, 207)]
        assert backpack.exchange.listings.lost == {}
        assert len(backpack.venue.calls_of("get_trades")) <= 2


async def test_a_trade_that_was_told_is_not_told_again(harness):
    """A doubled message and a late one are left out (T18)."""
    async with listening(harness) as prices:
        harness.venue.faults.duplicate(Kind.TRADE, times=2)
        await harness.trade("202")
        await harness.trade("203")

        assert prices == [D(201), D(202), D(203)]
