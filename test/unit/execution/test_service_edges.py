"""Ends, steps and claims that come twice, too late, or from two sides at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderData, OrderSide, OrderStatus
from core.domain.commands import CancelOrder, Reason
from core.domain.events import OrderEnded, OrderFilled
from core.errors import ConfigError, JournalFull, NotSent
from core.services.execution.slow_disk import FAST_NS, SLOW_NS, SlowDisk
from core.services.gateway import Renewal, Step
from core.services.ports import Transaction
from core.services.risk.limits import Limits
from core.testing.execution import BOT, SYMBOL, Bench, Inbox, cancel, instrument, order
from core.testing.scripted_venue import Create

D = Decimal
OTHER = "paper/scripted/test/OTHER-USDC-PERP/other"


def attach_other(bench: Bench, **changes: object) -> None:
    """Another bot of the same account, on another symbol."""
    symbol = "OTHER-USDC-PERP"
    traded = instrument(symbol=symbol, base="OTHER")
    bench.risk.register(OTHER, traded, Limits())
    spec = replace(
        bench.spec(),
        bot_id=OTHER,
        name="other",
        symbol=symbol,
        instrument=traded,
        order_prefix=bench.service.order_prefix(OTHER),
    )
    changed = replace(spec, **changes)  # type: ignore[arg-type] # one value per field name
    bench.run(bench.service.attach(changed, Inbox()))


def step_of(bench: Bench, *applied: OrderFilled) -> Step:
    """A turn that took in these executions and nothing else."""
    return Step(bot_id=BOT, at_ns=bench.clock.now_ns(), applied=applied)


# -- who runs -----------------------------------------------------------------------------------


def test_two_bots_run_on_two_symbols_and_leave_one_by_one(bench: Bench):
    """What one does says nothing of the other, and the end of one is not the other's."""
    attach_other(bench)
    bench.run(bench.service.detach(BOT, is_closed=False))

    assert bench.service.has(OTHER)
    assert not bench.service.has(BOT)
    assert bench.service.open_orders(BOT) == 0
    bench.attach()
    assert bench.service.has(BOT)


def test_two_bots_whose_order_ids_could_not_be_told_apart_are_refused(bench: Bench):
    """Whose an order is must be said by its id alone."""
    with pytest.raises(ConfigError, match="gives the same order ids as bench") as refused:
        attach_other(bench, order_prefix=bench.spec().order_prefix)

    assert refused.value.key == "name"
    assert not bench.service.has(OTHER)


def test_a_bot_that_is_not_there_has_nothing_to_leave(bench: Bench):
    """An end of what never began is no error, and writes nothing."""
    bench.run(bench.service.detach("paper/scripted/test/NONE/none", is_closed=True))

    assert bench.service.has(BOT)
    assert [row.bot_id for row in bench.journal.bots()] == [BOT]


def test_two_ends_at_once_end_once(bench: Bench):
    """Whoever comes second finds it gone."""
    commit = bench.journal.commit

    async def slow(transaction: Transaction) -> None:
        await bench.clock.sleep(0.1)
        await commit(transaction)

    bench.journal.commit = slow  # type: ignore[method-assign]

    async def both() -> None:
        await asyncio.gather(
            bench.service.detach(BOT, is_closed=False), bench.service.detach(BOT, is_closed=False)
        )

    bench.run(both())

    assert not bench.service.has(BOT)
    row = bench.journal.bot(BOT)
    assert row is not None
    assert row.is_closed == 0


def test_a_bot_that_can_decide_nothing_leaves_its_orders_or_takes_them_along(bench: Bench):
    """As its policy says: they rest, or it waits until the venue says that they are gone."""
    bench.place("a1")
    bench.run(bench.service.abandon(BOT, cancels=False))
    assert bench.venue.by_client_id("a1").status is OrderStatus.OPEN
    assert bench.venue.cancels == []

    bench.attach()
    bench.run(bench.service.abandon(BOT, cancels=True))
    assert bench.venue.by_client_id("a1").status is OrderStatus.CANCELED
    assert not bench.service.has(BOT)


def test_a_resumed_bot_is_measured_with_what_it_holds(tmp_path: Path):
    """Risk after a restart: the position in lots, and what an open order may still add."""
    bench = Bench(tmp_path)
    bench.attach()
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", "0.2"))
    bench.step()
    bench.crash()
    bench.attach()

    exposure = bench.service._bots[BOT].exposure
    assert (exposure.position, exposure.buys, exposure.sells) == (200, 300, 0)
    assert exposure.open_orders == 1
    bench.close()


def test_a_refusal_after_the_bot_left_is_written_for_its_next_start(bench: Bench):
    """Its create was under way: the no is durable, and the next start has nothing to look for."""
    create = bench.venue.create_order

    async def slow(*args: object, **kwargs: object) -> OrderData:
        await bench.clock.sleep(1)
        return await create(*args, **kwargs)  # type: ignore[arg-type]

    bench.venue.create_order = slow  # type: ignore[method-assign]
    bench.venue.create_script.append(Create.REJECTED)
    bench.step(order("a1"))
    bench.wait(0.1)
    bench.run(bench.service.detach(BOT, is_closed=False))
    bench.wait(2)
    bench.run(bench.journal.flush())
    assert bench.stored("a1").state == "REJECTED_DEFINITE"

    found = bench.attach()
    assert found.unresolved == 0
    assert bench.service.open_orders(BOT) == 0
    assert bench.venue.creates == ["a1"]


