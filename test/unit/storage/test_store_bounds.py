"""What the store promises to the letter: what is synced, counted, found and kept private."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from core.adapters.storage import file, memory
from core.adapters.storage.journal import SqliteJournal
from core.adapters.storage.memory import MemoryJournal
from core.adapters.storage.migrations import migrate, schema_version
from core.adapters.storage.schema import SCHEMA_VERSION
from core.adapters.storage.store import Store, merged
from core.errors import JournalCorrupt
from core.infrastructure.redo_log import path_beside
from core.services.ports import (
    BotRow,
    DenialRow,
    DiaryRow,
    FillRow,
    IntentRow,
    IntentUpdate,
    LedgerRow,
    StateRow,
    Transaction,
)

BOT = BotRow("b", "b", "grid", "paper", "v", "a", "S", "cb", "{}", "{}", 0, 1, 1)


def intent(number: int, level: int | None = 1, bot: str = "b") -> IntentRow:
    """An order of a level."""
    return IntentRow(
        f"a{number}", bot, "v", "a", "S", "buy", "limit", "100", "0.5", "gtc", 0, 0, "entry",
        level, "test", "[]", number, number + 1,
    )  # fmt: skip


def names(found: list[object]) -> list[str]:
    """Client order ids of stored intents."""
    return [item.intent.client_order_id for item in found]  # type: ignore[attr-defined]


def test_a_new_journal_is_in_its_folder_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The name is synced, not only the file: a power cut leaves no start without a journal."""
    synced: list[int] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(file.os, "fsync", noted)
    SqliteJournal(tmp_path / "journal.db").close()

    assert synced == [tmp_path.stat().st_ino]


def test_the_copy_before_a_migration_is_private_and_whole(tmp_path: Path):
    """Nobody else may read what an account did, whatever the umask says."""
    path = tmp_path / "journal.db"
    SqliteJournal(path, is_inline=True).close()
    before = os.umask(0)
    try:
        with closing(file.connect(path)) as connection:
            migrate(
                connection,
                path,
                code_version="2",
                target=SCHEMA_VERSION + 1,
                migrations={SCHEMA_VERSION: "CREATE TABLE later (x)"},
            )
    finally:
        os.umask(before)
    copy = tmp_path / f"journal.db.schema-{SCHEMA_VERSION}"

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert schema_version(connection, copy) == SCHEMA_VERSION
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    assert "later" not in tables


async def test_every_commit_counts_as_one(tmp_path: Path):
    """The number tells after a failure whether the last one took effect; it outlives the process.

    On virtual time nobody asks, so nothing is counted.
    """
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    for number in range(3):
        await journal.commit(Transaction(diary=[DiaryRow("b", number, "x", "{}")]))
    assert journal._store.count == 3
    journal.close()
    with closing(Store(path)) as store:
        assert store.count == 3
        store.apply([Transaction(), Transaction()])
        assert store.count == 4
        store.apply([], count=40)
        store.reopen()
        assert store.count == 40
    with closing(Store(path, synchronous="OFF")) as store:
        store.apply([Transaction()])
        store.reopen()
        assert store.count == 40


@pytest.mark.parametrize("is_memory", [True, False])
async def test_the_neighbours_of_an_order_are_those_of_its_level(
    tmp_path: Path, *, is_memory: bool
):
    """So many before and after it, oldest first; none of other levels or bots."""
    journal = MemoryJournal() if is_memory else SqliteJournal(tmp_path / "j.db", is_inline=True)
    other = BOT._replace(bot_id="c", order_prefix="cc")
    await journal.commit(Transaction(bots=[BOT, other]))
    for number in range(1, 10):
        rows = [intent(number), intent(100 + number, level=2), intent(200 + number, bot="c")]
        await journal.commit(Transaction(intents=rows))
    await journal.commit(Transaction(intents=[intent(50, level=None)]))

    assert names(journal.neighbours("a5", 2)) == ["a3", "a4", "a5", "a6", "a7"]
    assert names(journal.neighbours("a1", 1)) == ["a1", "a2"]
    assert names(journal.neighbours("a9", 3)) == ["a6", "a7", "a8", "a9"]
    assert journal.neighbours("a50", 2) == []
    assert journal.neighbours("nobody", 2) == []
    journal.close()


async def test_an_order_is_found_by_the_venues_id_among_its_own_alone(tmp_path: Path):
    """The same id at another venue, account or symbol is another order."""
    journal = SqliteJournal(tmp_path / "j.db", is_inline=True)
    update = IntentUpdate(**dict.fromkeys(IntentUpdate._fields, 0))._replace(
        client_order_id="a1", order_id="v1", state="ACKED", code="", filled="0"
    )
    await journal.commit(Transaction(bots=[BOT], intents=[intent(1)], updates=[update]))

    found = journal.intent_of("v", "a", "S", "v1")
    assert found is not None
    assert found.intent.client_order_id == "a1"
    for place in (("w", "a", "S"), ("v", "z", "S"), ("v", "a", "T")):
        assert journal.intent_of(*place, "v1") is None
    assert journal.intent_of("v", "a", "S", "v2") is None
    journal.close()


async def test_the_last_refusal_of_an_order_is_told(tmp_path: Path):
    """Of several, the newest; of an order that was never refused, none."""
    journal = SqliteJournal(tmp_path / "j.db", is_inline=True)
    rows = [DenialRow("a1", "b", at, code, None, None) for at, code in ((1, "RATE"), (2, "HALT"))]
    await journal.commit(Transaction(bots=[BOT], denials=rows))

    told = journal.denial("a1")
    assert told is not None
    assert told.code == "HALT"
    assert journal.denial("a2") is None
    journal.close()


