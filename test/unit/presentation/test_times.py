"""Ages and clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from tui.presentation.times import age, clock, countdown, since, zone

NOW = datetime(2026, 3, 14, 14, 3, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    "seconds, expected",
    [
        (0.34, "0.3s"),
        (7.4, "7.4s"),
        (9.99, "9.9s"),
        (47, "47s"),
        (47 * 60, "47m"),
        (3600 + 14 * 60, "1h14m"),
        (3 * 86400 + 4 * 3600 + 59, "3d04h"),
        (-2, "0.0s"),
        (None, "—"),
    ],
)
def test_age(seconds, expected):
    """The unit follows the size."""
    assert expected == age(seconds)


def test_coarse_age_has_no_tenths():
    """Where seconds are enough, seconds are shown."""
    assert age(6.9, is_fine=False) == "6s"


@pytest.mark.parametrize(
    "seconds, expected", [(4, "4s"), (559, "9m 19s"), (6960, "1h 56m"), (-1, "0s")]
)
def test_countdown(seconds, expected):
    """How long until, never below zero."""
    assert expected == countdown(seconds)


@pytest.mark.parametrize(
    "name, expected",
    [("utc", "14:03:27Z"), ("Asia/Shanghai", "22:03:27+8"), ("Asia/Kolkata", "19:33:27+5:30")],
)
def test_clock_names_its_zone(name, expected):
    """A time of day is never without its zone."""
    assert expected == clock(NOW, zone(name))


def test_short_clock_leaves_the_seconds():
    """Narrow bars keep hours and minutes."""
    assert clock(NOW, is_short=True) == "14:03Z"


def test_since_is_unknown_without_a_moment():
    """No moment, no age."""
    assert since(NOW, None) is None
    assert since(NOW, NOW - timedelta(seconds=3)) == 3.0


def test_unknown_zone_is_refused():
    """A zone this machine does not know is an error, not a guess."""
    with pytest.raises(ValueError, match="not known here"):
        zone("Mars/Olympus")
