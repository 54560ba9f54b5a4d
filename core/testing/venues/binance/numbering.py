"""Ids of public trades without a hole, as this venue's are.

The floor names a trade by the row that it came in, and rows that only quote have a number too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.adapters.exchanges.models import TradeData

_KEPT: Final = 8_000
"""Trades of a symbol whose id is remembered; the floor shows its newest thousand."""


class TradeNumbers:
    """Gives each trade of a symbol the next number, in the order in which they are first told."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, int]] = {}
        """Symbol -> the floor's id of a trade -> its number."""
        self._newest: dict[str, int] = {}

    def newest(self, symbol: str) -> int:
        """The last number that was given; 0 before the first."""
        return self._newest.get(symbol, 0)

    def of(self, trade: TradeData) -> TradeData:
        """The trade under its number."""
        given = self._given.setdefault(trade.symbol, {})
        number = given.get(trade.trade_id)
        if number is None:
            number = self._newest[trade.symbol] = self.newest(trade.symbol) + 1
            given[trade.trade_id] = number
            if len(given) > _KEPT:
                del given[next(iter(given))]
        return replace(trade, trade_id=str(number))
