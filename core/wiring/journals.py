"""What a journal says afterwards: the audit, and why an order was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.wiring.doors import Doors
from core.wiring.instruments import find_instrument
from core.wiring.keys import key_store
from core.wiring.places import JOURNAL, feed_name, venue_file
from core.wiring.venues import Opening, factory

if TYPE_CHECKING:
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.models import Instrument
    from core.infrastructure.home import Home
    from core.services.audit.records import Books
    from core.services.audit.snapshot import AuditReport
    from core.services.execution.snapshot import Explanation
    from core.services.grid.config import GridBotConfig
    from core.services.ports import BotRow


def resting(folder: Path, bot: BotRow) -> ExchangeInterface:
    """The venue to cancel at what rests there: itself, or the embedded one at a standstill.

    The instrument is made up in steps so fine that every price and amount is a multiple of them:
    cancelling needs no more of it, and no file is read.
    """
    import random
    from decimal import Decimal

    from core.adapters.exchanges.models import ExchangeType, Instrument
    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.adapters.exchanges.paper.settings import PaperSettings
    from core.engine.standstill import Standstill
    from core.infrastructure.clock import WallClock

    if bot.mode == "live":
        credentials = key_store().credentials(bot.venue)
        # Of the bot's market alone: the panic button needs no host that the bot never needed.
        market = "spot" if bot.symbol.endswith("-SPOT") else "perpetual"
        opening = Opening(clock=WallClock(), credentials=credentials, market=market)
        return factory().create(bot.venue, opening)
    path = venue_file(folder, bot.venue)
    base, _, rest = bot.symbol.partition("-")
    instrument = Instrument(
        symbol=bot.symbol,
        venue=bot.venue,
        market_type=ExchangeType.SPOT if bot.symbol.endswith("-SPOT") else ExchangeType.PERPETUAL,
        base=base,
        quote=rest.partition("-")[0] or "USDC",
        tick_size=Decimal("1E-12"),
        lot_size=Decimal("1E-12"),
    )
    return PaperExchange(
        venue=bot.venue,
        instruments=(instrument,),
        feeds={bot.symbol: Standstill(feed_name(path, bot.symbol))},
        clock=WallClock(),
        settings=PaperSettings(latency_ms=0),
        path=path,
        rng=random.SystemRandom(),
    )


def audit(place: Home, mode: str, *, name: str | None, run: str | None) -> AuditReport:
    """Holds journal, books and venue against each other, on copies of them.

    Args:
        place: Where the data is.
        mode: `paper` or `live`.
        name: One bot; all when None.
        run: A run on virtual time instead of a mode.

    Raises:
        CtosError: If there is no such bot or run, or a file cannot be read.
    """
    import asyncio
    import tempfile

    from core.adapters.storage.copying import copy_database
    from core.adapters.storage.history import SqliteHistory
    from core.engine.inspection import ON_ITS_WAY_NS, Bench
    from core.engine.inspection import audit as look
    from core.engine.offline import holder_of
    from core.infrastructure.clock import WallClock
    from core.services.audit.snapshot import AuditReport

    folder = _journal_folder(place, mode, run)
    if folder is None:
        return AuditReport(findings=())
    is_running = run is None and holder_of(place, mode) is not None
    with tempfile.TemporaryDirectory(prefix="ctos-audit-") as temporary:
        copies = Path(temporary)
        settled_ns = WallClock().now_ns() - ON_ITS_WAY_NS if is_running else 2**63 - 1
        for path in (*folder.glob("venue*.db"), folder / JOURNAL):
            copy_database(path, copies / path.name)
        Doors().journal(copies, is_virtual=run is not None).close()
        history = SqliteHistory(copies / JOURNAL)
        try:
            bench = Bench(
                history=history,
                open_venue=lambda bot: resting(copies, bot),
                instrument=_instrument_of,
                books=_books_of,
                settled_ns=settled_ns,
            )
            return asyncio.run(look(bench, name))
        finally:
            history.close()


def explain(
    place: Home, mode: str, order: str, *, bot: str | None, run: str | None
) -> Explanation | None:
    """Why an order was made and what came of it, read from a copy of the journal.

    Args:
        place: Where the data is.
        mode: `paper` or `live`.
        order: Our id, or the venue's.
        bot: Name of its bot, where the venue's id is that of several.
        run: A run on virtual time instead of a mode.

    Returns:
        None where the journal of this mode knows no such order, or is not there.

    Raises:
        CtosError: If there is no such run, several orders have the id, or a file cannot be read.
    """
    import tempfile

    from core.adapters.storage.copying import copy_database
    from core.services.execution.explanation import UnknownOrder
    from core.services.execution.explanation import explain as look

    folder = _journal_folder(place, mode, run)
    if folder is None:
        return None
    with tempfile.TemporaryDirectory(prefix="ctos-why-") as temporary:
        copies = Path(temporary)
        copy_database(folder / JOURNAL, copies / JOURNAL)
        journal = Doors().journal(copies, is_virtual=True)
        try:
            return look(journal, order, bot)
        except UnknownOrder:
            return None
        finally:
            journal.close()


def _journal_folder(place: Home, mode: str, run: str | None) -> Path | None:
    """Where the journal of a mode or of a run is; None for a mode that never traded.

    Raises:
        ConfigError: For a run that is not there.
    """
    folder = place.mode_folder(mode) if run is None else place.find_run(run)
    if (folder / JOURNAL).is_file():
        return folder
    if run is not None:
        raise ConfigError(f"there is no run {run[:64]!r}.", source="arguments", key="--run")
    return None


def _grid_of(bot: BotRow) -> GridBotConfig | None:
    from core.services.grid.config import parse_grid

    try:
        return parse_grid(bot.config, f"{bot.name} in the journal", find_instrument)
    except ConfigError:
        return None


def _instrument_of(bot: BotRow) -> Instrument:
    """The rules under which a bot traded; those of today where its configuration is unreadable."""
    config = _grid_of(bot)
    return (
        find_instrument(bot.venue, bot.symbol, {}) if config is None else config.settings.instrument
    )


def _books_of(bot: BotRow, state: dict[str, str]) -> Books | None:
    from core.services.grid.audited import books_of

    config = _grid_of(bot)
    return None if config is None or not state else books_of(config.settings, state)
