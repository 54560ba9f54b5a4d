"""Signing Binance requests: HMAC-SHA256 or Ed25519 over the parameters.

Sources: developers.binance.com, Spot "Request Security" and USDⓈ-M "General Info: SIGNED Endpoint
Security", whose examples are the test vectors. REST signs the parameters in the order they are
sent, WebSocket requests sign them sorted by name.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.adapters.exchanges.ed25519 import sign_base64


def hmac_signature(payload: str, secret: str) -> str:
    """HMAC-SHA256 of `payload` in hexadecimal."""
    return hmac.digest(secret.encode(), payload.encode(), "sha256").hex()


def signed_query(params: Mapping[str, str], key: str | Ed25519PrivateKey) -> str:
    """The query or body to send: the parameters in their order, then their signature.

    Args:
        params: With `timestamp` (ms) and, if wanted, `recvWindow`; values as they shall be sent.
        key: The secret of an HMAC key, or an Ed25519 key.
    """
    payload = urlencode(params)
    return f"{payload}&signature={quote(_signature(payload, key), safe='')}"


def signed_params(params: Mapping[str, str], key: str | Ed25519PrivateKey) -> dict[str, str]:
    """Parameters of a WebSocket request with their signature; `apiKey` must be among them."""
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return {**params, "signature": _signature(payload, key)}


def _signature(payload: str, key: str | Ed25519PrivateKey) -> str:
    if isinstance(key, str):
        return hmac_signature(payload, key)
    return sign_base64(payload.encode(), key)
