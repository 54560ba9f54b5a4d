"""The equity of an account at every row of a feed, whether the run stepped or leapt.

Between two changes of what is held, equity is a straight line in the mark, so what was held and
the marks say everything: no row that was leapt over is lost. One pass over the feed finds the
largest fall, the samples that returns are measured on, and points for a chart.

Sums for statistics are binary floats; the points that are shown are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.domain.position import MONEY
from core.domain.worth import Worth
from core.services.ports import Chunk

HOUR_NS: Final = 3600 * 1_000_000_000
DAY_NS: Final = 24 * HOUR_NS
BUCKETS: Final = 480
"""Pieces of time of which the lowest, highest and last equity become points."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The account at one moment; exact."""

    at_ns: int
    equity: Decimal
    price: Decimal
    """Mark."""
    position: Decimal
    """Signed base units."""


class Mark(NamedTuple):
    """The price at a moment."""

    price: Decimal
    row: int
    """Index of the newest row before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What the equity did."""

    start: Decimal
    """Worth before the first row."""
    end: Decimal
    first_ns: int
    last_ns: int
    period_ns: int
    """Time between two samples."""
    samples: tuple[float, ...]
    """Equity at the start, at every multiple of the period in UTC, and at the end."""
    max_drawdown: float
    """Largest fall from an earlier peak (the start is one) as a fraction of that peak."""
    mean_equity: float
    """Over time."""
    exposure: float
    """Share of the time in which a position was held."""
    points: tuple[Point, ...]
    """In order of time: the ends, the extremes, and the extremes of each piece of time."""
    marks: tuple[Mark | None, ...]
    """The mark at each moment that was asked for; None before the first price."""


class _Key(NamedTuple):
    """A moment of a pass, enough to value it exactly."""

    order: int
    """Counted over all moments."""
    at_ns: int
    held: int
    """Index of the change in force; -1 for the start, before any row."""
    mark: int
    """Half units."""


@dataclass(slots=True)
class _Segment:
    """Equal pieces of a pass: rows with their equity, extra moments between rows included."""

    first: int
    """Moments before it."""
    ts_ns: Ints
    mark: Ints
    """Half units."""
    held: Ints
    """Index of the change in force."""
    equity: Floats


@dataclass(slots=True)
class _Pass:
    """What one pass over the rows gathers."""

    peak: float
    peak_key: _Key
    first_key: _Key | None = None
    worst: float = 0.0
    worst_keys: tuple[_Key, ...] = ()
    area: float = 0.0
    """Equity times nanoseconds."""
    held_ns: int = 0
    before: tuple[int, float, bool] | None = None
    """Time, equity, and whether a position was held, at the newest row."""
    samples: dict[int, float] = field(default_factory=dict)
    """Period -> its last equity."""
    buckets: dict[int, list[tuple[float, _Key]]] = field(default_factory=dict)
    """Piece of time -> lowest, highest and last."""


