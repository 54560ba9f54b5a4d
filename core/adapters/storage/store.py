"""One connection to the journal: transactions in, rows out. Knows nothing of threads."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from core.adapters.storage import schema
from core.adapters.storage.file import check, connect
from core.services.ports import (
    BotRow,
    DenialRow,
    DiaryRow,
    EvidenceRow,
    FillRow,
    IntentRow,
    IntentUpdate,
    LedgerRow,
    RiskRow,
    StoredIntent,
    Transaction,
)

_RECENT = 20_000
_MOMENT = 20_000
"""Lines among which those of one moment are looked for."""
_UNORDERED_NS = 5_000_000_000
"""By how much the times of neighbouring lines may be out of order: venues have their own clocks."""
"""Intents among which an order is looked for by the venue's id; older ones have ours on record."""
_INTENT_WIDTH = len(IntentRow._fields)
_LISTS: Final = tuple(field.name for field in fields(Transaction))
_lists_of: Final = attrgetter(*_LISTS)


class Store:
    """A connection that writes.

    Args:
        path: The journal's file.
        synchronous: SQLite's word: FULL, or OFF where no venue outside could disagree.
        max_pages: Size limit, for tests and drills of a full disk.
        connection: Already open, with the tables made; None to open `path`.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: str = "FULL",
        max_pages: int | None = None,
        connection: sqlite3.Connection | None = None,
    ) -> None:
        self.path = path
        self._synchronous = synchronous
        self._counts = synchronous != "OFF"
        """Whether a failed commit must be told from one that took effect."""
        self._connection = connection or connect(path, synchronous=synchronous)
        self.limit(max_pages)
        self.count = self._counted()
        """Committed transactions since the journal was made."""
        self._is_broken = False

    def limit(self, max_pages: int | None) -> None:
        """Sets the largest size in pages; None for SQLite's own."""
        self._connection.execute(f"PRAGMA max_page_count = {max_pages or 4294967294}")

    @property
    def page_count(self) -> int:
        """Pages that the file has now."""
        return int(self._connection.execute("PRAGMA page_count").fetchone()[0])

    def apply(self, transactions: Iterable[Transaction], *, count: int | None = None) -> None:
        """Commits several transactions as one: all or none.

        Args:
            transactions: In order.
            count: What `count` is afterwards, kept in the file; None for one more.

        Raises:
            sqlite3.Error: Rolled back, unless the commit itself failed.
            JournalCorrupt: If it failed before and the file is damaged.
        """
        if self._is_broken:
            self.reopen()
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            updates: dict[str, IntentUpdate] = {}
            for transaction in transactions:
                _write(connection, transaction)
                for update in transaction.updates:
                    updates[update.client_order_id] = update
            # Each is the whole mutable part of its row, so of several the last one is enough.
            if updates:
                _run(connection, schema.UPDATE_INTENT, list(updates.values()))
            if self._counts or count is not None:
                connection.execute(schema.COUNT, (self.count + 1 if count is None else count,))
            self._commit()
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        self.count = self.count + 1 if count is None else count

    def reopen(self) -> None:
        """Closes and opens again, checks the file, and reads what was last committed.

        Raises:
            sqlite3.Error: If it cannot be opened or written.
            JournalCorrupt: If it is damaged.
        """
        self._is_broken = True
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._connection = connect(self.path, synchronous=self._synchronous)
        check(self._connection, self.path)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.count = self._counted()
        self._is_broken = False

    def close(self) -> None:
        """Checkpoints and closes. Idempotent."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.close()

    def reader(self) -> Reader:
        """Reads through this connection."""
        return Reader(self._connection)

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def _counted(self) -> int:
        return int(self._connection.execute(schema.COUNTED).fetchone()[0])


class Reader:
    """Reads rows; see `core.services.ports.Journal` for the promises."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def bot(self, bot_id: str) -> BotRow | None:
        """A bot by its identity."""
        row = self._one("SELECT * FROM bots WHERE bot_id = ?", (bot_id,))
        return None if row is None else BotRow._make(row)

    def bots(self) -> list[BotRow]:
        """Every bot."""
        return [BotRow._make(row) for row in self._all("SELECT * FROM bots ORDER BY rowid", ())]

    def state(self, bot_id: str) -> dict[str, str]:
        """The machine's state."""
        return dict(
            self._all(
                "SELECT key, value FROM machine_state WHERE bot_id = ? ORDER BY key", (bot_id,)
            )
        )

    def intent(self, client_order_id: str) -> StoredIntent | None:
        """An intent by our id."""
        found = self._intents("WHERE client_order_id = ?", (client_order_id,))
        return found[0] if found else None

    def intent_of(
        self, venue: str, account: str, symbol: str, order_id: str
    ) -> StoredIntent | None:
        """An intent by the venue's id."""
        found = self._intents(
            "WHERE number > (SELECT max(number) FROM intents) - ? AND order_id = ?"
            " AND venue = ? AND account = ? AND symbol = ?",
            (_RECENT, order_id, venue, account, symbol),
        )
        return found[0] if found else None

    def unsettled(self, bot_id: str) -> list[StoredIntent]:
        """Intents of which more may come."""
        return self._intents("WHERE bot_id = ? AND is_settled = 0 ORDER BY number", (bot_id,))

    def orders(self, bot_id: str, limit: int) -> list[StoredIntent]:
        """The newest intents."""
        return self._intents("WHERE bot_id = ? ORDER BY number DESC LIMIT ?", (bot_id, limit))

    def last_client_order_id(self, bot_id: str) -> str | None:
        """The id handed out last."""
        row = self._one(
            "SELECT client_order_id FROM intents WHERE bot_id = ? ORDER BY number DESC LIMIT 1",
            (bot_id,),
        )
        return None if row is None else str(row[0])

    def denials(self, bot_id: str) -> list[DenialRow]:
        """Refusals not seen to be taken in."""
        rows = self._all(
            'SELECT client_order_id, bot_id, at_ns, code, "limit", value FROM denials'
            " WHERE bot_id = ? AND is_settled = 0 ORDER BY number",
            (bot_id,),
        )
        return [DenialRow._make(row) for row in rows]

    def has_fill(self, venue: str, account: str, symbol: str, trade_id: str, order_id: str) -> bool:
        """Whether an execution of an order was applied."""
        return self._has(
            "SELECT 1 FROM fills WHERE trade_id = ? AND order_id = ? AND symbol = ?"
            " AND account = ? AND venue = ?",
            (trade_id, order_id, symbol, account, venue),
        )

    def trade_ids(self, client_order_id: str) -> list[str]:
        """The applied executions of an intent."""
        rows = self._all(
            "SELECT trade_id FROM fills WHERE client_order_id = ? ORDER BY at_ns, trade_id",
            (client_order_id,),
        )
        return [str(row[0]) for row in rows]

    def fill_amounts(self, client_order_id: str) -> list[str]:
        """The amounts of the applied executions of an intent."""
        rows = self._all("SELECT amount FROM fills WHERE client_order_id = ?", (client_order_id,))
        return [str(row[0]) for row in rows]

    def ledger(self, bot_id: str) -> LedgerRow | None:
        """The sums of a bot."""
        row = self._one("SELECT * FROM ledger WHERE bot_id = ?", (bot_id,))
        return None if row is None else LedgerRow._make(row)

    def ledgers(self, venue: str, account: str, symbol: str) -> list[LedgerRow]:
        """The sums of every bot of a symbol."""
        rows = self._all(
            "SELECT ledger.* FROM ledger JOIN bots USING (bot_id)"
            " WHERE venue = ? AND account = ? AND symbol = ? ORDER BY bot_id",
            (venue, account, symbol),
        )
        return [LedgerRow._make(row) for row in rows]

    def has_funding(self, venue: str, account: str, symbol: str, payment_id: str) -> bool:
        """Whether a settlement was booked."""
        key = (payment_id, symbol, account, venue)
        return self._has(
            "SELECT 1 FROM funding"
            " WHERE payment_id = ? AND symbol = ? AND account = ? AND venue = ?",
            key,
        )

    def risk(self) -> list[RiskRow]:
        """Latched risk states."""
        rows = self._all("SELECT * FROM risk_state ORDER BY scope", ())
        return [RiskRow._make(row) for row in rows]

    def mark(self, venue: str, account: str, symbol: str) -> int | None:
        """Up to when all fills are held."""
        row = self._one(
            "SELECT ns FROM marks WHERE venue = ? AND account = ? AND symbol = ?",
            (venue, account, symbol),
        )
        return None if row is None else int(row[0])

    def diary(self, bot_id: str, limit: int) -> list[DiaryRow]:
        """The newest lines."""
        rows = self._all(
            "SELECT bot_id, at_ns, event, fields FROM diary"
            " WHERE bot_id = ? ORDER BY number DESC LIMIT ?",
            (bot_id, limit),
        )
        return [DiaryRow._make(row) for row in rows]

    def evidence(self, client_order_id: str) -> list[EvidenceRow]:
        """What was learned about an intent."""
        rows = self._all(
            "SELECT client_order_id, at_ns, kind, detail FROM intent_events"
            " WHERE client_order_id = ? ORDER BY number",
            (client_order_id,),
        )
        return [EvidenceRow._make(row) for row in rows]

    def intents_named(self, order_id: str) -> list[StoredIntent]:
        """Intents to which any venue gave this id."""
        return self._intents("WHERE order_id = ? ORDER BY number DESC LIMIT 20", (order_id,))

    def fills(self, client_order_id: str) -> list[FillRow]:
        """The applied executions of an intent."""
        rows = self._all(
            f"SELECT {', '.join(FillRow._fields)} FROM fills"  # noqa: S608 # a tuple's fields
            " WHERE client_order_id = ? ORDER BY at_ns, trade_id",
            (client_order_id,),
        )
        return [FillRow._make(row) for row in rows]

    def neighbours(self, client_order_id: str, count: int) -> list[StoredIntent]:
        """An intent among those of its bot's level."""
        row = self._one(
            "SELECT number, bot_id, level FROM intents WHERE client_order_id = ?",
            (client_order_id,),
        )
        if row is None or row[2] is None:
            return []
        number, bot_id, level = row
        where = "WHERE bot_id = ? AND level = ? AND number {} ? ORDER BY number {} LIMIT ?"
        before = self._intents(where.format("<=", "DESC"), (bot_id, level, number, count + 1))
        after = self._intents(where.format(">", "ASC"), (bot_id, level, number, count))
        return [*reversed(before), *after]

    def denial(self, client_order_id: str) -> DenialRow | None:
        """The refusal of an order."""
        row = self._one(
            'SELECT client_order_id, bot_id, at_ns, code, "limit", value FROM denials'
            " WHERE client_order_id = ? ORDER BY number DESC LIMIT 1",
            (client_order_id,),
        )
        return None if row is None else DenialRow._make(row)

    def diary_at(self, bot_id: str, at_ns: int) -> list[DiaryRow]:
        """The lines of one moment; lines are numbered by and large in the order of their times."""
        first, last = self._one("SELECT min(number), max(number) FROM diary", ()) or (None, None)
        if first is None:
            return []
        while first < last:
            middle = (first + last) // 2
            row = self._one(
                "SELECT number, at_ns FROM diary WHERE number <= ? ORDER BY number DESC LIMIT 1",
                (middle,),
            )
            if row is not None and row[1] >= at_ns - _UNORDERED_NS:
                last = middle
            else:
                first = middle + 1
        rows = self._all(
            "SELECT bot_id, at_ns, event, fields FROM diary"
            " WHERE number BETWEEN ? AND ? AND bot_id = ? AND at_ns = ? ORDER BY number",
            (first, first + _MOMENT, bot_id, at_ns),
        )
        return [DiaryRow._make(row) for row in rows]

    def _intents(self, where: str, values: Sequence[object]) -> list[StoredIntent]:
        found = []
        for row in self._all(f"{schema.SELECT_INTENT} {where}", values):
            intent = IntentRow._make(row[:_INTENT_WIDTH])
            applied = total(self.fill_amounts(intent.client_order_id))
            found.append(StoredIntent._make((intent, *row[_INTENT_WIDTH:], applied)))
        return found

    def _one(self, sql: str, values: Sequence[object]) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def _has(self, sql: str, values: Sequence[object]) -> bool:
        return self._one(sql, values) is not None


