"""Where things lie: the home, its files, logs, the shipped configuration; and the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from core.infrastructure.home import Home

EMBEDDED: Final = "paper"
"""The venue that stands in for others, and is one of its own."""
CCXT: Final = "ccxt-"
"""In front of a venue's name: through ccxt, whatever adapter of its own it has."""
JOURNAL: Final = "journal.db"
PRICES: Final = "prices"
"""Folder of a mode where it is noted which prices its bots had."""
VENUE_CLIENTS: Final = ("hyperliquid", "picows")
"""Loggers of venues' client libraries, which put requests and so keys into their lower levels."""
_TEST_PREFIX: Final = "CTOS_TEST_"
ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "1")
"""Nothing here multiplies matrices: threads for that would only begin and wait."""


def home() -> Home:
    """Where this installation keeps its data."""
    from core.infrastructure.home import Home

    return Home.from_environment(os.environ)


def check_environment() -> None:
    """Refuses `CTOS_…` variables that nobody knows; what a test suite sets for itself is its own.

    Raises:
        ConfigError: With the nearest known name.
    """
    from core.adapters.keys.places import variables
    from core.infrastructure.environment import check_environment as check

    others = {name: text for name, text in os.environ.items() if not name.startswith(_TEST_PREFIX)}
    check(others, also=variables(others))


def log_folder(place: Home) -> Path:
    """Where logs go: with `CTOS_HOME` set under it, else in a checkout's `logs/`."""
    from core.infrastructure.home import find_checkout

    return place.log_folder(None if "CTOS_HOME" in os.environ else find_checkout())


@contextmanager
def logs(place: Home, *, is_debug: bool = False) -> Iterator[Any]:
    """Sends the log lines of this process to files while it is open; gives the newest lines."""
    from core.infrastructure.environment import log_level
    from core.infrastructure.logging import setup_logging

    level = "debug" if is_debug else log_level(os.environ)
    opened = setup_logging(log_folder(place), level=level, clients=VENUE_CLIENTS)
    try:
        yield opened.ring
    finally:
        opened.close()


def config_file() -> Path:
    """`ctos.yaml` of the home where there is one, else the shipped one; it may be missing."""
    from core.adapters.exchanges.paper.instruments import find_config_dir

    own = home().root / "ctos.yaml"
    return own if own.is_file() else find_config_dir() / "ctos.yaml"


def exchange_folders() -> tuple[Path, ...]:
    """Where a file of a venue's addresses may lie: the user's own first, then the shipped ones."""
    return (home().root, config_folder())


def tape_folder() -> Path:
    """Where converted recordings go beside which nothing can be written."""
    from core.adapters.feeds.tape import SHARED_FOLDER

    return home().root / "cache" / SHARED_FOLDER


def venue_file(folder: Path, venue: str) -> Path:
    """The embedded venue's own file: one account for each venue that it stands in for."""
    return folder / ("venue.db" if venue == EMBEDDED else f"venue-{venue}.db")


def config_folder() -> Path:
    """Where the configuration that comes with ctos lies."""
    from core.adapters.exchanges.paper.instruments import find_config_dir

    return find_config_dir()


def feed_name(path: Path, symbol: str) -> str:
    """The feed whose place the venue's file keeps."""
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT name FROM feeds WHERE symbol = ?", (symbol,))
            row = found.fetchone()
    except sqlite3.Error:
        return "none"
    return "none" if row is None else str(row[0])
