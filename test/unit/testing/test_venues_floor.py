"""What loopback venues stand on: the floor, the book's changes, and the weights."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import (
    BookLevel,
    MarginMode,
    OrderBookData,
    OrderOptions,
    OrderSide,
    OrderType,
    from_ns,
)
from core.errors import InsufficientFunds, OrderNotFound, OrderRejected, VenueUnavailable
from core.testing.clock import TEST_START_NS, ManualClock
from core.testing.venue import PERP, instrument
from core.testing.venues.floor import Floor, identity_of, number_of
from core.testing.venues.tape import BookTape
from core.testing.venues.weights import Weights

D = Decimal
LONG_ID = "x-cvBPrNm9-a.client:id_of/thirty-six"


class Opened:
    """A floor with one perpetual at 200; a context manager."""

    def __init__(self):
        self.clock = ManualClock()
        self.floor = Floor("paper", [instrument(PERP)], self.clock, profile="binance")

    async def __aenter__(self):
        await self.floor.open()
        self.floor.trade("200")
        return self.floor

    async def __aexit__(self, *_error):
        await self.floor.close()


def buy(floor, client_order_id="a", price="199", amount="1"):
    """A limit order."""
    options = OrderOptions(client_order_id=client_order_id)
    return floor.create(PERP, OrderSide.BUY, OrderType.LIMIT, D(amount), D(price), options)


async def test_a_floor_without_a_row_has_no_price():
    """Before the first row there is nothing to tell."""
    floor = Floor("paper", [instrument(PERP)], ManualClock(), profile="binance")
    await floor.open()
    with pytest.raises(VenueUnavailable):
        floor.ticker(PERP)

    assert floor.book(PERP) is None
    assert floor.day(PERP).volume == 0
    await floor.close()


async def test_an_order_is_judged_in_the_moment_of_its_request():
    """Accepted, or refused with the paper venue's own error, without a turn of the loop."""
    async with Opened() as floor:
        order = buy(floor)
        with pytest.raises(InsufficientFunds):
            buy(floor, "b", amount="9999")

        assert [each.order_id for each in floor.open_orders()] == [order.order_id]
        assert identity_of(number_of(order.order_id)) == order.order_id


async def test_a_client_id_keeps_its_spelling_everywhere():
    """Ids that the paper venue would refuse are known by their own name all the same."""
    async with Opened() as floor:
        told = []
        floor.listen(told.append)
        buy(floor, LONG_ID)
        order = floor.order(client_order_id=LONG_ID)
        floor.fill(order)

        assert floor.order(client_order_id=LONG_ID).filled == 1
        assert {getattr(each, "client_order_id", LONG_ID) for each in told} == {LONG_ID}
        assert [fill.client_order_id for fill in floor.fills()] == [LONG_ID]


async def test_an_order_that_is_over_cannot_be_filled():
    """A story that makes no sense is refused."""
    async with Opened() as floor:
        order = buy(floor)
        floor.cancel(order.order_id, PERP)

        with pytest.raises(OrderNotFound):
            floor.fill(order)


async def test_orders_cross_at_one_price_from_two_sides():
    """Two buys, or two prices, are no trade with oneself."""
    async with Opened() as floor:
        first, second = buy(floor, "a"), buy(floor, "b")

        with pytest.raises(ValueError, match="two sides"):
            floor.cross(first, second, D(1))


async def test_the_day_is_what_was_traded_in_it():
    """Open, high, low, last and volume of 24 hours; what is older has left."""
    async with Opened() as floor:
        clock = floor.clock
        clock.advance(3600)
        floor.trade("198", "4")
        today = floor.day(PERP)
        clock.advance(23 * 3600 + 60)
        later = floor.day(PERP)

    assert (today.open, today.high, today.low, today.last) == (200, 200, 198, 198)
    assert (today.volume, today.value, today.trades) == (14, 2792, 2)
    assert (today.change, today.change_ratio) == (-2, D("-0.01"))
    assert (later.open, later.volume, later.trades) == (198, 4, 1)


async def test_leverage_and_margin_mode_keep_the_venues_rules():
    """Not above the most, and not while a position is open."""
    async with Opened() as floor:
        floor.set_leverage(PERP, D(5))
        with pytest.raises(OrderRejected, match="leverage"):
            floor.set_leverage(PERP, D(11))
        floor.create(PERP, OrderSide.BUY, OrderType.MARKET, D(1))
        with pytest.raises(OrderRejected, match="position"):
            floor.set_margin_mode(PERP, MarginMode.ISOLATED)

        assert floor.holding(PERP).leverage == 5
        assert floor.set_margin_mode(PERP, MarginMode.CROSS) is False


PRICES = st.integers(min_value=1, max_value=40)
SIDES = st.dictionaries(PRICES, st.integers(min_value=1, max_value=9), max_size=6)


def book_of(bids, asks):
    """A book, not crossed: asks stand above 40."""
    return OrderBookData(
        venue="paper",
        symbol=PERP,
        bids=tuple(BookLevel(D(price), D(bids[price])) for price in sorted(bids, reverse=True)),
        asks=tuple(BookLevel(D(40 + price), D(asks[price])) for price in sorted(asks)),
        at=from_ns(TEST_START_NS),
    )


def applied(levels, changes):
    """Levels after changes, by price."""
    after = levels | {change.price: change.amount for change in changes}
    return {price: amount for price, amount in after.items() if amount}


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=8))
def test_changes_rebuild_the_book_and_their_numbers_have_no_hole(books):
    """Whoever applies every change has the floor's book; each begins where the last one ended."""
    tape = BookTape(PERP, start=100)
    changes = []
    tape.listen(changes.append)
    bids, asks, last = {}, {}, 100
    for sides in books:
        book = book_of(*sides)
        before = len(changes)
        tape.take(book)
        for change in changes[before:]:
            assert (change.previous, change.first) == (last, last + 1)
            last = change.last
            bids, asks = applied(bids, change.bids), applied(asks, change.asks)
        assert bids == {level.price: level.amount for level in book.bids}
        assert asks == {level.price: level.amount for level in book.asks}

    assert tape.last == last
    assert [change.last for change in changes] == sorted({change.last for change in changes})


def test_a_snapshot_may_be_of_before():
    """As many changes back as asked for, at most the oldest that is known."""
    tape = BookTape(PERP)
    for amount in (1, 2, 3):
        tape.take(book_of({5: amount}, {}))

    amounts = [tape.snapshot(age).bids[0].amount for age in (0, 1, 2, 9)]
    assert amounts == [3, 2, 1, 1]


def test_a_minute_s_weight_ends_in_429_then_in_a_ban():
    """A new minute begins with nothing; who does not stop is banned until it has passed."""
    now_ms = [60_000]
    weights = Weights(lambda: now_ms[0], limit=10, patience=2, ban_s=120)

    first = [weights.take(5) for _ in range(3)]
    wait_s = weights.retry_after_s
    now_ms[0] = 120_000
    second = [weights.take(5) for _ in range(5)]
    banned_s = weights.retry_after_s
    now_ms[0] = 230_000
    during = weights.take(1)
    now_ms[0] = 240_000

    assert (first, wait_s) == ([200, 200, 429], 60)
    assert (second, banned_s) == ([200, 200, 429, 429, 418], 120)
    assert (during, weights.take(1)) == (418, 200)
