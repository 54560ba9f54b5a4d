"""Times of a recording, in nanoseconds since 1970 UTC.

`ts_ns` counts nanoseconds, `ts_us` microseconds, `ts_ms` milliseconds; `ts` is milliseconds or ISO
8601 with an offset.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from core.adapters.exchanges.models import to_ns
from core.adapters.feeds.columns import Block, Flags, IntColumn, Ints, TextColumn
from core.adapters.feeds.numbers import read_decimals
from core.errors import FeedError

TIME_COLUMNS: Final = ("ts_ns", "ts_us", "ts_ms", "ts")
"""In the order of preference where a file has several."""

_NS_SCALE: Final = {"ts_ns": 0, "ts_us": 3, "ts_ms": 6, "ts": 6}
_UNITS: Final = {0: "nanoseconds", 3: "microseconds", 6: "milliseconds"}
_MAX_NS: Final = (1 << 63) - 1
_ISO: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s?(Z|z|[+-]\d{2}:?\d{2})",
    re.ASCII,
)
_ISO_LETTERS: Final = np.frombuffer(b"-T:", np.uint8)


def time_column(names: Sequence[str]) -> str | None:
    """The column that carries the time; None if there is none."""
    return next((name for name in TIME_COLUMNS if name in names), None)


def read_times(block: Block, name: str, *, optional: bool = False) -> tuple[Ints, Flags | None]:
    """Nanoseconds of each row, and which rows have a time (None for all).

    Args:
        block: The rows.
        name: One of `TIME_COLUMNS`.
        optional: Whether an empty time is allowed; it is then 0 and not known.

    Raises:
        FeedError: For a time that cannot be read, lies before 1970 or beyond what 63 bits of
            nanoseconds hold; the message names the row.
    """
    column = block.columns[name]
    if isinstance(column, IntColumn) and column.is_time_ns:
        return column.values, column.known
    if name == "ts" and isinstance(column, TextColumn) and _is_iso(column):
        return _from_iso(block, name, column), None
    found = read_decimals(block, name, optional=optional)
    power = _NS_SCALE[name] - found.scale
    nanoseconds = found.values * 10**power if power >= 0 else found.values // 10**-power
    outside = found.values < 0
    if power >= 0:
        outside |= found.values > _MAX_NS // 10**power
    if outside.any():
        row = int(np.argmax(outside))
        unit = _UNITS[_NS_SCALE[name]]
        raise FeedError(
            f"{block.place(row)}: {name} {column.text(row)!r} is no time in {unit} since 1970"
        )
    return nanoseconds, found.known


def _is_iso(column: TextColumn) -> bool:
    """Whether the first field that says anything has the letters of a date."""
    filled = np.flatnonzero(column.end > column.start)
    if not len(filled):
        return False
    row = int(filled[0])
    field = column.buffer[column.start[row] : column.end[row]]
    return len(field) > 9 and bool(np.isin(field[1:], _ISO_LETTERS).any())


def _from_iso(block: Block, name: str, column: TextColumn) -> Ints:
    values = np.empty(len(column), np.int64)
    for row in range(len(column)):
        text = column.text(row).strip()
        match = _ISO.fullmatch(text)
        if match is None:
            hint = "" if match or not _ISO.fullmatch(text + "Z") else " without an offset (+00:00)"
            raise FeedError(f"{block.place(row)}: {name} {text!r} is no ISO 8601 time{hint}")
        whole, fraction, offset = match.groups()
        try:
            at = datetime.fromisoformat(whole + offset.upper()).astimezone(UTC)
        except ValueError as error:
            raise FeedError(f"{block.place(row)}: {name} {text!r}: {error}") from error
        values[row] = to_ns(at) + int((fraction or "0").ljust(9, "0"))
    if len(values) and int(values.min()) < 0:
        row = int(np.argmin(values))
        raise FeedError(f"{block.place(row)}: {name} {column.text(row)!r} lies before 1970")
    return values
