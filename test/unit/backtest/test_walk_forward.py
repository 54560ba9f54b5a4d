"""Walk-forward: what is chosen, and what it brings afterwards."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.errors import FeedError
from core.services.backtest.sweep_result import KERNEL, Figures
from core.services.backtest.walk_forward import judge, spans

RUN = Figures(
    fills=1,
    round_trips=0,
    realized_pnl=Decimal(0),
    fees=Decimal(0),
    funding=Decimal(0),
    equity_change=Decimal(0),
    position=Decimal(0),
    max_drawdown=0.0,
    total_return=0.0,
    sharpe=None,
    sortino=None,
    calmar=None,
    samples=(),
    by=KERNEL,
)


def run(change: int) -> Figures:
    """A run that changed equity by so much."""
    return replace(RUN, equity_change=Decimal(change))


def test_windows_cover_the_time_without_a_gap() -> None:
    """Each window begins where the last one ends, and the last row belongs to the last window."""
    found = spans(100, 199, 3)

    assert [(item.from_ns, item.to_ns) for item in found] == [
        (100, 125),
        (125, 150),
        (150, 175),
        (175, 200),
    ]


def test_too_little_time_is_refused() -> None:
    """More spans than nanoseconds cannot be cut."""
    with pytest.raises(FeedError, match="too little time"):
        spans(1, 2, 5)


def test_the_best_of_a_span_is_followed_into_the_next() -> None:
    """What is chosen on one span counts with what it made on the next, good or bad."""
    sets = [[run(5), run(-3), run(8)], [run(2), run(4), run(-1)]]

    folds, verdict = judge(sets, lambda found: float(found.equity_change))

    assert verdict.chosen == (0, 1)
    assert verdict.in_sample == Decimal(9)
    assert verdict.out_of_sample == Decimal(-4)
    assert [fold.is_chosen for fold in folds[0]] == [True, False]
    assert folds[1][1].in_sample.equity_change == 4
    assert folds[1][1].out_of_sample.equity_change == -1
