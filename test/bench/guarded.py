"""What protections cost a grid while nothing happens, and when something does.

python test/bench/guarded.py [--prices N]

quiet    one price inside the band through the whole machine, 200 levels; off and with everything on
look     one price that every rule has to judge, with the band found again
fill     one execution and the price after it: books, order, band
"""

from __future__ import annotations

import argparse
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.adapters.exchanges.models import ExchangeType, Instrument  # noqa: E402 - path first
from core.services.grid.protections.settings import (  # noqa: E402
    CapitalSettings,
    LockSettings,
    ProtectionSettings,
    ScalpingSettings,
    SmartSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.settings import GridSettings, GridType  # noqa: E402
from core.testing.grid_story import GridStory  # noqa: E402

INSTRUMENT: Final = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.001"),
)
OFF: Final = ProtectionSettings()
ON: Final = ProtectionSettings(
    stop_loss=StopLossSettings(trigger_percent=Decimal(75)),
    take_profit=TakeProfitSettings(fraction=Decimal("0.5")),
    capital=CapitalSettings(),
    scalping=ScalpingSettings(smart=SmartSettings()),
    price_lock=LockSettings(threshold=Decimal(111)),
)


def grid(protections: ProtectionSettings) -> GridStory:
    """A running grid of 200 levels, its price in the middle of two lines."""
    settings = GridSettings(
        instrument=INSTRUMENT,
        grid_type=GridType.LONG,
        grid_interval=Decimal("0.1"),
        order_amount=Decimal("0.1"),
        lower_price=Decimal(90),
        upper_price=Decimal(110),
        price_step=INSTRUMENT.tick_size,
        amount_step=INSTRUMENT.lot_size,
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
        protections=protections,
    )
    story = GridStory(settings)
    story.price("105.05")
    return story


def quiet(story: GridStory, prices: int) -> float:
    """Microseconds for a price that changes nothing."""
    moves = [story.market(Decimal(text)) for text in ("105.04", "105.05", "105.06")]
    hear, start = story.machine.on, time.perf_counter()
    for index in range(prices):
        hear(moves[index % 3])
    return (time.perf_counter() - start) / prices * 1e6


def fill(story: GridStory, rounds: int) -> float:
    """Microseconds for a fill and the price that follows, the small venue's own time included."""
    start = time.perf_counter()
    for _ in range(rounds):
        story.price("104.95")
        story.price("105.15")
    return (time.perf_counter() - start) / rounds / 2 * 1e6


def look(story: GridStory, rounds: int) -> float:
    """Microseconds for a price at which every rule is asked."""
    move = story.market(Decimal("105.05"))
    machine, start = story.machine, time.perf_counter()
    for _ in range(rounds):
        machine._is_blind, machine._horizon = True, None  # the next price counts
        machine.on(move)
        machine.horizon()
    return (time.perf_counter() - start) / rounds * 1e6


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prices", type=int, default=200_000)
    options = parser.parse_args()
    for name, protections in (("off", OFF), ("all on", ON)):
        story = grid(protections)
        print(f"{name:<8} quiet {quiet(story, options.prices):8.2f} us", end="")
        print(f"   look {look(story, 2000):8.2f} us   fill {fill(story, 500):8.2f} us")


if __name__ == "__main__":
    main()
