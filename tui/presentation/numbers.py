"""Numbers as a trader reads them: thousands separated, a real minus, decimals true to the tick.

Unknown is an em dash, zero is a zero, and a change always shows its sign.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

MINUS = "\N{MINUS SIGN}"
UNKNOWN = "—"
WIDEST_DECIMALS = 12


@lru_cache(maxsize=8192)
def number(value: Decimal | None, decimals: int, *, is_signed: bool = False) -> str:
    """`value` with a fixed number of decimals, rounded half to even.

    Args:
        value: None is shown as an em dash.
        decimals: From the instrument, never a fixed two.
        is_signed: Whether a value above zero gets its plus.
    """
    if value is None:
        return UNKNOWN
    if not value.is_finite():
        return UNKNOWN
    text = f"{abs(value):,.{decimals}f}"
    if not any(digit in text for digit in "123456789"):
        return text
    if value < 0:
        return MINUS + text
    return "+" + text if is_signed else text


def signed(value: Decimal | None, decimals: int = 2) -> str:
    """A change, a result or a position: the sign is always shown."""
    return number(value, decimals, is_signed=True)


def percent(fraction: Decimal | float | None, decimals: int = 0, *, is_signed: bool = False) -> str:
    """A fraction as per cent: 0.24 is `24%`."""
    if fraction is None:
        return UNKNOWN
    text = number(Decimal(fraction) * 100, decimals, is_signed=is_signed)
    return text if text == UNKNOWN else f"{text}%"


@lru_cache(maxsize=1024)
def exact(value: Decimal | None, decimals: int) -> str:
    """`value` with at least `decimals` decimals, and as many more as it needs to be exact."""
    if value is None:
        return UNKNOWN
    needed = -int(value.normalize().as_tuple().exponent)
    return number(value, min(WIDEST_DECIMALS, max(decimals, needed)))


def milliseconds(value: float | None) -> str:
    """A latency: `42ms`, `1.3s`, or an em dash."""
    if value is None:
        return UNKNOWN
    return f"{value:.0f}ms" if value < 1000 else f"{value / 1000:.1f}s"


def tone_of(value: Decimal | None) -> str:
    """The meaning of a signed value: `up`, `down` or `flat`."""
    if value is None or not value:
        return "flat"
    return "up" if value > 0 else "down"


def changed_from(old: str, new: str) -> int | None:
    """Index of the first character of `new` that differs from `old`, or None when equal.

    Numbers are compared from the left only where they are equally long; a number that got longer
    or shorter changed as a whole.
    """
    if old == new:
        return None
    if len(old) != len(new):
        return 0
    return next(index for index, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
