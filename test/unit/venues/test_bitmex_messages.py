"""BitMEX's messages beside its recordings: tables that change, sizes of contracts, refusals."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import FundingRateData, Instrument, OrderStatus, TickerData
from core.adapters.exchanges.recordings.bitmex.instruments import guess_listing
from core.adapters.exchanges.transcript import Transcript

D = Decimal
NOON = "2025-01-01T12:00:00.000Z"
LATER = "2025-01-01T12:00:01.000Z"
ORDER = {
    "orderID": "a",
    "clOrdID": "mine",
    "symbol": "XBTUSD",
    "side": "Buy",
    "orderQty": 100,
    "price": 50_000,
    "ordType": "Limit",
    "timeInForce": "GoodTillCancel",
    "execInst": "ParticipateDoNotInitiate,ReduceOnly",
    "ordStatus": "New",
    "cumQty": 0,
    "timestamp": NOON,
}
LINEAR = {
    "symbol": "XBTUSDT",
    "typ": "FFWCSX",
    "state": "Open",
    "underlying": "XBT",
    "quoteCurrency": "USDT",
    "settlCurrency": "USDt",
    "multiplier": 1,
    "isInverse": False,
    "isQuanto": False,
    "lotSize": 1000,
    "tickSize": 0.5,
    "initMargin": 0.015,
    "timestamp": NOON,
}
LEVEL = {"symbol": "XBTUSD", "id": 1, "side": "Buy", "size": 100, "price": 50_000}


def table(name, action, *data):
    """A message about a table."""
    return {"table": name, "action": action, "data": list(data)}


def read(*messages):
    """What messages say, one by one, and who read them."""
    script = Transcript("bitmex", "all")
    return list(script.read(json.dumps(message).encode() for message in messages)), script


def items(*messages):
    """What the last of some messages says."""
    entries, _ = read(*messages)
    assert [entry.error for entry in entries if entry.error] == []
    return entries[-1].items


# -- tables ---------------------------------------------------------------------------------------


def test_a_change_of_an_order_tells_all_of_it():
    """What a change leaves out is as it was told before."""
    change = {"orderID": "a", "ordStatus": "PartiallyFilled", "cumQty": 50, "avgPx": 40_000}
    (order,) = items(
        table("order", "partial", ORDER), table("order", "update", {**change, "timestamp": LATER})
    )

    assert (order.symbol, order.side.value, order.price) == ("BTC-USD-PERP", "buy", 50_000)
    assert (order.amount, order.filled) == (D("0.002"), D("0.00125"))
    assert (order.status, order.average_price) == (OrderStatus.PARTIALLY_FILLED, 40_000)
    assert (order.post_only, order.reduce_only) == (True, True)
    assert (order.client_order_id, order.updated_at.second) == ("mine", 1)


def test_a_change_of_what_was_never_told_is_refused():
    """An order nobody told has no side, and a level nobody told has no price."""
    entries, _ = read(
        table("order", "update", {"orderID": "b", "symbol": "XBTUSD", "ordStatus": "Filled"}),
        table("orderBookL2", "delete", {"symbol": "XBTUSD", "id": 1, "side": "Buy"}),
    )

    assert [entry.items for entry in entries] == [(), ()]
    assert "ordType should be one of" in entries[0].error
    assert "price should be a number, not None" in entries[1].error


def test_what_a_beginning_leaves_out_is_gone():
    """A second beginning replaces every row that it is about, and no other."""
    other = {**LEVEL, "symbol": "XBTU25", "price": 51_000}
    change = {"id": 1, "side": "Buy", "size": 51}
    entries, _ = read(
        table("orderBookL2", "partial", LEVEL, other),
        {**table("orderBookL2", "partial"), "filter": {"symbol": "XBTUSD"}},
        table("orderBookL2", "update", {**change, "symbol": "XBTU25"}),
        table("orderBookL2", "update", {**change, "symbol": "XBTUSD"}),
    )
    (book,) = entries[2].items

    assert [item.symbol for item in entries[0].items] == ["BTC-USD-PERP", "BTC.U25-USD-FUTURE"]
    assert [(level.price, level.amount) for level in book.bids] == [(51_000, D("0.001"))]
    assert "price" in entries[3].error


def test_a_level_of_today_tells_its_own_time():
    """A change is as old as its newest level."""
    newer = {**LEVEL, "id": 2, "price": 49_000, "timestamp": LATER}
    (book,) = items(table("orderBookL2", "insert", {**LEVEL, "timestamp": NOON}, newer))

    assert book.at.isoformat() == "2025-01-01T12:00:01+00:00"


def test_a_deleted_position_tells_nothing():
    """Rows that go say nothing more of themselves; one that stays is told again."""
    row = {"account": 7, "symbol": "XBTUSD", "currency": "XBt", "currentQty": -100}
    row |= {"avgEntryPrice": 50_000, "crossMargin": True, "timestamp": NOON}
    mark = {"account": 7, "symbol": "XBTUSD", "markPrice": 49_000, "timestamp": LATER}
    gone = {"account": 7, "symbol": "XBTUSD"}
    entries, _ = read(
        table("position", "partial", row),
        table("position", "update", mark),
        table("position", "delete", gone),
    )

    assert [len(entry.items) for entry in entries] == [1, 1, 0]
    assert entries[1].items[0].size == D("-0.002")
    assert (entries[1].items[0].mark_price, entries[1].items[0].margin) == (49_000, None)


# -- contracts ------------------------------------------------------------------------------------


def test_a_linear_contract_is_a_part_of_a_coin():
    """A contract is its multiplier in the smallest units of what it settles in."""
    trade = {"symbol": "XBTUSDT", "side": "Sell", "size": 5_000, "price": 50_000}
    trade |= {"tickDirection": "PlusTick", "trdMatchID": "t", "timestamp": NOON}
    entries, _ = read(LINEAR | {"indicativeSettlePrice": 50_000}, table("trade", "insert", trade))
    rules, ticker = entries[0].items
    (told,) = entries[1].items

    assert isinstance(rules, Instrument)
    assert (rules.symbol, rules.settle, rules.max_leverage) == ("BTC-USDT-PERP", "USDT", 66)
    assert (rules.lot_size, rules.tick_size) == (D("0.001"), D("0.5"))
    assert isinstance(ticker, TickerData)
    assert (told.amount, told.side.value) == (D("0.005"), "sell")


def test_a_quanto_has_prices_and_no_amounts():
    """What pays in a third asset is never counted in base units, unless the venue states them."""
    quanto = LINEAR | {"symbol": "ETHUSD", "underlying": "ETH", "quoteCurrency": "USD"}
    quanto |= {"settlCurrency": "XBt", "isQuanto": True, "markPrice": 3_000, "fundingRate": 0.0001}
    quanto |= {"fundingInterval": "2000-01-01T04:00:00.000Z", "indicativeSettlePrice": 3_001}
    level = {**LEVEL, "symbol": "ETHUSD"}
    trade = {"symbol": "ETHUSD", "side": "Buy", "size": 5, "price": 3_000, "trdMatchID": "t"}
    trade |= {"tickDirection": "PlusTick", "timestamp": NOON}
    entries, script = read(
        table("instrument", "partial", quanto),
        table("orderBookL2", "partial", level),
        table("trade", "insert", trade),
        table("trade", "insert", {**trade, "homeNotional": 0.25}),
    )
    ticker, funding = entries[0].items

    assert (ticker.symbol, ticker.mark, ticker.index) == ("ETH-USD-PERP", 3_000, 3_001)
    assert isinstance(funding, FundingRateData)
    assert (funding.interval_s, funding.rate) == (4 * 3600, D("0.0001"))
    assert [entry.items for entry in entries[1:3]] == [(), ()]
    assert entries[3].items[0].amount == D("0.25")
    assert script.unknown == {"instrument:size of ETHUSD": 1, "contracts of ETHUSD": 2}


def test_a_price_that_changes_is_told_with_the_others():
    """Rules come once, prices at each change of one, a rate when it changes."""
    listed = LINEAR | {"markPrice": 50_000, "fundingRate": 0.0001}
    price = {"symbol": "XBTUSDT", "lastPrice": 50_001, "timestamp": LATER}
    volume = {"symbol": "XBTUSDT", "totalVolume": 7, "timestamp": LATER}
    entries, _ = read(
        table("instrument", "partial", listed),
        table("instrument", "update", price),
        table("instrument", "update", volume),
    )

    assert [len(entry.items) for entry in entries] == [3, 1, 0]
    assert (entries[1].items[0].last, entries[1].items[0].mark) == (50_001, 50_000)


def test_indexes_and_options_are_left_out_by_name():
    """What cannot be traded as it is told is counted by its type, and trades of indexes as such."""
    index = {"symbol": ".BXBT", "typ": "MRCXXX", "lastPrice": 5, "timestamp": NOON}
    option = LINEAR | {"symbol": "XBT-C", "typ": "OCECCS"}
    trade = {"symbol": ".BXBT", "side": "Buy", "size": 0, "price": 5, "tickDirection": "PlusTick"}
    entries, script = read(
        table("instrument", "partial", index, option),
        table("trade", "insert", {**trade, "trdType": "Referential", "timestamp": NOON}),
    )

    assert [entry.items for entry in entries] == [(), ()]
    assert script.unknown == {
        "instrument:typ=MRCXXX": 1,
        "instrument:typ=OCECCS": 1,
        "trade:trdType=Referential": 1,
    }


@pytest.mark.parametrize(
    "key, symbol, is_dollar",
    [
        ("XBTUSD", "BTC-USD-PERP", True),
        ("XBTM25", "BTC.M25-USD-FUTURE", True),
        ("XBTUSDTM25", "BTC.M25-USDT-FUTURE", False),
        ("ETHM25", "ETH.M25-BTC-FUTURE", False),
        ("SOLUSDT", "SOL-USDT-PERP", False),
        ("XBT_USDT", "BTC-USDT-SPOT", False),
        ("ETHUSD_ETH", "ETH.ETH-USD-PERP", False),
        ("XBTUSD_ETH", "BTC.ETH-USD-PERP", False),
    ],
)
def test_names(key, symbol, is_dollar):
    """A name tells its market; only Bitcoin against dollars tells what a contract is."""
    listing = guess_listing(key, "")

    assert (listing.symbol, listing.contract_value) == (symbol, 1 if is_dollar else None)


# -- states, money, candles -----------------------------------------------------------------------


def test_an_unheard_state_is_unknown():
    """A word that nobody here knows is told as such and counted."""
    entries, script = read({**ORDER, "ordStatus": "Dreaming"})

    assert entries[0].items[0].status is OrderStatus.UNKNOWN
    assert script.unknown == {"order:ordStatus=Dreaming": 1}


def test_a_reason_stands_with_the_end_of_an_order():
    """A cancelled order says why, an open one has no reason."""
    ended = {**ORDER, "ordStatus": "Canceled", "text": "Canceled: by hand"}

    assert items(ended)[0].reason == "Canceled: by hand"
    assert items({**ORDER, "text": "Submitted via API."})[0].reason is None


def test_only_trades_are_fills():
    """Other executions are counted by what they are, and a rebate is a negative fee."""
    fill = {**ORDER, "execID": "e", "execType": "Trade", "lastQty": 100, "lastPx": 50_000}
    fill |= {"execComm": -50, "settlCurrency": "XBt", "transactTime": NOON}
    entries, script = read(fill, {**fill, "execType": "Funding"}, fill | {"lastQty": 0})

    assert (entries[0].items[0].fee, entries[0].items[0].fee_currency) == (D("-5E-7"), "BTC")
    assert entries[1].items == ()
    assert script.unknown == {"execution:execType=Funding": 1}
    assert "lastQty should be above 0" in entries[2].error


def test_a_currency_of_unknown_size_is_refused_alone():
    """Among others it is counted; by itself it is refused with the names of those known."""
    row = {"account": 7, "walletBalance": 2_500_000, "availableMargin": 1, "timestamp": NOON}
    dollars, other = {**row, "currency": "USDt"}, {**row, "currency": "MAMUSd"}
    entries, script = read(table("margin", "partial", dollars, other), other)

    assert [(item.asset, item.total) for item in entries[0].items] == [("USDT", D("2.5"))]
    assert script.unknown == {"margin:refused": 1}
    assert "currency should be one of XBt" in entries[1].error


def test_candles_are_as_long_as_their_table():
    """A candle begins where its time less its length is; before the first trade there is none."""
    row = {"symbol": "XBTUSD", "open": 5, "high": 6, "low": 4, "close": 5, "trades": 1}
    row |= {"volume": 10, "vwap": 5, "timestamp": NOON}
    silent = {**row, "open": None}
    entries, script = read(
        table("tradeBin1h", "partial", row, silent), [row], [row, row | {"x": 1}]
    )
    (candle,) = entries[0].items

    assert (candle.timeframe, candle.at.hour, candle.volume) == ("1h", 11, 2)
    assert ["does not say how long" in (entry.error or "") for entry in entries[1:]] == [True] * 2
    assert script.unknown == {"tradeBin:no price": 1, "tradeBin.x": 1}


@pytest.mark.parametrize(
    "message, problem",
    [
        (table("orderBookL2", "upsert", LEVEL), "action should be one of"),
        (table("orderBookL2", "insert", LEVEL | {"size": -1}), "size should be above 0"),
        (table("orderBookL2", "insert", LEVEL | {"side": "Both"}), "side should be one of"),
        (table("orderBookL2", "insert", 7), "expected an object"),
        (
            table("orderBookL2", "partial", LEVEL, LEVEL | {"side": "Sell", "id": 2}),
            "cross the asks",
        ),
        (
            table("quote", "insert", {"symbol": "XBTUSD", "bidPrice": 2, "askPrice": 1}),
            "crosses the ask",
        ),
        (table("instrument", "partial", LINEAR | {"multiplier": 0}), "a contract is nothing"),
        (
            table("funding", "partial", {"symbol": "XBTUSD", "fundingRate": 1, "timestamp": "now"}),
            "timestamp should be a time",
        ),
        (
            table(
                "funding",
                "partial",
                {"symbol": "XBTUSD", "fundingRate": 1, "fundingInterval": "2000-01-01T00:00:00Z"},
            ),
            "is no length of time",
        ),
    ],
)
def test_what_cannot_be_is_refused(message, problem):
    """A row that cannot be true ends in one line that says why."""
    (entry,), _ = read(message)

    assert entry.items == ()
    assert problem in entry.error


def test_absurd_values_are_read_or_refused():
    """An amount of contracts beyond any is cut like others, and a time before all time is none."""
    trade = {"symbol": "XBTUSD", "side": "Buy", "size": 2**80, "price": 1, "trdMatchID": "t"}
    trade |= {"tickDirection": "PlusTick", "timestamp": NOON}
    entries, _ = read(trade, {**trade, "timestamp": "0001-01-01T00:00:00+05:00"})

    assert entries[0].items[0].amount == 2**80
    assert "timestamp should be a time" in entries[1].error


def test_other_tables_are_named():
    """News, answers and tables that carry nothing for us are counted by their names."""
    _, script = read(
        table("liquidation", "insert", {"orderID": "a"}),
        table("quoteBin1m", "insert", {}),
        {"success": True, "subscribe": "trade:XBTUSD"},
        {"error": "no such table"},
        table("unheard", "insert", {}),
    )

    assert script.skipped == {
        "other channel: liquidation": 1,
        "other channel: quoteBin": 1,
        "other channel: control": 1,
        "other channel: error": 1,
        "unknown kind": 1,
    }
