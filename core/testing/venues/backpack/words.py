"""What Backpack calls markets, orders, fills and positions."""

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
    from_ns,
    plain,
    to_ns,
)
from core.testing.venues.floor import Day, number_of

ORDER_IDS: Final = 8_284_000_000
TRADE_IDS: Final = 2_959_000
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
_SIDES: Final = {OrderSide.BUY: "Bid", OrderSide.SELL: "Ask"}
_STATUSES: Final = {
    OrderStatus.OPEN: "New",
    OrderStatus.PARTIALLY_FILLED: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Expired",
}
_TIMES_IN_FORCE: Final = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}


def key_of(instrument: Instrument) -> str:
    """`BTC_USDC_PERP`, or `BTC_USDC` for spot."""
    pair = f"{instrument.base}_{instrument.quote}"
    return pair if instrument.is_spot else f"{pair}_PERP"


def ms(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for unknown."""
    return 0 if at is None else to_ns(at) // 1_000_000


def us(at: datetime | None) -> int:
    """Microseconds since 1970; 0 for unknown."""
    return 0 if at is None else to_ns(at) // 1000


def iso(at: datetime) -> str:
    """ISO 8601 to the millisecond, without an offset."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def order_id(order: OrderData | FillData) -> str:
    """The wire's id."""
    return str(ORDER_IDS + number_of(order.order_id))


def client_id(order: OrderData | FillData) -> int | None:
    """A number of 32 bits; orders of others have none."""
    text = order.client_order_id
    return int(text) if text is not None and text.isdigit() else None


def levels(rows: tuple[BookLevel, ...]) -> list[list[str]]:
    """Pairs of texts."""
    return [[plain(level.price), plain(level.amount)] for level in rows]


def order_row(order: OrderData, key: str, *, is_history: bool = False) -> dict[str, object]:
    """An order of REST; the history tells times as text."""
    quote = (order.average_price or Decimal(0)) * order.filled
    created = order.created_at or from_ns(0)
    is_market = order.order_type is OrderType.MARKET
    row: dict[str, object] = {
        "orderType": "Market" if is_market else "Limit",
        "id": order_id(order),
        "clientId": client_id(order),
        "createdAt": iso(created) if is_history else ms(created),
        "executedQuantity": plain(order.filled),
        "executedQuoteQuantity": plain(quote),
        "quantity": plain(order.amount),
        "reduceOnly": order.reduce_only or None,
        "timeInForce": _TIMES_IN_FORCE[order.time_in_force],
        "selfTradePrevention": "RejectTaker",
        "side": _SIDES[order.side],
        "status": _STATUSES[order.status],
        "symbol": key,
        "postOnly": order.post_only,
        "relatedOrderId": None,
        "strategyId": None,
        "triggerPrice": None,
        "triggeredAt": None,
    }
    if not is_market:
        row["price"] = plain(order.price or Decimal(0))
    if is_history:
        row["expiryReason"] = order.reason
        row["systemOrderType"] = None
    return row


def order_event(
    order: OrderData, key: str, event: str, fill: FillData | None, now_us: int
) -> dict[str, object]:
    """Stream `account.orderUpdate`."""
    is_market = order.order_type is OrderType.MARKET
    quote = (order.average_price or Decimal(0)) * order.filled
    row: dict[str, object] = {
        "e": event,
        "E": now_us,
        "s": key,
        "S": _SIDES[order.side],
        "o": "MARKET" if is_market else "LIMIT",
        "f": _TIMES_IN_FORCE[order.time_in_force],
        "q": plain(order.amount),
        "X": _STATUSES[order.status],
        "i": order_id(order),
        "z": plain(order.filled),
        "Z": plain(quote),
        "V": "RejectTaker",
        "T": us(order.updated_at),
        "O": "USER",
        "r": order.reduce_only,
        "y": order.post_only,
        "t": None,
    }
    if not is_market:
        row["p"] = plain(order.price or Decimal(0))
    if client_id(order) is not None:
        row["c"] = client_id(order)
    if order.reason is not None:
        row["R"] = order.reason
    if fill is not None:
        row |= {
            "t": TRADE_IDS + number_of(fill.trade_id),
            "l": plain(fill.amount),
            "L": plain(fill.price),
            "m": fill.liquidity is Liquidity.MAKER,
            "n": plain(fill.fee),
            "N": fill.fee_currency,
        }
    return row


def fill_row(fill: FillData, key: str) -> dict[str, object]:
    """REST `fills`."""
    number = client_id(fill)
    return {
        "clientId": None if number is None else str(number),
        "fee": plain(fill.fee),
        "feeSymbol": fill.fee_currency,
        "isMaker": fill.liquidity is Liquidity.MAKER,
        "orderId": order_id(fill),
        "price": plain(fill.price),
        "quantity": plain(fill.amount),
        "side": _SIDES[fill.side],
        "symbol": key,
        "systemOrderType": None,
        "timestamp": iso(fill.at),
        "tradeId": TRADE_IDS + number_of(fill.trade_id),
    }


def position_row(position: PositionData, instrument: Instrument) -> dict[str, object]:
    """REST `position`."""
    mark, entry = position.mark_price or Decimal(0), position.entry_price or Decimal(0)
    function = {"type": "sqrt", "factor": "0"}
    rate = plain(instrument.maintenance_margin_rate)
    return {
        "breakEvenPrice": plain(entry),
        "cumulativeFundingPayment": "0",
        "cumulativeInterest": "0",
        "entryPrice": plain(entry),
        "estLiquidationPrice": plain(max(position.liquidation_price or Decimal(0), Decimal(0))),
        "imf": plain(1 / instrument.max_leverage),
        "imfFunction": {**function, "base": plain(1 / instrument.max_leverage)},
        "markPrice": plain(mark),
        "mmf": rate,
        "mmfFunction": {**function, "base": rate},
        "netCost": plain(position.size * entry),
        "netExposureNotional": plain(abs(position.size) * mark),
        "netExposureQuantity": plain(abs(position.size)),
        "netQuantity": plain(position.size),
        "pnlRealized": "0",
        "pnlUnrealized": plain(position.unrealized_pnl or Decimal(0)),
        "positionId": "1",
        "subaccountId": 0,
        "symbol": key_of(instrument),
        "userId": 1813870,
    }


def position_event(
    position: PositionData, instrument: Instrument, now_us: int
) -> dict[str, object]:
    """Stream `account.positionUpdate`."""
    mark, entry = position.mark_price or Decimal(0), position.entry_price or Decimal(0)
    return {
        "e": "positionAdjusted",
        "E": now_us,
        "T": us(position.at),
        "s": key_of(instrument),
        "b": plain(entry),
        "B": plain(entry),
        "l": plain(max(position.liquidation_price or Decimal(0), Decimal(0))),
        "f": plain(1 / instrument.max_leverage),
        "M": plain(mark),
        "m": plain(instrument.maintenance_margin_rate),
        "q": plain(position.size),
        "Q": plain(abs(position.size)),
        "n": plain(abs(position.size) * mark),
        "i": 1,
        "p": "0",
        "P": plain(position.unrealized_pnl or Decimal(0)),
    }


def market_row(instrument: Instrument) -> dict[str, object]:
    """A row of `markets`."""
    is_spot = instrument.is_spot
    function = {"type": "sqrt", "factor": "0"}
    interval_s = instrument.funding_interval_s
    rate = plain(instrument.maintenance_margin_rate)
    least = plain(1 / instrument.max_leverage)
    largest = None if instrument.max_amount is None else plain(instrument.max_amount)
    return {
        "baseSymbol": instrument.base,
        "createdAt": "2025-01-21T06:34:54.691858",
        "filters": {
            "price": {
                "borrowEntryFeeMaxMultiplier": None,
                "borrowEntryFeeMinMultiplier": None,
                "maxImpactMultiplier": "1.03",
                "maxMultiplier": "1.25",
                "maxPrice": None,
                "meanMarkPriceBand": None,
                "meanPremiumBand": None,
                "minImpactMultiplier": "0.97",
                "minMultiplier": "0.75",
                "minPrice": plain(instrument.tick_size),
                "tickSize": plain(instrument.tick_size),
            },
            "quantity": {
                "maxQuantity": largest,
                "minQuantity": plain(max(instrument.lot_size, instrument.min_amount)),
                "stepSize": plain(instrument.lot_size),
            },
        },
        "fundingInterval": None if is_spot or interval_s is None else interval_s * 1000,
        "fundingRateLowerBound": None if is_spot else "-100",
        "fundingRateUpperBound": None if is_spot else "100",
        "imfFunction": None if is_spot else {**function, "base": least},
        "marketType": "SPOT" if is_spot else "PERP",
        "mmfFunction": None if is_spot else {**function, "base": rate},
        "openInterestLimit": "0" if is_spot else "10000000",
        "orderBookState": "Open",
        "positionLimitWeight": None,
        "quoteSymbol": instrument.quote,
        "symbol": key_of(instrument),
        "visible": True,
    }


def trade_row(trade: TradeData) -> dict[str, object]:
    """REST `trades`."""
    return {
        "id": int(trade.trade_id),
        "isBuyerMaker": trade.side is OrderSide.SELL,
        "price": plain(trade.price),
        "quantity": plain(trade.amount),
        "quoteQuantity": plain(trade.price * trade.amount),
        "timestamp": ms(trade.at),
    }


def trade_event(trade: TradeData, key: str, now_us: int) -> dict[str, object]:
    """Stream `trade`."""
    return {
        "e": "trade",
        "E": now_us,
        "T": us(trade.at),
        "s": key,
        "t": int(trade.trade_id),
        "p": plain(trade.price),
        "q": plain(trade.amount),
        "b": "1",
        "a": "2",
        "m": trade.side is OrderSide.SELL,
    }


def kline_row(candle: OHLCVData, length_s: int) -> dict[str, object]:
    """REST `klines`."""
    end = from_ns(to_ns(candle.at) + length_s * 1_000_000_000)
    return {
        "start": candle.at.strftime("%Y-%m-%d %H:%M:%S"),
        "end": end.strftime("%Y-%m-%d %H:%M:%S"),
        "open": plain(candle.open),
        "high": plain(candle.high),
        "low": plain(candle.low),
        "close": plain(candle.close),
        "volume": plain(candle.volume),
        "quoteVolume": plain(candle.close * candle.volume),
        "trades": "1",
    }


def kline_event(candle: OHLCVData, key: str, length_s: int, now_us: int) -> dict[str, object]:
    """Stream `kline`."""
    end = from_ns(to_ns(candle.at) + length_s * 1_000_000_000)
    return {
        "e": "kline",
        "E": now_us,
        "s": key,
        "t": candle.at.strftime("%Y-%m-%dT%H:%M:%S"),
        "T": end.strftime("%Y-%m-%dT%H:%M:%S"),
        "o": plain(candle.open),
        "c": plain(candle.close),
        "h": plain(candle.high),
        "l": plain(candle.low),
        "v": plain(candle.volume),
        "n": 1,
        "X": candle.is_closed,
    }


def ticker_row(day: Day, key: str) -> dict[str, object]:
    """REST `ticker` and `tickers`."""
    return {
        "firstPrice": plain(day.open),
        "high": plain(day.high),
        "lastPrice": plain(day.last),
        "low": plain(day.low),
        "priceChange": plain(day.change),
        "priceChangePercent": plain(day.change_ratio),
        "quoteVolume": plain(day.value),
        "symbol": key,
        "trades": str(day.trades),
        "volume": plain(day.volume),
    }


def ticker_event(day: Day, key: str, now_us: int) -> dict[str, object]:
    """Stream `ticker`."""
    return {
        "e": "ticker",
        "E": now_us,
        "s": key,
        "o": plain(day.open),
        "c": plain(day.last),
        "h": plain(day.high),
        "l": plain(day.low),
        "v": plain(day.volume),
        "V": plain(day.value),
        "n": day.trades,
    }


def mark_row(ticker: TickerData, funding: FundingRateData, key: str) -> dict[str, object]:
    """REST `markPrices`."""
    mark = plain(ticker.mark or ticker.last or Decimal(0))
    return {
        "fundingRate": plain(funding.rate),
        "indexPrice": mark,
        "markPrice": mark,
        "nextFundingTimestamp": ms(funding.next_at),
        "symbol": key,
    }


def payment_row(payment: FundingPaymentData, key: str) -> dict[str, object]:
    """REST history of our own funding."""
    return {
        "fundingRate": plain(payment.rate),
        "intervalEndTimestamp": iso(payment.at),
        "quantity": plain(payment.amount),
        "subaccountId": 0,
        "symbol": key,
        "userId": 1813870,
    }
