"""Consecutive rows of a feed in its final units, and two streams merged in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import numpy as np
import numpy.typing as npt

from core.adapters.feeds.columns import Ints
from core.adapters.feeds.row_readers import NO_VALUE
from core.services.ports import Chunk


@dataclass(frozen=True, slots=True)
class Trades:
    """Columns of what was traded."""

    last: Ints
    amount: Ints
    side: npt.NDArray[np.int8]

    def part(self, rows: slice | Ints) -> Trades:
        """Some of the rows."""
        return Trades(self.last[rows], self.amount[rows], self.side[rows])


@dataclass(frozen=True, slots=True)
class Quotes:
    """Columns of the best prices after each row, and where it changed the depth."""

    bid: Ints
    bid_amount: Ints
    ask: Ints
    ask_amount: Ints
    depth: Sequence[object] | None = None

    def part(self, rows: slice) -> Quotes:
        """Some of the rows."""
        depth = None if self.depth is None else self.depth[rows]
        return Quotes(
            self.bid[rows], self.bid_amount[rows], self.ask[rows], self.ask_amount[rows], depth
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows on their way to a `Chunk`."""

    ts_ns: Ints
    trades: Trades | None = None
    quotes: Quotes | None = None

    def __len__(self) -> int:
        return len(self.ts_ns)

    def part(self, rows: slice) -> Piece:
        """Some of the rows."""
        trades = None if self.trades is None else self.trades.part(rows)
        quotes = None if self.quotes is None else self.quotes.part(rows)
        return Piece(self.ts_ns[rows], trades, quotes)

    def chunk(self, first_row: int, price_unit: Decimal, amount_unit: Decimal) -> Chunk:
        """The rows as the port wants them."""
        trades = self.trades or _no_trades(len(self))
        quotes = self.quotes
        return Chunk(
            first_row=first_row,
            price_unit=price_unit,
            amount_unit=amount_unit,
            ts_ns=_sequence(self.ts_ns),
            last=_sequence(trades.last),
            amount=_sequence(trades.amount),
            side=_sequence(trades.side),
            bid=None if quotes is None else _sequence(quotes.bid),
            bid_amount=None if quotes is None else _sequence(quotes.bid_amount),
            ask=None if quotes is None else _sequence(quotes.ask),
            ask_amount=None if quotes is None else _sequence(quotes.ask_amount),
            depth=None if quotes is None else quotes.depth,
        )


def merged(trades: Iterator[Piece], quotes: Iterator[Piece]) -> Iterator[Piece]:
    """Trades and quotes in order of time; at an equal time trades come first.

    A quote says what stood after the trades of its time. Rows of trades repeat the best prices of
    the quote before them, and change no depth.
    """
    trade, quote = next(trades, None), next(quotes, None)
    newest = _no_quotes(1)
    while trade is not None and quote is not None:
        limit = min(int(trade.ts_ns[-1]), int(quote.ts_ns[-1]))
        is_trade_spent = int(trade.ts_ns[-1]) <= limit
        trade_count = int(np.searchsorted(trade.ts_ns, limit, "right"))
        quote_count = int(
            np.searchsorted(quote.ts_ns, limit, "left" if is_trade_spent else "right")
        )
        mixed = _mix(trade.part(slice(trade_count)), quote.part(slice(quote_count)), newest)
        if len(mixed):
            yield mixed
            newest = cast("Quotes", mixed.quotes).part(slice(len(mixed) - 1, None))
        trade = trade.part(slice(trade_count, None)) if trade_count < len(trade) else None
        quote = quote.part(slice(quote_count, None)) if quote_count < len(quote) else None
        trade = trade or next(trades, None)
        quote = quote or next(quotes, None)
    while trade is not None:
        yield _mix(trade, Piece(trade.ts_ns[:0], None, _no_quotes(0)), newest)
        trade = next(trades, None)
    while quote is not None:
        yield _mix(Piece(quote.ts_ns[:0], _no_trades(0)), quote, newest)
        quote = next(quotes, None)


def _mix(trade: Piece, quote: Piece, newest: Quotes) -> Piece:
    """Two pieces as one; `newest` is the quote in force before them."""
    ts_ns = np.concatenate((trade.ts_ns, quote.ts_ns))
    order = np.argsort(ts_ns, kind="stable")
    trades = cast("Trades", trade.trades)
    blank = _no_trades(len(quote))
    mixed = Trades(
        np.concatenate((trades.last, blank.last))[order],
        np.concatenate((trades.amount, blank.amount))[order],
        np.concatenate((trades.side, blank.side))[order],
    )
    # Row 0 of the sources below is the quote in force, row n the n-th of this piece: counting the
    # quotes up to each row says which one is in force there.
    quotes = cast("Quotes", quote.quotes)
    is_quote = order >= len(trade)
    in_force = np.cumsum(is_quote)
    depth = None
    if quotes.depth is not None:
        numbers = np.where(is_quote, in_force - 1, -1).tolist()
        depth = [None if number < 0 else quotes.depth[number] for number in numbers]
    return Piece(
        ts_ns[order],
        mixed,
        Quotes(
            np.concatenate((newest.bid, quotes.bid))[in_force],
            np.concatenate((newest.bid_amount, quotes.bid_amount))[in_force],
            np.concatenate((newest.ask, quotes.ask))[in_force],
            np.concatenate((newest.ask_amount, quotes.ask_amount))[in_force],
            depth,
        ),
    )


def resized(pieces: Iterator[Piece], skip: int, size: int) -> Iterator[Piece]:
    """The pieces without their first `skip` rows, none longer than `size`."""
    for piece in pieces:
        if skip >= len(piece):
            skip -= len(piece)
            continue
        for first in range(skip, len(piece), size):
            yield piece.part(slice(first, first + size))
        skip = 0


def _no_trades(count: int) -> Trades:
    nothing = np.full(count, NO_VALUE, np.int64)
    return Trades(nothing, nothing, np.zeros(count, np.int8))


def _no_quotes(count: int) -> Quotes:
    nothing = np.full(count, NO_VALUE, np.int64)
    return Quotes(nothing, nothing, nothing, nothing)


def _sequence(column: npt.NDArray[np.int64] | npt.NDArray[np.int8]) -> Sequence[int]:
    """NumPy arrays behave as sequences of int wherever a chunk is read."""
    return cast("Sequence[int]", column)
