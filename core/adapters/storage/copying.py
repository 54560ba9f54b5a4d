"""A sound copy of a database that others may be writing to: a look that disturbs nobody."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from core.adapters.storage.file import translate
from core.infrastructure.redo_log import path_beside


def copy_database(source: Path, target: Path) -> None:
    """Copies a database, and the log beside it that it has not taken in yet.

    Args:
        source: The file. It is opened for reading alone.
        target: Where the copy goes; its folder exists.

    Raises:
        JournalBusy: If its owner lets nobody look, as a run on virtual time does.
        JournalError: If it cannot be read.
    """
    # Whoever writes keeps a write-ahead log beside the file. Without one nobody does, and a file
    # that is opened as unchanging gets no such company from us.
    has_log = source.with_name(f"{source.name}-wal").exists()
    address = f"{source.as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(address, uri=True)) as here,
            contextlib.closing(sqlite3.connect(target)) as there,
        ):
            here.execute("PRAGMA busy_timeout = 2000")
            here.backup(there)
    except sqlite3.Error as error:
        raise translate(error, source) from error
    log = path_beside(source)
    if log.is_file():
        shutil.copyfile(log, path_beside(target))
        path_beside(target).chmod(0o600)
