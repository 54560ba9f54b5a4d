"""Comparisons: on a schedule, after gaps, of what moved meanwhile."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderData, OrderSide, OrderStatus, PositionData
from core.domain.events import OrderEnded, Reconciled
from core.domain.lifecycle import OrderState
from core.errors import OrderNotFound
from core.services.execution import reconciler
from core.services.execution.comparison import compare
from core.services.execution.tracked import Schedule
from core.services.gateway import LIFE_KEY
from core.testing.execution import BOT, SYMBOL, Bench, cancel
from core.testing.scripted_venue import Cancel, Create

D = Decimal


def codes(bench: Bench) -> list[str]:
    """Of the alarms, oldest first."""
    return [alarm.code for alarm in bench.alarms]


def asked(bench: Bench, seconds: float) -> set[str]:
    """What the venue is asked for within some time."""
    bench.venue.questions.clear()
    bench.wait(seconds)
    return set(bench.venue.questions)


def test_each_part_of_a_schedule_runs_alone_or_not_at_all(bench: Bench):
    """Only positions; then only everything; then nothing."""
    bench.service.schedule(BOT, Schedule(position_query_s=10))
    assert asked(bench, 25) == {"get_positions"}
    bench.service.schedule(BOT, Schedule(health_check_s=10))
    assert asked(bench, 25) >= {"get_fills", "get_open_orders", "get_positions"}
    bench.service.schedule(BOT, Schedule())
    assert asked(bench, 25) == set()


def test_two_words_of_one_gap_are_one_comparison(bench: Bench):
    """A socket that says connected and recovered is caught up with once."""

    def twice() -> None:
        bench.venue.recover()
        bench.venue.recover()

    before = len(bench.inbox.of(Reconciled))
    bench.do(twice)
    bench.wait(5)

    assert len(bench.inbox.of(Reconciled)) == before + 1


def test_a_gap_is_caught_up_with_as_soon_as_the_venue_answers(bench: Bench):
    """Asked again and again, ever more seldom; what happened meanwhile is booked."""
    bench.place("a1")
    bench.venue.is_stream_silent = True
    bench.venue.fill("a1")
    bench.venue.is_reachable = False
    bench.do(bench.venue.recover)
    bench.wait(20)
    tries = len(bench.venue.questions)
    bench.venue.is_reachable = True
    bench.wait(10)
    bench.step()

    assert bench.service.ledger(BOT).position == D("0.5")
    assert 4 <= tries <= 60


def test_a_bot_that_leaves_during_a_gap_is_not_caught_up_with(bench: Bench):
    """Nobody would take it in; its next start compares everything."""
    bench.venue.is_reachable = False
    bench.do(bench.venue.recover)
    bench.wait(1)
    bench.venue.is_reachable = True
    bench.run(bench.service.detach(BOT, is_closed=False))

    assert asked(bench, 30) == set()


def test_a_comparison_that_was_asked_for_by_a_bot_that_left_is_not_made(bench: Bench):
    """It left in the same moment."""

    def both() -> None:
        bench.service._checks.check_soon(bench.service._bots[BOT])
        bench.service._let_go(bench.service._bots[BOT])

    bench.venue.questions.clear()
    bench.do(both)
    bench.wait(5)

    assert bench.venue.questions == []


def test_a_position_that_never_stands_still_is_believed_in_the_end(bench: Bench):
    """It is asked for as often as is allowed, and the last answer counts."""
    sizes = [D(1), D(2), D(3), D(4)]
    told: list[Decimal] = []

    async def moving(symbols: object = None) -> list[PositionData]:
        told.append(sizes[len(told)])
        return [PositionData(venue="scripted", symbol=SYMBOL, size=told[-1])]

    bench.venue.get_positions = moving  # type: ignore[method-assign,assignment]
    bench.run(bench.service.reconcile(BOT))

    assert told == sizes[:3]
    assert bench.service._bots[BOT].foreign_position == 3
    assert codes(bench) == ["POSITION_DIFFERS"]


@pytest.mark.parametrize("answers", [1, 2, 3, 5])
def test_a_difference_is_believed_after_so_many_equal_answers(bench: Bench, answers: int):
    """`health_check_snapshot_count`: no more questions are asked than that."""
    bench.service.schedule(BOT, Schedule(equal_answers=answers))
    bench.venue.position = D(2)
    bench.venue.questions.clear()
    bench.run(bench.service.reconcile(BOT))

    assert bench.venue.questions.count("get_positions") == answers
    assert bench.service._bots[BOT].foreign_position == 2


def test_an_answer_that_says_something_else_begins_the_count_anew(bench: Bench):
    """Three equal ones are wanted: 1, 2, 2, 2."""
    sizes = [D(1), D(2), D(2), D(2), D(9)]
    told: list[Decimal] = []

    async def settling(symbols: object = None) -> list[PositionData]:
        told.append(sizes[len(told)])
        return [PositionData(venue="scripted", symbol=SYMBOL, size=told[-1])]

    bench.venue.get_positions = settling  # type: ignore[method-assign,assignment]
    bench.service.schedule(BOT, Schedule(equal_answers=3))
    bench.run(bench.service.reconcile(BOT))

    assert told == sizes[:4]
    assert bench.service._bots[BOT].foreign_position == 2


def test_a_difference_within_the_tolerance_calls_nobody(bench: Bench):
    """It is written all the same."""
    bench.service.schedule(BOT, Schedule(position_tolerance=D("0.01")))
    bench.venue.position = D("0.01")
    bench.run(bench.service.reconcile(BOT))
    assert codes(bench) == []
    assert bench.words().count("foreign.position") == 1

    bench.venue.position = D("-0.011")
    bench.run(bench.service.reconcile(BOT))
    assert codes(bench) == ["POSITION_DIFFERS"]


def test_executions_that_are_missing_are_looked_for_from_before_they_happened(bench: Bench):
    """The mark does not move while an order lacks fills that the venue counted."""
    bench.place("a1")
    bench.run(bench.service.reconcile(BOT))
    mark = bench.journal.mark("scripted", "test", SYMBOL)
    bench.venue.hides_fills = True
    bench.venue.execute(bench.venue.by_client_id("a1"))
    bench.do(lambda: bench.venue.tell(bench.venue.by_client_id("a1")))
    bench.wait(30)
    bench.run(bench.service.reconcile(BOT))
    bench.run(bench.journal.flush())
    assert bench.journal.mark("scripted", "test", SYMBOL) == mark
    assert bench.inbox.of(OrderEnded) == []

    bench.crash()
    bench.venue.hides_fills = False
    bench.attach()
    bench.wait(3)
    bench.step()
    assert bench.service.ledger(BOT).position == D("0.5") == bench.venue.position


def test_of_two_that_are_missing_one_may_end_while_the_other_is_asked_for(bench: Bench):
    """The second needs no question any more."""
    bench.place("a1")
    bench.place("a2", OrderSide.BUY, 990)
    for key in ("a1", "a2"):
        bench.venue.end(key, OrderStatus.CANCELED, is_told=False)
    ask = bench.venue.get_order
    questions: list[str | None] = []

    async def meanwhile(
        order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        questions.append(client_order_id)
        bench.venue.tell(bench.venue.by_client_id("a2"))
        return await ask(order_id, symbol, client_order_id=client_order_id)

    bench.venue.get_order = meanwhile  # type: ignore[method-assign]
    bench.run(bench.service.reconcile(BOT))

    assert questions == ["a1"]
    assert sorted(end.client_order_id for end in bench.inbox.of(OrderEnded)) == ["a1", "a2"]


def test_an_order_of_another_bot_of_ours_is_neither_foreign_nor_cancelled(bench: Bench):
    """A bot of another name left it on the same symbol: its own next start takes it up."""
    bench.place("a1")
    bench.run(bench.service.detach(BOT, is_closed=False))
    other = f"{BOT}-two"
    bench.risk.register(other, bench.instrument, bench.limits)
    found = bench.attach(bot_id=other, name="two", order_prefix=bench.service.order_prefix(other))
    bench.run(bench.service.reconcile(other))
    bench.wait(5)

    assert found.foreign_orders == 0
    assert bench.venue.by_client_id("a1").status is OrderStatus.OPEN
    assert bench.venue.cancels == []
    assert codes(bench) == []


def test_only_the_newest_foreign_orders_are_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Memory is bounded; what still rests is known by the comparison and told no second time."""
    monkeypatch.setattr(reconciler, "_TOLD_KEPT", 2)
    for number in range(4):
        bench.venue.place_foreign(OrderSide.BUY, str(50 + number), "0.5")
    for _ in range(2):
        bench.run(bench.service.reconcile(BOT))

    assert codes(bench) == ["FOREIGN_ORDER"] * 4
    assert bench.service._bots[BOT].foreign_orders == {"v1", "v2", "v3", "v4"}


