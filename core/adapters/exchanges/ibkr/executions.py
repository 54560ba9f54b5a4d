"""Executions and their commissions, which come in two messages, and corrections of them. Pure.

An execution is told once, under the part of its id that corrections share. A correction that comes
before it was told replaces it; one that comes later is reported, and never told as another fill.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from core.adapters.exchanges.ibkr.convert import split_exec_id
from core.adapters.exchanges.models import FillData


class Taken(Enum):
    """What became of an execution that was heard."""

    NEW = "new"
    KNOWN = "known"
    REPLACED = "replaced"
    """A correction, before anyone was told."""
    CORRECTED = "corrected"
    """A correction of what was told: books that hold it are wrong."""


@dataclass(slots=True, kw_only=True)
class Execution:
    """One execution as far as it is known."""

    fill: FillData
    """Its fee is that of the commission, once there is one."""
    revision: int
    has_fee: bool = False
    is_told: bool = False


class Executions:
    """Every execution of the account that was heard of, by its lasting id."""

    def __init__(self) -> None:
        self._known: dict[str, Execution] = {}
        self._fees: dict[str, tuple[Decimal, str]] = {}
        """Whole execution id -> commission that came before its execution."""

    def take(self, exec_id: str, fill: FillData) -> Taken:
        """Hears an execution."""
        base, revision = split_exec_id(exec_id)
        known = self._known.get(base)
        if known is not None and revision <= known.revision:
            return Taken.KNOWN
        fresh = Execution(fill=fill, revision=revision)
        self._known[base] = fresh
        fee = self._fees.pop(exec_id, None)
        if fee is not None:
            self._pay(fresh, *fee)
        if known is None:
            return Taken.NEW
        if known.has_fee and not fresh.has_fee:
            self._pay(fresh, known.fill.fee, known.fill.fee_currency)
        fresh.is_told = known.is_told
        return Taken.CORRECTED if known.is_told else Taken.REPLACED

    def pay(self, exec_id: str, fee: Decimal, currency: str) -> str:
        """Hears a commission; gives the execution's lasting id."""
        base, revision = split_exec_id(exec_id)
        known = self._known.get(base)
        if known is None or known.revision < revision:
            self._fees[exec_id] = (fee, currency)
        elif known.revision == revision or not known.has_fee:
            self._pay(known, fee, currency)
        return base

    def estimate(self, base: str, fee: Decimal, currency: str) -> None:
        """Stands in for a commission that never came."""
        known = self._known[base]
        if not known.has_fee:
            self._pay(known, fee, currency)

    def of(self, base: str) -> Execution | None:
        """An execution by its lasting id."""
        return self._known.get(base)

    def told_amount(self, order_id: str) -> Decimal:
        """What was told of an order."""
        return sum(
            (
                e.fill.amount
                for e in self._known.values()
                if e.is_told and e.fill.order_id == order_id
            ),
            Decimal(0),
        )

    def waiting(self) -> list[str]:
        """Lasting ids of executions without a commission."""
        return [base for base, known in self._known.items() if not known.has_fee]

    @staticmethod
    def _pay(known: Execution, fee: Decimal, currency: str) -> None:
        known.fill = replace(known.fill, fee=fee, fee_currency=currency)
        known.has_fee = True
