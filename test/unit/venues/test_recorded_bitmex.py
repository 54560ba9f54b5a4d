"""BitMEX's recordings, value by value against a second, plain reading."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import Liquidity, MarginMode, OrderBookData
from core.adapters.exchanges.transcript import Transcript

D = Decimal
STREAM = "cryptofeed_bitmex_public_ws.jsonl.gz"
SAMPLES = "nautilus_bitmex_fixtures.jsonl.gz"
STEP = D("1E-12")
SATOSHI = D("1E-8")
SYMBOLS = {
    "XBTUSD": "BTC-USD-PERP",
    "BCHUSD": "BCH-USD-PERP",
    "XRPU21": "XRP.U21-BTC-FUTURE",
    "TRXU21": "TRX.U21-BTC-FUTURE",
    **{f"{coin}USDT": f"{coin}-USDT-PERP" for coin in ("ADA", "EOS", "MATIC", "SOL", "TRX", "UNI")},
}
LEVELS = {
    "XBTUSD": (8_800_000_000, "0.01"),
    "BCHUSD": (40_200_000_000, "0.05"),
    "XRPU21": (56_800_000_000, "0.00000001"),
    "TRXU21": (57_200_000_000, "0.0000000001"),
    "ADAUSDT": (52_100_000_000, "0.00001"),
    "EOSUSDT": (53_900_000_000, "0.0005"),
    "MATICUSDT": (58_800_000_000, "0.0001"),
    "SOLUSDT": (54_900_000_000, "0.001"),
    "TRXUSDT": (54_000_000_000, "0.00001"),
    "UNIUSDT": (52_000_000_000, "0.001"),
}
"""Instrument -> the id of a level at price zero, and the price that an id less is worth."""


def rules(symbol):
    """What an instrument could be, so that one of its contracts is a tenth of a base unit."""
    base = SYMBOLS[symbol].partition("-")[0]
    is_dated = "." in base
    return {
        "symbol": symbol,
        "typ": "FFCCSX" if is_dated else "FFWCSX",
        "state": "Open",
        "underlying": base.partition(".")[0],
        "quoteCurrency": "XBT" if is_dated else "USDT",
        "settlCurrency": "XBt" if is_dated else "USDt",
        "multiplier": 10_000_000 if is_dated else 100_000,
        "isInverse": False,
        "isQuanto": False,
        "lotSize": 1,
        "tickSize": D(LEVELS[symbol][1]),
    }


def table(name, action, *data, **more):
    """A message about a table."""
    return json.dumps({"table": name, "action": action, "data": data, **more}, default=str).encode()


def at(text):
    """A time as BitMEX writes it."""
    return datetime.fromisoformat(text)


@pytest.fixture
def stream(recorded):
    """Lines of the stream, and the rows of each with exact numbers."""
    lines = recorded.lines("bitmex", STREAM)
    return lines, [json.loads(line, parse_float=D)["msg"] for line in lines if b'"msg"' in line]


def tables(rows, name):
    """The messages about a table."""
    return [row for row in rows if row.get("table") == name]


def price_of(level):
    """The price that the number of a level stands for."""
    zero, step = LEVELS[level["symbol"]]
    return (zero - level["id"]) * D(step)


def follow(entries, rows):
    """Follows every told book beside one that is kept by hand; how many of each kind there were."""
    ours, plain, counts = {}, {}, Counter()
    for entry, row in zip(entries, rows, strict=True):
        assert entry.error is None
        symbol = row["data"][0]["symbol"]
        if row["action"] == "partial":
            ours[symbol], plain[symbol] = {"Buy": {}, "Sell": {}}, {"Buy": {}, "Sell": {}}
        for level in row["data"]:
            side, price = plain[symbol][level["side"]], price_of(level)
            if row["action"] == "delete":
                del side[price]
            else:
                assert level.get("price", price) == price
                is_dollar = symbol == "XBTUSD"
                size = level["size"]
                side[price] = inverse(size, price) if is_dollar else size * D("0.1")
        for item in entry.items:
            for name, levels in (("Buy", item.bids), ("Sell", item.asks)):
                for level in levels:
                    ours[symbol][name][level.price] = level.amount
                    if not level.amount:
                        del ours[symbol][name][level.price]
            assert ours[symbol] == plain[symbol]
            assert max(plain[symbol]["Buy"]) < min(plain[symbol]["Sell"])
            assert item.at == item.received_at
            counts[symbol, type(item)] += 1
    return counts


def inverse(size, price):
    """Contracts of a dollar in Bitcoin."""
    return (D(size) / D(price)).quantize(STEP)


def test_the_inverse_book_is_whole_to_the_end(stream):
    """Bitcoin's book with its 1,299 changes is the one kept by hand, from the ids of its levels."""
    lines, rows = stream
    entries = list(Transcript("bitmex", "orderbook").read(lines))
    dollars = [row for row in tables(rows, "orderBookL2") if row["data"][0]["symbol"] == "XBTUSD"]
    counts = follow([entry for entry in entries if entry.items], dollars)

    assert counts == {("XBTUSD", OrderBookData): 1, ("XBTUSD", BookDelta): 1299}


