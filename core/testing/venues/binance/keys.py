"""Binance's API keys, and whether a request carries a good one.

The checks are in the venue's order: the key, the parameters of time, then the signature over the
text exactly as it was sent (REST) or sorted by name (WebSocket).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.adapters.exchanges.binance.sign import hmac_signature
from core.testing.venues.binance.refusals import (
    BAD_KEY,
    BAD_KEY_FORMAT,
    BAD_SIGNATURE,
    EARLY,
    LATE,
    LONG_WINDOW,
    Refused,
    missing,
)

DEFAULT_WINDOW_MS: Final = 5000
MAX_WINDOW_MS: Final = 60_000
_LEAD_MS: Final = 1000
_LENGTH: Final = 64
_ALPHABET: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key of the account."""

    api_key: str
    secret: str
    """Of an HMAC key; the PEM of an Ed25519 one."""
    ed25519: Ed25519PrivateKey | None = None
    can_trade: bool = True
    can_withdraw: bool = False
    is_ip_bound: bool = True

    def accepts(self, payload: str, signature: str) -> bool:
        """Whether `signature` is this key's under `payload`."""
        if self.ed25519 is None:
            return hmac.compare_digest(hmac_signature(payload, self.secret), signature)
        try:
            raw = base64.b64decode(signature, validate=True)
            self.ed25519.public_key().verify(raw, payload.encode())
        except (InvalidSignature, binascii.Error):
            return False
        return True


class KeyRing:
    """The account's keys.

    Args:
        rng: Makes them.
    """

    def __init__(self, rng: random.Random) -> None:
        self.hmac = Key(api_key=_text(rng), secret=_text(rng))
        self.ed25519 = _ed25519(rng)
        self.reader = Key(api_key=_text(rng), secret=_text(rng), can_trade=False)
        """May read only."""
        self.withdrawer = Key(
            api_key=_text(rng), secret=_text(rng), can_withdraw=True, is_ip_bound=False
        )
        """May withdraw, from anywhere: a key that nobody should trade with."""
        self._keys = {
            key.api_key: key for key in (self.hmac, self.ed25519, self.reader, self.withdrawer)
        }

    def find(self, api_key: str | None) -> Key:
        """The key that a request names."""
        if not api_key:
            raise Refused(BAD_KEY_FORMAT, status=401)
        found = self._keys.get(api_key)
        if found is None:
            raise Refused(BAD_KEY, status=401)
        return found

    def add(self, key: Key) -> None:
        """The venue knows a key from now on."""
        self._keys[key.api_key] = key

    def revoke(self, key: Key) -> None:
        """The venue no longer knows a key."""
        self._keys.pop(key.api_key, None)

    def check(
        self,
        key: Key,
        payload: str,
        params: Mapping[str, str],
        *,
        now_ms: int,
        needs_trade: bool,
    ) -> None:
        """Lets a signed request pass, or raises `Refused`."""
        check_time(params, now_ms)
        signature = params.get("signature")
        if not signature:
            raise missing("signature")
        if not key.accepts(payload, signature):
            raise Refused(BAD_SIGNATURE)
        if needs_trade and not key.can_trade:
            raise Refused(BAD_KEY, status=401)


def check_time(params: Mapping[str, str], now_ms: int) -> None:
    """Whether a request arrives inside its window."""
    stamp, window = params.get("timestamp", ""), params.get("recvWindow", "")
    if not stamp.isdigit():
        raise missing("timestamp")
    window_ms = int(float(window)) if window else DEFAULT_WINDOW_MS
    if window_ms > MAX_WINDOW_MS:
        raise Refused(LONG_WINDOW)
    if int(stamp) >= now_ms + _LEAD_MS:
        raise Refused(EARLY)
    if now_ms - int(stamp) > window_ms:
        raise Refused(LATE)


def _text(rng: random.Random) -> str:
    return "".join(rng.choices(_ALPHABET, k=_LENGTH))


def _ed25519(rng: random.Random) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Key(api_key=_text(rng), secret=pem, ed25519=private)
