"""A grid where two things happen at once: edits, acts, halts, stale prices, refusals, restarts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, OrderStatus
from core.domain.events import (
    Act,
    DataStale,
    FeedEnded,
    OrderAccepted,
    OrderDenied,
    OrderEnded,
    OrderUnknown,
    RiskStateChanged,
)
from core.domain.policies import OnExit
from core.services.grid.protections.settings import (
    CapitalSettings,
    ProtectionSettings,
    ReserveSettings,
    StopLossSettings,
)
from core.services.grid.settings import InitialFill
from core.testing.grid_story import GridStory
from core.testing.grids import INSTRUMENT, SEVEN, following, told

LONG = SEVEN
PASSIVE = replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY)
FOLLOW = following(LONG)
STOP = StopLossSettings(trigger_percent=Decimal(75), timeout_s=30)


def halt(story: GridStory, state: str) -> None:
    """Risk changes its state."""
    story.tell(RiskStateChanged(at_ns=story.now_ns, state=state, by="you"))


def stale(story: GridStory, since_s: float = 5) -> None:
    """Prices have been silent for so long."""
    since_ns = story.now_ns - int(since_s * 1e9)
    story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=since_ns))


# -- edits -------------------------------------------------------------------------------------


def test_an_edit_before_the_trigger_waits_for_the_new_one():
    """Nothing was built yet: the side from which the new trigger is met is looked at anew."""
    story = told(replace(PASSIVE, trigger_price=Decimal(99)), "101", "100.5")
    assert story.resting() == []
    story.edit(replace(PASSIVE, trigger_price=Decimal(103)))
    story.price("98.5")
    assert story.resting() == []
    story.price("103.2")

    assert story.machine.ladder is not None
    assert story.machine.dump() == story.state


def test_an_edit_that_would_lose_by_its_fees_is_refused_whole():
    """The old grid stays as it was."""
    story = told(PASSIVE, "102.5", "100.9")
    before = story.resting()
    narrow = replace(
        PASSIVE, grid_interval=Decimal("0.1"), lower_price=Decimal(100), maker_fee=Decimal("0.01")
    )
    with pytest.raises(ValueError, match="lose by its own fees"):
        story.edit(narrow)

    assert story.resting() == before


def test_an_edit_to_compounding_takes_what_was_earned():
    """The lines stay, the amounts grow with the profit."""
    story = told(PASSIVE, "102.5", "98.5", "102.5", "98.5", "102.5")
    assert story.machine.ledger.realized > 0
    story.edit(replace(PASSIVE, is_compounding=True))
    story.price("102.4")

    assert story.machine.dump() == story.state
    assert story.residual() == 0


def test_an_edit_while_the_initial_order_is_unanswered_keeps_its_shares():
    """What it fills is booked to the lines that still are, and what is not theirs to nobody."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("97.5")
    (sent,) = [item for item in story.machine.orders if item.shares is not None]
    assert len(sent.shares) > 2
    story.is_silent = False
    story.edit(replace(LONG, lower_price=Decimal(97), upper_price=Decimal(101)))

    assert story.machine.dump() == story.state
    assert {share.level for share in sent.shares} <= set(range(1, len(story.machine.slots) + 1))


def test_an_edit_before_the_comparison_sends_nothing():
    """Until journal and venue agree an edit changes settings and books, and asks for nothing."""
    first = told(PASSIVE, "102.5", "99.9")
    story = GridStory(PASSIVE, state=first.state, is_reconciled=False)
    story.orders = first.orders
    story.now_ns = first.now_ns
    sent = len(story.commands)
    story.edit(replace(PASSIVE, order_amount=Decimal(2)))

    orders = [item for item in story.commands[sent:] if type(item).__name__ != "Announce"]
    assert orders == []
    story.reconcile()
    story.price("99.9")
    assert {order.command.amount for order in story.orders.values()} == {1000, 2000}


def test_an_edit_can_add_and_change_a_protection_before_any_price():
    """Rules begin with the first price, whoever asked for them."""
    story = GridStory(PASSIVE)
    story.edit(replace(PASSIVE, protections=ProtectionSettings(stop_loss=STOP)))
    longer = replace(STOP, timeout_s=60)
    story.edit(replace(PASSIVE, protections=ProtectionSettings(stop_loss=longer)))
    story.price("102.5")
    story.price("95.2")
    story.wait(40)
    assert not story.machine.is_stopped
    story.price("95.2")
    story.wait(40)

    assert story.machine.dump() == story.state


