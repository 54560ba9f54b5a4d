"""Binance spot's adapter against its loopback venue, where it is another market than USDⓈ-M."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import InsufficientFunds, NotSupported, OrderRejected
from core.testing.venue import SPOT
from core.testing.venues.binance_spot.harness import binance_spot_harness

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@asynccontextmanager
async def opened():
    """The adapter, connected to its venue."""
    harness = binance_spot_harness(Path())
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


async def limit(exchange, side, price, amount="1", **options):
    """Sends a limit order."""
    return await exchange.create_order(
        SPOT, side, OrderType.LIMIT, D(amount), D(price), OrderOptions(**options)
    )


async def test_the_private_stream_tells_a_life_in_order():
    """Open, then the fill, then filled, then what it did to both assets."""
    async with opened() as spot:
        order = await limit(spot.exchange, BUY, "199", client_order_id="a1")
        await spot.trade("198")
        await spot.venue.until(lambda: len(spot.private) >= 4)
        told = [item for item in spot.private if not isinstance(item, BalanceData)]

        assert [type(item) for item in told] == [OrderData, FillData, OrderData]
        assert [told[0].status, told[2].status] == [OrderStatus.OPEN, OrderStatus.FILLED]
        assert (told[1].order_id, told[1].client_order_id) == (order.order_id, "a1")
        balances = {item.asset: item.total for item in spot.private if item not in told}
        assert balances["TEST"] == D(1)


async def test_nothing_is_sold_that_is_not_there():
    """Also not what another order offers already: inventory is never negative."""
    async with opened() as spot:
        with pytest.raises(InsufficientFunds):
            await limit(spot.exchange, SELL, "201")
        await spot.exchange.create_order(SPOT, BUY, OrderType.MARKET, D(2))
        await limit(spot.exchange, SELL, "210", "1.5")

        with pytest.raises(InsufficientFunds):
            await limit(spot.exchange, SELL, "211")


async def test_post_only_is_another_type_of_order():
    """`LIMIT_MAKER` rests, or is refused where it would take."""
    async with opened() as spot:
        order = await limit(spot.exchange, BUY, "199", post_only=True)
        found = await spot.exchange.get_order(order.order_id, SPOT)

        assert (order.post_only, found.post_only) == (True, True)
        with pytest.raises(OrderRejected):
            await limit(spot.exchange, BUY, "205", post_only=True)


async def test_what_spot_has_not_is_named():
    """Reduce-only, leverage, funding and the dead man's switch are refused before anything left."""
    async with opened() as spot:
        exchange = spot.exchange
        before = len(spot.venue.calls)
        with pytest.raises(NotSupported):
            await limit(exchange, BUY, "199", reduce_only=True)
        with pytest.raises(NotSupported):
            await exchange.set_leverage(SPOT, D(5))
        with pytest.raises(NotSupported):
            await exchange.get_funding_rate(SPOT)
        with pytest.raises(NotSupported):
            await exchange.arm_switch(10.0)

        assert len(spot.venue.calls) == before
        assert await exchange.get_positions() == []


async def test_fills_while_the_socket_was_away_are_told_once():
    """The socket comes back with its subscription, and asks for what it missed."""
    async with opened() as spot:
        await limit(spot.exchange, BUY, "199", client_order_id="a1")
        spot.private.clear()
        spot.venue.kill_sockets()
        spot.venue.trade("198")
        async with asyncio.timeout(5):
            while not any(isinstance(item, FillData) for item in spot.private):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        fills = [item for item in spot.private if isinstance(item, FillData)]

        assert len(fills) == 1
        assert spot.exchange.is_authenticated()


async def test_the_account_of_another_key_is_refused():
    """The uid that the venue tells is not the pinned one."""
    harness = binance_spot_harness(Path())
    harness.venue.rest._spot_account = lambda _call, _params: {"balances": [], "uid": 1}
    harness.venue.rest._routes = harness.venue.rest._table()

    with pytest.raises(AssertionError, match="another account"):
        await harness.start()
    await harness.stop()
