"""What OKX calls instruments, orders, fills, positions and money."""

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
    MarginMode,
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

ORDER_IDS: Final = 2_497_956_918_703_120_000
"""Above 2^53: a client that reads ids as binary floats finds other orders."""
TRADE_IDS: Final = 734_864_000
BARS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1H": 3600,
    "2H": 7200,
    "4H": 14400,
    "6Hutc": 21600,
    "12Hutc": 43200,
    "1Dutc": 86400,
}
POST_ONLY_TAKES: Final = "31"
"""Cancel source: a post-only order would have taken liquidity."""
_CONTRACTS: Final = {"ETH": Decimal("0.1"), "SOL": Decimal(1)}
_SIDES: Final = {OrderSide.BUY: "buy", OrderSide.SELL: "sell"}
_STATES: Final = {
    OrderStatus.OPEN: "live",
    OrderStatus.PARTIALLY_FILLED: "partially_filled",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.EXPIRED: "canceled",
    OrderStatus.REJECTED: "canceled",
}
_MODES: Final = {MarginMode.CROSS: "cross", MarginMode.ISOLATED: "isolated"}
_REASONS: Final = {"POST_ONLY_WOULD_CROSS": POST_ONLY_TAKES, "IOC_REMAINDER": "14"}


def key_of(instrument: Instrument) -> str:
    """`BTC-USDT-SWAP`, or `BTC-USDT` for spot."""
    pair = f"{instrument.base}-{instrument.quote}"
    return pair if instrument.is_spot else f"{pair}-SWAP"


def kind_of(instrument: Instrument) -> str:
    """`SPOT` or `SWAP`."""
    return "SPOT" if instrument.is_spot else "SWAP"


def contract_of(instrument: Instrument) -> Decimal:
    """Base units of one contract; 1 for spot."""
    return Decimal(1) if instrument.is_spot else _CONTRACTS.get(instrument.base, Decimal("0.01"))


