"""Messages of Kraken's first sockets by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.decoding import Listing, listing_of
from core.adapters.exchanges.models import ExchangeType
from core.adapters.exchanges.recordings.kraken_v1 import parse
from core.adapters.exchanges.symbols import read_spelling
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "book": message("orderbook", parse.parse_book),
    "trade": message("trades", parse.parse_trades),
    "ticker": message("ticker", parse.parse_ticker),
    "spread": message("ticker", parse.parse_spread),
    "ohlc": message("candles", parse.parse_candle),
}
_IGNORED: Final = frozenset({"error", "heartbeat", "pong", "subscriptionStatus", "systemStatus"})
"""Events: how the connection and its subscriptions are."""
_ASSETS: Final = {"XBT": "BTC", "XDG": "DOGE"}
"""Kraken's names of assets that others call otherwise."""


def _identify(raw: object, hint: str) -> str | None:
    del hint
    if isinstance(raw, dict):
        event = raw.get("event")
        return event if isinstance(event, str) and event in _IGNORED else None
    if not isinstance(raw, list) or len(raw) < 4 or not isinstance(raw[-2], str):
        return None
    name = raw[-2].partition("-")[0]
    return name if name in MESSAGES else None


def _guess(key: str, market: str) -> Listing:
    """A spot pair by its spelling, `XBT/USD`.

    Raises:
        ValueError: If it holds no base and quote.
    """
    del market
    spelling = read_spelling(key)
    if spelling.quote is None:
        message = f"{key!r} names no base and quote"
        raise ValueError(message)
    base, quote = (_ASSETS.get(name, name) for name in (spelling.base, spelling.quote))
    return listing_of(key, base, quote, ExchangeType.SPOT)


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="kraken-v1",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    guess=_guess,
    market_of=_market_of,
    ignored=_IGNORED,
)
