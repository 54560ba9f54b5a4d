"""A simulated market: `sim:SEED`. The same seed gives the same market, row for row.

What it is made of, on two scales:

- Anchors, one for each block of 8,192 rows (some 23 minutes): when the block ends, how volatile it
  is, and the price at its end. Volatility wanders (busy blocks follow busy blocks), the price is
  pulled back to the instrument's reference price with a half-life of three days, and now and then
  it jumps. At 70 % a year it moves by 0.1 % in a usual minute.
- Rows inside a block: a bridge from one anchor to the next with heavy-tailed steps, trades that
  come in bursts and in runs of one side, a spread that widens with the bursts, and a book of 15
  levels with power-law amounts around it.

Every block draws from a generator of its own, seeded by (seed, block), and anchors cost almost
nothing, so reading can start at any row without making the rows before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.feeds.columns import Floats, Ints
from core.adapters.feeds.pieces import Piece, Quotes, Trades
from core.services.ports import Chunk, FeedKind, FundingRow

DEFAULT_SEED: Final = 7
DEFAULT_START_NS: Final = 1_735_689_600 * 10**9
"""2025-01-01T00:00:00Z: where a simulation starts that is not told when it is."""

BLOCK_ROWS: Final = 8_192
ROWS_PER_S: Final = 6.0
"""Trades a second of market time, on average."""
VOLATILITY: Final = 0.70
"""Standard deviation of a year's log return."""
HALF_LIFE_S: Final = 3 * 86_400.0
"""Of a distance from the reference price."""
DEPTH_LEVELS: Final = 15

_YEAR_S: Final = 365 * 86_400.0
_REGIME_MEMORY: Final = 0.92
_REGIME_SPREAD: Final = 0.35
_JUMPS_PER_S: Final = 8 / 86_400.0
_JUMP_SIZE: Final = 0.003
_BURST_ROWS: Final = 64
_BURST_MEMORY: Final = 0.85
_BURST_SPREAD: Final = 0.6
_TAIL_FREEDOM: Final = 4.0
_SPREAD: Final = 0.00003
"""Usual ask minus bid as a fraction of the price."""
_TRADE_NOTIONAL: Final = 600.0
"""Usual trade in quote currency."""
_TURN_CHANCE: Final = 0.15
"""Chance that the next trade's side is not the last one's."""
_ANCHOR_BATCH: Final = 512
_TEMPLATES: Final = 64
_FUNDING_YEARS: Final = 3
_FUNDING_UNIT: Final = Decimal("1E-8")
_MICROSECOND: Final = 1_000

# First words of the seeds of independent streams of chance.
_ANCHOR_STREAM, _ROW_STREAM, _DEPTH_STREAM, _FUNDING_STREAM = range(4)


Levels = tuple[tuple[int, int], ...]
"""(price, amount) pairs, best first."""


