"""What a machine wants done. Imperatives, frozen, in integers of ticks and lots.

A machine has no hands: it returns commands, and execution carries them out after risk has agreed
and the intent is durable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.adapters.exchanges.models import OrderSide, OrderType, TimeInForce


class Role(StrEnum):
    """What an order is for; execution sends cancel > reduce > exit > entry."""

    ENTRY = "entry"
    EXIT = "exit"
    REDUCE = "reduce"
    """Closes without a slot of its own, such as a flatten."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is done: the rule and the inputs it read."""

    rule: str
    """Dotted name, such as `entry.built` or `exit.of_fill`."""
    inputs: tuple[tuple[str, str], ...] = ()
    """(name, value) pairs, values as text in plain notation; ages are `<name>_age_ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Send one order, once."""

    client_order_id: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    price: int | None
    """Ticks; None for a market order."""
    amount: int
    """Lots, > 0."""
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    role: Role
    level: int | None = None
    """Level of a ladder, 1 the most adverse; None where there is none or there are several."""
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancel one of our orders; repeated until the venue says that it is gone."""

    client_order_id: str
    symbol: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Write a line into the diary: a dotted past participle and its fields."""

    event: str
    fields: tuple[tuple[str, str | int | None], ...] = ()


Command = PlaceOrder | CancelOrder | Announce
