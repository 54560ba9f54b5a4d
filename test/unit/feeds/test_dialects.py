"""Recordings under the names of another house: trades, quotes, books and snapshots of books."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide, to_ns
from core.adapters.feeds.dialects import in_our_words
from core.adapters.feeds.recording import open_recording
from core.adapters.feeds.replay import replay
from core.errors import FeedError

D = Decimal
SIDES = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}


@pytest.fixture
def tardis(shared):
    """The rows of such a file as the csv module has them, and what is told of it."""

    def read(name, **options):
        path = shared(f"wire/tardis/{name}")
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return rows, list(replay(path, **options))

    return read


def levels(found):
    """Price and amount of each level."""
    return [(level.price, level.amount) for level in found]


def test_trades(tardis):
    """Ten trades of BitMEX: id, price, amount, the taker's side, and a time in microseconds."""
    rows, told = tardis("bitmex_trades_XBTUSD.csv")

    assert len(rows) == 10
    assert [
        (ns, t.venue, t.symbol, t.trade_id, t.price, t.amount, t.side, to_ns(t.at))
        for ns, t in told
    ] == [
        (
            int(row["timestamp"]) * 1000,
            "bitmex",
            "XBTUSD",
            row["id"],
            D(row["price"]),
            D(row["amount"]),
            SIDES[row["side"]],
            int(row["timestamp"]) * 1000,
        )
        for row in rows
    ]


def test_quotes(tardis):
    """Ten quotes of Huobi's swap: best prices with their amounts."""
    rows, told = tardis("huobi-dm-swap_quotes_BTC-USD.csv")

    assert len(rows) == 10
    assert [(ns, t.bid, t.bid_amount, t.ask, t.ask_amount) for ns, t in told] == [
        (
            int(row["timestamp"]) * 1000,
            *(D(row[name]) for name in ("bid_price", "bid_amount", "ask_price", "ask_amount")),
        )
        for row in rows
    ]


def test_incremental_books(tardis):
    """The rows of one message make one book, best first."""
    rows, told = tardis("deribit_incremental_book_L2_BTC-PERPETUAL.csv", depth=50)
    ((ns, book),) = told
    asks = sorted((D(row["price"]), D(row["amount"])) for row in rows if row["side"] == "ask")

    assert len(rows) == 15
    assert {row["timestamp"] for row in rows} == {str(ns // 1000)}
    assert (levels(book.asks), levels(book.bids)) == (asks, [])


@pytest.mark.parametrize(
    "name, depth",
    [
        ("binance-futures_book_snapshot_5_BTCUSDT.csv", 5),
        ("binance-futures_book_snapshot_25_BTCUSDT.csv", 25),
    ],
)
def test_snapshots_of_books(name, depth, tardis):
    """Each row is a whole book, as deep as its columns."""
    rows, told = tardis(name, depth=100)

    assert len(rows) == len(told) == 10
    for row, (ns, book) in zip(rows, told, strict=True):
        assert ns == int(row["timestamp"]) * 1000
        for side in ("asks", "bids"):
            wanted = [
                (D(row[f"{side}[{level}].price"]), D(row[f"{side}[{level}].amount"]))
                for level in range(depth)
            ]
            assert levels(getattr(book, side)) == wanted


def test_a_shallower_depth_is_cut(tardis):
    """Two levels a side, where only two are asked for."""
    _, told = tardis("binance-futures_book_snapshot_5_BTCUSDT.csv", depth=2)

    assert {(len(book.bids), len(book.asks)) for _, book in told} == {(2, 2)}


def test_a_bot_trades_on_such_a_file(shared, tmp_path, bitcoin):
    """The feed of the engine has the same prices, amounts and sides."""
    source = shared("wire/tardis/bitmex_trades_XBTUSD.csv")
    path = tmp_path / source.name
    shutil.copy(source, path)
    feed = open_recording(path, replace(bitcoin, tick_size=D("0.5"), lot_size=D(1)))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = [
        (int(ts), int(last) * chunk.price_unit, int(amount) * chunk.amount_unit, int(side))
        for chunk in feed.chunks(0)
        for ts, last, amount, side in zip(
            chunk.ts_ns, chunk.last, chunk.amount, chunk.side, strict=True
        )
    ]

    assert found == [
        (
            int(row["timestamp"]) * 1000,
            D(row["price"]),
            D(row["amount"]),
            {"buy": 1, "sell": -1}[row["side"]],
        )
        for row in rows
    ]


def test_other_files_keep_their_names(write):
    """A column called `timestamp` alone is nobody's dialect, and is refused as before."""
    names = ("timestamp", "price", "amount", "side")

    assert in_our_words(names) == names
    with pytest.raises(FeedError, match="make no known kind of recording"):
        list(replay(write("odd.csv", ",".join(names), "1000,1,1,buy")))


def test_a_time_that_cannot_be_is_named_in_its_unit(write):
    """A negative number of microseconds is refused with its row."""
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    path = write("trades.csv", header, "bitmex,XBTUSD,-5,1,a,buy,1,1")

    with pytest.raises(FeedError, match="row 1: ts_us '-5' is no time in microseconds"):
        list(replay(path))
