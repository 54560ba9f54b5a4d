"""Numbers as a trader reads them."""

from decimal import Decimal

import pytest

from tui.presentation.numbers import changed_from, exact, milliseconds, number, percent, tone_of


@pytest.mark.parametrize(
    "value, decimals, is_signed, expected",
    [
        ("118402.4", 1, False, "118,402.4"),
        ("0.0020", 4, False, "0.0020"),
        ("-4.55", 2, True, "−4.55"),
        ("3.97", 2, True, "+3.97"),
        ("0", 2, True, "0.00"),
        ("-0.001", 2, True, "0.00"),
        ("1234567", 0, False, "1,234,567"),
        ("-0.0237", 4, True, "−0.0237"),
        ("NaN", 2, False, "—"),
        (None, 2, False, "—"),
    ],
)
def test_number(value, decimals, is_signed, expected):
    """Separated thousands, decimals as told, a real minus, an em dash for unknown."""
    given = None if value is None else Decimal(value)

    assert expected == number(given, decimals, is_signed=is_signed)


@pytest.mark.parametrize(
    "value, decimals, expected",
    [
        ("118402.4", 1, "118,402.4"),
        ("118402.45", 1, "118,402.45"),
        ("5", 0, "5"),
        ("1E+3", 1, "1,000.0"),
    ],
)
def test_exact_adds_decimals_that_are_needed(value, decimals, expected):
    """Half a tick is shown, not rounded away."""
    assert expected == exact(Decimal(value), decimals)


@pytest.mark.parametrize(
    "fraction, decimals, expected",
    [("0.24", 0, "24%"), ("-0.38", 1, "−38.0%"), (None, 0, "—"), ("0.222", 1, "22.2%")],
)
def test_percent(fraction, decimals, expected):
    """Fractions become per cent once, here."""
    given = None if fraction is None else Decimal(fraction)

    assert expected == percent(given, decimals)


@pytest.mark.parametrize(
    "value, expected", [(42.4, "42ms"), (1300.0, "1.3s"), (None, "—"), (0.0, "0ms")]
)
def test_milliseconds(value, expected):
    """Latency is short, and unknown is not zero."""
    assert expected == milliseconds(value)


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("118,402.4", "118,402.4", None),
        ("118,402.4", "118,402.5", 8),
        ("118,402.4", "118,502.4", 4),
        ("99.9", "100.0", 0),
    ],
)
def test_changed_digits_begin_at_the_first_difference(old, new, expected):
    """Only the digits that changed light up; a longer number changed as a whole."""
    assert expected == changed_from(old, new)


def test_tone_has_three_meanings():
    """Up, down and flat; unknown is flat."""
    assert [tone_of(Decimal(n)) for n in (1, -1, 0)] == ["up", "down", "flat"]
    assert tone_of(None) == "flat"
