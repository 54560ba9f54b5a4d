"""Identities of letters and digits, made from a source of chance."""

from __future__ import annotations

from core.infrastructure.rng import Rng

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """A whole number in digits and lower-case letters.

    Raises:
        ValueError: For a negative number.
    """
    if number < 0:
        raise ValueError(f"{number} is negative")
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def random_id(rng: Rng, length: int = 10) -> str:
    """Random letters and digits; ten of them hold 51 bits."""
    return "".join(_DIGITS[rng.integer(0, 35)] for _ in range(length))
