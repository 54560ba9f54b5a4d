"""Binance messages, by the values they become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.binance import instruments, parse
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.models import OrderStatus
from core.errors import MalformedMessage

USDM = Listing(key="BTCUSDT", symbol="BTC-USDT-PERP", base="BTC", quote="USDT")

DEPTH_UPDATE = {
    "e": "depthUpdate",
    "E": 1723161256299,
    "T": 1723161256298,
    "s": "BTCUSDT",
    "U": 157,
    "u": 160,
    "pu": 149,
    "b": [["61641.50", "1.211"], ["61652.80", "0"]],
    "a": [["61800.30", "0.002"]],
}
BOOK_TICKER = {
    "e": "bookTicker",
    "u": 400900217,
    "E": 1680652700435,
    "T": 1680652700430,
    "s": "BTCUSDT",
    "b": "28145.10",
    "B": "3.868",
    "a": "28145.20",
    "A": "6.887",
}
TRADE = {
    "e": "trade",
    "E": 1723161256322,
    "T": 1723161256322,
    "s": "BTCUSDT",
    "t": 5266583935,
    "p": "61800.30",
    "q": "0.006",
    "X": "MARKET",
    "m": False,
}
FILLED = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1759347763200,
    "T": 1759347763200,
    "o": {
        "s": "BTCUSDT",
        "c": "cAbc12x0E1",
        "S": "SELL",
        "o": "LIMIT",
        "f": "GTX",
        "q": "0.010",
        "p": "61000.0",
        "ap": "61000.5",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "i": 8765432300,
        "l": "0.004",
        "z": "0.006",
        "L": "61000.0",
        "N": "USDT",
        "n": "0.0488",
        "T": 1759347763199,
        "t": 9988776655,
        "m": True,
        "R": True,
        "rp": "0",
    },
}


def test_depth_update(said):
    """A change carries absolute amounts, zero for gone, and the ids of its neighbours."""
    (change,) = said("binance", {"stream": "btcusdt@depth@0ms", "data": DEPTH_UPDATE})

    assert change["type"] == "BookDelta"
    assert change["symbol"] == "BTC-USDT-PERP"
    assert change["bids"] == [["61641.5", "1.211"], ["61652.8", "0"]]
    assert change["asks"] == [["61800.3", "0.002"]]
    ids = ("first_sequence", "last_sequence", "previous_sequence")
    assert [change[name] for name in ids] == [157, 160, 149]
    assert change["at"] == "2024-08-08T23:54:16.298Z"


def test_book_ticker_of_futures_and_of_spot(said):
    """Futures say when; spot says no time, and then it is unknown."""
    spot = {"u": 1, "s": "ETHBTC", "b": "0.0651", "B": "2", "a": "0.0652", "A": "3"}
    first, second = said("binance", BOOK_TICKER, spot)

    assert (first["bid"], first["bid_amount"]) == ("28145.1", "3.868")
    assert (first["ask"], first["ask_amount"]) == ("28145.2", "6.887")
    assert first["at"] == "2023-04-04T23:58:20.430Z"
    assert (second["symbol"], second["ask"], second["at"]) == ("ETH-BTC-SPOT", "0.0652", None)


def test_the_taker_of_a_trade(said):
    """The buyer as maker means that the taker sold; rows that are no trades are left out."""
    sold = {**TRADE, "m": True, "t": 2}
    insurance = {**TRADE, "X": "INSURANCE_FUND"}
    trades = said("binance", TRADE, sold, insurance)

    assert [(trade["trade_id"], trade["side"]) for trade in trades] == [
        ("5266583935", "buy"),
        ("2", "sell"),
    ]
    assert (trades[0]["price"], trades[0]["amount"]) == ("61800.3", "0.006")


def test_mark_price_carries_funding(said):
    """Mark and index are two prices; the rate is per eight hours unless the venue says else."""
    message = {
        "e": "markPriceUpdate",
        "E": 1680652701000,
        "s": "BTCUSDT",
        "p": "28147.27373413",
        "P": "28142.15563565",
        "i": "28159.75642857",
        "r": "0.00002754",
        "T": 1680652800000,
    }
    ticker, funding = said("binance", message)

    assert (ticker["mark"], ticker["index"]) == ("28147.27373413", "28159.75642857")
    assert ticker["last"] is None
    assert (funding["rate"], funding["interval_s"]) == ("0.00002754", 28800)
    assert funding["next_at"] == "2023-04-05T00:00:00.000Z"


def test_a_fill_comes_with_its_order(said):
    """One report is the order and its execution, in this order, with ids as text."""
    order, fill = said("binance", FILLED)

    assert order["status"] == "partially_filled"
    assert (order["order_id"], order["client_order_id"]) == ("8765432300", "cAbc12x0E1")
    assert (order["amount"], order["filled"], order["price"]) == ("0.01", "0.006", "61000")
    assert (order["average_price"], order["post_only"], order["reduce_only"]) == (
        "61000.5",
        True,
        True,
    )
    assert (fill["trade_id"], fill["side"], fill["amount"]) == ("9988776655", "sell", "0.004")
    assert (fill["fee"], fill["fee_currency"], fill["liquidity"]) == ("0.0488", "USDT", "maker")
    assert fill["at"] == "2025-10-01T19:42:43.199Z"


def test_an_unknown_state_is_unknown(said):
    """A state that nobody knows is neither open nor closed."""
    (order,) = said(
        "binance",
        {**FILLED, "o": {**FILLED["o"], "X": "NEW_ADL", "x": "NEW"}},
    )

    assert order["status"] == OrderStatus.UNKNOWN


def test_a_cancelled_spot_order_keeps_our_id(said):
    """The cancel request's own id stands in `c`; ours is the original one in `C`."""
    report = {
        "e": "executionReport",
        "E": 1709654402000,
        "s": "ETHUSDT",
        "c": "cancel-request",
        "C": "cAbc12x1E2",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "1.0",
        "p": "2500.0",
        "x": "CANCELED",
        "X": "CANCELED",
        "r": "NONE",
        "i": 12345678,
        "l": "0.0",
        "z": "0.25",
        "Z": "624.5",
        "L": "0.0",
        "n": "0",
        "N": None,
        "T": 1709654402000,
        "t": -1,
        "m": False,
        "O": 1709654400000,
    }
    (order,) = said("binance", report)

    assert (order["symbol"], order["client_order_id"]) == ("ETH-USDT-SPOT", "cAbc12x1E2")
    assert (order["status"], order["filled"], order["average_price"]) == (
        "canceled",
        "0.25",
        "2498",
    )
    assert (order["created_at"], order["reason"]) == ("2024-03-05T16:00:00.000Z", None)


