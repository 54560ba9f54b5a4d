"""Whether the prices at which a grid begins and ends are in an order that can happen."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from core.adapters.exchanges.models import plain
from core.errors import ConfigError
from core.services.grid.settings import GridSettings


class Refusal(Protocol):
    """Makes the error that names a key of the file."""

    def __call__(self, message: str, key: str, *, remedy: str | None = None) -> ConfigError:
        """The error, to be raised."""


class CourseJudge:
    """Judges trigger and whole-bot targets.

    Args:
        settings: Of the grid.
        refusal: Makes errors.
    """

    def __init__(self, settings: GridSettings, refusal: Refusal) -> None:
        self._settings = settings
        self._refusal = refusal
        self._sign = settings.entry_side.sign
        profit, loss = settings.bot_take_profit, settings.bot_stop_loss
        self._profit = None if profit is None else profit.price
        self._loss = None if loss is None else loss.price
        self._loss_above = None if loss is None else loss.price_above

    def check(self) -> None:
        """Raises for what could never happen, or would happen at once.

        Raises:
            ConfigError: Naming the key.
        """
        self._check_order()
        self._check_range()
        self._check_trigger()

    def _check_order(self) -> None:
        profit, loss = self._profit, self._loss
        if profit is None or loss is None or (profit - loss) * self._sign > 0:
            return
        word = "above" if self._sign > 0 else "below"
        raise self._refusal(
            f"must be {word} bot_stop_loss_price {plain(loss)}, found {plain(profit)}.",
            "bot_take_profit_price",
            remedy="Exchange the two.",
        )

    def _check_range(self) -> None:
        """A target on the wrong side of the whole range would be reached before the first order."""
        lower, upper = self._settings.lower_price, self._settings.upper_price
        if lower is None or upper is None:
            return
        adverse, favourable = (lower, upper) if self._sign > 0 else (upper, lower)
        if self._profit is not None and (self._profit - adverse) * self._sign <= 0:
            raise self._beside("bot_take_profit_price", self._profit)
        is_neutral = self._settings.grid_type.is_neutral
        edge = lower if is_neutral else favourable
        if self._loss is not None and (self._loss - edge) * self._sign >= 0:
            raise self._beside("bot_stop_loss_price", self._loss)
        if self._loss_above is not None and self._loss_above <= upper:
            raise self._beside("bot_stop_loss_price_above", self._loss_above)

    def _beside(self, key: str, price: Decimal) -> ConfigError:
        lower, upper = self._settings.lower_price, self._settings.upper_price
        return self._refusal(
            f"of {plain(price)} would be reached while the grid of {plain(lower or price)} to "
            f"{plain(upper or price)} is still at work, or before its first order.",
            key,
            remedy="Put it beyond the range.",
        )

    def _check_trigger(self) -> None:
        trigger = self._settings.trigger_price
        if trigger is None:
            return
        for key, price, sign in (
            ("bot_take_profit_price", self._profit, self._sign),
            ("bot_stop_loss_price", self._loss, -self._sign),
            ("bot_stop_loss_price_above", self._loss_above, 1),
        ):
            if price is not None and (trigger - price) * sign >= 0:
                raise self._refusal(
                    f"starts the grid where {key} {plain(price)} ends it, found {plain(trigger)}.",
                    "trigger_price",
                    remedy="Put the start between the two ends.",
                )
        self._check_start()

    def _check_start(self) -> None:
        """Where the grid would begin with everything bought, or with nothing to do."""
        settings, trigger = self._settings, self._settings.trigger_price or Decimal(0)
        lower, upper = settings.lower_price, settings.upper_price
        if lower is None:
            return
        if settings.grid_type.is_infinite:
            is_outside = trigger < lower
        elif upper is None:
            return
        elif settings.grid_type.is_neutral:
            is_outside = not lower <= trigger <= upper
        else:
            is_outside = (trigger - lower if self._sign > 0 else upper - trigger) < 0
        if is_outside:
            raise self._refusal(
                f"starts the grid at {plain(trigger)}, where the price is beyond its whole range "
                "and all of it would be on one side.",
                "trigger_price",
                remedy="Start it inside its range.",
            )
