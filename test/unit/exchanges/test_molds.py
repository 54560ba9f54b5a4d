"""Values that are poured: what comes out is what their class makes."""

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    TickerData,
)
from core.adapters.exchanges.native.molds import OrderMold, TickerMold

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = OrderData(
    venue="v",
    symbol="BTC-USDT-PERP",
    order_id="1",
    side=OrderSide.BUY,
    order_type=OrderType.LIMIT,
    status=OrderStatus.OPEN,
    amount=Decimal(1),
    price=Decimal("2.5"),
    updated_at=NOW,
)
TICKER = TickerData(venue="v", symbol="BTC-USDT-PERP", bid=Decimal(1), ask=Decimal(2), at=NOW)


@pytest.mark.parametrize("mold, like", [(OrderMold, ORDER), (TickerMold, TICKER)])
def test_a_mold_makes_what_its_class_makes(mold, like):
    """Equal, of the same class, with the same hash and words, and immutable."""
    made = mold()
    for item in fields(like):
        setattr(made, item.name, getattr(like, item.name))
    made.__class__ = type(like)

    assert made == like
    assert type(made) is type(like)
    assert (hash(made), repr(made)) == (hash(like), repr(like))
    with pytest.raises(FrozenInstanceError):
        made.symbol = "ETH-USDT-PERP"
