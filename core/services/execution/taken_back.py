"""Which executions a venue told of once and no longer knows, because it busted them (V8).

Asked only where the position differs, for nothing else would show it: a venue that takes a trade
back tells no event of it. A list counts only where it is whole, and a trade only where its order
is in the list's time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.adapters.exchanges.models import FillData
from core.services.ports import FillRow, Journal

LOOK_BACK_NS: Final = 86_400 * 1_000_000_000
"""How old an execution may be that is looked for; venues bust within hours."""
_ORDERS: Final = 500


SETTLED_NS: Final = 30_000_000_000
"""How old an execution must be: lists lag behind the stream, and a lag takes nothing back (V29)."""
LOOK_FOR_NS: Final = 120_000_000_000
"""How long after the position began to differ it is looked for, so that young ones grow old."""


def settled(journal: Journal, bot_id: str, symbol: str, now_ns: int) -> list[FillRow]:
    """Executions that a bot took in within the last day, and that every list should hold by now."""
    return [
        fill
        for stored in journal.orders(bot_id, _ORDERS)
        for fill in journal.fills(stored.intent.client_order_id)
        if fill.symbol == symbol and now_ns - LOOK_BACK_NS <= fill.at_ns <= now_ns - SETTLED_NS
    ]


def taken_back(ours: Iterable[FillRow], told: Iterable[FillData]) -> list[FillRow]:
    """Those of ours that the venue's whole list does not hold any more, oldest first."""
    known = {(fill.trade_id, fill.order_id) for fill in told}
    gone = (fill for fill in ours if (fill.trade_id, fill.order_id) not in known)
    return sorted(gone, key=lambda fill: (fill.at_ns, fill.trade_id))