# -- acts --------------------------------------------------------------------------------------


def test_acts_that_are_in_force_already_change_nothing():
    """Pausing twice, halting twice, resuming what runs: one line at most."""
    story = told(PASSIVE, "102.5", "99.9")
    for act in (Act.PAUSE, Act.PAUSE, Act.RESUME, Act.RESUME):
        story.ask(act)
    for state in ("HALTED", "HALTED", "ACTIVE"):
        halt(story, state)

    assert len(story.lines("grid.paused")) == len(story.lines("grid.resumed")) == 1
    assert story.machine.dump() == story.state


def test_a_flatten_during_a_stop_closes_as_well():
    """What was to be kept is closed, and what follows is heard no more."""
    story = told(LONG, "98.5")
    story.is_silent = True
    story.ask(Act.STOP_CANCEL)
    story.is_silent = False
    story.ask(Act.FLATTEN)
    for identity in list(story.orders):
        story.end(identity, is_ours=True)
    story.price("98.4")
    story.wait(5)

    assert story.machine.position == 0
    assert story.machine.is_stopped
    for act in Act:
        story.ask(act)
    assert story.resting() == []
    assert story.residual() == 0


def test_resuming_while_closing_waits_until_it_is_over():
    """A wish in the middle of a flatten is not forgotten positions: it changes nothing."""
    story = told(LONG, "98.5")
    story.is_silent = True
    story.ask(Act.FLATTEN)
    story.ask(Act.RESUME)
    story.ask(Act.CANCEL_ALL)

    assert story.machine.dump() == story.state


@pytest.mark.parametrize("policy", list(OnExit))
def test_the_end_of_the_feed_is_heard_once(policy: OnExit):
    """By policy; a bot that stops or has stopped goes on as it was."""
    story = told(replace(LONG, on_exit=policy), "98.5")
    held = story.machine.position
    story.end_feed()
    story.wait(5)
    story.tell(FeedEnded(at_ns=story.now_ns))

    assert story.machine.is_stopped
    assert story.machine.position == (0 if policy is OnExit.FLATTEN else held)
    assert bool(story.resting()) is (policy is OnExit.KEEP)
    assert story.residual() == 0


# -- escapes and halts -------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["pause", "halt", "stale"])
def test_an_escape_is_timed_anew_after_a_break(way: str):
    """Five seconds beyond the ladder count only while the grid may act on them."""
    story = told(FOLLOW, "100", "101", "104")
    story.wait(3)
    if way == "pause":
        story.ask(Act.PAUSE)
        story.ask(Act.RESUME)
    elif way == "halt":
        halt(story, "HALTED")
        halt(story, "ACTIVE")
    else:
        stale(story, 1)
        story.wait(120)
    story.price("104", after_s=1)
    story.price("104", after_s=3)
    assert story.lines("grid.reset") == []
    story.price("104", after_s=3)
    story.wait(6)

    assert len(story.lines("grid.reset")) == 1
    assert story.residual() == 0


def test_a_close_of_a_protection_waits_for_fresh_prices():
    """A stop loss that triggered closes nothing against a price that is old."""
    settings = replace(LONG, protections=ProtectionSettings(stop_loss=replace(STOP, timeout_s=2)))
    story = told(settings, "102.5", "96.2")
    story.refusal = "PRICE_BAND"
    story.price("95.1")
    story.wait(4)
    stale(story)
    story.refusal = ""
    story.wait(120)
    assert story.machine.position > 0
    story.price("95.1")
    story.wait(60)

    assert story.machine.position == 0
    assert story.residual() == 0


def test_a_blind_stop_loss_says_so_once():
    """A minute without a price while its timer runs; a price ends it."""
    settings = replace(LONG, protections=ProtectionSettings(stop_loss=STOP))
    story = told(settings, "102.5", "96.2")
    story.price("95.1")
    stale(story, 0)
    story.wait(30)
    stale(story, 30)
    story.wait(40)
    story.wait(300)

    blind = [line for line in story.diary if line.event == "protection.blind"]
    assert len(blind) == 1
    assert story.machine.dump() == story.state


# -- what venues do ----------------------------------------------------------------------------


