"""A second opinion on neutral grids: lines with orders, and one line without.

It knows nothing of slots. All lines below the empty one have a buy, all above it a sell. What a
trade reaches fills, nearest first, and the line of each fill becomes the empty one. A range that
trails drops its line at one end and gets one at the other. There is no latency here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext


def even_lines(lower: Decimal, upper: Decimal, interval: Decimal) -> list[Decimal]:
    """Lines from the lower to the upper price."""
    found = [lower]
    while found[-1] + interval <= upper:
        found.append(found[-1] + interval)
    return found


def bent_lines(lower: Decimal, upper: Decimal, count: int, tick: Decimal) -> list[Decimal]:
    """Lines that divide a range evenly in its logarithm, on the nearest tick."""
    with localcontext() as context:
        context.prec = 50
        low, high = lower.ln(), upper.ln()
        exact = [(low + (high - low) * number / count).exp() for number in range(count + 1)]
        return [(price / tick).quantize(Decimal(1), ROUND_HALF_UP) * tick for price in exact]


@dataclass(slots=True, kw_only=True)
class NeutralLines:
    """A neutral grid and what it has done."""

    lines: list[Decimal]
    """From low to high."""
    amount: Decimal
    is_touch: bool
    """Whether a trade at an order's price fills it; else only one beyond."""
    interval: Decimal | None = None
    """Of evenly spaced lines, which may trail."""
    trails_up: bool = False
    trails_down: bool = False
    empty: int | None = None
    """Index of the line without an order; None before the first price."""
    fills: list[tuple[str, Decimal]] = field(default_factory=list)
    moves: int = 0

    def see(self, price: Decimal) -> None:
        """The next trade."""
        if self.empty is None:
            best = min(abs(line - price) for line in self.lines)
            nearest = [n for n, line in enumerate(self.lines) if abs(line - price) == best]
            self.empty = nearest[-1]
        else:
            self._fill(price)
        self._trail(price)

    def run(self, prices: Sequence[Decimal]) -> None:
        """A whole tape."""
        for price in prices:
            self.see(price)

    @property
    def position(self) -> Decimal:
        """Signed, base."""
        bought = sum(1 for side, _ in self.fills if side == "buy")
        return self.amount * (2 * bought - len(self.fills))

    @property
    def cash(self) -> Decimal:
        """Quote received for what was sold less what was paid, before fees."""
        return sum(
            (self.amount * (price if side == "sell" else -price) for side, price in self.fills),
            Decimal(0),
        )

    @property
    def turnover(self) -> Decimal:
        """Quote."""
        return sum((self.amount * price for _, price in self.fills), Decimal(0))

    def resting(self) -> list[tuple[str, Decimal]]:
        """Every order, from low to high."""
        empty = self.empty or 0
        return [
            ("buy" if number < empty else "sell", line)
            for number, line in enumerate(self.lines)
            if number != empty
        ]

    def _fill(self, price: Decimal) -> None:
        empty = self.empty or 0
        while empty > 0 and self._reaches(self.lines[empty - 1] - price):
            empty -= 1
            self.fills.append(("buy", self.lines[empty]))
        while empty < len(self.lines) - 1 and self._reaches(price - self.lines[empty + 1]):
            empty += 1
            self.fills.append(("sell", self.lines[empty]))
        self.empty = empty

    def _reaches(self, beyond: Decimal) -> bool:
        return beyond >= 0 if self.is_touch else beyond > 0

    def _trail(self, price: Decimal) -> None:
        if self.interval is None:
            return
        while self.trails_up and price >= self.lines[-1] + self.interval:
            self.lines = [*self.lines[1:], self.lines[-1] + self.interval]
            self.empty = len(self.lines) - 1
            self.moves += 1
        while self.trails_down and price <= self.lines[0] - self.interval:
            self.lines = [self.lines[0] - self.interval, *self.lines[:-1]]
            self.empty = 0
            self.moves += 1
