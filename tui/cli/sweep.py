"""`ctos sweep FILE --data PATH --grid KEY=VALUES`: many sets of parameters, best first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import ConfigError, ExitCode
from tui.cli.backtest import paths_of
from tui.cli.border import put, say
from tui.cli.grid import GridOptions, start_request
from tui.cli.moments import moment_ns
from tui.cli.progress import Progress
from tui.cli.terminal import is_confirmed

SHOWN: Final = 20
"""Rows of the table; `--json` and `--out` have all."""
MANY: Final = 10_000
"""More sets than these are asked about."""
_EXACT: Final = ("fills", "round_trips", "realized_pnl", "fees", "equity_change")
_MEASURES: Final = ("sharpe", "deflated_sharpe")
_HEAD: Final = ("FILLS", "TRIPS", "REALIZED", "FEES", "EQUITY", "DRAWDOWN", "SHARPE", "DEFLATED")
OBJECTIVES: Final = (
    "equity_change",
    "realized_pnl",
    "total_return",
    "sharpe",
    "deflated_sharpe",
    "sortino",
    "calmar",
    "round_trips",
    "max_drawdown",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """What was typed."""

    file: Path
    data: tuple[Path, ...]
    grids: tuple[str, ...]
    first: str | None = None
    last: str | None = None
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None
    objective: str = OBJECTIVES[0]
    is_json: bool = False
    out: Path | None = None
    is_resumed: bool = False
    is_engine: bool = False
    workers: int | None = None
    cluster: str | None = None
    folds: int = 0
    is_sure: bool = False


def sweep(options: SweepOptions) -> int:
    """Runs every set and shows them, best first."""
    from core.wiring import backtests, places, sweeps

    places.check_environment()
    _check(options)
    count = sweeps.count_sets(options.grids)
    if count > MANY and not options.is_sure:
        _ask(count)
    request = start_request(
        GridOptions(
            file=options.file,
            speed="max",
            symbol=options.symbol,
            market=options.market,
            interval=options.interval,
        )
    )
    data = backtests.BacktestData(
        paths=paths_of(options.data),
        from_ns=None if options.first is None else moment_ns(options.first, "--from"),
        to_ns=None if options.last is None else moment_ns(options.last, "--to"),
    )
    if data.from_ns is not None and data.to_ns is not None and data.from_ns >= data.to_ns:
        raise ConfigError("--from must be before --to.", source="arguments")
    wish = sweeps.SweepWish(
        grids=options.grids,
        objective=options.objective,
        is_engine=options.is_engine,
        workers=options.workers,
        cluster=options.cluster,
        folds=options.folds,
        is_resumed=options.is_resumed,
    )
    with Progress("sets") as progress:
        ranking = sweeps.sweep(request, data, wish, progress, say)
    for note in ranking.notes():
        say(note)
    if options.out is not None:
        sweeps.write_ranking(ranking, options.out)
        say(f"{ranking.trials:,} rows written to {options.out}")
    rows = [row.as_json() for row in ranking.rows]
    if options.is_json:
        put(json.dumps(rows))
    else:
        for line in table_lines(rows):
            put(line)
    return ExitCode.OK


def table_lines(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The best sets as text.

    Args:
        rows: As `--json` gives them, at least one.
    """
    keys = list(_params(rows[0]))
    table = [(*keys, *_HEAD), *(_cells(row) for row in rows[:SHOWN])]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in table
    ]
    left = len(rows) - SHOWN
    return [*lines, f"… and {left:,} more: --json or --out gives all"] if left > 0 else lines


def _check(options: SweepOptions) -> None:
    if options.objective not in OBJECTIVES:
        raise ConfigError(
            f"--objective {options.objective[:40]!r} is none.",
            source="arguments",
            remedy=f"There are: {', '.join(OBJECTIVES)}.",
        )
    if options.workers is not None and options.workers < 1:
        raise ConfigError("--workers must be 1 or more.", source="arguments")
    if options.folds < 0:
        raise ConfigError("--walk-forward must be 1 or more.", source="arguments")
    if options.out is not None and options.out.suffix != ".parquet":
        raise ConfigError(
            f"--out {options.out}: results are written as Parquet.",
            source="arguments",
            remedy=f"Write --out {options.out.with_suffix('.parquet')}, or take --json.",
        )


def _ask(count: int) -> None:
    """A sweep that explodes is asked about.

    Raises:
        ConfigError: Where the answer is no, or nobody can answer.
    """
    if not is_confirmed(f"{count:,} sets of parameters.", "yes"):
        raise ConfigError(
            f"not started: {count:,} sets of parameters are more than {MANY:,}.",
            source="arguments",
            remedy="Take wider steps, or say --yes.",
        )


def _params(row: Mapping[str, object]) -> Mapping[str, str]:
    found = row["params"]
    return found if isinstance(found, dict) else {}


def _cells(row: Mapping[str, object]) -> tuple[str, ...]:
    return (
        *_params(row).values(),
        *(str(row[name]) for name in _EXACT),
        f"{100 * float(str(row['max_drawdown'])):.3f} %",
        *("-" if row[name] is None else f"{float(str(row[name])):.3f}" for name in _MEASURES),
    )
