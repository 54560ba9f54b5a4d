"""Lighter's messages by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.lighter import instruments, parse
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "order_book": message("orderbook", parse.parse_book_event, "order_book channel"),
    "orderBookOrders": message("orderbook", parse.parse_book_orders, "bids asks"),
    "ticker": message("ticker", parse.parse_ticker, "ticker channel"),
    "market_stats": message("ticker funding", parse.parse_market_stats, "market_stats"),
    "spot_market_stats": message("ticker", parse.parse_market_stats, "spot_market_stats"),
    "fundings": message("funding", parse.parse_fundings, "fundings"),
    "funding-rates": message("funding", parse.parse_funding_rates, "funding_rates"),
    "trade": message("trades", parse.parse_trades),
    "recentTrades": message("trades trade", parse.parse_trades, "trades"),
    "candle": message("candles", parse.parse_candle_event),
    "candles": message("candle", parse.parse_candles, "c r"),
    "account_orders": message("orders", parse.parse_account_orders),
    "account_all_orders": message("orders account_orders", parse.parse_account_orders),
    "orders": message("account_orders", parse.parse_orders, "orders"),
    "account_all_trades": message("fills", parse.parse_account_trades),
    "account_all_positions": message("positions", parse.parse_account_positions),
    "position": message("positions", parse.parse_position, "market_id sign position"),
    "account_all_assets": message("balances", parse.parse_assets),
    "user_stats": message("balances", parse.parse_user_stats),
    "account": message("balances positions", parse.parse_account, "accounts"),
    "orderBooks": message("instruments", instruments.parse_markets, "order_books"),
    "orderBookDetails": message("instruments", instruments.parse_markets, "order_book_details"),
}
_IGNORED: Final = frozenset({"connected", "error", "height", "ping", "pong", "shutdown"})


def _identify(raw: object, hint: str) -> str | None:
    del hint
    if not isinstance(raw, dict):
        return None
    channel = raw.get("channel")
    if isinstance(channel, str):
        name = channel.replace("/", ":").partition(":")[0]
        return name if name in MESSAGES or name in _IGNORED else None
    kind = raw.get("type")
    return kind if isinstance(kind, str) and kind in _IGNORED else None


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="lighter",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
