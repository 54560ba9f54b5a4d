"""A line chart in braille: 2 by 4 dots per cell, axis labels at nice steps, marks on top.

Floats are fine here: a chart is a picture. Each column of dots keeps the last, the highest and the
lowest value that fell into it, so that no spike is lost by thinning out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from tui.presentation.cells import Line, Span, left, right
from tui.presentation.glyphs import Glyphs
from tui.presentation.numbers import MINUS

BRAILLE = 0x2800
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bit of the dot at column, row."""

TIME_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)
)


class Sample(NamedTuple):
    """One point of a series."""

    at: datetime
    last: float
    high: float
    low: float


class Mark(NamedTuple):
    """A sign on the chart, such as a fill."""

    at: datetime
    value: float
    sign: str
    tone: str


class Rule(NamedTuple):
    """A horizontal hint at the right edge, such as a resting level."""

    value: float
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What to draw."""

    samples: Sequence[Sample]
    marks: Sequence[Mark] = ()
    rules: Sequence[Rule] = ()
    decimals: int = 2
    zone: tzinfo | None = None
    tone: str = "line"


def nice_step(span: float, wanted: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that cuts `span` into `wanted` parts."""
    if span <= 0 or wanted < 1:
        return 1.0
    raw = span / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    return next(
        (factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9)),
        10 * power,
    )


def bounds(samples: Sequence[Sample]) -> tuple[float, float]:
    """Lowest and highest value with a little air; never equal."""
    low = min(sample.low for sample in samples)
    high = max(sample.high for sample in samples)
    air = (high - low) * 0.06 or abs(high) * 0.0005 or 1.0
    return low - air, high + air


