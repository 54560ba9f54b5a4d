"""What edgeX calls prices, orders, fills and positions. Every number is text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
    BookLevel,
    FillData,
    FundingRateData,
    Liquidity,
    OHLCVData,
    OrderBookData,
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
from core.testing.venues.edgex.contracts import COLLATERAL_ID, Contract
from core.testing.venues.floor import Day, number_of

ORDER_IDS: Final = 564_814_927_928_000_000
TRADE_IDS: Final = 564_814_927_929_000_000
INTERVALS: Final = {
    "MINUTE_1": 60,
    "MINUTE_5": 300,
    "MINUTE_15": 900,
    "MINUTE_30": 1800,
    "HOUR_1": 3600,
    "HOUR_2": 7200,
    "HOUR_4": 14400,
    "HOUR_6": 21600,
    "HOUR_8": 28800,
    "HOUR_12": 43200,
    "DAY_1": 86400,
}
_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_STATUSES: Final = {
    OrderStatus.OPEN: "OPEN",
    OrderStatus.PARTIALLY_FILLED: "OPEN",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.EXPIRED: "CANCELED",
}
_TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: "GOOD_TIL_CANCEL",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_REASONS: Final = {
    "USER": "USER_CANCELED",
    "NO_LIQUIDITY": "COULD_NOT_FILL",
    "IOC_REMAINDER": "COULD_NOT_FILL",
    "FOK_NOT_FILLED": "COULD_NOT_FILL",
    "REDUCE_ONLY": "REDUCE_ONLY_CANCELED",
    "LIQUIDATION": "LIQUIDATE_CANCELED",
}


def ms(at: datetime | None) -> str:
    """Milliseconds since 1970; 0 for unknown."""
    return "0" if at is None else str(to_ns(at) // 1_000_000)


def order_id(order: OrderData | FillData) -> str:
    """The wire's id."""
    return str(ORDER_IDS + number_of(order.order_id))


def levels(rows: tuple[BookLevel, ...]) -> list[dict[str, str]]:
    """Objects of price and size."""
    return [{"price": plain(level.price), "size": plain(level.amount)} for level in rows]


def depth(
    contract: Contract,
    count: int,
    kind: str,
    versions: tuple[int, int],
    sides: tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]],
) -> dict[str, object]:
    """A depth: versions are (start, end), sides are (bids, asks)."""
    return {
        "startVersion": str(versions[0]),
        "endVersion": str(versions[1]),
        "level": count,
        "contractId": contract.key,
        "contractName": contract.name,
        "depthType": kind,
        "bids": levels(sides[0]),
        "asks": levels(sides[1]),
    }


def snapshot(contract: Contract, count: int, book: OrderBookData) -> dict[str, object]:
    """A whole depth."""
    version = book.sequence or 0
    sides = (book.bids[:count], book.asks[:count])
    return depth(contract, count, "SNAPSHOT", (version - 1, version), sides)


