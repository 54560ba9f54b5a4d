"""Trade tapes: what is read, and what is refused."""

import os
import sys
from decimal import Decimal

import numpy as np
import pytest

from core.adapters.feeds import recording, tape
from core.adapters.feeds.recording import RecordingOptions, open_recording
from core.adapters.feeds.tape import CACHE_FOLDER
from core.errors import ExtraMissing, FeedError
from core.services.ports import FeedKind

HEADER = "ts,price,amount,side"


def rows(feed, from_row=0):
    """All rows as (time, price, amount, side), prices and amounts exact."""
    found = []
    for chunk in feed.chunks(from_row):
        found += [
            (int(ts), int(last) * chunk.price_unit, int(amount) * chunk.amount_unit, int(side))
            for ts, last, amount, side in zip(
                chunk.ts_ns, chunk.last, chunk.amount, chunk.side, strict=True
            )
        ]
    return found


def test_the_smallest_tape_is_read_whole(write, bitcoin):
    """Times become nanoseconds, numbers keep their text's value, sides are the taker's."""
    path = write("tape.csv", HEADER, "1000,118000.5,0.01,buy", "2000,117999.9,0.2,sell")

    feed = open_recording(path, bitcoin)

    assert feed.kind is FeedKind.TRADES
    assert (feed.name, feed.has_book, feed.warnings) == ("tape.csv", False, ())
    assert (feed.first_ns, feed.last_ns) == (10**9, 2 * 10**9)
    assert (feed.price_unit, feed.amount_unit) == (Decimal("0.1"), Decimal("0.001"))
    assert rows(feed) == [
        (10**9, Decimal("118000.5"), Decimal("0.01"), 1),
        (2 * 10**9, Decimal("117999.9"), Decimal("0.2"), -1),
    ]
    assert list(feed.funding()) == []


def test_prices_finer_than_the_tick_get_a_finer_unit(write, bitcoin):
    """The unit divides the tick and every price, and is no finer than that."""
    path = write("tape.csv", HEADER, "1,118000.25,0.0105,buy", "2,118000.50,1,sell")

    feed = open_recording(path, bitcoin)

    assert feed.price_unit == Decimal("0.05")
    assert feed.amount_unit == Decimal("0.0005")
    assert [row[1] for row in rows(feed)] == [Decimal("118000.25"), Decimal("118000.50")]


def test_zeros_behind_the_point_make_no_finer_unit(write, bitcoin):
    """`118000.50000000` is a multiple of the tick, however many zeros a venue writes."""
    path = write("tape.csv", HEADER, "1,118000.50000000,0.00200000,buy")

    feed = open_recording(path, bitcoin)

    assert (feed.price_unit, feed.amount_unit) == (Decimal("0.1"), Decimal("0.001"))
    assert rows(feed) == [(10**6, Decimal("118000.5"), Decimal("0.002"), 1)]


