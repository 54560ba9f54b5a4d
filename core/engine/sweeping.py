"""One set of a sweep: its configuration, the kernel, and the engine where the kernel will not do.

Both run over the same rows and are measured by the same code, so a set comes to the same figures
whoever runs it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

from core.domain.worth import Worth
from core.engine.doors import Doors
from core.engine.protocol import StartBot
from core.engine.runs import run_apart
from core.errors import ConfigError, CtosError
from core.infrastructure.yaml_document import Document
from core.services.backtest.curve import make_curve
from core.services.backtest.kernel_run import held_of, run_case
from core.services.backtest.record import RunRecord
from core.services.backtest.rows import Tape
from core.services.backtest.sweep import Batch, Found
from core.services.backtest.sweep_case import BelongsToEngine, make_case
from core.services.backtest.sweep_curve import Swing, swing
from core.services.backtest.sweep_job import SweepJob, document_of
from core.services.backtest.sweep_result import ENGINE, Figures, Params, Refused, figures
from core.services.backtest.sweep_tape import SweepTape, Window, open_tape
from core.services.grid.config import GridBotConfig
from core.services.ports import Feed
from core.services.risk.limits import Limits

HAS_BOOK: Final = "the data have a book"


class Workshop(Protocol):
    """The concrete things that a worker needs."""

    def config(self, document: Document) -> GridBotConfig:
        """Checks a document.

        Raises:
            ConfigError: If it is no grid.
        """

    def limits(self, config: GridBotConfig) -> Limits:
        """What risk would be told."""

    def requests_per_minute(self, config: GridBotConfig) -> int | None:
        """What the venue takes that paper stands in for; None for any number."""

    def doors(self, feed: Feed, record: RunRecord) -> Doors:
        """Doors of a run in memory on a feed."""

    def recording(self, config: GridBotConfig, job: SweepJob, window: Window) -> Feed:
        """A piece of the data, where they have a book."""


def run_batch(job: SweepJob, batch: Batch, workshop: Workshop) -> Found:
    """Runs some sets; a set that is no grid says why.

    Raises:
        CtosError: If the engine failed.
    """
    found: Found = []
    for params in batch:
        try:
            runs = tuple(run_set(job, params, window, workshop) for window in job.windows)
        except ConfigError as error:
            found.append((params, Refused(message=str(error))))
        except CtosError as error:
            # A plain error: it has to find its way out of another process.
            words = ", ".join(f"{key}={value}" for key, value in params)
            raise CtosError(f"{words}: {error}") from error
        else:
            found.append((params, runs))
    return found


def run_set(job: SweepJob, params: Params, window: Window, workshop: Workshop) -> Figures:
    """One set on one piece of time.

    Raises:
        ConfigError: If it is no grid.
        CtosError: If the engine failed.
    """
    document = document_of(job, params)
    config = workshop.config(document)
    if not job.tapes:
        feed = workshop.recording(config, job, window)
        return _by_engine(config, document, feed, None, workshop, "" if job.is_engine else HAS_BOOK)
    part, tape, highest = _rows(_tape_for(job, config), window)
    why = ""
    if not job.is_engine:
        try:
            case = make_case(
                config,
                workshop.limits(config),
                part,
                highest=highest,
                most=workshop.requests_per_minute(config),
            )
            return run_case(case, tape, part.price_unit)
        except BelongsToEngine as reason:
            why = str(reason)
    return _by_engine(config, document, part, tape, workshop, why)


def _tape_for(job: SweepJob, config: GridBotConfig) -> Path | SweepTape:
    """The prices of a grid; only those of candles depend on its direction."""
    direction = config.settings.entry_side.sign
    found = job.tapes.get(direction)
    return next(iter(job.tapes.values())) if found is None else found


def _rows(tape: Path | SweepTape, window: Window) -> tuple[SweepTape, Tape, int]:
    """The rows of a piece of time, as the kernel takes them too, and their highest price."""
    return _mapped(tape, window) if isinstance(tape, Path) else _columns(tape, window)


@lru_cache(maxsize=64)
def _mapped(folder: Path, window: Window) -> tuple[SweepTape, Tape, int]:
    return _columns(open_tape(folder), window)


def _columns(tape: SweepTape, window: Window) -> tuple[SweepTape, Tape, int]:
    part = tape.part(window)
    columns = part.lows_and_highs()
    return part, columns, int(columns.last.max())


def _by_engine(
    config: GridBotConfig,
    document: Document,
    feed: Feed,
    tape: Tape | None,
    workshop: Workshop,
    why: str,
) -> Figures:
    """The whole bot on virtual time."""
    record = RunRecord()
    request = StartBot(
        app="grid", path=config.source, text=json.dumps(document.data), feed=feed.name, speed="max"
    )
    run_apart(workshop.doors(feed, record), request, record)
    told = dict(record.summary)
    if not told:
        raise CtosError(record.closing or "the run ended without a result.")
    start = config.paper.initial_balance
    change = Decimal(str(told["equity_change"]))
    return figures(
        _swing(config, record, feed, tape, start + change),
        fills=int(str(told["fills"])),
        round_trips=int(str(told["round_trips"])),
        realized=Decimal(str(told["realized_pnl"])),
        fees=Decimal(str(told["fees"])),
        funding=Decimal(str(told["funding"])),
        change=change,
        position=Decimal(str(told["position"])),
        by=ENGINE,
        why=why,
    )


def _swing(
    config: GridBotConfig, record: RunRecord, feed: Feed, tape: Tape | None, end: Decimal
) -> Swing:
    """The curve of what the account held: by the kernel's own measure wherever there is a tape."""
    start, contract = config.paper.initial_balance, config.instrument.contract_size
    worths = [Worth(-1, -1, start, Decimal(0)), *record.worths]
    if tape is None:
        curve = make_curve(
            feed.chunks(),
            worths,
            contract_size=contract,
            first_ns=feed.first_ns or 0,
            last_ns=feed.last_ns or 0,
            start=start,
        )
        return Swing(curve=curve, lowest=0.0, least_room=0.0)
    unit = next(iter(feed.chunks())).price_unit
    return swing(
        tape, held_of(worths, tape, contract), start=start, end=end, unit=unit, rate=Decimal(0)
    )
