"""The `risk:` block of a bot's file and of `config/ctos.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.infrastructure.config_types import ConfigModel, PositiveDecimal, PositiveInt
from core.services.risk.limits import Limits


class RiskConfig(ConfigModel):
    """Hard caps on what a bot may send. The tighter of the two files wins."""

    order_notional: PositiveDecimal | None = None
    """Largest value of one order in the quote currency; unset, the whole ladder's."""
    position: PositiveDecimal | None = None
    """Largest position in base units if every order fills; unset, the whole ladder's."""
    open_orders: PositiveInt | None = None
    """Most orders that may rest at once; unset, the ladder and what replacing needs."""
    orders_per_minute: PositiveInt | None = None
    """Most new orders in any minute; unset, the venue's own limit, and none on paper."""
    price_distance: Annotated[PositiveDecimal, Field(le=1)] | None = None
    """Furthest that the price of an order which executes at once may be from the market, as a
    fraction: 0.01 is one percent; unset, not checked."""
    daily_loss: PositiveDecimal | None = None
    """Largest loss of equity within a UTC day in the quote currency; unset, off on paper, and
    required with `--live`."""

    def limits(self) -> Limits:
        """The block as the value that risk takes."""
        return Limits(
            order_notional=self.order_notional,
            position=self.position,
            open_orders=self.open_orders,
            orders_per_minute=self.orders_per_minute,
            price_distance=self.price_distance,
            daily_loss=self.daily_loss,
            is_position_configured=self.position is not None,
        )
