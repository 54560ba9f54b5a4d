"""Hyperliquid's messages by name, for reading recordings."""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.hyperliquid import instruments, parse
from core.adapters.exchanges.transcript import Message, Room, each, message

MESSAGES: Final[dict[str, Message]] = {
    "l2Book": message("orderbook", parse.parse_book, "coin levels time"),
    "bbo": message("ticker", parse.parse_bbo, "coin bbo"),
    "activeAssetCtx": message("ticker funding", parse.parse_asset_ctx, "coin ctx"),
    "activeSpotAssetCtx": message("ticker", parse.parse_asset_ctx),
    "metaAndAssetCtxs": message("ticker funding", parse.parse_meta_and_ctxs),
    "allDexsAssetCtxs": message("ticker funding", parse.parse_all_ctxs, "ctxs"),
    "fundingHistory": message("funding", parse.parse_funding_history, "coin fundingRate time"),
    "trades": message("trades", parse.parse_trades, "coin side px sz hash users"),
    "recentTrades": message("trades", parse.parse_trades),
    "candle": message("candles", each(parse.parse_candle), "t T s i o c h l v"),
    "candleSnapshot": message("candles candle", parse.parse_candles),
    "orderUpdates": message("orders", parse.parse_order_updates, "order status statusTimestamp"),
    "historicalOrders": message("orders", parse.parse_order_updates),
    "openOrders": message("orders", parse.parse_open_orders, "coin limitPx oid side sz"),
    "frontendOpenOrders": message("orders openOrders", parse.parse_open_orders),
    "orderStatus": message("orders", parse.parse_order_status, "status order"),
    "userFills": message("fills", parse.parse_fills, "coin px sz oid closedPnl"),
    "userFills.event": message("fills userFills user", parse.parse_fills_event, "fills"),
    "clearinghouseState": message("balances positions", parse.parse_account, "assetPositions"),
    "spotClearinghouseState": message("balances", parse.parse_spot_account, "balances"),
    "userFunding": message("funding", parse.parse_user_funding, "delta hash time"),
    "meta": message("instruments", instruments.parse_meta, "universe"),
    "spotMeta": message("instruments", instruments.parse_spot_meta, "universe tokens"),
    "allPerpMetas": message("instruments meta", instruments.parse_all_metas),
}
_IGNORED: Final = frozenset(
    {"allMids", "error", "pong", "subscriptionResponse", "userRateLimit", "userRole", "webData2"}
)
"""Messages that carry nothing for us; mids are neither a bid, an ask, a last nor a mark."""


def _identify(raw: object, hint: str) -> str | None:
    if isinstance(raw, dict) and isinstance(raw.get("channel"), str):
        channel = raw["channel"]
        if channel in ("user", "userFills"):
            data = raw.get("data")
            return "userFills.event" if isinstance(data, dict) and "fills" in data else None
        return channel if channel in MESSAGES or channel in _IGNORED else None
    if isinstance(raw, list) and raw and isinstance(raw[0], dict) and "universe" in raw[0]:
        is_contexts = len(raw) == 2 and isinstance(raw[1], list)
        return "metaAndAssetCtxs" if is_contexts else "allPerpMetas"
    if isinstance(raw, dict) and {"universe", "tokens"} <= raw.keys():
        return "spotMeta"
    asked = hint.rpartition(" ")[2]
    return asked if asked in MESSAGES or asked in _IGNORED else None


def _market_of(raw: object, hint: str) -> str:
    del raw, hint
    return ""


ROOM: Final = Room(
    venue="hyperliquid",
    messages=MESSAGES,
    identify=_identify,
    unwrap=parse.unwrap,
    guess=instruments.guess_listing,
    market_of=_market_of,
    ignored=_IGNORED,
)
