"""What ccxt's unified dictionaries become."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.ccxt.client_ids import id_book
from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.names import ROWED, leads_through, names, rules_venue
from core.adapters.exchanges.ccxt.table import ROWS, row_of
from core.adapters.exchanges.ccxt.values import moment, number, seconds_of, status_of
from core.adapters.exchanges.models import (
    ExchangeType,
    FeeAsset,
    Liquidity,
    MarginMode,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.errors import ConfigError, MalformedMessage

D = Decimal
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
SWAP = "BTC/USDT:USDT"
MARKETS = {
    SWAP: {
        "id": "BTC-USDT-SWAP",
        "symbol": SWAP,
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT",
        "swap": True,
        "spot": False,
        "linear": True,
        "active": True,
        "contractSize": D("0.01"),
        "precision": {"price": D("0.1"), "amount": D("0.01")},
        "limits": {
            "amount": {"min": D("0.01"), "max": D("10000")},
            "cost": {"min": None},
            "leverage": {"max": D("100")},
        },
        "maker": D("0.0002"),
        "taker": 0.0005,
    },
    "BTC/USDT": {
        "id": "BTC-USDT",
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "spot": True,
        "active": False,
        "precision": {"price": D("0.1"), "amount": D("0.00000001")},
        "limits": {},
    },
    "BTC/USD:BTC": {"id": "x", "symbol": "BTC/USD:BTC", "swap": True, "linear": False},
    "BTC/USDT:USDT-261225": {"id": "y", "symbol": "y", "future": True, "linear": True},
}


@pytest.fixture
def words():
    """Words of OKX, whose amounts are contracts of a hundredth."""
    made = Words(row_of("okx"), "acc")
    made.take_markets(MARKETS, 4)
    return made


def test_a_spot_buy_pays_its_fee_in_what_was_bought(words):
    """At OKX, Bybit and Binance; a contract pays in what settles it."""
    found = {unified: words.listings[unified].instrument.fee_asset for unified in words.listings}

    assert found == {SWAP: FeeAsset.QUOTE, "BTC/USDT": FeeAsset.BASE}
    assert [row.venue for row in ROWS if row.buys_cost_base] == ["binance", "okx", "bybit"]


def test_contracts_become_base_units(words):
    """Lot, minimum and maximum are in base units, and a float fee is no fee that anybody said."""
    found = words.listings[SWAP].instrument

    assert sorted(words.unified) == ["BTC-USDT-PERP", "BTC-USDT-SPOT"]
    assert (found.tick_size, found.lot_size) == (D("0.1"), D("0.0001"))
    assert (found.min_amount, found.max_amount) == (D("0.0001"), D("100"))
    assert (found.maker_fee, found.taker_fee, found.max_leverage) == (D("0.0002"), None, D("100"))
    assert not words.listings["BTC/USDT"].is_trading
    assert words.listings["BTC/USDT"].market_type is ExchangeType.SPOT
    assert words.contracts(words.listings[SWAP], D("0.05")) == D("5")


def test_an_order_keeps_every_digit(words):
    """Amounts scale exactly, and a part that filled shows."""
    found = words.order(
        {
            "id": "7",
            "clientOrderId": "a1",
            "symbol": SWAP,
            "side": "sell",
            "type": "limit",
            "status": "open",
            "price": D("61234.1"),
            "amount": D("3"),
            "filled": D("1"),
            "average": D("61234.2"),
            "timeInForce": "PO",
            "reduceOnly": True,
            "timestamp": NOW_MS,
            "lastUpdateTimestamp": NOW_MS + 1,
        }
    )

    assert (found.side, found.order_type) == (OrderSide.SELL, OrderType.LIMIT)
    assert (found.amount, found.filled) == (D("0.03"), D("0.01"))
    assert (found.price, found.average_price) == (D("61234.1"), D("61234.2"))
    assert (found.status, found.post_only) == (OrderStatus.PARTIALLY_FILLED, True)
    assert (found.time_in_force, found.reduce_only) == (TimeInForce.GTC, True)
    assert found.updated_at - found.created_at == timedelta(milliseconds=1)


def test_a_fill_has_its_fee_and_side(words):
    """Fee, currency and liquidity are the venue's, the account is ours."""
    found = words.fill(
        {
            "id": "t1",
            "order": "7",
            "symbol": SWAP,
            "side": "buy",
            "price": D("61234.1"),
            "amount": D("2"),
            "fee": {"cost": D("-0.012"), "currency": "USDT"},
            "takerOrMaker": "maker",
            "timestamp": NOW_MS,
        },
        None,
    )

    assert (found.amount, found.fee, found.fee_currency) == (D("0.02"), D("-0.012"), "USDT")
    assert (found.liquidity, found.account, found.at) == (Liquidity.MAKER, "acc", NOW)


@pytest.mark.parametrize(
    "change",
    [{"id": None}, {"order": ""}, {"side": "long"}, {"price": D("0")}, {"amount": 1.5},
     {"timestamp": None}, {"symbol": "ETH/USDT"}, {"price": D("NaN")}],
)  # fmt: skip
def test_half_a_fill_is_no_fill(words, change):
    """Without an identity, a side, a time, or with a number that cannot be, it is refused."""
    fill = {"id": "t1", "order": "7", "symbol": SWAP, "side": "buy", "price": D("1")}

    with pytest.raises(MalformedMessage):
        words.fill({**fill, "amount": D("2"), "timestamp": NOW_MS, **change}, None)


