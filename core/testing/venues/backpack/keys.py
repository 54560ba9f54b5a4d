"""Backpack's API keys: Ed25519, the public key is the name, the instruction is part of the text."""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.adapters.exchanges.backpack.sign import (
    DEFAULT_WINDOW_MS,
    MAX_WINDOW_MS,
    Value,
    signing_text,
)
from core.testing.venues.faults import Answer

_LEAD_MS: Final = 5000


class Refused(Exception):
    """A request that Backpack answers with a code in letters."""

    def __init__(self, code: str, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.status = status

    @property
    def answer(self) -> Answer:
        """Over HTTP."""
        return Answer({"code": self.code, "message": str(self)}, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key."""

    api_key: str
    """The public key in base64."""
    secret: str
    """The seed in base64."""
    pair: Ed25519PrivateKey


class KeyRing:
    """The account's keys.

    Args:
        rng: Makes them.
    """

    def __init__(self, rng: random.Random) -> None:
        self.main = _key(rng)
        self.stranger = _key(rng)
        """Nobody's."""
        self._keys = {self.main.api_key: self.main}

    def check_headers(
        self,
        instruction: str,
        batches: Sequence[Mapping[str, Value]],
        headers: Mapping[str, str],
        now_ms: int,
    ) -> None:
        """Lets a signed request pass, or raises `Refused`."""
        names = ("x-api-key", "x-signature", "x-timestamp", "x-window")
        api_key, signature, stamp, window = (headers.get(name, "") for name in names)
        self.check(instruction, batches, (api_key, signature, stamp, window), now_ms)

    def check(
        self,
        instruction: str,
        batches: Sequence[Mapping[str, Value]],
        signed: tuple[str, str, str, str],
        now_ms: int,
    ) -> None:
        """The same for (API key, signature, timestamp, window) of a subscription."""
        api_key, signature, stamp, window = signed
        key = self._keys.get(api_key)
        if key is None:
            raise Refused("UNAUTHORIZED", "Unauthorized", status=401)
        if not stamp.isdigit():
            raise Refused("INVALID_CLIENT_REQUEST", "Invalid X-Timestamp header")
        window_ms = int(window) if window.isdigit() else DEFAULT_WINDOW_MS
        if window_ms > MAX_WINDOW_MS:
            raise Refused("INVALID_CLIENT_REQUEST", "Invalid window, must be at most 60000")
        if now_ms - int(stamp) > window_ms or int(stamp) - now_ms > _LEAD_MS:
            raise Refused("INVALID_CLIENT_REQUEST", "Request has expired")
        text = signing_text(instruction, batches, int(stamp), window_ms)
        try:
            raw = base64.b64decode(signature, validate=True)
            key.pair.public_key().verify(raw, text.encode())
        except (InvalidSignature, binascii.Error):
            raise Refused("INVALID_SIGNATURE", "Invalid signature") from None


def _key(rng: random.Random) -> Key:
    seed = rng.randbytes(32)
    pair = Ed25519PrivateKey.from_private_bytes(seed)
    public = pair.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Key(
        api_key=base64.b64encode(public).decode(), secret=base64.b64encode(seed).decode(), pair=pair
    )
