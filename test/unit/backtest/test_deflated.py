"""The deflated Sharpe ratio."""

import math
from itertools import accumulate

import numpy as np
import pytest

from core.services.backtest.deflated import (
    Shape,
    best_by_chance,
    deflated_sharpes,
    probabilistic_sharpe,
    shape_of,
)


def curve(returns: list[float]) -> list[float]:
    """Equity with these returns."""
    return list(accumulate(returns, lambda worth, item: worth * (1 + item), initial=1000.0))


def test_published_example_is_met() -> None:
    """The paper's own numbers: an annual 2.5 over five years, best of 100, comes to about 0.90."""
    shape = Shape(count=1250, sharpe=2.5 / math.sqrt(250), skewness=-3, kurtosis=10)
    benchmark = math.sqrt(0.5 / 250) * 2.5306

    found = probabilistic_sharpe(shape, benchmark)

    assert found == pytest.approx(0.9004, abs=2e-3)


def test_expected_best_of_a_hundred_is_that_of_the_paper() -> None:
    """For a variance of 1 the best of 100 worthless trials shows about 2.53."""
    sharpes = [-1 / math.sqrt(2), 1 / math.sqrt(2)]

    assert best_by_chance(sharpes, 100) == pytest.approx(2.5306, abs=1e-3)


def test_shape_is_that_of_the_returns() -> None:
    """Mean over deviation with one degree of freedom lost; raw skewness and kurtosis."""
    returns = [0.01, -0.02, 0.03, 0.0]

    found = shape_of(curve(returns))

    values = np.array(returns)
    centred = values - values.mean()
    assert found is not None
    assert found.count == 4
    assert found.sharpe == pytest.approx(values.mean() / values.std(ddof=1))
    assert found.skewness == pytest.approx((centred**3).mean() / values.std() ** 3)
    assert found.kurtosis == pytest.approx((centred**4).mean() / values.std() ** 4)


def test_one_trial_is_not_deflated() -> None:
    """Where nothing was chosen, nothing was chosen by chance: the benchmark is 0."""
    alone = deflated_sharpes([curve([0.01, 0.02, 0.01, -0.01])], 1)[0]
    shape = shape_of(curve([0.01, 0.02, 0.01, -0.01]))

    assert shape is not None
    assert alone == probabilistic_sharpe(shape, 0.0)


def test_best_of_many_worthless_trials_is_not_believed() -> None:
    """Of 500 coin flippers the best looks good alone, and is nothing among its kind."""
    chance = np.random.default_rng(5)
    curves = [curve(chance.normal(0, 0.01, 60).tolist()) for _ in range(500)]
    shapes = [shape for shape in map(shape_of, curves) if shape is not None]
    best = max(range(500), key=lambda index: shapes[index].sharpe)
    alone = probabilistic_sharpe(shapes[best], 0.0)

    among = deflated_sharpes(curves, 500)[best]

    assert alone is not None
    assert among is not None
    assert alone > 0.99
    assert among < 0.9


def test_more_trials_make_the_same_result_less_believable() -> None:
    """Each further set that was tried lowers the ratio of all."""
    curves = [curve([0.01, 0.02, -0.01, 0.03]), curve([0.0, 0.01, -0.02, 0.01])]
    few, many = deflated_sharpes(curves, 2)[0], deflated_sharpes(curves, 2000)[0]

    assert few is not None
    assert many is not None
    assert many < few


@pytest.mark.parametrize("samples", [[], [1.0, 2.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]])
def test_too_little_says_nothing(samples: list[float]) -> None:
    """Too few returns, none that differ, or a ruin on the way: no ratio."""
    assert shape_of(samples) is None
    assert deflated_sharpes([samples], 1) == [None]
