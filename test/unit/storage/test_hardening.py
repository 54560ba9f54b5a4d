"""A journal that somebody prepared runs nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from core.adapters.storage.journal import SqliteJournal


def test_a_journal_runs_no_code_of_its_schema(tmp_path: Path):
    """Functions in a prepared schema are not trusted, no library can be loaded, keys are kept."""
    journal = SqliteJournal(tmp_path / "journal.db", is_inline=True, busy_wait_s=0)
    connection = journal._store._connection
    with contextlib.closing(journal):
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError, match="not authorized"):
            connection.execute("SELECT load_extension('/tmp/x')")


@pytest.mark.parametrize("text", ["'; DROP TABLE intents; --", '"; DELETE FROM bots; --', "%_'"])
def test_text_never_becomes_a_statement(tmp_path: Path, text: str):
    """Whatever a name or an id holds, it is looked for as it is."""
    journal = SqliteJournal(tmp_path / "journal.db", is_inline=True, busy_wait_s=0)
    with contextlib.closing(journal):
        assert journal.bot(text) is None
        assert journal.intent(text) is None
        assert journal.orders(text, 10) == []
        assert journal.has_fill(text, text, text, text, text) is False
        assert journal.bots() == []
