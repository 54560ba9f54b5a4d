"""Habits of venues that the paper venue takes on, so that a bot meets them before it goes live.

What each venue does with client ids; limits are the published defaults of a small account.
What a source does not say is left at the careful side (an id may be taken again after its order is
closed, so nothing may rely on the venue to refuse it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class IdScope(StrEnum):
    """Among which orders a client order id must be unique."""

    OPEN = "open"
    """It may be taken again once its order is closed."""
    FOREVER = "forever"


class ReduceOnlyExcess(StrEnum):
    """What happens to a reduce-only order that is larger than the position."""

    CUT = "cut"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueProfile:
    """How a venue treats orders."""

    name: str
    title: str
    id_scope: IdScope = IdScope.OPEN
    max_id_length: int = 32
    orders_per_minute: int | None = None
    """Creates; None for no limit."""
    reduce_only_excess: ReduceOnlyExcess = ReduceOnlyExcess.CUT
    has_request_deadline: bool = False
    finds_by_client_order_id: bool = True
    cancel_all_is_account_wide: bool = False


_ALL: Final = (
    VenueProfile(name="paper", title="Paper", id_scope=IdScope.FOREVER, has_request_deadline=True),
    VenueProfile(
        name="lighter",
        title="Lighter",
        orders_per_minute=2_400,
        cancel_all_is_account_wide=True,
    ),
    VenueProfile(
        name="hyperliquid",
        title="Hyperliquid",
        max_id_length=34,
        orders_per_minute=1_200,
        has_request_deadline=True,
    ),
    VenueProfile(name="backpack", title="Backpack", orders_per_minute=600),
    VenueProfile(name="edgex", title="edgeX", orders_per_minute=600),
    VenueProfile(
        name="binance_um",
        title="Binance USDⓈ-M",
        max_id_length=36,
        orders_per_minute=1_200,
        reduce_only_excess=ReduceOnlyExcess.REJECT,
        has_request_deadline=True,
    ),
    VenueProfile(
        name="binance_spot",
        title="Binance Spot",
        max_id_length=36,
        orders_per_minute=600,
        has_request_deadline=True,
    ),
    VenueProfile(name="okx", title="OKX", orders_per_minute=1_800, has_request_deadline=True),
    VenueProfile(
        name="bybit",
        title="Bybit",
        id_scope=IdScope.FOREVER,
        max_id_length=36,
        orders_per_minute=600,
        has_request_deadline=True,
    ),
    VenueProfile(name="ibkr", title="Interactive Brokers", orders_per_minute=2_700),
)

PROFILES: Final[Mapping[str, VenueProfile]] = MappingProxyType(
    {profile.name: profile for profile in _ALL}
)
"""Name -> profile."""

_SAME_HABITS: Final = {"binance": "binance_um"}


def profile_of(name: str) -> VenueProfile:
    """The profile of a venue's name; a venue that has none gets the plain paper venue's."""
    return PROFILES.get(_SAME_HABITS.get(name, name), PROFILES["paper"])
