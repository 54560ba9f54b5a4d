"""Where the prices of a run came from: enough to show it the same prices again.

runs/<name>/run.json           a run on virtual time
paper/prices/<bot>.json        a bot in real time: one entry for each of its starts
paper/prices/<bot>.rows        the rows of a live feed, with `--record`
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from core.engine.protocol import StartBot
from core.errors import FeedError
from core.infrastructure.files import ensure_folder, write_atomic

RUN_FILE: Final = "run.json"
_LIVES_KEPT: Final = 64

T = TypeVar("T")


class DataFile(msgspec.Struct, frozen=True):
    """A recording as it was."""

    path: str
    size: int
    mtime_ns: int


class Provenance(msgspec.Struct, frozen=True):
    """The prices of one start of a bot."""

    feed: str
    """As it was asked for; a path is absolute."""
    seed: int | None = None
    start_ns: int = -1
    """Where a simulated market began; negative for its own beginning."""
    duration_s: float | None = None
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None
    files: tuple[DataFile, ...] = ()
    """What a recording consists of."""
    has_rows: bool = False
    """Whether the rows themselves were kept."""

    @classmethod
    def of(cls, request: StartBot, *, start_ns: int = -1, has_rows: bool = False) -> Provenance:
        """Of a start that was asked for."""
        return cls(
            feed=request.feed,
            seed=request.seed,
            start_ns=start_ns,
            duration_s=request.duration_s,
            symbol=request.symbol,
            market=request.market,
            interval=request.interval,
            files=_files(Path(request.feed)),
            has_rows=has_rows,
        )

    def refuse_changed(self) -> None:
        """Refuses a recording that is not what it was.

        Raises:
            FeedError: Naming the file.
        """
        for file in self.files:
            path = Path(file.path)
            if not path.is_file():
                raise FeedError(f"{path}: the recording of this run is not there any more.")
            found = path.stat()
            if (found.st_size, found.st_mtime_ns) != (file.size, file.mtime_ns):
                raise FeedError(
                    f"{path} has changed since the run: it would show other prices.",
                    remedy="Put the recording of that day back.",
                )


def write_run(folder: Path, found: Provenance) -> None:
    """Notes the prices of a run on virtual time."""
    write_atomic(folder / RUN_FILE, msgspec.json.encode(found))


def read_run(folder: Path) -> Provenance | None:
    """The prices of a run; None where it left none."""
    return _read(folder / RUN_FILE, lambda raw: msgspec.json.decode(raw, type=Provenance))


def add_life(folder: Path, bot: str, found: Provenance) -> None:
    """Notes one more start of a bot in real time."""
    ensure_folder(folder)
    lives = (*read_lives(folder, bot), found)
    # The first one says where its prices began.
    kept = (*lives[:1], *lives[1:][-_LIVES_KEPT:])
    write_atomic(folder / f"{bot}.json", msgspec.json.encode(kept))


def read_lives(folder: Path, bot: str) -> tuple[Provenance, ...]:
    """The starts of a bot, oldest first; empty where none was noted."""
    found = _read(
        folder / f"{bot}.json",
        lambda raw: msgspec.json.decode(raw, type=tuple[Provenance, ...]),
    )
    return () if found is None else found


def rows_file(folder: Path, bot: str) -> Path:
    """Where the rows of a live feed go."""
    return folder / f"{bot}.rows"


def _read(path: Path, decode: Callable[[bytes], T]) -> T | None:
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise FeedError(f"{path}: cannot be read ({error}).") from error


def _files(path: Path) -> tuple[DataFile, ...]:
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(item for item in path.iterdir() if item.is_file())
    else:
        return ()
    stats = [(item, item.stat()) for item in found]
    return tuple(DataFile(str(item), stat.st_size, stat.st_mtime_ns) for item, stat in stats)
