"""What ctos does when a venue does not answer: reliability.md B.0, B.3, B.4, on virtual time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    OrderSide,
    OrderStatus,
    TimeInForce,
)
from core.domain.commands import Role
from core.domain.events import (
    FundingPaid,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderUnknown,
    Reconciled,
)
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.scripted_venue import Cancel, Create


def ends(bench: Bench, client_order_id: str) -> list[OrderEnded]:
    """The ends that the bot heard of one order."""
    return [end for end in bench.inbox.of(OrderEnded) if end.client_order_id == client_order_id]


def story(bench: Bench, client_order_id: str) -> list[str]:
    """Names of the events that the bot heard of one order."""
    return [
        type(event).__name__
        for event in bench.inbox.events
        if getattr(event, "client_order_id", None) == client_order_id
    ]


@pytest.mark.parametrize("word", [Create.LOST_BEFORE, Create.HANGS_BEFORE])
def test_a_create_that_never_arrived_is_proved_absent(bench: Bench, word: Create):
    """T1: no order exists, the slot is freed only after the deadline and with the proof kept."""
    bench.venue.create_script.append(word)
    began_ns = bench.clock.now_ns()

    bench.step(order("a1"))
    bench.wait(30)

    (end,) = ends(bench, "a1")
    deadline_ns = began_ns + bench.settings.window_ns + bench.settings.certainty_ns
    assert bench.venue.creates == ["a1"]
    assert bench.venue.orders == {}
    assert story(bench, "a1") == ["OrderUnknown", "OrderEnded"]
    assert (end.status, end.filled, end.code) == (OrderStatus.REJECTED, 0, "NOT_PLACED")
    assert end.at_ns > deadline_ns
    assert bench.stored("a1").state == "NOT_PLACED"
    proof = bench.journal.evidence("a1")[-2]
    assert proof.kind == "NOT_PLACED"
    assert "fills+" in proof.detail
    assert "order+" in proof.detail


@pytest.mark.parametrize(
    "word", [Create.LOST_AFTER, Create.HANGS_AFTER, Create.BROKEN_ANSWER, Create.OF_ANOTHER]
)
def test_a_create_that_rests_without_an_answer_is_found_and_never_sent_again(
    bench: Bench, word: Create
):
    """T2, T4, T5: found by client id, exactly one order, exactly one create."""
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(word)

    bench.step(order("a1"))
    bench.wait(30)

    assert bench.venue.creates == ["a1"]
    assert len(bench.venue.orders) == 1
    assert story(bench, "a1") == ["OrderUnknown", "OrderAccepted"]
    assert bench.stored("a1").state == "ACKED"
    assert bench.words().count("order.placed") == 1
    assert bench.words().count("order.resolved") == 1


def test_a_create_that_filled_without_an_answer_is_booked_once(bench: Bench):
    """T3: found through order and fills, applied once; the exit it causes is placed once."""
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.FILLED_LOST_AFTER)
    bench.step(order("a1"))
    bench.wait(30)
    bench.venue.is_stream_silent = False

    bench.step(order("b1", OrderSide.SELL, 1010, role=Role.EXIT))
    bench.wait(60)

    assert story(bench, "a1") == ["OrderUnknown", "OrderAccepted", "OrderFilled", "OrderEnded"]
    assert bench.service.ledger(BOT).position == bench.venue.position == Decimal("0.5")
    assert bench.service.ledger(BOT).fills == 1
    assert bench.venue.creates == ["a1", "b1"]


def test_an_unknown_order_stays_unknown_while_the_venue_is_silent_and_calls_a_person(bench: Bench):
    """P6, I12: failed questions are no answer; nothing is concluded, and it pages once."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.venue.is_stream_silent = True

    bench.step(order("a1"))
    bench.wait(1)
    bench.venue.is_reachable = False
    bench.wait(300)

    assert ends(bench, "a1") == []
    assert bench.stored("a1").state == "UNKNOWN"
    assert [alarm.code for alarm in bench.alarms] == ["UNRESOLVED"]

    bench.venue.is_reachable = True
    bench.wait(5)
    assert story(bench, "a1") == ["OrderUnknown", "OrderAccepted"]


