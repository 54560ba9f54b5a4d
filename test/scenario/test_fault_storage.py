"""Faults of the disk and the journal while a bot trades."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.storage import file
from core.adapters.storage.journal import SqliteJournal
from core.adapters.storage.migrations import MIGRATIONS
from core.adapters.storage.schema import SCHEMA_VERSION
from core.domain.events import OrderDenied
from core.errors import JournalFull
from core.services.gateway import Step
from core.services.ports import RiskRow, Transaction
from core.services.risk.limits import Limits
from core.testing.execution import BOT, Bench, cancel, order

SYNCED_AT_EVERY_COMMIT = 2


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An attached bot with an order that rests, everything of it written."""
    made = Bench(tmp_path)
    made.attach()
    made.place("a1")
    made.run(made.journal.flush())
    yield made
    made.close()


def assert_held_back(bench: Bench) -> None:
    """A step that cannot be written sends no order, and its cancel all the same."""
    with pytest.raises(JournalFull):
        bench.step(order("a2", price=990), cancel("a1"))
    bench.wait(1)
    assert bench.venue.creates == ["a1"]
    assert len(bench.venue.cancels) == 1
    assert [alarm.code for alarm in bench.alarms] == ["JOURNAL_FULL"]


def assert_goes_on(bench: Bench) -> None:
    """The same order, once there is room again."""
    bench.step(order("a2", price=990))
    bench.wait(1)
    assert bench.venue.creates == ["a1", "a2"]
    assert bench.stored("a2").state == "ACKED"
    assert bench.stored("a1").state == "CANCELED"


async def test_a_journal_held_by_another_process_sends_nothing_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """ST6: while a backup holds the file, the error is that of a full disk; then it heals."""
    monkeypatch.setattr(file, "BUSY_WAIT_S", 0)
    journal = SqliteJournal(tmp_path / "journal.db")
    row = RiskRow("engine", "HALTED", "you", 3, "")
    with contextlib.closing(journal):
        backup = sqlite3.connect(journal.path, isolation_level=None, timeout=0)
        with contextlib.closing(backup):
            backup.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalFull):
                await journal.commit(Transaction(risk=[row]))
            assert journal.risk() == []
            backup.execute("ROLLBACK")

        await journal.commit(Transaction(risk=[row]))
        assert journal.risk() == [row]


def test_a_journal_that_turns_read_only_sends_nothing_and_lets_cancels_go(bench: Bench):
    """ST7: SQLite refuses every write; the order waits, the cancel goes, and then it heals."""
    connection = bench.journal._store._connection
    connection.execute("PRAGMA query_only = ON")
    assert_held_back(bench)

    connection.execute("PRAGMA query_only = OFF")
    assert_goes_on(bench)


def test_a_journal_that_others_depend_on_is_synced_at_every_commit(tmp_path: Path):
    """ST4: with a venue outside, a commit returns when the disk has it, not the system's memory."""
    journal = SqliteJournal(tmp_path / "journal.db")
    with contextlib.closing(journal):
        (level,) = journal._store._connection.execute("PRAGMA synchronous").fetchone()

    assert level == SYNCED_AT_EVERY_COMMIT


def test_a_limit_is_kept_by_orders_that_wait_for_the_journal(tmp_path: Path):
    """RS2: two steps at once, each within the limit by itself: the second one is denied."""
    bench = Bench(tmp_path, limits=Limits(position=Decimal("0.8")))
    bench.attach()

    async def at_once() -> None:
        now_ns = bench.clock.now_ns()
        steps = [Step(bot_id=BOT, at_ns=now_ns, commands=(order(name),)) for name in ("a1", "a2")]
        await asyncio.gather(*(bench.service.step(step) for step in steps))

    bench.run(at_once())
    bench.wait(1)

    assert bench.venue.creates == ["a1"]
    (denied,) = bench.inbox.of(OrderDenied)
    assert (denied.client_order_id, denied.code) == ("a2", "POSITION_EXCEEDS_CAP")
    bench.close()


def test_an_old_copy_of_the_journal_takes_no_order_for_its_own(tmp_path: Path):
    """ST10: what the copy does not know is foreign; its id is told, so that none comes twice."""
    bench = Bench(tmp_path)
    prefix = bench.service.order_prefix(BOT)
    bench.attach()
    bench.place(f"{prefix}1E1")
    bench.crash()
    bench.journal.close()
    shutil.copy(bench.path, tmp_path / "copy.db")
    bench._boot()
    bench.attach()
    bench.place(f"{prefix}2E2", price=990)
    bench.crash()
    bench.journal.close()
    shutil.copy(tmp_path / "copy.db", bench.path)
    bench._boot()

    attached = bench.attach()

    assert attached.last_client_order_id == f"{prefix}1E1"
    assert f"{prefix}2E2" in attached.seen_client_order_ids
    assert attached.foreign_orders == 1
    assert bench.venue.cancels == []
    assert len(bench.venue.open_orders()) == 2
    bench.close()


def test_a_disk_that_takes_seconds_calls_a_person_once(bench: Bench, monkeypatch):
    """ST12: each order waits until it is durable; one alarm while it is slow, another next time."""
    write = bench.journal.commit
    delay_s = 2.0

    async def commit(transaction: Transaction) -> None:
        await bench.clock.sleep(delay_s)
        sent.append(len(bench.venue.creates))
        await write(transaction)

    sent: list[int] = []
    monkeypatch.setattr(bench.journal, "commit", commit)

    bench.step(order("a2", price=990))
    bench.wait(0.01)
    bench.step(order("a3", price=980))
    assert sent == [1, 2]
    assert [alarm.code for alarm in bench.alarms] == ["SLOW_DISK"]

    delay_s = 0.01
    bench.step(order("a4", price=970))
    delay_s = 1.5
    bench.step(order("a5", price=960))
    bench.wait(0.01)

    assert [alarm.code for alarm in bench.alarms] == ["SLOW_DISK", "SLOW_DISK"]
    assert bench.venue.creates == ["a1", "a2", "a3", "a4", "a5"]


def test_a_new_version_takes_over_what_rests(bench: Bench, monkeypatch):
    """OP11: on a journal of an older schema the start migrates, compares, and places nothing."""
    bench.place("a2", price=990)
    bench.run(bench.journal.flush())
    filled = bench.venue.execute(bench.venue.by_client_id("a2"))
    bench.journal.close()
    index = "CREATE INDEX intents_unsettled ON intents (bot_id, number) WHERE is_settled = 0;"
    with contextlib.closing(sqlite3.connect(bench.path)) as old:
        old.executescript(f"DROP INDEX intents_unsettled; PRAGMA user_version={SCHEMA_VERSION - 1}")
    monkeypatch.setitem(MIGRATIONS, SCHEMA_VERSION - 1, index)

    bench.crash()
    bench.attach()
    bench.wait(1)
    bench.step()

    assert (bench.path.parent / f"{bench.path.name}.schema-{SCHEMA_VERSION - 1}").is_file()
    assert [fill.trade_id for fill in bench.fills()] == [filled.trade_id]
    assert [bench.stored(name).state for name in ("a1", "a2")] == ["ACKED", "FILLED"]
    assert bench.service.ledger(BOT).position == Decimal("0.5")
    assert bench.venue.creates == ["a1", "a2"]
    assert bench.venue.cancels == []
    assert bench.alarms == []
