"""The disk under a journal: writes take time, and a crash decides what of them arrived.

The journal is the shipping one on a file in memory. What its writer thread does in real life is
done here on virtual time: whatever waits goes to the file together, a while later, and only then is
it durable. A process that dies leaves behind what was durable, and any beginning of what was on its
way: that is what a kernel does with the page it was just given.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from core.adapters.storage.journal import SqliteJournal
from core.errors import JournalError, JournalFull
from core.infrastructure.rng import Rng
from core.services.ports import Transaction
from core.services.risk.service import ENGINE
from core.testing.simulation.faults import Active, Kind
from core.testing.simulation.history import (
    EvidenceDurable,
    FillDurable,
    History,
    IntentDurable,
    Reborn,
    RiskDurable,
    StateDurable,
)
from core.testing.simulation.loop import Process, SimulationLoop


class _Waiting:
    """A transaction on its way."""

    __slots__ = ("transaction", "waiter")

    def __init__(self, transaction: Transaction, waiter: asyncio.Future[None] | None) -> None:
        self.transaction = transaction
        self.waiter = waiter


class SimulatedJournal(SqliteJournal):
    """The journal of one process on a simulated disk.

    Args:
        path: The file, which outlives the process.
        loop: Time.
        process: Whose it is.
        rng: Draws how long the disk takes and what a crash leaves.
        faults: What is wrong now.
        history: Told of everything that became durable.
    """

    def __init__(  # everything a disk has to do with
        self,
        path: Path,
        *,
        loop: SimulationLoop,
        process: Process,
        rng: Rng,
        faults: Active,
        history: History,
    ) -> None:
        super().__init__(path, is_inline=True, busy_wait_s=0)
        self._loop = loop
        self._process = process
        self._rng = rng
        self._faults = faults
        self._history = history
        self._queue: list[_Waiting] = []
        self._is_writing = False

    # -- the port -----------------------------------------------------------------------------

    async def commit(self, transaction: Transaction) -> None:
        """Returns when it is durable, some time later."""
        if not self._process.cross():
            await self._process.park()
        if self._is_closed:
            raise JournalError(f"{self.path} is closed.")
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(_Waiting(transaction, waiter))
        self._begin()
        await waiter

    def write(self, transaction: Transaction) -> None:
        """Queues."""
        if not self._process.cross():
            return
        if self._is_closed:
            raise JournalError(f"{self.path} is closed.")
        self._queue.append(_Waiting(transaction, None))
        self._begin()

    async def flush(self) -> None:
        """Returns when everything written before is durable."""
        await self.commit(Transaction())

    def close(self) -> None:
        """Writes what is queued and closes."""
        if self._process.is_dead or self._is_closed:
            return
        for item in self._queue:
            self._put(item.transaction)
            if item.waiter is not None and not item.waiter.done():
                item.waiter.set_result(None)
        self._queue.clear()
        super().close()

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way to the disk."""
        return bool(self._queue) or self._is_writing

    def fill_keys(self) -> list[tuple[str, str]]:
        """(trade id, order id) of every fill that the file holds."""
        rows = self._store.reader()._all("SELECT trade_id, order_id FROM fills", ())  # noqa: SLF001 # a witness looks inside
        return [(str(row[0]), str(row[1])) for row in rows]

    # -- the world ----------------------------------------------------------------------------

    def die(self) -> None:
        """The process was killed: a beginning of what was on its way is on the disk."""
        if self._is_closed:
            return
        kept = self._rng.integer(0, len(self._queue)) if self._queue else 0
        if self._faults.on(Kind.DISK_FULL) is None:
            for item in self._queue[:kept]:
                self._put(item.transaction)
        self._queue.clear()
        super().close()

    def _begin(self) -> None:
        if self._is_writing:
            return
        self._is_writing = True
        delay_s = self._rng.uniform(0.0002, 0.004)
        slow = self._faults.on(Kind.DISK_SLOW)
        if slow is not None:
            self._faults.fire(slow)
            delay_s += slow.strength
        self._loop.world_at_ns(self._loop.now_ns() + round(delay_s * 1e9), self._write_all)

    def _write_all(self) -> None:
        """What waits goes to the file together."""
        self._is_writing = False
        if self._is_closed:
            return
        full = self._faults.on(Kind.DISK_FULL)
        if full is not None and any(item.waiter is not None for item in self._queue):
            self._faults.fire(full)
            error = JournalFull(f"{self.path}: the disk is full; nothing was written.")
            kept = [item for item in self._queue if item.waiter is None]
            for item in self._queue:
                self._fail(item, error)
            self._queue = kept
            return
        if full is not None:
            return
        batch, self._queue = self._queue, []
        doubt = self._faults.on(Kind.DISK_DOUBT)
        for item in batch:
            if (
                doubt is not None
                and item.waiter is not None
                and self._rng.random() < doubt.strength
            ):
                self._faults.fire(doubt)
                if self._rng.random() < 0.5:
                    self._put(item.transaction)
                self._fail(item, JournalError(f"{self.path}: the disk failed while syncing."))
                continue
            try:
                self._put(item.transaction)
            except sqlite3.Error as error:
                text = f"{self.path} refused a record: {error}; nothing was written."
                self._fail(item, JournalError(text))
                continue
            if item.waiter is not None:
                self._loop.deliver(self._process, _succeed, item.waiter)

    def _fail(self, item: _Waiting, error: JournalError) -> None:
        if item.waiter is not None:
            self._loop.deliver(self._process, _refuse, item.waiter, error)

    def _put(self, transaction: Transaction) -> None:
        """Brings a transaction into the file and tells the world what it held."""
        if not transaction:
            return
        reader = self._store.reader()
        known = [
            reader.has_fill(row.venue, row.account, row.symbol, row.trade_id, row.order_id)
            for row in transaction.fills
        ]
        self._store.apply([transaction])
        self._tell(transaction, known)

    def _tell(self, transaction: Transaction, known: list[bool]) -> None:
        add, at_ns, life = self._history.add, self._loop.now_ns(), self._process.number
        for row in transaction.intents:
            add(
                IntentDurable(
                    at_ns=at_ns,
                    life=life,
                    identity=row.client_order_id,
                    bot_id=row.bot_id,
                    side=row.side,
                    price=None if row.price is None else Decimal(row.price),
                    amount=Decimal(row.amount),
                    role=row.role,
                    level=row.level,
                    time_in_force=row.time_in_force,
                    created_ns=row.created_ns,
                    deadline_ns=row.deadline_ns,
                )
            )
        for update in transaction.updates:
            add(
                StateDurable(
                    at_ns=at_ns,
                    life=life,
                    identity=update.client_order_id,
                    state=update.state,
                    order_id=update.order_id,
                    code=update.code,
                    cancel_wanted=bool(update.cancel_wanted),
                )
            )
        for latch in transaction.risk:
            if latch.scope == ENGINE:
                add(RiskDurable(at_ns=at_ns, life=life, state=latch.state))
        if transaction.cleared:
            add(Reborn(at_ns=at_ns, life=life))
        for evidence in transaction.evidence:
            add(
                EvidenceDurable(
                    at_ns=at_ns,
                    life=life,
                    identity=evidence.client_order_id,
                    kind=evidence.kind,
                    detail=evidence.detail,
                )
            )
        for fill, was_known in zip(transaction.fills, known, strict=True):
            add(
                FillDurable(
                    at_ns=at_ns,
                    life=life,
                    identity=fill.client_order_id,
                    order_id=fill.order_id,
                    trade_id=fill.trade_id,
                    side=fill.side,
                    price=Decimal(fill.price),
                    amount=Decimal(fill.amount),
                    fee=Decimal(fill.fee_quote),
                    is_new=not was_known,
                )
            )


Opened = Callable[[SimulatedJournal], None]
"""Told of each journal as it is opened."""


def _succeed(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _refuse(waiter: asyncio.Future[None], error: JournalError) -> None:
    if not waiter.done():
        waiter.set_exception(error)