class SimFeed:
    """A seeded market that never ends: a `Feed`."""

    kind = FeedKind.SIM
    has_book = True
    last_ns: int | None = None

    def __init__(
        self, instrument: Instrument, *, seed: int = DEFAULT_SEED, start_ns: int = DEFAULT_START_NS
    ) -> None:
        """Starts at `start_ns` at the instrument's reference price.

        Without a reference price it starts at 100, or at 1,000 ticks where that is more.
        """
        self.name = f"sim:{seed}"
        self.first_ns: int | None = start_ns
        self.price_unit = instrument.tick_size
        self.amount_unit = instrument.lot_size
        self._start_ns = start_ns
        self._seed = seed
        self._ticks = _start_ticks(instrument)
        price = self._ticks * float(instrument.tick_size)
        lot_value = price * float(instrument.lot_size * instrument.contract_size)
        self._lots = max(1.0, _TRADE_NOTIONAL / lot_value)
        self._anchors = _Anchors(seed)
        self._depth = _DepthShape.seeded(seed)
        self._funding = _funding(instrument, seed, start_ns)

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """See `Feed.chunks`: a chunk ends with a block; any `from_row` is reached at once."""
        block, skip = divmod(from_row, BLOCK_ROWS)
        while True:
            piece = self._block(block).part(slice(skip, None))
            yield piece.chunk(block * BLOCK_ROWS + skip, self.price_unit, self.amount_unit)
            block, skip = block + 1, 0

    def funding(self) -> Sequence[FundingRow]:
        """Settlements of a perpetual for three years from the start; none for anything else."""
        return self._funding

    def _block(self, number: int) -> Piece:
        anchor = self._anchors.at(number)
        chance = np.random.default_rng([_ROW_STREAM, self._seed, number])
        burst = np.repeat(_bursts(chance), _BURST_ROWS)
        gaps = chance.exponential(size=BLOCK_ROWS) * np.exp(-burst)
        gaps *= anchor.length_s / gaps.sum()
        path, steps = _path(chance, anchor, gaps, burst)
        middle = np.maximum(self._ticks * np.exp(path), 2.0)
        spread = np.maximum(
            1.0,
            np.rint(
                middle * _SPREAD * np.exp(0.4 * chance.standard_normal(BLOCK_ROWS) + 0.5 * burst)
            ),
        )
        bid = np.maximum(1, np.floor(middle - spread / 2)).astype(np.int64)
        ask = bid + spread.astype(np.int64)
        side = _sides(chance, steps)
        trades = Trades(np.where(side > 0, ask, bid), self._amounts(chance, 1.0), side)
        bid_amount, ask_amount = self._amounts(chance, 6.0), self._amounts(chance, 6.0)
        depth = _Depth(self._depth, number * BLOCK_ROWS, bid, bid_amount, ask, ask_amount)
        return Piece(
            self._times(anchor, gaps),
            trades,
            Quotes(bid, bid_amount, ask, ask_amount, depth),
        )

    def _times(self, anchor: _Anchor, gaps: Floats) -> Ints:
        offsets = np.minimum(np.cumsum(gaps), anchor.length_s) * 1e6
        microseconds = offsets.astype(np.int64) * _MICROSECOND
        return self._start_ns + anchor.start_ns + microseconds

    def _amounts(self, chance: np.random.Generator, times: float) -> Ints:
        """Lots with a power-law tail, cut at ten thousand usual trades."""
        drawn = np.minimum(chance.pareto(1.6, BLOCK_ROWS) + 0.1, 10_000.0)
        return np.maximum(1, np.rint(drawn * self._lots * times)).astype(np.int64)


def _start_ticks(instrument: Instrument) -> float:
    if instrument.reference_price is None:
        return max(float(100 / instrument.tick_size), 1_000.0)
    return max(float(instrument.reference_price / instrument.tick_size), 2.0)


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A block as a whole; prices are logarithms of price over reference price."""

    start_ns: int
    """From the start of the simulation, whole microseconds."""
    length_s: float
    start_log: float
    end_log: float
    volatility: float
    """Standard deviation of the log price in a second."""
    jump: float
    """Part of the way from start to end that happens at once; 0 for none."""


class _Anchors:
    """Anchors of all blocks, made in order and remembered."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: list[_Anchor] = []
        self._regime = 0.0

    def at(self, number: int) -> _Anchor:
        while len(self._known) <= number:
            self._extend()
        return self._known[number]

    def _extend(self) -> None:
        batch = len(self._known) // _ANCHOR_BATCH
        chance = np.random.default_rng([_ANCHOR_STREAM, self._seed, batch])
        normals = chance.standard_normal((_ANCHOR_BATCH, 4)).tolist()
        uniforms = chance.random(_ANCHOR_BATCH).tolist()
        for (shock, pace, move, size), luck in zip(normals, uniforms, strict=True):
            self._known.append(self._next(shock, pace, move, size, luck))

    def _next(self, shock: float, pace: float, move: float, size: float, luck: float) -> _Anchor:
        before = self._known[-1] if self._known else None
        start_log = before.end_log if before else 0.0
        start_ns = before.start_ns + round(before.length_s * 1e6) * _MICROSECOND if before else 0
        fresh = math.sqrt(1 - _REGIME_MEMORY**2) * _REGIME_SPREAD
        self._regime = _REGIME_MEMORY * self._regime + fresh * shock
        length_s = BLOCK_ROWS / ROWS_PER_S * math.exp(-0.4 * self._regime + 0.1 * pace)
        volatility = VOLATILITY / math.sqrt(_YEAR_S) * math.exp(self._regime - _REGIME_SPREAD**2)
        pulled = start_log * math.exp(-math.log(2) / HALF_LIFE_S * length_s)
        jump = _JUMP_SIZE * size if luck < _JUMPS_PER_S * length_s else 0.0
        end_log = pulled + volatility * math.sqrt(length_s) * move + jump
        return _Anchor(start_ns, length_s, start_log, end_log, volatility, jump)


