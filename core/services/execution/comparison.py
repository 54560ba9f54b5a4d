"""What the venue lists beside what we know: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.adapters.exchanges.models import OrderData
from core.services.execution.tracked import TrackedOrder


@dataclass(frozen=True, slots=True)
class Comparison:
    """Open orders of one symbol."""

    matched: tuple[tuple[TrackedOrder, OrderData], ...]
    missing: tuple[TrackedOrder, ...]
    """Known as open, not listed: to be asked for one by one, absence alone is nothing."""
    unclaimed: tuple[OrderData, ...]
    """Listed, not known in memory: an old one of ours, or foreign."""


def compare(ours: Iterable[TrackedOrder], listed: Iterable[OrderData], asked_ns: int) -> Comparison:
    """Pairs the orders that we follow with those that the venue lists.

    Args:
        ours: Orders of ours on this symbol.
        listed: The venue's answer.
        asked_ns: When the question left; what was acknowledged after that need not be listed.
    """
    remaining = {item.order_id: item for item in listed}
    by_client_id = {item.client_order_id: item for item in remaining.values()}
    matched: list[tuple[TrackedOrder, OrderData]] = []
    missing: list[TrackedOrder] = []
    for order in ours:
        data = by_client_id.get(order.client_order_id) or remaining.get(order.order_id)
        if data is not None:
            remaining.pop(data.order_id, None)
            matched.append((order, data))
        elif order.state.is_working and order.created_ns < asked_ns and not order.is_in_flight:
            missing.append(order)
    return Comparison(tuple(matched), tuple(missing), tuple(remaining.values()))