def test_an_order_that_vanishes_again_is_asked_for_again_from_then_on(bench: Bench):
    """Found after a loss and lost after it was found: answers from before count for nothing."""
    bench.venue.create_script.append(Create.LOST_AFTER)
    bench.place("a1")
    bench.wait(1)
    assert bench.stored("a1").state == "ACKED"
    listed = bench.venue.get_open_orders
    known = bench.venue.get_order
    lags = True

    async def lagging(symbol: str | None = None) -> list[OrderData]:
        found = await listed(symbol)
        return [] if lags else found

    async def unknown(
        order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        if lags:
            raise OrderNotFound("unknown")
        return await known(order_id, symbol, client_order_id=client_order_id)

    bench.venue.get_open_orders = lagging  # type: ignore[method-assign]
    bench.venue.get_order = unknown  # type: ignore[method-assign]
    bench.run(bench.service.reconcile(BOT))
    bench.wait(1)
    lags = False
    bench.wait(5)

    assert bench.inbox.of(OrderEnded) == []
    assert bench.stored("a1").state == "ACKED"
    assert "MISSING" in [row.kind for row in bench.journal.evidence("a1")]


def test_an_order_with_our_prefix_that_the_journal_does_not_know_is_foreign(bench: Bench):
    """A journal put back from an old copy: it is reported and left alone."""
    late = bench.venue.place_foreign(OrderSide.BUY, "50", "0.5")
    name = f"{bench.spec().order_prefix}1E9"
    bench.venue.orders[late.order_id] = replace(late, client_order_id=name)
    bench.run(bench.service.reconcile(BOT))
    bench.wait(5)

    assert codes(bench) == ["FOREIGN_ORDER"]
    assert bench.venue.cancels == []


def test_executions_are_in_when_a_comparison_is_over(bench: Bench):
    """Not moments later: whoever asked for it may lean on the books at once."""
    bench.place("a1")
    bench.venue.is_stream_silent = True
    bench.venue.fill("a1", "0.2")
    bench.run(bench.service.reconcile(BOT))

    assert [fill.amount for fill in bench.fills()] == [200]
    assert bench.inbox.of(Reconciled)[-1].foreign_position == 0
    assert codes(bench) == []


def test_the_mark_lies_as_far_before_the_question_as_endpoints_may_lag(bench: Bench):
    """Two seconds: an execution that a list tells of late is asked for again."""
    bench.wait(100)
    at_ns = bench.clock.now_ns()
    bench.run(bench.service.reconcile(BOT))
    bench.run(bench.journal.flush())

    assert bench.journal.mark("scripted", "test", SYMBOL) == at_ns - 2_000_000_000


def test_an_order_of_ours_that_lives_on_without_a_name_is_cancelled(bench: Bench):
    """Cancelled for us, open at the venue after a restart, told by the venue's id alone."""
    bench.place("a1")
    bench.do(lambda: bench.venue.end("a1", OrderStatus.CANCELED))
    shown = bench.venue.by_client_id("a1")
    bench.run(bench.journal.flush())
    bench.crash()
    bench.venue.orders[shown.order_id] = replace(
        shown, client_order_id=None, status=OrderStatus.OPEN
    )
    found = bench.attach()
    bench.wait(5)

    assert found.foreign_orders == 0
    assert codes(bench) == ["REVIVED"]
    assert bench.venue.cancels == [shown.order_id]


def test_health_counts_what_is_in_doubt_and_what_is_missing(bench: Bench):
    """One did not answer, one the venue does not list; the third rests."""
    bench.place("a1", OrderSide.BUY, 970)
    bench.place("a2", OrderSide.BUY, 980)
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.place("a3")
    bench.venue.forget("a2")
    bench.run(bench.service.reconcile(BOT))

    health = bench.service.health(BOT)
    assert health is not None
    assert (health.matched, health.missing, health.unknown, health.foreign) == (1, 1, 2, 0)
    assert health.next_at is None
    assert bench.inbox.of(Reconciled)[-1].open_orders == {"a1", "a2", "a3"}


def test_a_list_says_nothing_of_an_order_that_is_younger_than_the_question(bench: Bench):
    """Nor of one that has not answered yet, nor of one whose create is under way."""
    bench.place("a1")
    order = bench.service._manager.get("a1")
    assert order is not None
    later_ns = order.created_ns + 1

    assert compare([order], [], later_ns).missing == (order,)
    assert compare([order], [], order.created_ns).missing == ()
    order.is_in_flight = True
    assert compare([order], [], later_ns).missing == ()
    order.is_in_flight = False
    order.state = OrderState.UNKNOWN
    assert compare([order], [], later_ns).missing == ()
    shown = bench.venue.by_client_id("a1")
    unnamed = replace(shown, client_order_id=None)
    foreign = replace(shown, client_order_id=None, order_id="v9")
    found = compare([order], [unnamed, foreign], later_ns)
    assert (found.matched, found.missing, found.unclaimed) == (
        ((order, unnamed),),
        (),
        (foreign,),
    )


def test_a_new_life_begins_without_the_state_of_the_old_one(bench: Bench):
    """Closed and flat: what the machine had written is gone, the ids it used are not."""
    bench.place("a1")
    bench.step(state={"slot": "entry"})
    bench.do(lambda: bench.venue.end("a1", OrderStatus.CANCELED))
    bench.run(bench.service.detach(BOT, is_closed=True))
    found = bench.attach()

    assert found.is_new
    assert found.state == {}
    assert set(bench.journal.state(BOT)) == {LIFE_KEY}
    assert found.last_client_order_id == "a1"
    assert bench.inbox.of(OrderEnded) == []


def test_a_new_life_counts_its_own_fees_and_keeps_the_dust(bench: Bench):
    """Less than a lot stays its own; what the old life paid and received is over with it."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", "0.5005"))
    bench.place("s1", OrderSide.SELL, 1100)
    bench.do(lambda: bench.venue.fill("s1"))
    bench.do(lambda: bench.venue.settle("0.25"))
    bench.step()
    old = bench.service.ledger(BOT)
    assert (old.position, old.fills, old.funding) == (D("0.0005"), 2, D("0.25"))
    assert old.fees > 0
    bench.run(bench.service.detach(BOT, is_closed=True))

    found = bench.attach()
    assert (found.is_new, found.fees, found.funding) == (True, 0, 0)
    bench.crash()
    found = bench.attach()
    assert (found.ledger_position, found.fees, found.funding) == (D("0.0005"), 0, 0)
    assert bench.service.ledger(BOT).fills == 0
    assert found.foreign_position == 0


def test_an_end_that_is_told_again_says_whose_it_was(bench: Bench):
    """Cancelled by us, by the user, and filled before our cancel: after a crash as before it."""
    bench.place("a1")
    bench.place("a2", OrderSide.BUY, 990)
    bench.place("a3", OrderSide.BUY, 980)
    bench.venue.cancel_script.extend([Cancel.PENDING, Cancel.FILLED_FIRST])
    bench.step(cancel("a1"), cancel("a3"))
    bench.do(lambda: bench.venue.end("a2", OrderStatus.CANCELED))
    bench.wait(3)
    before = {end.client_order_id: end.is_ours for end in bench.inbox.of(OrderEnded)}
    bench.run(bench.journal.flush())
    bench.crash()
    bench.attach()
    bench.wait(3)
    after = {end.client_order_id: end.is_ours for end in bench.inbox.of(OrderEnded)}

    assert before == after == {"a1": True, "a2": False, "a3": False}


def test_a_schedule_that_is_replaced_or_left_runs_no_more(bench: Bench):
    """Every ten seconds until then, and as often as was said."""
    bench.service.schedule(BOT, Schedule(health_check_s=10))
    bench.wait(5)
    bench.service.schedule(BOT, Schedule(health_check_s=100))
    before = len(bench.inbox.of(Reconciled))
    bench.wait(99)
    assert len(bench.inbox.of(Reconciled)) == before
    bench.wait(2)
    assert len(bench.inbox.of(Reconciled)) == before + 1
    bench.run(bench.service.detach(BOT, is_closed=False))

    assert asked(bench, 500) == set()
