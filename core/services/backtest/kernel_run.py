"""One grid by the kernel: its fills, and from them the exact figures of the run."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.domain.position import MONEY
from core.services.backtest import kernel
from core.services.backtest.compiling import compiled
from core.services.backtest.rows import BLOCK, NEVER, Ints, Tape
from core.services.backtest.sweep_case import BelongsToEngine, Case
from core.services.backtest.sweep_curve import Floats, Holdings, Swing, swing
from core.services.backtest.sweep_result import KERNEL, Figures, figures

Exact = npt.NDArray[Any]
"""Machine integers, or Python's where those are too small."""

_ROOM: Final = 1 << 15
_REASONS: Final = {
    kernel.LOSES: "a later ladder would lose by its own fees",
    kernel.TOO_LOW: "a later ladder reaches below the venue's smallest order",
    kernel.MIXED: "the end closes what is held both ways",
    kernel.CROWDED: "requests would have to wait for the venue's limits",
}
_MOST: Final = 1 << 62
_FLOAT: Final = 1 << 53
"""Below it every whole number is a binary float, and a quotient of two is rounded once."""
_TEN: Final = 10**22
"""The largest power of ten that is a binary float."""
_SURE: Final = 1e-6
"""By so much more than is needed an account must be able to carry its orders; else the engine,
which counts to the last digit, has the say."""


def run_case(case: Case, tape: Tape, unit: Decimal) -> Figures:
    """Runs a case.

    Args:
        case: The grid.
        tape: The rows.
        unit: Of their prices.

    Raises:
        BelongsToEngine: Where something came up on the way that the kernel does not do.
    """
    fills, trips = run_fills(case, tape)
    book = _Book(case, fills, int(tape.last[-1]))
    change = book.change
    curve = swing(
        tape,
        book.holdings(tape),
        start=case.initial_balance,
        end=MONEY.add(case.initial_balance, change),
        unit=unit,
        rate=case.instrument.maintenance_margin_rate,
    )
    _refuse_poor(case, curve, book, tape)
    return figures(
        curve,
        fills=len(fills),
        round_trips=trips,
        realized=book.realized,
        fees=book.fees,
        funding=Decimal(0),
        change=change,
        position=case.instrument.amount(book.lots),
        by=KERNEL,
    )


def run_fills(case: Case, tape: Tape) -> tuple[Ints, int]:
    """The fills of a case, one a row (`kernel` names the columns), and its round trips.

    Raises:
        BelongsToEngine: As `run_case`.
    """
    room = _ROOM
    while True:
        grid, fills = kernel.new_grid(case.rules, case.levels), kernel.new_fills(room)
        kernel.run(tape, grid, fills)
        status, count, trips, _ = kernel.counted(grid)
        if status == kernel.DONE:
            return fills[:count], trips
        if status != kernel.FULL:
            raise BelongsToEngine(_REASONS[status])
        room *= 8


def warm_up() -> None:
    """Has everything compiled before many processes want it at once."""
    last = np.arange(100, 101 + BLOCK, dtype=np.int64)
    tape = Tape(
        ts_ns=last * 1_000_000_000,
        last=last,
        amount=np.ones_like(last),
        side=np.ones_like(last),
        low=last[:1].copy(),
        high=last[BLOCK - 1 : BLOCK].copy(),
    )
    rules = np.zeros(kernel.RULES, np.int64)
    for name in (kernel.CAP_UNIT, kernel.PER_TICK, kernel.STEP, kernel.PARTS, kernel.FEE_UNIT):
        rules[name] = 1
    rules[kernel.TIMEOUT_NS] = NEVER
    grid = kernel.new_grid(rules, np.array([[1], [99], [101], [1], [0]], np.int64))
    kernel.run(tape, grid, kernel.new_fills(8))
    nothing = Holdings(
        row=np.array([-1]),
        is_later=np.array([False]),
        at_ns=np.array([-1]),
        cash=np.array([1.0]),
        size=np.array([0.0]),
    )
    one = Decimal(1)
    swing(tape, nothing, start=one, end=one, unit=one, rate=Decimal(0))
    averages(tape.last[:1], tape.last[:1])


