"""What Bybit calls instruments, orders, executions, positions and money."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
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
from core.testing.venues.floor import Day, number_of

INTERVALS: Final = {
    "1": 60,
    "3": 180,
    "5": 300,
    "15": 900,
    "30": 1800,
    "60": 3600,
    "120": 7200,
    "240": 14400,
    "360": 21600,
    "720": 43200,
    "D": 86400,
}
_ORDERS: Final = "c6f055d9-7f21-4079-913d-"
_SPOT_ORDERS: Final = 1_523_347_543_495_541_000
_TRADES: Final = "a905d5c3-1ed0-4f37-83e4-"
_SIDES: Final = {OrderSide.BUY: "Buy", OrderSide.SELL: "Sell"}
_STATES: Final = {
    OrderStatus.OPEN: "New",
    OrderStatus.PARTIALLY_FILLED: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Cancelled",
    OrderStatus.REJECTED: "Rejected",
}
_IN_FORCE: Final = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
_REASONS: Final = {
    "POST_ONLY_WOULD_CROSS": "EC_PostOnlyWillTakeLiquidity",
    "FOK_NOT_FILLED": "EC_NoImmediateQtyToFill",
    "IOC_REMAINDER": "EC_NoImmediateQtyToFill",
    "NO_LIQUIDITY": "EC_NoImmediateQtyToFill",
}


def key_of(instrument: Instrument) -> str:
    """`BTCUSDT` for spot and for perpetuals in USDT, `BTCPERP` for those in USDC."""
    is_usdc = not instrument.is_spot and instrument.quote == "USDC"
    return instrument.base + ("PERP" if is_usdc else instrument.quote)


def category_of(instrument: Instrument) -> str:
    """`spot` or `linear`."""
    return "spot" if instrument.is_spot else "linear"


def ms(at: datetime | None) -> str:
    """Milliseconds since 1970; 0 for unknown."""
    return "0" if at is None else str(to_ns(at) // 1_000_000)


def order_id(order: OrderData | FillData, instrument: Instrument) -> str:
    """A number for spot, an UUID for perpetuals."""
    number = number_of(order.order_id)
    return str(_SPOT_ORDERS + number) if instrument.is_spot else f"{_ORDERS}{number:012x}"


def number_in(name: str) -> int:
    """The floor's number in an id of the wire; 0 for none."""
    if name.isdigit():
        return max(int(name) - _SPOT_ORDERS, 0)
    tail = name.removeprefix(_ORDERS)
    is_ours = len(name) == len(_ORDERS) + 12 and tail != name
    return int(tail, 16) if is_ours and all(c in "0123456789abcdef" for c in tail) else 0


def trade_id(number: int) -> str:
    """Of an execution: an UUID, which says nothing about its order."""
    return f"{_TRADES}{number:012x}"


def levels(rows: tuple[BookLevel, ...]) -> list[list[str]]:
    """Pairs of texts."""
    return [[plain(row.price), plain(row.amount)] for row in rows]


def instrument_row(instrument: Instrument) -> dict[str, object]:
    """A row of `instruments-info`."""
    least = plain(max(instrument.lot_size, instrument.min_amount))
    most = "1190" if instrument.max_amount is None else plain(instrument.max_amount)
    row: dict[str, object] = {
        "symbol": key_of(instrument),
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "status": "Trading",
        "priceFilter": {"tickSize": plain(instrument.tick_size)},
    }
    if instrument.is_spot:
        return row | {
            "innovation": "0",
            "marginTrading": "none",
            "lotSizeFilter": {
                "basePrecision": plain(instrument.lot_size),
                "quotePrecision": "0.00000001",
                "minOrderQty": least,
                "maxOrderQty": most,
                "minOrderAmt": plain(instrument.min_notional),
                "maxOrderAmt": "2000000",
            },
        }
    return row | {
        "contractType": "LinearPerpetual",
        "settleCoin": instrument.settle,
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "priceScale": "2",
        "fundingInterval": (instrument.funding_interval_s or 28_800) // 60,
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": plain(instrument.max_leverage),
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": plain(instrument.tick_size),
            "maxPrice": "1999999.80",
            "tickSize": plain(instrument.tick_size),
        },
        "lotSizeFilter": {
            "maxOrderQty": most,
            "minOrderQty": least,
            "qtyStep": plain(instrument.lot_size),
            "postOnlyMaxOrderQty": most,
            "maxMktOrderQty": "500",
            "minNotionalValue": plain(instrument.min_notional),
        },
    }


