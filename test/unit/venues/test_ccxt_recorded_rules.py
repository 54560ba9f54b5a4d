"""Recordings that ccxt reads in part or not at all: what is told is right, the rest is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from ccxt.async_support.base.ws import cache

from core.adapters.exchanges.ccxt.stream import Kept, told_class
from core.adapters.exchanges.ccxt.transcript import CcxtTranscript
from core.adapters.exchanges.models import OrderSide
from core.errors import ConfigError
from core.wiring.recordings import is_foreign, transcript
from tui.cli.parse import parse

D = Decimal
SIDES = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}


def read(venue, lines):
    """Every entry by the name that the recorder gave the message, and who read it."""
    script = CcxtTranscript(venue, "all")
    found = {}
    for entry in script.read(lines):
        name = json.loads(lines[entry.line - 1]).get("name")
        found[name, entry.line] = entry
    return found, script


def number(value):
    """The exact number of a field."""
    return None if value is None else D(str(value))


def at(ms):
    """The time of so many milliseconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(ms))


def told(items, names):
    """The fields of things that a plain reading knows too."""
    return [{name: getattr(item, name) for name in names} for item in items]


def rows_of(lines):
    """Name of a message -> the message, with exact numbers."""
    rows = [json.loads(line, parse_float=D) for line in lines]
    return {row["name"]: row["msg"] for row in rows}


# -- Deribit: inverse contracts -------------------------------------------------------------------


@pytest.fixture
def deribit(recorded):
    """The recording, and the same with contracts that settle in USDC."""
    lines = recorded.lines("deribit", "nautilus_deribit_fixtures.jsonl.gz")
    linear = [line.replace(b"-PERPETUAL", b"_USDC-PERPETUAL") for line in lines]
    linear = [line.replace(b"_USDC_USDC-", b"_USDC-") for line in linear]
    return lines, linear


def test_inverse_contracts_are_named_and_not_told(deribit):
    """Of contracts that settle in coins nothing is told: an amount would not say what it is."""
    found, script = read("deribit", deribit[0])

    assert [entry.items for entry in found.values() if entry.items] == []
    assert script.skipped["not traded through this door: BTC/USD:BTC"] >= 6
    assert script.skipped["not traded through this door: ETH/USD:ETH"] == 1


def test_deribits_trades_are_told_exactly(deribit):
    """Trades of a socket and of an answer, in the order in which they stand."""
    found, _ = read("deribit", deribit[1])
    raw = rows_of(deribit[1])
    by_name = {name: entry for (name, _), entry in found.items()}
    for name, rows in (
        ("ws_trades", raw["ws_trades"]["params"]["data"]),
        ("http_get_last_trades", raw["http_get_last_trades"]["result"]["trades"]),
    ):
        wanted = [
            {
                "trade_id": row["trade_id"],
                "price": number(row["price"]),
                "amount": number(row["amount"]),
                "side": SIDES[row["direction"]],
                "at": at(row["timestamp"]),
            }
            for row in rows
        ]

        assert wanted
        assert told(by_name[name].items, wanted[0]) == wanted


def test_deribits_books_follow_their_changes(deribit):
    """A snapshot is told level by level; the change that comes after it moves, adds and deletes."""
    raw = rows_of(deribit[1])
    lines = {json.loads(line)["name"]: line for line in deribit[1]}
    snapshot, delta = (
        raw[name]["params"]["data"] for name in ("ws_book_snapshot", "ws_book_delta")
    )
    first, second = CcxtTranscript("deribit", "orderbook").read(
        [lines["ws_book_snapshot"], lines["ws_book_delta"]]
    )
    sides = {}
    for side in ("bids", "asks"):
        sides[side] = {row[1]: row[2] for row in snapshot[side]}
        levels = [(level.price, level.amount) for level in getattr(first.items[0], side)]
        assert levels == sorted(sides[side].items(), reverse=side == "bids")
        for action, price, amount in delta[side]:
            if action == "delete":
                sides[side].pop(price, None)
            else:
                sides[side][price] = amount
        levels = [(level.price, level.amount) for level in getattr(second.items[0], side)]
        assert levels == sorted(sides[side].items(), reverse=side == "bids")


def test_deribits_quotes_are_told_exactly(deribit):
    """Best prices with their amounts, and a ticker with mark and index."""
    found, _ = read("deribit", deribit[1])
    by_name = {name: entry for (name, _), entry in found.items()}
    raw = rows_of(deribit[1])
    names = {"bid": "best_bid_price", "ask": "best_ask_price"}
    names |= {"bid_amount": "best_bid_amount", "ask_amount": "best_ask_amount"}
    more = {"last": "last_price", "mark": "mark_price", "index": "index_price"}
    for message, fields in (("ws_quote", names), ("ws_ticker", names | more)):
        data = raw[message]["params"]["data"]
        wanted = {ours: number(data[theirs]) for ours, theirs in fields.items()}

        assert told(by_name[message].items[:1], wanted) == [wanted]


