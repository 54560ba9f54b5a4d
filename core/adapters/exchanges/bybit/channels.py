"""Bybit's messages by name, for reading recordings."""

from __future__ import annotations

import re
from typing import Final

from core.adapters.exchanges.bybit import instruments, parse, retired
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "orderbook": message("orderbook", parse.parse_orderbook),
    "orderBookL2": message("orderbook", retired.parse_book),
    "trade before V5": message("trades", retired.parse_trades),
    "tickers": message("ticker funding", parse.parse_tickers, "symbol lastPrice bid1Price"),
    "funding/history": message(
        "funding", parse.parse_funding_history, "symbol fundingRate fundingRateTimestamp"
    ),
    "publicTrade": message("trades", parse.parse_trade_events),
    "recent-trade": message("trades publicTrade", parse.parse_trades, "execId price isBlockTrade"),
    "kline": message("candles", parse.parse_kline_event),
    "rest_kline": message("candles", parse.parse_klines),
    "execution": message("fills", parse.parse_executions, "execId orderId execPrice"),
    "order": message("orders", parse.parse_orders, "orderId orderStatus qty"),
    "position": message("positions", parse.parse_positions, "positionIdx side size leverage"),
    "wallet": message("balances", parse.parse_wallet, "coin totalEquity"),
    "instruments-info": message(
        "instruments", instruments.parse_instruments, "lotSizeFilter priceFilter"
    ),
}
_TOPICS: Final = {"trade": "publicTrade", "execution.fast": "execution"}
_IGNORED: Final = frozenset({"before V5", "control", "options"})


def _identify(raw: object, hint: str) -> str | None:
    if not isinstance(raw, dict):
        return None
    topic = raw.get("topic")
    if isinstance(topic, str):
        return _by_topic(topic, raw.get("data"))
    if "op" in raw or "success" in raw:
        return "control"
    result = raw.get("result")
    if not isinstance(result, dict):
        return None
    if {"s", "b", "a", "u"} <= result.keys():
        return "orderbook"
    is_traded = re.search(r"kline|ohlcv", hint.lower()) and not re.search(r"mark|index", hint)
    return "rest_kline" if is_traded else None


def _by_topic(topic: str, data: object) -> str | None:
    if topic.startswith(("orderBookL2", "orderBook_")):
        return "orderBookL2"
    if topic.startswith(("instrument_info", "klineV2")):
        return "before V5"
    if topic.count("-") >= 3:
        return "options"
    first = data[0] if isinstance(data, list) and data else None
    if isinstance(first, dict) and "trade_time_ms" in first:
        return "trade before V5"
    name = _TOPICS.get(topic) or topic.partition(".")[0]
    name = _TOPICS.get(name, name)
    return name if name in MESSAGES else None


def _sample(raw: object) -> object:
    result = raw.get("result") if isinstance(raw, dict) and "result" in raw else raw
    return result.get("list") if isinstance(result, dict) and "list" in result else result


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    """The category that a message or an answer states; linear where none does."""
    if not isinstance(raw, dict):
        return "linear"
    rows = raw.get("data")
    places = (raw.get("result"), rows[0] if isinstance(rows, list) and rows else None, raw)
    for place in places:
        category = place.get("category") if isinstance(place, dict) else None
        if isinstance(category, str):
            return category
    return "spot" if "spot" in hint else "linear"


ROOM: Final = Room(
    venue="bybit",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    sample=_sample,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
