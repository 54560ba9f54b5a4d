"""OKX's API keys: HMAC-SHA256 in base64 over time, method, path and body, and a passphrase."""

from __future__ import annotations

import hmac
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.adapters.exchanges.models import to_ns
from core.testing.venues.faults import Answer, Call
from core.testing.venues.okx.sign import signature

WINDOW_MS: Final = 30_000
"""How far the time of a request may be away from the venue's."""
_ALPHABET: Final = string.ascii_letters + string.digits
_VERIFY: Final = "/users/self/verify"


class Refused(Exception):
    """A request that OKX answers with a code of its list."""

    def __init__(self, code: int, text: str, *, status: int = 200) -> None:
        super().__init__(text)
        self.code = code
        self.status = status

    @property
    def answer(self) -> Answer:
        """Over HTTP."""
        return Answer({"code": str(self.code), "msg": str(self), "data": []}, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key."""

    api_key: str
    secret: str
    passphrase: str
    rights: str = "read_only,trade"


class KeyRing:
    """The account's keys.

    Args:
        rng: Makes them.
    """

    def __init__(self, rng: random.Random) -> None:
        self.main = _key(rng)
        self.reader = _key(rng, "read_only")
        """May read only."""
        self.withdrawer = _key(rng, "read_only,trade,withdraw")
        """May withdraw: a key that nobody should trade with."""
        self.stranger = _key(rng)
        """Nobody's."""
        self._keys = {key.api_key: key for key in (self.main, self.reader, self.withdrawer)}

    def revoke(self, key: Key) -> None:
        """The venue no longer knows a key."""
        self._keys.pop(key.api_key, None)

    def check(self, call: Call, now_ms: int, *, needs_trade: bool) -> Key:
        """The key of a signed request, or `Refused`."""
        given = call.headers
        name = given.get("ok-access-key", "")
        if not name:
            text = 'Request header "OK-ACCESS-KEY" can\'t be empty.'
            raise Refused(50103, text, status=401)
        key = self._keys.get(name)
        if key is None:
            raise Refused(50111, "Invalid OK-ACCESS-KEY", status=401)
        stamp = given.get("ok-access-timestamp", "")
        if abs(now_ms - _ms(stamp)) > WINDOW_MS:
            raise Refused(50102, "Timestamp request expired", status=401)
        if given.get("ok-access-passphrase") != key.passphrase:
            raise Refused(50105, 'Request header "OK-ACCESS-PASSPHRASE" incorrect.', status=401)
        path = f"{call.path}?{call.query}" if call.query else call.path
        right = signature(stamp, call.method, path, call.body.decode(), key.secret)
        if not hmac.compare_digest(right, given.get("ok-access-sign", "")):
            raise Refused(50113, "Invalid Sign", status=401)
        if needs_trade and "trade" not in key.rights:
            text = "This API key doesn't have permission to use this function"
            raise Refused(50120, text, status=401)
        return key

    def check_login(self, given: Mapping[str, object], now_ms: int) -> None:
        """Lets a socket in, or raises `Refused`."""
        key = self._keys.get(str(given.get("apiKey")))
        if key is None:
            raise Refused(60005, "Invalid apiKey")
        stamp = str(given.get("timestamp"))
        if not stamp.isdigit():
            raise Refused(60004, "Invalid timestamp")
        if abs(now_ms - int(stamp) * 1000) > WINDOW_MS:
            raise Refused(60006, "Timestamp request expired")
        if given.get("passphrase") != key.passphrase:
            raise Refused(60024, "Wrong passphrase")
        right = signature(stamp, "GET", _VERIFY, "", key.secret)
        if not hmac.compare_digest(right, str(given.get("sign"))):
            raise Refused(60007, "Invalid sign")


def _ms(stamp: str) -> int:
    try:
        at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(50112, "Invalid OK-ACCESS-TIMESTAMP", status=401) from None
    return to_ns(at) // 1_000_000


def _key(rng: random.Random, rights: str = "read_only,trade") -> Key:
    return Key(
        api_key="".join(rng.choices(_ALPHABET, k=36)),
        secret="".join(rng.choices(_ALPHABET, k=32)),
        passphrase="".join(rng.choices(_ALPHABET, k=12)),
        rights=rights,
    )
