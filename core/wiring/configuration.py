"""What files say: engines' settings, instruments, a grid and what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.wiring.instruments import find_instrument, learn_instrument, rules_origin
from core.wiring.keys import key_store
from core.wiring.places import config_file
from core.wiring.security import require_safe
from core.wiring.venues import has_adapter

if TYPE_CHECKING:
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


def read_grid(request: StartBot, *, asks: bool = False) -> GridBotConfig:
    """A grid's file, read and checked.

    Args:
        request: The file, and whether money is real.
        asks: Whether the venue may be asked for rules that are not known or old; not from within
            an event loop.

    Raises:
        ConfigError: If anything in it is wrong.
    """
    from functools import partial

    from core.domain.policies import OnStart
    from core.services.grid.config import parse_grid

    on_start = None if request.on_start is None else OnStart(request.on_start)
    find = partial(learn_instrument if asks else find_instrument, is_live=request.is_live)
    return parse_grid(request.text, request.path, find, on_start=on_start)


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

    config = _asked(request)
    kind = "LIVE" if request.is_live else "paper"
    grid, instrument = config.settings, config.settings.instrument
    market = f"{config.exchange} {instrument.symbol}"
    article = "an" if grid.grid_type.value[0] in "aeiou" else "a"
    warnings = list(config.notices)
    needs_price = grid.grid_type.is_infinite and instrument.reference_price is None
    if not grid.grid_type.is_follow and not needs_price:
        from core.services.grid.plan import make_plan

        # What a real account can carry is asked of the venue, not of the paper account's balance.
        told = make_plan(grid).warnings
        left = {"margin_above_balance"} if request.is_live else set()
        warnings += [item.message for item in told if item.code not in left]
    origin = rules_origin(config.exchange, instrument.symbol, is_live=request.is_live)
    return Described(
        name=config.name,
        venue=config.exchange,
        account="",
        lines=(
            f"{config.name}: {article} {grid.grid_type.value} grid on {market}, {kind}",
            f"{grid.range_words}, {grid.spacing_words}",
            f"{plain(grid.order_amount)} {instrument.base} a level",
            f"on_start {grid.on_start.value}, on_exit {grid.on_exit.value}",
            *([] if origin is None else [origin]),
        ),
        warnings=tuple(warnings),
    )


def _asked(request: StartBot) -> GridBotConfig:
    """A file with rules that the venue was asked for; not before all else is right.

    Raises:
        ConfigError: If anything in it is wrong.
        AuthError: For real money without keys.
    """
    try:
        config = read_grid(request)
    except ConfigError as error:
        if not (error.key or "").endswith("symbol"):
            raise
    else:
        if request.is_live:
            check_live(config)
    config = read_grid(request, asks=True)
    if request.is_live:
        check_live(config)
    return config


def plan(request: StartBot, *, price: str | None) -> GridPlan:
    """What a grid's file would place.

    Raises:
        ConfigError: If the file is wrong, or a follow grid is planned without a price.
    """
    from core.infrastructure.config_types import decimal_of
    from core.services.grid.plan import make_plan

    config = read_grid(request, asks=True)
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
    """Refuses real money without an adapter, a limit for the loss of a day, or safe keys.

    Raises:
        ConfigError: Without an adapter or the limit, or while secrets lie open.
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
    require_safe()