def order_row(order: OrderData, instrument: Instrument) -> dict[str, object]:
    """An order of REST; topic `order` adds the category."""
    is_market = order.order_type is OrderType.MARKET
    average = order.average_price if order.filled else None
    left = order.amount - order.filled if order.status.is_open else Decimal(0)
    return {
        "orderId": order_id(order, instrument),
        "orderLinkId": order.client_order_id or "",
        "symbol": key_of(instrument),
        "price": "0" if is_market else plain(order.price or Decimal(0)),
        "qty": plain(order.amount),
        "side": _SIDES[order.side],
        "positionIdx": 0,
        "orderStatus": _state_of(order, instrument),
        "cancelType": "CancelByUser" if order.status is OrderStatus.CANCELED else "UNKNOWN",
        "rejectReason": _REASONS.get(order.reason or "", "EC_NoError"),
        "avgPrice": "" if average is None else plain(average),
        "leavesQty": plain(left),
        "leavesValue": plain(left * (order.price or Decimal(0))),
        "cumExecQty": plain(order.filled),
        "cumExecValue": plain(order.filled * (average or Decimal(0))),
        "cumExecFee": "0",
        "timeInForce": _in_force_of(order, is_market=is_market),
        "orderType": "Market" if is_market else "Limit",
        "stopOrderType": "",
        "marketUnit": "baseCoin" if is_market and instrument.is_spot else "",
        "triggerPrice": "",
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": False,
        "smpType": "None",
        "createdTime": ms(order.created_at),
        "updatedTime": ms(order.updated_at),
    }


def _state_of(order: OrderData, instrument: Instrument) -> str:
    state = _STATES[order.status]
    is_part = state == "Cancelled" and bool(order.filled)
    return "PartiallyFilledCanceled" if is_part and instrument.is_spot else state


def _in_force_of(order: OrderData, *, is_market: bool) -> str:
    if order.post_only:
        return "PostOnly"
    return "IOC" if is_market else _IN_FORCE[order.time_in_force]


def execution_row(fill: FillData, instrument: Instrument) -> dict[str, object]:
    """REST `execution/list`; the topic adds the category, and leaves a perpetual's coin out."""
    number = number_of(fill.trade_id)
    return {
        "symbol": key_of(instrument),
        "orderId": order_id(fill, instrument),
        "orderLinkId": fill.client_order_id or "",
        "side": _SIDES[fill.side],
        "orderPrice": plain(fill.price),
        "orderQty": plain(fill.amount),
        "leavesQty": "0",
        "orderType": "Limit",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(fill.fee),
        "execId": trade_id(number),
        "execPrice": plain(fill.price),
        "execQty": plain(fill.amount),
        "execType": "Trade",
        "execValue": plain(fill.price * fill.amount),
        "execTime": ms(fill.at),
        "isMaker": fill.liquidity is Liquidity.MAKER,
        "feeRate": "0",
        "feeCurrency": fill.fee_currency if instrument.is_spot else "",
        "markPrice": plain(fill.price),
        "closedSize": "0",
        "seq": 140_612_148_000_000 + number,
    }


def payment_row(payment: FundingPaymentData, instrument: Instrument) -> dict[str, object]:
    """The same list for funding: a fee that was paid is positive."""
    size = abs(payment.position)
    mark = abs(payment.amount / (payment.rate * size)) if payment.rate and size else Decimal(0)
    return {
        "symbol": key_of(instrument),
        "orderId": "",
        "orderLinkId": "",
        "side": "Sell" if payment.position > 0 else "Buy",
        "orderPrice": "0",
        "orderQty": plain(size),
        "leavesQty": "0",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(-payment.amount),
        "execId": trade_id(number_of(payment.payment_id)),
        "execPrice": plain(mark),
        "execQty": plain(size),
        "execType": "Funding",
        "execValue": plain(mark * size),
        "execTime": ms(payment.at),
        "isMaker": False,
        "feeRate": plain(payment.rate),
        "feeCurrency": "",
        "seq": number_of(payment.payment_id),
    }


def position_row(
    position: PositionData, instrument: Instrument, leverage: Decimal
) -> dict[str, object]:
    """REST `position/list` in one-way mode; the topic adds the category."""
    size = position.size
    mark, entry = position.mark_price or Decimal(0), position.entry_price or Decimal(0)
    liquidation = position.liquidation_price
    return {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": key_of(instrument),
        "side": "Buy" if size > 0 else ("Sell" if size < 0 else ""),
        "size": plain(abs(size)),
        "avgPrice": plain(entry),
        "positionValue": plain(abs(size) * entry),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "leverage": plain(leverage),
        "markPrice": plain(mark),
        "liqPrice": "" if liquidation is None or liquidation <= 0 else plain(liquidation),
        "positionIM": "0",
        "positionMM": "0",
        "unrealisedPnl": plain(position.unrealized_pnl or Decimal(0)),
        "curRealisedPnl": "0",
        "cumRealisedPnl": "0",
        "isReduceOnly": False,
        "createdTime": "1676538056258",
        "updatedTime": ms(position.at),
    }


