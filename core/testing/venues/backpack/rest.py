"""Backpack's REST endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

from core.adapters.exchanges.backpack.sign import Value
from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    plain,
    to_ns,
)
from core.errors import OrderRejected
from core.testing.venues.backpack.keys import KeyRing, Refused
from core.testing.venues.backpack.words import (
    INTERVALS,
    ORDER_IDS,
    fill_row,
    key_of,
    kline_row,
    levels,
    mark_row,
    market_row,
    ms,
    order_id,
    order_row,
    payment_row,
    position_row,
    ticker_row,
    trade_row,
    us,
)
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import identity_of, perpetuals
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.weights import Weights

Params = Mapping[str, Any]
_LARGEST_CLIENT_ID: Final = 2**32 - 1
_SIDES: Final = {"Bid": OrderSide.BUY, "Ask": OrderSide.SELL}
_TIMES_IN_FORCE: Final = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_WORDS: Final = {
    "AMOUNT_INVALID": ("INVALID_QUANTITY", "Quantity is below the minimum"),
    "LOT_SIZE": ("INVALID_QUANTITY", "Quantity decimal too long"),
    "MIN_AMOUNT": ("INVALID_QUANTITY", "Quantity is below the minimum"),
    "MAX_AMOUNT": ("INVALID_QUANTITY", "Quantity is above the maximum"),
    "PRICE_INVALID": ("INVALID_PRICE", "Price is below the minimum"),
    "TICK_SIZE": ("INVALID_PRICE", "Price decimal too long"),
    "MIN_NOTIONAL": ("INVALID_ORDER", "Order value is below the minimum"),
    "POST_ONLY_WOULD_CROSS": ("INVALID_ORDER", "Order would immediately match and take."),
    "POST_ONLY_INVALID": ("INVALID_ORDER", "Post only orders must be good til cancelled"),
    "REDUCE_ONLY": ("INVALID_ORDER", "Reduce only order not reduced"),
    "INSUFFICIENT_MARGIN": ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    "INSUFFICIENT_BALANCE": ("INSUFFICIENT_FUNDS", "Insufficient funds"),
    "SPOT_SHORT": ("INSUFFICIENT_FUNDS", "Insufficient funds"),
    "DUPLICATE_CLIENT_ORDER_ID": ("INVALID_ORDER", "Order with this client id already exists"),
    "NO_MARKET": ("INVALID_ORDER", "No liquidity"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; without an instruction anyone may ask."""

    name: str
    instruction: str
    respond: Callable[[Call, Params], object]


