"""The dead man's switch on the wire: what Hyperliquid is told, and who is refused one."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.adapters.exchanges.backpack.adapter import BackpackExchange
from core.adapters.exchanges.hyperliquid.adapter import ADDRESSES, HyperliquidExchange
from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType
from core.adapters.exchanges.settings import VenueFile, settings_of
from core.errors import NotSupported, OrderRejected
from core.testing.venue import PERP
from core.testing.venues.harness import backpack_harness, hyperliquid_harness, started


def asking_for(harness, adapter, seconds):
    """The same harness, whose configuration asks for a switch."""
    harness._make = lambda doors: adapter(
        replace(doors, settings=replace(doors.settings, dead_mans_switch_s=seconds))
    )
    return harness


async def rest_an_order(harness, name):
    """One that will not fill."""
    await harness.exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        Decimal(1),
        Decimal(150),
        OrderOptions(client_order_id=name),
    )


async def test_it_is_armed_with_a_time_and_called_off_without_one():
    """`scheduleCancel` with a moment ahead; without `time`, not with the time of now, it is off."""
    async with started(hyperliquid_harness(Path())) as harness:
        before_ms = harness.venue.now_ms()
        await harness.exchange.arm_switch(60)
        await harness.exchange.arm_switch(None)
        armed, off = (call.params["action"] for call in harness.venue.calls_of("arm_switch"))

        assert 60_000 <= armed["time"] - before_ms < 65_000
        assert off == {"type": "scheduleCancel"}


@pytest.mark.nightly
async def test_when_nobody_renews_it_the_orders_go():
    """A second becomes the least that the venue takes; then all of the account is gone."""
    async with started(hyperliquid_harness(Path())) as harness:
        await rest_an_order(harness, "dead1")
        await harness.exchange.arm_switch(1)
        await asyncio.sleep(4)
        before = await harness.exchange.get_open_orders()
        await harness.venue.until(lambda: not harness.venue.floor.open_orders())

        assert [order.client_order_id for order in before] == ["dead1"]
        assert await harness.exchange.get_open_orders() == []


async def test_the_venue_may_refuse_it():
    """An account that has traded less than a million: definite, and nothing is armed."""
    async with started(hyperliquid_harness(Path())) as harness:
        harness.venue.actions.traded_volume = Decimal(10_000)
        with pytest.raises(OrderRejected, match="enough volume"):
            await harness.exchange.arm_switch(60)


async def test_a_venue_without_one_refuses_to_start_with_it():
    """Whoever counts on a switch is told before anything is traded that there is none."""
    harness = asking_for(backpack_harness(Path()), BackpackExchange, 60)
    with pytest.raises(AssertionError, match="no dead man's switch"):
        await harness.start()
    await harness.stop()


async def test_nothing_is_armed_by_the_adapter_itself():
    """The adapter says what was asked for; execution decides, which knows whose orders rest."""
    harness = asking_for(hyperliquid_harness(Path()), HyperliquidExchange, 60)
    async with started(harness):
        assert harness.exchange.dead_mans_switch_s == 60
        assert harness.venue.calls_of("arm_switch") == []


async def test_backpack_has_none():
    """As its documentation and other clients say."""
    async with started(backpack_harness(Path())) as harness:
        with pytest.raises(NotSupported):
            await harness.exchange.arm_switch(60)


def test_the_key_of_the_venue_file_is_read():
    """`dead_mans_switch_s` in `config/exchanges/<venue>.yaml`; none by default, never under ten."""
    assert settings_of(ADDRESSES, VenueFile()).dead_mans_switch_s is None
    assert settings_of(ADDRESSES, VenueFile(dead_mans_switch_s=60)).dead_mans_switch_s == 60
    with pytest.raises(ValidationError):
        VenueFile(dead_mans_switch_s=5)
