"""A book as two flat lists, beside one that is a dictionary."""

import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.exchanges.connection.ladder import WIDTH, Ladder

TICK, LOT = Decimal("0.1"), Decimal("0.001")


class Plain:
    """The same book, kept the slow and obvious way."""

    def __init__(self):
        self.sides = ({}, {})

    def apply(self, bids, asks):
        """Changes levels."""
        for side, changes in zip(self.sides, (bids, asks), strict=True):
            for price, amount in changes:
                if amount:
                    side[price] = amount
                else:
                    side.pop(price, None)

    def levels(self, count):
        """Best first."""
        bids = sorted(self.sides[0].items(), reverse=True)[:count]
        return bids, sorted(self.sides[1].items())[:count]


def shown(levels):
    """Levels as floats."""
    return [(float(level.price), float(level.amount)) for level in levels]


def both(changes):
    """The ladder and the plain book after the same changes."""
    ladder, plain = Ladder(TICK, LOT), Plain()
    for bids, asks in changes:
        ladder.apply(bids, asks)
        plain.apply(bids, asks)
    return ladder, plain


prices = st.integers(4_900, 5_100)
side = st.lists(st.tuples(prices, st.sampled_from([0.0, 0.0, 0.5, 1.25])), max_size=12)


@given(st.lists(st.tuples(side, side), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_it_tells_what_a_plain_book_tells(changes):
    """After any changes, best first, to the last digit."""
    scaled = [
        ([(p / 10, a) for p, a in bids], [((p + 300) / 10, a) for p, a in asks])
        for bids, asks in changes
    ]
    ladder, plain = both(scaled)
    bids, asks = ladder.levels(20)

    assert (shown(bids), shown(asks)) == plain.levels(20)
    assert not ladder.is_crossed


def test_a_market_that_runs_away_keeps_its_levels():
    """The lists follow it, and far levels come back when it returns."""
    chance = random.Random(3)
    middle, changes = 100_000, []
    for _ in range(60):
        middle += chance.randint(-WIDTH // 6, WIDTH // 5)
        middle = max(middle, 2_000)
        changes.append(([(middle / 10, 1.0)], [((middle + 5) / 10, 2.0)]))
        changes.append(([(middle / 10, 0.0)], [((middle + 5) / 10, 0.0)]))
    changes.append(([(500.0, 3.0), (99_999.9, 1.0)], [(100_000.1, 4.0)]))
    ladder, plain = both(changes)
    bids, asks = ladder.levels(1)

    assert (shown(bids), shown(asks)) == plain.levels(1)


def test_an_emptied_side_is_empty_and_fills_again():
    """Neither side finds a level that is not there."""
    ladder, _ = both([([(100.0, 1.0)], [(101.0, 1.0)]), ([(100.0, 0.0)], [])])
    assert ladder.best()[0] is None
    assert ladder.levels(5)[0] == ()
    ladder.apply([(99.5, 2.0)], [])

    assert shown(ladder.levels(5)[0]) == [(99.5, 2.0)]


def test_a_crossed_book_says_so():
    """The best bid at or above the best ask."""
    ladder, _ = both([([(100.0, 1.0)], [(101.0, 1.0)]), ([(101.0, 1.0)], [])])

    assert ladder.is_crossed


def test_amounts_and_prices_are_exact_decimals():
    """Whole ticks and lots, whatever the float looked like."""
    ladder, _ = both([([(0.1 + 0.2, 0.1 * 3)], [])])

    (level,) = ladder.levels(1)[0]
    assert (str(level.price), str(level.amount)) == ("0.3", "0.300")
