"""What the equity of a run did, from what was held: the figures that need every row.

The same measures as a backtest's (`curve.py`), made for a thousand runs: only the largest fall
needs the rows, and of those only the ones in which it could lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from core.services.backtest.compiling import compiled
from core.services.backtest.curve import DAY_NS, HOUR_NS, Curve
from core.services.backtest.rows import BLOCK, SHIFT, Ints, Tape

Floats = npt.NDArray[np.float64]

_FORTNIGHT: Final = 14
PEAK: Final = 0
TROUGH: Final = 1
WORST: Final = 2
LOWEST: Final = 3
"""Lowest equity."""
LEAST_ROOM: Final = 4
"""Lowest equity beyond what keeps the position from liquidation."""
RATE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What was held after each change, in order; the first is from before the first row on."""

    row: Ints
    """Newest row that had been seen."""
    is_later: npt.NDArray[np.bool_]
    """Whether it came after that row's time: between two rows, a moment of its own."""
    at_ns: Ints
    cash: Floats
    size: Floats
    """Base units times contract size, signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """A curve, and how near the account came to its end."""

    curve: Curve
    lowest: float
    """Lowest equity."""
    least_room: float
    """Lowest equity beyond the maintenance margin."""


@compiled
def _see(
    found: Floats, lowest: float, held_lowest: float, highest: float, held_highest: float
) -> None:
    """Takes the two extremes of a stretch in over which nothing changes."""
    low = min(lowest, highest)
    found[LOWEST] = min(found[LOWEST], low)
    rate = found[RATE]
    room = min(lowest - abs(held_lowest) * rate, highest - abs(held_highest) * rate)
    found[LEAST_ROOM] = min(found[LEAST_ROOM], room)


@compiled
def _fall(found: Floats, peak: float, trough: float) -> None:
    """Notes where a stretch left the running peak, and the lowest equity since."""
    found[PEAK], found[TROUGH] = peak, trough
    if peak > 0:
        found[WORST] = max(found[WORST], (peak - trough) / peak)


@compiled
def _see_rows(
    tape: Tape, found: Floats, cash: float, size: float, first: int, end: int, half: float
) -> None:
    """Takes rows in over which nothing changes; whole blocks where they make no new peak."""
    last, low, high = tape.last, tape.low, tape.high
    peak, trough = found[PEAK], found[TROUGH]
    cheapest, dearest = last[first], last[first]
    row = first
    while row < end:
        block = row >> SHIFT
        if row & (BLOCK - 1) == 0 and row + BLOCK <= end:
            # Between its extremes equity is a straight line in the price.
            one = cash + size * (2 * low[block] * half)
            other = cash + size * (2 * high[block] * half)
            if max(one, other) <= peak:
                trough = min(trough, one, other)
                cheapest, dearest = min(cheapest, low[block]), max(dearest, high[block])
                row += BLOCK
                continue
        stop = min((row | (BLOCK - 1)) + 1, end)
        while row < stop:
            price = last[row]
            equity = cash + size * (2 * price * half)
            if equity > peak:
                _fall(found, peak, trough)
                peak = trough = equity
            elif equity < trough:
                trough = equity
            cheapest, dearest = min(cheapest, price), max(dearest, price)
            row += 1
    _fall(found, peak, trough)
    one, other = size * (2 * cheapest * half), size * (2 * dearest * half)
    _see(found, cash + one, one, cash + other, other)


@compiled
def scan(
    tape: Tape,
    found: Floats,
    rows: Ints,
    is_later: npt.NDArray[np.bool_],
    cash: Floats,
    size: Floats,
    half: float,
) -> None:
    """Marks an account at every row, and at what was booked between two rows.

    Args:
        tape: The rows.
        found: What `begun` gives; afterwards what was found.
        rows: See `Holdings`, as the next three.
        is_later: …
        cash: …
        size: …
        half: Half a unit of price.
    """
    row = held = 0
    changes = len(rows)
    while held < changes:
        following = held + 1
        end = len(tape.last)
        if following < changes:
            end = rows[following] + (1 if is_later[following] else 0)
        if end > row:
            _see_rows(tape, found, cash[held], size[held], row, end, half)
            row = end
        held = following
        if held < changes and is_later[held]:
            value = size[held] * (2 * tape.last[rows[held]] * half)
            equity = cash[held] + value
            if equity > found[PEAK]:
                _fall(found, equity, equity)
            else:
                _fall(found, found[PEAK], min(found[TROUGH], equity))
            _see(found, equity, value, equity, value)


def begun(start: float, rate: float) -> Floats:
    """Before the first row.

    Args:
        start: Worth of the account.
        rate: Fraction of the position's value that keeps it from liquidation.
    """
    return np.array([start, start, 0.0, start, start, rate])


def swing(
    tape: Tape, held: Holdings, *, start: Decimal, end: Decimal, unit: Decimal, rate: Decimal
) -> Swing:
    """The curve of an account.

    Args:
        tape: What it ran on.
        held: What was held.
        start: Worth before the first row.
        end: Worth after the last one.
        unit: Of the tape's prices.
        rate: Maintenance margin, a fraction of the position's value.
    """
    begin, half = float(start), float(unit / 2)
    found = begun(begin, float(rate))
    scan(tape, found, held.row, held.is_later, held.cash, held.size, half)
    first_ns, last_ns = int(tape.ts_ns[0]), int(tape.ts_ns[-1])
    period_ns = DAY_NS if last_ns - first_ns >= _FORTNIGHT * DAY_NS else HOUR_NS
    samples = _samples(tape, held, half, period_ns)
    curve = Curve(
        start=start,
        end=end,
        first_ns=first_ns,
        last_ns=last_ns,
        period_ns=period_ns,
        samples=(begin, *samples),
        max_drawdown=float(found[WORST]),
        mean_equity=0.0,
        exposure=0.0,
        points=(),
        marks=(),
    )
    return Swing(curve=curve, lowest=float(found[LOWEST]), least_room=float(found[LEAST_ROOM]))


def _samples(tape: Tape, held: Holdings, half: float, period_ns: int) -> list[float]:
    """The last equity of every period that has a row or a change."""
    last_rows = _period_ends(tape.ts_ns, period_ns)
    effective = held.row + held.is_later
    index = np.searchsorted(effective, last_rows, "right") - 1
    worth = held.cash[index] + held.size[index] * (2 * tape.last[last_rows] * half)
    periods = (tape.ts_ns[last_rows] // period_ns).tolist()
    found = dict(zip(periods, worth.tolist(), strict=True))
    # A change between two rows is the newest moment of its period where no row follows in it.
    for place in np.flatnonzero(held.is_later).tolist():
        row, period = int(held.row[place]), int(held.at_ns[place]) // period_ns
        following = row + 1
        if following < len(tape.last) and int(tape.ts_ns[following]) // period_ns == period:
            continue
        price = 2 * int(tape.last[row]) * half
        found[period] = float(held.cash[place] + held.size[place] * price)
    return [found[period] for period in sorted(found)]


def _period_ends(ts_ns: Ints, period_ns: int) -> Ints:
    """The last row of every period that has one."""
    first, last = int(ts_ns[0]) // period_ns, int(ts_ns[-1]) // period_ns
    edges = np.arange(first + 1, last + 2, dtype=np.int64) * period_ns
    ends = np.searchsorted(ts_ns, edges, "left") - 1
    return np.unique(ends)
