"""Orders and executions by the names they are told with: ours, the venue's, or only one of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide, OrderStatus
from core.domain.events import FundingPaid, OrderEnded
from core.testing.execution import BOT, Bench

D = Decimal


def codes(bench: Bench) -> list[str]:
    """Of the alarms, oldest first."""
    return [alarm.code for alarm in bench.alarms]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_fill_is_of_its_order_by_either_name(bench: Bench, *, is_named: bool):
    """At once, without a question and without calling anybody."""
    bench.place("a1")
    bench.venue.questions.clear()
    bench.do(lambda: bench.venue.fill("a1", "0.2", is_named=is_named))

    assert [(fill.client_order_id, fill.amount) for fill in bench.fills()] == [("a1", 200)]
    assert bench.venue.questions == []
    assert codes(bench) == []
    bench.step()
    assert bench.service.ledger(BOT).position == D("0.2")


@pytest.mark.parametrize("is_named", [True, False])
def test_a_fill_that_is_told_again_after_the_end_counts_once(bench: Bench, *, is_named: bool):
    """By either name, also before the journal could know it."""
    bench.place("a1")
    fill = bench.do(lambda: bench.venue.fill("a1"))
    bench.do(lambda: None)
    told = fill if is_named else replace(fill, client_order_id=None)
    for _ in range(2):
        bench.do(lambda: bench.venue.tell(told))
        bench.wait(1)
    bench.step()
    bench.do(lambda: bench.venue.tell(told))
    bench.wait(10)

    assert len(bench.fills()) == 1
    assert bench.service.ledger(BOT).position == D("0.5")
    assert codes(bench) == []


def test_two_trades_of_one_id_on_two_orders_are_two(bench: Bench):
    """Both sides of a trade with ourselves carry one trade id."""
    bench.place("a1")
    bench.place("a2", OrderSide.SELL, 1010)
    bench.do(lambda: bench.venue.fill("a1", trade_id="same"))
    bench.do(lambda: bench.venue.fill("a2", trade_id="same", is_named=False))
    bench.step()

    assert sorted(fill.client_order_id for fill in bench.fills()) == ["a1", "a2"]
    assert bench.service.ledger(BOT).position == 0
    assert codes(bench) == []


def test_an_order_that_is_over_is_let_go_of_by_both_names(bench: Bench):
    """Memory does not grow with every order, and a late word by the venue's id changes nothing."""
    bench.place("a1")
    shown = bench.venue.by_client_id("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.wait(5)
    for name in ("a1", None):
        late = replace(shown, client_order_id=name, status=OrderStatus.OPEN)
        bench.do(lambda late=late: bench.venue.tell(late))
    bench.wait(5)
    manager = bench.service._manager

    assert manager.of_bot(bench.service._bots[BOT]) == []
    assert manager.find(shown.symbol, None, shown.order_id) is None
    assert manager.is_over(shown.symbol, None, shown.order_id)
    assert len(bench.inbox.of(OrderEnded)) == 1
    assert bench.venue.cancels == []
    assert codes(bench) == []


def test_an_end_that_is_told_again_is_heard_once(bench: Bench):
    """By name, by number, with the same amount: the bot hears of it once."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", "0.2"))
    bench.do(lambda: bench.venue.end("a1", OrderStatus.CANCELED))
    shown = bench.venue.by_client_id("a1")
    for _ in range(3):
        bench.do(lambda: bench.venue.tell(shown))
    bench.wait(2)
    bench.step()

    assert [(end.status, end.filled) for end in bench.inbox.of(OrderEnded)] == [
        (OrderStatus.CANCELED, 200)
    ]
    assert codes(bench) == []


def test_a_settlement_is_booked_once_whoever_tells_of_it(bench: Bench):
    """The stream twice, then the list of a comparison."""
    bench.wait(10)
    payment = bench.do(lambda: bench.venue.settle("-0.25"))
    bench.do(lambda: bench.venue.tell(payment))
    bench.run(bench.service.reconcile(BOT))
    bench.wait(2)

    assert [event.amount for event in bench.inbox.of(FundingPaid)] == [D("-0.25")]
    assert bench.service.ledger(BOT).funding == D("-0.25")


def test_what_is_said_while_a_bot_starts_is_heard_in_order_afterwards(bench: Bench):
    """Its orders are not known yet: nothing is booked, nothing is lost, and no order is foreign."""
    bench.place("a1")
    bot = bench.service._bots[BOT]
    bot.early = []
    bench.do(lambda: bench.venue.fill("a1", "0.2"))
    payment = bench.do(lambda: bench.venue.settle("-0.25"))
    bench.do(lambda: bench.venue.fill("a1", "0.3"))
    assert bench.fills() == []
    assert bench.inbox.of(FundingPaid) == []
    bench.venue.questions.clear()
    bench.do(lambda: bench.service._listener.begin(bot))

    assert bot.early is None
    assert [fill.amount for fill in bench.fills()] == [200, 300]
    assert [event.amount for event in bench.inbox.of(FundingPaid)] == [payment.amount]
    assert [end.filled for end in bench.inbox.of(OrderEnded)] == [500]
    assert bench.venue.questions == []
    assert codes(bench) == []
