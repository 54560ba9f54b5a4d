"""`ctos replay`: recordings told again, in order, at a speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import ConfigError, ExitCode, FeedError
from tui.cli.replay import paced, replay

ROOT = Path(__file__).resolve().parents[3]
TRADES = ROOT / "docs" / "examples" / "trades.csv"
BOOK = """ts_ms,is_snapshot,side,price,amount,first_id,last_id,prev_id
1000,1,bid,99,1,1,1,0
1000,1,bid,98,2,1,1,0
1000,1,ask,101,1,1,1,0
2000,0,bid,99,0,2,2,1
2000,0,ask,100.5,3,2,2,1
3000,0,ask,101,0,3,3,2
"""
RAW = (
    '{"recv_ns": 1790000000005000000, "venue": "binance", "channel": "ws /ws", "msg": '
    '{"e":"aggTrade","E":1790000000001,"s":"BTCUSDT","a":7,"p":"100.10","q":"0.5","f":1,"l":1,'
    '"T":1790000000000,"m":true}}\n'
)


def told(capfd, path: Path, **changes: object) -> list[dict]:
    """What the command printed."""
    options: dict = {"speed": "max", "symbol": None, "depth": 10, **changes}
    assert replay(path, **options) == ExitCode.OK
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_every_row_of_a_table_is_told(capfd):
    """One line each, numbers as they stand in the file, times rising."""
    found = told(capfd, TRADES)
    rows = TRADES.read_text().splitlines()

    assert len(found) == len(rows) - 1
    assert {line["type"] for line in found} == {"TradeData"}
    assert [line["ts_ms"] for line in found] == sorted(line["ts_ms"] for line in found)


def test_a_book_is_told_after_each_message(capfd, tmp_path):
    """Rows of one message are one book; an amount of 0 takes a level away."""
    (tmp_path / "book.csv").write_text(BOOK)

    found = told(capfd, tmp_path / "book.csv")

    assert [(line["bids"], line["asks"]) for line in found] == [
        ([["99", "1"], ["98", "2"]], [["101", "1"]]),
        ([["98", "2"]], [["100.5", "3"], ["101", "1"]]),
        ([["98", "2"]], [["100.5", "3"]]),
    ]
    assert told(capfd, tmp_path / "book.csv", depth=1)[0]["bids"] == [["99", "1"]]


def test_a_folder_is_told_in_order_of_time(capfd, tmp_path):
    """Trades, the book beside them and the gaps, each when it was."""
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "books-000001.csv").write_text(BOOK)
    (tmp_path / "trades-000001.csv").write_text(
        "ts_ms,price,amount,side,symbol\n1500,100,1,buy,X\n2500,101,1,sell,X\n"
    )
    (tmp_path / "gaps-000001.jsonl").write_text(
        '{"ts_ms":1700,"venue":"v","symbol":null,"kind":"stale","lost":null,"detail":"d"}\n'
    )

    found = told(capfd, tmp_path)

    assert [(line["ts_ms"], line["type"]) for line in found] == [
        (1000, "OrderBookData"),
        (1500, "TradeData"),
        (1700, "Gap"),
        (2000, "OrderBookData"),
        (2500, "TradeData"),
        (3000, "OrderBookData"),
    ]


def test_one_symbol_can_be_told_alone(capfd, tmp_path):
    """Rows of the others are left out."""
    (tmp_path / "t.csv").write_text(
        "ts_ms,price,amount,side,symbol\n1,100,1,buy,X\n2,101,1,sell,Y\n"
    )

    assert [line["symbol"] for line in told(capfd, tmp_path / "t.csv", symbol="Y")] == ["Y"]


def test_raw_lines_are_told_by_the_venues_parsers(capfd, tmp_path):
    """At the moment of receipt, digits as they came."""
    (tmp_path / "raw.jsonl").write_text(RAW)

    (line,) = told(capfd, tmp_path / "raw.jsonl")

    assert line["type"] == "TradeData"
    assert line["price"] == "100.1"
    assert line["side"] == "sell"
    assert line["ts_ms"] == 1790000000005


def test_a_raw_message_that_makes_no_sense_is_told_as_refused(capfd, tmp_path):
    """A price of zero is no trade, and is not passed over in silence."""
    (tmp_path / "raw.jsonl").write_text(RAW.replace("100.10", "0"))

    (line,) = told(capfd, tmp_path / "raw.jsonl")

    assert line["type"] == "Refused"
    assert line["venue"] == "binance"


@pytest.mark.parametrize(
    "name,text,message",
    [
        ("a.csv", "ts_ms,price,amount,side\n1,x,1,buy\n", "a.csv, row 1: makes no sense"),
        ("a.csv", "a,b\n1,2\n", "no known kind"),
        ("a.jsonl", "{\n", "line 1: is no JSON"),
        ("a.jsonl", '{"a":1}\n', "no venue"),
        ("a.csv", "ts_ms,open,high,low,close,volume\n1,1,1,1,1,1\n", "holds candles"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(capfd, tmp_path, name, text, message):
    """File and row are named."""
    (tmp_path / name).write_text(text)

    with pytest.raises(FeedError, match=message):
        told(capfd, tmp_path / name)


def test_an_empty_folder_is_no_recording(capfd, tmp_path):
    """And neither is a path that is not there."""
    with pytest.raises(FeedError, match="no recording"):
        told(capfd, tmp_path)
    with pytest.raises(FeedError, match="no such file"):
        told(capfd, tmp_path / "nothing")


def test_a_speed_that_is_none_is_refused(capfd):
    """Numbers above zero, or max."""
    for speed in ("0", "-1", "fast", "nan", "inf"):
        with pytest.raises(ConfigError, match="is no speed"):
            told(capfd, TRADES, speed=speed)


def test_speed_is_seconds_of_the_recording_in_a_second():
    """At 10, what was a minute apart comes six seconds apart; a slow reader is not waited for."""
    naps: list[float] = []
    now = [100.0]

    def sleep(seconds: float) -> None:
        naps.append(round(seconds, 6))
        now[0] += seconds

    rows = [(0, "a"), (60_000_000_000, "b"), (60_000_000_000, "c"), (61_000_000_000, "d")]
    found = []
    for _, item in paced(rows, 10.0, now_s=lambda: now[0], sleep=sleep):
        found.append(item)
        if item == "c":
            now[0] += 5.0  # reading took longer than the next gap

    assert found == ["a", "b", "c", "d"]
    assert naps == [6.0]


def test_max_never_waits():
    """Whatever lies between."""

    def sleep(_seconds: float) -> None:
        pytest.fail("it waited")

    rows = [(0, "a"), (10**18, "b")]

    assert [item for _, item in paced(rows, None, sleep=sleep)] == ["a", "b"]
