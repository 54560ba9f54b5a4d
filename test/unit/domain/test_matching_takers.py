"""What a taker leaves of itself: exactly what it did not get."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.models import TimeInForce
from core.domain.matching import FillRule, Market, Matcher, Outcome, Resting, Row

BOOK = Market(last=100, bids=((99, 3), (98, 5)), asks=((101, 3), (102, 5)), has_book=True)


@pytest.mark.parametrize("rule", [FillRule.QUEUE, FillRule.THROUGH])
def test_what_a_taker_did_not_get_rests_at_its_limit(rule: FillRule):
    """Three are bought at once, two wait at the limit, and five are never there."""
    matcher, order = Matcher(rule), Resting(1, True, 101, 5)
    found = matcher.judge(order, BOOK)
    assert [(item.price, item.amount) for item in found.executions] == [(101, 3)]
    assert found.outcome is Outcome.RESTS

    order.remaining -= sum(item.amount for item in found.executions)
    matcher.rest(order, BOOK)
    (match,) = matcher.meet(Row(last=100, amount=9, bid=99, ask=100))
    matcher.fill(match.order, match.amount)

    assert match.amount == 2
    assert order.remaining == 0


@pytest.mark.parametrize(
    "order, time_in_force, outcome, amount",
    [
        (Resting(1, True, 101, 5), TimeInForce.GTC, Outcome.RESTS, 3),
        (Resting(1, False, 98, 8), TimeInForce.GTC, Outcome.FILLED, 8),
        (Resting(1, True, 101, 5), TimeInForce.IOC, Outcome.EXPIRED, 3),
    ],
)
def test_a_judgement_changes_nothing(
    order: Resting, time_in_force: TimeInForce, outcome: Outcome, amount: int
):
    """The order is as it was, and no row meets it: who asked carries it out."""
    matcher, before = Matcher(FillRule.QUEUE), order.remaining
    found = matcher.judge(order, BOOK, time_in_force=time_in_force)

    assert found.outcome is outcome
    assert sum(item.amount for item in found.executions) == amount
    assert order.remaining == before
    assert matcher.meet(Row(last=90, amount=9, bid=89, ask=91)) == []
    assert matcher.meet(Row(last=120, amount=9, bid=119, ask=121)) == []
