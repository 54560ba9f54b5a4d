"""What simulated campaigns found, each told by itself; the seeds are those that showed it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    OrderData,
    OrderSide,
    OrderStatus,
    TimeInForce,
)
from core.adapters.exchanges.native.listings import check_leaves
from core.domain.commands import PlaceOrder, Role
from core.domain.events import FundingPaid, OrderEnded, OrderFilled, Reconciled, RiskStateChanged
from core.errors import JournalError, OrderNotFound, OutcomeUnknown, RateLimited
from core.infrastructure.clock import VirtualClock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.execution.sender import Priority, Sender
from core.services.execution.settings import ExecutionSettings
from core.services.grid.edit import with_left_over
from core.services.grid.machine import GridMachine
from core.services.grid.plan import plan_limits
from core.services.grid.protections.settings import (
    ProtectionSettings,
    ScalpingSettings,
    StopLossSettings,
)
from core.services.ports import Transaction
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.grid_story import SECOND_NS, GridStory
from core.testing.grids import INSTRUMENT as PERP
from core.testing.grids import TWENTY
from core.testing.scripted_venue import Create

INSTRUMENT = replace(PERP, min_notional=Decimal(10))
LONG = replace(
    TWENTY,
    instrument=INSTRUMENT,
    lower_price=Decimal(97),
    upper_price=Decimal(100),
)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Bench]:
    """An attached bot at a venue that limits its rate."""
    capabilities = Capabilities(market_types=frozenset(ExchangeType), orders_per_minute=600)
    made = Bench(tmp_path, capabilities=capabilities)
    made.attach()
    yield made
    made.close()


def test_a_fill_that_arrives_while_a_start_reads_the_journal_counts_once(bench: Bench):
    """Seed 1144: what the stream says before the recall is held back, and taken in after it."""
    bench.place("a1")
    bench.crash()
    venue, commit = bench.venue, bench.journal.commit

    async def commit_and_hear(transaction: Transaction) -> None:
        await commit(transaction)
        if not venue.fills:
            venue.fill("a1")

    bench.journal.commit = commit_and_hear  # type: ignore[method-assign]
    bench.attach()
    bench.wait(1)
    bench.step()

    assert [fill.client_order_id for fill in bench.fills()] == ["a1"]
    assert bench.service.ledger(BOT).fills == 1
    assert bench.service.ledger(BOT).position == venue.position
    assert not [alarm for alarm in bench.alarms if alarm.code == "LATE_FILL"]


def test_a_connection_that_comes_back_while_a_start_reads_the_journal_waits_for_it(bench: Bench):
    """Seed 121: a comparison before the recall would take known orders for late ones."""
    bench.place("a1")
    bench.crash()
    venue, commit = bench.venue, bench.journal.commit

    async def commit_and_come_back(transaction: Transaction) -> None:
        await commit(transaction)
        if not venue.fills:
            venue.execute(venue.by_client_id("a1"))
            for bot in bench.service._bots.values():
                await bench.service._checks.check(bot)

    bench.journal.commit = commit_and_come_back  # type: ignore[method-assign]
    bench.attach()
    bench.wait(1)
    bench.step()

    assert bench.service.ledger(BOT).fills == 1
    assert not [alarm for alarm in bench.alarms if alarm.code == "LATE_FILL"]


def test_an_order_whose_doubtful_write_fails_again_takes_up_no_room(bench: Bench):
    """Seeds 44, 46 and 53: nothing of it is left, so its room is there for the next order."""
    journal, commit, flush = bench.journal, bench.journal.commit, bench.journal.flush

    async def fail(*_: object) -> None:
        raise JournalError("the disk failed while syncing.")

    journal.commit = fail  # type: ignore[method-assign]
    with pytest.raises(JournalError):
        bench.step(order("a1"))
    journal.commit, journal.flush = commit, fail  # type: ignore[method-assign]
    with pytest.raises(JournalError):
        bench.step(order("a1"))
    journal.flush = flush  # type: ignore[method-assign]
    exposure = bench.service._bots[BOT].exposure

    assert (exposure.open_orders, exposure.buys) == (0, 0)
    bench.step(order("a1"))
    bench.wait(0.1)
    assert bench.venue.creates == ["a1"]
    assert exposure.open_orders == 1


def test_funding_that_comes_while_a_doubtful_write_is_looked_at_is_kept(bench: Bench):
    """Seed 46: the new sums are in force before anything is waited for."""
    journal, commit, flush = bench.journal, bench.journal.commit, bench.journal.flush

    async def fail(*_: object) -> None:
        raise JournalError("the disk failed while syncing.")

    async def settle_and_flush() -> None:
        bench.venue.settle("1.5")
        await flush()

    journal.commit = fail  # type: ignore[method-assign]
    with pytest.raises(JournalError):
        bench.step(order("a1"))
    journal.commit, journal.flush = commit, settle_and_flush  # type: ignore[method-assign]
    bench.step(order("a1"))

    assert bench.service.ledger(BOT).funding == Decimal("1.5")


def test_a_cancel_whose_answer_cannot_be_read_is_repeated(bench: Bench):
    """Seeds 21, 37 and 54: an answer that makes no sense is no answer, and ends no task."""
    bench.place("a1")
    cancel_order = bench.venue.cancel_order
    asked = []

    async def unreadable(order_id: str, symbol: str):
        asked.append(order_id)
        if len(asked) < 3:
            raise ValueError("Expecting value: line 1 column 1 (char 0)")
        return await cancel_order(order_id, symbol)

    bench.venue.cancel_order = unreadable  # type: ignore[method-assign]
    bench.step(cancel("a1"))
    bench.wait(10)

    assert len(asked) == 3
    assert bench.stored("a1").state == "CANCELED"
    assert not [alarm for alarm in bench.alarms if alarm.code == "TASK_FAILED"]


def test_a_fill_of_somebody_else_calls_a_person_once(bench: Bench):
    """Seeds 5, 9 and 18: every comparison finds it again, and it is told once."""
    bench.place("a1")
    stranger = bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")
    bench.do(lambda: bench.venue.tell(bench.venue.execute(stranger)))
    for _ in range(24):
        bench.wait(0.5)
        bench.run(bench.service.reconcile(BOT))
    bench.wait(10)

    assert [alarm.code for alarm in bench.alarms].count("FOREIGN_FILL") == 1


def test_an_order_of_somebody_else_that_a_list_loses_for_a_while_is_told_once(bench: Bench):
    """Seed 629: lists lag, and what comes back is no news."""
    stranger = bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")
    bench.run(bench.service.reconcile(BOT))
    kept = bench.venue.orders.pop(stranger.order_id)
    bench.run(bench.service.reconcile(BOT))
    bench.venue.orders[stranger.order_id] = kept
    bench.run(bench.service.reconcile(BOT))

    assert [alarm.code for alarm in bench.alarms].count("FOREIGN_ORDER") == 1


def test_a_short_ban_holds_for_cancels_too(limited: Bench):
    """Seeds 549 and 648: a ban whose rest is short is a ban; probing makes it longer."""
    bench = limited
    bench.place("a1")

    async def banned(order_id: str, symbol: str):
        bench.venue.cancels.append(order_id)
        raise RateLimited("banned", retry_after_s=20, code="418", is_ban=True)

    bench.venue.cancel_order = banned  # type: ignore[method-assign]
    bench.step(cancel("a1"))
    bench.wait(19)
    assert len(bench.venue.cancels) == 1
    bench.wait(5)
    assert len(bench.venue.cancels) == 2


def test_comparisons_do_not_pile_up_while_the_venue_is_slow(bench: Bench):
    """Seeds 134, 170 and 281: one that waits stands for all who ask meanwhile."""
    get_fills = bench.venue.get_fills

    async def slow(*arguments: object):
        await bench.clock.sleep(4)
        return await get_fills(*arguments)  # type: ignore[arg-type]

    bench.venue.get_fills = slow  # type: ignore[method-assign]
    bot = bench.service._bots[BOT]

    async def ask() -> int:
        for _ in range(50):
            bench.service._checks.check_soon(bot)
            await bench.clock.sleep(0.1)
        return len(bench.service._desk._tasks)

    assert bench.run(ask()) <= 2
    bench.wait(30)
    assert len(bench.service._desk._tasks) == 0


def test_negatives_count_from_when_the_question_left(limited: Bench):
    """Seeds 161, 342 and 345: a question that waited for its turn says nothing about that time."""
    bench = limited
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.place("a1")
    bench.wait(10.1)
    bench.service._desk.sender.pause(15)
    bench.wait(16)
    # The first question that counts was queued after 10 s, and left at 25 s with the others.
    assert bench.stored("a1").state == "UNKNOWN"
    bench.wait(10)
    assert bench.stored("a1").state == "NOT_PLACED"


def test_one_lost_message_is_no_reason_to_compare_for_ever(bench: Bench):
    """Seed 24: a stream that speaks of other things is alive; what it lost is asked for once."""
    bench.venue.is_stream_silent = True
    bench.place("a1")
    bench.venue.is_stream_silent = False
    bench.place("b1", price=990)
    bench.wait(10)
    asked = bench.venue.questions.count("get_open_orders")
    bench.wait(300)

    assert asked >= 1
    assert bench.venue.questions.count("get_open_orders") == asked


def test_a_stream_that_says_nothing_at_all_is_asked_after_every_few_seconds(bench: Bench):
    """T16 as before: until it speaks, or the order is over."""
    bench.venue.is_stream_silent = True
    bench.place("a1")
    bench.wait(30)

    assert bench.venue.questions.count("get_open_orders") >= 10


def test_shares_of_an_order_that_filled_while_halted_are_written_with_their_slots():
    """Seed 208: a grid restored from what it wrote holds what it held, slot for slot."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("97.5")
    initial = next(
        command
        for command in story.commands
        if isinstance(command, PlaceOrder) and command.level is None
    )
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="HALTED", by="you"))
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=initial.client_order_id,
            trade_id="t1",
            side=initial.side,
            price=Decimal("97.5"),
            amount=initial.amount,
            fee=Decimal(0),
            fee_base=Decimal(0),
            is_maker=False,
        )
    )
    restored = GridMachine(LONG, order_prefix="ctest0000")
    restored.restore(story.state)

    assert story.machine.position > 0
    assert [restored.ledger.lots(slot.level) for slot in restored.slots] == [
        story.machine.ledger.lots(slot.level) for slot in story.machine.slots
    ]


