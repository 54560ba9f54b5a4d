"""`python -m core.engine --mode paper`: the engine as a process of its own.

Whoever starts it reads its last words from the file its standard streams go to, so whatever keeps
it from starting is said there in one line.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from collections.abc import Sequence

from core.errors import CtosError, ExitCode

log = logging.getLogger(__name__)

_STDERR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs an engine and gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m core.engine")
    parser.add_argument("--mode", choices=("paper", "live"), default="paper")
    parser.add_argument("--debug", action="store_true")
    options = parser.parse_args(arguments)
    try:
        return _run(options.mode, is_debug=options.debug)
    except CtosError as error:
        log.error("engine.not_started error=%s", error)  # noqa: TRY400 # one sentence says it
        _say(str(error))
        return int(error.exit_code)
    except Exception as error:
        log.exception("engine.failed")
        alone: BaseException = error
        while isinstance(alone, BaseExceptionGroup) and len(alone.exceptions) == 1:
            alone = alone.exceptions[0]
        if isinstance(alone, CtosError):
            _say(str(alone))
            return int(alone.exit_code)
        _say(f"the engine failed: {type(alone).__name__}: {alone}; the log has the details.")
        return int(ExitCode.FAILED)


def _run(mode: str, *, is_debug: bool) -> int:
    from core.engine.serving import serve
    from core.wiring.engines import setting as opened

    with opened(mode, is_debug=is_debug) as setting:
        log.info("engine.started mode=%s pid=%d", mode, os.getpid())
        code = asyncio.run(serve(setting))
        log.info("engine.ended exit_code=%d", code)
        return code


def _say(text: str) -> None:
    os.write(_STDERR, f"{text}\n".encode())
