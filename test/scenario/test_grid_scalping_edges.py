"""Scalping where something is in its way: refusals, halts, edits, stale prices, restarts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderStatus
from core.domain.events import Act, DataStale, RiskStateChanged
from core.services.grid.protections.settings import (
    ProtectionSettings,
    ScalpingSettings,
    SmartSettings,
)
from core.services.grid.settings import GridSettings
from core.testing.grid_story import GridStory
from core.testing.grids import FALL, FREE, INSTRUMENT

SCALP = ScalpingSettings(trigger_percent=60)
"""At level 8 of the long grid, which is 97."""
LONG = replace(FREE, protections=ProtectionSettings(scalping=SCALP))


def told(settings: GridSettings = LONG, *prices: str) -> GridStory:
    """A grid and a walk; without prices the whole fall."""
    story = GridStory(settings)
    for price in prices or FALL:
        story.price(price)
    return story


def sells(story: GridStory) -> list[str]:
    """The sells that rest."""
    return [text for text in story.resting() if text.startswith("sell")]


def halt(story: GridStory, state: str) -> None:
    """Risk changes its state."""
    story.tell(RiskStateChanged(at_ns=story.now_ns, state=state, by="you"))


def test_a_refused_one_exit_is_tried_again_and_alarms_after_three():
    """With growing pauses, and each entry keeps its place meanwhile; then it stands."""
    story = told(LONG, *FALL[:-2])
    story.refusal = "PRICE_BAND"
    story.price(FALL[-2])
    assert story.machine.is_scalping
    assert sells(story) == []
    story.wait(60)
    assert [line["code"] for line in story.lines("grid.slot_delayed")] == ["PRICE_BAND"]

    story.refusal = ""
    story.wait(70)
    assert len(sells(story)) == 1
    assert story.machine.position == 13
    assert story.residual() == 0


@pytest.mark.parametrize("way", ["pause", "halt"])
def test_no_one_exit_is_placed_while_nothing_may_be_sent(way: str):
    """Paused or halted, the exits go and nothing comes; released, it stands at once."""
    story = told(LONG, *FALL[:-3])
    if way == "pause":
        story.ask(Act.PAUSE)
    else:
        halt(story, "HALTED")
    for price in FALL[-3:]:
        story.price(price)
    assert len(sells(story)) <= 13
    held = story.machine.position

    if way == "pause":
        story.ask(Act.RESUME)
    else:
        halt(story, "ACTIVE")
    story.price(FALL[-1])
    assert story.machine.is_scalping
    assert len(sells(story)) == 1
    (one,) = [order for order in story.orders.values() if order.command.side.value == "sell"]
    assert one.command.amount == held / INSTRUMENT.lot_size
    assert story.residual() == 0


def test_one_exit_is_no_larger_than_one_order_may_be():
    """What is beyond the venue's largest order is sold by the next one."""
    limited = replace(INSTRUMENT, max_amount=Decimal(10))
    story = told(replace(LONG, instrument=limited))
    (first,) = [order for order in story.orders.values() if order.command.side.value == "sell"]
    assert first.command.amount == 10_000

    for price in ("100", "104", "105"):
        story.price(price)
    assert story.machine.position == 0
    assert story.machine.is_stopped
    assert story.residual() == 0


def test_an_edit_of_the_amount_keeps_the_one_exit():
    """Another amount a level changes what is bought, not what is to be sold."""
    story = told()
    before = sells(story)
    story.edit(replace(LONG, order_amount=Decimal(2)))

    assert story.machine.is_scalping
    assert sells(story) == before
    assert story.machine.dump() == story.state


def test_smart_scalping_stays_on_through_an_edit_and_a_restart():
    """What the rule believes is what the machine does."""
    smart = replace(SCALP, smart=SmartSettings())
    settings = replace(LONG, protections=ProtectionSettings(scalping=smart))
    story = told(settings)
    was = story.machine.is_scalping
    story.edit(replace(settings, order_amount=Decimal(2)))
    assert story.machine.is_scalping is was

    after = story.restart()
    assert after.machine.is_scalping is was
    assert after.machine.dump() == story.state


def test_a_stale_feed_does_not_count_as_a_passed_exit():
    """The five seconds beyond the exit are of prices, not of silence."""
    story = told()
    hidden = story.orders.pop(story.find("sell 104"))
    story.price("104.5")
    story.wait(2)
    story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=story.now_ns - 1))
    story.wait(10)
    doubted = [line for line in story.diary if line.event == "protection.doubted"]
    assert doubted == []

    story.orders[hidden.command.client_order_id] = hidden
    story.price("103")
    assert sells(story) == ["sell 104"]


def test_a_partial_fill_of_the_one_exit_leaves_the_rest_to_it():
    """What it has sold is gone from its amount; nothing is placed beside it."""
    story = told()
    story.fill(story.find("sell 104"), 4000)

    assert story.machine.position == 10
    assert sells(story) == ["sell 104"]
    story.end(story.find("sell 104"), OrderStatus.CANCELED)
    (again,) = [order for order in story.orders.values() if order.command.side.value == "sell"]
    assert again.command.amount == 10_000
    assert story.residual() == 0


def test_a_restart_in_the_middle_of_clearing_goes_on():
    """The exits were being cancelled when the process died: the next one asks again."""
    story = told(LONG, *FALL[:-2])
    story.is_silent = True
    story.price(FALL[-2])
    assert story.machine.is_scalping
    after = story.restart()
    after.wait(1)

    assert after.machine.is_scalping
    assert len(sells(after)) == 1
    assert after.residual() == 0


def test_a_stop_ends_scalping_with_everything_else():
    """The one exit is no slot's: it is cancelled with the rest, and nothing comes back."""
    for act, left in ((Act.STOP_CANCEL, 14), (Act.STOP_FLATTEN, 0)):
        story = told()
        story.ask(act)
        story.wait(5)
        assert story.resting() == []
        assert story.machine.position == left
        assert story.machine.is_stopped
        assert story.residual() == 0