def test_late_and_repeated_words_about_orders_change_nothing():
    """Of orders that are unknown, open already, or over."""
    story = told(PASSIVE, "102.5", "99.9")
    identity = story.find("buy 98")
    before = dict(story.state)
    story.tell(
        OrderAccepted(at_ns=story.now_ns, client_order_id=identity, order_id="1"),
        OrderUnknown(at_ns=story.now_ns, client_order_id="nobody's"),
        OrderDenied(
            at_ns=story.now_ns, client_order_id="nobody's", code="HALTED", limit=None, value=None
        ),
        OrderEnded(
            at_ns=story.now_ns,
            client_order_id="nobody's",
            status=OrderStatus.CANCELED,
            filled=0,
        ),
    )
    assert story.state == before
    for _ in range(2):
        story.tell(OrderUnknown(at_ns=story.now_ns, client_order_id=identity))
    assert story.machine.dump() == story.state


def test_an_order_that_was_never_placed_parks_no_slot():
    """However often requests are lost: nobody ended the order, so its slot goes on trying."""
    story = told(PASSIVE, "102.5", "99.9")
    for _ in range(6):
        story.wait(1)
        story.end(story.find("buy 98"), OrderStatus.REJECTED, code="NOT_PLACED")

    assert story.find("buy 98")
    assert story.lines("grid.slot_parked") == []


def test_an_order_that_others_end_again_and_again_parks_its_slot():
    """Three times an hour it comes back, the fourth time a person is asked."""
    story = told(PASSIVE, "102.5", "99.9")
    for _ in range(4):
        story.wait(1)
        story.end(story.find("buy 98"))

    assert "buy 98" not in story.resting()
    assert len(story.lines("grid.slot_parked")) == 1


def test_a_close_that_is_refused_alarms_and_says_why():
    """Three failures in a row, each with a longer pause; then it succeeds."""
    story = told(LONG, "98.5")
    story.refusal = "REDUCE_ONLY_REJECTED"
    story.ask(Act.STOP_FLATTEN)
    story.wait(30)
    assert len(story.lines("grid.degraded")) == 1
    assert "REDUCE_ONLY_REJECTED" in str(story.lines("grid.degraded")[0]["reason"])
    story.refusal = ""
    story.wait(120)

    assert story.machine.position == 0
    assert story.machine.is_stopped


def test_an_initial_order_that_fills_in_part_leaves_the_rest_to_entries():
    """What was not bought rests at its own lines; a restart in between knows both."""
    story = GridStory(LONG)
    story.taker_lots = 2500
    story.price("98.4")
    assert story.machine.position == Decimal("2.5")
    after = story.restart()
    after.price("98.4")

    assert after.machine.dump() == after.state
    assert after.residual() == 0
    assert after.machine.position == Decimal("2.5")


def test_an_order_of_another_bot_is_not_counted_on_from():
    """Ids go on from our own orders alone."""
    story = told(PASSIVE, "102.5", "99.9")
    story.machine.go_on_after("other0000ze9zzz")
    before = story.machine.dump()["serial"]
    story.machine.go_on_after("ctest00001ezzz")

    assert int(story.machine.dump()["serial"]) > int(before)


def test_a_state_of_a_machine_without_a_price_can_be_restored():
    """A start that was killed before the first price is no start."""
    empty = GridStory(LONG)
    after = empty.restart()
    after.price("98.4")

    assert after.machine.ladder is not None
    assert after.machine.dump() == after.state


# -- reserve -----------------------------------------------------------------------------------


def test_a_reserve_can_be_switched_on_and_off_while_running():
    """It begins to fill up once fees use it; switched off it is base like any other."""
    spot = replace(INSTRUMENT, symbol="TEST-USDC-SPOT", market_type=ExchangeType.SPOT)
    plain = replace(LONG, instrument=spot, is_loss_accepted=True)
    story = told(plain, "102.5", "99.9")
    kept = ProtectionSettings(reserve=ReserveSettings(amount=Decimal("0.2")))
    story.edit(replace(plain, protections=kept))
    story.price("98.9")
    more = ProtectionSettings(reserve=ReserveSettings(amount=Decimal("0.4")))
    story.edit(replace(plain, protections=more))
    story.price("98.8")
    assert story.machine.dump() == story.state
    story.edit(plain)
    story.price("98.7")

    assert story.machine.dump() == story.state
    assert story.residual() == 0


def test_two_protections_survive_an_edit_of_one():
    """The other keeps what it remembers."""
    both = ProtectionSettings(stop_loss=STOP, capital=CapitalSettings(trigger_percent=30))
    story = told(replace(LONG, protections=both), "102.5", "96.2")
    story.price("95.1")
    story.wait(10)
    story.edit(
        replace(LONG, protections=replace(both, capital=CapitalSettings(trigger_percent=40)))
    )
    story.wait(25)

    assert story.machine.is_stopped
    assert story.residual() == 0
