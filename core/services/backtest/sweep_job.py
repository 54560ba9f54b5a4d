"""What all sets of a sweep share, on its way to the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.infrastructure.yaml_document import Document
from core.services.backtest.grid_space import with_params
from core.services.backtest.sweep_result import Params
from core.services.backtest.sweep_tape import SweepTape, Window
from core.services.grid.keys import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """What all sets of a sweep share; goes to the workers."""

    source: str
    """Name of the file."""
    block: Mapping[str, Any]
    """The grid's block in it."""
    tapes: Mapping[int, Path | SweepTape]
    """Direction of a grid -> its prices; empty where the data have a book."""
    windows: tuple[Window, ...]
    """Pieces of time; the first is the whole."""
    is_engine: bool
    paths: tuple[Path, ...] = ()
    """The recording, for data with a book."""
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None


def document_of(job: SweepJob, params: Params) -> Document:
    """The file with a set's values in it."""
    block = with_params(job.block, params)
    return Document(source=job.source, text="", data={ROOT: block}, lines={})
