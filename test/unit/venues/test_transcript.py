"""Reading recordings: what belongs to a channel, what is skipped, and what is learnt on the way."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.transcript import Transcript, venues
from core.errors import ConfigError


def test_venues():
    """Venues with an adapter of ours have parsers, and protocols that are read from recordings."""
    assert venues() == (
        "backpack",
        "binance",
        "bitmex",
        "bybit",
        "derive",
        "edgex",
        "hyperliquid",
        "kraken-v1",
        "lighter",
        "okx",
        "polymarket",
    )


@pytest.mark.parametrize(
    "venue, channel, problem",
    [("mtgox", "trades", "Known: backpack"), ("okx", "tardes", "Known: all, account")],
)
def test_unknown_names_are_refused(venue, channel, problem):
    """A venue or channel that does not exist names those that do."""
    with pytest.raises(ConfigError, match=problem):
        Transcript(venue, channel)


@pytest.mark.parametrize(
    "venue, channel",
    [
        ("binance", "btcusdt@markPrice@1s"),
        ("binance", "kline_1m"),
        ("bybit", "orderbook.50.BTCUSDT"),
        ("lighter", "order_book/1"),
        ("lighter", "account_all_trades:1234"),
        ("okx", "candle4H"),
        ("edgex", "depth.30000001.15"),
        ("backpack", "account.orderUpdate"),
    ],
)
def test_a_full_channel_is_its_kind(venue, channel):
    """A channel may be written as it is subscribed to."""
    assert list(Transcript(venue, channel).read([])) == []


def test_other_channels_and_kinds_are_counted():
    """What does not belong to the channel is left out and counted by its reason."""
    book = {"coin": "BTC", "levels": [[], []], "time": 1737918846300}
    lines = [
        json.dumps({"channel": "l2Book", "data": book}).encode(),
        b"",
        json.dumps({"channel": "pong"}).encode(),
        json.dumps({"dir": "out", "recv": "1", "msg": {"method": "ping"}}).encode(),
        json.dumps({"what": "ever"}).encode(),
        b"<html>",
    ]
    script = Transcript("hyperliquid", "orderbook")
    entries = list(script.read(lines))

    assert [(entry.line, entry.message) for entry in entries] == [(1, "l2Book"), (6, None)]
    assert "no JSON" in (entries[1].error or "")
    assert script.skipped == {
        "other channel: pong": 1,
        "sent by the client": 1,
        "unknown kind": 1,
    }


def test_a_named_message_is_taken_at_its_word():
    """A message asked for by its own name need not say what it is."""
    rows = [b'{"lastUpdateId":1}', b'{"asks":[]}']
    errors = [entry.error for entry in Transcript("binance", "bookTicker").read(rows)]

    assert errors == ["binance bookTicker: s should be text, not None"] * 2


@pytest.mark.parametrize(
    "venue, channel, answer",
    [
        ("binance", "bookTicker", {"result": None, "id": 1}),
        ("okx", "trades", {"event": "subscribe", "arg": {"channel": "trades"}}),
        ("bybit", "tickers", {"success": True, "ret_msg": "", "op": "subscribe"}),
        ("backpack", "trade", {"id": 1, "result": None}),
        ("edgex", "ticker", {"type": "subscribed", "channel": "ticker.1"}),
        ("hyperliquid", "l2Book", {"channel": "subscriptionResponse", "data": {}}),
        ("lighter", "ticker", {"type": "ping"}),
    ],
)
def test_answers_to_subscriptions_are_passed_over(venue, channel, answer):
    """A venue's yes to a subscription is no message of the channel."""
    script = Transcript(venue, channel)

    assert list(script.read([json.dumps(answer).encode()])) == []
    assert sum(script.skipped.values()) == 1


def test_listed_instruments_are_used_from_then_on():
    """A market number means what the recording's own metadata says, not the usual reference."""
    ticker = {
        "channel": "ticker:7",
        "timestamp": 1774883844933,
        "ticker": {"a": {"price": "2", "size": "1"}, "b": {"price": "1", "size": "1"}},
    }
    market = {
        "symbol": "DOGE",
        "market_id": 7,
        "status": "active",
        "supported_size_decimals": 0,
        "supported_price_decimals": 6,
    }
    rows = [ticker, {"code": 200, "order_books": [market]}, ticker]
    entries = list(Transcript("lighter", "all").read(json.dumps(row).encode() for row in rows))

    assert [entry.items[0].symbol for entry in entries] == ["7", "DOGE-USDC-PERP", "DOGE-USDC-PERP"]


