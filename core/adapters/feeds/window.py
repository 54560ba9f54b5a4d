"""A part of a recording: its rows from one moment to another, counted from 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np

from core.adapters.exchanges.models import from_ns
from core.errors import FeedError
from core.services.ports import Chunk, Feed, FundingRow

SLACK_NS: Final = 60 * 1_000_000_000
"""How much later than asked the first row may come, and how much earlier the last one: the first
trade of a day is no midnight."""
_COLUMNS: Final = tuple(
    field.name
    for field in fields(Chunk)
    if field.name not in {"first_row", "price_unit", "amount_unit"}
)


class Window:
    """The rows of a feed from `from_ns` on and before `to_ns`: a `Feed` too.

    Args:
        feed: A finite recording.
        from_ns: First moment; None for its beginning.
        to_ns: The first moment that no longer belongs to it; None for its end.
        slack_ns: How far the recording may fall short of either; a candle's length for candles.

    Raises:
        FeedError: If the recording does not reach from one to the other, or has no row between.
    """

    def __init__(
        self,
        feed: Feed,
        from_ns: int | None,
        to_ns: int | None,
        *,
        slack_ns: int = SLACK_NS,
    ) -> None:
        self._feed = feed
        self.name, self.kind, self.has_book = feed.name, feed.kind, feed.has_book
        self._from_ns, self._to_ns = from_ns, to_ns
        self._refuse_uncovered(slack_ns)
        self._skip, self.rows, first, last = self._find()
        if not self.rows:
            raise FeedError(f"{feed.name} has no row between --from and --to.", remedy=self._inside)
        self.first_ns: int | None = first
        self.last_ns: int | None = last

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """See `Feed.chunks`."""
        end = self._skip + self.rows
        for chunk in self._feed.chunks(self._skip + from_row):
            count = min(len(chunk), end - chunk.first_row)
            if count > 0:
                yield _cut(chunk, count, chunk.first_row - self._skip)
            if count < len(chunk):
                return

    def funding(self) -> Sequence[FundingRow]:
        """The settlements between the two moments."""
        return tuple(
            row
            for row in self._feed.funding()
            if (self._from_ns is None or row.ts_ns >= self._from_ns)
            and (self._to_ns is None or row.ts_ns < self._to_ns)
        )

    @property
    def _inside(self) -> str:
        first, last = self._feed.first_ns, self._feed.last_ns
        return f"It holds {_iso(first)} to {_iso(last)}."

    def _refuse_uncovered(self, slack_ns: int) -> None:
        first, last = self._feed.first_ns, self._feed.last_ns
        if first is None or last is None:
            raise FeedError(f"{self._feed.name} has no beginning and no end to cut from.")
        if self._from_ns is not None and first > self._from_ns + slack_ns:
            raise FeedError(
                f"{self._feed.name} does not cover --from {_iso(self._from_ns)}.",
                remedy=self._inside,
            )
        if self._to_ns is not None and last < self._to_ns - slack_ns:
            raise FeedError(
                f"{self._feed.name} does not cover --to {_iso(self._to_ns)}.", remedy=self._inside
            )

    def _find(self) -> tuple[int, int, int, int]:
        """Rows before the first one, how many there are, and the times of the first and last."""
        skip, rows, first, last = 0, 0, 0, 0
        for chunk in self._feed.chunks():
            ts_ns = np.asarray(chunk.ts_ns, np.int64)
            start = 0 if self._from_ns is None else int(np.searchsorted(ts_ns, self._from_ns))
            stop = len(ts_ns)
            if self._to_ns is not None:
                stop = int(np.searchsorted(ts_ns, self._to_ns))
            if not rows:
                skip += start
            if stop > start:
                first = first if rows else int(ts_ns[start])
                last = int(ts_ns[stop - 1])
                rows += stop - start
            if stop < len(ts_ns):
                break
        return skip, rows, first, last


class Rows:
    """The first so many rows of a feed: a `Feed` too, and one that ends.

    Args:
        feed: Any feed that can be read ahead.
        rows: How many.
    """

    def __init__(self, feed: Feed, rows: int) -> None:
        self._feed = feed
        self.rows = rows
        self.name, self.kind, self.has_book = feed.name, feed.kind, feed.has_book
        self.first_ns: int | None = feed.first_ns
        self.last_ns: int | None = None

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """See `Feed.chunks`."""
        if from_row >= self.rows:
            return
        for chunk in self._feed.chunks(from_row):
            count = min(len(chunk), self.rows - chunk.first_row)
            yield _cut(chunk, count, chunk.first_row)
            if chunk.first_row + count >= self.rows:
                return

    def funding(self) -> Sequence[FundingRow]:
        """As the feed answers."""
        return self._feed.funding()


def _cut(chunk: Chunk, count: int, first_row: int) -> Chunk:
    """The first rows of a chunk, numbered anew."""
    if count == len(chunk):
        return replace(chunk, first_row=first_row)
    columns: dict[str, Any] = {
        name: None if (column := getattr(chunk, name)) is None else column[:count]
        for name in _COLUMNS
    }
    return replace(chunk, first_row=first_row, **columns)


def _iso(ns: int | None) -> str:
    return "an unknown time" if ns is None else f"{from_ns(ns):%Y-%m-%dT%H:%M:%S}Z"
