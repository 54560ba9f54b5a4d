"""A part of a recording, counted from 0."""

import pytest

from core.adapters.feeds import recording as module
from core.adapters.feeds.recording import open_recording
from core.adapters.feeds.window import Rows, Window
from core.errors import FeedError

HEADER = "ts_ns,price,amount,side"
MINUTE = 60 * 10**9


@pytest.fixture
def feed(write, bitcoin, monkeypatch):
    """A hundred trades, a minute apart, read in pieces of sixteen."""
    monkeypatch.setattr(module, "_CHUNK_ROWS", 16)
    return open_recording(
        write("tape.csv", HEADER, *(f"{n * MINUTE},{100 + n},1,buy" for n in range(100))), bitcoin
    )


def prices(feed, from_row=0):
    """The prices and the numbers of their rows."""
    return [
        (chunk.first_row + place, int(price))
        for chunk in feed.chunks(from_row)
        for place, price in enumerate(chunk.last)
    ]


@pytest.mark.parametrize("first", [0, 7, 16, 40])
@pytest.mark.parametrize("last", [41, 48, 100])
def test_rows_are_counted_from_the_first_inside(feed, first, last):
    """`to` no longer belongs to it; reading may begin anywhere."""
    window = Window(feed, first * MINUTE, last * MINUTE)
    whole = prices(feed)[first:last]
    expected = [(number - first, price) for number, price in whole]

    assert prices(window) == expected
    assert prices(window, min(5, window.rows)) == expected[5:]
    assert (window.first_ns, window.last_ns) == (first * MINUTE, (last - 1) * MINUTE)


def test_a_window_without_rows_is_refused(feed):
    """Between two trades there is nothing to trade on."""
    with pytest.raises(FeedError, match="no row between"):
        Window(feed, 5 * MINUTE + 1, 6 * MINUTE)


@pytest.mark.parametrize("first, last", [(-2, 50), (0, 102)])
def test_what_the_recording_does_not_reach_is_refused(write, bitcoin, first, last):
    """But for a minute at either end."""
    lines = (f"{(n + 10) * MINUTE},{100 + n},1,buy" for n in range(100))
    feed = open_recording(write("tape.csv", HEADER, *lines), bitcoin)

    with pytest.raises(FeedError, match="does not cover"):
        Window(feed, (first + 10) * MINUTE, (last + 10) * MINUTE)
    Window(feed, 9 * MINUTE, 110 * MINUTE)


@pytest.mark.parametrize("count", [1, 16, 17, 99, 100, 200])
def test_the_first_rows_end_where_they_are_told_to(feed, count):
    """A market that endless prices would go on showing comes to its end."""
    assert prices(Rows(feed, count)) == prices(feed)[:count]
    assert prices(Rows(feed, count), 50) == prices(feed)[50:count]
