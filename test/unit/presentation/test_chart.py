"""Charts as cells."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.presentation.cells import line_width, plain_text
from tui.presentation.chart import Chart, Mark, Rule, Sample, draw, nice_step, time_axis
from tui.presentation.glyphs import ASCII, FULL

NOW = datetime(2026, 3, 14, 14, 3, tzinfo=UTC)


def samples(*values):
    """One value a minute, ending now."""
    return [
        Sample(NOW - timedelta(minutes=len(values) - 1 - at), value, value, value)
        for at, value in enumerate(values)
    ]


def is_dots(char):
    """Whether a sign is braille with a dot in it."""
    return "\N{BRAILLE PATTERN BLANK}" < char <= "\u28ff"


@pytest.mark.parametrize(
    "span, wanted, expected",
    [(600.0, 4, 200.0), (60.0, 4, 20.0), (1.0, 4, 0.25), (0.0, 4, 1.0), (37.0, 3, 20.0)],
)
def test_steps_are_nice(span, wanted, expected):
    """1, 2, 2.5 or 5 times a power of ten."""
    assert expected == pytest.approx(nice_step(span, wanted))


@given(
    st.lists(st.floats(1, 1e6), min_size=1, max_size=60),
    st.integers(16, 120),
    st.integers(3, 40),
)
def test_picture_fills_its_room_exactly(values, cells, rows):
    """Whatever the data, every line is as wide as it should be."""
    lines = draw(Chart(samples=samples(*values)), cells, rows, FULL)

    assert len(lines) == rows
    assert {line_width(line) for line in lines} == {cells}


def test_rising_line_goes_from_bottom_left_to_top_right():
    """The first column is drawn low, the last one high."""
    lines = [plain_text(line) for line in draw(Chart(samples=samples(*range(40))), 60, 9, FULL)]

    first = [
        min((at for at, char in enumerate(line) if is_dots(char)), default=99) for line in lines
    ]
    assert first[0] > first[7]
    assert is_dots(lines[0].rstrip()[-1])


def test_spike_between_columns_is_not_lost():
    """A column keeps the highest of what fell into it."""
    values = [100.0] * 4000
    values[1234] = 200.0

    top = plain_text(draw(Chart(samples=samples(*values)), 60, 9, FULL)[0])

    assert any(map(is_dots, top))


def test_labels_stand_at_nice_values_and_whole_times():
    """Nobody reads 118,283.71 at an axis."""
    text = [
        plain_text(line)
        for line in draw(
            Chart(samples=samples(*(118_140 + at for at in range(361))), decimals=1), 76, 10, FULL
        )
    ]

    assert any("118,400" in line for line in text)
    assert text[-1].split() == ["10:00", "12:00", "14:00"]


def test_fills_and_levels_are_marked():
    """A fill's sign stands at its price, a level's stroke at the right edge."""
    chart = Chart(
        samples=samples(*range(60)),
        marks=[Mark(NOW - timedelta(minutes=30), 45.0, "▾", "sell")],
        rules=[Rule(5.0, "buy"), Rule(9_999.0, "sell")],
    )
    lines = draw(chart, 60, 12, FULL)

    assert sum("▾" in plain_text(line) for line in lines) == 1
    assert sum(any(span.tone == "buy" for span in line) for line in lines) == 1
    assert not any("9,999" in plain_text(line) for line in lines)


def test_old_terminal_gets_stars():
    """Without braille the line is drawn with plain signs."""
    text = "".join(plain_text(line) for line in draw(Chart(samples=samples(1, 2, 3)), 40, 6, ASCII))

    assert "*" in text
    assert text.isascii()


def test_nothing_known_draws_nothing():
    """No data, no line."""
    assert [plain_text(line).strip() for line in draw(Chart(samples=()), 40, 5, FULL)] == [""] * 5


def test_axis_of_one_moment_names_it():
    """A single point has one time."""
    assert time_axis(NOW, NOW, 40, UTC) == "14:03"
