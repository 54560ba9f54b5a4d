"""The engine's own record of its starts, so that a crash loop is noticed (reliability PR6).

A start that neither ended nor took in an order event is a crash that brought nothing forward. Some
of those within a few minutes mean that starting again does not help: the engine then comes up in
safe mode, where nothing new is sent until a person releases it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from core.infrastructure.files import write_atomic

log = logging.getLogger(__name__)

WINDOW_NS: Final = 10 * 60 * 1_000_000_000
CRASH_LIMIT: Final = 3
KEPT: Final = 32


class Start(msgspec.Struct):
    """One start of an engine."""

    at_ns: int
    pid: int
    has_progressed: bool = False
    """Whether an order event was processed."""
    is_ended: bool = False
    """Whether it came to an end of its own."""

    @property
    def is_crash(self) -> bool:
        """Whether it died without having brought anything forward."""
        return not (self.has_progressed or self.is_ended)


@dataclass(slots=True)
class StartRecord:
    """The starts of the engines of one folder; only the holder of its lease writes it.

    Args:
        path: The file.
        limit: Crashes within ten minutes that mean safe mode; 0 for never.
    """

    path: Path
    limit: int = CRASH_LIMIT
    _current: Start | None = None
    _starts: tuple[Start, ...] = ()

    def begin(self, at_ns: int, pid: int) -> bool:
        """Notes this start and says whether it must be in safe mode."""
        self._starts = self._read()[-KEPT:]
        recent = [
            item for item in self._starts if item.is_crash and 0 <= at_ns - item.at_ns < WINDOW_NS
        ]
        self._current = Start(at_ns=at_ns, pid=pid)
        self._starts = (*self._starts, self._current)
        self._write()
        return 0 < self.limit <= len(recent)

    def progressed(self) -> None:
        """An order event was processed; only the first call writes."""
        if self._current is not None and not self._current.has_progressed:
            self._current.has_progressed = True
            self._write()

    def released(self) -> None:
        """A person has looked: what crashed before counts no more."""
        for item in self._starts:
            item.is_ended = True
        self._write()

    def ended(self) -> None:
        """This engine ends of its own."""
        if self._current is not None:
            self._current.is_ended = True
            self._write()

    def _read(self) -> tuple[Start, ...]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=tuple[Start, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("starts.unreadable path=%s error=%s", self.path, error)
            return ()

    def _write(self) -> None:
        try:
            write_atomic(self.path, msgspec.json.encode(self._starts))
        except OSError as error:
            log.warning("starts.unwritten path=%s error=%s", self.path, error)
