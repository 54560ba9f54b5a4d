"""A grid that waits: for a price, for one that tells something, for its range, for a person."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderStatus
from core.domain.events import Act, DataStale, MarketMoved, OrderEnded, RiskStateChanged
from core.services.grid.protections.settings import (
    LockSettings,
    ProtectionSettings,
    ScalpingSettings,
    StopLossSettings,
)
from core.services.grid.settings import FollowShift, GridSettings, GridType
from core.services.grid.snapshot import GridPhase
from core.testing.grid_story import GridStory
from core.testing.grids import TWENTY, following, told

LONG = TWENTY
SHORT = replace(LONG, grid_type=GridType.SHORT)
FOLLOW = following(LONG)
STOP = StopLossSettings(trigger_percent=Decimal(75), timeout_s=30, is_reset_without_data=True)
"""At 95, or at 105 for a short grid."""
GUARDED = replace(LONG, protections=ProtectionSettings(stop_loss=STOP))
FALL = ("97", "96", "94.9")
RISE = ("103", "104", "105.1")


def stale(story: GridStory) -> None:
    """Prices are silent from now on."""
    story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=story.now_ns))


def halt(story: GridStory, state: str) -> None:
    """Risk changes its state."""
    story.tell(RiskStateChanged(at_ns=story.now_ns, state=state, by="you"))


def one_side(
    story: GridStory, *, bid: int | None = None, ask: int | None = None, last: int | None = None
) -> None:
    """A price of which only a part is known."""
    story.tell(MarketMoved(at_ns=story.now_ns, bid=bid, ask=ask, last=last, mark=None))


def rested(settings: GridSettings, *prices: str) -> GridStory:
    """A fixed grid that its stop loss has closed and that waits for the price to be back."""
    story = told(settings, *prices)
    story.wait(31)
    assert story.machine.position == 0
    assert story.machine.phase is GridPhase.BUILDING
    return story


# -- prices that tell nothing ------------------------------------------------------------------


def test_a_price_of_one_side_builds_no_ladder():
    """Neither a mid nor a last trade: there is nothing to build around."""
    story = GridStory(LONG)
    for side in ({"bid": 1000}, {"ask": 1001}, {}):
        one_side(story, **side)
    assert story.machine.ladder is None
    one_side(story, last=1000)

    assert story.machine.ladder is not None


def test_a_book_without_trades_is_a_price():
    """The mid of bid and ask."""
    story = GridStory(FOLLOW)
    one_side(story, bid=1000, ask=1004)

    assert story.machine.ladder is not None
    assert story.machine.ladder.upper == 1002


@pytest.mark.parametrize("side", [{"bid": 940}, {"ask": 1060}, {}])
def test_a_price_of_one_side_is_judged_by_nobody(side: dict[str, int]):
    """A stop loss whose time is up meanwhile closes at the next price that tells one."""
    story = told(GUARDED, *FALL)
    story.wait(1)
    one_side(story, **side)
    story.wait(60)
    assert story.lines("protection.triggered") == []
    assert story.machine.dump() == story.state
    story.price("94.9")

    assert len(story.lines("protection.triggered")) == 1


@pytest.mark.parametrize("side", [{"bid": 1005}, {"ask": 1040}, {}])
def test_an_escape_is_over_where_no_price_says_that_it_goes_on(side: dict[str, int]):
    """It is timed anew from the next price beyond the ladder."""
    story = told(FOLLOW, "100", "104")
    story.wait(3)
    one_side(story, **side)
    story.wait(10)
    assert story.lines("grid.reset") == []
    story.price("104")
    story.wait(6)

    assert len(story.lines("grid.reset")) == 1


def test_a_last_trade_is_judged_without_a_spread():
    """A stop loss needs no book."""
    story = told(GUARDED, "97", "96")
    one_side(story, last=949)
    story.wait(1)
    one_side(story, last=949)
    story.wait(31)

    assert len(story.lines("protection.triggered")) == 1


def test_a_trailing_grid_stays_where_it_is_without_a_price():
    """Only a price moves its lines."""
    story = told(replace(FOLLOW, follow_shift=FollowShift.ROLL), "100", "101")
    ladder = story.machine.ladder
    story.wait(1)
    one_side(story, ask=1200)
    story.wait(20)

    assert story.machine.ladder == ladder


# -- back inside the range ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, walk, beyond, not_yet, inside",
    [
        (GUARDED, FALL, "111", "110.1", "109.9"),
        (GUARDED, FALL, "94", "95", "95.1"),
        (replace(GUARDED, grid_type=GridType.SHORT), RISE, "89", "89.9", "90.1"),
        (replace(GUARDED, grid_type=GridType.SHORT), RISE, "106", "105", "104.9"),
    ],
)
def test_a_closed_grid_comes_back_with_the_price(
    settings: GridSettings, walk: tuple[str, ...], beyond: str, not_yet: str, inside: str
):
    """From beyond either end, and not before the price is really inside; leaping loses nothing."""
    story = rested(settings, *walk)
    for price in (beyond, not_yet, beyond):
        story.price(price)
        assert story.machine.ladder is None
        assert story.passes(Decimal(beyond), story.machine.horizon())
        assert not story.passes(Decimal(inside), story.machine.horizon())
    story.price(inside)

    assert story.machine.phase is GridPhase.RUNNING
    assert story.residual() == 0


@pytest.mark.parametrize("way", ["paused", "held", "halted"])
def test_nothing_is_built_while_it_may_not_be(way: str):
    """The price is back, and still it waits for a person; then it builds at once."""
    story = rested(GUARDED, *FALL)
    if way == "halted":
        halt(story, "HALTED")
    else:
        story.ask(Act.PAUSE if way == "paused" else Act.CANCEL_ALL)
    story.price("100")
    assert story.machine.ladder is None
    assert story.passes(Decimal(101), story.machine.horizon())
    if way == "halted":
        halt(story, "ACTIVE")
    story.ask(Act.RESUME)
    story.price("100")

    assert story.machine.phase is GridPhase.RUNNING


@pytest.mark.parametrize("protections", [ProtectionSettings(), None])
def test_an_edit_can_end_the_wait(protections: ProtectionSettings | None):
    """Without the stop loss, or with a range that follows, there is no trigger to wait for."""
    story = rested(GUARDED, *FALL)
    if protections is None:
        story.edit(replace(FOLLOW, protections=GUARDED.protections))
    else:
        story.edit(replace(LONG, protections=protections))
    story.price("92")

    assert story.machine.phase is GridPhase.RUNNING
    assert story.machine.dump() == story.state


def test_the_wait_survives_a_crash():
    """The restored machine builds no sooner."""
    story = rested(GUARDED, *FALL).restart()
    story.price("94")
    assert story.machine.ladder is None
    story.price("95.1")

    assert story.machine.phase is GridPhase.RUNNING


# -- a ladder that is to be sent anew ----------------------------------------------------------


def test_what_was_held_is_resumed_like_a_new_ladder():
    """Its entries that the price has passed are bought in one order, not sent as limits."""
    story = told(LONG, "101.5")
    story.price("100.5")
    story.ask(Act.CANCEL_ALL)
    story.price("98.5")
    assert story.resting() == []
    sent = len(story.commands)
    story.ask(Act.RESUME)

    initial = [item for item in story.commands[sent:] if "initial_fill" in str(item)]
    assert len(initial) == 1
    assert story.residual() == 0


def test_a_ladder_that_is_resumed_without_prices_waits_for_one():
    """Old prices decide nothing: the first fresh one sends the whole ladder."""
    story = told(LONG, "101.5", "100.5")
    story.ask(Act.CANCEL_ALL)
    stale(story)
    story.wait(1)
    story.ask(Act.RESUME)
    assert story.resting() == []
    story.price("98.5")

    assert len(story.resting()) == 20
    assert [fill for fill in story.fills() if fill.endswith("@ 98.5")]
    assert story.machine.dump() == story.state


def test_a_resume_after_a_close_builds_around_the_price_of_now():
    """Nothing is held and nothing rests: the old ladder is left."""
    story = told(FOLLOW, "100", "98.4")
    story.ask(Act.FLATTEN)
    story.wait(3)
    story.price("120")
    story.ask(Act.RESUME)

    assert story.machine.ladder is not None
    assert story.machine.ladder.upper == 1200
    assert story.residual() == 0


def test_a_grid_that_was_held_before_its_first_price_builds_when_resumed():
    """There is no ladder to give orders to again."""
    story = GridStory(LONG)
    story.ask(Act.CANCEL_ALL)
    assert story.machine.phase is GridPhase.HOLDING
    story.price("100.5")
    assert story.machine.ladder is None
    story.ask(Act.RESUME)

    assert story.machine.phase is GridPhase.RUNNING


def test_an_edit_of_a_restored_grid_needs_no_price():
    """Lines that stay are told by the ladder, not by a price that is not there yet."""
    first = told(FOLLOW, "100", "98.4")
    story = GridStory(FOLLOW, state=first.state, is_reconciled=False)
    story.orders, story.now_ns = first.orders, first.now_ns
    story.edit(replace(FOLLOW, order_amount=Decimal(2)))
    story.reconcile()
    story.price("98.4")

    assert story.machine.ladder is not None
    assert story.machine.ladder.upper == 1000
    assert set(story.machine.ladder.amounts) == {2000}


def test_an_initial_order_without_an_answer_survives_a_crash():
    """Its levels wait for it, get what it fills, and none of them sends a second entry."""
    story = GridStory(LONG)
    story.is_silent = True
    story.price("98.5")
    (sent,) = [order for order in story.machine.orders if order.shares is not None]
    after = GridStory(LONG, state=story.state, is_reconciled=False)
    after.now_ns, after.last = story.now_ns, story.last
    (found,) = [order for order in after.machine.orders if order.shares is not None]
    assert found.dump() == sent.dump()
    after.tell(
        OrderEnded(
            at_ns=after.now_ns,
            client_order_id=found.client_order_id,
            status=OrderStatus.CANCELED,
            filled=0,
        )
    )
    after.reconcile()
    after.price("98.5")

    assert after.resting() == [f"buy {price}" for price in range(90, 99)]
    after.price("110.5")

    assert after.machine.dump() == after.state
    assert after.resting() == [f"buy {price}" for price in range(90, 110)]
    assert after.residual() == 0


def test_a_state_of_nothing_leaves_the_machine_as_it_was_made():
    """A bot that ended before it wrote anything begins like a new one."""
    story = GridStory(GUARDED, state={})
    story.price("100.5")

    assert story.machine.phase is GridPhase.RUNNING
    assert len(story.resting()) == 20


# -- who is heard ------------------------------------------------------------------------------


def test_what_a_person_ends_says_where_the_price_was():
    """A protection that is put to rest is told with price, level, equity and position."""
    story = told(GUARDED, *FALL)
    worth = story.account.equity(Decimal("94.9"), Decimal(1)) + LONG.collateral
    story.ask(Act.FLATTEN)

    (line,) = story.lines("protection.cleared")
    assert (line["protection"], line["price"], line["level"]) == ("stop_loss", "94.9", 6)
    assert Decimal(str(line["equity"])) == worth


def test_a_lock_without_a_price_vetoes_nothing():
    """An escape that ran out while prices had one side only is followed when a price comes."""
    lock = LockSettings(threshold=Decimal(50))
    story = told(replace(FOLLOW, protections=ProtectionSettings(price_lock=lock)), "100", "104")
    one_side(story, bid=1040)
    story.wait(10)
    story.price("104")
    story.wait(10)

    assert story.machine.dump() == story.state


def test_scalping_is_left_alone_by_prices_without_sense():
    """The one exit is doubted only by a price that is known."""
    scalp = ProtectionSettings(scalping=ScalpingSettings(trigger_percent=60))
    fall = tuple(f"{price - 0.1:.1f}" for price in range(109, 95, -1))
    story = told(replace(LONG, protections=scalp), *fall)
    assert story.machine.is_scalping
    before = story.resting()
    for side in ({"bid": 1090}, {}, {"ask": 1090}):
        one_side(story, **side)
        story.wait(6)

    assert story.resting() == before
    assert story.lines("protection.doubted") == []
