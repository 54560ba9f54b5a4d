"""What is known of a venue before anything of it is loaded: `ctos venues` and the docs' table.

The rows stand in `facts.py`. Whether a venue can be asked, and traded at, is not written there: it
follows from the adapters that are registered, so the table cannot promise what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from core.adapters.exchanges.models import Capabilities, ExchangeType

CCXT_PREFIX: Final = "ccxt-"
"""In front of a name: through ccxt, although there is another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One thing that was held against something outside of ctos."""

    what: str
    how: str
    """Against what: recordings, published vectors, a client library, a loopback server."""
    on: str
    """Day or month, as ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """So much in any window of so many seconds, as the venue publishes it."""

    scope: str
    """Who is counted and what: `address, weight`, `account, orders`."""
    weight: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAbout:
    """A venue as ctos knows it."""

    name: str
    """In configuration files."""
    title: str
    """For people."""
    door: str
    """How it is spoken to: `native`, `ccxt`, `gateway` (a program of the venue) or `embedded`."""
    capabilities: Capabilities
    client_id: str
    """What the venue makes of our order ids, as a clause."""
    position_mode: str = "netted"
    """`netted`: one position a symbol, always; `checked`: the adapter refuses an account that has
    two; `untold`: it does not ask; `none`: nothing there has positions."""
    rights_told: bool = False
    """Whether the adapter refuses a key that may withdraw; else the venue does not tell."""
    limits: tuple[RateLimit, ...] = ()
    """Empty where none are published."""
    verified: tuple[Verified, ...] = ()
    open_points: str = ""
    """What nobody has verified, as a clause."""
    is_public: bool = False
    """Whether public data can be had."""
    is_private: bool = False
    """Whether an account can be traded."""

    @property
    def market_types(self) -> tuple[ExchangeType, ...]:
        """Kinds of markets, sorted."""
        return tuple(sorted(self.capabilities.market_types))

    @property
    def verified_on(self) -> str | None:
        """The newest day; None where nothing was verified."""
        return max((row.on for row in self.verified), default=None)


def known_venues(
    facts: Iterable[VenueAbout], registered: Iterable[str], public_only: Iterable[str] = ()
) -> list[VenueAbout]:
    """Every venue by name, with what can be done there now.

    Args:
        facts: The written rows.
        registered: Names that an adapter is registered under.
        public_only: Those of them that cannot be traded at.
    """
    names, closed = set(registered), set(public_only)
    rows = {row.name: row for row in facts}
    for name in names - rows.keys():
        if not name.startswith(CCXT_PREFIX):
            rows[name] = _through_ccxt(name)
    return [
        replace(row, is_public=name in names, is_private=name in names and name not in closed)
        for name, row in sorted(rows.items())
    ]


def as_json(row: VenueAbout) -> dict[str, object]:
    """A row as JSON values."""
    can = row.capabilities
    return {
        "name": row.name,
        "title": row.title,
        "door": row.door,
        "market_types": [kind.value for kind in row.market_types],
        "public": row.is_public,
        "private": row.is_private,
        "capabilities": {
            name: getattr(can, name) for name in can.__slots__ if name != "market_types"
        },
        "client_id": row.client_id,
        "rate_limits": [
            {"scope": one.scope, "weight": one.weight, "window_s": one.window_s}
            for one in row.limits
        ],
        "verified": _summary(row),
        "evidence": [{"what": one.what, "how": one.how, "on": one.on} for one in row.verified],
        "not_verified": row.open_points or None,
    }


def _summary(row: VenueAbout) -> Mapping[str, str | None]:
    if not row.verified:
        return {"what": "nothing", "how": None, "on": None}
    return {
        "what": "; ".join(one.what for one in row.verified),
        "how": "; ".join(dict.fromkeys(one.how for one in row.verified)),
        "on": row.verified_on,
    }


def _through_ccxt(name: str) -> VenueAbout:
    return VenueAbout(
        name=name,
        title=f"{name} through ccxt",
        door="ccxt",
        capabilities=Capabilities(
            market_types=frozenset({ExchangeType.SPOT, ExchangeType.PERPETUAL})
        ),
        client_id="as ccxt hands it on",
        open_points="everything: it works by ccxt's own words alone",
    )
