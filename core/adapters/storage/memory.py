"""A journal that nobody will ever read again: a backtest's.

It keeps the same promises as the one in a file but one: it ends with its process. Transactions only
wait in a list; the tables, SQLite's own in memory, take them in when somebody asks, or when there
are many.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.adapters.storage.file import connect
from core.adapters.storage.reads import JournalReads
from core.adapters.storage.schema import TABLES
from core.adapters.storage.store import Reader, Store, merged
from core.errors import JournalError
from core.services.ports import BotRow, Transaction

_NOWHERE: Final = Path(":memory:")
_WAITING: Final = 20_000
"""Transactions that wait until the tables take them in."""


class MemoryJournal(JournalReads):
    """A `core.services.ports.Journal` without a file.

    Args:
        on_bot: Told of each bot that is written; None where nobody asks.
    """

    def __init__(self, on_bot: Callable[[BotRow], None] | None = None) -> None:
        self._on_bot = on_bot
        self._waiting: list[Transaction] = []
        self._store: Store | None = None
        """Made when somebody asks for the first time."""
        self._reader: Reader | None = None
        self._is_closed = False

    async def commit(self, transaction: Transaction) -> None:
        """Takes effect at once."""
        self.write(transaction)

    def write(self, transaction: Transaction) -> None:
        """The same."""
        if self._is_closed:
            raise JournalError("the journal in memory is closed.")
        if self._on_bot is not None:
            for row in transaction.bots:
                self._on_bot(row)
        self._waiting.append(transaction)
        if len(self._waiting) >= _WAITING:
            self._read()

    async def flush(self) -> None:
        """Everything written is in effect already."""

    def close(self) -> None:
        """Forgets everything. Idempotent."""
        self._is_closed = True
        self._waiting.clear()
        if self._store is not None:
            self._store.close()

    def _read(self) -> Reader:
        if self._is_closed:
            raise JournalError("the journal in memory is closed.")
        if self._store is None or self._reader is None:
            connection = connect(_NOWHERE, synchronous="OFF")
            connection.executescript(TABLES)
            self._store = Store(_NOWHERE, synchronous="OFF", connection=connection)
            self._reader = self._store.reader()
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._store.apply(merged(waiting))
        return self._reader