def test_a_short_position_is_negative(words):
    """The side gives the sign; one without a side is refused."""
    row = {"symbol": SWAP, "contracts": D("5"), "side": "short", "entryPrice": D("60000")}
    found = words.position({**row, "marginMode": "isolated", "leverage": D("3")})

    assert (found.size, found.margin_mode, found.leverage) == (
        D("-0.05"),
        MarginMode.ISOLATED,
        D("3"),
    )
    with pytest.raises(MalformedMessage):
        words.position({**row, "side": None})


def test_a_crossed_book_is_refused(words):
    """So is one out of order or with a level of nothing."""
    book = {"bids": [[D("2"), D("1")], [D("1"), D("4")]], "asks": [[D("3"), D("1")]]}
    found = words.book({**book, "timestamp": NOW_MS, "nonce": 5}, SWAP, NOW)

    assert [level.amount for level in found.bids] == [D("0.01"), D("0.04")]
    assert (found.sequence, found.at) == (5, NOW)
    for sides in (
        {"asks": [[D("2"), D("1")]]},
        {"bids": [[D("1"), D("1")], [D("2"), D("1")]]},
        {"bids": [[D("2"), D("0")]]},
        {"bids": [[2.0, D("1")]]},
    ):
        with pytest.raises(MalformedMessage):
            words.book({**book, **sides}, SWAP, NOW)


def test_a_ticker_without_real_quotes_has_none(words):
    """Impact prices are not taken for bid and ask; zero is no price."""
    row = {"symbol": SWAP, "bid": D("1"), "ask": D("2"), "last": D("0"), "markPrice": D("1.5")}
    found = words.ticker(row, NOW, has_quote=False)

    assert (found.bid, found.ask, found.last, found.mark) == (None, None, None, D("1.5"))
    assert found.at == NOW


def test_candles_and_funding(words):
    """The newest candle is open until its time is over; a rate says for how long it is."""
    rows = [[NOW_MS - 60_000, D("1"), D("3"), D("1"), D("2"), D("5")]]
    rows.append([NOW_MS, D("2"), D("2"), D("2"), D("2"), None])
    closed, opened = words.candles(rows, SWAP, "1m", NOW)
    rate = words.funding({"symbol": SWAP, "fundingRate": D("0.0001"), "interval": "4h"}, NOW)

    assert (closed.is_closed, closed.volume, opened.is_closed) == (True, D("0.05"), False)
    assert (rate.rate, rate.interval_s) == (D("0.0001"), 14_400)


def test_balances_and_payments(words):
    """Assets of nothing are left out; a settlement's position follows from rate and mark."""
    found = words.balances(
        {"total": {"USDT": D("9"), "BTC": D("0")}, "free": {"USDT": D("4")}, "used": {}}
    )
    row = {"id": "p", "symbol": SWAP, "amount": D("-0.6"), "timestamp": NOW_MS}
    paid = words.payment(row, D("0.0001"), D("60000"))

    assert [(item.asset, item.total, item.free) for item in found] == [("USDT", D("9"), D("4"))]
    assert (paid.amount, paid.position, paid.payment_id) == (D("-0.6"), D("0.1"), f"p:{NOW_MS}")


@pytest.mark.parametrize(
    "word, filled, expected",
    [
        ("open", "0", OrderStatus.OPEN),
        ("open", "1", OrderStatus.PARTIALLY_FILLED),
        ("closed", "2", OrderStatus.FILLED),
        ("closed", "1", OrderStatus.CANCELED),
        ("canceled", "1", OrderStatus.CANCELED),
        ("expired", "0", OrderStatus.EXPIRED),
        ("rejected", "0", OrderStatus.REJECTED),
        ("NEW_WORD", "0", OrderStatus.UNKNOWN),
        (None, "0", OrderStatus.UNKNOWN),
    ],
)
def test_statuses(word, filled, expected):
    """A word that nobody unified is UNKNOWN, neither open nor closed."""
    assert status_of(word, D(filled), D("2")) is expected


def test_numbers_are_never_floats():
    """Text, integers and Decimals pass; what somebody calculated with does not."""
    assert (number("1.10"), number(3), number(""), number(None)) == (D("1.10"), D(3), None, None)
    for value in (1.5, True, "NaN", "x"):
        with pytest.raises(MalformedMessage):
            number(value)
    assert moment(NOW_MS) == NOW
    assert [moment(value) for value in (None, 0, -1, 1.5, "soon", 10**17)] == [None] * 6
    assert seconds_of("8h") == 28_800


@pytest.mark.parametrize("form, text", [("plain", "abc"), ("hex", "gridE1"), ("32", "a1")])
def test_client_ids_come_back(form, text):
    """An id of ours is read back from what a venue was told, whatever it takes."""
    book = id_book("venue", form)

    assert book.ours(book.sent(text)) == text
    assert book.asked(text) == book.sent(text)
    assert book.ours(None) is None


def test_names_lead_to_rows():
    """With or without the prefix, one that nobody thought about by its own words, no other text."""
    assert row_of("ccxt-binance-usdm").ccxt_id == "binanceusdm"
    assert row_of("okx").is_guarded
    assert (row_of("ccxt-kraken").ccxt_id, row_of("ccxt-kraken").is_guarded) == ("kraken", False)
    with pytest.raises(ConfigError):
        row_of("ccxt-../x")


def test_the_light_list_of_names_is_that_of_the_rows():
    """What commands list without loading the table is what the table knows."""
    assert sorted(ROWED) == sorted(row.venue for row in ROWS)
    assert all(leads_through(name) and row_of(name) for name in names())
    assert not leads_through("binance")
    assert rules_venue("ccxt-binance-usdm") == rules_venue("ccxt-binance") == "binance"
