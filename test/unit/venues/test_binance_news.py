"""News of a USDⓈ-M account: decoded as what they are, or field by field, they say the same."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.messages import AccountUpdate, FuturesReport, news_of
from core.adapters.exchanges.decoding import Reading, decode, listing_of
from core.adapters.exchanges.models import ExchangeType, OrderStatus
from core.errors import MalformedMessage

AT_MS = 1759347763199
ORDER = {
    "e": "ORDER_TRADE_UPDATE",
    "E": AT_MS,
    "T": AT_MS,
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
        "T": AT_MS,
        "t": 9988776655,
        "m": True,
        "R": False,
        "rp": "0",
    },
}
ACCOUNT = {
    "e": "ACCOUNT_UPDATE",
    "E": AT_MS,
    "T": AT_MS,
    "a": {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.5", "cw": "100.5", "bc": "50"}, {"a": "BNB", "wb": "1"}],
        "P": [{"s": "BTCUSDT", "pa": "-10", "ep": "6563.8", "up": "-45.5", "mt": "cross"}],
    },
}
NUMBERS = [0, -1, 7, True, 10**30, AT_MS, 1.25, "0", "-1", "1.5", "nan", "1e60", " 1", str(AT_MS)]
WORDS = ["", "BUY", "MARKET", "GTC", "TRADE", "NEW", "CANCELED", "isolated"]
VALUES = st.sampled_from([None, [], {}, *NUMBERS, *WORDS])


def _reading() -> Reading:
    listing = listing_of("BTCUSDT", "BTC", "USDT", ExchangeType.PERPETUAL)
    at = datetime.fromtimestamp(AT_MS // 1000, UTC)
    return Reading(venue="binance", listings={"BTCUSDT": listing}, received_at=at)


def _said(read, news) -> tuple[object, dict[str, int]]:
    """What a parser makes of news, and what it counted; None for news that it refuses."""
    reading = _reading()
    try:
        found = read(news, reading)
    except MalformedMessage:
        return None, {}
    return found, dict(reading.unknown)


@given(name=st.sampled_from(sorted(set(ORDER["o"]) - {"t", "X"})), value=VALUES)
def test_an_order_is_the_same_either_way(name, value):
    """Whatever a field holds, both ways tell the same order and fill, or refuse the same."""
    message = json.dumps({**ORDER, "o": {**ORDER["o"], name: value}}).encode()
    news = news_of(message)

    if news is not None:
        by_field = parse.parse_order_trade_update, decode(message, venue="binance")
        assert _said(parse.read_report, news) == _said(*by_field)


@given(
    place=st.sampled_from(["B", "P"]),
    name=st.sampled_from(["a", "wb", "cw", "bc", "s", "pa", "ep", "up", "mt"]),
    value=VALUES,
)
def test_a_balance_and_a_position_are_the_same_either_way(place, name, value):
    """Whatever a row holds, both ways tell the same, or refuse the same."""
    part = ACCOUNT["a"]
    message = json.dumps({**ACCOUNT, "a": {**part, place: [{**part[place][0], name: value}]}})
    news = news_of(message.encode())

    if news is not None:
        by_field = parse.parse_account_update, decode(message, venue="binance")
        assert _said(parse.read_account, news) == _said(*by_field)


def test_what_is_documented_is_decoded_as_what_it_is():
    """News of orders and of balances need no second look."""
    assert isinstance(news_of(json.dumps(ORDER).encode()), FuturesReport)
    assert isinstance(news_of(json.dumps(ACCOUNT).encode()), AccountUpdate)


@pytest.mark.parametrize(
    "message",
    [
        {**ORDER, "o": {**ORDER["o"], "new": 1}},
        {**ORDER, "new": 1},
        {**ACCOUNT, "a": {**ACCOUNT["a"], "new": 1}},
        {"e": "listenKeyExpired"},
        {"stream": "x", "data": ORDER},
        [],
    ],
)
def test_what_nobody_knows_is_read_field_by_field(message):
    """A field or a kind that nobody here knows is left to who counts it."""
    assert news_of(json.dumps(message).encode()) is None


def test_an_unknown_field_is_counted_and_the_rest_is_read():
    """A field that the venue added changes nothing but a count."""
    raw = decode(json.dumps({**ORDER, "o": {**ORDER["o"], "new": 1}}), venue="binance")

    found, unknown = _said(parse.parse_order_trade_update, raw)

    assert (found, unknown) == (
        _said(parse.read_report, news_of(json.dumps(ORDER).encode()))[0],
        {"ORDER_TRADE_UPDATE.o.new": 1},
    )


def test_numbers_may_come_as_numbers():
    """A price that the venue sends as a number is the Decimal of its text."""
    raw = decode(json.dumps({**ORDER, "o": {**ORDER["o"], "p": 61000.25}}), venue="binance")

    (order, _), _ = _said(parse.parse_order_trade_update, raw)

    assert order.price == Decimal("61000.25")


def test_a_state_that_nobody_knows_is_unknown_and_counted():
    """The order is neither open nor closed then, as it is decoded too."""
    news = news_of(json.dumps({**ORDER, "o": {**ORDER["o"], "X": "NEW_ADL"}}).encode())

    (order, *_), unknown = _said(parse.read_report, news)

    assert order.status is OrderStatus.UNKNOWN
    assert unknown == {"ORDER_TRADE_UPDATE.o:X=NEW_ADL": 1}


@pytest.mark.parametrize("name, value", [("q", "-1"), ("l", "nan"), ("T", 5), ("S", "HOLD")])
def test_what_cannot_be_true_is_refused(name, value):
    """A negative amount, no number, no time and no side are refused as they are decoded."""
    news = news_of(json.dumps({**ORDER, "o": {**ORDER["o"], name: value}}).encode())

    assert _said(parse.read_report, news) == (None, {})
