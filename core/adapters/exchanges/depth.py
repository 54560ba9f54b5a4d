"""Changes of a book as venues stream them, and whether one follows what is already known.

Each venue counts differently (a first and a last id, a previous id, one id by one), yet there are
only three answers: the change comes next, it is older than the book, or something is missing.
A book with something missing is broken and is asked for anew (reliability D1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from core.adapters.exchanges.models import BookLevel


class Succession(Enum):
    """How a change relates to the last one applied."""

    NEXT = "next"
    STALE = "stale"
    """Older than the book; to be dropped."""
    GAP = "gap"
    """A change is missing in between; the book is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDelta:
    """Levels of a book that changed; amounts are absolute, in base units, and 0 removes a level."""

    venue: str
    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    first_sequence: int | None = None
    """First update in this message, where the venue counts every update."""
    last_sequence: int | None = None
    """What the book's sequence is once this is applied."""
    previous_sequence: int | None = None
    """What the book's sequence must be before, where the venue says so."""
    checksum: int | None = None
    """The venue's checksum of the resulting book; None where it sends none (or a constant 0)."""
    at: datetime
    received_at: datetime | None = None

    def succession(self, sequence: int) -> Succession:
        """Whether this comes next after a book whose sequence is `sequence`.

        A change without any sequence always comes next: such a venue promises nothing to check.
        """
        if self.last_sequence is None or self.previous_sequence == sequence:
            return Succession.NEXT
        if self.last_sequence <= sequence:
            return Succession.STALE
        if self.first_sequence is not None and self.first_sequence <= sequence + 1:
            return Succession.NEXT
        return Succession.GAP