class Sleepy(VirtualClock):
    """The clock of a process that stands still now and then."""

    slept_ns = 0

    def monotonic_ns(self) -> int:
        """Goes on while the process stands still."""
        return super().monotonic_ns() + self.slept_ns


def test_what_a_process_that_slept_sends_on_waking_counts_then():
    """Seed 561: turns that were given before the sleep are asked for anew, so the rate holds."""
    loop = VirtualLoop(0)
    clock = Sleepy(loop)
    sender = Sender(clock, ExecutionSettings(), 10)
    left_ns: list[int] = []

    async def cancel_one() -> None:
        await sender.acquire(Priority.CANCEL)
        left_ns.append(clock.monotonic_ns())
        sender.release(Priority.CANCEL)

    def sleep() -> None:
        clock.slept_ns += 30_000_000_000

    async def sleep_between() -> None:
        tasks = [loop.create_task(cancel_one()) for _ in range(20)]
        await clock.sleep(1.0)
        # Ten turns are given at 60 s, and the process stands still before it takes them.
        loop.call_at_ns(60_000_000_000, sleep)
        await clock.sleep(90.0)
        tasks += [loop.create_task(cancel_one()) for _ in range(5)]
        for task in tasks:
            await task

    loop.run_until_complete(sleep_between())
    loop.close()
    most = max(sum(0 <= at_ns - first < 60_000_000_000 for at_ns in left_ns) for first in left_ns)

    assert len(left_ns) == 25
    assert most <= 10


