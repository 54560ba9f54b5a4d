"""edgeX messages, by the values they become; their shapes are those of its documentation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.edgex import instruments, parse
from core.adapters.exchanges.models import OrderStatus
from core.errors import MalformedMessage

BTC = Listing(key="30000001", symbol="BTC-USDC-PERP", funding_interval_s=4 * 3600)
NOW_MS = 1763000000000
METADATA = {
    "code": "SUCCESS",
    "data": {
        "global": {
            "nativeChainId": "3343",
            "contractAddress": "0xF7A4",
            "collateralCoinId": "1000",
        },
        "coinList": [
            {"coinId": "1000", "coinName": "USDC", "resolution": "0xf4240"},
            {"coinId": "1001", "coinName": "BTC"},
        ],
        "contractList": [
            {
                "contractId": "30000001",
                "contractName": "BTCUSDC",
                "baseCoinId": "1001",
                "quoteCoinId": "1000",
                "tickSize": "0.1",
                "stepSize": "0.001",
                "minOrderSize": "0.001",
                "maxOrderSize": "50",
                "resolution": "0x2540be400",
                "defaultTakerFeeRate": "0.00038",
                "defaultMakerFeeRate": "0.00018",
                "fundingRateIntervalMin": "240",
                "riskTierList": [{"maxLeverage": "100", "maintenanceMarginRate": "0.005"}],
                "enableTrade": True,
                "enableOpenPosition": True,
            }
        ],
    },
    "responseTime": str(NOW_MS),
}
ORDER = {
    "id": "564814927928230158",
    "accountId": "561",
    "contractId": "30000001",
    "side": "BUY",
    "price": "60000.0",
    "size": "0.010",
    "clientOrderId": "cAbc12x0E1",
    "type": "LIMIT",
    "timeInForce": "POST_ONLY",
    "reduceOnly": False,
    "status": "OPEN",
    "cumFillSize": "0.004",
    "cumFillValue": "239.98",
    "createdTime": str(NOW_MS),
    "updatedTime": str(NOW_MS),
}


def frame(channel: str, kind: str, row: dict[str, object]) -> dict[str, object]:
    """A frame of the public socket."""
    content = {"channel": channel, "dataType": kind, "data": [row]}
    return {"type": "quote-event", "channel": channel, "content": content}


def depth(start: str, end: str, kind: str, bids: object) -> dict[str, object]:
    """A row of depth."""
    return {
        "contractId": "30000001",
        "startVersion": start,
        "endVersion": end,
        "depthType": kind,
        "bids": bids,
        "asks": [],
    }


def test_depth_in_both_spellings(said):
    """Objects and pairs mean the same; a change follows the version before it."""
    named = [{"price": "60000.1", "size": "0.5"}]
    row = depth("0", "100", "SNAPSHOT", named)
    first, second = said(
        "edgex",
        frame("depth.30000001.15", "Snapshot", row),
        frame("depth.30000001.15", "changed", depth("100", "101", "CHANGED", [["60000.1", "0"]])),
    )

    assert (first["type"], first["bids"], first["sequence"]) == (
        "OrderBookData",
        [["60000.1", "0.5"]],
        100,
    )
    assert (second["type"], second["bids"]) == ("BookDelta", [["60000.1", "0"]])
    assert (second["previous_sequence"], second["last_sequence"]) == (100, 101)


def test_an_empty_change_is_a_heartbeat(reading):
    """A change without levels follows like any other."""
    known = reading("edgex", BTC, assumed_at=reading("x").received_at)
    answer = {
        "code": "SUCCESS",
        "data": [depth("101", "101", "CHANGED", [])],
        "responseTime": NOW_MS,
    }
    (change,) = parse.parse_depth(answer, known)

    assert change.succession(101) is Succession.NEXT
    assert change.at.isoformat() == "2025-11-13T02:13:20+00:00"


def test_ticker_and_funding(said):
    """Last, mark, index, best bid and ask are different prices; the rate is per interval."""
    row = {
        "contractId": "30000001",
        "lastPrice": "60010",
        "markPrice": "60005",
        "indexPrice": "60000",
        "oraclePrice": "60001",
        "bestBidPrice": "60009",
        "bestAskPrice": "60011",
        "fundingRate": "-0.00005",
        "nextFundingTime": str(NOW_MS + 3600_000),
        "endTime": str(NOW_MS),
        "size": "1234.5",
        "somethingNew": True,
    }
    ticker, funding = said("edgex", frame("ticker.30000001", "changed", row))

    assert (ticker["last"], ticker["mark"], ticker["index"]) == ("60010", "60005", "60000")
    assert (ticker["bid"], ticker["ask"], ticker["volume_24h"]) == ("60009", "60011", "1234.5")
    assert (funding["rate"], funding["interval_s"]) == ("-0.00005", 4 * 3600)
    assert funding["next_at"] == "2025-11-13T03:13:20.000Z"


def test_trades_and_candles(said):
    """The buyer as maker means that the taker sold; candle types become timeframes."""
    trade = {
        "contractId": "30000001",
        "ticketId": "7",
        "time": str(NOW_MS),
        "price": "60000.5",
        "size": "0.02",
        "isBuyerMaker": True,
    }
    kline = {
        "contractId": "30000001",
        "klineType": "HOUR_4",
        "klineTime": str(NOW_MS),
        "open": "1",
        "high": "4",
        "low": "0.5",
        "close": "2",
        "size": "9",
    }
    sold, candle = said(
        "edgex",
        frame("trades.30000001", "changed", trade),
        frame("kline.LAST_PRICE.30000001.HOUR_4", "changed", kline),
    )

    assert (sold["side"], sold["price"], sold["trade_id"]) == ("sell", "60000.5", "7")
    assert (candle["timeframe"], candle["high"], candle["is_closed"]) == ("4h", "4", False)


def test_history_of_funding_holds_estimates(reading):
    """Of many rows per settlement only the settled one was paid."""
    row = {
        "contractId": "30000001",
        "fundingRate": "0.0001",
        "fundingTimestamp": str(NOW_MS),
        "fundingRateIntervalMin": "60",
    }
    page = {
        "code": "SUCCESS",
        "data": {"dataList": [{**row, "isSettlement": False}, {**row, "isSettlement": True}]},
    }
    known = reading("edgex", BTC)
    (settled,) = parse.parse_funding(page, known, settled_only=True)

    assert len(parse.parse_funding(page, known)) == 2
    assert settled.interval_s == 3600


def test_private_event(said):
    """Orders come before fills, positions and balances."""
    fill = {
        "id": "9",
        "accountId": "561",
        "contractId": "30000001",
        "orderId": "564814927928230158",
        "orderSide": "BUY",
        "fillSize": "0.004",
        "fillPrice": "59995",
        "fillFee": "0.0432",
        "direction": "MAKER",
        "matchTime": str(NOW_MS),
    }
    position = {
        "accountId": "561",
        "contractId": "30000001",
        "openSize": "-0.5",
        "openValue": "-30000",
        "updatedTime": str(NOW_MS),
    }
    data = {
        "order": [ORDER],
        "orderFillTransaction": [fill],
        "position": [position],
        "collateral": [{"accountId": "561", "coinId": "1000", "amount": "250.5"}],
    }
    message = {
        "type": "trade-event",
        "content": {"event": "ORDER_UPDATE", "version": "2", "data": data},
    }
    order, execution, held, balance = said("edgex", message)

    assert (order["status"], order["average_price"]) == ("partially_filled", "59995")
    assert (order["post_only"], order["client_order_id"]) == (True, "cAbc12x0E1")
    assert (execution["fee"], execution["liquidity"]) == ("0.0432", "maker")
    assert (held["size"], held["entry_price"]) == ("-0.5", "60000")
    assert (balance["asset"], balance["total"]) == ("1000", "250.5")


def test_orders_of_others_and_failures_are_refused(reading):
    """An order of another account, and an answer without success, stop at the border."""
    answer = {"code": "SUCCESS", "data": [ORDER]}
    with pytest.raises(MalformedMessage, match="instead of ours"):
        parse.parse_orders(answer, reading("edgex", BTC, account="7"))
    with pytest.raises(MalformedMessage, match="is not SUCCESS"):
        parse.parse_orders({"code": "ORDER_SERVICE_DOWN"}, reading("edgex", BTC))
    unknown = {"code": "SUCCESS", "data": [{**ORDER, "status": "THAWING"}]}
    (order,) = parse.parse_orders(unknown, reading("edgex", BTC))
    assert order.status is OrderStatus.UNKNOWN


def test_metadata(reading):
    """Rules, and what signing needs, come from one answer; resolutions may be hexadecimal."""
    meta = instruments.parse_metadata(METADATA, reading("edgex"))
    (btc,) = meta.listings
    contract = meta.contracts["30000001"]

    assert (btc.symbol, btc.funding_interval_s) == ("BTC-USDC-PERP", 4 * 3600)
    assert btc.instrument is not None
    assert (btc.instrument.tick_size, btc.instrument.max_leverage) == (Decimal("0.1"), Decimal(100))
    assert (contract.resolution, contract.collateral_resolution) == (
        Decimal(10) ** 10,
        Decimal(10) ** 6,
    )
    assert (contract.max_fee_rate, contract.collateral_id) == (Decimal("0.00038"), 1000)
    assert (meta.chain_id, meta.coins["1001"]) == (3343, "BTC")
