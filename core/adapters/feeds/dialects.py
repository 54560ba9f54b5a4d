"""Files of others whose columns mean ours under other names: those of tardis.dev.

Its files begin with `exchange,symbol,timestamp,local_timestamp`, both times in microseconds.
Trades, quotes, incremental books and snapshots of books (`asks[0].price` and so on, best first)
are read. Source: docs.tardis.dev, "Downloadable CSV files".
"""

from __future__ import annotations

import re
from typing import Final

_MARK: Final = ("exchange", "symbol", "timestamp", "local_timestamp")
_OURS: Final = {
    "exchange": "venue",
    "timestamp": "ts_us",
    "local_timestamp": "recv_us",
    "id": "trade_id",
    "ask_price": "ask",
    "bid_price": "bid",
    "asks[0].price": "ask",
    "asks[0].amount": "ask_amount",
    "bids[0].price": "bid",
    "bids[0].amount": "bid_amount",
}
_DEEPER: Final = re.compile(r"(asks|bids)\[(\d+)\]\.price")


def in_our_words(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same columns, in the same places, under the names of `docs/recording.md`."""
    if names[: len(_MARK)] != _MARK:
        return names
    return tuple(_OURS.get(name, name) for name in names)


def depth_of(names: tuple[str, ...]) -> int:
    """Levels a side of a snapshot that stand in one row; 0 where a row is no such snapshot."""
    found = [match for name in names if (match := _DEEPER.fullmatch(name))]
    return max((int(match.group(2)) + 1 for match in found), default=0)


def level_columns(side: str, level: int) -> tuple[str, str]:
    """The columns of a level's price and amount; `side` is `asks` or `bids`."""
    price, amount = f"{side}[{level}].price", f"{side}[{level}].amount"
    return _OURS.get(price, price), _OURS.get(amount, amount)
