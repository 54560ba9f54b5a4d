"""OKX messages, by the values they become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.models import OrderStatus
from core.adapters.exchanges.okx import instruments, parse
from core.adapters.exchanges.okx.errors import error_of
from core.errors import MalformedMessage, OrderRejected

SWAP = Listing(key="BTC-USDT-SWAP", symbol="BTC-USDT-PERP", multiplier=Decimal("0.01"))
ORDER = {
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "ordId": "2497956918703120384",
    "clOrdId": "cAbc12x0E1",
    "side": "buy",
    "ordType": "post_only",
    "px": "60000",
    "sz": "30",
    "accFillSz": "10",
    "avgPx": "59999.5",
    "state": "partially_filled",
    "reduceOnly": "true",
    "fillSz": "10",
    "fillPx": "59999.5",
    "fillFee": "-0.12",
    "fillFeeCcy": "USDT",
    "fillTime": "1746947317402",
    "tradeId": "111",
    "execType": "M",
    "cTime": "1746947317401",
    "uTime": "1746947317403",
}


def change(previous: int, sequence: int, checksum: int) -> dict[str, object]:
    """An update of a swap's book."""
    row = {
        "asks": [["60001", "7", "0", "2"]],
        "bids": [["60000", "0", "0", "0"]],
        "ts": "1746947317401",
        "checksum": checksum,
        "prevSeqId": previous,
        "seqId": sequence,
    }
    arg = {"channel": "books", "instId": "BTC-USDT-SWAP"}
    return {"arg": arg, "action": "update", "data": [row]}


def test_books_count_in_contracts(reading):
    """Contracts become base units; a checksum of zero is none; ids chain."""
    known = reading("okx", SWAP)
    (first,) = parse.parse_books(change(10, 15, -914047754), known)
    (second,) = parse.parse_books(change(15, 15, 0), known)

    assert first.asks[0].amount == Decimal("0.07")
    assert (first.checksum, second.checksum) == (-914047754, None)
    assert first.succession(10) is Succession.NEXT
    assert first.succession(9) is Succession.GAP
    assert second.succession(15) is Succession.NEXT


def test_an_order_and_its_fill(said):
    """Fees are positive when paid; amounts are base units; flags come as words."""
    message = {"arg": {"channel": "orders", "instType": "SWAP"}, "data": [ORDER]}
    order, fill = said("okx", message)

    assert (order["amount"], order["filled"], order["post_only"]) == ("0.3", "0.1", True)
    assert (order["reduce_only"], order["status"]) == (True, "partially_filled")
    assert (fill["amount"], fill["fee"], fill["liquidity"]) == ("0.1", "0.12", "maker")
    assert (fill["trade_id"], fill["at"]) == ("111", "2025-05-11T07:08:37.402Z")


def test_an_unknown_state_is_unknown(reading):
    """A state that nobody knows is UNKNOWN."""
    (order,) = parse.parse_orders([{**ORDER, "state": "thawing"}], reading("okx", SWAP))

    assert order.status is OrderStatus.UNKNOWN


def test_ticker_volume_is_in_base_units(said):
    """Spot's `vol24h` is base; a swap's is contracts, and its `volCcy24h` is base."""
    row = {
        "last": "60000",
        "bidPx": "59999",
        "bidSz": "5",
        "askPx": "60001",
        "askSz": "6",
        "vol24h": "900",
        "volCcy24h": "9",
        "ts": "1746947317401",
    }
    swap = {"code": "0", "data": [{**row, "instId": "BTC-USDT-SWAP", "instType": "SWAP"}]}
    spot = {"code": "0", "data": [{**row, "instId": "BTC-USDT", "instType": "SPOT"}]}
    first, second = said("okx", swap, spot)

    assert (first["volume_24h"], first["bid_amount"]) == ("9", "0.05")
    assert (second["volume_24h"], second["bid_amount"]) == ("900", "5")


def test_funding_is_due_at_funding_time(reading):
    """The interval lies between the next settlement and the one after it."""
    row = {
        "instId": "BTC-USDT-SWAP",
        "fundingRate": "0.00018",
        "fundingTime": "1703088000000",
        "nextFundingTime": "1703102400000",
        "ts": "1703070685309",
    }
    (rate,) = parse.parse_funding_rates({"code": "0", "data": [row]}, reading("okx", SWAP))

    assert (rate.rate, rate.interval_s) == (Decimal("0.00018"), 4 * 3600)
    assert rate.next_at.isoformat() == "2023-12-20T16:00:00+00:00"
    backwards = {**row, "nextFundingTime": "1703000000000"}
    with pytest.raises(MalformedMessage, match="is not after fundingTime"):
        parse.parse_funding_rates([backwards], reading("okx", SWAP))


