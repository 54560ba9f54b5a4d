"""Machine code for the sweep's inner loops, by numba (the `fast` extra), kept between runs.

Compiled functions lie in the folder that `keep_code_in` names, so that only the first sweep of a
version waits for the compiler, and workers load what the first process has made. Without numba the
same functions run as they are written: right, and some hundred times slower, which is no way to run
a kernel but will do to measure what the engine did.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from core.errors import ExtraMissing

F = TypeVar("F", bound=Callable[..., object])

_choice: Final = {"compiles": True}

_FOLDER: Final = "NUMBA_CACHE_DIR"
"""The compiler asks the environment once, when a function is first decorated."""


def keep_code_in(folder: Path) -> None:
    """Where compiled code goes from now on, unless the environment names a place of its own."""
    os.environ.setdefault(_FOLDER, str(folder))


def interpret() -> None:
    """Leaves what is decorated from now on as it is written: for work that is less than compiling.

    Without effect on modules that were imported before.
    """
    _choice["compiles"] = False


def compiled(function: F) -> F:
    """The function as machine code: integers of 64 bits, no Python inside."""
    numba = _numba() if _choice["compiles"] else None
    if numba is None:
        return function
    return cast("F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def demand_compiler() -> None:
    """Makes sure that what is `compiled` is.

    Raises:
        ExtraMissing: Without numba.
    """
    if _numba() is None:
        raise ExtraMissing("fast", "The sweep's kernel (all but `--engine`)")


def _numba() -> Any:  # noqa: ANN401 # it has no types and need not be installed
    try:
        import numba
    except ImportError:
        return None
    return numba
