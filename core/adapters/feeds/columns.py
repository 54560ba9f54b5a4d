"""Columns of a recording as they are read: text, integers or binary floats, never yet prices.

A block is some consecutive rows of one file. Text columns keep the file's own bytes with the start
and end of each field, so that numbers are read from their digits by whole arrays at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TextColumn:
    """Fields of text inside one buffer; an empty field is an unknown value."""

    buffer: Bytes
    """The file's bytes."""
    start: Ints
    """Offset of each field's first byte."""
    end: Ints
    """Offset behind each field's last byte."""

    def __len__(self) -> int:
        return len(self.start)

    def text(self, row: int) -> str:
        """One field."""
        return self.buffer[self.start[row] : self.end[row]].tobytes().decode("utf-8", "replace")

    def take(self, rows: Ints | Flags) -> TextColumn:
        """Some of the rows."""
        return TextColumn(self.buffer, self.start[rows], self.end[rows])

    def equals(self, text: str) -> Flags:
        """Which fields are exactly `text`."""
        letters = text.encode()
        same: Flags = self.end - self.start == len(letters)
        last = len(self.buffer) - 1
        for place, letter in enumerate(letters):
            same = same & (self.buffer[np.minimum(self.start + place, last)] == letter)
        return same

    @cached_property
    def keys(self) -> npt.NDArray[np.uint64]:
        """A 64-bit hash of each field's text."""
        length = self.end - self.start
        width = int(length.max(initial=0))
        found = length.astype(np.uint64)
        last = max(0, len(self.buffer) - 1)
        factor = np.uint64(0x100000001B3)
        for place in range(width):
            byte = self.buffer[np.minimum(self.start + place, last)].astype(np.uint64)
            inside = place < length
            found = np.where(inside, found * factor + byte, found)
        return found


@dataclass(frozen=True)
class IntColumn:
    """Integers as the file stores them; `known` is None where every row has a value."""

    values: Ints
    known: Flags | None = None
    is_time_ns: bool = False
    """Whether the file itself says that these are times, brought to nanoseconds since 1970."""

    def __len__(self) -> int:
        return len(self.values)

    def text(self, row: int) -> str:
        """One value, empty for unknown."""
        return "" if self.known is not None and not self.known[row] else str(int(self.values[row]))

    def take(self, rows: Ints | Flags) -> IntColumn:
        """Some of the rows."""
        known = None if self.known is None else self.known[rows]
        return IntColumn(self.values[rows], known, self.is_time_ns)

    def equals(self, text: str) -> Flags:
        """Which values have the decimal text `text`."""
        if not text.removeprefix("-").isdecimal():
            return np.zeros(len(self.values), np.bool_) if text else ~self._is_known()
        same: Flags = (self.values == int(text)) & self._is_known()
        return same

    def _is_known(self) -> Flags:
        return np.ones(len(self.values), np.bool_) if self.known is None else self.known

    @property
    def keys(self) -> npt.NDArray[np.uint64]:
        """The values themselves; an unknown one has the key of its filling."""
        return self.values.view(np.uint64)


@dataclass(frozen=True)
class FloatColumn:
    """Binary floats, read by their shortest decimal text; NaN is an unknown value."""

    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def text(self, row: int) -> str:
        """One value, in its shortest text."""
        return repr(float(self.values[row]))

    def take(self, rows: Ints | Flags) -> FloatColumn:
        """Some of the rows."""
        return FloatColumn(self.values[rows])

    def equals(self, text: str) -> Flags:
        """Which values have the shortest text `text`."""
        return np.array([repr(float(value)) == text for value in self.values], np.bool_)

    @property
    def keys(self) -> npt.NDArray[np.uint64]:
        """The values' bits."""
        return self.values.view(np.uint64)


Column = TextColumn | IntColumn | FloatColumn


def text_column(texts: Sequence[str | None]) -> TextColumn:
    """A column of given texts; None is an empty field."""
    fields = [(text or "").encode() for text in texts]
    end = np.cumsum([len(field) for field in fields], dtype=np.int64)
    start = np.concatenate((np.zeros(min(1, len(end)), np.int64), end[:-1]))
    return TextColumn(np.frombuffer(b"".join(fields) or b" ", np.uint8), start, end)


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a file."""

    source: str
    """File name, for messages."""
    first_row: int
    """1-based number of the first data row."""
    columns: Mapping[str, Column]
    numbers: Ints | None = None
    """Row numbers of a block that was thinned out, counted from its first row."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int) -> str:
        """Where row `row` of this block stands, for messages."""
        number = row if self.numbers is None else int(self.numbers[row])
        return f"{self.source}, row {self.first_row + number}"

    def take(self, rows: Flags) -> Block:
        """The rows for which `rows` is true; they keep their numbers."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        numbers = np.flatnonzero(rows) if self.numbers is None else self.numbers[rows]
        return Block(self.source, self.first_row, columns, numbers)


class Table(Protocol):
    """A file of rows."""

    path: Path
    names: tuple[str, ...]
    """Column names in the file's order."""

    def blocks(self, wanted: frozenset[str]) -> Iterator[Block]:
        """The rows with the wanted columns that the file has, in the file's order.

        Raises:
            FeedError: For a file that is damaged or not what its name says.
        """
