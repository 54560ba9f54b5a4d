"""Rows of a recording: exact numbers, times that never fall, books that never join over a gap."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    BookLevel,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
    from_ns,
)
from core.services.recorder.rows import (
    COLUMNS,
    BookRows,
    Kind,
    QuoteRows,
    TradeRows,
    gap_row,
    raw_row,
)

MS = 1_000_000
START = 1_790_000_000_000 * MS


def trade(ms: int = 0, *, trade_id: str = "1", price: str = "1E+2", side=OrderSide.BUY):
    """A public trade."""
    return TradeData(
        venue="binance",
        symbol="BTC-USDC-PERP",
        trade_id=trade_id,
        price=Decimal(price),
        amount=Decimal("0.10"),
        side=side,
        at=from_ns(START + ms * MS),
    )


def book(bids: dict[str, str], asks: dict[str, str], ms: int = 0) -> OrderBookData:
    """Depth; prices in the order of a book."""
    return OrderBookData(
        venue="binance",
        symbol="BTC-USDC-PERP",
        bids=tuple(BookLevel(price=Decimal(p), amount=Decimal(a)) for p, a in bids.items()),
        asks=tuple(BookLevel(price=Decimal(p), amount=Decimal(a)) for p, a in asks.items()),
        at=from_ns(START + ms * MS),
    )


def fields(kind: Kind, line: str) -> dict[str, str]:
    """A row by its columns."""
    values = line.split(",")
    assert len(values) == len(COLUMNS[kind])
    return dict(zip(COLUMNS[kind], values, strict=True))


def test_a_trade_is_written_exactly_and_plainly():
    """No exponent, no lost digit; time in milliseconds and nanoseconds; the receipt beside."""
    row = fields(Kind.TRADES, TradeRows().of(trade(7), START + 9)[0])

    assert row["price"] == "100"
    assert row["amount"] == "0.1"
    assert row["side"] == "buy"
    assert row["ts_ms"] == str(START // MS + 7)
    assert row["ts_ns"] == str(START + 7 * MS)
    assert row["recv_ns"] == str(START + 9)


def test_a_side_that_nobody_told_is_empty():
    """Unknown is not a guess."""
    assert fields(Kind.TRADES, TradeRows().of(trade(side=None), START)[0])["side"] == ""


def test_a_trade_is_written_once():
    """What a venue tells again after a reconnect is no second trade; without an id both are."""
    rows = TradeRows()
    first = rows.of(trade(trade_id="7"), START)
    again = rows.of(trade(trade_id="7"), START + 5)
    nameless = rows.of(trade(trade_id=""), START), rows.of(trade(trade_id=""), START)

    assert len(first) == 1
    assert again == []
    assert [len(found) for found in nameless] == [1, 1]


def test_what_was_before_a_recording_that_goes_on_is_left_out():
    """Some venues tell the newest trades of the time before; an earlier part holds them."""
    rows = TradeRows(first_ns=START)

    assert rows.of(trade(-1, trade_id="1"), START) == []
    assert len(rows.of(trade(0, trade_id="2"), START)) == 1


def test_times_never_fall():
    """A message that comes late is written at the newest time before it."""
    rows = TradeRows()
    rows.of(trade(10, trade_id="1"), START)

    late = fields(Kind.TRADES, rows.of(trade(4, trade_id="2"), START)[0])

    assert late["ts_ns"] == str(START + 10 * MS)


def test_a_quote_is_a_row_where_it_changed():
    """Marks and last prices change a ticker and no quote; an unknown side is an empty field."""
    rows = QuoteRows()

    def ticker(bid: str | None, last: str) -> TickerData:
        return TickerData(
            venue="binance",
            symbol="BTC-USDC-PERP",
            bid=None if bid is None else Decimal(bid),
            bid_amount=None if bid is None else Decimal(1),
            ask=Decimal(101),
            ask_amount=Decimal(2),
            last=Decimal(last),
            at=from_ns(START),
        )

    assert len(rows.of(ticker("100", "100"), START)) == 1
    assert rows.of(ticker("100", "101"), START) == []
    assert fields(Kind.QUOTES, rows.of(ticker(None, "101"), START)[0])["bid"] == ""


def test_a_book_begins_whole_and_goes_on_with_changes():
    """Each message continues the one before; an amount of 0 takes a level away."""
    rows = BookRows(depth=10)
    whole = [fields(Kind.BOOKS, line) for line in rows.of(book({"99": "1"}, {"101": "2"}), START)]
    later = [
        fields(Kind.BOOKS, line) for line in rows.of(book({"99": "3"}, {"102": "2"}, 1), START)
    ]

    assert {row["is_snapshot"] for row in whole} == {"1"}
    assert {row["is_snapshot"] for row in later} == {"0"}
    assert {(row["side"], row["price"], row["amount"]) for row in later} == {
        ("bid", "99", "3"),
        ("ask", "101", "0"),
        ("ask", "102", "2"),
    }
    assert {row["prev_id"] for row in later} == {row["last_id"] for row in whole}
    assert rows.of(book({"99": "3"}, {"102": "2"}, 2), START) == []


def test_a_book_that_lost_a_message_begins_anew():
    """After a gap nothing of before is continued."""
    rows = BookRows(depth=10)
    rows.of(book({"99": "1"}, {"101": "2"}), START)
    rows.forget()

    found = [fields(Kind.BOOKS, line) for line in rows.of(book({"98": "1"}, {"101": "2"}), START)]

    assert {row["is_snapshot"] for row in found} == {"1"}
    assert len(found) == 2


def test_levels_beyond_the_depth_are_not_kept():
    """A level that leaves the depth is taken away, so that a reader's book is as deep."""
    rows = BookRows(depth=1)
    rows.of(book({"98": "1"}, {"101": "1"}), START)

    found = rows.of(book({"99": "1", "98": "1"}, {"101": "1"}), START)

    assert [fields(Kind.BOOKS, line)["price"] for line in found] == ["98", "99"]


@pytest.mark.parametrize(
    "message,value",
    [
        (b'{"p":"1.10","n":1.10}', {"p": "1.10", "n": 1.1}),
        (b'{"a":\n 1}', {"a": 1}),
        (b"<html>", "<html>"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"", ""),
    ],
)
def test_a_raw_row_is_one_line_of_json(message, value):
    """JSON stands in it as it came, anything else as text; the line can always be read."""
    line = raw_row("binance", 5, "ws /x", "", message, b"")

    assert "\n" not in line
    assert json.loads(line) == {
        "recv_ns": 5,
        "venue": "binance",
        "channel": "ws /x",
        "msg": value,
    }


def test_digits_of_a_raw_message_stay_as_they_came():
    """A number is not read and written again, which could change it."""
    assert '"n":1.10000000000000000001' in raw_row(
        "x", 1, "ws", "", b'{"n":1.10000000000000000001}', b""
    )


def test_a_question_stands_beside_its_answer():
    """So that a reader knows what an answer of POST /info is about."""
    line = json.loads(raw_row("x", 1, "POST /info", "/info", b"[]", b'{"type":"l2Book"}'))

    assert line["request"] == {"type": "l2Book"}
    assert line["url"] == "/info"


def test_a_gap_says_what_is_missing():
    """Whose, when, what, and how many where anybody knows."""
    line = gap_row(at_ns=START, venue="x", symbol=None, kind="stale", lost=None, detail="why")

    assert json.loads(line) == {
        "ts_ms": START // MS,
        "venue": "x",
        "symbol": None,
        "kind": "stale",
        "lost": None,
        "detail": "why",
    }
