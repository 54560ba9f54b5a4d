"""Where every panel stands: one pure function of the screen, its size and what is wanted.

Three widths: narrow (tabs, one panel at a time), normal (the drawings), wide (the chart grows and
a further panel joins). A panel is either absent or at least as large as its minimum, at every size
from 80x24 upwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MIN_WIDTH = 80
MIN_HEIGHT = 24
NARROW = 100
WIDE = 160
SHORT = 30
TALL = 44
"""From here on the facts of a grid have room for all that they can say."""


class Box(NamedTuple):
    """A panel's place, in cells, relative to the body."""

    x: int
    y: int
    width: int
    height: int


class Minimum(NamedTuple):
    """The least a panel is worth drawing at."""

    width: int
    height: int


GRID_TABS = ("ladder", "price", "result", "health", "fills")
HOME_TABS = ("bots", "equity", "positions", "venues", "log")

MINIMUM = {
    "facts": Minimum(60, 3),
    "tabs": Minimum(60, 8),
    "ladder": Minimum(44, 12),
    "price": Minimum(40, 6),
    "result": Minimum(28, 6),
    "health": Minimum(28, 6),
    "fills": Minimum(56, 6),
    "orders": Minimum(40, 6),
    "equity": Minimum(40, 6),
    "venues": Minimum(44, 6),
    "bots": Minimum(56, 6),
    "positions": Minimum(44, 6),
    "log": Minimum(44, 5),
    "requests": Minimum(44, 5),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Which panels stand where."""

    boxes: dict[str, Box]
    tabs: tuple[str, ...] = ()
    """Panels that share one place; empty when each has its own."""


def classes(width: int, height: int) -> tuple[str, ...]:
    """The breakpoint classes of a size."""
    found = "-narrow" if width < NARROW else "-wide" if width >= WIDE else "-normal"
    return (found, "-short") if height < SHORT else (found,)


def has_room(width: int, height: int) -> bool:
    """Whether anything useful can be drawn at all."""
    return width >= MIN_WIDTH and height >= MIN_HEIGHT


def share(total: int, parts: Sequence[tuple[int, int]]) -> list[int]:
    """Cuts `total` into parts of (least, weight); what is over goes by weight.

    Raises:
        ValueError: If the least sizes do not fit.
    """
    least = sum(size for size, _ in parts)
    if least > total:
        message = f"{total} cells cannot hold parts of at least {least}"
        raise ValueError(message)
    weight = sum(weight for _, weight in parts) or 1
    over = total - least
    sizes = [size + over * part // weight for size, part in parts]
    sizes[-1] += total - sum(sizes)
    return sizes


def arrange(screen: str, width: int, height: int, *, active: str = "", zoomed: str = "") -> Plan:
    """The plan of a screen's body.

    Args:
        screen: `home`, `grid` or `log`.
        width: Of the body, in cells.
        height: Of the body: the terminal's height without top bar, message line and keys.
        active: The panel whose tab is shown when narrow.
        zoomed: A panel that has the whole body, or empty.
    """
    if zoomed:
        return Plan({zoomed: Box(0, 0, width, height)})
    if screen == "log":
        return Plan({"log": Box(0, 0, width, height)})
    if width < NARROW:
        tabs = GRID_TABS if screen == "grid" else HOME_TABS
        shown = active if active in tabs else tabs[0]
        boxes = {"facts": Box(0, 0, width, 3), shown: Box(0, 3, width, height - 3)}
        return Plan(boxes, tabs)
    if screen == "grid":
        return Plan(_grid(width, height))
    return Plan(_home(width, height))


def _grid(width: int, height: int) -> dict[str, Box]:
    """Ladder left; right the chart, below it the facts, below them the fills; orders where wide."""
    is_wide = width >= WIDE
    ladder = min(72, 44 + (width - WIDE) // 4) if is_wide else 44
    room = width - ladder
    facts = 16 if height >= TALL else 12 if height >= 30 else 11 if height >= 27 else 9
    over = height - 6 - facts - 6
    price = 6 + over * 3 // 5
    fills = height - price - facts
    side = min(72, room * 2 // 5) if is_wide else 0
    middle = room - side
    left = middle // 2
    below = price + facts
    boxes = {
        "ladder": Box(0, 0, ladder, height),
        "price": Box(ladder, 0, room, price),
        "result": Box(ladder, price, left, facts),
        "health": Box(ladder + left, price, middle - left, facts),
        "fills": Box(ladder, below, middle, fills),
    }
    if is_wide:
        boxes["orders"] = Box(ladder + middle, price, side, height - price)
    return boxes


def _home(width: int, height: int) -> dict[str, Box]:
    is_wide = width >= WIDE
    left = max(MINIMUM["bots"].width, width * 3 // 5)
    left = min(left, width - MINIMUM["venues"].width)
    top, middle, bottom = share(height, ((7, 5), (7, 4), (5, 4)))
    boxes = {
        "equity": Box(0, 0, left, top),
        "venues": Box(left, 0, width - left, top),
        "bots": Box(0, top, left, middle),
        "positions": Box(left, top, width - left, middle),
    }
    below = top + middle
    if is_wide:
        boxes["log"] = Box(0, below, left, bottom)
        boxes["requests"] = Box(left, below, width - left, bottom)
    else:
        boxes["log"] = Box(0, below, width, bottom)
    return boxes
