"""Values while they are made from what was checked by whoever decoded it.

A mold has the same places in memory as the value and is not yet immutable; when all are filled, its
class is set. The result is what `OrderData(...)` gives, without a look at each field again and a
detour around its immutability for each: that is most of what reading an order costs.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    TickerData,
    TradeData,
    _Checked,
)


def mold_of(kind: type[_Checked]) -> type[Any]:
    """The mold of a frozen dataclass with slots; every field has to be set before its class is."""
    names = tuple(item.name for item in fields(kind))  # type: ignore[arg-type] # it is one
    return type(f"{kind.__name__}Mold", (_Checked,), {"__slots__": names})


FillMold = mold_of(FillData)
OrderMold = mold_of(OrderData)
TickerMold = mold_of(TickerData)
TradeMold = mold_of(TradeData)
