"""Backpack's messages by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.backpack import instruments, parse
from core.adapters.exchanges.transcript import Message, Room, each, message

MESSAGES: Final[dict[str, Message]] = {
    "depth": message("orderbook", parse.parse_depth_event),
    "rest_depth": message("orderbook", parse.parse_depth, "bids asks lastUpdateId"),
    "bookTicker": message("ticker", parse.parse_book_ticker),
    "ticker": message("ticker", parse.parse_ticker_event),
    "tickers": message("ticker", each(parse.parse_ticker), "symbol lastPrice firstPrice"),
    "markPrice": message("ticker funding", parse.parse_mark_event),
    "markPrices": message(
        "ticker funding", each(parse.parse_mark), "symbol markPrice nextFundingTimestamp"
    ),
    "fundingRates": message(
        "funding", parse.parse_funding_rates, "symbol fundingRate intervalEndTimestamp"
    ),
    "trade": message("trades", parse.parse_trade_event),
    "trades": message("trade", parse.parse_trades, "id price quantity isBuyerMaker"),
    "kline": message("candles", parse.parse_kline_event),
    "klines": message("candles", parse.parse_klines, "start end open high low close"),
    "account.orderUpdate": message("orders fills", parse.parse_order_event),
    "order": message("orders", each(parse.parse_order), "id orderType status symbol"),
    "fills": message("fills", parse.parse_fills, "tradeId orderId feeSymbol"),
    "account.positionUpdate": message("positions", parse.parse_position_event),
    "position": message("positions", parse.parse_positions, "netQuantity entryPrice symbol"),
    "collateral": message("balances", parse.parse_collateral, "netEquity collateral"),
    "capital": message("balances", parse.parse_balances),
    "markets": message("instruments", instruments.parse_markets, "baseSymbol filters symbol"),
}


def _identify(raw: object, hint: str) -> str | None:
    del hint
    if not isinstance(raw, dict):
        return None
    stream = raw.get("stream")
    if isinstance(stream, str):
        name = ".".join(stream.split(".")[:2]) if stream.startswith("account.") else None
        name = name or stream.partition(".")[0]
        return name if name in MESSAGES else None
    if "id" in raw and ("result" in raw or "error" in raw):
        return "control"
    is_capital = raw and all(
        isinstance(row, dict) and "available" in row and "locked" in row for row in raw.values()
    )
    return "capital" if is_capital else None


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="backpack",
    messages=MESSAGES,
    identify=_identify,
    unwrap=parse.unwrap,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=frozenset({"control"}),
)
