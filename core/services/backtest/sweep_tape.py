"""Prices of a sweep: read and checked once, then integer columns that all workers map into memory.

A tape is a folder of NumPy columns with a description beside them. Its name is a hash of what is in
it, so that a second sweep over the same rows finds it there, and results know what they belong to.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from core.adapters.exchanges.models import plain
from core.errors import FeedError
from core.services.backtest.rows import BLOCK, Ints, Tape
from core.services.ports import Chunk, Feed, FeedKind, FundingRow

COLUMNS: Final = ("ts_ns", "last", "amount", "side")
_CHUNK_ROWS: Final = 1 << 16
_META: Final = "tape.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeHead:
    """What a tape is, beside its rows."""

    name: str
    """Of the recording."""
    kind: str
    digest: str
    """Of the rows and their units."""
    rows: int
    price_unit: str
    amount_unit: str
    has_funding: bool
    """Whether the recording settles funding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A piece of time."""

    from_ns: int | None = None
    """None from the beginning."""
    to_ns: int | None = None
    """The first moment that no longer belongs to it; None to the end."""


WHOLE: Final = Window()


class SweepTape:
    """Trades as integer columns, whole or a part of them: also a `Feed` for the engine.

    Args:
        head: What it is.
        columns: By name.
        settlements: Funding that the recording carries.
    """

    has_book = False
    """Never: what has a book is no tape."""

    def __init__(
        self,
        head: TapeHead,
        columns: Mapping[str, Ints],
        settlements: tuple[FundingRow, ...] = (),
    ) -> None:
        self.head = head
        self.columns = columns
        self.settlements = settlements
        self.name = head.name
        self.kind = FeedKind(head.kind)
        self.rows = len(columns["last"])
        self.first_ns: int | None = int(columns["ts_ns"][0])
        self.last_ns: int | None = int(columns["ts_ns"][-1])

    @property
    def price_unit(self) -> Decimal:
        """Of which prices are whole multiples."""
        return Decimal(self.head.price_unit)

    @property
    def amount_unit(self) -> Decimal:
        """Of which amounts are."""
        return Decimal(self.head.amount_unit)

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """See `Feed.chunks`."""
        for first in range(from_row, self.rows, _CHUNK_ROWS):
            part: dict[str, Sequence[int]] = {
                name: cast("Sequence[int]", column[first : first + _CHUNK_ROWS])
                for name, column in self.columns.items()
            }
            yield Chunk(
                first_row=first,
                price_unit=self.price_unit,
                amount_unit=self.amount_unit,
                ts_ns=part["ts_ns"],
                last=part["last"],
                amount=part["amount"],
                side=part["side"],
            )

    def funding(self) -> Sequence[FundingRow]:
        """See `Feed.funding`."""
        return self.settlements

    def part(self, window: Window) -> SweepTape:
        """The rows of a piece of time.

        Raises:
            FeedError: If there is none.
        """
        if window == WHOLE:
            return self
        ts_ns = self.columns["ts_ns"]
        first = 0 if window.from_ns is None else int(np.searchsorted(ts_ns, window.from_ns))
        end = len(ts_ns) if window.to_ns is None else int(np.searchsorted(ts_ns, window.to_ns))
        if end <= first:
            raise FeedError(
                f"{self.name} has no row in one of the spans of time.",
                remedy="Fewer folds, or more data.",
            )
        columns = {name: column[first:end] for name, column in self.columns.items()}
        start, last = int(ts_ns[first]), int(ts_ns[end - 1])
        inside = tuple(row for row in self.settlements if start <= row.ts_ns <= last)
        return SweepTape(self.head, columns, inside)

    def lows_and_highs(self) -> Tape:
        """The columns as the kernel takes them."""
        last = self.columns["last"]
        whole = len(last) // BLOCK * BLOCK
        blocks = np.asarray(last[:whole]).reshape(-1, BLOCK)
        return Tape(
            ts_ns=self.columns["ts_ns"],
            last=last,
            amount=self.columns["amount"],
            side=self.columns["side"],
            low=blocks.min(axis=1),
            high=blocks.max(axis=1),
        )


def keep_tape(feed: Feed, folder: Path) -> Path:
    """Writes the rows of a recording as a tape below `folder`, unless it is there; gives its place.

    Raises:
        FeedError: For a recording with a book, or one whose rows cannot be trusted.
    """
    if feed.has_book:
        raise FeedError(f"{feed.name} has a book: it is no tape of trades.")
    folder.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix="new-", dir=folder))
    try:
        head = _write(feed, written)
        (written / _META).write_text(json.dumps(_described(head, feed)), "utf-8")
        kept = folder / head.digest
        if not (kept / _META).is_file():
            shutil.rmtree(kept, ignore_errors=True)
            written.rename(kept)
    finally:
        shutil.rmtree(written, ignore_errors=True)
    return kept


@lru_cache(maxsize=4)
def open_tape(folder: Path) -> SweepTape:
    """A kept tape, its columns mapped into memory (what is changed there stays in this process).

    Raises:
        FeedError: If it is not whole.
    """
    try:
        raw = json.loads((folder / _META).read_text("utf-8"))
        columns = {
            name: np.load(folder / f"{name}.npy", mmap_mode="c").view(np.ndarray)
            for name in COLUMNS
        }
    except (OSError, ValueError, KeyError) as error:
        raise FeedError(
            f"the prepared prices in {folder} are damaged; delete the folder."
        ) from error
    settlements = tuple(
        FundingRow(ts_ns=at, rate=Decimal(rate)) for at, rate in raw.pop("settlements")
    )
    return SweepTape(TapeHead(**raw), columns, settlements)


def _write(feed: Feed, folder: Path) -> TapeHead:
    pieces: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in COLUMNS}
    unit = part = Decimal(0)
    for chunk in feed.chunks():
        unit, part = chunk.price_unit, chunk.amount_unit
        for name in COLUMNS:
            pieces[name].append(np.asarray(getattr(chunk, name), np.int64))
    units = (plain(unit), plain(part))
    digest = hashlib.blake2b(repr((_FORMAT, units)).encode(), digest_size=16)
    rows = 0
    for name in COLUMNS:
        column = np.ascontiguousarray(np.concatenate(pieces[name]))
        rows = len(column)
        digest.update(column.data)
        np.save(folder / f"{name}.npy", column)
    digest.update(repr(feed.funding()).encode())
    return TapeHead(
        name=feed.name,
        kind=feed.kind.value,
        digest=digest.hexdigest(),
        rows=rows,
        price_unit=units[0],
        amount_unit=units[1],
        has_funding=bool(feed.funding()),
    )


def _described(head: TapeHead, feed: Feed) -> dict[str, object]:
    return asdict(head) | {"settlements": [[row.ts_ns, plain(row.rate)] for row in feed.funding()]}
