"""The plan's numbers, reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType
from core.errors import ConfigError
from core.services.grid.ladder import build_ladder
from core.services.grid.plan import make_plan, plan_limits
from core.services.grid.settings import GridSettings, GridType, StopAction, TargetSettings
from core.testing import grids

INSTRUMENT = replace(grids.INSTRUMENT, maintenance_margin_rate=Decimal("0.01"))
LONG = GridSettings(
    instrument=INSTRUMENT,
    grid_type=GridType.LONG,
    grid_interval=Decimal(2),
    order_amount=Decimal("0.5"),
    lower_price=Decimal(190),
    upper_price=Decimal(196),
    price_step=INSTRUMENT.tick_size,
    amount_step=INSTRUMENT.lot_size,
    maker_fee=Decimal("0.001"),
    taker_fee=Decimal("0.002"),
    leverage=Decimal(4),
    collateral=Decimal(100),
)


def test_the_json_has_exactly_the_promised_keys_and_numbers():
    """Levels 190, 192, 194 of 0.5: capital 288, everything else follows from it."""
    assert make_plan(LONG).as_json() == {
        "grid_type": "long",
        "symbol": "TEST-USDC-PERP",
        "levels": [
            {"level": 1, "side": "buy", "price": "190", "amount": "0.5", "exit_price": "192"},
            {"level": 2, "side": "buy", "price": "192", "amount": "0.5", "exit_price": "194"},
            {"level": 3, "side": "buy", "price": "194", "amount": "0.5", "exit_price": "196"},
        ],
        "capital": "288",
        "margin": "72",
        "total_amount": "1.5",
        "profit_per_round_trip": {"min": "1", "max": "1"},
        "fee_per_round_trip": {"min": "0.191", "max": "0.195"},
        "worst_case_loss": "6.288",
        "liquidation_price": "126.5993265993265993265993266",
        "warnings": [],
    }


def test_a_short_plan_is_the_mirror_image():
    """Level 1 is the highest price; the worst case lies above it."""
    plan = make_plan(replace(LONG, grid_type=GridType.SHORT))

    assert [(item.level, item.price, item.exit_price) for item in plan.levels] == [
        (1, 196, 194),
        (2, 194, 192),
        (3, 192, 190),
    ]
    assert plan.capital == 291
    assert plan.worst_case_loss == Decimal("6.291")
    assert plan.liquidation_price == (291 + 100) / (Decimal("1.5") * Decimal("1.01"))


def test_spot_has_no_liquidation_and_needs_its_capital():
    """Nothing is borrowed."""
    spot = replace(INSTRUMENT, market_type=ExchangeType.SPOT)
    plan = make_plan(replace(LONG, instrument=spot, leverage=Decimal(1)))

    assert plan.liquidation_price is None
    assert plan.margin == plan.capital == 288


def test_a_collateral_beyond_the_capital_cannot_be_liquidated():
    """No price above zero would do it."""
    assert make_plan(replace(LONG, collateral=Decimal(10_000))).liquidation_price is None


def test_a_follow_plan_needs_a_price():
    """It computes its range from it."""
    settings = replace(
        LONG,
        grid_type=GridType.FOLLOW_LONG,
        lower_price=None,
        upper_price=None,
        follow_grid_count=5,
    )
    with pytest.raises(ConfigError, match="--price"):
        make_plan(settings)
    plan = make_plan(settings, Decimal(200))

    assert [item.price for item in plan.levels] == [190, 192, 194, 196, 198]


def test_a_follow_range_at_or_below_zero_is_refused():
    """Five levels of 2 below a price of 9."""
    settings = replace(
        LONG,
        grid_type=GridType.FOLLOW_LONG,
        lower_price=None,
        upper_price=None,
        follow_grid_count=5,
    )
    with pytest.raises(ConfigError, match="fewer levels"):
        make_plan(settings, Decimal(9))


def test_a_martingale_has_a_smallest_and_a_largest_profit():
    """Profit and fee grow with the amount."""
    plan = make_plan(replace(LONG, martingale_increment=Decimal("0.1")))

    assert [item.amount for item in plan.levels] == [
        Decimal("0.7"),
        Decimal("0.6"),
        Decimal("0.5"),
    ]
    assert (plan.profit_per_round_trip.min, plan.profit_per_round_trip.max) == (1, Decimal("1.4"))
    assert plan.total_amount == Decimal("1.8")


@pytest.mark.parametrize(
    "change, code",
    [
        ({"upper_price": Decimal("197.5")}, "unused_range"),
        ({"martingale_increment": Decimal("0.0004")}, "amount_collision"),
        ({"order_amount": Decimal("0.5004")}, "amount_cut"),
        ({"configured_fee_rate": Decimal("0.0005")}, "fee_rate_differs"),
        ({"collateral": Decimal(71)}, "margin_above_balance"),
        ({"collateral": Decimal(3), "leverage": Decimal(20)}, "liquidation_inside_range"),
    ],
)
def test_what_one_should_know_is_a_warning(change: dict[str, Decimal], code: str):
    """Each has a code for scripts and a sentence for people."""
    plan = make_plan(replace(LONG, **change))
    warnings = {warning.code: warning.message for warning in plan.warnings}

    assert code in warnings
    assert warnings[code].endswith(".")


def test_risk_is_told_what_the_ladder_needs():
    """All levels filled and closed in one order at the exits, with the cap of the first order."""
    limits = plan_limits(LONG, build_ladder(LONG))

    assert limits.position == Decimal("1.5")
    assert limits.order_notional == (192 + 194 + 196) * Decimal("0.5") * Decimal("1.002")
    assert limits.open_orders == 5


NEUTRAL = replace(LONG, grid_type=GridType.NEUTRAL, upper_price=Decimal(198))


def test_a_neutral_plan_counts_the_side_that_needs_more():
    """Lines 190 to 198, split at 194: buys at 190 and 192, sells at 196 and 198."""
    plan = make_plan(NEUTRAL, Decimal(194))

    assert [(each.side.value, each.price, each.exit_price) for each in plan.levels] == [
        ("buy", 190, 192),
        ("buy", 192, 194),
        ("sell", 196, 194),
        ("sell", 198, 196),
    ]
    assert (plan.capital, plan.total_amount, plan.start_price) == (197, 1, 194)
    # Sold at 196 and 198 and bought back at 200: 3, and the fees of the entries.
    assert plan.worst_case_loss == Decimal("3.197")
    assert plan.liquidation_price == (191 - Decimal(100)) / Decimal("0.99")
    assert plan.liquidation_price_above == (197 + Decimal(100)) / Decimal("1.01")
    found = plan.as_json()
    assert found["start_price"] == "194"
    assert {"liquidation_price_above", "start_price"} <= found.keys()


def test_the_limits_of_a_neutral_grid_are_those_of_one_side():
    """Both sides never fill together."""
    limits = plan_limits(NEUTRAL, build_ladder(NEUTRAL, Decimal(194)))

    assert limits.position == 1
    assert limits.open_orders == 4 + 2


def test_a_geometric_plan_states_its_profit_as_a_range():
    """Ten percent a line: 10 to 12.1 on lines from 100, 8.9 % to 9 % after fees."""
    settings = replace(
        LONG,
        grid_interval=Decimal(0),
        grid_ratio=Decimal("1.1"),
        grid_count=3,
        lower_price=Decimal(100),
        upper_price=Decimal("133.1"),
        order_amount=Decimal(1),
    )
    found = make_plan(settings).as_json()

    assert found["profit_per_round_trip"] == {"min": "10", "max": "12.1"}
    assert found["net_profit_per_round_trip"] == {"min": "9.79", "max": "11.8459"}
    assert found["return_per_round_trip"] == {"min": "0.097900", "max": "0.097900"}
    assert found["grid_ratio"] == "1.1"
    # 331 paid at 100, 110 and 121, worth 3 · 90.9 one line below, and fees of 0.331.
    assert found["worst_case_loss"] == "58.631"


def test_an_infinity_plan_buys_the_series_above_at_once():
    """Levels worth 90 at 100: lines from 99.4 up belong to what is bought."""
    settings = replace(
        LONG,
        grid_type=GridType.INFINITY,
        grid_interval=Decimal(0),
        grid_ratio=Decimal("1.02"),
        order_value=Decimal(90),
        lower_price=Decimal(90),
        upper_price=None,
    )
    plan = make_plan(settings, Decimal(100))

    assert plan.initial_amount is not None
    assert plan.initial_cost == plan.initial_amount * 100
    # 90 · 1.02 / 0.02 = 4590 at the first line above the price, 101.4.
    assert abs(plan.initial_amount * Decimal("101.4") - 4590) < 2
    below = [each for each in plan.levels if each.price < 100]
    assert plan.capital == plan.initial_cost + sum(each.entry_value for each in below)
    limits = plan_limits(settings, build_ladder(settings, Decimal(100)))
    assert limits.position >= plan.total_amount
    with pytest.raises(ConfigError, match="--price P"):
        make_plan(settings)


def test_what_begins_moves_grows_and_ends_a_grid_is_in_its_plan():
    """Only what the file says, under its own names."""
    settings = replace(
        LONG,
        trigger_price=Decimal(195),
        trailing_up=True,
        active_window=3,
        is_compounding=True,
        profit_reserve_percent=Decimal(20),
        bot_stop_loss=TargetSettings(fraction=Decimal("0.15"), action=StopAction.CANCEL),
    )

    assert make_plan(LONG).course == ()
    assert make_plan(settings).as_json()["course"] == {
        "trigger_price": "195",
        "trailing_up": True,
        "trailing_up_limit": None,
        "active_window_grids": "3",
        "compounding": True,
        "profit_reserve_percent": "20",
        "bot_stop_loss_percent": "15",
        "bot_stop_loss_action": "cancel",
        "bot_stop_loss_after": "stop",
    }


def test_a_grid_that_cannot_be_paid_for_is_told_what_could():
    """It needs 72 of margin and has 36: half the amount would fit."""
    [warning] = make_plan(replace(LONG, collateral=Decimal(36))).warnings[:1]

    assert warning.code == "margin_above_balance"
    assert warning.message.endswith("With an order_amount of 0.25 it would.")
