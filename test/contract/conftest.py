"""The venues that the contract suite holds to the interface's promises."""

from pathlib import Path

import pytest

from core.testing.venue import PaperHarness, VenueHarness
from core.testing.venues.harness import backpack_harness, binance_harness, hyperliquid_harness

VENUES = {
    "backpack": backpack_harness,
    "binance": binance_harness,
    "hyperliquid": hyperliquid_harness,
    "paper": PaperHarness,
}


@pytest.fixture(params=sorted(VENUES))
def venue(request: pytest.FixtureRequest, tmp_path: Path) -> VenueHarness:
    """A harness that has not started yet."""
    return VENUES[request.param](tmp_path / "venue.db")
