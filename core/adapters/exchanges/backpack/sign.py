"""Signing Backpack requests: Ed25519 over the instruction and the sorted parameters.

Source: docs.backpack.exchange, "Authentication". The text that is signed is
`instruction=<name>&<parameters sorted by name>&timestamp=<ms>&window=<ms>`, parameters as they are
sent, flags in lower case; a batch of orders repeats instruction and parameters for each order. The
API key is the public key in base64, the secret is the seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.adapters.exchanges.ed25519 import sign_base64

DEFAULT_WINDOW_MS: Final = 5000
MAX_WINDOW_MS: Final = 60_000

Value = str | int | bool


def signing_text(
    instruction: str, batches: Sequence[Mapping[str, Value]], timestamp_ms: int, window_ms: int
) -> str:
    """The text that is signed; one batch for an ordinary request, one an order for many."""
    parts = []
    for params in batches:
        parts.append(f"instruction={instruction}")
        parts.extend(f"{name}={_text(params[name])}" for name in sorted(params))
    return "&".join([*parts, f"timestamp={timestamp_ms}", f"window={window_ms}"])


def headers(
    instruction: str,
    batches: Sequence[Mapping[str, Value]],
    *,
    api_key: str,
    key: Ed25519PrivateKey,
    timestamp_ms: int,
    window_ms: int = DEFAULT_WINDOW_MS,
) -> dict[str, str]:
    """The headers of a signed request; `batches` as for `signing_text`."""
    text = signing_text(instruction, batches, timestamp_ms, window_ms)
    return {
        "X-API-Key": api_key,
        "X-Signature": sign_base64(text.encode(), key),
        "X-Timestamp": str(timestamp_ms),
        "X-Window": str(window_ms),
    }


def subscription(
    *,
    api_key: str,
    key: Ed25519PrivateKey,
    timestamp_ms: int,
    window_ms: int = DEFAULT_WINDOW_MS,
) -> list[str]:
    """The `signature` field of a subscription to private streams."""
    text = signing_text("subscribe", [{}], timestamp_ms, window_ms)
    return [api_key, sign_base64(text.encode(), key), str(timestamp_ms), str(window_ms)]


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
