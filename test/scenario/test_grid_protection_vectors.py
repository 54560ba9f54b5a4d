"""The protections' acceptance vectors, told as walks of the price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from core.adapters.exchanges.models import OrderSide, OrderStatus
from core.services.grid.ladder import build_ladder
from core.services.grid.protections.cycles import HOUR_NS, Cycles, cycle_apr
from core.services.grid.protections.equity import EquityLine
from core.services.grid.protections.reading import Ground
from core.services.grid.protections.scalping import exit_ticks
from core.services.grid.protections.settings import (
    CapitalSettings,
    ProtectionSettings,
    ScalpingSettings,
    SmartSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.protections.stop_loss import trigger_price
from core.services.grid.settings import GridSettings, GridType
from core.testing.grid_story import GridStory
from core.testing.grids import FREE, INSTRUMENT


def guarded(settings: GridSettings = FREE, **protections: object) -> GridSettings:
    """The same grid under protection."""
    return replace(settings, protections=ProtectionSettings(**protections))


def wide(grid_type: GridType = GridType.LONG, **protections: object) -> GridSettings:
    """A hundred levels, 1 apart, with a little on each."""
    settings = replace(
        FREE,
        grid_type=grid_type,
        lower_price=Decimal(1000),
        upper_price=Decimal(1100),
        order_amount=Decimal("0.1"),
    )
    return guarded(settings, **protections)


def price_at(settings: GridSettings, level: int) -> Decimal:
    """The price of a level."""
    return settings.instrument.price(build_ladder(settings).entry_price(level))


def ground(settings: GridSettings, line: EquityLine, position: str) -> Ground:
    """A ladder, a worth and a position."""
    return Ground(
        ladder=build_ladder(settings),
        tick=INSTRUMENT.tick_size,
        line=line,
        capital=Decimal(1000),
        position=Decimal(position),
        is_holding=True,
    )


@pytest.mark.parametrize("percent, level", [(80, 40), (40, 120), (1, 198), (100, 1)])
def test_vector_8_a_percentage_of_the_ladder_is_a_level(percent: int, level: int):
    """Of 200 levels, 80 % filled is level 40, in either direction."""
    for kind in (GridType.LONG, GridType.SHORT):
        settings = replace(FREE, grid_type=kind, grid_interval=Decimal("0.1"))
        line = EquityLine(base=Decimal(1000), slope=Decimal(0), taker_fee=Decimal(0))

        assert ground(settings, line, "0").trigger_level(percent) == level


@pytest.mark.parametrize(
    "side, percent, price",
    [
        (OrderSide.BUY, 10, 3900),
        (OrderSide.BUY, 95, 3050),
        (OrderSide.BUY, 100, 3000),
        (OrderSide.SELL, 10, 3100),
    ],
)
def test_vector_9_a_percentage_of_the_range_is_a_price(side: OrderSide, percent: int, price: int):
    """Measured from the favourable edge: 10 % of 3000 to 4000 is 3900 for a long grid."""
    found = trigger_price(Decimal(3000), Decimal(4000), Decimal(percent), side)

    assert found == price


@pytest.mark.parametrize("pnl, price", [(-105, "104"), (-75, "102")])
def test_vector_10_the_exit_stands_beyond_break_even(pnl: int, price: str):
    """15 units at 95 that lost 105 break even at 102, level 13, and leave at level 15."""
    worth = Decimal(1000 + pnl)
    line = EquityLine(base=worth - 15 * 95, slope=Decimal(15), taker_fee=Decimal(0))
    found = exit_ticks(ground(FREE, line, "15"), ScalpingSettings(), 1)

    assert found == Decimal(price) * 10


def test_vector_10_is_what_a_fall_to_95_leads_to():
    """Straight down to 95: the exits of 15 slots become one order to sell 15 at 104."""
    story = GridStory(guarded(scalping=ScalpingSettings(trigger_percent=70)))
    story.price("109.5")
    story.price("95.6")
    assert story.machine.position == 14
    story.price("94.9")

    assert story.machine.position == 15
    order = story.orders[story.find("sell 104")].command
    assert order.amount == 15_000
    assert order.reduce_only
    assert [text for text in story.resting() if text.startswith("sell")] == ["sell 104"]
    assert story.residual() == 0


def test_vector_11_the_short_mirror_buys_back_below_break_even():
    """15 units short at 98 on average, price 105, worth 895: 98 is level 13, the exit 96."""
    settings = replace(FREE, grid_type=GridType.SHORT)
    line = EquityLine(base=Decimal(895) + 15 * 105, slope=Decimal(-15), taker_fee=Decimal(0))

    assert exit_ticks(ground(settings, line, "-15"), ScalpingSettings(), 1) == 960


def test_vector_11_is_what_a_rise_to_105_leads_to():
    """Straight up to 105: one order to buy 15 back at 96."""
    settings = replace(FREE, grid_type=GridType.SHORT)
    story = GridStory(guarded(settings, scalping=ScalpingSettings(trigger_percent=70)))
    story.price("90.5")
    story.price("105.1")

    assert story.machine.position == -15
    order = story.orders[story.find("buy 96")].command
    assert (order.amount, order.reduce_only) == (15_000, True)
    assert story.residual() == 0


SMART = ScalpingSettings(trigger_percent=50, smart=SmartSettings())


@pytest.mark.parametrize("grid_type", [GridType.LONG, GridType.SHORT])
@pytest.mark.parametrize(
    "allowed, levels, ready_at",
    [
        (1, [70, 48, 30, 20, 40, 52, 55, 19], 55),
        (2, [70, 48, 30, 52, 55, 28, 20, 31, 33, 19], 33),
    ],
)
def test_vectors_12_and_13_smart_scalping_lets_deep_drops_pass(
    grid_type: GridType, allowed: int, levels: list[int], ready_at: int
):
    """It is ready once the last allowed drop has rebounded, and scalps below its extreme."""
    smart = replace(SMART, smart=SmartSettings(allowed_drops=allowed, min_drop_percent=10))
    settings = wide(grid_type, scalping=smart)
    story = GridStory(settings)
    armed = []
    for before, level in pairwise([levels[0], *levels]):
        story.price(price_at(settings, level))
        if story.lines("protection.armed") and not armed:
            armed.append(level)
        assert not story.machine.is_scalping or level == 19, (before, level)

    assert armed == [ready_at]
    assert story.lines("protection.armed")[0]["reason"] == (
        f"{allowed} deep drops, scalps at level 20"
    )
    assert story.machine.is_scalping
    (line,) = story.lines("protection.triggered")
    assert (line["protection"], line["level"]) == ("smart_scalping", 19)
    assert story.residual() == 0


def test_a_shallow_dip_is_no_drop():
    """48 to 45 and back is 5 % of the ladder, less than 10: nothing is counted."""
    settings = wide(scalping=SMART)
    story = GridStory(settings)
    for level in (70, 48, 45, 52, 55, 40, 20):
        story.price(price_at(settings, level))

    assert story.lines("protection.armed") == []
    assert not story.machine.is_scalping


@pytest.mark.parametrize("grid_type", [GridType.LONG, GridType.SHORT])
@pytest.mark.parametrize("worth, fires", [("1004.99", False), ("1005", True)])
def test_vector_14_take_profit_fires_at_its_fraction(grid_type: GridType, worth: str, fires: bool):
    """With a capital of 1000 and 0.005, a worth of 1004.99 is not enough and 1005 is."""
    told = TakeProfitSettings(fraction=Decimal("0.005"))
    settings = replace(FREE, grid_type=grid_type, reverse_order_grid_distance=9)
    story = GridStory(guarded(settings, take_profit=told))
    story.price("100")
    held = story.machine.position
    story.price(100 + (Decimal(worth) - 1000) / held)
    story.wait(1.9)
    assert story.lines("grid.reset") == []
    story.wait(0.2)

    assert [line["reason"] for line in story.lines("grid.reset")] == ["take_profit"] * fires
    assert story.residual() == 0


@pytest.mark.parametrize("grid_type", [GridType.LONG, GridType.SHORT])
def test_vector_15_capital_protection_arms_at_its_level(grid_type: GridType):
    """Of 100 levels, 30 %: level 71 does nothing, level 70 arms."""
    settings = wide(grid_type, capital=CapitalSettings(trigger_percent=30))
    story = GridStory(settings)
    story.price(price_at(settings, 100))
    story.price(price_at(settings, 71))
    assert story.lines("protection.armed") == []
    story.price(price_at(settings, 70))

    (line,) = story.lines("protection.armed")
    assert (line["protection"], line["level"]) == ("capital_protection", 70)


def test_vector_16_a_rate_of_round_trips():
    """0.08 a trip on 20,000: 60 in two hours are 105.19 % a year, 4 in ten minutes 84.15 %."""
    each, capital = Decimal("0.08"), Decimal(20_000)

    assert round(cycle_apr(60 * each, 2 * HOUR_NS, capital), 2) == Decimal("105.19")
    cycles = Cycles()
    cycles.begin(0)
    for second in (3700, 3800, 3900, 4000):
        cycles.add(second * 10**9, each)
    assert round(cycles.apr(4100 * 10**9, capital) or 0, 2) == Decimal("84.15")


def test_vector_16_counts_only_what_is_inside_the_window():
    """Ten minutes after the last round trip the rate is zero, whatever was earned before."""
    cycles = Cycles()
    cycles.begin(0)
    cycles.add(4000 * 10**9, Decimal(1))

    assert cycles.apr(4600 * 10**9, Decimal(20_000)) == 0
    assert cycles.apr(500 * 10**9, Decimal(20_000)) is None


def test_vector_20_a_cancelled_exit_is_placed_again_and_nothing_is_bought_at_market():
    """The exit at 99 was cancelled by somebody else: its slot gets it again, and that is all."""
    settings = replace(FREE, lower_price=Decimal(97), upper_price=Decimal(100))
    story = GridStory(settings)
    for price in ("99.5", "98.9", "97.9"):
        story.price(price)
    assert story.resting() == ["buy 97", "sell 99", "sell 100"]
    story.end(story.find("sell 99"), OrderStatus.CANCELED)

    assert story.resting() == ["buy 97", "sell 99", "sell 100"]
    assert story.machine.position == 2
    assert all(order.command.price is not None for order in story.orders.values())


def test_stop_loss_is_one_rule_for_both_directions():
    """The trigger of a short grid is the mirror of that of a long one."""
    for kind, start, beyond in (
        (GridType.LONG, "109.5", "94.9"),
        (GridType.SHORT, "90.5", "105.1"),
    ):
        settings = replace(FREE, grid_type=kind)
        told = StopLossSettings(trigger_percent=Decimal(75), timeout_s=30)
        story = GridStory(guarded(settings, stop_loss=told))
        story.price(start)
        story.price(beyond)
        story.price(beyond)
        story.wait(28)
        assert not story.machine.is_stopped
        story.wait(2)

        assert story.machine.is_stopped
        assert story.machine.position == 0
        assert story.resting() == []
        assert story.residual() == 0
