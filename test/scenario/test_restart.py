"""Killed at any instruction, started again: reliability.md B.6 and B.8, on virtual time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide, OrderStatus
from core.adapters.storage.journal import SqliteJournal
from core.domain.commands import Role
from core.domain.events import (
    FundingPaid,
    OrderAccepted,
    OrderDenied,
    OrderEnded,
    OrderFilled,
    OrderUnknown,
    Reconciled,
)
from core.errors import ConfigError, JournalBusy, JournalError, JournalFull, TransportError
from core.services.execution.tracked import Schedule
from core.services.ports import Transaction
from core.services.risk.limits import Limits
from core.testing.execution import BOT, Bench, Inbox, cancel, order
from core.testing.scripted_venue import Cancel, Create


def told(bench: Bench, client_order_id: str) -> list[str]:
    """Names of the events that the bot heard of one order."""
    return [
        type(event).__name__
        for event in bench.inbox.events
        if getattr(event, "client_order_id", None) == client_order_id
    ]


def test_a_fill_that_was_heard_and_not_taken_in_is_handed_over_again(bench: Bench):
    """PR1: killed between fill and reverse order, the fill comes again and is booked once."""
    bench.place("a1")
    bench.venue.fill("a1")
    assert len(bench.fills()) == 1

    bench.crash()
    attached = bench.attach()
    assert attached.ledger_position == 0
    assert len(bench.fills()) == 1
    bench.step(order("b1", OrderSide.SELL, 1010, role=Role.EXIT))
    bench.wait(1)
    bench.crash()
    attached = bench.attach()

    assert attached.ledger_position == bench.venue.position == Decimal("0.5")
    assert bench.fills() == []
    assert bench.venue.creates == ["a1", "b1"]


def test_fills_while_nobody_ran_are_caught_up(bench: Bench):
    """PR1: what executed between the crash and the start arrives, then its end, then Reconciled."""
    bench.place("a1")
    bench.crash()
    bench.venue.fill("a1")
    bench.wait(3600)

    bench.attach()

    assert told(bench, "a1")[-2:] == ["OrderFilled", "OrderEnded"]
    report = bench.inbox.events[-1]
    assert isinstance(report, Reconciled)
    assert (report.open_orders, report.venue_position) == (frozenset(), 500)


def test_an_intent_that_never_left_is_proved_absent_after_the_start(bench: Bench):
    """PR2: durable, killed before the first byte; UNKNOWN at once, NOT_PLACED with evidence."""
    bench.service._desk.sender.pause(30)
    bench.step(order("a1"), state={"slot": "entry a1"})
    bench.crash()

    attached = bench.attach()
    assert (attached.state, attached.unresolved) == ({"slot": "entry a1"}, 1)
    assert told(bench, "a1") == ["OrderUnknown"]
    bench.wait(30)

    (end,) = bench.inbox.of(OrderEnded)
    assert (end.status, end.code) == (OrderStatus.REJECTED, "NOT_PLACED")
    assert bench.venue.creates == []
    assert bench.stored("a1").state == "NOT_PLACED"


@pytest.mark.parametrize("word", [Create.HANGS_AFTER, None])
def test_an_order_whose_answer_was_not_read_is_found_after_the_start(
    bench: Bench, word: Create | None
):
    """PR3, PR4: killed between POST and ack, or between ack and writing it down: one order."""
    if word is not None:
        bench.venue.create_script.append(word)
    bench.step(order("a1"))
    bench.wait(0.01)
    bench.crash()
    assert bench.stored("a1").state == "INTENT"

    attached = bench.attach()
    bench.wait(60)

    assert attached.unresolved == 0
    assert told(bench, "a1") == ["OrderUnknown", "OrderAccepted"]
    assert bench.venue.creates == ["a1"]
    assert len(bench.venue.open_orders()) == 1


def test_recovery_that_is_killed_again_comes_to_the_same_end(bench: Bench):
    """PR5: started and killed five times in the middle of it, nothing is doubled."""
    bench.place("a1")
    bench.place("a2", price=990)
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.step(order("a3", price=980))
    bench.wait(0.01)
    bench.venue.fill("a1")
    for seconds in (0, 0.001, 0.3, 1, 7):
        bench.crash()
        bench.attach()
        bench.wait(seconds)
    bench.step()
    bench.wait(60)

    assert bench.venue.creates == ["a1", "a2", "a3"]
    assert bench.service.ledger(BOT).position == bench.venue.position == Decimal("0.5")
    assert {item.client_order_id for item in bench.venue.open_orders()} == {"a2", "a3"}
    assert bench.inbox.of(Reconciled)[-1].open_orders == {"a2", "a3"}


def test_a_cancel_that_was_wanted_goes_on_after_the_start(bench: Bench):
    """PR5: the wish to cancel is durable, the cancel itself was not."""
    bench.place("a1")
    bench.venue.cancel_script.extend([Cancel.LOST_BEFORE])
    bench.step(cancel("a1"))
    bench.wait(0.01)
    bench.crash()

    bench.attach()
    bench.wait(5)

    assert bench.venue.open_orders() == []
    assert bench.inbox.of(OrderEnded)[-1].is_ours


def test_an_end_that_may_not_have_been_taken_in_is_told_again(bench: Bench):
    """P9: cancelled, killed before the bot's next step; the end comes again, and no second time."""
    bench.place("a1")
    bench.step(cancel("a1"), state={"slot": "cancelling"})
    bench.wait(1)
    bench.place("a2", price=990)
    bench.crash()

    bench.attach()
    assert told(bench, "a1")[-1] == "OrderEnded"
    bench.do(lambda: bench.venue.fill("a2"))
    bench.step()
    bench.crash()

    bench.attach()
    assert told(bench, "a1") == []


