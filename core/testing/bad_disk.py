"""A disk that fails where it is told to, under a real SQLite.

SQLite reaches its files through a layer of functions that a program may put in place of the
system's. This one counts every write, sync and truncation, and from a chosen one on does what bad
disks do. What had not been synced when the power went may be gone, whole or in part:

    disk = BadDisk(fails_at=17, fault=Fault.POWER_CUT, rng=random.Random(1))
    connection = disk.connect(path)         # behaves as sqlite3's where a journal needs it
    ...
    disk.cut()                              # files are now what a machine finds after the cut
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import apsw

_CODES: Final = {
    apsw.FullError: sqlite3.SQLITE_FULL,
    apsw.IOError: sqlite3.SQLITE_IOERR,
    apsw.CorruptError: sqlite3.SQLITE_CORRUPT,
    apsw.BusyError: sqlite3.SQLITE_BUSY,
    apsw.ConstraintError: sqlite3.SQLITE_CONSTRAINT,
    apsw.NotADBError: sqlite3.SQLITE_NOTADB,
    apsw.ReadOnlyError: sqlite3.SQLITE_READONLY,
    apsw.CantOpenError: sqlite3.SQLITE_CANTOPEN,
}


class Fault(StrEnum):
    """What happens at the chosen operation."""

    FULL_ONCE = "full_once"
    """There is no room for this write."""
    FAILED_ONCE = "failed_once"
    """This write or sync fails; the next goes well again."""
    TORN_ONCE = "torn_once"
    """Half of this write arrives, and it fails."""
    DEAD = "dead"
    """From here on everything fails."""
    POWER_CUT = "power_cut"
    """From here on everything fails, and what was not synced may be gone."""


class BadDisk:
    """See the module's text.

    Args:
        fails_at: Number of the operation at which it fails, counted from 1; 0 for never.
        fault: How.
        rng: Decides which writes a power cut takes.
    """

    def __init__(self, *, fails_at: int = 0, fault: Fault, rng: random.Random) -> None:
        self.operations = 0
        """Writes, syncs and truncations so far."""
        self.has_failed = False
        self._fails_at = fails_at
        self._fault = fault
        self._rng = rng
        self._unsynced: dict[str, list[tuple[int, bytes, int]]] = {}
        """File -> (offset, bytes that stood there, size of the file before), oldest first."""
        self._name = f"bad-{id(self):x}"
        self._layer = _Layer(self._name, self)

    def connect(self, path: Path, *, synchronous: str = "FULL") -> BadConnection:
        """A connection over this disk, with the settings of a journal."""
        connection = BadConnection(path, self._name)
        for pragma in ("foreign_keys = ON", "journal_mode = WAL", f"synchronous = {synchronous}"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def cut(self) -> None:
        """Takes back what had not been synced, write by write or from some write on."""
        if self._fault is not Fault.POWER_CUT:
            return
        for name, writes in self._unsynced.items():
            if not Path(name).exists():
                continue
            with Path(name).open("r+b") as file:
                for offset, before, size in reversed(writes):
                    if self._rng.random() < 0.5:
                        file.seek(offset)
                        file.write(before)
                        if size < offset + len(before):
                            file.truncate(max(size, offset))
        self._unsynced.clear()

    def close(self) -> None:
        """Takes the layer out of SQLite."""
        self._layer.unregister()

    def count(self) -> Fault | None:
        """Counts an operation; gives the fault that meets it."""
        self.operations += 1
        is_now = self.operations == self._fails_at
        lasts = self._fault in {Fault.DEAD, Fault.POWER_CUT}
        if is_now or (self.has_failed and lasts):
            self.has_failed = True
            return self._fault
        return None

    def remember(self, name: str, offset: int, before: bytes, size: int) -> None:
        """Notes what a write is about to replace."""
        self._unsynced.setdefault(name, []).append((offset, before, size))

    def synced(self, name: str) -> None:
        """Everything that was written to a file is safe."""
        self._unsynced.pop(name, None)


class _File(apsw.VFSFile):
    def __init__(self, disk: BadDisk, name: Any, flags: list[int]) -> None:  # noqa: ANN401 # SQLite's own name
        super().__init__("", name, flags)
        self._disk = disk
        self._path = name.filename() if hasattr(name, "filename") else str(name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 # SQLite names it
        """Writes, or fails as the disk says."""
        fault = self._disk.count()
        if fault is Fault.TORN_ONCE:
            super().xWrite(data[: len(data) // 2], offset)
        if fault is Fault.FULL_ONCE:
            raise apsw.FullError("the disk is full")
        if fault is not None:
            raise apsw.IOError("the disk failed")
        size = self.xFileSize()
        there = max(0, min(len(data), size - offset))
        before = super().xRead(there, offset) if there else b""
        self._disk.remember(self._path, offset, before.ljust(len(data), b"\0"), size)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 # SQLite names it
        """Makes writes safe, or fails."""
        if self._disk.count() is not None:
            raise apsw.IOError("the disk failed")
        super().xSync(flags)
        self._disk.synced(self._path)

    def xTruncate(self, size: int) -> None:  # noqa: N802 # SQLite names it
        """Shortens, or fails."""
        if self._disk.count() is not None:
            raise apsw.IOError("the disk failed")
        super().xTruncate(size)


class _Layer(apsw.VFS):
    def __init__(self, name: str, disk: BadDisk) -> None:
        self._disk = disk
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: ANN401, N802 # SQLite names it
        """Opens a file of this disk."""
        return _File(self._disk, name, flags)


class BadConnection:
    """As much of `sqlite3.Connection` as a journal uses, over a bad disk; errors are sqlite3's."""

    def __init__(self, path: Path, layer: str) -> None:
        self._inner = _said(lambda: apsw.Connection(os.fspath(path), vfs=layer))

    def execute(self, statement: str, values: Sequence[object] = ()) -> BadCursor:
        """Runs a statement."""
        return BadCursor(_said(lambda: self._inner.execute(statement, tuple(values))))

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> BadCursor:
        """Runs a statement with each row."""
        given = [tuple(row) for row in rows]
        return BadCursor(_said(lambda: self._inner.executemany(statement, given)))

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._inner.in_transaction)

    def close(self) -> None:
        """Closes; what fails then fails in silence, as at the death of a process."""
        with suppress(apsw.Error):
            self._inner.close(force=True)


class BadCursor:
    """Rows of a statement."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 # apsw's cursor
        self._inner = inner

    def fetchone(self) -> Any:  # noqa: ANN401 # a row of anything
        """The next row."""
        return _said(self._inner.fetchone)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(_said(self._inner.fetchall))

    def __iter__(self) -> Any:  # noqa: ANN401 # rows of anything
        return iter(self.fetchall())


def _said(call: Any) -> Any:  # noqa: ANN401 # whatever a call gives
    """What a call gives; its errors are those that sqlite3 would have raised."""
    try:
        return call()
    except apsw.Error as error:
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
        told = sqlite3.OperationalError(str(error))
        told.sqlite_errorcode = sqlite3.SQLITE_ERROR if code is None else code
        raise told from error
