"""Reads a grid's file: root key `grid_system`.

    file ─► keys.py (types, bounds, names) ─► judge.py (against the instrument) ─► GridSettings

What comes out is frozen and plain, and is what the machine and the plan take.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

from core.adapters.exchanges.models import Instrument, plain
from core.domain.policies import OnStart
from core.errors import ConfigError
from core.infrastructure.config import Document, load_yaml, parse_yaml, validate
from core.services.bot_config import InstrumentSource, PaperBlock
from core.services.grid.judge import Judge
from core.services.grid.keys import ROOT, AnyGrid, GridFile
from core.services.grid.settings import GridSettings
from core.services.risk.config import RiskConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class GridBotConfig:
    """A checked file."""

    name: str
    exchange: str
    settings: GridSettings
    paper: PaperBlock
    risk: RiskConfig
    on_start: OnStart
    source: str
    config_json: str
    """The file's content as JSON, for the journal."""
    notices: tuple[str, ...] = ()
    """What was assumed, in sentences."""
    is_margin_accepted: bool = False
    """Whether it may start on an account that seems not to carry it."""

    @property
    def instrument(self) -> Instrument:
        """What it trades."""
        return self.settings.instrument


def load_grid(
    file: Path | str | Document, instruments: InstrumentSource, *, on_start: OnStart | None = None
) -> GridBotConfig:
    """Reads and checks a grid's file.

    Args:
        file: Path of a file, or a document already read.
        instruments: Where the instrument's rules come from.
        on_start: What the command line says in place of the file.

    Raises:
        ConfigError: Naming file, line, key, what was found, what is allowed and a way out.
    """
    document = file if isinstance(file, Document) else load_yaml(file)
    grid = cast("AnyGrid", validate(cast("type[object]", GridFile), document, (ROOT,)))
    instrument = _instrument(document, grid, instruments)
    settings = Judge(document, grid, instrument).settings()
    if on_start is not None:
        settings = replace(settings, on_start=on_start)
    return GridBotConfig(
        name=grid.name or _stem(document.source),
        exchange=grid.exchange,
        settings=settings,
        paper=grid.paper,
        risk=grid.risk,
        on_start=settings.on_start,
        is_margin_accepted="margin_short" in grid.acknowledge,
        source=document.source,
        config_json=json.dumps(document.data, sort_keys=True),
        notices=_notices(grid, instrument),
    )


def parse_grid(
    text: str, source: str, instruments: InstrumentSource, *, on_start: OnStart | None = None
) -> GridBotConfig:
    """`load_grid` for text whose origin is named `source`."""
    return load_grid(parse_yaml(text, source), instruments, on_start=on_start)


def _stem(source: str) -> str:
    stem = Path(source).stem
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in stem)
    return name.strip("-._")[:64] or "grid"


def _instrument(document: Document, grid: AnyGrid, instruments: InstrumentSource) -> Instrument:
    try:
        found = instruments(grid.exchange, grid.symbol, grid.instrument_overrides())
    except ValueError as error:
        raise document.error(f"{error}.", (ROOT, "symbol")) from error
    except ConfigError as error:
        if error.source is not None:
            raise
        raise document.error(
            error.message, (ROOT, error.key or "symbol"), remedy=error.remedy
        ) from error
    rate = Decimal("0.0001") if grid.fee_rate is None else grid.fee_rate
    return replace(
        found,
        maker_fee=rate if found.maker_fee is None else found.maker_fee,
        taker_fee=rate if found.taker_fee is None else found.taker_fee,
    )


def _notices(grid: AnyGrid, instrument: Instrument) -> tuple[str, ...]:
    is_told = instrument.venue_symbol != instrument.symbol  # by the venue, in its own spelling
    is_stated = grid.instrument.tick_size is not None
    if instrument.reference_price is not None or is_told or is_stated:
        return ()
    steps = f"a tick of {plain(instrument.tick_size)} and a lot of {plain(instrument.lot_size)}"
    return (f"{instrument.symbol} is not known: {steps} are assumed; `instrument:` states others.",)
