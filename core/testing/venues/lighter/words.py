"""What Lighter calls orders, trades, books and positions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BookLevel,
    FillData,
    FundingRateData,
    Liquidity,
    MarginMode,
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
from core.testing.venues.floor import Day, number_of
from core.testing.venues.lighter.markets import MarketName

ASK_IDS: Final = 281_476_929_000_000
BID_IDS: Final = 562_947_905_000_000
TRADE_IDS: Final = 19_211_000_000
PUBLIC_TRADE_IDS: Final = 16_164_000_000
OTHERS: Final = (57_890, 317_068)
"""Accounts of a public trade."""
INTERVALS: Final = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14400,
    "12h": 43200,
    "1d": 86400,
}
_MILLION: Final = 1_000_000
_REASONS: Final = {
    "POST_ONLY_WOULD_CROSS": "canceled-post-only",
    "REDUCE_ONLY": "canceled-reduce-only",
    "INSUFFICIENT_MARGIN": "canceled-margin-not-allowed",
    "INSUFFICIENT_BALANCE": "canceled-invalid-balance",
    "SPOT_SHORT": "canceled-invalid-balance",
    "NO_LIQUIDITY": "canceled-not-enough-liquidity",
    "IOC_REMAINDER": "canceled-not-enough-liquidity",
    "LIQUIDATION": "canceled-liquidation",
}


def ms(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for unknown."""
    return 0 if at is None else to_ns(at) // 1_000_000


def us(at: datetime) -> int:
    """Microseconds since 1970."""
    return to_ns(at) // 1000


def order_index(number: int, side: OrderSide) -> int:
    """Asks are numbered near 2^48, bids near 2^49."""
    return number + (BID_IDS if side is OrderSide.BUY else ASK_IDS)


def number_in(index: int) -> int:
    """The floor's number in an order index."""
    return index - (BID_IDS if index > BID_IDS else ASK_IDS)


def client_index(order: OrderData | FillData) -> int:
    """The client's number; 0 for none."""
    text = order.client_order_id
    return int(text) if text is not None and text.isdigit() else 0


def levels(rows: tuple[BookLevel, ...], market: MarketName) -> list[dict[str, str]]:
    """Prices and sizes with all their decimals; size 0 deletes."""
    rules = market.instrument
    return [
        {
            "price": f"{level.price:.{rules.price_decimals}f}",
            "size": f"{level.amount:.{rules.amount_decimals}f}",
        }
        for level in rows
    ]


def status(order: OrderData) -> str:
    """Why an order is where it is."""
    if order.status in {OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED}:
        return "open"
    if order.status is OrderStatus.FILLED:
        return "filled"
    return _REASONS.get(order.reason or "", "canceled")


def order_row(order: OrderData, market: MarketName, account: int) -> dict[str, object]:
    """An order, in channels and answers."""
    rules = market.instrument
    index = order_index(number_of(order.order_id), order.side)
    price = order.price or order.average_price or Decimal(0)
    is_ask = order.side is OrderSide.SELL
    in_force = "post-only" if order.post_only else "good-till-time"
    if order.time_in_force is TimeInForce.IOC:
        in_force = "immediate-or-cancel"
    left = order.remaining if order.status.is_open else Decimal(0)
    return {
        "order_index": index,
        "client_order_index": client_index(order),
        "order_id": str(index),
        "client_order_id": str(client_index(order)),
        "market_index": market.number,
        "owner_account_index": account,
        "initial_base_amount": f"{order.amount:.{rules.amount_decimals}f}",
        "price": f"{price:.{rules.price_decimals}f}",
        "nonce": number_of(order.order_id),
        "remaining_base_amount": f"{left:.{rules.amount_decimals}f}",
        "is_ask": is_ask,
        "base_size": int(order.amount / rules.lot_size),
        "base_price": int(price / rules.tick_size),
        "filled_base_amount": f"{order.filled:.{rules.amount_decimals}f}",
        "filled_quote_amount": f"{(order.average_price or Decimal(0)) * order.filled:.6f}",
        "side": "sell" if is_ask else "buy",
        "type": "market" if order.order_type is OrderType.MARKET else "limit",
        "time_in_force": in_force,
        "reduce_only": order.reduce_only,
        "trigger_price": "0",
        "order_expiry": ms(order.created_at) + 2_419_200_000,
        "status": status(order),
        "trigger_status": "na",
        "trigger_time": 0,
        "parent_order_index": 0,
        "parent_order_id": "0",
        "to_trigger_order_id_0": "0",
        "to_trigger_order_id_1": "0",
        "to_cancel_order_id_0": "0",
        "block_height": number_of(order.order_id),
        "timestamp": ms(order.updated_at),
        "created_at": ms(order.created_at),
        "updated_at": ms(order.updated_at),
    }


def trade_row(trade: TradeData, market: MarketName) -> dict[str, object]:
    """A public trade: a buyer took where the maker was the ask."""
    is_maker_ask = trade.side is not OrderSide.SELL
    number = PUBLIC_TRADE_IDS + int(trade.trade_id)
    accounts = {"ask_account_id": OTHERS[0], "bid_account_id": OTHERS[1]}
    ids = {"ask_id": ASK_IDS, "bid_id": BID_IDS, "ask_client_id": 0, "bid_client_id": 0}
    at = {"timestamp": ms(trade.at), "transaction_time": us(trade.at)}
    row = _trade(number, market, trade.price, trade.amount)
    return row | accounts | _with_texts(ids) | at | {"is_maker_ask": is_maker_ask}


