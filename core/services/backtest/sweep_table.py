"""All rows of a sweep as columns, for a file that other programs read."""

from __future__ import annotations

from core.services.backtest.sweep import Ranking
from core.services.backtest.sweep_result import Figures, SweepRow, figures_json

Table = dict[str, list[str | int | float | None]]
"""Name -> values, one a row."""


def table_of(ranking: Ranking) -> Table:
    """The columns: rank, each parameter, the figures; with walk-forward those of every span."""
    found: Table = {}
    for rank, row in enumerate(ranking.rows, start=1):
        for name, value in _values(rank, row, ranking.trials).items():
            found.setdefault(name, []).append(value)
    return found


def _values(rank: int, row: SweepRow, trials: int) -> dict[str, str | int | float | None]:
    values: dict[str, str | int | float | None] = {"rank": rank, "trials": trials}
    values |= {f"param.{key}": value for key, value in row.params}
    values |= _figures(row.whole, "")
    values["deflated_sharpe"] = row.deflated_sharpe
    values["by"] = row.whole.by
    values["why"] = row.whole.why
    for fold in row.folds:
        values |= _figures(fold.in_sample, f"fold{fold.number}.in.")
        values |= _figures(fold.out_of_sample, f"fold{fold.number}.out.")
        values[f"fold{fold.number}.is_chosen"] = int(fold.is_chosen)
    return values


def _figures(found: Figures, prefix: str) -> dict[str, str | int | float | None]:
    """Money as text, exact; measures as floats, which is what they are."""
    values: dict[str, str | int | float | None] = {}
    for name, value in figures_json(found).items():
        exact = getattr(found, name)
        is_measure = exact is None or isinstance(exact, float)
        values[prefix + name] = exact if is_measure else _plain(value)
    return values


def _plain(value: object) -> str | int:
    return value if isinstance(value, int) else str(value)
