"""The keys of live accounts, wherever they are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.wiring.passphrase import PASSPHRASE
from core.wiring.places import CCXT, home
from core.wiring.venues import factory

if TYPE_CHECKING:
    from core.adapters.keys.store import KeyEntry, KeyStore


def key_store() -> KeyStore:
    """The keys of every venue, wherever they are kept."""
    from core.adapters.keys.store import KeyStore

    return KeyStore(os.environ, home().root / "keys", passphrase=PASSPHRASE.of)


def drop_keys_from_environment() -> None:
    """Takes keys and passphrase out of the environment: children of this process need none."""
    from core.adapters.keys.places import variables
    from core.infrastructure.environment import PASSPHRASE as VARIABLE

    for name in (*variables(os.environ), VARIABLE):
        os.environ.pop(name, None)


def key_fields(venue: str) -> list[tuple[str, str, bool]]:
    """What a venue wants: name, how to ask for it, whether it is a secret.

    Raises:
        ConfigError: If there is no such venue.
    """
    from core.adapters.keys.fields import fields_of

    _check_known(venue)
    return [(item.name, item.asks, item.is_secret) for item in fields_of(venue)]


def _check_known(venue: str) -> None:
    import difflib

    from core.adapters.keys.fields import FIELDS
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


def keep_keys(venue: str, values: Mapping[str, str], *, store: str) -> str:
    """Keeps a venue's keys; gives the name of the place.

    Args:
        venue: Whose.
        values: Field -> value.
        store: `keyring`, `file`, or `auto` for the keyring where there is one that encrypts.
            Sealed ones are kept by `keep_sealed`.

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


def check_passphrase(passphrase: str) -> str:
    """A passphrase that is worth its name.

    Raises:
        ConfigError: If it is too short.
    """
    from core.adapters.keys.sealed import check_passphrase as check

    return check(passphrase)


def keep_sealed(venue: str, values: Mapping[str, str], passphrase: str) -> str:
    """Keeps a venue's keys in a file under a passphrase; gives the name of the place.

    Raises:
        ConfigError: If a value is missing or cannot be right, or the passphrase is too short.
    """
    home().ensure()
    key_store().keep_sealed(venue, values, passphrase)
    return "file, sealed"


def key_entries() -> list[KeyEntry]:
    """What is kept where, without any value."""
    return key_store().entries()


def removable_keys(venue: str) -> list[str]:
    """The names of the places from which a venue's keys can be removed; empty where none has any.

    Raises:
        ConfigError: If nothing is kept under the name and there is no such venue.
    """
    places = key_store().removable(venue)
    if not places:
        _check_known(venue)
    return places


def remove_keys(venue: str) -> list[str]:
    """Removes a venue's keys; gives the names of the places that had some."""
    return key_store().remove(venue)