def test_a_start_says_which_ids_the_venue_has_seen(bench: Bench):
    """Open and closed ones with our prefix, so that an old copy of the journal repeats none."""
    prefix = bench.spec().order_prefix
    bench.place(f"{prefix}1E1")
    bench.place(f"{prefix}1E2", OrderSide.BUY, 990)
    bench.do(lambda: bench.venue.end(f"{prefix}1E1", OrderStatus.CANCELED))
    bench.venue.place_foreign(OrderSide.BUY, "50", "0.5")
    bench.run(bench.service.detach(BOT, is_closed=False))

    assert sorted(bench.attach().seen_client_order_ids) == [f"{prefix}1E1", f"{prefix}1E2"]


def test_an_end_for_good_keeps_what_it_holds(bench: Bench):
    """The next start takes up the position, though nothing of the ladder is left."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.run(bench.service.detach(BOT, is_closed=True))
    found = bench.attach()

    assert not found.is_new
    assert found.ledger_position == D("0.5")


def test_another_configuration_is_written_with_the_step_that_takes_it_over(bench: Bench):
    """A crash after it finds both, and the next start must agree with the new values."""
    renewal = Renewal(fingerprint={"grid_type": "short"}, config='{"a": 1}')
    step = replace(step_of(bench), renewal=renewal)
    bench.place("a1")
    bench.run(bench.service.step(step))
    bench.crash()

    row = bench.journal.bot(BOT)
    assert row is not None
    assert (row.fingerprint, row.config) == ('{"grid_type": "short"}', '{"a": 1}')
    with pytest.raises(ConfigError, match="grid_type was short, is long"):
        bench.attach()
    bench.fingerprint = {"grid_type": "short"}
    bench.attach()


# -- steps --------------------------------------------------------------------------------------


def test_an_execution_that_was_taken_in_before_is_booked_once(bench: Bench):
    """The same turn offered twice adds nothing to the ledger and deletes nothing."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    (fill,) = bench.fills()
    for _ in range(2):
        bench.run(bench.service.step(step_of(bench, fill)))

    assert bench.service.ledger(BOT).fills == 1
    assert bench.service.ledger(BOT).position == D("0.5")
    assert len(bench.journal.fills("a1")) == 1


def test_an_end_settles_with_the_next_thing_that_was_taken_in(bench: Bench):
    """Handed over before it: after a crash it is not told again; one handed over after it is."""
    bench.place("a1", OrderSide.BUY, 980)
    bench.place("a2", OrderSide.BUY, 990)
    bench.place("a3")
    bench.do(lambda: bench.venue.end("a1", OrderStatus.CANCELED))
    bench.do(lambda: bench.venue.fill("a3", "0.1"))
    bench.do(lambda: bench.venue.end("a2", OrderStatus.CANCELED))
    bench.step()
    bench.crash()
    bench.attach()

    assert [end.client_order_id for end in bench.inbox.of(OrderEnded)] == ["a2"]


def test_a_full_disk_calls_a_person_once_and_every_other_failure_each_time(bench: Bench):
    """ST1: it stays full for a while, and one call is enough; then it is told anew."""

    def failing(error: Exception) -> None:
        async def broken(transaction: Transaction) -> None:
            raise error

        bench.journal.commit = broken  # type: ignore[method-assign]

    commit = bench.journal.commit
    failing(JournalFull("no room."))
    for _ in range(3):
        with pytest.raises(JournalFull):
            bench.step(state={"a": "1"})
    assert [alarm.code for alarm in bench.alarms] == ["JOURNAL_FULL"]

    bench.journal.commit = commit  # type: ignore[method-assign]
    bench.step(state={"a": "1"})
    failing(JournalFull("no room."))
    with pytest.raises(JournalFull):
        bench.step(state={"a": "2"})
    assert [alarm.code for alarm in bench.alarms] == ["JOURNAL_FULL"] * 2


def test_a_cancel_says_why_with_the_numbers_that_led_to_it(bench: Bench):
    """Kept as evidence before the request leaves."""
    bench.place("a1")
    bench.place("a2", OrderSide.BUY, 990)
    why = Reason("cancel.window", (("lower", "95"), ("upper", "105")))
    bench.step(
        CancelOrder(client_order_id="a1", symbol=SYMBOL, reason=why),
        cancel("a2"),
        cancel("unknown"),
    )

    asked = {
        key: [row.detail for row in bench.journal.evidence(key) if row.kind == "CANCEL_ASKED"]
        for key in ("a1", "a2")
    }
    assert asked == {"a1": ["cancel.window: lower 95, upper 105"], "a2": ["test.canceled"]}


