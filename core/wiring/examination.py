"""Venues and this machine, looked at before anything is traded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import ConfigError, CtosError
from core.wiring.configuration import settings
from core.wiring.keys import key_entries, key_store
from core.wiring.places import EMBEDDED, JOURNAL, check_environment, config_file, home
from core.wiring.venues import Opening, budgets, factory, has_adapter, venue_address

if TYPE_CHECKING:
    from core.adapters.exchanges.about import VenueAbout
    from core.engine.checkup import Visit
    from core.infrastructure.home import Home
    from core.services.doctor.snapshot import Check, Examination
    from core.services.doctor.venue import Budget

_EXTRAS: Final = (
    ("hyperliquid", ("hyperliquid",), "Hyperliquid's signatures at speed"),
    ("ibkr", ("ib_async", "ib_insync"), "stocks and currencies at Interactive Brokers"),
    ("keyring", ("keyring",), "keys in the system's own store"),
    ("data", ("pyarrow",), "recordings as Parquet"),
    ("fast", ("numba",), "sweeps at the speed of the machine"),
    ("cluster", ("distributed",), "sweeps on several machines"),
)
"""Extra, packages of which one is enough, what it is needed for."""


def venue_table() -> list[VenueAbout]:
    """Every venue that ctos knows, with what can be done there now; nothing of any is loaded."""
    from core.adapters.exchanges.about import known_venues
    from core.adapters.exchanges.facts import FACTS

    return known_venues(FACTS, {*factory().names, EMBEDDED})


def venue_fields() -> list[dict[str, object]]:
    """The table of venues as JSON values."""
    from core.adapters.exchanges.about import as_json

    return [as_json(row) for row in venue_table()]


def examine_machine() -> Examination:
    """Whether ctos can run here: folders, files, disk, clock, journals, engines, keys, extras."""
    from core.engine.premises import look
    from core.services.doctor.snapshot import Examination

    place = home()
    looked = look(place, _EXTRAS)
    return Examination(checks=(*looked[:4], *_examine_files(place), *_examine_setup(), *looked[4:]))


def _examine_files(place: Home) -> list[Check]:
    from core.adapters.storage.integrity import inspect
    from core.infrastructure.home import MODES
    from core.services.doctor import premises as judge

    found = []
    for mode in MODES:
        path = place.root / mode / JOURNAL
        rows, fault = 0, None
        if path.is_file():
            try:
                rows = inspect(path, counts_orders=True)
            except CtosError as error:
                fault = error
        found.append(judge.journal(mode, exists=path.is_file(), fault=fault, rows=rows))
    for path in sorted((place.root / "paper").glob("venue*.db")):
        fault = None
        try:
            inspect(path)
        except CtosError as error:
            fault = error
        found.append(judge.account_file(path.stem, fault))
    return found


def _examine_setup() -> list[Check]:
    from core.services.doctor import premises as judge

    faults: list[ConfigError | None] = []
    for read in (check_environment, settings):
        try:
            read()
            faults.append(None)
        except ConfigError as error:
            faults.append(error)
    kept = [
        judge.KeptKeys(venue=entry.venue, place=entry.place, fault=entry.fault)
        for entry in key_entries()
        if not entry.is_hidden
    ]
    return [
        judge.environment(faults[0]),
        judge.settings(config_file().name, faults[1]),
        judge.keys(kept),
    ]


def examine_venue(venue: str, *, market: str | None = None) -> Examination:
    """Asks a venue, with the keys that are kept for it, whether one could trade there now.

    Questions alone: nothing is ordered, set or written.

    Args:
        venue: Its name.
        market: `spot` or `perpetual`, where the venue has both apart.

    Raises:
        ConfigError: For a venue that nobody knows, or settings of it that cannot be right.
    """
    import asyncio

    from core.engine.checkup import examine
    from core.errors import ExtraMissing
    from core.services.doctor.snapshot import Examination, fail

    if venue == EMBEDDED:
        return examine_machine()
    try:
        visit = _visit(venue, market)
    except ExtraMissing as error:
        check = fail("venue.adapter", error.message, error.remedy, error.exit_code)
        return Examination(checks=(check,))
    return Examination(checks=tuple(asyncio.run(examine(visit))))


def _visit(venue: str, market: str | None) -> Visit:
    from core.adapters.exchanges.about import CCXT_PREFIX, known_venues
    from core.adapters.exchanges.facts import FACTS
    from core.engine.checkup import Visit
    from core.errors import AuthError
    from core.infrastructure.clock import WallClock

    credentials, fault = None, None
    try:
        credentials = key_store().credentials(venue)
    except AuthError:
        pass
    except ConfigError as error:
        fault = error
    opening = Opening(
        clock=WallClock(), credentials=credentials, market=market or "perpetual", is_visit=True
    )
    has_adapter(venue)  # registers what ccxt knows
    exchange = factory().create(venue, opening)
    plain_name = venue.removeprefix(CCXT_PREFIX)
    about = next(row for row in known_venues(FACTS, [plain_name]) if row.name == plain_name)
    is_native = about.door == "native" and plain_name == venue
    return Visit(
        exchange=exchange,
        address=venue_address(venue, is_spot=market == "spot") if is_native else about.title,
        keys=fault,
        has_keys=credentials is not None,
        rights_told=about.rights_told,
        position_mode=about.position_mode,
        prefixes=_our_prefixes(),
        budgets=lambda: _budgets_of(venue),
    )


def _our_prefixes() -> tuple[str, ...]:
    """Of the live journal's orders; none where it cannot be read, which its own check tells."""
    from core.adapters.storage.integrity import order_prefixes

    try:
        return order_prefixes(home().root / "live" / JOURNAL)
    except CtosError:
        return ()


def _budgets_of(venue: str) -> list[Budget]:
    from core.services.doctor.venue import Budget

    return [
        Budget(name=item.name, used_fraction=item.used_fraction, paused_for_s=item.paused_for_s)
        for item in budgets().all()
        if item.name.split()[0] == venue
    ]
