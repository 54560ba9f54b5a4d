"""A tape: the checked rows of one stream as integer columns, in memory or in files.

Small tapes stay in memory. Large ones are written column by column to `.npy` files and read back a
piece at a time, so that memory does not grow with the length: kept for the next time beside the
recording (`.ctos-cache`) or, where that folder cannot be written, in the folder that the caller
names; else in a temporary folder that goes with the tape.

A kept tape is known by its files' names, sizes, times of change, first and last bytes, and by the
version of this reader. One whose columns are not as long, or do not begin and end, as they were
written is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from core.adapters.feeds.columns import Ints, Signs
from core.adapters.feeds.numbers import MAX_SCALE, Scaled, rescaled
from core.adapters.feeds.row_readers import NO_VALUE, Rows
from core.errors import FeedError

CACHE_FOLDER: Final = ".ctos-cache"
SHARED_FOLDER: Final = "tapes"
"""Name of the folder for recordings beside which nothing can be written."""
KEPT_IN: Final = frozenset({CACHE_FOLDER, SHARED_FOLDER})
_FORMAT: Final = 2
_HEADER_BYTES: Final = 128
"""Of a `.npy` file with one dimension."""
_META: Final = "tape.json"
_PROBE_BYTES: Final = 1 << 16
_LIMIT: Final = 1 << 62


@dataclass
class Scale:
    """What the numbers of a group share: `value / 10**decimals`, all multiples of `step`."""

    decimals: int
    step: int = 0
    """Greatest common divisor of all values; 0 before the first."""
    largest: int = 0

    def take(self, values: Ints) -> None:
        """Notes the values of another piece."""
        if not len(values):
            return
        self.largest = max(self.largest, int(values.max()))
        if self.step == 0 or (values % self.step).any():
            self.step = int(np.gcd(self.step, np.gcd.reduce(values)))

    def refine(self, by: int) -> None:
        """Gives all values `by` more decimals."""
        self.decimals += by
        self.step *= 10**by
        self.largest *= 10**by


@dataclass
class TapeHead:
    """What a tape is, beside its rows."""

    rows: int = 0
    first_ns: int = -1
    last_ns: int = -1
    shortest_gap_ns: int = 0
    """Smallest positive step from one time to the next; 0 for none."""
    price: Scale = field(default_factory=lambda: Scale(0))
    amount: Scale = field(default_factory=lambda: Scale(0))
    warnings: tuple[str, ...] = ()


class Tape:
    """Rows that can be read from any place."""

    def __init__(self, head: TapeHead, columns: Mapping[str, _Column]) -> None:
        self.head = head
        self._columns = columns

    def read(self, name: str, first: int, count: int) -> Ints:
        """`count` values of a column from row `first` on, fewer at the end."""
        return self._columns[name].read(first, max(0, min(count, self.head.rows - first)))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns: `ts_ns`, `side`, and those of the row reader."""
        return tuple(self._columns)

    def remove_with_me(self, folder: Path) -> None:
        """Deletes a folder when this tape is no longer used."""
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)


class _Column(ABC):
    """One column that grows, then is read."""

    @abstractmethod
    def append(self, values: Ints | Signs) -> None: ...

    @abstractmethod
    def multiply(self, factor: int) -> None: ...

    @abstractmethod
    def read(self, first: int, count: int) -> Ints: ...

    @abstractmethod
    def close(self) -> None: ...


class _MemoryColumn(_Column):
    def __init__(self, dtype: type[np.int64 | np.int8]) -> None:
        self._dtype = dtype
        self._pieces: list[Ints] = []

    def append(self, values: Ints | Signs) -> None:
        self._pieces.append(values.astype(self._dtype, copy=False))

    def multiply(self, factor: int) -> None:
        self._pieces = [piece * factor for piece in self._pieces]

    def read(self, first: int, count: int) -> Ints:
        return self._whole()[first : first + count]

    def close(self) -> None:
        self._whole()

    def _whole(self) -> Ints:
        if len(self._pieces) != 1:
            self._pieces = [np.concatenate([*self._pieces, np.zeros(0, self._dtype)])]
        return self._pieces[0]


