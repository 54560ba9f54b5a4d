"""Every protocol that a run can be spoken in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.infrastructure.rng import SeededRng
from core.testing.simulation.wire.backpack import Backpack
from core.testing.simulation.wire.binance import Binance
from core.testing.simulation.wire.edgex import Edgex
from core.testing.simulation.wire.hyperliquid import Hyperliquid
from core.testing.simulation.wire.lighter import Lighter
from core.testing.simulation.wire.tongue import Tongue

TONGUES: Final[Mapping[str, type[Tongue]]] = {
    kind.name: kind for kind in (Backpack, Binance, Edgex, Hyperliquid, Lighter)
}
"""Venue -> its protocol."""
PORT: Final = "port"
"""No protocol: the interface that every venue stands behind."""
SHARE: Final = 0.5
"""Of the seeds, those that are spoken in a protocol."""


def drawn_venue(seed: int) -> str:
    """What a seed is spoken in where nobody says: a venue's own protocol, or none."""
    rng = SeededRng(f"protocol-{seed}")
    if rng.random() >= SHARE:
        return PORT
    names = sorted(TONGUES)
    return names[rng.integer(0, len(names) - 1)]
