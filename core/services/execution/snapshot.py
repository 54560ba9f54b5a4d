"""What screens may know of execution: how journal and venue compare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthResult:
    """The last reconciliation."""

    checked_at: datetime | None
    next_at: datetime | None
    matched: int = 0
    missing: int = 0
    unknown: int = 0
    foreign: int = 0
    position_difference: Decimal = Decimal(0)
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether journal and venue agreed."""
        return not (self.missing or self.unknown or self.position_difference)
