"""What a grid is worth as a straight line in the price.

Between two executions the worth of a grid depends on the price alone, and evenly:

    E(P)          = base + slope · P                 slope = signed position · contract size
    E(P) closed   = E(P) - |slope| · (fee · P + half the spread)

So "worth at least X" is "price at or beyond Y", and Y can be found by one division. The division
is used only to say which prices need to be looked at, rounded so that none is missed; whether a
condition holds is always reckoned without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from core.domain.events import Horizon
from core.services.grid.ledger import EXACT, ZERO, Ledger

CALM: Final = Horizon()
EVERY_ROW: Final = Horizon(above=0, below=10**12)
"""No price lies strictly inside, so none is skipped."""
_DOWN: Final = Context(prec=100, rounding=ROUND_FLOOR)
_UP: Final = Context(prec=100, rounding=ROUND_CEILING)


def from_price_up(ticks: Decimal) -> Horizon:
    """Every price at or above so many ticks, none of them left out."""
    return Horizon(above=int(ticks.to_integral_value(ROUND_FLOOR)))


def from_price_down(ticks: Decimal) -> Horizon:
    """Every price at or below so many ticks."""
    return Horizon(below=int(ticks.to_integral_value(ROUND_CEILING)))


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityLine:
    """The worth of a grid, quote, as long as nothing executes."""

    base: Decimal
    slope: Decimal
    taker_fee: Decimal
    """Fraction."""

    @classmethod
    def of(
        cls, ledger: Ledger, *, allocation: Decimal, contract: Decimal, fee: Decimal
    ) -> EquityLine:
        """The line of a ledger that began with `allocation`."""
        result = EXACT.add(ledger.realized, ledger.unrealized(ZERO))
        result = EXACT.add(EXACT.subtract(result, ledger.fees), ledger.funding)
        return cls(
            base=EXACT.add(allocation, result),
            slope=EXACT.multiply(ledger.position, contract),
            taker_fee=fee,
        )

    def at(self, price: Decimal) -> Decimal:
        """Worth at a price."""
        return EXACT.fma(self.slope, price, self.base)

    def closed(self, price: Decimal, half_spread: Decimal) -> Decimal:
        """Worth once everything is sold or bought back at market."""
        cost = EXACT.fma(self.taker_fee, price, half_spread)
        return EXACT.subtract(self.at(price), EXACT.multiply(abs(self.slope), cost))

    def price_of(self, worth: Decimal) -> Decimal | None:
        """The price at which the grid is worth so much; None where no price is."""
        return None if not self.slope else EXACT.divide(worth - self.base, self.slope)

    def closed_price_of(self, worth: Decimal) -> Decimal | None:
        """The price at which it is worth so much once closed; None where no price above 0 is."""
        slope = self._closed_slope
        if not slope:
            return None
        price = EXACT.divide(worth - self.base, slope)
        return price if price > 0 else None

    def reaching(self, worth: Decimal, tick: Decimal) -> Horizon:
        """Every price at which it could be worth at least so much once closed."""
        slope = self._closed_slope
        need = EXACT.subtract(worth, self.base)
        if not slope:
            return EVERY_ROW if need <= 0 else CALM
        if slope > 0:
            return from_price_up(_DOWN.divide(need, EXACT.multiply(slope, tick)))
        return from_price_down(_UP.divide(need, EXACT.multiply(slope, tick)))

    def falling_below(self, worth: Decimal, tick: Decimal) -> Horizon:
        """Every price at which it could be worth less than so much once closed."""
        slope = self._closed_slope
        need = EXACT.subtract(worth, self.base)
        if not slope:
            return EVERY_ROW if need > 0 else CALM
        if slope > 0:
            return from_price_down(_UP.divide(need, EXACT.multiply(slope, tick)))
        return from_price_up(_DOWN.divide(need, EXACT.multiply(slope, tick)))

    @property
    def _closed_slope(self) -> Decimal:
        return EXACT.subtract(self.slope, EXACT.multiply(abs(self.slope), self.taker_fee))
