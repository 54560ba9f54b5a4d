"""A chunk of a feed as NumPy columns in the market's own units, ready to be leapt over."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import gcd
from typing import Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from core.domain.book import Level, rescaled
from core.domain.matching import NONE, Row
from core.services.ports import Chunk

Ints = npt.NDArray[np.int64]
Depth = tuple[Sequence[Level], Sequence[Level]]
"""(bids, asks), best first."""

_FAR: Final = np.int64(1 << 62)
_FIRST_BLOCK: Final = 256
_LAST_BLOCK: Final = 1 << 16


class Bounds(NamedTuple):
    """Prices (units) at or beyond which a row must be handed over."""

    below: int
    """For any price of the row."""
    above: int
    buys_at: int
    """For its trade or ask: a resting buy may fill."""
    sells_at: int
    """For its trade or bid: a resting sell may fill."""


class Quote(NamedTuple):
    """What is known of a market at a row: units and parts, -1 for what is not."""

    last: int = NONE
    bid: int = NONE
    bid_amount: int = NONE
    ask: int = NONE
    ask_amount: int = NONE


UNKNOWN: Final = Quote()


class Columns:
    """Rows of one chunk.

    Args:
        chunk: What the feed gave.
        prices: Market units in one price unit of the chunk.
        amounts: Parts in one amount unit of the chunk.
        before: What was known before the first row.
    """

    def __init__(self, chunk: Chunk, prices: int, amounts: int, before: Quote) -> None:
        self.first_row = chunk.first_row
        self.amounts = amounts
        self.prices = prices
        self.before = before
        self.ts = np.asarray(chunk.ts_ns, np.int64)
        self.last = _scaled(chunk.last, prices)
        self.amount = np.asarray(chunk.amount, np.int64)
        self.side = np.asarray(chunk.side, np.int64)
        self._last_at = _latest(self.last >= 0)
        self.bid = None if chunk.bid is None else _scaled(chunk.bid, prices)
        self.ask = None if chunk.ask is None else _scaled(chunk.ask, prices)
        self._bid_amount = chunk.bid_amount
        self._ask_amount = chunk.ask_amount
        self._depth = chunk.depth
        self._depth_rows = _depth_rows(chunk.depth)
        self._quote_at = self._quotes()
        self._reach()

    def __len__(self) -> int:
        return len(self.ts)

    def first_reaching(self, start: int, stop: int, bounds: Bounds) -> int:
        """The first row from `start` on that reaches a bound, or `stop`."""
        block = _FIRST_BLOCK
        while start < stop:
            end = min(start + block, stop)
            hit = (self.low[start:end] <= bounds.below) | (self.high[start:end] >= bounds.above)
            if self._low_ask is not None and self._high_bid is not None:
                hit |= self._low_ask[start:end] <= bounds.buys_at
                hit |= self._high_bid[start:end] >= bounds.sells_at
            found = int(hit.argmax())
            if hit[found]:
                return start + found
            start = end
            block = min(block * 4, _LAST_BLOCK)
        return stop

    def bounds_for(self, bounds: Bounds) -> Bounds:
        """The same bounds where there is no book: every price is the trade's."""
        if self._low_ask is not None:
            return bounds
        below = max(bounds.below, bounds.buys_at)
        return Bounds(below, min(bounds.above, bounds.sells_at), below, bounds.sells_at)

    def row(self, index: int) -> Row:
        """What matching sees of a row."""
        amount = int(self.amount[index])
        return Row(
            last=int(self.last[index]),
            amount=amount * self.amounts if amount > 0 else amount,
            side=int(self.side[index]),
            bid=NONE if self.bid is None else int(self.bid[index]),
            ask=NONE if self.ask is None else int(self.ask[index]),
        )

    def quote(self, index: int) -> Quote:
        """What is known after a row; index -1 is before the first."""
        if index < 0:
            return self.before
        last_row = index if self._last_at is None else int(self._last_at[index])
        last = self.before.last if last_row < 0 else int(self.last[last_row])
        row = index if self._quote_at is None else int(self._quote_at[index])
        if self.bid is None or self.ask is None or row < 0:
            return Quote(last, *self.before[1:])
        return Quote(
            last=last,
            bid=int(self.bid[row]),
            bid_amount=self._amount(self._bid_amount, row),
            ask=int(self.ask[row]),
            ask_amount=self._amount(self._ask_amount, row),
        )

    def depth(self, index: int) -> Depth | None:
        """The newest depth of this chunk at a row; None where no row up to it carries one."""
        if self._depth is None or self._depth_rows is None:
            return None
        place = int(np.searchsorted(self._depth_rows, index, "right")) - 1
        if place < 0:
            return None
        bids, asks = cast("Depth", self._depth[int(self._depth_rows[place])])
        if self.prices == self.amounts == 1:
            return bids, asks
        return rescaled(bids, self.prices, self.amounts), rescaled(asks, self.prices, self.amounts)

    # -- inside -------------------------------------------------------------------------------

    def _amount(self, column: Sequence[int] | None, row: int) -> int:
        amount = NONE if column is None else int(column[row])
        return amount * self.amounts if amount > 0 else amount

    def _quotes(self) -> Ints | None:
        """For each row the newest row with a quote; None where every row has one."""
        if self.bid is None or self.ask is None:
            return None
        carries = (self.bid >= 0) | (self.ask >= 0)
        if self._depth is not None and self._depth_rows is not None:
            # A row that says that no book is known any more is a quote of two empty sides.
            silent = np.intersect1d(np.flatnonzero(~carries), self._depth_rows)
            empty = [row for row in silent.tolist() if self._depth[row] == ((), ())]
            carries[empty] = True
        return _latest(carries)

    def _reach(self) -> None:
        """Lowest and highest price of each row, for leaping."""
        low_last = np.where(self.last < 0, _FAR, self.last)
        self._low_ask: Ints | None = None
        self._high_bid: Ints | None = None
        self.low, self.high = low_last, self.last
        if self.bid is None or self.ask is None:
            return
        self._low_ask = np.minimum(low_last, np.where(self.ask < 0, _FAR, self.ask))
        self._high_bid = np.maximum(self.last, self.bid)
        self.low = np.minimum(self._low_ask, np.where(self.bid < 0, _FAR, self.bid))
        self.high = np.maximum(self._high_bid, self.ask)


def common_unit(first: Decimal, second: Decimal) -> Decimal:
    """The largest unit of which both are whole multiples."""
    one, two = first.as_integer_ratio(), second.as_integer_ratio()
    return Decimal(gcd(one[0] * two[1], two[0] * one[1])) / Decimal(one[1] * two[1])


def times(whole: Decimal, unit: Decimal) -> int:
    """How often `unit` goes into `whole`, exactly.

    Raises:
        ValueError: If it does not.
    """
    count, rest = divmod(whole, unit)
    if rest:
        raise ValueError(f"{whole} is no multiple of {unit}")
    return int(count)


def _scaled(values: Sequence[int], factor: int) -> Ints:
    column = np.asarray(values, np.int64)
    return column if factor == 1 else np.where(column < 0, column, column * factor)


def _latest(carries: npt.NDArray[np.bool_]) -> Ints | None:
    """For each row the newest one that carries a value (-1 for none); None where all do."""
    if carries.all():
        return None
    rows = np.where(carries, np.arange(len(carries), dtype=np.int64), -1)
    return np.maximum.accumulate(rows)


def _depth_rows(depth: Sequence[object] | None) -> Ints | None:
    if depth is None:
        return None
    rows = [row for row, levels in enumerate(depth) if levels is not None]
    return np.asarray(rows, np.int64)
