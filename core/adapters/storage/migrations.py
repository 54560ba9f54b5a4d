"""Bringing an older journal to the schema of this code, with a copy of the old one kept.

A migration takes the schema from `version` to `version + 1`. All that are needed run in one
transaction, after a copy `<file>.schema-<old version>` was written. A journal newer than the code
is refused: an older programme must not write into what it does not understand.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from core.adapters.storage.schema import SCHEMA_VERSION
from core.errors import JournalError

MIGRATIONS: Mapping[int, str] = {}
"""Schema version -> the statements that lead to the next one."""


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    *,
    code_version: str,
    target: int = SCHEMA_VERSION,
    migrations: Mapping[int, str] = MIGRATIONS,
) -> int:
    """Brings an open journal to the `target` schema and stamps it.

    Returns:
        The version that it had before.

    Raises:
        JournalError: If the journal is newer than the code, or no way leads to the target.
    """
    version = schema_version(connection, path)
    if version > target:
        raise JournalError(
            f"{path} was written by a newer ctos (schema {version}, this one knows {target}).",
            remedy="Use that version, or set CTOS_HOME to another folder.",
        )
    if version < target:
        missing = [number for number in range(version, target) if number not in migrations]
        if missing:
            raise JournalError(f"{path} has schema {version}, from which no migration is known.")
        _keep_copy(connection, path.with_name(f"{path.name}.schema-{version}"))
        steps = "".join(migrations[number] for number in range(version, target))
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;{steps};PRAGMA user_version={target};COMMIT;"
            )
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
    stamp(connection, code_version)
    return version


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open journal.

    Raises:
        JournalError: If the file is a database, but no journal.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('meta', 'intents')"
    ).fetchone()[0]
    if tables != 2:
        raise JournalError(f"{path} is a database, but not a journal of ctos.")
    return version


def stamp(connection: sqlite3.Connection, code_version: str) -> None:
    """Writes down which code used the journal last."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('code_version', ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (code_version,),
    )


def _keep_copy(connection: sqlite3.Connection, path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with contextlib.closing(sqlite3.connect(path)) as copy:
        connection.backup(copy)
