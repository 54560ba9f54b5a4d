"""From a range to its lines: how many fit, how far apart, or by which ratio."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

from core.services.grid.ladder import MOST_LEVELS, PRECISE

MAX_LEVELS: Final = MOST_LEVELS


def ratio_of(lower: Decimal, upper: Decimal, count: int) -> Decimal:
    """The ratio at which `count` steps lead from one price to the other: (U / L) ^ (1 / n)."""
    return PRECISE.power(PRECISE.divide(upper, lower), PRECISE.divide(Decimal(1), Decimal(count)))


def count_of(lower: Decimal, upper: Decimal, ratio: Decimal) -> int:
    """How many whole steps of a ratio fit between two prices; 0 where not even one does."""
    wide = PRECISE.divide(upper, lower)
    exact = PRECISE.divide(PRECISE.ln(wide), PRECISE.ln(ratio))
    count = int(exact.to_integral_value(ROUND_CEILING))
    while count and PRECISE.power(ratio, count) > wide:
        count -= 1
    return count


def interval_of(lower: Decimal, upper: Decimal, count: int, step: Decimal) -> Decimal:
    """The even distance of `count` steps between two prices, cut down to the price step."""
    return (upper - lower) / count // step * step
