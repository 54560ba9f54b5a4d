"""Faults that people make, where no single room shows the whole of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigError
from core.wiring.configuration import read_grid
from tui.cli.grid import GridOptions, start_request


def test_a_file_changed_after_it_was_read_changes_nothing(tmp_path: Path):
    """CF12: a start carries the text as it was; nobody opens the file a second time."""
    path = tmp_path / "bot.yaml"
    path.write_text("grid_system: {grid_interval: 1}\n")

    request = start_request(GridOptions(file=path))
    path.write_text("grid_system: {grid_interval: 100}\n")

    assert request.text == "grid_system: {grid_interval: 1}\n"


@pytest.mark.parametrize("key", ["version: 2", "schema_version: 9"])
def test_a_file_of_another_version_is_refused(tmp_path: Path, key: str):
    """CF13: files carry no version; a key that only another ctos knows is refused by its name."""
    path = tmp_path / "bot.yaml"
    example = Path(__file__).resolve().parents[2] / "config" / "grid" / "lighter-long-btc.yaml"
    path.write_text(f"{example.read_text()}\n  {key}\n")

    with pytest.raises(ConfigError, match=key.partition(":")[0]):
        read_grid(start_request(GridOptions(file=path)))
