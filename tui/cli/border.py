"""The border of the command line: whatever goes wrong becomes a line or two and an exit code."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import typer

from core.errors import CtosError, ExitCode
from core.infrastructure.foreign_text import clean_lines

log = logging.getLogger(__name__)

_KEY_LENGTH = 64
"""Hexadecimal digits of a private key; nothing shorter needs a closer look."""


def finish(command: Callable[[], int]) -> NoReturn:
    """Runs a command and ends the process with its code; no traceback ever reaches the terminal."""
    _fill_standard_streams()
    _offer_to_ask()
    raise typer.Exit(_run(command))


def _offer_to_ask() -> None:
    """Sealed keys are asked for here, where a person may be, the moment they are needed."""
    from core.wiring.passphrase import PASSPHRASE

    PASSPHRASE.ask_with(_ask_passphrase)


def _ask_passphrase(venue: str) -> str:
    from tui.cli.keys import ask_passphrase

    return ask_passphrase(venue)


def say(text: str) -> None:
    """Narration: a line on stderr, or nowhere when nobody listens."""
    with contextlib.suppress(OSError, ValueError):
        print(clean_lines(text), file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Data: a line on stdout. A reader that has gone is no error."""
    try:
        print(clean_lines(text), flush=True)
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fill_standard_streams() -> None:
    """Puts nothing where a standard stream is closed, so that no other file gets its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _run(command: Callable[[], int]) -> int:
    try:
        _refuse_secrets()
        return int(command())
    except CtosError as error:
        say(f"ctos: {_near(str(error))}")
        return int(error.exit_code)
    except KeyboardInterrupt:
        say("ctos: interrupted.")
        return int(ExitCode.FAILED)
    except Exception as error:  # noqa: BLE001 # the border: what got here has no better place
        alone = _alone(error)
        if isinstance(alone, CtosError):
            say(f"ctos: {_near(str(alone))}")
            return int(alone.exit_code)
        say(f"ctos: this should not have happened: {type(alone).__name__}: {alone}")
        say(f"ctos: {_put_on_record(error)}")
        return int(ExitCode.FAILED)


def _refuse_secrets() -> None:
    """A private key on the command line, where every user of the machine can read it."""
    long = [text for text in sys.argv[1:] if len(text) >= _KEY_LENGTH]
    if long:
        from core.infrastructure.secret_keys import refuse_secret_argument

        for text in long:
            refuse_secret_argument(text.rpartition("=")[2])


def _near(text: str) -> str:
    """A message that names files below this folder as one would type them."""
    try:
        return text.replace(f"{Path.cwd()}{os.sep}", "")
    except OSError:
        return text


def _alone(error: BaseException) -> BaseException:
    """The error that a task group wrapped, where there is only one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _put_on_record(error: BaseException) -> str:
    """Writes the traceback of an error to the log; says where it can be read."""
    try:
        from core.wiring import places

        home = places.home()
        with places.logs(home):
            log.error("command.failed", exc_info=error)
        return f"the details are in {places.log_folder(home)}."
    except (CtosError, OSError) as second:
        return f"the details could not be logged: {second}"
