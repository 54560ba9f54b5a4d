"""A book's sides from the texts of the wire, checked, in one place for every venue."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Final

from core.adapters.exchanges.models import BookLevel
from core.adapters.exchanges.native.numbers import Numbers

SHOWN: Final = 50
"""Levels a side that a streamed book tells of."""
_NUMBERS: Final = Numbers()
"""Most prices and amounts of a book are those of the book before."""


class _LevelMold:
    """A level while it is made, as a mold (`molds.py`) is a trade: forty come with every book."""

    __slots__ = ("amount", "price")

    price: Decimal
    amount: Decimal


def levels_of(pairs: Iterable[tuple[str, str]]) -> tuple[BookLevel, ...]:
    """Levels from (price, amount) as text.

    Raises:
        ValueError: If a price or an amount is none, or not above 0.
    """
    known, mold = _NUMBERS, _LevelMold
    found: list[BookLevel] = []
    for price, amount in pairs:
        made = mold()
        made.price = known[price]
        made.amount = known[amount]
        made.__class__ = BookLevel  # type: ignore[assignment] # the mold is left
        found.append(made)  # type: ignore[arg-type]
    return tuple(found)


def best_of(
    bid: str, bid_amount: str, ask: str, ask_amount: str
) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """A best bid and ask with their amounts, from the texts of the wire.

    Raises:
        ValueError: If one is no number above 0, or the bid reaches the ask.
    """
    known = _NUMBERS
    found = known[bid], known[bid_amount], known[ask], known[ask_amount]
    if found[0] >= found[2]:
        raise ValueError(f"the bid {bid} reaches the ask {ask}")
    return found


def check_sides(bids: tuple[BookLevel, ...], asks: tuple[BookLevel, ...]) -> None:
    """Checks that bids fall, asks rise, and neither reaches the other.

    Raises:
        ValueError: If not.
    """
    for first, second in pairwise(bids):
        if second.price >= first.price:
            raise ValueError(f"{second.price} stands behind {first.price}")
    for first, second in pairwise(asks):
        if second.price <= first.price:
            raise ValueError(f"{second.price} stands behind {first.price}")
    if bids and asks and bids[0].price >= asks[0].price:
        raise ValueError(f"the bid {bids[0].price} reaches the ask {asks[0].price}")
