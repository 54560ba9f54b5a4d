"""The last look at an order is taken after everything that its adapter asks for first."""

from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType
from core.errors import NotSent
from core.testing.venue import PERP
from core.testing.venues.ccxt_harness import (
    bybit_harness,
    ccxt_binance_harness,
    ccxt_hyperliquid_harness,
)
from core.testing.venues.harness import edgex_harness, hyperliquid_harness, lighter_harness
from core.testing.venues.tws.harness import ibkr_harness


@pytest.mark.parametrize("price", [None, "190"])
@pytest.mark.parametrize(
    "make",
    [
        bybit_harness,
        ccxt_binance_harness,
        ccxt_hyperliquid_harness,
        edgex_harness,
        hyperliquid_harness,
        ibkr_harness,
        lighter_harness,
    ],
)
async def test_what_came_in_between_keeps_an_order_back(make, price):
    """I10: a price or a nonce was asked for meanwhile; not one byte of the order leaves."""
    harness = make(Path())
    await harness.start()
    try:
        looks = []

        async def create(name, *, is_fit):
            def may_leave():
                looks.append(name)
                return is_fit

            kind = OrderType.MARKET if price is None else OrderType.LIMIT
            return await harness.exchange.create_order(
                harness.symbols[0] if make is ibkr_harness else PERP,
                OrderSide.BUY,
                kind,
                Decimal(1),
                None if price is None else Decimal(price),
                OrderOptions(client_order_id=name, may_leave=may_leave),
            )

        with pytest.raises(NotSent):
            await create("halted", is_fit=False)
        sent = await create("released", is_fit=True)

        assert looks == ["halted", "released"]
        assert sent.client_order_id == "released"
        floor = harness.venue.floor
        assert len({item.order_id for item in (*floor.open_orders(), *floor.fills())}) == 1
    finally:
        await harness.stop()