def make_curve(  # what a run is, each by its name
    chunks: Iterable[Chunk],
    worths: Sequence[Worth],
    *,
    contract_size: Decimal,
    first_ns: int,
    last_ns: int,
    start: Decimal,
    marks_at: Sequence[int] = (),
) -> Curve:
    """Marks an account at every row.

    Args:
        chunks: The whole feed, as the run saw it.
        worths: What was held; the first one from before the first row on.
        contract_size: Base units per contract.
        first_ns: Time of the feed's first row.
        last_ns: Time of its last one.
        start: Worth of the account when the run began.
        marks_at: Moments, rising, of which the mark is wanted: that of the newest row before each.
    """
    period_ns = DAY_NS if last_ns - first_ns >= 14 * DAY_NS else HOUR_NS
    sums = _Pass(peak=float(start), peak_key=_Key(-1, first_ns, -1, 0))
    marker = _Marker(worths, contract_size)
    width_ns = max(1, -(-(last_ns - first_ns + 1) // BUCKETS))
    wanted = _Wanted(marks_at)
    for chunk in chunks:
        segment = marker.take(chunk)
        wanted.take(chunk, marker.marks, marker.unit)
        if len(segment.ts_ns):
            if sums.first_key is None:
                sums.first_key = _key(segment, 0)
            _gather(sums, segment, marker.sizes != 0, (first_ns, width_ns, period_ns))
    keys = {key for found in sums.buckets.values() for _, key in found}
    keys |= {*sums.worst_keys, *((sums.first_key,) if sums.first_key else ())}
    points = tuple(marker.point(key) for key in sorted(keys))
    end = points[-1].equity if points else start
    span_ns = last_ns - first_ns
    before = sums.before
    return Curve(
        start=start,
        end=end,
        first_ns=first_ns,
        last_ns=last_ns,
        period_ns=period_ns,
        samples=(float(start), *(sums.samples[key] for key in sorted(sums.samples))),
        max_drawdown=sums.worst,
        mean_equity=sums.area / span_ns if span_ns else float(end),
        exposure=sums.held_ns / span_ns if span_ns else float(before is not None and before[2]),
        points=points,
        marks=tuple(wanted.found),
    )


class _Marker:
    """Values what is held at each row.

    Args:
        worths: What is held, in order.
        contract_size: Base units per contract.
    """

    def __init__(self, worths: Sequence[Worth], contract_size: Decimal) -> None:
        self._worths = worths
        self._contract = contract_size
        rows = np.array([item.row for item in worths], np.int64)
        self._times = np.array([item.at_ns for item in worths], np.int64)
        self._cash = np.array([float(item.cash) for item in worths])
        self.sizes: Floats = np.array([float(item.size * contract_size) for item in worths])
        self._rows = rows
        self._moments = 0
        self._next = 1
        """The first change that no row has seen."""
        self._last = -1
        """Newest known price."""
        self.unit = Decimal(1)
        """Of the prices; a recording has one from its beginning to its end."""
        self.marks: Ints = np.zeros(0, np.int64)
        """Of the rows of the newest chunk, in half units; -1 before the first price."""

    def take(self, chunk: Chunk) -> _Segment:
        """The rows of a chunk, and the moments between them at which something was booked."""
        self.unit = chunk.price_unit
        ts_ns = np.asarray(chunk.ts_ns, np.int64)
        self.marks = marks = self._marks(chunk)
        first = chunk.first_row
        end = int(np.searchsorted(self._rows, first + len(ts_ns), "left"))
        changes = np.arange(self._next, end)
        at_row = np.clip(self._rows[self._next : end] - first, 0, len(ts_ns) - 1)
        is_later = self._times[self._next : end] > ts_ns[at_row]
        # What was booked at a row's own time is in force at that row; what came between two rows
        # is in force from the next one on, and a moment of its own before it.
        steps = np.zeros(len(ts_ns) + 1, np.int64)
        np.add.at(steps, at_row + is_later, 1)
        held = self._next - 1 + np.cumsum(steps[:-1])
        self._next = end
        places = at_row[is_later] + 1
        if len(places):
            extra = changes[is_later]
            ts_ns = np.insert(ts_ns, places, self._times[extra])
            marks = np.insert(marks, places, marks[at_row[is_later]])
            held = np.insert(held, places, extra)
        known = marks >= 0
        if not known.all():
            ts_ns, marks, held = ts_ns[known], marks[known], held[known]
        price = marks * float(self.unit / 2)
        first, self._moments = self._moments, self._moments + len(ts_ns)
        return _Segment(first, ts_ns, marks, held, self._cash[held] + self.sizes[held] * price)

    def point(self, key: _Key) -> Point:
        """The exact account at a moment."""
        worth = self._worths[key.held]
        price = MONEY.multiply(key.mark, self.unit) / 2
        value = MONEY.multiply(MONEY.multiply(worth.size, price), self._contract)
        return Point(
            at_ns=key.at_ns,
            equity=MONEY.add(worth.cash, value),
            price=price,
            position=worth.size,
        )

    def _marks(self, chunk: Chunk) -> Ints:
        """Twice the mark of each row in units: mid of a whole quote, else the last trade."""
        last, self._last = _filled(np.asarray(chunk.last, np.int64), self._last)
        if chunk.bid is None or chunk.ask is None:
            return np.where(last < 0, -1, 2 * last)
        bids, asks = np.asarray(chunk.bid, np.int64), np.asarray(chunk.ask, np.int64)
        whole = (bids >= 0) & (asks >= 0)
        return np.where(whole, bids + asks, np.where(last < 0, -1, 2 * last))


class _Wanted:
    """The marks at given moments."""

    def __init__(self, times: Sequence[int]) -> None:
        self._times = np.array(times, np.int64)
        self.found: list[Mark | None] = [None] * len(times)

    def take(self, chunk: Chunk, marks: Ints, unit: Decimal) -> None:
        """Notes the newest mark before each moment; a later chunk overwrites what it knows."""
        if not len(self._times) or not len(marks):
            return
        rows = np.searchsorted(np.asarray(chunk.ts_ns, np.int64), self._times, "left") - 1
        for place in np.flatnonzero(rows >= 0).tolist():
            mark = int(marks[rows[place]])
            if mark >= 0:
                price = MONEY.multiply(mark, unit) / 2
                self.found[place] = Mark(price, chunk.first_row + int(rows[place]))


def _gather(
    sums: _Pass, segment: _Segment, is_held: npt.NDArray[np.bool_], scale: tuple[int, int, int]
) -> None:
    equity, ts_ns = segment.equity, segment.ts_ns
    _fall(sums, segment)
    holds = is_held[segment.held]
    _integrate(sums, ts_ns, equity, holds)
    first_ns, width_ns, period_ns = scale
    for starts, period in _groups(ts_ns // period_ns):
        sums.samples[period] = float(equity[starts.stop - 1])
    for piece, number in _groups((ts_ns - first_ns) // width_ns):
        part = equity[piece]
        rows = (int(part.argmin()), int(part.argmax()), len(part) - 1)
        found = [(float(part[row]), _key(segment, piece.start + row)) for row in rows]
        known = sums.buckets.get(number)
        if known is not None:
            found[0] = min(known[0], found[0], key=_equity)
            found[1] = max(known[1], found[1], key=_equity)
        sums.buckets[number] = found


def _fall(sums: _Pass, segment: _Segment) -> None:
    """Takes the largest fall from a running peak in."""
    equity = segment.equity
    peaks = np.maximum(np.maximum.accumulate(equity), sums.peak)
    with np.errstate(divide="ignore", invalid="ignore"):
        falls = np.where(peaks > 0, (peaks - equity) / peaks, 0.0)
    worst = int(falls.argmax())
    if falls[worst] > sums.worst:
        top = int(np.searchsorted(peaks, peaks[worst], "left"))
        peak = sums.peak_key if peaks[worst] <= sums.peak else _key(segment, top)
        sums.worst = float(falls[worst])
        # The start has no row: it is a point only through the first row's own extreme.
        sums.worst_keys = tuple(key for key in (peak, _key(segment, worst)) if key.held >= 0)
    if peaks[-1] > sums.peak:
        sums.peak = float(peaks[-1])
        sums.peak_key = _key(segment, int(np.searchsorted(peaks, peaks[-1], "left")))


def _integrate(sums: _Pass, ts_ns: Ints, equity: Floats, holds: npt.NDArray[np.bool_]) -> None:
    """Time-weighted sums: what a row shows holds until the next one."""
    if sums.before is not None:
        at_ns, worth, held = sums.before
        gap = int(ts_ns[0]) - at_ns
        sums.area += worth * gap
        sums.held_ns += gap if held else 0
    gaps = np.diff(ts_ns)
    sums.area += float((equity[:-1] * gaps).sum())
    sums.held_ns += int(gaps[holds[:-1]].sum())
    sums.before = (int(ts_ns[-1]), float(equity[-1]), bool(holds[-1]))


def _groups(numbers: Ints) -> Iterable[tuple[slice, int]]:
    """Runs of equal numbers, which never fall."""
    edges = np.flatnonzero(np.diff(numbers)) + 1
    starts = [0, *edges.tolist()]
    stops = [*edges.tolist(), len(numbers)]
    for start, stop in zip(starts, stops, strict=True):
        yield slice(start, stop), int(numbers[start])


def _key(segment: _Segment, row: int) -> _Key:
    return _Key(
        segment.first + row,
        int(segment.ts_ns[row]),
        int(segment.held[row]),
        int(segment.mark[row]),
    )


def _equity(found: tuple[float, _Key]) -> float:
    return found[0]


def _filled(values: Ints, before: int) -> tuple[Ints, int]:
    """Unknown values (-1) replaced by the newest known one, and that of the end."""
    if not len(values):
        return values, before
    known = values >= 0
    if not known.all():
        rows = np.where(known, np.arange(len(values)), -1)
        np.maximum.accumulate(rows, out=rows)
        values = np.where(rows < 0, before, values[rows])
    return values, int(values[-1])
