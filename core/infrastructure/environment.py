"""The environment variables that ctos knows; any other `CTOS_…` is a slip and is refused (CF8)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import ConfigError

PREFIX = "CTOS_"
PASSPHRASE = "CTOS_KEYS_PASSPHRASE"  # noqa: S105 # the variable's name


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable and what it does."""

    name: str
    meaning: str


KNOWN = (
    Variable("CTOS_HOME", "Folder of journals, runs and settings instead of the platform's own."),
    Variable(
        PASSPHRASE, "Opens sealed keys (`ctos keys set --store sealed`) where nobody is asked."
    ),
    Variable("CTOS_LOG_LEVEL", "debug, info, warning or error; info when unset."),
    Variable("CTOS_THEME", "Name of the screen's colour theme."),
)
TEST_PREFIX = "CTOS_TEST_"
"""Names that only the test run reads; they may stand in the environment of a child."""
LOG_LEVELS = ("debug", "info", "warning", "error")


def check_environment(environ: Mapping[str, str], *, also: frozenset[str] = frozenset()) -> None:
    """Refuses variables that begin with `CTOS_` and are not known, and levels that are none.

    Args:
        environ: The process's environment.
        also: Further names that somebody reads, such as those of keys.

    Raises:
        ConfigError: With the nearest known name. Values are not repeated.
    """
    names = [variable.name for variable in KNOWN]
    for name in sorted(environ):
        if name.startswith(TEST_PREFIX):
            continue
        if name.upper().startswith(PREFIX) and name not in names and name not in also:
            near = difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.6)
            remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(names)}."
            message = f"the variable {name[:60]!r} is not known."
            raise ConfigError(message, source="environment", remedy=remedy)
    log_level(environ)


def log_level(environ: Mapping[str, str]) -> str:
    """The level that `CTOS_LOG_LEVEL` asks for, in lower case.

    Raises:
        ConfigError: If it is none.
    """
    level = environ.get("CTOS_LOG_LEVEL", "").lower() or "info"
    if level not in LOG_LEVELS:
        message = f"CTOS_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}."
        raise ConfigError(message, source="environment")
    return level