def ticker_row(
    ticker: TickerData, day: Day, funding: FundingRateData, contract: Contract
) -> dict[str, object]:
    """`ticker`."""
    last = plain(ticker.last or Decimal(0))
    mark = plain(ticker.mark or ticker.last or Decimal(0))
    row: dict[str, object] = {
        "contractId": contract.key,
        "contractName": contract.name,
        "priceChange": plain(day.change),
        "priceChangePercent": plain(day.change_ratio),
        "trades": str(day.trades),
        "size": plain(day.volume),
        "value": plain(day.value),
        "high": plain(day.high),
        "low": plain(day.low),
        "open": plain(day.open),
        "close": plain(day.last),
        "startTime": str(to_ns(ticker.at) // 1_000_000 - 86_400_000),
        "endTime": ms(ticker.at),
        "lastPrice": last,
        "indexPrice": mark,
        "oraclePrice": mark,
        "markPrice": mark,
        "openInterest": "1",
        "fundingRate": plain(funding.rate),
        "fundingTime": ms(funding.at),
        "nextFundingTime": ms(funding.next_at),
    }
    if ticker.bid is not None and ticker.ask is not None:
        row |= {"bestBidPrice": plain(ticker.bid), "bestAskPrice": plain(ticker.ask)}
        row["bestBidSize"] = plain(ticker.bid_amount or Decimal(0))
        row["bestAskSize"] = plain(ticker.ask_amount or Decimal(0))
    return row


def trade_row(trade: TradeData, contract: Contract) -> dict[str, object]:
    """`trades`."""
    return {
        "ticketId": trade.trade_id,
        "time": ms(trade.at),
        "price": plain(trade.price),
        "size": plain(trade.amount),
        "value": plain(trade.price * trade.amount),
        "contractId": contract.key,
        "contractName": contract.name,
        "isBestMatch": True,
        "isBuyerMaker": trade.side is OrderSide.SELL,
    }


def kline_row(candle: OHLCVData, contract: Contract, price_type: str) -> dict[str, object]:
    """`kline`; its length is the candle's timeframe."""
    return {
        "klineId": ms(candle.at),
        "contractId": contract.key,
        "contractName": contract.name,
        "klineType": candle.timeframe,
        "klineTime": ms(candle.at),
        "priceType": price_type,
        "trades": "1",
        "size": plain(candle.volume),
        "value": plain(candle.volume * candle.close),
        "high": plain(candle.high),
        "low": plain(candle.low),
        "open": plain(candle.open),
        "close": plain(candle.close),
        "makerBuySize": "0",
        "makerBuyValue": "0",
    }


def funding_row(
    funding: FundingRateData, contract: Contract, *, is_settlement: bool = False
) -> dict[str, object]:
    """`fundingRate`."""
    return {
        "contractId": contract.key,
        "contractName": contract.name,
        "fundingTime": ms(funding.at),
        "fundingTimestamp": ms(funding.at),
        "nextFundingTime": ms(funding.next_at),
        "fundingRate": plain(funding.rate),
        "isSettlement": is_settlement,
        "forecastFundingRate": plain(funding.rate),
        "fundingRateIntervalMin": str(funding.interval_s // 60),
    }


def order_row(order: OrderData, contract: Contract, account_id: int) -> dict[str, object]:
    """An order, in answers and events."""
    value = (order.average_price or Decimal(0)) * order.filled
    is_market = order.order_type is OrderType.MARKET
    in_force = "POST_ONLY" if order.post_only else _TIMES_IN_FORCE[order.time_in_force]
    reason = _REASONS.get(order.reason or "", "UNKNOWN_ORDER_CANCEL_REASON")
    return {
        "id": order_id(order),
        "userId": str(account_id),
        "accountId": str(account_id),
        "coinId": str(COLLATERAL_ID),
        "contractId": contract.key,
        "side": _SIDES[order.side],
        "price": "0" if is_market else plain(order.price or Decimal(0)),
        "size": plain(order.amount),
        "clientOrderId": order.client_order_id or f"web-{number_of(order.order_id)}",
        "type": "MARKET" if is_market else "LIMIT",
        "timeInForce": in_force,
        "reduceOnly": order.reduce_only,
        "triggerPrice": "0",
        "isPositionTpsl": False,
        "isLiquidate": order.reason == "LIQUIDATION",
        "isDeleverage": False,
        "status": _STATUSES[order.status],
        "cancelReason": reason,
        "cumFillSize": plain(order.filled),
        "cumFillValue": plain(value),
        "cumFillFee": "0",
        "createdTime": ms(order.created_at),
        "updatedTime": ms(order.updated_at),
    }


def fill_row(fill: FillData, contract: Contract, account_id: int) -> dict[str, object]:
    """`orderFillTransaction`."""
    return {
        "id": str(TRADE_IDS + number_of(fill.trade_id)),
        "userId": str(account_id),
        "accountId": str(account_id),
        "coinId": str(COLLATERAL_ID),
        "contractId": contract.key,
        "orderId": order_id(fill),
        "orderSide": _SIDES[fill.side],
        "fillSize": plain(fill.amount),
        "fillValue": plain(fill.amount * fill.price),
        "fillFee": plain(fill.fee),
        "fillPrice": plain(fill.price),
        "liquidateFee": "0",
        "realizePnl": "0",
        "direction": "MAKER" if fill.liquidity is Liquidity.MAKER else "TAKER",
        "isPositionTpsl": False,
        "isLiquidate": False,
        "isDeleverage": False,
        "matchTime": ms(fill.at),
        "createdTime": ms(fill.at),
        "updatedTime": ms(fill.at),
        "clientOrderId": fill.client_order_id or f"web-{number_of(fill.order_id)}",
    }


def position_row(position: PositionData, contract: Contract, account_id: int) -> dict[str, object]:
    """`position`; also a flat one in events."""
    entry = position.entry_price or Decimal(0)
    return {
        "userId": str(account_id),
        "accountId": str(account_id),
        "coinId": str(COLLATERAL_ID),
        "contractId": contract.key,
        "openSize": plain(position.size),
        "openValue": plain(position.size * entry),
        "openFee": "0",
        "fundingFee": "0",
        "createdTime": ms(position.at),
        "updatedTime": ms(position.at),
    }


def collateral_row(balance: BalanceData, account_id: int) -> dict[str, object]:
    """`collateral`: the wallet's balance, without the open result."""
    return {
        "userId": str(account_id),
        "accountId": str(account_id),
        "coinId": str(COLLATERAL_ID),
        "amount": plain(balance.total),
        "legacyAmount": plain(balance.total),
        "createdTime": ms(balance.at),
        "updatedTime": ms(balance.at),
    }
