"""Three places that may hold keys. None of them is a configuration file or a command line.

environment   CTOS_<VENUE>_<FIELD>, such as CTOS_BINANCE_SECRET: for machines without a person
keyring       the system's own store, where it is one that encrypts
file          keys/<venue>.json under CTOS_HOME, readable by its owner alone (mode 0600); it may be
              sealed under a passphrase, which is asked for when the keys are first used
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from core.adapters.keys.fields import CCXT, FIELDS, OTHERS, fields_of
from core.adapters.keys.sealed import is_sealed, seal, unseal
from core.errors import ConfigError, ExtraMissing
from core.infrastructure.environment import PASSPHRASE, PREFIX
from core.infrastructure.files import ensure_folder, read_private_text, write_atomic

_SERVICE: Final = "ctos"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SAFE_RINGS: Final = (
    "keyring.backends.macOS",
    "keyring.backends.SecretService",
    "keyring.backends.libsecret",
    "keyring.backends.kwallet",
    "keyring.backends.Windows",
)
"""Stores that encrypt and ask who you are. Plain files and stores that forget are none."""


class Place(Protocol):
    """Somewhere that keys can be."""

    name: str

    def read(self, venue: str) -> dict[str, str] | None:
        """What is kept for a venue; None where nothing is."""

    def venues(self) -> list[str]:
        """For which venues something is kept, sorted."""


def check_venue(venue: str) -> str:
    """A name that may become part of a file's name and of a variable's.

    Raises:
        ConfigError: For anything else.
    """
    if not _NAME.fullmatch(venue):
        raise ConfigError(
            f"{venue[:40]!r} is no name of a venue: small letters, digits and - are.",
            source="arguments",
        )
    return venue


def variable(venue: str, field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{venue}_{field}".upper().replace("-", "_")


def variables(environ: Mapping[str, str]) -> frozenset[str]:
    """Every environment variable that could hold a key of a known venue.

    Args:
        environ: Of the process: any venue that ccxt knows may stand there.
    """
    known = {variable(venue, field.name) for venue in FIELDS for field in FIELDS[venue]}
    ends = {f"_{field.name}".upper() for fields in (OTHERS, *FIELDS.values()) for field in fields}
    begin = f"{PREFIX}{CCXT}".upper().replace("-", "_")
    through_ccxt = {
        name for name in environ if name.startswith(begin) and name.endswith(tuple(ends))
    }
    return frozenset(known | through_ccxt)


class EnvironmentPlace:
    """Variables of the process."""

    name = "environment"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(self, venue: str) -> dict[str, str] | None:
        """What the variables say; a venue counts as told of once any of them is set."""
        found = {
            field.name: text
            for field in fields_of(venue)
            if (text := self._environ.get(variable(venue, field.name), "").strip())
        }
        return found or None

    def venues(self) -> list[str]:
        """Known venues with a variable."""
        return sorted(venue for venue in FIELDS if self.read(venue))


class FilePlace:
    """One private file per venue, open or sealed.

    Args:
        folder: Where the files are.
        passphrase: Gives the one for a venue's file; None where nobody can be asked.
    """

    name = "file"

    def __init__(
        self, folder: Path, passphrase: Callable[[str], str | None] = lambda _venue: None
    ) -> None:
        self._folder = folder
        self._passphrase = passphrase

    def read(self, venue: str) -> dict[str, str] | None:
        """What the file says.

        Raises:
            ConfigError: If others could read it, it is no such file, or it stays sealed.
        """
        document = self._document(venue)
        if document is None:
            return None
        if is_sealed(document):
            return self._unsealed(venue, document)
        if not all(isinstance(value, str) for value in document.values()):
            raise self._no_keys(venue)
        return document

    def _unsealed(self, venue: str, document: dict[str, Any]) -> dict[str, str]:
        source = str(self._path(venue))
        passphrase = self._passphrase(venue)
        if passphrase is None:
            raise ConfigError(
                "is sealed, and there is nobody to ask for the passphrase.",
                source=source,
                remedy=f"Start from a terminal, which asks, or set {PASSPHRASE}.",
            )
        return unseal(venue, document, passphrase, source)

    def is_sealed(self, venue: str) -> bool:
        """Whether a venue's file needs a passphrase.

        Raises:
            ConfigError: If others could read it, or it is no such file.
        """
        return is_sealed(self._document(venue))

    def _document(self, venue: str) -> dict[str, Any] | None:
        try:
            text = read_private_text(self._path(venue))
        except FileNotFoundError:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._no_keys(venue)
        return found

    def _no_keys(self, venue: str) -> ConfigError:
        path = str(self._path(venue))
        return ConfigError("is no file of keys.", source=path, remedy=f"ctos keys set {venue}")

    def write(self, venue: str, values: Mapping[str, str]) -> None:
        """Replaces the file whole; nobody else can read it at any moment."""
        self._replace(venue, json.dumps(dict(values), indent=1) + "\n")

    def write_sealed(self, venue: str, values: Mapping[str, str], passphrase: str) -> None:
        """Replaces the file whole; the values never reach the disk in the open.

        Raises:
            ConfigError: If the passphrase is too short.
        """
        self._replace(venue, seal(venue, values, passphrase))

    def _replace(self, venue: str, text: str) -> None:
        ensure_folder(self._folder)
        write_atomic(self._path(venue), text)

    def has(self, venue: str) -> bool:
        """Whether there is a file, also one that cannot be read."""
        return self._path(venue).is_file()

    def remove(self, venue: str) -> bool:
        """Deletes the file; false where there is none."""
        try:
            self._path(venue).unlink()
        except FileNotFoundError:
            return False
        return True

    def venues(self) -> list[str]:
        """Venues with a file."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _path(self, venue: str) -> Path:
        return self._folder / f"{check_venue(venue)}.json"


