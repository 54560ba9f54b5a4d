"""A grid at its exact bounds: the smallest order, the one lot too much, the slot next door."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, FeeAsset
from core.domain.commands import PlaceOrder
from core.domain.events import Act, Reconciled
from core.services.grid.protections.settings import (
    ProtectionSettings,
    ReserveSettings,
    ScalpingSettings,
    StopLossSettings,
)
from core.services.grid.settings import GridType, HealthSettings, InitialFill
from core.testing.grid_story import GridStory
from core.testing.grids import FALL, FREE, INSTRUMENT, told

LONG = FREE
SCALP = ProtectionSettings(scalping=ScalpingSettings(trigger_percent=60))


def test_the_initial_order_is_the_order_of_exactly_the_levels_it_serves():
    """While it is not answered, they have it and their neighbours have their own."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("106.5")
    (sent,) = [order for order in story.machine.orders if order.shares is not None]
    served = {slot.entry_price for slot in story.machine.slots if slot.order is sent}

    assert served == {1070, 1080, 1090}
    assert all(slot.order is not None for slot in story.machine.slots)
    assert len(story.machine.orders) == 1 + 17


@pytest.mark.parametrize("minimum, scalps", [("1", True), ("1.001", False)])
def test_what_is_just_large_enough_is_scalped(minimum: str, *, scalps: bool):
    """One order of exactly the venue's minimum is one; a lot less is left to the exit it has."""
    rules = replace(INSTRUMENT, min_amount=Decimal(minimum))
    amount = max(Decimal(1), Decimal(minimum))
    settings = replace(
        LONG,
        instrument=rules,
        grid_interval=Decimal(10),
        order_amount=amount,
        protections=ProtectionSettings(scalping=ScalpingSettings(trigger_percent=50)),
    )
    story = told(settings, "109.5", "99.5")
    if not scalps:
        story.fill(story.find("sell 110"), 1)
    story.price("91")
    sells = [text for text in story.resting() if text.startswith("sell")]

    assert sells == (["sell 100"] if scalps else ["sell 110"])
    assert story.residual() == 0


def test_the_one_exit_is_tried_again_whatever_else_woke_the_grid():
    """Its pause goes on while a slot with a shorter one wakes the machine in between."""
    story = told(replace(LONG, protections=SCALP), *FALL[:-2])
    story.refusal = "RATE_LIMITED"
    story.price(FALL[-2])
    story.wait(4)
    story.end(story.find("buy 92"))
    story.wait(1.5)
    story.refusal = ""
    story.wait(20)

    assert [text for text in story.resting() if text.startswith("sell")] == ["sell 104"]
    assert "buy 92" in story.resting()


def test_no_exit_stands_beside_the_one_exit():
    """What fills while scalping goes into it, once an entry is whole."""
    story = told(replace(LONG, protections=SCALP), *FALL)
    lots = []
    for part in (400, 600):
        story.fill(story.find("buy 95"), part)
        sells = [item for item in story.orders.values() if item.command.side.value == "sell"]
        lots.append([item.left for item in sells])

    assert lots == [[14_000], [15_000]]


@pytest.mark.parametrize("kind", [GridType.LONG, GridType.SHORT, GridType.NEUTRAL])
@pytest.mark.parametrize("price", ["97.5", "102.5"])
def test_a_flatten_closes_whatever_side_is_held(kind: GridType, price: str):
    """The order is on the side that brings the position to nothing."""
    story = told(replace(LONG, grid_type=kind), "100", price)
    story.ask(Act.FLATTEN)
    story.wait(2)

    assert story.machine.position == story.account.base == 0
    assert story.residual() == 0


def test_what_was_sold_too_much_is_bought_back_by_a_flatten():
    """A long grid that the venue made short by a part of a unit closes by buying."""
    story = told(replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY), "110.5", "108.5", "109.5")
    identity = story.find("sell 110")
    order = story.orders[identity]
    story.fill(identity, 1000)
    order.left = 300
    story.orders[identity] = order
    story.fill(identity, 300)
    story.ask(Act.CANCEL_ALL)
    assert story.machine.position == story.account.base == Decimal("-0.3")
    for mark in (Decimal(90), Decimal(109), Decimal(130)):
        story.last = mark
        assert story.residual() == 0
    story.last = Decimal(109)
    story.ask(Act.FLATTEN)
    story.wait(2)

    assert story.machine.position == story.account.base == 0
    assert story.residual() == 0


