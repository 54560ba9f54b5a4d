"""The paper venue's own file: account, orders, fills, and where each feed stood.

Everything one moment changed is one transaction, written before anything of it is acknowledged or
reported. Each transaction carries the feed's position, so the file is at any time a state that the
venue was in: after `kill -9` the market goes on behind the last row that the file knows, no order
meets a row twice, and none misses one.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.adapters.exchanges.models import (
    FillData,
    FundingPaymentData,
    Instrument,
    Liquidity,
    MarginMode,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    from_ns,
    to_ns,
)
from core.adapters.exchanges.paper.market import FeedPosition
from core.adapters.exchanges.paper.orders import PaperOrder
from core.adapters.exchanges.paper.taken import TakenIds
from core.domain.position import Position
from core.errors import JournalBusy, JournalCorrupt, JournalError
from core.infrastructure.redo_log import RedoLog, path_beside

log = logging.getLogger(__name__)

SCHEMA_VERSION: Final = 1
_BUSY_MS: Final = 2_000
_LOGGED: Final = 1024
"""Batches that are in the log alone before the file takes them in."""
_CHANGEABLE: Final = 10
"""Place of the first column of an order that changes."""

_TABLES: Final = """
CREATE TABLE account (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE cash (asset TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE feeds (
    symbol TEXT PRIMARY KEY,
    size TEXT NOT NULL,
    entry_price TEXT,
    leverage TEXT NOT NULL,
    margin_mode TEXT NOT NULL,
    name TEXT NOT NULL,
    feed_row INTEGER NOT NULL,
    at_ns INTEGER,
    last TEXT,
    bid TEXT,
    bid_amount TEXT,
    ask TEXT,
    ask_amount TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
    number INTEGER PRIMARY KEY,
    client_order_id TEXT,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    post_only INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    price TEXT,
    amount TEXT NOT NULL,
    filled TEXT NOT NULL,
    spent TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    ahead TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_by_client_id ON orders (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE TABLE fills (
    number INTEGER PRIMARY KEY,
    order_number INTEGER NOT NULL,
    client_order_id TEXT,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    amount TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL,
    liquidity TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    feed_row INTEGER NOT NULL
) STRICT;
CREATE INDEX fills_by_time ON fills (at_ns);
CREATE TABLE funding (
    payment_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    amount TEXT NOT NULL,
    rate TEXT NOT NULL,
    position TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    PRIMARY KEY (symbol, payment_id)
) STRICT, WITHOUT ROWID;
"""

_NEW_ORDER: Final = "INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_CHANGE_ORDER: Final = """
UPDATE orders SET filled = ?, spent = ?, status = ?, reason = ?, ahead = ?, updated_ns = ?
WHERE number = ?
"""
_NEW_FILL: Final = "INSERT INTO fills VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_NEW_FUNDING: Final = "INSERT INTO funding VALUES (?,?,?,?,?,?)"
_PUT_CASH: Final = "INSERT OR REPLACE INTO cash VALUES (?,?)"
_PUT_MARKET: Final = "INSERT OR REPLACE INTO feeds VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"

Cell = str | int | None


class StoredMarket(NamedTuple):
    """What the file knows of a symbol."""

    position: Position
    leverage: Decimal
    margin_mode: MarginMode
    feed: str
    feed_position: FeedPosition


@dataclass(slots=True)
class Batch:
    """Rows of one transaction."""

    new_orders: list[tuple[Cell, ...]] = field(default_factory=list)
    changed_orders: list[tuple[Cell, ...]] = field(default_factory=list)
    fills: list[tuple[Cell, ...]] = field(default_factory=list)
    funding: list[tuple[Cell, ...]] = field(default_factory=list)
    cash: list[tuple[Cell, ...]] = field(default_factory=list)
    markets: list[tuple[Cell, ...]] = field(default_factory=list)


class Storage:
    """The venue's file.

    Args:
        path: Where it is; None keeps it in memory.
        is_durable: False on virtual time, where no outside venue could disagree: a crash of the
            process loses nothing, one of the machine may.
        is_logged: Whether a batch is written to a log beside the file, which takes many in at once;
            only where it is not durable.
        series: Begins every id of a new account, so that no file gives out the ids of another.

    Raises:
        JournalCorrupt: If the file is damaged or belongs to something else.
        JournalBusy: If another process holds it.
    """

    def __init__(
        self, path: Path | None, *, is_durable: bool, series: str, is_logged: bool = False
    ) -> None:
        self._path = path
        self._log: RedoLog | None = None
        self._logged: list[Batch] = []
        """In the log, or in memory alone where there is no file, and not yet in the tables."""
        self._logged_ids: set[str] = set()
        """Client order ids among those."""
        self._taken: TakenIds | None = None
        """Client order ids of every order, where a log is written."""
        self._record = 0
        """Number of the newest record of the log."""
        try:
            self._writer = self._open(is_durable=is_durable)
            # A reader of its own is not held up by a commit that waits for the disk in a thread.
            separate = is_durable and path is not None
            self._reader = self._open(is_durable=True) if separate else self._writer
            self._series = self._read_series(series)
            self._is_lazy = path is None
            if path is None:
                self._taken = TakenIds()
            else:
                self._take_in_log(path, is_logged=is_logged and not is_durable)
        except sqlite3.Error as error:
            raise _translated(error, path) from error

    def close(self) -> None:
        """Closes the file. Idempotent."""
        if self._log is not None:
            try:
                self._take_in(self._log)
            except JournalError:
                log.exception("paper.closed_unwritten path=%s", self._path)
            self._log.close()
            self._log = None
        self._reader.close()
        self._writer.close()

    def write(self, batch: Batch) -> None:
        """Writes a batch or nothing; any one thread at a time.

        Raises:
            JournalError: If it could not be written.
        """
        if self._log is None and not self._is_lazy:
            self._apply(batch, None)
            return
        if self._log is not None:
            try:
                self._log.append(self._record + 1, msgspec.msgpack.encode(batch))
            except OSError as error:
                raise JournalError(f"{self._path} cannot be written: {error.strerror}.") from error
        self._record += 1
        self._logged.append(batch)
        for row in batch.new_orders:
            if row[1] is not None:
                self._note_id(str(row[1]))
        if len(self._logged) >= _LOGGED:
            self._take_in()

    def _note_id(self, client_order_id: str) -> None:
        self._logged_ids.add(client_order_id)
        if self._taken is not None:
            self._taken.add(client_order_id)

    def _apply(self, batch: Batch, number: int | None) -> None:
        run = self._writer.execute
        many = self._writer.executemany
        try:
            run("BEGIN IMMEDIATE")
            for statement, rows in (
                (_NEW_ORDER, batch.new_orders),
                (_CHANGE_ORDER, batch.changed_orders),
                (_NEW_FILL, batch.fills),
                (_NEW_FUNDING, batch.funding),
                (_PUT_CASH, batch.cash),
                (_PUT_MARKET, batch.markets),
            ):
                if len(rows) == 1:
                    run(statement, rows[0])
                elif rows:
                    many(statement, rows)
            if number is not None:
                run("INSERT OR REPLACE INTO account VALUES ('taken_in', ?)", (str(number),))
            run("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                run("ROLLBACK")
            raise _translated(error, self._path) from error

    # -- the log ------------------------------------------------------------------------------

    def _take_in(self, redo: RedoLog | None = None) -> None:
        """Brings the tables up to what was written."""
        redo = self._log if redo is None else redo
        if self._logged:
            self._apply(_merged(self._logged), self._record)
            self._logged.clear()
            self._logged_ids.clear()
            if redo is not None:
                redo.clear()

    def _take_in_log(self, path: Path, *, is_logged: bool) -> None:
        """Takes in what a process that was killed left, and begins a log where one is wanted."""
        if not is_logged and not path_beside(path).exists():
            return
        redo = RedoLog.beside(path)
        try:
            found = self._writer.execute("SELECT value FROM account WHERE key = 'taken_in'")
            row = found.fetchone()
            self._record = 0 if row is None else int(row[0])
            for number, payload in redo.records():
                if number > self._record:
                    self._logged.append(msgspec.msgpack.decode(payload, type=Batch))
                    self._record = number
            self._take_in(redo)
            redo.clear()
        except BaseException:
            redo.close()
            raise
        if is_logged:
            self._log = redo
            self._taken = self._read_taken()
        else:
            redo.close()

    def _read_taken(self) -> TakenIds:
        taken = TakenIds()
        rows = self._writer.execute("SELECT client_order_id FROM orders")
        for (client_order_id,) in rows:
            if client_order_id is not None:
                taken.add(client_order_id)
        return taken

    @property
    def _connection(self) -> sqlite3.Connection:
        """For reading: the file with everything that was written."""
        if self._logged:
            self._take_in()
        return self._reader

    # -- the account --------------------------------------------------------------------------

    def name(self, number: int) -> str:
        """The id of an order or a fill by its number."""
        return f"{self._series}-{number}"

    @property
    def series(self) -> str:
        """What every id of this account begins with."""
        return self._series

    def _read_series(self, fresh: str) -> str:
        """Kept from the first time that the file is opened."""
        self._writer.execute("INSERT OR IGNORE INTO account VALUES ('series', ?)", (fresh,))
        found = self._writer.execute("SELECT value FROM account WHERE key = 'series'")
        return str(found.fetchone()[0])

    def _number(self, order_id: str) -> int:
        """The number of an order's id, -1 for one that is not ours."""
        series, _, number = order_id.rpartition("-")
        return int(number) if series == self._series and number.isdecimal() else -1

    def cash(self) -> dict[str, Decimal]:
        """Asset -> amount."""
        rows = self._connection.execute("SELECT asset, amount FROM cash")
        return {asset: Decimal(amount) for asset, amount in rows}

    def market(self, symbol: str) -> StoredMarket | None:
        """A symbol's position, settings, and where its feed stood."""
        row = self._connection.execute("SELECT * FROM feeds WHERE symbol = ?", (symbol,)).fetchone()
        if row is None:
            return None
        return StoredMarket(
            position=Position(size=Decimal(row[1]), entry_price=_decimal(row[2])),
            leverage=Decimal(row[3]),
            margin_mode=MarginMode(row[4]),
            feed=row[5],
            feed_position=FeedPosition(
                row=row[6],
                at_ns=row[7],
                last=_decimal(row[8]),
                bid=_decimal(row[9]),
                bid_amount=_decimal(row[10]),
                ask=_decimal(row[11]),
                ask_amount=_decimal(row[12]),
            ),
        )

    # -- orders and fills ---------------------------------------------------------------------

    def next_numbers(self) -> tuple[int, int]:
        """The numbers of the next order and the next fill."""
        order, fill = self._connection.execute(
            "SELECT (SELECT coalesce(max(number), 0) FROM orders),"
            " (SELECT coalesce(max(number), 0) FROM fills)"
        ).fetchone()
        return order + 1, fill + 1

    def open_orders(self, instrument: Instrument) -> list[tuple[PaperOrder, Decimal]]:
        """A symbol's open orders from old to new, each with the amount that stood ahead of it."""
        rows = self._connection.execute(
            "SELECT * FROM orders WHERE status IN ('open', 'partially_filled') AND symbol = ?"
            " ORDER BY number",
            (instrument.symbol,),
        )
        return [(self._order(row, instrument), Decimal(row[14])) for row in rows]

    def order(
        self,
        instruments: Mapping[str, Instrument],
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
    ) -> PaperOrder | None:
        """An order in any state, the newest where a client order id was used again."""
        if order_id is not None:
            found = self._connection.execute(
                "SELECT * FROM orders WHERE number = ?", (self._number(order_id),)
            )
        else:
            found = self._connection.execute(
                "SELECT * FROM orders WHERE client_order_id = ? ORDER BY number DESC LIMIT 1",
                (client_order_id,),
            )
        row = found.fetchone()
        if row is None or row[2] not in instruments:
            return None
        return self._order(row, instruments[row[2]])

    def has_client_order_id(self, client_order_id: str) -> bool:
        """Whether an id was ever taken."""
        if client_order_id in self._logged_ids:
            return True
        if self._taken is not None and not self._taken.may_have(client_order_id):
            return False
        found = self._reader.execute(
            "SELECT 1 FROM orders WHERE client_order_id = ? LIMIT 1", (client_order_id,)
        )
        return found.fetchone() is not None

    def closed_orders(
        self,
        instruments: Mapping[str, Instrument],
        *,
        symbol: str | None,
        since_ns: int | None,
        limit: int | None,
    ) -> list[PaperOrder]:
        """Closed orders from old to new by their last update; with a limit the newest of them."""
        rows = self._connection.execute(
            "SELECT * FROM orders WHERE status NOT IN ('open', 'partially_filled')"
            " AND (:symbol IS NULL OR symbol = :symbol)"
            " AND (:since IS NULL OR updated_ns >= :since)"
            " ORDER BY updated_ns DESC, number DESC LIMIT :limit",
            {"symbol": symbol, "since": since_ns, "limit": -1 if limit is None else limit},
        )
        found = [self._order(row, instruments[row[2]]) for row in rows if row[2] in instruments]
        return found[::-1]

    def fills(
        self, venue: str, account: str, *, symbol: str | None, since_ns: int | None
    ) -> list[FillData]:
        """Executions from old to new."""
        rows = self._connection.execute(
            "SELECT number, order_number, client_order_id, symbol, side, price, amount, fee,"
            " fee_currency, liquidity, at_ns FROM fills"
            " WHERE at_ns >= :since AND (:symbol IS NULL OR symbol = :symbol)"
            " ORDER BY at_ns, number",
            {"symbol": symbol, "since": since_ns or 0},
        )
        return [
            FillData(
                venue=venue,
                account=account,
                trade_id=self.name(row[0]),
                order_id=self.name(row[1]),
                client_order_id=row[2],
                symbol=row[3],
                side=OrderSide(row[4]),
                price=Decimal(row[5]),
                amount=Decimal(row[6]),
                fee=Decimal(row[7]),
                fee_currency=row[8],
                liquidity=Liquidity(row[9]),
                at=from_ns(row[10]),
            )
            for row in rows
        ]

    def funding(
        self, venue: str, account: str, *, symbol: str | None, since_ns: int | None
    ) -> list[FundingPaymentData]:
        """Settlements from old to new."""
        rows = self._connection.execute(
            "SELECT payment_id, symbol, amount, rate, position, at_ns FROM funding"
            " WHERE (:symbol IS NULL OR symbol = :symbol)"
            " AND (:since IS NULL OR at_ns >= :since)"
            " ORDER BY at_ns, symbol",
            {"symbol": symbol, "since": since_ns},
        )
        return [
            FundingPaymentData(
                venue=venue,
                account=account,
                payment_id=row[0],
                symbol=row[1],
                amount=Decimal(row[2]),
                rate=Decimal(row[3]),
                position=Decimal(row[4]),
                at=from_ns(row[5]),
            )
            for row in rows
        ]

    # -- inside -------------------------------------------------------------------------------

    def _order(self, row: tuple[Cell, ...], instrument: Instrument) -> PaperOrder:
        price = _decimal(row[8])
        number = int(str(row[0]))
        return PaperOrder(
            number=number,
            order_id=self.name(number),
            client_order_id=None if row[1] is None else str(row[1]),
            symbol=str(row[2]),
            side=OrderSide(str(row[3])),
            order_type=OrderType(str(row[4])),
            time_in_force=TimeInForce(str(row[5])),
            post_only=bool(row[6]),
            reduce_only=bool(row[7]),
            price=price,
            lots=instrument.lots(Decimal(str(row[9]))),
            filled=instrument.lots(Decimal(str(row[10]))),
            spent=Decimal(str(row[11])),
            status=OrderStatus(str(row[12])),
            reason=None if row[13] is None else str(row[13]),
            created_ns=int(str(row[15])),
            updated_ns=int(str(row[16])),
            ticks=0 if price is None else instrument.ticks(price),
            is_stored=True,
        )

    def _open(self, *, is_durable: bool) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            ":memory:" if self._path is None else self._path,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare(connection, is_durable=is_durable)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, *, is_durable: bool) -> None:
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "trusted_schema = OFF",
            "foreign_keys = ON",
            # One process and one connection: no lock per transaction, no shared memory.
            f"locking_mode = {'NORMAL' if is_durable else 'EXCLUSIVE'}",
            "journal_mode = WAL",
            f"synchronous = {'FULL' if is_durable else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == SCHEMA_VERSION:
            return
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version or tables:
            raise JournalCorrupt(
                f"{self._path} is not a paper account that this ctos knows (schema {version}).",
                remedy="Move it away to begin with a new paper account.",
            )
        connection.executescript(
            f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;"
        )


def _merged(batches: list[Batch]) -> Batch:
    """Several batches as one: of a row that is written again and again only the last stays."""
    found = Batch()
    new: dict[Cell, tuple[Cell, ...]] = {}
    changed: dict[Cell, tuple[Cell, ...]] = {}
    for batch in batches:
        for row in batch.new_orders:
            new[row[0]] = row
        for row in batch.changed_orders:
            number = row[-1]
            made = new.get(number)
            if made is None:
                changed[number] = row
            else:
                new[number] = (*made[:_CHANGEABLE], *row[:5], made[-2], row[5])
        found.fills.extend(batch.fills)
        found.funding.extend(batch.funding)
    found.new_orders.extend(new.values())
    found.changed_orders.extend(changed.values())
    found.cash.extend({row[0]: row for batch in batches for row in batch.cash}.values())
    found.markets.extend({row[0]: row for batch in batches for row in batch.markets}.values())
    return found


def new_order_row(order: PaperOrder, instrument: Instrument, ahead: Decimal) -> tuple[Cell, ...]:
    """An order that the file does not know yet."""
    return (
        order.number,
        order.client_order_id,
        order.symbol,
        order.side.value,
        order.order_type.value,
        order.time_in_force.value,
        int(order.post_only),
        int(order.reduce_only),
        None if order.price is None else str(order.price),
        str(instrument.amount(order.lots)),
        str(instrument.amount(order.filled)),
        str(order.spent),
        order.status.value,
        order.reason,
        str(ahead),
        order.created_ns,
        order.updated_ns,
    )


def changed_order_row(
    order: PaperOrder, instrument: Instrument, ahead: Decimal
) -> tuple[Cell, ...]:
    """What has changed of an order."""
    return (
        str(instrument.amount(order.filled)),
        str(order.spent),
        order.status.value,
        order.reason,
        str(ahead),
        order.updated_ns,
        order.number,
    )


def fill_row(
    number: int, order: PaperOrder, fill: FillData, at_ns: int, feed_row: int
) -> tuple[Cell, ...]:
    """An execution, with the feed's position behind the row that caused it."""
    return (
        number,
        order.number,
        fill.client_order_id,
        fill.symbol,
        fill.side.value,
        str(fill.price),
        str(fill.amount),
        str(fill.fee),
        fill.fee_currency,
        "" if fill.liquidity is None else fill.liquidity.value,
        at_ns,
        feed_row,
    )


def funding_row(payment: FundingPaymentData) -> tuple[Cell, ...]:
    """A settlement."""
    return (
        payment.payment_id,
        payment.symbol,
        str(payment.amount),
        str(payment.rate),
        str(payment.position),
        to_ns(payment.at),
    )


def market_row(symbol: str, stored: StoredMarket) -> tuple[Cell, ...]:
    """A symbol's position, settings, and where its feed stands."""
    position, feed = stored.position, stored.feed_position
    return (
        symbol,
        str(position.size),
        _text(position.entry_price),
        str(stored.leverage),
        stored.margin_mode.value,
        stored.feed,
        feed.row,
        feed.at_ns,
        _text(feed.last),
        _text(feed.bid),
        _text(feed.bid_amount),
        _text(feed.ask),
        _text(feed.ask_amount),
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: Cell) -> Decimal | None:
    return None if text is None else Decimal(text)


def _translated(error: sqlite3.Error, path: Path | None) -> JournalError:
    code = int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) or 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalCorrupt(
            f"{path} is damaged: {error}.",
            remedy="Move it away (with its -wal and -shm) to begin with a new paper account.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalBusy(f"{path} is locked by another process.")
    return JournalError(f"The paper account {path} cannot be used: {error}.")
