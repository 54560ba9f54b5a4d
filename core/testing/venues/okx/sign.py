"""Signing OKX requests: HMAC-SHA256 in base64 over time, method, path and body.

Source: okx.com/docs-v5, "REST authentication" and "WebSocket: Login".
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from core.adapters.exchanges.models import to_ns


def signature(timestamp: str, method: str, path: str, body: str, secret: str) -> str:
    """The signature; `path` holds the query of a GET, `body` the text of a POST."""
    text = f"{timestamp}{method}{path}{body}"
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


def headers(
    *, api_key: str, passphrase: str, secret: str, at: datetime, method: str, path: str, body: str
) -> dict[str, str]:
    """The headers of a private request."""
    timestamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return {
        "OK-ACCESS-KEY": api_key,
        "OK-ACCESS-SIGN": signature(timestamp, method, path, body, secret),
        "OK-ACCESS-TIMESTAMP": timestamp,
        "OK-ACCESS-PASSPHRASE": passphrase,
    }


def login(*, api_key: str, passphrase: str, secret: str, at: datetime) -> dict[str, str]:
    """The argument of a socket's `login`."""
    timestamp = str(to_ns(at) // 1_000_000_000)
    return {
        "apiKey": api_key,
        "passphrase": passphrase,
        "timestamp": timestamp,
        "sign": signature(timestamp, "GET", "/users/self/verify", "", secret),
    }
