"""What Binance answers to whoever sends an order, typed: it is decoded straight into what is used.

An answer that holds a field nobody here knows, or anything but a success, is none of these: it is
read field by field (`decoding.Fields`), with what is unknown counted and what is wrong named.

Source: developers.binance.com, USDⓈ-M and Spot "WebSocket API" and "Trade Endpoints".
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

import msgspec

from core.adapters.exchanges.binance.messages import Said
from core.adapters.exchanges.decoding import MAX_MESSAGE_BYTES

T = TypeVar("T")


class OrderRow(Said, gc=False):
    """What is used of an `order`, spot or futures. Empty text and 0 ms: not said."""

    what: ClassVar[str] = "order"
    word_of_status: ClassVar[str] = "status"

    symbol: str
    order_id: int | str = msgspec.field(name="orderId")
    side: str
    kind: str = msgspec.field(name="type")
    amount: str = msgspec.field(name="origQty")
    price: str = ""
    filled: str = msgspec.field(name="executedQty", default="")
    average: str = msgspec.field(name="avgPrice", default="")
    quote: str = msgspec.field(name="cummulativeQuoteQty", default="")
    """Cumulative, of spot."""
    status: Any = None
    time_in_force: str = msgspec.field(name="timeInForce", default="")
    client_order_id: str = msgspec.field(name="clientOrderId", default="")
    first_client_order_id: str = msgspec.field(name="origClientOrderId", default="")
    """Of the order, where the other is the cancel request's."""
    is_reducing: bool = msgspec.field(name="reduceOnly", default=False)
    created_ms: int = msgspec.field(name="time", default=0)
    traded_ms: int = msgspec.field(name="transactTime", default=0)
    updated_ms: int = msgspec.field(name="updateTime", default=0)


ORDER: Final = (
    "symbol pair orderId orderListId clientOrderId origClientOrderId price avgPrice origQty"
    " executedQty cumQty cumQuote cumBase cummulativeQuoteQty origQuoteOrderQty status timeInForce"
    " type origType side positionSide stopPrice icebergQty time updateTime transactTime"
    " workingTime isWorking reduceOnly closePosition workingType priceProtect priceMatch"
    " selfTradePreventionMode goodTillDate activatePrice priceRate fills strategyId strategyType"
    " trailingDelta trailingTime preventedMatchId preventedQuantity usedSor workingFloor"
)
"""All that is known of an `order`, used or not."""
NUMBERS: Final = frozenset({"price", "origQty", "executedQty", "avgPrice", "cummulativeQuoteQty"})
WHOLES: Final = frozenset({"time", "transactTime", "updateTime"})

if TYPE_CHECKING:
    _WholeRow = OrderRow
else:
    _USED = frozenset(OrderRow.__struct_encode_fields__)
    _WholeRow = msgspec.defstruct(
        "_WholeRow",
        [(name, Any, None) for name in ORDER.split() if name not in _USED],
        bases=(OrderRow,),
        forbid_unknown_fields=True,
        gc=False,
    )


class OrderAnswer(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The WebSocket API's yes to a request about an order."""

    id: int | str
    status: Literal[200]
    result: _WholeRow
    limits: Any = msgspec.field(name="rateLimits", default=None)


_ROWS: Final = msgspec.json.Decoder(_WholeRow, float_hook=Decimal)
_ANSWERS: Final = msgspec.json.Decoder(OrderAnswer, float_hook=Decimal)


def order_answer(message: bytes) -> OrderAnswer | None:
    """A message of the WebSocket API that accepts an order, or its cancel; None for another one."""
    return _usual(_ANSWERS, message)


def order_row(body: bytes) -> OrderRow | None:
    """The body of an answer that accepts an order, or its cancel; None for another one."""
    return _usual(_ROWS, body)


def _usual(decoder: msgspec.json.Decoder[T], data: bytes) -> T | None:
    if len(data) > MAX_MESSAGE_BYTES:
        return None
    try:
        return decoder.decode(data)
    except (ArithmeticError, RecursionError, ValueError):
        return None  # whoever reads what is left says what is wrong with it
