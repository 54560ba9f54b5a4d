"""What a taker leaves of itself: exactly what it did not get."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.models import TimeInForce
from core.domain.matching import FillRule, Market, Matcher, Outcome, Resting, Row

BOOK = Market(last=100, bids=((99, 3), (98, 5)), asks=((101, 3), (102, 5)), has_book=True)


@pytest.mark.parametrize("rule", [FillRule.QUEUE, FillRule.THROUGH])
def test_an_order_that_takes_a_part_rests_with_the_rest(rule: FillRule):
    """Three are bought at once, two wait at the limit, and five are never there."""
    matcher, order = Matcher(rule), Resting(1, True, 101, 5)
    found = matcher.accept(order, BOOK)

    assert [(item.price, item.amount) for item in found.executions] == [(101, 3)]
    assert found.outcome is Outcome.RESTS
    assert order.remaining == 2
    (match,) = matcher.meet(Row(last=100, amount=9, bid=99, ask=100))
    matcher.fill(match.order, match.amount)
    assert match.amount == 2
    assert order.remaining == 0


def test_an_order_that_takes_all_it_wants_is_over():
    """Nothing of it rests, and no row fills it again."""
    matcher, order = Matcher(FillRule.QUEUE), Resting(1, False, 98, 8)
    found = matcher.accept(order, BOOK)

    assert sum(item.amount for item in found.executions) == 8
    assert found.outcome is not Outcome.RESTS
    assert order.remaining == 0
    assert matcher.meet(Row(last=120, amount=9, bid=119, ask=121)) == []


def test_an_immediate_order_leaves_what_it_did_not_get_behind():
    """It does not rest; what is left of it says how much expired."""
    matcher, order = Matcher(FillRule.QUEUE), Resting(1, True, 101, 5)
    found = matcher.accept(order, BOOK, time_in_force=TimeInForce.IOC)

    assert found.outcome is Outcome.EXPIRED
    assert order.remaining == 2
    assert matcher.meet(Row(last=90, amount=9, bid=89, ask=91)) == []
