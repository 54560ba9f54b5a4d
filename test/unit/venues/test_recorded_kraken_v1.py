"""Kraken's first sockets: books that are followed to their end, trades, tickers, and refusals."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import nlargest, nsmallest

import pytest

from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import OrderBookData
from core.adapters.exchanges.transcript import Transcript
from tui.cli.parse import parse

D = Decimal
FILE = "cryptofeed_kraken_public_ws.jsonl.gz"
DEPTH = 1000
SIDES = {"b": "buy", "s": "sell"}


@pytest.fixture
def recording(recorded):
    """What was told, by whom, and the rows with exact numbers."""
    lines = recorded.lines("kraken", FILE)
    script = Transcript("kraken-v1", "all")
    return list(script.read(lines)), script, [json.loads(line) for line in lines]


def symbol(pair):
    """Our name of a pair."""
    return pair.replace("XBT", "BTC").replace("/", "-") + "-SPOT"


def at(text):
    """The time of so many seconds."""
    whole, _, fraction = text.partition(".")
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return start + timedelta(seconds=int(whole), microseconds=int(fraction[:6].ljust(6, "0")))


def checksum(bids, asks):
    """CRC32 of the digits of the ten best levels, asks first, as the venue documents it."""
    best = nsmallest(10, asks.items()) + nlargest(10, bids.items())
    digits = (format(value, "f").replace(".", "").lstrip("0") for level in best for value in level)
    return zlib.crc32("".join(digits).encode())


def applied(side, levels, best):
    """A side after its levels changed, without what then lies beyond its depth."""
    side.update(levels)
    kept = [price for price, amount in side.items() if amount]
    if len(kept) > DEPTH:
        kept = best(DEPTH, kept)
    return {price: side[price] for price in kept}


def test_books_stay_whole_to_the_end(recording):
    """Ten books with 4,269 changes have the venue's checksum, and are those kept by hand."""
    entries, _, rows = recording
    ours, plain, counts = {}, {}, Counter()
    for entry in entries:
        if entry.message != "book":
            continue
        (item,) = entry.items
        *parts, _, pair = rows[entry.line - 1]["msg"][1:]
        said = {name: levels for part in parts for name, levels in part.items()}
        bids, asks = (
            [(D(price), D(amount)) for name in names for price, amount, *_ in said.get(name, ())]
            for names in (("bs", "b"), ("as", "a"))
        )
        if "as" in said:
            ours[pair] = plain[pair] = {}, {}
        told = ([(level.price, level.amount) for level in side] for side in (item.bids, item.asks))
        best = nlargest, nsmallest
        ours[pair] = tuple(map(applied, ours[pair], told, best))
        plain[pair] = tuple(map(applied, plain[pair], (bids, asks), best))
        times = [level[2] for name in said.keys() - {"c"} for level in said[name]]
        assert (item.symbol, item.at) == (symbol(pair), at(max(times)))
        assert max(ours[pair][0]) < min(ours[pair][1])
        if isinstance(item, BookDelta):
            assert item.checksum == int(said["c"]) == checksum(*ours[pair])
        counts[type(item)] += 1

    assert ours == plain
    assert (counts[OrderBookData], counts[BookDelta], len(ours)) == (10, 4269, 10)


def test_trades_are_told_exactly(recording):
    """Price, amount, side and time of the ten trades; the venue gives them no id."""
    entries, _, rows = recording
    told = [item for entry in entries if entry.message == "trade" for item in entry.items]
    plain = [
        (symbol(row["msg"][-1]), D(price), D(amount), SIDES[side], at(time), "")
        for row in rows
        if isinstance(row.get("msg"), list) and row["msg"][-2] == "trade"
        for price, amount, time, side, *_ in row["msg"][1]
    ]

    assert len(plain) == 10
    assert plain == [(t.symbol, t.price, t.amount, t.side.value, t.at, t.trade_id) for t in told]


def test_tickers_are_told_exactly(recording):
    """Best levels, the last price, and the day of the eighteen tickers, when they came."""
    entries, _, rows = recording
    told = [item for entry in entries if entry.message == "ticker" for item in entry.items]
    plain = []
    for row in rows:
        if isinstance(row.get("msg"), list) and row["msg"][-2] == "ticker":
            _, said, _, pair = row["msg"]
            values = [said["b"][0], said["b"][2], said["a"][0], said["a"][2], said["c"][0]]
            values += [said[name][1] for name in "ohlv"]
            plain.append((symbol(pair), *map(D, values), at(row["recv"])))

    assert len(plain) == 18
    assert plain == [
        (
            *(t.symbol, t.bid, t.bid_amount, t.ask, t.ask_amount, t.last),
            *(t.open_24h, t.high_24h, t.low_24h, t.volume_24h, t.at),
        )
        for t in told
    ]


