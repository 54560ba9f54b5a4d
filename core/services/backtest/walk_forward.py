"""Walk-forward: choose on one span of time, see what the choice brings on the next.

`N` folds cut the time into N + 1 spans of equal length. In fold k every set runs on span k, in
sample, and on span k + 1, out of sample; each run starts flat. The best of span k by the objective
is *chosen*, and only what the chosen ones bring on the spans after is a promise kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from core.errors import FeedError
from core.services.backtest.sweep_result import Figures, Fold
from core.services.backtest.sweep_tape import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What choosing would have brought."""

    folds: int
    chosen: tuple[int, ...]
    """Index of the set chosen in each fold."""
    in_sample: Decimal
    """Sum of the chosen sets' change of equity on the spans they were chosen on."""
    out_of_sample: Decimal
    """… and on the spans after."""


def spans(first_ns: int, last_ns: int, folds: int) -> tuple[Window, ...]:
    """`folds` + 1 windows of equal length that cover the time from the first row to the last.

    Raises:
        FeedError: If there is not that much time.
    """
    count, length = folds + 1, last_ns + 1 - first_ns
    if length < count:
        raise FeedError(
            f"--walk-forward {folds}: the data cover too little time.", remedy="Fewer folds."
        )
    edges = [first_ns + length * index // count for index in range(count + 1)]
    return tuple(Window(from_ns=start, to_ns=end) for start, end in pairwise(edges))


def judge(
    runs: Sequence[Sequence[Figures]], key: Callable[[Figures], float]
) -> tuple[list[tuple[Fold, ...]], Verdict]:
    """The folds of each set, and what choosing would have brought.

    Args:
        runs: Of each set, one for each span.
        key: The larger, the better.
    """
    folds = len(runs[0]) - 1
    chosen = tuple(
        max(range(len(runs)), key=lambda index: key(runs[index][fold])) for fold in range(folds)
    )
    found = [
        tuple(
            Fold(
                number=fold + 1,
                in_sample=run[fold],
                out_of_sample=run[fold + 1],
                is_chosen=chosen[fold] == index,
            )
            for fold in range(folds)
        )
        for index, run in enumerate(runs)
    ]
    verdict = Verdict(
        folds=folds,
        chosen=chosen,
        in_sample=sum(
            (runs[item][fold].equity_change for fold, item in enumerate(chosen)), Decimal(0)
        ),
        out_of_sample=sum(
            (runs[item][fold + 1].equity_change for fold, item in enumerate(chosen)), Decimal(0)
        ),
    )
    return found, verdict
