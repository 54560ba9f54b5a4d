"""edgeX's REST endpoints: `{code, data, msg, errorParam, requestTime, responseTime}` around all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from core.adapters.exchanges.models import (
    FundingRateData,
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    plain,
    to_ns,
)
from core.errors import OrderRejected
from core.testing.venues.edgex.contracts import COLLATERAL_ID, Contract, Contracts
from core.testing.venues.edgex.keys import KeyRing, Refused, signed_text
from core.testing.venues.edgex.words import (
    INTERVALS,
    ORDER_IDS,
    collateral_row,
    fill_row,
    funding_row,
    kline_row,
    order_id,
    order_row,
    position_row,
    snapshot,
    ticker_row,
)
from core.testing.venues.faults import Answer, Call
from core.testing.venues.floor import identity_of
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.weights import Weights

Params = Mapping[str, Any]
Row = dict[str, object]
_TYPES: Final = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET}
_SIDES: Final = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
_TIMES_IN_FORCE: Final = {
    "GOOD_TIL_CANCEL": TimeInForce.GTC,
    "POST_ONLY": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
_MODES: Final = {"CROSS": MarginMode.CROSS, "ISOLATED": MarginMode.ISOLATED}


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; private ones are signed."""

    name: str
    respond: Callable[[Call, Params], object]


