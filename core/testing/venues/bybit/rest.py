"""Bybit's REST endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

from core.adapters.exchanges.models import OrderData, plain, to_ns
from core.errors import OrderRejected
from core.testing.venues.bybit.keys import Key, KeyRing, Refused
from core.testing.venues.bybit.orders import Orders
from core.testing.venues.bybit.words import (
    INTERVALS,
    category_of,
    execution_row,
    instrument_row,
    key_of,
    kline_row,
    levels,
    ms,
    order_id,
    payment_row,
    position_row,
    ticker_row,
    trade_row,
    wallet_row,
)
from core.testing.venues.faults import Answer, Call
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.weights import Weights

Params = Mapping[str, Any]
Rows = list[dict[str, object]]
_PAGE: Final = 20
_LARGEST_PAGE: Final = {"get_order_history": 50, "get_open_orders": 50, "get_fills": 100}
_WEEK_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    name: str
    right: str
    """Empty where anyone may ask, else `read` or `trade`."""
    respond: Callable[[Call, Params], dict[str, object]]


class Rest:
    """The endpoints of one venue.

    Args:
        venue: Whose.
        keys: The account's keys.
        orders: What a client may do with orders.
    """

    def __init__(self, venue: LoopbackVenue, keys: KeyRing, orders: Orders) -> None:
        self.weights = Weights(venue.now_ms, limit=6000)
        self.account = "24617703"
        """Identity of the account."""
        self.is_hedged = False
        """Whether positions have two sides; a test may change it."""
        self.margin_mode = "REGULAR_MARGIN"
        self._venue = venue
        self._floor = venue.floor
        self._keys = keys
        self._orders = orders
        self._key: Key | None = None
        """Of the request that is being answered."""
        self._routes = self._table()

    def named(self, call: Call) -> str:
        """The name of an endpoint; its path where there is none."""
        route = self._routes.get((call.method, call.path))
        return call.path if route is None else route.name

    def respond(self, call: Call) -> Answer:
        """Answers a request."""
        now_ms = self._venue.now_ms()
        route = self._routes.get((call.method, call.path))
        if route is None:
            return Answer(b"", 404)
        if self.weights.take(1) != 200:
            text = "Too many visits. Exceeded the API Rate Limit."
            return Refused(10006, text).answer(now_ms)
        try:
            self._key = None
            if route.right:
                needs_trade = route.right == "trade"
                self._key = self._keys.check(call, now_ms, needs_trade=needs_trade)
            result = route.respond(call, call.params)
        except Refused as no:
            return no.answer(now_ms)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            return Refused(10001, f"params error: {error}").answer(now_ms)
        return Answer(
            {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms}
        )

    def _table(self) -> dict[tuple[str, str], Route]:
        rows: tuple[tuple[str, str, str, Callable[[Call, Params], dict[str, object]]], ...] = (
            ("GET market/time", "health_check", "", self._time),
            ("GET market/instruments-info", "get_instruments", "", self._instruments),
            ("GET market/tickers", "get_ticker", "", self._tickers),
            ("GET market/orderbook", "get_orderbook", "", self._orderbook),
            ("GET market/recent-trade", "get_trades", "", self._trades),
            ("GET market/kline", "get_ohlcv", "", self._klines),
            ("GET market/funding/history", "get_funding_history", "", self._settled),
            ("GET user/query-api", "get_key", "read", self._rights),
            ("GET account/info", "get_account", "read", self._info),
            ("GET account/wallet-balance", "get_balances", "read", self._wallet),
            ("GET position/list", "get_positions", "read", self._positions),
            ("POST position/set-leverage", "set_leverage", "trade", self._set_leverage),
            ("POST order/create", "create_order", "trade", self._create),
            ("POST order/cancel", "cancel_order", "trade", self._cancel),
            ("GET order/realtime", "get_open_orders", "read", self._realtime),
            ("GET order/history", "get_order_history", "read", self._history),
            ("GET execution/list", "get_fills", "read", self._executions),
        )
        table = {}
        for place, name, right, respond in rows:
            method, _, path = place.partition(" ")
            table[method, f"/v5/{path}"] = Route(name, right, respond)
        return table

    # -- market data --------------------------------------------------------------------------

    def _time(self, _call: Call, _params: Params) -> dict[str, object]:
        now_ms = self._venue.now_ms()
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}

    def _instruments(self, _call: Call, params: Params) -> dict[str, object]:
        category = params["category"]
        rows = [
            instrument_row(each)
            for each in self._floor.instruments.values()
            if category_of(each) == category
            and params.get("status", "Trading") == "Trading"
            and params.get("symbol") in {None, key_of(each)}
        ]
        return {"category": category, "list": rows, "nextPageCursor": ""}

    def _tickers(self, _call: Call, params: Params) -> dict[str, object]:
        category, key = params["category"], params.get("symbol")
        rows = [
            self.ticker_row(symbol)
            for symbol, each in self._floor.instruments.items()
            if category_of(each) == category and key in {None, key_of(each)}
        ]
        if not rows:
            raise Refused(10001, "params error: symbol invalid")
        return {"category": category, "list": rows}

    def ticker_row(self, symbol: str) -> dict[str, object]:
        """A row of `tickers`."""
        instrument = self._floor.instruments[symbol]
        funding = None if instrument.is_spot else self._floor.funding(symbol)
        return ticker_row(self._floor.ticker(symbol), self._floor.day(symbol), instrument, funding)

    def _orderbook(self, call: Call, params: Params) -> dict[str, object]:
        symbol = self._orders.symbol(params)
        book = self._venue.snapshot(call, symbol)
        limit = int(params.get("limit", 25))
        now_ms = self._venue.now_ms()
        return {
            "s": params["symbol"],
            "b": [] if book is None else levels(book.bids[:limit]),
            "a": [] if book is None else levels(book.asks[:limit]),
            "ts": now_ms,
            "u": 0 if book is None else book.sequence,
            "seq": 0 if book is None else book.sequence,
            "cts": now_ms if book is None else int(ms(book.at)),
        }

    def _trades(self, _call: Call, params: Params) -> dict[str, object]:
        """Newest first."""
        symbol = self._orders.symbol(params)
        instrument = self._floor.instruments[symbol]
        rows = [trade_row(each, instrument) for each in reversed(self._floor.trades(symbol))]
        limit = int(params.get("limit", 60 if instrument.is_spot else 500))
        return {"category": params["category"], "list": rows[:limit]}

    def _klines(self, _call: Call, params: Params) -> dict[str, object]:
        """Newest first."""
        symbol, interval = self._orders.symbol(params), str(params.get("interval"))
        if interval not in INTERVALS:
            raise Refused(10001, "Invalid period!")
        first, last = int(params.get("start", 0)), int(params.get("end", 1 << 62))
        rows = [
            kline_row(candle)
            for candle in reversed(self._floor.candles(symbol, INTERVALS[interval], interval))
            if first <= int(ms(candle.at)) <= last
        ]
        return {
            "category": params["category"],
            "symbol": params["symbol"],
            "list": rows[: int(params.get("limit", 200))],
        }

    def _settled(self, _call: Call, params: Params) -> dict[str, object]:
        symbol = self._orders.symbol(params)
        rows = [
            {
                "symbol": params["symbol"],
                "fundingRate": plain(payment.rate),
                "fundingRateTimestamp": ms(payment.at),
            }
            for payment in reversed(self._floor.funding_payments(symbol))
        ]
        return {"category": params["category"], "list": rows}

    # -- orders -------------------------------------------------------------------------------

    def _create(self, _call: Call, params: Params) -> dict[str, object]:
        return self._ids(self._orders.place(params))

    def _cancel(self, _call: Call, params: Params) -> dict[str, object]:
        return self._ids(self._orders.cancel(params))

    def _ids(self, order: OrderData) -> dict[str, object]:
        return {
            "orderId": order_id(order, self._floor.instruments[order.symbol]),
            "orderLinkId": order.client_order_id or "",
        }

    def _realtime(self, call: Call, params: Params) -> dict[str, object]:
        """Open orders; one that is named by an id also shortly after its end."""
        if params.get("category") == "linear" and not any(
            params.get(name) for name in ("symbol", "baseCoin", "settleCoin", "orderId")
        ):
            raise Refused(10001, "Missing some parameters that must be filled in, symbol")
        if params.get("orderId") or params.get("orderLinkId"):
            order = self._orders.find(params)
            return self._listed(call, params, [] if order is None else [order])
        return self._listed(call, params, reversed(self._floor.open_orders()))

    def _history(self, call: Call, params: Params) -> dict[str, object]:
        return self._listed(call, params, reversed(self._orders.closed()))

    def _listed(self, call: Call, params: Params, orders: Iterable[OrderData]) -> dict[str, object]:
        """Newest first."""
        is_hidden = self._venue.hidden(call)
        wanted = [
            order
            for order in orders
            if self._is_wanted(order.symbol, params)
            and not is_hidden(0 if order.created_at is None else to_ns(order.created_at))
            and (not params.get("orderId") or order == self._orders.find(params))
            and (not params.get("orderLinkId") or order.client_order_id == params["orderLinkId"])
        ]
        return _page([self._orders.row(order) for order in wanted], params, call.name)

    def _is_wanted(self, symbol: str, params: Params) -> bool:
        instrument = self._floor.instruments[symbol]
        return (
            category_of(instrument) == params["category"]
            and params.get("symbol") in {None, "", key_of(instrument)}
            and params.get("settleCoin") in {None, "", instrument.settle}
        )

    # -- the account --------------------------------------------------------------------------

    def _executions(self, call: Call, params: Params) -> dict[str, object]:
        """Newest first, seven days at most."""
        is_hidden = self._venue.hidden(call)
        last = int(params.get("endTime") or self._venue.now_ms())
        first = int(params.get("startTime") or last - _WEEK_MS)
        if params.get("startTime") and not params.get("endTime"):
            last = first + _WEEK_MS
        if last - first > _WEEK_MS:
            raise Refused(10001, "The time range between startTime and endTime is at most 7 days")
        rows = []
        if params.get("execType", "Trade") == "Trade":
            rows += [
                (fill.at, execution_row(fill, self._floor.instruments[fill.symbol]))
                for fill in self._floor.fills()
                if self._is_wanted(fill.symbol, params) and not is_hidden(to_ns(fill.at))
            ]
        if params.get("execType", "Funding") == "Funding":
            rows += [
                (each.at, payment_row(each, self._floor.instruments[each.symbol]))
                for each in self._floor.funding_payments()
                if self._is_wanted(each.symbol, params)
            ]
        rows.sort(key=lambda pair: pair[0])
        found = [row for at, row in reversed(rows) if first <= int(ms(at)) <= last]
        return _page(found, params, call.name)

    def _rights(self, _call: Call, _params: Params) -> dict[str, object]:
        key = self._key
        return {
            "id": "13770661",
            "note": "loopback",
            "apiKey": "" if key is None else key.api_key,
            "readOnly": 0 if key is not None and key.can_trade else 1,
            "permissions": {} if key is None else key.rights,
            "ips": ["*"],
            "type": 1,
            "uta": 1,
            "userID": int(self.account),
            "unified": 0,
        }

    def _info(self, _call: Call, _params: Params) -> dict[str, object]:
        return {
            "marginMode": self.margin_mode,
            "updatedTime": "1697078946000",
            "unifiedMarginStatus": 6,
            "dcpStatus": "OFF",
            "timeWindow": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def _wallet(self, _call: Call, params: Params) -> dict[str, object]:
        if params.get("accountType") != "UNIFIED":
            raise Refused(10001, "accountType only support UNIFIED.")
        return {"list": [wallet_row(self._floor.balances())]}

    def _positions(self, _call: Call, params: Params) -> dict[str, object]:
        """Those other than flat; flat too where a symbol is named."""
        if not params.get("symbol") and not params.get("settleCoin"):
            raise Refused(10001, "Missing some parameters that must be filled in, symbol")
        rows = [
            position_row(
                position,
                self._floor.instruments[position.symbol],
                self._floor.holding(position.symbol).leverage,
            )
            for position in self._floor.positions()
            if self._is_wanted(position.symbol, params) and (position.size or params.get("symbol"))
        ]
        if self.is_hedged:
            rows = [row | {"positionIdx": side} for row in rows for side in (1, 2)]
        return _page(rows, params, "")

    def _set_leverage(self, _call: Call, params: Params) -> dict[str, object]:
        symbol = self._orders.symbol(params)
        if params["buyLeverage"] != params["sellLeverage"]:
            raise Refused(10001, "buy leverage and sell leverage are not equal")
        wanted = Decimal(str(params["buyLeverage"]))
        if wanted == self._floor.holding(symbol).leverage:
            raise Refused(110043, "leverage not modified")
        try:
            self._floor.set_leverage(symbol, wanted)
        except OrderRejected as error:
            if error.code == "LEVERAGE":
                raise Refused(10001, "buy leverage invalid") from error
            raise Refused(110044, "Available margin is insufficient.") from error
        return {}


def parameters(call: Call) -> dict[str, object]:
    """The query of a GET, the body of anything else."""
    if call.method == "GET":
        return dict(parse_qsl(call.query, keep_blank_values=True))
    body = decoded(call.body)
    return {str(name): value for name, value in body.items()} if isinstance(body, dict) else {}


def _page(rows: Rows, params: Params, name: str) -> dict[str, object]:
    """A part of the rows, and where the next one begins."""
    first = int(str(params.get("cursor") or "page0").removeprefix("page"))
    limit = min(int(params.get("limit") or _PAGE), _LARGEST_PAGE.get(name, 200))
    last = first + limit
    cursor = f"page{last}" if last < len(rows) else ""
    return {"category": params["category"], "list": rows[first:last], "nextPageCursor": cursor}