def test_an_answer_that_says_duplicate_is_evidence_of_existence(bench: Bench):
    """P4: the order is asked for and found; nothing is sent again."""
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.DUPLICATE)

    bench.step(order("a1"))
    bench.wait(2)

    assert bench.venue.creates == ["a1"]
    assert story(bench, "a1") == ["OrderUnknown", "OrderAccepted"]


def test_absence_is_not_believed_while_the_position_says_otherwise(bench: Bench):
    """P6: order and executions are hidden, but the position has moved by its amount."""
    bench.venue.create_script.append(Create.FILLED_LOST_AFTER)
    bench.venue.is_stream_silent = True
    bench.venue.hides_fills = True
    bench.step(order("a1"))
    bench.wait(0)
    bench.venue.forget("a1")

    bench.wait(120)
    assert ends(bench, "a1") == []
    assert "UNRESOLVED" in [alarm.code for alarm in bench.alarms]

    bench.venue.hides_fills = False
    bench.wait(10)
    assert story(bench, "a1")[-2:] == ["OrderFilled", "OrderEnded"]


def test_an_unknown_order_that_is_not_wanted_is_cancelled_as_soon_as_it_is_found(bench: Bench):
    """P5: the slot stays locked, and the cancel goes out with the venue's id."""
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.step(order("a1"))
    bench.wait(1)
    bench.venue.is_reachable = False
    bench.wait(6)

    bench.step(cancel("a1"))
    bench.wait(5)
    assert bench.venue.cancels == []

    bench.venue.is_reachable = True
    bench.wait(5)
    assert bench.venue.open_orders() == []
    (end,) = ends(bench, "a1")
    assert (end.status, end.is_ours) == (OrderStatus.CANCELED, True)


def test_a_cancel_that_does_not_answer_is_repeated_until_the_order_is_gone(bench: Bench):
    """T6: the order stays fillable and its end comes only from the venue."""
    bench.place("a1")
    bench.venue.cancel_script.extend([Cancel.LOST_BEFORE, Cancel.LOST_BEFORE, Cancel.PENDING])

    bench.step(cancel("a1"))
    bench.wait(0.1)
    assert ends(bench, "a1") == []
    assert len(bench.inbox.of(OrderUnknown)) == 1

    bench.wait(10)
    assert len(bench.venue.cancels) == 4
    assert [end.status for end in ends(bench, "a1")] == [OrderStatus.CANCELED]


def test_a_cancel_that_took_effect_without_an_answer_ends_the_order(bench: Bench):
    """T6: the second cancel is told that there is nothing, and the order itself says why."""
    bench.place("a1")
    bench.venue.cancel_script.append(Cancel.LOST_AFTER)

    bench.step(cancel("a1"))
    bench.wait(5)

    assert len(bench.venue.cancels) == 2
    assert [end.status for end in ends(bench, "a1")] == [OrderStatus.CANCELED]


def test_a_request_that_could_not_leave_is_definitely_not_placed(bench: Bench):
    """T9: no question is asked, the end comes at once, and the next order rests a little."""
    bench.venue.create_script.append(Create.NOT_SENT)

    bench.step(order("a1"))
    bench.wait(0.01)
    asked = bench.venue.questions.count("get_order")
    bench.step(order("a2"))
    bench.wait(0.5)

    (end,) = ends(bench, "a1")
    assert (end.status, end.code) == (OrderStatus.REJECTED, "NOT_SENT")
    assert asked == 0
    assert bench.venue.creates == ["a1"]
    bench.wait(1)
    assert bench.venue.creates == ["a1", "a2"]


def test_a_429_is_honoured_by_everything_but_cancels(bench: Bench):
    """T10: new orders wait for the venue's time, a cancel goes at once."""
    bench.place("a0")
    bench.venue.create_script.append(Create.RATE_LIMITED)
    bench.step(order("a1"))
    bench.wait(0.01)

    bench.step(order("a2"), cancel("a0"))
    bench.wait(4.9)
    assert bench.venue.creates == ["a0", "a1"]
    assert len(bench.venue.cancels) == 1

    bench.wait(0.2)
    assert bench.venue.creates == ["a0", "a1", "a2"]
    assert ends(bench, "a1")[0].code == "RATE_LIMITED"


