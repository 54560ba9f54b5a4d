"""The keys of a grid's file: one model for each kind of grid, chosen by `grid_type`.

A key that cannot act on a kind of grid is not in its model, so it cannot load: there is no
`price_range` on a grid that follows, and no `follow_timeout` on one that does not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from core.adapters.exchanges.models import plain
from core.errors import ConfigError
from core.infrastructure.config_types import (
    BoolStrict,
    ConfigModel,
    IntText,
    NonNegativeDecimal,
    NonNegativeInt,
    PositiveDecimal,
    int_of,
)
from core.services.bot_config import BotConfig
from core.services.grid.course_keys import TRAILING, CourseKeys, TrailingKeys
from core.services.grid.protection_keys import LONGEST_S, ProtectionKeys
from core.services.grid.settings import FollowShift, GridSpacing, InitialFill
from core.services.grid.shape_keys import RangeKeys, SpacingKeys
from core.services.grid.spacing import MAX_LEVELS
from core.services.risk.config import RiskConfig

ROOT: Final = "grid_system"
"""Root key of a grid's file."""
NEVER: Final = "never"


def _timeout_of(value: object) -> int:
    """Seconds, with 0 for `never`."""
    if value == NEVER:
        return 0
    seconds = int_of(value)
    if not 0 <= seconds <= LONGEST_S:
        raise PydanticCustomError(
            "timeout",
            "must be 1 to {longest} seconds; write `never` for no re-centring.",
            {"longest": f"{LONGEST_S:,}"},
        )
    return seconds


