"""The rules of what a file wants to trade: shipped, kept from the venue, or asked for now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from core.errors import ConfigError, CtosError
from core.wiring.places import CCXT, EMBEDDED
from core.wiring.venues import Opening, factory, has_adapter, shelf, venue_address

if TYPE_CHECKING:
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.metadata import Kept
    from core.adapters.exchanges.models import ExchangeType, Instrument

ASK_S: Final = 20.0
"""How long a venue may take to tell what it trades."""


def find_instrument(
    venue: str, symbol: str, overrides: Mapping[str, Any], *, is_live: bool = False
) -> Instrument:
    """The rules of a symbol in any spelling, with what a file states itself in their place.

    Shipped rules come first, so that a run on paper is the same everywhere; rules that the venue
    told come first where money is real, and for symbols that are not shipped. No venue is asked.

    Raises:
        ConfigError: For a venue or a symbol that nobody knows.
    """
    from core.adapters.exchanges.registry import find
    from core.services.bot_config import assumed_instrument, with_overrides

    known = _known(venue, is_live=is_live)
    if not known and venue != EMBEDDED:
        _refuse_unknown_venue(venue)
        return assumed_instrument(venue, symbol, overrides)
    kind = _kind(overrides)
    found = find(known, symbol, kind, is_kind_binding=venue == EMBEDDED)
    if found is not None:
        return with_overrides(found, overrides)
    if venue == EMBEDDED:
        return assumed_instrument(venue, symbol, overrides)
    raise _no_such(venue, symbol, known)


def learn_instrument(
    venue: str, symbol: str, overrides: Mapping[str, Any], *, is_live: bool = False
) -> Instrument:
    """The same; the venue is asked for what is not known, and for what is old where money is real.

    What it tells is kept, so that an engine finds it without asking. Call it outside of an event
    loop.

    Raises:
        ConfigError: If the venue does not have it either, or cannot be asked.
    """
    from core.infrastructure.clock import WallClock

    if not _can_be_asked(venue):
        return find_instrument(venue, symbol, overrides, is_live=is_live)
    try:
        found = find_instrument(venue, symbol, overrides, is_live=is_live)
    except ConfigError as error:
        if error.key != "symbol":
            raise
        problem = _ask(venue, symbol, overrides)
        if problem:
            raise ConfigError(
                f"{venue} has no {symbol[:40]!r} among the symbols that are known here, and could "
                f"not be asked: {problem}",
                key="symbol",
                remedy=error.remedy,
            ) from error
        return find_instrument(venue, symbol, overrides, is_live=is_live)
    kept = shelf().rules(venue).get(found.symbol)
    if is_live and not (kept is not None and kept.is_fresh(WallClock().now_ns())):
        # Without an answer the adapter, which compares the rules with the venue's, has the word.
        _ask(venue, found.symbol, overrides)
        return find_instrument(venue, found.symbol, overrides, is_live=is_live)
    is_assumed = kept is None and not _shipped(venue)
    if is_assumed and not _ask(venue, symbol, overrides):
        return find_instrument(venue, symbol, overrides, is_live=is_live)
    return found


def _known(venue: str, *, is_live: bool) -> dict[str, Instrument]:
    """Symbol -> rules, of everything that is known of a venue without asking it."""
    from core.adapters.exchanges.metadata import filled

    shipped = _shipped(venue)
    kept: dict[str, Kept] = shelf().rules(venue) if venue != EMBEDDED else {}
    told = {
        symbol: filled(item.instrument, shipped.get(symbol))
        for symbol, item in kept.items()
        if is_live or symbol not in shipped
    }
    return {**shipped, **told}


def _shipped(venue: str) -> dict[str, Instrument]:
    from dataclasses import replace

    from core.adapters.exchanges.paper.instruments import load_instruments

    if not venue.startswith(CCXT):
        return load_instruments(venue)
    from core.adapters.exchanges.ccxt.names import rules_venue

    # The shipped rules of the venue behind the ccxt door.
    known = load_instruments(rules_venue(venue))
    return {name: replace(item, venue=venue) for name, item in known.items()}


def _kind(overrides: Mapping[str, Any]) -> ExchangeType | None:
    from core.adapters.exchanges.models import ExchangeType

    wanted = overrides.get("market_type")
    return None if wanted is None else ExchangeType(wanted)


def _refuse_unknown_venue(venue: str) -> None:
    """Lets through what ccxt may know: rules that a file states are compared with the venue's."""
    import difflib

    from core.adapters.exchanges.paper.instruments import find_config_dir

    if venue.startswith(CCXT):
        return
    venues = sorted(path.stem for path in (find_config_dir() / "instruments").glob("*.yaml"))
    near = difflib.get_close_matches(venue, venues, n=1)
    raise ConfigError(
        f"there is no venue {venue[:40]!r}; known are: {', '.join(venues)}.",
        key="exchange",
        remedy=f"Did you mean {near[0]!r}?" if near else None,
    )


