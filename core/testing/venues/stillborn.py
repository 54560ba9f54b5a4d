"""Orders that a venue accepts and ends in the same moment: only their state tells.

OKX and Bybit answer a post-only order that would take with success, and cancel it. The floor
refuses such an order before it exists, so the venue keeps it here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    from_ns,
)
from core.testing.venues.floor import Floor, identity_of

_FIRST: Final = 1_000_000
"""Their numbers begin here, above those of orders that came to matching."""


class Stillborn:
    """The dead orders of one venue.

    Args:
        floor: Where they would have been matched.
    """

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.all: list[OrderData] = []
        """From old to new."""

    def post_only(
        self,
        symbol: str,
        side: OrderSide,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """A post-only order that would have taken."""
        at = from_ns(self._floor.clock.now_ns())
        order = OrderData(
            venue=self._floor.venue,
            symbol=symbol,
            order_id=identity_of(_FIRST + len(self.all)),
            client_order_id=options.client_order_id,
            side=side,
            order_type=OrderType.LIMIT,
            status=OrderStatus.CANCELED,
            amount=amount,
            price=price,
            post_only=True,
            reduce_only=options.reduce_only,
            reason="POST_ONLY_WOULD_CROSS",
            created_at=at,
            updated_at=at,
        )
        self.all.append(order)
        return order

    def find(
        self, order_id: str | None = None, client_order_id: str | None = None
    ) -> OrderData | None:
        """The one of an id of the floor, or the newest of a client's id."""
        for order in reversed(self.all):
            if order_id is not None and order.order_id == order_id:
                return order
            if order_id is None and order.client_order_id == client_order_id:
                return order
        return None