def test_every_book_is_whole_to_the_end_once_its_contracts_are_told(stream):
    """With made-up rules before them, ten books with 1,969 changes are those kept by hand."""
    lines, rows = stream
    listed = table("instrument", "partial", *(rules(name) for name in LEVELS if name != "XBTUSD"))
    script = Transcript("bitmex", "all")
    entries = [each for each in script.read([listed, *lines]) if each.message == "orderBookL2"]
    counts = follow(entries, tables(rows, "orderBookL2"))

    assert Counter(kind for _, kind in counts.elements()) == {OrderBookData: 10, BookDelta: 1969}
    assert script.unknown == {}


def test_quotes_are_told_exactly(stream):
    """Best prices of 436 quotes; amounts where contracts are known to be dollars."""
    lines, rows = stream
    told = [item for e in Transcript("bitmex", "ticker").read(lines) for item in e.items]
    plain = [quote for row in tables(rows, "quote") for quote in row["data"]]
    amounts = [
        (
            inverse(quote["bidSize"], quote["bidPrice"]),
            inverse(quote["askSize"], quote["askPrice"]),
        )
        if quote["symbol"] == "XBTUSD"
        else (None, None)
        for quote in plain
    ]

    assert len(plain) == 436
    assert [(t.symbol, t.bid, t.ask, t.at, (t.bid_amount, t.ask_amount)) for t in told] == [
        (SYMBOLS[q["symbol"]], q["bidPrice"], q["askPrice"], at(q["timestamp"]), both)
        for q, both in zip(plain, amounts, strict=True)
    ]


def test_trades_are_told_exactly(stream):
    """Price, side, id and time of 27 trades; the amount by the dollar or as the venue states it."""
    lines, rows = stream
    told = [item for e in Transcript("bitmex", "trades").read(lines) for item in e.items]
    plain = [trade for row in tables(rows, "trade") for trade in row["data"]]

    assert len(plain) == 27
    assert [(t.symbol, t.price, t.amount, t.side.value, t.trade_id, t.at) for t in told] == [
        (
            SYMBOLS[row["symbol"]],
            row["price"],
            inverse(row["size"], row["price"])
            if row["symbol"] == "XBTUSD"
            else row["homeNotional"],
            row["side"].lower(),
            row["trdMatchID"],
            at(row["timestamp"]),
        )
        for row in plain
    ]
    for trade, row in zip(told, plain, strict=True):
        assert abs(trade.amount / row["homeNotional"] - 1) < D("0.0002")


def test_what_is_left_out_is_counted(stream):
    """Books and amounts of quotes of nine instruments, whose contracts nobody told, by name."""
    lines, rows = stream
    script = Transcript("bitmex", "all")
    entries = list(script.read(lines))
    left = Counter(row["data"][0]["symbol"] for row in tables(rows, "orderBookL2"))
    left.update(quote["symbol"] for row in tables(rows, "quote") for quote in row["data"])
    del left["XBTUSD"]

    assert [entry.error for entry in entries if entry.error] == []
    assert script.skipped == {"other channel: control": 31, "sent by the client": 4}
    assert script.unknown == {f"contracts of {name}": count for name, count in left.items()}
    assert (len(entries), sum(left.values())) == (2089, 829)


# -- single messages ------------------------------------------------------------------------------


@pytest.fixture
def samples(recorded):
    """Name of a message -> what was told of it, and the message."""
    lines = recorded.lines("bitmex", SAMPLES)
    rows = [json.loads(line, parse_float=D) for line in lines]
    script = Transcript("bitmex", "all")
    items = {entry.line: entry.items for entry in script.read(lines)}
    assert script.skipped == {"other channel: error": 1, "other channel: liquidation": 1}
    assert script.unknown == {}
    return {
        row["name"]: (items.get(number), row["msg"]) for number, row in enumerate(rows, start=1)
    }


def told(items, wanted):
    """The fields of a thing that a plain reading knows too."""
    (item,) = items
    return {name: getattr(item, name) for name in wanted}


def fields(row, **names):
    """Our names of fields -> the values of theirs."""
    return {ours: row.get(theirs) for ours, theirs in names.items()}


def test_all_samples_are_read_or_named(samples):
    """Fifteen of seventeen messages tell something, and two have nothing for us."""
    assert len(samples) == 17
    assert {name for name, (items, _) in samples.items() if not items} == {
        "http_error_response",
        "ws_liquidation",
    }
    assert sum(len(items) for items, _ in samples.values() if items) == 22


@pytest.mark.parametrize("name", ["ws_execution", "http_get_executions"])
def test_executions_are_told_exactly(name, samples):
    """Price, amount, both ids, the paid fee in Bitcoin and who made the price."""
    items, rows = samples[name]
    for item, row in zip(items, rows if isinstance(rows, list) else [rows], strict=True):
        wanted = fields(row, order_id="orderID", trade_id="execID", client_order_id="clOrdID")
        wanted |= {"price": row["lastPx"], "amount": inverse(row["lastQty"], row["lastPx"])}
        wanted |= {
            "fee": row["execComm"] * SATOSHI,
            "fee_currency": "BTC",
            "symbol": "BTC-USD-PERP",
        }
        wanted |= {"at": at(row["transactTime"])}

        assert told([item], wanted) == wanted
        assert item.side.value == row["side"].lower()
        assert (item.liquidity is Liquidity.MAKER) == (row["lastLiquidityInd"] == "Added")