def test_nothing_else_is_said(recording):
    """Every other message is an event; no value is refused and no field is unknown."""
    entries, script, rows = recording

    assert len(rows) == len(entries) + sum(script.skipped.values()) == 4436
    assert [entry.error for entry in entries if entry.error] == []
    assert script.unknown == {}
    assert script.skipped == {
        "other channel: heartbeat": 92,
        "other channel: subscriptionStatus": 30,
        "other channel: systemStatus": 3,
        "sent by the client": 6,
    }


# -- messages that no recording has --------------------------------------------------------------


def read(*parts, channel, pair="XBT/USD"):
    """What a message about a pair says."""
    line = json.dumps([7, *parts, channel, pair]).encode()
    (entry,) = Transcript("kraken-v1", "all").read([line])
    return entry


def test_a_spread_is_a_ticker():
    """Best prices with their amounts, at their own time."""
    (item,) = read(["5.1", "5.2", "1600000000.25", "7", "8"], channel="spread").items

    assert (item.symbol, item.bid, item.ask) == ("BTC-USD-SPOT", D("5.1"), D("5.2"))
    assert (item.bid_amount, item.ask_amount, item.at) == (7, 8, at("1600000000.25"))


@pytest.mark.parametrize("last, is_closed", [("1600000070.5", False), ("1600000200", True)])
def test_a_candle_begins_before_its_end(last, is_closed):
    """The venue tells a candle's end, and tells it again until then."""
    row = [last, "1600000200.000000", "3", "5", "2", "4", "3.5", "0.25", 9]
    (item,) = read(row, channel="ohlc-5", pair="ETH/XBT").items

    assert (item.symbol, item.timeframe, item.at) == ("ETH-BTC-SPOT", "5m", at("1599999900"))
    assert (item.open, item.high, item.low, item.close) == (3, 5, 2, 4)
    assert (item.volume, item.is_closed) == (D("0.25"), is_closed)


def test_both_sides_may_change_at_once():
    """A change in two parts is one; what came back within reach is a level like any other."""
    asks = {"a": [["6.0", "0.0", "1600000001.5"]]}
    bids = {"b": [["5.0", "2.0", "1600000000.0", "r"]], "c": "0"}
    (item,) = read(asks, bids, channel="book-10", pair="XDG/USD").items

    assert (item.symbol, item.checksum, item.at) == ("DOGE-USD-SPOT", 0, at("1600000001.5"))
    assert [(level.price, level.amount) for level in item.bids] == [(5, 2)]
    assert [(level.price, level.amount) for level in item.asks] == [(6, 0)]


@pytest.mark.parametrize(
    "parts, channel, problem",
    [
        ([{"a": [["-1", "1", "1600000000.0"]]}], "book-10", "price -1"),
        ([{"a": [["1", "1", "yesterday"]]}], "book-10", "time should be seconds"),
        ([{"a": [["1", "1"]]}], "book-10", "time should be text"),
        (
            [{"bs": [["2", "1", "1600000000.0"]], "as": [["1", "1", "1600000000.0"]]}],
            "book-10",
            "cross the asks",
        ),
        ([[["1", "1", "1600000000.0", "x", "m", ""]]], "trade", "side should be one of b, s"),
        ([[["1", "0", "1600000000.0", "b", "m", ""]]], "trade", "amount should be above 0"),
        ([["2", "1", "1600000000.0", "1", "1"]], "spread", "crosses the ask"),
        ([{"a": ["1", 1, "1"]}], "ticker", "expected an array"),
        ([["1600000000.0"] * 2], "ohlc", "does not say how long it is"),
    ],
)
def test_what_cannot_be_is_refused(parts, channel, problem):
    """A level, trade or candle that is none ends in one line that says why."""
    entry = read(*parts, channel=channel)

    assert entry.items == ()
    assert problem in entry.error


def test_more_values_than_are_known_are_counted():
    """What follows the known values of an array is ignored by count."""
    line = [7, ["5", "6", "1600000000.0", "1", "1", "new"], "spread", "XBT/USD"]
    script = Transcript("kraken-v1", "all")
    (entry,) = script.read([json.dumps(line).encode(), b'[1, "x", "unheard", "XBT/USD"]'])

    assert entry.error is None
    assert (script.unknown, script.skipped) == ({"spread.5": 1}, {"unknown kind": 1})


def test_the_newer_parsers_name_the_older_ones(tmp_path, capsys):
    """Who reads a recording of the first sockets as Kraken's newest is told their name."""
    file = tmp_path / "old.jsonl"
    file.write_text(json.dumps([7, ["5", "6", "1600000000.0", "1", "1"], "spread", "XBT/USD"]))

    assert parse("kraken", "all", file, is_json=True) == 1
    assert "another version of its protocol (kraken-v1)." in capsys.readouterr().err
    assert parse("kraken-v1", "all", file, is_json=True) == 0
