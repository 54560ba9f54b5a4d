"""What screens may know of prices: lights and lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLight:
    """One source of data and how fresh it is."""

    name: str
    """`lighter`, `book`, `orders`, `account`, …"""
    state: str
    """`connecting`, `live`, `stale`, `reconnecting`, `degraded`, `gap`, `off`."""
    age_s: float | None = None
    latency_ms: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePoint:
    """One point of the price chart: last, high and low of its bucket."""

    at: datetime
    last: Decimal
    high: Decimal
    low: Decimal
