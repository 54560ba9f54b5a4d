"""No secret stands in a YAML file or on a command line."""

from __future__ import annotations

import re

from core.errors import ConfigError
from core.infrastructure.yaml_document import Document, KeyPath, Value

WHERE_SECRETS_BELONG = (
    "Secrets belong in the environment or in a file that only you can read (mode 0600), "
    "never in YAML or on a command line. If this file was shared, replace the key."
)
_NAMES = (
    "api_key",
    "apikey",
    "api_secret",
    "access_key",
    "agent_key",
    "auth_token",
    "bot_token",
    "access_token",
    "credentials",
    "mnemonic",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "privatekey",
    "secret",
    "secret_key",
    "seed_phrase",
    "signing_key",
    "token",
    "wallet_key",
)
_HEX_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")


def is_secret_name(name: str) -> bool:
    """Whether a key is named like a secret: `api_key`, `telegram-bot-token`, `walletPrivateKey`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    return words in _NAMES or words.endswith(tuple(f"_{known}" for known in _NAMES))


def refuse_secrets(document: Document) -> None:
    """Refuses a document that holds a secret; its value is not repeated.

    Raises:
        ConfigError: Naming the key and where secrets belong.
    """
    _look(document, document.data, ())


def _look(document: Document, value: Value, path: KeyPath) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if is_secret_name(key) and inner not in (None, "", {}, []):
                message = "is named like a secret and has a value."
                raise document.error(message, (*path, key), remedy=WHERE_SECRETS_BELONG)
            _look(document, inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _look(document, inner, (*path, index))
    elif isinstance(value, str) and _HEX_KEY.fullmatch(value.strip()):
        raise document.error("looks like a private key.", path, remedy=WHERE_SECRETS_BELONG)


def refuse_secret_argument(text: str) -> None:
    """Refuses a command-line argument that looks like a private key.

    Raises:
        ConfigError: Without repeating the argument.
    """
    if _HEX_KEY.fullmatch(text.strip()):
        message = "an argument looks like a private key."
        raise ConfigError(message, source="arguments", remedy=WHERE_SECRETS_BELONG)
