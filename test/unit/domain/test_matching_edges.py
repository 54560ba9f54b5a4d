"""What never rests, what a finer unit changes, and where counted volume ends."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.models import TimeInForce
from core.domain.matching import (
    NEVER_ABOVE,
    NEVER_BELOW,
    FillRule,
    Market,
    Matcher,
    Outcome,
    Resting,
    Row,
)


def buy(price: int | None, amount: int = 1, number: int = 1) -> Resting:
    """A buy order."""
    return Resting(number, True, price, amount)


def sell(price: int | None, amount: int = 1, number: int = 1) -> Resting:
    """A sell order."""
    return Resting(number, False, price, amount)


def filled(matcher: Matcher, row: Row) -> list[tuple[int, int]]:
    """Let a row be met and carried out; (number, amount) of each fill."""
    matches = matcher.meet(row)
    for match in matches:
        matcher.fill(match.order, match.amount)
    return [(match.order.number, match.amount) for match in matches]


def test_a_market_order_never_rests():
    """Neither does it join a level nor leave one."""
    matcher = Matcher(FillRule.QUEUE)
    with pytest.raises(ValueError, match="never rests"):
        matcher.rest(buy(None))
    with pytest.raises(ValueError, match="never rests"):
        matcher.remove(sell(None))

    assert len(matcher) == 0
    found = matcher.judge(buy(None, 5), Market(last=None))
    assert (found.outcome, found.code, found.executions) == (
        Outcome.EXPIRED,
        "NO_LIQUIDITY",
        [],
    )


def test_no_more_than_is_left_can_fill():
    """A match beyond an order, or of nothing, is a mistake of the caller and changes nothing."""
    matcher = Matcher(FillRule.THROUGH)
    order = buy(100, 2)
    matcher.rest(order)
    for amount in (0, -1, 3):
        with pytest.raises(ValueError, match="cannot fill"):
            matcher.fill(order, amount)

    assert order.remaining == 2
    matcher.fill(order, 2)
    assert len(matcher) == 0


@pytest.mark.parametrize("rule", list(FillRule))
def test_finer_units_change_nothing_but_their_numbers(rule: FillRule):
    """Ten units for one and four parts for one: prices, amounts, what is ahead, lot and reach."""
    matcher = Matcher(rule)
    book = Market(last=100, bids=((99, 3),), asks=((105, 3),), has_book=True)
    orders = [buy(99, 2, 1), buy(99, 1, 2), sell(105, 2, 3), buy(98, 1, 4)]
    for order in orders:
        matcher.rest(order, book)
    before = matcher.reach
    ahead = orders[0].ahead
    matcher.rescale(10, 4)

    assert [order.price for order in orders] == [990, 990, 1050, 980]
    assert [order.remaining for order in orders] == [8, 4, 8, 4]
    assert orders[0].ahead == 4 * ahead
    assert matcher.lot == 4
    slack = 1 if rule is FillRule.THROUGH else 0
    assert matcher.reach.below == (before.below + slack) * 10 - slack
    assert matcher.reach.above == (before.above - slack) * 10 + slack
    assert filled(matcher, Row(last=979)) == [(1, 8), (2, 4), (4, 4)]
    assert filled(matcher, Row(last=1051)) == [(3, 8)]
    assert matcher.reach == (NEVER_BELOW, NEVER_ABOVE)


def test_the_same_units_again_move_nothing():
    """Orders stay the very ones that rest."""
    matcher = Matcher(FillRule.TOUCH)
    order = buy(100)
    matcher.rest(order)
    matcher.rescale(1, 1)

    assert (order.price, order.remaining, matcher.lot) == (100, 1, 1)
    assert list(matcher) == [order]


@pytest.mark.parametrize(
    "row, expected",
    [
        (Row(last=100, amount=4, side=-1), [(1, 1), (2, 2)]),
        (Row(last=100, amount=4, side=1), []),
        (Row(last=100, amount=0, side=-1), []),
        (Row(last=100, amount=4, side=0), [(1, 1), (2, 2)]),
        (Row(last=101, amount=4, side=-1), []),
        (Row(last=100, amount=4, side=-1, bid=97, ask=98), [(1, 1), (2, 3), (3, 1)]),
        (Row(last=99, amount=1, side=-1), [(1, 1), (2, 3)]),
        (Row(last=99, amount=1, side=-1, bid=99, ask=100), [(1, 1), (2, 3)]),
    ],
)
def test_counted_volume_goes_by_price_and_then_by_age(row: Row, expected: list[tuple[int, int]]):
    """At the trade's price what is left of it; above it, or above the ask, everything."""
    matcher = Matcher(FillRule.QUEUE)
    book = Market(last=101, bids=((100, 1), (99, 1)), asks=((102, 1),), has_book=True)
    for order in (buy(100, 1, 1), buy(100, 3, 2), buy(99, 1, 3)):
        matcher.rest(order, book)

    assert filled(matcher, row) == expected


def test_what_stands_ahead_is_eaten_once():
    """Volume of two rows adds up; what the first row left ahead is what the second begins with."""
    matcher = Matcher(FillRule.QUEUE)
    order = sell(105, 2)
    matcher.rest(order, Market(last=100, bids=((99, 1),), asks=((105, 3),), has_book=True))

    assert filled(matcher, Row(last=105, amount=2, side=1)) == []
    assert order.ahead == 1
    assert filled(matcher, Row(last=105, amount=2, side=1)) == [(1, 1)]
    assert filled(matcher, Row(last=105, amount=9, side=1)) == [(1, 1)]


def test_whole_lots_are_counted_and_the_rest_of_a_row_is_lost():
    """A lot of four parts: seven parts fill one lot."""
    matcher = Matcher(FillRule.QUEUE, lot=4)
    matcher.rest(buy(100, 8))

    assert filled(matcher, Row(last=100, amount=7, side=-1)) == [(1, 4)]
    assert filled(matcher, Row(last=100, amount=3, side=-1)) == []


def test_a_fill_or_kill_takes_all_or_nothing():
    """Judging changes nothing; what is refused leaves the order as it was."""
    matcher = Matcher(FillRule.QUEUE)
    book = Market(last=100, bids=((99, 3),), asks=((101, 3), (102, 5)), has_book=True)
    order = buy(101, 4)

    found = matcher.judge(order, book, time_in_force=TimeInForce.FOK)
    assert (found.outcome, found.executions, order.remaining) == (Outcome.EXPIRED, [], 4)
    whole = matcher.judge(buy(102, 8), book, time_in_force=TimeInForce.FOK)
    assert (whole.outcome, sum(item.amount for item in whole.executions)) == (Outcome.FILLED, 8)
