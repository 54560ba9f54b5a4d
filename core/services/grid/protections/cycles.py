"""How well round trips have paid lately: the rate that a stop loss asks for.

    rate = net result of the round trips of the window / window in hours · 8766 / capital · 100

Only round trips strictly inside the last ten minutes count, at what they really earned after the
fees of both legs. None at all is a rate of 0; less than ten minutes of running is no rate.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import plain
from core.services.grid.ledger import ZERO
from core.services.grid.protections.timer import SECOND_NS

WINDOW_NS: Final = 600 * SECOND_NS
HOUR_NS: Final = 3600 * SECOND_NS
HOURS_PER_YEAR: Final = Decimal(8766)
KEPT_NS: Final = 30 * SECOND_NS
"""Round trips of so long share one place in memory, which leaves the window as a whole."""


def cycle_apr(net: Decimal, span_ns: int, capital: Decimal) -> Decimal:
    """Percent a year of a net result, quote, within a time, on a capital."""
    if capital <= 0 or span_ns <= 0:
        return ZERO
    return net * HOUR_NS / span_ns * HOURS_PER_YEAR / capital * 100


class Cycles:
    """The round trips of the last ten minutes."""

    __slots__ = ("_sums", "since_ns")

    def __init__(self) -> None:
        self.since_ns: int | None = None
        """Since when round trips of this ladder are counted."""
        self._sums: deque[tuple[int, int, Decimal]] = deque()
        """(first, last, net): the round trips of up to ten seconds; oldest first."""

    def begin(self, at_ns: int) -> None:
        """A new ladder."""
        self.since_ns = at_ns
        self._sums.clear()

    def add(self, at_ns: int, net: Decimal) -> None:
        """One round trip."""
        if self._sums and at_ns - self._sums[-1][0] < KEPT_NS:
            first, _, sum_net = self._sums.pop()
            self._sums.append((first, at_ns, sum_net + net))
        else:
            self._sums.append((at_ns, at_ns, net))
        self._forget(at_ns)

    def apr(self, at_ns: int, capital: Decimal) -> Decimal | None:
        """Percent a year over the last ten minutes; None while it has run for less."""
        if self.since_ns is None or at_ns - self.since_ns < WINDOW_NS:
            return None
        self._forget(at_ns)
        net = sum((net for _, _, net in self._sums), ZERO)
        return cycle_apr(net, WINDOW_NS, capital)

    def _forget(self, at_ns: int) -> None:
        while self._sums and self._sums[0][0] <= at_ns - WINDOW_NS:
            self._sums.popleft()

    def dump(self) -> list[object]:
        """As it goes to the journal."""
        return [self.since_ns, [[first, last, plain(net)] for first, last, net in self._sums]]

    def load(self, values: list[object]) -> None:
        """Reads what `dump` gave."""
        since_ns, sums = values
        self.since_ns = since_ns if isinstance(since_ns, int) else None
        if isinstance(sums, list):
            self._sums = deque((first, last, Decimal(net)) for first, last, net in sums)