def fill_row(fill: FillData, market: MarketName, account: int) -> dict[str, object]:
    """A trade of the account, with fees in millionths."""
    is_ask = fill.side is OrderSide.SELL
    is_maker = fill.liquidity is Liquidity.MAKER
    index = order_index(number_of(fill.order_id), fill.side)
    ids = {
        "ask_id": index if is_ask else ASK_IDS,
        "bid_id": BID_IDS if is_ask else index,
        "ask_client_id": client_index(fill) if is_ask else 0,
        "bid_client_id": 0 if is_ask else client_index(fill),
    }
    accounts = {
        "ask_account_id": account if is_ask else OTHERS[0],
        "bid_account_id": OTHERS[1] if is_ask else account,
    }
    rules = market.instrument
    row = _trade(TRADE_IDS + number_of(fill.trade_id), market, fill.price, fill.amount)
    fees = {
        "maker_fee": int((rules.maker_fee or Decimal(0)) * _MILLION),
        "taker_fee": int((rules.taker_fee or Decimal(0)) * _MILLION),
    }
    at = {"timestamp": ms(fill.at), "transaction_time": us(fill.at)}
    return row | accounts | _with_texts(ids) | fees | at | {"is_maker_ask": is_ask == is_maker}


def position_row(position: PositionData, market: MarketName, orders: int) -> dict[str, object]:
    """A position; its margin fraction is in percent."""
    leverage = position.leverage or Decimal(1)
    is_isolated = position.margin_mode is MarginMode.ISOLATED
    mark = position.mark_price or Decimal(0)
    margin = position.margin if is_isolated else None
    return {
        "market_id": market.number,
        "symbol": market.symbol,
        "initial_margin_fraction": f"{100 / leverage:.2f}",
        "open_order_count": orders,
        "pending_order_count": 0,
        "position_tied_order_count": 0,
        "sign": -1 if position.size < 0 else 1,
        "position": plain(abs(position.size)),
        "avg_entry_price": plain(position.entry_price or Decimal(0)),
        "position_value": plain(abs(position.size) * mark),
        "unrealized_pnl": plain(position.unrealized_pnl or Decimal(0)),
        "realized_pnl": "0.000000",
        "liquidation_price": plain(max(position.liquidation_price or Decimal(0), Decimal(0))),
        "total_funding_paid_out": "0.000000",
        "margin_mode": int(is_isolated),
        "allocated_margin": plain(margin or Decimal(0)),
        "total_discount": "0.000000",
    }


def best(book: OrderBookData, market: MarketName) -> dict[str, object]:
    """`ticker`: empty texts for an empty side."""
    nothing = {"price": "", "size": ""}
    bids, asks = levels(book.bids[:1], market), levels(book.asks[:1], market)
    return {
        "s": market.symbol,
        "a": asks[0] if asks else nothing,
        "b": bids[0] if bids else nothing,
        "last_updated_at": us(book.at),
    }


def stats(
    ticker: TickerData, day: Day, funding: FundingRateData | None, market: MarketName
) -> dict[str, object]:
    """`market_stats`, or `spot_market_stats` without funding; rates in percent per hour."""
    last = ticker.last or Decimal(0)
    row: dict[str, object] = {
        "symbol": market.symbol,
        "market_id": market.number,
        "index_price": plain(ticker.mark or last),
        "mid_price": plain(ticker.mid or last),
        "last_trade_price": plain(last),
        **daily(day),
    }
    if funding is None:
        return row
    settled_ms = ms(funding.next_at) - funding.interval_s * 1000
    return row | {
        "mark_price": plain(ticker.mark or last),
        "open_interest": "1.000000",
        "open_interest_limit": "72057594037927936.000000",
        "base_interest_rate": "0.0100",
        "funding_clamp_small": "0.0500",
        "funding_clamp_big": "4.0000",
        "current_funding_rate": plain(funding.rate * 100),
        "funding_rate": plain(funding.rate * 100),
        "funding_timestamp": settled_ms,
    }


def daily(day: Day) -> dict[str, object]:
    """The last 24 hours; the change in percent."""
    return {
        "daily_base_token_volume": day.volume,
        "daily_quote_token_volume": day.value,
        "daily_price_low": day.low,
        "daily_price_high": day.high,
        "daily_price_change": day.change_ratio * 100,
    }


def candle_row(candle: OHLCVData) -> dict[str, object]:
    """A candle; its numbers are numbers."""
    return {
        "t": ms(candle.at),
        "o": candle.open,
        "h": candle.high,
        "l": candle.low,
        "c": candle.close,
        "v": candle.volume,
        "V": candle.volume * candle.close,
        "i": 1,
    }


def _trade(number: int, market: MarketName, price: Decimal, amount: Decimal) -> dict[str, object]:
    rules = market.instrument
    return {
        "trade_id": number,
        "trade_id_str": str(number),
        "tx_hash": f"{number:080x}",
        "type": "trade",
        "market_id": market.number,
        "size": f"{amount:.{rules.amount_decimals}f}",
        "price": f"{price:.{rules.price_decimals}f}",
        "usd_amount": f"{price * amount:.6f}",
        "block_height": number,
    }


def _with_texts(ids: dict[str, int]) -> dict[str, object]:
    return {**ids, **{f"{name}_str": str(value) for name, value in ids.items()}}
