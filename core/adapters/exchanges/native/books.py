"""A book's sides from the texts of the wire, checked, in one place for every venue."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from core.adapters.exchanges.decoding import number
from core.adapters.exchanges.models import BookLevel

SHOWN: Final = 50
"""Levels a side that a streamed book tells of."""


def levels_of(pairs: Iterable[tuple[str, str]]) -> tuple[BookLevel, ...]:
    """Levels from (price, amount) as text.

    Raises:
        ValueError: If a price or an amount is none, or not above 0.
    """
    found = tuple(BookLevel(number(price), number(amount)) for price, amount in pairs)
    for level in found:
        if level.price <= 0 or level.amount <= 0:
            raise ValueError(f"{level.amount} at {level.price} is no level")
    return found


def check_sides(bids: tuple[BookLevel, ...], asks: tuple[BookLevel, ...]) -> None:
    """Checks that bids fall, asks rise, and neither reaches the other.

    Raises:
        ValueError: If not.
    """
    for side, sign in ((bids, -1), (asks, 1)):
        for first, second in pairwise(side):
            if (second.price - first.price) * sign <= 0:
                raise ValueError(f"{second.price} stands behind {first.price}")
    if bids and asks and bids[0].price >= asks[0].price:
        raise ValueError(f"the bid {bids[0].price} reaches the ask {asks[0].price}")