def compared(story: GridStory, foreign_lots: int) -> None:
    """Journal and venue are compared."""
    story.tell(
        Reconciled(
            at_ns=story.now_ns,
            open_orders=frozenset(story.orders),
            foreign_orders=0,
            venue_position=int(story.account.base / story.instrument.lot_size) + foreign_lots,
            foreign_position=foreign_lots,
        )
    )


def test_a_second_difference_is_fixed_like_the_first():
    """An order that has closed a difference stands in the way of no other."""
    health = HealthSettings(position_tolerance=Decimal(1))
    story = told(replace(LONG, fixes_position=True, health=health), "109.5", "106.9")
    compared(story, 5000)
    compared(story, 9000)

    fixes = [item for item in story.commands if "fix.position" in str(item)]
    assert len(fixes) == 2
    assert story.machine.adopted == 9
    assert story.lines("grid.position_missing") == []
    story.ask(Act.FLATTEN)
    assert story.account.base == 3 - 9 - 3


def test_what_is_missing_after_a_fix_is_missing():
    """Four of ours gone, where five of others had been closed: no entry, and nothing is bought."""
    health = HealthSettings(position_tolerance=Decimal(1))
    story = told(replace(LONG, fixes_position=True, health=health), "109.5", "106.9")
    compared(story, 5000)
    compared(story, 2000)

    assert len(story.lines("grid.position_missing")) == 1
    assert len([item for item in story.commands if "fix.position" in str(item)]) == 1
    assert not [text for text in story.resting() if text.startswith("buy")]


def test_a_difference_of_exactly_the_tolerance_is_none():
    """One lot more is one."""
    health = HealthSettings(position_tolerance=Decimal(1))
    story = told(replace(LONG, fixes_position=True, health=health), "109.5", "106.9")
    compared(story, 1000)
    assert story.machine.adopted == 0
    compared(story, 1001)

    assert story.machine.adopted == Decimal("1.001")


def test_an_edit_that_asks_for_a_larger_reserve_buys_it_at_once():
    """Not only when fees have used it up."""
    spot = replace(INSTRUMENT, market_type=ExchangeType.SPOT, fee_asset=FeeAsset.BASE)
    reserve = ReserveSettings(amount=Decimal("0.2"), replenishes=True, trigger_fraction=Decimal(1))
    settings = replace(
        LONG,
        instrument=spot,
        grid_interval=Decimal(2),
        maker_fee=Decimal("0.01"),
        taker_fee=Decimal("0.01"),
        is_loss_accepted=True,
        protections=ProtectionSettings(reserve=reserve),
    )
    story = told(settings, "110.5")
    more = replace(reserve, amount=Decimal(1))
    story.wait(100_000)
    story.edit(replace(settings, protections=ProtectionSettings(reserve=more)))

    assert story.machine.reserve_left > Decimal("0.9")
    assert story.residual() == 0


def test_exits_rest_until_the_close_of_a_stop_loss_is_answered(monkeypatch: pytest.MonkeyPatch):
    """Entries go first; while the close is on its way nothing else is asked for, whatever comes."""
    stop_loss = StopLossSettings(trigger_percent=Decimal(75), timeout_s=5)
    story = told(
        replace(LONG, protections=ProtectionSettings(stop_loss=stop_loss)), "99", "96", "94.9"
    )
    accept = story._accept

    def swallow(command: PlaceOrder) -> None:
        if command.price is not None:
            accept(command)

    monkeypatch.setattr(story, "_accept", swallow)
    story.wait(6)
    exits = [text for text in story.resting() if text.startswith("sell")]
    for price in ("94.8", "94.9"):
        story.price(price)
    closes = [item for item in story.commands if "flatten.own_position" in str(item)]

    assert len(closes) == 1
    assert exits
    assert story.resting() == exits
    assert not story.machine.is_stopped
