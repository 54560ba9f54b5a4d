"""The keys that say where the lines of a grid stand: by distance, by ratio or by number."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from core.adapters.exchanges.models import plain
from core.errors import ConfigError
from core.infrastructure.config_types import ConfigModel, IntText, PositiveDecimal
from core.services.grid.settings import GridSpacing
from core.services.grid.spacing import MAX_LEVELS

LARGEST_RATIO: Final = Decimal(2)


class SpacingKeys(ConfigModel):
    """How far apart the lines are."""

    grid_spacing: GridSpacing = GridSpacing.ARITHMETIC
    """Whether lines are equally far apart in price, or each the same multiple of the one below."""
    grid_interval: PositiveDecimal | None = None
    """Price units between two lines, a multiple of the tick; arithmetic spacing."""
    grid_ratio: Annotated[PositiveDecimal, Field(le=LARGEST_RATIO)] | None = None
    """Each line divided by the one below it, as 1.01 for one percent; geometric spacing."""

    @property
    def count(self) -> int | None:
        """Levels that the file asks for by number; None where the range gives the number."""
        return None

    @model_validator(mode="after")
    def _check_spacing(self) -> Self:
        is_geometric = self.grid_spacing is GridSpacing.GEOMETRIC
        own, other = "grid_interval", "grid_ratio"
        if is_geometric:
            own, other = other, own
        if getattr(self, other) is not None:
            raise ConfigError(
                f"cannot act on grid_spacing {self.grid_spacing.value}.",
                key=other,
                remedy=f"Write {own} in its place, or choose the other spacing.",
            )
        if self.grid_ratio is not None and self.grid_ratio <= 1:
            raise ConfigError(
                f"must be above 1, found {plain(self.grid_ratio)}.",
                key="grid_ratio",
                remedy=f"For lines {plain(self.grid_ratio)} apart write "
                f"{plain(1 + self.grid_ratio)}."
                if self.grid_ratio < 1
                else "1.01 puts the lines one percent apart.",
            )
        self._check_number(own)
        return self

    def _check_number(self, own: str) -> None:
        by_count = hasattr(self, "grid_count")
        if self.count is not None and by_count and getattr(self, own) is not None:
            raise ConfigError(
                f"and {own} both say where the lines are.",
                key="grid_count",
                remedy="Keep one of them.",
            )
        if getattr(self, own) is None and (self.count is None or not by_count):
            also = " or grid_count" if by_count else ""
            raise ConfigError(
                f"is missing: {self.grid_spacing.value} spacing needs it{also}.",
                key=own,
                remedy=f"Write {own}{also}.",
            )


class RangeKeys(SpacingKeys):
    """Lines between two prices, which may also be counted."""

    grid_count: Annotated[IntText, Field(ge=1, le=MAX_LEVELS)] | None = None
    """Levels between the two prices, in place of `grid_interval` or `grid_ratio`."""

    @property
    def count(self) -> int | None:
        """`grid_count`."""
        return self.grid_count
