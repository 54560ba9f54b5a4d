"""CSV and gzipped CSV as blocks of columns, without turning fields into Python objects.

The first line names the columns. A block whose lines all have that many plain fields (no quotes, no
empty lines) is cut by the positions of its separators; any other block goes through the csv module,
which is slower and gives the same. Memory stays that of one block, however long the file is.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

import numpy as np

from core.adapters.feeds.columns import Block, Bytes, Ints, TextColumn, text_column
from core.adapters.feeds.dialects import in_our_words
from core.errors import FeedError

BLOCK_BYTES: Final = 4 << 20
_COMMA: Final = ord(",")
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")
_MAX_HEADER: Final = 1 << 16
_ODD_MARKS: Final = (b", ", b" ,", b" \n", b"\n ")
_GZIP_MAGIC: Final = b"\x1f\x8b"


class CsvTable:
    """One CSV file, gzipped where its name ends in `.gz`."""

    def __init__(self, path: Path, *, block_bytes: int = BLOCK_BYTES) -> None:
        """Reads the header.

        Raises:
            FeedError: For an empty file, one without a header, or damaged gzip.
        """
        self.path = path
        self._block_bytes = block_bytes
        with self._open() as file:
            first = self._read(file, _MAX_HEADER).split(b"\n", 1)[0]
        self.names = self._header(first)

    def blocks(self, wanted: frozenset[str]) -> Iterator[Block]:
        """See `Table.blocks`."""
        row = 1
        with self._open() as file:
            for data in self._whole_lines(file):
                columns, count = self._columns(data, row, wanted)
                if count:
                    yield Block(self.path.name, row, columns)
                row += count

    def _open(self) -> IO[bytes]:
        with self.path.open("rb") as file:
            is_gzip = self.path.suffix == ".gz" or file.read(2) == _GZIP_MAGIC
        return cast("IO[bytes]", gzip.open(self.path, "rb")) if is_gzip else self.path.open("rb")

    def _read(self, file: IO[bytes], size: int) -> bytes:
        try:
            return file.read(size)
        except EOFError as error:
            raise FeedError(f"{self.path.name}: the gzip data ends too early") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise FeedError(f"{self.path.name}: damaged gzip data ({error})") from error
        except OSError as error:
            raise FeedError(f"{self.path.name}: cannot be read ({error.strerror})") from error

    def _header(self, line: bytes) -> tuple[str, ...]:
        text = line.decode("utf-8-sig", "replace").strip()
        if not text:
            raise FeedError(f"{self.path.name}: the file is empty, expected a line of column names")
        names = tuple(name.strip() for name in next(csv.reader([text])))
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise FeedError(f"{self.path.name}: the column {twice[0]!r} is named twice")
        return in_our_words(names)

    def _whole_lines(self, file: IO[bytes]) -> Iterator[bytes]:
        """The file behind its header, in pieces that end with a line's end."""
        rest = b""
        has_header = False
        while True:
            data = self._read(file, self._block_bytes)
            piece = rest + data
            if not has_header:
                _, newline, behind = piece.partition(b"\n")
                if not newline and data:
                    rest = piece
                    continue
                piece, has_header = behind, True
            if not data:
                if piece:
                    yield piece if piece.endswith(b"\n") else piece + b"\n"
                return
            cut = piece.rfind(b"\n") + 1
            rest = piece[cut:]
            if cut:
                yield piece[:cut]

    def _columns(
        self, data: bytes, row: int, wanted: frozenset[str]
    ) -> tuple[dict[str, TextColumn], int]:
        buffer = np.frombuffer(data, np.uint8)
        # One letter is found a dozen times as fast as two, and most files have neither of these.
        is_plain = b'"' not in data and not (
            b" " in data and any(mark in data for mark in _ODD_MARKS)
        )
        bounds = self._bounds(buffer) if is_plain else None
        if bounds is None:
            return self._careful(data, row, wanted)
        start, end = bounds
        return {
            name: TextColumn(buffer, start[:, place], end[:, place])
            for place, name in enumerate(self.names)
            if name in wanted
        }, len(start)

    def _bounds(self, buffer: Bytes) -> tuple[Ints, Ints] | None:
        """Start and end of every field as (row, column) arrays; None if the block is irregular."""
        width = len(self.names)
        found = np.flatnonzero((buffer == _COMMA) | (buffer == _NEWLINE))
        if len(found) % width:
            return None
        end = found.reshape(-1, width)
        is_line_end = buffer[end] == _NEWLINE
        if is_line_end[:, :-1].any() or not is_line_end[:, -1].all():
            return None
        start = np.empty_like(end)
        start.flat[0] = 0
        start.reshape(-1)[1:] = found[:-1] + 1
        before = buffer[np.maximum(end[:, -1] - 1, 0)]
        if (before == _RETURN).any():
            end = end.copy()
            end[:, -1] -= before == _RETURN
        if width == 1 and (start == end).any():
            return None
        return start, end

    def _fields(self, data: bytes, row: int) -> Iterator[list[str]]:
        lines = data.decode("utf-8", "replace").split("\n")
        try:
            yield from csv.reader(line.rstrip("\r") for line in lines)
        except csv.Error as error:
            raise FeedError(f"{self.path.name}, from row {row} on: {error}") from error

    def _careful(
        self, data: bytes, row: int, wanted: frozenset[str]
    ) -> tuple[dict[str, TextColumn], int]:
        """A block with quotes, empty lines or lines of another width."""
        width = len(self.names)
        rows: list[list[str]] = []
        for fields in self._fields(data, row):
            if len(fields) < 2 and not "".join(fields).strip():
                continue
            if len(fields) != width:
                raise FeedError(
                    f"{self.path.name}, row {row + len(rows)}: {len(fields)} fields, expected "
                    f"{width} ({', '.join(self.names)})"
                )
            rows.append([field.strip() for field in fields])
        return {
            name: text_column([fields[place] for fields in rows])
            for place, name in enumerate(self.names)
            if name in wanted
        }, len(rows)
