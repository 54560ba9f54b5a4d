"""Instrument rules for paper trading: `config/instruments/<venue>.yaml`.

They stand in for a venue's own metadata, which replaces them once a live adapter reads it.
"""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument
from core.errors import ConfigError
from core.infrastructure.yaml_document import Document, Value, load_yaml

_ROOT: Final = Path(__file__).resolve().parents[4]
_TEXTS: Final = frozenset({"symbol", "base", "quote", "settle", "venue_symbol"})
_NUMBERS: Final = frozenset(
    {
        "tick_size",
        "lot_size",
        "min_amount",
        "min_notional",
        "max_amount",
        "contract_size",
        "maker_fee",
        "taker_fee",
        "fee_step",
        "max_leverage",
        "maintenance_margin_rate",
        "reference_price",
    }
)
_NEEDED: Final = ("symbol", "market_type", "base", "quote", "tick_size", "lot_size")
_KEYS: Final = _TEXTS | _NUMBERS | {"market_type", "fee_asset", "funding_interval_s"}


def find_config_dir() -> Path:
    """The folder of shipped configuration: beside `core` in a checkout, else of the environment.

    Raises:
        ConfigError: If neither is there.
    """
    for folder in (_ROOT / "config", Path(sys.prefix) / "share" / "ctos" / "config"):
        if (folder / "instruments").is_dir():
            return folder
    raise ConfigError("The folder `config/instruments` is missing.", remedy="Install ctos again.")


def load_instruments(venue: str, folder: Path | None = None) -> dict[str, Instrument]:
    """The instruments of a venue by symbol; empty where it has no file.

    Raises:
        ConfigError: For a file that does not say what it must.
    """
    path = (find_config_dir() if folder is None else folder) / "instruments" / f"{venue}.yaml"
    if not path.is_file():
        return {}
    document = load_yaml(path)
    entries = document.data.get("instruments")
    if not isinstance(entries, list):
        raise ConfigError("expected a list.", source=document.source, key="instruments")
    found = [_instrument(document, venue, index, entry) for index, entry in enumerate(entries)]
    return {instrument.symbol: instrument for instrument in found}


def _instrument(document: Document, venue: str, index: int, entry: Value) -> Instrument:
    line = document.lines.get(("instruments", index))
    place = f"instruments[{index}]"
    if not isinstance(entry, dict):
        raise ConfigError("expected keys.", source=document.source, key=place, line=line)
    unknown = sorted(set(entry) - _KEYS)
    missing = [key for key in _NEEDED if key not in entry]
    if unknown or missing:
        problem = f"unknown {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
        raise ConfigError(f"{problem}.", source=document.source, key=place, line=line)
    texts = {key: str(entry[key]) for key in _TEXTS if key in entry}
    try:
        numbers = {key: Decimal(str(entry[key])) for key in _NUMBERS if key in entry}
        interval = entry.get("funding_interval_s")
        return Instrument(
            venue=venue,
            market_type=ExchangeType(str(entry["market_type"])),
            fee_asset=FeeAsset(str(entry.get("fee_asset", "quote"))),
            funding_interval_s=None if interval is None else int(str(interval)),
            **texts,  # type: ignore[arg-type] # checked against the field names above
            **numbers,  # type: ignore[arg-type] # same
        )
    except (InvalidOperation, ValueError) as error:
        raise ConfigError(
            f"{entry.get('symbol')}: {error}.", source=document.source, key=place, line=line
        ) from error
