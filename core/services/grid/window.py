"""Virtual levels: which slots have their order at the venue when only the nearest may.

Every slot wants one order, a buy or a sell at a known price. With a window of n, the n highest buys
and the n lowest sells rest at the venue; the other slots wait and lose nothing, because what they
want is known. One more on each side may stay resting, so that a price that moves to and fro between
two lines does not have the far end cancelled and placed again each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.adapters.exchanges.models import OrderSide

SLACK = 1
"""Orders beyond the window on each side that may stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a slot wants at the venue."""

    level: int
    side: OrderSide
    price: int
    """Ticks."""
    is_live: bool
    """Whether it rests there, or is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which orders belong to the venue now."""

    inside: frozenset[int]
    """Levels whose orders belong there."""
    surplus: tuple[int, ...]
    """Levels whose orders have to leave it, furthest from the price last."""


def window_of(wants: Iterable[Want], most: int) -> Window:
    """The window of so many orders on each side."""
    inside: set[int] = set()
    surplus: list[int] = []
    sides: dict[OrderSide, list[Want]] = {OrderSide.BUY: [], OrderSide.SELL: []}
    for want in wants:
        sides[want.side].append(want)
    for side, found in sides.items():
        found.sort(key=lambda want: (-side.sign * want.price, want.level))
        near, far = found[:most], found[most:]
        inside.update(want.level for want in near)
        surplus += _beyond(far, SLACK)
    return Window(inside=frozenset(inside), surplus=tuple(surplus))


def _beyond(far: Sequence[Want], slack: int) -> list[int]:
    """Of the live orders outside the window all but the nearest few."""
    return [want.level for want in far if want.is_live][slack:]
