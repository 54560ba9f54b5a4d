"""Rules of instruments as venues told them, kept in the home: `cache/instruments/<venue>.json`.

What is kept has an age. An adapter puts what it loads here, at each start and each time it asks
again; whoever reads a configuration finds symbols here that no file ships. Rows of one loading
replace those of the same symbols and leave the others, since some venues are asked symbol by
symbol; a symbol that a venue no longer lists grows old and is asked about before it is traded.

A file that cannot be read is no file: it is written anew. Rows that make no sense are left out.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument, plain
from core.domain.symbol import Symbol
from core.infrastructure.clock import Clock
from core.infrastructure.files import PRIVATE_FOLDER, write_atomic

log = logging.getLogger(__name__)

FRESH_S: Final = 1_800.0
"""Rules that are older are asked for again before real money goes by them."""
_TEXT: Final = re.compile(r"[A-Za-z0-9._:/@+ -]{0,48}", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_ENUMS: Final[Mapping[str, type[ExchangeType | FeeAsset]]] = {
    "market_type": ExchangeType,
    "fee_asset": FeeAsset,
}
_DEFAULTS: Final = {
    item.name: item.default for item in fields(Instrument) if item.default is not MISSING
}
_NUMBERS: Final = frozenset(
    item.name for item in fields(Instrument) if str(item.type).startswith("Decimal")
)
_TOLD_ELSEWHERE: Final = (
    "reference_price",
    "maker_fee",
    "taker_fee",
    "fee_asset",
    "fee_step",
    "max_leverage",
    "maintenance_margin_rate",
    "funding_interval_s",
)
"""What lists of instruments often leave out and a shipped file says."""
RULES: Final = (
    "tick_size",
    "lot_size",
    "min_amount",
    "min_notional",
    "max_amount",
    "contract_size",
)
"""What an order must keep to: a change of these is told."""

Row = dict[str, str | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An instrument's rules and when the venue told them."""

    instrument: Instrument
    at_ns: int
    """UTC."""

    def is_fresh(self, now_ns: int) -> bool:
        """Whether they need not be asked for again."""
        return 0 <= now_ns - self.at_ns < FRESH_S * 1e9


class Shelf:
    """See the module's text.

    Args:
        folder: Of the files.
        clock: Stamps what is put here.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        """Held by whoever puts: several threads may."""

    def rules(self, venue: str) -> dict[str, Kept]:
        """Symbol -> its rules; empty where nothing readable is kept."""
        path = self._path(venue)
        try:
            rows = msgspec.json.decode(path.read_bytes(), type=list[Row])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("metadata.unreadable path=%s error=%s", path, error)
            return {}
        kept = (_read(venue, row) for row in rows)
        return {item.instrument.symbol: item for item in kept if item is not None}

    def put(self, venue: str, instruments: Iterable[Instrument]) -> None:
        """Keeps what a venue told now; a disk that does not take it is no reason to stop.

        May be called from any thread.
        """
        with self._lock:
            self._put(venue, instruments)

    def _put(self, venue: str, instruments: Iterable[Instrument]) -> None:
        now_ns = self._clock.now_ns()
        told = [row for item in instruments if (row := _row(item, now_ns)) is not None]
        names = {row["symbol"] for row in told}
        before = [
            row
            for kept in self.rules(venue).values()
            if kept.instrument.symbol not in names
            and (row := _row(kept.instrument, kept.at_ns)) is not None
        ]
        rows = sorted([*before, *told], key=lambda row: str(row["symbol"]))
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            write_atomic(self._path(venue), msgspec.json.encode(rows))
        except OSError as error:
            log.warning("metadata.unwritten venue=%s error=%s", venue, error)

    def _path(self, venue: str) -> Path:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", venue)[:60]
        return self._folder / f"{name}.json"


def filled(told: Instrument, shipped: Instrument | None) -> Instrument:
    """A venue's rules, with what its list leaves out as it is shipped."""
    if shipped is None:
        return told
    known = {
        name: getattr(shipped, name)
        for name in _TOLD_ELSEWHERE
        if getattr(told, name) == _DEFAULTS[name]
    }
    return replace(told, **known)


def changes(before: Instrument, after: Instrument) -> str:
    """Which rules are others now, in words; empty where none is."""
    found = []
    for name in RULES:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found.append(f"{name} was {_shown(old)} and is {_shown(new)}")
    return ", ".join(found)


def _shown(value: Decimal | None) -> str:
    return "none" if value is None else plain(value)


def _row(item: Instrument, at_ns: int) -> Row | None:
    row: Row = {"at_ns": at_ns}
    for field in fields(Instrument):
        value = getattr(item, field.name)
        if field.name == "venue" or value == _DEFAULTS.get(field.name, MISSING):
            continue
        if isinstance(value, Decimal):
            row[field.name] = plain(value)
        else:
            row[field.name] = value.value if isinstance(value, Enum) else value
    if _read(item.venue, row) is None:
        log.warning("metadata.refused venue=%s symbol=%.60r", item.venue, item.symbol)
        return None
    return row


def _read(venue: str, row: Row) -> Kept | None:
    """A row as an instrument; None for one that makes no sense."""
    values: dict[str, object] = {"venue": venue}
    at_ns = row.get("at_ns")
    try:
        for name, value in row.items():
            if name == "at_ns":
                continue
            values[name] = _value(name, value)
        instrument = Instrument(**values)  # type: ignore[arg-type] # checked field by field
        Symbol.parse(instrument.symbol)
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not isinstance(at_ns, int) or instrument.max_leverage < 1:
        return None
    return Kept(instrument=instrument, at_ns=at_ns)


def _value(name: str, value: str | int | None) -> object:
    """A field's value.

    Raises:
        ValueError: For text out of bounds, which would be a trap and no rule.
    """
    if name in _ENUMS:
        return _ENUMS[name](str(value))
    if isinstance(value, str):
        is_number = name in _NUMBERS
        pattern = _NUMBER if is_number else _TEXT
        if pattern.fullmatch(value) is None:
            message = f"{name} is out of bounds"
            raise ValueError(message)
        return Decimal(value) if is_number else value
    return value
