"""Text in terminal cells: spans with a meaning, lines of spans, and their widths.

A span carries a *tone*, a few words such as `up bold`, never a colour: the widget that draws it
looks the words up in the theme. So what a line means can be tested without a terminal.
"""

from __future__ import annotations

from functools import lru_cache
from textwrap import wrap
from typing import NamedTuple, TypeAlias
from unicodedata import category, combining, east_asian_width

ELLIPSIS = "…"
UNSHOWABLE = "\N{REPLACEMENT CHARACTER}"
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories of characters that do something instead of being seen."""


class Span(NamedTuple):
    """A run of text with one meaning."""

    text: str
    tone: str = ""
    """Words such as `up`, `dim`, `bold`; empty for ordinary text."""
    key: str = ""
    """Identity of a value whose changed digits light up for a moment; empty for none."""


Line: TypeAlias = tuple[Span, ...]

BLANK: Line = ()


@lru_cache(maxsize=8192)
def width(text: str) -> int:
    """Cells that `text` takes; wide East Asian characters take two."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if east_asian_width(char) in "WF":
        return 2
    return 0 if combining(char) else 1


def harmless(text: str) -> str:
    """`text` without what a terminal would obey: controls, escapes, direction marks.

    Each of them becomes one visible sign of one cell, so that widths stay what they were taken for.
    """
    if text.isprintable():
        return text
    return "".join(UNSHOWABLE if category(char) in _OBEYED else char for char in text)


def crop(text: str, cells: int, *, mark: str = ELLIPSIS) -> str:
    """`text` in at most `cells` cells, ending in `mark` where something was cut."""
    if width(text) <= cells:
        return text
    if cells <= width(mark):
        return mark[:cells]
    kept: list[str] = []
    room = cells - width(mark)
    for char in text:
        room -= _char_width(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + mark


def left(text: str, cells: int) -> str:
    """`text` at the left of exactly `cells` cells."""
    text = crop(text, cells)
    return text + " " * (cells - width(text))


def right(text: str, cells: int) -> str:
    """`text` at the right of exactly `cells` cells."""
    text = crop(text, cells)
    return " " * (cells - width(text)) + text


def centre(text: str, cells: int) -> str:
    """`text` in the middle of exactly `cells` cells."""
    text = crop(text, cells)
    rest = cells - width(text)
    return " " * (rest // 2) + text + " " * (rest - rest // 2)


def line_width(line: Line) -> int:
    """Cells that a line takes."""
    return sum(width(span.text) for span in line)


def plain_text(line: Line) -> str:
    """A line without its meanings."""
    return "".join(span.text for span in line)


def fit(line: Line, cells: int, tone: str = "") -> Line:
    """A line of exactly `cells` cells: cut with an ellipsis or filled with blanks."""
    total = line_width(line)
    if total == cells:
        return line
    if total < cells:
        return (*line, Span(" " * (cells - total), tone))
    kept: list[Span] = []
    room = cells
    for span in line:
        size = width(span.text)
        if size < room or (size == room and span is line[-1]):
            kept.append(span)
            room -= size
            continue
        text = crop(span.text + " ", room)
        kept.append(span._replace(text=text + " " * (room - width(text))))
        break
    return tuple(kept)


def changed_cells(was: Line, now: Line) -> tuple[int, int]:
    """The first cell in which two lines of one width differ, and the one after the last."""
    least = min(len(was), len(now))
    head = 0
    while head < least and was[head] == now[head]:
        head += 1
    tail = 0
    while tail < least - head and was[-1 - tail] == now[-1 - tail]:
        tail += 1
    return line_width(now[:head]), line_width(now[: len(now) - tail])


def spread(start: Line, end: Line, cells: int) -> Line:
    """`start` at the left and `end` at the right of `cells` cells; the start gives way."""
    end_width = line_width(end)
    if end_width >= cells:
        return fit(end, cells)
    room = cells - end_width
    if line_width(start) > room - 1:
        start = fit(start, max(0, room - 1))
    return (*fit(start, room), *end)


def retone(line: Line, tone: str) -> Line:
    """A line with one tone for everything, such as `stale`."""
    return tuple(span._replace(tone=tone) for span in line)


def folded(text: str, cells: int) -> list[str]:
    """A text in as many lines as it takes; further ones are indented more than the first."""
    indent = " " * (len(text) - len(text.lstrip()) + 2) if text.startswith(" ") else ""
    room = max(8, cells * len(text) // max(1, width(text)))
    return wrap(text, room, subsequent_indent=indent) or [""]
