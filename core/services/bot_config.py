"""The blocks every app's file shares: which venue and symbol, its rules, paper, start and end.

An app's model inherits `BotConfig`; the keys stand inside the app's root key, beside its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import Field, model_validator

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument, MarginMode
from core.domain.policies import OnExit, OnStart
from core.domain.symbol import Symbol
from core.errors import ConfigError
from core.infrastructure.config_types import (
    BoolStrict,
    ConfigModel,
    DecimalText,
    IntText,
    Name,
    NonNegativeDecimal,
    NonNegativeInt,
    PositiveDecimal,
    PositiveInt,
)

Overrides = Mapping[str, Any]
"""Instrument field -> value that the file gives it."""

ASSUMED_TICK: Final = Decimal("0.01")
ASSUMED_LOT: Final = Decimal("0.001")


class InstrumentBlock(ConfigModel):
    """Rules of the instrument that the file states itself; the rest comes from the venue."""

    tick_size: PositiveDecimal | None = None
    """Smallest price step, quote per base."""
    lot_size: PositiveDecimal | None = None
    """Smallest amount step, base units."""
    min_amount: NonNegativeDecimal | None = None
    """Smallest order amount, base units."""
    min_notional: NonNegativeDecimal | None = None
    """Smallest order value, quote; 0 for none."""
    max_amount: PositiveDecimal | None = None
    """Largest order amount, base units."""
    maker_fee: Annotated[DecimalText, Field(gt=-1, lt=1)] | None = None
    """Fraction of notional; negative for a rebate."""
    taker_fee: Annotated[DecimalText, Field(gt=-1, lt=1)] | None = None
    """Fraction of notional."""
    fee_asset: FeeAsset | None = None
    """What a spot buy pays its fee in: quote or base."""
    fee_step: PositiveDecimal | None = None
    """Money step that fees are rounded up to; unset, fees are not rounded."""
    contract_size: PositiveDecimal | None = None
    """Base units per contract."""
    max_leverage: Annotated[PositiveDecimal, Field(ge=1)] | None = None
    """Highest leverage that the venue gives."""
    maintenance_margin_rate: Annotated[NonNegativeDecimal, Field(lt=1)] | None = None
    """Fraction of notional that keeps a position from liquidation."""
    funding_interval_s: PositiveInt | None = None
    """Seconds between two funding settlements."""
    reference_price: PositiveDecimal | None = None
    """Round number near which the simulated market starts; never used to trade."""

    def overrides(self) -> dict[str, Any]:
        """The fields that the file gives."""
        return self.model_dump(exclude_none=True)


class PaperBlock(ConfigModel):
    """How the embedded venue behaves."""

    initial_balance: PositiveDecimal = Decimal(10_000)
    """Quote that a new paper account begins with."""
    latency_ms: Annotated[NonNegativeDecimal, Field(le=600_000)] = Decimal(50)
    """Milliseconds until an order or a cancel reaches the venue."""
    fill: Literal["through", "touch", "queue"] | None = None
    """When a resting order fills; unset, `queue` where the feed has a book, else `through`."""
    profile: Name | None = None
    """Venue whose habits the paper venue takes on; unset, those of `exchange`."""
    funding_rate: Annotated[DecimalText, Field(gt=-1, lt=1)] | None = None
    """Fraction of notional per funding interval, positive: longs pay; unset, what the feed says."""
    seed: NonNegativeInt = 0
    """Makes what the paper venue makes up repeatable."""


class BotConfig(ConfigModel):
    """What every bot is told."""

    name: Name | None = None
    """The bot's name; unset, the file's name without its ending."""
    exchange: Name
    """The venue, such as `paper` or the name of a folder entry in `config/instruments`."""
    symbol: Annotated[str, Field(min_length=1, max_length=64)]
    """What is traded, as `BTC-USDC-PERP` or in the venue's spelling."""
    market_type: Literal["spot", "perpetual"] | None = None
    """Kind of market; unset, told from the symbol, else perpetual."""
    margin_mode: MarginMode = MarginMode.ISOLATED
    """Whether the position has its own collateral; perpetuals only."""
    leverage: Annotated[IntText, Field(ge=1, le=20)] = 10
    """Times, 1 to 20 and at most what the venue gives; perpetuals only."""
    on_start: OnStart = OnStart.RESUME
    """What a start makes of what the last run left behind."""
    on_exit: OnExit | None = None
    """What an end leaves behind; unset, orders are cancelled and the position is kept."""
    exit_cleanup_enabled: BoolStrict | None = None
    """Older name: `true` is `on_exit: flatten`, `false` is `on_exit: cancel_orders`."""
    enable_notifications: BoolStrict = False
    """Whether a person is told of start, stop, resets and trouble."""
    instrument: InstrumentBlock = InstrumentBlock()
    """Rules of the instrument; what is unset comes from the venue."""
    paper: PaperBlock = PaperBlock()
    """The paper venue; without effect with `--live`."""

    @model_validator(mode="after")
    def _check_exit(self) -> Self:
        alias = self._exit_of_alias()
        if alias is not None and self.on_exit is not None and alias is not self.on_exit:
            flag = "true" if self.exit_cleanup_enabled else "false"
            raise ConfigError(
                f"`exit_cleanup_enabled: {flag}` means `on_exit: {alias}`, but "
                f"`on_exit: {self.on_exit}` stands beside it.",
                key="exit_cleanup_enabled",
                remedy="Keep `on_exit` alone.",
            )
        return self

    def exit_policy(self) -> OnExit:
        """What an end leaves behind, whichever key says so."""
        return self.on_exit or self._exit_of_alias() or OnExit.CANCEL_ORDERS

    def instrument_overrides(self) -> dict[str, Any]:
        """What the file says of the instrument, the kind of market included."""
        overrides = self.instrument.overrides()
        if self.market_type is not None:
            overrides["market_type"] = ExchangeType(self.market_type)
        return overrides

    def _exit_of_alias(self) -> OnExit | None:
        if self.exit_cleanup_enabled is None:
            return None
        return OnExit.FLATTEN if self.exit_cleanup_enabled else OnExit.CANCEL_ORDERS


