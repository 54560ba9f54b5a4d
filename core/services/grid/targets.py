"""Whole-bot targets: the price or the result at which everything ends.

    bot stop loss     P at or beyond its price on the adverse side, or
                      E closed <= W0 · (1 - loss)
    bot take profit   P at or beyond its price on the favourable side, or
                      E closed >= W0 · (1 + gain)

W0 is what the bot was worth when it began, at the first price it traded at. It stays what it was
when a ladder is built anew, and is taken again only when a target itself began the bot anew. A
neutral grid loses on both sides, so its stop loss may have a price above as well.

A price on the target itself counts. The result is reckoned as if everything were closed at the mid,
taker fee included, so that it is still there once it is. What happens then is the target's own
choice: orders and position kept, orders cancelled, or everything closed; and the end, or a new
beginning.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import plain
from core.domain.events import Horizon
from core.services.grid.ledger import EXACT
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import EVERY_ROW, from_price_down, from_price_up
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Rule, Sight, Stage, Values
from core.services.grid.settings import GridSettings, StopAction, TargetSettings

ONE: Final = Decimal(1)
ZERO: Final = Decimal(0)


class BotTarget:
    """One end of the whole bot.

    Args:
        settings: What it is told.
        is_profit: Whether it waits for a gain; else for a loss.
    """

    def __init__(self, settings: TargetSettings, *, is_profit: bool) -> None:
        self._settings = settings
        self._is_profit = is_profit
        self.name = "bot_take_profit" if is_profit else "bot_stop_loss"
        self.rank = Rank.TAKE_PROFIT if is_profit else Rank.STOP_LOSS
        self.stage = Stage.IDLE
        self._worth: Decimal | None = None
        """W0, quote; None before the first reading."""

    def target(self, worth: Decimal) -> Decimal | None:
        """Result at which it ends; None where only prices end it."""
        fraction = self._settings.fraction
        if fraction is None:
            return None
        return EXACT.multiply(worth, ONE + fraction if self._is_profit else ONE - fraction)

    def judge(self, now: Reading) -> Decision:
        """Ends the bot at the first of its conditions."""
        if self._worth is None:
            self._worth = now.ground.capital
        reason = self._price_reached(now) or self._result_reached(now, self._worth)
        if not reason:
            return Decision(stage=Stage.IDLE, reason="not reached")
        return Decision(
            stage=Stage.TRIGGERED,
            reason=reason,
            directive=Directive(
                rank=self.rank,
                act=Act.RESET if self._settings.restarts else Act.STOP,
                source=self.name,
                reason=reason,
                cancels=self._settings.action is not StopAction.KEEP,
                flattens=self._settings.action is StopAction.FLATTEN,
            ),
        )

    def _price_reached(self, now: Reading) -> str:
        for price, sign in self._prices(now.ground.sign):
            if (now.price - price) * sign >= 0:
                return f"the price {plain(now.price)} has reached {plain(price)}"
        return ""

    def _prices(self, grid_sign: int) -> list[tuple[Decimal, int]]:
        """Prices that end it, with +1 where it ends at and above and -1 at and below."""
        told, sign = self._settings, grid_sign if self._is_profit else -grid_sign
        found = []
        if told.price is not None:
            found.append((told.price, sign))
        if told.price_above is not None:
            found.append((told.price_above, 1))
        return found

    def _result_reached(self, now: Reading, worth: Decimal) -> str:
        target = self.target(worth)
        if target is None:
            return ""
        closed = now.ground.line.closed(now.price, ZERO)
        is_reached = closed >= target if self._is_profit else closed <= target
        return f"worth {plain(closed)}, the target was {plain(target)}" if is_reached else ""

    def horizon(self, ground: Ground) -> Horizon:
        """The nearest price of any of its conditions."""
        horizon = Horizon()
        for price, sign in self._prices(ground.sign):
            ticks = price / ground.tick
            horizon |= from_price_up(ticks) if sign > 0 else from_price_down(ticks)
        target = self.target(ground.capital if self._worth is None else self._worth)
        if target is None:
            return horizon
        line = ground.line
        if not line.slope:
            is_there = line.base >= target if self._is_profit else line.base <= target
            return EVERY_ROW if is_there else horizon
        found = line.reaching if self._is_profit else line.falling_below
        return horizon | found(target, ground.tick)

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """The nearest of its prices."""
        del at_ns
        prices = [each for each, _ in self._prices(ground.sign)]
        target = self.target(ground.capital if self._worth is None else self._worth)
        words = [f"at {plain(each)}" for each in prices]
        if target is not None:
            words.append(f"at a worth of {plain(target)}")
            found = ground.line.closed_price_of(target)
            prices += [] if found is None else [found]
        nearest = None
        if prices:
            nearest = prices[0] if price is None else min(prices, key=lambda p: abs(p - price))
        return Sight(stage=self.stage, words=" or ".join(words), price=nearest)

    def clear(self) -> None:
        """A new ladder: what the bot was worth at its start stays."""
        if self.stage is Stage.TRIGGERED and self._settings.restarts:
            self._worth = None
        self.stage = Stage.IDLE

    def rest(self) -> None:
        """Has no condition that must last."""
        self.stage = Stage.IDLE

    def distrust(self, since_ns: int) -> None:
        """Has no timer."""

    def dump(self) -> Values:
        """Its memory."""
        return {
            "stage": self.stage.value,
            "worth": None if self._worth is None else str(self._worth),
        }

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        worth = values["worth"]
        self._worth = None if worth is None else Decimal(str(worth))


def bot_targets(settings: GridSettings) -> list[Rule]:
    """The whole-bot targets of a grid, the loss before the profit."""
    found: list[Rule] = []
    if settings.bot_stop_loss is not None:
        found.append(BotTarget(settings.bot_stop_loss, is_profit=False))
    if settings.bot_take_profit is not None:
        found.append(BotTarget(settings.bot_take_profit, is_profit=True))
    return found