def draw(chart: Chart, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The chart in exactly `rows` lines of `cells` cells: labels, plot, and a time axis below."""
    if not chart.samples or cells < 16 or rows < 3:
        return [(Span(" " * cells),) for _ in range(rows)]
    low, high = bounds(chart.samples)
    plot_rows = rows - 1
    labels = value_labels(low, high, plot_rows, chart.decimals)
    margin = max(len(label) for label in labels.values()) + 3
    plot_cells = cells - margin - 1
    plot = _Plot(chart, plot_cells, plot_rows, (low, high))
    grid = plot.line(glyphs)
    plot.add_rules(grid, glyphs)
    plot.add_marks(grid)
    lines: list[Line] = []
    for row in range(plot_rows):
        label = right(labels.get(row, ""), margin - 1) + " "
        lines.append((Span(label, "dim"), *_runs(grid[row]), Span(" ")))
    axis = time_axis(chart.samples[0].at, chart.samples[-1].at, plot_cells, chart.zone)
    lines.append((Span(" " * margin + left(axis, plot_cells + 1), "dim"),))
    return lines


def value_labels(low: float, high: float, rows: int, decimals: int) -> dict[int, str]:
    """Row -> label, at nice values, about one in three rows and at least one."""
    for wanted in range(max(1, rows // 3), rows + 3):
        step = max(nice_step(high - low, wanted), 10.0**-decimals)
        labels = _labels_at(low, high, rows, step, decimals)
        if labels:
            return labels
    return {rows // 2: _label((low + high) / 2, decimals)}


def _labels_at(low: float, high: float, rows: int, step: float, decimals: int) -> dict[int, str]:
    shown = 0 if step >= 1 and step == int(step) else decimals
    labels: dict[int, str] = {}
    value = math.ceil(low / step) * step
    while value <= high + step * 1e-9 and len(labels) <= rows:
        row = round((high - value) / (high - low) * (rows - 1))
        if 0 <= row < rows:
            labels[row] = _label(value, shown)
        value += step
    return labels


def _label(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def time_axis(first: datetime, last: datetime, cells: int, where: tzinfo | None) -> str:
    """Times of day under the plot, at whole steps."""
    span = last - first
    if span <= timedelta(0):
        return f"{last.astimezone(where):%H:%M}"
    wanted = max(1, cells // 14)
    step = next((step for step in TIME_STEPS if span / step <= wanted), TIME_STEPS[-1])
    axis = [" "] * cells
    local = first.astimezone(where)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + step * math.ceil((local - midnight) / step)
    taken = -2
    while at <= last:
        label = f"{at:%H:%M}"
        start = round((at - first) / span * (cells - 1)) - len(label) // 2
        start = min(max(0, start), cells - len(label))
        if start > taken + 1:
            axis[start : start + len(label)] = label
            taken = start + len(label)
        at += step
    return "".join(axis)


class _Cell(NamedTuple):
    char: str
    tone: str


class _Plot:
    """The dots of one chart."""

    def __init__(
        self, chart: Chart, cells: int, rows: int, value_bounds: tuple[float, float]
    ) -> None:
        self._chart = chart
        self._cells = cells
        self._rows = rows
        self._low, self._high = value_bounds
        self._first = chart.samples[0].at
        self._span = (chart.samples[-1].at - self._first).total_seconds() or 1.0

    def _x(self, at: datetime, columns: int) -> int:
        share = (at - self._first).total_seconds() / self._span
        return min(columns - 1, max(0, round(share * (columns - 1))))

    def _y(self, value: float, rows: int) -> int:
        share = (self._high - value) / (self._high - self._low)
        return min(rows - 1, max(0, round(share * (rows - 1))))

    def columns(self, count: int) -> dict[int, Sample]:
        """Column -> the last, highest and lowest of what fell into it."""
        found: dict[int, Sample] = {}
        for sample in self._chart.samples:
            x = self._x(sample.at, count)
            before = found.get(x)
            if before is not None:
                found[x] = sample._replace(
                    high=max(before.high, sample.high), low=min(before.low, sample.low)
                )
            else:
                found[x] = sample
        return found

    def line(self, glyphs: Glyphs) -> list[list[_Cell]]:
        """The series as cells."""
        if glyphs.has_braille:
            return self._braille()
        grid = [[_Cell(" ", "")] * self._cells for _ in range(self._rows)]
        for x, sample in self.columns(self._cells).items():
            grid[self._y(sample.last, self._rows)][x] = _Cell("*", self._chart.tone)
        return grid

    def _braille(self) -> list[list[_Cell]]:
        wide, tall = self._cells * 2, self._rows * 4
        bits = [[0] * self._cells for _ in range(self._rows)]

        def dot(x: int, y: int) -> None:
            bits[y // 4][x // 2] |= DOTS[x % 2][y % 4]

        previous: tuple[int, int] | None = None
        for x, sample in sorted(self.columns(wide).items()):
            y = self._y(sample.last, tall)
            for between in range(self._y(sample.high, tall), self._y(sample.low, tall) + 1):
                dot(x, between)
            if previous is not None:
                _connect(previous, (x, y), dot)
            previous = (x, y)
        return [
            [_Cell(chr(BRAILLE + cell) if cell else " ", self._chart.tone) for cell in row]
            for row in bits
        ]

    def add_rules(self, grid: list[list[_Cell]], glyphs: Glyphs) -> None:
        """Short strokes at the right edge where no line is."""
        for rule in self._chart.rules:
            if not self._low <= rule.value <= self._high:
                continue
            row = grid[self._y(rule.value, self._rows)]
            for x in (self._cells - 2, self._cells - 1):
                if row[x].char == " ":
                    row[x] = _Cell(glyphs.horizontal, rule.tone)

    def add_marks(self, grid: list[list[_Cell]]) -> None:
        """Signs over whatever is there."""
        for mark in self._chart.marks:
            if mark.at < self._first or not self._low <= mark.value <= self._high:
                continue
            row = self._y(mark.value, self._rows)
            grid[row][self._x(mark.at, self._cells)] = _Cell(mark.sign, mark.tone)


def _connect(start: tuple[int, int], end: tuple[int, int], put: Callable[[int, int], None]) -> None:
    """Dots on the way between two points."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    for step in range(1, steps + 1):
        put(
            start[0] + round((end[0] - start[0]) * step / steps),
            start[1] + round((end[1] - start[1]) * step / steps),
        )


def _runs(cells: Sequence[_Cell]) -> list[Span]:
    """Neighbouring cells of one tone as one span."""
    spans: list[Span] = []
    for cell in cells:
        if spans and (spans[-1].tone == cell.tone or cell.char == " "):
            spans[-1] = spans[-1]._replace(text=spans[-1].text + cell.char)
        else:
            spans.append(Span(cell.char, cell.tone))
    return spans
