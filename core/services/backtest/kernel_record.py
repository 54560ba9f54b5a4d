"""A plain grid on trades by the kernel, told as the engine would have told it.

The kernel says which orders fill, at which row and price. The grid's own books (`Ledger`) count the
money, so the summary is made by the same code. What the kernel cannot do exactly belongs to the
engine, and so does a grid that follows the price, whose capital depends on its last ladder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from core.adapters.exchanges.models import Instrument, Liquidity, OrderSide
from core.domain.events import MarketMoved, Reconciled
from core.domain.fees import fee_of
from core.domain.policies import OnExit
from core.domain.position import MONEY, ZERO, cash_flow
from core.domain.worth import Worth
from core.services.backtest import kernel
from core.services.backtest.kernel_run import run_case, run_fills
from core.services.backtest.record import RunRecord
from core.services.backtest.rows import Ints, Tape
from core.services.backtest.snapshot import TradedFill
from core.services.backtest.sweep_case import BelongsToEngine, Case, make_case
from core.services.backtest.sweep_tape import COLUMNS, SweepTape, TapeHead
from core.services.grid.config import GridBotConfig
from core.services.grid.ledger import Ledger, split_fee
from core.services.grid.machine import GridMachine
from core.services.grid.outcome import summary_fields
from core.services.ports import Feed
from core.services.risk.limits import Limits

_LEGS: Final = {
    kernel.ENTRY: "entry",
    kernel.SHARE: "entry",
    kernel.EXIT: "exit",
    kernel.FLATTEN: "flatten",
}


@dataclass(frozen=True, slots=True)
class _Fill:
    """One row of the kernel's matrix."""

    row: int
    at_ns: int
    price: int
    lots: int
    """Signed."""
    level: int
    leg: int
    is_maker: bool

    @property
    def side(self) -> OrderSide:
        """Of the order."""
        return OrderSide.BUY if self.lots > 0 else OrderSide.SELL


def record_by_kernel(
    config: GridBotConfig, limits: Limits, feed: Feed, *, most: int | None
) -> RunRecord:
    """Runs a grid.

    Args:
        config: A checked file.
        limits: What risk would be told.
        feed: Trades, or candles as trades.
        most: Requests a minute that the venue takes which paper stands in for; None for any.

    Raises:
        BelongsToEngine: With the reason in words.
        ExtraMissing: Without numba.
    """
    if config.settings.grid_type.is_follow:
        raise BelongsToEngine("it follows the price")
    tape = _tape(feed)
    highest = int(tape.columns["last"].max())
    case = make_case(config, limits, tape, highest=highest, most=most)
    rows = tape.lows_and_highs()
    run_case(case, rows, tape.price_unit)  # refuses what the account might not carry
    fills, _ = run_fills(case, rows)
    books = _Books(config, tape)
    for group in _executions(fills):
        books.take(group)
    last = int(tape.columns["last"][-1])
    books.finish(last, _end(case, rows, fills, config.settings.on_exit))
    return books.record


def _tape(feed: Feed) -> SweepTape:
    if feed.has_book:
        raise BelongsToEngine("the prices have a book")
    pieces: dict[str, list[Ints]] = {name: [] for name in COLUMNS}
    unit = part = Decimal(1)
    for chunk in feed.chunks():
        unit, part = chunk.price_unit, chunk.amount_unit
        for name in COLUMNS:
            pieces[name].append(np.asarray(getattr(chunk, name), np.int64))
    columns = {name: np.concatenate(found) for name, found in pieces.items()}
    head = TapeHead(
        name=feed.name,
        kind=feed.kind.value,
        digest="",
        rows=len(columns["last"]),
        price_unit=str(unit),
        amount_unit=str(part),
        has_funding=bool(feed.funding()),
    )
    return SweepTape(head, columns, tuple(feed.funding()))


def _executions(fills: Ints) -> Iterator[list[_Fill]]:
    """The fills; what one execution gave to several slots stands together."""
    group: list[_Fill] = []
    for values in fills.tolist():
        row, at_ns, price, lots, level, leg, is_maker = values[:7]
        fill = _Fill(row, at_ns, price, lots, level, leg, bool(is_maker))
        if group and not (
            leg in {kernel.SHARE, kernel.FLATTEN} and (leg, at_ns) == (group[0].leg, group[0].at_ns)
        ):
            yield group
            group = []
        group.append(fill)
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class _End:
    """How a run ends."""

    living: int
    """Orders that `on_exit: keep` leaves."""
    at_ns: int
    """When the last order, cancel or close has arrived."""


