"""Recorded funding settlements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from core.adapters.feeds.columns import Block
from core.adapters.feeds.numbers import read_decimals
from core.adapters.feeds.times import read_times
from core.errors import FeedError
from core.services.ports import FundingRow


def read_funding(blocks: Iterable[Block], time_of: Callable[[Block], str]) -> Iterator[FundingRow]:
    """The settlements of one stream, each later than the one before.

    Raises:
        FeedError: For a rate that is no number, or a time that does not rise.
    """
    newest = -1
    for block in blocks:
        ts_ns, _ = read_times(block, time_of(block))
        rates = read_decimals(block, "rate")
        for row, (at, rate) in enumerate(zip(ts_ns.tolist(), rates.values.tolist(), strict=True)):
            if at <= newest:
                raise FeedError(
                    f"{block.place(row)}: a settlement no later than the one before; rows must be "
                    "in order of time and come once"
                )
            newest = at
            yield FundingRow(ts_ns=at, rate=Decimal(rate).scaleb(-rates.scale))
