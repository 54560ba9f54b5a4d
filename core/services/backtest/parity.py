"""The parity meter: what a run did on paper beside what a replay of its prices does.

Order by order: how much was filled, at which mean price, with which fee, and what its round trips
earned. What differs is the error of the simulation, in the units of the account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.domain.position import MONEY, ZERO
from core.services.backtest.snapshot import Execution, OrderParity

_LEGS: Final = {"E": "entry", "X": "exit", "R": "flatten"}
"""Letter in a client order id -> the leg."""


def compare(
    recorded: Iterable[Execution], replayed: Iterable[Execution]
) -> tuple[OrderParity, ...]:
    """Lays two runs side by side, in the order in which the orders were made.

    The third exit of level 4 in one run is held against the third exit of level 4 in the other, so
    that one order more or less elsewhere does not shift everything behind it.
    """
    mine, theirs = _numbered(recorded), _numbered(replayed)
    found = [
        OrderParity(
            order=name,
            side=(mine.get(name) or theirs[name]).side,
            recorded=mine.get(name),
            replayed=theirs.get(name),
        )
        for name in mine.keys() | theirs.keys()
    ]
    return tuple(sorted(found, key=_place))


def _numbered(runs: Iterable[Execution]) -> dict[str, Execution]:
    """Orders by level, leg and how many of those came before: `4 exit 3`."""
    counts: Counter[tuple[int, str]] = Counter()
    found: dict[str, Execution] = {}
    for item in sorted(runs, key=lambda item: _parts_of(item.order)[2]):
        level, leg, _ = _parts_of(item.order)
        counts[level, leg] += 1
        found[f"{level} {leg} {counts[level, leg]}"] = item
    return found


def _place(order: OrderParity) -> tuple[int, str]:
    known = order.recorded or order.replayed
    return (0 if known is None else _parts_of(known.order)[2]), order.order


def _parts_of(order: str) -> tuple[int, str, int]:
    """Level, leg and running number from an order's own part of its id."""
    for letter, leg in _LEGS.items():
        level, found, number = order.partition(letter)
        if found:
            return int(level or "0", 36), leg, int(number, 36)
    raise ValueError(f"{order!r} is no order of a grid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One execution, or one slot's share of it."""

    client_order_id: str
    trade_id: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    profit: Decimal = ZERO


def executions(parts: Iterable[Part], prefix: str) -> list[Execution]:
    """Executions summed up by order.

    Args:
        parts: In order of time.
        prefix: What every client order id of the run begins with.
    """
    sums: dict[str, Execution] = {}
    trades: set[tuple[str, str]] = set()
    for part in parts:
        order = part.client_order_id.removeprefix(prefix)
        is_new = (order, part.trade_id) not in trades
        trades.add((order, part.trade_id))
        found = sums.get(order) or Execution(
            order=order, side=part.side, fills=0, amount=ZERO, value=ZERO, fee=ZERO, profit=ZERO
        )
        sums[order] = Execution(
            order=order,
            side=part.side,
            fills=found.fills + is_new,
            amount=MONEY.add(found.amount, part.amount),
            value=MONEY.fma(part.price, part.amount, found.value),
            fee=MONEY.add(found.fee, part.fee),
            profit=MONEY.add(found.profit, part.profit),
        )
    return list(sums.values())
