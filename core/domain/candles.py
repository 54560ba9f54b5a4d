"""Candles in integers: the path of prices inside one, and trades summed up into them.

A candle says where the price went, not in which order. The path assumes the worse order for whoever
holds the position: first the extreme that hurts, then the one that helps.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

POINTS: Final = 4
"""Prices in a candle's path."""

_TIMEFRAME: Final = re.compile(r"([1-9]\d{0,5})(ms|s|m|h|d|w)", re.ASCII)
_UNIT_NS: Final = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3_600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One interval of a market; prices and volume count the same units everywhere in a series."""

    open_ns: int
    """Start of the interval."""
    open: int
    high: int
    low: int
    close: int
    volume: int

    def __post_init__(self) -> None:
        if (
            not 0
            < self.low
            <= min(self.open, self.close)
            <= max(self.open, self.close)
            <= self.high
        ):
            message = (
                f"no candle: open {self.open}, high {self.high}, low {self.low}, close {self.close}"
            )
            raise ValueError(message)


def is_low_first(candle_open: int, candle_close: int, direction: int) -> bool:
    """Whether a path goes to the low before the high.

    Args:
        candle_open: First price.
        candle_close: Last price.
        direction: +1 for who gains when the price rises (the low hurts, so it comes first), -1 for
            who gains when it falls, 0 for neither: then a rising candle goes to its low first.
    """
    return candle_close >= candle_open if direction == 0 else direction > 0


def path(candle: Candle, direction: int) -> tuple[int, int, int, int]:
    """Open, adverse extreme, favourable extreme, close; see `is_low_first` for `direction`."""
    if is_low_first(candle.open, candle.close, direction):
        return candle.open, candle.low, candle.high, candle.close
    return candle.open, candle.high, candle.low, candle.close


def point_times(open_ns: int, interval_ns: int) -> tuple[int, int, int, int]:
    """When the points of a path are: evenly spread, all strictly before the next open."""
    quarter = interval_ns // POINTS
    return open_ns, open_ns + quarter, open_ns + 2 * quarter, open_ns + 3 * quarter


def timeframe_ns(timeframe: str) -> int:
    """Nanoseconds of an interval such as `1m`, `5m`, `1h` or `1d`.

    Raises:
        ValueError: For anything but a whole number and one of ms, s, m, h, d, w.
    """
    match = _TIMEFRAME.fullmatch(timeframe)
    if match is None:
        message = f"{timeframe!r} is no interval: expected a number and ms, s, m, h, d or w (5m)"
        raise ValueError(message)
    return int(match[1]) * _UNIT_NS[match[2]]


class CandleSeries:
    """The newest candles of a market, from trades in order of time.

    Intervals without a trade have no candle. The last candle is open until a trade of a later
    interval comes.
    """

    def __init__(self, interval_ns: int, *, limit: int = 1_000) -> None:
        """Keeps at most `limit` candles of `interval_ns` each, aligned to 1970."""
        if interval_ns <= 0 or limit <= 0:
            message = "interval and limit must be above 0"
            raise ValueError(message)
        self.interval_ns = interval_ns
        self._closed: deque[Candle] = deque(maxlen=limit)
        self._start: int | None = None
        self._open = self._high = self._low = self._close = self._volume = 0

    def add(self, at_ns: int, price: int, amount: int) -> None:
        """Takes one trade in.

        Raises:
            ValueError: If the trade lies before the open candle, or `price` is not above 0.
        """
        if price <= 0:
            message = f"no price: {price}"
            raise ValueError(message)
        start = at_ns - at_ns % self.interval_ns
        if start == self._start:
            self._high = max(self._high, price)
            self._low = min(self._low, price)
            self._close = price
            self._volume += amount
            return
        if self._start is not None:
            if start < self._start:
                message = f"trade at {at_ns} lies before the open candle of {self._start}"
                raise ValueError(message)
            self._closed.append(self._current(self._start))
        self._start = start
        self._open = self._high = self._low = self._close = price
        self._volume = amount

    def extend(self, trades: Iterable[tuple[int, int, int]]) -> None:
        """Takes trades in: (time in ns, price, amount), in order of time."""
        for at_ns, price, amount in trades:
            self.add(at_ns, price, amount)

    def candles(self, limit: int | None = None) -> tuple[Candle, ...]:
        """The newest candles from old to new, the last one still open."""
        if self._start is None:
            return ()
        found = (*self._closed, self._current(self._start))
        return found if limit is None else found[max(0, len(found) - limit) :]

    def _current(self, start: int) -> Candle:
        return Candle(
            open_ns=start,
            open=self._open,
            high=self._high,
            low=self._low,
            close=self._close,
            volume=self._volume,
        )
