"""An answer about a key that cannot be read says nothing about the key (reliability V30, V26)."""

from copy import deepcopy
from pathlib import Path

import pytest

from core.errors import MalformedMessage
from core.testing.venues.binance_spot.harness import binance_spot_harness
from core.testing.venues.ccxt_harness import (
    bybit_harness,
    ccxt_binance_harness,
    ccxt_hyperliquid_harness,
    okx_harness,
)
from core.testing.venues.harness import (
    backpack_harness,
    binance_harness,
    hyperliquid_harness,
)


def without(*path):
    """What a venue says, less one word; a number leads into a list."""

    def change(body):
        where = body = deepcopy(body)
        for step in path[:-1]:
            where = where[step]
        assert path[-1] in where
        del where[path[-1]]
        return body

    return change


def garbage(_body):
    """JSON, and nothing that the venue ever said."""
    return {"a": [1, {}]}


@pytest.mark.parametrize(
    "make, call, change",
    [
        (binance_harness, "get_key_rights", without("enableWithdrawals")),
        (binance_harness, "get_key_rights", without("enableFutures")),
        (binance_harness, "get_key_rights", garbage),
        (binance_harness, "get_position_mode", without("dualSidePosition")),
        (binance_harness, "get_position_mode", garbage),
        (binance_harness, "get_balances", without(0, "accountAlias")),
        (binance_harness, "get_balances", garbage),
        (binance_spot_harness, "get_key_rights", without("enableWithdrawals")),
        (binance_spot_harness, "get_balances", without("uid")),
        (hyperliquid_harness, "get_key_rights", without("role")),
        (hyperliquid_harness, "get_key_rights", without("data")),
        (backpack_harness, "get_positions", garbage),
        (ccxt_binance_harness, "get_key_rights", without("enableWithdrawals")),
        (ccxt_binance_harness, "get_position_mode", without("dualSidePosition")),
        (ccxt_hyperliquid_harness, "get_key_rights", without("role")),
        (bybit_harness, "get_key", without("result", "permissions")),
        (bybit_harness, "get_key", without("result", "permissions", "Wallet")),
        (bybit_harness, "get_key", without("result", "userID")),
        (okx_harness, "get_account", without("data", 0, "perm")),
        (okx_harness, "get_account", without("data", 0, "posMode")),
        (okx_harness, "get_account", without("data", 0, "uid")),
    ],
)
async def test_a_word_that_is_missing_is_no_word_about_the_key(make, call, change):
    """Refused as unreadable, never as a key that may withdraw, hedges, or is another account's."""
    harness = make(Path())
    await harness.start()
    try:
        harness.venue.faults.alter_answer(call, change)
        with pytest.raises(MalformedMessage):
            await harness.exchange.prove()
        await harness.exchange.prove()  # and the next answer, which can be read, is believed
    finally:
        await harness.stop()
