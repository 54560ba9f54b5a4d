"""The rows of a live feed, written down as they come, and read again as a recording.

A file of integers: eight of 64 bits a row (time, trade price, its amount, its side, bid, its
amount, ask, its amount; -1 for what a row does not carry), little end first. Rows whose units are
finer than those before are announced by a row whose time is -1, with the units as powers of ten and
whole numbers: `-1, price exponent, price step, amount exponent, amount step, 0, 0, 0`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from core.errors import FeedError
from core.services.ports import Chunk, FeedKind, FundingRow, PushFeed

WIDTH: Final = 8
ROW_BYTES: Final = 8 * WIDTH
_UNITS: Final = -1
_CHUNK_ROWS: Final = 1 << 16


class RowKeeper:
    """A live feed that writes down what it shows; otherwise the feed itself.

    Args:
        feed: Whose rows are kept.
        path: The file; a later life of the bot adds to it.
    """

    def __init__(self, feed: PushFeed, path: Path) -> None:
        self._feed = feed
        self._path = path
        self.name, self.kind, self.has_book = feed.name, feed.kind, feed.has_book
        self.first_ns, self.last_ns = feed.first_ns, feed.last_ns

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """As the feed answers."""
        return self._feed.chunks(from_row)

    def funding(self) -> Sequence[FundingRow]:
        """As the feed answers."""
        return self._feed.funding()

    async def stream(self, deliver: Callable[[Chunk], None]) -> Callable[[], None]:
        """See `PushFeed.stream`; each row is on its way to the file before it is delivered."""
        writer = _Writer(self._path)

        def take(chunk: Chunk) -> None:
            writer.add(chunk)
            deliver(chunk)

        try:
            end = await self._feed.stream(take)
        except BaseException:
            writer.close()
            raise

        def finish() -> None:
            end()
            writer.close()

        return finish


class KeptFeed:
    """Rows that were kept, as a recording.

    Args:
        path: The file.
        name: Of the feed that showed them.

    Raises:
        FeedError: If there are none, or the file is damaged.
    """

    kind = FeedKind.QUOTES
    has_book = True

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        try:
            raw = np.fromfile(path, "<i8")
        except OSError as error:
            raise FeedError(f"{path}: cannot be read ({error.strerror}).") from error
        # A process that was killed may have left a part of its last row.
        rows = raw[: len(raw) // WIDTH * WIDTH].reshape(-1, WIDTH)
        self._parts = list(_parts(rows, path))
        self.rows = sum(len(part) for part, _, _ in self._parts)
        if not self.rows:
            raise FeedError(f"{path} holds no row.")
        self.first_ns: int | None = int(self._parts[0][0][0, 0])
        self.last_ns: int | None = int(self._parts[-1][0][-1, 0])

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """See `Feed.chunks`."""
        first = 0
        for rows, price_unit, amount_unit in self._parts:
            for start in range(max(0, from_row - first), len(rows), _CHUNK_ROWS):
                piece = rows[start : start + _CHUNK_ROWS]
                yield _chunk(piece, first + start, price_unit, amount_unit)
            first += len(rows)

    def funding(self) -> Sequence[FundingRow]:
        """None was known beforehand."""
        return ()


class _Writer:
    """Adds rows to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: BinaryIO | None = path.open("ab", buffering=0)
        self._file.truncate(path.stat().st_size // ROW_BYTES * ROW_BYTES)
        self._units: tuple[Decimal, Decimal] | None = None

    def add(self, chunk: Chunk) -> None:
        if self._file is None:
            return
        units = (chunk.price_unit, chunk.amount_unit)
        if units != self._units:
            self._units = units
            head = [_UNITS, *_power(units[0]), *_power(units[1]), 0, 0, 0]
            self._file.write(np.array(head, "<i8").tobytes())
        count = len(chunk)
        columns = (
            chunk.ts_ns,
            chunk.last,
            chunk.amount,
            chunk.side,
            chunk.bid,
            chunk.bid_amount,
            chunk.ask,
            chunk.ask_amount,
        )
        rows = np.full((count, WIDTH), -1, "<i8")
        for place, column in enumerate(columns):
            if column is not None:
                rows[:, place] = column
        self._file.write(rows.tobytes())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _power(unit: Decimal) -> tuple[int, int]:
    """A unit as an exponent of ten and a whole number."""
    _, digits, exponent = unit.normalize().as_tuple()
    return int(exponent), int("".join(map(str, digits)))


def _parts(
    rows: npt.NDArray[np.int64], path: Path
) -> Iterator[tuple[npt.NDArray[np.int64], Decimal, Decimal]]:
    """Rows between two announcements of units, with those units."""
    if not len(rows):
        return
    marks = np.flatnonzero(rows[:, 0] == _UNITS).tolist()
    if not marks or marks[0] != 0:
        raise FeedError(f"{path} does not begin with its units: it is damaged.")
    for mark, end in zip(marks, [*marks[1:], len(rows)], strict=True):
        exponent, step, amount_exponent, amount_step = rows[mark, 1:5].tolist()
        if end > mark + 1:
            price_unit = Decimal(step).scaleb(exponent)
            yield rows[mark + 1 : end], price_unit, Decimal(amount_step).scaleb(amount_exponent)


def _chunk(
    rows: npt.NDArray[np.int64], first_row: int, price_unit: Decimal, amount_unit: Decimal
) -> Chunk:
    columns = [np.ascontiguousarray(rows[:, place]) for place in range(WIDTH)]
    ts_ns, last, amount, side, bid, bid_amount, ask, ask_amount = columns
    return Chunk(
        first_row=first_row,
        price_unit=price_unit,
        amount_unit=amount_unit,
        ts_ns=ts_ns,  # type: ignore[arg-type] # arrays behave as sequences of int
        last=last,  # type: ignore[arg-type]
        amount=amount,  # type: ignore[arg-type]
        side=side,  # type: ignore[arg-type]
        bid=bid,  # type: ignore[arg-type]
        bid_amount=bid_amount,  # type: ignore[arg-type]
        ask=ask,  # type: ignore[arg-type]
        ask_amount=ask_amount,  # type: ignore[arg-type]
    )
