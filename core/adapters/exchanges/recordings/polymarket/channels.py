"""Polymarket's messages by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.recordings.polymarket import account, instruments, parse
from core.adapters.exchanges.recordings.polymarket.pages import rows
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "book": message("orderbook", parse.parse_books, "asset_id bids asks"),
    "price_change": message("orderbook ticker", parse.parse_price_changes, "price_changes"),
    "best_bid_ask": message("ticker", parse.parse_best, "asset_id best_bid best_ask"),
    "tick_size_change": message(
        "instruments", instruments.parse_tick_size_change, "new_tick_size old_tick_size"
    ),
    "order": message("orders", account.parse_orders, "original_size size_matched"),
    "trade": message("fills", account.parse_fills, "taker_order_id maker_orders"),
    "last_trade_price": message(
        "trades", parse.parse_last_trades, "asset_id price side size timestamp"
    ),
    "trades": message("trades", parse.parse_trades, "asset conditionId transactionHash price"),
    "activity": message("trades", parse.parse_activity),
    "crypto_prices": message("ticker", parse.parse_socket_prices),
    "equity_prices": message("ticker", parse.parse_socket_prices),
    "positions": message("positions", account.parse_positions, "asset conditionId avgPrice"),
    "balance-allowance": message("balances", account.parse_balance, "balance allowance"),
    "gamma event": message("instruments", instruments.parse_gamma_events, "slug markets"),
    "gamma market": message("instruments", instruments.parse_gamma_markets, "conditionId question"),
    "market": message("instruments", instruments.parse_markets, "condition_id tokens"),
}
_IGNORED: Final = frozenset(
    {
        *("control", "news", "prices", "request", "settings", "tags"),
        *("activity of a wallet", "balance of a token", "empty page"),
    }
)
"""Acknowledgements and errors; markets that come and end, comments; prices without a time or a
token; what a client sent; a market's fee rate or tick alone; topics of markets; what a wallet did
beside trading; a balance that does not say of which token it is."""
_MARKED: Final = (
    ({"salt", "signature"}, "request"),
    ({"order", "orderType"}, "request"),
    ({"subscriptions", "action"}, "request"),
    ({"assets_ids"}, "request"),
    ({"auth"}, "request"),
    ({"error"}, "control"),
    ({"orderID", "success"}, "control"),
    ({"canceled", "not_canceled"}, "control"),
    ({"usdcSize", "proxyWallet"}, "activity of a wallet"),
    ({"id", "label", "slug"}, "tags"),
    ({"asset_id", "changes"}, "price_change"),
)
"""Fields -> what has them, and more."""
_BARE: Final = {
    frozenset({"base_fee"}): "settings",
    frozenset({"minimum_tick_size"}): "settings",
    frozenset({"neg_risk"}): "settings",
    frozenset({"history"}): "prices",
    frozenset({"mid"}): "prices",
    frozenset({"mid_price"}): "prices",
    frozenset({"price"}): "prices",
    frozenset({"price", "side"}): "prices",
    frozenset({"spread"}): "prices",
}
"""All the fields of an answer -> what it is."""
_NEWS: Final = frozenset({"market_resolved", "new_market"})
_TOPICS: Final = {
    "crypto_prices": "crypto_prices",
    "crypto_prices_chainlink": "crypto_prices",
    "equity_prices": "equity_prices",
}
_MARKETS: Final = {"crypto_prices": instruments.CRYPTO, "equity_prices": instruments.EQUITY}


def _identify(raw: object, hint: str) -> str | None:
    first = _first(raw)
    if isinstance(first, str) or not rows(raw):
        return "control" if first else "empty page"
    if not isinstance(first, dict):
        return None
    event, topic = first.get("event_type"), first.get("topic")
    if isinstance(event, str):
        return "news" if event in _NEWS else event if event in MESSAGES else None
    if isinstance(topic, str):
        return _by_topic(topic, first.get("type"))
    named = _BARE.get(frozenset(first)) or next(
        (name for fields, name in _MARKED if fields <= first.keys()), None
    )
    if named is None and "balance" in first and first.keys() & {"allowance", "allowances"}:
        return "balance of a token" if "conditional" in hint else "balance-allowance"
    return named


def _by_topic(topic: str, kind: object) -> str:
    if topic == "activity" and kind == "trades":
        return "activity"
    return _TOPICS.get(topic, "news")


def _first(raw: object) -> object:
    """What tells the kind of a message: of a page or an array its first row."""
    return next(iter(rows(raw)), None)


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    """Coins and stocks have names of their own; all tokens are of one market."""
    del hint
    topic = raw.get("topic") if isinstance(raw, dict) else None
    return _MARKETS.get(_TOPICS.get(topic, ""), "") if isinstance(topic, str) else ""


ROOM: Final = Room(
    venue="polymarket",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    sample=_first,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
