"""What the account holds beyond our fills: left alone, or closed where the file says so by name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.events import Act, Reconciled
from core.domain.policies import OnExit
from core.services.grid.protections.settings import ProtectionSettings, TakeProfitSettings
from core.services.grid.settings import GridSettings, GridType, HealthSettings
from core.services.grid.snapshot import GridPhase
from core.testing.grid_story import GridStory
from core.testing.grids import FREE

GRID = replace(FREE, health=HealthSettings(position_tolerance=Decimal(1)))
SYMBOL = replace(GRID, flattens_symbol=True)
FIXED = replace(GRID, fixes_position=True)
SIDES = pytest.mark.parametrize("kind", [GridType.LONG, GridType.SHORT])


def tell(settings: GridSettings, *prices: str) -> GridStory:
    """A grid and a walk; for a short one the mirror image of it."""
    story = GridStory(settings)
    for price in prices:
        is_long = settings.entry_side.sign > 0
        story.price(price if is_long else str(200 - Decimal(price)))
    return story


def compare(story: GridStory, foreign: str) -> None:
    """Journal and venue are compared; the venue holds so much beyond our fills, on our side."""
    signed = Decimal(foreign) * story.settings.entry_side.sign
    lots = int(signed / story.instrument.lot_size)
    story.tell(
        Reconciled(
            at_ns=story.now_ns,
            open_orders=frozenset(story.orders),
            foreign_orders=0,
            venue_position=int(story.account.base / story.instrument.lot_size) + lots,
            foreign_position=lots,
        )
    )
    assert story.residual() == 0
    assert story.machine.dump() == story.state


@SIDES
def test_what_is_not_ours_is_left_alone(kind: GridType):
    """Five units of others: a flatten closes our three, and nothing else."""
    story = tell(replace(GRID, grid_type=kind), "109.5", "106.9")
    compare(story, "5")
    story.ask(Act.FLATTEN)

    assert story.fills()[-3:] == [line for line in story.fills()[-3:] if "flatten" in line]
    assert story.machine.position == 0


@SIDES
def test_flatten_scope_symbol_closes_all_there_is(kind: GridType):
    """Our three and the five of others go by one reduce-only order, and the end says closed."""
    story = tell(replace(SYMBOL, grid_type=kind), "109.5", "106.9")
    compare(story, "5")
    story.ask(Act.STOP_FLATTEN)

    sign = story.settings.entry_side.sign
    assert story.account.base == -5 * sign
    assert story.machine.adopted == 5 * sign
    assert story.machine.closable_lots == 0
    assert story.machine.is_stopped
    assert story.residual() == 0


@SIDES
def test_flatten_scope_symbol_counts_both_directions(kind: GridType):
    """Three of ours against five of others the other way leave two to be bought back."""
    story = tell(replace(SYMBOL, grid_type=kind), "109.5", "106.9")
    compare(story, "-5")
    story.ask(Act.STOP_FLATTEN)

    assert story.account.base == 5 * story.settings.entry_side.sign
    assert story.machine.closable_lots == 0
    assert story.residual() == 0


def test_a_reset_closes_only_what_is_ours():
    """The grid goes on, and what is not ours stays."""
    told = ProtectionSettings(take_profit=TakeProfitSettings(fraction=Decimal("0.001")))
    story = tell(replace(SYMBOL, protections=told, reverse_order_grid_distance=9), "100")
    compare(story, "5")
    story.price("100.5")
    story.wait(3)

    assert story.lines("grid.reset")
    assert story.account.base == story.machine.position
    assert story.machine.adopted == 0


@SIDES
def test_a_difference_is_fixed_by_a_reduce_only_order(kind: GridType):
    """What is beyond our fills is closed; our slots and their orders stay what they were."""
    story = tell(replace(FIXED, grid_type=kind), "109.5", "106.9")
    before = story.resting()
    compare(story, "5")
    command = next(
        item
        for item in story.commands
        if getattr(item, "reason", None) and item.reason.rule == "fix.position"
    )

    assert command.reduce_only
    assert command.amount == 5000
    assert story.resting() == before
    assert story.machine.adopted == 5 * story.settings.entry_side.sign
    assert story.machine.closable_lots == 3000
    # The next comparison finds the same, and there is nothing left to do.
    count = len(story.commands)
    compare(story, "5")
    assert len([item for item in story.commands[count:] if hasattr(item, "side")]) == 0


def test_a_difference_within_the_tolerance_is_ignored():
    """One unit is what the file tolerates."""
    story = tell(FIXED, "109.5", "106.9")
    compare(story, "1")

    assert story.machine.adopted == 0


@SIDES
def test_where_less_is_held_no_entry_is_sent(kind: GridType):
    """An order could only open: entries are withheld until the two agree again."""
    story = tell(replace(FIXED, grid_type=kind), "109.5", "106.9")
    held = [
        text for text in story.resting() if text.startswith("buy" if kind == "long" else "sell")
    ]
    compare(story, "-2")
    assert len(story.resting()) == 20 - len(held)
    assert story.lines("grid.position_missing")[0]["difference"] in ("-2", "2")
    compare(story, "0")

    assert len(story.resting()) == 20


def test_what_was_adopted_survives_a_crash():
    """The machine that comes back knows what it has closed of others."""
    story = tell(FIXED, "109.5", "106.9")
    compare(story, "5")
    after = story.restart()

    assert after.machine.adopted == 5
    assert after.machine.closable_lots == 3000


@SIDES
def test_what_the_venue_no_longer_holds_is_not_closed_for_ever(kind: GridType):
    """A position that was liquidated: three tries fail, it is said once, and the grid holds."""
    story = tell(replace(GRID, grid_type=kind), "109.5", "106.9")
    held = abs(story.machine.position)
    story.taker_lots = 0
    compare(story, f"-{held}")
    story.ask(Act.FLATTEN)
    story.wait(600)

    assert len(story.lines("grid.nothing_to_close")) == 1
    assert story.lines("grid.degraded") == []
    assert story.machine.phase is GridPhase.HOLDING
    assert abs(story.machine.position) == held
    assert story.machine.dump() == story.state


def test_a_liquidation_found_out_later_ends_the_tries_as_well():
    """While the venue was not asked the close is tried; the comparison that shows it ends that."""
    story = tell(GRID, "109.5", "106.9")
    story.taker_lots = 0
    story.ask(Act.FLATTEN)
    story.wait(30)
    assert story.machine.phase is GridPhase.DEGRADED
    compare(story, f"-{story.machine.position}")
    story.wait(120)

    assert len(story.lines("grid.degraded")) == 1
    assert len(story.lines("grid.nothing_to_close")) == 1
    assert story.machine.phase is GridPhase.HOLDING


def test_what_the_venue_still_holds_is_closed_however_often_it_takes():
    """A part was taken over: the rest is there, so trying goes on until it is closed."""
    story = tell(GRID, "109.5", "106.9")
    story.taker_lots = 0
    compare(story, "-1")
    story.ask(Act.FLATTEN)
    story.wait(60)

    assert story.lines("grid.nothing_to_close") == []
    assert story.machine.phase is GridPhase.DEGRADED


def test_after_the_last_price_a_refused_close_is_refused_for_good():
    """A recording has ended: nothing will change any more, so three tries are enough."""
    story = tell(replace(GRID, on_exit=OnExit.FLATTEN), "109.5", "106.9")
    story.taker_lots = 0
    story.end_feed()
    story.wait(30)

    assert story.machine.is_stopped
    assert len(story.lines("grid.nothing_to_close")) == 1
