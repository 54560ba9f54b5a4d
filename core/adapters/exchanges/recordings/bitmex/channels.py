"""BitMEX's messages by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.recordings.bitmex import account, instruments, parse
from core.adapters.exchanges.transcript import Message, Room, message

MESSAGES: Final[dict[str, Message]] = {
    "orderBookL2": message("orderbook", parse.parse_books, "symbol id side size price"),
    "orderBook10": message("orderbook", parse.parse_ten, "symbol bids asks timestamp"),
    "quote": message("ticker", parse.parse_quotes, "symbol bidPrice askPrice bidSize askSize"),
    "execution": message("fills", account.parse_executions, "execID orderID execType"),
    "order": message("orders", account.parse_orders, "orderID ordStatus orderQty"),
    "position": message("positions", account.parse_positions, "account symbol currentQty"),
    "margin": message("balances", account.parse_margin, "account currency availableMargin"),
    "wallet": message("balances", account.parse_wallet, "account currency amount pendingDebit"),
    "trade": message("trades", parse.parse_trades, "symbol side size price tickDirection"),
    "tradeBin": message("candles", parse.parse_candles, "symbol open high low close trades"),
    "funding": message("funding", instruments.parse_funding, "symbol fundingRate fundingRateDaily"),
    "instrument": message(
        "instruments ticker funding",
        instruments.parse_instruments,
        "symbol indicativeSettlePrice timestamp",
    ),
}
_IGNORED: Final = frozenset(
    {
        *("affiliate", "announcement", "chat", "connected", "control", "error", "insurance"),
        *("liquidation", "privateNotifications", "publicNotifications", "quoteBin", "settlement"),
        "transact",
    }
)
"""News, transfers, orders of the liquidation engine, quotes at the end of a minute, and answers."""


def _identify(raw: object, hint: str) -> str | None:
    del hint
    if not isinstance(raw, dict):
        return None
    table = raw.get("table")
    if isinstance(table, str):
        return _by_table(table)
    if "error" in raw:
        return "error"
    if raw.keys() & {"info", "subscribe", "success", "unsubscribe"}:
        return "control"
    return "liquidation" if raw.keys() == _LIQUIDATION else None


_LIQUIDATION: Final = frozenset({"orderID", "symbol", "side", "price", "leavesQty"})


def _by_table(table: str) -> str | None:
    name = "orderBookL2" if table == "orderBookL2_25" else table
    for bins in ("tradeBin", "quoteBin"):
        if table.startswith(bins):
            name = bins
    return name if name in MESSAGES or name in _IGNORED else None


def _unwrap(raw: object) -> object:
    return raw


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="bitmex",
    messages=MESSAGES,
    identify=_identify,
    unwrap=_unwrap,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
