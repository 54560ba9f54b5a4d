"""At which leverage that counts which somebody else holds: its own, a plan's, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import BalanceData, ExchangeType, Instrument, PositionData
from core.services.risk.margin import PlanNeed, headroom

BTC, ETH = "BTC-USDC-PERP", "ETH-USDC-PERP"
INSTRUMENT = Instrument(
    symbol=ETH,
    venue="v",
    market_type=ExchangeType.PERPETUAL,
    base="ETH",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
)
CASH = BalanceData(venue="v", asset="USDC", total=Decimal(5000), free=Decimal(5000))


def plan(bot: str, symbol: str, leverage: int) -> PlanNeed:
    """A bot that needs next to nothing."""
    return PlanNeed(bot=bot, symbol=symbol, margin=Decimal(1), leverage=Decimal(leverage))


@pytest.mark.parametrize(
    "symbol, running, needed",
    [
        (ETH, [], 100),
        (ETH, [plan("a", ETH, 5)], 200),
        (BTC, [], 1000),
        (BTC, [plan("a", BTC, 4)], 250),
    ],
)
def test_a_position_that_names_no_leverage_has_that_of_who_trades_it(
    symbol: str, running: list[PlanNeed], needed: int
):
    """The running bot's, or the new bot's on its own symbol; on any other it counts whole."""
    held = PositionData(venue="v", symbol=symbol, size=Decimal(1), mark_price=Decimal(1000))
    found = headroom(INSTRUMENT, plan("b", ETH, 10), running, [CASH], [held], [])

    assert found.needs[0].amount == needed
    assert found.needed == needed + 1