class InstrumentSource(Protocol):
    """Where the rules of an instrument come from."""

    def __call__(self, venue: str, symbol: str, overrides: Overrides) -> Instrument:
        """The rules of `symbol`, in any of the venue's spellings, with the file's own on top.

        Raises:
            ConfigError: If the venue knows no such symbol; the remedy names the nearest.
        """


def with_overrides(instrument: Instrument, overrides: Overrides) -> Instrument:
    """An instrument's rules with what the file states in their place.

    Raises:
        ValueError: If the result is no possible instrument.
    """
    return replace(instrument, **overrides) if overrides else instrument


def assumed_instrument(venue: str, symbol: str, overrides: Overrides) -> Instrument:
    """Rules for a symbol nobody knows, so that any symbol runs on paper.

    The kind of market comes from `market_type` in `overrides`, else from the symbol's last part,
    else it is a perpetual in USDC.

    Raises:
        ValueError: If `symbol` cannot be read, or the result is no possible instrument.
    """
    parts = symbol.split("-")
    words = [*parts, *("USDC", "PERP")[len(parts) - 1 :]] if len(parts) < 3 else parts
    parsed = Symbol.parse("-".join(words))
    market_type = overrides.get("market_type", parsed.market_type)
    if len(parts) < 3:
        parsed = Symbol(base=parsed.base, quote=parsed.quote, market_type=market_type)
    assumed = Instrument(
        symbol=str(parsed),
        venue=venue,
        market_type=market_type,
        base=parsed.base,
        quote=parsed.quote,
        tick_size=ASSUMED_TICK,
        lot_size=ASSUMED_LOT,
    )
    return with_overrides(assumed, overrides)
