"""Where limits come from."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from core.services.risk.config import RiskConfig
from core.services.risk.limits import Limits, PlanLimits, require_for_live, tighter, with_plan

PLAN = PlanLimits(order_notional=Decimal(900), position=Decimal(5), open_orders=12)


def test_the_tighter_of_two_files_wins():
    """Limit by limit; a limit beats none."""
    first = Limits(order_notional=Decimal(10), open_orders=5, daily_loss=Decimal(3))
    second = Limits(order_notional=Decimal(20), open_orders=4, position=Decimal(1))

    assert tighter(first, second) == Limits(
        order_notional=Decimal(10), open_orders=4, daily_loss=Decimal(3), position=Decimal(1)
    )


def test_what_nobody_wrote_follows_the_plan():
    """What somebody wrote stays, larger or smaller than the plan."""
    limits = with_plan(Limits(position=Decimal(9)), PLAN)

    assert (limits.order_notional, limits.position) == (Decimal(900), Decimal(9))
    assert (limits.open_orders, limits.orders_per_minute) == (12, None)
    assert (limits.price_distance, limits.daily_loss) == (None, None)


def test_the_block_becomes_limits():
    """Numbers are bare or quoted; a position that somebody wrote is marked."""
    block = RiskConfig.model_validate({"position": "0.5", "open_orders": 7, "daily_loss": "20"})

    assert block.limits() == Limits(
        position=Decimal("0.5"),
        open_orders=7,
        daily_loss=Decimal(20),
        is_position_configured=True,
    )


@pytest.mark.parametrize(
    "block",
    [
        {"positon": "1"},
        {"position": "0"},
        {"open_orders": True},
        {"daily_loss": "NaN"},
        {"price_distance": "1.5"},
    ],
)
def test_a_bad_block_is_refused(block: dict[str, object]):
    """Misspelt, zero, boolean, not a number, no fraction."""
    with pytest.raises(ValidationError):
        RiskConfig.model_validate(block)


def test_live_needs_a_daily_loss():
    """Real money without it is refused with what to write."""
    require_for_live(Limits(daily_loss=Decimal(1)))

    with pytest.raises(ConfigError, match=r"risk\.daily_loss"):
        require_for_live(Limits())
