"""The sums that a grid keeps, read back from its state for an audit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.services.audit.records import Books
from core.services.grid.machine import GridMachine
from core.services.grid.settings import GridSettings


def books_of(settings: GridSettings, state: Mapping[str, str]) -> Books:
    """What a grid believes to hold and to have earned.

    Args:
        settings: The configuration under which the state was written.
        state: The machine's state by key.
    """
    machine = GridMachine(settings, order_prefix="audit")
    machine.restore(state)
    ledger = machine.ledger
    return Books(
        started_ns=machine.started_ns,
        position=ledger.position,
        realized=ledger.realized,
        open_value=ledger.unrealized(Decimal(0)),
        fees=ledger.fees,
    )
