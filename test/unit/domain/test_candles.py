"""Candles in integers."""

import pytest

from core.domain.candles import Candle, path, point_times, timeframe_ns

MINUTE = 60 * 10**9


def candle(opened, high, low, closed):
    """A candle of these prices."""
    return Candle(open_ns=0, open=opened, high=high, low=low, close=closed, volume=1)


@pytest.mark.parametrize(
    "direction, expected",
    [(1, (100, 90, 120, 110)), (-1, (100, 120, 90, 110)), (0, (100, 90, 120, 110))],
)
def test_the_extreme_that_hurts_comes_first(direction, expected):
    """A long bot sees the low before the high, a short one the high before the low."""
    assert expected == path(candle(100, 120, 90, 110), direction)


def test_without_a_direction_a_falling_candle_goes_to_its_high_first():
    """For a bot without direction the way follows from where the candle closed."""
    assert path(candle(110, 120, 90, 100), 0) == (110, 120, 90, 100)


def test_all_points_lie_strictly_before_the_next_open():
    """The four points are spread evenly, and none falls on the next candle's open."""
    times = point_times(1_000, MINUTE)

    assert times == (1_000, 1_000 + MINUTE // 4, 1_000 + MINUTE // 2, 1_000 + 3 * MINUTE // 4)
    assert times[-1] < 1_000 + MINUTE


@pytest.mark.parametrize(
    "opened, high, low, closed", [(100, 99, 90, 95), (100, 120, 101, 110), (1, 1, 0, 1)]
)
def test_prices_outside_low_and_high_are_no_candle(opened, high, low, closed):
    """Open and close lie between low and high, and all are above 0."""
    with pytest.raises(ValueError, match="no candle"):
        candle(opened, high, low, closed)


@pytest.mark.parametrize(
    "timeframe, nanoseconds",
    [("1m", MINUTE), ("5m", 5 * MINUTE), ("4h", 240 * MINUTE), ("1d", 1440 * MINUTE)],
)
def test_a_timeframe_is_a_number_and_a_unit(timeframe, nanoseconds):
    """Timeframes are read as nanoseconds."""
    assert timeframe_ns(timeframe) == nanoseconds


@pytest.mark.parametrize("text", ["", "m", "0m", "-1m", "1.5m", "1x", "1m ", "\u0661m"])
def test_another_text_is_no_timeframe(text):
    """Only whole numbers above 0 with a known unit are timeframes."""
    with pytest.raises(ValueError, match="is no interval"):
        timeframe_ns(text)
