"""Whether a book's change follows what is known, and what to do when it does not. Pure.

A venue sends a whole book once and changes after that. Changes that come before the whole book wait
for it; those it already holds are dropped; a missing one breaks the book until there is a new whole
one (reliability D1). Venues differ in one rule alone, how a change says what came before it:

    linked     the change names the sequence it follows        Binance futures `pu`, Lighter, EdgeX
    spanning   the change names its first and last update      Binance spot `U` and `u`, Backpack
    counted    each change is one more than the last           venues with one number

`Joint` keeps the place of one book; whoever owns the levels asks it about each change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from core.adapters.exchanges.depth import Succession

Rule = Callable[[int, int, int, int], Succession]
"""(known, first, last, previous) -> how a change relates to the book; previous is -1 if unsaid."""

T = TypeVar("T")

_WAITING: Final = 1_000
"""Changes that wait for a whole book; a venue that does not send one in that time is asked anew."""


def linked(known: int, first: int, last: int, previous: int) -> Succession:
    """The change names the sequence that it follows; the first one after a whole book spans it."""
    if previous == known:
        return Succession.NEXT
    if last <= known:
        return Succession.STALE
    return Succession.NEXT if first <= known + 1 and previous < known else Succession.GAP


def spanning(known: int, first: int, last: int, previous: int) -> Succession:
    """The change names its first and its last update."""
    del previous
    if last <= known:
        return Succession.STALE
    return Succession.NEXT if first <= known + 1 else Succession.GAP


def counted(known: int, first: int, last: int, previous: int) -> Succession:
    """Each change is one more than the one before."""
    del first, previous
    if last <= known:
        return Succession.STALE
    return Succession.NEXT if last == known + 1 else Succession.GAP


@dataclass(slots=True)
class Joint(Generic[T]):
    """The place of one book in its stream of changes.

    `T` is a change as its owner keeps it while it waits.
    """

    rule: Rule
    known: int | None = None
    """Sequence of the book; None while there is no whole one."""
    gaps: int = 0
    """How often something was missing."""
    waiting: deque[tuple[int, int, int, T]] = field(default_factory=lambda: deque(maxlen=_WAITING))
    """(first, last, previous, change) that wait for a whole book."""

    @property
    def is_whole(self) -> bool:
        """Whether the book may be believed."""
        return self.known is not None

    def take(self, first: int, last: int, previous: int, change: T) -> Succession:
        """Judges a change.

        Returns:
            NEXT to apply it now, STALE to drop it (or to wait: it is kept), GAP when the book just
            broke and a whole one is to be asked for; the change waits for that.
        """
        if self.known is None:
            self.waiting.append((first, last, previous, change))
            return Succession.STALE
        verdict = self.rule(self.known, first, last, previous)
        if verdict is Succession.NEXT:
            self.known = last
        elif verdict is Succession.GAP:
            self.gaps += 1
            self.breaks()
            self.waiting.append((first, last, previous, change))
        return verdict

    def restart(self, sequence: int) -> list[T] | None:
        """A whole book came: the changes to apply on top of it, in order.

        Returns:
            None if what waited does not reach back to this book: a newer one is needed, and the
            changes go on waiting.
        """
        known = sequence
        found: list[T] = []
        for first, last, previous, change in self.waiting:
            verdict = self.rule(known, first, last, previous)
            if verdict is Succession.GAP:
                return None
            if verdict is Succession.NEXT:
                known = last
                found.append(change)
        self.known = known
        self.waiting.clear()
        return found

    def breaks(self) -> None:
        """The book may not be believed any more."""
        self.known = None
        self.waiting.clear()
