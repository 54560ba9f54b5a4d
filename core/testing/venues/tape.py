"""A book as a stream tells it: what changed, and numbers by which a listener sees what it missed.

Every book of the floor becomes one change. Its numbers run on without a hole, one for each level
that changed, so that a message which never arrives leaves a gap that its listener can see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import BookLevel, OrderBookData

_KEPT: Final = 64
"""Books that a stale snapshot can be taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChange:
    """The difference between two books."""

    symbol: str
    bids: tuple[BookLevel, ...]
    """Changed levels, amount 0 for one that is gone; best first."""
    asks: tuple[BookLevel, ...]
    first: int
    """Number of its first level."""
    last: int
    previous: int
    """`last` of the change before."""
    book: OrderBookData
    """The whole book after it; its `sequence` is `last`."""
    at: datetime


class BookTape:
    """The changes of one symbol's book.

    Args:
        symbol: Whose.
        start: The number before the first.
    """

    def __init__(self, symbol: str, start: int = 1_000_000) -> None:
        self.symbol = symbol
        self.last = start
        self._listeners: list[Callable[[BookChange], None]] = []
        self._books: deque[OrderBookData] = deque(maxlen=_KEPT)

    def listen(self, callback: Callable[[BookChange], None]) -> None:
        """Calls back after each change."""
        self._listeners.append(callback)

    def snapshot(self, age: int = 0) -> OrderBookData | None:
        """The book after the newest change, or `age` changes before it."""
        if not self._books:
            return None
        return self._books[max(-len(self._books), -1 - age)]

    def restart(self, start: int = 0) -> None:
        """Numbers begin anew, as after the venue's own restart; what was before is forgotten."""
        self.last = start
        self._books.clear()

    def take(self, book: OrderBookData) -> None:
        """Tells what is different in the next book; nothing where it is the same."""
        before = self._books[-1] if self._books else None
        bids = _changes(() if before is None else before.bids, book.bids, is_bid=True)
        asks = _changes(() if before is None else before.asks, book.asks, is_bid=False)
        count = len(bids) + len(asks)
        if not count:
            return
        previous, self.last = self.last, self.last + count
        numbered = OrderBookData(
            venue=book.venue,
            symbol=book.symbol,
            bids=book.bids,
            asks=book.asks,
            sequence=self.last,
            at=book.at,
        )
        self._books.append(numbered)
        change = BookChange(
            symbol=self.symbol,
            bids=bids,
            asks=asks,
            first=previous + 1,
            last=self.last,
            previous=previous,
            book=numbered,
            at=book.at,
        )
        for listener in self._listeners:
            listener(change)


def _changes(
    before: tuple[BookLevel, ...], after: tuple[BookLevel, ...], *, is_bid: bool
) -> tuple[BookLevel, ...]:
    old = {level.price: level.amount for level in before}
    new = {level.price: level.amount for level in after}
    gone = [BookLevel(price, Decimal(0)) for price in old if price not in new]
    other = [BookLevel(price, amount) for price, amount in new.items() if old.get(price) != amount]
    return tuple(sorted((*gone, *other), key=lambda level: level.price, reverse=is_bid))
