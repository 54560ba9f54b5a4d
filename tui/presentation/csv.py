"""What a panel shows, as CSV that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from tui.presentation.cells import harmless

FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def safe(cell: str) -> str:
    """A cell that begins like a formula gets a quote in front, unless it is just a number.

    What a terminal would obey is replaced: a carriage return would begin a row of its own.
    """
    cell = harmless(cell)
    if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def csv_text(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as CSV, one line per row."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    if titles:
        writer.writerow(titles)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return sink.getvalue()
