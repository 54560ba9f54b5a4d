"""A net position and its margin. Exact where money moves, rounded only where people look.

What an execution does to the account is its cash flow, `-sign·amount·price·contract_size`; an
account is worth its cash and `size·mark·contract_size`. No division occurs in either, so the change
of equity is exact to the last digit. Average entry, unrealised result and liquidation price need
divisions and are for display and margin only.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide
from core.domain import liquidation

MONEY: Final = Context(prec=60)
"""Sums and products of money run in this context: more digits than any account needs."""

_ENTRY_STEP: Final = Decimal(1).scaleb(-12)
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held of one symbol."""

    size: Decimal = ZERO
    """Signed, long positive, base units."""
    entry_price: Decimal | None = None
    """Average entry, rounded to 12 decimals; None while flat. For display."""

    def after(self, side: OrderSide, price: Decimal, amount: Decimal) -> Position:
        """The position after an execution; what reduces keeps the entry, what turns renews it."""
        change = amount if side is OrderSide.BUY else -amount
        size = MONEY.add(self.size, change)
        if not size:
            return FLAT
        if self.entry_price is None or (self.size > 0) != (size > 0):
            return Position(size=size, entry_price=price)
        if abs(size) < abs(self.size):
            return Position(size=size, entry_price=self.entry_price)
        cost = MONEY.add(
            MONEY.multiply(self.entry_price, abs(self.size)), MONEY.multiply(price, amount)
        )
        entry = MONEY.divide(cost, abs(size)).quantize(_ENTRY_STEP, context=MONEY)
        return Position(size=size, entry_price=entry.normalize(MONEY))

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return not self.size


FLAT: Final = Position()


def cash_flow(side: OrderSide, price: Decimal, amount: Decimal, contract_size: Decimal) -> Decimal:
    """What an execution adds to cash, before fees; exact."""
    value = MONEY.multiply(MONEY.multiply(price, amount), contract_size)
    return -value if side is OrderSide.BUY else value


def value_of(size: Decimal, mark: Decimal, contract_size: Decimal) -> Decimal:
    """Signed worth of a size at a mark; exact."""
    return MONEY.multiply(MONEY.multiply(size, mark), contract_size)


def unrealized(position: Position, mark: Decimal, contract_size: Decimal) -> Decimal:
    """Open result against the average entry; for display."""
    if position.entry_price is None:
        return ZERO
    return value_of(position.size, MONEY.subtract(mark, position.entry_price), contract_size)


def maintenance_margin(notional: Decimal, rate: Decimal) -> Decimal:
    """Collateral under which the venue closes the position."""
    return MONEY.multiply(abs(notional), rate)


def liquidation_price(
    position: Position, collateral: Decimal, maintenance_rate: Decimal, contract_size: Decimal
) -> Decimal | None:
    """The mark at which collateral and open result equal the maintenance margin.

    Long `(avg·Q - C) / (Q·(1 - mmr))`, short `(avg·Q + C) / (Q·(1 + mmr))`, Q in quote units of one
    price step (|size|·contract_size).

    Args:
        position: What is held.
        collateral: Money behind it without its own open result.
        maintenance_rate: Fraction of notional.
        contract_size: Base units per contract.

    Returns:
        None for a flat position, or where no price above zero gets there.
    """
    if position.entry_price is None:
        return None
    return liquidation.liquidation_price(
        OrderSide.BUY if position.size > 0 else OrderSide.SELL,
        abs(position.size) * contract_size,
        position.entry_price,
        collateral=collateral,
        maintenance_rate=maintenance_rate,
    )
