"""Orders as Binance's requests name them: the same over REST and on the WebSocket API."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
)
from core.errors import OrderRejected
from core.testing.venues.binance.refusals import (
    BAD_POSITION_SIDE,
    BAD_SIDE,
    BAD_SYMBOL,
    BAD_TIME_IN_FORCE,
    BAD_TYPE,
    FOK_NOT_FILLED,
    NO_SUCH_ORDER,
    UNKNOWN_CANCEL,
    Refused,
    missing,
    refused,
)
from core.testing.venues.binance.words import ORDER_IDS, key_of, order_row
from core.testing.venues.floor import Floor, identity_of

Params = Mapping[str, str]
T = TypeVar("T")

_SIDES: Final = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
_TYPES: Final = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET}
_TIMES_IN_FORCE: Final = {
    "GTC": TimeInForce.GTC,
    "GTX": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}


class Orders:
    """What a client may do with orders.

    Args:
        floor: Where they are matched.
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._symbols = {key_of(each): each.symbol for each in floor.instruments.values()}
        self.keys = {symbol: key for key, symbol in self._symbols.items()}
        """Canonical symbol -> Binance's."""

    def symbol(self, params: Params) -> str:
        """The canonical symbol that a request must name."""
        key = params.get("symbol")
        if not key:
            raise missing("symbol")
        found = self._symbols.get(key)
        if found is None:
            raise Refused(BAD_SYMBOL)
        return found

    def place(self, params: Params) -> dict[str, object]:
        """A new order; `ACK`, which is the default, does not say that it has filled."""
        symbol = self.symbol(params)
        if params.get("positionSide", "BOTH") != "BOTH":
            raise Refused(BAD_POSITION_SIDE)
        order_type = _word(params, "type", _TYPES, Refused(BAD_TYPE))
        in_force = params.get("timeInForce")
        if order_type is OrderType.LIMIT and in_force is None:
            raise missing("timeInforce")
        if in_force is not None and in_force not in _TIMES_IN_FORCE:
            raise Refused(BAD_TIME_IN_FORCE)
        price = _number(params, "price") if order_type is OrderType.LIMIT else None
        options = OrderOptions(
            client_order_id=params.get("newClientOrderId") or None,
            time_in_force=_TIMES_IN_FORCE[in_force or "GTC"],
            post_only=in_force == "GTX",
            reduce_only=params.get("reduceOnly", "false").lower() == "true",
        )
        try:
            order = self._floor.create(
                symbol,
                _word(params, "side", _SIDES, Refused(BAD_SIDE)),
                order_type,
                _number(params, "quantity"),
                price,
                options,
            )
        except OrderRejected as error:
            raise refused(error) from error
        row = self.row(order)
        if order.reason == "FOK_NOT_FILLED":
            raise Refused(FOK_NOT_FILLED)
        if params.get("newOrderRespType") != "RESULT":
            row |= {
                "status": "NEW",
                "executedQty": "0",
                "cumQty": "0",
                "cumQuote": "0",
                "avgPrice": "0.00",
            }
        del row["time"]
        return row

    def find(self, params: Params) -> OrderData:
        """The order that a query means."""
        symbol = self.symbol(params)
        order = self._named(params)
        if order is None or order.symbol != symbol:
            raise Refused(NO_SUCH_ORDER)
        return order

    def cancel(self, params: Params) -> dict[str, object]:
        """Takes an open order out."""
        symbol = self.symbol(params)
        order = self._named(params)
        if order is None or order.symbol != symbol:
            raise Refused(UNKNOWN_CANCEL)
        try:
            row = self.row(self._floor.cancel(order.order_id, symbol))
        except OrderRejected as error:
            raise refused(error) from error
        del row["time"]
        return row

    def row(self, order: OrderData) -> dict[str, object]:
        """An order as the venue words it."""
        return order_row(order, self.keys[order.symbol])

    def _named(self, params: Params) -> OrderData | None:
        number = params.get("orderId")
        if number:
            if not number.isdigit() or int(number) <= ORDER_IDS:
                return None
            return self._floor.order(identity_of(int(number) - ORDER_IDS))
        client_order_id = params.get("origClientOrderId")
        if not client_order_id:
            raise missing("origClientOrderId")
        return self._floor.order(client_order_id=client_order_id)


def _number(params: Params, name: str) -> Decimal:
    text = params.get(name)
    if not text:
        raise missing(name)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refused((-1100, f"Illegal characters found in parameter '{name}'.")) from None


def _word(params: Params, name: str, words: Mapping[str, T], otherwise: Refused) -> T:
    text = params.get(name)
    if not text:
        raise missing(name)
    if text not in words:
        raise otherwise
    return words[text]
