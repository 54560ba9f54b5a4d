"""What simulated campaigns found, each told by itself; the seeds are those that showed it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import Capabilities, ExchangeType, Instrument, OrderSide
from core.domain.commands import PlaceOrder
from core.domain.events import OrderFilled, RiskStateChanged
from core.errors import JournalError, RateLimited
from core.services.grid.machine import GridMachine
from core.services.grid.settings import GridSettings, GridType
from core.services.ports import Transaction
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.grid_story import GridStory
from core.testing.scripted_venue import Create

INSTRUMENT = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    min_notional=Decimal(10),
)
LONG = GridSettings(
    instrument=INSTRUMENT,
    grid_type=GridType.LONG,
    grid_interval=Decimal(1),
    order_amount=Decimal(1),
    lower_price=Decimal(97),
    upper_price=Decimal(100),
    price_step=INSTRUMENT.tick_size,
    amount_step=INSTRUMENT.lot_size,
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Bench]:
    """An attached bot at a venue that limits its rate."""
    capabilities = Capabilities(market_types=frozenset(ExchangeType), orders_per_minute=600)
    made = Bench(tmp_path, capabilities=capabilities)
    made.attach()
    yield made
    made.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An attached bot."""
    made = Bench(tmp_path)
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
