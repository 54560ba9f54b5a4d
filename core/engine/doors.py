"""What the engine asks of whoever names concrete classes: `core.wiring` in a process, a test else.

The engine knows services and ports; which journal, which venue and which feed stand behind them is
decided outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.adapters.exchanges.interface import ExchangeInterface
from core.domain.events import Horizon
from core.engine.protocol import StartBot
from core.infrastructure.clock import Clock
from core.services.execution.tracked import Schedule
from core.services.grid.settings import GridSettings
from core.services.ports import BotRow, Feed, Journal
from core.services.risk.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class BotPlan:
    """A configuration that was read and checked: everything an engine needs to start the bot."""

    app: str
    name: str
    venue: str
    """Name in the file."""
    settings: GridSettings
    limits: Limits
    """The tighter of both files; what is unset follows the ladder once it is built."""
    schedule: Schedule
    config_json: str
    """The file as JSON, for the journal."""
    door: object
    """What the venue's door needs of the file; nobody else looks into it."""
    warnings: tuple[str, ...] = ()
    is_live: bool = False
    """Whether the account is a real one."""
    is_margin_accepted: bool = False
    """Whether it may start on an account that seems not to carry it."""

    @property
    def symbol(self) -> str:
        """Canonical."""
        return self.settings.instrument.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFeed:
    """Prices for the paper venue, chosen."""

    feed: Feed
    notices: tuple[str, ...] = ()
    """What a person is told, such as that prices are simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRoom:
    """Where a venue account lives in this engine."""

    folder: Path
    """Of the engine: journal beside venue."""
    clock: Clock
    horizon: Callable[[], Horizon]
    """What lies strictly inside concerns nobody; asked on virtual time."""


class Doors(Protocol):
    """Makes what the engine stands on."""

    def read(self, request: StartBot) -> BotPlan:
        """Reads and checks a configuration.

        Raises:
            ConfigError: If anything in it is wrong; nothing was connected.
        """

    def unlock(self, passphrase: str) -> None:
        """Takes the passphrase of sealed keys; it is tried when they are first read."""

    def feed(self, plan: BotPlan, request: StartBot, now_ns: int) -> OpenFeed:
        """Opens the prices that were asked for.

        Args:
            plan: Of the bot.
            request: How it was started.
            now_ns: Where a simulated market begins; negative for its own beginning.

        Raises:
            ConfigError: For a feed that is none.
            FeedError: For a recording that cannot be trusted.
        """

    def journal(self, folder: Path, *, is_virtual: bool) -> Journal:
        """Opens the journal of an engine.

        Raises:
            JournalError: If it cannot be opened; a damaged one is left as it is.
        """

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """The venue account of a bot, not yet connected."""

    def last_feed(self, folder: Path, bot: BotRow) -> str:
        """What to ask prices of for a bot that the journal knows and no file was given for."""

    def add_market(self, exchange: ExchangeInterface, plan: BotPlan, feed: OpenFeed) -> None:
        """Gives a running venue account the prices of another symbol.

        Raises:
            ConfigError: If it has them already, from another feed.
        """