def _no_such(venue: str, symbol: str, known: Mapping[str, Instrument]) -> ConfigError:
    from core.adapters.exchanges.registry import hint

    message = f"{venue} has no {symbol[:40]!r}."
    return ConfigError(message, key="symbol", remedy=hint(known.values(), symbol) or None)


def _can_be_asked(venue: str) -> bool:
    """Whether there is an adapter for a venue's public data, and its client is installed."""
    if venue == EMBEDDED:
        return False
    try:
        return has_adapter(venue)
    except CtosError:
        return False


def _ask(venue: str, symbol: str, overrides: Mapping[str, Any]) -> str:
    """Has a venue tell what it trades, and keeps that; why it did not, empty if it did."""
    import asyncio

    from core.adapters.feeds.reach import is_reachable
    from core.infrastructure.clock import WallClock

    try:
        market = _market(symbol, overrides)
        address = venue_address(venue, is_spot=market == "spot")
        if not is_reachable(address):
            return f"{address} does not answer."
        opening = Opening(clock=WallClock(), market=market, lookups=(_spelt_out(symbol),))
        exchange = factory().create(venue, opening)
        return asyncio.run(_told(exchange))
    except CtosError as error:
        return str(error)


async def _told(exchange: ExchangeInterface) -> str:
    import asyncio

    from core.errors import VenueError

    try:
        async with asyncio.timeout(ASK_S):
            if not await exchange.connect():
                return f"{exchange.get_status().detail or 'it refused'}."
    except TimeoutError:
        return f"no answer within {ASK_S:g} s."
    finally:
        try:
            async with asyncio.timeout(2.0):
                await exchange.disconnect()
        except (TimeoutError, VenueError):
            pass
    return ""


def _market(symbol: str, overrides: Mapping[str, Any]) -> str:
    """`spot` or `perpetual`, for a venue that has both apart."""
    from core.adapters.exchanges.models import ExchangeType
    from core.adapters.exchanges.symbols import read_spelling

    kind = _kind(overrides) or read_spelling(symbol).market_type
    return "spot" if kind is ExchangeType.SPOT else "perpetual"


def _spelt_out(symbol: str) -> str:
    """Canonical, for a venue that is asked symbol by symbol: `AAPL` is `AAPL-USD-SPOT` there."""
    from core.adapters.exchanges.symbols import read_spelling

    if symbol.count("-") == 2:
        return symbol
    spelling = read_spelling(symbol)
    return f"{spelling.base}-{spelling.quote or 'USD'}-SPOT"


def rules_origin(venue: str, symbol: str, *, is_live: bool) -> str | None:
    """Where the rules in use come from, in words; None for shipped ones."""
    from core.infrastructure.clock import WallClock

    kept = shelf().rules(venue).get(symbol)
    if kept is None or not (is_live or symbol not in _shipped(venue)):
        return None
    age_s = (WallClock().now_ns() - kept.at_ns) / 1e9
    for unit, seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if age_s >= 2 * seconds:
            return f"rules told by {venue} {age_s / seconds:.0f} {unit} ago"
    return f"rules told by {venue} just now"