def test_account_update(said):
    """Balances come before positions; sizes are signed."""
    update = {
        "e": "ACCOUNT_UPDATE",
        "E": 1564745798939,
        "T": 1564745798938,
        "a": {
            "m": "ORDER",
            "B": [{"a": "USDT", "wb": "122624.5", "cw": "100.5", "bc": "50"}],
            "P": [{"s": "BTCUSDT", "pa": "-10", "ep": "6563.8", "up": "-45.5", "mt": "cross"}],
        },
    }
    balance, position = said("binance", update)

    assert (balance["asset"], balance["total"], balance["free"]) == ("USDT", "122624.5", "100.5")
    assert (position["size"], position["entry_price"]) == ("-10", "6563.8")
    assert (position["unrealized_pnl"], position["margin_mode"]) == ("-45.5", "cross")


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"b": "28145.20"}, "crosses the ask"),
        ({"b": "NaN"}, "should be a number"),
        ({"b": None, "a": "-1"}, "negative"),
        ({"s": ""}, "should be text"),
    ],
)
def test_a_bad_quote_never_leaves_the_border(reading, change, problem):
    """Crossed, NaN, negative and nameless quotes are refused with venue, message and field."""
    with pytest.raises(MalformedMessage, match=problem):
        parse.parse_book_ticker({**BOOK_TICKER, **change}, reading("binance", USDM))


