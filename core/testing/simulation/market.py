"""A market made from a seed: calm, trends, chops, gaps and crashes, row by row.

Prices are whole steps around a middle price. A regime lasts minutes; within one the price walks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.infrastructure.rng import Rng
from core.services.ports import Chunk, FeedKind, FundingRow

NS_PER_S: Final = 1_000_000_000
_CHUNK: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a market is like."""

    middle: int
    """Ticks that the price is drawn back to."""
    breadth: int
    """Ticks of a usual swing."""
    gap_s: float = 1.0
    """Mean seconds between two rows."""
    spread: int = 2
    """Ticks between bid and ask."""
    is_wild: bool = False
    """Whether the price jumps and crashes now and then."""


class DrawnFeed:
    """A feed without end.

    Args:
        rng: Draws the market; each chunk has a stream of its own.
        shape: What it is like.
        tick: Price of a tick.
        lot: Amount of a lot.
        start_ns: Time of the first row.
    """

    kind = FeedKind.QUOTES
    has_book = True
    last_ns: int | None = None

    def __init__(
        self, rng: Rng, shape: Shape, *, tick: Decimal, lot: Decimal, start_ns: int
    ) -> None:
        self.name = "drawn"
        self.first_ns: int | None = start_ns
        self._rng = rng
        self._shape = shape
        self._tick = tick
        self._lot = lot
        self._start_ns = start_ns
        self.is_still = False
        """Whether the price stands still from the next rows on."""

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """Rows for ever; a walk cannot be entered in the middle, so it is walked from the start."""
        walk = _Walk(self._rng.child("walk"), self._shape, self._start_ns)
        row = 0
        while True:
            walk.is_still = self.is_still
            rows = [walk.step() for _ in range(_CHUNK)]
            if row + _CHUNK > from_row:
                skipped = max(0, from_row - row)
                yield self._chunk(row + skipped, rows[skipped:])
            row += _CHUNK

    def funding(self) -> Sequence[FundingRow]:
        """None: the account has a rate of its own."""
        return ()

    def _chunk(self, first: int, rows: Sequence[tuple[int, int, int, int]]) -> Chunk:
        spread = self._shape.spread
        return Chunk(
            first_row=first,
            price_unit=self._tick,
            amount_unit=self._lot,
            ts_ns=[row[0] for row in rows],
            last=[row[1] for row in rows],
            amount=[row[2] for row in rows],
            side=[row[3] for row in rows],
            bid=[row[1] - (spread if row[3] > 0 else 0) for row in rows],
            bid_amount=[row[2] * 40 for row in rows],
            ask=[row[1] + (spread if row[3] < 0 else 0) for row in rows],
            ask_amount=[row[2] * 40 for row in rows],
        )


class _Walk:
    """The price as it wanders."""

    def __init__(self, rng: Rng, shape: Shape, start_ns: int) -> None:
        self._rng = rng
        self._shape = shape
        self._at_ns = start_ns
        self._price = float(shape.middle)
        self._left = 0
        self._trend = 0.0
        self._pace = 0.0
        self.is_still = False

    def step(self) -> tuple[int, int, int, int]:
        """Time, price in ticks, amount in lots, side of the next trade."""
        rng, shape = self._rng, self._shape
        if not self.is_still:
            self._wander()
        at_ns = self._at_ns
        self._at_ns += 1 + int(rng.uniform(0.2, 1.8) * shape.gap_s * NS_PER_S)
        side = 1 if rng.random() < 0.5 else -1
        return at_ns, round(self._price), rng.integer(1, 400), side

    def _wander(self) -> None:
        rng, shape = self._rng, self._shape
        if not self._left:
            self._regime()
        self._left -= 1
        self._price += self._trend + rng.normal(0.0, self._pace)
        self._price += (shape.middle - self._price) / 1_200.0
        if shape.is_wild and rng.random() < 0.0015:
            self._price += rng.normal(0.0, shape.breadth)
        most = 4.0 * shape.breadth
        self._price = min(max(self._price, shape.middle - most, 10.0), shape.middle + most)

    def _regime(self) -> None:
        rng, breadth = self._rng, self._shape.breadth
        self._left = rng.integer(20, 240)
        kind = rng.integer(0, 3)
        self._pace = breadth * (0.004, 0.03, 0.06, 0.015)[kind]
        self._trend = breadth * rng.uniform(-0.012, 0.012) * (0.0, 0.3, 0.6, 1.6)[kind]
