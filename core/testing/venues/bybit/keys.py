"""Bybit's API keys: HMAC-SHA256 in hexadecimal over time, key, window and what was sent."""

from __future__ import annotations

import hmac
import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.testing.venues.bybit.sign import DEFAULT_WINDOW_MS, headers, socket_auth
from core.testing.venues.faults import Answer, Call

_LEAD_MS: Final = 1000
_ALPHABET: Final = string.ascii_letters + string.digits
_TRADES: Final[Mapping[str, list[str]]] = {
    "ContractTrade": ["Order", "Position"],
    "Spot": ["SpotTrade"],
    "Wallet": ["AccountTransfer"],
}
_READS: Final[Mapping[str, list[str]]] = {"ContractTrade": [], "Spot": [], "Wallet": []}
_WITHDRAWS: Final[Mapping[str, list[str]]] = {**_TRADES, "Wallet": ["AccountTransfer", "Withdraw"]}


class Refused(Exception):
    """A request that Bybit answers with a `retCode`."""

    def __init__(self, code: int, text: str, *, status: int = 200) -> None:
        super().__init__(text)
        self.code = code
        self.status = status

    def answer(self, now_ms: int) -> Answer:
        """Over HTTP."""
        body = {
            "retCode": self.code,
            "retMsg": str(self),
            "result": {},
            "retExtInfo": {},
            "time": now_ms,
        }
        return Answer(body, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key."""

    api_key: str
    secret: str
    rights: Mapping[str, list[str]]

    @property
    def can_trade(self) -> bool:
        """Whether it may place orders."""
        return "Order" in self.rights["ContractTrade"]


class KeyRing:
    """The account's keys.

    Args:
        rng: Makes them.
    """

    def __init__(self, rng: random.Random) -> None:
        self.main = _key(rng, _TRADES)
        self.reader = _key(rng, _READS)
        """May read only."""
        self.withdrawer = _key(rng, _WITHDRAWS)
        """May withdraw: a key that nobody should trade with."""
        self.stranger = _key(rng, _TRADES)
        """Nobody's."""
        self._keys = {key.api_key: key for key in (self.main, self.reader, self.withdrawer)}

    def revoke(self, key: Key) -> None:
        """The venue no longer knows a key."""
        self._keys.pop(key.api_key, None)

    def check(self, call: Call, now_ms: int, *, needs_trade: bool) -> Key:
        """The key of a signed request, or `Refused`."""
        given = call.headers
        key = self._keys.get(given.get("x-bapi-api-key", ""))
        if key is None:
            raise Refused(10003, "API key is invalid.")
        stamp, window = given.get("x-bapi-timestamp", ""), given.get("x-bapi-recv-window", "")
        window_ms = int(window) if window.isdigit() else DEFAULT_WINDOW_MS
        if not stamp.isdigit() or not now_ms - window_ms <= int(stamp) < now_ms + _LEAD_MS:
            text = (
                "invalid request, please check your server timestamp or recv_window param."
                f" req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window_ms}]"
            )
            raise Refused(10002, text)
        right = headers(
            api_key=key.api_key,
            secret=key.secret,
            timestamp_ms=int(stamp),
            payload=call.query if call.method == "GET" else call.body.decode(),
            window_ms=window_ms,
        )
        if not hmac.compare_digest(right["X-BAPI-SIGN"], given.get("x-bapi-sign", "")):
            raise Refused(10004, "error sign! origin_string[***]")
        if needs_trade and not key.can_trade:
            raise Refused(10005, "Permission denied, please check your API key permissions.")
        return key

    def check_socket(self, given: Sequence[object], now_ms: int) -> None:
        """Lets a socket in, or raises `Refused`."""
        if len(given) != 3:
            raise Refused(10001, "Params Error")
        name, expires, signature = (str(part) for part in given)
        key = self._keys.get(name)
        if key is None:
            raise Refused(10003, "API key is invalid.")
        if not expires.isdigit() or int(expires) <= now_ms:
            raise Refused(10005, "Request expired.")
        right = socket_auth(api_key=key.api_key, secret=key.secret, expires_ms=int(expires))
        if not hmac.compare_digest(str(right[2]), signature):
            raise Refused(10004, "Error sign.")


def _key(rng: random.Random, rights: Mapping[str, list[str]]) -> Key:
    return Key(
        api_key="".join(rng.choices(_ALPHABET, k=18)),
        secret="".join(rng.choices(_ALPHABET, k=36)),
        rights=rights,
    )
