"""What remains between two venues: bought at one's ask, sold at the other's bid."""

from __future__ import annotations

from decimal import Decimal


def directional_spread(ask: Decimal, bid: Decimal) -> Decimal:
    """Fraction earned by buying at `ask` here and selling at `bid` there; negative is lost."""
    return (bid - ask) / ask


def net_spread(ask: Decimal, bid: Decimal, *fees: Decimal) -> Decimal:
    """The same less the taker fees of the legs, each a fraction."""
    return directional_spread(ask, bid) - sum(fees, Decimal(0))
