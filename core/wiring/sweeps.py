"""A grid with many sets of parameters over recorded prices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import ConfigError
from core.wiring.backtests import BacktestData, BacktestDoors
from core.wiring.configuration import settings
from core.wiring.doors import Doors
from core.wiring.instruments import find_instrument
from core.wiring.keys import drop_keys_from_environment
from core.wiring.places import ONE_THREAD, home

if TYPE_CHECKING:
    from core.adapters.exchanges.models import Instrument
    from core.engine.protocol import StartBot
    from core.infrastructure.yaml_document import Document
    from core.services.backtest.grid_space import Space
    from core.services.backtest.record import RunRecord
    from core.services.backtest.sweep import Batch, Found, Pool, Ranking
    from core.services.backtest.sweep_job import SweepJob
    from core.services.backtest.sweep_store import SweepStore
    from core.services.backtest.sweep_tape import Window
    from core.services.grid.config import GridBotConfig
    from core.services.ports import Feed
    from core.services.risk.limits import Limits

INTERPRETED_ROWS: Final = 500_000
"""So many rows, over all sets, take less time than compiling the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepWish:
    """What a sweep is asked."""

    grids: tuple[str, ...]
    """Parameters with their values, as typed."""
    objective: str
    is_engine: bool = False
    workers: int | None = None
    """None for as many as there are processors."""
    cluster: str | None = None
    """Address of a Dask scheduler."""
    folds: int = 0
    """Of walk-forward; 0 for none."""
    is_resumed: bool = False


class SweepWorkshop:
    """What a worker of a sweep needs, from this module."""

    def __init__(self) -> None:
        self._limits = settings().limits
        self._instruments: dict[str, Instrument] = {}
        """Of what was asked: a venue's file is read once, not for every set."""

    def config(self, document: Document) -> GridBotConfig:
        """Checks a document."""
        from core.services.grid.config import load_grid

        return load_grid(document, self._instrument)

    def _instrument(self, venue: str, symbol: str, overrides: Mapping[str, Any]) -> Instrument:
        asked = repr((venue, symbol, sorted(overrides.items(), key=str)))
        found = self._instruments.get(asked)
        if found is None:
            found = self._instruments[asked] = find_instrument(venue, symbol, overrides)
        return found

    def limits(self, config: GridBotConfig) -> Limits:
        """What risk would be told: the tighter of both files."""
        from core.services.risk.limits import tighter

        return tighter(config.risk.limits(), self._limits)

    def requests_per_minute(self, config: GridBotConfig) -> int | None:
        """What the venue takes that paper stands in for; None for any number."""
        from core.adapters.exchanges.paper.profiles import profile_of

        return profile_of(config.paper.profile or config.exchange).orders_per_minute

    def doors(self, feed: Feed, record: RunRecord) -> Doors:
        """Doors of a run in memory."""
        from core.engine.doors import OpenFeed

        return BacktestDoors(lambda _plan, _request: OpenFeed(feed=feed), record)

    def recording(self, config: GridBotConfig, job: SweepJob, window: Window) -> Feed:
        """A piece of the data, read anew."""
        return _sweep_feed(config, job, window)


def count_sets(grids: tuple[str, ...]) -> int:
    """How many sets of parameters `--grid` options make.

    Raises:
        ConfigError: For what is no parameter.
    """
    from core.services.backtest.grid_space import read_space

    return read_space(grids).count


def sweep(
    request: StartBot,
    data: BacktestData,
    wish: SweepWish,
    on_progress: Callable[[int, int], None],
    notice: Callable[[str], None] = lambda _: None,
) -> Ranking:
    """Runs a grid with every set of parameters over recorded prices.

    Raises:
        ConfigError: If the file, or what was asked beside it, is wrong, or no set is a grid.
        FeedError: If the data cannot be trusted, or do not cover what was asked for.
        ExtraMissing: Without what the kernel or the cluster needs.
        CtosError: If a worker failed; `is_resumed` goes on from there.
    """
    os.environ.setdefault(*ONE_THREAD)
    drop_keys_from_environment()
    from core.adapters.compute.processes import LocalProcesses, processors
    from core.services.backtest.compiling import demand_compiler, interpret, keep_code_in
    from core.services.backtest.grid_space import read_space

    code = home().root / "cache" / "code"
    keep_code_in(code)
    if not wish.is_engine:
        demand_compiler()
    space = read_space(wish.grids)
    job = _sweep_job(request, data, space, wish)
    is_alone = wish.cluster is None and wish.workers in {None, 1}
    is_small = is_alone and _rows_of(job) * space.count <= INTERPRETED_ROWS
    if not wish.is_engine and not code.is_dir():
        if is_small:
            interpret()
        else:
            notice("The kernel is compiled first; that is done once for each version of ctos.")
    with _sweep_store(job, wish) as store:
        if wish.cluster is not None:
            from core.adapters.compute.dask_cluster import DaskCluster

            cluster = DaskCluster(wish.cluster, sweep_batch, _with_rows(job))
            try:
                return _ranked(space, cluster, store, wish, on_progress)
            finally:
                cluster.close()
        workers = min(wish.workers or (1 if is_small else processors()), space.count)
        local = LocalProcesses(partial(sweep_batch, job), workers)
        return _ranked(space, local, store, wish, on_progress)


