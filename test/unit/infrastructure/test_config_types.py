"""Field types: what is read as a number or a boolean, and what is said about the rest."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from core.infrastructure.config_types import (
    BoolStrict,
    DecimalText,
    IntText,
    Name,
    NonNegativeDecimal,
    NonNegativeInt,
    PositiveDecimal,
    PositiveInt,
)


def refusal(kind, value):
    """The sentence that a value is refused with."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "value, expected",
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("10", "10"),
        ("118000.50", "118000.50"),
        ("-3.25", "-3.25"),
        ("0.000000000000000001", "1E-18"),
        (7, "7"),
        (Decimal("1.5"), "1.5"),
    ],
)
def test_plain_numbers_are_exact(value, expected):
    """The digits that were written are the digits of the Decimal."""
    assert str(TypeAdapter(DecimalText).validate_python(value)) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1e-3", 'must be a plain number, found "1e-3": exponents are refused, write 0.001.'),
        ("5E2", "write 500."),
        ("1.5e+3", "write 1500."),
        ("1e999", 'found "1e999".'),
        ("nan", "it must be finite."),
        ("-.inf", "it must be finite."),
        ("Infinity", "it must be finite."),
        ("010", "write 10."),
        ("-007.5", "write -7.5."),
        ("1_000", "write 1000."),
        ("118,000.5", "write 118000.5."),
        ("1 000", "write 1000."),
        (" 5", "write 5."),
        ("5\n", "write 5."),
        ("+5", "write 5."),
        (".5", "write 0.5."),
        ("5.", "write 5."),
        ("0.5%", "write the fraction 0.005."),
        ("0x1F", 'found "0x1F".'),
        ("\u0661", 'found "\u0661".'),
        ("five", 'found "five".'),
        ("", "give a value."),
        ("   ", "give a value."),
        ("1" * 41, "at most 40 digits."),
        ("1.1.1", 'found "1.1.1".'),
        ("--1", 'found "--1".'),
        (True, "must be a number, found true."),
        (None, "must be a number, found nothing."),
        ([], "must be a number, found a list."),
        ({}, "must be a number, found a block of keys."),
        (0.1, "must be a number given as text"),
        (Decimal("NaN"), "found"),
    ],
)
def test_what_is_no_plain_number_is_refused_with_a_way_out(text, expected):
    """Exponents, blanks, separators and the like are answered with what to write."""
    assert expected in refusal(DecimalText, text)


def test_bounds_are_kept():
    """Zero is no positive number, and negative ones are neither."""
    assert "greater than 0" in refusal(PositiveDecimal, "0")
    assert "greater than or equal to 0" in refusal(NonNegativeDecimal, "-0.1")
    assert "greater than 0" in refusal(PositiveInt, "0")
    assert "greater than or equal to 0" in refusal(NonNegativeInt, "-1")
    assert TypeAdapter(NonNegativeDecimal).validate_python("0") == 0


def test_whole_numbers_have_no_point():
    """A whole number is written as one."""
    assert TypeAdapter(IntText).validate_python("-12") == -12
    assert TypeAdapter(IntText).validate_python(12) == 12
    assert refusal(IntText, "10.0") == 'must be a whole number, found "10.0".'
    assert "write 10." in refusal(IntText, "010")
    assert "found true" in refusal(IntText, True)


@pytest.mark.parametrize(
    "value, expected",
    [
        ("on", 'must be true or false, found "on": write true.'),
        ("No", 'must be true or false, found "No": write false.'),
        ("true", "write true without quotes."),
        ("1", 'must be true or false, found "1".'),
        (1, 'must be true or false, found "1".'),
        (None, "must be true or false, found nothing."),
    ],
)
def test_booleans_are_bare_true_and_false(value, expected):
    """Nothing else is taken for a boolean."""
    assert expected in refusal(BoolStrict, value)
    assert TypeAdapter(BoolStrict).validate_python(False) is False


@pytest.mark.parametrize("value", ["", "a b", "../x", "a/b", ".hidden", "x" * 65, "a\x1b"])
def test_names_are_safe_as_file_names(value):
    """A name holds letters, digits, dot, dash and underscore only."""
    assert refusal(Name, value)
    assert TypeAdapter(Name).validate_python("btc-1.x_Y") == "btc-1.x_Y"
