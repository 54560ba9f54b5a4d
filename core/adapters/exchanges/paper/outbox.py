"""What is written before it is said.

The venue changes its memory at once, notes here what changed, and queues what it wants to say. A
flush takes everything noted so far as one transaction and then says what was queued, in order. On
virtual time that happens in place; in real time a thread waits for the disk, and what happens in
the meantime joins the next transaction (group commit).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from core.adapters.exchanges.paper.orders import PaperOrder
from core.adapters.exchanges.paper.storage import Batch, Cell, Storage
from core.errors import JournalError


class Notes:
    """What changed since the last flush."""

    def __init__(self) -> None:
        self.orders: dict[int, PaperOrder] = {}
        """Number -> order."""
        self.fills: list[tuple[Cell, ...]] = []
        self.funding: list[tuple[Cell, ...]] = []
        self.cash: set[str] = set()
        self.markets: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self.orders or self.fills or self.funding or self.cash or self.markets)


class Outbox:
    """Writes, then speaks.

    Args:
        storage: Where to.
        rows: Turns notes into rows; asked in the moment of the flush.
        is_durable: Whether a thread writes.
        on_failure: Told when the file could not be written; nothing queued is said then.
    """

    def __init__(
        self,
        storage: Storage,
        rows: Callable[[Notes], Batch],
        *,
        is_durable: bool,
        on_failure: Callable[[JournalError], None],
    ) -> None:
        self.notes = Notes()
        self._storage = storage
        self._rows = rows
        self._on_failure = on_failure
        self._words: list[Callable[[], None]] = []
        self._is_scheduled = False
        self._executor = (
            ThreadPoolExecutor(1, thread_name_prefix="paper-venue") if is_durable else None
        )
        self._writing: asyncio.Task[None] | None = None
        self._unwritten_ids: set[str] = set()
        self._error: JournalError | None = None

    @property
    def is_idle(self) -> bool:
        """Whether everything noted is written and everything queued is said."""
        return self._writing is None and not self._words and not self.notes

    def say(self, word: Callable[[], None]) -> None:
        """Queues something to be said after everything noted so far is written."""
        self._words.append(word)

    def note_order(self, order: PaperOrder) -> None:
        """An order is new or has changed."""
        self.notes.orders[order.number] = order
        if order.client_order_id is not None and self._executor is not None:
            self._unwritten_ids.add(order.client_order_id)

    def has_unwritten(self, client_order_id: str) -> bool:
        """Whether an order of that id may be missing from the file still."""
        return client_order_id in self._unwritten_ids

    def flush_soon(self) -> None:
        """Flushes in the next turn of the loop, together with what else happens in this one."""
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Writes and speaks; in real time only starts to."""
        self._is_scheduled = False
        if self._executor is None:
            self._flush_in_place()
        elif self._writing is None and (self.notes or self._words):
            self._writing = asyncio.get_running_loop().create_task(
                self._write_all(self._executor), name="paper venue file"
            )

    async def settled(self) -> None:
        """Returns when everything noted before is written and said."""
        while not self.is_idle and self._error is None:
            self.flush()
            if self._writing is not None:
                await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Writes what is left and ends the thread."""
        await self.settled()
        if self._executor is not None:
            self._executor.shutdown()

    # -- inside -------------------------------------------------------------------------------

    def _take(self) -> tuple[Batch | None, list[Callable[[], None]]]:
        words, self._words = self._words, []
        if not self.notes:
            return None, words
        notes, self.notes = self.notes, Notes()
        return self._rows(notes), words

    def _flush_in_place(self) -> None:
        while (self._words or self.notes) and self._error is None:
            batch, words = self._take()
            try:
                if batch is not None:
                    self._storage.write(batch)
            except JournalError as error:
                self._fail(error)
                return
            for word in words:
                word()

    async def _write_all(self, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        try:
            while (self._words or self.notes) and self._error is None:
                ids, self._unwritten_ids = self._unwritten_ids, set()
                batch, words = self._take()
                if batch is not None:
                    self._unwritten_ids |= ids
                    await loop.run_in_executor(executor, self._storage.write, batch)
                    self._unwritten_ids -= ids
                for word in words:
                    word()
        except JournalError as error:
            self._fail(error)
        finally:
            self._writing = None

    def _fail(self, error: JournalError) -> None:
        self._error = error
        self._words.clear()
        self._on_failure(error)
