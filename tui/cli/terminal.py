"""What the terminal can do, so that a screen is opened only where one can be drawn."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tui.presentation.glyphs import Glyphs

SMALLEST: Final = (80, 24)
"""Columns and rows that a screen needs."""


def no_screen_because() -> str | None:
    """Why no screen can be drawn here, as a sentence; empty where nobody needs to be told.

    Returns:
        None when a screen can be drawn.
    """
    if not (is_terminal(sys.stdout) and is_terminal(sys.stdin)):
        return ""
    if os.environ.get("TERM", "") in {"dumb", ""}:
        return "This terminal (TERM=dumb) draws no screens; a diary follows instead."
    size = _size()
    if size.columns < SMALLEST[0] or size.lines < SMALLEST[1]:
        return (
            f"A screen needs {SMALLEST[0]}x{SMALLEST[1]}, this terminal has "
            f"{size.columns}x{size.lines}; a diary follows instead."
        )
    return None


def _size() -> os.terminal_size:
    """What the terminal itself says; a shell may have exported the size it once had."""
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return os.terminal_size(SMALLEST)


def stdout_glyphs() -> Glyphs:
    """The signs that stdout can take: those of ASCII where its encoding has no others."""
    from tui.presentation.glyphs import choose

    return choose("auto", getattr(sys.stdout, "encoding", None) or "ascii")


def is_terminal(stream: object) -> bool:
    """Whether a standard stream is there and is a terminal."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined] # None or closed is an answer too
    except (AttributeError, ValueError):
        return False


def is_confirmed(question: str, word: str) -> bool:
    """Asks for a typed word; anything else is no, and so is not being at a terminal."""
    if not is_terminal(sys.stdin):
        return False
    print(f"{question} Type {word} to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == word
