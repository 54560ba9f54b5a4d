"""Whether a book has stood still for long enough to trade on it.

Both best prices must stay within the tolerance of the first look for the whole duration; then the
larger of the two best amounts must be so many percent of the smaller. A price that moved, or a
ratio that is too small, begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Verdict(StrEnum):
    """What a look at the book came to."""

    WAIT = "wait"
    RESTART = "restart"
    GO = "go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Best prices and their amounts."""

    bid: Decimal
    ask: Decimal
    bid_amount: Decimal
    ask_amount: Decimal


class StabilityGate:
    """Looks at one book.

    Args:
        duration_ns: How long it must stand still.
        tolerance: Price units that a best price may differ from the first look.
        ratio: Percent that the larger best amount must be of the smaller; 0 for any.
    """

    def __init__(self, *, duration_ns: int, tolerance: Decimal, ratio: Decimal) -> None:
        self._duration_ns = duration_ns
        self._tolerance = tolerance
        self._ratio = ratio
        self._first: Quote | None = None
        self._since_ns = 0

    def look(self, at_ns: int, quote: Quote) -> Verdict:
        """Takes in the book of a moment."""
        first = self._first
        if first is None or self._has_moved(first, quote):
            self._begin(at_ns, quote)
            return Verdict.WAIT if first is None else Verdict.RESTART
        if at_ns - self._since_ns < self._duration_ns:
            return Verdict.WAIT
        if self._imbalance(quote) < self._ratio:
            self._begin(at_ns, quote)
            return Verdict.RESTART
        return Verdict.GO

    def _begin(self, at_ns: int, quote: Quote) -> None:
        self._first, self._since_ns = quote, at_ns

    def _has_moved(self, first: Quote, quote: Quote) -> bool:
        moved = max(abs(quote.bid - first.bid), abs(quote.ask - first.ask))
        return moved > self._tolerance

    def _imbalance(self, quote: Quote) -> Decimal:
        smaller = min(quote.bid_amount, quote.ask_amount)
        if smaller <= 0:
            return Decimal("Infinity")
        return max(quote.bid_amount, quote.ask_amount) / smaller * 100
