"""Logs: a file per area, rotating, without secrets, and never in the way of trading.

    log = logging.getLogger(__name__)
    log.info("order.filled", extra=fields(venue="paper", symbol="BTC-USDC-PERP", amount=amount))

    2026-11-21T10:00:00.123Z INFO core.adapters.exchanges.paper order.filled venue=paper symbol=…

Each line goes to the file of its area (`Grid.log`, `Execution.log` …), at info and above also to
`ctos.log`, and to a ring in memory that the log screen reads. At this one place secrets are masked,
control characters replaced and repeats counted instead of written. A full disk or a removed folder
is counted in `failures` and raises nowhere. Nothing is ever written to stdout or stderr.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from core.infrastructure.clock import datetime_of, iso_utc
from core.infrastructure.files import PRIVATE_FILE, PRIVATE_FOLDER
from core.infrastructure.foreign_text import clean, tame
from core.infrastructure.redaction import redact, register_secret

__all__ = ["LogLine", "LogRing", "LogSetup", "fields", "redact", "register_secret", "setup_logging"]

MAX_FILE_BYTES = 5_000_000
KEPT_FILES = 3
RING_LINES = 2_000
_LONGEST_MESSAGE = 4_000

AREAS = {
    "core.adapters.exchanges": "ExchangeAdapter",
    "core.adapters.feeds": "Feed",
    "core.adapters.notifications": "Notification",
    "core.adapters.storage": "Storage",
    "core.engine": "Engine",
    "core.infrastructure": "Engine",
    "core.services.execution": "Execution",
    "core.services.funding": "Funding",
    "core.services.grid": "Grid",
    "core.services.market_data": "MarketData",
    "core.services.portfolio": "Portfolio",
    "core.services.risk": "Risk",
    "core.wiring": "Engine",
    "tui": "Screen",
}
"""Prefix of a logger's name → file in the log folder; the longest prefix wins."""
EVERYTHING = "ctos"

PINNED = (
    "aiofastnet",
    "aiohttp",
    "apprise",
    "asyncio",
    "ccxt",
    "eth_account",
    "httpcore",
    "httpx",
    "ib_async",
    "ib_insync",
    "numba",
    "picows",
    "telegram",
    "urllib3",
    "websocket",
    "websockets",
)
"""Libraries that put headers or whole addresses, and so keys, into their lower levels (SK6)."""

_BARE_VALUE = re.compile(r"[^\s\"'=\\]+")


def fields(**values: object) -> dict[str, Any]:
    """The `extra` of a log call: `log.info("order.filled", extra=fields(venue="paper"))`."""
    return {"fields": values}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line, as it was written."""

    at: datetime
    level: str
    """`debug`, `info`, `warning`, `error` or `critical`."""
    source: str
    """The logger's name: the module that spoke."""
    text: str
    """Message and fields, without secrets and control characters."""


class LogRing:
    """The newest lines, for the log screen."""

    def __init__(self, capacity: int = RING_LINES) -> None:
        self._lines: deque[LogLine] = deque(maxlen=capacity)
        self.count = 0
        """How many lines were ever added; a reader sees by it that there is something new."""

    def append(self, line: LogLine) -> None:
        """Adds a line, dropping the oldest when full."""
        self._lines.append(line)
        self.count += 1

    def newest(self, limit: int | None = None, *, source: str = "") -> tuple[LogLine, ...]:
        """The newest lines, oldest first; those whose source begins with `source`."""
        lines = [line for line in tuple(self._lines) if line.source.startswith(source)]
        return tuple(lines if limit is None else lines[-limit:] if limit else ())


