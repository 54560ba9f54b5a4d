"""The rules of what is traded change while it is traded."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import EventType, OrderSide, OrderType
from core.adapters.exchanges.native import exchange as native
from core.adapters.exchanges.native.listings import rules_change
from core.errors import OrderRejected
from core.testing.venues.harness import hyperliquid_harness
from core.testing.venues.hyperliquid.assets import Assets

SYMBOL = "TEST-USDC-PERP"
PATIENCE_S = 5.0


async def test_a_native_adapter_asks_by_age_and_tells_what_is_different(monkeypatch):
    """An event says it in words, and orders keep to the new rules."""
    monkeypatch.setattr(native, "REFRESH_S", 0.3)
    harness = hyperliquid_harness(Path())
    await harness.start()
    try:
        told = []
        exchange = harness.exchange
        exchange.add_event_callback(EventType.INSTRUMENT_CHANGED, told.append)
        rules = harness.venue.floor.instruments
        before = rules[SYMBOL]
        rules[SYMBOL] = replace(before, lot_size=before.lot_size * 10)
        harness.venue.info._assets = Assets(rules.values())
        async with asyncio.timeout(PATIENCE_S):
            while not told:  # noqa: ASYNC110 # a list tells nobody that it grew
                await asyncio.sleep(0.01)

        assert told[0].detail.startswith(f"{SYMBOL}: lot_size was {before.lot_size} and is ")
        with pytest.raises(OrderRejected, match="multiple of the lot"):
            await exchange.create_order(
                SYMBOL, OrderSide.BUY, OrderType.LIMIT, before.lot_size * 101, Decimal(190)
            )
    finally:
        await harness.stop()


async def test_a_refusal_is_a_reason_to_look_at_the_rules():
    """At once, and not again with the next one: a minute lies between."""
    harness = hyperliquid_harness(Path())
    await harness.start()
    try:
        asked = len(harness.venue.calls_of("get_instruments"))
        for _ in range(5):
            harness.exchange.renew_rules()
        await asyncio.sleep(0.2)

        assert len(harness.venue.calls_of("get_instruments")) == asked + 1
    finally:
        await harness.stop()


async def test_a_symbol_that_is_gone_or_halted_is_told():
    """In words that a person understands, also when it trades again."""
    harness = hyperliquid_harness(Path())
    await harness.start()
    try:
        listing = harness.exchange.listings.by_symbol[SYMBOL]
    finally:
        await harness.stop()
    halted = replace(listing, is_trading=False)

    assert rules_change(listing, None) == "it is not listed any more"
    assert rules_change(listing, halted) == "it does not trade now"
    assert rules_change(halted, listing) == "it trades again"
    assert rules_change(listing, listing) == ""
