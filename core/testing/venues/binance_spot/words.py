"""What Binance spot calls things: rows of its REST answers and fields of its events."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
    BookLevel,
    FillData,
    Instrument,
    Liquidity,
    OrderData,
    OrderSide,
    OrderType,
    plain,
)
from core.testing.venues.binance.words import key_of, levels, ms, order_id, order_row, trade_id
from core.testing.venues.floor import Floor

_LIMITS: Final = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
)


def spot_order_row(order: OrderData, key: str) -> dict[str, object]:
    """`order`, as a query tells it; `LIMIT_MAKER` is post-only."""
    row = order_row(order, key)
    is_maker = order.post_only and order.order_type is OrderType.LIMIT
    return {
        "symbol": key,
        "orderId": row["orderId"],
        "orderListId": -1,
        "clientOrderId": row["clientOrderId"],
        "price": row["price"],
        "origQty": row["origQty"],
        "executedQty": row["executedQty"],
        "origQuoteOrderQty": "0",
        "cummulativeQuoteQty": row["cumQuote"],
        "status": row["status"],
        "timeInForce": "GTC" if is_maker else row["timeInForce"],
        "type": "LIMIT_MAKER" if is_maker else row["type"],
        "side": row["side"],
        "stopPrice": "0",
        "icebergQty": "0",
        "time": row["time"],
        "updateTime": row["updateTime"],
        "isWorking": True,
        "workingTime": row["time"],
        "selfTradePreventionMode": "NONE",
    }


def acknowledgement(order: OrderData, key: str) -> dict[str, object]:
    """The answer to a new order, without its fills."""
    row = spot_order_row(order, key)
    row["transactTime"] = row.pop("time")
    for name in ("updateTime", "isWorking", "stopPrice", "icebergQty"):
        del row[name]
    return row | {"fills": []}


def cancellation(order: OrderData, key: str) -> dict[str, object]:
    """The answer to a cancel, which has a client id of its own."""
    row = acknowledgement(order, key)
    del row["fills"]
    ours = row["clientOrderId"]
    return row | {"origClientOrderId": ours, "clientOrderId": f"cancel{order_id(order)}"}


def spot_fill_row(fill: FillData, key: str) -> dict[str, object]:
    """REST `myTrades`."""
    return {
        "symbol": key,
        "id": trade_id(fill),
        "orderId": order_id(fill),
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.amount),
        "quoteQty": plain(fill.price * fill.amount),
        "commission": plain(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": ms(fill.at),
        "isBuyer": fill.side is OrderSide.BUY,
        "isMaker": fill.liquidity is Liquidity.MAKER,
        "isBestMatch": True,
    }


def report(
    order: OrderData, key: str, execution: str, fill: FillData | None, now_ms: int
) -> dict[str, object]:
    """`executionReport`; for the other arguments see `order_event` of USDⓈ-M."""
    row = spot_order_row(order, key)
    is_cancel = execution == "CANCELED"
    value = Decimal(0) if fill is None else fill.price * fill.amount
    return {
        "e": "executionReport",
        "E": now_ms,
        "s": key,
        "c": f"cancel{order_id(order)}" if is_cancel else row["clientOrderId"],
        "S": row["side"],
        "o": row["type"],
        "f": row["timeInForce"],
        "q": row["origQty"],
        "p": row["price"],
        "P": "0.00",
        "F": "0.00",
        "g": -1,
        "C": row["clientOrderId"] if is_cancel else "",
        "x": execution,
        "X": row["status"],
        "r": "NONE" if order.reason is None else order.reason,
        "i": row["orderId"],
        "l": "0" if fill is None else plain(fill.amount),
        "z": row["executedQty"],
        "L": "0" if fill is None else plain(fill.price),
        "n": "0" if fill is None else plain(fill.fee),
        "N": None if fill is None else fill.fee_currency,
        "T": row["updateTime"],
        "t": -1 if fill is None else trade_id(fill),
        "v": 3,
        "I": order_id(order),
        "w": order.status.is_open,
        "m": fill is not None and fill.liquidity is Liquidity.MAKER,
        "M": False,
        "O": row["time"],
        "Z": row["cummulativeQuoteQty"],
        "Y": plain(value),
        "Q": "0",
        "W": row["time"],
        "V": "NONE",
    }


def account_row(balances: list[BalanceData], uid: int, now_ms: int) -> dict[str, object]:
    """REST `account`."""
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": each.asset, "free": plain(each.free), "locked": plain(each.used)}
            for each in balances
        ],
        "permissions": ["SPOT"],
        "uid": uid,
    }


def position_event(balances: list[BalanceData], now_ms: int) -> dict[str, object]:
    """`outboundAccountPosition`."""
    rows = [{"a": each.asset, "f": plain(each.free), "l": plain(each.used)} for each in balances]
    return {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}


def depth_row(
    sequence: int, bids: tuple[BookLevel, ...], asks: tuple[BookLevel, ...]
) -> dict[str, object]:
    """REST `depth`, without a time."""
    return {"lastUpdateId": sequence, "bids": levels(bids), "asks": levels(asks)}


def spot_symbol_row(instrument: Instrument) -> dict[str, object]:
    """A symbol of `exchangeInfo`."""
    largest = "9000" if instrument.max_amount is None else plain(instrument.max_amount)
    lot = {
        "minQty": plain(max(instrument.lot_size, instrument.min_amount)),
        "maxQty": largest,
        "stepSize": plain(instrument.lot_size),
    }
    return {
        "symbol": key_of(instrument),
        "status": "TRADING",
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": plain(instrument.tick_size),
                "maxPrice": "1000000.00000000",
                "tickSize": plain(instrument.tick_size),
            },
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {
                "filterType": "NOTIONAL",
                "minNotional": plain(instrument.min_notional),
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def spot_exchange_info(floor: Floor, now_ms: int) -> dict[str, object]:
    """REST `exchangeInfo`."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": list(_LIMITS),
        "exchangeFilters": [],
        "symbols": [spot_symbol_row(each) for each in floor.instruments.values()],
    }
