"""What a protection asks for, and which of several is heard.

    rank  source                      asks for                    blocks
    0     halted by risk              nothing at all              everything
    1     you, or the end             what you asked for          2 to 7
    2     stop loss                   close, then reset or stop   3 to 7
    3     take profit                 close, then reset or stop   4 to 7
    4     capital protection          close, then reset or stop   5 to 7
    5     scalping                    one exit for everything     6 and 7, and the slots' exits
    6     price lock                  no following                7
    7     following                   close, then reset           nothing

The lowest rank wins. A directive in progress blocks those of its own rank and above it; one of a
lower rank takes its place, which happens only between two events, so never in the middle of a call
to the venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Rank(IntEnum):
    """Order of precedence; the lowest is heard."""

    HALTED = 0
    OPERATOR = 1
    STOP_LOSS = 2
    TAKE_PROFIT = 3
    CAPITAL_PROTECTION = 4
    SCALPING = 5
    PRICE_LOCK = 6
    FOLLOW = 7
    NONE = 8


class Act(StrEnum):
    """What is to be done."""

    RESET = "reset"
    """Cancel, close, and build anew."""
    STOP = "stop"
    """Cancel, close, and end."""
    SCALP = "scalp"
    """Cancel the exits and close by one order for everything."""
    RETURN = "return"
    """End scalping and give the slots their exits again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One protection's wish."""

    rank: Rank
    act: Act
    source: str
    """Name of the protection, such as `stop_loss`."""
    reason: str
    """Why, in words."""
    waits_for_price: bool = False
    """Whether the new ladder waits until the price is back."""
    cancels: bool = True
    """Whether orders are cancelled."""
    flattens: bool = True
    """Whether the position is closed."""
    is_entries_first: bool = False
    """Whether the position is closed before exits are cancelled."""
