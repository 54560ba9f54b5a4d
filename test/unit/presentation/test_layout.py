"""The plan of every screen at every size."""

import pytest

from tui.presentation.layout import MINIMUM, arrange, classes, has_room


def sizes():
    """Every size from the least to a very large one."""
    return [(width, height) for width in range(80, 241, 3) for height in range(24, 71)]


@pytest.mark.parametrize("screen", ["home", "grid", "log"])
def test_no_panel_is_under_its_minimum(screen):
    """A panel is absent or large enough to be worth drawing."""
    for width, height in sizes():
        for name, box in arrange(screen, width, height - 3).boxes.items():
            least = MINIMUM[name]
            assert box.width >= least.width, (name, width, height)
            assert box.height >= least.height, (name, width, height)


@pytest.mark.parametrize("screen", ["home", "grid", "log"])
def test_panels_tile_the_body_without_gap_or_overlap(screen):
    """Every cell of the body belongs to exactly one panel."""
    for width, height in ((80, 21), (100, 21), (120, 33), (160, 33), (199, 47), (240, 67)):
        boxes = arrange(screen, width, height).boxes.values()
        cells = [
            (x, y)
            for box in boxes
            for x in range(box.x, box.x + box.width)
            for y in range(box.y, box.y + box.height)
        ]
        assert len(cells) == len(set(cells)) == width * height


def test_normal_size_is_as_drawn():
    """120x36 gives the boxes of the drawings."""
    boxes = arrange("grid", 120, 33).boxes

    assert boxes["ladder"] == (0, 0, 44, 33)
    assert boxes["price"] == (44, 0, 76, 11)
    assert boxes["result"] == (44, 11, 38, 12)
    assert boxes["health"] == (82, 11, 38, 12)
    assert boxes["fills"] == (44, 23, 76, 10)


def test_narrow_shows_one_tab_at_a_time():
    """The chosen tab, and one line of facts above it."""
    plan = arrange("grid", 80, 21, active="fills")

    assert set(plan.boxes) == {"facts", "fills"}
    assert plan.tabs == ("ladder", "price", "result", "health", "fills")


def test_wide_lets_a_further_panel_join_and_the_chart_grow():
    """From 160 columns there is room for orders, or requests at home."""
    assert "orders" in arrange("grid", 160, 33).boxes
    assert "requests" in arrange("home", 160, 33).boxes
    assert arrange("grid", 160, 33).boxes["price"].width > 76


def test_zoom_gives_everything_to_one_panel():
    """The plan has a single panel."""
    assert arrange("grid", 120, 33, zoomed="fills").boxes == {"fills": (0, 0, 120, 33)}


@pytest.mark.parametrize(
    "size, expected",
    [
        ((80, 24), ("-narrow", "-short")),
        ((99, 30), ("-narrow",)),
        ((100, 36), ("-normal",)),
        ((160, 29), ("-wide", "-short")),
    ],
)
def test_breakpoints(size, expected):
    """Narrow under 100, wide from 160, short under 30 rows."""
    assert expected == classes(*size)


def test_least_size():
    """80x24 is enough, one less is not."""
    assert has_room(80, 24)
    assert not has_room(79, 24)
    assert not has_room(80, 23)
