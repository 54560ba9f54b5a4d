"""The journal at its bounds: full buffers, a closed file, a busy lock, an unknown schema."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.adapters.storage import file, journal, memory
from core.adapters.storage.file import FileLock, translate
from core.adapters.storage.journal import SqliteJournal
from core.adapters.storage.memory import MemoryJournal
from core.adapters.storage.migrations import migrate
from core.errors import JournalBusy, JournalCorrupt, JournalError
from core.services.ports import BotRow, DiaryRow, IntentRow, StateRow, Transaction

BOT = BotRow("b", "b", "grid", "paper", "v", "a", "S", "cb", "{}", "{}", 0, 1, 1)
INTENT = IntentRow(
    "a1", "b", "v", "a", "S", "buy", "limit", "100", "0.5", "gtc", 0, 0, "entry", 1,
    "test", "[]", 5, 6,
)  # fmt: skip


def said(number: int, at_ns: int) -> DiaryRow:
    """A line of the diary."""
    return DiaryRow("b", at_ns, f"line.{number}", "{}")


@pytest.mark.parametrize("is_inline", [True, False])
async def test_a_closed_journal_takes_nothing(tmp_path: Path, *, is_inline: bool):
    """Whoever writes into it is told, and closing twice is no fault."""
    made = SqliteJournal(tmp_path / "journal.db", is_inline=is_inline)
    made.close()
    made.close()

    with pytest.raises(JournalError, match="is closed"):
        made.write(Transaction())
    with pytest.raises(JournalError, match="is closed"):
        await made.commit(Transaction())


async def test_a_closed_journal_in_memory_takes_nothing():
    """The same of the one that lives in memory, which cannot be read any more either."""
    made = MemoryJournal()
    made.close()

    with pytest.raises(JournalError, match="is closed"):
        await made.commit(Transaction())
    with pytest.raises(JournalError, match="is closed"):
        made.bots()


@pytest.mark.parametrize("is_logged", [True, False])
def test_a_full_buffer_goes_to_the_file_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_logged: bool
):
    """What is queued is bounded, whether or not anybody flushes."""
    monkeypatch.setattr(journal, "_INLINE_BUFFER", 3)
    monkeypatch.setattr(journal, "_LOGGED", 3)
    made = SqliteJournal(tmp_path / "journal.db", is_inline=True, is_logged=is_logged)
    for number in range(3):
        made.write(Transaction(states=[StateRow("b", "slot", str(number))]))

    copies = tmp_path / "copies"
    copies.mkdir()
    for path in tmp_path.glob("journal.db*"):
        shutil.copy(path, copies)
    made.close()
    with closing(sqlite3.connect(copies / "journal.db")) as looking:
        found = looking.execute("SELECT value FROM machine_state").fetchall()
    assert found == [("2",)]


def test_a_full_memory_is_taken_in_by_itself(monkeypatch: pytest.MonkeyPatch):
    """The journal in memory keeps no endless list either."""
    monkeypatch.setattr(memory, "_WAITING", 2)
    made = MemoryJournal()
    for number in range(4):
        made.write(Transaction(states=[StateRow("b", "slot", str(number))]))

    assert made.state("b") == {"slot": "3"}
    made.close()


async def test_more_than_a_group_is_written_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """One commit holds a bounded number of rows, and nothing is left behind."""
    monkeypatch.setattr(journal, "_GROUP", 2)
    made = SqliteJournal(tmp_path / "journal.db")
    for number in range(7):
        made.write(Transaction(diary=[said(number, number)]))
    await made.flush()

    assert len(made.diary("b", 100)) == 7
    made.close()


async def test_what_was_written_goes_with_the_commit_that_follows_at_once(tmp_path: Path):
    """A commit does not wait for the disk twice; the order of both is kept."""
    made = SqliteJournal(tmp_path / "journal.db")
    groups = _groups(made)
    made.write(Transaction(states=[StateRow("b", "slot", "1")]))

    await made.commit(Transaction(states=[StateRow("b", "slot", "2")]))

    assert groups == [2]
    assert made.state("b") == {"slot": "2"}
    made.close()


async def test_what_is_written_alone_is_not_kept_waiting(tmp_path: Path):
    """Without a commit it is with the thread one turn of the loop later."""
    made = SqliteJournal(tmp_path / "journal.db")
    groups = _groups(made)
    made.write(Transaction(states=[StateRow("b", "slot", "1")]))
    await asyncio.sleep(0)
    made._writer._queue.put(None)
    made._writer._thread.join()

    assert groups == [1]
    made.close()


def test_what_is_written_where_no_loop_turns_is_written(tmp_path: Path):
    """And closing writes what is held."""
    made = SqliteJournal(tmp_path / "journal.db")
    made.write(Transaction(states=[StateRow("b", "slot", "1")]))
    made.write(Transaction(states=[StateRow("b", "slot", "2")]))
    made.close()

    again = SqliteJournal(tmp_path / "journal.db")
    assert again.state("b") == {"slot": "2"}
    again.close()


def _groups(made: SqliteJournal) -> list[int]:
    """How many transactions the thread wrote at once, each time."""
    groups: list[int] = []
    apply = made._store.apply

    def counted(batch: Iterable[Transaction], **options: Any) -> None:
        held = list(batch)
        groups.append(len(held))
        apply(held, **options)

    made._store.apply = counted
    return groups


async def test_a_queued_row_that_is_refused_is_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """Nobody waits for it, so the log has to say that it is lost; what came after it is there."""
    made = SqliteJournal(tmp_path / "journal.db")
    await made.commit(Transaction(bots=[BOT], intents=[INTENT]))
    with caplog.at_level(logging.ERROR):
        made.write(Transaction(intents=[INTENT]))
        made.write(Transaction(states=[StateRow("b", "slot", "x")]))
        await made.flush()
        made.close()

    said_of_it = [record.message.partition(" ")[0] for record in caplog.records]
    assert said_of_it.count("journal.write_lost") == 1
    again = SqliteJournal(tmp_path / "journal.db", is_inline=True)
    assert again.state("b") == {"slot": "x"}
    again.close()


async def test_lines_of_one_moment_are_found_among_many(tmp_path: Path):
    """By halving, whatever the number of lines; a moment that nobody wrote at has none."""
    made = SqliteJournal(tmp_path / "journal.db", is_inline=True)
    hour_ns = 3_600_000_000_000
    assert made.diary_at("b", hour_ns) == []
    lines = [said(number, number * hour_ns) for number in range(200)]
    await made.commit(Transaction(bots=[BOT], diary=[*lines, said(999, 150 * hour_ns)]))

    assert made.diary_at("b", 0) == [lines[0]]
    assert made.diary_at("b", 150 * hour_ns) == [lines[150], said(999, 150 * hour_ns)]
    assert made.diary_at("b", 199 * hour_ns) == [lines[199]]
    assert made.diary_at("b", hour_ns // 2) == []
    made.close()


def test_a_lock_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever ends within the wait lets the next one in."""
    path = tmp_path / "journal.db"
    first = FileLock(path)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        first.release()
        first.release()

    monkeypatch.setattr(file.time, "sleep", sleep)
    second = FileLock(path, wait_s=60)

    assert len(waits) == 1
    with pytest.raises(JournalBusy, match="held by another process"):
        FileLock(path, wait_s=0)
    second.release()


