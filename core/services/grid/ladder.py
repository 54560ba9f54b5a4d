"""Where the levels of a grid stand and what each one trades.

A ladder is a row of lines. Line 0 is the most adverse one: the lowest of a long grid, the highest
of a short one. One formula then serves both directions. Prices are ticks, amounts are lots, both
exact integers.

    arithmetic   line n = lower + n·interval          (long; short: upper - n·interval)
    geometric    line n = lower · ratio^n             (long; short: upper / ratio^n), to the nearest
                 step, half a step going up, reckoned from line 0 and never from its neighbour

    long, short  level k enters at line k-1 and leaves `distance` lines on
    neutral      level k trades between the lines k-1 and k: below the line that was nearest to the
                 first price it buys first, above it sells first
    amounts      q_k = order_amount + (N-k)·martingale_increment, cut down to the amount step

There is no entry at the favourable edge of a long or short grid: it is the exit of level N where
distance is 1.

A ladder that trails moves one line at a time: the level at one end goes to the other end and keeps
its number, its orders' ids and its books. `shift` counts those moves, `rank` says where a level
stands now.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import pairwise
from typing import Final

from core.adapters.exchanges.models import OrderSide, Rounding
from core.services.grid.settings import GridSettings

PRECISE: Final = Context(prec=60)
"""For ratios and their powers: wide enough that rounding to a step is the only rounding."""
ZERO: Final = Decimal(0)
MOST_LEVELS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The levels of a grid."""

    entry_side: OrderSide
    """BUY on a neutral grid, whose lines count from the lowest."""
    lower: int
    """Ticks, of the range as it stands now."""
    upper: int
    interval: int
    """Ticks between two lines, > 0; on a geometric ladder the smallest of its range."""
    distance: int
    """Lines between an entry and its exit."""
    amounts: tuple[int, ...]
    """Lots of level 1, 2, …"""
    anchor: Decimal | None = None
    """Ticks of line 0 before rounding; None on an arithmetic ladder."""
    ratio: Decimal = Decimal(1)
    """Of two neighbouring lines, > 1 on a geometric ladder."""
    step: int = 1
    """Ticks of which geometric lines are multiples."""
    start: int | None = None
    """Levels that buy first, on a neutral grid; the others sell first."""
    shift: int = 0
    """Lines by which the ladder has trailed towards the favourable side (neutral: upwards)."""

    @property
    def count(self) -> int:
        """Number of levels."""
        return len(self.amounts)

    @property
    def is_neutral(self) -> bool:
        """Whether some levels buy first and others sell first."""
        return self.start is not None

    @property
    def unused(self) -> int:
        """Ticks of the range that its lines leave over, at the favourable edge."""
        last = self.line(self.shift + self.count)
        return self.upper - last if self.entry_side is OrderSide.BUY else last - self.lower

    def line(self, index: int) -> int:
        """Ticks of a line, counted from line 0 of the ladder as it was built; any whole number."""
        sign = self.entry_side.sign
        if self.anchor is None:
            edge = self.lower if sign > 0 else self.upper
            return edge + sign * (index - self.shift) * self.interval
        exact = PRECISE.multiply(self.anchor, PRECISE.power(self.ratio, sign * index))
        steps = PRECISE.divide(exact, Decimal(self.step))
        return int(steps.to_integral_value(ROUND_HALF_UP)) * self.step

    def beyond(self, lines: int) -> int:
        """Ticks of the line so many lines beyond the favourable edge."""
        if self.anchor is None:
            edge = self.upper if self.entry_side is OrderSide.BUY else self.lower
            return edge + self.entry_side.sign * lines * self.interval
        return self.line(self.shift + self.count + lines)

    def gap(self, level: int) -> int:
        """The line at which a level begins, as `line` counts."""
        return self.shift + (level - 1 - self.shift) % self.count

    def rank(self, level: int) -> int:
        """Where a level stands now: 1 is the most adverse place."""
        return self.gap(level) - self.shift + 1

    def place(self, level: int) -> int:
        """`rank`; what an edit left over, beyond the last level, keeps its number."""
        return self.rank(level) if level <= self.count else level

    def level_at(self, rank: int) -> int:
        """The level that stands at a place now."""
        return (rank - 1 + self.shift) % self.count + 1

    def side(self, level: int) -> OrderSide:
        """Side of a level's entry."""
        if self.start is not None and level > self.start:
            return OrderSide.SELL
        return self.entry_side

    @property
    def reversed_levels(self) -> range:
        """Levels that open on the other side than `entry_side`."""
        return range(0) if self.start is None else range(self.start + 1, self.count + 1)

    def entry_price(self, level: int) -> int:
        """Ticks at which a level opens."""
        is_reversed = self.side(level) is not self.entry_side
        return self.line(self.gap(level) + (1 if is_reversed else 0))

    def exit_price(self, level: int) -> int:
        """Ticks at which a level closes; it may lie outside the range."""
        is_reversed = self.side(level) is not self.entry_side
        return self.line(self.gap(level) + (0 if is_reversed else self.distance))

    def amount(self, level: int) -> int:
        """Lots that a level trades."""
        return self.amounts[level - 1]

    def index_of(self, ticks: Decimal | int) -> int:
        """The place whose line is nearest to a price, half a step going up, within the ladder."""
        is_long = self.entry_side is OrderSide.BUY
        if self.anchor is not None:
            return self._place_of(ticks)
        beyond = ticks - self.lower if is_long else self.upper - ticks
        nearest = int((2 * beyond + self.interval) // (2 * self.interval)) + 1
        return min(max(nearest, 1), self.count)

    def _place_of(self, ticks: Decimal | int) -> int:
        sign = self.entry_side.sign
        lines = [sign * self.line(self.shift + place) for place in range(self.count)]
        edges = [left + right for left, right in pairwise(lines)]
        return bisect_right(edges, 2 * sign * ticks) + 1

    def shifted(self, by: int) -> Ladder:
        """This ladder, moved by so many lines."""
        if self.anchor is None:
            ticks = self.entry_side.sign * by * self.interval
            return replace(
                self, lower=self.lower + ticks, upper=self.upper + ticks, shift=self.shift + by
            )
        edges = (self.line(self.shift + by), self.line(self.shift + by + self.count))
        return replace(self, lower=min(edges), upper=max(edges), shift=self.shift + by)


def grown_ladder(ladder: Ladder, settings: GridSettings) -> Ladder:
    """An infinity ladder with one level more at its top."""
    lots = value_lots(settings, ladder.line(ladder.count))
    upper = ladder.line(ladder.count + 1)
    return replace(ladder, amounts=(*ladder.amounts, lots), upper=upper)


def value_lots(settings: GridSettings, ticks: int) -> int:
    """Lots that are worth `order_value` at a price, cut down to the amount step, never none."""
    instrument, step = settings.instrument, settings.amount_step
    unit = instrument.price(ticks) * instrument.contract_size * step
    steps = max(int((settings.order_value or ZERO) // unit), 1)
    return instrument.lots(steps * step)


def pool_lots(settings: GridSettings, ladder: Ladder) -> int:
    """Lots for all the lines above an infinity ladder, of which there is no last.

    Their amounts are a geometric series: value / price · ratio / (ratio - 1).
    """
    instrument = settings.instrument
    price = instrument.price(ladder.line(ladder.count)) * instrument.contract_size
    series = PRECISE.divide(ladder.ratio, ladder.ratio - 1)
    amount = PRECISE.multiply(PRECISE.divide(settings.order_value or ZERO, price), series)
    return instrument.lots(amount // settings.amount_step * settings.amount_step)


def level_amount(settings: GridSettings, level: int) -> int:
    """Lots of one level, cut down to the amount step; 0 where nothing is left."""
    raw = settings.order_amount + (settings.level_count - level) * settings.martingale_increment
    return settings.instrument.lots(raw // settings.amount_step * settings.amount_step)


def base_amounts(settings: GridSettings, ladder: Ladder) -> tuple[int, ...]:
    """Lots of each level of a ladder as the file says them, before any profit was put in."""
    levels = range(1, ladder.count + 1)
    if settings.grid_type.is_infinite:
        return tuple(value_lots(settings, ladder.entry_price(level)) for level in levels)
    return tuple(level_amount(settings, level) for level in levels)


def capital_of(settings: GridSettings, ladder: Ladder, amounts: tuple[int, ...]) -> Decimal:
    """What the entries of a ladder cost with these amounts, quote.

    The two sides of a neutral grid never fill together, so the larger one counts.
    """
    values = {OrderSide.BUY: 0, OrderSide.SELL: 0}
    for level, lots in enumerate(amounts, start=1):
        values[ladder.side(level)] += ladder.entry_price(level) * lots
    instrument = settings.instrument
    unit = instrument.tick_size * instrument.lot_size * instrument.contract_size
    return max(values.values()) * unit


def follow_range(settings: GridSettings, base: Decimal) -> tuple[Decimal, Decimal]:
    """Lower and upper price around `base`: rounded outwards to the price step."""
    count, offset, sign = (
        settings.level_count,
        settings.price_offset_grids,
        settings.entry_side.sign,
    )
    if settings.grid_ratio is not None:
        near = PRECISE.multiply(base, PRECISE.power(settings.grid_ratio, sign * offset))
        far = PRECISE.multiply(near, PRECISE.power(settings.grid_ratio, -sign * count))
    else:
        near = base + sign * offset * settings.grid_interval
        far = near - sign * count * settings.grid_interval
    return (
        _to_step(min(near, far), settings.price_step, Rounding.DOWN),
        _to_step(max(near, far), settings.price_step, Rounding.UP),
    )


def build_ladder(settings: GridSettings, base: Decimal | None = None) -> Ladder:
    """The ladder of a fixed range, of a follow grid around `base`, or of a neutral one.

    Args:
        settings: Of the grid.
        base: The price; a neutral grid without one is split in its middle.

    Raises:
        ValueError: For a follow grid without a price, one whose range would reach zero, or lines
            that would fall together.
    """
    lower, upper = settings.lower_price, settings.upper_price
    if settings.grid_type.is_infinite:
        return _infinite(settings, base)
    if lower is None or upper is None:
        if base is None:
            message = "a follow grid needs a price to compute its range from"
            raise ValueError(message)
        lower, upper = follow_range(settings, base)
        if lower <= 0:
            message = f"the computed range begins at {lower}: fewer levels or a smaller interval"
            raise ValueError(message)
    instrument = settings.instrument
    ladder = Ladder(
        entry_side=settings.entry_side,
        lower=instrument.ticks(lower),
        upper=instrument.ticks(upper),
        interval=0 if settings.grid_ratio else instrument.ticks(settings.grid_interval),
        distance=settings.reverse_order_grid_distance,
        amounts=tuple(
            level_amount(settings, level) for level in range(1, settings.level_count + 1)
        ),
    )
    if settings.grid_ratio is not None:
        ladder = _geometric(ladder, settings.grid_ratio, settings)
    if settings.grid_type.is_neutral:
        ladder = replace(ladder, start=_start_line(ladder, settings, base))
    return ladder


def _infinite(settings: GridSettings, base: Decimal | None) -> Ladder:
    """Lines from the lower price up to so many above the price."""
    lower = settings.lower_price or ZERO
    instrument = settings.instrument
    if base is None:
        message = "an infinity grid needs a price to know how many levels it begins with"
        raise ValueError(message)
    if base < lower:
        message = f"the price {base} is below the lower price {lower}"
        raise ValueError(message)
    edge = instrument.ticks(lower)
    ladder = Ladder(
        entry_side=OrderSide.BUY,
        lower=edge,
        upper=edge,
        interval=1,
        distance=1,
        amounts=(),
        anchor=Decimal(edge),
        ratio=settings.grid_ratio or Decimal(1),
        step=instrument.ticks(settings.price_step),
    )
    interval = ladder.line(1) - ladder.line(0)
    if interval <= 0:
        message = f"two lines would fall together at a price step of {settings.price_step}"
        raise ValueError(message)
    ladder = replace(ladder, interval=interval)
    ticks = base / instrument.tick_size
    amounts: list[int] = []
    while (
        len(amounts) < settings.headroom or ladder.line(len(amounts) - settings.headroom) <= ticks
    ):
        if len(amounts) >= MOST_LEVELS:
            message = f"more than {MOST_LEVELS} levels lie between {lower} and the price"
            raise ValueError(message)
        amounts.append(value_lots(settings, ladder.line(len(amounts))))
    return replace(ladder, amounts=tuple(amounts), upper=ladder.line(len(amounts)))


def _geometric(ladder: Ladder, ratio: Decimal, settings: GridSettings) -> Ladder:
    """The same range with lines that are `ratio` times one another."""
    step = settings.instrument.ticks(settings.price_step)
    is_long = ladder.entry_side is OrderSide.BUY
    edge = ladder.lower if is_long else ladder.upper
    bent = replace(ladder, anchor=Decimal(edge), ratio=ratio, step=step)
    lines = [bent.line(index) for index in range(bent.count + bent.distance + 1)]
    gaps = [abs(far - near) for near, far in pairwise(lines)]
    if min(gaps) <= 0 or min(lines) <= 0:
        message = f"two lines would fall together at a price step of {settings.price_step}"
        raise ValueError(message)
    bent = replace(bent, interval=min(gaps[: bent.count]))
    if settings.lower_price is None:
        last = lines[bent.count]
        return replace(bent, upper=last) if is_long else replace(bent, lower=last)
    return bent


def _start_line(ladder: Ladder, settings: GridSettings, base: Decimal | None) -> int:
    """Index of the line that stays empty: the nearest to a price, half a step going up."""
    lines = [ladder.line(index) for index in range(ladder.count + 1)]
    if base is None:
        return len(lines) // 2
    ticks = base / settings.instrument.tick_size
    edges = [left + right for left, right in pairwise(lines)]
    return bisect_right(edges, 2 * ticks)


def loses(settings: GridSettings, ladder: Ladder) -> bool:
    """Whether a round trip earns no more than the maker fees of both its legs: D·i <= 2·f·P."""
    if settings.maker_fee <= 0:
        return False
    return losing_level(settings, ladder) is not None


def losing_level(settings: GridSettings, ladder: Ladder) -> int | None:
    """The level whose round trips lose most for their price by fees; None where all earn."""
    found: tuple[Decimal, int] | None = None
    for level in range(1, ladder.count + 1):
        entry = ladder.entry_price(level)
        gain = abs(ladder.exit_price(level) - entry)
        left = gain - 2 * settings.maker_fee * entry
        if left <= 0 and (found is None or left < found[0]):
            found = (left, level)
    return None if found is None else found[1]


def escape_edge(settings: GridSettings, ladder: Ladder) -> int:
    """Ticks beyond which (strictly) a follow grid counts as escaped.

    The distance is at least that of the exits, else the re-centre would come before the last of
    them could fill.
    """
    return ladder.beyond(max(settings.follow_distance, ladder.distance))


def _to_step(price: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    return (price / step).quantize(Decimal(1), rounding.value) * step
