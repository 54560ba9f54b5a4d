"""What Hyperliquid calls orders, fills, books and positions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BookLevel,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Liquidity,
    MarginMode,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderSide,
    OrderStatus,
    PositionData,
    TickerData,
    TimeInForce,
    TradeData,
    to_ns,
)
from core.testing.venues.floor import Day, number_of
from core.testing.venues.hyperliquid.assets import Asset, number

ORDER_IDS: Final = 77_738_300_000
TRADE_IDS: Final = 1_070_000_000_000_000
DEPTH: Final = 20
"""Levels of a side in `l2Book`."""
INTERVALS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14400,
    "8h": 28800,
    "12h": 43200,
    "1d": 86400,
}
_NO_FUNDING: Final = {
    "allTime": "0.0",  # codespell:ignore alltime
    "sinceOpen": "0.0",
    "sinceChange": "0.0",
}
_SIDES: Final = {OrderSide.BUY: "B", OrderSide.SELL: "A"}
_STATUSES: Final = {
    OrderStatus.OPEN: "open",
    OrderStatus.PARTIALLY_FILLED: "open",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "canceled",
}
_REASONS: Final = {
    "REDUCE_ONLY": "reduceOnlyCanceled",
    "LIQUIDATION": "liquidatedCanceled",
    "SCHEDULED": "scheduledCancel",
}


def ms(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for unknown."""
    return 0 if at is None else to_ns(at) // 1_000_000


def oid(order: OrderData | FillData) -> int:
    """The wire's id of an order."""
    return ORDER_IDS + number_of(order.order_id)


def hash_of(count: int) -> str:
    """A transaction's hash, as unlike others as its number is."""
    return f"0x{count:064x}"


def status(order: OrderData) -> str:
    """Why an order is where it is."""
    if order.status is OrderStatus.EXPIRED and not order.filled:
        return "iocCancelRejected"
    if order.reason in _REASONS and not order.status.is_open:
        return _REASONS[order.reason]
    return _STATUSES.get(order.status, "canceled")


def order_row(order: OrderData, asset: Asset, *, is_full: bool = False) -> dict[str, object]:
    """An order of `openOrders`; `is_full` for `frontendOpenOrders` and `orderStatus`."""
    row: dict[str, object] = {
        "coin": asset.coin,
        "side": _SIDES[order.side],
        "limitPx": number(order.price or Decimal(0)),
        "sz": number(order.remaining),
        "oid": oid(order),
        "timestamp": ms(order.created_at),
        "origSz": number(order.amount),
    }
    if order.reduce_only:
        row["reduceOnly"] = True
    if is_full:
        row |= {
            "triggerCondition": "N/A",
            "isTrigger": False,
            "triggerPx": "0.0",
            "children": [],
            "isPositionTpsl": False,
            "reduceOnly": order.reduce_only,
            "orderType": "Limit",
            "tif": tif(order),
        }
    if order.client_order_id is not None:
        row["cloid"] = order.client_order_id
    elif is_full:
        row["cloid"] = None
    return row


def tif(order: OrderData) -> str:
    """How long an order may rest."""
    if order.post_only:
        return "Alo"  # codespell:ignore alo
    return "Ioc" if order.time_in_force is TimeInForce.IOC else "Gtc"


def fill_rows(fills: Iterable[FillData], assets: dict[str, Asset]) -> list[dict[str, object]]:
    """`userFills` from old to new: each knows the position that it began with."""
    held: dict[str, Decimal] = {}
    rows = []
    for fill in fills:
        asset = assets[fill.symbol]
        start = held.get(fill.symbol, Decimal(0))
        held[fill.symbol] = start + fill.amount * fill.side.sign
        count = number_of(fill.trade_id)
        row: dict[str, object] = {
            "coin": asset.coin,
            "px": number(fill.price),
            "sz": number(fill.amount),
            "side": _SIDES[fill.side],
            "time": ms(fill.at),
            "startPosition": number(start),
            "dir": _direction(fill, start, is_spot=asset.instrument.is_spot),
            "closedPnl": "0.0",
            "hash": hash_of(count),
            "oid": oid(fill),
            "crossed": fill.liquidity is Liquidity.TAKER,
            "fee": number(fill.fee),
            "tid": TRADE_IDS + count,
            "feeToken": fill.fee_currency or asset.instrument.quote,
            "twapId": None,
        }
        if fill.client_order_id is not None:
            row["cloid"] = fill.client_order_id
        rows.append(row)
    return rows


def book(data: OrderBookData, asset: Asset, at_ms: int | None = None) -> dict[str, object]:
    """`l2Book`: the whole of twenty levels a side.

    Args:
        data: The book.
        asset: Whose.
        at_ms: Time of the newest block, which goes on while nobody trades; None for that of the
            last change.
    """
    return {
        "coin": asset.coin,
        "time": ms(data.at) if at_ms is None else at_ms,
        "levels": [
            [level(each) for each in data.bids[:DEPTH]],
            [level(each) for each in data.asks[:DEPTH]],
        ],
    }


