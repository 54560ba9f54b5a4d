"""What a file of rows is, told from its columns."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from core.adapters.feeds.times import TIME_COLUMNS, time_column
from core.errors import FeedError


class RowKind(StrEnum):
    """What the rows of one file are."""

    BOOKS = "books"
    TRADES = "trades"
    QUOTES = "quotes"
    CANDLES = "candles"
    FUNDING = "funding"


NEEDS: Final = {
    RowKind.BOOKS: ("is_snapshot", "side", "price", "amount"),
    RowKind.TRADES: ("price", "amount", "side"),
    RowKind.QUOTES: ("bid", "bid_amount", "ask", "ask_amount"),
    RowKind.CANDLES: ("open", "high", "low", "close", "volume"),
    RowKind.FUNDING: ("venue", "symbol", "rate", "interval_s"),
}
"""Kind -> columns it needs beside a time; books before trades, whose columns they have too."""

STREAM_COLUMNS: Final = ("symbol", "market", "venue")
"""Columns that tell several streams of one file apart."""


def kind_of(names: Iterable[str], source: str) -> RowKind:
    """The kind of rows that columns of these names make.

    Raises:
        FeedError: If they make none; the message lists what was found and what each kind needs.
    """
    found = tuple(names)
    if time_column(found) is not None:
        for kind, needs in NEEDS.items():
            if all(name in found for name in needs):
                return kind
    times = " or ".join(TIME_COLUMNS[::-1])
    wanted = "; ".join(f"{kind}: {', '.join(needs)}" for kind, needs in NEEDS.items())
    raise FeedError(
        f"{source}: its columns make no known kind of recording. "
        f"Found: {', '.join(found) or 'none'}. Needed: {times}, and for {wanted}."
    )
