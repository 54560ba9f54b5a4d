"""Binance's REST endpoints: who may ask, what it weighs, and what is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from urllib.parse import parse_qsl

from core.adapters.exchanges.models import MarginMode, OrderData, plain, to_ns
from core.errors import OrderRejected
from core.testing.venues.binance.keys import Key, KeyRing
from core.testing.venues.binance.listen_keys import ListenKeys
from core.testing.venues.binance.market_data import MarketData
from core.testing.venues.binance.numbering import TradeNumbers
from core.testing.venues.binance.orders import Orders
from core.testing.venues.binance.paging import Params, in_time, newest
from core.testing.venues.binance.refusals import (
    BANNED,
    SAME_MARGIN_TYPE,
    SAME_POSITION_SIDE,
    TOO_MANY,
    Refused,
    missing,
    refused,
)
from core.testing.venues.binance.words import (
    fill_row,
    income_row,
    key_of,
    order_id,
    position_row,
)
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import perpetuals
from core.testing.venues.server import LoopbackVenue, decoded
from core.testing.venues.weights import Weights

Respond = Callable[[Call, Params], object]


class Security(StrEnum):
    """What a request must carry."""

    NONE = "none"
    KEY = "key"
    READ = "read"
    """A signature."""
    TRADE = "trade"
    """A signature of a key that may trade."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    name: str
    weight: int
    security: Security
    respond: Respond


