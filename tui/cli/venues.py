"""`ctos venues`: what can be done where, and what of it was verified."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from core.errors import ExitCode
from tui.cli.border import put
from tui.cli.terminal import is_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping


HANG = 50
"""Cells before what was verified."""


def venues(*, is_json: bool) -> int:
    """The table of venues; no adapter and no client library is loaded."""
    from core.wiring import examination

    rows = examination.venue_fields()
    if is_json:
        put(json.dumps(rows, ensure_ascii=False))
        return ExitCode.OK
    put(f"{'venue':<13}{'markets':<20}{'prices':<8}{'trading':<9}verified")
    for row in rows:
        put(_wrapped(_line(row)))
    return ExitCode.OK


def _wrapped(line: str) -> str:
    """A row in as many lines as a terminal needs; one line for programs."""
    cells = shutil.get_terminal_size().columns - 1
    if not is_terminal(sys.stdout) or cells < HANG + 20:
        return line
    return textwrap.fill(line, cells, subsequent_indent=" " * HANG, break_on_hyphens=False)


def _line(row: Mapping[str, object]) -> str:
    kinds, verified = row["market_types"], row["verified"]
    assert isinstance(kinds, list)  # noqa: S101 # as `about.as_json` makes it
    assert isinstance(verified, dict)  # noqa: S101 # likewise
    on = f" ({verified['on']})" if verified["on"] else ""
    marks = ["yes" if row[name] else "-" for name in ("public", "private")]
    return (
        f"{row['name']:<13}{', '.join(kinds):<20}{marks[0]:<8}{marks[1]:<9}{verified['what']}{on}"
    )
