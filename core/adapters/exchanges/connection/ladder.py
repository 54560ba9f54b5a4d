"""A book as two flat lists of amounts, indexed by tick. Pure.

A change of a level is one write at an index; the best price is kept, and looked for again only when
its level empties. Levels far from the market are kept aside until the market comes near them, and
prices that came before know their index, which costs a third of reckoning it.

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

Told = dict[int, tuple[float, BookLevel]]

WIDTH: Final = 1 << 16
"""Ticks in the lists."""
_TOP: Final = WIDTH + 1
"""Index of the guard above the asks; the guard below the bids is 0. A search always ends there."""
_MARGIN: Final = WIDTH // 8
_PLACES: Final = 2 * WIDTH
"""Prices whose index is remembered, at most: an honest venue has one price a tick."""
_SPAN: Final = 4096
"""Ticks from the best price that are looked through for levels to tell of."""
_STRIDE: Final = 256
"""Ticks that are looked through at a time: a dense book needs few."""
_TOLD: Final = 8 * 1024
"""Levels that are remembered as they were told."""
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
        "_places",
        "_prices",
        "_tick",
        "_told",
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
        self._places: dict[float, int] = {}
        """Price -> index in the lists, as they are laid now."""
        self._told: tuple[Told, Told] = ({}, {})
        """Index -> amount and level as they were told last, of bids and of asks."""
        self._prices: dict[int, Decimal] = {}
        """Index -> price, of what was told."""

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
        told_bids, told_asks = self._told
        if len(told_bids) + len(told_asks) > _TOLD:
            told_bids.clear()
            told_asks.clear()
            self._prices.clear()
        return (
            self._read(self._bids, self._best_bid, -1, count, told_bids),
            self._read(self._asks, self._best_ask, 1, count, told_asks),
        )

    def best(self) -> tuple[BookLevel | None, BookLevel | None]:
        """Best bid and best ask."""
        bids, asks = self.levels(1)
        return (bids[0] if bids else None), (asks[0] if asks else None)

    # -- inside -------------------------------------------------------------------------------

    def _ticks(self, price: float) -> int:
        return int(price * self._inverse + 0.5)

    def _change_bids(self, changes: Changes) -> None:
        side, best, places = self._bids, self._best_bid, self._places
        for price, amount in changes:
            try:
                index = places[price]
            except KeyError:
                index = self._place(price, amount, self._far_bids)
                if not index:
                    continue
            side[index] = amount
            if amount:
                if index > best:  # noqa: PLR1730 # `max` costs three times as much here
                    best = index
            elif index == best:
                while not side[best]:
                    best -= 1
        self._best_bid = best

    def _change_asks(self, changes: Changes) -> None:
        side, best, places = self._asks, self._best_ask, self._places
        for price, amount in changes:
            try:
                index = places[price]
            except KeyError:
                index = self._place(price, amount, self._far_asks)
                if not index:
                    continue
            side[index] = amount
            if amount:
                if index < best:  # noqa: PLR1730 # `min` costs three times as much here
                    best = index
            elif index == best:
                while not side[best]:
                    best += 1
        self._best_ask = best

    def _place(self, price: float, amount: float, far: dict[int, float]) -> int:
        """The index of a price that is new here; 0 if it is far, where its amount is kept then."""
        ticks = self._ticks(price)
        index = ticks - self._base
        if 0 < index < _TOP:
            if len(self._places) >= _PLACES:
                self._places.clear()
            self._places[price] = index
            return index
        if amount:
            far[ticks] = amount
        else:
            far.pop(ticks, None)
        return 0

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
        self._places.clear()
        self._told = ({}, {})
        self._prices.clear()
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

    def _read(
        self, side: list[float], best: int, step: int, count: int, told: Told
    ) -> tuple[BookLevel, ...]:
        """The levels from the best one outwards; those that did not change are the same values."""
        found: list[BookLevel] = []
        at, end = best, best + step * _SPAN
        while 0 < at < _TOP and at != end:
            until = at + step * _STRIDE
            window = side[at:until] if step > 0 else side[max(0, until + 1) : at + 1][::-1]
            for amount in window:
                if amount:
                    if amount < 0:
                        return tuple(found)
                    known = told.get(at)
                    if known is None or known[0] != amount:
                        known = told[at] = amount, self._level(at, amount)
                    found.append(known[1])
                    if len(found) == count:
                        return tuple(found)
                at += step
        return tuple(found)

    def _level(self, index: int, amount: float) -> BookLevel:
        prices = self._prices
        price = prices.get(index)
        if price is None:
            price = prices[index] = (self._base + index) * self._tick
        made = _LevelMold()
        made.price = price
        made.amount = int(amount * self._per_lot + 0.5) * self._lot
        made.__class__ = BookLevel  # type: ignore[assignment] # see `_LevelMold`
        return made  # type: ignore[return-value]


class _LevelMold:
    """A level while it is made: the same places in memory as `BookLevel`, not yet immutable."""

    __slots__ = ("amount", "price")

    price: Decimal
    amount: Decimal