class _FileColumn(_Column):
    """Read with plain reads, not mapped: pages of a map would count as this process's memory.

    The file stays open while the column lives, so that a folder removed meanwhile takes nothing
    from a run.
    """

    def __init__(self, path: Path, dtype: type[np.int64 | np.int8], *, is_new: bool) -> None:
        self._path = path
        self._dtype = dtype
        self._rows = 0
        self._writer: BinaryIO | None = None
        self._reader: BinaryIO | None = None
        if is_new:
            self._writer = path.open("xb")
            self._writer.write(_header(self._dtype, 0))

    def append(self, values: Ints | Signs) -> None:
        if self._writer is not None:
            self._writer.write(np.ascontiguousarray(values, self._dtype).data)
            self._rows += len(values)

    def multiply(self, factor: int) -> None:
        if self._writer is not None:
            self._writer.flush()
        if self._rows:
            held = np.memmap(self._path, self._dtype, "r+", _HEADER_BYTES)
            for first in range(0, len(held), 1 << 20):
                held[first : first + (1 << 20)] *= factor
            held.flush()

    def read(self, first: int, count: int) -> Ints:
        if self._reader is None:
            self._reader = self._path.open("rb")
            weakref.finalize(self, self._reader.close)
        self._reader.seek(_HEADER_BYTES + first * np.dtype(self._dtype).itemsize)
        values: Ints = np.fromfile(self._reader, self._dtype, count)
        if len(values) < count:
            raise FeedError(f"{self._path}: was cut while it was being read")
        return values

    def close(self) -> None:
        if self._writer is not None:
            self._writer.seek(0)
            self._writer.write(_header(self._dtype, self._rows))
            self._writer.close()
            self._writer = None


class TapeWriter:
    """Takes checked rows in and makes a tape of them."""

    def __init__(
        self,
        prices: Sequence[str],
        amounts: Sequence[str],
        *,
        has_sides: bool,
        decimals: tuple[int, int],
        folder: Path | None,
    ) -> None:
        """Writes into `folder`, which must be new and empty, or keeps the rows in memory.

        `decimals` are those of the instrument's tick and lot: what most recordings will have.
        """
        self._prices, self._amounts = tuple(prices), tuple(amounts)
        self._folder = folder
        names = ["ts_ns", *prices, *amounts, *(["side"] if has_sides else [])]
        self.head = TapeHead(price=Scale(decimals[0]), amount=Scale(decimals[1]))
        self._columns: dict[str, _Column] = {}
        for name in names:
            dtype = np.int8 if name == "side" else np.int64
            self._columns[name] = (
                _MemoryColumn(dtype)
                if folder is None
                else _FileColumn(folder / column_file(name), dtype, is_new=True)
            )

    def add(self, rows: Rows, source: str) -> None:
        """Takes the next rows in.

        Raises:
            FeedError: For numbers that need more than 63 bits at the common scale.
        """
        if not len(rows.ts_ns):
            return
        head = self.head
        gaps = np.diff(rows.ts_ns, prepend=head.last_ns if head.rows else rows.ts_ns[0])
        gaps = gaps[gaps > 0]
        if len(gaps):
            shortest = int(gaps.min())
            head.shortest_gap_ns = min(head.shortest_gap_ns or shortest, shortest)
        if not head.rows:
            head.first_ns = int(rows.ts_ns[0])
        head.last_ns = int(rows.ts_ns[-1])
        head.rows += len(rows.ts_ns)
        self._columns["ts_ns"].append(rows.ts_ns)
        self._add_group(self._prices, rows.prices, head.price, source)
        self._add_group(self._amounts, rows.amounts, head.amount, source)
        if rows.sides is not None:
            self._columns["side"].append(rows.sides)

    def _add_group(
        self, names: Sequence[str], found: Mapping[str, Scaled], scale: Scale, source: str
    ) -> None:
        finest = max(found[name].scale for name in names)
        if finest > scale.decimals:
            self._refine(names, scale, finest - scale.decimals, source)
        for name in names:
            column = found[name]
            values = rescaled(column.values, scale.decimals - column.scale, source)
            scale.take(values if column.known is None else values[column.known])
            if column.known is not None:
                values = np.where(column.known, values, NO_VALUE)
            self._columns[name].append(values)

    def _refine(self, names: Sequence[str], scale: Scale, by: int, source: str) -> None:
        if scale.decimals + by > MAX_SCALE or scale.largest * 10**by >= _LIMIT:
            raise FeedError(f"{source}: the numbers have more digits than 63 bits can hold")
        scale.refine(by)
        if self.head.first_ns >= 0:
            for name in names:
                self._columns[name].multiply(10**by)

    def finish(self, warnings: tuple[str, ...] = ()) -> Tape:
        """The tape; files that are not kept somewhere go when it does."""
        self.head.warnings = warnings
        self._close()
        tape = Tape(self.head, self._columns)
        if self._folder is not None and self._folder.parent.name not in KEPT_IN:
            tape.remove_with_me(self._folder)
        return tape

    def abandon(self) -> None:
        """Removes what was written."""
        self._close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _close(self) -> None:
        for column in self._columns.values():
            column.close()