@compiled
def averages(prices: Ints, amounts: Ints) -> tuple[Ints, Floats]:
    """What was held after each fill, lots, and at which average price, units."""
    held, entry = np.zeros(len(prices), np.int64), np.zeros(len(prices), np.float64)
    lots, average = 0, 0.0
    for index in range(len(prices)):
        amount, price = amounts[index], prices[index]
        after = lots + amount
        if lots == 0 or lots * after < 0:
            average = float(price)
        elif lots * amount > 0:
            average = (average * lots + float(price) * amount) / after
        lots = after
        held[index], entry[index] = lots, average
    return held, entry


class _Book:
    """The money of a run, exact: integers of a unit so small that nothing has a fraction.

    Args:
        case: The grid.
        fills: What it did.
        last: Units of the last price.
    """

    def __init__(self, case: Case, fills: Ints, last: int) -> None:
        self._case = case
        self._fills = fills
        maker = case.instrument.maker_fee or Decimal(0)
        taker = case.instrument.taker_fee or Decimal(0)
        self._rate_unit = 10 ** max(_decimals(maker), _decimals(taker))
        small = MONEY.divide(case.unit, Decimal(self._rate_unit))
        """What a fee of the smallest rate on one lot at one unit of price costs."""
        self._scale = 10 ** max(_decimals(case.initial_balance), _decimals(small))
        """Of the unit of `_cash` in quote."""
        self._small = int(small * self._scale)
        rates = (int(taker * self._rate_unit), int(maker * self._rate_unit))
        exact = self._room(max(map(abs, rates)))
        flows: Exact = fills[:, kernel.PRICE].astype(exact) * -fills[:, kernel.AMOUNT]
        self._fees = np.abs(flows) * np.where(fills[:, kernel.IS_MAKER] == 1, rates[1], rates[0])
        """Of each fill, in units times lots times `_rate_unit`."""
        self._gains: Exact = fills[:, kernel.GAIN].astype(exact)
        self._steps = (flows * self._rate_unit - self._fees) * self._small
        """What each fill adds to cash."""
        self.lots = int(fills[:, kernel.AMOUNT].sum())
        self.realized = MONEY.multiply(case.unit, int(self._gains.sum()))
        self.fees = MONEY.multiply(small, int(self._fees.sum()))
        worth = int(flows.sum()) + self.lots * last
        self.change = MONEY.subtract(MONEY.multiply(case.unit, worth), self.fees)

    def holdings(self, tape: Tape) -> Holdings:
        """What was held after each execution."""
        fills = self._fills
        is_whole = np.concatenate([[True], _ends(fills)])
        start = int(self._case.initial_balance * self._scale)
        lot = self._case.instrument.lot_size * self._case.instrument.contract_size
        whole, parts = lot.as_integer_ratio()
        row = np.concatenate([[-1], fills[:, kernel.ROW]])[is_whole]
        at_ns = np.concatenate([[-1], fills[:, kernel.AT_NS]])[is_whole]
        cash = start + np.concatenate([[0], np.cumsum(self._steps)])[is_whole]
        lots = np.concatenate([[0], np.cumsum(fills[:, kernel.AMOUNT])])[is_whole]
        return Holdings(
            row=row,
            is_later=at_ns > tape.ts_ns[np.maximum(row, 0)],
            at_ns=at_ns,
            cash=_ratios(cash, 1, self._scale),
            size=_ratios(lots, whole, parts),
        )

    def poorest(self) -> Decimal:
        """The lowest that results less fees came to; not above 0."""
        sums = np.cumsum(self._gains * self._rate_unit - self._fees)
        lowest = min(0, int(sums.min())) if len(sums) else 0
        return MONEY.multiply(Decimal(lowest * self._small), Decimal(1) / self._scale)

    def stands_alone(self, tape: Tape) -> bool:
        """Whether an isolated position kept clear of its end at every row it was held over.

        With the margin |E|/L of an average entry E it ends where `E/L + (p - E)` falls to the
        maintenance margin of `p`; for a short mirrored.
        """
        fills, instrument = self._fills, self._case.instrument
        if not len(fills):
            return True
        held, entry = averages(fills[:, kernel.PRICE], fills[:, kernel.AMOUNT])
        rows = np.maximum(fills[:, kernel.ROW], 0)
        following = np.append(rows[1:], len(tape.last) - 1)
        lowest = np.minimum(np.minimum.reduceat(tape.last, rows), tape.last[following])
        highest = np.maximum(np.maximum.reduceat(tape.last, rows), tape.last[following])
        margin, rate = 1 / float(self._case.leverage), float(instrument.maintenance_margin_rate)
        floor = entry * (1 - margin) / (1 - rate) * (1 + _SURE)
        ceiling = entry * (1 + margin) / (1 + rate) * (1 - _SURE)
        is_clear = np.where(held > 0, lowest > floor, highest < ceiling)
        return bool(np.all(is_clear | (held == 0)))

    def _room(self, rate: int) -> npt.DTypeLike:
        """Machine integers where every sum fits them, else Python's, which have no end."""
        case = self._case
        each = case.furthest * int(case.levels[3].sum()) * (self._rate_unit + rate) * self._small
        most = each * (len(self._fills) + 1) + int(case.initial_balance * self._scale)
        return np.int64 if most < _MOST else np.object_


