"""`python -m tui.cli` is `ctos`."""

from __future__ import annotations

from tui.cli.main import app

app(prog_name="ctos")
