"""What was told already, so that a replay after a reconnection tells nobody twice. Pure.

Only a help: the journal alone decides whether an execution counts. Keys are remembered in order and
the oldest forgotten, so a venue that runs for months needs no more memory than one that runs an
hour. A key holds time, price and amount beside the venue's id, because a venue that restarts may
begin its ids anew (reliability V32).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from core.adapters.exchanges.models import FillData, to_ns


@dataclass(slots=True)
class Seen:
    """Keys that came before, at most `capacity` of them."""

    capacity: int = 10_000
    _keys: OrderedDict[Hashable, None] = field(default_factory=OrderedDict)

    def add(self, key: Hashable) -> bool:
        """Remembers a key; True if it is new."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self.capacity:
            self._keys.popitem(last=False)
        return True

    def __len__(self) -> int:
        return len(self._keys)


def fill_key(fill: FillData) -> Hashable:
    """What makes an execution the same one: both sides of a self-trade differ by their order."""
    return (
        fill.symbol,
        fill.trade_id,
        fill.order_id,
        to_ns(fill.at),
        fill.price,
        fill.amount,
    )