def test_an_answer_belongs_to_what_was_asked():
    """A book that names no symbol is that of the recorded request."""
    row = {
        "dir": "http",
        "recv": "1633998512.320639",
        "url": "https://api.example/api/v3/depth?symbol=NKNUSDT&limit=1000",
        "msg": {"lastUpdateId": 5, "bids": [["0.3521", "672"]], "asks": []},
    }
    (entry,) = Transcript("binance", "orderbook").read([json.dumps(row).encode()])
    (book,) = entry.items

    assert (book.symbol, book.sequence) == ("NKN-USDT-SPOT", 5)
    assert book.at == book.received_at
    assert book.at.isoformat() == "2021-10-12T00:28:32.320639+00:00"


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_recorded_answers_agree_with_another_reader(venue, recorded):
    """Books and tickers have the values that ccxt read out of the same recorded answers."""
    file = f"ccxt_recorded_{venue}_rest.jsonl.gz"
    entries, _ = recorded(venue, file)
    rows = [json.loads(line, parse_float=Decimal) for line in recorded.lines(venue, file)]
    book, ticker = entries[0].items[0], entries[1].items[0]
    read_book, read_ticker = rows[0]["parsed"], rows[1]["parsed"]

    for ours, theirs in ((book.bids, read_book["bids"]), (book.asks, read_book["asks"])):
        assert [(level.price, level.amount) for level in ours] == [
            (level[0], level[1]) for level in theirs
        ]
    assert (ticker.bid, ticker.ask, ticker.last) == (
        read_ticker["bid"],
        read_ticker["ask"],
        read_ticker["last"],
    )
    assert (ticker.high_24h, ticker.low_24h) == (read_ticker["high"], read_ticker["low"])
    assert ticker.volume_24h == read_ticker["baseVolume"]


@pytest.mark.parametrize(
    "venue, file, refused",
    [
        ("binance", "basana_binance_exchange_info_btcusdt.jsonl.gz", 0),
        ("binance", "basana_binance_rest_depth.jsonl.gz", 0),
        ("binance", "cryptofeed_binance_delivery_public_ws.jsonl.gz", 0),
        ("binance", "cryptofeed_binance_public_ws.jsonl.gz", 0),
        ("binance", "gct_binance_http_recorded.jsonl.gz", 0),
        ("binance", "gct_binance_ws_messages.jsonl.gz", 0),
        ("binance", "nautilus_binance_fixtures.jsonl.gz", 0),
        ("binance", "nautilus_binance_py_fixtures.jsonl.gz", 0),
        ("bybit", "gct_bybit_ws_messages.jsonl.gz", 0),
        ("backpack", "hummingbot_backpack_shape_samples.jsonl.gz", 5),
        ("hyperliquid", "hyperliquid_perp_btc_l2Book+trades_20250126a.jsonl.gz", 0),
        ("hyperliquid", "nautilus_hyperliquid_fixtures.jsonl.gz", 0),
        ("lighter", "hummingbot_lighter_shape_samples.jsonl.gz", 0),
    ],
)
def test_recordings_are_read_whole(venue, file, refused, recorded):
    """No message of these recordings is refused, but for the samples that are broken on purpose."""
    entries, _ = recorded(venue, file)

    assert entries
    assert len([entry for entry in entries if entry.error]) == refused


@pytest.mark.parametrize(
    "file",
    [
        "binance_spot_btcusdt_trade+bookTicker+depth_20240808.jsonl.gz",
        "binance_coinm_btcusd_perp_trade+bookTicker+depth_20240808.jsonl.gz",
    ],
)
def test_the_start_of_long_recordings(file, recorded):
    """The first two thousand messages of a long recording are read whole, without surprises."""
    lines = recorded.lines("binance", file)[:2000]
    script = Transcript("binance", "all")
    entries = list(script.read(lines))

    assert [entry.error for entry in entries if entry.error] == []
    assert len(entries) == 2000
    assert (script.skipped, script.unknown) == ({}, {})
