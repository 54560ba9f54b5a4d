"""Recorded books: messages joined by their ids."""

from decimal import Decimal

import numpy as np
import pytest

from core.adapters.feeds import recording
from core.adapters.feeds.books import DEPTH_LEVELS, Ladder
from core.adapters.feeds.recording import open_recording
from core.errors import FeedError
from core.services.ports import FeedKind

HEADER = "ts_ms,is_snapshot,side,price,amount,first_id,last_id,prev_id"
SNAPSHOT = ("1,true,bid,99,1,,10,", "1,true,ask,101,2,,10,")


def states(feed, from_row=0):
    """Per row: time in ms, best bid and ask in ticks, and how many levels each side has."""
    found = []
    for chunk in feed.chunks(from_row):
        for row in range(len(chunk)):
            bids, asks = chunk.depth[row]
            found.append(
                (
                    int(chunk.ts_ns[row]) // 10**6,
                    int(chunk.bid[row]),
                    int(chunk.ask[row]),
                    len(bids),
                    len(asks),
                )
            )
    return found


def test_updates_change_the_snapshot(write, bitcoin):
    """Levels are set, replaced and taken away; depth is best first, in units."""
    path = write(
        "book.csv",
        HEADER,
        *SNAPSHOT,
        "2,false,bid,100,0.5,11,12,10",
        "2,false,bid,98,3,11,12,10",
        "3,false,bid,100,0,13,14,12",
        "3,false,ask,101,7,13,14,12",
    )

    feed = open_recording(path, bitcoin)
    (chunk,) = feed.chunks()

    assert (feed.kind, feed.has_book, feed.rows) == (FeedKind.BOOKS, True, 3)
    assert states(feed) == [(1, 990, 1010, 1, 1), (2, 1000, 1010, 3, 1), (3, 990, 1010, 2, 1)]
    assert chunk.depth[1] == (((1000, 500), (990, 1000), (980, 3000)), ((1010, 2000),))
    assert list(chunk.ask_amount) == [2000, 2000, 7000]
    assert list(chunk.last) == [-1, -1, -1]


def test_a_book_without_ids_is_joined_by_its_order(write, bitcoin):
    """Ids are optional: rows of one time and kind are one message."""
    path = write(
        "book.csv",
        "ts,is_snapshot,side,price,amount",
        "1,1,bid,99,1",
        "1,1,ask,101,2",
        "2,0,bid,100,1",
        "3,False,ask,101,0",
    )

    assert states(open_recording(path, bitcoin)) == [
        (1, 990, 1010, 1, 1),
        (2, 1000, 1010, 2, 1),
        (3, 1000, -1, 2, 0),
    ]


def test_a_gap_breaks_the_book_until_the_next_snapshot(write, bitcoin):
    """Where an update is missing nothing is known, then a snapshot starts anew, and it is said."""
    path = write(
        "book.csv",
        HEADER,
        *SNAPSHOT,
        "2,false,bid,100,1,11,12,10",
        "3,false,bid,97,1,15,16,14",
        "4,false,bid,96,1,17,18,16",
        "5,true,bid,95,1,,18,",
        "5,true,ask,105,1,,18,",
        "6,false,ask,104,1,19,20,18",
    )

    feed = open_recording(path, bitcoin)

    assert states(feed) == [
        (1, 990, 1010, 1, 1),
        (2, 1000, 1010, 2, 1),
        (3, -1, -1, 0, 0),
        (5, 950, 1050, 1, 1),
        (6, 950, 1040, 1, 2),
    ]
    assert feed.warnings == ("book.csv: 1 gaps in the ids; no book until the next snapshot.",)


@pytest.mark.parametrize("ids", ["15,16,14", "15,16,", ",16,14"])
def test_a_gap_that_no_snapshot_follows_is_refused(write, bitcoin, ids):
    """The place of the gap is named, by `prev_id` or by `first_id`."""
    path = write("book.csv", HEADER, *SNAPSHOT, f"2,false,bid,100,1,{ids}")

    with pytest.raises(FeedError, match=r"book.csv, row 3: a gap in the ids breaks the book"):
        open_recording(path, bitcoin)


def test_updates_before_a_late_snapshot_are_applied_on_top_of_it(write, bitcoin):
    """A snapshot asked for while updates stream in joins them, whatever its time says."""
    path = write(
        "book.csv",
        HEADER,
        "2,false,bid,100,1,8,9,7",
        "3,false,bid,98,4,10,12,9",
        "4,false,bid,99,0,13,15,12",
        "1,true,bid,99,1,,11,",
        "1,true,ask,101,2,,11,",
        "5,false,ask,101,3,16,17,15",
    )

    assert states(open_recording(path, bitcoin)) == [(4, 980, 1010, 1, 1), (5, 980, 1010, 1, 1)]


