"""BitMEX's tables: what a message says of their rows, each as whole as it is known.

The socket copies tables: `partial` gives all rows that a subscription is about, `insert` new ones,
`update` the key and whatever changed, `delete` the key. So a change means nothing without the row
that it changes, and the rows of the tables below are kept in `Reading.tables`. The others only
grow. An answer over REST is an array of whole rows, or one of them. Source: bitmex.com/app/wsAPI.

Contracts are base units only by the rules of their instrument. Of one that nobody described, or
that pays in a third asset (a quanto), only what the venue itself states in base units is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, Shape, shape

_TABLE: Final = shape("table", "table action data keys types foreignKeys attributes filter")
_KEYS: Final = {
    "instrument": ("symbol",),
    "margin": ("account", "currency"),
    "order": ("orderID",),
    "orderBookL2": ("symbol", "id", "side"),
    "orderBookL2_25": ("symbol", "id", "side"),
    "position": ("account", "symbol"),
    "wallet": ("account", "currency"),
}
"""Tables whose rows change -> what names a row."""
_ACTIONS: Final = {name: name for name in ("partial", "insert", "update", "delete")}
_ASSETS: Final = {"XBT": "BTC"}
_MONEY: Final = {
    "XBt": ("BTC", Decimal("1E-8")),
    "XBT": ("BTC", Decimal("1E-8")),
    "USDt": ("USDT", Decimal("1E-6")),
    "Gwei": ("ETH", Decimal("1E-9")),
    "LAMp": ("SOL", Decimal("1E-9")),
}
"""Code of a currency -> the asset, and one of its smallest units, in which all money is told."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a message speaks of."""

    action: str
    """`partial` for a row of an answer."""
    said: frozenset[str]
    """Fields that this message says."""
    fields: Fields
    """The row with everything that was said of it before."""


def rows(raw: object, kind: Shape, reading: Reading) -> Iterator[Row]:
    """The rows of a message or an answer, in the venue's order; deleted ones as they were.

    Raises:
        MalformedMessage: If the message is no table's, or a row is no object.
    """
    if not isinstance(raw, dict) or "table" not in raw:
        for item in raw if isinstance(raw, list) else [raw]:
            yield _row("partial", item, {}, kind, reading)
        return
    message = Fields(raw, _TABLE, reading)
    table, action = message.text("table"), message.choice("action", _ACTIONS)
    kept = reading.tables.setdefault(table, {})
    if action == "partial":
        _forget(kept, message.entries("filter") if message.has("filter") else {})
    for item in message.items("data"):
        names = _KEYS.get(table)
        if names is None or not isinstance(item, dict):
            yield _row(action, item, {}, kind, reading)
            continue
        key = tuple(str(item.get(name)) for name in names)
        old = kept.pop(key, {}) if action in ("update", "delete") else {}
        if action != "delete":
            kept[key] = {**old, **item}
        yield _row(action, item, old, kind, reading)


def is_whole(raw: object) -> bool:
    """Whether a message has every row of what it is about."""
    return not isinstance(raw, dict) or raw.get("action", "partial") == "partial"


def has_size(fields: Fields, listing: Listing) -> bool:
    """Whether rules say how many base units a contract is; counted where none do."""
    if listing.contract_value is not None or listing.instrument is not None:
        return True
    fields.reading.unknown[f"contracts of {listing.key[:40]}"] += 1
    return False


def in_base(
    fields: Fields, listing: Listing, contracts: Decimal, price: Decimal | None
) -> Decimal | None:
    """Base units of contracts by their rules, else as the row states them, else None."""
    stated = fields.decimal_or_none("homeNotional")
    if stated is None or listing.contract_value is not None or listing.instrument is not None:
        return listing.amount(contracts, price) if has_size(fields, listing) else None
    return abs(stated)


def traded(fields: Fields, listing: Listing, name: str, price: Decimal) -> Decimal | None:
    """Base units of the contracts in the field `name`, which changed hands."""
    amount = in_base(fields, listing, fields.positive(name), price)
    if amount is not None and amount <= 0:
        fields.refuse(name, "is nothing in base units")
    return amount


def asset(code: str) -> str:
    """Our name of what the venue calls `code`."""
    return _ASSETS.get(code, code)


def settled_in(fields: Fields, name: str) -> tuple[str, Decimal]:
    """The asset of a currency's code, and its smallest unit.

    Raises:
        MalformedMessage: If nobody here knows how small that is.
    """
    return fields.choice(name, _MONEY)


def _row(action: str, item: object, old: dict[str, object], kind: Shape, reading: Reading) -> Row:
    said = item if isinstance(item, dict) else {}
    whole = {**old, **said} if old else item
    return Row(action, frozenset(said), Fields(whole, kind, reading))


def _forget(kept: dict[tuple[str, ...], dict[str, object]], about: dict[str, object]) -> None:
    """Drops the rows that a new beginning replaces; one about nothing replaces all."""
    gone = [key for key, row in kept.items() if about.items() <= row.items()]
    for key in gone:
        del kept[key]
