"""Signing Binance requests: HMAC-SHA256 or Ed25519 over the parameters.

Sources: developers.binance.com, Spot "Request Security" and USDⓈ-M "General Info: SIGNED Endpoint
Security", whose examples are the test vectors. REST signs the parameters in the order they are
sent, WebSocket requests sign them sorted by name.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.adapters.exchanges.ed25519 import sign_base64

_PLAIN: Final = re.compile(r"[\w.~-]*", re.ASCII)
"""Values that a query carries as they are."""


def hmac_signature(payload: str, secret: str) -> str:
    """HMAC-SHA256 of `payload` in hexadecimal."""
    return hmac.digest(secret.encode(), payload.encode(), "sha256").hex()


def signed_query(params: Mapping[str, str], key: str | Ed25519PrivateKey) -> str:
    """The query or body to send: the parameters in their order, then their signature.

    Args:
        params: With `timestamp` (ms) and, if wanted, `recvWindow`; values as they shall be sent.
        key: The secret of an HMAC key, or an Ed25519 key.
    """
    if _PLAIN.fullmatch("".join(params.values())):  # the rule: nothing has to be escaped
        payload = "&".join([f"{name}={value}" for name, value in params.items()])
    else:
        payload = urlencode(params)
    signature = _signature(payload, key)
    if not isinstance(key, str):
        signature = quote(signature, safe="")
    return f"{payload}&signature={signature}"


def signed_params(params: Mapping[str, str], key: str | Ed25519PrivateKey) -> dict[str, str]:
    """Parameters of a WebSocket request with their signature; `apiKey` must be among them."""
    payload = "&".join([f"{name}={value}" for name, value in sorted(params.items())])
    return {**params, "signature": _signature(payload, key)}


def _signature(payload: str, key: str | Ed25519PrivateKey) -> str:
    if isinstance(key, str):
        return hmac_signature(payload, key)
    return sign_base64(payload.encode(), key)
