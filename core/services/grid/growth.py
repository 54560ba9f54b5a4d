"""What becomes of booked profit: set aside, or put into larger orders.

    booked      realized - fees + funding, as the ledger has it when an entry is sent
    reserved    `profit_reserve_percent` of each round trip that earned something
    invested    booked - reserved, never below zero
    amount      amount of the level · (1 + invested / capital), cut down to whole lots

The capital is what the ladder's entries cost at their own prices and amounts. Nothing here enters a
balance: amounts are the only thing that a division decides.
"""

from __future__ import annotations

from decimal import Decimal

from core.services.grid.ladder import Ladder, base_amounts, capital_of
from core.services.grid.ledger import EXACT, ZERO, Ledger
from core.services.grid.settings import GridSettings


def compounded(
    settings: GridSettings, ladder: Ladder, ledger: Ledger, reserved: Decimal
) -> tuple[int, ...]:
    """Lots of each level with the profit that is there put into them.

    They never go below those of the ladder given, and stay as they are where they would reach
    beyond `max_position`.
    """
    base = base_amounts(settings, ladder)
    invested = EXACT.subtract(booked(ledger), reserved)
    capital = capital_of(settings, ladder, base)
    step = settings.instrument.lots(settings.amount_step)
    grown = tuple(
        max(grown_lots(lots, step, invested, capital), now)
        for lots, now in zip(base, ladder.amounts, strict=True)
    )
    most = settings.max_position
    if most is not None and settings.instrument.amount(sum(grown)) > most:
        return ladder.amounts
    return grown


def booked(ledger: Ledger) -> Decimal:
    """Profit that is closed and paid for, quote."""
    return EXACT.add(EXACT.subtract(ledger.realized, ledger.fees), ledger.funding)


def share_of(result: Decimal, percent: Decimal) -> Decimal:
    """What is set aside of one round trip; nothing of a losing one."""
    return EXACT.multiply(result, percent.scaleb(-2)) if result > 0 else ZERO


def grown_lots(lots: int, step: int, invested: Decimal, capital: Decimal) -> int:
    """Lots of a level that profit was put into, in whole steps; never fewer than without.

    Args:
        lots: Of the level as the file says.
        step: Lots of the amount step.
        invested: Quote, of the whole grid.
        capital: Quote that the grid's entries cost without it.
    """
    if invested <= 0 or capital <= 0:
        return lots
    more = EXACT.divide_int(EXACT.multiply(Decimal(lots), invested), EXACT.multiply(capital, step))
    return lots + int(more) * step
