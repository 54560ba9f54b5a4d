"""Capital protection: out at break-even after a scare.

    arms when   the price stands at the trigger level or a more adverse one, with a position open
    then        nothing is sold; the grid goes on (`capital_protection_freeze_entries` withholds
                and cancels its entries)
    fires when  the grid, once closed at market, is worth C0 again, less a tolerance of
                max(0.01, C0 / 100,000), at three prices in a row, after it had been worth less
    then        everything is closed; a follow grid begins anew, any other stops

`capital_protection_action: close_now` fires as soon as it arms.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import plain
from core.domain.events import Horizon
from core.services.grid.ledger import ZERO
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import CALM, EVERY_ROW
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Sight, Stage, Values
from core.services.grid.protections.settings import CapitalSettings

PRICES_IN_A_ROW: Final = 3
LEAST_TOLERANCE: Final = Decimal("0.01")
TOLERANCE: Final = Decimal("0.00001")


def break_even(capital: Decimal) -> Decimal:
    """Worth that counts as recovered."""
    return capital - max(LEAST_TOLERANCE, TOLERANCE * capital)


class CapitalProtection:
    """The rule.

    Args:
        settings: What it is told.
        follows: Whether the grid begins anew around the price, or stops.
    """

    name = "capital_protection"
    rank = Rank.CAPITAL_PROTECTION

    def __init__(self, settings: CapitalSettings, *, follows: bool) -> None:
        self._settings = settings
        self._act = Act.RESET if follows else Act.STOP
        self.is_armed = False
        self._was_below = False
        """Whether the grid was worth less than break-even since it armed."""
        self._recovered = 0
        """Prices in a row at which it was worth break-even again."""
        self._since_ns: int | None = None
        self.stage = Stage.IDLE

    @property
    def freezes_entries(self) -> bool:
        """Whether no entry may rest now."""
        return self.is_armed and self._settings.freezes_entries

    def judge(self, now: Reading) -> Decision:
        """Arms at the trigger level, fires at break-even."""
        ground = now.ground
        level = ground.trigger_level(self._settings.trigger_percent)
        if not self.is_armed:
            if not ground.is_holding or not ground.is_at_or_below(level, now.price):
                return Decision(stage=Stage.IDLE, reason=f"above level {level}")
            self.is_armed = True
            self._since_ns = now.at_ns
        if self._settings.closes_now and now.is_trusted:
            return self._fire(f"level {level} was reached")
        wanted = break_even(ground.capital)
        self._was_below |= ground.line.closed(now.price, ZERO) < wanted
        if now.closed_equity < wanted:
            self._recovered = 0
        elif self._was_below and now.is_new:
            self._recovered += 1
            if self._recovered >= PRICES_IN_A_ROW and now.is_trusted:
                return self._fire(f"worth {plain(wanted)} again")
        return Decision(stage=Stage.ARMED, reason=f"level {level} was reached")

    def _fire(self, reason: str) -> Decision:
        directive = Directive(rank=self.rank, act=self._act, source=self.name, reason=reason)
        return Decision(stage=Stage.TRIGGERED, reason=reason, directive=directive)

    def horizon(self, ground: Ground) -> Horizon:
        """The trigger level; then the price of break-even, first below and then above it."""
        if not self.is_armed:
            level = ground.trigger_level(self._settings.trigger_percent)
            return ground.at_or_below(level) if ground.is_holding else CALM
        if self._recovered or self._settings.closes_now:
            return EVERY_ROW
        wanted = break_even(ground.capital)
        if self._was_below:
            return ground.line.reaching(wanted, ground.tick)
        return ground.line.falling_below(wanted, ground.tick)

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """Trigger level, or the price of break-even."""
        level = ground.trigger_level(self._settings.trigger_percent)
        wanted = break_even(ground.capital)
        if self.is_armed:
            return Sight(
                stage=self.stage,
                words=f"closes at a worth of {plain(wanted)}",
                price=ground.line.closed_price_of(wanted),
                since_ns=self._since_ns,
                progress=self._recovered / PRICES_IN_A_ROW,
            )
        return Sight(
            stage=self.stage,
            words=f"arms at level {level}",
            price=Decimal(ground.ladder.line(ground.ladder.shift + level - 1)) * ground.tick,
            level=level,
        )

    def clear(self) -> None:
        """Disarms."""
        self.is_armed = self._was_below = False
        self._recovered = 0
        self._since_ns = None
        self.stage = Stage.IDLE

    def rest(self) -> None:
        """Stays armed; prices in a row begin anew."""
        self._recovered = 0

    def distrust(self, since_ns: int) -> None:
        """Prices are stale: the next is the first in a row."""
        del since_ns
        self._recovered = 0

    def dump(self) -> Values:
        """Its memory."""
        return {
            "stage": self.stage.value,
            "armed": self.is_armed,
            "below": self._was_below,
            "recovered": self._recovered,
            "since": self._since_ns,
        }

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        self.is_armed = bool(values["armed"])
        self._was_below = bool(values["below"])
        self._recovered = int(str(values["recovered"]))
        since = values["since"]
        self._since_ns = since if isinstance(since, int) else None
