"""Bybit's older protocol: books that are followed to their end, trades, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.bybit.retired import parse_book
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import OrderBookData
from core.errors import MalformedMessage

D = Decimal
BTC = Listing(key="BTCUSDT", symbol="BTC-USDT-PERP")
FILE = "cryptofeed_bybit_linear_public_ws.jsonl.gz"


def message(kind, **data):
    """A message about a book."""
    return {
        "topic": "orderBookL2_25.BTCUSDT",
        "type": kind,
        "data": data,
        "cross_seq": "1",
        "timestamp_e6": "1618677786389362",
    }


def level(price, side, size=None):
    """A level of it."""
    row = {"price": price, "symbol": "BTCUSDT", "id": "1", "side": side}
    return row if size is None else {**row, "size": D(size)}


def test_books_stay_whole_to_the_end(recorded):
    """Eight books with their 3,252 changes: never crossed, and the same as kept by hand."""
    entries, script = recorded("bybit", FILE, "orderbook")
    lines = recorded.lines("bybit", FILE)
    ours, plain, count = {}, {}, 0
    for entry in entries:
        assert entry.error is None
        (item,) = entry.items
        row = json.loads(lines[entry.line - 1], parse_float=D)["msg"]
        key = row["topic"].rpartition(".")[2]
        if isinstance(item, OrderBookData):
            ours[key], plain[key] = ({}, {}), {"Buy": {}, "Sell": {}}
        for side, levels in zip(ours[key], (item.bids, item.asks), strict=True):
            for found in levels:
                side[found.price] = found.amount
        for gone in row["data"].get("delete") or ():
            del plain[key][gone["side"]][D(gone["price"])]
        for name in ("order_book", "update", "insert"):
            for new in row["data"].get(name) or ():
                plain[key][new["side"]][D(new["price"])] = D(str(new["size"]))
        bids, asks = ({p: a for p, a in side.items() if a} for side in ours[key])
        assert (bids, asks) == (plain[key]["Buy"], plain[key]["Sell"])
        assert max(bids) < min(asks)
        count += 1

    assert (count, len(ours)) == (3260, 8)
    assert script.unknown == {}


def test_trades_are_told_exactly(recorded):
    """Price, size, side, id and the matching engine's time of each trade."""
    entries, _ = recorded("bybit", FILE, "trades")
    rows = [
        trade
        for line in recorded.lines("bybit", FILE)
        if "trade_id" in (text := line.decode())
        for trade in json.loads(text, parse_float=D)["msg"]["data"]
    ]
    told = [item for entry in entries for item in entry.items]

    assert len(told) == 101
    assert [(t.symbol, t.price, t.amount, t.side.value, t.trade_id, t.at) for t in told] == [
        (
            row["symbol"].removesuffix("USDT") + "-USDT-PERP",
            D(row["price"]),
            D(str(row["size"])),
            row["side"].lower(),
            row["trade_id"],
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(row["trade_time_ms"])),
        )
        for row in rows
    ]


def test_a_level_that_goes_has_no_amount(reading):
    """A deletion is an amount of zero; nothing says what must come before a change."""
    change = parse_book(
        message("delta", delete=[level("1", "Buy")], update=[], insert=[level("2", "Sell", "3")]),
        reading("bybit", BTC),
    )

    assert isinstance(change, BookDelta)
    assert [(found.price, found.amount) for found in change.bids] == [(1, 0)]
    assert [(found.price, found.amount) for found in change.asks] == [(2, 3)]
    assert change.last_sequence is None


@pytest.mark.parametrize(
    "rows, problem",
    [
        ([level("1", "Buy", "0")], "size"),
        ([level("-1", "Buy", "1")], "price"),
        ([level("1", "Both", "1")], "side"),
        ([level("2", "Buy", "1"), level("1", "Sell", "1")], "cross the asks"),
    ],
)
def test_a_book_that_cannot_be_is_refused(rows, problem, reading):
    """No amount, a negative price, no side, crossed."""
    with pytest.raises(MalformedMessage, match=problem):
        parse_book(message("snapshot", order_book=rows), reading("bybit", BTC))
