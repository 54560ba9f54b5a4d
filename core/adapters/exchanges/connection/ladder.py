"""A book as two flat lists of amounts, indexed by tick. Pure.

A change of a level is one write at an index; the best price is kept, and looked for again only when
its level empties. Levels far from the market are kept aside until the market comes near them.

Prices and amounts come as binary floats from the decoder, which is exact here: a price is rounded
to its tick when it comes in and an amount to its lot when it is read, both far below 2^51 steps.
Whoever reads gets Decimals made from whole ticks and lots.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import BookLevel

Changes = Iterable[tuple[float, float]]
"""(price, amount); an amount of 0 removes the level."""

WIDTH: Final = 1 << 16
"""Ticks in the lists."""
_TOP: Final = WIDTH + 1
"""Index of the guard above the asks; the guard below the bids is 0. A search always ends there."""
_MARGIN: Final = WIDTH // 8
_SPAN: Final = 4096
"""Ticks from the best price that are looked through for levels to tell of."""
_GUARD: Final = -1.0


class Ladder:
    """Both sides of one book.

    Args:
        tick: Price step.
        lot: Amount step.
    """

    __slots__ = (
        "_asks",
        "_base",
        "_best_ask",
        "_best_bid",
        "_bids",
        "_far_asks",
        "_far_bids",
        "_inverse",
        "_lot",
        "_per_lot",
        "_tick",
    )

    def __init__(self, tick: Decimal, lot: Decimal) -> None:
        self._tick = tick
        self._lot = lot
        self._inverse = float(1 / tick)
        self._per_lot = float(1 / lot)
        self.clear()

    def clear(self) -> None:
        """An empty book."""
        self._base = 0
        self._bids: list[float] = []
        self._asks: list[float] = []
        self._best_bid = 0
        self._best_ask = _TOP
        self._far_bids: dict[int, float] = {}
        self._far_asks: dict[int, float] = {}

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid reaches the best ask."""
        return self._best_bid >= self._best_ask

    def load(self, bids: Changes, asks: Changes) -> None:
        """A whole book in the place of what was there."""
        self.clear()
        for far, changes in ((self._far_bids, bids), (self._far_asks, asks)):
            for price, amount in changes:
                if amount:
                    far[self._ticks(price)] = amount
                else:
                    far.pop(self._ticks(price), None)
        self._centre()

    def apply(self, bids: Changes, asks: Changes) -> None:
        """Changed levels."""
        if not self._bids:
            self.load(bids, asks)
            return
        self._change_bids(bids)
        self._change_asks(asks)
        best_bid, best_ask = self._best_bid, self._best_ask
        if best_bid < _MARGIN or best_ask > WIDTH - _MARGIN:
            self._keep_near()

    def levels(self, count: int) -> tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]]:
        """The best bids and asks, at most `count` a side, best first."""
        return (
            self._read(self._bids, self._best_bid, -1, count),
            self._read(self._asks, self._best_ask, 1, count),
        )

    def best(self) -> tuple[BookLevel | None, BookLevel | None]:
        """Best bid and best ask."""
        bids, asks = self.levels(1)
        return (bids[0] if bids else None), (asks[0] if asks else None)

    # -- inside -------------------------------------------------------------------------------

    def _ticks(self, price: float) -> int:
        return int(price * self._inverse + 0.5)

    def _change_bids(self, changes: Changes) -> None:
        base, inverse, side, best = self._base, self._inverse, self._bids, self._best_bid
        for price, amount in changes:
            index = int(price * inverse + 0.5) - base
            if 0 < index < _TOP:
                side[index] = amount
                if amount:
                    if index > best:  # noqa: PLR1730 # `max` costs three times as much here
                        best = index
                elif index == best:
                    while not side[best]:
                        best -= 1
            elif amount:
                self._far_bids[index + base] = amount
            else:
                self._far_bids.pop(index + base, None)
        self._best_bid = best

    def _change_asks(self, changes: Changes) -> None:
        base, inverse, side, best = self._base, self._inverse, self._asks, self._best_ask
        for price, amount in changes:
            index = int(price * inverse + 0.5) - base
            if 0 < index < _TOP:
                side[index] = amount
                if amount:
                    if index < best:  # noqa: PLR1730 # `min` costs three times as much here
                        best = index
                elif index == best:
                    while not side[best]:
                        best += 1
            elif amount:
                self._far_asks[index + base] = amount
            else:
                self._far_asks.pop(index + base, None)
        self._best_ask = best

    def _keep_near(self) -> None:
        """Lays the lists anew where the market left their middle, or a side ran dry."""
        bid, ask = self._best_bid, self._best_ask
        has_bid, has_ask = bid > 0, ask < _TOP
        is_off = (has_bid and bid < _MARGIN) or (has_ask and ask > WIDTH - _MARGIN)
        is_dry = (not has_bid and self._far_bids) or (not has_ask and self._far_asks)
        if is_off or is_dry:
            self._centre()

    def _centre(self) -> None:
        """Lays the lists around the market."""
        for side, far in ((self._bids, self._far_bids), (self._asks, self._far_asks)):
            far.update({self._base + at: amount for at, amount in enumerate(side) if amount > 0})
        bids, asks = self._far_bids, self._far_asks
        if not bids and not asks:
            self.clear()
            return
        middle = max(bids) if bids else min(asks)
        self._base = middle - WIDTH // 2
        self._bids, self._far_bids = self._laid(bids)
        self._asks, self._far_asks = self._laid(asks)
        best_bid, best_ask = WIDTH, 1
        while not self._bids[best_bid]:
            best_bid -= 1
        while not self._asks[best_ask]:
            best_ask += 1
        self._best_bid, self._best_ask = best_bid, best_ask

    def _laid(self, levels: dict[int, float]) -> tuple[list[float], dict[int, float]]:
        side, far = [0.0] * (_TOP + 1), {}
        side[0] = side[_TOP] = _GUARD
        for ticks, amount in levels.items():
            index = ticks - self._base
            if 0 < index < _TOP:
                side[index] = amount
            else:
                far[ticks] = amount
        return side, far

    def _read(self, side: list[float], best: int, step: int, count: int) -> tuple[BookLevel, ...]:
        if not side:
            return ()
        base, tick, lot, per_lot = self._base, self._tick, self._lot, self._per_lot
        found: list[BookLevel] = []
        at = best
        for amount in side[best : best + step * _SPAN : step] if step > 0 else _down(side, best):
            if amount:
                if amount < 0:
                    break
                lots = int(amount * per_lot + 0.5)
                found.append(BookLevel((base + at) * tick, lots * lot))
                if len(found) == count:
                    break
            at += step
        return tuple(found)


def _down(side: list[float], best: int) -> list[float]:
    """The amounts at and below an index, downwards."""
    return side[max(0, best - _SPAN) : best + 1][::-1]
