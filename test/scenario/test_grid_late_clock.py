"""Timers that nobody rang in time: the next price finds them expired and does their work."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.events import (
    Act,
    DataStale,
    MarketMoved,
    OrderAccepted,
    OrderFilled,
    OrderUnknown,
    RiskStateChanged,
)
from core.domain.policies import OnStart
from core.services.grid.protections.settings import ProtectionSettings, StopLossSettings
from core.services.grid.settings import InitialFill
from core.services.grid.slots import Progress
from core.services.grid.snapshot import GridPhase
from core.testing.grid_story import SECOND_NS, GridStory
from core.testing.grids import SEVEN, following, told

LONG = SEVEN
PASSIVE = replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY)
FOLLOW = following(LONG)


def price_after(story: GridStory, price: str, seconds: float) -> None:
    """The next price, after a time in which the machine was not woken."""
    story.now_ns += round(seconds * SECOND_NS)
    story.last = Decimal(price)
    story.tell(story.market(Decimal(price)))


def halt(story: GridStory, state: str) -> None:
    """Risk changes its state."""
    story.tell(RiskStateChanged(at_ns=story.now_ns, state=state, by="you"))


def test_an_escape_that_has_lasted_counts_whatever_price_comes():
    """Its five seconds were over before the price that comes back."""
    for price in ("104", "100"):
        story = told(FOLLOW, "100", "104")
        price_after(story, price, 6)
        assert len(story.lines("grid.reset")) == 1
        assert story.machine.ladder is not None
        assert story.machine.ladder.upper == int(Decimal(price) * 10)


def test_a_pause_after_a_refusal_is_over_with_the_next_price():
    """The slot tries again, and once only."""
    story = told(PASSIVE, "102.5", "99.9")
    story.refusal = "RATE_LIMITED"
    story.end(story.find("buy 97"))
    assert "buy 97" not in story.resting()
    story.refusal = ""
    price_after(story, "99.9", 0.5)
    assert "buy 97" not in story.resting()
    price_after(story, "99.9", 0.5)

    assert story.resting().count("buy 97") == 1


@pytest.mark.parametrize("seconds, is_over", [(29.999, False), (30, True)])
def test_a_stop_loss_whose_time_is_up_with_this_price_closes_now(seconds: float, *, is_over: bool):
    """Exactly after its timeout, not a row later."""
    stop_loss = StopLossSettings(trigger_percent=Decimal(75), timeout_s=30)
    story = told(replace(LONG, protections=ProtectionSettings(stop_loss=stop_loss)), "99", "96.8")
    story.price("96.4")
    price_after(story, "96.4", seconds)

    assert bool(story.lines("protection.triggered")) is is_over


def test_a_grid_that_was_paused_before_its_first_price_builds_when_resumed():
    """At once, around the newest price, and not with the next one."""
    story = GridStory(LONG)
    story.ask(Act.PAUSE)
    story.price("98.5")
    assert story.machine.ladder is None
    story.ask(Act.RESUME)

    assert story.machine.ladder is not None
    assert len(story.resting()) == 7


def test_a_level_that_the_initial_order_filled_waits_for_nothing():
    """Its exit rests, and its next entry is sent at once; crossed ones that it missed wait."""
    story = GridStory(LONG)
    story.taker_lots = 2000
    story.price("98.5")
    waiting = {slot.entry_price for slot in story.machine.slots if slot.is_waiting}
    selling = {slot.entry_price for slot in story.machine.slots if slot.order is not None}

    assert len(waiting) == 1
    assert not waiting & selling
    assert len(selling) == 6


def test_a_slot_that_was_refused_is_calm_after_a_fill():
    """Refusals count in a row: an execution ends the row, and the alarm comes anew after three."""
    story = told(PASSIVE, "102.5", "99.9")
    for _ in range(2):
        story.refusal = "RATE_LIMITED"
        story.end(story.find("buy 97"))
        story.wait(2.5)
        story.refusal = ""
        story.wait(10)
        story.price("96.5")
        story.price("99.9")
    slot = next(slot for slot in story.machine.slots if slot.entry_price == 970)

    assert story.lines("grid.slot_delayed") == []
    assert (slot.failures, slot.retry_ns, slot.note) == (0, None, "")


def test_a_failed_close_is_degraded_until_it_is_done():
    """The third try that leaves something open is shown and told once; the fourth closes it."""
    story = told(LONG, "98.5")
    story.taker_lots = 0
    story.ask(Act.FLATTEN)
    story.wait(3.5)
    assert story.machine.phase is GridPhase.DEGRADED
    story.wait(4)
    assert len(story.lines("grid.degraded")) == 1
    story.taker_lots = None
    story.wait(20)

    assert story.machine.position == 0
    assert story.machine.phase is GridPhase.HOLDING


def test_a_wish_to_hold_does_not_stop_a_stop():
    """What ends the bot goes on to its end."""
    story = told(LONG, "98.5")
    story.is_silent = True
    story.ask(Act.STOP_CANCEL)
    story.ask(Act.CANCEL_ALL)
    story.is_silent = False
    for identity in list(story.orders):
        story.end(identity, is_ours=True)

    assert story.machine.is_stopped


def test_a_reset_closes_nothing_on_old_prices():
    """Its cancels go; the position waits until prices are fresh again."""
    settings = replace(
        FOLLOW,
        protections=ProtectionSettings(
            stop_loss=StopLossSettings(
                trigger_percent=Decimal(75), timeout_s=5, is_reset_without_data=True
            )
        ),
    )
    story = told(settings, "100", "98.5", "96.5", "94.5", "93.5")
    assert story.machine.position > 0
    story.is_silent = True
    story.wait(6)
    story.is_silent = False
    story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=story.now_ns))
    for identity in list(story.orders):
        story.end(identity, is_ours=True)
    assert story.resting() == []
    held = story.machine.position
    story.wait(60)
    assert story.machine.position == held
    story.price("93.5")
    story.wait(10)

    assert story.machine.resets == 1
    assert story.residual() == 0


def test_an_order_that_was_unknown_at_a_crash_is_open_once_the_venue_says_so():
    """The comparison finds it resting; only the venue's own word ends the doubt about it."""
    story = told(PASSIVE, "102.5", "99.9")
    identity = story.find("buy 97")
    story.tell(OrderUnknown(at_ns=story.now_ns, client_order_id=identity))
    after = story.restart()
    (order,) = [item for item in after.machine.orders if item.client_order_id == identity]
    assert order.progress is Progress.UNKNOWN
    after.tell(OrderAccepted(at_ns=after.now_ns, client_order_id=identity, order_id="1"))

    assert order.progress is Progress.OPEN
    assert order.unknown_ns is None