def test_many_orders_in_doubt_share_their_questions(tmp_path: Path):
    """Seed 1008: forty questions a round would use up the rate before any is answered twice."""
    capabilities = Capabilities(market_types=frozenset(ExchangeType), orders_per_minute=120)
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    bench.venue.create_script.extend([Create.LOST_BEFORE] * 40)
    bench.step(*(order(f"a{number}", price=900 + number) for number in range(40)))
    bench.wait(45)

    assert {bench.stored(f"a{number}").state for number in range(40)} == {"NOT_PLACED"}
    assert bench.venue.questions.count("get_order") <= 8
    bench.close()


def test_a_closed_order_among_many_in_doubt_is_found(tmp_path: Path):
    """Seed 1008: what ended without an execution is known to the list of closed orders alone."""
    capabilities = Capabilities(market_types=frozenset(ExchangeType), orders_per_minute=120)
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    bench.venue.create_script.extend([Create.HANGS_AFTER, *[Create.HANGS_BEFORE] * 19])
    bench.step(*(order(f"a{number:02}", price=900 + number) for number in range(20)))
    bench.wait(1)
    bench.crash()
    bench.venue.end("a00", OrderStatus.CANCELED, is_told=False)
    bench.attach()
    bench.wait(60)

    assert bench.stored("a00").state == "CANCELED"
    assert bench.stored("a19").state == "NOT_PLACED"
    bench.close()


