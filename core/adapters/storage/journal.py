"""The journal in SQLite: durable before a byte leaves, and never in the way of the event loop.

Two modes of one class:

    threaded  a writer thread takes everything that waits and commits it as one (group commit), so
              that forty orders of one moment share one fsync; the loop goes on meanwhile
    inline    for virtual time: no thread, commits in the caller, `synchronous=OFF`, because no
              venue outside could disagree; what is merely `write`n goes along with the next commit

An inline journal may be logged: a commit appends its transactions to a log beside the file, which
outlives the process as well, and the file takes them in many at a time, before it is read, and at
the end. A log that a killed process left is taken in by whoever opens the journal next.

What can go wrong, and what is then true:

    full or held by another   nothing was written (`JournalFull`); `write`n rows wait for room;
                              the next try that succeeds ends it
    failed otherwise          the file is opened again and asked for the number of its last
                              transaction, which says whether the commit took effect
    file gone or replaced     `JournalError` for every commit from then on
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Awaitable, Generator
from pathlib import Path
from typing import Final

import msgspec

from core.adapters.storage.file import FileLock, connect, identity, prepare, primary
from core.adapters.storage.reads import JournalReads
from core.adapters.storage.store import Reader, Store, merged
from core.errors import JournalError, JournalFull
from core.infrastructure.redo_log import RedoLog, path_beside
from core.services.ports import Transaction

log = logging.getLogger(__name__)

_NO_ROOM: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY}
)
_NO_FAULT_OF_STORAGE: Final = frozenset(
    {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_ERROR}
)
_INLINE_BUFFER: Final = 512
"""Written transactions that an inline journal holds before it commits them by itself."""
_LOGGED: Final = 4096
"""Transactions that are in the log alone before the file takes them in."""
_GROUP: Final = 512
"""Most transactions in one commit, so that a flood does not delay its first caller for ever."""


class SqliteJournal(JournalReads):
    """A `core.services.ports.Journal` in one SQLite file.

    Args:
        path: The file; created when there is none.
        is_inline: Commit in the caller, without a thread and without fsync.
        is_logged: Commit to a log beside the file first; inline only.
        code_version: Stamped into the file.
        busy_wait_s: How long to wait for another process to let go of the file.

    Raises:
        JournalBusy: If another process holds it.
        JournalCorrupt: If it is damaged; it is kept as it is.
        JournalError: If it is newer than the code, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        is_inline: bool = False,
        is_logged: bool = False,
        code_version: str = "0",
        busy_wait_s: float = 2.0,
    ) -> None:
        self.path = path
        self.is_inline = is_inline
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(path, wait_s=busy_wait_s)
        self._reader: Reader | None = None
        self._writer: _Writer | None = None
        self._buffer: list[Transaction] = []
        self._logged: list[Transaction] = []
        """In the log, not yet in the file."""
        self._log: RedoLog | None = None
        self._number = 0
        """Of the newest record of the log."""
        self._is_closed = False
        try:
            prepare(path, code_version=code_version)
            self._store = Store(path, synchronous="OFF" if is_inline else "FULL")
            self._take_in_log(path, is_logged=is_logged and is_inline)
            if is_inline:
                self._reader = self._store.reader()
            else:
                self._reader = Reader(_read_only(path))
                self._writer = _Writer(self._store)
        except BaseException:
            self._lock.release()
            raise

    # -- writing ------------------------------------------------------------------------------

    def commit(self, transaction: Transaction) -> Awaitable[None]:
        """Ends when the transaction is durable; see the port for errors."""
        if self._is_closed:
            raise JournalError(f"{self.path} is closed.")
        if self._writer is not None:
            return self._writer.commit(transaction)
        self._commit_inline(transaction)
        return _WRITTEN

    def write(self, transaction: Transaction) -> None:
        """Queues; in order with commits."""
        if self._is_closed:
            raise JournalError(f"{self.path} is closed.")
        if self._writer is not None:
            self._writer.write(transaction)
            return
        self._buffer.append(transaction)
        if len(self._buffer) >= _INLINE_BUFFER:
            with contextlib.suppress(JournalFull):
                self._commit_inline(None)

    async def flush(self) -> None:
        """Returns when everything written before is durable."""
        if self._writer is not None:
            await self.commit(Transaction())
        elif self._buffer:
            self._commit_inline(None)

    def close(self) -> None:
        """Writes what is queued and releases the file. Idempotent."""
        if self._is_closed:
            return
        if self._writer is not None:
            self._writer.close()
        else:
            self._close_inline()
        self._is_closed = True
        if self._writer is not None and self._reader is not None:
            self._reader.close()
        self._store.close()
        self._lock.release()

    def _close_inline(self) -> None:
        try:
            if self._buffer:
                self._commit_inline(None)
            if self._log is not None:
                self._take_in(self._log)
        except JournalError:
            log.exception("journal.closed_unwritten path=%s rows=%d", self.path, len(self._buffer))
        if self._log is not None:
            self._log.close()

    def limit(self, max_pages: int | None) -> None:
        """Limits the file's size in pages, for drills of a full disk; None takes the limit away.

        In threaded mode call it only while nothing is being written.
        """
        self._store.limit(max_pages)

    @property
    def page_count(self) -> int:
        """Pages of the file now."""
        return self._store.page_count

    def _commit_inline(self, transaction: Transaction | None) -> None:
        batch = self._buffer
        if transaction is not None:
            batch = [*batch, transaction]
        if self._log is None:
            self._apply(batch, None)
        else:
            self._append(self._log, batch)
        self._buffer.clear()

    def _apply(self, batch: list[Transaction], count: int | None) -> None:
        try:
            self._store.apply(batch, count=count)
        except sqlite3.Error as error:
            number = self._store.count + 1 if count is None else count
            outcome = _outcome(self._store, error, number)
            if not isinstance(outcome, _Durable):
                raise outcome from error

    def _append(self, redo: RedoLog, batch: list[Transaction]) -> None:
        """Makes transactions durable in the log; the file follows when there are enough."""
        try:
            redo.append(self._number + 1, msgspec.msgpack.encode(batch))
        except OSError as error:
            raise JournalFull(
                f"{self.path}: {error.strerror}; nothing was written.",
                remedy="Make room; new orders go on by themselves as soon as there is some.",
            ) from error
        self._number += 1
        self._logged.extend(batch)
        if len(self._logged) >= _LOGGED:
            with contextlib.suppress(JournalFull):
                self._take_in(redo)

    def _take_in(self, redo: RedoLog) -> None:
        """Brings the file up to the log."""
        if self._logged:
            self._apply(merged(self._logged), self._number)
            self._logged.clear()
            redo.clear()

    def _take_in_log(self, path: Path, *, is_logged: bool) -> None:
        """Takes in what a process that was killed left, and begins a log where one is wanted."""
        if not is_logged and not path_beside(path).exists():
            return
        redo = RedoLog.beside(path)
        try:
            self._number = self._store.count
            for number, payload in redo.records():
                if number > self._number:
                    found = msgspec.msgpack.decode(payload, type=list[Transaction])
                    self._logged.extend(found)
                    self._number = number
            self._take_in(redo)
            redo.clear()
        except BaseException:
            redo.close()
            raise
        if is_logged:
            self._log = redo
        else:
            redo.close()

    # -- reading ------------------------------------------------------------------------------

    def _read(self) -> Reader:
        if self._is_closed or self._reader is None:
            raise JournalError(f"{self.path} is closed.")
        if self._buffer:
            self._commit_inline(None)
        if self._log is not None:
            self._take_in(self._log)
        return self._reader


