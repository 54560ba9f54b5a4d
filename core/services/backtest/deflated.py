"""How far to believe the best of many: the probabilistic and the deflated Sharpe ratio.

Of a thousand sets without any merit the best one looks good by chance alone. The deflated Sharpe
ratio is the probability that a set's true Sharpe ratio is above what the best of so many worthless
ones would show (Bailey and López de Prado, The Deflated Sharpe Ratio, 2014):

    PSR(SR*) = Φ( (SR - SR*) · √(n-1) / √(1 - skewness·SR + (kurtosis-1)/4·SR²) )
    SR*      = √Var(SR of the trials) · [ (1-E)·Φ⁻¹(1 - 1/N) + E·Φ⁻¹(1 - 1/(N·e)) ]

with Sharpe ratios per period (not per year), n returns, their raw kurtosis (3 for a normal one),
N trials, and E the Euler-Mascheroni constant 0.5772.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final

EULER: Final = 0.5772156649015329
LEAST_RETURNS: Final = 3
"""Fewer say nothing about skewness."""
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The returns of one trial, per period."""

    count: int
    sharpe: float
    skewness: float
    kurtosis: float
    """Raw: 3 for normal returns."""


def shape_of(samples: Sequence[float]) -> Shape | None:
    """The shape of an equity curve's simple returns; None where there are too few, or no swing."""
    returns: list[float] = []
    for before, after in pairwise(samples):
        if before <= 0:
            break
        returns.append(after / before - 1)
    count = len(returns)
    if count < LEAST_RETURNS:
        return None
    mean = sum(returns) / count
    second = sum((item - mean) ** 2 for item in returns) / count
    if not second > 0:
        return None
    third = sum((item - mean) ** 3 for item in returns) / count
    fourth = sum((item - mean) ** 4 for item in returns) / count
    deviation = math.sqrt(second * count / (count - 1))
    return Shape(
        count=count,
        sharpe=mean / deviation,
        skewness=third / second**1.5,
        kurtosis=fourth / second**2,
    )


def probabilistic_sharpe(shape: Shape, benchmark: float) -> float | None:
    """The probability that the true Sharpe ratio per period is above a benchmark.

    None where the estimate's own error is not defined.
    """
    sharpe = shape.sharpe
    error = 1 - shape.skewness * sharpe + (shape.kurtosis - 1) / 4 * sharpe * sharpe
    if not error > 0:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(shape.count - 1) / math.sqrt(error))


def best_by_chance(sharpes: Sequence[float], trials: int) -> float:
    """The Sharpe ratio per period that the best of so many worthless trials would show.

    Args:
        sharpes: Of the trials that have one.
        trials: How many were tried in all; 0 for one, where nothing was chosen.
    """
    if trials < 2 or len(sharpes) < 2:
        return 0.0
    mean = sum(sharpes) / len(sharpes)
    variance = sum((item - mean) ** 2 for item in sharpes) / (len(sharpes) - 1)
    likely = _NORMAL.inv_cdf(1 - 1 / trials)
    further = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER) * likely + EULER * further)


def deflated_sharpes(curves: Sequence[Sequence[float]], trials: int) -> list[float | None]:
    """The deflated Sharpe ratio of each trial, in order.

    Args:
        curves: Equity samples of the trials that ran.
        trials: How many were tried, those that were no grid included only if they were runs.
    """
    shapes = [shape_of(curve) for curve in curves]
    benchmark = best_by_chance([item.sharpe for item in shapes if item is not None], trials)
    return [None if item is None else probabilistic_sharpe(item, benchmark) for item in shapes]
