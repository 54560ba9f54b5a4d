"""What a bot does with orders and position when it starts and when it ends."""

from __future__ import annotations

from enum import StrEnum


class OnStart(StrEnum):
    """What a starting bot makes of what it left behind."""

    RESUME = "resume"
    """Go on with its slots, orders and position."""
    FLATTEN = "flatten"
    """Cancel its orders and close its position, then start anew."""
    REFUSE = "refuse"
    """Do not start while anything of it exists."""


class OnExit(StrEnum):
    """What an ending bot leaves behind."""

    KEEP = "keep"
    """Orders and position, for the next start to resume."""
    CANCEL_ORDERS = "cancel_orders"
    """The position."""
    FLATTEN = "flatten"
    """Nothing."""
