"""Ed25519 signatures, as far as venues want them."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import AuthError


def key_from_seed(text: str) -> Ed25519PrivateKey:
    """The key of a base64 seed of 32 bytes.

    Raises:
        AuthError: If it is none; the message does not repeat it.
    """
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise AuthError("the secret is no base64 Ed25519 seed of 32 bytes") from None


def key_from_pem(text: str) -> Ed25519PrivateKey:
    """The key of an unencrypted PKCS#8 PEM.

    Raises:
        AuthError: If it is none; the message does not repeat it.
    """
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuthError("the secret is no unencrypted Ed25519 key in PEM")
    return key


def sign_base64(message: bytes, key: Ed25519PrivateKey) -> str:
    """The signature in base64."""
    return base64.b64encode(key.sign(message)).decode()