def test_a_definite_no_ends_the_order_at_once(bench: Bench):
    """P3: a code of the venue is proof; it is told and not asked about."""
    bench.venue.create_script.append(Create.REJECTED)

    bench.step(order("a1"))
    bench.wait(0.01)

    (end,) = ends(bench, "a1")
    assert (end.status, end.code) == (OrderStatus.REJECTED, "INSUFFICIENT_FUNDS")
    assert bench.words()[-1] == "order.rejected"
    assert bench.stored("a1").state == "REJECTED_DEFINITE"


def test_a_fill_before_the_acknowledgement_is_applied_once(bench: Bench):
    """V1: accepted, filled, ended, in this order, and the answer that follows changes nothing."""
    bench.venue.create_script.append(Create.FILLED_BEFORE_ACK)

    bench.step(order("a1"))
    bench.wait(1)
    bench.step()

    assert story(bench, "a1") == ["OrderAccepted", "OrderFilled", "OrderEnded"]
    assert bench.service.ledger(BOT).position == Decimal("0.5")


def test_a_doubled_fill_is_applied_once(bench: Bench):
    """V2: from the stream twice, from the list of executions, and after it was booked."""
    bench.place("a1")
    fill = bench.venue.fill("a1")
    bench.venue.tell(fill)
    bench.run(bench.service.reconcile(BOT))
    bench.step()
    bench.venue.tell(fill)
    bench.wait(10)
    bench.step()

    assert len(bench.fills()) == 1
    assert bench.service.ledger(BOT).fills == 1


