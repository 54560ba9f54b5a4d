"""Widths in cells, wide characters included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.presentation.cells import (
    Span,
    centre,
    changed_cells,
    crop,
    fit,
    folded,
    left,
    line_width,
    plain_text,
    right,
    spread,
    width,
)

TEXT = st.text(alphabet="abc 123,.−●挂单卖é…", max_size=40)


@pytest.mark.parametrize(
    "text, expected", [("abc", 3), ("挂单", 4), ("●▏─", 3), ("e\N{COMBINING ACUTE ACCENT}", 1)]
)
def test_width_counts_wide_characters_twice(text, expected):
    """Chinese takes two cells, signs one, combining marks none."""
    assert expected == width(text)


@given(TEXT, st.integers(0, 30))
def test_every_alignment_fills_exactly(text, cells):
    """Left, right and centre give exactly the cells they were asked for."""
    for align in (left, right, centre):
        assert width(align(text, cells)) == cells


@given(TEXT, st.integers(0, 30))
def test_crop_never_exceeds_its_room(text, cells):
    """What does not fit is cut."""
    assert width(crop(text, cells)) <= cells


@given(st.lists(TEXT, max_size=6), st.integers(0, 40))
def test_fit_gives_exactly_the_room(texts, cells):
    """A line of any spans fills its room exactly."""
    line = tuple(Span(text) for text in texts)

    assert line_width(fit(line, cells)) == cells


@given(TEXT, TEXT, st.integers(1, 60))
def test_spread_gives_exactly_the_room(start, end, cells):
    """Two ends share a line without overlapping."""
    assert line_width(spread((Span(start),), (Span(end),), cells)) == cells


def test_cut_shows_that_something_was_cut():
    """An ellipsis marks what is missing."""
    assert plain_text(fit((Span("abcdef"),), 4)) == "abc…"
    assert crop("挂单阶梯", 5) == "挂单…"


def test_changed_cells_are_those_between_the_first_and_the_last_difference():
    """Equal spans at both ends are left alone; wide characters count as two cells."""
    was = (Span("价 "), Span("118"), Span(" ok"))
    now = (Span("价 "), Span("119"), Span(" ok"))

    assert changed_cells(was, now) == (3, 6)
    assert changed_cells(was, (*was[:-1], Span(" no"))) == (6, 9)
    assert changed_cells((Span("a", "dim"),), (Span("a", "up"),)) == (0, 1)
    assert changed_cells((Span("ab"),), (Span("a"), Span("b"))) == (0, 2)


def test_a_folded_text_loses_no_word_and_no_line_is_too_wide():
    """Wide characters count as two cells; what begins indented goes on further in."""
    text = "  exit.of_fill: the entry was filled: this sells what it brought in"
    lines = folded(text, 30)

    assert " ".join(line.strip() for line in lines) == text.strip()
    assert all(len(line) <= 30 for line in lines)
    assert lines[1].startswith("    ")
    assert all(width(line) <= 20 for line in folded("挂单保留 不再发送新单 等待价格", 20))
    assert folded("", 30) == [""]
