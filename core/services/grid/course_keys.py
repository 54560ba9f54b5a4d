"""The keys that say when a grid begins, how it moves and grows, and when all of it ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from core.adapters.exchanges.models import plain
from core.errors import ConfigError
from core.infrastructure.config_types import (
    BoolStrict,
    ConfigModel,
    IntText,
    NonNegativeDecimal,
    PositiveDecimal,
)
from core.services.grid.settings import StopAction
from core.services.grid.spacing import MAX_LEVELS

Percent = Annotated[PositiveDecimal, Field(le=1000)]


class CourseKeys(ConfigModel):
    """Start, growth and whole-bot targets: for every kind of grid."""

    trigger_price: PositiveDecimal | None = None
    """The first ladder is built only once the price has reached this one, from either side."""
    active_window_grids: Annotated[IntText, Field(ge=0, le=MAX_LEVELS)] = 0
    """Orders on each side of the price that rest at the venue, the nearest ones; 0 for all."""
    compounding: BoolStrict = False
    """Whether booked profit makes the orders larger, by whole lots, as round trips complete."""
    profit_reserve_percent: Annotated[NonNegativeDecimal, Field(le=100)] = Decimal(0)
    """Percent of each round trip's profit that is set aside: shown, and never compounded."""
    bot_take_profit_price: PositiveDecimal | None = None
    """Price at which the whole bot ends with a profit."""
    bot_take_profit_percent: Percent | None = None
    """Percent that the bot has gained since its start, closing costs included, at which it ends."""
    bot_take_profit_action: StopAction = StopAction.FLATTEN
    """What happens to orders and position then: keep both, cancel the orders, or close all."""
    bot_take_profit_after: Literal["stop", "restart"] = "stop"
    """Whether the bot stops then, or begins anew at the price of that moment."""
    bot_stop_loss_price: PositiveDecimal | None = None
    """Price at which the whole bot ends with a loss; on a neutral grid the one below."""
    bot_stop_loss_percent: Annotated[PositiveDecimal, Field(le=100)] | None = None
    """Percent that the bot has lost since its start, closing costs included, at which it ends."""
    bot_stop_loss_action: StopAction = StopAction.FLATTEN
    """What happens to orders and position then: keep both, cancel the orders, or close all."""
    bot_stop_loss_after: Literal["stop", "restart"] = "stop"
    """Whether the bot stops then, or begins anew at the price of that moment."""

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        for name in ("bot_take_profit", "bot_stop_loss"):
            action, after = getattr(self, f"{name}_action"), getattr(self, f"{name}_after")
            written = self.model_fields_set & {f"{name}_action", f"{name}_after"}
            if written and not self.has_target(name):
                raise ConfigError(
                    f"cannot act: there is no {name}_price and no {name}_percent.",
                    key=min(written),
                    remedy=f"Write one of them, or leave {min(written)} out.",
                )
            if after == "restart" and action is not StopAction.FLATTEN:
                raise ConfigError(
                    f"is restart, which needs {name}_action flatten, found {action.value}.",
                    key=f"{name}_after",
                    remedy="A new ladder needs the old position to be closed: write flatten, or "
                    "stop.",
                )
        if self.profit_reserve_percent == 100 and self.compounding:
            raise ConfigError(
                "sets all profit aside, so that compounding has nothing to put in.",
                key="profit_reserve_percent",
                remedy="Write less than 100, or `compounding: false`.",
            )
        return self

    def has_target(self, name: str) -> bool:
        """Whether a whole-bot target is set, by price or by percent."""
        keys = (f"{name}_price", f"{name}_percent", f"{name}_price_above")
        return any(getattr(self, key, None) is not None for key in keys)


class TrailingKeys(ConfigModel):
    """A range that moves after the price, one line at a time."""

    trailing_up: BoolStrict = False
    """Whether the range moves up by a line whenever the price is a whole line above it."""
    trailing_up_limit: PositiveDecimal | None = None
    """Highest price that the range may reach; unset, any."""
    trailing_down: BoolStrict = False
    """Whether the range moves down by a line whenever the price is a whole line below it."""
    trailing_down_limit: PositiveDecimal | None = None
    """Lowest price that the range may reach; unset, any."""

    @model_validator(mode="after")
    def _check_switches(self) -> Self:
        for way in ("up", "down"):
            if getattr(self, f"trailing_{way}_limit") is None or getattr(self, f"trailing_{way}"):
                continue
            raise ConfigError(
                f"cannot act while trailing_{way} is off.",
                key=f"trailing_{way}_limit",
                remedy=f"Write `trailing_{way}: true`, or leave the limit out.",
            )
        return self

    def check_limits(self, lower: Decimal, upper: Decimal) -> None:
        """Refuses limits that lie inside the range.

        Raises:
            ConfigError: Naming the key.
        """
        for key, limit, edge, word in (
            ("trailing_up_limit", self.trailing_up_limit, upper, "above the upper_price"),
            ("trailing_down_limit", self.trailing_down_limit, lower, "below the lower_price"),
        ):
            if limit is None or (limit > edge if key == "trailing_up_limit" else limit < edge):
                continue
            raise ConfigError(
                f"must be {word} {plain(edge)}, found {plain(limit)}: the range could not move.",
                key=key,
                remedy="Widen the limit, or switch trailing off.",
            )


TRAILING: Final = tuple(TrailingKeys.model_fields)
"""Names of the keys of trailing."""
