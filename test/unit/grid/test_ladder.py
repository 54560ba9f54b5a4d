"""Levels, amounts and indices."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.services.grid.ladder import Ladder, build_ladder, escape_edge, follow_range
from core.services.grid.settings import GridType
from core.testing.grids import FREE, INSTRUMENT, following

FOLLOW = following(replace(FREE, grid_interval=Decimal(2)), levels=5)
LADDER = Ladder(
    entry_side=OrderSide.BUY, lower=900, upper=1003, interval=20, distance=1, amounts=(1,) * 5
)


@pytest.mark.parametrize(
    "ticks, long, short",
    [
        (900, 1, 5),
        (909, 1, 5),
        (910, 2, 5),
        (929, 2, 5),
        (930, 3, 5),
        (1200, 5, 1),
        (100, 1, 5),
        (Decimal("909.5"), 1, 5),
        (Decimal("910.5"), 2, 5),
    ],
)
def test_the_level_of_a_price_is_the_nearest_half_up(ticks: Decimal | int, long: int, short: int):
    """Half an interval counts to the next level, and the ends are clamped."""
    mirrored = replace(LADDER, entry_side=OrderSide.SELL)

    assert LADDER.index_of(ticks) == long
    assert mirrored.index_of(ticks) == short


def test_a_short_index_rounds_half_up_as_well():
    """From the upper price downwards: 993 is half an interval below 1003."""
    mirrored = replace(LADDER, entry_side=OrderSide.SELL)

    assert [mirrored.index_of(ticks) for ticks in (1003, 994, 993, 992)] == [1, 1, 2, 2]


def test_what_the_interval_leaves_over_is_unused():
    """5 times 20 in 103 ticks leaves 3."""
    assert LADDER.unused == 3


def test_exits_may_lie_outside_the_range():
    """With distance 3 the top level exits two intervals beyond its upper edge."""
    ladder = replace(LADDER, distance=3)

    assert [ladder.exit_price(level) for level in (1, 5)] == [960, 1040]


def test_a_follow_range_rounds_outwards():
    """Down for the lower price, up for the upper."""
    assert follow_range(FOLLOW, Decimal("100.04")) == (Decimal("90.0"), Decimal("100.1"))
    short = replace(FOLLOW, grid_type=GridType.FOLLOW_SHORT)
    assert follow_range(short, Decimal("100.04")) == (Decimal("100.0"), Decimal("110.1"))


def test_every_entry_of_an_unshifted_follow_grid_is_passive():
    """Rounding never puts one on the wrong side of the price."""
    for cents in range(10_000, 10_050):
        price = Decimal(cents) / 100
        long = build_ladder(FOLLOW, price)
        short = build_ladder(replace(FOLLOW, grid_type=GridType.FOLLOW_SHORT), price)

        assert long.entry_price(5) * INSTRUMENT.tick_size < price
        assert short.entry_price(5) * INSTRUMENT.tick_size > price


@pytest.mark.parametrize(
    "distance, exits, edge", [(0, 1, 1020), (1, 1, 1020), (3, 1, 1060), (1, 4, 1080)]
)
def test_the_escape_edge_is_beyond_every_exit(distance: int, exits: int, edge: int):
    """The larger of follow_distance and the exits' own distance counts."""
    settings = replace(FOLLOW, follow_distance=distance, reverse_order_grid_distance=exits)

    assert escape_edge(settings, build_ladder(settings, Decimal(100))) == edge


def test_a_range_that_would_reach_zero_is_refused():
    """There are no prices there."""
    with pytest.raises(ValueError, match="fewer levels"):
        build_ladder(FOLLOW, Decimal(10))