class Rest:
    """The endpoints of one venue.

    Args:
        venue: Whose.
        contracts: Names and ids.
        keys: Who may.
    """

    def __init__(self, venue: LoopbackVenue, contracts: Contracts, keys: KeyRing) -> None:
        self.weights = Weights(venue.now_ms, limit=3000)
        self._venue = venue
        self._floor = venue.floor
        self._contracts = contracts
        self._keys = keys
        self._account_id = keys.main.account_id
        self._routes = self._table()

    def named(self, call: Call) -> str:
        """The name of an endpoint; its path where there is none."""
        route = self._routes.get((call.method, call.path))
        return call.path if route is None else route.name

    def respond(self, call: Call) -> Answer:
        """Answers a request."""
        asked_ms = self._venue.now_ms()
        route = self._routes.get((call.method, call.path))
        if route is None:
            return Answer(b"404 page not found", 404, {"Content-Type": "text/plain"})
        if self.weights.take(1) != 200:
            body = self._envelope(asked_ms, "TOO_MANY_REQUESTS", None, "too many requests")
            return Answer(body, 429, {"Retry-After": str(self.weights.retry_after_s)})
        try:
            if "/private/" in call.path:
                text = signed_text(call.params)
                self._keys.check(call.method, call.path, text, call.headers, asked_ms)
                if str(call.params.get("accountId")) != str(self._account_id):
                    raise Refused("ACCOUNT_NOT_FOUND", "account is not this key's")  # noqa: TRY301 # as the others
            data = route.respond(call, call.params)
        except Refused as no:
            return Answer(self._envelope(asked_ms, no.code, None, str(no)), no.status)
        except (KeyError, ValueError, TypeError, InvalidOperation) as error:
            body = self._envelope(asked_ms, "INVALID_PARAMETER", None, f"invalid: {error}")
            return Answer(body)
        return Answer(self._envelope(asked_ms, "SUCCESS", data, None))

    def _envelope(self, asked_ms: int, code: str, data: object, text: str | None) -> Row:
        return {
            "code": code,
            "data": data,
            "msg": text,
            "errorParam": None,
            "requestTime": str(asked_ms),
            "responseTime": str(self._venue.now_ms()),
            "traceId": f"{len(self._venue.calls):032x}",
        }

    def _table(self) -> dict[tuple[str, str], Route]:
        rows: tuple[tuple[str, str, Callable[[Call, Params], object]], ...] = (
            ("GET public/meta/getServerTime", "health_check", self._time),
            ("GET public/meta/getMetaData", "get_instruments", self._metadata),
            ("GET public/quote/getTicker", "get_ticker", self._ticker),
            ("GET public/quote/getDepth", "get_orderbook", self._depth),
            ("GET public/quote/getKline", "get_ohlcv", self._klines),
            ("GET public/funding/getLatestFundingRate", "get_funding_rate", self._funding),
            ("GET public/funding/getFundingRatePage", "get_funding_history", self._fundings),
            ("POST private/order/createOrder", "create_order", self._create),
            ("POST private/order/cancelOrderById", "cancel_order", self._cancel),
            (
                "POST private/order/cancelOrderByClientOrderId",
                "cancel_order",
                self._cancel_by_client_id,
            ),
            ("POST private/order/cancelAllOrder", "cancel_all_orders", self._cancel_all),
            ("GET private/order/getOrderById", "get_order", self._orders),
            ("GET private/order/getOrderByClientOrderId", "get_order", self._orders_by_client_id),
            ("GET private/order/getActiveOrderPage", "get_open_orders", self._active),
            ("GET private/order/getHistoryOrderPage", "get_order_history", self._history),
            ("GET private/order/getHistoryOrderFillTransactionPage", "get_fills", self._fills),
            ("GET private/account/getAccountAsset", "get_balances", self._asset),
            ("GET private/account/getAccountById", "get_account", self._account),
            ("POST private/account/updateLeverageSetting", "set_leverage", self._leverage),
            (
                "GET private/account/getPositionTransactionPage",
                "get_funding_payments",
                self._payments,
            ),
        )
        table = {}
        for place, name, respond in rows:
            method, _, path = place.partition(" ")
            table[method, f"/api/v2/{path}"] = Route(name, respond)
        return table

    # -- public -------------------------------------------------------------------------------

    def _contract(self, params: Params) -> Contract:
        found = self._contracts.by_key.get(str(params.get("contractId")))
        if found is None:
            raise Refused("CONTRACT_NOT_FOUND", "contract is unknown")
        return found

    def _time(self, _call: Call, _params: Params) -> object:
        return {"timeMillis": str(self._venue.now_ms())}

    def _metadata(self, _call: Call, _params: Params) -> object:
        return self._contracts.metadata()

    def _ticker(self, _call: Call, params: Params) -> object:
        """An array even for one contract; empty for an unknown one."""
        found = self._contracts.by_key.get(str(params.get("contractId")))
        if found is None:
            return []
        return [self.ticker(found)]

    def ticker(self, contract: Contract) -> Row:
        """A ticker as the venue words it."""
        symbol = contract.instrument.symbol
        ticker, day = self._floor.ticker(symbol), self._floor.day(symbol)
        return ticker_row(ticker, day, self._floor.funding(symbol), contract)

    def _depth(self, call: Call, params: Params) -> object:
        found = self._contracts.by_key.get(str(params.get("contractId")))
        if found is None:
            return []
        book = self._venue.snapshot(call, found.instrument.symbol)
        return [] if book is None else [snapshot(found, int(params.get("level", 15)), book)]

    def _klines(self, _call: Call, params: Params) -> object:
        """Newest first."""
        contract, kind = self._contract(params), str(params["klineType"])
        found = self._floor.candles(contract.instrument.symbol, INTERVALS[kind], kind)
        first = int(params.get("filterBeginKlineTimeInclusive") or 0)
        last = int(params.get("filterEndKlineTimeExclusive") or 1 << 62)
        rows = [
            kline_row(candle, contract, str(params.get("priceType", "LAST_PRICE")))
            for candle in reversed(found)
            if first <= to_ns(candle.at) // 1_000_000 < last
        ]
        return _page(rows, params)

    def _funding(self, _call: Call, params: Params) -> object:
        found = self._contracts.by_key.get(str(params.get("contractId")))
        if found is None:
            return []
        return [funding_row(self._floor.funding(found.instrument.symbol), found)]

    def _fundings(self, _call: Call, params: Params) -> object:
        """Newest first; an estimate stands beside what was settled."""
        contract = self._contract(params)
        symbol = contract.instrument.symbol
        rows = [funding_row(self._floor.funding(symbol), contract)]
        for payment in reversed(self._floor.funding_payments(symbol)):
            settled = FundingRateData(
                venue=self._venue.name,
                symbol=symbol,
                rate=payment.rate,
                interval_s=contract.instrument.funding_interval_s or 4 * 3600,
                at=payment.at,
            )
            rows.append(funding_row(settled, contract, is_settlement=True))
        return _page(rows, params)

    # -- orders -------------------------------------------------------------------------------

    def _create(self, _call: Call, params: Params) -> object:
        contract = self._contract(params)
        self._keys.check_order(params, contract)
        size = Decimal(str(params["size"]))
        if Decimal(str(params["l2Size"])) != size:
            raise Refused("INVALID_L2_SIZE", "l2Size is not the size")
        order_type = _TYPES[params["type"]]
        price = Decimal(str(params["price"])) if order_type is OrderType.LIMIT else None
        if price is not None and Decimal(str(params["l2Value"])) != size * price:
            raise Refused("INVALID_L2_VALUE", "l2Value is not size times price")
        in_force = str(params["timeInForce"])
        options = OrderOptions(
            client_order_id=str(params["clientOrderId"]),
            time_in_force=_TIMES_IN_FORCE[in_force],
            post_only=in_force == "POST_ONLY",
            reduce_only=bool(params.get("reduceOnly")),
        )
        symbol = contract.instrument.symbol
        try:
            order = self._floor.create(
                symbol, _SIDES[params["side"]], order_type, size, price, options
            )
        except OrderRejected as error:
            raise Refused(error.code or "ORDER_REJECTED", str(error)) from error
        return {"orderId": order_id(order)}

    def _cancel(self, _call: Call, params: Params) -> object:
        return self._canceled((key, self._by_id(key)) for key in _list(params, "orderIdList"))

    def _cancel_by_client_id(self, _call: Call, params: Params) -> object:
        keys = _list(params, "clientOrderIdList")
        return self._canceled((key, self._floor.order(client_order_id=key)) for key in keys)

    def _canceled(self, named: Iterable[tuple[str, OrderData | None]]) -> object:
        """Each for itself; what is no longer open is told as it is."""
        results: dict[str, str] = {}
        for key, order in named:
            if order is None:
                results[key] = "FAILED_ORDER_NOT_FOUND"
                continue
            try:
                self._floor.cancel(order.order_id, order.symbol)
            except OrderRejected:
                is_filled = order.status.value == "filled"
                results[key] = "FAILED_ORDER_FILLED" if is_filled else "FAILED_ORDER_UNKNOWN_STATUS"
            else:
                results[key] = "SUCCESS"
        return {"cancelResultMap": results}

    def _cancel_all(self, _call: Call, params: Params) -> object:
        keys = _list(params, "filterContractIdList") or list(self._contracts.by_key)
        results: dict[str, str] = {}
        for key in keys:
            symbol = self._contracts.by_key[key].instrument.symbol
            results |= {order_id(order): "SUCCESS" for order in self._floor.cancel_all(symbol)}
        return {"cancelResultMap": results}

    def _by_id(self, key: str) -> OrderData | None:
        number = int(key) - ORDER_IDS if key.isdigit() else 0
        return self._floor.order(identity_of(number)) if number > 0 else None

    def _orders(self, call: Call, params: Params) -> object:
        found = [self._by_id(key) for key in _list(params, "orderIdList")]
        return self._rows(call, [order for order in found if order is not None])

    def _orders_by_client_id(self, call: Call, params: Params) -> object:
        keys = _list(params, "clientOrderIdList")
        found = [self._floor.order(client_order_id=key) for key in keys]
        return self._rows(call, [order for order in found if order is not None])

    def _active(self, call: Call, params: Params) -> object:
        """Newest first."""
        found = self._chosen(self._floor.open_orders(), params)
        return _page(self._rows(call, found[::-1]), params)

    def _history(self, call: Call, params: Params) -> object:
        """Newest first; only what is over."""
        found = self._chosen(self._floor.closed_orders(), params)
        found.sort(key=lambda order: int(order_id(order)), reverse=True)
        return _page(self._rows(call, found), params)

    def _chosen(self, orders: list[OrderData], params: Params) -> list[OrderData]:
        keys = _list(params, "filterContractIdList")
        first = int(params.get("filterStartCreatedTimeInclusive") or 0)
        last = int(params.get("filterEndCreatedTimeExclusive") or 1 << 62)
        return [
            order
            for order in orders
            if (not keys or self._contracts.by_symbol[order.symbol].key in keys)
            and first <= _created_ns(order) // 1_000_000 < last
        ]

    def _rows(self, call: Call, orders: list[OrderData]) -> list[Row]:
        is_hidden = self._venue.hidden(call)
        return [self.row(order) for order in orders if not is_hidden(_created_ns(order))]

    def row(self, order: OrderData) -> Row:
        """An order as the venue words it."""
        return order_row(order, self._contracts.by_symbol[order.symbol], self._account_id)

    # -- the account --------------------------------------------------------------------------

    def _fills(self, call: Call, params: Params) -> object:
        """Newest first."""
        is_hidden = self._venue.hidden(call)
        keys, wanted = _list(params, "filterContractIdList"), _list(params, "filterOrderIdList")
        first = int(params.get("filterStartCreatedTimeInclusive") or 0)
        last = int(params.get("filterEndCreatedTimeExclusive") or 1 << 62)
        rows = [
            fill_row(fill, self._contracts.by_symbol[fill.symbol], self._account_id)
            for fill in reversed(self._floor.fills())
            if first <= to_ns(fill.at) // 1_000_000 < last and not is_hidden(to_ns(fill.at))
        ]
        kept = [
            row
            for row in rows
            if (not keys or row["contractId"] in keys) and (not wanted or row["orderId"] in wanted)
        ]
        return _page(kept, params)

    def account_row(self) -> Row:
        """`account`: its leverage settings, by contract."""
        settings = {
            contract.key: {
                "isSetMaxLeverage": True,
                "maxLeverage": plain(self._floor.holding(symbol).leverage),
            }
            for symbol, contract in self._contracts.by_symbol.items()
        }
        return {
            "id": str(self._account_id),
            "userId": str(self._account_id),
            "ethAddress": self._keys.main.trading_address,
            "status": "NORMAL",
            "contractIdToTradeSetting": settings,
        }

    def _account(self, _call: Call, _params: Params) -> object:
        return self.account_row()

    def positions(self) -> list[Row]:
        """Positions other than flat."""
        return [
            position_row(position, self._contracts.by_symbol[position.symbol], self._account_id)
            for position in self._floor.positions()
            if position.size
        ]

    def collaterals(self) -> list[Row]:
        """The wallet."""
        found = self._floor.balances()
        return [collateral_row(each, self._account_id) for each in found if each.asset == "USDC"]

    def _asset(self, _call: Call, _params: Params) -> object:
        usdc = next((each for each in self._floor.balances() if each.asset == "USDC"), None)
        models = []
        if usdc is not None:
            models.append(
                {
                    "userId": str(self._account_id),
                    "accountId": str(self._account_id),
                    "coinId": str(COLLATERAL_ID),
                    "totalEquity": plain(usdc.equity or usdc.total),
                    "availableAmount": plain(usdc.free),
                    "initialMarginRequirement": plain(usdc.used),
                }
            )
        return {
            "account": self.account_row(),
            "collateralList": self.collaterals(),
            "positionList": self.positions(),
            "version": "1000",
            "positionAssetList": [],
            "collateralAssetModelList": models,
            "oraclePriceList": [],
        }

    def _leverage(self, _call: Call, params: Params) -> object:
        symbol = self._contract(params).instrument.symbol
        try:
            if "marginMode" in params:
                self._floor.set_margin_mode(symbol, _MODES[params["marginMode"]])
            self._floor.set_leverage(symbol, Decimal(str(params["leverage"])))
        except OrderRejected as error:
            raise Refused(error.code or "INVALID_LEVERAGE", str(error)) from error
        return None

    def _payments(self, _call: Call, params: Params) -> object:
        """Funding among what moved positions; newest first."""
        rows: list[Row] = [
            {
                "id": payment.payment_id,
                "accountId": str(self._account_id),
                "coinId": str(COLLATERAL_ID),
                "contractId": self._contracts.by_symbol[payment.symbol].key,
                "type": "SETTLE_FUNDING_FEE",
                "deltaFundingFee": plain(payment.amount),
                "beforeOpenSize": plain(payment.position),
                "fundingRate": plain(payment.rate),
                "createdTime": str(to_ns(payment.at) // 1_000_000),
            }
            for payment in reversed(self._floor.funding_payments())
        ]
        return _page(rows, params)


def _created_ns(order: OrderData) -> int:
    return 0 if order.created_at is None else to_ns(order.created_at)


def _list(params: Params, name: str) -> list[str]:
    """A list of a body, or the commas of a query."""
    value = params.get(name)
    if not value:
        return []
    return [str(item) for item in value] if isinstance(value, list) else str(value).split(",")


def _page(rows: list[Row], params: Params) -> Row:
    """`size` rows from where `offsetData` says, and where the next page begins."""
    first, size = int(params.get("offsetData") or 0), int(params.get("size") or 100)
    last = first + size
    following = str(last) if last < len(rows) else ""
    return {"dataList": rows[first:last], "nextPageOffsetData": following}
