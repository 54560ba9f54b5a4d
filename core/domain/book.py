"""Depth of a market in integers: what a taker meets, and what stands at a price.

A side is a tuple of (price, amount) levels, best first: bids from high to low, asks from low to
high. An amount below 1 means that the amount is not known, and such a level never runs dry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Level = tuple[int, int]
"""(price, amount)."""
Levels = Sequence[Level]


class Execution(NamedTuple):
    """Part of an order that trades at one price."""

    price: int
    amount: int


def walk(
    levels: Levels, *, is_buy: bool, limit: int | None, amount: int, lot: int = 1
) -> list[Execution]:
    """What an order takes from the opposite side, level by level, at the levels' prices.

    Args:
        levels: Asks for a buy, bids for a sell.
        is_buy: Direction of the taker.
        limit: Worst price that it accepts; None for any.
        amount: How much it wants.
        lot: Executions are whole multiples of it; a level is cut down to them.
    """
    left = amount
    taken: list[Execution] = []
    for price, standing in levels:
        if left <= 0 or (limit is not None and (price > limit if is_buy else price < limit)):
            break
        part = left if standing < 1 else min(left, standing) // lot * lot
        if part > 0:
            taken.append(Execution(price, part))
            left -= part
    return taken


def amount_at(levels: Levels, price: int) -> int:
    """What is known to stand at a price; 0 where nothing is known."""
    for level, amount in levels:
        if level == price:
            return max(amount, 0)
    return 0


def rescaled(levels: Levels, prices: int, amounts: int = 1) -> tuple[Level, ...]:
    """The same levels in units that are `prices` and `amounts` times as fine."""
    return tuple(
        (price * prices, amount * amounts if amount > 0 else amount) for price, amount in levels
    )
