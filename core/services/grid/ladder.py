"""Where the levels of a grid stand and what each one trades.

Level 1 is always the most adverse price: the lowest of a long grid, the highest of a short one. One
formula then serves both directions. Prices are ticks, amounts are lots, both exact integers.

    long    p_k = lower + (k-1)·interval        exit at p_k + distance·interval
    short   p_k = upper - (k-1)·interval        exit at p_k - distance·interval
    both    q_k = order_amount + (N-k)·martingale_increment, cut down to the amount step

There is no entry at the favourable edge itself: it is the exit of level N where distance is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.adapters.exchanges.models import OrderSide, Rounding
from core.services.grid.settings import GridSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The levels of a grid."""

    entry_side: OrderSide
    lower: int
    """Ticks."""
    upper: int
    interval: int
    """Ticks between two levels, > 0."""
    distance: int
    """Intervals between an entry and its exit."""
    amounts: tuple[int, ...]
    """Lots of level 1, 2, …"""

    @property
    def count(self) -> int:
        """Number of levels."""
        return len(self.amounts)

    @property
    def unused(self) -> int:
        """Ticks of the range that the interval leaves over, at the favourable edge."""
        return self.upper - self.lower - self.count * self.interval

    @property
    def highest_entry(self) -> int:
        """Ticks of the highest entry."""
        return max(self.entry_price(1), self.entry_price(self.count))

    def entry_price(self, level: int) -> int:
        """Ticks at which a level opens."""
        steps = (level - 1) * self.interval
        return self.lower + steps if self.entry_side is OrderSide.BUY else self.upper - steps

    def exit_price(self, level: int) -> int:
        """Ticks at which a level closes; it may lie outside the range."""
        return self.entry_price(level) + self.entry_side.sign * self.distance * self.interval

    def amount(self, level: int) -> int:
        """Lots that a level trades."""
        return self.amounts[level - 1]

    def index_of(self, ticks: Decimal | int) -> int:
        """The level nearest to a price, half a step going up, clamped to the ladder."""
        is_long = self.entry_side is OrderSide.BUY
        beyond = ticks - self.lower if is_long else self.upper - ticks
        nearest = int((2 * beyond + self.interval) // (2 * self.interval)) + 1
        return min(max(nearest, 1), self.count)


def level_amount(settings: GridSettings, level: int) -> int:
    """Lots of one level, cut down to the amount step; 0 where nothing is left."""
    raw = settings.order_amount + (settings.level_count - level) * settings.martingale_increment
    return settings.instrument.lots(raw // settings.amount_step * settings.amount_step)


def follow_range(settings: GridSettings, base: Decimal) -> tuple[Decimal, Decimal]:
    """Lower and upper price around `base`: rounded outwards to the price step."""
    interval, count = settings.grid_interval, settings.level_count
    offset = settings.price_offset_grids * interval
    if settings.entry_side is OrderSide.BUY:
        upper = base + offset
        lower = upper - count * interval
    else:
        lower = base - offset
        upper = lower + count * interval
    return (
        _to_step(lower, settings.price_step, Rounding.DOWN),
        _to_step(upper, settings.price_step, Rounding.UP),
    )


def build_ladder(settings: GridSettings, base: Decimal | None = None) -> Ladder:
    """The ladder of a fixed range, or of a follow grid around `base`.

    Raises:
        ValueError: For a follow grid without a price, or one whose range would reach zero.
    """
    lower, upper = settings.lower_price, settings.upper_price
    if lower is None or upper is None:
        if base is None:
            message = "a follow grid needs a price to compute its range from"
            raise ValueError(message)
        lower, upper = follow_range(settings, base)
        if lower <= 0:
            message = f"the computed range begins at {lower}: fewer levels or a smaller interval"
            raise ValueError(message)
    instrument = settings.instrument
    return Ladder(
        entry_side=settings.entry_side,
        lower=instrument.ticks(lower),
        upper=instrument.ticks(upper),
        interval=instrument.ticks(settings.grid_interval),
        distance=settings.reverse_order_grid_distance,
        amounts=tuple(
            level_amount(settings, level) for level in range(1, settings.level_count + 1)
        ),
    )


def loses(settings: GridSettings, ladder: Ladder) -> bool:
    """Whether a round trip earns no more than the maker fees of both its legs: D·i <= 2·f·P."""
    if settings.maker_fee <= 0:
        return False
    highest = settings.instrument.price(ladder.highest_entry)
    gain = settings.reverse_order_grid_distance * settings.grid_interval
    return gain <= 2 * settings.maker_fee * highest


def escape_edge(settings: GridSettings, ladder: Ladder) -> int:
    """Ticks beyond which (strictly) a follow grid counts as escaped.

    The distance is at least that of the exits, else the re-centre would come before the last of
    them could fill.
    """
    steps = max(settings.follow_distance, ladder.distance) * ladder.interval
    if ladder.entry_side is OrderSide.BUY:
        return ladder.upper + steps
    return ladder.lower - steps


def _to_step(price: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    return (price / step).quantize(Decimal(1), rounding.value) * step
