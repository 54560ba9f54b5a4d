"""Orders as OKX's requests name them: contracts, client ids, and what dies as soon as it is born.

A post-only order that would take is accepted (`sCode` 0) and cancelled at once, with the cancel
source 31: only its state tells.
"""

from __future__ import annotations

import re
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
from core.testing.venues.floor import Floor, identity_of
from core.testing.venues.okx.keys import Refused
from core.testing.venues.okx.words import ORDER_IDS, contract_of, key_of, order_row
from core.testing.venues.stillborn import Stillborn

Params = Mapping[str, Any]
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
_SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
_TYPES: Final = {
    "limit": (OrderType.LIMIT, TimeInForce.GTC),
    "post_only": (OrderType.LIMIT, TimeInForce.GTC),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "fok": (OrderType.LIMIT, TimeInForce.FOK),
    "market": (OrderType.MARKET, TimeInForce.GTC),
}
_WORDS: Final = {
    "AMOUNT_INVALID": (51000, "Parameter sz error"),
    "LOT_SIZE": (51121, "Order quantity must be a multiple of the lot size."),
    "MIN_AMOUNT": (51020, "Your order should meet or exceed the minimum order amount."),
    "MAX_AMOUNT": (51202, "Market order amount exceeds the maximum amount."),
    "PRICE_INVALID": (51000, "Parameter px error"),
    "TICK_SIZE": (51006, "Order price is not within the price limit"),
    "MIN_NOTIONAL": (51020, "Your order should meet or exceed the minimum order amount."),
    "REDUCE_ONLY": (
        51169,
        "Order failed because you don't have any positions in this direction to reduce or close.",
    ),
    "INSUFFICIENT_MARGIN": (51008, "Order failed. Insufficient USDC margin in account"),
    "INSUFFICIENT_BALANCE": (51008, "Order failed. Insufficient USDC balance in account"),
    "SPOT_SHORT": (51008, "Order failed. Insufficient TEST balance in account"),
    "DUPLICATE_CLIENT_ORDER_ID": (51016, "Client order ID already exists."),
    "NO_MARKET": (51112, "No liquidity"),
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
        self._symbols = {key_of(each): each.symbol for each in floor.instruments.values()}
        self._stillborn = Stillborn(floor)

    def symbol(self, params: Params) -> str:
        """The canonical symbol that a request must name."""
        found = self._symbols.get(str(params.get("instId") or ""))
        if found is None:
            text = "Instrument ID, Instrument ID code, or Spread ID doesn't exist."
            raise Refused(51001, text)
        return found

    def place(self, params: Params) -> OrderData:
        """Takes an order in; nothing but its ids is told to who placed it."""
        symbol = self.symbol(params)
        instrument = self._floor.instruments[symbol]
        self._check_mode(params, is_spot=instrument.is_spot)
        kind = str(params.get("ordType"))
        if kind not in _TYPES:
            raise Refused(51000, "Parameter ordType error")
        order_type, in_force = _TYPES[kind]
        size = _number(params, "sz") * contract_of(instrument)
        price = None if order_type is OrderType.MARKET else _number(params, "px")
        options = OrderOptions(
            client_order_id=_client_id(params),
            time_in_force=in_force,
            post_only=kind == "post_only",
            reduce_only=params.get("reduceOnly") in {True, "true"},
        )
        side = _SIDES.get(str(params.get("side")))
        if side is None:
            raise Refused(51000, "Parameter side error")
        try:
            return self._floor.create(symbol, side, order_type, size, price, options)
        except OrderRejected as error:
            if error.code == "POST_ONLY_WOULD_CROSS":
                return self._born_dead(symbol, side, size, price, options)
            code, text = _WORDS.get(error.code or "", (51000, str(error)))
            raise Refused(code, text) from error

    def _born_dead(
        self,
        symbol: str,
        side: OrderSide,
        size: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        order = self._stillborn.post_only(symbol, side, size, price, options)
        self._tell(order)
        return order

    def find(self, params: Params) -> OrderData:
        """The order that a query means."""
        symbol = self.symbol(params)
        order = self._named(params)
        if order is None or order.symbol != symbol:
            raise Refused(51603, "Order does not exist")
        return order

    def cancel(self, params: Params) -> OrderData:
        """Takes an open order out."""
        symbol = self.symbol(params)
        order = self._named(params)
        if order is None or order.symbol != symbol:
            raise Refused(51400, "Cancellation failed as the order does not exist.")
        if not order.status.is_open:
            raise Refused(51402, "Order has already been canceled or completed.")
        try:
            return self._floor.cancel(order.order_id, symbol)
        except OrderRejected as error:
            text = "Cancellation failed as the order has been filled or cancelled."
            raise Refused(51402, text) from error

    def closed(self) -> list[OrderData]:
        """From old to new, with those that never came to matching."""
        found = [*self._floor.closed_orders(), *self._stillborn.all]
        return sorted(found, key=lambda order: order.updated_at or from_ns(0))

    def row(self, order: OrderData) -> dict[str, object]:
        """An order as the venue words it."""
        instrument = self._floor.instruments[order.symbol]
        return order_row(order, instrument, self._floor.holding(order.symbol).margin_mode)

    def _named(self, params: Params) -> OrderData | None:
        name = str(params.get("ordId") or "")
        if name:
            if not name.isdigit():
                raise Refused(51000, "Parameter ordId error")
            number = int(name) - ORDER_IDS
            if number <= 0:
                return None
            found = self._floor.order(identity_of(number))
            return found or self._stillborn.find(identity_of(number))
        client_order_id = str(params.get("clOrdId") or "")
        if not client_order_id:
            raise Refused(50014, "Parameter ordId or clOrdId can not be empty.")
        found = self._floor.order(client_order_id=client_order_id)
        return found or self._stillborn.find(client_order_id=client_order_id)

    @staticmethod
    def _check_mode(params: Params, *, is_spot: bool) -> None:
        """An account in net mode takes no side of a position."""
        if params.get("posSide") not in {None, "", "net"}:
            raise Refused(51000, "Parameter posSide error")
        if is_spot is not (params.get("tdMode") == "cash"):
            raise Refused(51000, "Parameter tdMode error")


def _client_id(params: Params) -> str | None:
    name = params.get("clOrdId")
    if not name:
        return None
    if not isinstance(name, str) or _CLIENT_ID.fullmatch(name) is None:
        raise Refused(51000, "Parameter clOrdId error")
    return name


def _number(params: Params, name: str) -> Decimal:
    text = params.get(name)
    if not text:
        raise Refused(50014, f"Parameter {name} can not be empty.")
    try:
        return Decimal(str(text))
    except InvalidOperation:
        raise Refused(51000, f"Parameter {name} error") from None
