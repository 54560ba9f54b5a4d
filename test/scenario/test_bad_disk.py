"""The journal keeps its promises whichever write or sync of the disk fails, and however."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from core.adapters.storage import store as store_module
from core.adapters.storage.file import connect
from core.adapters.storage.journal import SqliteJournal
from core.errors import CtosError, JournalFull
from core.services.ports import BotRow, StateRow, Transaction
from core.testing.bad_disk import BadDisk, Fault

BOT = BotRow("b", "b", "grid", "paper", "v", "", "S", "p", "{}", "{}", 0, 1, 1)
STEPS = 3
"""Commits of the session after the one that names the bot."""


async def committed(journal: SqliteJournal, transaction: Transaction) -> None:
    """Waits until a transaction is durable."""
    await journal.commit(transaction)


def session(path: Path, disk: BadDisk, monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """Commits one step after another; what each commit said: kept, refused or unsure."""

    def over_disk(place: Path, *, synchronous: str = "FULL") -> object:
        return disk.connect(place)

    told: dict[int, str] = {}
    monkeypatch.setattr(store_module, "connect", over_disk)
    try:
        journal = SqliteJournal(path, is_inline=True)
    except (CtosError, sqlite3.Error):
        return told
    for step in range(STEPS + 1):
        keys = [StateRow("b", f"{step}/{part}", "x" * 300) for part in range(4)]
        transaction = Transaction(bots=[BOT] if step == 0 else [], states=keys)
        try:
            asyncio.run(committed(journal, transaction))
            told[step] = "kept"
        except JournalFull:
            told[step] = "refused"
        except (CtosError, sqlite3.Error) as error:
            told[step] = "refused" if "nothing was written" in str(error) else "unsure"
    journal.close()
    return told


def found(path: Path) -> dict[int, int]:
    """Step -> how many of its four keys the file holds, read on a good disk."""
    connection = connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = connection.execute("SELECT key FROM machine_state").fetchall()
    finally:
        connection.close()
    steps = [int(key.partition("/")[0]) for (key,) in rows]
    return {step: steps.count(step) for step in set(steps)}


def operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a session that meets no fault writes, syncs and truncates."""
    disk = BadDisk(fault=Fault.DEAD, rng=random.Random(0))
    with monkeypatch.context() as patch:
        assert set(session(tmp_path / "whole.db", disk, patch).values()) == {"kept"}
    disk.close()
    return disk.operations


@pytest.mark.parametrize("fault", Fault)
def test_every_operation_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault):
    """What was said to be kept is there, what was refused is not, and no step is there in part."""
    total = operations(tmp_path, monkeypatch)
    assert total > 10
    for number in range(1, total + 1):
        path = tmp_path / f"{number}.db"
        disk = BadDisk(fails_at=number, fault=fault, rng=random.Random(number))
        with monkeypatch.context() as patch:
            told = session(path, disk, patch)
        disk.cut()
        disk.close()
        there = found(path)

        assert set(there.values()) <= {4}, f"operation {number}: a step is there in part"
        for step, word in told.items():
            where = f"operation {number}, step {step}: {word}"
            assert word != "kept" or step in there, where
            assert word != "refused" or step not in there, where


def test_a_disk_that_fails_once_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """After one full disk the next step is kept."""
    disk = BadDisk(fails_at=12, fault=Fault.FULL_ONCE, rng=random.Random(0))
    told = session(tmp_path / "journal.db", disk, monkeypatch)
    disk.close()

    assert "refused" in told.values()
    assert told[STEPS] == "kept"
