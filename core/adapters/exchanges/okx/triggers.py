"""OKX's orders that wait for a price: stops, take-profits, one-cancels-the-other, trailing ones.

They stand in lists of their own until they are triggered, and are somebody else's: ctos places
none. Source: okx.com/docs-v5, "GET / Algo order list".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import MILLISECOND, Fields, Reading, objects, shape
from core.adapters.exchanges.models import OrderData, OrderSide, OrderStatus, OrderType, plain

KINDS: Final = ("conditional,oco", "trigger", "move_order_stop")
"""What `ordType` is asked for: a list of one kind each, but for the first two."""
PREFIX: Final = "algo-"
"""Before the number of one in `order_id`: it is none of the numbers of orders."""
_WAITING: Final = frozenset({"live", "pause", "partially_effective"})
_SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
_TRIGGERS: Final = ("triggerPx", "slTriggerPx", "tpTriggerPx", "moveTriggerPx", "activePx")
_PRICES: Final = ("ordPx", "slOrdPx", "tpOrdPx")
_ROW: Final = shape(
    "orders-algo-pending",
    "activePx actualPx actualSide actualSz algoClOrdId algoId amendPxOnTriggerType attachAlgoOrds"
    " cTime callbackRatio callbackSpread ccy clOrdId closeFraction failCode instId instType"
    " isTradeBorrowMode last lever linkedOrd moveTriggerPx notionalUsd ordId ordIdList ordPx"
    " ordType posSide pxLimit pxSpread pxVar quickMgnType reduceOnly side slOrdPx slTriggerPx"
    " slTriggerPxType state sz szLimit tag tdMode tgtCcy timeInterval tpOrdPx tpTriggerPx"
    " tpTriggerPxType triggerPx triggerPxType triggerTime uTime",
)


def parse_triggers(rows: Sequence[object], reading: Reading) -> tuple[OrderData, ...]:
    """Rows of `orders-algo-pending` that wait yet; the amount is 0 for one that closes a part."""
    return tuple(
        _order(fields)
        for fields in objects(list(rows), _ROW, reading)
        if fields.raw("state") in _WAITING
    )


def _order(fields: Fields) -> OrderData:
    reading = fields.reading
    listing = reading.listing(fields.text("instId"))
    prices = [found for name in _PRICES if (found := _price(fields, name)) is not None]
    triggers = [found for name in _TRIGGERS if (found := _price(fields, name)) is not None]
    price = prices[0] if prices else None
    waits = " or ".join(plain(trigger) for trigger in triggers) or "its trigger"
    return OrderData(
        venue=reading.venue,
        symbol=listing.symbol,
        order_id=f"{PREFIX}{fields.identifier('algoId')}",
        client_order_id=fields.identifier_or_none("algoClOrdId"),
        side=fields.choice("side", _SIDES),
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        status=OrderStatus.PENDING,
        amount=listing.amount(fields.positive_or_none("sz") or Decimal(0), price),
        price=price,
        reduce_only=fields.raw("reduceOnly") in (True, "true"),
        reason=f"waits for {waits}",
        created_at=fields.time_or_none("cTime", MILLISECOND),
        updated_at=fields.time_or_none("uTime", MILLISECOND),
    )


def _price(fields: Fields, name: str) -> Decimal | None:
    """A price; None for none, and for -1, which means at market."""
    found = fields.decimal_or_none(name)
    return found if found is not None and found > 0 else None
