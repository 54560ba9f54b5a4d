"""An answer that belongs to another order than the one that was sent."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType
from core.errors import OutcomeUnknown
from core.testing.venue import PERP
from core.testing.venues.harness import hyperliquid_harness


def test_an_acknowledgement_of_another_cloid_proves_nothing(tmp_path: Path):
    """Seeds 11 and 14 over the wire: its id and status are not our order's (reliability T5)."""

    def of_another(body: Any) -> object:
        (status,) = body["payload"]["response"]["data"]["statuses"]
        status["resting"]["cloid"] = "0x" + "ab" * 16
        return body

    async def story() -> None:
        harness = hyperliquid_harness(tmp_path)
        await harness.start()
        try:
            harness.venue.faults.alter_answer("create_order", of_another)
            with pytest.raises(OutcomeUnknown, match="another order"):
                await harness.exchange.create_order(
                    PERP,
                    OrderSide.BUY,
                    OrderType.LIMIT,
                    Decimal("0.1"),
                    Decimal(150),
                    OrderOptions(client_order_id="a1"),
                )
        finally:
            await harness.stop()

    asyncio.run(story())
