"""Trades merged with quotes, however both are cut into pieces."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.feeds.pieces import Piece, Quotes, Trades, merged, resized

times = st.lists(st.integers(0, 12), max_size=25).map(sorted)
cuts = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def pieces(piece, sizes):
    """A piece cut into parts of these sizes, over and over."""
    first, turn = 0, 0
    while first < len(piece):
        size = sizes[turn % len(sizes)]
        yield piece.part(slice(first, first + size))
        first, turn = first + size, turn + 1


def trades(at):
    """Trades numbered from 1."""
    numbers = np.arange(1, len(at) + 1)
    return Piece(np.array(at, np.int64), Trades(numbers, numbers, np.ones(len(at), np.int8)))


def quotes(at):
    """Quotes numbered from 101, with a depth that says the same."""
    numbers = np.arange(101, len(at) + 101)
    return Piece(
        np.array(at, np.int64),
        None,
        Quotes(numbers, numbers, numbers, numbers, numbers.tolist()),
    )


@given(times, times, cuts, cuts, st.integers(0, 60), st.integers(1, 7))
def test_merging_is_a_stable_sort(trade_at, quote_at, trade_cuts, quote_cuts, skip, size):
    """Rows are in order of time, trades first at equal times, each with the quote in force."""
    rows = [(at, 0, number) for number, at in enumerate(trade_at, 1)]
    rows += [(at, 1, number) for number, at in enumerate(quote_at, 101)]
    expected, newest = [], -1
    for at, is_quote, number in sorted(rows):
        newest = number if is_quote else newest
        last, depth = (-1, number) if is_quote else (number, None)
        expected.append((at, last, newest, depth))

    stream = merged(pieces(trades(trade_at), trade_cuts), pieces(quotes(quote_at), quote_cuts))
    found = []
    for piece in resized(stream, skip, size):
        assert 0 < len(piece) <= size
        depth = piece.quotes.depth or [None] * len(piece)
        found += zip(
            piece.ts_ns.tolist(),
            piece.trades.last.tolist(),
            piece.quotes.bid.tolist(),
            depth,
            strict=True,
        )

    assert found == expected[skip:]
