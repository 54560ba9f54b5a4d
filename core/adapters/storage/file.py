"""Opening the journal's file: who may, with which modes, and whether it is sound.

A new journal is built under another name and renamed when it is whole, so that a file of zero
bytes is always damage and never a start that was interrupted.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import IO, Final

from core.adapters.storage.migrations import migrate, stamp
from core.adapters.storage.schema import SCHEMA_VERSION, TABLES
from core.errors import JournalBusy, JournalCorrupt, JournalError

BUSY_WAIT_S: Final = 2.0
_POLL_S: Final = 0.05
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class FileLock:
    """Holds `<file>.lock` for as long as this process lives; the system frees it at any death."""

    def __init__(self, path: Path, *, wait_s: float = BUSY_WAIT_S) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._file: IO[bytes] | None = None
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        deadline = time.monotonic() + wait_s
        while not _try_lock(self._file):
            if time.monotonic() >= deadline:
                self.release()
                raise JournalBusy(
                    f"{path} is held by another process.",
                    remedy="`ctos ps` shows what runs; end it with `ctos stop NAME`.",
                )
            time.sleep(_POLL_S)

    def release(self) -> None:
        """Lets others in. Idempotent."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


def prepare(path: Path, *, code_version: str) -> None:
    """Creates the journal where there is none, checks and migrates it where there is one.

    Raises:
        JournalCorrupt: If the file is damaged; it stays as it is.
        JournalError: If it belongs to a newer ctos or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _create(path, code_version=code_version)
        return
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise JournalError(
            f"{path} cannot be written.", remedy="Give this user write access to it and its folder."
        )
    if path.stat().st_size == 0:
        raise damaged(path, "it is empty")
    path.chmod(0o600)
    try:
        with contextlib.closing(connect(path)) as connection:
            check(connection, path)
            migrate(connection, path, code_version=code_version)
    except sqlite3.Error as error:
        raise translate(error, path) from error


def connect(path: Path, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """A connection with the settings every user of the journal needs; any thread may use it."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    # Nobody else looks into the journal of a run on virtual time, so its locks cost nothing.
    locking = "EXCLUSIVE" if synchronous == "OFF" else "NORMAL"
    for pragma in (
        f"busy_timeout = {int(BUSY_WAIT_S * 1000)}",
        "trusted_schema = OFF",
        "foreign_keys = ON",
        f"locking_mode = {locking}",
        "cache_size = -16000",
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Reads the whole file and compares its pages with each other.

    Raises:
        JournalCorrupt: With what is wrong.
    """
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise damaged(path, str(answer))


def damaged(path: Path, what: str) -> JournalCorrupt:
    """The error that tells what is kept and which ways lead out."""
    return JournalCorrupt(
        f"{path} is damaged: {what}. It was left as it is and nothing was sent.",
        remedy=(
            "Put a sound copy in its place, or move it (with its -wal and -shm) away and start:"
            " what rests at the venue is then reported as foreign and never touched."
        ),
    )


def translate(error: sqlite3.Error, path: Path) -> JournalError:
    """The error of our tree for one of SQLite's while a journal is opened."""
    code = primary(error)
    if code in _DAMAGED:
        return damaged(path, str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalBusy(f"{path} is locked by another process.")
    return JournalError(f"{path} cannot be used: {error}.")


def primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) or 0) & 0xFF


def identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _create(path: Path, *, code_version: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with contextlib.closing(connect(draft)) as connection:
            connection.executescript(f"BEGIN;{TABLES}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
            stamp(connection, code_version)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True
