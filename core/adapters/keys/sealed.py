"""Keys sealed under a passphrase, so that whoever reads the disk reads nothing.

A sealed file is one JSON object: how the passphrase becomes a key (scrypt, RFC 7914), a nonce, and
what AES-256-GCM (NIST SP 800-38D) makes of the values. The venue's name is bound in, so that a file
that is renamed to another venue does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import ConfigError

SEALED: Final = "sealed"
"""The field that tells a sealed file from an open one; its value is the form's number."""
FORM: Final = 1
SHORTEST: Final = 12
"""Characters of a passphrase; whoever has the file may try as many as he likes."""
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_MOST_MEMORY: Final = 1 << 30
_MOST_LANES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one try of a passphrase costs: 128 * n * r bytes of memory, p times."""

    n: int = 1 << 17
    r: int = 8
    p: int = 1

    @property
    def memory(self) -> int:
        """In bytes, with some room."""
        return 128 * self.n * self.r + (1 << 20)

    @property
    def is_sound(self) -> bool:
        """Whether somebody may ask this of us: a file could ask for all memory there is."""
        is_power = self.n > 1 and self.n & (self.n - 1) == 0
        return (
            is_power
            and 1 <= self.r <= _MOST_LANES
            and 1 <= self.p <= _MOST_LANES
            and self.memory <= _MOST_MEMORY
        )


COST = Cost()


def check_passphrase(passphrase: str) -> str:
    """A passphrase that is worth its name.

    Raises:
        ConfigError: If it is too short.
    """
    if len(passphrase) < SHORTEST:
        raise ConfigError(
            f"a passphrase has at least {SHORTEST} characters.",
            source="passphrase",
            remedy="Take four or five words that have nothing to do with each other.",
        )
    return passphrase


def seal(venue: str, values: Mapping[str, str], passphrase: str) -> str:
    """The text of a sealed file; a try of a passphrase costs `COST`.

    Raises:
        ConfigError: If the passphrase is too short.
    """
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    cost = COST
    key = _key(check_passphrase(passphrase), salt, cost)
    inside = json.dumps(dict(values)).encode()
    closed = AESGCM(key).encrypt(nonce, inside, _bound(venue))
    outside = {
        SEALED: FORM,
        "n": cost.n,
        "r": cost.r,
        "p": cost.p,
        "salt": _text(salt),
        "nonce": _text(nonce),
        "values": _text(closed),
    }
    return json.dumps(outside, indent=1) + "\n"


def is_sealed(document: object) -> bool:
    """Whether what a file holds is sealed."""
    return isinstance(document, dict) and SEALED in document


def unseal(venue: str, document: Mapping[str, Any], passphrase: str, source: str) -> dict[str, str]:
    """The values of a sealed file.

    Args:
        venue: Whose keys they should be.
        document: The file, read as JSON.
        passphrase: As it was when the file was sealed.
        source: The file, for errors.

    Raises:
        ConfigError: If the passphrase is another, the file was changed, or is none of ours.
    """
    cost, salt, nonce, closed = _read(document, source)
    try:
        inside = AESGCM(_key(passphrase, salt, cost)).decrypt(nonce, closed, _bound(venue))
    except InvalidTag:
        raise ConfigError(
            "does not open: another passphrase, another venue's file, or it was changed.",
            source=source,
            remedy=f"Try again, or give the keys anew: ctos keys set {venue} --store sealed",
        ) from None
    found: dict[str, str] = json.loads(inside)
    return found


def _read(document: Mapping[str, Any], source: str) -> tuple[Cost, bytes, bytes, bytes]:
    try:
        form = document[SEALED]
        cost = Cost(n=int(document["n"]), r=int(document["r"]), p=int(document["p"]))
        salt, nonce, closed = (_bytes(document[name]) for name in ("salt", "nonce", "values"))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(source) from error
    if form != FORM or not cost.is_sound or len(nonce) != _NONCE_BYTES:
        raise _unreadable(source)
    return cost, salt, nonce, closed


def _unreadable(source: str) -> ConfigError:
    return ConfigError(
        "is no sealed file that this ctos can read.",
        source=source,
        remedy="Give the keys anew: ctos keys set VENUE --store sealed",
    )


def _key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(),
        salt=salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=cost.memory,
        dklen=_KEY_BYTES,
    )


def _bound(venue: str) -> bytes:
    return f"ctos keys {FORM} {venue}".encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