def test_a_stop_loss_that_expired_between_two_lives_waits_for_a_price():
    """Seed 40: its timer has ended and nothing can be asked yet; it does not wake for ever."""
    told = ProtectionSettings(stop_loss=StopLossSettings(trigger_percent=Decimal(50), timeout_s=30))
    story = GridStory(replace(LONG, protections=told))
    story.price("98.9")
    story.price("97.4")
    again = GridMachine(story.settings, order_prefix="ctest0000")
    again.restore(story.state)
    again.take_up()
    later_ns = story.now_ns + 600 * SECOND_NS
    held = again.ledger.lots(1) + again.ledger.lots(2) + again.ledger.lots(3)
    again.on(
        Reconciled(at_ns=later_ns, open_orders=frozenset(), foreign_orders=0, venue_position=held)
    )

    wakes_ns = again.horizon().at_ns
    assert wakes_ns is None or wakes_ns > later_ns


def test_a_line_that_an_edit_took_off_takes_no_place_in_the_window():
    """Seed 141: it has sold what it held and buys nothing more, so its place is another's."""
    story = GridStory(replace(LONG, active_window=1))
    story.price("100.5")
    machine = story.machine
    slot = next(slot for slot in machine.slots if slot.order is None)
    assert machine._wants(slot)
    slot.is_orphan = True

    assert not machine._wants(slot)


def test_the_limits_of_an_edit_leave_room_for_what_is_held_already():
    """Seeds 74 and 1091: smaller orders than before; what larger ones bought is still held."""
    story = GridStory(LONG)
    story.price("98.4")
    held = story.machine.position
    story.edit(replace(LONG, order_amount=Decimal("0.5")))
    ladder = story.machine.ladder
    assert ladder is not None
    needs = with_left_over(plan_limits(story.settings, ladder), story.machine)
    lots = story.machine.ledger.lots
    wanted = sum(slot.missing(0) for slot in story.machine.slots if not lots(slot.level))

    assert held > 0
    assert needs.position >= held + INSTRUMENT.amount(wanted)


def test_an_alarm_stands_in_the_diary(bench: Bench):
    """What calls a person is told where persons look, not in the log alone."""
    bench.venue.place_foreign(OrderSide.BUY, "90", "1")
    bench.wait(0.1)
    bench.run(bench.service.reconcile(BOT))
    told = [fields for _, _, event, fields in bench.diary if event == "bot.alarm"]

    assert [dict(fields)["code"] for fields in told] == ["FOREIGN_ORDER"]
    assert [row.event for row in bench.journal.diary(BOT, 100)].count("bot.alarm") == 1


def test_questions_of_others_count_and_end(limited: Bench):
    """The account's worth is asked for under the same rate and the same time limit."""
    before = limited.service.budget_used
    limited.run(limited.service.ask("get_balances", limited.venue.get_balances))
    assert limited.service.budget_used > before

    async def never() -> None:
        await limited.clock.sleep(3_600)

    with pytest.raises(OutcomeUnknown):
        limited.run(limited.service.ask("get_balances", never))


