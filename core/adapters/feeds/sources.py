"""What the rows of a tape give: trades as they are, quotes as they are, candles as four trades."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from core.adapters.feeds.pieces import Piece, Quotes, Trades
from core.adapters.feeds.tape import Scale, Tape
from core.adapters.feeds.units import Conversion
from core.domain.candles import POINTS, point_times


class Source(Protocol):
    """Rows of a recording that can be read from any place."""

    rows: int
    first_ns: int
    last_ns: int
    price: Scale
    amount: Scale

    def pieces(
        self, from_row: int, size: int, price: Conversion, amount: Conversion
    ) -> Iterator[Piece]:
        """The rows from `from_row` on, about `size` at a time, in units."""


class TradeSource:
    """Trades."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.rows = tape.head.rows
        self.first_ns, self.last_ns = tape.head.first_ns, tape.head.last_ns
        self.price, self.amount = tape.head.price, tape.head.amount

    def pieces(
        self, from_row: int, size: int, price: Conversion, amount: Conversion
    ) -> Iterator[Piece]:
        """See `Source.pieces`."""
        read = self._tape.read
        for first in range(from_row, self.rows, size):
            yield Piece(
                read("ts_ns", first, size),
                Trades(
                    price.apply(read("last", first, size)),
                    amount.apply(read("amount", first, size)),
                    read("side", first, size).astype(np.int8, copy=False),
                ),
            )


class QuoteSource:
    """Best bids and asks."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.rows = tape.head.rows
        self.first_ns, self.last_ns = tape.head.first_ns, tape.head.last_ns
        self.price, self.amount = tape.head.price, tape.head.amount

    def pieces(
        self, from_row: int, size: int, price: Conversion, amount: Conversion
    ) -> Iterator[Piece]:
        """See `Source.pieces`."""
        read = self._tape.read
        for first in range(from_row, self.rows, size):
            yield Piece(
                read("ts_ns", first, size),
                None,
                Quotes(
                    price.apply(read("bid", first, size)),
                    amount.apply(read("bid_amount", first, size)),
                    price.apply(read("ask", first, size)),
                    amount.apply(read("ask_amount", first, size)),
                ),
            )


class CandleSource:
    """Candles as trades: open, adverse extreme, favourable extreme, close.

    The four are spread evenly over the interval, the close strictly before the next open. Each
    trades a quarter of the volume, the close also what does not divide by four.
    """

    def __init__(self, tape: Tape, interval_ns: int, direction: int) -> None:
        self._tape = tape
        self._direction = direction
        self._offsets = np.array(point_times(0, interval_ns), np.int64)
        self.rows = tape.head.rows * POINTS
        self.first_ns = tape.head.first_ns
        self.last_ns = tape.head.last_ns + int(self._offsets[-1])
        self.price, self.amount = tape.head.price, tape.head.amount

    def pieces(
        self, from_row: int, size: int, price: Conversion, amount: Conversion
    ) -> Iterator[Piece]:
        """See `Source.pieces`."""
        count = max(1, size // POINTS)
        skip = from_row % POINTS
        for first in range(from_row // POINTS, self._tape.head.rows, count):
            piece = self._candles(first, count, price, amount)
            yield piece.part(slice(skip, None))
            skip = 0

    def _candles(self, first: int, count: int, price: Conversion, amount: Conversion) -> Piece:
        read = self._tape.read
        opened = price.apply(read("open", first, count))
        high = price.apply(read("high", first, count))
        low = price.apply(read("low", first, count))
        closed = price.apply(read("close", first, count))
        volume = amount.apply(read("volume", first, count))
        low_first = closed >= opened if self._direction == 0 else self._direction > 0
        second, third = np.where(low_first, low, high), np.where(low_first, high, low)
        quarter = volume // POINTS
        amounts = (quarter, quarter, quarter, volume - (POINTS - 1) * quarter)
        times = read("ts_ns", first, count)[:, None] + self._offsets
        return Piece(
            times.reshape(-1),
            Trades(
                np.column_stack((opened, second, third, closed)).reshape(-1),
                np.column_stack(amounts).reshape(-1),
                np.zeros(times.size, np.int8),
            ),
        )