class Rest:
    """The endpoints of one venue.

    Args:
        venue: Whose.
        orders: What may be done with orders.
        keys: The account's keys.
        listen_keys: Listen key -> milliseconds at which it ends.
    """

    def __init__(
        self,
        venue: LoopbackVenue,
        orders: Orders,
        keys: KeyRing,
        listen_keys: ListenKeys,
        numbers: TradeNumbers,
    ) -> None:
        self.weights = Weights(venue.now_ms, limit=2400)
        self.is_hedge_mode = False
        self._venue = venue
        self._floor = venue.floor
        self._orders = orders
        self._keys = keys
        self._listen_keys = listen_keys
        self._numbers = numbers
        self._key: Key = keys.hmac
        self._switches: dict[str, int] = {}
        """Symbol -> which countdown of the dead man's switch is the newest."""
        self._routes = self._table()

    def name_of(self, method: str, path: str) -> str:
        """The name of an endpoint; its path where there is none."""
        route = self._routes.get((method, path))
        return path if route is None else route.name

    def respond(self, call: Call) -> Answer:
        """Answers a request."""
        route = self._routes.get((call.method, call.path))
        if route is None:
            return Answer({"code": -5000, "msg": f"Path {call.path}, Method is invalid"}, 404)
        params = {name: str(value) for name, value in call.params.items()}
        try:
            self._weigh(route)
            self._let_in(route, call, params)
            body = route.respond(call, params)
        except Refused as no:
            return Answer(no.body, no.status, {**self._headers(), **no.headers})
        return Answer(body, 200, self._headers())

    # -- who may ask --------------------------------------------------------------------------

    def _weigh(self, route: Route) -> None:
        status = self.weights.take(route.weight, is_order=route.name == "create_order")
        if status != 200:
            headers = {"Retry-After": str(self.weights.retry_after_s)}
            raise Refused(BANNED if status == 418 else TOO_MANY, status=status, headers=headers)

    def _headers(self) -> dict[str, str]:
        return {
            "X-MBX-USED-WEIGHT-1M": str(self.weights.used),
            "X-MBX-ORDER-COUNT-1M": str(self.weights.orders),
            "X-MBX-ORDER-COUNT-10S": str(self.weights.orders),
        }

    def _let_in(self, route: Route, call: Call, params: Params) -> None:
        if route.security is Security.NONE:
            return
        self._key = self._keys.find(call.headers.get("x-mbx-apikey"))
        if route.security is Security.KEY:
            return
        self._keys.check(
            self._key,
            signed_text(call),
            params,
            now_ms=self._venue.now_ms(),
            needs_trade=route.security is Security.TRADE,
        )

    # -- the table ----------------------------------------------------------------------------

    def _table(self) -> dict[tuple[str, str], Route]:
        market = MarketData(self._venue, self._orders, self._numbers)
        none, key, read, trade = Security.NONE, Security.KEY, Security.READ, Security.TRADE
        rows: tuple[tuple[str, str, int, Security, Respond], ...] = (
            ("GET /fapi/v1/ping", "ping", 1, none, lambda _call, _params: {}),
            ("GET /fapi/v1/time", "health_check", 1, none, market.time),
            ("GET /fapi/v1/exchangeInfo", "get_instruments", 1, none, market.info),
            ("GET /fapi/v1/depth", "get_orderbook", 5, none, market.depth),
            ("GET /fapi/v1/trades", "get_trades", 5, none, market.trades),
            ("GET /fapi/v1/historicalTrades", "get_trades", 20, key, market.trades),
            ("GET /fapi/v1/aggTrades", "get_trades", 20, none, market.agg_trades),
            ("GET /fapi/v1/klines", "get_ohlcv", 5, none, market.klines),
            ("GET /fapi/v1/ticker/24hr", "get_ticker", 1, none, market.day),
            ("GET /fapi/v1/ticker/price", "get_ticker", 1, none, market.last),
            ("GET /fapi/v2/ticker/price", "get_ticker", 1, none, market.last),
            ("GET /fapi/v1/ticker/bookTicker", "get_ticker", 2, none, market.best),
            ("GET /fapi/v1/premiumIndex", "get_funding_rate", 1, none, market.premium),
            ("GET /fapi/v1/fundingRate", "get_funding_history", 1, none, market.funding_history),
            ("GET /fapi/v1/fundingInfo", "get_funding_info", 1, none, market.funding_info),
            ("POST /fapi/v1/order", "create_order", 0, trade, self._create),
            ("DELETE /fapi/v1/order", "cancel_order", 1, trade, self._cancel),
            ("GET /fapi/v1/order", "get_order", 1, read, self._order),
            ("GET /fapi/v1/openOrder", "get_order", 1, read, self._open_order),
            ("GET /fapi/v1/openOrders", "get_open_orders", 1, read, self._open_orders),
            ("GET /fapi/v1/allOrders", "get_order_history", 5, read, self._all_orders),
            ("DELETE /fapi/v1/allOpenOrders", "cancel_all_orders", 1, trade, self._cancel_all),
            ("POST /fapi/v1/batchOrders", "create_orders", 5, trade, self._batch),
            ("POST /fapi/v1/countdownCancelAll", "arm_switch", 10, trade, self._countdown),
            ("GET /fapi/v1/userTrades", "get_fills", 5, read, self._user_trades),
            ("GET /fapi/v1/income", "get_funding_payments", 30, read, self._income),
            ("GET /fapi/v2/account", "get_account", 5, read, self._account),
            ("GET /fapi/v3/account", "get_account", 5, read, self._account),
            ("GET /fapi/v2/balance", "get_balances", 5, read, self._balance),
            ("GET /fapi/v3/balance", "get_balances", 5, read, self._balance),
            ("GET /fapi/v2/positionRisk", "get_positions", 5, read, self._positions_v2),
            ("GET /fapi/v3/positionRisk", "get_positions", 5, read, self._positions_v3),
            ("GET /fapi/v1/accountConfig", "get_account_config", 5, read, self._account_config),
            ("GET /fapi/v1/symbolConfig", "get_symbol_config", 5, read, self._symbol_config),
            ("GET /fapi/v1/leverageBracket", "get_brackets", 1, read, self._brackets),
            ("GET /fapi/v1/commissionRate", "get_fees", 20, read, self._commission),
            ("POST /fapi/v1/leverage", "set_leverage", 1, trade, self._leverage),
            ("POST /fapi/v1/marginType", "set_margin_mode", 1, trade, self._margin_type),
            ("GET /fapi/v1/positionSide/dual", "get_position_mode", 30, read, self._position_mode),
            ("POST /fapi/v1/positionSide/dual", "set_position_mode", 1, trade, self._set_mode),
            ("GET /fapi/v1/multiAssetsMargin", "get_assets_mode", 30, read, self._assets_mode),
            ("POST /fapi/v1/listenKey", "open_private_stream", 1, key, self._listen),
            ("PUT /fapi/v1/listenKey", "keep_private_stream", 1, key, self._keep),
            ("DELETE /fapi/v1/listenKey", "close_private_stream", 1, key, self._unlisten),
            ("GET /sapi/v1/account/apiRestrictions", "get_key_rights", 1, read, self._rights),
        )
        table = {}
        for place, name, weight, security, respond in rows:
            method, _, path = place.partition(" ")
            table[method, path] = Route(name, weight, security, respond)
        return table

    # -- orders -------------------------------------------------------------------------------

    def _create(self, _call: Call, params: Params) -> object:
        return self._orders.place(params)

    def _cancel(self, _call: Call, params: Params) -> object:
        return self._orders.cancel(params)

    def _order(self, call: Call, params: Params) -> object:
        order = self._orders.find(params)
        if self._venue.is_hidden(call, order):
            raise Refused((-2013, "Order does not exist."))
        return self._orders.row(order)

    def _open_order(self, call: Call, params: Params) -> object:
        order = self._orders.find(params)
        if not order.status.is_open or self._venue.is_hidden(call, order):
            raise Refused((-2013, "Order does not exist."))
        return self._orders.row(order)

    def _open_orders(self, call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params) if "symbol" in params else None
        return self._rows(call, self._floor.open_orders(symbol))

    def _all_orders(self, call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        found = [*self._floor.closed_orders(symbol), *self._floor.open_orders(symbol)]
        first = int(params.get("orderId", "0"))
        kept = [
            order
            for order in sorted(found, key=order_id)
            if order_id(order) >= first and in_time(params, _created_ns(order))
        ]
        return newest(self._rows(call, kept), params, 500)

    def _rows(self, call: Call, orders: list[OrderData]) -> list[dict[str, object]]:
        is_hidden = self._venue.hidden(call)
        return [self._orders.row(order) for order in orders if not is_hidden(_created_ns(order))]

    def _cancel_all(self, _call: Call, params: Params) -> object:
        self._floor.cancel_all(self._orders.symbol(params))
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _batch(self, _call: Call, params: Params) -> object:
        answers: list[object] = []
        for row in decoded(params.get("batchOrders", "[]")) or []:
            try:
                answers.append(self._orders.place({name: str(row[name]) for name in row}))
            except Refused as no:
                answers.append(no.body)
        return answers

    def _countdown(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        countdown = params.get("countdownTime", "")
        if not countdown.isdigit():
            raise missing("countdownTime")
        number = self._switches[symbol] = self._switches.get(symbol, 0) + 1
        if int(countdown):

            def fire() -> None:
                if self._switches[symbol] == number:
                    self._floor.cancel_all(symbol)

            self._venue.clock.call_after_ns(int(countdown) * 1_000_000, fire)
        return {"symbol": self._orders.keys[symbol], "countdownTime": countdown}

    # -- the account --------------------------------------------------------------------------

    def _user_trades(self, call: Call, params: Params) -> object:
        is_hidden = self._venue.hidden(call)
        symbol = self._orders.symbol(params)
        first = int(params.get("fromId", "0"))
        rows = [
            fill_row(fill, self._orders.keys[symbol])
            for fill in self._floor.fills(symbol)
            if in_time(params, to_ns(fill.at)) and not is_hidden(to_ns(fill.at))
        ]
        number = params.get("orderId")
        kept = [
            row
            for row in rows
            if int(str(row["id"])) >= first and (not number or str(row["orderId"]) == number)
        ]
        if "fromId" in params or "startTime" in params:
            return kept[: int(params.get("limit", "500"))]
        return newest(kept, params, 500)

    def _income(self, _call: Call, params: Params) -> object:
        if params.get("incomeType", "FUNDING_FEE") != "FUNDING_FEE":
            return []
        symbol = self._orders.symbol(params) if "symbol" in params else None
        rows = [
            income_row(payment, self._floor.instruments[payment.symbol])
            for payment in self._floor.funding_payments(symbol)
            if in_time(params, to_ns(payment.at))
        ]
        return rows[: int(params.get("limit", "100"))]

    def _balance(self, _call: Call, _params: Params) -> object:
        return [
            {
                "accountAlias": "SgsR",
                "asset": balance.asset,
                "balance": plain(balance.total),
                "crossWalletBalance": plain(balance.total),
                "crossUnPnl": plain((balance.equity or balance.total) - balance.total),
                "availableBalance": plain(balance.free),
                "maxWithdrawAmount": plain(balance.free),
                "marginAvailable": True,
                "updateTime": self._venue.now_ms(),
            }
            for balance in self._floor.balances()
        ]

    def _account(self, call: Call, _params: Params) -> object:
        has_leverage = call.path.startswith("/fapi/v2")
        assets = [
            {
                "asset": balance.asset,
                "walletBalance": plain(balance.total),
                "unrealizedProfit": plain((balance.equity or balance.total) - balance.total),
                "marginBalance": plain(balance.equity or balance.total),
                "maintMargin": "0",
                "initialMargin": plain(balance.used),
                "positionInitialMargin": plain(balance.used),
                "openOrderInitialMargin": "0",
                "crossWalletBalance": plain(balance.total),
                "crossUnPnl": plain((balance.equity or balance.total) - balance.total),
                "availableBalance": plain(balance.free),
                "maxWithdrawAmount": plain(balance.free),
                "marginAvailable": True,
                "updateTime": self._venue.now_ms(),
            }
            for balance in self._floor.balances()
        ]
        total = sum((balance.total for balance in self._floor.balances()), Decimal(0))
        free = sum((balance.free for balance in self._floor.balances()), Decimal(0))
        answer: dict[str, object] = {
            "totalInitialMargin": plain(total - free),
            "totalMaintMargin": "0",
            "totalWalletBalance": plain(total),
            "totalUnrealizedProfit": "0",
            "totalMarginBalance": plain(total),
            "totalPositionInitialMargin": plain(total - free),
            "totalOpenOrderInitialMargin": "0",
            "totalCrossWalletBalance": plain(total),
            "totalCrossUnPnl": "0",
            "availableBalance": plain(free),
            "maxWithdrawAmount": plain(free),
            "assets": assets,
            "positions": [self._account_position(each, has_leverage) for each in self._perps()],
        }
        if has_leverage:
            answer |= {
                "feeTier": 0,
                "canTrade": True,
                "canDeposit": True,
                "canWithdraw": True,
                "multiAssetsMargin": False,
                "updateTime": 0,
            }
        return answer

    def _account_position(self, symbol: str, has_leverage: bool) -> dict[str, object]:  # noqa: FBT001 # one caller
        position = self._floor.position(symbol)
        row = position_row(position, self._floor.instruments[symbol], has_leverage=False)
        row["unrealizedProfit"] = row.pop("unRealizedProfit")
        if has_leverage:
            is_isolated = position.margin_mode is MarginMode.ISOLATED
            row |= {"leverage": plain(position.leverage or Decimal(1)), "isolated": is_isolated}
        return row

    def _positions_v2(self, _call: Call, params: Params) -> object:
        return [
            position_row(
                self._floor.position(symbol), self._floor.instruments[symbol], has_leverage=True
            )
            for symbol in self._perps(params)
        ]

    def _positions_v3(self, _call: Call, params: Params) -> object:
        return [
            position_row(
                self._floor.position(symbol), self._floor.instruments[symbol], has_leverage=False
            )
            for symbol in self._perps(params)
            if self._floor.position(symbol).size or self._floor.open_orders(symbol)
        ]

    def _account_config(self, _call: Call, _params: Params) -> object:
        return {
            "feeTier": 0,
            "canTrade": self._key.can_trade,
            "canDeposit": True,
            "canWithdraw": True,
            "dualSidePosition": self.is_hedge_mode,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def _symbol_config(self, _call: Call, params: Params) -> object:
        return [
            {
                "symbol": self._orders.keys[symbol],
                "marginType": _margin_word(self._floor.holding(symbol).margin_mode),
                "isAutoAddMargin": False,
                "leverage": int(self._floor.holding(symbol).leverage),
                "maxNotionalValue": "100000000",
            }
            for symbol in self._perps(params)
        ]

    def _brackets(self, _call: Call, params: Params) -> object:
        return [
            {
                "symbol": self._orders.keys[symbol],
                "notionalCoef": 1.0,
                "brackets": [
                    {
                        "bracket": 1,
                        "initialLeverage": int(self._floor.instruments[symbol].max_leverage),
                        "notionalCap": 100_000_000,
                        "notionalFloor": 0,
                        "maintMarginRatio": self._floor.instruments[symbol].maintenance_margin_rate,
                        "cum": 0,
                    }
                ],
            }
            for symbol in self._perps(params)
        ]

    def _commission(self, _call: Call, params: Params) -> object:
        instrument = self._floor.instruments[self._orders.symbol(params)]
        return {
            "symbol": key_of(instrument),
            "makerCommissionRate": plain(instrument.maker_fee or Decimal(0)),
            "takerCommissionRate": plain(instrument.taker_fee or Decimal(0)),
            "rpiCommissionRate": "0",
        }

    def _leverage(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        if not params.get("leverage", "").isdigit():
            raise missing("leverage")
        try:
            leverage = self._floor.set_leverage(symbol, Decimal(params["leverage"]))
        except OrderRejected as error:
            raise refused(error) from error
        return {
            "leverage": int(leverage),
            "maxNotionalValue": "100000000",
            "symbol": self._orders.keys[symbol],
        }

    def _margin_type(self, _call: Call, params: Params) -> object:
        symbol = self._orders.symbol(params)
        word = params.get("marginType", "")
        modes = {"ISOLATED": MarginMode.ISOLATED, "CROSSED": MarginMode.CROSS}
        if word not in modes:
            raise missing("marginType")
        try:
            is_changed = self._floor.set_margin_mode(symbol, modes[word])
        except OrderRejected as error:
            raise refused(error) from error
        if not is_changed:
            raise Refused(SAME_MARGIN_TYPE)
        return {"code": 200, "msg": "success"}

    def _position_mode(self, _call: Call, _params: Params) -> object:
        return {"dualSidePosition": self.is_hedge_mode}

    def _set_mode(self, _call: Call, params: Params) -> object:
        wanted = params.get("dualSidePosition", "").lower() == "true"
        if wanted == self.is_hedge_mode:
            raise Refused(SAME_POSITION_SIDE)
        self.is_hedge_mode = wanted
        return {"code": 200, "msg": "success"}

    def _assets_mode(self, _call: Call, _params: Params) -> object:
        return {"multiAssetsMargin": False}

    def _listen(self, _call: Call, _params: Params) -> object:
        return {"listenKey": self._listen_keys.make(self._key.api_key)}

    def _keep(self, _call: Call, _params: Params) -> object:
        return {"listenKey": self._listen_keys.keep(self._key.api_key)}

    def _unlisten(self, _call: Call, _params: Params) -> object:
        self._listen_keys.end(self._key.api_key)
        return {}

    def _rights(self, _call: Call, _params: Params) -> object:
        return {
            "ipRestrict": self._key.is_ip_bound,
            "createTime": 1698645219000,
            "enableReading": True,
            "enableSpotAndMarginTrading": False,
            "enableWithdrawals": self._key.can_withdraw,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": self._key.can_trade,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enablePortfolioMarginTrading": False,
        }

    # -- small --------------------------------------------------------------------------------

    def _perps(self, params: Params | None = None) -> list[str]:
        if params is not None and "symbol" in params:
            return [self._orders.symbol(params)]
        return [each.symbol for each in perpetuals(self._floor.instruments.values())]


def signed_text(call: Call) -> str:
    """What is signed: query and body as they were sent, without the signature."""
    parts = [
        "&".join(part for part in text.split("&") if not part.startswith("signature="))
        for text in (call.query, call.body.decode())
    ]
    return "".join(parts)


def parameters(call: Call) -> dict[str, object]:
    """Query and body of a request by name."""
    pairs = parse_qsl(call.query, keep_blank_values=True)
    pairs += parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)


def _created_ns(order: OrderData) -> int:
    return 0 if order.created_at is None else to_ns(order.created_at)


def _margin_word(mode: MarginMode) -> str:
    return "ISOLATED" if mode is MarginMode.ISOLATED else "CROSSED"
