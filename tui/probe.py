"""What the terminal says of itself, asked before the screens open.

Signs such as the light are of ambiguous width: some East Asian set-ups draw them two cells wide,
which would tear every frame. The terminal knows: print the sign, ask where the cursor stands.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Mapping
from typing import Final

REPORT: Final = re.compile(rb"\x1b\[\d+;(\d+)R")
ANSWER_S: Final = 0.3
EAST_ASIAN: Final = ("zh", "ja", "ko")


def is_asked(environment: Mapping[str, str]) -> bool:
    """Whether the locale makes it worth asking; elsewhere these signs take one cell."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if environment.get(name):
            return environment[name].lower().startswith(EAST_ASIAN)
    return False


def column_in(answer: bytes) -> int | None:
    """The column of a cursor position report, from 1; None when there is none in it."""
    found = REPORT.search(answer)
    return None if found is None else int(found.group(1))


def cells_of(sign: str) -> int:
    """How many cells the terminal gives `sign`; 2 when it does not answer, to be safe.

    Works on a POSIX terminal that is both stdin and stdout; gives 1 anywhere else.
    """
    try:
        import termios
        import tty

        if not (sys.__stdin__ and sys.__stdin__.isatty() and os.isatty(1)):
            return 1
        source = sys.__stdin__.fileno()
        before = termios.tcgetattr(source)
    except (ImportError, OSError):
        return 1
    try:
        tty.setcbreak(source, termios.TCSANOW)
        os.write(1, f"\r{sign}\x1b[6n".encode())
        column = column_in(_read(source))
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
        os.write(1, b"\r\x1b[K")
    return 2 if column is None else column - 1


def _read(source: int) -> bytes:
    """What comes until a report is whole or patience ends."""
    answer = b""
    until = time.monotonic() + ANSWER_S
    while (left := until - time.monotonic()) > 0 and column_in(answer) is None:
        ready, _, _ = select.select([source], [], [], left)
        if not ready:
            break
        answer += os.read(source, 64)
    return answer
