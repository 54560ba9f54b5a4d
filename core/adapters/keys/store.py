"""The keys of every venue, wherever they are kept.

Precedence, for a venue as a whole and never field by field, so that no key is put together from
two accounts: environment, then keyring, then file. Whatever is read is registered with the
redactor before anybody gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.adapters.exchanges.credentials import NO_SECRET, Credentials, Secret
from core.adapters.keys.fields import behind, check_values, fields_of
from core.adapters.keys.places import (
    EnvironmentPlace,
    FilePlace,
    KeyringPlace,
    Place,
    check_venue,
    variable,
)
from core.errors import AuthError, ConfigError
from core.infrastructure.redaction import register_secret

_PLAIN: Final = frozenset({"key", "secret", "passphrase", "account"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """That keys are there, without any of them."""

    venue: str
    place: str
    """`environment`, `keyring` or `file`."""
    fields: tuple[str, ...]
    """Which fields are set."""
    account: str
    is_hidden: bool = False
    """Whether another place comes first."""
    is_sealed: bool = False
    """Whether they need a passphrase; fields and account are not known without it."""
    fault: str | None = None
    """Why they cannot be used."""


class KeyStore:
    """Reads, keeps and removes keys.

    Args:
        environ: The process's environment.
        folder: Where files of keys are.
        keyring: The system's store.
        passphrase: Gives the one for a venue's sealed file; None where nobody can be asked.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        keyring: KeyringPlace | None = None,
        passphrase: Callable[[str], str | None] = lambda _venue: None,
    ) -> None:
        self._environment = EnvironmentPlace(environ)
        self.keyring = keyring or KeyringPlace()
        self.file = FilePlace(folder, passphrase)

    @property
    def _places(self) -> tuple[Place, ...]:
        return (self._environment, self.keyring, self.file)

    def credentials(self, venue: str) -> Credentials:
        """The keys of a venue.

        Raises:
            AuthError: If there are none; it says how to give them.
            ConfigError: If what is there cannot be right.
        """
        check_venue(venue)
        for place in self._places:
            values = place.read(venue)
            if values is not None:
                _register(venue, values)
                return _credentials(venue, _sound(venue, values, _source(place, venue)))
        raise AuthError(
            f"there are no keys for {venue}.",
            remedy=f"Give them with `ctos keys set {venue}`, or set {variable(venue, 'secret')} "
            "and what belongs to it.",
        )

    def entries(self) -> list[KeyEntry]:
        """What is kept where, by venue; no value but the account's name."""
        found: list[KeyEntry] = []
        seen: set[str] = set()
        for place in self._places:
            for venue in place.venues():
                found.append(_entry(place, venue, is_hidden=venue in seen))
                seen.add(venue)
        return sorted(found, key=lambda entry: (entry.venue, entry.is_hidden))

    def keep(self, venue: str, values: Mapping[str, str], place: KeyringPlace | FilePlace) -> None:
        """Checks and keeps the keys of a venue.

        Raises:
            ConfigError: If a field is missing or cannot be right, or the place cannot be used.
        """
        check_venue(venue)
        _register(venue, values)
        place.write(venue, _sound(venue, values, f"keys of {venue}"))

    def keep_sealed(self, venue: str, values: Mapping[str, str], passphrase: str) -> None:
        """Checks the keys of a venue and keeps them in a file under a passphrase.

        Raises:
            ConfigError: If a field is missing or cannot be right, or the passphrase is too short.
        """
        check_venue(venue)
        _register(venue, values)
        self.file.write_sealed(venue, _sound(venue, values, f"keys of {venue}"), passphrase)

    def removable(self, venue: str) -> list[str]:
        """The names of the places from which `remove` would take a venue's keys."""
        check_venue(venue)
        return [place.name for place in (self.keyring, self.file) if place.has(venue)]

    def remove(self, venue: str) -> list[str]:
        """Removes a venue's keys from keyring and file; the names of the places that had some."""
        check_venue(venue)
        return [place.name for place in (self.keyring, self.file) if place.remove(venue)]


def _entry(place: Place, venue: str, *, is_hidden: bool) -> KeyEntry:
    try:
        if isinstance(place, FilePlace) and place.is_sealed(venue):
            return KeyEntry(
                venue=venue, place=place.name, fields=(), account="", is_hidden=is_hidden,
                is_sealed=True,
            )  # fmt: skip
        values = place.read(venue) or {}
        _sound(venue, values, _source(place, venue))
    except ConfigError as error:
        return KeyEntry(
            venue=venue, place=place.name, fields=(), account="", is_hidden=is_hidden,
            fault=str(error),
        )  # fmt: skip
    return KeyEntry(
        venue=venue,
        place=place.name,
        fields=tuple(field.name for field in fields_of(venue) if field.name in values),
        account=values.get("account", ""),
        is_hidden=is_hidden,
    )


def _source(place: Place, venue: str) -> str:
    return f"keys of {venue} ({place.name})"


def _sound(venue: str, values: Mapping[str, str], source: str) -> dict[str, str]:
    found = check_values(venue, values, source)
    if behind(venue) == "hyperliquid":
        _refuse_master(found, source)
    return found


def _refuse_master(values: Mapping[str, str], source: str) -> None:
    """An agent trades and cannot withdraw; the key of the account itself can do everything."""
    from core.adapters.exchanges.ethereum import address_of, private_key

    if address_of(private_key(values["secret"])) == values["account"].lower():
        raise ConfigError(
            "is the key of the account itself, which may also withdraw.",
            source=source,
            key="secret",
            remedy="Make an agent (API wallet) at the venue and give its key.",
        )


def _register(venue: str, values: Mapping[str, str]) -> None:
    secret = {field.name for field in fields_of(venue) if field.is_secret}
    for name, text in values.items():
        if name in secret or name == "key":
            register_secret(text.strip())


def _credentials(venue: str, values: Mapping[str, str]) -> Credentials:
    return Credentials(
        venue=venue,
        account=values.get("account", ""),
        key=values.get("key", ""),
        secret=Secret(values["secret"]) if "secret" in values else NO_SECRET,
        passphrase=Secret(values["passphrase"]) if "passphrase" in values else NO_SECRET,
        options={name: text for name, text in values.items() if name not in _PLAIN},
    )
