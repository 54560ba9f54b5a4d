"""Candles in integers, and the path of prices inside one.

A candle says where the price went, not in which order. The path assumes the worse order for whoever
holds the position: first the extreme that hurts, then the one that helps.
"""

from __future__ import annotations

import re
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
