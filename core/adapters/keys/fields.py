"""What each venue wants to know before it lets anyone trade.

Sources: the venues' own documentation of API keys, and what the client libraries ask for
(docs/venues.md). Hyperliquid gets the key of an agent, never the one that owns the money.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from core.errors import ConfigError

Check = Callable[[str], str | None]
"""What is wrong with a value, as a sentence that does not repeat it; None where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyField:
    """One thing that a venue wants."""

    name: str
    """`key`, `secret`, `passphrase` and `account` are the same everywhere; others are options."""
    asks: str
    """How a person is asked for it."""
    is_secret: bool = False
    is_optional: bool = False
    check: Check = lambda _text: None


def _matching(pattern: str, says: str) -> Check:
    known = re.compile(pattern)

    def check(text: str) -> str | None:
        return None if known.fullmatch(text) else says

    return check


def _seed(text: str) -> str | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "is no base64."
    return None if len(raw) in {32, 64} else "is no Ed25519 seed: 32 bytes in base64 are."


_ADDRESS: Final = _matching(r"0x[0-9a-fA-F]{40}", "is no address: 0x and 40 hex digits are.")
_PRIVATE: Final = _matching(
    r"(0x)?[0-9a-fA-F]{64}", "is no private key: 64 hex digits, with or without 0x, are."
)
_NUMBER: Final = _matching(r"\d{1,18}", "is no number.")
_ACCOUNT: Final = KeyField(
    name="account", asks="account id, to refuse a key of another account", is_optional=True
)

_API_KEY: Final = KeyField(name="key", asks="API key")
_API_SECRET: Final = KeyField(name="secret", asks="API secret", is_secret=True)
_PASSPHRASE: Final = KeyField(name="passphrase", asks="passphrase of the key", is_secret=True)

FIELDS: Final[Mapping[str, tuple[KeyField, ...]]] = {
    "backpack": (
        KeyField(name="key", asks="API key (base64 public key)", check=_seed),
        KeyField(name="secret", asks="API secret (base64 seed)", is_secret=True, check=_seed),
        _ACCOUNT,
    ),
    "binance": (
        _API_KEY,
        KeyField(name="secret", asks="API secret, or an Ed25519 key in PEM form", is_secret=True),
        _ACCOUNT,
    ),
    "bybit": (_API_KEY, _API_SECRET, _ACCOUNT),
    "edgex": (
        KeyField(name="account", asks="account id", check=_NUMBER),
        _API_KEY,
        KeyField(name="secret", asks="API secret", is_secret=True),
        _PASSPHRASE,
        KeyField(
            name="trading_key", asks="private key that signs orders", is_secret=True, check=_PRIVATE
        ),
    ),
    "hyperliquid": (
        KeyField(name="account", asks="address of the account (0x…)", check=_ADDRESS),
        KeyField(
            name="secret", asks="private key of an agent (API wallet)", is_secret=True,
            check=_PRIVATE,
        ),
        KeyField(
            name="vault", asks="address of a vault or sub-account", is_optional=True, check=_ADDRESS
        ),
    ),
    "ibkr": (
        KeyField(
            name="account",
            asks="account id (DU… is paper)",
            check=_matching(r"[A-Z]{1,3}\d{4,12}", "is no account id of IBKR."),
        ),
    ),
    "lighter": (
        KeyField(name="account", asks="account index", check=_NUMBER),
        KeyField(
            name="api_key_index",
            asks="API key index (4 to 254)",
            check=_matching(
                r"[4-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4]", "must be a number from 4 to 254."
            ),
        ),
        KeyField(name="secret", asks="private key of the API key", is_secret=True),
        KeyField(
            name="signer", asks="path of the native signer, without lighter-sdk", is_optional=True
        ),
    ),
    "okx": (_API_KEY, _API_SECRET, _PASSPHRASE, _ACCOUNT),
}  # fmt: skip
"""Venue -> what it wants, in the order in which a person is asked."""
CCXT: Final = "ccxt-"
"""In front of a venue's name: through ccxt, with the venue's own keys."""
OTHERS: Final = (
    _API_KEY,
    _API_SECRET,
    KeyField(name="passphrase", asks="passphrase", is_secret=True, is_optional=True),
    _ACCOUNT,
)
"""What any other venue is asked for."""


def behind(venue: str) -> str:
    """The venue whose keys a name wants: `ccxt-binance-usdm` is Binance through another door."""
    if venue in FIELDS or not venue.startswith(CCXT):
        return venue
    return venue.removeprefix(CCXT).partition("-")[0]


def fields_of(venue: str) -> tuple[KeyField, ...]:
    """What a venue wants."""
    return FIELDS.get(behind(venue), OTHERS)


def check_values(venue: str, values: Mapping[str, str], source: str) -> dict[str, str]:
    """Values as they may be kept: all that are needed, none that nobody reads, each sound.

    Raises:
        ConfigError: Naming the field. Values are not repeated.
    """
    fields = {field.name: field for field in fields_of(venue)}
    found: dict[str, str] = {}
    for name, text in values.items():
        field = fields.get(name)
        if field is None:
            raise ConfigError(
                "is nothing that this venue wants.",
                source=source,
                key=name[:40],
                remedy=f"It wants: {', '.join(fields)}.",
            )
        clean = text.strip()
        wrong = field.check(clean) if clean else None
        if wrong is not None:
            raise ConfigError(wrong, source=source, key=name)
        if clean:
            found[name] = clean
    for name, field in fields.items():
        if not field.is_optional and name not in found:
            raise ConfigError(
                f"is missing: {field.asks}.",
                source=source,
                key=name,
                remedy=f"ctos keys set {venue}",
            )
    return found
