"""What files say: engines' settings, instruments, a grid and what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError
from core.wiring.keys import key_store
from core.wiring.places import CCXT, EMBEDDED, config_file
from core.wiring.venues import has_adapter

if TYPE_CHECKING:
    from core.adapters.exchanges.models import Instrument
    from core.engine.protocol import StartBot
    from core.services.grid.config import GridBotConfig
    from core.services.grid.plan import GridPlan
    from core.services.risk.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `config/ctos.yaml` says to engines."""

    limits: Limits
    crash_limit: int


def settings() -> Settings:
    """The `risk:` and `engine:` blocks of `config/ctos.yaml`; defaults where there is none.

    Raises:
        ConfigError: If a block says something impossible.
    """
    from core.engine.config import EngineConfig
    from core.infrastructure.config import load_yaml, validate
    from core.services.risk.config import RiskConfig
    from core.services.risk.limits import Limits

    path = config_file()
    if not path.is_file():
        return Settings(limits=Limits(), crash_limit=EngineConfig().crash_limit)
    document = load_yaml(path)
    present = document.data
    others = ("risk", "engine", "display", "keymap")
    engine = EngineConfig()
    limits = Limits()
    if present.get("engine"):
        engine = validate(EngineConfig, document, ("engine",), others=others)
    if present.get("risk"):
        limits = validate(RiskConfig, document, ("risk",), others=others).limits()
    return Settings(limits=limits, crash_limit=engine.crash_limit)


def find_instrument(venue: str, symbol: str, overrides: Mapping[str, Any]) -> Instrument:
    """The rules of a symbol in any spelling, with what a file states itself in their place.

    Raises:
        ConfigError: For a venue or a symbol that nobody knows.
    """
    import difflib

    from core.adapters.exchanges.paper.instruments import find_config_dir, load_instruments
    from core.adapters.exchanges.symbols import read_spelling
    from core.services.bot_config import assumed_instrument, with_overrides

    known = load_instruments(venue)
    if not known and venue.startswith(CCXT):
        known = _ccxt_rules(venue)
        if not known:  # what the file states is compared with the venue before anything is sent
            return assumed_instrument(venue, symbol, overrides)
    if not known and venue != EMBEDDED:
        venues = sorted(path.stem for path in (find_config_dir() / "instruments").glob("*.yaml"))
        near = difflib.get_close_matches(venue, venues, n=1)
        raise ConfigError(
            f"there is no venue {venue[:40]!r}; known are: {', '.join(venues)}.",
            key="exchange",
            remedy=f"Did you mean {near[0]!r}?" if near else None,
        )
    exact = [item for item in known.values() if symbol in {item.symbol, item.venue_symbol}]
    wanted = read_spelling(symbol)
    kind = overrides.get("market_type") or wanted.market_type
    found = exact or [
        item
        for item in known.values()
        if read_spelling(item.symbol).matches(wanted) and kind in {None, item.market_type}
    ]
    if kind is not None:
        found = [item for item in found if item.market_type == kind] or (
            [] if venue == EMBEDDED else found
        )
    if len(found) > 1:
        perpetual = [item for item in found if not item.is_spot]
        found = perpetual[:1] or found[:1]
    if found:
        return with_overrides(found[0], overrides)
    if venue == EMBEDDED:
        return assumed_instrument(venue, symbol, overrides)
    near = difflib.get_close_matches(symbol.upper(), list(known), n=1, cutoff=0.3)
    raise ConfigError(
        f"{venue} has no {symbol[:40]!r}.",
        key="symbol",
        remedy=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}.",
    )


def _ccxt_rules(venue: str) -> dict[str, Instrument]:
    """The shipped rules of the venue behind the ccxt door."""
    from core.adapters.exchanges.ccxt.names import rules_venue
    from core.adapters.exchanges.paper.instruments import load_instruments

    shipped = load_instruments(rules_venue(venue))
    return {name: replace(item, venue=venue) for name, item in shipped.items()}


def read_grid(request: StartBot) -> GridBotConfig:
    """A grid's file, read and checked.

    Raises:
        ConfigError: If anything in it is wrong.
    """
    from core.domain.policies import OnStart
    from core.services.grid.config import parse_grid

    on_start = None if request.on_start is None else OnStart(request.on_start)
    return parse_grid(request.text, request.path, find_instrument, on_start=on_start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a file would do, in words."""

    name: str
    venue: str
    account: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def describe(request: StartBot) -> Described:
    """Checks a file, and says what it would do.

    Raises:
        ConfigError: If anything in it, or in what was asked beside it, is wrong.
    """
    from core.adapters.exchanges.models import plain

    config = read_grid(request)
    if request.is_live:
        check_live(config)
    kind = "LIVE" if request.is_live else "paper"
    grid, instrument = config.settings, config.settings.instrument
    market = f"{config.exchange} {instrument.symbol}"
    article = "an" if grid.grid_type.value[0] in "aeiou" else "a"
    warnings = list(config.notices)
    needs_price = grid.grid_type.is_infinite and instrument.reference_price is None
    if not grid.grid_type.is_follow and not needs_price:
        from core.services.grid.plan import make_plan

        warnings += [item.message for item in make_plan(grid).warnings]
    return Described(
        name=config.name,
        venue=config.exchange,
        account="",
        lines=(
            f"{config.name}: {article} {grid.grid_type.value} grid on {market}, {kind}",
            f"{grid.range_words}, {grid.spacing_words}",
            f"{plain(grid.order_amount)} {instrument.base} a level",
            f"on_start {grid.on_start.value}, on_exit {grid.on_exit.value}",
        ),
        warnings=tuple(warnings),
    )


def plan(request: StartBot, *, price: str | None) -> GridPlan:
    """What a grid's file would place.

    Raises:
        ConfigError: If the file is wrong, or a follow grid is planned without a price.
    """
    from core.infrastructure.config_types import decimal_of
    from core.services.grid.plan import make_plan

    config = read_grid(request)
    if price is None:
        return make_plan(config.settings, None)
    try:
        at = decimal_of(price)
    except ValueError as error:
        raise ConfigError(f"--price {price[:40]!r} is no price.", source="arguments") from error
    if at <= 0:
        raise ConfigError(f"--price {price[:40]} must be above 0.", source="arguments")
    return make_plan(config.settings, at)


def check_live(config: GridBotConfig) -> None:
    """Refuses real money without an adapter, a limit for the loss of a day, or keys.

    Raises:
        ConfigError: Without an adapter, or without the limit.
        AuthError: Without keys.
    """
    from core.services.risk.limits import require_for_live, tighter

    venue = config.exchange
    if not has_adapter(venue):
        raise ConfigError(
            f"no adapter for {venue} yet: real orders cannot be sent.",
            source="arguments",
            key="--live",
            remedy="Run it on paper: leave --live away.",
        )
    require_for_live(tighter(config.risk.limits(), settings().limits), source=config.source)
    key_store().credentials(venue)
