"""Backpack messages, by the values they become."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.backpack import instruments, parse
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import OrderStatus
from core.errors import MalformedMessage

NOW = datetime(2026, 1, 14, tzinfo=UTC)
SOL = Listing(key="SOL_USDC_PERP", symbol="SOL-USDC-PERP")
ORDER_FILL = {
    "e": "orderFill",
    "E": 1768426666739979,
    "T": 1768426666739978,
    "s": "SOL_USDC_PERP",
    "c": 4294967295,
    "S": "Ask",
    "o": "LIMIT",
    "f": "GTC",
    "q": "3",
    "p": "20.5",
    "X": "PartiallyFilled",
    "i": "8886774",
    "t": 567,
    "l": "1.5",
    "L": "20.6",
    "z": "1.5",
    "Z": "30.9",
    "m": True,
    "n": "0.0061",
    "N": "USDC",
}


def test_depth_comes_sorted(reading):
    """REST sends bids from low to high; the book has the best first."""
    book = parse.parse_depth(
        {
            "asks": [["21", "1"], ["22", "2"]],
            "bids": [["18", "5"], ["20", "4"]],
            "lastUpdateId": "94978271",
            "timestamp": 1768426666739979,
        },
        reading("backpack", SOL, asked_for="SOL_USDC_PERP"),
    )

    assert [level.price for level in book.bids] == [Decimal(20), Decimal(18)]
    assert book.sequence == 94978271
    assert book.at.isoformat() == "2026-01-14T21:37:46.739979+00:00"


def test_stream_of_depth_and_trades(said):
    """Streams count every update and give microseconds."""
    depth = {
        "stream": "depth.SOL_USDC",
        "data": {
            "e": "depth",
            "E": 1768426666739979,
            "s": "SOL_USDC",
            "U": 100,
            "u": 105,
            "b": [["150.5", "0"]],
            "a": [],
        },
    }
    trade = {
        "stream": "trade.SOL_USDC",
        "data": {
            "e": "trade",
            "E": 1768426666739979,
            "T": 1768426666739970,
            "s": "SOL_USDC",
            "t": 99999,
            "p": "150.50",
            "q": "25.5",
            "m": True,
        },
    }
    change, sold = said("backpack", depth, trade)

    assert (change["symbol"], change["bids"]) == ("SOL-USDC-SPOT", [["150.5", "0"]])
    assert (change["first_sequence"], change["last_sequence"]) == (100, 105)
    assert (sold["side"], sold["price"], sold["trade_id"]) == ("sell", "150.5", "99999")


def test_an_order_with_its_fill(said):
    """The order comes before its execution; the client id of 32 bits is text."""
    message = {"stream": "account.orderUpdate.SOL_USDC_PERP", "data": ORDER_FILL}
    order, fill = said("backpack", message)

    assert (order["status"], order["filled"], order["average_price"]) == (
        "partially_filled",
        "1.5",
        "20.6",
    )
    assert (order["client_order_id"], order["side"]) == ("4294967295", "sell")
    assert (fill["price"], fill["fee"], fill["liquidity"]) == ("20.6", "0.0061", "maker")


def test_an_unknown_state_is_unknown(reading):
    """A state that nobody knows is UNKNOWN and counted."""
    known = reading("backpack", SOL)
    (order,) = parse.parse_order_event({**ORDER_FILL, "e": "orderX", "X": "Thawing"}, known)

    assert order.status is OrderStatus.UNKNOWN
    assert known.unknown == {"account.orderUpdate:X=Thawing": 1}


def test_mark_price_and_funding(said):
    """The rate is a fraction per hour, paid at the stated time."""
    rest = [
        {
            "fundingRate": "0.0001",
            "indexPrice": "4308.72",
            "markPrice": "4307.57",
            "nextFundingTimestamp": "1754956800000",
            "symbol": "ETH_USDC_PERP",
        }
    ]
    ticker, funding = said("backpack", rest)

    assert (ticker["mark"], ticker["index"]) == ("4307.57", "4308.72")
    assert (funding["rate"], funding["interval_s"]) == ("0.0001", 3600)
    assert funding["next_at"] == "2025-08-12T00:00:00.000Z"


def test_a_scaled_mark_is_refused(reading):
    """A mark ten times the index cannot be true."""
    mark = {"symbol": "SOL_USDC_PERP", "markPrice": "200", "indexPrice": "20"}
    with pytest.raises(MalformedMessage, match="cannot belong together"):
        parse.parse_mark(mark, reading("backpack", SOL, assumed_at=NOW))


def test_funding_was_every_eight_hours_once(reading):
    """Settlements up to 2025-08-20 08:00 UTC were for eight hours, later ones for one."""
    rows = [
        {
            "symbol": "SOL_USDC_PERP",
            "fundingRate": "0.0001",
            "intervalEndTimestamp": f"2025-08-20T{hour}:00:00",
        }
        for hour in ("08", "09")
    ]
    before, after = parse.parse_funding_rates(rows, reading("backpack", SOL))

    assert (before.interval_s, after.interval_s) == (8 * 3600, 3600)


def test_positions_and_balances(said):
    """Sizes are signed; what is locked and staked is not free."""
    position = {
        "stream": "account.positionUpdate",
        "data": {
            "B": "126.97",
            "T": 1769366599828078,
            "M": "120.96",
            "P": "0.0009",
            "l": "0",
            "q": "-0.01",
            "s": "SOL_USDC_PERP",
        },
    }
    capital = {"USDC": {"available": "100", "locked": "10.5", "staked": "0"}}
    held, balance = said("backpack", position, capital)

    assert (held["size"], held["entry_price"], held["mark_price"]) == ("-0.01", "126.97", "120.96")
    assert held["liquidation_price"] is None
    assert (balance["total"], balance["free"], balance["used"]) == ("110.5", "100", "10.5")


def test_instruments(reading):
    """Filters become tick and lot, the margin fraction becomes the leverage."""
    market = {
        "symbol": "SOL_USDC_PERP",
        "baseSymbol": "SOL",
        "quoteSymbol": "USDC",
        "marketType": "PERP",
        "filters": {
            "price": {"tickSize": "0.01"},
            "quantity": {"minQuantity": "0.01", "maxQuantity": None, "stepSize": "0.01"},
        },
        "fundingInterval": 3600000,
        "imfFunction": {"type": "sqrt", "base": "0.02", "factor": "0.1"},
        "orderBookState": "PostOnly",
    }
    (sol,) = instruments.parse_markets([market], reading("backpack"))

    assert (sol.symbol, sol.is_trading, sol.funding_interval_s) == ("SOL-USDC-PERP", False, 3600)
    assert sol.instrument is not None
    assert (sol.instrument.tick_size, sol.instrument.max_leverage) == (Decimal("0.01"), Decimal(50))


def test_recorded_answers(recorded):
    """The recorded REST answers have the values that stand in them."""
    entries, script = recorded("backpack", "backpack_rest_recorded.jsonl.gz")
    by_name = {entry.message: entry.items for entry in entries}

    assert [entry.error for entry in entries if entry.error] == []
    assert script.unknown == {}
    assert by_name["fills"][0].fee == Decimal("0.000001")
    assert by_name["fills"][0].fee_currency == "ETH"
    assert by_name["position"][0].entry_price == Decimal("4447.065")
    assert by_name["capital"][2].total == Decimal("112.847976936")
    candle = by_name["klines"][0]
    assert (candle.close, candle.timeframe) == (Decimal("4207.44"), "1m")