class PriceRange(ConfigModel):
    """The bounds of a fixed grid."""

    lower_price: PositiveDecimal
    """Lowest price, quote per base, a multiple of the tick."""
    upper_price: PositiveDecimal
    """Highest price, a multiple of the tick."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.lower_price >= self.upper_price:
            message = (
                f"lower_price {plain(self.lower_price)} must be below upper_price "
                f"{plain(self.upper_price)}."
            )
            raise ValueError(message)
        return self


class PositionTolerance(ConfigModel):
    """How far ledger and venue may differ."""

    tolerance_multiplier: NonNegativeDecimal = Decimal(1)
    """Times `order_amount`."""


class GridConfig(BotConfig, SpacingKeys, CourseKeys, ProtectionKeys):
    """What every kind of grid is told."""

    order_amount: PositiveDecimal
    """Base units of one level, cut down to the lot."""
    reverse_order_grid_distance: Annotated[IntText, Field(ge=1, le=100)] = 1
    """Intervals between an entry and its exit."""
    martingale_increment: NonNegativeDecimal | None = None
    """Base units that each level adds over its favourable neighbour; martingale types need it."""
    price_decimals: Annotated[IntText, Field(ge=0, le=18)] | None = None
    """Decimals of prices; unset, the tick's, and at most those."""
    quantity_precision: Annotated[IntText, Field(ge=0, le=18)] | None = None
    """Decimals of amounts; unset, the lot's, and at most those."""
    fee_rate: Annotated[NonNegativeDecimal, Field(lt=1)] | None = None
    """Fraction per side, used where the instrument has no fee of its own; 0.0001 when unset."""
    max_position: PositiveDecimal | None = None
    """Base units that all entries together may reach."""
    initial_fill: InitialFill = InitialFill.TAKER_POSITION
    """What happens to entries that the price has already passed when the ladder is built."""
    initial_fill_cap: Annotated[NonNegativeDecimal, Field(lt=1)] = Decimal("0.002")
    """Fraction beyond the best price that the first order may pay."""
    replace_limit: Annotated[IntText, Field(ge=0, le=100)] = 3
    """How often in an hour a slot's order is placed again after somebody else ended it."""
    order_health_check_enabled: BoolStrict = True
    """Whether journal and venue are compared from time to time."""
    order_health_check_interval: Annotated[IntText, Field(ge=5, le=86_400)] = 300
    """Seconds between two comparisons."""
    health_check_snapshot_count: Annotated[IntText, Field(ge=2, le=5)] = 3
    """Equal answers of the venue in a row before a difference is believed."""
    rest_position_query_interval: Annotated[IntText, Field(ge=5, le=86_400)] = 60
    """Seconds between two questions for the position."""
    position_tolerance: PositionTolerance = PositionTolerance()
    """How far ledger and venue may differ."""
    acknowledge: tuple[Literal["losing_grid", "margin_short"], ...] = ()
    """Dangers that you accept by name."""
    risk: RiskConfig = RiskConfig()
    """Hard caps on what this bot may send."""

    STRANGERS: ClassVar[dict[str, str]] = {}
    """Key that belongs to another kind of grid -> which."""
    OFF: ClassVar[dict[str, str]] = {}
    """Switch that must stay off on this kind of grid -> why."""

    @model_validator(mode="after")
    def _refuse_switches(self) -> Self:
        for key, why in self.OFF.items():
            if getattr(self, key):
                kind = getattr(self, "grid_type", "")
                raise ConfigError(
                    f"cannot act on grid_type {kind}: {why}.",
                    key=key,
                    remedy=f"Write `{key}: false`, or choose another grid_type.",
                )
        return self

    @model_validator(mode="before")
    @classmethod
    def _refuse_strangers(cls, data: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        for key, where in cls.STRANGERS.items():
            if isinstance(data, dict) and key in data:
                raise ConfigError(
                    f"cannot act on grid_type {data.get('grid_type')}: it belongs to {where}.",
                    key=key,
                    remedy="Leave it out, or choose another grid_type.",
                )
        return data


_FOLLOW_KEYS: Final = dict.fromkeys(
    (
        "follow_grid_count",
        "follow_timeout",
        "follow_distance",
        "price_offset_grids",
        "follow_shift_mode",
    ),
    "follow_long and follow_short",
)
_TRAILING_KEYS: Final = dict.fromkeys(TRAILING, "long, short and neutral")
_INFINITY_KEYS: Final = {"lower_price": "infinity; a fixed range is written as price_range"}


class FixedGrid(GridConfig, RangeKeys, TrailingKeys):
    """A grid between two prices."""

    STRANGERS: ClassVar[dict[str, str]] = {**_FOLLOW_KEYS, **_INFINITY_KEYS}
    grid_type: Literal["long", "short"]
    """long buys first and sells higher; short sells first and buys lower."""
    price_range: PriceRange
    """Its bounds."""

    @model_validator(mode="after")
    def _check_trailing(self) -> Self:
        self.check_limits(self.price_range.lower_price, self.price_range.upper_price)
        if self.martingale_increment and (self.trailing_up or self.trailing_down):
            raise ConfigError(
                "cannot act on a range that trails: its amounts belong to their places.",
                key="martingale_increment",
                remedy="Leave it out, or switch trailing off.",
            )
        return self


class MartingaleGrid(GridConfig, RangeKeys):
    """A fixed grid whose amounts grow towards the adverse edge."""

    STRANGERS: ClassVar[dict[str, str]] = {**_FOLLOW_KEYS, **_TRAILING_KEYS, **_INFINITY_KEYS}
    grid_type: Literal["martingale_long", "martingale_short"]
    """As long and short, with growing amounts."""
    price_range: PriceRange
    """Its bounds."""
    martingale_increment: PositiveDecimal
    """Base units that each level adds over its favourable neighbour."""


_ONE_SIDED: Final = (
    "scalping_enabled",
    "capital_protection_enabled",
    "stop_loss_protection_enabled",
    "price_lock_enabled",
)
"""Protections that reckon from the favourable edge of a range."""


class NeutralGrid(GridConfig, RangeKeys, TrailingKeys):
    """A grid that buys below the price and sells above it, around one empty line."""

    STRANGERS: ClassVar[dict[str, str]] = {
        **_FOLLOW_KEYS,
        **_INFINITY_KEYS,
        "bot_take_profit_price": "the others: neither side of a neutral grid is a profit; write "
        "bot_take_profit_percent, or bot_stop_loss_price and bot_stop_loss_price_above",
        "initial_fill_cap": "the others: a neutral grid begins without a position",
        "reverse_order_grid_distance": "the others: a fill always rests again one line away",
        "martingale_increment": "the others: both sides of a neutral grid trade equal amounts",
    }
    OFF: ClassVar[dict[str, str]] = dict.fromkeys(
        _ONE_SIDED, "it reckons from a favourable edge, and a neutral grid has none"
    )
    grid_type: Literal["neutral"]
    """Buys below the first price and sells above it; perpetuals only."""
    price_range: PriceRange
    """Its lowest and its highest line."""
    bot_stop_loss_price_above: PositiveDecimal | None = None
    """Price above the range at which the whole bot ends with a loss."""

    @model_validator(mode="after")
    def _check_trailing(self) -> Self:
        self.check_limits(self.price_range.lower_price, self.price_range.upper_price)
        return self


class InfinityGrid(GridConfig):
    """A grid without an upper price, whose levels are all worth the same."""

    STRANGERS: ClassVar[dict[str, str]] = {
        **_FOLLOW_KEYS,
        **_TRAILING_KEYS,
        "price_range": "the fixed types; an infinity grid has only a lower_price",
        "grid_interval": "the others: the lines of an infinity grid are grid_ratio apart",
        "grid_count": "the fixed types: an infinity grid has no last level",
        "reverse_order_grid_distance": "the others: an exit is always one line above its entry",
        "martingale_increment": "the others: the levels of an infinity grid are worth the same",
    }
    OFF: ClassVar[dict[str, str]] = dict.fromkeys(
        _ONE_SIDED, "it reckons from the upper edge of a range, and there is none"
    )
    grid_type: Literal["infinity"]
    """Long, with levels added above as the price rises; what it holds stays worth the same."""
    lower_price: PositiveDecimal
    """Its lowest line, a multiple of the tick; order_amount is what the level there trades."""
    grid_spacing: Literal[GridSpacing.GEOMETRIC] = GridSpacing.GEOMETRIC
    """Always geometric."""


class FollowGrid(GridConfig):
    """A grid that is computed from the price and built anew when it is left behind."""

    STRANGERS: ClassVar[dict[str, str]] = {
        **_TRAILING_KEYS,
        **_INFINITY_KEYS,
        "price_range": "the fixed types",
        "grid_count": "the fixed types; a follow grid has follow_grid_count",
    }
    grid_type: Literal["follow_long", "follow_short"]
    """As long and short, around the price."""
    follow_grid_count: Annotated[IntText, Field(ge=1, le=MAX_LEVELS)]
    """Levels."""
    follow_timeout: Annotated[
        int,
        BeforeValidator(_timeout_of),
        WithJsonSchema(
            {"anyOf": [{"type": "integer", "minimum": 0, "maximum": LONGEST_S}, {"const": NEVER}]}
        ),
    ] = 300
    """Seconds that the price must stay outside until the grid is built anew; `never` or 0."""
    follow_distance: NonNegativeInt = 1
    """Intervals beyond the favourable edge that count as outside."""
    price_offset_grids: NonNegativeInt = 0
    """Intervals by which the range reaches beyond the price; below `follow_grid_count`."""
    follow_shift_mode: FollowShift = FollowShift.RESET
    """Built anew (reset), or moved by whole lines without touching the orders inside (roll)."""

    @model_validator(mode="after")
    def _check_offset(self) -> Self:
        if self.follow_shift_mode is FollowShift.ROLL and self.martingale_increment:
            raise ConfigError(
                "cannot act on a ladder that rolls: its amounts belong to their places.",
                key="martingale_increment",
                remedy="Leave it out, or write `follow_shift_mode: reset`.",
            )
        if self.price_offset_grids >= self.follow_grid_count:
            raise ConfigError(
                f"must be below follow_grid_count {self.follow_grid_count}, found "
                f"{self.price_offset_grids}.",
                key="price_offset_grids",
                remedy=f"The highest that works is {self.follow_grid_count - 1}.",
            )
        return self


AnyGrid = FixedGrid | MartingaleGrid | FollowGrid | NeutralGrid | InfinityGrid
GridFile = Annotated[AnyGrid, Field(discriminator="grid_type")]
"""The block under `grid_system`."""