class LogFile:
    """A file that is appended to, renamed when it is full, and opened when it is first needed.

    Several processes may write to one: lines are appended whole, and a file that another process
    renamed is noticed and opened anew.
    """

    def __init__(
        self, path: Path, *, max_bytes: int = MAX_FILE_BYTES, kept: int = KEPT_FILES
    ) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._descriptor: int | None = None

    def write(self, line: str) -> None:
        """Appends a line.

        Raises:
            OSError: If it cannot be written.
        """
        raw = line.encode("utf-8", "replace") + b"\n"
        if self._descriptor is None or self._is_elsewhere():
            self._open()
        if self._size() + len(raw) > self._max_bytes and self._size() > 0:
            self._rotate()
        if self._descriptor is not None:
            os.write(self._descriptor, raw)

    def close(self) -> None:
        """Closes the file; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        self.close()
        self.path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(self.path, flags, PRIVATE_FILE)

    def _size(self) -> int:
        return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def _is_elsewhere(self) -> bool:
        if self._descriptor is None:
            return True
        try:
            there = self.path.stat()
        except OSError:
            return True
        ours = os.fstat(self._descriptor)
        return (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino)

    def _rotate(self) -> None:
        self.close()
        for number in range(self._kept - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        if self._kept > 0:
            self.path.replace(self._numbered(1))
        else:
            self.path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


class Repeats:
    """Lets the same line through a few times a minute and counts the rest.

    Args:
        burst: How many identical lines pass in a window.
        window_s: Length of the window in seconds.
    """

    def __init__(self, *, burst: int = 5, window_s: float = 60.0, capacity: int = 1_000) -> None:
        self._burst = burst
        self._window_s = window_s
        self._capacity = capacity
        self._seen: OrderedDict[object, tuple[float, int]] = OrderedDict()

    def admit(self, key: object, at_s: float) -> int | None:
        """None to drop the line; else how many of its kind were dropped before it."""
        began_s, count = self._seen.get(key, (at_s, 0))
        dropped = 0
        if not 0 <= at_s - began_s < self._window_s:
            dropped = max(count - self._burst, 0)
            began_s, count = at_s, 0
        self._seen[key] = (began_s, count + 1)
        self._seen.move_to_end(key)
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return dropped if count < self._burst else None


class SinkHandler(logging.Handler):
    """The one place where lines leave: masks, cleans, counts repeats, writes, never raises."""

    def __init__(self, folder: Path, ring: LogRing, repeats: Repeats) -> None:
        super().__init__()
        self.failures = 0
        """Lines that could not be written."""
        self._folder = folder
        self._ring = ring
        self._repeats = repeats
        self._files: dict[str, LogFile] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record to its files and the ring."""
        try:
            self._emit(record)
        except Exception:  # noqa: BLE001 # a log line must never stop whoever wrote it (ST9)
            self.failures += 1

    def close(self) -> None:
        """Closes the files."""
        for file in self._files.values():
            file.close()
        super().close()

    def _emit(self, record: logging.LogRecord) -> None:
        text = line_text(record)
        dropped = self._repeats.admit((record.name, record.levelno, text), record.created)
        if dropped is None:
            return
        if dropped:
            text += f" repeated={dropped}"
        at_ns = int(record.created * 1_000_000) * 1_000
        level = record.levelname
        self._ring.append(
            LogLine(at=datetime_of(at_ns), level=level.lower(), source=record.name, text=text)
        )
        whole = f"{iso_utc(at_ns)} {level} {record.name} {text}{trace_text(record)}"
        names = {area_of(record.name)} | ({EVERYTHING} if record.levelno >= logging.INFO else set())
        for name in sorted(names):
            self._write(name, whole)

    def _write(self, name: str, line: str) -> None:
        try:
            if name not in self._files:
                self._files[name] = LogFile(self._folder / f"{name}.log")
            self._files[name].write(line)
        except OSError:
            self.failures += 1


class LogSetup:
    """Logging as it was set up; `close` puts back what was there before."""

    def __init__(self, handler: SinkHandler, ring: LogRing, levels: Mapping[str, int]) -> None:
        self.ring = ring
        self._handler = handler
        self._levels = levels

    @property
    def failures(self) -> int:
        """How many times a line could not be written."""
        return self._handler.failures

    def close(self) -> None:
        """Takes the handler away and closes the files."""
        root = logging.getLogger()
        root.removeHandler(self._handler)
        self._handler.close()
        logging.captureWarnings(capture=False)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


def setup_logging(
    folder: Path,
    *,
    level: str = "info",
    ring: LogRing | None = None,
    clients: Iterable[str] = (),
) -> LogSetup:
    """Sends every log line of the process to files in `folder` and to a ring.

    Args:
        folder: Made when the first line is written.
        level: Least level of ctos's own lines; libraries speak from warning on.
        ring: Where the newest lines are kept; a new one by default.
        clients: Loggers of venues' own client libraries, kept as quiet as `PINNED`.
    """
    lines = ring or LogRing()
    handler = SinkHandler(folder, lines, Repeats())
    root = logging.getLogger()
    wanted = {
        "": logging.WARNING,
        "core": logging.getLevelNamesMapping()[level.upper()],
        "tui": logging.getLevelNamesMapping()[level.upper()],
        **dict.fromkeys((*PINNED, *clients), logging.WARNING),
    }
    before = {name: logging.getLogger(name).level for name in wanted}
    for name, number in wanted.items():
        logging.getLogger(name).setLevel(number)
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    return LogSetup(handler, lines, before)


def area_of(name: str) -> str:
    """The file, without its ending, that a logger of this name writes to."""
    while name:
        if area := AREAS.get(name):
            return area
        name = name.rpartition(".")[0]
    return EVERYTHING


def line_text(record: logging.LogRecord) -> str:
    """Message and fields on one line, safe to show."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 # wrong arguments of a log call are shown, not raised
        message = f"{record.msg} {record.args!r}"
    extra = getattr(record, "fields", None)
    if isinstance(extra, Mapping):
        message = " ".join([message, *(f"{key}={_value(value)}" for key, value in extra.items())])
    return tame(message, _LONGEST_MESSAGE)


def trace_text(record: logging.LogRecord) -> str:
    """The traceback of a record, without local variables, each line marked; empty for none."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    lines = "".join(traceback.format_exception(record.exc_info[1])).splitlines()
    return "".join(f"\n    | {redact(clean(line))}" for line in lines)


def _value(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return text if _BARE_VALUE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