# -- KuCoin: everything beside each other ---------------------------------------------------------


@pytest.fixture
def kucoin(recorded):
    """Rows with exact numbers, and what was told of each."""
    lines = recorded.lines("kucoin", "gct_kucoin_ws_messages.jsonl.gz")
    found, script = read("kucoin", lines)
    rows = [json.loads(line, parse_float=D)["msg"] for line in lines]
    return [
        (rows[line - 1], entry) for (_, line), entry in sorted(found.items(), key=lambda e: e[0][1])
    ], script


def test_kucoins_prices_are_told_exactly(kucoin):
    """Tickers, snapshots of markets, books of five levels, a candle and trades."""
    wrong, count = [], 0
    for row, entry in kucoin[0]:
        data, subject = row["data"], row["subject"]
        (*_, item) = entry.items or (None,)
        wanted = {}
        if "bestBid" in data:
            names = {"bid": "bestBid", "bid_amount": "bestBidSize", "ask": "bestAsk"}
            names |= {"ask_amount": "bestAskSize", "last": "price"}
            wanted = {ours: number(data[theirs]) for ours, theirs in names.items()}
        elif subject == "trade.snapshot":
            names = {"bid": "buy", "ask": "sell", "last": "lastTradedPrice", "high_24h": "high"}
            names |= {"low_24h": "low", "volume_24h": "vol"}
            wanted = {ours: number(data["data"][theirs]) for ours, theirs in names.items()}
        elif subject == "level2" and item is not None:
            for side in ("bids", "asks"):
                ours = [(level.price, level.amount) for level in getattr(item, side)]
                wrong += [] if ours == [tuple(map(number, each)) for each in data[side]] else [side]
            count += 1
        elif subject == "trade.candles.update":
            names = ("open", "close", "high", "low", "volume")
            wanted = dict(zip(names, map(number, data["candles"][1:6]), strict=True))
            wanted["at"] = at(int(data["candles"][0]) * 1000)
        elif subject in {"trade.l3match", "match"}:
            wanted = {name: number(data[name]) for name in ("price",)}
            wanted |= {"amount": number(data["size"]), "trade_id": data["tradeId"]}
            wanted |= {"side": SIDES[data["side"]]}
        if wanted:
            count += 1
            wrong += [] if told([item], wanted) == [wanted] else [(subject, item, wanted)]

    assert wrong == []
    assert count == 12


def test_kucoins_orders_and_fills_are_told_exactly(kucoin):
    """Orders at each of their states, and executions with both ids."""
    wrong, kinds = [], []
    for row, entry in kucoin[0]:
        if row["subject"] != "orderChange":
            continue
        data = row["data"]
        for item in entry.items:
            is_fill = type(item).__name__ == "FillData"
            wanted = {"order_id": data["orderId"], "side": SIDES[data["side"]]}
            if is_fill:
                wanted["trade_id"] = data["tradeId"]
            else:
                wanted |= {name: number(data[name]) for name in ("price",)}
                wanted |= {"amount": number(data["size"]), "filled": number(data["filledSize"])}
                wanted["client_order_id"] = data["clientOid"]
            kinds.append((type(item).__name__, data["type"]))
            wrong += [] if told([item], wanted) == [wanted] else [(item, wanted)]

    assert wrong == []
    assert sorted(kinds) == [
        ("FillData", "match"),
        ("FillData", "match"),
        ("OrderData", "canceled"),
        ("OrderData", "filled"),
        ("OrderData", "match"),
        ("OrderData", "match"),
        ("OrderData", "open"),
        ("OrderData", "update"),
    ]


def test_what_ccxt_does_not_know_of_kucoin_is_counted(kucoin):
    """Indexes, loans and wallets are left out by count, two messages refused by their reason."""
    assert kucoin[1].skipped == {"unknown kind": 23}
    assert len([entry for _, entry in kucoin[0] if entry.error]) == 2


# -- nothing is told wrongly ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "venue, file",
    [
        ("derive", "nautilus_derive_fixtures.jsonl.gz"),
        ("polymarket", "nautilus_polymarket_fixtures.jsonl.gz"),
        ("polymarket", "nautilus_polymarket_py_fixtures.jsonl.gz"),
        ("kraken", "cryptofeed_kraken_public_ws.jsonl.gz"),
    ],
)
def test_another_protocol_tells_nothing(venue, file, recorded):
    """Messages without their envelope, of another product or version are never half read."""
    found, script = read(venue, recorded.lines(venue, file))

    assert [entry.items for entry in found.values() if entry.items] == []
    assert script.skipped["unknown kind"] >= 8
    assert len(found) <= 3