def test_what_nobody_s_ladder_holds_is_flattened_at_the_start():
    """`on_start: flatten` closes what is there, also where no ladder is left to leave."""
    story = told(FOLLOW, "100", "101", "100", "98.4")
    order = story.find("sell 100")
    story.price("106")
    story.is_silent = True
    story.wait(5.5)
    halt(story, "REDUCING")
    story.is_silent = False
    for identity in list(story.orders):
        story.end(identity, is_ours=True)
    story.account.cash += 100
    story.account.base -= 1
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=order,
            trade_id="late",
            side=OrderSide.SELL,
            price=Decimal(100),
            amount=1000,
            fee=Decimal(0),
            is_maker=True,
        )
    )
    assert story.machine.ladder is None
    story.settings = replace(FOLLOW, on_start=OnStart.FLATTEN)
    after = story.restart()
    after.wait(2)

    assert after.account.base == 0
    assert after.machine.phase is GridPhase.RUNNING
    assert after.residual() == 0


def test_a_crash_in_the_middle_of_the_initial_order_keeps_what_is_whole():
    """A level whose share is whole has its exit; the others wait for the order as before."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("98.5")
    (sent,) = [order for order in story.machine.orders if order.shares is not None]
    fill = OrderFilled(
        at_ns=story.now_ns,
        client_order_id=sent.client_order_id,
        trade_id="t",
        side=OrderSide.BUY,
        price=Decimal("98.5"),
        amount=1500,
        fee=Decimal(0),
        is_maker=False,
    )
    story.tell(fill)
    after = GridStory(LONG, state=story.state, is_reconciled=False)
    before, legs = (
        [slot.order and slot.order.leg.value for slot in item.machine.slots]
        for item in (story, after)
    )

    assert legs == before == [*"EEEEXEE"]
    assert after.machine.position == Decimal("1.5")


def test_a_grid_that_trails_moves_for_no_price_of_one_side():
    """Only a price that is known brings a line."""
    story = told(replace(PASSIVE, trailing_up=True), "102.5", "99.9")
    ladder = story.machine.ladder
    story.tell(MarketMoved(at_ns=story.now_ns, bid=None, ask=1500, last=None, mark=None))

    assert story.machine.ladder == ladder


@pytest.mark.parametrize("word", ["1", "zz9", "E1"])
def test_an_id_without_a_leg_names_nobody(word: str):
    """Its execution is booked by its side."""
    story = told(PASSIVE, "102.5", "99.9")
    story.tell(
        OrderFilled(
            at_ns=story.now_ns,
            client_order_id=f"ctest0000{word}",
            trade_id="t",
            side=OrderSide.BUY,
            price=Decimal(99),
            amount=1000,
            fee=Decimal(0),
            is_maker=True,
        )
    )

    assert story.machine.ledger.account(0).amount == 1
