"""A journal read from end to end, for audits: every intent, execution and settlement of a bot."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

from core.adapters.storage import schema
from core.adapters.storage.file import translate
from core.adapters.storage.store import Reader
from core.services.ports import (
    BotRow,
    EvidenceRow,
    FillRow,
    FundingPaymentRow,
    IntentRow,
    LedgerRow,
    StoredIntent,
)

_INTENT_WIDTH: Final = len(IntentRow._fields)
_FILLS: Final = (
    "SELECT venue, account, symbol, trade_id, bot_id, client_order_id, order_id, side, price,"
    " amount, fee, fee_currency, fee_quote, fee_base, is_maker, at_ns, applied_ns FROM fills"
    " WHERE bot_id = ? ORDER BY at_ns, trade_id"
)
_FUNDING: Final = (
    "SELECT venue, account, symbol, payment_id, bot_id, amount, rate, at_ns FROM funding"
    " WHERE bot_id = ? ORDER BY at_ns, payment_id"
)
_EVIDENCE: Final = (
    "SELECT e.client_order_id, e.at_ns, e.kind, e.detail FROM intent_events e"
    " JOIN intents i USING (client_order_id) WHERE i.bot_id = ? ORDER BY e.number"
)


class SqliteHistory:
    """A journal's file, opened for reading alone.

    Args:
        path: The file, or a copy of it. A redo log beside it has to have been taken in.

    Raises:
        JournalError: If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise translate(error, path) from error
        self._reader = Reader(self._connection)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def bots(self) -> list[BotRow]:
        """Every bot, oldest first."""
        return self._reader.bots()

    def intents(self, bot_id: str) -> list[StoredIntent]:
        """Every intent, oldest first; `applied` is left to whoever adds its executions up."""
        rows = self._rows(f"{schema.SELECT_INTENT} WHERE bot_id = ? ORDER BY number", bot_id)
        return [
            StoredIntent._make((IntentRow(*row[:_INTENT_WIDTH]), *row[_INTENT_WIDTH:], ""))
            for row in rows
        ]

    def fills(self, bot_id: str) -> list[FillRow]:
        """Every execution taken in, oldest first."""
        return [FillRow(*row) for row in self._rows(_FILLS, bot_id)]

    def funding(self, bot_id: str) -> list[FundingPaymentRow]:
        """Every settlement booked, oldest first."""
        return [FundingPaymentRow(*row) for row in self._rows(_FUNDING, bot_id)]

    def ledger(self, bot_id: str) -> LedgerRow | None:
        """The sums of a bot."""
        return self._reader.ledger(bot_id)

    def evidence(self, bot_id: str) -> list[EvidenceRow]:
        """What was learned about its intents, oldest first."""
        return [EvidenceRow(*row) for row in self._rows(_EVIDENCE, bot_id)]

    def state(self, bot_id: str) -> dict[str, str]:
        """The machine's state."""
        return self._reader.state(bot_id)

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise translate(error, self._path) from error
