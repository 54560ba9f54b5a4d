"""edgeX's two signatures: HMAC on every private request, EIP-712 under each order.

The order's text is built here from what the request says, and the signer's address recovered from
the signature; it must be the account's trading key. Nothing of the sending side is used but hashes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from coincurve import PublicKey

from core.adapters.exchanges.edgex.sign import canonical
from core.adapters.exchanges.ethereum import (
    address_of,
    address_word,
    domain_separator,
    keccak256,
    private_key,
    typed_digest,
    word,
)
from core.testing.venues.edgex.contracts import (
    CHAIN_ID,
    COLLATERAL_ID,
    COLLATERAL_RESOLUTION,
    RESOLUTION,
    VERIFYING,
    Contract,
)

WINDOW_MS: Final = 60_000
_BASE: Final = (
    b"OrderBase(uint256 nonce,address signer,uint64 accountId,uint256 expirationTimestamp)"
)
_PARAMS: Final = (
    b"LimitOrderParams(OrderBase base,int256 amountSynthetic,int256 amountCollateral,"
    b"uint256 amountFee,uint64 assetIdSynthetic,uint64 assetIdCollateral,bool isBuyingSynthetic,"
    b"bytes32 parentOrderHash,uint256 subOrderIndex)"
)


class Refused(Exception):
    """A request that edgeX answers with a code other than SUCCESS."""

    def __init__(self, code: str, text: str, *, status: int = 200) -> None:
        super().__init__(text)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a client of the account knows."""

    account_id: int
    api_key: str
    passphrase: str
    secret: str
    trading_secret: str
    """Hexadecimal; signs orders."""
    trading_address: str


class KeyRing:
    """The account's key, and a stranger's.

    Args:
        rng: Makes them.
    """

    def __init__(self, rng: random.Random) -> None:
        self.main = _key(rng, 543_429_922_991_899_150)
        self.stranger = _key(rng, 543_429_922_991_899_151)
        """Nobody's."""

    def check(
        self, method: str, path: str, text: str, headers: Mapping[str, str], now_ms: int
    ) -> None:
        """Lets a private request pass.

        Args:
            method: HTTP verb.
            path: Without the query.
            text: Query or body, sorted.
            headers: Names in lower case.
            now_ms: The venue's clock.

        Raises:
            Refused: For another key, another time, or another signature.
        """
        key = self.main
        if (
            headers.get("x-edgex-api-key") != key.api_key
            or headers.get("x-edgex-passphrase") != key.passphrase
        ):
            raise Refused("INVALID_API_KEY", "api key is invalid", status=401)
        stamp = headers.get("x-edgex-timestamp") or headers.get("x-edgex-api-timestamp", "")
        if not stamp.isdigit() or abs(now_ms - int(stamp)) > WINDOW_MS:
            raise Refused("INVALID_TIMESTAMP", "timestamp is out of range", status=401)
        message = f"{stamp}{method}{path}{text}"
        secret = base64.b64encode(key.secret.encode())
        expected = hmac.digest(secret, message.encode(), "sha256").hex()
        given = headers.get("x-edgex-signature") or headers.get("x-edgex-api-signature", "")
        if not hmac.compare_digest(expected, given):
            raise Refused("INVALID_SIGNATURE", "signature is invalid", status=401)

    def check_order(self, body: Mapping[str, Any], contract: Contract) -> None:
        """Whether an order's own signature is the trading key's, and its nonce the client id's."""
        nonce = int(body["l2Nonce"])
        digest = hashlib.sha256(str(body["clientOrderId"]).encode()).digest()
        if nonce != int.from_bytes(digest[:4], "big"):
            raise Refused("INVALID_L2_NONCE", "l2Nonce is not that of the client order id")
        try:
            raw = bytes.fromhex(str(body["l2Signature"]).removeprefix("0x"))
            if len(raw) != 65:
                raise ValueError  # noqa: TRY301 # one answer for every way to be no signature
            recoverable = raw[:64] + bytes([raw[64] - 27])
            public = PublicKey.from_signature_and_message(
                recoverable, self._digest(body, contract), hasher=None
            )
        except ValueError:
            raise Refused("INVALID_L2_SIGNATURE", "l2Signature is malformed") from None
        signer = "0x" + keccak256(public.format(compressed=False)[1:])[-20:].hex()
        if signer != self.main.trading_address:
            raise Refused("INVALID_L2_SIGNATURE", f"l2Signature is of {signer}")

    def _digest(self, body: Mapping[str, Any], contract: Contract) -> bytes:
        base = keccak256(
            keccak256(_BASE)
            + word(int(body["l2Nonce"]))
            + address_word(self.main.trading_address)
            + word(int(body["accountId"]))
            + word(int(body["expireTime"]) // 1000)
        )
        struct = keccak256(
            keccak256(_PARAMS + _BASE)
            + base
            + word(int(Decimal(str(body["l2Size"])) * RESOLUTION))
            + word(int(Decimal(str(body["l2Value"])) * COLLATERAL_RESOLUTION))
            + word(int(Decimal(str(body["l2LimitFee"])) * COLLATERAL_RESOLUTION))
            + word(contract.number)
            + word(COLLATERAL_ID)
            + word(int(body["side"] == "BUY"))
            + word(0)
            + word(0)
        )
        return typed_digest(domain_separator("EdgeX", "1", CHAIN_ID, VERIFYING), struct)


def signed_text(params: Mapping[str, Any]) -> str:
    """What is signed of a query or a body."""
    return canonical(dict(params)) if params else ""


def _key(rng: random.Random, account_id: int) -> Key:
    trading = "0x" + rng.randbytes(32).hex()
    return Key(
        account_id=account_id,
        api_key=rng.randbytes(16).hex(),
        passphrase=rng.randbytes(8).hex(),
        secret=rng.randbytes(24).hex(),
        trading_secret=trading,
        trading_address=address_of(private_key(trading)),
    )
