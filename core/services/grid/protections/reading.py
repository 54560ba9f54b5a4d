"""One consistent picture for all rules: what holds until something executes, and a price in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from core.domain.events import Horizon
from core.services.grid.ladder import Ladder
from core.services.grid.protections.equity import (
    CALM,
    EVERY_ROW,
    EquityLine,
    from_price_down,
    from_price_up,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What holds between two executions.

    The *adverse* side of a price is below it for a long grid and above it for a short one. Level 1
    is the most adverse level, so "level at or below k" is "price on the adverse side of `edge(k)`"
    in both directions.
    """

    ladder: Ladder
    tick: Decimal
    line: EquityLine
    capital: Decimal
    """Worth of the grid when this ladder was built, quote."""
    position: Decimal
    """Signed base units."""
    is_holding: bool
    """Whether anything is held that could be closed."""

    @property
    def sign(self) -> int:
        """+1 where entries buy, -1 where they sell."""
        return self.ladder.entry_side.sign

    @property
    def levels(self) -> int:
        """Number of levels."""
        return self.ladder.count

    def trigger_level(self, percent: int) -> int:
        """Level at which so many percent of the ladder are filled: max(1, N - floor(N·t/100))."""
        return max(1, self.levels - self.levels * percent // 100)

    def edge(self, level: int) -> Decimal | None:
        """Ticks half-way between a level and the next; None above the last, which has no edge.

        A price on the edge itself belongs to the favourable level.
        """
        if level >= self.levels:
            return None
        first = self.ladder.shift + level - 1
        return Decimal(self.ladder.line(first) + self.ladder.line(first + 1)) / 2

    def is_at_or_below(self, level: int, price: Decimal) -> bool:
        """Whether a price stands at this level or at a more adverse one."""
        edge = self.edge(level)
        return edge is None or (price - edge * self.tick) * self.sign < 0

    def at_or_below(self, level: int) -> Horizon:
        """Every price that stands at this level or at a more adverse one."""
        edge = self.edge(level)
        return EVERY_ROW if edge is None else self.adverse_of(edge)

    def above(self, level: int) -> Horizon:
        """Every price that stands at a more favourable level."""
        edge = self.edge(level)
        return CALM if edge is None else self.favourable_of(edge)

    def adverse_of(self, ticks: Decimal) -> Horizon:
        """Every price at or on the adverse side of so many ticks."""
        return from_price_down(ticks) if self.sign > 0 else from_price_up(ticks)

    def favourable_of(self, ticks: Decimal) -> Horizon:
        """Every price at or on the favourable side of so many ticks."""
        return from_price_up(ticks) if self.sign > 0 else from_price_down(ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A price on this ground, and when."""

    ground: Ground
    at_ns: int
    price: Decimal
    """Mid of bid and ask; the last trade where there is no book."""
    level: int
    """Nearest to the price, 1 is the most adverse."""
    equity: Decimal
    """Worth of the grid at this price."""
    ladder_value: Callable[[], Decimal]
    """Sum of price times amount over all entries, quote: what rates are reckoned on; rarely asked
    for, and long to add up."""
    closed_equity: Decimal
    """The same once everything is closed at market."""
    age_ms: int
    """Of the price, and so of the equity."""
    is_new: bool
    """Whether a price has just come; else time has passed."""
    is_trusted: bool
    """Whether anything may be closed at market on it (`gates.py`)."""
