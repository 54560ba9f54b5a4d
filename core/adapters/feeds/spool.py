"""Files of a recording: written line by line under a hidden name, and shown when they are whole.

    .trades-000003.part   grows; lines are flushed with every batch, so a killed process loses none
          │ full, or the end
          ▼
    trades-000003.parquet made beside it, synced, then renamed: it is there whole or not at all

What a killed process left as `.part` is finished by the next recording into the same folder; a
line that was cut in the middle is left out.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from core.infrastructure.files import PRIVATE_FILE, sync_folder

LIMIT_BYTES: Final = 64 * 1024 * 1024
"""A part of this size is finished and the next begun."""
_NUMBER: Final = re.compile(r"-(\d{6})\.")

Finish = Callable[[Path, Path], Path]
"""(a whole part, the name without its end) -> the file that was made of it; the part stays."""


async def in_thread(work: Callable[[], None]) -> None:
    """Writes where nobody on the loop waits for a disk."""
    await asyncio.to_thread(work)


def renamed(suffix: str) -> Finish:
    """Takes a part as it is."""

    def finish(part: Path, stem: Path) -> Path:
        target = stem.with_name(f"{stem.name}{suffix}")
        part.replace(target)
        return target

    return finish


class Spool:
    """The files of one kind.

    Args:
        folder: Where they are; it exists.
        name: What their names begin with.
        header: First line of a part; empty for none.
        finish: Makes the file of a part.
        limit_bytes: When a part is full.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        header: str,
        finish: Finish,
        *,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self.rows = 0
        """Written by this spool."""
        self.files: list[Path] = []
        """Finished, in order; those that were left behind first."""
        self._folder = folder
        self._name = name
        self._header = f"{header}\n" if header else ""
        self._finish = finish
        self._limit_bytes = limit_bytes
        self._file: IO[bytes] | None = None
        self._part: Path | None = None
        self._written = 0
        self.recovered = 0
        """Parts of a process that was killed."""
        for part in sorted(folder.glob(f".{name}-??????.part")):
            self.recovered += 1
            _cut(part)
            self._show(part)
        self._number = max((_number(path) for path in folder.glob(f"{name}-*")), default=0)
        self.has_earlier = self._number > 0
        """Whether another recording wrote here before."""

    def write(self, lines: Sequence[str]) -> None:
        """Appends whole lines and hands them to the system; finishes a part that is full.

        Raises:
            OSError: If there is no room.
        """
        if not lines:
            return
        file = self._open()
        data = ("\n".join(lines) + "\n").encode()
        file.write(data)
        file.flush()
        self._written += len(data)
        self.rows += len(lines)
        if self._written >= self._limit_bytes:
            self.close()

    def close(self) -> None:
        """Finishes the part that is open; idempotent."""
        if self._file is None or self._part is None:
            return
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._show(self._part)

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._number += 1
            self._part = self._folder / f".{self._name}-{self._number:06}.part"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.fdopen(os.open(self._part, flags, PRIVATE_FILE), "wb")
            self._file.write(self._header.encode())
            self._written = 0
        return self._file

    def _show(self, part: Path) -> None:
        if part.stat().st_size <= len(self._header.encode()):
            part.unlink()
            return
        stem = part.with_name(part.name.removeprefix(".").removesuffix(".part"))
        self.files.append(self._finish(part, stem))
        part.unlink(missing_ok=True)
        sync_folder(self._folder)


def _cut(part: Path) -> None:
    """Leaves out a last line that has no end."""
    with part.open("r+b") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)


def _number(path: Path) -> int:
    found = _NUMBER.search(path.name)
    return 0 if found is None else int(found[1])