def _refuse_poor(case: Case, curve: Swing, book: _Book, tape: Tape) -> None:
    """Where the account might not carry an order, or be liquidated, the engine decides."""
    instrument = case.instrument
    taker = max(instrument.taker_fee or Decimal(0), instrument.maker_fee or Decimal(0), Decimal(0))
    sides, lots = case.levels[0], case.levels[3]
    # Either everything that buys has filled or everything that sells: never both.
    total = max(int(lots[sides > 0].sum()), int(lots[sides < 0].sum()))
    if instrument.is_spot:
        entries = case.levels[1] * lots
        value = case.unit * (
            total * case.furthest if case.rules[kernel.FOLLOWS] else int(entries.sum())
        )
        cap = Decimal(int(case.rules[kernel.CAP])) / Decimal(int(case.rules[kernel.CAP_UNIT]))
        needed = value * (1 + taker) * (1 + cap)
        is_enough = case.initial_balance + book.poorest() > needed
    else:
        value = case.unit * total * case.furthest
        needed = value / case.leverage + value * taker
        is_enough = curve.lowest > float(needed) * (1 + _SURE) and curve.least_room > 0
        if is_enough and case.is_isolated:
            is_enough = book.stands_alone(tape)
    if not is_enough:
        raise BelongsToEngine("the account might not carry it")


def _ends(fills: Ints) -> npt.NDArray[np.bool_]:
    """Which fills are the last share of their execution: nobody sees the account in between."""
    leg = fills[:, kernel.LEG]
    goes_on = np.zeros(len(fills), np.bool_)
    goes_on[:-1] = (leg[:-1] == leg[1:]) & ((leg[1:] == kernel.SHARE) | (leg[1:] == kernel.FLATTEN))
    goes_on[:-1] &= fills[:-1, kernel.AT_NS] == fills[1:, kernel.AT_NS]
    return ~goes_on


def _ratios(numbers: Exact, times: int, unit: int) -> Floats:
    """Each number times so many of a unit, rounded once, as from its Decimal."""
    largest = int(np.abs(numbers).max()) * times
    if largest < _FLOAT and unit <= _TEN:
        found: Floats = (numbers * times).astype(np.float64) / float(unit)
        return found
    return np.array([number * times / unit for number in numbers.tolist()])


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def held_of(
    worths: Sequence[tuple[int, int, Decimal, Decimal]], tape: Tape, contract: Decimal
) -> Holdings:
    """What the engine's account held, from (time, row, cash, size) after each change."""
    row = np.array([item[1] for item in worths], np.int64)
    at_ns = np.array([item[0] for item in worths], np.int64)
    return Holdings(
        row=row,
        is_later=at_ns > tape.ts_ns[np.maximum(row, 0)],
        at_ns=at_ns,
        cash=np.array([float(item[2]) for item in worths]),
        size=np.array([float(item[3] * contract) for item in worths]),
    )
