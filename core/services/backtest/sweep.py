"""A sweep: one grid, many sets of parameters, the same prices; what each came to, best first.

    sets ─► batches ─► pool (processes of this machine, a cluster) ─► store ─► rows, in order
                        └ each set: the kernel, or the engine where the kernel is not exact

What runs a set is given from outside, because it needs the engine; the rest is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Protocol

from core.adapters.exchanges.models import plain
from core.services.backtest.deflated import deflated_sharpes
from core.services.backtest.grid_space import Space
from core.services.backtest.sweep_result import Figures, Params, Refused, SweepRow
from core.services.backtest.sweep_store import Outcome, SweepStore
from core.services.backtest.walk_forward import Verdict, judge

Batch = tuple[Params, ...]
Found = list[tuple[Params, Outcome]]

BATCHES_A_WORKER: Final = 16
"""Small enough that nobody waits for the last one, large enough that handing over costs nothing."""
LARGEST_BATCH: Final = 64
DEFLATED: Final = "deflated_sharpe"


class Pool(Protocol):
    """What carries batches out, in any order."""

    @property
    def workers(self) -> int:
        """How many run at once."""

    def results(self, batches: Iterable[Batch]) -> Iterator[Found]:
        """What each batch came to, as it is done.

        Raises:
            CtosError: If a worker ends before its work does.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All sets that are grids, best first, and how far to believe the first."""

    rows: tuple[SweepRow, ...]
    refused: tuple[tuple[Params, str], ...]
    """Sets that are none, and why."""
    objective: str
    verdict: Verdict | None = None
    """What walk-forward says."""

    @property
    def trials(self) -> int:
        """How many sets were tried."""
        return len(self.rows)

    @property
    def by_engine(self) -> Mapping[str, int]:
        """Why the engine ran sets that the kernel was asked for -> how many."""
        found: dict[str, int] = {}
        for row in self.rows:
            if row.whole.why:
                found[row.whole.why] = found.get(row.whole.why, 0) + 1
        return found

    def notes(self) -> list[str]:
        """What the rows alone do not say, in sentences."""
        found = [
            f"{count:,} sets were run by the engine: {why}."
            for why, count in self.by_engine.items()
        ]
        if self.refused:
            params, why = self.refused[0]
            first = ", ".join(f"{key}={value}" for key, value in params)
            found.append(f"{len(self.refused):,} sets are no grid. {first}: {why}")
        if self.rows:
            found.append(self._chance())
        if self.verdict is not None:
            found.append(
                f"Walk-forward, {self.verdict.folds} folds: the sets chosen made "
                f"{plain(self.verdict.in_sample)} where they were chosen, and "
                f"{plain(self.verdict.out_of_sample)} on the spans after."
            )
        return found

    def _chance(self) -> str:
        best = self.rows[0].deflated_sharpe
        if best is None:
            return f"Best of {self.trials:,} sets; too few returns to say how far that was chance."
        return (
            f"Best of {self.trials:,} sets; deflated Sharpe {best:.3f}: so probable is it that "
            "there is more behind it than choosing. Below 0.95, do not believe it."
        )


def _least_first(value: float | None) -> float:
    return float("-inf") if value is None else -value


def _most_first(value: float | Decimal | None) -> float:
    return float("-inf") if value is None else float(value)


OBJECTIVES: Final[Mapping[str, Callable[[Figures], float]]] = {
    "equity_change": lambda run: _most_first(run.equity_change),
    "realized_pnl": lambda run: _most_first(run.realized_pnl),
    "total_return": lambda run: _most_first(run.total_return),
    "sharpe": lambda run: _most_first(run.sharpe),
    "sortino": lambda run: _most_first(run.sortino),
    "calmar": lambda run: _most_first(run.calmar),
    "round_trips": lambda run: float(run.round_trips),
    "max_drawdown": lambda run: _least_first(run.max_drawdown),
}
"""Name -> what of a run is the better the larger it is; least first for `max_drawdown`."""


def batches_of(sets: Iterable[Params], count: int, workers: int) -> Iterator[Batch]:
    """Sets in batches."""
    size = min(max(1, count // (BATCHES_A_WORKER * max(1, workers))), LARGEST_BATCH)
    batch: list[Params] = []
    for params in sets:
        batch.append(params)
        if len(batch) == size:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def run_sweep(
    space: Space, pool: Pool, store: SweepStore, on_progress: Callable[[int, int], None]
) -> dict[Params, Outcome]:
    """Runs every set that the store does not know.

    Args:
        space: All sets.
        pool: Runs them.
        store: Keeps what comes in.
        on_progress: Told how many sets are done, of how many.

    Raises:
        CtosError: If a worker ends before its work does; what came in until then is kept.
    """
    found: dict[Params, Outcome] = {}
    missing: list[Params] = []
    for params in space.sets():
        known = store.get(params)
        if known is None:
            missing.append(params)
        else:
            found[params] = known
    on_progress(len(found), space.count)
    for results in pool.results(batches_of(missing, len(missing), pool.workers)):
        store.add(results)
        found.update(results)
        on_progress(len(found), space.count)
    return {params: found[params] for params in space.sets()}


def rank(outcomes: Mapping[Params, Outcome], objective: str) -> Ranking:
    """Puts the best set first.

    Args:
        outcomes: Of every set, in the order of the space, which decides between equals.
        objective: A name of `OBJECTIVES`, or `deflated_sharpe`.
    """
    runs = {params: item for params, item in outcomes.items() if not isinstance(item, Refused)}
    refused = tuple(
        (params, item.message) for params, item in outcomes.items() if isinstance(item, Refused)
    )
    deflated = deflated_sharpes([item[0].samples for item in runs.values()], len(runs))
    rows = [
        SweepRow(params=params, whole=item[0], deflated_sharpe=value)
        for (params, item), value in zip(runs.items(), deflated, strict=True)
    ]
    value_of = OBJECTIVES["sharpe" if objective == DEFLATED else objective]
    verdict = None
    if rows and len(next(iter(runs.values()))) > 1:
        folds, verdict = judge([item[1:] for item in runs.values()], value_of)
        rows = [replace(row, folds=part) for row, part in zip(rows, folds, strict=True)]
    if objective == DEFLATED:
        rows.sort(key=lambda row: _most_first(row.deflated_sharpe), reverse=True)
    else:
        rows.sort(key=lambda row: value_of(row.whole), reverse=True)
    return Ranking(rows=tuple(rows), refused=refused, objective=objective, verdict=verdict)