def column_file(name: str) -> str:
    """The file of a column in a tape's folder."""
    return f"{name}.npy"


def _dtype_of(name: str) -> type[np.int64 | np.int8]:
    return np.int8 if name == "side" else np.int64


def _header(dtype: type[np.int64 | np.int8], rows: int) -> bytes:
    """The beginning of a `.npy` file of version 1.0, always of the same length."""
    text = f"{{'descr': '{np.dtype(dtype).str}', 'fortran_order': False, 'shape': ({rows},), }}"
    head = b"\x93NUMPY\x01\x00" + (_HEADER_BYTES - 10).to_bytes(2, "little")
    return head + text.encode().ljust(_HEADER_BYTES - len(head) - 1) + b"\n"


def _print_of(path: Path) -> str:
    """A digest of a file's first and last bytes, and of its length."""
    digest = hashlib.sha256(str(path.stat().st_size).encode())
    _add_ends(digest, path)
    return digest.hexdigest()[:32]


def _add_ends(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as file:
        digest.update(file.read(_PROBE_BYTES))
        if path.stat().st_size > _PROBE_BYTES:
            file.seek(-_PROBE_BYTES, os.SEEK_END)
            digest.update(file.read())


def cache_key(paths: Iterable[Path], *parts: object) -> str:
    """A name for the tape that these files and choices give.

    From each file's name, size, time of change, first and last bytes: cheap, and enough to notice
    that a file was written anew.
    """
    digest = hashlib.sha256(repr((_FORMAT, parts)).encode())
    for path in paths:
        stat = path.stat()
        digest.update(f"|{path.name}|{stat.st_size}|{stat.st_mtime_ns}|".encode())
        _add_ends(digest, path)
    return digest.hexdigest()[:32]


def load_tape(folder: Path) -> Tape | None:
    """The tape that was kept in `folder`; None if there is none that is whole."""
    try:
        raw = json.loads((folder / _META).read_text("utf-8"))
        prints = raw.pop("columns")
        raw.pop("recording")
        files = {name: folder / column_file(name) for name in prints}
        if any(_print_of(path) != prints[name] for name, path in files.items()):
            return None
        columns = {
            name: _FileColumn(path, _dtype_of(name), is_new=False) for name, path in files.items()
        }
        head = TapeHead(
            **raw
            | {
                "price": Scale(**raw["price"]),
                "amount": Scale(**raw["amount"]),
                "warnings": tuple(raw["warnings"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Tape(head, columns)


def keep_tape(tape: Tape, written: Path, folder: Path, recording: str) -> Tape:
    """Moves a finished tape's files from `written` to `folder`, whole or not at all.

    Args:
        tape: What was written.
        written: Where.
        folder: Where it is kept.
        recording: What it was made from; a tape that was made from it before goes.
    """
    prints = {name: _print_of(written / column_file(name)) for name in tape.names}
    meta = asdict(tape.head) | {"columns": prints, "recording": recording}
    (written / _META).write_text(json.dumps(meta), "utf-8")
    try:
        written.rename(folder)
        _remove_older(folder, recording)
    except OSError:
        # Another process was first; or what stands there is damaged, and goes.
        kept = load_tape(folder)
        if kept is not None:
            shutil.rmtree(written, ignore_errors=True)
            return kept
        shutil.rmtree(folder, ignore_errors=True)
        try:
            written.rename(folder)
        except OSError:
            tape.remove_with_me(written)
            return tape
    return load_tape(folder) or tape


def _remove_older(folder: Path, recording: str) -> None:
    """Tapes of the same recording as it was before it changed."""
    for path in folder.parent.iterdir():
        if path == folder or path.name.startswith("new-"):
            continue
        try:
            raw = json.loads((path / _META).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if raw.get("recording") == recording:
            shutil.rmtree(path, ignore_errors=True)


def writable_folder(*places: Path | None) -> Path | None:
    """A new folder for a tape: in the first place that can be written, else a temporary one.

    None if nowhere.
    """
    for place in places:
        if place is None:
            continue
        try:
            place.mkdir(exist_ok=True, parents=place.name == SHARED_FOLDER)
            return Path(tempfile.mkdtemp(prefix="new-", dir=place))
        except OSError:
            continue
    try:
        return Path(tempfile.mkdtemp(prefix="ctos-tape-"))
    except OSError:
        return None
