"""A reserve of the base asset on spot: bought, used by fees, filled up, and never sold."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument
from core.domain.events import Act
from core.services.grid.outcome import closing_line
from core.services.grid.protections.settings import (
    ProtectionSettings,
    ReserveSettings,
    ScalpingSettings,
    TakeProfitSettings,
)
from core.services.grid.settings import GridSettings, GridType
from core.services.grid.snapshot import GridPhase
from core.testing.grid_story import GridStory

SPOT = Instrument(
    symbol="TEST-USDC-SPOT",
    venue="paper",
    market_type=ExchangeType.SPOT,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    fee_asset=FeeAsset.BASE,
)
RESERVE = ReserveSettings(amount=Decimal("0.2"))


def grid(reserve: ReserveSettings | None = RESERVE, **protections: object) -> GridSettings:
    """Twenty levels from 90 to 109 that buy 1 each and pay 1 % of it in base."""
    return GridSettings(
        instrument=SPOT,
        grid_type=GridType.LONG,
        grid_interval=Decimal(2),
        order_amount=Decimal(1),
        lower_price=Decimal(90),
        upper_price=Decimal(110),
        price_step=SPOT.tick_size,
        amount_step=SPOT.lot_size,
        maker_fee=Decimal("0.01"),
        taker_fee=Decimal("0.01"),
        is_loss_accepted=True,
        protections=ProtectionSettings(reserve=reserve, **protections),
    )


def exits(story: GridStory) -> list[int]:
    """Lots of every exit that rests."""
    return [item.command.amount for item in story.orders.values() if item.command.side == "sell"]


def tell(settings: GridSettings, *prices: str) -> GridStory:
    """A grid and a walk, ten seconds from price to price."""
    story = GridStory(settings)
    for price in prices:
        story.price(price, after_s=10)
        assert story.residual() == 0
        assert story.machine.dump() == story.state
    return story


def test_without_a_reserve_less_is_sold_than_was_bought():
    """The fee leaves 0.99 of each purchase, and that is what the exit sells."""
    assert exits(tell(grid(None), "110.5", "107.5", "105.5")) == [990, 990]


def test_with_a_reserve_the_whole_amount_is_sold():
    """What the fee took comes out of the reserve, parcel by parcel."""
    story = tell(grid(), "110.5", "107.5", "105.5")

    assert exits(story) == [1000, 1000]
    bought = Decimal("0.2") * Decimal("0.99")
    assert story.machine.reserve_left == bought - Decimal("0.02")
    assert story.machine.position == story.account.base


def test_the_reserve_is_bought_before_the_ladder():
    """The first order buys it at market; the ladder follows once it is there."""
    story = tell(grid(), "110.5")
    first = story.fills()[0]

    assert first == "entry buy 0.2 @ 110.5"
    assert len(story.resting()) == 10
    assert story.machine.protections(story.now_ns)[-1].words == "0.198 of 0.2 TEST"


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_start_without_a_reserve(goes_on: bool):
    """Nothing is bought: the grid refuses to begin, or goes on without, as the file says."""
    settings = grid(replace(RESERVE, buys_at_start=False, goes_on_without=goes_on))
    story = tell(settings, "110.5", "110.4")

    assert len(story.resting()) == (10 if goes_on else 0)
    assert (story.machine.phase is GridPhase.RUNNING) is goes_on
    assert len(story.lines("grid.refused")) == (0 if goes_on else 1)


def test_a_purchase_that_finds_nothing_is_no_start():
    """The grid holds, and a resume tries again."""
    story = GridStory(grid())
    story.taker_lots = 0
    story.price("110.5")
    assert story.machine.phase is GridPhase.HOLDING
    story.taker_lots = None
    story.ask(Act.RESUME)

    assert story.machine.phase is GridPhase.RUNNING
    assert len(story.resting()) == 10


FILLING = replace(RESERVE, amount=Decimal("0.1"), replenishes=True, min_order_value=Decimal(0))
DOWN = tuple(f"{price}.9" for price in range(107, 88, -2))


def purchases(story: GridStory) -> list[str]:
    """What was bought for the reserve after the start, `rule amount`."""
    return [
        f"{command.amount}"
        for command in story.commands
        if getattr(command, "reason", None) and command.reason.rule == "reserve.filled_up"
    ]


def test_it_is_filled_up_at_the_trigger():
    """Half used: the missing half is bought, rounded up to the lot."""
    story = tell(grid(FILLING), "110.5", *DOWN)

    assert purchases(story) == ["51"]
    assert story.machine.reserve_left > Decimal("0.04")


@pytest.mark.parametrize(
    "change, count, first",
    [
        ({"replenishes": False}, 0, None),
        ({"trigger_fraction": Decimal("0.8")}, 1, "21"),
        ({"target_fraction": Decimal("0.7")}, 1, "21"),
        ({"min_order_value": Decimal(20), "trigger_fraction": Decimal("0.9")}, 1, "213"),
        ({"max_per_day": 0}, 0, None),
        ({"trigger_fraction": Decimal("0.9"), "min_interval_s": 30}, 4, "11"),
        ({"trigger_fraction": Decimal("0.9"), "min_interval_s": 0}, 6, "11"),
        ({"trigger_fraction": Decimal("0.9"), "min_interval_s": 0, "max_per_day": 2}, 2, "11"),
    ],
)
def test_every_key_of_filling_up_matters(change: dict[str, object], count: int, first: str | None):
    """Trigger, target, least value, how often a day and how soon again."""
    found = purchases(tell(grid(replace(FILLING, **change)), "110.5", *DOWN))

    assert len(found) == count
    assert (found[0] if found else None) == first


def test_the_minimum_interval_is_waited_out():
    """A second purchase follows when its time has come, without a fill."""
    slow = replace(FILLING, trigger_fraction=Decimal("0.95"), min_interval_s=300)
    story = tell(grid(slow), "110.5", "107.5", "105.5", "103.5")
    assert len(purchases(story)) == 1
    story.wait(400)

    assert len(purchases(story)) == 2


def test_running_low_is_told():
    """Below a half and below three tenths a person hears of it; filled up, that it is over."""
    story = tell(grid(replace(FILLING, replenishes=False)), "110.5", *DOWN)
    kinds = [
        line.event for line in story.diary if dict(line.fields).get("protection") == "spot_reserve"
    ]

    assert kinds == ["protection.armed", "protection.triggered"]


def test_closing_leaves_the_reserve():
    """A take profit sells what the slots hold, and the next ladder has its reserve already."""
    settings = grid(take_profit=TakeProfitSettings(fraction=Decimal("0.0005")))
    story = tell(settings, "100", "100.1", "106", "108", "109", "109", "109")
    story.wait(3)

    assert [line["reason"] for line in story.lines("grid.reset")][:1] == ["take_profit"]
    assert story.machine.reserve_left > 0
    assert story.residual() == 0


def test_the_end_keeps_the_reserve_and_says_so():
    """`flatten` leaves nothing but the reserve, which is no error."""
    story = tell(grid(), "110.5", "107.5", "105.5")
    story.ask(Act.STOP_FLATTEN)
    code, text = closing_line(story.machine, "TEST")

    assert story.machine.is_stopped
    assert story.machine.position == story.machine.reserve_left
    assert "reserve 0.178 TEST kept" in text
    assert code == 0


def test_scalping_sells_what_the_slots_hold():
    """Break-even counts the reserve, the one exit leaves it alone."""
    story = tell(grid(scalping=ScalpingSettings(trigger_percent=20)), "110.5", "107.5", "104.5")

    assert exits(story) == [2000]
    assert story.machine.reserve_left == Decimal("0.178")


def test_a_crash_forgets_nothing_of_it():
    """Purchases within the day, and that the start is over."""
    story = tell(grid(FILLING), "110.5", *DOWN)
    after = story.restart()

    assert after.machine.protections(0)[-1] == story.machine.protections(0)[-1]
    assert after.resting() == story.resting()
    assert purchases(after) == []


@given(
    moves=st.lists(st.integers(-60, 60), min_size=1, max_size=50),
    reserve=st.builds(
        ReserveSettings,
        amount=st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.3")]),
        replenishes=st.booleans(),
        trigger_fraction=st.sampled_from([Decimal("0.3"), Decimal("0.9")]),
        min_order_value=st.sampled_from([Decimal(0), Decimal(12)]),
        min_interval_s=st.sampled_from([0, 5]),
    ),
    parts=st.lists(st.integers(1, 900), max_size=10),
    seed=st.randoms(use_true_random=False),
)
def test_the_books_agree_to_the_last_digit(moves, reserve, parts, seed):
    """Whatever fees take, position and money are the account's, and nothing is sold short."""
    story = GridStory(grid(reserve))
    price = Decimal(100)
    for move in (0, *moves):
        price = min(max(price + move * Decimal("0.1"), Decimal(70)), Decimal(130))
        story.price(price)
        if parts and story.orders:
            identity = seed.choice(sorted(story.orders))
            story.fill(identity, min(parts.pop(), story.orders[identity].left))

        assert story.residual() == 0
        assert story.machine.position == story.account.base
        assert story.account.base >= 0
        assert story.machine.dump() == story.state
