"""Where a leveraged position is liquidated, and what opening it takes.

One formula serves every linear contract. With side = +1 for a long, -1 for a short, q the unsigned
amount in base units, EP the entry price and r the maintenance rate:

    price = (side · q · EP - C - D) / (q · (side - r))

C is the collateral: the position's own margin when isolated; when cross the wallet's balance less
the maintenance margin of all other positions plus their open result. D is the maintenance amount
that tiered venues deduct (Binance's `cum`), and venues that count the closing fee (Gate, OKX) add
it to r. Hyperliquid's maintenance rate is half the initial margin at the largest leverage.

Sources: Binance "How to calculate liquidation price of USDS-M futures contracts"; OKX and Gate
contract rules; Hyperliquid docs "Liquidations"; Bybit "Initial and maintenance margin", all read in
2026.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide

PRECISE: Final = Context(prec=50)
ZERO: Final = Decimal(0)


def liquidation_price(
    side: OrderSide,
    amount: Decimal,
    entry_price: Decimal,
    *,
    collateral: Decimal,
    maintenance_rate: Decimal,
    deduction: Decimal = ZERO,
) -> Decimal | None:
    """The mark at which the collateral no longer covers the maintenance margin.

    Args:
        side: BUY for a long position.
        amount: Base units, unsigned.
        entry_price: Mean price of the position.
        collateral: Quote; for cross margin with what other positions need and have made.
        maintenance_rate: Fraction of notional, with the closing fee where the venue counts it.
        deduction: Maintenance amount of the tier, quote.

    Returns:
        The price; None where no price above zero would do.
    """
    if amount <= 0:
        return None
    sign = Decimal(side.sign)
    value = PRECISE.multiply(PRECISE.multiply(sign, amount), entry_price)
    above = PRECISE.subtract(PRECISE.subtract(value, collateral), deduction)
    below = PRECISE.multiply(amount, PRECISE.subtract(sign, maintenance_rate))
    if not below:
        return None
    price = PRECISE.divide(above, below)
    return price if price > 0 else None


def cross_collateral(
    balance: Decimal, *, other_maintenance: Decimal = ZERO, other_pnl: Decimal = ZERO
) -> Decimal:
    """What a wallet leaves for one position after all others, quote."""
    return balance - other_maintenance + other_pnl


def initial_margin(amount: Decimal, price: Decimal, leverage: Decimal) -> Decimal:
    """Quote that opening takes."""
    return PRECISE.divide(PRECISE.multiply(amount, price), leverage)


def maintenance_rate_of(max_leverage: Decimal) -> Decimal:
    """Half the initial margin rate at the largest leverage."""
    return PRECISE.divide(Decimal(1), 2 * max_leverage)


def order_cost(
    side: OrderSide, amount: Decimal, price: Decimal, *, leverage: Decimal, fee_rate: Decimal
) -> Decimal:
    """Margin, the fee to open, and the fee to close at the price where the margin is gone."""
    margin = initial_margin(amount, price, leverage)
    bankrupt = price * (1 - side.sign / leverage)
    return margin + amount * price * fee_rate + amount * bankrupt * fee_rate
