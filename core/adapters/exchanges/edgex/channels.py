"""edgeX's messages by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.edgex import instruments, parse
from core.adapters.exchanges.models import UserData
from core.adapters.exchanges.transcript import Message, Room, message


def _trade_event(raw: object, reading: Reading) -> tuple[UserData, ...]:
    return parse.parse_trade_event(raw, reading)


def _account_asset(raw: object, reading: Reading) -> tuple[UserData, ...]:
    return parse.parse_account_asset(raw, reading)


MESSAGES: Final[dict[str, Message]] = {
    "depth": message("orderbook", parse.parse_depth, "startVersion bids asks"),
    "ticker": message("ticker funding", parse.parse_tickers, "contractId lastPrice endTime"),
    "bookTicker": message("ticker", parse.parse_tickers, "contractId bestBidPrice"),
    "trades": message("trades", parse.parse_trades, "ticketId price isBuyerMaker"),
    "kline": message("candles", parse.parse_klines, "klineTime klineType"),
    "fundingRate": message("funding", parse.parse_funding, "contractId fundingRate fundingTime"),
    "trade-event": message("orders fills positions balances", _trade_event),
    "order": message("orders", parse.parse_orders, "id contractId timeInForce status"),
    "fills": message("fills", parse.parse_fills, "orderId fillPrice fillSize"),
    "getAccountAsset": message("balances positions", _account_asset, "collateralList"),
    "metadata": message("instruments", instruments.parse_listings, "contractList"),
}
_IGNORED: Final = frozenset(
    {"connected", "error", "ping", "pong", "subscribed", "unsubscribed", "assets-event"}
)


def _identify(raw: object, hint: str) -> str | None:
    del hint
    if not isinstance(raw, dict):
        return None
    kind, channel = raw.get("type"), raw.get("channel")
    content = raw.get("content")
    if channel is None and isinstance(content, dict):
        channel = content.get("channel")
    if isinstance(content, dict) and isinstance(channel, str):
        name = channel.partition(".")[0]
        if name in MESSAGES:
            return name
    if kind == "trade-event" or (isinstance(content, dict) and "event" in content):
        return "trade-event"
    return kind if isinstance(kind, str) and kind in _IGNORED else None


def _sample(raw: object) -> object:
    """What tells an answer's kind: its data, or the first row of it."""
    data = raw.get("data") if isinstance(raw, dict) and "code" in raw else raw
    return data.get("dataList") if isinstance(data, dict) and "dataList" in data else data


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="edgex",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    sample=_sample,
    guess=instruments.guess_listing,
    market_of=_market_of,
)
