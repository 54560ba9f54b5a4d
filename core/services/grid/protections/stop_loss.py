"""Stop loss: close everything when the price has stayed beyond a part of the range.

    trigger price   long   upper - (upper - lower) · percent / 100, at or below it
                    short  lower + (upper - lower) · percent / 100, at or above it
    fires when      the price has been there for the whole timeout without a break
    then            entries are cancelled, the position is closed, the rest is cancelled

What follows depends on how well the grid has paid in the last ten minutes (`cycles.py`): at the
threshold or above it goes on, below it stops. A grid that follows goes on around the new price; a
fixed one waits until the price is back inside its range and on the good side of the trigger, and is
never built at once. After so many resets within a day it stops for good.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import OrderSide, plain
from core.domain.events import Horizon
from core.services.grid.ledger import EXACT
from core.services.grid.protections.cycles import Cycles
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Sight, Stage, Values
from core.services.grid.protections.settings import StopLossSettings
from core.services.grid.protections.timer import SECOND_NS, Timer

DAY_NS: Final = 86_400 * SECOND_NS
HUNDRED: Final = Decimal(100)


def trigger_price(lower: Decimal, upper: Decimal, percent: Decimal, side: OrderSide) -> Decimal:
    """The price so many percent into the range from its favourable edge; any unit."""
    depth = EXACT.multiply(upper - lower, percent) / HUNDRED
    return upper - depth if side is OrderSide.BUY else lower + depth


class StopLoss:
    """The rule.

    Args:
        settings: What it is told.
        follows: Whether the range is computed from the price.
    """

    name = "stop_loss"
    rank = Rank.STOP_LOSS

    def __init__(self, settings: StopLossSettings, *, follows: bool) -> None:
        self._settings = settings
        self._follows = follows
        self._timer = Timer(settings.timeout_s * SECOND_NS)
        self.cycles = Cycles()
        self._resets: list[int] = []
        """When it has reset the grid, within a day."""
        self.stage = Stage.IDLE

    @property
    def is_timing(self) -> bool:
        """Whether its timer runs."""
        return self._timer.is_running

    def trigger(self, ground: Ground) -> Decimal:
        """Ticks at which its timer starts."""
        ladder = ground.ladder
        percent = self._settings.trigger_percent
        lower, upper = Decimal(ladder.lower), Decimal(ladder.upper)
        return trigger_price(lower, upper, percent, ladder.entry_side)

    def judge(self, now: Reading) -> Decision:
        """Fires once the price has been beyond the trigger for the whole timeout."""
        ground, timer = now.ground, self._timer
        trigger = self.trigger(ground) * ground.tick
        is_beyond = (now.price - trigger) * ground.sign <= 0
        if not timer.has_held(now.at_ns, holds=is_beyond, is_trusted=now.is_trusted):
            return self._waiting(trigger, ground.sign)
        directive = self._directive(now, trigger)
        return Decision(stage=Stage.TRIGGERED, reason=directive.reason, directive=directive)

    def _waiting(self, trigger: Decimal, sign: int) -> Decision:
        word = "below" if sign > 0 else "above"
        if self._timer.is_running:
            reason = f"the price is at or {word} {plain(trigger)}"
            return Decision(stage=Stage.ARMED, reason=reason)
        return Decision(stage=Stage.IDLE, reason=f"the price left {plain(trigger)} again")

    def _directive(self, now: Reading, trigger: Decimal) -> Directive:
        """Whether the grid goes on afterwards, and why."""
        settings = self._settings
        goes_on, why = self._verdict(now)
        if goes_on and not self._follows and not settings.has_reentry:
            goes_on, why = False, f"{why}, but a fixed range is not built again"
        recent = sum(now.at_ns - at_ns < DAY_NS for at_ns in self._resets)
        if goes_on and recent >= settings.max_resets:
            goes_on, why = False, f"{recent} resets within 24 hours"
        return Directive(
            rank=self.rank,
            act=Act.RESET if goes_on else Act.STOP,
            source=self.name,
            reason=f"beyond {plain(trigger)} for {settings.timeout_s} s; {why}",
            waits_for_price=goes_on and not self._follows,
            is_entries_first=True,
        )

    def count_reset(self, at_ns: int) -> None:
        """The grid is being reset as it asked."""
        recent = [then for then in self._resets if at_ns - then < DAY_NS]
        self._resets = [*recent, at_ns]

    def _verdict(self, now: Reading) -> tuple[bool, str]:
        apr = self.cycles.apr(now.at_ns, now.ladder_value())
        if apr is None:
            return (
                self._settings.is_reset_without_data,
                "less than 10 minutes to reckon a rate from",
            )
        threshold = self._settings.apr_threshold
        found = f"{plain(round(apr, 2))} % a year"
        if apr >= threshold:
            return True, f"{found} reaches {plain(threshold)} %"
        return False, f"{found} is below {plain(threshold)} %"

    def horizon(self, ground: Ground) -> Horizon:
        """The trigger, from whichever side the price is."""
        trigger = self.trigger(ground)
        if self._timer.is_running:
            return ground.favourable_of(trigger) | Horizon(at_ns=self._timer.expires_ns)
        return ground.adverse_of(trigger)

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """Trigger and timer."""
        trigger = self.trigger(ground) * ground.tick
        words = f"at {plain(trigger)} for {self._settings.timeout_s} s"
        if self._timer.since_ns is not None:
            passed_s = max(0, at_ns - self._timer.since_ns) // SECOND_NS
            words = f"escaped {passed_s} s of {self._settings.timeout_s} s"
        return Sight(
            stage=self.stage,
            words=words,
            price=trigger,
            since_ns=self._timer.since_ns,
            progress=self._timer.progress(at_ns),
        )

    def clear(self) -> None:
        """Forgets the timer; resets are counted on."""
        self._timer.clear()
        self.stage = Stage.IDLE

    def rest(self) -> None:
        """Forgets the timer."""
        self.clear()

    def distrust(self, since_ns: int) -> None:
        """Prices are stale since then: the timer stands still."""
        self._timer.distrust(since_ns)

    def dump(self) -> Values:
        """Its memory."""
        return {
            "stage": self.stage.value,
            "timer": self._timer.dump(),
            "cycles": self.cycles.dump(),
            "resets": list(self._resets),
        }

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        self._timer.load(cast("list[int | None]", values["timer"]))
        self.cycles.load(cast("list[object]", values["cycles"]))
        self._resets = list(cast("list[int]", values["resets"]))
