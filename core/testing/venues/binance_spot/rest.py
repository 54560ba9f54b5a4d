"""Binance spot's REST endpoints, under `/api/v3`."""

from __future__ import annotations

from core.adapters.exchanges.models import plain, to_ns
from core.testing.venues.binance.market_data import MarketData
from core.testing.venues.binance.paging import Params, in_time, newest
from core.testing.venues.binance.refusals import UNKNOWN_CANCEL, Refused
from core.testing.venues.binance.rest import Respond, Rest, Route, Security
from core.testing.venues.binance_spot.words import (
    account_row,
    cancellation,
    depth_row,
    spot_exchange_info,
    spot_fill_row,
)
from core.testing.venues.faults import Call

UID = 354_937_868
_WEIGHT = 6_000


class SpotRest(Rest):
    """The endpoints of one venue."""

    def _table(self) -> dict[tuple[str, str], Route]:
        self.weights.limit = _WEIGHT
        market = MarketData(self._venue, self._orders, self._numbers)
        none, read, trade = Security.NONE, Security.READ, Security.TRADE
        rows: tuple[tuple[str, str, int, Security, Respond], ...] = (
            ("GET /api/v3/ping", "ping", 1, none, lambda _call, _params: {}),
            ("GET /api/v3/time", "health_check", 1, none, market.time),
            ("GET /api/v3/exchangeInfo", "get_instruments", 20, none, self._info),
            ("GET /api/v3/depth", "get_orderbook", 25, none, self._depth),
            ("GET /api/v3/trades", "get_trades", 25, none, market.trades),
            ("GET /api/v3/aggTrades", "get_trades", 4, none, market.agg_trades),
            ("GET /api/v3/klines", "get_ohlcv", 2, none, market.klines),
            ("GET /api/v3/ticker/24hr", "get_ticker", 2, none, market.day),
            ("GET /api/v3/ticker/price", "get_ticker", 2, none, self._last),
            ("GET /api/v3/ticker/bookTicker", "get_ticker", 2, none, self._best),
            ("POST /api/v3/order", "create_order", 1, trade, self._create),
            ("DELETE /api/v3/order", "cancel_order", 1, trade, self._cancel),
            ("GET /api/v3/order", "get_order", 4, read, self._order),
            ("GET /api/v3/openOrders", "get_open_orders", 6, read, self._open_orders),
            ("DELETE /api/v3/openOrders", "cancel_all_orders", 1, trade, self._cancel_all),
            ("GET /api/v3/allOrders", "get_order_history", 20, read, self._all_orders),
            ("GET /api/v3/myTrades", "get_fills", 20, read, self._my_trades),
            ("GET /api/v3/account", "get_balances", 20, read, self._spot_account),
            ("GET /sapi/v1/account/apiRestrictions", "get_key_rights", 1, read, self._rights),
        )
        table = {}
        for place, name, weight, security, respond in rows:
            method, _, path = place.partition(" ")
            table[method, path] = Route(name, weight, security, respond)
        return table

    def _info(self, _call: Call, _params: Params) -> object:
        return spot_exchange_info(self._floor, self._venue.now_ms())

    def _depth(self, call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        book = self._venue.snapshot(call, symbol)
        limit = int(params.get("limit", "100"))
        if book is None:
            return depth_row(self._venue.tapes[symbol].last, (), ())
        return depth_row(book.sequence or 0, book.bids[:limit], book.asks[:limit])

    def _symbols(self, params: Params) -> list[str]:
        if "symbol" in params:
            return [self._orders.symbol(params)]
        return [name for name in self._floor.instruments if self._floor.market(name).has_price]

    def _last(self, _call: Call, params: Params) -> object:
        rows = []
        for symbol in self._symbols(params):
            last = self._floor.ticker(symbol).last
            price = "0" if last is None else plain(last)
            rows.append({"symbol": self._orders.keys[symbol], "price": price})
        return rows[0] if "symbol" in params else rows

    def _best(self, _call: Call, params: Params) -> object:
        rows = []
        for symbol in self._symbols(params):
            ticker = self._floor.ticker(symbol)
            values = (ticker.bid, ticker.bid_amount, ticker.ask, ticker.ask_amount)
            names = ("bidPrice", "bidQty", "askPrice", "askQty")
            texts = ["0" if value is None else plain(value) for value in values]
            row = dict(zip(names, texts, strict=True))
            rows.append({"symbol": self._orders.keys[symbol], **row})
        return rows[0] if "symbol" in params else rows

    def _cancel_all(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        gone = self._floor.cancel_all(symbol)
        if not gone:
            raise Refused(UNKNOWN_CANCEL)
        return [cancellation(order, self._orders.keys[symbol]) for order in gone]

    def _my_trades(self, call: Call, params: Params) -> object:
        is_hidden = self._venue.hidden(call)
        symbol, number = self._orders.symbol(params), params.get("orderId")
        first = int(params.get("fromId", "0"))
        rows = [
            spot_fill_row(fill, self._orders.keys[symbol])
            for fill in self._floor.fills(symbol)
            if in_time(params, to_ns(fill.at)) and not is_hidden(to_ns(fill.at))
        ]
        kept = [
            row
            for row in rows
            if int(str(row["id"])) >= first and (not number or str(row["orderId"]) == number)
        ]
        if "fromId" in params or "startTime" in params:
            return kept[: int(params.get("limit", "500"))]
        return newest(kept, params, 500)

    def _spot_account(self, _call: Call, _params: Params) -> object:
        return account_row(self._floor.balances(), UID, self._venue.now_ms())

    def _rights(self, call: Call, params: Params) -> object:
        rights = super()._rights(call, params)
        assert isinstance(rights, dict)  # noqa: S101 # made above
        return rights | {"enableSpotAndMarginTrading": self._key.can_trade, "enableFutures": False}