def test_a_slot_that_ends_with_a_restore_is_written_as_gone():
    """Seed 290: the journal does not keep what the machine has let go."""
    story = GridStory(LONG)
    story.price("100.5")
    gone = f"slot/{len(story.machine.slots) + 1}"
    left_over = (
        '[[null,0,0,null,0,[],1767226475528830000,"its line was taken off: it sells what it holds"]'
        ',[[],["-0.497488","0.120776",0],null,"0","0"],[1105,1135,62]]'
    )
    again = GridMachine(LONG, order_prefix="ctest0000")
    again.restore({**story.state, gone: left_over})

    assert gone not in again.dump()
    assert again.changes()[gone] is None


def test_a_venue_is_told_which_ids_it_may_meet_before_it_is_asked(bench: Bench):
    """Lighter 10 and 11 over the wire: a list that cannot name ours is no proof of absence."""
    bench.place("a1")
    bench.crash()
    remembered: list[str] = []
    asked: list[int] = []
    look = bench.venue.get_open_orders

    async def get_open_orders(symbol: str | None = None) -> list[OrderData]:
        asked.append(len(remembered))
        return await look(symbol)

    bench.venue.remember = remembered.extend  # type: ignore[method-assign]
    bench.venue.get_open_orders = get_open_orders  # type: ignore[method-assign]
    bench.attach()
    bench.wait(1)

    assert remembered == ["a1"]
    assert asked
    assert set(asked) == {1}


def test_what_was_settled_before_a_life_is_not_booked_by_it(bench: Bench):
    """Lighter 16 over the wire: closed at once after a settlement nobody heard of, and reborn."""
    bench.wait(30)
    early = bench.do(lambda: bench.venue.settle("0.5", is_told=False))
    bench.wait(1)
    bench.run(bench.service.detach(BOT, is_closed=True))
    bench.wait(12)
    found = bench.attach()
    bench.wait(5)
    bench.do(lambda: bench.venue.tell(early))  # a stream that catches up tells it once more

    assert found.is_new
    assert bench.inbox.of(FundingPaid) == []
    assert bench.service.ledger(BOT).funding == 0
    # It is kept with the life that it belongs to, once, so that an audit finds it.
    place = ("scripted", bench.venue.account, early.symbol)
    assert bench.journal.has_funding(*place, early.payment_id)
    assert bench.words().count("funding.paid_earlier") == 1

    bench.crash()  # the beginning is durable: the process that resumes this life knows it
    missed = bench.do(lambda: bench.venue.settle("0.25", is_told=False))
    bench.wait(1)
    again = bench.attach()
    bench.wait(5)
    for payment in (early, missed):
        bench.do(lambda payment=payment: bench.venue.tell(payment))

    assert not again.is_new
    assert [event.amount for event in bench.inbox.of(FundingPaid)] == [Decimal("0.25")]
    assert bench.service.ledger(BOT).funding == Decimal("0.25")


def test_an_adapter_that_asked_for_something_first_looks_again(bench: Bench):
    """Lighter 21 and 102 over the wire: the halt came while the adapter waited for a price."""
    create = bench.venue.create_order
    looks: list[bool] = []

    async def asks_first(*order_of: Any, **named: Any) -> OrderData:
        await bench.clock.sleep(3)
        options = order_of[-1]
        looks.append(options.may_leave())
        check_leaves("scripted", options.may_leave)
        return await create(*order_of, **named)

    bench.venue.create_order = asks_first  # type: ignore[method-assign]
    bench.place("a1")
    bench.wait(1)
    bench.run(bench.risk.halt("operator"))
    bench.wait(10)

    assert looks == [False]
    assert bench.venue.creates == []
    (ended,) = bench.inbox.of(OrderEnded)
    assert (ended.client_order_id, ended.status, ended.code) == (
        "a1",
        OrderStatus.REJECTED,
        "HALTED",
    )


