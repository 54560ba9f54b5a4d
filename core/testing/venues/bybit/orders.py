"""Orders as Bybit's requests name them: categories, one-way mode, codes of spot and contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    from_ns,
)
from core.errors import OrderRejected
from core.testing.venues.bybit.keys import Refused
from core.testing.venues.bybit.words import category_of, key_of, number_in, order_row
from core.testing.venues.floor import Floor, identity_of
from core.testing.venues.stillborn import Stillborn

Params = Mapping[str, Any]
_LONGEST_ID: Final = 36
_SIDES: Final = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_TYPES: Final = {"Limit": OrderType.LIMIT, "Market": OrderType.MARKET}
_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "PostOnly": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_WORDS: Final = {
    "AMOUNT_INVALID": (10001, "Qty invalid"),
    "LOT_SIZE": (10001, "Qty invalid"),
    "MIN_AMOUNT": (10001, "The number of contracts exceeds minimum limit allowed"),
    "MAX_AMOUNT": (10001, "The number of contracts exceeds maximum limit allowed"),
    "PRICE_INVALID": (10001, "Price invalid"),
    "TICK_SIZE": (10001, "Price invalid"),
    "MIN_NOTIONAL": (110094, "Order does not meet minimum order value 5USDT"),
    "REDUCE_ONLY": (110017, "current position is zero, cannot fix reduce-only order qty"),
    "INSUFFICIENT_MARGIN": (110007, "ab not enough for new order"),
    "INSUFFICIENT_BALANCE": (110007, "ab not enough for new order"),
    "DUPLICATE_CLIENT_ORDER_ID": (110072, "OrderLinkedID is duplicate"),
    "NO_MARKET": (110003, "The order price is not within the permissible range"),
}
_SPOT_WORDS: Final = {
    "LOT_SIZE": (170137, "Order volume decimal too long"),
    "MIN_AMOUNT": (170136, "Order quantity exceeded lower limit."),
    "TICK_SIZE": (170134, "Order price decimal too long."),
    "MIN_NOTIONAL": (170140, "Order value exceeded lower limit."),
    "INSUFFICIENT_BALANCE": (170131, "Insufficient balance."),
    "SPOT_SHORT": (170131, "Insufficient balance."),
    "DUPLICATE_CLIENT_ORDER_ID": (170141, "Duplicate clientOrderId"),
}


class Orders:
    """What a client may do with orders.

    Args:
        floor: Where they are matched.
        tell: Hears of an order that died as soon as it was born.
    """

    def __init__(self, floor: Floor, tell: Callable[[OrderData], None]) -> None:
        self._floor = floor
        self._tell = tell
        self._symbols = {
            (category_of(each), key_of(each)): each.symbol for each in floor.instruments.values()
        }
        self._stillborn = Stillborn(floor)

    def symbol(self, params: Params) -> str:
        """The canonical symbol that a request must name, with its category."""
        category, key = str(params.get("category")), str(params.get("symbol") or "")
        found = self._symbols.get((category, key))
        if found is None:
            raise Refused(10001, "params error: symbol invalid")
        return found

    def place(self, params: Params) -> OrderData:
        """Takes an order in; nothing but its ids is told to who placed it."""
        symbol = self.symbol(params)
        is_spot = self._floor.instruments[symbol].is_spot
        if int(params.get("positionIdx") or 0) != 0:
            raise Refused(10001, "position idx not match position mode")
        side, order_type = (
            _SIDES.get(str(params.get("side"))),
            _TYPES.get(str(params.get("orderType"))),
        )
        if side is None or order_type is None:
            raise Refused(10001, "params error: side or orderType invalid")
        in_force = str(params.get("timeInForce") or "GTC")
        if in_force not in _IN_FORCE:
            raise Refused(10001, "params error: timeInForce invalid")
        if is_spot and order_type is OrderType.MARKET and params.get("marketUnit") != "baseCoin":
            raise Refused(10001, "params error: this loopback counts market orders in base coins")
        amount = _number(params, "qty")
        price = _number(params, "price") if order_type is OrderType.LIMIT else None
        options = OrderOptions(
            client_order_id=_link_id(params),
            time_in_force=_IN_FORCE[in_force],
            post_only=in_force == "PostOnly",
            reduce_only=params.get("reduceOnly") is True,
        )
        try:
            return self._floor.create(symbol, side, order_type, amount, price, options)
        except OrderRejected as error:
            if error.code == "POST_ONLY_WOULD_CROSS":
                order = self._stillborn.post_only(symbol, side, amount, price, options)
                self._tell(order)
                return order
            words = {**_WORDS, **_SPOT_WORDS} if is_spot else _WORDS
            code, text = words.get(error.code or "", (10001, str(error)))
            raise Refused(code, text) from error

    def find(self, params: Params) -> OrderData | None:
        """The order that a query names, in any state."""
        name = params.get("orderId")
        if name:
            number = number_in(str(name))
            if not number:
                return None
            found = self._floor.order(identity_of(number))
            return found or self._stillborn.find(identity_of(number))
        link = str(params.get("orderLinkId"))
        found = self._floor.order(client_order_id=link)
        return found or self._stillborn.find(client_order_id=link)

    def cancel(self, params: Params) -> OrderData:
        """Takes an open order out."""
        symbol = self.symbol(params)
        order = self.find(params)
        gone = Refused(110001, "order not exists or too late to cancel")
        if self._floor.instruments[symbol].is_spot:
            gone = Refused(170213, "Order does not exist.")
        if order is None or order.symbol != symbol or not order.status.is_open:
            raise gone
        try:
            return self._floor.cancel(order.order_id, symbol)
        except OrderRejected as error:
            raise gone from error

    def closed(self) -> list[OrderData]:
        """From old to new, with those that never came to matching."""
        found = [*self._floor.closed_orders(), *self._stillborn.all]
        return sorted(found, key=lambda order: order.updated_at or from_ns(0))

    def row(self, order: OrderData) -> dict[str, object]:
        """An order as the venue words it."""
        return order_row(order, self._floor.instruments[order.symbol])


def _link_id(params: Params) -> str | None:
    name = params.get("orderLinkId")
    if not name:
        return None
    is_plain = isinstance(name, str) and name.replace("-", "").replace("_", "").isalnum()
    if not is_plain or len(name) > _LONGEST_ID:
        raise Refused(10001, "OrderLinkId invalid")
    return str(name)


def _number(params: Params, name: str) -> Decimal:
    text = params.get(name)
    if not isinstance(text, str) or not text:
        raise Refused(10001, f"params error: {name} invalid")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refused(10001, f"params error: {name} invalid") from None