class Rest:
    """The endpoints of one venue.

    Args:
        venue: Whose.
        keys: The account's keys.
    """

    def __init__(self, venue: LoopbackVenue, keys: KeyRing) -> None:
        self.weights = Weights(venue.now_ms, limit=2000)
        self._venue = venue
        self._floor = venue.floor
        self._keys = keys
        self._symbols = {key_of(each): each.symbol for each in self._floor.instruments.values()}
        self.keys = {symbol: key for key, symbol in self._symbols.items()}
        """Canonical symbol -> Backpack's."""
        self._routes = self._table()

    def named(self, call: Call) -> str:
        """The name of an endpoint; its path where there is none."""
        route = self._routes.get((call.method, call.path))
        return call.path if route is None else route.name

    def respond(self, call: Call) -> Answer:
        """Answers a request."""
        route = self._routes.get((call.method, call.path))
        if route is None:
            return Answer(b"Not Found", 404, {"Content-Type": "text/plain"})
        status = self.weights.take(1)
        if status != 200:
            headers = {"Retry-After": str(self.weights.retry_after_s)}
            body = {"code": "TOO_MANY_REQUESTS", "message": "Too many requests"}
            return Answer(body, 429, headers)
        try:
            if route.instruction:
                self._keys.check_headers(
                    route.instruction, batches_of(call), call.headers, self._venue.now_ms()
                )
            return Answer(route.respond(call, call.params))
        except Refused as no:
            return no.answer
        except (KeyError, TypeError, InvalidOperation) as error:
            text = f"parse request payload error: {error}"
            return Refused("INVALID_CLIENT_REQUEST", text).answer

    def _table(self) -> dict[tuple[str, str], Route]:
        rows: tuple[tuple[str, str, str, Callable[[Call, Params], object]], ...] = (
            ("GET /api/v1/ping", "ping", "", lambda _call, _params: "pong"),
            ("GET /api/v1/time", "health_check", "", lambda _call, _params: self._venue.now_ms()),
            ("GET /api/v1/status", "get_status", "", self._status),
            ("GET /api/v1/assets", "get_assets", "", self._assets),
            ("GET /api/v1/securities", "get_securities", "", lambda _call, _params: []),
            ("GET /api/v1/markets", "get_instruments", "", self._markets),
            ("GET /api/v1/ticker", "get_ticker", "", self._ticker),
            ("GET /api/v1/tickers", "get_tickers", "", self._tickers),
            ("GET /api/v1/depth", "get_orderbook", "", self._depth),
            ("GET /api/v1/trades", "get_trades", "", self._trades),
            ("GET /api/v1/klines", "get_ohlcv", "", self._klines),
            ("GET /api/v1/markPrices", "get_funding_rate", "", self._marks),
            ("GET /api/v1/fundingRates", "get_funding_history", "", self._funding),
            ("POST /api/v1/order", "create_order", "orderExecute", self._create),
            ("DELETE /api/v1/order", "cancel_order", "orderCancel", self._cancel),
            ("GET /api/v1/order", "get_order", "orderQuery", self._order),
            ("GET /api/v1/orders", "get_open_orders", "orderQueryAll", self._open_orders),
            ("POST /api/v1/orders", "create_orders", "orderExecute", self._create_all),
            ("DELETE /api/v1/orders", "cancel_all_orders", "orderCancelAll", self._cancel_all),
            ("GET /api/v1/capital", "get_balances", "balanceQuery", self._capital),
            ("GET /api/v1/capital/collateral", "get_balances", "collateralQuery", self._collateral),
            ("GET /api/v1/position", "get_positions", "positionQuery", self._positions),
            ("GET /api/v1/account", "get_account", "accountQuery", self._account),
            ("PATCH /api/v1/account", "set_leverage", "accountUpdate", self._update),
            (
                "GET /wapi/v1/history/orders",
                "get_order_history",
                "orderHistoryQueryAll",
                self._history,
            ),
            ("GET /wapi/v1/history/fills", "get_fills", "fillHistoryQueryAll", self._fills),
            (
                "GET /wapi/v1/history/funding",
                "get_funding_payments",
                "fundingHistoryQueryAll",
                self._payments,
            ),
        )
        table = {}
        for place, name, instruction, respond in rows:
            method, _, path = place.partition(" ")
            table[method, path] = Route(name, instruction, respond)
        return table

    # -- market data --------------------------------------------------------------------------

    def symbol(self, params: Params) -> str:
        """The canonical symbol that a request must name."""
        found = self._symbols.get(str(params.get("symbol", "")))
        if found is None:
            raise Refused("INVALID_SYMBOL", "Invalid symbol")
        return found

    def _status(self, _call: Call, _params: Params) -> object:
        return {"status": "Ok", "message": None}

    def _assets(self, _call: Call, _params: Params) -> object:
        instruments = self._floor.instruments.values()
        names = {each.base for each in instruments} | {each.quote for each in instruments}
        return [
            {"coingeckoId": None, "displayName": name, "symbol": name, "tokens": []}
            for name in sorted(names)
        ]

    def _markets(self, _call: Call, _params: Params) -> object:
        return [market_row(each) for each in self._floor.instruments.values()]

    def _ticker(self, _call: Call, params: Params) -> object:
        symbol = self.symbol(params)
        return ticker_row(self._floor.day(symbol), self.keys[symbol])

    def _tickers(self, _call: Call, _params: Params) -> object:
        return [ticker_row(self._floor.day(each), key) for each, key in self.keys.items()]

    def _depth(self, call: Call, params: Params) -> object:
        """Bids from low to high, best last."""
        symbol = self.symbol(params)
        book = self._venue.snapshot(call, symbol)
        if book is None:
            return {"asks": [], "bids": [], "lastUpdateId": "0", "timestamp": 0}
        return {
            "asks": levels(book.asks),
            "bids": levels(book.bids)[::-1],
            "lastUpdateId": str(book.sequence),
            "timestamp": us(book.at),
        }

    def _trades(self, _call: Call, params: Params) -> object:
        """Newest first."""
        found = self._floor.trades(self.symbol(params))
        return [trade_row(trade) for trade in reversed(found)][: int(params.get("limit", 100))]

    def _klines(self, _call: Call, params: Params) -> object:
        symbol, interval = self.symbol(params), str(params.get("interval"))
        if interval not in INTERVALS:
            text = 'failed to parse parameter `interval`: failed to parse "KlineInterval"'
            raise Refused("INVALID_CLIENT_REQUEST", text)
        first_s = int(params.get("startTime", 0))
        return [
            kline_row(candle, INTERVALS[interval])
            for candle in self._floor.candles(symbol, INTERVALS[interval], interval)
            if to_ns(candle.at) >= first_s * 1_000_000_000
        ]

    def _marks(self, _call: Call, params: Params) -> object:
        wanted = [self.symbol(params)] if "symbol" in params else self._perps()
        return [
            mark_row(self._floor.ticker(each), self._floor.funding(each), self.keys[each])
            for each in wanted
        ]

    def _funding(self, _call: Call, params: Params) -> object:
        symbol = self.symbol(params)
        found = self._floor.funding_payments(symbol)
        rows = [payment_row(payment, self.keys[symbol]) for payment in reversed(found)]
        names = ("fundingRate", "intervalEndTimestamp", "symbol")
        return _page([{name: row[name] for name in names} for row in rows], params)

    # -- orders -------------------------------------------------------------------------------

    def _create(self, _call: Call, params: Params) -> object:
        return self._placed(params)

    def _create_all(self, call: Call, _params: Params) -> object:
        answers: list[object] = []
        for wanted in decoded(call.body):
            try:
                answers.append({"operation": "Ok", **self._placed(wanted)})
            except Refused as no:
                body = {"operation": "Err", "code": no.code, "message": str(no)}
                answers.append(body)
        return answers

    def _placed(self, params: Params) -> dict[str, object]:
        symbol = self.symbol(params)
        number = params.get("clientId")
        if number is not None and not (isinstance(number, int) and number <= _LARGEST_CLIENT_ID):
            text = 'failed to parse "uint32": expected an unsigned 32-bit integer'
            raise Refused("INVALID_CLIENT_REQUEST", text)
        is_market = params["orderType"] == "Market"
        options = OrderOptions(
            client_order_id=None if number is None else str(number),
            time_in_force=_TIMES_IN_FORCE[params.get("timeInForce") or "GTC"],
            post_only=bool(params.get("postOnly")),
            reduce_only=bool(params.get("reduceOnly")),
        )
        if "quantity" not in params:
            raise Refused("INVALID_ORDER", "Quantity is required here")
        try:
            order = self._floor.create(
                symbol,
                _SIDES[params["side"]],
                OrderType.MARKET if is_market else OrderType.LIMIT,
                Decimal(params["quantity"]),
                None if is_market else Decimal(params["price"]),
                options,
            )
        except OrderRejected as error:
            code, text = _WORDS.get(error.code or "", ("INVALID_ORDER", str(error)))
            raise Refused(code, text) from error
        return self.row(order)

    def row(self, order: OrderData, *, is_history: bool = False) -> dict[str, object]:
        """An order as the venue words it."""
        return order_row(order, self.keys[order.symbol], is_history=is_history)

    def _open(self, params: Params) -> OrderData:
        """The open order that a request means."""
        symbol = self.symbol(params)
        name = params.get("orderId")
        if name is not None:
            number = int(name) - ORDER_IDS
            order = self._floor.order(identity_of(number)) if number > 0 else None
        else:
            order = self._floor.order(client_order_id=str(params.get("clientId")))
        if order is None or order.symbol != symbol or not order.status.is_open:
            raise Refused("RESOURCE_NOT_FOUND", "Order not found", status=404)
        return order

    def _cancel(self, _call: Call, params: Params) -> object:
        order = self._open(params)
        try:
            return self.row(self._floor.cancel(order.order_id, order.symbol))
        except OrderRejected as error:
            raise Refused("RESOURCE_NOT_FOUND", "Order not found", status=404) from error

    def _cancel_all(self, _call: Call, params: Params) -> object:
        return [self.row(order) for order in self._floor.cancel_all(self.symbol(params))]

    def _order(self, call: Call, params: Params) -> object:
        order = self._open(params)
        if self._venue.is_hidden(call, order):
            raise Refused("RESOURCE_NOT_FOUND", "Order not found", status=404)
        return self.row(order)

    def _open_orders(self, call: Call, params: Params) -> object:
        symbol = self.symbol(params) if "symbol" in params else None
        is_hidden = self._venue.hidden(call)
        found = self._floor.open_orders(symbol)
        return [self.row(order) for order in found if not is_hidden(_created_ns(order))]

    def _history(self, call: Call, params: Params) -> object:
        """All orders, newest first."""
        symbol = self.symbol(params) if "symbol" in params else None
        is_hidden = self._venue.hidden(call)
        found = [*self._floor.closed_orders(symbol), *self._floor.open_orders(symbol)]
        found.sort(key=lambda order: int(order_id(order)), reverse=True)
        wanted = params.get("orderId")
        rows = [
            self.row(order, is_history=True)
            for order in found
            if not is_hidden(_created_ns(order)) and wanted in {None, order_id(order)}
        ]
        return _page(rows, params)

    # -- the account --------------------------------------------------------------------------

    def _fills(self, call: Call, params: Params) -> object:
        """Newest first."""
        symbol = self.symbol(params) if "symbol" in params else None
        is_hidden = self._venue.hidden(call)
        first, last = int(params.get("from", 0)), int(params.get("to", 1 << 62))
        wanted = params.get("orderId")
        rows = [
            fill_row(fill, self.keys[fill.symbol])
            for fill in reversed(self._floor.fills(symbol))
            if first <= ms(fill.at) <= last
            and not is_hidden(to_ns(fill.at))
            and wanted in {None, order_id(fill)}
        ]
        return _page(rows, params)

    def _payments(self, _call: Call, params: Params) -> object:
        symbol = self.symbol(params) if "symbol" in params else None
        found = reversed(self._floor.funding_payments(symbol))
        return _page([payment_row(each, self.keys[each.symbol]) for each in found], params)

    def _capital(self, _call: Call, _params: Params) -> object:
        """What is there and not lent: the open result of positions is not in it."""
        return {
            balance.asset: {
                "available": plain(balance.free),
                "locked": plain(max(balance.total - balance.free, Decimal(0))),
                "staked": "0",
            }
            for balance in self._floor.balances()
        }

    def _collateral(self, _call: Call, _params: Params) -> object:
        found = self._floor.balances()
        usdc = next((each for each in found if each.asset == "USDC"), None)
        equity = Decimal(0) if usdc is None else usdc.equity or usdc.total
        free = Decimal(0) if usdc is None else usdc.free
        return {
            "assetsValue": plain(equity),
            "borrowLiability": "0",
            "collateral": [
                {
                    "symbol": balance.asset,
                    "assetMarkPrice": "1",
                    "totalQuantity": plain(balance.total),
                    "balanceNotional": plain(balance.total),
                    "collateralWeight": "1",
                    "collateralValue": plain(balance.total),
                    "openOrderQuantity": "0",
                    "lendQuantity": "0",
                    "availableQuantity": plain(balance.free),
                }
                for balance in found
            ],
            "imf": "0.02",
            "unsettledEquity": "0",
            "liabilitiesValue": "0",
            "marginFraction": None,
            "mmf": "0.0125",
            "netEquity": plain(equity),
            "netEquityAvailable": plain(free),
            "netEquityLocked": plain(max(equity - free, Decimal(0))),
            "netExposureFutures": "0",
            "pnlUnrealized": plain(equity - (Decimal(0) if usdc is None else usdc.total)),
        }

    def _positions(self, _call: Call, _params: Params) -> object:
        return [
            position_row(position, self._floor.instruments[position.symbol])
            for position in self._floor.positions()
            if position.size
        ]

    def _account(self, _call: Call, _params: Params) -> object:
        """Leverage is of the whole account."""
        perps = self._perps()
        leverage = self._floor.holding(perps[0]).leverage if perps else Decimal(1)
        instrument = next(iter(self._floor.instruments.values()))
        maker, taker = instrument.maker_fee or Decimal(0), instrument.taker_fee or Decimal(0)
        return {
            "autoBorrowSettlements": True,
            "autoLend": False,
            "autoRealizePnl": True,
            "autoRepayBorrows": True,
            "borrowLimit": "0",
            "futuresMakerFee": plain(maker * 10_000),
            "futuresTakerFee": plain(taker * 10_000),
            "leverageLimit": plain(leverage),
            "limitOrders": len(self._floor.open_orders()),
            "liquidating": False,
            "positionLimit": "0",
            "spotMakerFee": plain(maker * 10_000),
            "spotTakerFee": plain(taker * 10_000),
            "triggerOrders": 0,
        }

    def _update(self, _call: Call, params: Params) -> object:
        for symbol in self._perps():
            try:
                self._floor.set_leverage(symbol, Decimal(str(params["leverageLimit"])))
            except OrderRejected as error:
                raise Refused("INVALID_CLIENT_REQUEST", "Invalid leverage limit") from error
        return b""

    def _perps(self) -> list[str]:
        return [each.symbol for each in perpetuals(self._floor.instruments.values())]


def parameters(call: Call) -> dict[str, object]:
    """The query of a GET, the body of anything else; a list of orders has none of its own."""
    if call.method == "GET":
        return dict(parse_qsl(call.query, keep_blank_values=True))
    body = decoded(call.body)
    return {str(name): value for name, value in body.items()} if isinstance(body, dict) else {}


def batches_of(call: Call) -> Sequence[Mapping[str, Value]]:
    """What is signed: each order of a list for itself."""
    body = decoded(call.body) if call.method != "GET" else None
    return body if isinstance(body, list) else [call.params]  # type: ignore[list-item] # as decoded


def _created_ns(order: OrderData) -> int:
    return 0 if order.created_at is None else to_ns(order.created_at)


def _page(rows: list[dict[str, object]], params: Params) -> list[dict[str, object]]:
    first = int(params.get("offset", 0))
    return rows[first : first + int(params.get("limit", 100))]