@pytest.mark.parametrize(
    "side, pos, size", [("short", "5", "-0.05"), ("long", "5", "0.05"), ("net", "-5", "-0.05")]
)
def test_positions_are_signed(reading, side, pos, size):
    """A short side is negative here, in hedge mode too."""
    row = {"instId": "BTC-USDT-SWAP", "posSide": side, "pos": pos, "avgPx": "60000", "liqPx": ""}
    (position,) = parse.parse_positions([row], reading("okx", SWAP))

    assert position.size == Decimal(size)


def test_instruments(reading):
    """Lots are base units; an inverse contract keeps its dollars."""
    linear = {
        "instId": "ETH-USDT-SWAP",
        "instType": "SWAP",
        "ctType": "linear",
        "ctVal": "0.1",
        "ctMult": "1",
        "tickSz": "0.01",
        "lotSz": "0.01",
        "minSz": "0.01",
        "lever": "100",
        "settleCcy": "USDT",
        "state": "live",
    }
    inverse = {**linear, "instId": "BTC-USD-SWAP", "ctType": "inverse", "ctVal": "100"}
    eth, btc = instruments.parse_instruments(
        {"code": "0", "data": [linear, inverse]}, reading("okx")
    )

    assert eth.instrument is not None
    assert (eth.symbol, eth.multiplier) == ("ETH-USDT-PERP", Decimal("0.1"))
    assert eth.instrument.lot_size == Decimal("0.001")
    assert (btc.symbol, btc.contract_value) == ("BTC-USD-PERP", Decimal(100))


def test_recorded_messages(recorded):
    """Recorded frames and answers have the values that stand in them."""
    entries, script = recorded("okx", "cryptofeed_okx_v5_public_ws_a.jsonl.gz")
    tickers = [entry.items[0] for entry in entries if entry.message == "tickers"]

    assert [entry.error for entry in entries if entry.error] == []
    assert script.unknown == {}
    assert (tickers[0].symbol, tickers[0].bid) == ("BTC.220527-USD-FUTURE", Decimal("30210.4"))
    assert tickers[0].volume_24h == Decimal("2620.289")
    assert len([entry for entry in entries if entry.message == "books"]) == 192


def test_recorded_fixtures(recorded):
    """Single recorded messages parse, trigger orders are left out."""
    entries, script = recorded("okx", "nautilus_okx_fixtures.jsonl.gz")

    assert [entry.error for entry in entries if entry.error] == []
    assert script.skipped["other channel: orders-algo"] == 3
    told = {entry.message: entry.items for entry in reversed(entries)}
    order, fill = told["orders"][:2]
    assert (order.symbol, order.status, order.filled) == (
        "BTC-USDT-PERP",
        OrderStatus.FILLED,
        Decimal("0.0003"),
    )
    assert (fill.trade_id, fill.price, fill.fee, fill.fee_currency) == (
        "1518905529",
        Decimal("103698.9"),
        Decimal("0.021776769"),
        "USDT",
    )
    (position,) = told["positions"]
    assert (position.size, position.entry_price, position.leverage) == (
        Decimal("0.005"),
        Decimal(10_000),
        Decimal(10),
    )
    (balance,) = told["account"]
    assert (balance.asset, balance.total) == ("USDT", Decimal("94.42612990333333"))
    assert told["trades"][0].amount == Decimal("0.00013669")


def test_a_post_only_order_that_would_take_is_rejected(reading):
    """The venue cancels it with a source of its own; another cancel stays one."""
    dead = {**ORDER, "state": "canceled", "cancelSource": "31", "accFillSz": "0", "avgPx": ""}
    (taken,) = parse.parse_orders(dead, reading("okx", SWAP))
    (gone,) = parse.parse_orders({**dead, "cancelSource": "1"}, reading("okx", SWAP))

    assert (taken.status, taken.reason) == (OrderStatus.REJECTED, "POST_ONLY_WOULD_CROSS")
    assert gone.status is OrderStatus.CANCELED


def test_an_execution_without_its_fee_is_refused_behind_another(reading):
    """The order's sum is the fee of the first execution, and of no later one."""
    bare = {name: value for name, value in ORDER.items() if not name.startswith("fillFee")}
    bare |= {"fee": "-0.3", "feeCcy": "USDT"}
    _, first = parse.parse_order_events({"data": [bare]}, reading("okx", SWAP))
    later = {**bare, "accFillSz": "20"}

    assert (first.fee, first.fee_currency) == (Decimal("0.3"), "USDT")
    with pytest.raises(MalformedMessage, match="fillFee"):
        parse.parse_order_events({"data": [later]}, reading("okx", SWAP))


@pytest.mark.parametrize("code", ["59102", "59000", "51006"])
def test_a_setting_or_an_order_that_was_refused_is_definite(code):
    """Codes of settings and of orders say that nothing was done."""
    error = error_of(200, {"code": code, "msg": "no", "data": []}, is_order=True)

    assert type(error) is OrderRejected
