"""Answers and frames that the venues' own tests leave over, by the values they become."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.backpack import parse as backpack
from core.adapters.exchanges.binance import parse as binance
from core.adapters.exchanges.bybit import parse as bybit
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.edgex import parse as edgex
from core.adapters.exchanges.hyperliquid import parse as hyperliquid
from core.adapters.exchanges.lighter import parse as lighter
from core.adapters.exchanges.models import OrderStatus
from core.adapters.exchanges.okx import parse as okx
from core.errors import MalformedMessage

NOW = datetime(2025, 11, 13, 2, 13, 20, tzinfo=UTC)
NOW_MS = 1763000000000


def one(key: str, symbol: str = "BTC-USDC-PERP") -> Listing:
    """A listing."""
    return Listing(key=key, symbol=symbol)


# -- the short answers to a create -------------------------------------------------------------


def test_acks(reading):
    """A create is answered with ids, and with nothing that could be booked."""
    created = bybit.parse_created(
        {"retCode": 0, "result": {"orderId": "c6f055d9", "orderLinkId": "cA1"}}, reading("bybit")
    )
    placed, *_ = okx.parse_order_acks(
        {
            "code": "2",
            "data": [{"ordId": "12", "clOrdId": "cA1", "sCode": "0"}, {"sCode": "51008"}],
        },
        reading("okx"),
    )
    told = edgex.parse_created({"code": "SUCCESS", "data": {"orderId": "56"}}, reading("edgex"))
    sent = lighter.parse_sent({"code": 200, "tx_hash": "00ab"}, reading("lighter"))

    assert (created.order_id, created.client_order_id) == ("c6f055d9", "cA1")
    assert (placed.order_id, placed.client_order_id) == ("12", "cA1")
    assert (told.order_id, sent.order_id) == ("56", "")
    assert {ack.status for ack in (created, placed, told, sent)} == {OrderStatus.PENDING}
    assert {ack.filled for ack in (created, placed, told, sent)} == {None}


@pytest.mark.parametrize(
    "parse, raw",
    [
        (bybit.parse_created, {"retCode": 0, "result": {}}),
        (edgex.parse_created, {"code": "SUCCESS", "data": []}),
        (lighter.parse_sent, {"code": 200}),
        (lighter.parse_sent, {"code": 21700, "tx_hash": "00ab"}),
    ],
)
def test_an_answer_of_another_shape_is_no_ack(parse, raw, reading):
    """An answer that does not say what was accepted is malformed, so the order is unknown."""
    with pytest.raises(MalformedMessage):
        parse(raw, reading("venue"))


# -- Binance -----------------------------------------------------------------------------------


def test_binance_futures_account(reading):
    """Balances know what is free, positions their leverage and mode; flat ones are left out."""
    known = reading("binance", one("BTCUSDT", "BTC-USDT-PERP"))
    (balance,) = binance.parse_balances(
        [
            {
                "asset": "USDT",
                "balance": "122.5",
                "crossUnPnl": "-2.5",
                "availableBalance": "100",
                "updateTime": NOW_MS,
            },
            {"asset": "BNB", "balance": "0", "crossUnPnl": "0", "availableBalance": "0"},
        ],
        known,
    )
    position = {
        "symbol": "BTCUSDT",
        "positionAmt": "-0.5",
        "entryPrice": "60000",
        "markPrice": "59000",
        "unRealizedProfit": "500",
        "liquidationPrice": "0",
        "leverage": "20",
        "marginType": "isolated",
        "isolatedMargin": "1500",
        "updateTime": NOW_MS,
    }
    (held,) = binance.parse_positions([position, {**position, "positionAmt": "0"}], known)

    assert (balance.free, balance.used, balance.equity) == (100, Decimal("22.5"), 120)
    assert (held.size, held.leverage, held.margin) == (Decimal("-0.5"), 20, 1500)
    assert (held.liquidation_price, held.margin_mode) == (None, "isolated")


def test_binance_fills_of_spot_and_futures(reading):
    """Spot says who bought, futures the side; the fee's asset is kept."""
    known = reading("binance", one("BNBBTC", "BNB-BTC-SPOT"), account="a")
    row = {
        "symbol": "BNBBTC",
        "id": 28457,
        "orderId": 100234,
        "price": "4.00000100",
        "qty": "12",
        "commission": "10.1",
        "commissionAsset": "BNB",
        "time": NOW_MS,
    }
    spot, futures = binance.parse_fills(
        [
            {**row, "isBuyer": False, "isMaker": False},
            {**row, "side": "BUY", "buyer": True, "maker": True},
        ],
        known,
    )

    assert (spot.side, spot.liquidity, spot.fee, spot.fee_currency) == (
        "sell",
        "taker",
        Decimal("10.1"),
        "BNB",
    )
    assert (futures.side, futures.liquidity, futures.account) == ("buy", "maker", "a")


