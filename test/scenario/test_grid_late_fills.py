"""Executions of orders that were thought to be over: the venue's word is believed, and booked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide, OrderStatus
from core.domain.events import Act, OrderEnded, OrderFilled, RiskStateChanged
from core.services.grid.settings import GridType, InitialFill
from core.testing.grid_story import GridStory
from core.testing.grids import INSTRUMENT, SEVEN, told

LONG = replace(SEVEN, initial_fill=InitialFill.PASSIVE_ONLY)
FOLLOW = replace(
    LONG,
    grid_type=GridType.FOLLOW_LONG,
    initial_fill=InitialFill.TAKER_POSITION,
    lower_price=None,
    upper_price=None,
    follow_grid_count=8,
    follow_timeout_s=5,
)
NEUTRAL = replace(
    LONG,
    grid_type=GridType.NEUTRAL,
    initial_fill=InitialFill.TAKER_POSITION,
    lower_price=Decimal(96),
    upper_price=Decimal(102),
)


def resting(story: GridStory, words: str) -> tuple[str, OrderSide, Decimal]:
    """Id, side and price of an order that rests."""
    identity = story.find(words)
    command = story.orders[identity].command
    return identity, command.side, (command.price or 0) * INSTRUMENT.tick_size


def fill_late(
    story: GridStory, order: tuple[str, OrderSide, Decimal], *, lots: int = 1000, trade: str = "l"
) -> None:
    """The venue executes an order that it had called over, with an account that knows of it."""
    identity, side, price = order
    amount = lots * INSTRUMENT.lot_size * side.sign
    story.account.cash -= amount * price
    story.account.base += amount
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=identity,
            trade_id=trade,
            side=side,
            price=price,
            amount=lots,
            fee=Decimal(0),
            is_maker=True,
        )
    )


def halt(story: GridStory, state: str) -> None:
    """Risk changes its state."""
    story.tell(RiskStateChanged(at_ns=story.now_ns, state=state, by="you"))


def agrees(story: GridStory) -> bool:
    """Whether ledger, account and journal say the same."""
    return (
        story.machine.position == story.account.base
        and story.residual() == 0
        and story.machine.dump() == story.state
    )


def test_a_late_exit_sells_where_no_ladder_is():
    """Its level is gone, and still it closes: never is a sell booked as if it had bought."""
    story = told(FOLLOW, "100", "101", "100", "98.4")
    order = resting(story, "sell 100")
    story.price("106")
    story.is_silent = True
    story.wait(5.5)
    halt(story, "REDUCING")
    story.is_silent = False
    for identity in list(story.orders):
        story.end(identity, is_ours=True)
    assert story.machine.ladder is None
    before = story.machine.position
    fill_late(story, order)

    assert story.machine.position == before - 1
    assert agrees(story)


@pytest.mark.parametrize("words", ["buy 98", "buy 99", "sell 101"])
def test_a_late_fill_of_another_ladder_keeps_its_side(words: str):
    """A neutral grid that was split elsewhere since: the same level opens the other way now."""
    story = told(NEUTRAL, "99", "100.1")
    order = resting(story, words)
    story.ask(Act.FLATTEN)
    story.wait(3)
    price = "96.3" if order[1] is OrderSide.SELL else "101.9"
    story.price(price)
    story.ask(Act.RESUME)
    story.price(price)
    before = story.machine.position
    fill_late(story, order)

    assert story.machine.position == before + order[1].sign
    assert agrees(story)


def test_a_late_exit_of_the_same_ladder_is_booked_to_its_slot():
    """The slot's new exit is too much by as many lots; what is held says the truth at once."""
    story = told(LONG, "102.5", "99.9")
    order = resting(story, "sell 102")
    story.end(order[0])
    again = resting(story, "sell 102")
    fill_late(story, order)

    assert again[0] != order[0]
    assert story.machine.position == story.account.base
    assert story.machine.ledger.lots(7) == 0
    assert agrees(story)


def test_a_late_fill_of_the_flatten_comes_out_of_what_is_held():
    """Levels are emptied first; what nobody holds is owed, and the next entries make up for it."""
    story = told(LONG, "102.5", "98.5")
    held = story.machine.position
    story.is_silent = True
    story.ask(Act.FLATTEN)
    for identity in list(story.orders):
        story.end(identity, is_ours=True)
    (flatten,) = [order for order in story.machine.orders if order.leg.value == "R"]
    story.tell(
        OrderEnded(
            at_ns=story.now_ns,
            client_order_id=flatten.client_order_id,
            status=OrderStatus.CANCELED,
            filled=0,
        )
    )
    story.is_silent = False
    story.wait(3)
    assert story.machine.position == 0
    fill_late(story, (flatten.client_order_id, OrderSide.SELL, Decimal(98)))

    assert held == 3
    assert story.machine.position == -1
    assert agrees(story)


def test_late_fills_find_their_level_across_edits():
    """An id from before an edit is read by the old numbers, one from after it by the new."""
    story = told(LONG, "102.5", "100.9")
    before = resting(story, "buy 97")
    story.edit(replace(LONG, lower_price=Decimal(97)))
    story.price("100.9")
    after = resting(story, "buy 100")
    for order in (before, after):
        if order[0] in story.orders:
            story.end(order[0])
    level = {slot.entry_price: slot.level for slot in story.machine.slots}
    fill_late(story, before, trade="one")
    fill_late(story, after, trade="two")

    assert story.machine.ledger.lots(level[970]) == 1000
    assert story.machine.ledger.lots(level[1000]) == 1000
    assert agrees(story)


def test_an_initial_order_fills_late_to_nobody():
    """It served several levels, so that what comes after its end belongs to none of them."""
    story = GridStory(replace(LONG, initial_fill=InitialFill.TAKER_POSITION))
    story.is_silent = True
    story.price("98.5")
    (sent,) = [order for order in story.machine.orders if order.shares is not None]
    story.tell(
        OrderEnded(
            at_ns=story.now_ns,
            client_order_id=sent.client_order_id,
            status=OrderStatus.CANCELED,
            filled=0,
        )
    )
    fill_late(story, (sent.client_order_id, OrderSide.BUY, Decimal("98.5")))

    assert story.machine.ledger.account(0).amount == 1
    assert agrees(story)


def test_a_number_of_a_foreign_id_is_read_as_none():
    """An id with our beginning that names no level of ours is booked to nobody, by its side."""
    story = told(LONG, "102.5", "99.9")
    fill_late(story, ("ctest0000zzX1", OrderSide.SELL, Decimal(100)))

    assert story.machine.ledger.account(0).amount == -1
    assert agrees(story)


@pytest.mark.parametrize("last, first", [("ctest00001Ezz", "7E100"), ("other1Ezz", "7E2")])
def test_numbers_go_on_after_those_of_an_earlier_run(last: str, first: str):
    """An id is never given twice; ids that are not ours, and older ones, do not count."""
    story = GridStory(LONG)
    story.machine.go_on_after(last)
    story.machine.go_on_after("ctest00001E1")
    story.price("102.5")

    assert f"ctest0000{first}" in story.orders
    assert story.machine.dump() == story.state