class KeyringPlace:
    """The system's store of secrets.

    Args:
        module: The `keyring` package; imported when first needed.
    """

    name = "keyring"

    def __init__(self, module: Any = None) -> None:  # noqa: ANN401 # a package without types
        self._module = module

    @property
    def why_not(self) -> str | None:
        """Why it cannot be used, as a sentence; None where it can."""
        try:
            ring = self._load().get_keyring()
        except ExtraMissing as error:
            return str(error)
        kind = type(ring)
        if kind.__module__ == "keyring.backends.chainer":
            safe = [type(part) for part in ring.backends if _is_safe(type(part))]
            return None if safe else "this system has no store that encrypts."
        if _is_safe(kind):
            return None
        return f"{kind.__module__} does not keep secrets safely."

    def read(self, venue: str) -> dict[str, str] | None:
        """What the store holds; None where nothing is, or no store can be used."""
        if self.why_not is not None:
            return None
        text = self._load().get_password(_SERVICE, check_venue(venue))
        if not text:
            return None
        found = json.loads(text)
        return {str(key): str(value) for key, value in found.items()}

    def write(self, venue: str, values: Mapping[str, str]) -> None:
        """Puts the values there.

        Raises:
            ConfigError: If no store can be used.
        """
        if (why := self.why_not) is not None:
            raise ConfigError(why, source="keyring", remedy="Use --store file.")
        self._load().set_password(_SERVICE, check_venue(venue), json.dumps(dict(values)))

    def has(self, venue: str) -> bool:
        """Whether the store holds something for a venue."""
        return self.read(venue) is not None

    def remove(self, venue: str) -> bool:
        """Takes them out; false where there are none."""
        if not self.has(venue):
            return False
        self._load().delete_password(_SERVICE, check_venue(venue))
        return True

    def venues(self) -> list[str]:
        """Known venues with an entry; a store cannot be asked for its list."""
        if self.why_not is not None:
            return []
        return sorted(venue for venue in FIELDS if self.read(venue))

    def _load(self) -> Any:  # noqa: ANN401 # a package without types
        if self._module is None:
            try:
                self._module = import_module("keyring")
            except ImportError as error:
                raise ExtraMissing("keyring", "keeping keys in the system's store") from error
        return self._module


def _is_safe(kind: type) -> bool:
    return kind.__module__.startswith(_SAFE_RINGS)
