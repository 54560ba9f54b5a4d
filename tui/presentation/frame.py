"""The frame of a panel: title left, state right, footing at the bottom right."""

from __future__ import annotations

from tui.presentation.cells import Line, Span, crop, fit, line_width, width
from tui.presentation.glyphs import Glyphs

LEAST_RULE = 1


def frame_top(cells: int, title: Line, state: str, glyphs: Glyphs, tone: str) -> Line:
    """`╭─ Ladder ──── BTC-USDC-PERP ─╮`; the state gives way to the title, part by part."""
    start, end = glyphs.corners[0], glyphs.corners[1]
    room = cells - 4
    heading: Line = (Span(" "), *title, Span(" ")) if title else ()
    heading = fit(heading, room) if line_width(heading) > room else heading
    left_over = room - line_width(heading) - LEAST_RULE
    note = fitting(state, left_over - 2, f" {glyphs.dot} ")
    note = f" {note} " if note else ""
    rule = glyphs.horizontal * (room - line_width(heading) - width(note))
    return (
        Span(start + glyphs.horizontal, tone),
        *heading,
        Span(rule, tone),
        Span(note, "state"),
        Span(glyphs.horizontal + end, tone),
    )


def fitting(text: str, cells: int, joint: str) -> str:
    """As many parts of `text` as fit, from the left; half a number would be a wrong one."""
    parts = text.split(joint)
    while parts and width(joint.join(parts)) > cells:
        parts.pop()
    return joint.join(parts)


def frame_bottom(cells: int, footing: str, glyphs: Glyphs, tone: str, notice: str = "") -> Line:
    """`╰──── c centre ─╯`, with an optional notice at the left that never gives way."""
    start, end = glyphs.corners[2], glyphs.corners[3]
    room = cells - 4
    warning = f" {crop(notice, room - 2)} " if notice and room > 6 else ""
    left_over = room - width(warning)
    note = f" {footing} " if footing and left_over >= width(footing) + 2 else ""
    return (
        Span(start + glyphs.horizontal, tone),
        Span(warning, "warn"),
        Span(glyphs.horizontal * (left_over - width(note)), tone),
        Span(note, "footing"),
        Span(glyphs.horizontal + end, tone),
    )


def frame_row(content: Line, cells: int, glyphs: Glyphs, tone: str) -> Line:
    """A content line between the frame's sides."""
    side = Span(glyphs.vertical, tone)
    return (side, *fit(content, cells - 2), side)
