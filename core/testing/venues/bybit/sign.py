"""Signing Bybit V5 requests: HMAC-SHA256 in hexadecimal over time, key, window and payload.

Source: bybit-exchange.github.io/docs/v5, "Integration Guidance: Authentication" and "WebSocket:
Connect".
"""

from __future__ import annotations

import hmac
from typing import Final

DEFAULT_WINDOW_MS: Final = 5000


def headers(
    *,
    api_key: str,
    secret: str,
    timestamp_ms: int,
    payload: str,
    window_ms: int = DEFAULT_WINDOW_MS,
) -> dict[str, str]:
    """The headers of a private request; `payload` is a GET query or a POST body, as sent."""
    text = f"{timestamp_ms}{api_key}{window_ms}{payload}"
    return {
        "X-BAPI-API-KEY": api_key,
        "X-BAPI-TIMESTAMP": str(timestamp_ms),
        "X-BAPI-RECV-WINDOW": str(window_ms),
        "X-BAPI-SIGN": _hex_mac(text, secret),
    }


def socket_auth(*, api_key: str, secret: str, expires_ms: int) -> list[str | int]:
    """The arguments of a socket's `auth`."""
    return [api_key, expires_ms, _hex_mac(f"GET/realtime{expires_ms}", secret)]


def _hex_mac(text: str, secret: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()
