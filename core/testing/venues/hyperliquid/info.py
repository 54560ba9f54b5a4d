"""`/info`: what anyone may ask."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import FillData, OrderData, to_ns
from core.errors import VenueUnavailable
from core.testing.venues.faults import Call
from core.testing.venues.floor import identity_of
from core.testing.venues.hyperliquid.assets import Asset, Assets, number
from core.testing.venues.hyperliquid.wallets import Wallets
from core.testing.venues.hyperliquid.words import (
    INTERVALS,
    ORDER_IDS,
    book,
    candle_row,
    context,
    fill_rows,
    funding_row,
    ms,
    order_row,
    position_row,
    status,
    trade_row,
)
from core.testing.venues.server import LoopbackVenue

_PAGE: Final = 2000
"""Rows of one answer of fills and orders."""
_FUNDING_PAGE: Final = 500
NAMES: Final = {
    "meta": "get_instruments",
    "allPerpMetas": "get_instruments",
    "spotMeta": "get_spot_instruments",
    "l2Book": "get_orderbook",
    "candleSnapshot": "get_ohlcv",
    "recentTrades": "get_trades",
    "metaAndAssetCtxs": "get_tickers",
    "spotMetaAndAssetCtxs": "get_spot_tickers",
    "fundingHistory": "get_funding_history",
    "openOrders": "get_open_orders",
    "frontendOpenOrders": "get_open_orders",
    "historicalOrders": "get_order_history",
    "orderStatus": "get_order",
    "userFills": "get_fills",
    "userFillsByTime": "get_fills",
    "clearinghouseState": "get_positions",
    "spotClearinghouseState": "get_balances",
    "userFunding": "get_funding_payments",
    "userRole": "get_key_rights",
    "exchangeStatus": "health_check",
    "userRateLimit": "get_limits",
}
"""Type of a question -> as the port calls it."""


class UnknownQuestion(Exception):
    """The body is no question that the venue knows."""


class Info:
    """Answers of one venue.

    Args:
        venue: Whose.
        assets: Names and numbers.
        wallets: Whose account it is.
    """

    def __init__(self, venue: LoopbackVenue, assets: Assets, wallets: Wallets) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._assets = assets
        self._wallets = wallets
        self._asked = self._table()

    def answer(self, call: Call, body: dict[str, Any]) -> object:
        """The answer to a question.

        Raises:
            UnknownQuestion: If it is none.
        """
        ask = self._asked.get(body.get("type", ""))
        if ask is None:
            raise UnknownQuestion
        try:
            return ask(call, body)
        except KeyError:
            raise UnknownQuestion from None

    def _table(self) -> dict[str, Callable[[Call, dict[str, Any]], object]]:
        return {
            "meta": lambda _call, body: self._assets.meta(body.get("dex")),
            "spotMeta": lambda _call, _body: self._assets.spot_meta(),
            "allPerpMetas": lambda _call, _body: [
                self._assets.meta(dex) for dex in self._assets.dexes
            ],
            "perpDexs": lambda _call, _body: [
                {"name": dex, "fullName": dex.upper()} if dex else None
                for dex in self._assets.dexes
            ],
            "metaAndAssetCtxs": lambda _call, body: [
                self._assets.meta(body.get("dex")),
                [self.context(asset) for asset in self._assets.of_dex(body.get("dex"))],
            ],
            "spotMetaAndAssetCtxs": lambda _call, _body: [
                self._assets.spot_meta(),
                [{"coin": asset.coin} | self.context(asset) for asset in self._assets.pairs],
            ],
            "exchangeStatus": lambda _call, _body: {
                "specialStatuses": None,
                "time": self._venue.now_ms(),
            },
            "allMids": lambda _call, body: self.mids(body.get("dex") or ""),
            "l2Book": self._book,
            "candleSnapshot": self._candles,
            "recentTrades": self._trades,
            "fundingHistory": self._funding_history,
            "openOrders": self._open_orders,
            "frontendOpenOrders": self._open_orders,
            "historicalOrders": self._history,
            "orderStatus": self._order_status,
            "userFills": self._fills,
            "userFillsByTime": self._fills_by_time,
            "clearinghouseState": lambda _call, body: self.account(body["user"], body.get("dex")),
            "spotClearinghouseState": lambda _call, body: self.spot_account(body["user"]),
            "userFunding": self._funding,
            "userRateLimit": lambda _call, _body: self._limits(),
            "userRole": lambda _call, body: self._role(body["user"]),
            "userAbstraction": lambda _call, _body: "disabled",
            "userFees": lambda _call, _body: self._fees(),
            "extraAgents": lambda _call, _body: [
                {"name": "loopback", "address": agent, "validUntil": 4_102_444_800_000}
                for agent in sorted(self._wallets.agents)
            ],
            "activeAssetData": self._active,
        }

    # -- prices -------------------------------------------------------------------------------

    def context(self, asset: Asset) -> dict[str, object]:
        """`ctx` of an asset."""
        symbol = asset.instrument.symbol
        funding = None if asset.instrument.is_spot else self._floor.funding(symbol)
        return context(self._floor.ticker(symbol), self._floor.day(symbol), funding)

    def mids(self, dex: str = "") -> dict[str, str]:
        """`allMids` of a dex; pairs are with the venue's own."""
        found = {}
        for asset in self._assets.by_symbol.values():
            if asset.dex == dex:
                with contextlib.suppress(VenueUnavailable):  # without a price yet
                    ticker = self._floor.ticker(asset.instrument.symbol)
                    if ticker.mid is not None:
                        found[asset.coin] = number(ticker.mid)
        return found

    def _asset(self, body: dict[str, Any]) -> Asset:
        return self._assets.by_coin[body["coin"]]

    def _book(self, call: Call, body: dict[str, Any]) -> object:
        asset = self._asset(body)
        data = self._venue.snapshot(call, asset.instrument.symbol)
        if data is None:
            return {"coin": asset.coin, "time": self._venue.now_ms(), "levels": [[], []]}
        is_newest = data is self._venue.tapes[asset.instrument.symbol].snapshot()
        return book(data, asset, self._venue.now_ms() if is_newest else None)

    def _candles(self, _call: Call, body: dict[str, Any]) -> object:
        asked = body["req"]
        asset, interval = self._asset(asked), asked["interval"]
        first, last = asked["startTime"], asked.get("endTime") or self._venue.now_ms()
        return [
            candle_row(candle, asset)
            for candle in self._floor.candles(
                asset.instrument.symbol, INTERVALS[interval], interval
            )
            if first - INTERVALS[interval] * 1000 < ms(candle.at) <= last
        ]

    def _trades(self, _call: Call, body: dict[str, Any]) -> object:
        asset = self._asset(body)
        found = self._floor.trades(asset.instrument.symbol)
        return [trade_row(trade, asset) for trade in reversed(found)][:10]

    def _funding_history(self, _call: Call, body: dict[str, Any]) -> object:
        asset = self._asset(body)
        return [
            {
                "coin": asset.coin,
                "fundingRate": number(payment.rate),
                "premium": "0.0",
                "time": ms(payment.at),
            }
            for payment in self._floor.funding_payments(asset.instrument.symbol)
            if _in_time(body, ms(payment.at))
        ][:_FUNDING_PAGE]

    # -- the account --------------------------------------------------------------------------

    def is_ours(self, user: str) -> bool:
        """Whether an address is the account's; every other account is empty."""
        return user.lower() == self._wallets.main.address

    def _open_orders(self, call: Call, body: dict[str, Any]) -> object:
        if not self.is_ours(body["user"]):
            return []
        is_hidden = self._venue.hidden(call)
        is_full = body["type"] == "frontendOpenOrders"
        return [
            order_row(order, self._assets.by_symbol[order.symbol], is_full=is_full)
            for order in reversed(self._floor.open_orders())
            if not is_hidden(_created_ns(order)) and self._is_of(order, body.get("dex"))
        ]

    def _is_of(self, order: OrderData, dex: object) -> bool:
        """Pairs are listed with the venue's own perpetuals."""
        return self._assets.by_symbol[order.symbol].dex == (dex or "")

    def _history(self, call: Call, body: dict[str, Any]) -> object:
        """Newest first, open ones too."""
        if not self.is_ours(body["user"]):
            return []
        is_hidden = self._venue.hidden(call)
        found = [*self._floor.closed_orders(), *self._floor.open_orders()]
        found.sort(key=lambda order: (ms(order.updated_at), order.order_id), reverse=True)
        rows = [self.state(order) for order in found if not is_hidden(_created_ns(order))]
        return rows[:_PAGE]

    def state(self, order: OrderData) -> dict[str, object]:
        """An order with its status."""
        return {
            "order": order_row(order, self._assets.by_symbol[order.symbol], is_full=True),
            "status": status(order),
            "statusTimestamp": ms(order.updated_at),
        }

    def _order_status(self, call: Call, body: dict[str, Any]) -> object:
        name = body["oid"]
        order = None
        if isinstance(name, int):
            order = self._floor.order(identity_of(name - ORDER_IDS)) if name > ORDER_IDS else None
        elif isinstance(name, str):
            order = self._floor.order(client_order_id=name)
        if order is None or not self.is_ours(body["user"]) or self._venue.is_hidden(call, order):
            return {"status": "unknownOid"}
        return {"status": "order", "order": self.state(order)}

    def _fills(self, call: Call, body: dict[str, Any]) -> object:
        """The newest two thousand, newest first."""
        if not self.is_ours(body["user"]):
            return []
        return self.fills(self._venue.hidden(call))[::-1][:_PAGE]

    def _fills_by_time(self, call: Call, body: dict[str, Any]) -> object:
        """The first two thousand of a time, oldest first."""
        if not self.is_ours(body["user"]):
            return []
        rows = self.fills(self._venue.hidden(call))
        return [row for row in rows if _in_time(body, int(str(row["time"])))][:_PAGE]

    def fills(self, is_hidden: Callable[[int], bool]) -> list[dict[str, object]]:
        """All of the account's, from old to new."""
        found: list[FillData] = self._floor.fills()
        shown = [fill for fill in found if not is_hidden(to_ns(fill.at))]
        return fill_rows(shown, self._assets.by_symbol)

    def account(self, user: str, dex: object = "") -> dict[str, object]:
        """`clearinghouseState`: a margin account; that of the own dex holds all USDC."""
        positions = [
            position_row(position, self._assets.by_symbol[position.symbol])
            for position in self._floor.positions()
            if position.size and self._assets.by_symbol[position.symbol].dex == (dex or "")
        ]
        usdc = next((each for each in self._floor.balances() if each.asset == "USDC"), None)
        is_ours = self.is_ours(user) and usdc is not None and not dex
        worth = usdc.equity if is_ours and usdc is not None and usdc.equity is not None else None
        value = number(worth or Decimal(0))
        used = number(usdc.used if is_ours and usdc is not None else Decimal(0))
        summary = {
            "accountValue": value,
            "totalNtlPos": "0.0",
            "totalRawUsd": value,
            "totalMarginUsed": used,
        }
        return {
            "assetPositions": positions if self.is_ours(user) else [],
            "crossMarginSummary": summary,
            "marginSummary": summary,
            "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": number(usdc.free if is_ours and usdc is not None else Decimal(0)),
            "time": self._venue.now_ms(),
        }

    def spot_account(self, user: str) -> dict[str, object]:
        """`spotClearinghouseState`: tokens other than USDC."""
        found = self._floor.balances() if self.is_ours(user) else []
        return {
            "balances": [
                {
                    "coin": balance.asset,
                    "token": self._assets.token_of(balance.asset),
                    "total": number(balance.total),
                    "hold": number(balance.used),
                    "entryNtl": "0.0",
                }
                for balance in found
                if balance.asset != "USDC"
            ]
        }

    def _funding(self, _call: Call, body: dict[str, Any]) -> object:
        if not self.is_ours(body["user"]):
            return []
        return [
            funding_row(payment, self._assets.by_symbol[payment.symbol])
            for payment in self._floor.funding_payments()
            if _in_time(body, ms(payment.at))
        ][:_FUNDING_PAGE]

    def _limits(self) -> dict[str, object]:
        used = len(self._venue.calls_of("create_order")) + len(self._venue.calls_of("cancel_order"))
        return {
            "cumVlm": "2000000.0",
            "nRequestsUsed": used,
            "nRequestsCap": 2_010_000,
            "nRequestsSurplus": 0,
        }

    def _role(self, user: str) -> dict[str, object]:
        if self.is_ours(user):
            return {"role": "user"}
        if user.lower() in self._wallets.agents:
            return {"role": "agent", "data": {"user": self._wallets.main.address}}
        return {"role": "missing"}

    def _fees(self) -> dict[str, object]:
        instrument = next(iter(self._floor.instruments.values()))
        return {
            "dailyUserVlm": [],
            "userCrossRate": number(instrument.taker_fee or Decimal(0)),
            "userAddRate": number(instrument.maker_fee or Decimal(0)),
            "userSpotCrossRate": number(instrument.taker_fee or Decimal(0)),
            "userSpotAddRate": number(instrument.maker_fee or Decimal(0)),
            "activeReferralDiscount": "0.0",
        }

    def _active(self, _call: Call, body: dict[str, Any]) -> object:
        asset = self._asset(body)
        holding = self._floor.holding(asset.instrument.symbol)
        return {
            "user": body["user"],
            "coin": asset.coin,
            "leverage": {"type": holding.margin_mode.value, "value": int(holding.leverage)},
            "maxTradeSzs": ["0.0", "0.0"],
            "availableToTrade": ["0.0", "0.0"],
            "markPx": number(holding.price),
        }


def _created_ns(order: OrderData) -> int:
    return 0 if order.created_at is None else to_ns(order.created_at)


def _in_time(body: dict[str, Any], at_ms: int) -> bool:
    last = body.get("endTime")
    first: int = body["startTime"]
    return first <= at_ms and (last is None or at_ms <= last)