@pytest.mark.parametrize("name", ["ws_position", "http_get_positions"])
def test_positions_are_told_exactly(name, samples):
    """The signed size in Bitcoin, prices, and money in Bitcoin."""
    items, row = samples[name]
    row = row[0] if isinstance(row, list) else row
    wanted = fields(row, entry_price="avgEntryPrice", mark_price="markPrice", leverage="leverage")
    wanted |= fields(row, liquidation_price="liquidationPrice")
    wanted["size"] = inverse(row["currentQty"], row["avgEntryPrice"])
    wanted["unrealized_pnl"] = row["unrealisedPnl"] * SATOSHI
    wanted |= {"margin": row["posMargin"] * SATOSHI, "margin_mode": MarginMode.ISOLATED}
    wanted["at"] = at(row["timestamp"])

    assert told(items, wanted) == wanted


def test_money_is_told_exactly(samples):
    """A margin with what is free and held, and two wallets, in Bitcoin."""
    items, row = samples["ws_margin"]
    names = {"total": "walletBalance", "free": "availableMargin", "equity": "marginBalance"}
    wanted = {ours: row[theirs] * SATOSHI for ours, theirs in names.items()}
    wanted["used"] = (row["initMargin"] + row["maintMargin"]) * SATOSHI
    assert told(items, wanted) == wanted
    assert wanted["free"] + wanted["used"] == wanted["equity"]
    for name in ("ws_wallet", "http_get_wallet"):
        items, row = samples[name]
        row = row[0] if isinstance(row, list) else row
        wanted = {"asset": "BTC", "total": row["amount"] * SATOSHI, "used": 0}
        wanted |= {"free": row["amount"] * SATOSHI, "at": at(row["timestamp"])}

        assert told(items, wanted) == wanted


def test_prices_are_told_exactly(samples):
    """Tickers by stream and by question, funding, ten levels, trades and candles."""
    names = {"last": "lastPrice", "mark": "markPrice", "bid": "bidPrice", "ask": "askPrice"}
    names |= {"open_24h": "prevPrice24h", "high_24h": "highPrice", "low_24h": "lowPrice"}
    names |= {"volume_24h": "homeNotional24h"}
    for name, index in (
        ("ws_instrument", "indexPrice"),
        ("ws_instrument_index_update", "indicativeSettlePrice"),
        ("http_get_instrument_xbtusd", "indicativeSettlePrice"),
    ):
        items, row = samples[name]
        ticker = next(item for item in items if type(item).__name__ == "TickerData")
        wanted = fields(row, **names, index=index)
        wanted["at"] = at(row["timestamp"])

        assert told([ticker], wanted) == wanted

    items, row = samples["ws_funding_rate"]
    wanted = {"rate": row["fundingRate"], "interval_s": 28_800, "next_at": None}
    assert told(items, wanted) == wanted
    items, row = samples["ws_orderbook_10"]
    for side in ("bids", "asks"):
        levels = [(level.price, level.amount) for level in getattr(items[0], side)]
        assert levels == [(price, inverse(size, price)) for price, size in row[side]]
    for name in ("ws_trade", "http_get_trades"):
        items, rows = samples[name]
        for item, row in zip(items, rows if isinstance(rows, list) else [rows], strict=True):
            wanted = fields(row, price="price", trade_id="trdMatchID")
            wanted |= {"amount": inverse(row["size"], row["price"]), "at": at(row["timestamp"])}
            assert told([item], wanted) == wanted
            assert item.side.value == row["side"].lower()
    items, rows = samples["http_get_trade_bins"]
    for item, row in zip(items, rows, strict=True):
        wanted = {name: row[name] for name in ("open", "high", "low", "close")}
        wanted |= {"volume": row["homeNotional"], "timeframe": "1m", "is_closed": True}
        wanted["at"] = at(row["timestamp"]) - timedelta(minutes=1)
        assert told([item], wanted) == wanted


def test_the_instrument_is_told_exactly(samples):
    """Steps, limits, fees and margins of the inverse perpetual, and its coming funding."""
    (rules, _, funding), row = samples["http_get_instrument_xbtusd"]
    wanted = fields(row, tick_size="tickSize", lot_size="lotSize", max_amount="maxOrderQty")
    wanted |= fields(row, maker_fee="makerFee", taker_fee="takerFee", venue_symbol="symbol")
    wanted |= {"base": "BTC", "quote": "USD", "settle": "BTC", "max_leverage": 100}
    wanted |= {"maintenance_margin_rate": row["maintMargin"], "funding_interval_s": 28_800}

    assert told([rules], wanted) == wanted
    assert (funding.rate, funding.next_at) == (row["fundingRate"], at(row["fundingTimestamp"]))
    assert (funding.interval_s, funding.at) == (28_800, at(row["timestamp"]))
