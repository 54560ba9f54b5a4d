"""Which prices may be believed: pure rules on one symbol's stream.

A price that is crossed or leaps is held back until a second one near it confirms the move, so that
one bad print moves nothing (reliability D5 to D8). Age is counted by event time (T15).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from core.adapters.exchanges.models import TickerData

DEFAULT_JUMP: Final = Decimal("0.05")
"""Fraction of the last accepted price beyond which a price waits for a second one."""


class Verdict(StrEnum):
    """What became of a price."""

    ACCEPTED = "accepted"
    CROSSED = "crossed"
    EMPTY = "empty"
    HELD = "held"
    """Leapt; the next price near it confirms it."""


@dataclass(slots=True)
class PriceFilter:
    """Remembers the last accepted price of one symbol and judges the next."""

    jump: Decimal | None = DEFAULT_JUMP
    """Fraction; None accepts every positive price (a recording is what it is)."""
    accepted: Decimal | None = None
    held: Decimal | None = None
    refused: int = 0
    """How many prices were not accepted."""

    def judge(self, ticker: TickerData) -> Verdict:
        """Accepts, refuses or holds back one ticker; accepted prices become the new reference."""
        verdict = self._verdict(ticker)
        if verdict is not Verdict.ACCEPTED:
            self.refused += 1
        return verdict

    def _verdict(self, ticker: TickerData) -> Verdict:
        bid, ask = ticker.bid, ticker.ask
        if bid is not None and ask is not None and bid >= ask:
            return Verdict.CROSSED
        price = ticker.mark or ticker.last or ticker.mid or bid or ask
        if price is None or price <= 0:
            return Verdict.EMPTY
        if self._is_near(price, self.accepted) or self._is_near(price, self.held):
            self.accepted, self.held = price, None
            return Verdict.ACCEPTED
        self.held = price
        return Verdict.HELD

    def _is_near(self, price: Decimal, reference: Decimal | None) -> bool:
        if self.jump is None:
            return True
        if reference is None:
            return self.accepted is None and reference is self.accepted
        return abs(price - reference) <= self.jump * reference
