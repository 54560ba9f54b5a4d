"""Redaction: registered values in every form, and whatever looks like a secret."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import pytest

from core.infrastructure.redaction import MASK, Redactor, redact

SECRET = "s3cr3t/+=two words?&x"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote_plus(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        base64.b64encode(b"us:" + SECRET.encode() + b"more").decode(),
        base64.urlsafe_b64encode(b"u" + SECRET.encode()).decode(),
    ],
)
def test_a_registered_secret_is_masked_in_every_form(form):
    """As it is, URL-encoded, in hex, and in base64 at any alignment."""
    redactor = Redactor()
    redactor.register(SECRET)

    masked = redactor.redact(f"before {form} after")

    assert MASK in masked
    assert form not in masked
    assert SECRET not in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")


def test_short_values_are_left_alone():
    """Masking a word of three letters would mask half the log."""
    redactor = Redactor()
    redactor.register("USD")

    assert redactor.redact("BTC-USD") == "BTC-USD"


@pytest.mark.parametrize(
    "text, hidden",
    [
        (
            "POST https://x/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/send",
            "AAHdq",
        ),
        (
            "headers={'X-MBX-APIKEY': 'vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6ut'}",
            "vmPU",
        ),
        ("GET /order?symbol=BTC&signature=c8db56825ae71d6d79447849e617115f&t=1", "c8db"),
        ("key " + "9f" * 32 + " leaked", "9f9f"),
        ("0x" + "AB" * 32, "ABAB"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "eyJh"),
        ('{"apiKey": "abcdef", "secret": "ghijkl"}', "ghijkl"),
        ("password=hunter2", "hunter2"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----", "MHcC"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text, hidden):
    """Keys, signatures and tokens are masked by their shape, whoever wrote them."""
    assert hidden not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "order.filled venue=paper symbol=BTC-USDC-PERP client_order_id=cab12x9f3E7 price=118000.5",
        "robot 5 placed 64 orders",
        "hash 9f9f9f9f short",
    ],
)
def test_ordinary_lines_are_unchanged(text):
    """A line without a secret is written as it is."""
    assert redact(text) == text
