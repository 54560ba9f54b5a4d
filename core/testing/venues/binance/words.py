"""What Binance USDⓈ-M calls things: rows of its REST answers and fields of its events."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BookLevel,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Instrument,
    Liquidity,
    OHLCVData,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TickerData,
    TimeInForce,
    TradeData,
    plain,
    to_ns,
)
from core.testing.venues.floor import Day, Floor, number_of

ORDER_IDS: Final = 8_389_765_600_000_000_000
"""Where order ids begin: beyond 2^53, as the venue's do."""
TRADE_IDS: Final = 300_000_000
_DAY_MS: Final = 86_400_000
INTERVALS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14400,
    "6h": 21600,
    "8h": 28800,
    "12h": 43200,
    "1d": 86400,
}
_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_TYPES: Final = {OrderType.LIMIT: "LIMIT", OrderType.MARKET: "MARKET"}
_TIMES_IN_FORCE: Final = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
_STATUSES: Final = {
    OrderStatus.OPEN: "NEW",
    OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "EXPIRED",
}


def key_of(instrument: Instrument) -> str:
    """`BTC-USDT-PERP` is `BTCUSDT`."""
    return instrument.base + instrument.quote


def ms(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for unknown."""
    return 0 if at is None else to_ns(at) // 1_000_000


def order_id(order: OrderData | FillData) -> int:
    """The wire's id of an order."""
    return ORDER_IDS + number_of(order.order_id)


def trade_id(fill: FillData) -> int:
    """The wire's id of an execution."""
    return TRADE_IDS + number_of(fill.trade_id)


def levels(rows: tuple[BookLevel, ...]) -> list[list[str]]:
    """Pairs of texts."""
    return [[plain(level.price), plain(level.amount)] for level in rows]


def tif(order: OrderData) -> str:
    """`GTX` is post-only."""
    if order.order_type is OrderType.MARKET:
        return "GTC"
    return "GTX" if order.post_only else _TIMES_IN_FORCE[order.time_in_force]


def order_row(order: OrderData, key: str) -> dict[str, object]:
    """REST and WebSocket API `order`."""
    price = "0" if order.price is None else plain(order.price)
    average = "0.00" if order.average_price is None else plain(order.average_price)
    quote = Decimal(0) if order.average_price is None else order.average_price * order.filled
    return {
        "orderId": order_id(order),
        "symbol": key,
        "status": _STATUSES[order.status],
        "clientOrderId": order.client_order_id or f"web_{number_of(order.order_id)}",
        "price": price,
        "avgPrice": average,
        "origQty": plain(order.amount),
        "executedQty": plain(order.filled),
        "cumQty": plain(order.filled),
        "cumQuote": plain(quote),
        "timeInForce": tif(order),
        "type": _TYPES[order.order_type],
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": _SIDES[order.side],
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": _TYPES[order.order_type],
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": ms(order.created_at),
        "updateTime": ms(order.updated_at),
    }


def fill_row(fill: FillData, key: str) -> dict[str, object]:
    """REST `userTrades`."""
    is_buy = fill.side is OrderSide.BUY
    return {
        "symbol": key,
        "id": trade_id(fill),
        "orderId": order_id(fill),
        "side": _SIDES[fill.side],
        "price": plain(fill.price),
        "qty": plain(fill.amount),
        "realizedPnl": "0",
        "quoteQty": plain(fill.price * fill.amount),
        "commission": plain(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": ms(fill.at),
        "positionSide": "BOTH",
        "buyer": is_buy,
        "maker": fill.liquidity is Liquidity.MAKER,
    }


def order_event(
    order: OrderData, key: str, execution: str, fill: FillData | None, now_ms: int
) -> dict[str, object]:
    """User stream `ORDER_TRADE_UPDATE`.

    Args:
        order: As it stands after what happened.
        key: Its symbol.
        execution: `NEW`, `TRADE`, `CANCELED` or `EXPIRED`.
        fill: What happened, for a trade.
        now_ms: Time of the message.
    """
    row: dict[str, object] = {
        "s": key,
        "c": order.client_order_id or f"web_{number_of(order.order_id)}",
        "S": _SIDES[order.side],
        "o": _TYPES[order.order_type],
        "f": tif(order),
        "q": plain(order.amount),
        "p": "0" if order.price is None else plain(order.price),
        "ap": "0" if order.average_price is None else plain(order.average_price),
        "sp": "0",
        "x": execution,
        "X": _STATUSES[order.status],
        "i": order_id(order),
        "l": "0" if fill is None else plain(fill.amount),
        "z": plain(order.filled),
        "L": "0" if fill is None else plain(fill.price),
        "T": ms(order.updated_at),
        "t": 0 if fill is None else trade_id(fill),
        "b": "0",
        "a": "0",
        "m": fill is not None and fill.liquidity is Liquidity.MAKER,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": _TYPES[order.order_type],
        "ps": "BOTH",
        "cp": False,
        "rp": "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "NONE",
        "pm": "NONE",
        "gtd": 0,
        "er": "0" if order.reason is None else order.reason,
    }
    if fill is not None:
        row |= {"n": plain(fill.fee), "N": fill.fee_currency}
    return {"e": "ORDER_TRADE_UPDATE", "E": now_ms, "T": ms(order.updated_at), "o": row}


def position_event(position: PositionData, key: str) -> dict[str, object]:
    """A row of `P` in `ACCOUNT_UPDATE`."""
    return {
        "s": key,
        "pa": plain(position.size),
        "ep": plain(position.entry_price or Decimal(0)),
        "bep": plain(position.entry_price or Decimal(0)),
        "cr": "0",
        "up": plain(position.unrealized_pnl or Decimal(0)),
        "mt": "cross" if position.margin_mode is None else position.margin_mode.value,
        "iw": "0",
        "ps": "BOTH",
    }


def position_row(
    position: PositionData, instrument: Instrument, *, has_leverage: bool
) -> dict[str, object]:
    """REST `positionRisk`; its third version has no leverage and no margin type."""
    mark = position.mark_price or Decimal(0)
    notional = position.size * mark
    is_isolated = position.margin_mode is not None and position.margin_mode.value == "isolated"
    margin = position.margin or Decimal(0)
    row: dict[str, object] = {
        "symbol": key_of(instrument),
        "positionSide": "BOTH",
        "positionAmt": plain(position.size),
        "entryPrice": plain(position.entry_price or Decimal(0)),
        "breakEvenPrice": plain(position.entry_price or Decimal(0)),
        "markPrice": plain(mark),
        "unRealizedProfit": plain(position.unrealized_pnl or Decimal(0)),
        "liquidationPrice": plain(max(position.liquidation_price or Decimal(0), Decimal(0))),
        "isolatedMargin": plain(margin) if is_isolated else "0",
        "notional": plain(notional),
        "isolatedWallet": plain(margin) if is_isolated else "0",
        "updateTime": ms(position.at) if position.size else 0,
    }
    if has_leverage:
        return row | {
            "leverage": plain(position.leverage or Decimal(1)),
            "maxNotionalValue": "100000000",
            "marginType": "isolated" if is_isolated else "cross",
            "isAutoAddMargin": "false",
        }
    return row | {
        "marginAsset": instrument.settle,
        "initialMargin": plain(margin),
        "maintMargin": plain(abs(notional) * instrument.maintenance_margin_rate),
        "positionInitialMargin": plain(margin),
        "openOrderInitialMargin": "0",
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
    }


def trade_row(trade: TradeData) -> dict[str, object]:
    """REST `trades`."""
    return {
        "id": int(trade.trade_id),
        "price": plain(trade.price),
        "qty": plain(trade.amount),
        "quoteQty": plain(trade.price * trade.amount),
        "time": ms(trade.at),
        "isBuyerMaker": trade.side is OrderSide.SELL,
    }


def agg_trade_row(trade: TradeData) -> dict[str, object]:
    """REST `aggTrades`, and the part of stream `aggTrade` that is the same."""
    number = int(trade.trade_id)
    return {
        "a": number,
        "p": plain(trade.price),
        "q": plain(trade.amount),
        "f": number,
        "l": number,
        "T": ms(trade.at),
        "m": trade.side is OrderSide.SELL,
    }


def kline_row(candle: OHLCVData, interval_s: int) -> list[object]:
    """REST `klines`."""
    quote = plain(candle.close * candle.volume)
    return [
        ms(candle.at),
        plain(candle.open),
        plain(candle.high),
        plain(candle.low),
        plain(candle.close),
        plain(candle.volume),
        ms(candle.at) + interval_s * 1000 - 1,
        quote,
        1,
        "0",
        "0",
        "0",
    ]


def kline_event(candle: OHLCVData, key: str, interval: str, now_ms: int) -> dict[str, object]:
    """Stream `kline`."""
    opened = ms(candle.at)
    row = {
        "t": opened,
        "T": opened + INTERVALS[interval] * 1000 - 1,
        "s": key,
        "i": interval,
        "f": 1,
        "L": 1,
        "o": plain(candle.open),
        "c": plain(candle.close),
        "h": plain(candle.high),
        "l": plain(candle.low),
        "v": plain(candle.volume),
        "n": 1,
        "x": candle.is_closed,
        "q": plain(candle.close * candle.volume),
        "V": "0",
        "Q": "0",
        "B": "0",
    }
    return {"e": "kline", "E": now_ms, "s": key, "k": row}


def day_row(ticker: TickerData, day: Day, key: str) -> dict[str, object]:
    """REST `ticker/24hr`."""
    return {
        "symbol": key,
        "priceChange": plain(day.change),
        "priceChangePercent": plain(day.change_ratio * 100),
        "weightedAvgPrice": plain(_average(day)),
        "lastPrice": plain(ticker.last or Decimal(0)),
        "lastQty": "1",
        "openPrice": plain(day.open),
        "highPrice": plain(day.high),
        "lowPrice": plain(day.low),
        "volume": plain(day.volume),
        "quoteVolume": plain(day.value),
        "openTime": ms(ticker.at) - _DAY_MS,
        "closeTime": ms(ticker.at),
        "firstId": 0,
        "lastId": max(day.trades - 1, 0),
        "count": day.trades,
    }


def mini_ticker_event(day: Day, key: str, now_ms: int) -> dict[str, object]:
    """Stream `miniTicker`."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": key,
        "c": plain(day.last),
        "o": plain(day.open),
        "h": plain(day.high),
        "l": plain(day.low),
        "v": plain(day.volume),
        "q": plain(day.value),
    }


def ticker_event(day: Day, key: str, now_ms: int) -> dict[str, object]:
    """Stream `ticker`."""
    return mini_ticker_event(day, key, now_ms) | {
        "e": "24hrTicker",
        "p": plain(day.change),
        "P": plain(day.change_ratio * 100),
        "w": plain(_average(day)),
        "Q": "1",
        "O": now_ms - _DAY_MS,
        "C": now_ms,
        "F": 0,
        "L": max(day.trades - 1, 0),
        "n": day.trades,
    }


def premium_row(ticker: TickerData, funding: FundingRateData, key: str) -> dict[str, object]:
    """REST `premiumIndex`."""
    mark = plain(ticker.mark or ticker.last or Decimal(0))
    return {
        "symbol": key,
        "markPrice": mark,
        "indexPrice": mark,
        "estimatedSettlePrice": mark,
        "lastFundingRate": plain(funding.rate),
        "interestRate": "0.0001",
        "nextFundingTime": ms(funding.next_at),
        "time": ms(funding.at),
    }


def income_row(payment: FundingPaymentData, instrument: Instrument) -> dict[str, object]:
    """REST `income` of type `FUNDING_FEE`."""
    return {
        "symbol": key_of(instrument),
        "incomeType": "FUNDING_FEE",
        "income": plain(payment.amount),
        "asset": instrument.settle,
        "info": "FUNDING_FEE",
        "time": ms(payment.at),
        "tranId": number_of(payment.payment_id),
        "tradeId": "",
    }


def symbol_row(instrument: Instrument) -> dict[str, object]:
    """A symbol of `exchangeInfo`."""
    largest = "10000" if instrument.max_amount is None else plain(instrument.max_amount)
    lot = {
        "minQty": plain(max(instrument.lot_size, instrument.min_amount)),
        "maxQty": largest,
        "stepSize": plain(instrument.lot_size),
    }
    return {
        "symbol": key_of(instrument),
        "pair": key_of(instrument),
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.settle,
        "pricePrecision": instrument.price_decimals,
        "quantityPrecision": instrument.amount_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": plain(instrument.tick_size),
                "maxPrice": "4529764",
                "tickSize": plain(instrument.tick_size),
            },
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": plain(instrument.min_notional)},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def exchange_info(floor: Floor, now_ms: int) -> dict[str, object]:
    """REST `exchangeInfo`."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 2400,
            },
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"}
            for asset in sorted({each.settle for each in floor.instruments.values()})
        ],
        "symbols": [symbol_row(instrument) for instrument in floor.instruments.values()],
    }


def _average(day: Day) -> Decimal:
    """The day's value by its volume, to eight digits."""
    return (day.value / day.volume).quantize(Decimal("1e-8")) if day.volume else Decimal(0)