def test_a_denial_that_may_not_have_been_taken_in_is_told_again(tmp_path: Path):
    """P9: the machine wrote that it wants the order, risk said no, and the engine died."""
    bench = Bench(tmp_path, limits=Limits(order_notional=Decimal(10)))
    bench.attach()
    bench.step(order("a1"), state={"slot": "entry a1"})
    assert [denial.code for denial in bench.inbox.of(OrderDenied)] == ["NOTIONAL_EXCEEDS_CAP"]
    bench.crash()

    bench.attach()

    assert [denial.client_order_id for denial in bench.inbox.of(OrderDenied)] == ["a1"]
    assert bench.venue.creates == []
    bench.close()


def test_a_new_life_does_not_use_an_id_again(bench: Bench):
    """P1: ids are unique for ever, also after the bot was closed and begins anew."""
    bench.place("a1")
    bench.step(cancel("a1"))
    bench.wait(1)
    bench.run(bench.service.detach(BOT, is_closed=True))

    attached = bench.attach()
    assert (attached.is_new, attached.last_client_order_id) == (True, "a1")
    bench.crash()
    bench.attach()
    with pytest.raises(JournalError, match="nothing was written"):
        bench.step(order("a1"))
    bench.step(order("a1"), order("a2"))
    bench.wait(1)

    assert bench.venue.creates == ["a1", "a2"]
    assert [denial.code for denial in bench.inbox.of(OrderDenied)] == ["DUPLICATE_CLIENT_ORDER_ID"]


