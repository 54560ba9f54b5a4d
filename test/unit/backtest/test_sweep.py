"""Sets in batches, and the order of what they came to."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.services.backtest.grid_space import read_space
from core.services.backtest.sweep import (
    DEFLATED,
    LARGEST_BATCH,
    OBJECTIVES,
    Batch,
    Found,
    batches_of,
    rank,
    run_sweep,
)
from core.services.backtest.sweep_result import ENGINE, KERNEL, Figures, Params, Refused
from core.services.backtest.sweep_store import Outcome, SweepStore
from core.services.backtest.sweep_table import table_of

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
    samples=(1000.0, 1001.0, 1000.0, 1002.0),
    by=KERNEL,
)


def params(value: int) -> Params:
    """A set."""
    return (("a", str(value)),)


class Pool:
    """Works here and counts; a set of 2 is no grid."""

    workers = 2

    def __init__(self) -> None:
        self.seen: list[Params] = []

    def results(self, batches: Iterable[Batch]) -> Iterator[Found]:
        """The last batch first, as may be."""
        for batch in reversed(list(batches)):
            self.seen += batch
            yield [(item, outcome_of(item)) for item in batch]


def outcome_of(item: Params) -> Outcome:
    """What a set of the test comes to."""
    value = int(item[0][1])
    if value == 2:
        return Refused(message="no grid")
    return (replace(RUN, equity_change=Decimal(value % 4), sharpe=float(value)),)


def test_batches_hold_every_set_once() -> None:
    """Batches are small enough for every worker to have many, and never too large."""
    sets = list(read_space(["a=1:5000:1"]).sets())

    batches = list(batches_of(sets, len(sets), 2))

    assert [item for batch in batches for item in batch] == sets
    assert max(len(batch) for batch in batches) == LARGEST_BATCH
    assert max(len(batch) for batch in batches_of(sets[:10], 10, 2)) == 1


def test_sets_that_are_known_are_not_run_again(tmp_path: Path) -> None:
    """A resumed sweep runs what is missing, and gives all in the order of the space."""
    store = SweepStore(tmp_path / "s.jsonl", is_resumed=False)
    store.add([(params(1), outcome_of(params(1))), (params(4), outcome_of(params(4)))])
    pool, told = Pool(), list[tuple[int, int]]()

    found = run_sweep(read_space(["a=1:5:1"]), pool, store, lambda *step: told.append(step))

    assert sorted(pool.seen) == [params(2), params(3), params(5)]
    assert list(found) == [params(value) for value in range(1, 6)]
    assert found == {params(value): outcome_of(params(value)) for value in range(1, 6)}
    assert (told[0], told[-1]) == ((2, 5), (5, 5))
    assert len(store) == 5
    store.close()


def test_best_stands_first_and_equals_keep_their_order() -> None:
    """The objective decides, then the order in which sets were asked for."""
    outcomes = {params(value): outcome_of(params(value)) for value in (1, 2, 3, 5, 7)}

    ranking = rank(outcomes, "equity_change")

    assert [row.params for row in ranking.rows] == [params(3), params(7), params(1), params(5)]
    assert ranking.refused == ((params(2), "no grid"),)
    assert ranking.trials == 4


def test_least_drawdown_is_best() -> None:
    """A smaller fall is a better one."""
    outcomes: dict[Params, Outcome] = {
        params(value): (replace(RUN, max_drawdown=value / 10),) for value in (3, 1, 2)
    }

    found = rank(outcomes, "max_drawdown")

    assert [row.params for row in found.rows] == [params(1), params(2), params(3)]


@pytest.mark.parametrize("objective", [*OBJECTIVES, DEFLATED])
def test_every_objective_ranks_what_has_no_value_last(objective: str) -> None:
    """A run without a measure is behind every run that has one."""
    full = replace(RUN, sharpe=1.0, sortino=1.0, calmar=1.0, total_return=0.1, round_trips=1)
    bare = replace(
        RUN,
        total_return=None,
        samples=(),
        equity_change=Decimal(-1),
        realized_pnl=Decimal(-1),
        max_drawdown=0.5,
    )

    ranking = rank({params(1): (bare,), params(3): (full,)}, objective)

    assert ranking.rows[0].params == params(3)


def test_notes_say_what_the_rows_do_not() -> None:
    """Trials, how far to believe the best, refusals, and what the engine had to run."""
    outcomes: dict[Params, Outcome] = {
        params(1): (replace(RUN, by=ENGINE, why="funding is paid"),),
        params(2): Refused(message="no grid"),
        params(3): (replace(RUN, samples=(1000.0, 1003.0, 1001.0, 1006.0)),),
    }

    notes = " ".join(rank(outcomes, "equity_change").notes())

    assert "1 sets were run by the engine: funding is paid" in notes
    assert "1 sets are no grid. a=2: no grid" in notes
    assert "Best of 2 sets; deflated Sharpe" in notes


def test_table_has_a_column_for_everything() -> None:
    """Money stays exact text, measures are numbers, spans stand beside the whole."""
    run = replace(RUN, equity_change=Decimal("0.10"))
    table = table_of(rank({params(1): (run, run, run)}, "equity_change"))

    assert table["rank"] == [1]
    assert table["param.a"] == ["1"]
    assert table["equity_change"] == ["0.1"]
    assert table["max_drawdown"] == [0.0]
    assert table["fold1.out.fills"] == [1]
    assert table["fold1.is_chosen"] == [1]