def ms(at: datetime | None) -> str:
    """Milliseconds since 1970; empty for unknown."""
    return "" if at is None else str(to_ns(at) // 1_000_000)


def order_id(order: OrderData | FillData) -> str:
    """The wire's id."""
    return str(ORDER_IDS + number_of(order.order_id))


def trade_id(fill: FillData) -> str:
    """The wire's id of an execution."""
    return str(TRADE_IDS + number_of(fill.trade_id))


def levels(rows: tuple[BookLevel, ...], instrument: Instrument) -> list[list[str]]:
    """Price, contracts, a word of the past, number of orders."""
    size = contract_of(instrument)
    return [
        [plain(row.price), plain(row.amount / size), "0", "1" if row.amount else "0"]
        for row in rows
    ]


def instrument_row(instrument: Instrument) -> dict[str, object]:
    """A row of `instruments`."""
    is_spot, size = instrument.is_spot, contract_of(instrument)
    least = max(instrument.lot_size, instrument.min_amount)
    return {
        "alias": "",
        "baseCcy": instrument.base if is_spot else "",
        "category": "1",
        "ctMult": "" if is_spot else "1",
        "ctType": "" if is_spot else "linear",
        "ctVal": "" if is_spot else plain(size),
        "ctValCcy": "" if is_spot else instrument.base,
        "expTime": "",
        "instFamily": "" if is_spot else f"{instrument.base}-{instrument.quote}",
        "instId": key_of(instrument),
        "instType": kind_of(instrument),
        "lever": "" if is_spot else plain(instrument.max_leverage),
        "listTime": "1611916828000",
        "lotSz": plain(instrument.lot_size / size),
        "maxLmtSz": "100000000",
        "maxMktSz": "" if is_spot else "30000",
        "minSz": plain(least / size),
        "optType": "",
        "quoteCcy": instrument.quote if is_spot else "",
        "ruleType": "normal",
        "settleCcy": "" if is_spot else instrument.settle,
        "state": "live",
        "stk": "",
        "tickSz": plain(instrument.tick_size),
        "uly": "" if is_spot else f"{instrument.base}-{instrument.quote}",
    }


def order_row(order: OrderData, instrument: Instrument, mode: MarginMode) -> dict[str, object]:
    """An order of REST and of channel `orders`."""
    size = contract_of(instrument)
    is_market = order.order_type is OrderType.MARKET
    average = order.average_price if order.filled else None
    return {
        "accFillSz": plain(order.filled / size),
        "algoId": "",
        "avgPx": "" if average is None else plain(average),
        "cTime": ms(order.created_at),
        "cancelSource": _REASONS.get(order.reason or "", "1" if _is_cancelled(order) else ""),
        "cancelSourceReason": order.reason or "",
        "category": "normal",
        "ccy": "",
        "clOrdId": order.client_order_id or "",
        "fee": "0",
        "feeCcy": instrument.quote,
        "fillPx": "",
        "fillSz": "0",
        "fillTime": "",
        "instId": key_of(instrument),
        "instType": kind_of(instrument),
        "lever": "",
        "ordId": order_id(order),
        "ordType": _type_of(order),
        "pnl": "0",
        "posSide": "" if instrument.is_spot else "net",
        "px": "" if is_market else plain(order.price or Decimal(0)),
        "rebate": "0",
        "rebateCcy": instrument.quote,
        "reduceOnly": "true" if order.reduce_only else "false",
        "side": _SIDES[order.side],
        "source": "",
        "state": _STATES[order.status],
        "stpMode": "cancel_maker",
        "sz": plain(order.amount / size),
        "tag": "",
        "tdMode": "cash" if instrument.is_spot else _MODES[mode],
        "tgtCcy": "base_ccy" if instrument.is_spot else "",
        "tradeId": "",
        "uTime": ms(order.updated_at),
    }


def _is_cancelled(order: OrderData) -> bool:
    return _STATES[order.status] == "canceled"


def _type_of(order: OrderData) -> str:
    if order.order_type is OrderType.MARKET:
        return "market"
    if order.post_only:
        return "post_only"
    return {TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}.get(order.time_in_force, "limit")


def filled_row(
    row: dict[str, object], fill: FillData, instrument: Instrument, done: Decimal, amount: Decimal
) -> dict[str, object]:
    """The order's row with one of its executions, after which `done` of `amount` has filled."""
    size = contract_of(instrument)
    state = row["state"] if done == amount or row["state"] != "filled" else "partially_filled"
    return row | {
        "accFillSz": plain(done / size),
        "execType": "M" if fill.liquidity is Liquidity.MAKER else "T",
        "fillFee": plain(-fill.fee),
        "fillFeeCcy": fill.fee_currency,
        "fillPx": plain(fill.price),
        "fillSz": plain(fill.amount / size),
        "fillTime": ms(fill.at),
        "state": state,
        "tradeId": trade_id(fill),
    }


def fill_row(fill: FillData, instrument: Instrument) -> dict[str, object]:
    """A row of `fills`; a fee that was paid is negative."""
    return {
        "billId": str(TRADE_IDS + number_of(fill.trade_id)),
        "clOrdId": fill.client_order_id or "",
        "execType": "M" if fill.liquidity is Liquidity.MAKER else "T",
        "fee": plain(-fill.fee),
        "feeCcy": fill.fee_currency,
        "fillPx": plain(fill.price),
        "fillSz": plain(fill.amount / contract_of(instrument)),
        "fillTime": ms(fill.at),
        "instId": key_of(instrument),
        "instType": kind_of(instrument),
        "ordId": order_id(fill),
        "posSide": "" if instrument.is_spot else "net",
        "side": _SIDES[fill.side],
        "tag": "",
        "tradeId": trade_id(fill),
        "ts": ms(fill.at),
    }


def position_row(
    position: PositionData, instrument: Instrument, leverage: Decimal
) -> dict[str, object]:
    """A row of `positions` in net mode: a short is negative."""
    mark, entry = position.mark_price or Decimal(0), position.entry_price or Decimal(0)
    liquidation = position.liquidation_price
    return {
        "adl": "1",
        "availPos": "",
        "avgPx": plain(entry) if position.size else "",
        "ccy": instrument.settle,
        "imr": "",
        "instId": key_of(instrument),
        "instType": "SWAP",
        "last": plain(mark),
        "lever": plain(leverage),
        "liqPx": "" if liquidation is None or liquidation <= 0 else plain(liquidation),
        "margin": "",
        "markPx": plain(mark),
        "mgnMode": _MODES[position.margin_mode or MarginMode.CROSS],
        "notionalUsd": plain(abs(position.size) * mark),
        "pos": plain(position.size / contract_of(instrument)),
        "posCcy": "",
        "posId": "1752810569801498626",
        "posSide": "net",
        "uTime": ms(position.at),
        "upl": plain(position.unrealized_pnl or Decimal(0)),
    }


def account_row(balances: list[BalanceData], now_ms: int) -> dict[str, object]:
    """The account with its money."""
    equity = sum((each.equity or each.total for each in balances), Decimal(0))
    return {
        "adjEq": "",
        "details": [
            {
                "availBal": plain(each.free),
                "availEq": plain(each.free),
                "cashBal": plain(each.total),
                "ccy": each.asset,
                "eq": plain(each.total if each.equity is None else each.equity),
                "frozenBal": plain(max(each.total - each.free, Decimal(0))),
                "ordFrozen": "0",
                "uTime": str(now_ms),
                "upl": plain((each.equity or each.total) - each.total),
            }
            for each in balances
        ],
        "imr": "",
        "isoEq": "0",
        "mgnRatio": "",
        "mmr": "",
        "notionalUsd": "",
        "totalEq": plain(equity),
        "uTime": str(now_ms),
    }


def trade_row(trade: TradeData, instrument: Instrument) -> dict[str, object]:
    """A row of `trades`, of REST."""
    return {
        "instId": key_of(instrument),
        "side": _SIDES[trade.side or OrderSide.BUY],
        "sz": plain(trade.amount / contract_of(instrument)),
        "px": plain(trade.price),
        "tradeId": str(int(trade.trade_id)),
        "ts": ms(trade.at),
    }


def candle_row(candle: OHLCVData, instrument: Instrument) -> list[str]:
    """A row of `candles`."""
    return [
        ms(candle.at),
        plain(candle.open),
        plain(candle.high),
        plain(candle.low),
        plain(candle.close),
        plain(candle.volume / contract_of(instrument)),
        plain(candle.volume),
        plain(candle.volume * candle.close),
        "1" if candle.is_closed else "0",
    ]


def ticker_row(ticker: TickerData, day: Day, instrument: Instrument) -> dict[str, object]:
    """A row of `tickers`: sizes of a swap are contracts, its `volCcy24h` is in base units."""
    size = contract_of(instrument)
    is_spot = instrument.is_spot
    return {
        "instType": kind_of(instrument),
        "instId": key_of(instrument),
        "last": plain(ticker.last or day.last),
        "lastSz": "1",
        "askPx": "" if ticker.ask is None else plain(ticker.ask),
        "askSz": "" if ticker.ask_amount is None else plain(ticker.ask_amount / size),
        "bidPx": "" if ticker.bid is None else plain(ticker.bid),
        "bidSz": "" if ticker.bid_amount is None else plain(ticker.bid_amount / size),
        "open24h": plain(day.open),
        "high24h": plain(day.high),
        "low24h": plain(day.low),
        "volCcy24h": plain(day.value if is_spot else day.volume),
        "vol24h": plain(day.volume / size),
        "ts": ms(ticker.at),
        "sodUtc0": plain(day.open),
        "sodUtc8": plain(day.open),
    }


def mark_row(ticker: TickerData, instrument: Instrument) -> dict[str, object]:
    """A row of `mark-price`."""
    return {
        "instType": "SWAP",
        "instId": key_of(instrument),
        "markPx": plain(ticker.mark or ticker.last or Decimal(0)),
        "ts": ms(ticker.at),
    }


def funding_row(funding: FundingRateData, instrument: Instrument) -> dict[str, object]:
    """A row of `funding-rate`: `fundingTime` is the next settlement."""
    due = int(ms(funding.next_at) or 0)
    return {
        "instType": "SWAP",
        "instId": key_of(instrument),
        "fundingRate": plain(funding.rate),
        "fundingTime": str(due),
        "nextFundingRate": "",
        "nextFundingTime": str(due + funding.interval_s * 1000),
        "method": "current_period",
        "minFundingRate": "-0.00375",
        "maxFundingRate": "0.00375",
        "settFundingRate": "",
        "settState": "settled",
        "premium": "",
        "ts": ms(funding.at),
    }


def settled_row(payment: FundingPaymentData, instrument: Instrument) -> dict[str, object]:
    """A row of `funding-rate-history`."""
    return {
        "instType": "SWAP",
        "instId": key_of(instrument),
        "fundingRate": plain(payment.rate),
        "realizedRate": plain(payment.rate),
        "fundingTime": ms(payment.at),
        "method": "current_period",
    }


def bill_row(payment: FundingPaymentData, instrument: Instrument) -> dict[str, object]:
    """A row of `bills`: what funding paid or cost."""
    mark = Decimal(0)
    if payment.rate and payment.position:
        mark = abs(payment.amount / (payment.rate * payment.position))
    return {
        "bal": "",
        "balChg": plain(payment.amount),
        "billId": str(TRADE_IDS + number_of(payment.payment_id)),
        "ccy": instrument.settle,
        "fee": "0",
        "instId": key_of(instrument),
        "instType": "SWAP",
        "mgnMode": "cross",
        "pnl": plain(payment.amount),
        "px": plain(mark),
        "subType": "173" if payment.amount < 0 else "174",
        "sz": plain(abs(payment.position) / contract_of(instrument)),
        "ts": ms(payment.at),
        "type": "8",
    }
