"""A second bot with real money on one account: both are held against what it is worth."""

import os
import re
import subprocess

import pytest
from live import LiveRun, LiveSpec
from live_days import FIRST_PRICE, addresses

from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings
from core.errors import ExitCode
from core.testing.venues.hyperliquid.venue import HyperliquidVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

SMALL = LiveSpec(
    venue="hyperliquid",
    make=lambda: HyperliquidVenue(
        instruments=list(load_instruments("hyperliquid").values()),
        settings=PaperSettings(initial_balance=1_000, latency_ms=0),
        first_price=None,
    ),
    urls=addresses,
    keys=lambda venue: {
        "account": venue.wallets.main.address,
        "secret": venue.wallets.agent.secret,
    },
    symbol="BTC-USDC-PERP",
    first_price=FIRST_PRICE,
    grid="""
        grid_type: long
        grid_interval: "50"
        order_amount: "0.001"
        leverage: 1
        price_range: {lower_price: "117800", upper_price: "118200"}
        initial_fill: passive_only
        acknowledge: [losing_grid]
    """,
)
"""Eight levels of 0.001 BTC at leverage 1: about 944 of the 1,000 USDC."""
SECOND = """
grid_system:
  exchange: hyperliquid
  name: second
  symbol: ETH-USDC-PERP
  grid_type: long
  grid_interval: "10"
  order_amount: "{amount}"
  leverage: 1
  price_range: {{lower_price: "3900", upper_price: "3940"}}
  initial_fill: passive_only
  risk: {{daily_loss: "100"}}
"""


def start_second(run, amount):
    """`ctos grid FILE --live --detach`, the word typed; the finished command."""
    path = run.home / "second.yaml"
    path.write_text(SECOND.format(amount=amount))
    keyboard, stdin = os.openpty()
    os.write(keyboard, b"hyperliquid\n")
    try:
        return subprocess.run(
            [*SMALL.program, "grid", str(path), "--live", "--detach"],
            env=run.environ, stdin=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(keyboard)
        os.close(stdin)


def test_a_second_bot_that_the_account_cannot_carry_is_refused_by_its_amounts(tmp_path):
    """The first bot's whole plan counts; what would fit is named, starts, and nothing else does."""
    with LiveRun(tmp_path / "home", SMALL) as run:
        run.on_venue(lambda venue: venue.trade("3950", symbol="ETH-USDC-PERP"))
        run.start()
        run.agreed()
        before = run.on_venue(lambda venue: len(venue.calls_of("create_order")))
        refused = start_second(run, "0.1")
        after = run.on_venue(lambda venue: len(venue.calls_of("create_order")))
        accepted = start_second(run, "0.003")

    assert refused.returncode == ExitCode.RISK, refused.stderr
    assert "second was not started: the account is worth 1000 USDC" in refused.stderr
    assert re.search(r"94\d\.?\d* for target \(BTC-USDC-PERP\)", refused.stderr)
    assert "An order_amount of 0.0035 would fit" in refused.stderr
    assert after == before
    assert accepted.returncode == ExitCode.OK, accepted.stderr