def test_binance_candles(reading):
    """A candle is closed once its end has passed."""
    rows = [
        [NOW_MS - 60_000, "1", "4", "0.5", "2", "9", NOW_MS - 1, "0", 1, "0", "0", "0"],
        [NOW_MS, "2", "3", "2", "2.5", "1", NOW_MS + 59_999, "0", 1, "0", "0", "0"],
    ]
    known = reading("binance", one("BTCUSDT"), asked_for="BTCUSDT", received_at=NOW)
    closed, still_open = binance.parse_klines(rows, known, "1m")

    assert (closed.open, closed.high, closed.low, closed.close, closed.volume) == (
        1,
        4,
        Decimal("0.5"),
        2,
        9,
    )
    assert (closed.is_closed, still_open.is_closed) == (True, False)
    with pytest.raises(MalformedMessage, match="above the high"):
        binance.parse_klines([[NOW_MS, "1", "1", "2", "1", "1", NOW_MS]], known, "1m")


# -- Hyperliquid -------------------------------------------------------------------------------


def test_hyperliquid_contexts_of_all(reading):
    """Contexts come in the universe's order; delisted ones and those nobody listed are left out."""
    meta = {
        "universe": [
            {"name": "BTC", "szDecimals": 5, "maxLeverage": 40},
            {"name": "OLD", "szDecimals": 0, "maxLeverage": 3, "isDelisted": True},
        ]
    }
    context = {"markPx": "77562.0", "oraclePx": "77605.0", "funding": "0.0000125"}
    known = reading("hyperliquid", one("BTC"), one("OLD"), received_at=NOW)
    ticker, funding = hyperliquid.parse_meta_and_ctxs([meta, [context, context]], known)

    assert (ticker.symbol, ticker.mark) == ("BTC-USDC-PERP", Decimal(77562))
    assert funding.next_at == NOW.replace(hour=3, minute=0, second=0)


def test_hyperliquid_candle_and_order_status(reading):
    """A candle that has not ended is open; an order asked for comes with its state."""
    known = reading("hyperliquid", one("BTC"), received_at=NOW)
    candle = hyperliquid.parse_candle(
        {
            "t": NOW_MS,
            "T": NOW_MS + 59_999,
            "s": "BTC",
            "i": "1m",
            "o": "1",
            "c": "2",
            "h": "4",
            "l": "0.5",
            "v": "9",
            "n": 3,
        },
        known,
    )
    order = {
        "coin": "BTC",
        "side": "A",
        "limitPx": "60000",
        "sz": "0",
        "origSz": "1",
        "oid": 7,
        "timestamp": NOW_MS,
        "tif": "Ioc",
        "reduceOnly": True,
    }
    answer = {
        "status": "order",
        "order": {"order": order, "status": "filled", "statusTimestamp": NOW_MS + 5},
    }
    found = hyperliquid.parse_order_status(answer, known)

    assert (candle.timeframe, candle.is_closed) == ("1m", False)
    assert (found.status, found.filled, found.time_in_force) == ("filled", 1, "ioc")
    assert found.updated_at.microsecond == 5000


# -- Backpack, edgeX, Lighter, OKX, Bybit ------------------------------------------------------


def test_backpack_quote_trades_and_candle(reading):
    """The stream's quote is microseconds, REST trades milliseconds, candles ISO times."""
    known = reading("backpack", one("SOL_USDC", "SOL-USDC-SPOT"), asked_for="SOL_USDC")
    quote = backpack.parse_book_ticker(
        {
            "e": "bookTicker",
            "E": NOW_MS * 1000,
            "s": "SOL_USDC",
            "a": "2",
            "A": "1",
            "b": "1",
            "B": "3",
        },
        known,
    )
    (trade,) = backpack.parse_trades(
        [{"id": 7, "price": "2", "quantity": "3", "timestamp": NOW_MS, "isBuyerMaker": False}],
        known,
    )
    candle = backpack.parse_kline_event(
        {
            "e": "kline",
            "E": NOW_MS * 1000,
            "s": "SOL_USDC",
            "t": "2025-11-13T02:13:00",
            "T": "2025-11-13T02:14:00",
            "o": "1",
            "c": "2",
            "h": "3",
            "l": "1",
            "v": "5",
            "X": True,
        },
        known,
        "1m",
    )

    assert (quote.bid, quote.bid_amount, quote.at) == (1, 3, NOW)
    assert (trade.side, trade.at) == ("buy", NOW)
    assert (candle.at, candle.is_closed, candle.timeframe) == (
        NOW.replace(second=0),
        True,
        "1m",
    )


