"""How much worse each try of a protected market order may be than the one before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide

MULTIPLIERS: Final = (1, 10, 100)


def slippage_ladder(
    slippage: Decimal, cap: Decimal, multipliers: Sequence[int] = MULTIPLIERS
) -> tuple[Decimal, ...]:
    """The allowance of each try, a fraction, never more than the cap."""
    return tuple(min(slippage * factor, cap) for factor in multipliers)


def protected_price(best: Decimal, side: OrderSide, slippage: Decimal) -> Decimal:
    """The limit of a market order: above the ask for a buy, below the bid for a sell."""
    return best * (1 + side.sign * slippage)
