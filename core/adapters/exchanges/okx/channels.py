"""OKX's messages by name, for reading recordings."""

from __future__ import annotations

import re
from typing import Final

from core.adapters.exchanges.okx import instruments, parse
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "books": message("orderbook", parse.parse_books, "asks bids ts"),
    "bbo-tbt": message("ticker", parse.parse_bbo),
    "tickers": message("ticker", parse.parse_tickers, "instId last askPx bidPx"),
    "mark-price": message("ticker", parse.parse_mark_prices, "instId markPx ts instType"),
    "funding-rate": message("funding", parse.parse_funding_rates, "fundingRate fundingTime"),
    "trades": message("trades", parse.parse_trades, "instId tradeId px sz side ts"),
    "candle": message("candles", parse.parse_candles),
    "fills": message("fills", parse.parse_fills, "tradeId ordId fillPx fee ts execType"),
    "orders": message("orders fills", parse.parse_order_events),
    "rest_orders": message("orders", parse.parse_orders, "ordId state sz ordType instId"),
    "positions": message("positions", parse.parse_positions, "posId pos avgPx instId"),
    "account": message("balances", parse.parse_account, "details adjEq"),
    "instruments": message("instruments", instruments.parse_instruments, "tickSz lotSz ctVal"),
}
_IGNORED: Final = frozenset({"control", "orders-algo"})
"""Answers to subscriptions, and trigger orders: those stand in another list with other states, and
ctos places none."""
_BOOKS: Final = frozenset({"books", "books5", "books-l2-tbt", "books50-l2-tbt"})


def _identify(raw: object, hint: str) -> str | None:
    if not isinstance(raw, dict):
        return None
    if "event" in raw:
        return "control"
    if _is_algo(raw):
        return "orders-algo"
    arg = raw.get("arg")
    channel = arg.get("channel") if isinstance(arg, dict) else None
    if isinstance(channel, str):
        return _by_channel(channel)
    is_candles = re.search(r"(?<!mark_)(?<!mark-)candle", hint.lower()) is not None
    return "candle" if is_candles and isinstance(raw.get("data"), list) else None


def _by_channel(channel: str) -> str | None:
    if channel in _BOOKS:
        return "books"
    if channel.startswith("candle"):
        return "candle"
    name = "trades" if channel == "trades-all" else channel
    return name if name in MESSAGES else None


def _is_algo(raw: object) -> bool:
    rows = _sample(raw)
    first = rows[0] if isinstance(rows, list) and rows else rows
    return isinstance(first, dict) and "actualSz" in first and "accFillSz" not in first


def _sample(raw: object) -> object:
    return raw.get("data") if isinstance(raw, dict) and "data" in raw else raw


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="okx",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    sample=_sample,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
