"""The grid's acceptance vectors, told as walks of the price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.services.grid.ladder import build_ladder, follow_range
from core.services.grid.settings import GridSettings, GridType
from core.testing.grid_story import GridStory
from core.testing.grids import FREE

THREE = replace(FREE, lower_price=Decimal(97), upper_price=Decimal(100))
FOLLOW = replace(
    THREE,
    grid_type=GridType.FOLLOW_LONG,
    grid_interval=Decimal(2),
    lower_price=None,
    upper_price=None,
    follow_grid_count=5,
    follow_timeout_s=300,
)


def table(settings: GridSettings, start: str, *prices: str) -> tuple[list[str], GridStory]:
    """What rests after each price, and the story."""
    story = GridStory(settings)
    story.price(start)
    rows = [" ".join(story.resting())]
    for price in prices:
        story.price(price)
        rows.append(" ".join(story.resting()))
    return rows, story


def test_vector_1_a_long_grid_with_distance_one():
    """Two round trips of one interval each, and the ladder ends as it began."""
    rows, story = table(THREE, "99.5", "98.9", "97.9", "99.1", "100.2")

    assert rows == [
        "buy 97 buy 98 buy 99",
        "buy 97 buy 98 sell 100",
        "buy 97 sell 99 sell 100",
        "buy 97 buy 98 sell 100",
        "buy 97 buy 98 buy 99",
    ]
    assert story.machine.ledger.realized == 2
    assert story.machine.ledger.round_trips == 2
    assert story.residual() == 0


def test_vector_2_a_long_grid_with_distance_two():
    """Exits stand two intervals away, so 99.1 does nothing and each round trip earns two."""
    settings = replace(THREE, reverse_order_grid_distance=2)
    rows, story = table(settings, "99.5", "98.9", "97.9", "99.1", "100.1", "101.1")

    assert rows == [
        "buy 97 buy 98 buy 99",
        "buy 97 buy 98 sell 101",
        "buy 97 sell 100 sell 101",
        "buy 97 sell 100 sell 101",
        "buy 97 buy 98 sell 101",
        "buy 97 buy 98 buy 99",
    ]
    assert story.machine.ledger.realized == 4


def test_vector_3_a_short_grid():
    """The mirror image: sells first, buys one interval lower."""
    settings = replace(THREE, grid_type=GridType.SHORT)
    rows, story = table(settings, "97.5", "98.1", "99.1", "97.9", "96.9")

    assert rows == [
        "sell 98 sell 99 sell 100",
        "buy 97 sell 99 sell 100",
        "buy 97 buy 98 sell 100",
        "buy 97 sell 99 sell 100",
        "sell 98 sell 99 sell 100",
    ]
    assert story.machine.ledger.realized == 2
    assert story.machine.position == 0


@pytest.mark.parametrize(
    "grid_type, prices",
    [
        (GridType.MARTINGALE_LONG, [90, 92, 94, 96, 98]),
        (GridType.MARTINGALE_SHORT, [100, 98, 96, 94, 92]),
    ],
)
def test_vectors_4_and_5_martingale_amounts_grow_towards_the_adverse_edge(
    grid_type: GridType, prices: list[int]
):
    """One formula for both directions: level 1 trades most, level N the base amount."""
    settings = replace(
        THREE,
        grid_type=grid_type,
        grid_interval=Decimal(2),
        order_amount=Decimal("0.010"),
        martingale_increment=Decimal("0.002"),
        lower_price=Decimal(90),
        upper_price=Decimal(100),
    )
    ladder = build_ladder(settings)

    assert [ladder.entry_price(level) for level in range(1, 6)] == [10 * price for price in prices]
    assert ladder.amounts == (18, 16, 14, 12, 10)
    assert sum(ladder.amounts) == 70


def test_vector_4_walks_as_the_worked_example_does():
    """Each exit sells what its own level bought."""
    settings = replace(
        THREE,
        grid_type=GridType.MARTINGALE_LONG,
        grid_interval=Decimal(2),
        order_amount=Decimal("0.010"),
        martingale_increment=Decimal("0.002"),
        lower_price=Decimal(90),
        upper_price=Decimal(100),
    )
    _, story = table(settings, "99.5", "97.5", "95.5", "93.5", "96.2", "98.2")

    assert story.fills() == [
        "entry buy 0.01 @ 98",
        "entry buy 0.012 @ 96",
        "entry buy 0.014 @ 94",
        "exit sell 0.014 @ 96",
        "exit sell 0.012 @ 98",
    ]
    assert story.machine.position == Decimal("0.010")


@pytest.mark.parametrize(
    "grid_type, offset, bounds, entries",
    [
        (GridType.FOLLOW_LONG, 0, (90, 100), [90, 92, 94, 96, 98]),
        (GridType.FOLLOW_LONG, 2, (94, 104), [94, 96, 98, 100, 102]),
        (GridType.FOLLOW_SHORT, 0, (100, 110), [110, 108, 106, 104, 102]),
        (GridType.FOLLOW_SHORT, 2, (96, 106), [106, 104, 102, 100, 98]),
    ],
)
def test_vectors_6_and_7_a_follow_range_comes_from_the_price(
    grid_type: GridType, offset: int, bounds: tuple[int, int], entries: list[int]
):
    """Around 100: offset 0 makes every entry passive, offset 2 makes two of them marketable."""
    settings = replace(FOLLOW, grid_type=grid_type, price_offset_grids=offset)
    ladder = build_ladder(settings, Decimal(100))
    story = GridStory(settings)
    story.price("100")

    assert follow_range(settings, Decimal(100)) == bounds
    assert [ladder.entry_price(level) // 10 for level in range(1, 6)] == entries
    assert len(story.fills()) == offset


def test_the_worked_example_of_a_re_centre():
    """Above 102 for 300 s: cancelled, built again around the price at that moment."""
    story = GridStory(FOLLOW)
    story.price("100")
    story.price("102")
    story.price("102.1")
    story.price("103", after_s=299)
    assert story.lines("grid.reset") == []
    story.wait(1)

    assert story.resting() == ["buy 93", "buy 95", "buy 97", "buy 99", "buy 101"]
    (reset,) = story.lines("grid.reset")
    assert reset == {
        "reason": "escape",
        "old_lower_price": "90",
        "old_upper_price": "100",
        "lower_price": "93",
        "upper_price": "103",
        "levels": 5,
        "price": "103",
        "resets": 1,
    }


def test_example_e_a_short_grid_follows_downwards():
    """Below 98 for 300 s it is built again; above its range it never moves."""
    story = GridStory(replace(FOLLOW, grid_type=GridType.FOLLOW_SHORT))
    story.price("100")
    story.price("120", after_s=1)
    story.price("119", after_s=10_000)
    assert story.lines("grid.reset") == []
    story.price("97.9")
    story.wait(300)

    assert [line["upper_price"] for line in story.lines("grid.reset")] == ["107.9"]
