"""The oracle's ledger: what each slot holds at which price, and what it has earned."""

from dataclasses import dataclass, field
from decimal import Decimal

Piece = tuple[Decimal, Decimal]
"""Price and amount of something held; the amount is unsigned."""


@dataclass(slots=True, kw_only=True)
class Books:
    """Pieces by level, oldest first, with the results of those that were closed."""

    direction: int
    realized: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    """In quote: a fee in base counts at the price of its own execution."""
    held: dict[int, list[Piece]] = field(default_factory=dict)
    rest: list[Piece] = field(default_factory=list)
    """What a close could not sell because it was less than a lot."""

    def open(self, level: int, price: Decimal, amount: Decimal) -> None:
        """Book an entry, net of a fee taken from it."""
        self.held.setdefault(level, []).append((price, amount))

    def close(self, level: int, price: Decimal, amount: Decimal) -> None:
        """Book an exit against the slot's own pieces, oldest first."""
        self.held[level] = self._take(self.held[level], price, amount)

    def close_all(self, price: Decimal, amount: Decimal) -> None:
        """Book a close of the whole position; what is left belongs to no slot any more."""
        self.disown()
        self.rest = self._take(self.rest, price, amount)

    def disown(self) -> None:
        """Take what is left from slots that a new ladder replaces."""
        for level in sorted(self.held):
            self.rest += self.held[level]
        self.held = {}

    def amount(self, level: int) -> Decimal:
        """What a slot holds."""
        return sum((amount for _, amount in self.held.get(level, [])), Decimal(0))

    def total(self) -> Decimal:
        """What is held altogether, unsigned."""
        pieces = [*self.rest, *(piece for level in self.held.values() for piece in level)]
        return sum((amount for _, amount in pieces), Decimal(0))

    def unrealized(self, mark: Decimal) -> Decimal:
        """The open result of every piece at a price."""
        pieces = [*self.rest, *(piece for level in self.held.values() for piece in level)]
        results = (self.direction * (mark - price) * amount for price, amount in pieces)
        return sum(results, Decimal(0))

    def _take(self, pieces: list[Piece], price: Decimal, amount: Decimal) -> list[Piece]:
        left = []
        for entry, held in pieces:
            taken = min(held, amount)
            amount -= taken
            self.realized += self.direction * (price - entry) * taken
            if held > taken:
                left.append((entry, held - taken))
        if amount > 0:
            raise ValueError("more was closed than is held")
        return left