class _Written:
    """What was written before anybody could wait for it."""

    def __await__(self) -> Generator[None, None, None]:
        """Ends at once."""
        yield from ()


_WRITTEN: Final = _Written()


class _Item:
    """One transaction on its way to the thread, and who waits for it."""

    __slots__ = ("loop", "transaction", "waiter")

    def __init__(
        self,
        transaction: Transaction,
        waiter: asyncio.Future[None] | None,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.transaction = transaction
        self.waiter = waiter
        self.loop = loop


class _Writer:
    """The thread that commits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._identity = identity(store.path)
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._backlog: list[_Item] = []
        """Written, not yet committed for want of room; first in the next try."""
        self._held: list[_Item] = []
        """Written in this turn of the loop, not yet with the thread. A commit that follows at once
        takes them along, instead of waiting until the disk has them."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def commit(self, transaction: Transaction) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._held.append(_Item(transaction, waiter, loop))
        self._hand_over()
        return waiter

    def write(self, transaction: Transaction) -> None:
        self._held.append(_Item(transaction, None, None))
        if len(self._held) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._hand_over)
        except RuntimeError:  # nobody turns a loop: nothing could follow at once
            self._hand_over()

    def _hand_over(self) -> None:
        """Gives the thread what is held, in order."""
        held, self._held = self._held, []
        for item in held:
            self._queue.put(item)

    def close(self) -> None:
        self._hand_over()
        self._queue.put(None)
        self._thread.join()
        if self._backlog:
            log.error(
                "journal.closed_unwritten path=%s rows=%d", self._store.path, len(self._backlog)
            )

    def _run(self) -> None:
        is_open = True
        while is_open:
            item = self._queue.get()
            batch = self._backlog
            self._backlog = []
            while item is not None:
                batch.append(item)
                if len(batch) >= _GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            is_open = item is not None
            if batch:
                _settle(self._commit(batch))

    def _commit(self, batch: list[_Item]) -> list[tuple[_Item, JournalError | None]]:
        """Commits together, or one by one when together fails, so that one bad row hurts itself."""
        if self._identity is not None and identity(self._store.path) != self._identity:
            gone = JournalError(
                f"{self._store.path} was deleted or replaced while running; nothing was written.",
                remedy="Stop the engine, put the file back or accept the loss, and start again.",
            )
            return [(item, gone) for item in batch]
        try:
            self._store.apply(item.transaction for item in batch)
        except sqlite3.Error as error:
            return self._one_by_one(batch, error)
        except (
            Exception
        ) as error:  # a row that cannot be bound is a fault of ours; say so to its owner
            log.exception("journal.write_failed path=%s", self._store.path)
            return [
                (item, JournalError(f"the journal could not write: {error!r}")) for item in batch
            ]
        return [(item, None) for item in batch]

    def _one_by_one(
        self, batch: list[_Item], error: sqlite3.Error
    ) -> list[tuple[_Item, JournalError | None]]:
        outcome = self._recover(error, len(batch))
        if outcome is None:
            return [(item, None) for item in batch]
        if isinstance(outcome, JournalFull) or len(batch) == 1 or not _is_constraint(error):
            return self._keep(batch, outcome)
        results: list[tuple[_Item, JournalError | None]] = []
        for item in batch:
            results.extend(self._commit([item]))
        return results

    def _keep(
        self, batch: list[_Item], outcome: JournalError
    ) -> list[tuple[_Item, JournalError | None]]:
        if isinstance(outcome, JournalFull):
            self._backlog.extend(item for item in batch if item.waiter is None)
            batch = [item for item in batch if item.waiter is not None]
        return [(item, outcome) for item in batch]

    def _recover(self, error: sqlite3.Error, size: int) -> JournalError | None:
        outcome = _outcome(self._store, error, self._store.count + 1)
        if not isinstance(outcome, JournalFull):
            log.error(
                "journal.commit_failed path=%s rows=%d error=%s outcome=%s",
                self._store.path,
                size,
                error,
                "durable" if outcome is None else outcome.message,
            )
        return None if isinstance(outcome, _Durable) else outcome


