"""Lines over time as a drawing: where each point falls, and which values the axes name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from core.adapters.exchanges.models import from_ns
from tui.presentation.chart import nice_step

_STEPS: Final = tuple(
    timedelta(minutes=minutes)
    for minutes in (
        1,
        5,
        15,
        30,
        60,
        180,
        360,
        720,
        1440,
        2880,
        10080,
        20160,
        43200,
        129600,
        525600,
    )
)
_MOST_LABELS: Final = 8


class Dot(NamedTuple):
    """A value at a moment."""

    at_ns: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line."""

    name: str
    dots: Sequence[Dot]
    tone: str
    """`first`, `second` or `quiet`."""
    is_step: bool = False
    """Whether a value holds until the next one."""
    is_filled: bool = False
    """Whether the area down to zero is filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Some lines over one time."""

    title: str
    series: Sequence[Series]
    decimals: int = 2
    suffix: str = ""
    """Behind each label, such as ` %`."""


class Label(NamedTuple):
    """A word on an axis, and where."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of a drawing, and the time and values that it spans."""

    left: float
    top: float
    width: float
    height: float
    first_ns: int
    last_ns: int
    low: float
    high: float

    @classmethod
    def of(cls, plot: Plot, left: float, top: float, width: float, height: float) -> Frame:
        """A frame that holds every dot, with a little air above and below."""
        dots = [dot for series in plot.series for dot in series.dots]
        values = [dot.value for dot in dots]
        if any(series.is_filled for series in plot.series):
            values.append(0.0)
        low, high = min(values, default=0.0), max(values, default=1.0)
        air = (high - low) * 0.05 or abs(high) * 0.001 or 1.0
        times = [dot.at_ns for dot in dots]
        first, last = min(times, default=0), max(times, default=1)
        return cls(left, top, width, height, first, max(last, first + 1), low - air, high + air)

    def x(self, at_ns: int) -> float:
        """Where a moment falls."""
        return self.left + (at_ns - self.first_ns) / (self.last_ns - self.first_ns) * self.width

    def y(self, value: float) -> float:
        """Where a value falls; downwards."""
        return self.top + (self.high - value) / (self.high - self.low) * self.height

    def path(self, series: Series) -> list[tuple[float, float]]:
        """The corners of a line."""
        found: list[tuple[float, float]] = []
        for dot in series.dots:
            x, y = self.x(dot.at_ns), self.y(dot.value)
            if series.is_step and found:
                found.append((x, found[-1][1]))
            found.append((x, y))
        return found

    def values(self, plot: Plot, wanted: int = 5) -> list[Label]:
        """Labels of the value axis, at round numbers."""
        step = nice_step(self.high - self.low, wanted)
        decimals = 0 if step >= 1 and step == int(step) else max(plot.decimals, _places(step))
        value = -(-self.low // step) * step
        found: list[Label] = []
        while value <= self.high:
            found.append(Label(self.y(value), f"{value:,.{decimals}f}{plot.suffix}"))
            value += step
        return found

    def times(self) -> list[Label]:
        """Labels of the time axis, at whole steps of UTC."""
        first, last = from_ns(self.first_ns), from_ns(self.last_ns)
        span = last - first
        step = next((step for step in _STEPS if span / step <= _MOST_LABELS), _STEPS[-1])
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + step * -(-(first - midnight) // step)
        found: list[Label] = []
        while at <= last:
            place = self.left + (at - first) / span * self.width
            found.append(Label(place, _moment(at, step)))
            at += step
        return found


def _places(step: float) -> int:
    places = 0
    while places < 8 and round(step, places) != step:
        places += 1
    return places


def _moment(at: datetime, step: timedelta) -> str:
    if step >= timedelta(days=1):
        return f"{at:%Y-%m-%d}"
    return f"{at:%m-%d}" if at.hour == at.minute == 0 else f"{at:%H:%M}"