def test_contracts_of_coin_margined_futures(said):
    """A COIN-M contract is a hundred dollars of bitcoin."""
    message = {**BOOK_TICKER, "s": "BTCUSD_PERP", "ps": "BTCUSD", "b": "50000", "a": "50001"}
    (ticker,) = said("binance", message)

    assert ticker["symbol"] == "BTC-USD-PERP"
    assert ticker["bid_amount"] == "0.007736"


def test_exchange_info(reading):
    """Tick, lot and notional are those of the filters, of spot and of futures."""
    info = {
        "timezone": "UTC",
        "symbols": [
            {
                "symbol": "1000PEPEUSDT",
                "contractType": "PERPETUAL",
                "status": "TRADING",
                "baseAsset": "1000PEPE",
                "quoteAsset": "USDT",
                "marginAsset": "USDT",
                "pricePrecision": 7,
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": "0.0000001"},
                    {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1", "maxQty": "9"},
                    {"filterType": "MIN_NOTIONAL", "notional": "5"},
                ],
            },
            {
                "symbol": "ETHUSDC",
                "status": "BREAK",
                "baseAsset": "ETH",
                "quoteAsset": "USDC",
                "filters": [
                    {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                    {"filterType": "LOT_SIZE", "stepSize": "0.00010000", "minQty": "0.0001"},
                    {"filterType": "NOTIONAL", "minNotional": "5.0"},
                ],
            },
        ],
    }
    known = reading("binance")
    listings = instruments.parse_exchange_info(info, known)
    pepe, eth = listings

    assert (pepe.symbol, pepe.is_trading) == ("1000PEPE-USDT-PERP", True)
    assert pepe.instrument is not None
    assert (pepe.instrument.tick_size, pepe.instrument.lot_size) == (Decimal("1E-7"), Decimal(1))
    assert (pepe.instrument.min_notional, pepe.instrument.settle) == (Decimal(5), "USDT")
    assert (eth.symbol, eth.is_trading) == ("ETH-USDC-SPOT", False)
    (timed, _) = instruments.parse_funding_info(
        [{"symbol": "1000PEPEUSDT", "fundingIntervalHours": 4}], listings, known
    )
    assert timed.funding_interval_s == 4 * 3600


def test_a_recorded_book_stays_whole(recorded):
    """Snapshot and changes of a recorded USDⓈ-M stream build one unbroken, uncrossed book."""
    entries, script = recorded(
        "binance", "binance_usdm_btcusdt_trade+bookTicker+depth+markPrice_20230404.jsonl.gz"
    )
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    sequence: int | None = None
    applied = 0
    waiting = []
    for entry in entries:
        assert entry.error is None
        if entry.message == "depth":
            (book,) = entry.items
            bids = {level.price: level.amount for level in book.bids}
            asks = {level.price: level.amount for level in book.asks}
            sequence = book.sequence
        if entry.message != "depthUpdate":
            continue
        waiting.extend(entry.items)
        while sequence is not None and waiting:
            change = waiting.pop(0)
            relation = change.succession(sequence)
            assert relation is not Succession.GAP
            if relation is Succession.NEXT:
                for side, levels in ((bids, change.bids), (asks, change.asks)):
                    for level in levels:
                        side[level.price] = level.amount
                        if not level.amount:
                            del side[level.price]
                sequence = change.last_sequence
                applied += 1
                assert max(bids) < min(asks)

    assert applied == 4322
    assert sequence == 2710249412032
    assert script.unknown == {}


def test_recorded_first_messages(recorded):
    """The first quote, trade and mark of a recording have the values that stand in it."""
    entries, _ = recorded(
        "binance", "binance_usdm_btcusdt_trade+bookTicker+depth+markPrice_20230404.jsonl.gz"
    )
    first = {}
    for entry in entries:
        first.setdefault(entry.message, entry.items)
    (quote,), (trade,) = first["bookTicker"], first["trade"]
    ticker, funding = first["markPriceUpdate"]

    assert (quote.bid, quote.ask_amount) == (Decimal("28145.10"), Decimal("6.887"))
    assert (trade.trade_id, trade.price, trade.side) == ("3535186032", Decimal("28145.10"), "sell")
    assert (ticker.mark, funding.rate) == (Decimal("28147.27373413"), Decimal("0.00002754"))
