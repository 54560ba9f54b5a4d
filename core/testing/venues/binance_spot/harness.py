"""The adapter connected to the loopback Binance spot, as the contract suite asks for one."""

from __future__ import annotations

from pathlib import Path

from core.adapters.exchanges.credentials import Credentials, Secret
from core.testing.venue import SPOT
from core.testing.venues.binance_spot.rest import UID
from core.testing.venues.binance_spot.venue import BinanceSpotVenue
from core.testing.venues.harness import LoopbackHarness

MAIN_SYMBOL = SPOT
"""What stands for the suite's perpetual."""
_MARGIN = "spot has neither margin nor positions"
_REDUCE = "spot has no reduce-only orders"
_SHORT = "spot sells what is there, and the account begins without any"
CANNOT = {
    "test_the_ticker_is_the_newest_price": "spot has no mark price",
    "test_funding_rates_are_for_perpetuals": "spot has no funding",
    "test_a_market_order_takes_level_by_level": _SHORT,
    "test_reduce_only_never_opens": _REDUCE,
    "test_reduce_only_never_turns_a_position": _REDUCE,
    "test_a_resting_reduce_only_order_goes_with_the_position": _REDUCE,
    "test_cancel_all_keeps_to_its_symbol": "the venue has this one market",
    "test_a_position_is_the_sum_of_its_fills": _MARGIN,
    "test_equity_changes_by_results_and_fees_alone": _MARGIN,
    "test_margin_in_use_is_not_free": _MARGIN,
    "test_what_the_account_cannot_carry_is_refused": _MARGIN,
    "test_settings_are_read_back": _MARGIN,
    "test_the_private_stream_tells_a_life_in_order": _MARGIN,
    "test_stream_and_queries_agree_on_fills": _SHORT,
}
"""Test of the contract suite -> why a spot market cannot do what it asks for."""


def binance_spot_harness(path: Path) -> LoopbackHarness:
    """Binance spot with an HMAC key."""
    from core.adapters.exchanges.binance.adapter import BinanceExchange

    del path
    venue = BinanceSpotVenue()
    return LoopbackHarness(
        venue,
        lambda doors: BinanceExchange(doors, markets={"spot"}),
        lambda: {
            "spot_rest": venue.rest_url,
            "spot_public": venue.public_url,
            "spot_orders": venue.api_url,
            "account": venue.rest_url,
        },
        lambda: Credentials(
            venue="binance",
            account=str(UID),
            key=venue.key.api_key,
            secret=Secret(venue.key.secret),
        ),
    )