def test_a_snapshot_may_have_no_time(write, bitcoin):
    """It then happened with the row before it; an update must have one."""
    lines = ("1,false,bid,99,1,1,1,", ",true,bid,99,1,,1,", ",true,ask,101,1,,1,")

    feed = open_recording(write("book.csv", HEADER, *lines), bitcoin)

    assert states(feed) == [(1, 990, 1010, 1, 1)]
    with pytest.raises(FeedError, match="row 4: the time is empty"):
        open_recording(write("bad.csv", HEADER, *lines, ",false,bid,98,1,2,2,"), bitcoin)


@pytest.mark.parametrize(
    "rows, complaint",
    [
        (["1,false,bid,99,1,1,1,"], "the book has no snapshot"),
        ([*SNAPSHOT, "2,false,bid,0,1,11,11,10"], "row 3: price 0 must be above 0"),
        ([*SNAPSHOT, "2,false,bid,9,-1,11,11,10"], "row 3: amount -1 must not be below 0"),
        ([*SNAPSHOT, "2,maybe,bid,9,1,11,11,10"], "row 3: is_snapshot 'maybe' is none of true"),
        ([*SNAPSHOT, "2,false,mid,9,1,11,11,10"], "row 3: side 'mid' is none of bid, ask"),
        ([*SNAPSHOT, "0,false,bid,9,1,11,11,10"], "row 3: an earlier time"),
        (
            [*SNAPSHOT, "2,false,bid,9,1,11,12,10", "3,false,bid,9,1,11,12,10"],
            "row 4: the ids go back",
        ),
        ([*SNAPSHOT, "2,false,bid,9,1,1.5,12,10"], "first_id must be whole numbers"),
    ],
)
def test_a_bad_book_is_refused(write, bitcoin, rows, complaint):
    """Every row that cannot be trusted is named."""
    with pytest.raises(FeedError, match=complaint):
        open_recording(write("book.csv", HEADER, *rows), bitcoin)


def test_a_message_may_reach_over_blocks(write, bitcoin, monkeypatch):
    """Where a file is cut for reading changes no message."""
    levels = [f"1,true,bid,{50 + n},1,,10," for n in range(40)]
    path = write("book.csv", HEADER, *levels, "1,true,ask,101,1,,10,")
    whole = states(open_recording(path, bitcoin))

    class Tiny(recording.CsvTable):
        def __init__(self, path_):
            super().__init__(path_, block_bytes=64)

    monkeypatch.setattr(recording, "CsvTable", Tiny)

    assert states(open_recording(path, bitcoin)) == whole == [(1, 890, 1010, 40, 1)]


def test_reading_can_start_at_any_row(write, bitcoin):
    """The book at row n is the same however reading started."""
    updates = (f"{n},false,bid,{50 + n},1,{n + 9},{n + 9},{n + 8}" for n in range(2, 30))
    feed = open_recording(write("book.csv", HEADER, *SNAPSHOT, *updates), bitcoin)
    whole = states(feed)

    for start in (0, 1, 17, 28, 29):
        assert states(feed, start) == whole[start:]


def test_a_crossed_book_is_no_book():
    """While a bid stands at or above an ask no price of it can be used."""
    book = Ladder()
    book.update([1, -1], [100, 100], [1, 1])

    assert book.state() == ((), ())
    book.update([-1, -1], [100, 101], [0, 1])
    assert book.state() == (((100, 1),), ((101, 1),))


def test_depth_is_cut_at_a_hundred_levels():
    """Only the best levels are handed over."""
    book = Ladder()
    book.update([1] * 300, list(range(1, 301)), [1] * 300)

    bids, _ = book.state()

    assert (len(bids), bids[0], bids[-1]) == (DEPTH_LEVELS, (300, 1), (201, 1))


@pytest.mark.parametrize("name", ["usdm_BTCUSDT", "spot_BTCUSDT"])
def test_a_real_book_agrees_with_the_venues_best_quotes(shared, bitcoin, name):
    """Rebuilt from its messages, the book shows the quotes that the venue sent beside it."""
    parquet = pytest.importorskip("pyarrow.parquet")
    feed = open_recording(shared(f"books/binance_{name}_l2_20240808.parquet"), bitcoin)
    market, symbol = name.split("_")
    quotes = {
        (Decimal(row["bid"]), Decimal(row["ask"]))
        for row in parquet.read_table(
            shared("books/binance_bbo_btc_eth_20240808.parquet")
        ).to_pylist()
        if (row["market"], row["symbol"]) == (market, symbol)
    }
    chunks = list(feed.chunks())
    bid = np.concatenate([np.asarray(chunk.bid) for chunk in chunks]).tolist()
    ask = np.concatenate([np.asarray(chunk.ask) for chunk in chunks]).tolist()

    pairs = {(b * feed.price_unit, a * feed.price_unit) for b, a in zip(bid, ask, strict=True)}

    assert feed.warnings == ()
    assert min(bid) > 0
    assert all(b < a for b, a in zip(bid, ask, strict=True))
    # A message every 50 or 100 ms shows few of the quotes, and hardly any other prices.
    assert len(pairs & quotes) > 0.95 * len(pairs)