def test_a_closed_bot_with_a_position_goes_on_where_it_was(bench: Bench):
    """A new life begins only when nothing of the old one remains."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step(state={"slot": "holds"})
    bench.run(bench.service.detach(BOT, is_closed=True))

    attached = bench.attach()

    assert (attached.is_new, attached.state) == (False, {"slot": "holds"})
    assert attached.ledger_position == Decimal("0.5")


def test_another_configuration_is_refused_while_slots_are_open(bench: Bench):
    """OP3: the difference and both ways out are in the message, and nothing was touched."""
    bench.place("a1")
    bench.crash()
    bench.fingerprint = {"grid_type": "short"}

    with pytest.raises(ConfigError, match="grid_type was long, is short") as caught:
        bench.attach()
    assert "ctos stop bench" in str(caught.value)
    assert "--on-start flatten" in str(caught.value)
    assert bench.venue.cancels == []

    attached = bench.attach(is_difference_accepted=True)
    assert not attached.is_new


def test_another_configuration_is_a_new_bot_when_nothing_is_open(bench: Bench):
    """Without slots there is nothing that a difference could harm."""
    bench.crash()
    bench.fingerprint = {"grid_type": "short"}

    assert bench.attach().is_new


def test_a_second_bot_on_the_symbol_is_refused(bench: Bench):
    """PR17: one bot per venue, account and symbol."""
    with pytest.raises(ConfigError, match="already trades TEST-USDC-PERP"):
        bench.run(bench.service.attach(bench.spec(), Inbox()))


def test_a_second_engine_on_the_journal_is_refused(bench: Bench):
    """PR17: the file is held by whoever came first, and free when that one dies."""
    with pytest.raises(JournalBusy, match="held by another process"):
        SqliteJournal(bench.path, is_inline=True, busy_wait_s=0)

    bench.crash()
    assert not bench.attach().is_new


def test_a_venue_that_cannot_be_reached_leaves_no_half_attached_bot(bench: Bench):
    """P9: no trading before the comparison succeeded; the next try starts clean."""
    bench.place("a1")
    bench.crash()
    bench.venue.is_reachable = False
    with pytest.raises(TransportError):
        bench.attach()

    bench.venue.is_reachable = True
    bench.attach()
    assert [event.client_order_id for event in bench.inbox.of(OrderAccepted)] == ["a1"]


def test_a_full_disk_sends_nothing_and_heals_by_itself(bench: Bench):
    """ST1: the intent is not written, so the order is not sent; cancels go; later the same step."""
    bench.place("a1")
    bench.run(bench.journal.flush())
    bench.journal.limit(bench.journal.page_count)
    with pytest.raises(JournalFull):
        bench.step(order("a2", price=990), cancel("a1"), state={"note": "x" * 200_000})
    bench.wait(1)

    assert bench.venue.creates == ["a1"]
    assert len(bench.venue.cancels) == 1
    assert bench.service._bots[BOT].exposure.buys == 0
    assert [alarm.code for alarm in bench.alarms] == ["JOURNAL_FULL"]

    bench.journal.limit(None)
    bench.step(order("a2", price=990), cancel("a1"), state={"note": "x" * 200_000})
    bench.wait(1)
    assert bench.venue.creates == ["a1", "a2"]
    assert bench.stored("a2").state == "ACKED"


def test_a_full_disk_loses_no_fill(bench: Bench):
    """ST2: the fill stays in memory until it can be booked; a crash fetches it again."""
    bench.place("a1")
    bench.run(bench.journal.flush())
    bench.do(lambda: bench.venue.fill("a1"))
    bench.journal.limit(bench.journal.page_count)
    with pytest.raises(JournalFull):
        bench.step(state={"note": "x" * 200_000})
    assert bench.service.ledger(BOT).position == 0

    bench.crash()
    bench.attach()
    bench.step()
    bench.step()

    assert bench.service.ledger(BOT).position == bench.venue.position == Decimal("0.5")
    assert bench.service.ledger(BOT).fills == 1


def test_funding_settled_while_nobody_ran_is_booked_once(bench: Bench):
    """The position was kept; what it paid meanwhile is found by the next start and told."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.wait(5)
    bench.run(bench.service.reconcile(BOT))
    bench.step(state={"x": "1"})
    bench.crash()
    bench.venue.settle("-0.125", is_told=False)

    attached = bench.attach()
    assert attached.funding == 0
    assert [paid.amount for paid in bench.inbox.of(FundingPaid)] == [Decimal("-0.125")]
    bench.step(state={"x": "2"})
    bench.crash()

    attached = bench.attach()
    assert attached.funding == bench.service.ledger(BOT).funding == Decimal("-0.125")
    assert bench.inbox.of(FundingPaid) == []


def test_a_settlement_and_a_step_do_not_undo_each_other(bench: Bench):
    """Booked while a step waits for the journal: position, fees and funding are all there."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    commit = bench.journal.commit

    async def slow(transaction: Transaction) -> None:
        bench.venue.settle("0.5")
        await commit(transaction)

    bench.journal.commit = slow  # type: ignore[method-assign]
    bench.step()
    bench.journal.commit = commit  # type: ignore[method-assign]
    bench.step(state={"x": "1"})
    bench.crash()
    attached = bench.attach()

    assert (attached.ledger_position, attached.funding) == (Decimal("0.5"), Decimal("0.5"))
    assert attached.fees == Decimal("0.01")


def test_scheduled_comparisons_run_by_themselves(bench: Bench):
    """V9: an order that vanished is noticed within the interval."""
    bench.service.schedule(BOT, Schedule(health_check_s=30, position_query_s=10))
    bench.place("a1")
    bench.venue.forget("a1")

    bench.wait(31)
    assert bench.service._bots[BOT].foreign_position == 0
    bench.wait(30)

    assert told(bench, "a1")[-1] == "OrderEnded"
    assert bench.inbox.of(OrderEnded)[0].code == "VANISHED"


def test_a_restart_tells_unknown_before_anything_else_of_the_order(bench: Bench):
    """P5: the slot is locked first, whatever is found after that."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.step(order("a1"))
    bench.wait(0.01)
    bench.venue.is_stream_silent = True
    bench.venue.fill("a1")
    bench.venue.is_stream_silent = False
    bench.crash()

    bench.attach()

    first, *rest = [
        type(event)
        for event in bench.inbox.events
        if getattr(event, "client_order_id", None) == "a1"
    ]
    assert first is OrderUnknown
    assert rest == [OrderAccepted, OrderFilled, OrderEnded]