@pytest.mark.parametrize(
    "code, kind, words",
    [
        (sqlite3.SQLITE_CORRUPT, JournalCorrupt, "is damaged"),
        (sqlite3.SQLITE_BUSY, JournalBusy, "locked by another process"),
        (sqlite3.SQLITE_LOCKED, JournalBusy, "locked by another process"),
        (sqlite3.SQLITE_IOERR, JournalError, "cannot be used: broken"),
    ],
)
def test_each_error_of_the_store_becomes_one_of_ours(
    tmp_path: Path, code: int, kind: type[JournalError], words: str
):
    """Damage, a lock and everything else are told apart."""
    error = sqlite3.OperationalError("broken")
    error.sqlite_errorcode = code

    found = translate(error, tmp_path / "journal.db")

    assert type(found) is kind
    assert words in str(found)


def test_a_schema_that_no_way_leads_from_is_refused(tmp_path: Path):
    """An older file is left as it is where its migration is not known."""
    made = SqliteJournal(tmp_path / "journal.db", is_inline=True)
    made.close()
    with closing(sqlite3.connect(made.path)) as connection:
        before = connection.execute("PRAGMA user_version").fetchone()[0]
        with pytest.raises(JournalError, match="no migration is known"):
            migrate(connection, made.path, code_version="1", target=before + 2, migrations={})
        after = connection.execute("PRAGMA user_version").fetchone()[0]

    assert after == before
