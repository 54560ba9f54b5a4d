"""Frames, top bar, message line, tables, CSV and signs."""

from decimal import Decimal

import pytest

from tui.presentation import table
from tui.presentation.cells import Span, line_width, plain_text, width
from tui.presentation.csv import csv_text, safe
from tui.presentation.frame import frame_bottom, frame_top
from tui.presentation.glyphs import ASCII, FULL, PLAIN, SETS, choose, in_ascii
from tui.presentation.message import message_line
from tui.presentation.table import Column
from tui.presentation.topbar import Bar, top_bar


def test_frame_gives_way_part_by_part_and_never_cuts_a_number():
    """A state that does not fit loses its last parts; half a number would be a wrong one."""
    title = (Span("Ladder"),)
    state = "paused · BTC-USDC-PERP · 99"

    assert "paused · BTC-USDC-PERP · 99" in plain_text(frame_top(44, title, state, FULL, ""))
    assert "paused · BTC-USDC-PERP ─" in plain_text(frame_top(38, title, state, FULL, ""))
    assert "paused ─" in plain_text(frame_top(24, title, state, FULL, ""))


@pytest.mark.parametrize("cells", [10, 24, 44, 120])
def test_frame_is_exactly_as_wide_as_its_panel(cells):
    """Corners meet."""
    top = frame_top(cells, (Span("A long title here"),), "state", FULL, "")
    bottom = frame_bottom(cells, "footing", FULL, "", notice="a notice that is long")

    assert line_width(top) == line_width(bottom) == cells


def test_notice_outlives_the_footing():
    """A warning stays where a hint leaves."""
    line = plain_text(
        frame_bottom(40, "c centre   / go to price", FULL, "", "prices are simulated")
    )

    assert "prices are simulated" in line
    assert "centre" not in line


def test_top_bar_of_the_drawing(samples, look):
    """Name, mode, screen, lights, equity, day, clock."""
    bar = Bar(
        mode="paper",
        screen="grid",
        feed="live",
        lights=samples.LIGHTS,
        equity=Decimal("12480.33"),
        day_change=Decimal("38.12"),
        at=samples.NOW,
    )

    assert plain_text(top_bar(bar, 120, look)) == (
        " ctos ▏ PAPER ▏ grid ▏ lighter ● 42ms  book 0.1s  orders 0.3s  account 0.8s"
        "    equity 12,480.33  day +38.12 ▏ 14:03:27Z "
    )
    assert plain_text(top_bar(bar, 80, look)) == (
        " ctos ▏ PAPER ▏ grid ▏ lighter ● 42ms                           +38.12 ▏ 14:03Z "
    )


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"mode": "live"}, "LIVE"),
        ({"feed": "btc-2026-03.csv"}, "REPLAY"),
        ({"is_read_only": True}, "PAPER READ-ONLY"),
        ({"is_halted": True}, "PAPER HALTED"),
        ({"feed": "sim:7"}, "prices sim:7"),
    ],
)
def test_top_bar_never_lies_about_the_mode(look, changes, expected):
    """Live, replay, read-only, halted and simulated prices each have a word."""
    given = {"mode": "paper", "screen": "grid"} | changes

    assert expected in plain_text(top_bar(Bar(**given), 120, look))


def test_message_line_puts_the_gravest_first(look):
    """An error, then what was asked, then the state; what does not fit leaves."""
    line = message_line(
        Span("not sent", "error"), "", 60, look, asked="asked: pause", states=(Span("paused"),)
    )
    short = message_line(
        Span("not sent", "error"), "", 30, look, asked="asked: pause", states=(Span("paused"),)
    )

    assert " ".join(plain_text(line).split()) == "not sent · ◆ asked: pause · paused"
    assert "paused" not in plain_text(short)


def test_columns_leave_from_the_right(look):
    """What matters least stands last and leaves first."""
    columns = (Column("bots.app", 5), Column("bots.venue", 8), Column("bots.pnl", 8, is_right=True))

    assert table.widths(columns, 40) == (5, 8, 8)
    assert table.widths(columns, 20) == (5, 8)
    assert table.widths(columns, 6) == (5,)


def test_growing_column_takes_the_rest_up_to_its_most():
    """Wide screens do not tear a table apart."""
    columns = (Column("", 4, most=10), Column("", 4))

    assert table.widths(columns, 40) == (10, 4)


@pytest.mark.parametrize(
    "cell, expected",
    [
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("+cmd|x", "'+cmd|x"),
        ("-0.0237", "-0.0237"),
        ("-1+2", "'-1+2"),
        ("buy", "buy"),
    ],
)
def test_no_cell_is_taken_for_a_formula(cell, expected):
    """Plain numbers stay numbers; everything else that begins like a formula is quoted."""
    assert expected == safe(cell)


def test_csv_quotes_what_needs_quoting():
    """Commas and quotes survive the way to a spreadsheet."""
    assert csv_text(("a", "b"), [('x,"y"', "=1")]) == 'a,b\n"x,""y""",\'=1\n'


@pytest.mark.parametrize(
    "setting, encoding, sign, line, expected",
    [
        ("auto", "utf-8", 1, 1, FULL),
        ("auto", "utf-8", 2, 1, PLAIN),
        ("auto", "utf-8", 2, 2, ASCII),
        ("auto", "iso-8859-1", 1, 1, ASCII),
        ("plain", "utf-8", 1, 1, PLAIN),
    ],
)
def test_signs_follow_what_the_terminal_can(setting, encoding, sign, line, expected):
    """Ambiguous widths and old encodings get simpler signs; a setting wins."""
    assert choose(setting, encoding, sign_cells=sign, line_cells=line) is expected


def test_every_sign_takes_one_cell():
    """Frames and columns count on it."""
    for glyphs in SETS.values():
        signs = [glyphs.horizontal, glyphs.vertical, glyphs.bar, glyphs.bar_rest, glyphs.cursor]
        signs += [*glyphs.corners, glyphs.light_on, glyphs.light_off, *glyphs.light_turning]
        assert {width(sign) for sign in signs} == {1}


def test_ascii_set_is_ascii():
    """Nothing an old terminal could not draw."""
    for value in vars(type(ASCII))["__slots__"]:
        text = getattr(ASCII, value)
        assert isinstance(text, bool) or "".join(text).isascii()
    assert in_ascii("−1.0 · a → b…") == "-1.0 - a > b."
