"""The venues that the contract suite holds to the interface's promises."""

from pathlib import Path

import pytest

from core.testing.venue import PaperHarness, VenueHarness
from core.testing.venues.binance_spot import harness as binance_spot
from core.testing.venues.ccxt_harness import (
    bybit_harness,
    ccxt_backpack_harness,
    ccxt_binance_harness,
    ccxt_binance_spot_harness,
    ccxt_hyperliquid_harness,
    ccxt_lighter_harness,
    okx_harness,
)
from core.testing.venues.harness import (
    backpack_harness,
    binance_harness,
    edgex_harness,
    hyperliquid_harness,
    lighter_harness,
)
from core.testing.venues.tws.harness import CANNOT, MAIN_SYMBOL, ibkr_harness

VENUES = {
    "backpack": backpack_harness,
    "binance": binance_harness,
    "binance-spot": binance_spot.binance_spot_harness,
    "bybit": bybit_harness,
    "ccxt-backpack": ccxt_backpack_harness,
    "ccxt-binance": ccxt_binance_spot_harness,
    "ccxt-binance-usdm": ccxt_binance_harness,
    "ccxt-hyperliquid": ccxt_hyperliquid_harness,
    "ccxt-lighter": ccxt_lighter_harness,
    "edgex": edgex_harness,
    "hyperliquid": hyperliquid_harness,
    "ibkr": ibkr_harness,
    "lighter": lighter_harness,
    "okx": okx_harness,
    "paper": PaperHarness,
}


@pytest.fixture(params=sorted(VENUES))
def venue(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> VenueHarness:
    """A harness that has not started yet."""
    if request.param == "ibkr":
        reason = CANNOT.get(request.node.originalname)
        if reason is not None:
            pytest.skip(reason)
        monkeypatch.setattr(request.module, "PERP", MAIN_SYMBOL)
        for send in (request.module.limit, request.module.market):
            monkeypatch.setitem(send.__kwdefaults__, "symbol", MAIN_SYMBOL)
    if request.param in {"binance-spot", "ccxt-binance"}:
        reason = binance_spot.CANNOT.get(request.node.originalname)
        if reason is not None:
            pytest.skip(reason)
        monkeypatch.setattr(request.module, "PERP", binance_spot.MAIN_SYMBOL)
        for send in (request.module.limit, request.module.market):
            monkeypatch.setitem(send.__kwdefaults__, "symbol", binance_spot.MAIN_SYMBOL)
    return VENUES[request.param](tmp_path / "venue.db")
