"""A reserve of the base asset, which pays the fees of spot purchases.

A spot venue takes the fee of a purchase out of what was bought, so that less arrives than was
ordered and the whole amount could not be sold again. With a reserve a slot gets what was taken from
it out of the reserve, and sells the whole amount.

    at the start      what is missing is bought at market, before the ladder is built; less than one
                      `order_amount` may be missing
    used              by what fees really took, never by an estimate
    filled up         when what is left is at the trigger fraction or below: to the target, at least
                      the least value, at most so often within 24 hours and not too soon again
    never sold        closing sells what the slots hold and leaves the reserve
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

from core.services.grid.protections.settings import ReserveSettings
from core.services.grid.protections.timer import SECOND_NS

DAY_NS: Final = 86_400 * SECOND_NS
WARNING: Final = Decimal("0.5")
"""Part of the reserve below which a person is told."""
CRITICAL: Final = Decimal("0.3")


class SpotReserve:
    """What is known of one reserve.

    Args:
        settings: What it is told.
    """

    def __init__(self, settings: ReserveSettings) -> None:
        self.settings = settings
        self.is_begun = False
        """Whether the start has been dealt with: bought, found, or gone on without."""
        self.has_failed = False
        """Whether the purchase at the start came to nothing."""
        self._bought: list[int] = []
        """When it was filled up, within a day."""
        self.word = ""
        """What a person was told last: `low`, `critical` or nothing."""

    def health(self, left: Decimal) -> Decimal:
        """Part of the reserve that is there."""
        return left / self.settings.amount

    def word_of(self, left: Decimal) -> str:
        """`critical`, `low`, or nothing."""
        health = self.health(left)
        if health < CRITICAL:
            return "critical"
        return "low" if health < WARNING else ""

    def is_wanted(self, left: Decimal) -> bool:
        """Whether it is to be filled up."""
        return self.settings.replenishes and self.health(left) <= self.settings.trigger_fraction

    def next_ns(self, at_ns: int) -> int | None:
        """The first moment at which it may be filled up again; None for not within a day."""
        self._bought = [then for then in self._bought if at_ns - then < DAY_NS]
        if len(self._bought) >= self.settings.max_per_day:
            return self._bought[0] + DAY_NS if self._bought else None
        if not self._bought:
            return at_ns
        return max(at_ns, self._bought[-1] + self.settings.min_interval_s * SECOND_NS)

    def note_purchase(self, at_ns: int) -> None:
        """It is being filled up."""
        self._bought.append(at_ns)

    def missing(self, left: Decimal, *, is_start: bool) -> Decimal:
        """Base units up to the target."""
        target = Decimal(1) if is_start else self.settings.target_fraction
        return max(Decimal(0), target * self.settings.amount - left)

    def lots(self, missing: Decimal, lot: Decimal, price: Decimal, least: int) -> int:
        """Lots to buy: rounded up, and worth enough."""
        worth = self.settings.min_order_value / price
        wanted = max(missing, worth) / lot
        return max(int(wanted.to_integral_value(ROUND_CEILING)), least)

    def dump(self) -> list[object]:
        """Its memory."""
        return [self.is_begun, self.has_failed, list(self._bought), self.word]

    def load(self, values: list[object]) -> None:
        """Reads what `dump` gave."""
        begun, failed, bought, word = values
        self.is_begun, self.has_failed = bool(begun), bool(failed)
        self._bought = list(bought) if isinstance(bought, list) else []
        self.word = str(word)
