"""Orders as requests of Binance spot name them: `LIMIT_MAKER` instead of `GTX`, no reduce-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.adapters.exchanges.models import OrderData
from core.errors import OrderRejected
from core.testing.venues.binance.orders import Orders, Params
from core.testing.venues.binance.refusals import UNKNOWN_CANCEL, Refused, Words
from core.testing.venues.binance_spot.words import acknowledgement, cancellation, spot_order_row
from core.testing.venues.floor import Floor

_NEW_ORDER: Final = -2010
_FILTER: Final = -1013
_OF_FLOOR: Final[dict[str, Words]] = {
    "DUPLICATE_CLIENT_ORDER_ID": (_NEW_ORDER, "Duplicate order sent."),
    "INSUFFICIENT_BALANCE": (
        _NEW_ORDER,
        "Account has insufficient balance for requested action.",
    ),
    "SPOT_SHORT": (_NEW_ORDER, "Account has insufficient balance for requested action."),
    "POST_ONLY_WOULD_CROSS": (_NEW_ORDER, "Order would immediately match and take."),
    "NO_MARKET": (_NEW_ORDER, "Market is closed."),
    "LOT_SIZE": (_FILTER, "Filter failure: LOT_SIZE"),
    "MIN_AMOUNT": (_FILTER, "Filter failure: LOT_SIZE"),
    "MAX_AMOUNT": (_FILTER, "Filter failure: LOT_SIZE"),
    "AMOUNT_INVALID": (_FILTER, "Invalid quantity."),
    "PRICE_INVALID": (_FILTER, "Invalid price."),
    "TICK_SIZE": (_FILTER, "Filter failure: PRICE_FILTER"),
    "MIN_NOTIONAL": (_FILTER, "Filter failure: NOTIONAL"),
    "ORDER_NOT_OPEN": UNKNOWN_CANCEL,
}
_OTHERS: Final[dict[int, Words]] = {
    -4116: (_NEW_ORDER, "Duplicate order sent."),
    -2019: _OF_FLOOR["INSUFFICIENT_BALANCE"],
    -5022: _OF_FLOOR["POST_ONLY_WOULD_CROSS"],
}
"""A code of USDⓈ-M -> what spot says."""


class SpotOrders(Orders):
    """What a client may do with orders.

    Args:
        floor: Where they are matched.
    """

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor)
        self._made: OrderData | None = None
        """The order that the newest answer is about."""

    def place(self, params: Params) -> dict[str, object]:
        """A new order; the answer is whole for limit orders too, as `FULL` asks for."""
        if "reduceOnly" in params or "positionSide" in params:
            raise Refused((-1104, "Not all sent parameters were read."))
        asked = dict(params)
        if params.get("type") == "LIMIT_MAKER":
            if "timeInForce" in params:
                raise Refused((-1106, "Parameter 'timeInForce' sent when not required."))
            asked |= {"type": "LIMIT", "timeInForce": "GTX"}
        elif params.get("timeInForce") == "GTX":
            raise Refused((-1115, "Invalid timeInForce."))
        self._made = None
        try:
            super().place(asked | {"newOrderRespType": "RESULT"})
        except Refused as no:
            cause = no.__cause__
            if isinstance(cause, OrderRejected) and cause.code in _OF_FLOOR:
                raise Refused(_OF_FLOOR[cause.code]) from cause
            if no.code in _OTHERS:
                raise Refused(_OTHERS[no.code]) from cause
            if self._made is None:
                raise
        return self._worded(acknowledgement)

    def cancel(self, params: Params) -> dict[str, object]:
        """Takes an open order out."""
        super().cancel(params)
        return self._worded(cancellation)

    def _worded(self, words: Callable[[OrderData, str], dict[str, object]]) -> dict[str, object]:
        order = self._made
        if order is None:
            raise RuntimeError("an order was answered that nobody named")
        return words(order, self.keys[order.symbol])

    def row(self, order: OrderData) -> dict[str, object]:
        """An order as the venue words it."""
        self._made = order
        return spot_order_row(order, self.keys[order.symbol])
