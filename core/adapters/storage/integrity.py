"""Whether a database is sound, judged on a copy: the file itself is only read."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path

from core.adapters.storage.copying import copy_database
from core.adapters.storage.file import check, damaged, translate


def inspect(path: Path, *, counts_orders: bool = False) -> int:
    """Reads a whole database and compares its pages with each other.

    Args:
        path: The file.
        counts_orders: Whether it is a journal, whose orders are counted.

    Returns:
        How many orders it holds; 0 where they are not counted.

    Raises:
        JournalCorrupt: If it is damaged.
        JournalError: If it cannot be read.
    """
    try:
        if path.stat().st_size == 0:
            raise damaged(path, "it is empty")
    except OSError as error:
        raise damaged(path, f"it cannot be read ({error.strerror})") from error
    with tempfile.TemporaryDirectory(prefix="ctos-doctor-") as temporary:
        copy = Path(temporary, path.name)
        copy_database(path, copy)
        try:
            with contextlib.closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as there:
                check(there, path)
                if not counts_orders:
                    return 0
                return int(there.execute("SELECT COUNT(*) FROM intents").fetchone()[0])
        except sqlite3.Error as error:
            raise translate(error, path) from error


def order_prefixes(path: Path) -> tuple[str, ...]:
    """What the client order ids of a journal's bots begin with; none where it cannot be read."""
    if not path.is_file():
        return ()
    with tempfile.TemporaryDirectory(prefix="ctos-doctor-") as temporary:
        copy = Path(temporary, path.name)
        copy_database(path, copy)
        try:
            with contextlib.closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as there:
                rows = there.execute("SELECT DISTINCT order_prefix FROM bots").fetchall()
        except sqlite3.Error as error:
            raise translate(error, path) from error
    return tuple(sorted(str(row[0]) for row in rows if row[0]))