@pytest.mark.parametrize(
    "queued_s, what, leaves",
    [
        (4.0, {"time_in_force": TimeInForce.IOC}, True),
        (6.0, {"time_in_force": TimeInForce.IOC}, False),
        (6.0, {"price": None}, False),
        (6.0, {}, True),
        (6.0, {"price": None, "role": Role.REDUCE}, True),
    ],
    ids=["in time", "at once", "market", "rests", "closes"],
)
def test_an_entry_that_takes_at_once_is_decided_on_anew_after_a_long_wait(
    bench: Bench, queued_s: float, what: dict[str, Any], *, leaves: bool
):
    """Seed 1474: it waited out a ban for a minute and left on the price from before."""
    bench.service._desk.sender.pause(queued_s)
    bench.step(order("a1", **what))
    bench.wait(10)

    assert len(bench.venue.creates) == leaves
    if not leaves:
        (ended,) = bench.inbox.of(OrderEnded)
        assert (ended.status, ended.code) == (OrderStatus.REJECTED, "STALE_PRICE")


@pytest.mark.parametrize(
    "queued_s, waits_s, leaves", [(0.0, 1.0, True), (0.0, 3.0, False), (1.5, 0.9, True)]
)
def test_an_order_that_waited_inside_the_adapter_beyond_its_deadline_stays_here(
    tmp_path: Path, queued_s: float, waits_s: float, *, leaves: bool
):
    """Seed 517: its absence would have counted while it could still arrive.

    What it waited for its turn before is not taken from what an adapter may need.
    """
    capabilities = Capabilities(market_types=frozenset(ExchangeType), changes_in_flight=3)
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    create = bench.venue.create_order
    bench.service._desk.sender.pause(queued_s)

    async def waits_first(*order_of: Any, **named: Any) -> OrderData:
        await bench.clock.sleep(waits_s)
        check_leaves("scripted", order_of[-1].may_leave)
        return await create(*order_of, **named)

    bench.venue.create_order = waits_first  # type: ignore[method-assign]
    bench.place("a1")
    bench.wait(10)

    assert len(bench.venue.creates) == leaves
    codes = [event.code for event in bench.inbox.of(OrderEnded)]
    assert codes == ([] if leaves else ["NOT_SENT"])
    bench.close()


