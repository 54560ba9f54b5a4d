"""Derive's messages by name, for reading recordings."""

from __future__ import annotations

import re
from typing import Final

from core.adapters.exchanges.recordings.derive import account, instruments, parse
from core.adapters.exchanges.recordings.derive.envelope import (
    body,
    channel,
    is_option,
    page,
    rows,
)
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "orderbook": message("orderbook", parse.parse_book, "instrument_name bids asks"),
    "ticker": message("ticker funding", parse.parse_ticker, "best_bid_price best_ask_price"),
    "ticker_slim": message("ticker funding", parse.parse_ticker_slim, "instrument_ticker"),
    "get_ticker": message("ticker funding", parse.parse_asked_ticker, "a b I M"),
    "get_tickers": message("ticker funding", parse.parse_tickers, "tickers"),
    "user_trades": message("fills", account.parse_fills, "trade_id order_id"),
    "trades": message("trades", parse.parse_trades, "trade_id trade_price"),
    "candles": message("candles", parse.parse_candles, "timestamp_bucket open_price"),
    "funding_rate_history": message("funding", parse.parse_funding_history, "funding_rate_history"),
    "order": message("orders fills", account.parse_order_answer, "order"),
    "orders": message("orders", account.parse_orders, "order_id order_status"),
    "positions": message("positions", account.parse_positions, "instrument_name mark_value"),
    "subaccount": message(
        "balances positions orders", account.parse_subaccounts, "collaterals positions"
    ),
    "collaterals": message("balances", account.parse_collaterals, "asset_name mark_value"),
    "balances": message("balances positions", account.parse_balances, "name new_balance"),
    "instruments": message(
        "instruments", instruments.parse_instruments, "instrument_type tick_size amount_step"
    ),
}
_IGNORED: Final = frozenset({"control", "empty page", "news", "options", "request"})
"""Acknowledgements and errors; channels of quotes, feeds and auctions; options, which ctos does not
trade; what a client sent."""
_PUBLIC: Final = {"orderbook", "ticker", "ticker_slim", "trades"}
_PRIVATE: Final = {"balances": "balances", "orders": "orders", "trades": "user_trades"}
_ACKNOWLEDGED: Final = frozenset(
    {"cancelled_orders", "current_subscriptions", "remaining_subscriptions"}
)
_SIGNED: Final = frozenset({"nonce", "signature"})


def _identify(raw: object, hint: str) -> str | None:
    method = raw.get("method") if isinstance(raw, dict) else None
    if isinstance(method, str):
        return _by_channel(raw) if method == "subscription" else "request"
    told, found = body(raw), rows(raw)
    if isinstance(raw, dict) and ("error" in raw or _is_acknowledgement(raw, told)):
        return "control"
    if _is_request(told) or re.search(r"_(params|request)", hint):
        return "request"
    if found and all(map(_is_option, found)):
        return "options"
    return _full_ticker(told) if found else page(told) or "empty page"


def _by_channel(raw: object) -> str:
    head, *rest = channel(raw).split(".")
    found = rows(raw)
    if "option" in rest or any(map(is_option, rest)) or (found and all(map(_is_option, found))):
        return "options"
    if head in _PUBLIC:
        return _full_ticker(body(raw)) or head
    return _PRIVATE.get(rest[0], "news") if rest and head.isdigit() else "news"


def _full_ticker(told: object) -> str | None:
    """Whether what stands where the letters are is the full ticker: the channels once did that."""
    inner = told.get("instrument_ticker") if isinstance(told, dict) else None
    return "ticker" if isinstance(inner, dict) and "best_bid_price" in inner else None


def _is_acknowledgement(raw: dict[str, object], told: object) -> bool:
    """Whether an answer is a yes, a count or the ids of subaccounts, and no object of ours."""
    if isinstance(told, dict):
        return bool(told.keys() & _ACKNOWLEDGED)
    is_object = isinstance(told, list) and (not told or isinstance(told[0], dict))
    return "result" in raw and not is_object


def _is_request(told: object) -> bool:
    return isinstance(told, dict) and told.keys() >= _SIGNED and "order_status" not in told


def _is_option(row: object) -> bool:
    if not isinstance(row, dict):
        return False
    ticker = row.get("instrument_ticker")
    pricing = ticker.get("option_pricing") if isinstance(ticker, dict) else None
    order = row.get("order")
    return (
        bool(pricing)
        or row.get("instrument_type") == "option"
        or is_option(row.get("instrument_name"))
        or (isinstance(order, dict) and is_option(order.get("instrument_name")))
    )


def _sample(raw: object) -> object:
    return next(iter(rows(raw)), None)


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="derive",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    sample=_sample,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