def test_a_fill_of_an_unknown_order_id_waits_for_its_owner(bench: Bench):
    """V3: told without our id while the create has not answered, it is asked for and applied."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.step(order("a1"))
    bench.wait(0)

    bench.do(lambda: bench.venue.fill("a1", is_named=False))
    bench.wait(3)

    assert story(bench, "a1") == ["OrderAccepted", "OrderFilled", "OrderEnded"]
    assert not [alarm for alarm in bench.alarms if alarm.code == "FOREIGN_FILL"]


def test_a_fill_of_somebody_else_is_reported_and_not_booked(bench: Bench):
    """V3, P10: nobody owns it after five seconds, so it is foreign."""
    foreign = bench.venue.place_foreign(OrderSide.BUY, "90", "0.2")
    bench.do(lambda: bench.venue.tell(bench.venue.execute(foreign)))

    bench.wait(10)

    assert bench.fills() == []
    assert [alarm.code for alarm in bench.alarms] == ["FOREIGN_FILL"]


def test_a_fill_that_wins_the_race_against_a_cancel_counts(bench: Bench):
    """V4: the cancel finds nothing open; filled is what the venue says, once."""
    bench.place("a1")
    bench.venue.cancel_script.append(Cancel.FILLED_FIRST)

    bench.step(cancel("a1"))
    bench.wait(0.1)
    bench.venue.tell_later()
    bench.wait(5)
    bench.step()

    (end,) = ends(bench, "a1")
    assert (end.status, end.filled) == (OrderStatus.FILLED, 500)
    assert bench.service.ledger(BOT).position == bench.venue.position == Decimal("0.5")


def test_a_cancel_that_answers_before_its_last_fill_waits_for_the_fill(bench: Bench):
    """V4: the end is held back until every counted fill was handed over."""
    bench.place("a1")
    bench.venue.cancel_script.append(Cancel.ACK_THEN_FILL)
    bench.step(cancel("a1"))
    bench.wait(0.1)
    assert ends(bench, "a1") == []

    bench.venue.tell_later()

    assert story(bench, "a1") == ["OrderAccepted", "OrderFilled", "OrderEnded"]
    (end,) = ends(bench, "a1")
    assert (end.status, end.filled, end.is_ours) == (OrderStatus.CANCELED, 250, True)


def test_fills_that_the_stream_lost_are_fetched(bench: Bench):
    """V4: the answer counted a fill that the stream never told of."""
    bench.place("a1")
    bench.venue.cancel_script.append(Cancel.ACK_THEN_FILL)

    bench.step(cancel("a1"))
    bench.wait(3)

    assert [fill.amount for fill in bench.fills()] == [250]
    assert ends(bench, "a1")[0].filled == 250


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.EXPIRED])
def test_a_partial_fill_before_the_end_is_accounted_to_the_lot(bench: Bench, status: OrderStatus):
    """V5: what filled is booked, what did not is free again."""
    bench.step(order("a1", time_in_force=TimeInForce.IOC))
    bench.wait(0.01)
    bench.venue.fill("a1", "0.123")
    bench.venue.end("a1", status)
    bench.step()

    (end,) = ends(bench, "a1")
    assert (end.status, end.filled, end.is_ours) == (status, 123, False)
    assert bench.service.ledger(BOT).position == Decimal("0.123")
    assert bench.service._bots[BOT].exposure.buys == 0


def test_fills_out_of_order_sum_up(bench: Bench):
    """V6: the position is the sum whatever the order of the telling."""
    bench.place("a1")
    first = bench.venue.execute(bench.venue.by_client_id("a1"), "0.1", "100")
    second = bench.venue.execute(bench.venue.by_client_id("a1"), "0.4", "99.9")

    bench.venue.tell(second)
    bench.venue.tell(first)
    bench.step()

    assert [fill.trade_id for fill in bench.fills()] == [second.trade_id, first.trade_id]
    assert bench.service.ledger(BOT).position == Decimal("0.5")
    assert len(ends(bench, "a1")) == 1


def test_an_overfill_is_believed_and_alarmed(bench: Bench):
    """V7: more than was ordered is booked whole, and a person is called."""
    bench.place("a1")
    bench.venue.fill("a1", "0.7")
    bench.step()

    assert [fill.amount for fill in bench.fills()] == [700]
    assert bench.service.ledger(BOT).position == bench.venue.position == Decimal("0.7")
    assert "OVERFILLED" in [alarm.code for alarm in bench.alarms]


def test_an_order_that_vanished_is_found_out_and_ended(bench: Bench):
    """V9: gone from every list without a word; two answers, and its absence is recorded."""
    bench.place("a1")
    bench.venue.forget("a1")

    bench.run(bench.service.reconcile(BOT))
    bench.wait(30)

    (end,) = ends(bench, "a1")
    assert (end.status, end.code, end.is_ours) == (OrderStatus.CANCELED, "VANISHED", False)
    assert bench.journal.evidence("a1")[0].kind == "MISSING"


def test_a_missing_order_that_filled_unheard_is_never_taken_for_cancelled(bench: Bench):
    """V9: it is not among the open orders because it filled; asked for, it says so."""
    bench.place("a1")
    bench.venue.is_stream_silent = True
    bench.venue.fill("a1")

    bench.run(bench.service.reconcile(BOT))

    assert story(bench, "a1") == ["OrderAccepted", "OrderFilled", "OrderEnded"]
    assert ends(bench, "a1")[0].status is OrderStatus.FILLED


def test_an_order_that_the_user_cancelled_is_not_called_ours(bench: Bench):
    """V10: a cancel at the venue's own screen is told as the venue's doing."""
    bench.place("a1")
    bench.venue.end("a1", OrderStatus.CANCELED)

    (end,) = ends(bench, "a1")
    assert (end.status, end.is_ours) == (OrderStatus.CANCELED, False)


def test_foreign_orders_and_positions_are_reported_once_and_never_touched(bench: Bench):
    """P10, V10, V11: told at the first comparison, not again, and still there at the end."""
    foreign = bench.venue.place_foreign(OrderSide.SELL, "120", "1")
    bench.venue.position = Decimal(2)

    bench.run(bench.service.reconcile(BOT))
    bench.run(bench.service.reconcile(BOT))

    report = bench.inbox.of(Reconciled)[-1]
    assert (report.foreign_orders, report.venue_position) == (1, 2000)
    assert bench.words().count("foreign.order") == 1
    assert bench.words().count("foreign.position") == 1
    assert bench.venue.cancels == []
    assert bench.venue.orders[foreign.order_id].status is OrderStatus.OPEN
    health = bench.service.health(BOT)
    assert health is not None
    assert health.position_difference == Decimal(2)


def test_a_foreign_order_on_the_stream_is_reported_at_once(bench: Bench):
    """P10: the private stream tells of it before any comparison."""
    bench.venue.tell(bench.venue.place_foreign(OrderSide.SELL, "120", "1"))
    bench.run(bench.service.reconcile(BOT))

    assert bench.words().count("foreign.order") == 1


def test_a_reconnection_catches_up_what_was_missed(bench: Bench):
    """T13: after a gap executions are fetched before the stream is trusted again."""
    bench.place("a1")
    bench.venue.is_stream_silent = True
    bench.venue.fill("a1")
    bench.venue.is_stream_silent = False

    bench.do(bench.venue.recover)
    bench.wait(1)

    assert story(bench, "a1")[-2:] == ["OrderFilled", "OrderEnded"]


def test_late_words_about_an_order_change_nothing(bench: Bench):
    """T18: open, delayed by a minute, after the order was filled and booked."""
    bench.place("a1")
    early = bench.venue.by_client_id("a1")
    bench.venue.fill("a1")
    bench.step()
    bench.wait(60)
    before = len(bench.inbox.events)

    bench.venue.tell(early)
    bench.venue.tell(replace(early, status=OrderStatus.PARTIALLY_FILLED, filled=Decimal("0.1")))
    bench.wait(10)

    assert len(bench.inbox.events) == before
    assert bench.stored("a1").state == "FILLED"


def test_an_order_withdrawn_before_its_turn_never_leaves(tmp_path: Path):
    """A cancel of an intent that waits for the rate budget: neither create nor cancel goes."""
    capabilities = Capabilities(
        market_types=frozenset({ExchangeType.PERPETUAL}), orders_per_minute=5
    )
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    bench.step(*(order(f"a{number}") for number in range(6)))
    bench.wait(0.01)
    sent = len(bench.venue.creates)
    waiting = f"a{sent}"

    bench.step(cancel(waiting))
    bench.wait(120)

    assert sent < 6
    assert waiting not in bench.venue.creates
    (end,) = ends(bench, waiting)
    assert (end.status, end.code, end.is_ours) == (OrderStatus.CANCELED, "WITHDRAWN", True)
    assert bench.venue.cancels == []
    bench.close()


def test_an_order_that_waited_long_gets_a_new_deadline_before_it_leaves(tmp_path: Path):
    """P2: the deadline that resolution leans on is durable before it is used."""
    capabilities = Capabilities(
        market_types=frozenset({ExchangeType.PERPETUAL}),
        orders_per_minute=5,
        has_request_deadline=True,
    )
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    bench.step(*(order(f"a{number}") for number in range(5)))
    bench.wait(120)

    assert len(bench.inbox.of(OrderAccepted)) == 5
    for number in range(5):
        placed = bench.venue.by_client_id(f"a{number}").created_at
        assert placed is not None
        deadline_ns = bench.stored(f"a{number}").intent.deadline_ns
        assert deadline_ns > placed.timestamp() * 1e9
    bench.close()


def test_funding_is_booked_and_told_once(bench: Bench):
    """Told by the stream and by the list of settlements, it is one entry of the ledger."""
    bench.run(bench.service.reconcile(BOT))
    bench.wait(5)
    payment = bench.venue.settle("-0.25")
    bench.venue.tell(payment)
    bench.run(bench.service.reconcile(BOT))
    bench.step()

    assert bench.service.ledger(BOT).funding == Decimal("-0.25")
    assert [paid.amount for paid in bench.inbox.of(FundingPaid)] == [Decimal("-0.25")]
    assert bench.words().count("funding.paid") == 1


def test_the_fill_of_an_order_proved_absent_is_believed(bench: Bench):
    """I12: the venue lied for twenty seconds; its fill is booked all the same, with an alarm."""
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.wait(30)
    assert ends(bench, "a1")[0].code == "NOT_PLACED"

    late = bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")
    bench.venue.orders[late.order_id] = replace(late, client_order_id="a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()

    assert bench.service.ledger(BOT).position == Decimal("0.5")
    assert "LATE_FILL" in [alarm.code for alarm in bench.alarms]
    assert len(bench.inbox.of(OrderFilled)) == 1


def test_a_silent_private_stream_is_noticed_by_its_missing_echo(bench: Bench):
    """T16: acknowledged and not heard of for two seconds, so executions are asked for meanwhile."""
    bench.venue.is_stream_silent = True
    bench.place("a1")
    bench.venue.fill("a1")

    bench.wait(5)

    assert story(bench, "a1") == ["OrderAccepted", "OrderFilled", "OrderEnded"]
    asked = bench.venue.questions.count("get_fills")
    bench.wait(60)
    assert bench.venue.questions.count("get_fills") == asked