def test_a_cancel_goes_on_once_an_order_that_vanished_is_found(bench: Bench):
    """Seed 297: a fill in parts beat the cancel, and the venue knew the rest only a moment later.

    What nobody wanted rested for ever, and the stop loss waited for it.
    """
    bench.place("a1")
    venue = bench.venue
    cancel_order, get_order = venue.cancel_order, venue.get_order
    is_known = False

    async def is_gone(order_id: str, symbol: str) -> OrderData:
        if not venue.fills:
            venue.tell(venue.execute(venue.orders[order_id], "0.2"))
            raise OrderNotFound("the order is not open.")
        return await cancel_order(order_id, symbol)

    async def is_found_late(
        order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        nonlocal is_known
        if not is_known:
            is_known = True
            raise OrderNotFound("it does not know the order.")
        return await get_order(order_id, symbol, client_order_id=client_order_id)

    venue.cancel_order = is_gone  # type: ignore[method-assign]
    venue.get_order = is_found_late  # type: ignore[method-assign]
    bench.step(cancel("a1"))
    bench.wait(10)

    assert venue.open_orders() == []
    (ended,) = bench.inbox.of(OrderEnded)
    assert (ended.status, ended.filled, ended.is_ours) == (OrderStatus.CANCELED, 200, True)


def test_exits_that_are_gone_stand_again_when_scalping_gives_up():
    """Seed 309: one exit was cancelled in time and the other was not; the first never came back."""
    told = ProtectionSettings(scalping=ScalpingSettings(trigger_percent=60))
    story = GridStory(replace(LONG, lower_price=Decimal(94), protections=told))
    for price in ("98.9", "97.9", "96.9"):
        story.price(price)
    story.is_silent = True  # the cancels of scalping are on their way
    story.price("95.9")
    assert story.machine.is_scalping
    gone, late = story.find("sell 100"), story.find("sell 99")
    story.end(gone, is_ours=True)
    story.is_silent = False
    story.wait(11)

    assert not story.machine.is_scalping
    assert story.resting().count("sell 100") == 1
    story.end(late, is_ours=True)
    assert all(slot.order is not None for slot in story.machine.slots)


def test_the_limits_of_an_edit_leave_room_for_entries_that_grow_later():
    """Seed 462: a slot holds what its smaller entry brought; after its exit it buys more."""
    story = GridStory(LONG)
    story.price("98.9")
    story.edit(replace(LONG, order_amount=Decimal("0.5")))
    story.price("97.9")
    story.edit(replace(LONG, order_amount=Decimal("0.75")))
    slots, lots = story.machine.slots, story.machine.ledger.lots
    ladder = story.machine.ladder
    assert ladder is not None
    most = sum(max(lots(slot.level), slot.amount) for slot in slots)
    needs = with_left_over(plan_limits(story.settings, ladder), story.machine)

    assert sorted(lots(slot.level) for slot in slots) == [0, 500, 1000]
    assert needs.position == INSTRUMENT.amount(most)


def test_the_limits_of_an_edit_leave_room_for_cancels_that_come_too_late():
    """What a larger entry has brought and may yet bring counts, beside what other slots hold."""
    story = GridStory(LONG)
    story.price("98.9")
    story.fill(story.find("buy 98"), 800)
    story.is_silent = True  # cancels are on their way
    story.edit(replace(LONG, order_amount=Decimal("0.5")))
    ladder = story.machine.ladder
    assert ladder is not None
    needs = with_left_over(plan_limits(story.settings, ladder), story.machine)

    assert needs.position >= 3


def test_lines_that_end_together_leave_the_ladder_one_by_one():
    """Seed 929: an initial order of lines that an edit took off was proved never to have existed.

    The first line ended the second with it, and the bot failed at this and at every start after it.
    """
    story = GridStory(LONG)
    story.is_silent = True  # the initial order does not answer
    story.price("97.4")
    (initial,) = [order for order in story.machine.orders if order.shares]
    story.edit(replace(LONG, lower_price=Decimal(95), upper_price=Decimal(98)))
    after = GridStory(story.settings, state=story.state, is_reconciled=False)
    for told in (story, after):
        slots = told.machine.slots
        assert [slot.is_orphan for slot in slots].count(True) == len(initial.shares or ())
        told.tell(
            OrderEnded(
                at_ns=told.now_ns,
                client_order_id=initial.client_order_id,
                status=OrderStatus.REJECTED,
                filled=0,
                code="NOT_PLACED",
            )
        )
        told.reconcile()

        assert not any(slot.is_orphan for slot in told.machine.slots)
        assert told.machine.dump() == told.state


def test_the_limits_of_an_edit_leave_room_for_an_initial_order_in_doubt():
    """Seed 929: what it may yet bring to lines that are gone counts beside the new ladder."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("97.4")
    (initial,) = [order for order in story.machine.orders if order.shares]
    story.edit(replace(LONG, lower_price=Decimal(93), upper_price=Decimal(96)))
    ladder = story.machine.ladder
    assert ladder is not None
    plan = plan_limits(story.settings, ladder)
    needs = with_left_over(plan, story.machine)

    assert needs.position >= plan.position + INSTRUMENT.amount(initial.amount)


def test_asking_after_a_silent_stream_leaves_orders_their_turn(tmp_path: Path) -> None:
    """Seed 1540: a stream says nothing for minutes, and what it should tell is asked for instead.

    The questions took the whole rate of a narrow venue, so the next order never left, and the
    stream, which had nothing to tell, went on saying nothing.
    """
    narrow = Capabilities(
        market_types=frozenset({ExchangeType.PERPETUAL}),
        has_private_stream=True,
        orders_per_minute=120,
    )
    bench = Bench(tmp_path, capabilities=narrow)
    bench.attach()
    bench.venue.is_stream_silent = True
    bench.step(order("a1"))
    bench.wait(180)
    asked = len(bench.venue.questions)
    bench.step(order("a2"))
    bench.wait(2)

    assert bench.venue.creates == ["a1", "a2"]
    bench.wait(60)
    assert 40 < len(bench.venue.questions) - asked <= 90
    bench.close()