async def test_reading_takes_in_what_waits(tmp_path: Path):
    """Rows that were written, and not yet committed, are there for whoever asks; once only."""
    journal = SqliteJournal(tmp_path / "j.db", is_inline=True)
    journal.write(Transaction(bots=[BOT], diary=[DiaryRow("b", 1, "x", "{}")]))
    for _ in range(2):
        assert len(journal.diary("b", 10)) == 1
    await journal.commit(Transaction(diary=[DiaryRow("b", 2, "y", "{}")]))

    assert [row.event for row in journal.diary("b", 10)] == ["y", "x"]
    journal.close()


def test_in_memory_each_bot_is_told_of_once():
    """Whoever shows them hears of a bot when it is written, not when somebody reads."""
    told: list[str] = []
    journal = MemoryJournal(lambda row: told.append(row.bot_id))
    journal.write(Transaction(bots=[BOT, BOT._replace(bot_id="c", order_prefix="cc")]))
    assert told == ["b", "c"]

    assert [row.bot_id for row in journal.bots()] == ["b", "c"]
    assert journal.bots() == journal.bots()
    assert told == ["b", "c"]
    journal.close()


def test_what_waits_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """It is taken in after so many, whether or not anybody reads."""
    monkeypatch.setattr(memory, "_WAITING", 3)
    journal = MemoryJournal()
    most = 0
    for number in range(10):
        journal.write(Transaction(states=[StateRow("b", "slot", str(number))]))
        most = max(most, len(journal._waiting))

    assert most == 2
    journal.close()


def test_merging_keeps_the_last_of_each_row_and_every_row_that_counts():
    """A bot, or a machine that is cleared, keeps its place among the others."""
    fill = FillRow(**dict.fromkeys(FillRow._fields, "x"))
    ledger = LedgerRow(**dict.fromkeys(LedgerRow._fields, "0"))._replace(bot_id="b")
    parts = [
        Transaction(states=[StateRow("b", "k", "1")], fills=[fill]),
        Transaction(states=[StateRow("b", "k", "2"), StateRow("b", "l", None)], ledgers=[ledger]),
        Transaction(cleared=["b"], states=[StateRow("b", "m", "3")]),
        Transaction(ledgers=[ledger._replace(fills=1)], fills=[fill]),
        Transaction(ledgers=[ledger._replace(fills=2)], diary=[DiaryRow("b", 1, "x", "{}")]),
    ]
    found = merged(parts)

    assert [item.states for item in found] == [
        [StateRow("b", "k", "2"), StateRow("b", "l", None)],
        [StateRow("b", "m", "3")],
        [],
    ]
    assert [len(item.fills) for item in found] == [1, 0, 1]
    assert [item.cleared for item in found] == [[], ["b"], []]
    assert found[2].ledgers == [ledger._replace(fills=2)]
    assert len(found[2].diary) == 1


def test_what_is_queued_at_the_end_is_written(tmp_path: Path):
    """Closing waits for the thread: nothing that was handed over is left behind."""
    journal = SqliteJournal(tmp_path / "journal.db")
    for number in range(2_000):
        journal.write(Transaction(diary=[DiaryRow("b", number, "x", "{}")]))
    journal.close()

    assert journal._writer is not None
    assert not journal._writer._thread.is_alive()
    again = SqliteJournal(journal.path, is_inline=True)
    assert len(again.diary("b", 5_000)) == 2_000
    again.close()


async def test_a_log_that_the_file_has_taken_in_is_taken_in_once(tmp_path: Path):
    """Killed between the two: the numbers say that the file has them, up to the last one."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, is_inline=True, is_logged=True)
    for number in range(3):
        await journal.commit(Transaction(diary=[DiaryRow("b", number, "x", "{}")]))
    left = path_beside(path).read_bytes()
    journal.close()
    for count in (3, 4):
        path_beside(path).write_bytes(left)
        journal = SqliteJournal(path, is_inline=True, is_logged=True)
        assert len(journal.diary("b", 10)) == count
        await journal.commit(Transaction(diary=[DiaryRow("b", count, "x", "{}")]))
        left = path_beside(path).read_bytes()
        journal.close()


def test_a_journal_that_others_may_read_is_made_private_when_it_is_opened(tmp_path: Path):
    """A copy that was put back by hand has the modes of the hand."""
    path = tmp_path / "journal.db"
    SqliteJournal(path, is_inline=True).close()
    path.chmod(0o644)
    SqliteJournal(path, is_inline=True).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_says_which_code_used_it_last(tmp_path: Path):
    """From its first moment, and anew with every start."""
    path = tmp_path / "journal.db"
    for version in ("1.0", "2.0"):
        journal = SqliteJournal(path, is_inline=True, code_version=version)
        journal.close()
        with closing(sqlite3.connect(path)) as looking:
            found = looking.execute("SELECT value FROM meta WHERE key = 'code_version'").fetchall()
        assert found == [(version,)]


def test_a_journal_that_could_not_be_opened_is_let_go_of(tmp_path: Path):
    """Whoever puts a sound file in its place opens it without waiting for anybody."""
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    with pytest.raises(JournalCorrupt) as told:
        SqliteJournal(path, busy_wait_s=0)
    path.unlink()
    SqliteJournal(path, busy_wait_s=0).close()

    assert told.tb is not None  # whoever keeps the error keeps the journal that was being made
