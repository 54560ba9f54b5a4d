"""Secrets in YAML and in arguments are refused and never repeated."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.infrastructure.secret_keys import is_secret_name, refuse_secret_argument, refuse_secrets
from core.infrastructure.yaml_document import parse_yaml


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "API-SECRET",
        "privateKey",
        "lighter_private_key",
        "bot-token",
        "mnemonic",
    ],
)
def test_names_of_secrets_are_known_in_any_spelling(name):
    """Snake, kebab and camel case are the same."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["api_key_env", "symbol", "tokens", "monkey", "fee_asset", "seed"])
def test_other_names_are_not_secrets(name):
    """Words that only sound alike are let through."""
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "grid:\n  telegram:\n    bot_token: hunter2hunter2\n",
        "grid:\n  - api_key: [hunter2hunter2]\n",
        "grid:\n  note: 0x" + "ab" * 32 + "\n",
    ],
)
def test_a_secret_in_yaml_is_refused_and_not_repeated(text):
    """The error names the key and where secrets belong, without the value."""
    with pytest.raises(ConfigError) as caught:
        refuse_secrets(parse_yaml(text, "grid.yaml"))

    error = str(caught.value)
    assert error.startswith("grid.yaml:")
    assert "never in YAML" in error
    assert "hunter2" not in error
    assert "abab" not in error


def test_an_empty_secret_is_no_secret():
    """A key without a value gives nothing away; whether it is known is another question."""
    refuse_secrets(parse_yaml("api_key:\ntoken: ''\n"))


def test_a_private_key_as_argument_is_refused():
    """Arguments can be read by every user of the machine."""
    with pytest.raises(ConfigError, match="looks like a private key"):
        refuse_secret_argument("ab" * 32)
    refuse_secret_argument("config/grid/lighter-long-btc.yaml")