def _ranked(
    space: Space,
    pool: Pool,
    store: SweepStore,
    wish: SweepWish,
    on_progress: Callable[[int, int], None],
) -> Ranking:
    from core.services.backtest.sweep import rank, run_sweep

    if not wish.is_engine and pool.workers > 1:
        from core.services.backtest.kernel_run import warm_up

        warm_up()
    ranking = rank(run_sweep(space, pool, store, on_progress), wish.objective)
    if not ranking.rows:
        raise ConfigError(f"no set is a grid. {ranking.refused[0][1]}")
    store.remove()
    return ranking


def sweep_batch(job: SweepJob, batch: Batch) -> Found:
    """Runs some sets of a sweep; called by its name in workers."""
    import logging

    from core.engine.sweeping import run_batch
    from core.services.backtest.compiling import keep_code_in

    logging.getLogger("core").addHandler(logging.NullHandler())
    logging.getLogger("core").propagate = False
    keep_code_in(home().root / "cache" / "code")
    return run_batch(job, batch, _workshop())


@cache
def _workshop() -> SweepWorkshop:
    """One for all sets of a process."""
    return SweepWorkshop()


def _sweep_job(request: StartBot, data: BacktestData, space: Space, wish: SweepWish) -> SweepJob:
    """What all sets share: the file's block, and the prices made ready."""
    from core.infrastructure.config import parse_yaml
    from core.services.backtest.sweep_job import SweepJob
    from core.services.backtest.sweep_tape import Window, keep_tape
    from core.services.backtest.walk_forward import spans
    from core.services.grid.keys import ROOT
    from core.services.ports import FeedKind

    document = parse_yaml(request.text, request.path)
    block = document.get((ROOT,))
    if not isinstance(block, dict):
        raise document.error(f"has no `{ROOT}:` block.")
    whole = Window(from_ns=data.from_ns, to_ns=data.to_ns)
    job = SweepJob(
        source=request.path,
        block=block,
        tapes={},
        windows=(whole,),
        is_engine=wish.is_engine,
        paths=data.paths,
        symbol=request.symbol,
        market=request.market,
        interval=request.interval,
    )
    config = _first_grid(job, space)
    feed = _sweep_feed(config, job, whole)
    times = spans(feed.first_ns or 0, feed.last_ns or 0, wish.folds) if wish.folds else ()
    if feed.has_book:
        return replace(job, windows=(whole, *times))
    folder = home().root / "cache" / "tapes"
    direction = config.settings.entry_side.sign
    tapes = {direction: keep_tape(feed, folder)}
    if feed.kind is FeedKind.CANDLES:
        other = _sweep_feed(config, job, whole, direction=-direction)
        tapes[-direction] = keep_tape(other, folder)
    return replace(job, tapes=tapes, windows=(Window(), *times))


def _rows_of(job: SweepJob) -> int:
    """Rows that each set meets; none that count where the engine runs them all."""
    from core.services.backtest.sweep_tape import open_tape

    tapes = (tape for tape in job.tapes.values() if isinstance(tape, Path))
    return max((open_tape(tape).rows for tape in tapes), default=0) * len(job.windows)


def _first_grid(job: SweepJob, space: Space) -> GridBotConfig:
    """The first set that is a grid: it says what is traded.

    Raises:
        ConfigError: Of the first set, if none is.
    """
    from core.services.backtest.sweep_job import document_of

    workshop, first = SweepWorkshop(), None
    for params in space.sets():
        try:
            return workshop.config(document_of(job, params))
        except ConfigError as error:
            first = first or error
    raise first or ConfigError("a sweep needs at least one set.")


def _sweep_feed(
    config: GridBotConfig, job: SweepJob, window: Window, *, direction: int | None = None
) -> Feed:
    """The recording, cut to a piece of time."""
    from core.adapters.feeds.recording import RecordingOptions, open_recording
    from core.adapters.feeds.window import Window as Cut

    options = RecordingOptions(
        symbol=job.symbol,
        market=job.market,
        interval=job.interval,
        direction=config.settings.entry_side.sign if direction is None else direction,
    )
    recording = open_recording(job.paths, config.settings.instrument, options)
    if window.from_ns is None and window.to_ns is None:
        return recording
    return Cut(recording, window.from_ns, window.to_ns)


def _with_rows(job: SweepJob) -> SweepJob:
    """A job that carries its prices, for workers that share no folder with this machine."""
    from core.services.backtest.sweep_tape import open_tape

    tapes = {
        direction: open_tape(tape) if isinstance(tape, Path) else tape
        for direction, tape in job.tapes.items()
    }
    return replace(job, tapes=tapes)


@contextmanager
def _sweep_store(job: SweepJob, wish: SweepWish) -> Iterator[SweepStore]:
    """Where results are kept meanwhile: one place for each file, prices and way of running."""
    from core.engine.version import version
    from core.services.backtest.sweep_store import SweepStore, digest_of

    name = digest_of(
        version(),
        job.block,
        {direction: str(tape) for direction, tape in job.tapes.items()},
        [(str(path), path.stat().st_mtime_ns) for path in job.paths if not job.tapes],
        [(window.from_ns, window.to_ns) for window in job.windows],
        job.is_engine,
    )
    store = SweepStore(home().root / "sweeps" / f"{name}.jsonl", is_resumed=wish.is_resumed)
    try:
        yield store
    finally:
        store.close()


def write_ranking(ranking: Ranking, path: Path) -> None:
    """Writes all rows of a sweep as Parquet.

    Raises:
        ExtraMissing: Without pyarrow.
        ConfigError: If the file cannot be written.
    """
    from core.adapters.storage.tables import write_parquet
    from core.services.backtest.sweep_table import table_of

    write_parquet(path, table_of(ranking), about={"objective": ranking.objective})
