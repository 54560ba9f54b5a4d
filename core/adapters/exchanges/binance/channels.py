"""Binance's messages by name, for reading recordings."""

from __future__ import annotations

import re
from typing import Final

from core.adapters.exchanges.binance import instruments, parse
from core.adapters.exchanges.decoding import Reading, timeframe_of
from core.adapters.exchanges.models import OHLCVData
from core.adapters.exchanges.transcript import Message, Room, each, message


def _klines(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Candles whose length is told by the first one alone."""
    first = raw[0] if isinstance(raw, list) and raw else None
    ends = [first[0], first[6]] if isinstance(first, list) and len(first) > 6 else []
    times = [end for end in ends if isinstance(end, int)]
    length_s = (times[1] - times[0] + 1) // 1000 if len(times) == 2 else 0
    return parse.parse_klines(raw, reading, timeframe_of(length_s))


MESSAGES: Final[dict[str, Message]] = {
    "depthUpdate": message("orderbook depth", parse.parse_depth_update, "U u b a"),
    "depth": message("orderbook", parse.parse_depth, "lastUpdateId bids asks"),
    "bookTicker": message("ticker", parse.parse_book_ticker, "u s b B a A"),
    "ticker/bookTicker": message(
        "ticker bookTicker", each(parse.parse_book_ticker), "symbol bidPrice askPrice bidQty time"
    ),
    "24hrTicker": message("ticker", parse.parse_ticker),
    "24hrMiniTicker": message("ticker 24hrTicker", parse.parse_ticker),
    "ticker/24hr": message("ticker", each(parse.parse_ticker_rest), "symbol priceChangePercent"),
    "markPriceUpdate": message("ticker funding markPrice", parse.parse_mark_price),
    "premiumIndex": message(
        "ticker funding", each(parse.parse_premium_index), "markPrice indexPrice"
    ),
    "fundingRate": message("funding", parse.parse_funding_rates, "fundingRate fundingTime"),
    "trade": message("trades", parse.parse_trade),
    "aggTrade": message("trades", parse.parse_trade),
    "aggTrades": message("trades aggTrade", parse.parse_agg_trades, "a p q f l T m"),
    "trades": message("trade", parse.parse_trades, "id price qty quoteQty time isBuyerMaker"),
    "kline": message("candles", parse.parse_kline),
    "klines": message("candles kline", _klines),
    "order": message("orders", parse.parse_order),
    "orders": message("order", parse.parse_orders, "orderId origQty status"),
    "userTrades": message("fills", parse.parse_fills, "id orderId commission commissionAsset"),
    "executionReport": message("orders fills", parse.parse_execution_report),
    "ORDER_TRADE_UPDATE": message("orders fills", parse.parse_order_trade_update),
    "ACCOUNT_UPDATE": message("balances positions", parse.parse_account_update),
    "outboundAccountPosition": message("balances", parse.parse_spot_position),
    "account": message("balances", parse.parse_account, "balances makerCommission"),
    "balance": message("balances", parse.parse_balances, "asset balance crossWalletBalance"),
    "positionRisk": message("positions", parse.parse_positions, "symbol positionAmt entryPrice"),
    "exchangeInfo": message("instruments", instruments.parse_exchange_info, "symbols timezone"),
}
_IGNORED: Final = frozenset(
    {"control", "ALGO_UPDATE", "TRADE_LITE", "balanceUpdate", "forceOrder", "listStatus"}
)
"""Messages whose news also comes otherwise (TRADE_LITE), that concern no order of ours, or
that answer a subscription."""


def _identify(raw: object, hint: str) -> str | None:
    payload = parse.unwrap(raw)
    if isinstance(payload, list):
        return _identify_rows(payload, hint)
    if not isinstance(payload, dict):
        return None
    event = payload.get("e")
    if isinstance(event, str):
        return event if event in MESSAGES or event in _IGNORED else None
    if "id" in payload and ("result" in payload or "error" in payload):
        return "control"
    if "orderId" in payload and "origQty" in payload:
        return "order"
    return _identify_quote(payload)


def _identify_quote(row: dict[str, object]) -> str | None:
    is_best = {"symbol", "bidPrice", "askPrice"} <= row.keys()
    return "ticker/bookTicker" if is_best and "lastPrice" not in row else None


def _identify_rows(rows: list[object], hint: str) -> str | None:
    """Arrays: candles have no field names, and look alike whether of trades, mark or index."""
    if not rows:
        return None
    if isinstance(rows[0], dict):
        return _identify_quote(rows[0])
    if isinstance(rows[0], list) and re.search(r"klines?\b", hint.lower()):
        is_traded = not re.search(r"index|mark|premium", hint.lower())
        return "klines" if is_traded else None
    return None


def _market_of(raw: object, hint: str) -> str:
    """Spot, `usdm` or `coinm`, by what each market's messages alone carry."""
    if "/dapi/" in hint:
        return "coinm"
    if "/api/v3" in hint or "spot" in hint:
        return "spot"
    payload = parse.unwrap(raw)
    if not isinstance(payload, dict):
        return "usdm"
    symbol = payload.get("s") or payload.get("symbol")
    if "ps" in payload and isinstance(symbol, str) and "_" in symbol:
        return "coinm"
    event = payload.get("e")
    is_spot = (
        event in ("executionReport", "outboundAccountPosition")
        or (event in ("trade", "aggTrade") and "M" in payload)
        or (event == "depthUpdate" and "pu" not in payload)
        or (event is None and ("b" in payload or "cummulativeQuoteQty" in payload))
        or ("lastUpdateId" in payload and "E" not in payload)
        or (event == "24hrTicker" and "b" in payload)
    )
    return "spot" if is_spot else "usdm"


ROOM: Final = Room(
    venue="binance",
    messages=MESSAGES,
    identify=_identify,
    unwrap=parse.unwrap,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
