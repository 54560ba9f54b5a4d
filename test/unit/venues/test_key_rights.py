"""A right that is given to a key while it is in use is seen by the next look at it."""

from dataclasses import replace

import pytest

from core.adapters.exchanges.interface import ProvesKeys
from core.errors import AuthError
from core.testing.venues.ccxt_harness import bybit_harness, ccxt_binance_harness, okx_harness
from core.testing.venues.harness import (
    backpack_harness,
    binance_harness,
    edgex_harness,
    hyperliquid_harness,
    lighter_harness,
)

TELLS_RIGHTS = {"binance": binance_harness, "ccxt-binance-usdm": ccxt_binance_harness}
PROVES = {
    "backpack": backpack_harness,
    "bybit": bybit_harness,
    "edgex": edgex_harness,
    "hyperliquid": hyperliquid_harness,
    "lighter": lighter_harness,
    "okx": okx_harness,
    **TELLS_RIGHTS,
}


@pytest.mark.parametrize("name", sorted(TELLS_RIGHTS))
async def test_a_withdraw_right_is_seen_in_the_middle(name, tmp_path):
    """The same key, accepted at login, is refused by its code once it may withdraw."""
    harness = TELLS_RIGHTS[name](tmp_path)
    await harness.start()
    try:
        await harness.exchange.prove()
        keys = harness.venue.keys
        keys.hmac = replace(keys.hmac, can_withdraw=True)
        keys.add(keys.hmac)
        with pytest.raises(AuthError) as refused:
            await harness.exchange.prove()
    finally:
        await harness.stop()

    assert refused.value.code == "WITHDRAW"


@pytest.mark.parametrize("name", sorted(PROVES))
async def test_a_key_can_be_proved_at_any_time(name, tmp_path):
    """Without a new login, and nothing about orders changes."""
    harness = PROVES[name](tmp_path)
    await harness.start()
    try:
        assert isinstance(harness.exchange, ProvesKeys)
        await harness.exchange.prove()
        still = harness.exchange.is_authenticated()
    finally:
        await harness.stop()

    assert still
    assert harness.venue.calls_of("create_order") == []
