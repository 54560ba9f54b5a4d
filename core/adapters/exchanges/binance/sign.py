"""Signing Binance requests: HMAC-SHA256 or Ed25519 over the parameters.

Sources: developers.binance.com, Spot "Request Security" and USDⓈ-M "General Info: SIGNED Endpoint
Security", whose examples are the test vectors. REST signs the parameters in the order they are
sent, WebSocket requests sign them sorted by name.
"""

from __future__ import annotations

import hashlib
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
    return HmacKey(secret).sign(payload)


class HmacKey:
    """A secret ready to sign.

    Its own part is hashed once: setting up an HMAC anew for each order takes longer than the rest
    of signing it, where nothing of it is left in the processor's memory.
    """

    def __init__(self, secret: str) -> None:
        self._begun = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, payload: str) -> str:
        """HMAC-SHA256 in hexadecimal."""
        code = self._begun.copy()
        code.update(payload.encode())
        return code.hexdigest()


SigningKey = HmacKey | Ed25519PrivateKey


def signed_query(params: Mapping[str, str], key: SigningKey) -> str:
    """The query or body to send: the parameters in their order, then their signature.

    Args:
        params: With `timestamp` (ms) and, if wanted, `recvWindow`; values as they shall be sent.
        key: What signs.
    """
    if _PLAIN.fullmatch("".join(params.values())):  # the rule: nothing has to be escaped
        payload = "&".join(map("=".join, params.items()))
    else:
        payload = urlencode(params)
    if isinstance(key, HmacKey):
        return f"{payload}&signature={key.sign(payload)}"
    return f"{payload}&signature={quote(sign_base64(payload.encode(), key), safe='')}"


def signed_params(params: Mapping[str, str], key: SigningKey) -> dict[str, str]:
    """Parameters of a WebSocket request with their signature; `apiKey` must be among them."""
    payload = "&".join(map("=".join, sorted(params.items())))
    if isinstance(key, HmacKey):
        return {**params, "signature": key.sign(payload)}
    return {**params, "signature": sign_base64(payload.encode(), key)}
