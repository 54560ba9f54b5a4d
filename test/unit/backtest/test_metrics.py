"""Measures of an equity curve, by numbers that can be reckoned by hand."""

import math
import statistics
from decimal import Decimal

import pytest

from core.services.backtest.curve import DAY_NS, Curve
from core.services.backtest.metrics import measure


def curve(*samples: float, days: int | None = None, drawdown: float = 0.0) -> Curve:
    """Daily samples."""
    return Curve(
        start=Decimal(str(samples[0])),
        end=Decimal(str(samples[-1])),
        first_ns=0,
        last_ns=(len(samples) - 1 if days is None else days) * DAY_NS,
        period_ns=DAY_NS,
        samples=samples,
        max_drawdown=drawdown,
        mean_equity=100.0,
        exposure=0.25,
        points=(),
        marks=(),
    )


def test_sharpe_and_sortino_are_on_daily_returns_and_a_year_of_365_days() -> None:
    """The definitions of docs/backtest.md, term by term."""
    found = measure(curve(100.0, 110.0, 99.0, 108.9), Decimal(0))
    returns = [0.1, -0.1, 0.1]
    mean = sum(returns) / 3

    assert found.sharpe == pytest.approx(mean / statistics.stdev(returns) * math.sqrt(365))
    assert found.sortino == pytest.approx(365 * mean / (math.sqrt(365) * math.sqrt((0.1**2) / 3)))
    assert found.volatility == pytest.approx(statistics.stdev(returns) * math.sqrt(365))


def test_a_year_that_doubles_has_a_cagr_of_one() -> None:
    """And half a year that doubles one of three."""
    assert measure(curve(100.0, 200.0, days=365), Decimal(0)).cagr == pytest.approx(1.0)
    assert measure(curve(100.0, 200.0, days=365 * 2), Decimal(0)).cagr == pytest.approx(2**0.5 - 1)


def test_calmar_is_cagr_by_the_largest_fall() -> None:
    """With the fall as a positive fraction."""
    found = measure(curve(100.0, 200.0, days=365, drawdown=0.25), Decimal(0))

    assert found.calmar == pytest.approx(4.0)


def test_turnover_is_traded_value_by_mean_equity() -> None:
    """Both sides count."""
    assert measure(curve(100.0, 100.0), Decimal(250)).turnover == pytest.approx(2.5)


def test_what_is_not_defined_is_none() -> None:
    """A single return, no swing and no fall have no ratios."""
    one = measure(curve(100.0, 101.0), Decimal(0))
    still = measure(curve(100.0, 100.0, 100.0, 100.0), Decimal(0))

    assert (one.sharpe, one.sortino, one.volatility, one.calmar) == (None, None, None, None)
    assert (still.sharpe, still.sortino, still.calmar) == (None, None, None)
    assert still.volatility == 0.0
    assert still.total_return == 0.0


def test_a_lost_account_has_no_growth_rate() -> None:
    """Everything is gone: the return is -1, its power to a year is not defined."""
    found = measure(curve(100.0, 50.0, -5.0), Decimal(0))

    assert found.total_return == pytest.approx(-1.05)
    assert found.cagr is None


@pytest.mark.parametrize("last_ns", [DAY_NS - 1, DAY_NS])
def test_a_growth_rate_beyond_all_numbers_is_none(last_ns: int) -> None:
    """Neither less than a day has a rate a year, nor what no float could hold."""
    short = Curve(
        start=Decimal(100),
        end=Decimal(1000),
        first_ns=0,
        last_ns=last_ns,
        period_ns=DAY_NS,
        samples=(100.0, 1000.0),
        max_drawdown=0.0,
        mean_equity=100.0,
        exposure=1.0,
        points=(),
        marks=(),
    )

    assert measure(short, Decimal(0)).cagr is None
