"""A paper venue that a test can start."""

from pathlib import Path

import pytest

from core.testing.venue import PaperHarness


@pytest.fixture
def venue(tmp_path: Path) -> PaperHarness:
    """Not started yet."""
    return PaperHarness(tmp_path / "venue.db")