@pytest.mark.parametrize(
    "column, value, nanoseconds",
    [
        ("ts_ms", "1700000000123", 1_700_000_000_123_000_000),
        ("ts_ns", "1700000000123456789", 1_700_000_000_123_456_789),
        ("ts", "1700000000123", 1_700_000_000_123_000_000),
        ("ts", "2023-11-14T22:13:20.123456789Z", 1_700_000_000_123_456_789),
        ("ts", "2023-11-15 00:13:20.5+02:00", 1_700_000_000_500_000_000),
        ("ts", "2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
    ],
)
def test_times_are_read_in_every_spelling(write, bitcoin, column, value, nanoseconds):
    """Milliseconds, nanoseconds and ISO 8601 with an offset give the same nanoseconds."""
    path = write("tape.csv", f"{column},price,amount,side", f"{value},100,1,buy")

    assert open_recording(path, bitcoin).first_ns == nanoseconds


@pytest.mark.parametrize(
    "lines",
    [
        ['1,"118000.5","0.01","buy"'],
        ["1,118000.5,0.01,buy\r"],
        ["1, 118000.5, 0.01, buy"],
        ["", "1,118000.5,0.01,BUY", ""],
        ["1,1.180005e5,1e-2,Buy"],
        ["1,+118000.5,.01,b"],
    ],
)
def test_odd_but_clear_writing_gives_the_same_rows(write, bitcoin, lines):
    """Quotes, carriage returns, spaces, empty lines and exponents change nothing."""
    feed = open_recording(write("tape.csv", HEADER, *lines), bitcoin)

    assert rows(feed) == [(10**6, Decimal("118000.5"), Decimal("0.01"), 1)]


def test_equal_rows_without_ids_are_two_trades(write, bitcoin):
    """Without trade ids nothing says that two equal rows are one trade."""
    path = write("tape.csv", HEADER, "1,100,1,buy", "1,100,1,buy")

    assert len(rows(open_recording(path, bitcoin))) == 2


def test_equal_times_keep_the_order_of_the_file(write, bitcoin):
    """Rows of one time come as they stand."""
    path = write("tape.csv", HEADER, *(f"5,{100 + n},1,buy" for n in (3, 1, 2)))

    assert [row[1] for row in rows(open_recording(path, bitcoin))] == [103, 101, 102]


@pytest.mark.parametrize(
    "lines, complaint",
    [
        (["2,100,1,buy", "1,100,1,buy"], "row 2: an earlier time than tape.csv, row 1"),
        (["1,0,1,buy"], "row 1: price 0 must be above 0"),
        (["1,100,1,buy", "2,-5,1,buy"], "row 2: price -5 must be above 0"),
        (["1,100,0,buy"], "row 1: amount 0 must be above 0"),
        (["1,NaN,1,buy"], "row 1: price 'NaN' is no number"),
        (["1,inf,1,buy"], "row 1: price 'inf' is no number"),
        (["1,-Infinity,1,buy"], "row 1: price '-Infinity' is no number"),
        (["1,1_000,1,buy"], "row 1: price '1_000' is no number"),
        (["1,abc,1,buy"], "row 1: price 'abc' is no number"),
        (["1,1.2.3,1,buy"], "row 1: price '1.2.3' is no number"),
        (["1,.,1,buy"], "row 1: price '.' is no number"),
        (["1,,1,buy"], "row 1: price is empty"),
        (["1,1e999999999,1,buy"], "out of any market's range"),
        (["1,100,1,long"], "row 1: side 'long' is none of buy, sell"),
        (["1,100,1"], "row 1: 3 fields, expected 4"),
        (["1,100,1,buy,5"], "row 1: 5 fields, expected 4"),
        (["-1,100,1,buy"], "is no time in milliseconds since 1970"),
        (["1700000000000000000,100,1,buy"], "is no time in milliseconds since 1970"),
        (["yesterday,100,1,buy"], "ts 'yesterday' is no number"),
        (["2023-11-14T22:13:20,100,1,buy"], "without an offset"),
        (["1,99999999999999999999,1,buy"], "does not fit into 63 bits"),
        (["1,123456789012,1,buy", "2,0.123456789012,1,buy"], "63 bits"),
    ],
)
def test_a_bad_row_is_refused_by_name(write, bitcoin, lines, complaint):
    """Every row that cannot be trusted is an error with file, row and value."""
    path = write("tape.csv", HEADER, *lines)

    with pytest.raises(FeedError, match=r"tape.csv") as refused:
        open_recording(path, bitcoin)

    assert complaint in str(refused.value)


def test_a_row_in_a_late_block_keeps_its_number(write, bitcoin, monkeypatch):
    """Rows are counted from the start of the file, not of the block they are read in."""
    monkeypatch.setattr(recording, "CsvTable", CsvTableOfTinyBlocks)
    path = write("tape.csv", HEADER, *(f"{n},100,1,buy" for n in range(50)), "51,x,1,buy")

    with pytest.raises(FeedError, match=r"row 51: price 'x'"):
        open_recording(path, bitcoin)


class CsvTableOfTinyBlocks(recording.CsvTable):
    """Cuts a file into blocks of 64 bytes."""

    def __init__(self, path):
        super().__init__(path, block_bytes=64)


def test_the_size_of_blocks_changes_nothing(write, bitcoin, monkeypatch):
    """Numbers that get finer from block to block come out exact all the same."""
    lines = [f"{n},{100 + n}.{'1' * (n % 7 + 1)},0.{'2' * (n % 5 + 1)},sell" for n in range(200)]
    path = write("tape.csv", HEADER, *lines)
    whole = rows(open_recording(path, bitcoin))
    monkeypatch.setattr(recording, "CsvTable", CsvTableOfTinyBlocks)

    assert rows(open_recording(path, bitcoin)) == whole
    assert [str(row[1].normalize()) for row in whole[:7]] == [
        line.split(",")[1] for line in lines[:7]
    ]


@pytest.mark.parametrize(
    "ids, row",
    [((1, 1), 2), ((1, 2, 3, 2), 4), (("a", "b", "a"), 3), (("", "x1", "", "x1"), 4)],
)
def test_a_trade_id_comes_once(write, bitcoin, ids, row):
    """A trade id that comes again means rows that are there twice."""
    lines = (f"{n},100,1,buy,{trade_id}" for n, trade_id in enumerate(ids))
    path = write("tape.csv", f"{HEADER},trade_id", *lines)

    with pytest.raises(FeedError, match=rf"tape.csv, row {row}: the trade_id .* second time"):
        open_recording(path, bitcoin)


@pytest.mark.parametrize("ids", [(1, 2, 3), (3, 1, 2), ("a", "b"), ("", "", "")])
def test_ids_need_not_rise(write, bitcoin, ids):
    """Ids in any order, and rows without one, are fine."""
    lines = (f"{n},100,1,buy,{trade_id}" for n, trade_id in enumerate(ids))

    feed = open_recording(write("tape.csv", f"{HEADER},trade_id", *lines), bitcoin)

    assert feed.rows == len(ids)


def test_missing_columns_list_what_was_found_and_needed(write, bitcoin):
    """A file of no known kind says what it has and what each kind needs."""
    path = write("tape.csv", "time,price,size", "1,2,3")

    with pytest.raises(FeedError) as refused:
        open_recording(path, bitcoin)

    assert "Found: time, price, size" in str(refused.value)
    assert "trades: price, amount, side" in str(refused.value)
    assert "candles: open, high, low, close, volume" in str(refused.value)


@pytest.mark.parametrize(
    "name, content, complaint",
    [
        ("empty.csv", b"", "the file is empty"),
        ("blank.csv", b"\n\n", "expected a line of column names"),
        ("header.csv", HEADER.encode() + b"\n", "there are no rows"),
        ("twice.csv", b"ts,price,price,side\n", "the column 'price' is named twice"),
        ("bad.csv.gz", b"not gzip at all", "damaged gzip data"),
        ("bad.parquet", b"not parquet at all, but long enough", "not readable as Parquet"),
        ("raw.jsonl", b"{}\n", "raw wire messages"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path, bitcoin, name, content, complaint):
    """Empty, headless and damaged files are named."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(FeedError, match=complaint):
        open_recording(path, bitcoin)


def test_a_truncated_gzip_is_refused(write, bitcoin):
    """A download that stopped half way is not a shorter market."""
    path = write("tape.csv.gz", HEADER, *(f"{n},{100 + n % 7},1,buy" for n in range(5_000)))
    path.write_bytes(path.read_bytes()[:-400])

    with pytest.raises(FeedError, match="gzip"):
        open_recording(path, bitcoin)


def test_gzip_and_plain_give_the_same(write, bitcoin):
    """Compression changes nothing."""
    lines = [HEADER, *(f"{n},{100 + n % 7}.5,0.3,sell" for n in range(500))]

    plain = open_recording(write("tape.csv", *lines), bitcoin)

    assert rows(open_recording(write("tape.csv.gz", *lines), bitcoin)) == rows(plain)


def test_a_path_that_is_no_recording_is_refused(tmp_path, bitcoin):
    """A missing path and an empty folder are named."""
    with pytest.raises(FeedError, match="no such file"):
        open_recording(tmp_path / "nowhere.csv", bitcoin)
    with pytest.raises(FeedError, match=r"no \.csv"):
        open_recording(tmp_path, bitcoin)
    (tmp_path / "locked.csv").write_text("ts")
    (tmp_path / "locked.csv").chmod(0)
    if not os.access(tmp_path / "locked.csv", os.R_OK):
        with pytest.raises(FeedError, match=r"locked.csv: cannot be read \(Permission denied\)"):
            open_recording(tmp_path / "locked.csv", bitcoin)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FeedError, match="neither a file nor a folder"):
            open_recording(tmp_path / "pipe", bitcoin)


def test_parquet_without_the_extra_is_one_line(tmp_path, bitcoin, monkeypatch):
    """A core without pyarrow says which extra Parquet needs."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "tape.parquet"
    path.write_bytes(b"anything")

    with pytest.raises(ExtraMissing, match=r"tape.parquet needs the extra 'data'") as missing:
        open_recording(path, bitcoin)

    assert "\n" not in str(missing.value)


@pytest.mark.parametrize("text_type", ["string", "large_string", "dictionary", "decimal", "double"])
def test_parquet_gives_what_csv_gives(tmp_path, write, bitcoin, text_type):
    """The file's own types change nothing: text, decimals and floats by their shortest text."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    prices = ["118000.1", "0.3", "117999.99"]
    kinds = {
        "string": arrow.string(),
        "large_string": arrow.large_string(),
        "dictionary": arrow.string(),
        "decimal": arrow.decimal128(20, 4),
        "double": arrow.float64(),
    }
    values = [float(price) if text_type == "double" else price for price in prices]
    if text_type == "decimal":
        values = [Decimal(price) for price in prices]
    column = arrow.array(values, kinds[text_type])
    if text_type == "dictionary":
        column = column.dictionary_encode()
    table = arrow.table(
        {
            "ts_ms": [1, 2, 3],
            "price": column,
            "amount": ["1", "2", "3.5"],
            "side": ["buy", "sell", "buy"],
        }
    )
    parquet.write_table(table, tmp_path / "tape.parquet")
    csv = write(
        "tape.csv",
        HEADER,
        *(
            f"{n + 1},{price},{amount},{side}"
            for n, (price, amount, side) in enumerate(
                zip(prices, ("1", "2", "3.5"), ("buy", "sell", "buy"), strict=True)
            )
        ),
    )

    assert rows(open_recording(tmp_path / "tape.parquet", bitcoin)) == rows(
        open_recording(csv, bitcoin)
    )


def test_parquet_times_and_nulls(tmp_path, bitcoin):
    """A timestamp column is a time in itself; a null price is refused by its row."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "ts": arrow.array([1_000_000, 2_000_000], arrow.timestamp("us", "UTC")),
        "price": arrow.array([1.5, 2.5], arrow.float32()),
        "amount": [1, 2],
        "side": ["buy", "sell"],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "good.parquet")
    columns["price"] = arrow.array(["1.5", None])
    parquet.write_table(arrow.table(columns), tmp_path / "null.parquet")

    good = open_recording(tmp_path / "good.parquet", bitcoin)

    assert rows(good) == [
        (10**9, Decimal("1.5"), Decimal(1), 1),
        (2 * 10**9, Decimal("2.5"), Decimal(2), -1),
    ]
    with pytest.raises(FeedError, match=r"null.parquet, row 2: price is empty"):
        open_recording(tmp_path / "null.parquet", bitcoin)


def test_reading_can_start_at_any_row(write, bitcoin, monkeypatch):
    """`chunks(n)` gives the rows that `chunks()` gives from row n on, numbered alike."""
    monkeypatch.setattr(recording, "_CHUNK_ROWS", 16)
    path = write("tape.csv", HEADER, *(f"{n},{100 + n},1,buy" for n in range(100)))
    feed = open_recording(path, bitcoin)
    whole = rows(feed)

    for start in (0, 1, 15, 16, 17, 99, 100):
        assert rows(feed, start) == whole[start:]
        assert [chunk.first_row for chunk in feed.chunks(start)] == list(range(start, 100, 16))
    assert max(len(chunk) for chunk in feed.chunks()) == 16


def test_the_kept_columns_give_the_same_rows(write, bitcoin):
    """A second opening reads the kept columns; a changed file is read anew."""
    lines = [HEADER, *(f"{n},{100 + n}.25,0.7,sell" for n in range(300))]
    path = write("tape.csv", *lines)
    first = open_recording(path, bitcoin, RecordingOptions(cache=True))
    whole = rows(first)
    (kept,) = (path.parent / CACHE_FOLDER).iterdir()
    second = open_recording(path, bitcoin, RecordingOptions(cache=True))

    assert rows(second) == whole
    assert (second.first_ns, second.last_ns) == (first.first_ns, first.last_ns)
    assert second.price_unit == first.price_unit

    (kept / "last.npy").write_bytes(b"cut")
    assert rows(open_recording(path, bitcoin, RecordingOptions(cache=True))) == whole
    write("tape.csv", *lines, "400,555,1,buy")
    assert rows(open_recording(path, bitcoin, RecordingOptions(cache=True)))[-1][1] == 555


def test_kept_columns_are_files_of_numpy(write, bitcoin):
    """Anyone can map them: the prices count the recording's own decimals."""
    path = write("tape.csv", HEADER, "1,100.5,1,buy", "2,101,1,sell")
    open_recording(path, bitcoin, RecordingOptions(cache=True))
    (kept,) = (path.parent / CACHE_FOLDER).iterdir()

    assert np.load(kept / "ts_ns.npy", mmap_mode="r").tolist() == [1_000_000, 2_000_000]
    assert np.load(kept / "last.npy", mmap_mode="r").tolist() == [1005, 1010]
    assert np.load(kept / "side.npy", mmap_mode="r").tolist() == [1, -1]


def test_kept_columns_that_were_altered_are_made_anew(write, bitcoin):
    """A tape whose columns do not end as they were written is not believed."""
    lines = [HEADER, *(f"{n},{100 + n},1,buy" for n in range(300))]
    path = write("tape.csv", *lines)
    whole = rows(open_recording(path, bitcoin, RecordingOptions(cache=True)))
    (kept,) = (path.parent / CACHE_FOLDER).iterdir()
    column = bytearray((kept / "last.npy").read_bytes())
    column[-8:] = bytes(8)
    (kept / "last.npy").write_bytes(column)

    assert rows(open_recording(path, bitcoin, RecordingOptions(cache=True))) == whole


def test_a_changed_recording_leaves_one_tape(write, bitcoin):
    """The columns of the file as it was go when it is read anew."""
    path = write("tape.csv", HEADER, "1,100,1,buy")
    for price in (101, 102, 103):
        write("tape.csv", HEADER, "1,100,1,buy", f"2,{price},1,buy")
        open_recording(path, bitcoin, RecordingOptions(cache=True))

    assert len(list((path.parent / CACHE_FOLDER).iterdir())) == 1


def test_where_nothing_can_be_written_beside_it_the_other_folder_is_used(write, bitcoin, tmp_path):
    """A recording on a disk that cannot be written is converted once all the same."""
    path = write("tape.csv", HEADER, "1,100,1,buy", "2,101,1,buy")
    (path.parent / CACHE_FOLDER).write_text("in the way")
    options = RecordingOptions(cache=True, cache_folder=tmp_path / "home" / "tapes")

    first = rows(open_recording(path, bitcoin, options))
    (kept,) = (tmp_path / "home" / "tapes").iterdir()
    written = kept.stat().st_mtime_ns

    assert rows(open_recording(path, bitcoin, options)) == first
    assert kept.stat().st_mtime_ns == written


def test_small_recordings_leave_nothing_beside_them(write, bitcoin):
    """Below 5 MB no folder is made unless it is asked for."""
    path = write("tape.csv", HEADER, "1,100,1,buy")
    open_recording(path, bitcoin)

    assert not (path.parent / CACHE_FOLDER).exists()


def test_a_folder_that_cannot_be_written_is_no_error(write, bitcoin):
    """Where nothing can be kept beside the recording, it is read all the same."""
    path = write("tape.csv", HEADER, "1,100,1,buy", "2,101,1,buy")
    (path.parent / CACHE_FOLDER).write_text("in the way")

    feed = open_recording(path, bitcoin, RecordingOptions(cache=True))

    assert [row[1] for row in rows(feed)] == [100, 101]


def test_a_full_disk_only_costs_memory(write, bitcoin, monkeypatch):
    """Where columns cannot be written to files they are kept in memory."""

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tape._FileColumn, "append", refuse)
    path = write("tape.csv", HEADER, "1,100,1,buy", "2,101,1,buy")

    feed = open_recording(path, bitcoin, RecordingOptions(cache=True))

    assert [row[1] for row in rows(feed)] == [100, 101]
    assert list((path.parent / CACHE_FOLDER).iterdir()) == []


def test_a_refused_recording_leaves_nothing_behind(write, bitcoin):
    """Columns that were half written when a bad row came are removed."""
    path = write("tape.csv", HEADER, "1,100,1,buy", "2,0,1,buy")

    with pytest.raises(FeedError):
        open_recording(path, bitcoin, RecordingOptions(cache=True))

    assert list((path.parent / CACHE_FOLDER).iterdir()) == []


def test_a_chunk_is_integers(write, bitcoin):
    """Columns are NumPy integers of one length; a trade tape has no book."""
    path = write("tape.csv", HEADER, "1,100,1,buy", "2,101,1,buy")
    (chunk,) = open_recording(path, bitcoin).chunks()

    assert np.asarray(chunk.last).dtype == np.int64
    assert {len(chunk.ts_ns), len(chunk.last), len(chunk.amount), len(chunk.side), len(chunk)} == {
        2
    }
    assert (chunk.bid, chunk.ask, chunk.depth) == (None, None, None)


def test_the_real_tape_is_read_exactly(shared, bitcoin):
    """Every row of the recorded market stands in the feed with the value of its text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path = shared("trades/binance_trades_btc_eth_20240808.parquet")
    options = RecordingOptions(symbol="BTCUSDT", market="usdm")
    expected = [
        (row["ts_ms"] * 10**6, Decimal(row["price"]), Decimal(row["amount"]), row["side"])
        for row in parquet.read_table(path).to_pylist()
        if (row["market"], row["symbol"]) == ("usdm", "BTCUSDT")
    ]

    feed = open_recording(path, bitcoin, options)

    assert feed.rows == 21_313
    assert [
        (ts, price, amount, "buy" if side > 0 else "sell") for ts, price, amount, side in rows(feed)
    ] == expected
