"""Recorded quotes, candles, funding and folders."""

from decimal import Decimal

import numpy as np
import pytest

from core.adapters.feeds import recording
from core.adapters.feeds.recording import RecordingOptions, open_recording
from core.domain.candles import Candle, path
from core.errors import ConfigError, FeedError
from core.services.ports import FeedKind

QUOTES = "ts,bid,bid_amount,ask,ask_amount"
TRADES = "ts,price,amount,side"
CANDLES = "ts,open,high,low,close,volume"
FUNDING = "ts_ms,venue,symbol,rate,interval_s"
MINUTE = 60 * 10**9


def columns(feed, *names, from_row=0):
    """Some columns of all rows, side by side."""
    chunks = list(feed.chunks(from_row))
    return list(
        zip(
            *(
                np.concatenate([np.asarray(getattr(chunk, name)) for chunk in chunks]).tolist()
                for name in names
            ),
            strict=True,
        )
    )


def test_quotes_carry_the_best_prices(write, bitcoin):
    """A row of quotes has no trade; an empty side is unknown."""
    path_ = write("quotes.csv", QUOTES, "1,100.1,2,100.2,3", "2,,,100.3,4")

    feed = open_recording(path_, bitcoin)

    assert (feed.kind, feed.has_book) == (FeedKind.QUOTES, True)
    assert columns(feed, "last", "bid", "bid_amount", "ask", "ask_amount") == [
        (-1, 1001, 2000, 1002, 3000),
        (-1, -1, -1, 1003, 4000),
    ]


def test_an_unknown_side_stays_unknown_when_the_unit_gets_finer(write, bitcoin, monkeypatch):
    """A later, finer price rescales known values only."""

    class Tiny(recording.CsvTable):
        def __init__(self, path_):
            super().__init__(path_, block_bytes=16)

    monkeypatch.setattr(recording, "CsvTable", Tiny)
    path_ = write("quotes.csv", QUOTES, "1,,,100,1", "2,,,100,1", "3,99.00001,1,100,0.00001")

    feed = open_recording(path_, bitcoin)

    assert feed.price_unit == Decimal("0.00001")
    assert columns(feed, "bid", "ask") == [
        (-1, 10_000_000),
        (-1, 10_000_000),
        (9_900_001, 10_000_000),
    ]


def test_crossed_quotes_are_left_out_and_counted(write, bitcoin):
    """A bid above the ask is no market; a locked one is kept."""
    path_ = write("quotes.csv", QUOTES, "1,100,1,101,1", "2,102,1,101,1", "3,101,1,101,1")

    feed = open_recording(path_, bitcoin)

    assert columns(feed, "ts_ns") == [(10**6,), (3 * 10**6,)]
    assert feed.warnings == ("quotes.csv: 1 quotes with the bid above the ask were left out.",)


@pytest.mark.parametrize(
    "row, complaint",
    [
        ("1,0,1,100,1", "row 1: bid 0 must be above 0"),
        ("1,99,1,-100,1", "row 1: ask -100 must be above 0"),
        ("1,99,-1,100,1", "row 1: bid_amount -1 must not be below 0"),
        ("1,99,1,nan,1", "row 1: ask 'nan' is no number"),
    ],
)
def test_a_bad_quote_is_refused(write, bitcoin, row, complaint):
    """Prices of quotes are above 0 and finite."""
    with pytest.raises(FeedError, match=complaint):
        open_recording(write("quotes.csv", QUOTES, row), bitcoin)


