"""OKX's REST endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

from core.adapters.exchanges.models import MarginMode, OrderData, plain, to_ns
from core.errors import OrderRejected
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import perpetuals
from core.testing.venues.okx.keys import Key, KeyRing, Refused
from core.testing.venues.okx.orders import Orders
from core.testing.venues.okx.words import (
    BARS,
    account_row,
    bill_row,
    candle_row,
    fill_row,
    funding_row,
    instrument_row,
    key_of,
    kind_of,
    levels,
    mark_row,
    ms,
    order_id,
    position_row,
    settled_row,
    ticker_row,
    trade_row,
)
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.weights import Weights

Params = Mapping[str, Any]
Rows = list[dict[str, object]]
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    name: str
    right: str
    """Empty where anyone may ask, else `read` or `trade`."""
    respond: Callable[[Call, Params], object]


class Rest:
    """The endpoints of one venue.

    Args:
        venue: Whose.
        keys: The account's keys.
        orders: What a client may do with orders.
    """

    def __init__(self, venue: LoopbackVenue, keys: KeyRing, orders: Orders) -> None:
        self.weights = Weights(venue.now_ms, limit=6000)
        self.account = "44705892343619584"
        """Identity of the account."""
        self.triggers: list[dict[str, object]] = []
        """Rows of orders that wait for a price; whoever tests puts them there."""
        self.position_mode = "net_mode"
        """What the account says of itself; a test may change it."""
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
        route = self._routes.get((call.method, call.path))
        if route is None:
            return Answer({"code": "404", "msg": "Not Found", "data": []}, 404)
        if self.weights.take(1) != 200:
            return Answer({"code": "50011", "msg": "Too Many Requests", "data": []}, 429)
        try:
            self._key = None
            if route.right:
                needs_trade = route.right == "trade"
                self._key = self._keys.check(call, self._venue.now_ms(), needs_trade=needs_trade)
            deadline = call.headers.get("exptime", "")
            if deadline.isdigit() and self._venue.now_ms() > int(deadline):
                return Refused(51149, "Order timed out.").answer
            found = route.respond(call, call.params)
        except Refused as no:
            return no.answer
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            return Refused(51000, f"Parameter error: {error}").answer
        body = found if isinstance(found, dict) else {"code": "0", "msg": "", "data": found}
        return Answer(body)

    def _table(self) -> dict[tuple[str, str], Route]:
        rows: tuple[tuple[str, str, str, Callable[[Call, Params], object]], ...] = (
            ("GET public/time", "health_check", "", self._time),
            ("GET system/status", "get_status", "", lambda _call, _params: []),
            ("GET public/instruments", "get_instruments", "", self._instruments),
            ("GET market/ticker", "get_ticker", "", self._ticker),
            ("GET market/tickers", "get_tickers", "", self._tickers),
            ("GET market/books", "get_orderbook", "", self._books),
            ("GET market/trades", "get_trades", "", self._trades),
            ("GET market/history-trades", "get_trade_history", "", self._old_trades),
            ("GET market/candles", "get_ohlcv", "", self._candles),
            ("GET market/history-candles", "get_ohlcv", "", self._candles),
            ("GET public/mark-price", "get_mark_price", "", self._marks),
            ("GET public/funding-rate", "get_funding_rate", "", self._funding),
            ("GET public/funding-rate-history", "get_funding_history", "", self._settled),
            ("GET account/config", "get_account", "read", self._config),
            ("GET account/balance", "get_balances", "read", self._balance),
            ("GET account/positions", "get_positions", "read", self._positions),
            ("GET account/leverage-info", "get_leverage", "read", self._leverage),
            ("POST account/set-leverage", "set_leverage", "trade", self._set_leverage),
            ("GET account/bills", "get_funding_payments", "read", self._bills),
            ("GET account/bills-archive", "get_funding_payments", "read", self._bills),
            ("POST trade/order", "create_order", "trade", self._create),
            ("POST trade/batch-orders", "create_order", "trade", self._create_all),
            ("POST trade/cancel-order", "cancel_order", "trade", self._cancel),
            ("POST trade/cancel-batch-orders", "cancel_order", "trade", self._cancel_many),
            ("GET trade/order", "get_order", "read", self._order),
            ("GET trade/orders-pending", "get_open_orders", "read", self._pending),
            ("GET trade/orders-algo-pending", "get_triggers", "read", self._waiting),
            ("GET trade/orders-history", "get_order_history", "read", self._history),
            ("GET trade/fills", "get_fills", "read", self._fills),
            ("GET trade/fills-history", "get_fills", "read", self._fills),
        )
        table = {}
        for place, name, right, respond in rows:
            method, _, path = place.partition(" ")
            table[method, f"/api/v5/{path}"] = Route(name, right, respond)
        return table

    # -- market data --------------------------------------------------------------------------

    def _time(self, _call: Call, _params: Params) -> object:
        return [{"ts": str(self._venue.now_ms())}]

    def _instruments(self, _call: Call, params: Params) -> object:
        kind, key = params["instType"], params.get("instId")
        return [
            instrument_row(each)
            for each in self._floor.instruments.values()
            if kind_of(each) == kind and key in {None, key_of(each)}
        ]

    def _ticker(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        return [self.ticker_row(symbol)]

    def ticker_row(self, symbol: str) -> dict[str, object]:
        """A row of `tickers`."""
        return ticker_row(
            self._floor.ticker(symbol), self._floor.day(symbol), self._floor.instruments[symbol]
        )

    def _tickers(self, _call: Call, params: Params) -> object:
        return [
            self.ticker_row(symbol)
            for symbol, each in self._floor.instruments.items()
            if kind_of(each) == params["instType"]
        ]

    def _books(self, call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        book = self._venue.snapshot(call, symbol)
        if book is None:
            return [{"asks": [], "bids": [], "ts": str(self._venue.now_ms())}]
        instrument, size = self._floor.instruments[symbol], int(params.get("sz", 1))
        return [
            {
                "asks": levels(book.asks[:size], instrument),
                "bids": levels(book.bids[:size], instrument),
                "ts": str(self._venue.now_ms()),
                "seqId": book.sequence,
            }
        ]

    def _trades(self, _call: Call, params: Params) -> object:
        """Newest first."""
        symbol = self._orders.symbol(params)
        rows = [
            trade_row(trade, self._floor.instruments[symbol])
            for trade in reversed(self._floor.trades(symbol))
        ]
        return rows[: int(params.get("limit", _PAGE))]

    def _old_trades(self, _call: Call, params: Params) -> object:
        """Newest first, older than the trade `after`."""
        symbol = self._orders.symbol(params)
        older = int(params.get("after") or 1 << 62)
        rows = [
            trade_row(trade, self._floor.instruments[symbol])
            for trade in reversed(self._floor.trades(symbol))
            if int(trade.trade_id) < older
        ]
        return rows[: min(int(params.get("limit", _PAGE)), _PAGE)]

    def _candles(self, _call: Call, params: Params) -> object:
        """Newest first; `before` and `after` are the ends of an open interval."""
        symbol, bar = self._orders.symbol(params), str(params.get("bar", "1m"))
        if bar not in BARS:
            raise Refused(51000, "Parameter bar error")
        first, last = int(params.get("before") or 0), int(params.get("after") or 1 << 62)
        rows = [
            candle_row(candle, self._floor.instruments[symbol])
            for candle in reversed(self._floor.candles(symbol, BARS[bar], bar))
            if first < to_ns(candle.at) // 1_000_000 < last
        ]
        return rows[: int(params.get("limit", _PAGE))]

    def _marks(self, _call: Call, params: Params) -> object:
        symbols = [self._orders.symbol(params)] if "instId" in params else self._swaps()
        return [
            mark_row(self._floor.ticker(each), self._floor.instruments[each]) for each in symbols
        ]

    def _funding(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        return [funding_row(self._floor.funding(symbol), self._floor.instruments[symbol])]

    def _settled(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        after = int(params.get("after") or 1 << 62)
        before = int(params.get("before") or 0)
        return [
            settled_row(payment, self._floor.instruments[symbol])
            for payment in reversed(self._floor.funding_payments(symbol))
            if before < int(ms(payment.at)) < after
        ]

    # -- orders -------------------------------------------------------------------------------

    def _create(self, _call: Call, params: Params) -> object:
        return self._told([self._placed(params)])

    def _create_all(self, call: Call, _params: Params) -> object:
        return self._told([self._placed(wanted) for wanted in decoded(call.body)])

    def _placed(self, params: Params) -> dict[str, object]:
        return self._tried(params, lambda: self._orders.place(params)) | {
            "tag": str(params.get("tag") or "")
        }

    def _cancel(self, _call: Call, params: Params) -> object:
        return self._told([self._cancelled(params)])

    def _cancel_many(self, call: Call, _params: Params) -> object:
        return self._told([self._cancelled(wanted) for wanted in decoded(call.body)])

    def _cancelled(self, params: Params) -> dict[str, object]:
        return self._tried(params, lambda: self._orders.cancel(params))

    def _tried(self, params: Params, act: Callable[[], OrderData]) -> dict[str, object]:
        """One row of the answer: ids, and a code of its own."""
        row: dict[str, object] = {
            "clOrdId": str(params.get("clOrdId") or ""),
            "ordId": str(params.get("ordId") or ""),
            "sCode": "0",
            "sMsg": "",
            "ts": str(self._venue.now_ms()),
        }
        try:
            order = act()
        except Refused as no:
            return row | {"sCode": str(no.code), "sMsg": str(no)}
        return row | {"ordId": order_id(order), "clOrdId": order.client_order_id or ""}

    def _told(self, rows: Rows) -> dict[str, object]:
        """`code` 0 for success, 1 where every row failed, 2 where some did."""
        failed = sum(row["sCode"] != "0" for row in rows)
        code = "0" if not failed else ("1" if failed == len(rows) else "2")
        text = "" if code == "0" else "All operations failed"
        now_us = str(self._venue.now_ms() * 1000)
        return {"code": code, "msg": text, "data": rows, "inTime": now_us, "outTime": now_us}

    def _order(self, call: Call, params: Params) -> object:
        order = self._orders.find(params)
        if self._venue.is_hidden(call, order):
            raise Refused(51603, "Order does not exist")
        return [self._orders.row(order)]

    def _pending(self, call: Call, params: Params) -> object:
        return self._listed(call, params, self._floor.open_orders())

    def _waiting(self, _call: Call, params: Params) -> object:
        """Of the kinds that are asked for; only the first two may be asked for together."""
        kinds = str(params.get("ordType", "")).split(",")
        if not kinds[0]:
            raise Refused(50014, "Parameter ordType can not be empty.")
        if len(kinds) > 1 and set(kinds) != {"conditional", "oco"}:
            raise Refused(51000, "Parameter ordType error")
        return [row for row in self.triggers if row["ordType"] in kinds and "after" not in params]

    def _history(self, call: Call, params: Params) -> object:
        if "instType" not in params:
            raise Refused(50014, "Parameter instType can not be empty.")
        return self._listed(call, params, self._orders.closed())

    def _listed(self, call: Call, params: Params, orders: Iterable[OrderData]) -> object:
        """Newest first, a hundred at most, older than the order `after`."""
        is_hidden = self._venue.hidden(call)
        rows = [
            self._orders.row(order)
            for order in orders
            if not is_hidden(0 if order.created_at is None else to_ns(order.created_at))
        ]
        wanted = [row for row in rows if _is_wanted(row, params)]
        return _page(wanted, params, "ordId")

    # -- the account --------------------------------------------------------------------------

    def _fills(self, call: Call, params: Params) -> object:
        """Newest first, older than the bill `after`."""
        is_hidden = self._venue.hidden(call)
        first, last = int(params.get("begin") or 0), int(params.get("end") or 1 << 62)
        rows = [
            fill_row(fill, self._floor.instruments[fill.symbol])
            for fill in self._floor.fills()
            if first <= to_ns(fill.at) // 1_000_000 <= last and not is_hidden(to_ns(fill.at))
        ]
        return _page([row for row in rows if _is_wanted(row, params)], params, "billId")

    def _bills(self, _call: Call, params: Params) -> object:
        if params.get("type", "8") != "8":
            return []
        first = int(params.get("begin") or 0)
        rows = [
            bill_row(payment, self._floor.instruments[payment.symbol])
            for payment in self._floor.funding_payments()
            if first <= int(ms(payment.at))
        ]
        return _page([row for row in rows if _is_wanted(row, params)], params, "billId")

    def _config(self, _call: Call, _params: Params) -> object:
        key = self._key
        return [
            {
                "acctLv": "2",
                "autoLoan": False,
                "ctIsoMode": "automatic",
                "greeksType": "PA",
                "ip": "",
                "kycLv": "3",
                "label": "loopback",
                "level": "Lv1",
                "mainUid": self.account,
                "perm": "" if key is None else key.rights,
                "posMode": self.position_mode,
                "uid": self.account,
            }
        ]

    def _balance(self, _call: Call, params: Params) -> object:
        asset = params.get("ccy")
        found = [each for each in self._floor.balances() if asset in {None, each.asset}]
        return [account_row(found, self._venue.now_ms())]

    def _positions(self, _call: Call, params: Params) -> object:
        return [
            position_row(
                position,
                self._floor.instruments[position.symbol],
                self._floor.holding(position.symbol).leverage,
            )
            for position in self._floor.positions()
            if position.size
            and params.get("instId") in {None, key_of(self._floor.instruments[position.symbol])}
        ]

    def _leverage(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        return [
            {
                "ccy": "",
                "instId": params["instId"],
                "lever": plain(self._floor.holding(symbol).leverage),
                "mgnMode": params["mgnMode"],
                "posSide": "net",
            }
        ]

    def _set_leverage(self, _call: Call, params: Params) -> object:
        """Of cross margin: this account trades nothing isolated."""
        symbol = self._orders.symbol(params)
        if params["mgnMode"] != MarginMode.CROSS.value:
            raise Refused(59114, "Isolated margin is not available to this account")
        try:
            found = self._floor.set_leverage(symbol, Decimal(str(params["lever"])))
        except OrderRejected as error:
            if error.code == "LEVERAGE":
                text = "Leverage exceeds the maximum limit. Please lower the leverage."
                raise Refused(59102, text) from error
            text = "Insufficient account balance to lower the leverage."
            raise Refused(59108, text) from error
        return [
            {
                "instId": params["instId"],
                "lever": plain(found),
                "mgnMode": params["mgnMode"],
                "posSide": "net",
            }
        ]

    def _swaps(self) -> list[str]:
        return [each.symbol for each in perpetuals(self._floor.instruments.values())]


def parameters(call: Call) -> dict[str, object]:
    """The query of a GET, the body of anything else; a list of orders has none of its own."""
    if call.method == "GET":
        return dict(parse_qsl(call.query, keep_blank_values=True))
    body = decoded(call.body)
    return {str(name): value for name, value in body.items()} if isinstance(body, dict) else {}


def _is_wanted(row: dict[str, object], params: Params) -> bool:
    names = ("instType", "instId", "ordType", "state", "ordId")
    return all(params.get(name) in {None, "", "ANY", row.get(name)} for name in names)


def _page(rows: Rows, params: Params, name: str) -> Rows:
    """Newest first by the venue's id."""
    older, newer = params.get("after"), params.get("before")
    rows = sorted(rows, key=lambda row: int(str(row[name])), reverse=True)
    if older:
        rows = [row for row in rows if int(str(row[name])) < int(older)]
    if newer:
        rows = [row for row in rows if int(str(row[name])) > int(newer)]
    return rows[: min(int(params.get("limit") or _PAGE), _PAGE)]
