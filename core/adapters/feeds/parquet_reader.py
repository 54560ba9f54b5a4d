"""Parquet as blocks of columns; needs pyarrow, which the `data` extra brings.

Text columns keep Arrow's own buffers. Decimals go through their text, floats stay floats until
their shortest text is wanted, times become nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.adapters.feeds.columns import (
    Block,
    Column,
    Flags,
    FloatColumn,
    IntColumn,
    TextColumn,
    text_column,
)
from core.errors import ExtraMissing, FeedError

BATCH_ROWS: Final = 1 << 17

Arrow = Any
"""Something of pyarrow's, which has no types and need not be installed."""


class ParquetTable:
    """One Parquet file."""

    def __init__(self, path: Path) -> None:
        """Reads the schema.

        Raises:
            ExtraMissing: Without pyarrow.
            FeedError: If the file is not readable as Parquet.
        """
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise ExtraMissing("data", f"Reading {path.name}") from error
        self.path = path
        self._arrow: Arrow = pa
        self._parquet: Arrow = parquet
        with self._open() as file:
            self.names: tuple[str, ...] = tuple(file.schema_arrow.names)

    def blocks(self, wanted: frozenset[str]) -> Iterator[Block]:
        """See `Table.blocks`."""
        names = [name for name in self.names if name in wanted]
        row = 1
        with self._open() as file:
            batches = file.iter_batches(batch_size=BATCH_ROWS, columns=names)
            while (batch := self._next(batches)) is not None:
                if batch.num_rows:
                    columns = {
                        name: self._column(name, batch.column(place))
                        for place, name in enumerate(names)
                    }
                    yield Block(self.path.name, row, columns)
                row += batch.num_rows

    def _open(self) -> Arrow:
        try:
            return self._parquet.ParquetFile(self.path)
        except (self._arrow.ArrowException, OSError) as error:
            raise FeedError(f"{self.path.name}: not readable as Parquet ({error})") from error

    def _next(self, batches: Iterator[Arrow]) -> Arrow:
        try:
            return next(batches, None)
        except (self._arrow.ArrowException, OSError) as error:
            raise FeedError(f"{self.path.name}: not readable as Parquet ({error})") from error

    def _column(self, name: str, array: Arrow) -> Column:
        types, kind = self._arrow.types, array.type
        if types.is_dictionary(kind):
            return self._column(name, array.dictionary_decode())
        if types.is_timestamp(kind):
            nanoseconds = array.cast(self._arrow.timestamp("ns", kind.tz))
            return replace(_integers(nanoseconds.cast(self._arrow.int64())), is_time_ns=True)
        if types.is_integer(kind) or types.is_boolean(kind):
            return _integers(array.cast(self._arrow.int64()))
        if types.is_float64(kind):
            return FloatColumn(array.to_numpy(zero_copy_only=False).astype(np.float64))
        return self._as_text(name, array)

    def _as_text(self, name: str, array: Arrow) -> TextColumn:
        types, kind = self._arrow.types, array.type
        if types.is_large_string(kind):
            return _text(array)
        if types.is_string(kind) or types.is_string_view(kind) or types.is_null(kind):
            return _text(array.cast(self._arrow.large_string()))
        if types.is_decimal(kind):
            return text_column([None if x is None else format(x, "f") for x in array.to_pylist()])
        if types.is_floating(kind):
            # Widening first would show binary digits that nobody wrote: 0.1 as 0.10000000149.
            narrow = array.to_numpy(zero_copy_only=False)
            return text_column(["" if np.isnan(value) else str(value) for value in narrow])
        raise FeedError(f"{self.path.name}: column {name} has the type {kind}, which is no number")


def _known(array: Arrow) -> Flags | None:
    return None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)


def _integers(array: Arrow) -> IntColumn:
    known = _known(array)
    filled = array if known is None else array.fill_null(0)
    return IntColumn(filled.to_numpy(zero_copy_only=False).astype(np.int64), known)


def _text(array: Arrow) -> TextColumn:
    """Views on Arrow's offsets and bytes; an unknown value is an empty field."""
    _, offsets_buffer, data = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset :][: len(array) + 1]
    start, end = offsets[:-1], offsets[1:]
    known = _known(array)
    if known is not None:
        end = np.where(known, end, start)
    has_bytes = data is not None and data.size
    buffer = np.frombuffer(data, np.uint8) if has_bytes else np.zeros(1, np.uint8)
    return TextColumn(buffer, start, end)