@pytest.mark.parametrize(
    "direction, expected", [(1, (1000, 900, 1200, 1100)), (-1, (1000, 1200, 900, 1100))]
)
def test_a_candle_is_four_trades(write, bitcoin, direction, expected):
    """Open, adverse extreme, favourable extreme, close, inside the interval; volume is kept."""
    path_ = write("bars.csv", CANDLES, "0,100,120,90,110,0.007", "60000,110,111,109,110,4")

    feed = open_recording(path_, bitcoin, RecordingOptions(direction=direction))
    rows = columns(feed, "ts_ns", "last", "amount")

    assert (feed.kind, feed.has_book, feed.rows) == (FeedKind.CANDLES, False, 8)
    assert tuple(row[1] for row in rows[:4]) == expected
    assert [row[0] for row in rows[:5]] == [0, MINUTE // 4, MINUTE // 2, 3 * MINUTE // 4, MINUTE]
    assert [row[2] for row in rows[:4]] == [1, 1, 1, 4]
    assert (feed.first_ns, feed.last_ns) == (0, MINUTE + 3 * MINUTE // 4)


@pytest.mark.parametrize("direction", [-1, 0, 1])
def test_the_path_is_that_of_the_domain(write, bitcoin, direction):
    """Whole columns of candles go the way that `core.domain.candles.path` says."""
    bars = [(100, 120, 90, 110), (110, 115, 80, 85), (85, 85, 85, 85)]
    lines = (f"{n * 60_000},{','.join(map(str, bar))},1" for n, bar in enumerate(bars))
    feed = open_recording(
        write("bars.csv", CANDLES, *lines), bitcoin, RecordingOptions(direction=direction)
    )

    expected = [
        price * 10
        for o, h, low, c in bars
        for price in path(Candle(open_ns=0, open=o, high=h, low=low, close=c, volume=1), direction)
    ]

    assert [row[0] for row in columns(feed, "last")] == expected


def test_candles_can_be_read_from_any_row(write, bitcoin, monkeypatch):
    """A position may lie inside a candle."""
    monkeypatch.setattr(recording, "_CHUNK_ROWS", 8)
    lines = (f"{n * 1000},{100 + n},{110 + n},{90 + n},{105 + n},8" for n in range(9))
    feed = open_recording(write("bars.csv", CANDLES, *lines), bitcoin)
    whole = columns(feed, "ts_ns", "last", "amount")

    for start in (0, 1, 3, 4, 7, 35):
        assert columns(feed, "ts_ns", "last", "amount", from_row=start) == whole[start:]


def test_the_interval_of_candles(write, bitcoin):
    """It is the shortest spacing, or what was asked for; one candle alone must be told."""
    spaced = write("bars.csv", CANDLES, *(f"{m * 60_000},1,1,1,1,0" for m in (0, 1, 3)))
    alone = write("one.csv", CANDLES, "0,1,1,1,1,0")

    feed = open_recording(spaced, bitcoin)
    assert feed.last_ns == 3 * MINUTE + 3 * MINUTE // 4
    assert feed.warnings == ("bars.csv: 1 candles are missing between others.",)
    assert open_recording(alone, bitcoin, RecordingOptions(interval="4s")).last_ns == 3 * 10**9
    with pytest.raises(FeedError, match="Pass --interval"):
        open_recording(alone, bitcoin)
    with pytest.raises(FeedError, match="cannot last 5m each"):
        open_recording(spaced, bitcoin, RecordingOptions(interval="5m"))
    with pytest.raises(ConfigError, match=r"--interval.*'soon' is no interval"):
        open_recording(spaced, bitcoin, RecordingOptions(interval="soon"))


@pytest.mark.parametrize(
    "rows, complaint",
    [
        (["0,100,99,90,95,1"], "row 1: open and close must lie between low and high"),
        (["0,100,120,0,95,1"], "row 1: low 0 must be above 0"),
        (["0,100,120,90,95,-1"], "row 1: volume -1 must not be below 0"),
        (["0,1,1,1,1,1", "0,1,1,1,1,1"], "row 2: the same time as bars.csv, row 1"),
        (["9,1,1,1,1,1", "0,1,1,1,1,1"], "row 2: an earlier time than bars.csv, row 1"),
    ],
)
def test_a_bad_candle_is_refused(write, bitcoin, rows, complaint):
    """Candles are consistent, and each is later than the one before."""
    with pytest.raises(FeedError, match=complaint):
        open_recording(write("bars.csv", CANDLES, *rows), bitcoin)


def test_a_folder_is_its_files_in_order_of_time(write, bitcoin):
    """Names do not matter, the first row's time does; the feed has the folder's name."""
    write("tape/z.csv", TRADES, "1,100,1,buy", "2,101,1,buy")
    path_ = write("tape/a.csv.gz", TRADES, "3,102,1,buy").parent
    write("tape/notes.txt", "not a recording")

    feed = open_recording(path_, bitcoin)

    assert feed.name == "tape"
    assert columns(feed, "last") == [(1000,), (1010,), (1020,)]


def test_files_that_overlap_are_refused(write, bitcoin):
    """Two files of one stream must not run side by side."""
    write("tape/a.csv", TRADES, "1,100,1,buy", "5,101,1,buy")
    path_ = write("tape/b.csv", TRADES, "4,102,1,buy").parent

    with pytest.raises(FeedError, match=r"b.csv, row 1: an earlier time than a.csv, row 2"):
        open_recording(path_, bitcoin)


def test_trades_meet_the_quotes_beside_them(write, bitcoin, monkeypatch):
    """Merged by time; at one time the trade comes first and meets the quote before it."""
    monkeypatch.setattr(recording, "_CHUNK_ROWS", 2)
    write("day/quotes.csv", QUOTES, *(f"{t},{99 + t},1,{100 + t},2" for t in (2, 4, 6, 8)))
    path_ = write("day/trades.csv", TRADES, *(f"{t},{100 + t},1,buy" for t in (1, 4, 5, 9))).parent

    feed = open_recording(path_, bitcoin)
    rows = columns(feed, "ts_ns", "last", "bid", "ask_amount")

    assert (feed.kind, feed.has_book, feed.rows) == (FeedKind.TRADES, True, 8)
    assert rows == [
        (1_000_000, 1010, -1, -1),
        (2_000_000, -1, 1010, 2000),
        (4_000_000, 1040, 1010, 2000),
        (4_000_000, -1, 1030, 2000),
        (5_000_000, 1050, 1030, 2000),
        (6_000_000, -1, 1050, 2000),
        (8_000_000, -1, 1070, 2000),
        (9_000_000, 1090, 1070, 2000),
    ]
    for start in range(9):
        if start < 8:
            assert (
                columns(feed, "ts_ns", "last", "bid", "ask_amount", from_row=start) == rows[start:]
            )
    assert list(feed.chunks(8)) == []


def test_funding_beside_prices_settles(write, bitcoin):
    """Settlements of the bot's symbol and venue from the first price on, exact."""
    write(
        "day/funding.csv",
        FUNDING,
        "0,lighter,BTC,0.5,3600",
        "1000,hyperliquid,BTC,0.7,3600",
        "1000,lighter,BTC,-0.0000125,3600",
        "2000,lighter,BTC,1e-05,3600",
    )
    path_ = write("day/trades.csv", TRADES, "1000,100,1,buy").parent

    settlements = open_recording(path_, bitcoin).funding()

    assert [(row.ts_ns, row.rate) for row in settlements] == [
        (10**9, Decimal("-0.0000125")),
        (2 * 10**9, Decimal("0.00001")),
    ]


def test_funding_alone_is_no_feed(write, bitcoin):
    """Rates without prices cannot be traded on; unordered rates are refused."""
    alone = write("funding.csv", FUNDING, "0,lighter,BTC,0.5,3600")
    write("day/funding.csv", FUNDING, "9,lighter,BTC,0.5,3600", "9,lighter,BTC,0.5,3600")
    path_ = write("day/trades.csv", TRADES, "1,100,1,buy").parent

    with pytest.raises(FeedError, match="only funding rates"):
        open_recording(alone, bitcoin)
    with pytest.raises(FeedError, match=r"funding.csv, row 2: a settlement no later"):
        open_recording(path_, bitcoin)


def test_candles_beside_trades_are_refused(write, bitcoin):
    """Two tellings of the same market in one folder are not mixed."""
    write("day/bars.csv", CANDLES, "0,1,1,1,1,1", "1,1,1,1,1,1")
    path_ = write("day/trades.csv", TRADES, "1,100,1,buy").parent

    with pytest.raises(FeedError, match="day holds trades and candles"):
        open_recording(path_, bitcoin)


def test_volumes_stored_as_floats_are_freed_of_the_noise_of_sums(tmp_path, bitcoin):
    """A volume of 0.1 + 0.2 is 0.3, and stands beside one of many millions."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    price = [100.5, 100.5]
    table = arrow.table(
        {"ts_ms": [0, 60_000], "open": price, "high": price, "low": price, "close": price}
        | {"volume": [0.1 + 0.2, 98_765_432.1]}
    )
    parquet.write_table(table, tmp_path / "bars.parquet")

    feed = open_recording(tmp_path / "bars.parquet", bitcoin)
    amounts = [row[0] * feed.amount_unit for row in columns(feed, "amount")]

    assert sum(amounts[:4]) == Decimal("0.3")
    assert sum(amounts[4:]) == Decimal("98765432.1")


def test_real_candles_stored_as_floats_are_read_by_their_shortest_text(shared, bitcoin):
    """No binary digits appear: every price is the shortest decimal of its float."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path_ = shared("candles/hyperliquid_perp_1m_2025-07-22_07-23.parquet")
    closes = [
        Decimal(repr(row["close"]))
        for row in parquet.read_table(path_).to_pylist()
        if row["symbol"] == "BTC/USDC:USDC"
    ]

    feed = open_recording(path_, bitcoin)

    assert feed.warnings == ()
    assert [row[0] * feed.price_unit for row in columns(feed, "last")][3::4] == closes


def test_real_quotes_are_read_exactly(shared, bitcoin):
    """Best bids and asks of one of five recorded markets keep their text's value."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path_ = shared("books/binance_bbo_btc_eth_20240808.parquet")
    expected = [
        (Decimal(row["bid"]), Decimal(row["ask"]))
        for row in parquet.read_table(path_).to_pylist()
        if (row["market"], row["symbol"]) == ("usdm", "BTCUSDT")
    ]

    feed = open_recording(path_, bitcoin, RecordingOptions(symbol="BTCUSDT", market="usdm"))

    assert [
        (bid * feed.price_unit, ask * feed.price_unit) for bid, ask in columns(feed, "bid", "ask")
    ] == expected