def total(amounts: Sequence[str]) -> str:
    """The exact sum of Decimals written as text."""
    from decimal import Context, Decimal

    exact = Context(prec=60)
    result = Decimal(0)
    for amount in amounts:
        result = exact.add(result, Decimal(amount))
    return format(result, "f")


def merged(transactions: Iterable[Transaction]) -> list[Transaction]:
    """The same transactions as few: of a row that is written again and again only the last stays.

    One that clears the machine's state or writes a bot stays alone, so that what it deletes, and
    what refers to it, keep their place.
    """
    found: list[Transaction] = []
    current: Transaction | None = None
    for transaction in transactions:
        if transaction.bots or transaction.cleared:
            found.append(transaction)
            current = None
            continue
        if current is None:
            current = Transaction()
            found.append(current)
        for rows, kept in zip(_lists_of(transaction), _lists_of(current), strict=True):
            if rows:
                kept.extend(rows)
    for transaction in found:
        transaction.updates = list(
            {row.client_order_id: row for row in transaction.updates}.values()
        )
        transaction.ledgers = list({row.bot_id: row for row in transaction.ledgers}.values())
        transaction.states = list({row[:2]: row for row in transaction.states}.values())
    return found


def _write(connection: sqlite3.Connection, transaction: Transaction) -> None:
    """Every row of a transaction but its updates, owners before what refers to them."""
    _write_orders(connection, transaction)
    for row in transaction.states:
        if row[2] is None:
            connection.execute(schema.DELETE_STATE, row[:2])
        else:
            connection.execute(schema.PUT_STATE, row)
    for sql, rows in (
        (schema.ADD_EVIDENCE, transaction.evidence),
        (schema.ADD_DIARY, transaction.diary),
        (schema.ADD_DENIAL, transaction.denials),
        (schema.ADD_FUNDING, transaction.funding),
        (schema.PUT_FUNDING_TOTAL, transaction.funding_totals),
        (schema.PUT_RISK, transaction.risk),
        (schema.PUT_MARK, transaction.marks),
    ):
        if rows:
            _run(connection, sql, rows)
    if transaction.settled:
        _settle(connection, transaction.settled)


def _write_orders(connection: sqlite3.Connection, transaction: Transaction) -> None:
    if transaction.bots:
        _run(connection, schema.PUT_BOT, transaction.bots)
    if transaction.cleared:
        _run(connection, schema.CLEAR_STATE, [(bot_id,) for bot_id in transaction.cleared])
    if transaction.intents:
        _run(connection, schema.ADD_INTENT, transaction.intents)
    if transaction.fills:
        _run(connection, schema.ADD_FILL, transaction.fills)
    if transaction.ledgers:
        _run(connection, schema.PUT_LEDGER, transaction.ledgers)


def _settle(connection: sqlite3.Connection, settled: Sequence[str]) -> None:
    keys = [(client_order_id,) for client_order_id in settled]
    _run(connection, schema.SETTLE_INTENT, keys)
    _run(connection, schema.SETTLE_DENIAL, keys)


def _run(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
    if len(rows) == 1:
        connection.execute(sql, rows[0])
    else:
        connection.executemany(sql, rows)
