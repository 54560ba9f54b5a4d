"""The message line: what was asked, what the state means, what happened last."""

from __future__ import annotations

from core.services.grid.snapshot import Fields
from tui.presentation.cells import Line, Span, line_width
from tui.presentation.look import Look


def in_words(code: str, message: str, fields: Fields, look: Look) -> str:
    """An alarm: named in the language of the screen first, then as it was told."""
    named = look.words.get(f"alarm.{code}", "")
    if not named:
        return line_in_words(code, message, fields, look)
    return f"{named} ({message.removeprefix(f'{code}: ')})"


def line_in_words(event: str, message: str, fields: Fields, look: Look) -> str:
    """A line of the diary in the language of the screen."""
    values = dict(fields)
    protection = values.get("protection")
    if protection is not None:
        values["protection"] = look.words.get(f"guard.{protection}", str(protection))
    return look.words.heard.line(event, values, message)


def message_line(
    message: Span,
    clock: str,
    cells: int,
    look: Look,
    *,
    asked: str = "",
    states: tuple[Span, ...] = (),
) -> Line:
    """One line of parts, most urgent first; a part that does not fit leaves.

    Args:
        message: The last thing that happened.
        clock: When, or empty.
        asked: An act that no snapshot has confirmed yet.
        states: Words for states that are not simply well.
    """
    parts: list[Line] = []
    said: Line = (Span(f"{clock}  ", "dim"), message) if clock else (message,)
    if message.text and message.tone == "error":
        parts.append(said)
    if asked:
        parts.append((Span(f"{look.glyphs.sent} {asked}", "warn"),))
    parts += [(state,) for state in states if state.text]
    if message.text and message.tone != "error":
        parts.append(said)
    line: Line = (Span(" "),)
    for at, part in enumerate(parts):
        joint: Line = (Span(f"   {look.glyphs.dot} ", "dim"),) if at else ()
        if at and line_width((*line, *joint, *part)) > cells:
            break
        line = (*line, *joint, *part)
    return line