def _end(case: Case, rows: Tape, fills: Ints, policy: OnExit) -> _End:
    rules = case.rules.copy()
    rules[kernel.FLATTENS] = policy is not OnExit.KEEP
    grid = kernel.new_grid(rules, case.levels)
    kernel.run(rows, grid, kernel.new_fills(len(fills) + case.levels.shape[1] + 1))
    at_ns = kernel.ended_ns(grid)
    has_closed = policy is OnExit.FLATTEN and bool((fills[:, kernel.LEG] == kernel.FLATTEN).any())
    if policy is not OnExit.KEEP and not has_closed:
        # The kernel waits for a close after the cancels; here none was sent.
        at_ns -= int(rules[kernel.LATENCY_NS])
    return _End(kernel.living(grid), at_ns)


class _Books:
    """A grid's books, and what its account holds.

    Args:
        config: Of the grid.
        tape: What it ran on.
    """

    def __init__(self, config: GridBotConfig, tape: SweepTape) -> None:
        self.record = RunRecord()
        self._settings = config.settings
        self._instrument: Instrument = config.settings.instrument
        self._tape = tape
        self._unit = tape.price_unit
        self._start = self._cash = config.paper.initial_balance
        self._size = ZERO
        self._machine = _machine(config, tape)
        self._ledger: Ledger = self._machine.ledger
        self._trades = 0

    def take(self, group: Sequence[_Fill]) -> None:
        """Books one execution."""
        first = group[0]
        price = MONEY.multiply(first.price, self._unit)
        lots = sum(fill.lots for fill in group)
        amount = self._instrument.amount(abs(lots))
        liquidity = Liquidity.MAKER if first.is_maker else Liquidity.TAKER
        fee = fee_of(self._instrument, first.side, price, amount, liquidity).amount
        self._trades += 1
        parts = [self._instrument.amount(abs(fill.lots)) for fill in group]
        fees = split_fee(fee, parts) if len(group) > 1 else [fee]
        for place, fill in enumerate(group):
            share = f"{place + 1}/{len(group)}" if _is_shared(fill, group) else ""
            self._book(fill, price, parts[place], fees[place], share)
        flow = cash_flow(first.side, price, amount, self._instrument.contract_size)
        self._cash = MONEY.subtract(MONEY.add(self._cash, flow), fee)
        self._size = MONEY.add(self._size, amount if lots > 0 else -amount)
        self.record.worths.append(Worth(first.at_ns, first.row, self._cash, self._size))

    def _book(self, fill: _Fill, price: Decimal, amount: Decimal, fee: Decimal, share: str) -> None:
        ledger = self._ledger
        trip: Decimal | None = None
        if fill.leg in {kernel.ENTRY, kernel.SHARE}:
            ledger.open(fill.level, amount, price, fee)
        elif fill.leg == kernel.EXIT:
            ledger.close(fill.level, amount, price, fee)
            if not ledger.account(fill.level).amount:
                trip = ledger.book_round_trip(fill.level).net
        else:
            ledger.reduce(fill.level, amount, price, fee, fill.side)
            ledger.drop_trip_if_flat(fill.level)
        ledger.fills += 1
        self.record.fills.append(
            TradedFill(
                at_ns=fill.at_ns,
                side=fill.side.value,
                price=price,
                amount=amount,
                level=fill.level or None,
                leg=_LEGS[fill.leg],
                fee=fee,
                round_trip=trip,
                is_maker=fill.is_maker,
                client_order_id="",
                trade_id=str(self._trades),
                share=share,
            )
        )

    def finish(self, last: int, end: _End) -> None:
        """Values what is left, and says what the last line of the diary would."""
        mark = MONEY.multiply(last, self._unit)
        value = MONEY.multiply(MONEY.multiply(self._size, mark), self._instrument.contract_size)
        self.record.summary = summary_fields(
            result=self._machine.result(end.at_ns, mark),
            equity_start=self._start,
            equity_end=MONEY.add(self._cash, value),
            open_orders=end.living if self._settings.on_exit is OnExit.KEEP else 0,
            feed=self._tape.name,
            started_ns=self._tape.first_ns,
            ended_ns=self._tape.last_ns,
        )


def _is_shared(fill: _Fill, group: Sequence[_Fill]) -> bool:
    return fill.leg == kernel.SHARE or len(group) > 1


def _machine(config: GridBotConfig, tape: SweepTape) -> GridMachine:
    """A grid whose ladder stands at the first price; its books are empty."""
    machine = GridMachine(config.settings, order_prefix="kernel")
    at_ns = tape.first_ns or 0
    machine.on(Reconciled(at_ns=at_ns, open_orders=frozenset(), foreign_orders=0, venue_position=0))
    price = int(tape.columns["last"][0]) * tape.price_unit
    tick = config.settings.instrument.tick_size
    low, rest = divmod(price, tick)
    high = low + (rest > 0)
    bid, ask = int(low), int(high)
    machine.on(MarketMoved(at_ns=at_ns, bid=bid, ask=ask, last=bid, mark=price, age_ms=0))
    return machine
