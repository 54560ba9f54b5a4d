"""What screens may know of risk: how much of each limit is used."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitGauge:
    """A risk limit and how much of it is used."""

    name: str
    used: Decimal
    limit: Decimal
    unit: str
    is_plan: bool = False
    """Whether nobody wrote this limit: it is what the plan itself needs, and full by design."""
