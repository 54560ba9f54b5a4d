"""What a grid would earn if the price went on crossing its lines as it does."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

HOURS_PER_YEAR: Final = 8760


def virtual_apr(
    interval: Decimal, width: Decimal, fee: Decimal, cycles_per_hour: Decimal
) -> Decimal:
    """Percent a year of round trips on the capital of a whole ladder.

    Args:
        interval: Percent of the price between two lines.
        width: Percent of the price that the ladder spans.
        fee: Percent that a round trip pays.
        cycles_per_hour: Round trips.
    """
    return (interval - fee) * interval / width * cycles_per_hour * HOURS_PER_YEAR
