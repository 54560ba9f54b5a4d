"""Measures of a run: what it earned, how it swung, how much it did.

On simple returns at a fixed frequency (a day, or an hour where the run is shorter than a
fortnight), `A` periods in a year of 365 days, no riskless rate:

    sharpe     mean(r) / std(r, ddof 1) · √A
    sortino    A · mean(r) / (√A · √mean(min(r, 0)²))
    volatility std(r, ddof 1) · √A
    cagr       (1 + total return)^(year / duration) - 1
    calmar     cagr / max drawdown

What is not defined (too few periods, no swing, no fall, nothing left) is None; so is a rate a year
that would be made from less than a day.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from core.services.backtest.curve import DAY_NS, Curve

YEAR_NS: Final = 365 * DAY_NS
LEAST_NS: Final = DAY_NS
"""Shortest run of which a rate a year says anything."""
LEAST_RETURNS: Final = 2
"""And a run must be as long as so many periods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Fractions, none in percent; per year where the name's definition says so."""

    total_return: float | None
    cagr: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    """Largest fall from an earlier peak as a fraction of that peak; not negative."""
    volatility: float | None
    exposure: float
    """Share of the time in which a position was held."""
    turnover: float | None
    """Traded value (both sides) in multiples of the mean equity."""


def measure(curve: Curve, traded: Decimal) -> Metrics:
    """The measures of an equity curve.

    Args:
        curve: What the equity did.
        traded: Sum of price times amount over all executions, quote.
    """
    start, end = float(curve.start), float(curve.end)
    total = end / start - 1 if start > 0 else None
    returns = _returns(curve.samples)
    if curve.last_ns - curve.first_ns < LEAST_RETURNS * curve.period_ns:
        returns = []
    per_year = YEAR_NS / curve.period_ns
    mean = sum(returns) / len(returns) if returns else 0.0
    deviation = _deviation(returns, mean)
    downside = math.sqrt(sum(min(item, 0.0) ** 2 for item in returns) / len(returns or (0,)))
    has_enough = len(returns) >= LEAST_RETURNS
    cagr = _cagr(total, curve.last_ns - curve.first_ns)
    root = math.sqrt(per_year)
    return Metrics(
        total_return=total,
        cagr=cagr,
        sharpe=mean / deviation * root if deviation else None,
        sortino=mean * root / downside if has_enough and downside else None,
        calmar=cagr / curve.max_drawdown if cagr is not None and curve.max_drawdown else None,
        max_drawdown=curve.max_drawdown,
        volatility=None if deviation is None else deviation * root,
        exposure=curve.exposure,
        turnover=float(traded) / curve.mean_equity if curve.mean_equity > 0 else None,
    )


def _returns(samples: tuple[float, ...]) -> list[float]:
    """Simple returns from sample to sample; they end where nothing is left to lose."""
    found: list[float] = []
    for before, after in pairwise(samples):
        if before <= 0:
            break
        found.append(after / before - 1)
    return found


def _deviation(returns: list[float], mean: float) -> float | None:
    if len(returns) < LEAST_RETURNS:
        return None
    return math.sqrt(sum((item - mean) ** 2 for item in returns) / (len(returns) - 1))


def _cagr(total: float | None, span_ns: int) -> float | None:
    if total is None or total <= -1 or span_ns < LEAST_NS:
        return None
    try:
        return math.expm1(math.log1p(total) * (YEAR_NS / span_ns))
    except OverflowError:  # a day that made more than sixfold
        return None
