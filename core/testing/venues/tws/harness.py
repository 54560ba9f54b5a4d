"""The adapter connected to the loopback TWS, as the contract suite asks for one."""

from __future__ import annotations

from pathlib import Path

from core.adapters.exchanges.credentials import Credentials
from core.testing.venues.harness import LoopbackHarness
from core.testing.venues.tws.contracts import TEST
from core.testing.venues.tws.venue import TwsVenue

MAIN_SYMBOL = TEST
"""What stands for the suite's perpetual: a stock that may be sold short."""
CANNOT = {
    "test_post_only_is_refused_where_it_would_take": "IBKR has no post-only orders",
    "test_reduce_only_never_opens": "IBKR has no reduce-only orders",
    "test_reduce_only_never_turns_a_position": "IBKR has no reduce-only orders",
    "test_a_resting_reduce_only_order_goes_with_the_position": "IBKR has no reduce-only orders",
    "test_settings_are_read_back": "IBKR sets no leverage of a contract",
}
"""Test of the contract suite -> why IBKR cannot do what it asks for."""


def ibkr_harness(path: Path) -> LoopbackHarness:
    """A paper account at TWS."""
    from core.adapters.exchanges.ibkr.adapter import IbkrExchange

    del path
    venue = TwsVenue()
    return LoopbackHarness(
        venue,
        lambda doors: IbkrExchange(doors, symbols=[TEST]),  # type: ignore[arg-type, return-value] # it has the hub that a harness looks into
        lambda: {"tws": venue.url},
        lambda: Credentials(venue="ibkr", account=venue.account),
    )