def level(each: BookLevel) -> dict[str, object]:
    """One price."""
    return {"px": number(each.price), "sz": number(each.amount), "n": 1}


def best(data: OrderBookData, asset: Asset) -> dict[str, object]:
    """`bbo`: the first level of each side, null where there is none."""
    sides = [data.bids, data.asks]
    return {
        "coin": asset.coin,
        "time": ms(data.at),
        "bbo": [level(side[0]) if side else None for side in sides],
    }


def trade_row(trade: TradeData, asset: Asset) -> dict[str, object]:
    """`trades` and `recentTrades`."""
    count = int(trade.trade_id)
    return {
        "coin": asset.coin,
        "side": _SIDES[trade.side or OrderSide.BUY],
        "px": number(trade.price),
        "sz": number(trade.amount),
        "time": ms(trade.at),
        "hash": hash_of(count),
        "tid": TRADE_IDS + count,
        "users": ["0x" + "1" * 40, "0x" + "2" * 40],
    }


def candle_row(candle: OHLCVData, asset: Asset) -> dict[str, object]:
    """`candle` and `candleSnapshot`."""
    opened = ms(candle.at)
    return {
        "t": opened,
        "T": opened + INTERVALS[candle.timeframe] * 1000 - 1,
        "s": asset.coin,
        "i": candle.timeframe,
        "o": number(candle.open),
        "c": number(candle.close),
        "h": number(candle.high),
        "l": number(candle.low),
        "v": number(candle.volume),
        "n": 1,
    }


def context(ticker: TickerData, day: Day, funding: FundingRateData | None) -> dict[str, object]:
    """`ctx` of a perpetual, or of a pair where there is no funding."""
    mark = ticker.mark or ticker.last or Decimal(0)
    row: dict[str, object] = {
        "prevDayPx": number(day.open),
        "dayNtlVlm": number(day.value),
        "markPx": number(mark),
        "midPx": None if ticker.mid is None else number(ticker.mid),
        "dayBaseVlm": number(day.volume),
    }
    if funding is None:
        return row | {"circulatingSupply": "0.0", "totalSupply": "0.0"}
    is_quoted = ticker.bid is not None and ticker.ask is not None
    return row | {
        "funding": number(funding.rate),
        "openInterest": "1.0",
        "premium": "0.0",
        "oraclePx": number(mark),
        "impactPxs": [number(ticker.bid or mark), number(ticker.ask or mark)]
        if is_quoted
        else None,
    }


def position_row(position: PositionData, asset: Asset) -> dict[str, object]:
    """An entry of `assetPositions`."""
    mark = position.mark_price or position.entry_price or Decimal(0)
    is_cross = position.margin_mode is not MarginMode.ISOLATED
    leverage: dict[str, object] = {
        "type": "cross" if is_cross else "isolated",
        "value": int(position.leverage or 1),
    }
    if not is_cross:
        leverage["rawUsd"] = number(position.margin or Decimal(0))
    end = position.liquidation_price
    return {
        "type": "oneWay",
        "position": {
            "coin": asset.coin,
            "szi": number(position.size),
            "leverage": leverage,
            "entryPx": number(position.entry_price or Decimal(0)),
            "positionValue": number(abs(position.size) * mark),
            "unrealizedPnl": number(position.unrealized_pnl or Decimal(0)),
            "returnOnEquity": "0.0",
            "liquidationPx": number(end) if end is not None and end > 0 else None,
            "marginUsed": number(position.margin or Decimal(0)),
            "maxLeverage": int(asset.instrument.max_leverage),
            "cumFunding": _NO_FUNDING,
        },
    }


def funding_row(payment: FundingPaymentData, asset: Asset) -> dict[str, object]:
    """`userFunding`."""
    return {
        "time": ms(payment.at),
        "hash": hash_of(0),
        "delta": {"type": "funding", **funding_delta(payment, asset)},
    }


def funding_delta(payment: FundingPaymentData, asset: Asset) -> dict[str, object]:
    """What `userFunding` and the stream `userFundings` share."""
    return {
        "coin": asset.coin,
        "usdc": number(payment.amount),
        "szi": number(payment.position),
        "fundingRate": number(payment.rate),
        "nSamples": None,
    }


def _direction(fill: FillData, start: Decimal, *, is_spot: bool) -> str:
    is_buy = fill.side is OrderSide.BUY
    if is_spot:
        return "Buy" if is_buy else "Sell"
    if is_buy:
        return "Close Short" if start < 0 else "Open Long"
    return "Close Long" if start > 0 else "Open Short"