def wallet_row(balances: list[BalanceData]) -> dict[str, object]:
    """The unified account with its coins."""
    equity = sum((each.equity or each.total for each in balances), Decimal(0))
    return {
        "accountType": "UNIFIED",
        "totalEquity": plain(equity),
        "totalWalletBalance": plain(equity),
        "totalMarginBalance": plain(equity),
        "totalAvailableBalance": plain(equity),
        "totalPerpUPL": "0",
        "totalInitialMargin": "0",
        "totalMaintenanceMargin": "0",
        "accountIMRate": "0",
        "accountMMRate": "0",
        "coin": [
            {
                "coin": each.asset,
                "equity": plain(each.total if each.equity is None else each.equity),
                "walletBalance": plain(each.total),
                "locked": "0",
                "totalOrderIM": plain(max(each.total - each.free, Decimal(0))),
                "totalPositionIM": "0",
                "totalPositionMM": "0",
                "unrealisedPnl": plain((each.equity or each.total) - each.total),
                "cumRealisedPnl": "0",
                "usdValue": plain(each.total),
                "borrowAmount": "0",
                "availableToWithdraw": "",
            }
            for each in balances
        ],
    }


def trade_row(trade: TradeData, instrument: Instrument) -> dict[str, object]:
    """A row of REST `recent-trade`."""
    return {
        "execId": trade_id(int(trade.trade_id)),
        "symbol": key_of(instrument),
        "price": plain(trade.price),
        "size": plain(trade.amount),
        "side": _SIDES[trade.side or OrderSide.BUY],
        "time": ms(trade.at),
        "isBlockTrade": False,
        "isRPITrade": False,
    }


def trade_event(trade: TradeData, instrument: Instrument, seq: int) -> dict[str, object]:
    """A row of topic `publicTrade`."""
    return {
        "T": int(ms(trade.at)),
        "s": key_of(instrument),
        "S": _SIDES[trade.side or OrderSide.BUY],
        "v": plain(trade.amount),
        "p": plain(trade.price),
        "L": "PlusTick",
        "i": trade_id(int(trade.trade_id)),
        "BT": False,
        "RPI": False,
        "seq": seq,
    }


def kline_row(candle: OHLCVData) -> list[str]:
    """A row of REST `kline`."""
    return [
        ms(candle.at),
        plain(candle.open),
        plain(candle.high),
        plain(candle.low),
        plain(candle.close),
        plain(candle.volume),
        plain(candle.volume * candle.close),
    ]


def kline_event(candle: OHLCVData, interval: str, now_ms: int) -> dict[str, object]:
    """A row of topic `kline`."""
    start = int(ms(candle.at))
    return {
        "start": start,
        "end": start + INTERVALS[interval] * 1000 - 1,
        "interval": interval,
        "open": plain(candle.open),
        "close": plain(candle.close),
        "high": plain(candle.high),
        "low": plain(candle.low),
        "volume": plain(candle.volume),
        "turnover": plain(candle.volume * candle.close),
        "confirm": candle.is_closed,
        "timestamp": now_ms,
    }


def ticker_row(
    ticker: TickerData, day: Day, instrument: Instrument, funding: FundingRateData | None
) -> dict[str, object]:
    """A row of REST `tickers`, and the data of the topic."""
    last = plain(ticker.last or day.last)
    row: dict[str, object] = {
        "symbol": key_of(instrument),
        "lastPrice": last,
        "prevPrice24h": plain(day.open),
        "price24hPcnt": plain(day.change_ratio),
        "highPrice24h": plain(day.high),
        "lowPrice24h": plain(day.low),
        "turnover24h": plain(day.value),
        "volume24h": plain(day.volume),
    }
    if funding is None:
        return row | {"usdIndexPrice": last}
    mark = plain(ticker.mark or ticker.last or Decimal(0))
    return row | {
        "tickDirection": "PlusTick",
        "markPrice": mark,
        "indexPrice": mark,
        "openInterest": "0",
        "openInterestValue": "0",
        "nextFundingTime": ms(funding.next_at),
        "fundingRate": plain(funding.rate),
        "fundingIntervalHour": str(funding.interval_s // 3600 or 1),
        "bid1Price": "" if ticker.bid is None else plain(ticker.bid),
        "bid1Size": "" if ticker.bid_amount is None else plain(ticker.bid_amount),
        "ask1Price": "" if ticker.ask is None else plain(ticker.ask),
        "ask1Size": "" if ticker.ask_amount is None else plain(ticker.ask_amount),
    }