def test_an_order_that_ended_needs_no_cancel(bench: Bench):
    """Its executions are still being taken in; neither request nor evidence follows."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.run(
        bench.service.step(Step(bot_id=BOT, at_ns=bench.clock.now_ns(), commands=(cancel("a1"),)))
    )
    bench.wait(2)

    assert bench.venue.cancels == []
    assert "CANCEL_ASKED" not in [row.kind for row in bench.journal.evidence("a1")]
    assert not bench.stored("a1").cancel_wanted


def test_an_execution_before_the_answer_names_the_order_so_that_it_can_be_cancelled(bench: Bench):
    """V2: the create hangs, half of it traded, nobody wants the rest: the cancel does not wait."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.step(order("a1"))
    bench.wait(0.01)
    fill = bench.venue.execute(bench.venue.by_client_id("a1"), "0.2")
    bench.do(lambda: bench.venue.tell(fill))
    bench.step(cancel("a1"))
    bench.wait(1)

    assert bench.venue.by_client_id("a1").status is OrderStatus.CANCELED
    assert bench.stored("a1").order_id == fill.order_id
    assert bench.service.ledger(BOT).position == D("0.2")
    (end,) = bench.inbox.of(OrderEnded)
    assert (end.filled, end.is_ours) == (200, True)


def test_a_create_that_our_own_door_held_back_is_no_reason_to_rest(bench: Bench):
    """A halt while it travelled to the door: refused for that, and nothing pauses afterwards."""

    async def held(*args: object, **kwargs: object) -> OrderData:
        await bench.risk.halt("you")
        raise NotSent("nothing may leave now.")

    bench.venue.create_order = held  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.wait(0.01)

    (end,) = bench.inbox.of(OrderEnded)
    assert (end.status, end.code, end.filled) == (OrderStatus.REJECTED, "HALTED", 0)
    assert bench.service._desk.sender.paused_for_s == 0


def test_a_budget_of_actions_that_is_used_up_is_told_once_until_one_is_taken(bench: Bench):
    """T12: two refusals, one call; after an order that was taken a third is told again."""
    for words, alarms in (
        ((Create.USED_UP, Create.USED_UP), 1),
        ((), 1),
        ((Create.USED_UP,), 2),
    ):
        for number in range(max(len(words), 1)):
            bench.venue.create_script.extend(words[number : number + 1])
            bench.step(order(f"a{bench.clock.now_ns()}"))
            bench.wait(60)
        assert [alarm.code for alarm in bench.alarms] == ["ACTIONS_USED_UP"] * alarms

    ended = [end.code for end in bench.inbox.of(OrderEnded)]
    assert ended == ["ACTIONS_USED_UP"] * 3
    assert bench.calmed == ["ACTIONS_USED_UP"]
    assert bench.service.open_orders(BOT) == 1


# -- what others ask ----------------------------------------------------------------------------


def test_questions_of_others_go_the_same_way_and_show_in_the_log(bench: Bench):
    """With a turn and a line; the used part of a budget that is not there is none."""
    found = bench.run(
        bench.service.ask("get_open_orders", lambda: bench.venue.get_open_orders(SYMBOL))
    )

    assert found == []
    assert bench.service.calls()[0].method == "get_open_orders"
    assert bench.service.budget_used is None


def test_a_slow_disk_is_told_once_an_episode():
    """It begins with a second and is over with a tenth of one."""
    told: list[int] = []
    disk = SlowDisk(told.append, lambda: told.append(0))
    for elapsed_ns in (FAST_NS - 1, SLOW_NS - 1, SLOW_NS, 2 * SLOW_NS, FAST_NS, SLOW_NS):
        disk.took(elapsed_ns)
    assert told == [SLOW_NS]

    disk.took(FAST_NS - 1)
    disk.took(3 * SLOW_NS)
    disk.took(FAST_NS - 1)
    disk.took(FAST_NS - 1)
    assert told == [SLOW_NS, 0, 3 * SLOW_NS, 0]


def test_a_slow_commit_calls_a_person_and_the_order_leaves_all_the_same(bench: Bench):
    """ST12: late, durable, once."""
    commit = bench.journal.commit

    async def slow(transaction: Transaction) -> None:
        await bench.clock.sleep(1.5)
        await commit(transaction)

    bench.journal.commit = slow  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.wait(3)  # its deadline has come near meanwhile: a new one is written as slowly

    assert [(alarm.code, alarm.bot_id) for alarm in bench.alarms] == [("SLOW_DISK", "")]
    assert "1.5 s" in bench.alarms[0].text
    assert bench.venue.creates == ["a1"]


def test_an_answer_that_cannot_be_read_leaves_a_line_in_the_log_of_requests(bench: Bench):
    """And an order in doubt, never one that is sent again."""
    bench.venue.create_script.append(Create.BROKEN_ANSWER)
    bench.step(order("a1"))
    bench.wait(3)

    (call,) = [item for item in bench.service.calls() if item.method == "create_order"]
    assert call.answer.startswith("ValueError")
    shown: OrderData = bench.venue.by_client_id("a1")
    assert bench.stored("a1").order_id == shown.order_id
