"""The keys of live accounts, wherever they are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.wiring.places import CCXT, home
from core.wiring.venues import factory

if TYPE_CHECKING:
    from core.adapters.keys.store import KeyEntry, KeyStore


def key_store() -> KeyStore:
    """The keys of every venue, wherever they are kept."""
    from core.adapters.keys.store import KeyStore

    return KeyStore(os.environ, home().root / "keys")


def key_fields(venue: str) -> list[tuple[str, str, bool]]:
    """What a venue wants: name, how to ask for it, whether it is a secret."""
    import difflib

    from core.adapters.keys.fields import FIELDS, fields_of
    from core.adapters.keys.places import check_venue

    check_venue(venue)
    known = sorted({*FIELDS, *factory().names})
    if venue not in known and not venue.startswith(CCXT):
        near = difflib.get_close_matches(venue, known, n=1)
        raise ConfigError(
            f"there is no venue {venue!r}; known are: {', '.join(known)}, and {CCXT}NAME.",
            source="arguments",
            remedy=f"Did you mean {near[0]!r}?" if near else None,
        )
    return [(item.name, item.asks, item.is_secret) for item in fields_of(venue)]


def keep_keys(venue: str, values: Mapping[str, str], *, store: str) -> str:
    """Keeps a venue's keys; gives the name of the place.

    Args:
        venue: Whose.
        values: Field -> value.
        store: `keyring`, `file`, or `auto` for the keyring where there is one that encrypts.

    Raises:
        ConfigError: If a value is missing or cannot be right, or the place cannot be used.
    """
    home().ensure()
    found = key_store()
    place = found.keyring
    if store == "file" or (store == "auto" and place.why_not is not None):
        found.keep(venue, values, found.file)
        return found.file.name
    found.keep(venue, values, place)
    return place.name


def key_entries() -> list[KeyEntry]:
    """What is kept where, without any value."""
    return key_store().entries()


def remove_keys(venue: str) -> list[str]:
    """Removes a venue's keys; gives the names of the places that had some."""
    return key_store().remove(venue)