def test_edgex_account(reading):
    """Flat positions are left out; coins have their names from the metadata."""
    position = {"accountId": "561", "contractId": "30000001", "openSize": "2", "openValue": "100"}
    data = {
        "positionList": [position, {**position, "openSize": "0", "openValue": "0"}],
        "collateralList": [{"accountId": "561", "coinId": "1000", "amount": "250.5"}],
    }
    held, balance = edgex.parse_account_asset(
        {"code": "SUCCESS", "data": data}, reading("edgex", one("30000001")), {"1000": "USDC"}
    )

    assert (held.size, held.entry_price) == (2, 50)
    assert (balance.asset, balance.total) == ("USDC", Decimal("250.5"))


def test_lighter_account(reading):
    """The collateral is USDC; what positions use is not free; another account is refused."""
    account = {
        "account_index": 1234,
        "collateral": "100",
        "available_balance": "60",
        "total_asset_value": "110",
        "positions": [],
    }
    answer = {"code": 200, "accounts": [account]}
    (balance,) = lighter.parse_account(answer, reading("lighter", account="1234"))

    assert (balance.asset, balance.total, balance.free, balance.used, balance.equity) == (
        "USDC",
        100,
        60,
        40,
        110,
    )
    with pytest.raises(MalformedMessage, match="instead of ours"):
        lighter.parse_account(answer, reading("lighter", account="9"))


def test_lighter_book_of_single_orders_is_added_up(reading):
    """Orders at one price are one level."""
    order = {"order_id": "1", "price": "2361.32", "remaining_base_amount": "0.03"}
    known = reading("lighter", one("0"), asked_for="0", received_at=NOW)
    book = lighter.parse_book_orders({"asks": [order, order], "bids": None}, known)

    assert [(level.price, level.amount) for level in book.asks] == [
        (Decimal("2361.32"), Decimal("0.06"))
    ]
    assert (book.bids, book.at) == ((), NOW)


def test_okx_quote_mark_and_candle(reading):
    """Best bid and ask are a book of one level; the channel names a candle's timeframe."""
    known = reading("okx", one("BTC-USDT", "BTC-USDT-SPOT"))
    arg = {"instId": "BTC-USDT"}
    (quote,) = okx.parse_bbo(
        {
            "arg": {**arg, "channel": "bbo-tbt"},
            "data": [{"asks": [["2", "5", "0", "1"]], "bids": [], "ts": str(NOW_MS), "seqId": 1}],
        },
        known,
    )
    (mark,) = okx.parse_mark_prices(
        {"code": "0", "data": [{"instId": "BTC-USDT", "markPx": "1.5", "ts": str(NOW_MS)}]}, known
    )
    (candle,) = okx.parse_candles(
        {
            "arg": {**arg, "channel": "candle4H"},
            "data": [[str(NOW_MS), "1", "3", "1", "2", "9", "9", "18", "0"]],
        },
        known,
    )

    assert (quote.bid, quote.ask, quote.ask_amount) == (None, 2, 5)
    assert (mark.mark, mark.at) == (Decimal("1.5"), NOW)
    assert (candle.timeframe, candle.is_closed, candle.volume) == ("4h", False, 9)


def test_bybit_wallet_and_funding(reading):
    """What orders and positions hold is not free; history has the instrument's interval."""
    coin = {
        "coin": "USDT",
        "walletBalance": "100",
        "equity": "105",
        "locked": "1",
        "totalOrderIM": "10",
        "totalPositionIM": "20",
    }
    empty = {"coin": "BTC", "walletBalance": "0", "equity": "0"}
    known = reading(
        "bybit", Listing(key="BTCUSDT", symbol="BTC-USDT-PERP", funding_interval_s=4 * 3600)
    )
    (balance,) = bybit.parse_wallet({"topic": "wallet", "data": [{"coin": [coin, empty]}]}, known)
    row = {"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(NOW_MS)}
    (rate,) = bybit.parse_funding_history({"retCode": 0, "result": {"list": [row]}}, known)

    assert (balance.total, balance.free, balance.used, balance.equity) == (100, 69, 31, 105)
    assert (rate.rate, rate.interval_s, rate.at) == (Decimal("0.0001"), 4 * 3600, NOW)