def _bursts(chance: np.random.Generator) -> Floats:
    """Log of how busy each stretch of rows is; neighbours are alike."""
    fresh = math.sqrt(1 - _BURST_MEMORY**2) * _BURST_SPREAD
    value, found = 0.0, []
    for shock in chance.standard_normal(BLOCK_ROWS // _BURST_ROWS).tolist():
        value = _BURST_MEMORY * value + fresh * shock
        found.append(value)
    return np.array(found)


def _path(
    chance: np.random.Generator, anchor: _Anchor, gaps: Floats, burst: Floats
) -> tuple[Floats, Floats]:
    """Log price after each row, and the steps between: a bridge that ends at the anchor."""
    variance = gaps * np.exp(burst)
    variance *= anchor.volatility**2 * anchor.length_s / variance.sum()
    tails = chance.standard_t(_TAIL_FREEDOM, BLOCK_ROWS) / math.sqrt(
        _TAIL_FREEDOM / (_TAIL_FREEDOM - 2)
    )
    steps = np.sqrt(variance) * tails
    path = np.cumsum(steps)
    share = np.cumsum(variance) / variance.sum()
    path += share * (anchor.end_log - anchor.start_log - anchor.jump - path[-1])
    where = int(chance.integers(1, BLOCK_ROWS))
    path[where:] += anchor.jump
    return path + anchor.start_log, steps


def _sides(chance: np.random.Generator, steps: Floats) -> npt.NDArray[np.int8]:
    """Takers: runs of one side, and a leaning towards where the price went."""
    turns = np.cumsum(chance.random(BLOCK_ROWS) < _TURN_CHANCE)
    runs = np.where(turns % 2 == 0, 1, -1)
    follows = chance.random(BLOCK_ROWS) < 0.5
    return np.where(follows & (steps != 0), np.sign(steps), runs).astype(np.int8)


@dataclass(frozen=True, slots=True)
class _DepthShape:
    """Shapes a book can have: distances in spreads and amounts as multiples of the best level."""

    distance: Floats
    """(template, level), 0 at the best level, rising."""
    weight: Floats

    @classmethod
    def seeded(cls, seed: int) -> _DepthShape:
        chance = np.random.default_rng([_DEPTH_STREAM, seed])
        shape = (_TEMPLATES, DEPTH_LEVELS)
        distance = np.cumsum(chance.exponential(0.8, shape) + 0.1, axis=1)
        weight = (chance.pareto(1.8, shape) + 0.3) * np.sqrt(np.arange(1, DEPTH_LEVELS + 1))
        distance[:, 0], weight[:, 0] = 0.0, 1.0
        return cls(distance, weight)


class _Depth(Sequence[object]):
    """Books of a block's rows, each made when somebody looks into it."""

    def __init__(
        self,
        shape: _DepthShape,
        first_row: int,
        bid: Ints,
        bid_amount: Ints,
        ask: Ints,
        ask_amount: Ints,
    ) -> None:
        self._shape = shape
        self._first_row = first_row
        self._columns = (bid, bid_amount, ask, ask_amount)

    def __len__(self) -> int:
        return len(self._columns[0])

    def __iter__(self) -> Iterator[_Book]:
        return (_Book(self, place) for place in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> _Book: ...
    @overload
    def __getitem__(self, index: slice) -> _Depth: ...
    def __getitem__(self, index: int | slice) -> object:
        if isinstance(index, slice):
            first, _, step = index.indices(len(self))
            if step != 1:
                raise ValueError("a book's rows are only cut into consecutive ones")
            parts = [column[index] for column in self._columns]
            return _Depth(self._shape, self._first_row + first, *parts)
        return _Book(self, range(len(self))[index])

    def sides(self, place: int) -> tuple[Levels, Levels]:
        """The book of one row."""
        bid, bid_amount, ask, ask_amount = (int(column[place]) for column in self._columns)
        row, spread = self._first_row + place, max(1, ask - bid)
        return (
            self._side(2 * row, bid, bid_amount, -spread),
            self._side(2 * row + 1, ask, ask_amount, spread),
        )

    def _side(self, key: int, best: int, amount: int, step: int) -> Levels:
        # Knuth's multiplicative hash: neighbouring rows get unlike shapes.
        template = (key * 2_654_435_761 >> 16) % _TEMPLATES
        levels: list[tuple[int, int]] = []
        price = best
        for distance, weight in zip(
            self._shape.distance[template].tolist(),
            self._shape.weight[template].tolist(),
            strict=True,
        ):
            wanted = best + round(distance * step)
            if levels:
                price = min(wanted, price - 1) if step < 0 else max(wanted, price + 1)
            if price < 1:
                break
            levels.append((price, max(1, round(weight * amount))))
        return tuple(levels)


class _Book(Sequence[Levels]):
    """`(bids, asks)` of one row. Going over a block's books costs nothing until one is read."""

    __slots__ = ("_depth", "_place")

    def __init__(self, depth: _Depth, place: int) -> None:
        self._depth = depth
        self._place = place

    def __len__(self) -> int:
        return 2

    @overload
    def __getitem__(self, index: int) -> Levels: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Levels, ...]: ...
    def __getitem__(self, index: int | slice) -> Levels | tuple[Levels, ...]:
        return self._depth.sides(self._place)[index]

    def __iter__(self) -> Iterator[Levels]:
        return iter(self._depth.sides(self._place))

    def __eq__(self, other: object) -> bool:
        # No simulated book is empty, so this question needs no levels.
        return other != ((), ()) and tuple(self) == (
            tuple(other) if isinstance(other, _Book) else other
        )

    def __hash__(self) -> int:
        return hash(tuple(self))


class _Settlements(Sequence[FundingRow]):
    """Settlements at whole multiples of the interval since 1970, made when asked for."""

    def __init__(self, first_ns: int, interval_ns: int, rates: tuple[int, ...]) -> None:
        self._first_ns = first_ns
        self._interval_ns = interval_ns
        self._rates = rates

    def __len__(self) -> int:
        return len(self._rates)

    @overload
    def __getitem__(self, index: int) -> FundingRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[FundingRow]: ...
    def __getitem__(self, index: int | slice) -> FundingRow | Sequence[FundingRow]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(len(self))[index])
        place = range(len(self))[index]
        return FundingRow(
            ts_ns=self._first_ns + place * self._interval_ns,
            rate=self._rates[place] * _FUNDING_UNIT,
        )


def _funding(instrument: Instrument, seed: int, start_ns: int) -> Sequence[FundingRow]:
    """Rates that wander around 0.01 % per eight hours."""
    if instrument.market_type is not ExchangeType.PERPETUAL:
        return ()
    interval_s = instrument.funding_interval_s or 28_800
    interval_ns = interval_s * 10**9
    usual = 0.0001 / float(_FUNDING_UNIT) * interval_s / 28_800
    count = int(_FUNDING_YEARS * _YEAR_S) // interval_s
    chance = np.random.default_rng([_FUNDING_STREAM, seed])
    value, rates = usual, []
    for shock in chance.standard_normal(count).tolist():
        value += 0.1 * (usual - value) + 0.3 * usual * shock
        rates.append(round(value))
    return _Settlements((start_ns // interval_ns + 1) * interval_ns, interval_ns, tuple(rates))
