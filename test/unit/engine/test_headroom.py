"""Before a bot with real money starts: what the venue is asked, and what is said of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import BalanceData
from core.engine.headroom import require_headroom
from core.engine.protocol import StartBot
from core.errors import ExitCode, MarginShort
from core.wiring.doors import Doors

D = Decimal
FILE = """
grid_system:
  exchange: hyperliquid
  symbol: BTC-USDC-PERP
  grid_type: {kind}
  grid_interval: "50"
  order_amount: "{amount}"
  leverage: 10
  {shape}
"""
RANGE = 'price_range: {lower_price: "117800", upper_price: "118200"}'


class Account:
    """A venue of which only the account is asked."""

    def __init__(self, equity):
        self.equity = D(equity)
        self.asked = []

    async def get_balances(self):
        """USDC alone."""
        self.asked.append("balances")
        return [BalanceData(venue="v", asset="USDC", total=self.equity, free=self.equity)]

    async def get_positions(self):
        """None."""
        self.asked.append("positions")
        return []

    async def get_open_orders(self):
        """None."""
        self.asked.append("orders")
        return []


def plan(name="a", amount="0.01", kind="long", shape=RANGE):
    """A bot's plan, as the engine reads it."""
    text = FILE.format(kind=kind, amount=amount, shape=shape)
    return Doors().read(StartBot(app="grid", path=f"{name}.yaml", text=text))


async def test_a_plan_that_fits_starts():
    """Eight levels of 0.01 at leverage 10 need about 944."""
    venue = Account(950)
    await require_headroom(plan(), [], venue)

    assert venue.asked == ["balances", "positions", "orders"]


async def test_a_plan_that_does_not_is_refused_with_what_would_fit():
    """The amounts, the order amount that fits, and what else can be done; exit code 5."""
    with pytest.raises(MarginShort, match="b was not started: the account is worth 1000 USDC") as e:
        await require_headroom(plan("b", "0.02"), [plan("a", "0.005")], Account(1000))

    assert e.value.exit_code is ExitCode.RISK
    assert "for a (BTC-USDC-PERP)" in str(e.value)
    assert "An order_amount of 0.0055" in str(e.value) or "An order_amount of 0.005" in str(e.value)
    await require_headroom(plan("b", "0.005"), [plan("a", "0.005")], Account(1000))


async def test_whoever_accepts_it_by_name_may_start():
    """Other collateral than the settlement asset is not counted, and a person knows better."""
    short = replace(plan("b", "0.02"), is_margin_accepted=True)

    await require_headroom(short, [], Account(1))


def test_the_file_is_where_it_is_accepted():
    """`acknowledge: [margin_short]`."""
    accepted = plan(shape=f"{RANGE}\n  acknowledge: [margin_short]")

    assert accepted.is_margin_accepted
    assert not plan().is_margin_accepted
