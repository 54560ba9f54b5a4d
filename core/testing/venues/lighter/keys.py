"""Lighter's keys, nonces and tokens, with a stand-in for its signature.

Lighter signs with Schnorr over ECgFp5, which only its native signer makes and nothing here can
check. In its place stands a signature of the same form (80 bytes) made of the key and every field
of the transaction by a hash: a wrong key or a changed field is refused as the venue would, but a
real signature is not checked at all. A venue with `accepts_native` takes any 80 bytes for one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SIGNATURE_BYTES: Final = 80
TOKEN_LIFE_S: Final = 8 * 3600
OUT_OF_ORDER: Final = 16
"""How far a nonce may be ahead of the next one."""


class Refused(Exception):
    """A request that Lighter answers with a number."""

    def __init__(self, code: int, text: str, *, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key of the account."""

    account_index: int
    api_key_index: int
    secret: str
    """Hexadecimal, 40 bytes."""


class StandInSigner:
    """What a client of a test signs with where the native signer is not at hand.

    Args:
        key: Whose signature.
    """

    def __init__(self, key: Key) -> None:
        self.key = key

    def sign(self, tx_info: Mapping[str, Any]) -> str:
        """`tx_info` as JSON with its `Sig`; the key's indexes are filled in."""
        full = {
            **tx_info,
            "AccountIndex": self.key.account_index,
            "ApiKeyIndex": self.key.api_key_index,
        }
        full["Sig"] = base64.b64encode(_digest(self.key, _canonical(full))).decode()
        return json.dumps(full)

    def token(self, expires_s: int) -> str:
        """An auth token that is good until a second of UTC."""
        text = f"{expires_s}:{self.key.account_index}:{self.key.api_key_index}"
        return f"{text}:{_digest(self.key, text).hex()}"


class KeyRing:
    """The account's key, and a stranger's.

    Args:
        rng: Makes them.
        accepts_native: Whether any 80 bytes pass for a signature of the native signer.
    """

    def __init__(self, rng: random.Random, *, accepts_native: bool) -> None:
        self.main = Key(account_index=1234, api_key_index=5, secret=rng.randbytes(40).hex())
        self.stranger = Key(account_index=1234, api_key_index=5, secret=rng.randbytes(40).hex())
        """Says that it is the account's, and is not."""
        self.next_nonce = 1
        self._accepts_native = accepts_native
        self._early: set[int] = set()
        """Nonces that came before their turn."""

    def check_transaction(self, info: Mapping[str, Any], now_ms: int) -> None:
        """Lets a transaction pass, and counts its nonce.

        Raises:
            Refused: For another account or key, a past deadline, a wrong signature or nonce.
        """
        if info["AccountIndex"] != self.main.account_index:
            raise Refused(21100, "account not found")
        if info["ApiKeyIndex"] != self.main.api_key_index:
            raise Refused(21109, "api key not found")
        if not 0 < now_ms <= int(info.get("ExpiredAt", now_ms)):
            raise Refused(21107, "transaction expired")
        self._check_signature(info)
        self._take(int(info["Nonce"]), skips=_skips(info))

    def check_token(self, token: str | None, now_ms: int) -> None:
        """Whether an auth token is good.

        Raises:
            Refused: If it is missing, malformed, over, of another account, or wrongly signed.
        """
        parts = (token or "").split(":")
        if len(parts) < 4 or not parts[0].isdigit():
            raise Refused(20013, "invalid auth: missing or malformed token")
        expires_s, now_s = int(parts[0]), now_ms // 1000
        if expires_s <= now_s:
            raise Refused(20013, "invalid auth: expired token")
        if expires_s > now_s + TOKEN_LIFE_S:
            raise Refused(20013, "invalid auth: token lives too long")
        text = ":".join(parts[:3])
        is_ours = parts[1:3] == [str(self.main.account_index), str(self.main.api_key_index)]
        is_signed = parts[-1] == _digest(self.main, text).hex()
        is_native = self._accepts_native and len(parts[-1]) == 2 * SIGNATURE_BYTES
        if not is_ours or not (is_signed or is_native):
            raise Refused(20013, "invalid auth: invalid signature")

    def _check_signature(self, info: Mapping[str, Any]) -> None:
        try:
            raw = base64.b64decode(str(info.get("Sig", "")), validate=True)
        except binascii.Error:
            raise Refused(21120, "invalid signature") from None
        if raw == _digest(self.main, _canonical(info)):
            return
        if not self._accepts_native or len(raw) != SIGNATURE_BYTES:
            raise Refused(21120, "invalid signature")

    def _take(self, nonce: int, *, skips: bool) -> None:
        if skips:
            if nonce < self.next_nonce:
                raise Refused(21104, "invalid nonce")
            self.next_nonce = nonce + 1
            return
        first = self.next_nonce
        if not first <= nonce < first + OUT_OF_ORDER or nonce in self._early:
            raise Refused(21104, "invalid nonce")
        self._early.add(nonce)
        while self.next_nonce in self._early:
            self._early.remove(self.next_nonce)
            self.next_nonce += 1


def _skips(info: Mapping[str, Any]) -> bool:
    """Attribute 4 lets a nonce skip others."""
    attributes = info.get("L2TxAttributes")
    return isinstance(attributes, dict) and attributes.get("4") == 1


def _canonical(info: Mapping[str, Any]) -> str:
    return json.dumps({name: info[name] for name in sorted(info) if name != "Sig"})


def _digest(key: Key, text: str) -> bytes:
    return hashlib.shake_256(f"{key.secret}|{text}".encode()).digest(SIGNATURE_BYTES)
