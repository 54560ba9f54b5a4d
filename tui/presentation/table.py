"""Rows under named columns; when room is short, columns leave from the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tui.presentation.cells import Line, Span, left, right
from tui.presentation.look import Look


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    title: str
    """Id in the catalogue; empty for none."""
    cells: int
    """Its least width."""
    is_right: bool = False
    most: int = 0
    """Up to this width it takes the room that is left over."""
    gap: int = 2
    """Blank cells before it."""


@lru_cache(maxsize=256)
def widths(columns: tuple[Column, ...], cells: int) -> tuple[int, ...]:
    """The width of each column that fits into `cells` cells, one cell of margin at the left.

    At the right there is one as well, unless it would cost a column.
    """
    room = cells - 1
    shown: list[int] = []
    for column in columns:
        taken = column.cells + (column.gap if shown else 0)
        if taken > room:
            break
        room -= taken
        shown.append(column.cells)
    room = max(0, room - 1)
    growing = [index for index in range(len(shown)) if columns[index].most > shown[index]]
    for place, index in enumerate(growing):
        share = min(room // (len(growing) - place), columns[index].most - shown[index])
        shown[index] += share
        room -= share
    return tuple(shown)


def header(columns: tuple[Column, ...], cells: int, look: Look) -> Line:
    """The names of the columns."""
    names = [Span(look.words(column.title) if column.title else "", "header") for column in columns]
    return row(columns, names, cells)


def row(columns: tuple[Column, ...], values: Sequence[Span], cells: int) -> Line:
    """One row; a value wider than its column ends in an ellipsis."""
    sizes = widths(columns, cells)
    line: list[Span] = [Span(" ")]
    for index, size in enumerate(sizes):
        value = values[index]
        text = right(value.text, size) if columns[index].is_right else left(value.text, size)
        line.append(value._replace(text=text))
        if index + 1 < len(sizes):
            line.append(Span(" " * columns[index + 1].gap))
    return tuple(line)