@pytest.mark.parametrize(
    "venue, folder, file, problem",
    [
        (
            "kraken",
            "kraken",
            "cryptofeed_kraken_public_ws.jsonl.gz",
            "No message in cryptofeed_kraken_public_ws.jsonl.gz is one that the parsers of kraken",
        ),
        (
            "bitget",
            "bitget",
            "cryptofeed_bitget_spot_public_ws.jsonl.gz",
            "refused 166",
        ),
    ],
)
def test_the_command_says_that_a_protocol_is_another(
    venue, folder, file, problem, recorded, capsys
):
    """A recording of an older protocol ends with exit code 1 and one clear line."""
    recorded.lines(folder, file)

    assert parse(venue, "trades", recorded.path(folder, file), is_json=True) == 1
    assert problem in capsys.readouterr().err


def test_a_venue_that_nobody_knows_is_refused_by_name(tmp_path):
    """A venue that is neither ours nor ccxt's is not read, and known venues are listed."""
    for name in ("mtgox", "ccxt-mtgox"):
        with pytest.raises(ConfigError, match=f"no parsers for the venue '{name}'"):
            parse(name, "all", tmp_path / "file.jsonl", is_json=True)


def test_a_channel_that_nobody_knows_is_refused_by_name():
    """Ccxt's venues have the common channels."""
    with pytest.raises(ConfigError, match="kraken has no channel 'tardes'"):
        transcript("kraken", "tardes")


def test_one_channel_is_told_alone():
    """The others are counted by what they are."""
    trade = {
        "channel": "trade",
        "data": [
            {
                "symbol": "BTC/USD",
                "side": "buy",
                "price": 105944.2,
                "qty": 0.00027625,
                "trade_id": 7,
                "timestamp": "2023-10-06T17:35:55.440295Z",
            }
        ],
    }
    line = json.dumps(trade).encode()
    (entry,) = transcript("ccxt-kraken", "trades").read([line])
    others = transcript("kraken", "orderbook")

    assert (entry.items[0].price, entry.items[0].amount) == (D("105944.2"), D("0.00027625"))
    assert next(others.read([line, b"<html>"])).error == "kraken sent what is no JSON"
    assert others.skipped == {"other channel: TradeData": 1}
    assert not is_foreign(others)


def test_a_name_with_its_prefix_has_our_own_parsers():
    """`ccxt-okx` is read as OKX, since our parsers read its messages at trading too."""
    assert transcript("ccxt-okx", "trades").venue == "okx"
    assert transcript("ccxt-binance-usdm", "trades").venue == "binance"


def test_a_cache_that_tells_is_not_replaced_by_ccxt(deribit):
    """Deribit's handler puts a new cache at every message: what listens hears each trade."""
    heard = []
    client = CcxtTranscript("deribit", "all")._client
    client.trades = Kept()
    symbol = "BTC/USDC:USDC"
    client.trades[symbol] = told_class(cache.ArrayCache, heard.append)(1000)
    message = rows_of(deribit[1])["ws_trades"]
    for _ in range(2):
        client.handle_message(SimpleNamespace(resolve=lambda *_: None), message)

    assert [trade["id"] for trade in heard] == ["403691824", "403691825"] * 2
    assert client.trades[symbol][-1]["price"] == D("92288.5")


def answer(times):
    """Candles of Gate at these seconds, as an answer over REST."""
    rows = [[str(at), "1000", "2.5", "3", "1", "2", "400"] for at in times]
    url = "https://host/api/v4/spot/candlesticks?currency_pair=BTC_USDT"
    row = {"dir": "http", "recv": "1700000000.5", "url": url, "msg": rows}
    return json.dumps(row).encode()


def test_candles_of_an_answer_are_as_long_as_their_distance():
    """No answer says how long its candles are: an hour between them says it, a lone one cannot."""
    script = CcxtTranscript("gate", "candles")
    hours = [1_700_000_000 - 1_700_000_000 % 3600 + hour * 3600 for hour in range(3)]
    several, alone = script.read([answer(hours), answer(hours[:1])])

    assert [(item.timeframe, item.at) for item in several.items] == [
        ("1h", at(second * 1000)) for second in hours
    ]
    assert (several.items[0].open, several.items[0].close) == (D(2), D("2.5"))
    assert "do not say how long they are" in alone.error
