"""Feeds that a test writes down row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import gcd
from typing import Final

from core.errors import FeedError
from core.services.ports import Chunk, FeedKind, FundingRow

MS: Final = 1_000_000
"""Nanoseconds."""
START_NS: Final = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""
_SIDES: Final = {"buy": 1, "sell": -1, "": 0}

Levels = Sequence[tuple[str, str]]
"""(price, amount) texts, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    """One row; texts are decimals, empty for what the row does not carry."""

    ms: int
    """Milliseconds after the feed's start."""
    last: str = ""
    amount: str = "1"
    side: str = ""
    """`buy`, `sell`, or empty."""
    bid: str = ""
    bid_amount: str = "1"
    ask: str = ""
    ask_amount: str = "1"
    bids: Levels | None = None
    """Whole depth; its first level stands in for `bid`."""
    asks: Levels | None = None


class ScriptedFeed:
    """A finite feed of given rows.

    Args:
        rows: In order of time.
        name: What summaries show.
        kind: Told from the rows when None.
        start_ns: Time of millisecond 0.
        chunk_rows: Rows in a chunk, so that tests cross borders.
        funding: (milliseconds, rate) of settlements.
    """

    def __init__(
        self,
        rows: Sequence[FeedRow],
        *,
        name: str = "script",
        kind: FeedKind | None = None,
        start_ns: int = START_NS,
        chunk_rows: int = 3,
        funding: Sequence[tuple[int, str]] = (),
    ) -> None:
        self.name = name
        self.has_book = any(row.bid or row.ask or row.bids or row.asks for row in rows)
        self.kind = kind or (FeedKind.BOOKS if self.has_book else FeedKind.TRADES)
        self.first_ns: int | None = start_ns + rows[0].ms * MS if rows else None
        self.last_ns: int | None = start_ns + rows[-1].ms * MS if rows else None
        self._rows = [_with_best(row) for row in rows]
        self._start_ns = start_ns
        self._chunk_rows = chunk_rows
        self._funding = [
            FundingRow(ts_ns=start_ns + ms * MS, rate=Decimal(rate)) for ms, rate in funding
        ]
        self._price_unit = _unit(text for row in self._rows for text in _prices(row))
        self._amount_unit = _unit(text for row in self._rows for text in _amounts(row))

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """The rows from `from_row` on, a few at a time."""
        for start in range(from_row, len(self._rows), self._chunk_rows):
            yield self._chunk(start, self._rows[start : start + self._chunk_rows])

    def funding(self) -> Sequence[FundingRow]:
        """The settlements that were written down."""
        return self._funding

    def _chunk(self, first: int, rows: Sequence[FeedRow]) -> Chunk:
        has_depth = any(row.bids is not None or row.asks is not None for row in self._rows)
        return Chunk(
            first_row=first,
            price_unit=self._price_unit,
            amount_unit=self._amount_unit,
            ts_ns=[self._start_ns + row.ms * MS for row in rows],
            last=[self._price(row.last) for row in rows],
            amount=[self._amount(row.amount) if row.last else -1 for row in rows],
            side=[_SIDES[row.side] for row in rows],
            bid=[self._price(row.bid) for row in rows] if self.has_book else None,
            bid_amount=[self._amount(row.bid_amount) for row in rows] if self.has_book else None,
            ask=[self._price(row.ask) for row in rows] if self.has_book else None,
            ask_amount=[self._amount(row.ask_amount) for row in rows] if self.has_book else None,
            depth=[self._depth(row) for row in rows] if has_depth else None,
        )

    def _price(self, text: str) -> int:
        return int(Decimal(text) / self._price_unit) if text else -1

    def _amount(self, text: str) -> int:
        return int(Decimal(text) / self._amount_unit) if text else -1

    def _depth(self, row: FeedRow) -> object:
        if row.bids is None and row.asks is None:
            return None
        return self._levels(row.bids or ()), self._levels(row.asks or ())

    def _levels(self, levels: Levels) -> tuple[tuple[int, int], ...]:
        return tuple((self._price(price), self._amount(amount)) for price, amount in levels)


def trades(*prices: str, every_ms: int = 1_000, amount: str = "1") -> list[FeedRow]:
    """Trades at given prices, evenly spaced; `None`-free shorthand for tapes without a book."""
    return [
        FeedRow(ms=index * every_ms, last=price, amount=amount)
        for index, price in enumerate(prices)
    ]


def _with_best(row: FeedRow) -> FeedRow:
    if row.bids is None and row.asks is None:
        return row
    bid, bid_amount = row.bids[0] if row.bids else ("", "")
    ask, ask_amount = row.asks[0] if row.asks else ("", "")
    return FeedRow(
        ms=row.ms,
        last=row.last,
        amount=row.amount,
        side=row.side,
        bid=bid,
        bid_amount=bid_amount,
        ask=ask,
        ask_amount=ask_amount,
        bids=row.bids,
        asks=row.asks,
    )


def _prices(row: FeedRow) -> Iterator[str]:
    yield from (row.last, row.bid, row.ask)
    for price, _ in (*(row.bids or ()), *(row.asks or ())):
        yield price


def _amounts(row: FeedRow) -> Iterator[str]:
    yield from (row.amount, row.bid_amount, row.ask_amount)
    for _, amount in (*(row.bids or ()), *(row.asks or ())):
        yield amount


def _unit(texts: Iterator[str]) -> Decimal:
    """The largest power of ten times an integer of which every number is a whole multiple."""
    numbers = [Decimal(text) for text in texts if text]
    exponent = min((int(number.as_tuple().exponent) for number in numbers), default=0)
    step = Decimal(1).scaleb(min(exponent, 0))
    counts = [int(number / step) for number in numbers]
    return step * (gcd(*counts) or 1)


class PushedFeed:
    """A live feed whose rows a test pushes, one by one, from inside the loop."""

    kind = FeedKind.LIVE
    has_book = True
    first_ns: int | None = None
    last_ns: int | None = None

    def __init__(self, *, name: str = "live") -> None:
        self.name = name
        self.rows = 0
        """How many were pushed since the stream began."""
        self._deliver: Callable[[Chunk], None] | None = None

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """Refuses: rows come by `stream`."""
        raise FeedError(f"{self.name} has no rows to read; it pushes them.")

    def funding(self) -> Sequence[FundingRow]:
        """None."""
        return ()

    async def stream(self, deliver: Callable[[Chunk], None]) -> Callable[[], None]:
        """Keeps whom to deliver to."""
        self._deliver = deliver
        self.rows = 0
        return self._end

    def push(self, row: FeedRow, at_ns: int) -> None:
        """Delivers a row that happens at `at_ns`; nobody hears it before the stream begins."""
        if self._deliver is None:
            return
        (chunk,) = ScriptedFeed([row], start_ns=at_ns - row.ms * MS).chunks()
        self._deliver(replace(chunk, first_row=self.rows))
        self.rows += 1

    def _end(self) -> None:
        self._deliver = None
