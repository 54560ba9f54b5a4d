"""The grids that most stories are told about: one instrument, a few ladders, a walk.

Levels are 1 apart and hold 1 each, prices have ticks of 0.1 and amounts lots of 0.001. A story that
needs another grid changes one of these, so that what it changes is what it is about.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import ExchangeType, Instrument
from core.services.grid.settings import GridSettings, GridType
from core.testing.grid_story import GridStory

INSTRUMENT: Final = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
)
TWENTY: Final = GridSettings(
    instrument=INSTRUMENT,
    grid_type=GridType.LONG,
    grid_interval=Decimal(1),
    order_amount=Decimal(1),
    lower_price=Decimal(90),
    upper_price=Decimal(110),
    price_step=INSTRUMENT.tick_size,
    amount_step=INSTRUMENT.lot_size,
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
    collateral=Decimal(1000),
)
"""Levels 90 to 109, or 110 to 91 for a short one."""
SEVEN: Final = replace(TWENTY, lower_price=Decimal(95), upper_price=Decimal(102))
"""Levels 95 to 101."""
FREE: Final = replace(TWENTY, maker_fee=Decimal(0), taker_fee=Decimal(0))
"""The twenty levels where no fee is paid, so that every figure is round."""
FALL: Final = tuple(f"{price - 0.1:.1f}" for price in range(109, 95, -1))
"""Down to 95.9: fourteen entries of the twenty filled."""


def following(settings: GridSettings, *, levels: int = 8, timeout_s: int = 5) -> GridSettings:
    """The same grid without a range of its own: `levels` that follow the price."""
    return replace(
        settings,
        grid_type=GridType.FOLLOW_LONG,
        lower_price=None,
        upper_price=None,
        follow_grid_count=levels,
        follow_timeout_s=timeout_s,
    )


def told(settings: GridSettings, *prices: str) -> GridStory:
    """A grid and a walk; after each price the books agree, and what was written is what is.

    Raises:
        AssertionError: One of the two is not so.
    """
    story = GridStory(settings)
    for price in prices:
        story.price(price)
        if story.residual():
            message = f"at {price} the ledger leaves {story.residual()} of the equity unexplained"
            raise AssertionError(message)
        if story.machine.dump() != story.state:
            message = f"at {price} the journal does not hold what the machine knows"
            raise AssertionError(message)
    return story
