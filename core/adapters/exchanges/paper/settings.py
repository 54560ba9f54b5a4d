"""What a paper account can be told: the `paper:` block of a bot's file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.matching import FillRule


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """How the embedded venue behaves."""

    initial_balance: Decimal = Decimal(10_000)
    """Of every quote asset, when the account is new."""
    latency_ms: Decimal | int = 50
    """How long an order or a cancel travels until it is taken in; the answer is immediate."""
    fill: FillRule | None = None
    """None: `queue` where the feed has a book, else `through`."""
    profile: str | None = None
    """Whose habits it has (`profiles.py`); None: those of the venue it stands in for."""
    funding_rate: Decimal | None = None
    """Per interval of the instrument, at multiples of it in UTC; None: what the feed carries."""
    seed: int = 0
    """Makes the ids of the account in virtual runs."""

    @property
    def latency_ns(self) -> int:
        """Latency in nanoseconds."""
        return int(self.latency_ms * 1_000_000)

    def fill_rule(self, *, has_book: bool) -> FillRule:
        """The rule in force on a feed."""
        if self.fill is not None:
            return self.fill
        return FillRule.QUEUE if has_book else FillRule.THROUGH
