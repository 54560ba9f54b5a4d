"""What a market has shown so far: the newest trades, and one-minute candles."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from core.adapters.exchanges.paper.columns import Columns

MINUTE_NS: Final = 60 * 1_000_000_000
MAX_TRADES: Final = 1_000
MAX_CANDLES: Final = 7 * 24 * 60


class ShownTrade(NamedTuple):
    """A public trade."""

    row: int
    at_ns: int
    price: Decimal
    amount: Decimal
    side: int


@dataclass(slots=True)
class ShownCandle:
    """Trades of one interval."""

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def join(self, later: ShownCandle) -> None:
        """Takes a later part of the same interval in."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume


class History:
    """The newest trades and candles of finished chunks; the chunk at hand is added on demand."""

    def __init__(self) -> None:
        self._trades: deque[ShownTrade] = deque(maxlen=MAX_TRADES)
        self._candles: deque[ShownCandle] = deque(maxlen=MAX_CANDLES)

    def retire(self, columns: Columns, unit: Decimal, part: Decimal, shift_ns: int) -> None:
        """Takes a finished chunk in."""
        end = len(columns)
        self._trades.extend(_trades(columns, end, unit, part, shift_ns, MAX_TRADES))
        for candle in _candles(columns, end, unit, part, shift_ns):
            _append(self._candles, candle)

    def trades(
        self, columns: Columns | None, shown: int, unit: Decimal, part: Decimal, shift_ns: int
    ) -> list[ShownTrade]:
        """The newest trades, with the first `shown` rows of the chunk at hand."""
        found = list(self._trades)
        if columns is not None:
            found += _trades(columns, shown, unit, part, shift_ns, MAX_TRADES)
        return found[-MAX_TRADES:]

    def candles(
        self,
        columns: Columns | None,
        shown: int,
        unit: Decimal,
        part: Decimal,
        shift_ns: int,
        interval_ns: int,
    ) -> list[ShownCandle]:
        """Candles of an interval (whole minutes), with the rows of the chunk at hand."""
        found: deque[ShownCandle] = deque()
        minutes = [*self._candles]
        if columns is not None:
            minutes += _candles(columns, shown, unit, part, shift_ns)
        for minute in minutes:
            start = minute.start_ns - minute.start_ns % interval_ns
            copy = ShownCandle(
                start, minute.open, minute.high, minute.low, minute.close, minute.volume
            )
            _append(found, copy)
        return list(found)


def _append(candles: deque[ShownCandle], candle: ShownCandle) -> None:
    if candles and candles[-1].start_ns == candle.start_ns:
        candles[-1].join(candle)
    else:
        candles.append(candle)


def _trades(
    columns: Columns, shown: int, unit: Decimal, part: Decimal, shift_ns: int, limit: int
) -> Iterator[ShownTrade]:
    rows = np.flatnonzero(columns.last[:shown] >= 0)[-limit:]
    size = part * columns.amounts
    for row in rows.tolist():
        yield ShownTrade(
            row=columns.first_row + row,
            at_ns=int(columns.ts[row]) + shift_ns,
            price=int(columns.last[row]) * unit,
            amount=max(int(columns.amount[row]), 0) * size,
            side=int(columns.side[row]),
        )


def _candles(
    columns: Columns, shown: int, unit: Decimal, part: Decimal, shift_ns: int
) -> Iterator[ShownCandle]:
    rows = np.flatnonzero(columns.last[:shown] >= 0)
    if not len(rows):
        return
    prices = columns.last[rows]
    amounts = np.maximum(columns.amount[rows], 0)
    minutes = (columns.ts[rows] + shift_ns) // MINUTE_NS
    starts = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1))
    ends = np.append(starts[1:], len(rows)) - 1
    highs = np.maximum.reduceat(prices, starts)
    lows = np.minimum.reduceat(prices, starts)
    volumes = np.add.reduceat(amounts, starts)
    size = part * columns.amounts
    for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        yield ShownCandle(
            start_ns=int(minutes[start]) * MINUTE_NS,
            open=int(prices[start]) * unit,
            high=int(highs[place]) * unit,
            low=int(lows[place]) * unit,
            close=int(prices[end]) * unit,
            volume=int(volumes[place]) * size,
        )
