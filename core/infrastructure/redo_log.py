"""A log beside a file: what the file will hold is appended here first, one record at a time.

Where a transaction of its own for every moment is too dear, and nothing outside could disagree, a
store appends a record instead, and takes many of them in as one transaction later. A record is
there as soon as `append` returns: the death of the process at any instruction loses none (that of
the machine may, nothing waits for the disk). A record that was cut off while it was written counts
as never written.

The file keeps the number of the last record that it has taken in, so that one is never taken twice.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct("<IIQ")
"""Length, checksum and number of a record."""


class RedoLog:
    """Records of one file.

    Args:
        path: The log; it is created when there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = 0

    @classmethod
    def beside(cls, path: Path) -> RedoLog:
        """The log that belongs to a file."""
        return cls(path_beside(path))

    def append(self, number: int, payload: bytes) -> None:
        """Adds a record, whole or not at all.

        Raises:
            OSError: If there is no room, or the log cannot be written.
        """
        record = _HEAD.pack(len(payload), zlib.crc32(payload), number) + payload
        try:
            written = os.write(self._file, record)
            if written < len(record):
                os.write(self._file, record[written:])
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(record)

    def records(self) -> list[tuple[int, bytes]]:
        """Number and payload of every whole record, oldest first; what follows them is cut off."""
        os.lseek(self._file, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as file:
            data = file.read()
        found: list[tuple[int, bytes]] = []
        place = 0
        while place + _HEAD.size <= len(data):
            length, checksum, number = _HEAD.unpack_from(data, place)
            payload = data[place + _HEAD.size : place + _HEAD.size + length]
            if len(payload) < length or zlib.crc32(payload) != checksum:
                break
            found.append((number, payload))
            place += _HEAD.size + length
        self._size = place
        os.ftruncate(self._file, place)
        return found

    def clear(self) -> None:
        """Forgets every record: the file has taken them in."""
        os.ftruncate(self._file, 0)
        self._size = 0

    def close(self) -> None:
        """Closes the log; one without records goes. Idempotent."""
        if self._file < 0:
            return
        os.close(self._file)
        self._file = -1
        if not self._size:
            self._path.unlink(missing_ok=True)


def path_beside(path: Path) -> Path:
    """Where the log of a file is."""
    return path.with_name(f"{path.name}.redo")
