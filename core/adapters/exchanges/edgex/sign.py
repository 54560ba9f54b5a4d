"""Signing for edgeX V2: HMAC for every private request, EIP-712 for an order itself.

Sources: edgeX documentation, API V2, "Authentication", and edgex-python-sdk 2.0.1, to which both
signatures are equal byte for byte. The HMAC's key is the base64 of the secret's text. The order's
nonce is the first 32 bits of the SHA-256 of its client order id, so one id is one nonce.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from coincurve import PrivateKey

from core.adapters.exchanges.edgex.instruments import Contract
from core.adapters.exchanges.ethereum import (
    Signature,
    address_of,
    address_word,
    domain_separator,
    keccak256,
    sign_digest,
    typed_digest,
    word,
)
from core.adapters.exchanges.models import OrderSide

L2_EXPIRY_MARGIN_MS: Final = 8 * 24 * 3600 * 1000
"""How much longer the signature lives than the order."""

_BASE: Final = (
    b"OrderBase(uint256 nonce,address signer,uint64 accountId,uint256 expirationTimestamp)"
)
_ORDER: Final = (
    b"LimitOrderParams(OrderBase base,int256 amountSynthetic,int256 amountCollateral,"
    b"uint256 amountFee,uint64 assetIdSynthetic,uint64 assetIdCollateral,bool isBuyingSynthetic,"
    b"bytes32 parentOrderHash,uint256 subOrderIndex)"
)
_BASE_TYPE: Final = keccak256(_BASE)
_ORDER_TYPE: Final = keccak256(_ORDER + _BASE)

Value = str | int | bool | list["Value"] | dict[str, "Value"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """What an order's signature binds, in the venue's units."""

    account_id: int
    client_order_id: str
    side: OrderSide
    amount: Decimal
    """Base units."""
    price: Decimal
    """The limit, or the worst price of a market order."""
    expires_at_ms: int
    """When the order ends; its signature lives eight days longer."""

    @property
    def value(self) -> Decimal:
        """Amount times price, as `l2Value`."""
        return self.amount * self.price

    @property
    def nonce(self) -> int:
        """`l2Nonce`: the first 32 bits of the SHA-256 of the client order id."""
        digest = hashlib.sha256(self.client_order_id.encode()).digest()
        return int.from_bytes(digest[:4], "big")

    def limit_fee(self, contract: Contract) -> Decimal:
        """`l2LimitFee`: the dearest fee, rounded up to whole coins."""
        return (self.value * contract.max_fee_rate).to_integral_value(ROUND_CEILING)


def sign_order(
    terms: OrderTerms, contract: Contract, key: PrivateKey, *, chain_id: int, verifying: str
) -> Signature:
    """The `l2Signature` of an order.

    Args:
        terms: The order.
        contract: From `instruments.parse_metadata`.
        key: The trading key.
        chain_id: Of the metadata.
        verifying: The verifying contract's address, of the metadata.
    """
    base = keccak256(
        _BASE_TYPE
        + word(terms.nonce)
        + address_word(address_of(key))
        + word(terms.account_id)
        + word(terms.expires_at_ms // 1000)
    )
    struct_hash = keccak256(
        _ORDER_TYPE
        + base
        + word(int(terms.amount * contract.resolution))
        + word(int(terms.value * contract.collateral_resolution))
        + word(int(terms.limit_fee(contract) * contract.collateral_resolution))
        + word(contract.contract_id)
        + word(contract.collateral_id)
        + word(int(terms.side is OrderSide.BUY))
        + word(0)
        + word(0)
    )
    domain = domain_separator("EdgeX", "1", chain_id, verifying)
    return sign_digest(typed_digest(domain, struct_hash), key)


def headers(
    *,
    api_key: str,
    passphrase: str,
    secret: str,
    timestamp_ms: int,
    method: str,
    path: str,
    params: Mapping[str, Value] | None = None,
) -> dict[str, str]:
    """The headers of a private request.

    Args:
        api_key: The key.
        passphrase: Its passphrase.
        secret: Its secret, as text.
        timestamp_ms: Within sixty seconds of the venue's clock.
        method: `GET` or `POST`.
        path: From `/api` on, without the query.
        params: The query of a GET, the body of a POST.
    """
    text = f"{timestamp_ms}{method}{path}{canonical(dict(params) if params else None)}"
    mac = hmac.digest(base64.b64encode(secret.encode()), text.encode(), "sha256")
    return {
        "X-edgeX-Api-Key": api_key,
        "X-edgeX-Passphrase": passphrase,
        "X-edgeX-Signature": mac.hex(),
        "X-edgeX-Timestamp": str(timestamp_ms),
    }


def canonical(value: Value) -> str:
    """The text of parameters that is signed: sorted `k=v`, lists joined, null empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "&".join(canonical(item) for item in value)
    if isinstance(value, dict):
        return "&".join(f"{name}={canonical(value[name])}" for name in sorted(value))
    return str(value)
