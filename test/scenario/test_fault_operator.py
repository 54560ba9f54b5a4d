"""Faults that people make, where no single room shows the whole of them."""

from __future__ import annotations

from pathlib import Path

from tui.cli.grid import GridOptions, start_request


def test_a_file_changed_after_it_was_read_changes_nothing(tmp_path: Path):
    """CF12: a start carries the text as it was; nobody opens the file a second time."""
    path = tmp_path / "bot.yaml"
    path.write_text("grid_system: {grid_interval: 1}\n")

    request = start_request(GridOptions(file=path))
    path.write_text("grid_system: {grid_interval: 100}\n")

    assert request.text == "grid_system: {grid_interval: 1}\n"
