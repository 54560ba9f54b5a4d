"""What a file says reaches the parts that act by it."""

from __future__ import annotations

from decimal import Decimal

from core.engine.protocol import StartBot
from core.services.execution.tracked import Schedule
from core.wiring.doors import Doors

HEALTH = """
grid_system:
  exchange: paper
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: 10
  order_amount: "0.01"
  price_range: {lower_price: 1000, upper_price: 1100}
  order_health_check_interval: 90
  health_check_snapshot_count: 4
  rest_position_query_interval: 17
  position_tolerance: {tolerance_multiplier: 2}
"""


def test_every_health_key_reaches_the_comparisons():
    """How often, how many equal answers, and what is not worth an alarm."""
    plan = Doors().read(StartBot(app="grid", path="health.yaml", text=HEALTH))

    assert plan.schedule == Schedule(
        health_check_s=90.0,
        position_query_s=17.0,
        position_tolerance=Decimal("0.02"),
        equal_answers=4,
    )


def test_without_comparisons_only_the_position_is_asked_for():
    """`order_health_check_enabled: false` leaves the question for the position."""
    text = f"{HEALTH}  order_health_check_enabled: false\n"
    plan = Doors().read(StartBot(app="grid", path="health.yaml", text=text))

    assert (plan.schedule.health_check_s, plan.schedule.position_query_s) == (None, 17.0)
