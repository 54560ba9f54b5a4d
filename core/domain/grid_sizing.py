"""How much each line of a spot grid may trade when an investment is spread over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide

PRECISE: Final = Context(prec=50)


def sides_around(lines: Sequence[Decimal], price: Decimal) -> list[tuple[OrderSide, Decimal]]:
    """What rests at each line: buys at and below the price, sells above, the first of those empty.

    The line just above the price stays empty, because it is the exit of the highest buy.
    """
    buys = [(OrderSide.BUY, line) for line in sorted(lines) if line <= price]
    sells = [(OrderSide.SELL, line) for line in sorted(lines) if line > price]
    return [*buys, *sells[1:]]


def amount_of_investment(
    investment: Decimal,
    lines: Sequence[Decimal],
    price: Decimal,
    *,
    reserve: Decimal = Decimal("0.05"),
) -> Decimal:
    """Base units of each buy, if buys are paid at their lines and what is to be sold at the price.

    Args:
        investment: Quote.
        lines: Prices of all lines.
        price: Of the market, at which the inventory for the sells is bought.
        reserve: Fraction of the investment that is kept for fees and slippage.
    """
    need = sum(
        (line if side is OrderSide.BUY else price for side, line in sides_around(lines, price)),
        Decimal(0),
    )
    return PRECISE.divide(investment * (1 - reserve), need)