class _Durable(JournalError):
    """The commit failed to say so, but took effect."""


def _outcome(store: Store, error: sqlite3.Error, number: int) -> JournalError:
    """What is true after a commit raised: nothing written, or read back from the file.

    Args:
        store: Where it failed.
        error: How.
        number: The number that the transaction would have as the journal counts.
    """
    code = primary(error)
    if code in _NO_ROOM:
        return JournalFull(
            f"{store.path}: {error}; nothing was written.",
            remedy="Make room; new orders go on by themselves as soon as there is some.",
        )
    if code in _NO_FAULT_OF_STORAGE:
        return JournalError(f"{store.path} refused a record: {error}; nothing was written.")
    try:
        store.reopen()
    except (sqlite3.Error, JournalError) as second:
        return JournalError(f"{store.path}: {error}; then {second}. The last write is in doubt.")
    if store.count >= number:
        return _Durable(f"{store.path}: {error}, yet the record is there.")
    return JournalError(f"{store.path}: {error}; nothing was written.")


def _is_constraint(error: sqlite3.Error) -> bool:
    return primary(error) in _NO_FAULT_OF_STORAGE


def _settle(results: list[tuple[_Item, JournalError | None]]) -> None:
    """Tells those who wait, one wake-up a loop."""
    by_loop: dict[
        asyncio.AbstractEventLoop, list[tuple[asyncio.Future[None], JournalError | None]]
    ] = {}
    for item, error in results:
        if item.waiter is not None and item.loop is not None:
            by_loop.setdefault(item.loop, []).append((item.waiter, error))
        elif error is not None:
            log.error("journal.write_lost error=%s", error)
    for loop, waiters in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_tell, waiters)


def _tell(waiters: list[tuple[asyncio.Future[None], JournalError | None]]) -> None:
    for waiter, error in waiters:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)


def _read_only(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection
