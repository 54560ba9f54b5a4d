"""Lighter messages, by the values they become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.lighter import instruments, parse
from core.adapters.exchanges.models import OrderStatus
from core.errors import MalformedMessage

ETH = Listing(key="0", symbol="ETH-USDC-PERP", number=0)
MARKETS = {
    "code": 200,
    "order_books": [
        {
            "symbol": "ETH",
            "market_id": 0,
            "market_type": "perp",
            "status": "active",
            "taker_fee": "0.0280",
            "maker_fee": "0.0040",
            "min_base_amount": "0.0050",
            "min_quote_amount": "10.000000",
            "supported_size_decimals": 4,
            "supported_price_decimals": 2,
        },
        {
            "symbol": "ETH/USDC",
            "market_id": 2048,
            "market_type": "spot",
            "status": "inactive",
            "min_base_amount": "0.01",
            "min_quote_amount": "1",
            "size_decimals": 3,
            "price_decimals": 1,
        },
    ],
}
ORDER = {
    "order_index": 281476929510110,
    "client_order_index": 42,
    "order_id": "281476929510110",
    "client_order_id": "42",
    "market_index": 0,
    "owner_account_index": 1234,
    "initial_base_amount": "0.0050",
    "price": "2352.74",
    "remaining_base_amount": "0.0030",
    "is_ask": True,
    "base_price": 235274,
    "filled_base_amount": "0.0020",
    "filled_quote_amount": "4.705480",
    "type": "limit",
    "time_in_force": "post-only",
    "reduce_only": False,
    "status": "open",
    "created_at": 1777941383576,
    "updated_at": 1777941383900,
}
TRADE = {
    "trade_id": 19209006902,
    "trade_id_str": "19209006902",
    "type": "trade",
    "market_id": 0,
    "size": "0.1336",
    "price": "2352.73",
    "usd_amount": "314.324728",
    "ask_id": 281476929510102,
    "ask_id_str": "281476929510102",
    "bid_id": 562947905631053,
    "bid_id_str": "562947905631053",
    "ask_client_id": 0,
    "ask_client_id_str": "0",
    "bid_client_id": 7001011966,
    "bid_client_id_str": "7001011966",
    "ask_account_id": 91249,
    "bid_account_id": 1234,
    "is_maker_ask": True,
    "timestamp": 1777941384181,
    "taker_fee": 196,
    "maker_fee": 28,
    "transaction_time": 1777941384181586,
}


def book(kind: str, nonce: int, begin: int, asks: list[dict[str, str]]) -> dict[str, object]:
    """A frame of `order_book:0`."""
    return {
        "channel": "order_book:0",
        "type": kind,
        "timestamp": 1774884082326,
        "last_updated_at": 1774884082309144,
        "offset": 1,
        "order_book": {
            "code": 0,
            "asks": asks,
            "bids": [],
            "offset": 1,
            "nonce": nonce,
            "begin_nonce": begin,
        },
    }


def test_a_book_and_its_change(reading):
    """The first frame is the book; an update follows the nonce it began at."""
    known = reading("lighter", ETH)
    ask = {"price": "2064.54", "size": "0.3285"}
    whole = parse.parse_book_event(book("subscribed/order_book", 10382292136, 0, [ask]), known)
    gone = {"price": "2064.54", "size": "0.0000"}
    change = parse.parse_book_event(
        book("update/order_book", 10382292188, 10382292136, [gone]), known
    )

    assert (whole.sequence, whole.asks[0].amount) == (10382292136, Decimal("0.3285"))
    assert change.succession(whole.sequence) is Succession.NEXT
    assert change.asks[0].amount == 0
    assert change.at.isoformat() == "2026-03-30T15:21:22.309144+00:00"


def test_an_empty_side_of_the_ticker_is_unknown(said):
    """Empty text is no price."""
    message = {
        "channel": "ticker:1",
        "type": "update/ticker",
        "timestamp": 1774883844933,
        "ticker": {"s": "BTC", "a": {"price": "", "size": ""}, "b": {"price": "9", "size": "1"}},
    }
    (ticker,) = said("lighter", message)

    assert (ticker["symbol"], ticker["bid"], ticker["ask"]) == ("BTC-USDC-PERP", "9", None)


def test_funding_comes_in_three_units(reading):
    """Percent per hour, percent per hour with a side, and a fraction per eight hours agree."""
    known = reading("lighter", ETH, asked_for="0", assumed_at=None)
    stats = {
        "channel": "market_stats:0",
        "type": "update/market_stats",
        "timestamp": 1780546209291,
        "market_stats": {
            "symbol": "ETH",
            "market_id": 0,
            "mark_price": "2000.0",
            "index_price": "2001.0",
            "last_trade_price": "2000.5",
            "current_funding_rate": "-0.0012",
            "funding_timestamp": 1780545600001,
        },
    }
    ticker, running = parse.parse_market_stats(stats, known)
    history = {
        "code": 200,
        "fundings": [{"timestamp": 1778702400, "rate": "0.0012", "direction": "short"}],
    }
    (settled,) = parse.parse_fundings(history, known)
    known.received_at = ticker.at
    rates = {
        "funding_rates": [
            {"market_id": 0, "exchange": "binance", "symbol": "ETH", "rate": "0.5"},
            {"market_id": 0, "exchange": "lighter", "symbol": "ETH", "rate": "-0.000096"},
        ]
    }
    (eight_hours,) = parse.parse_funding_rates(rates, known)

    assert running.rate == settled.rate == Decimal("-0.000012")
    assert (running.interval_s, eight_hours.interval_s) == (3600, 8 * 3600)
    assert eight_hours.rate / 8 == running.rate
    assert running.next_at.isoformat() == "2026-06-04T05:00:00+00:00"
    assert (ticker.mark, ticker.index, ticker.last) == (
        Decimal(2000),
        Decimal(2001),
        Decimal("2000.5"),
    )


def test_a_fill_is_ours_by_the_account(said):
    """Our side, order and fee are those of the account that the channel names."""
    message = {"type": "x", "channel": "account_all_trades:1234", "trades": {"0": [TRADE]}}
    other = {"type": "x", "channel": "account_all_trades:91249", "trades": {"0": [TRADE]}}
    bought, sold = said("lighter", message, other)

    assert (bought["side"], bought["liquidity"], bought["order_id"]) == (
        "buy",
        "taker",
        "562947905631053",
    )
    assert (bought["fee"], bought["client_order_id"]) == ("0.061607646688", "7001011966")
    assert (sold["side"], sold["liquidity"], sold["client_order_id"]) == ("sell", "maker", None)
    assert sold["fee"] == "0.008801092384"


def test_a_trade_between_others_is_no_fill(reading):
    """A trade in which our account has no part is refused."""
    message = {"code": 200, "trades": [TRADE]}
    with pytest.raises(MalformedMessage, match="not our account"):
        parse.parse_fills(message, reading("lighter", ETH, account="7"))


LISTS = {
    "orders": parse.parse_orders,
    "trades": parse.parse_fills,
    "position_fundings": parse.parse_funding_payments,
}


@pytest.mark.parametrize("name", LISTS)
def test_an_answer_without_its_list_does_not_say_that_nothing_is_there(reading, name):
    """Seed 739: a settlement was lost to an answer of another shape; null is Go's empty list."""
    read, told = LISTS[name], reading("lighter", ETH, account="7")
    others = [each for each in LISTS if each != name]

    assert read({"code": 200, name: None}, told) == read({"code": 200, name: []}, told) == ()
    for answer in ({"surprise": [name]}, {"code": 200}, {"code": 200, others[0]: []}):
        with pytest.raises(MalformedMessage, match="array"):
            read(answer, told)


@pytest.mark.parametrize(
    "word, status, reason",
    [
        ("open", OrderStatus.PARTIALLY_FILLED, None),
        ("in-progress", OrderStatus.PENDING, None),
        ("canceled-post-only", OrderStatus.CANCELED, "canceled-post-only"),
        ("canceled-expired", OrderStatus.EXPIRED, "canceled-expired"),
        ("vanished", OrderStatus.UNKNOWN, "vanished"),
    ],
)
def test_order_states(reading, word, status, reason):
    """Cancellations keep their reason; a state that nobody knows is UNKNOWN."""
    order = parse.parse_order({**ORDER, "status": word}, reading("lighter", ETH))

    assert (order.status, order.reason) == (status, reason)
    assert (order.order_id, order.client_order_id) == ("281476929510110", "42")
    assert (order.filled, order.average_price) == (Decimal("0.0020"), Decimal("2352.74"))
    assert (order.side, order.post_only) == ("sell", True)


def test_an_order_that_contradicts_itself_is_refused(reading):
    """The price as text and as ticks must agree once the tick is known."""
    (eth, _) = instruments.parse_markets(MARKETS, reading("lighter"))
    known = reading("lighter", eth, account="1234")

    assert parse.parse_order(ORDER, known).price == Decimal("2352.74")
    with pytest.raises(MalformedMessage, match="contradicts base_price"):
        parse.parse_order({**ORDER, "price": "23527.4"}, known)
    with pytest.raises(MalformedMessage, match="instead of ours"):
        parse.parse_order({**ORDER, "owner_account_index": 99}, known)


def test_a_position_is_signed(reading):
    """`sign` tells the side of an unsigned position."""
    position = parse.parse_position(
        {
            "market_id": 0,
            "symbol": "ETH",
            "sign": -1,
            "position": "1.5000",
            "avg_entry_price": "2350.10",
            "liquidation_price": "0",
            "initial_margin_fraction": "10.00",
            "margin_mode": 1,
        },
        reading("lighter", ETH),
    )

    assert (position.size, position.leverage) == (Decimal("-1.5"), Decimal(10))
    assert (position.liquidation_price, position.margin_mode) == (None, "isolated")


def test_instruments(reading):
    """Decimals become tick and lot, percents become fractions, spot has its quote."""
    perp, spot = instruments.parse_markets(MARKETS, reading("lighter"))

    assert (perp.symbol, perp.key, perp.number) == ("ETH-USDC-PERP", "0", 0)
    assert perp.instrument is not None
    assert (perp.instrument.tick_size, perp.instrument.lot_size) == (
        Decimal("0.01"),
        Decimal("0.0001"),
    )
    assert (perp.instrument.taker_fee, perp.instrument.maker_fee) == (
        Decimal("0.00028"),
        Decimal("0.00004"),
    )
    assert (spot.symbol, spot.is_trading) == ("ETH-USDC-SPOT", False)


def test_recorded_messages(recorded):
    """Every recorded message parses, and nothing in it is unknown."""
    entries, script = recorded("lighter", "nautilus_lighter_fixtures.jsonl.gz")
    by_name = {entry.message: entry.items for entry in entries}

    assert [entry.error for entry in entries if entry.error] == []
    assert script.unknown == {}
    assert by_name["trade"][0].price == Decimal("2181.83")
    assert by_name["fundings"][0].rate == Decimal("0.000012")
    assert by_name["candle"][0].volume == Decimal("13.224299999999998")
    assert by_name["account_all_positions"][0].size == Decimal("1.5")
