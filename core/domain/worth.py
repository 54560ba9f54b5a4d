"""What an account is worth over time: what it holds after each change, and where the feed stood."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Worth(NamedTuple):
    """Cash and position of one symbol from a moment on; between two of these nothing else moves.

    The account is worth `cash + size · contract_size · mark`, so between two changes it is a
    straight line in the mark.
    """

    at_ns: int
    row: int
    """Index of the newest row of the feed that had been seen; -1 before the first."""
    cash: Decimal
    """Sum of all signed flows of the settlement (spot: quote) asset."""
    size: Decimal
    """Signed base units."""
