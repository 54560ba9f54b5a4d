"""Take profit: close everything at a gain on the capital that this ladder began with.

    fires when   E closed / C0 - 1 >= fraction     for two seconds without a break
    then         everything is closed; a new ladder begins with what is there, or the grid stops

The gain is reckoned as if everything were closed at market, so that the target is still there once
it is. C0 of the next ladder is what the grid is worth then, so the target compounds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import plain
from core.domain.events import Horizon
from core.services.grid.ledger import EXACT
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import EVERY_ROW
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Sight, Stage, Values
from core.services.grid.protections.settings import After, TakeProfitSettings
from core.services.grid.protections.timer import SECOND_NS, Timer

HOLD_NS: Final = 2 * SECOND_NS


class TakeProfit:
    """The rule."""

    name = "take_profit"
    rank = Rank.TAKE_PROFIT

    def __init__(self, settings: TakeProfitSettings) -> None:
        self._settings = settings
        self._timer = Timer(HOLD_NS)
        self.stage = Stage.IDLE

    def target(self, capital: Decimal) -> Decimal:
        """Worth at which it fires."""
        return EXACT.fma(capital, self._settings.fraction, capital)

    def judge(self, now: Reading) -> Decision:
        """Fires once the target has been held for two seconds."""
        target = self.target(now.ground.capital)
        is_reached = now.closed_equity >= target
        if not self._timer.has_held(now.at_ns, holds=is_reached, is_trusted=now.is_trusted):
            return self._waiting(target)
        act = Act.STOP if self._settings.after is After.STOP else Act.RESET
        reason = f"worth {plain(target)} or more for 2 s"
        return Decision(
            stage=Stage.TRIGGERED,
            reason=reason,
            directive=Directive(rank=self.rank, act=act, source=self.name, reason=reason),
        )

    def _waiting(self, target: Decimal) -> Decision:
        if self._timer.is_running:
            return Decision(stage=Stage.ARMED, reason=f"the target of {plain(target)} is reached")
        return Decision(stage=Stage.IDLE, reason=f"worth less than {plain(target)} again")

    def horizon(self, ground: Ground) -> Horizon:
        """The price of the target; every one while it holds, because the spread counts too."""
        if self._timer.is_running:
            return EVERY_ROW | Horizon(at_ns=self._timer.expires_ns)
        return ground.line.reaching(self.target(ground.capital), ground.tick)

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """Target, and how much of the gain is there."""
        target = self.target(ground.capital)
        progress = None
        if price is not None:
            gained = ground.line.closed(price, Decimal(0)) - ground.capital
            progress = float(max(Decimal(0), min(Decimal(1), gained / (target - ground.capital))))
        return Sight(
            stage=self.stage,
            words=f"at a worth of {plain(target)}",
            price=ground.line.closed_price_of(target),
            since_ns=self._timer.since_ns,
            progress=progress,
        )

    def clear(self) -> None:
        """Forgets the gain."""
        self._timer.clear()
        self.stage = Stage.IDLE

    def rest(self) -> None:
        """Forgets the gain."""
        self.clear()

    def distrust(self, since_ns: int) -> None:
        """Prices are stale since then."""
        self._timer.distrust(since_ns)

    def dump(self) -> Values:
        """Its memory."""
        return {"stage": self.stage.value, "timer": self._timer.dump()}

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        self._timer.load(cast("list[int | None]", values["timer"]))
