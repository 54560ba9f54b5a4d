"""Secrets leave nowhere: known values and shapes of secrets are masked in any text.

Whoever reads a secret registers it; every sink (log, screen, notice, error body) passes its text
through `redact`. Registered values are found as they are, URL-encoded, in base64 and in hex.
"""

from __future__ import annotations

import base64
import re
import threading
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
_SHORTEST = 6
"""A shorter value would mask ordinary words."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # bot123456:AA… in the path of a Telegram request
    (re.compile(r"\bbot\d{4,}:[A-Za-z0-9_-]+", re.IGNORECASE), f"bot{MASK}"),
    # headers and fields that carry a key, a signature or a token, with their values
    (
        re.compile(
            r"""(?ix) (?P<name>
                x-mbx-apikey | access-key | access-sign | api-?key | authorization | signature
                | private_?key | api_key | api_?secret | secret_?key | secret | passphrase
                | password | passwd | mnemonic | (?:access_|auth_|bot_)?token
            ) (?P<sep> ["']? \s* [=:] \s* ["']? (?:bearer\s+|basic\s+)? )
            (?P<value> (?!\[redacted\]) [^\s"'&,;)\]}]+ )""",
        ),
        rf"\g<name>\g<sep>{MASK}",
    ),
    # private keys, seeds and signatures in hex
    (re.compile(r"(?<![0-9A-Za-z])(?:0x)?[0-9a-fA-F]{64,}(?![0-9A-Za-z])"), MASK),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL),
        MASK,
    ),
)
_HINT = re.compile(
    r"bot\d{4}|[0-9a-fA-F]{64}|PRIVATE KEY|apikey|api-?key|api_key|access|authorization|signature"
    r"|private|secret|pass|mnemonic|token",
    re.IGNORECASE,
)
"""A cheap look that lets the many lines without any of it pass at once."""


class Redactor:
    """Masks registered secret values and whatever looks like one. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None

    def register(self, value: str) -> None:
        """Masks `value` and its encoded forms from now on; values under six characters are left."""
        if len(value) < _SHORTEST:
            return
        with self._lock:
            self._forms |= _forms(value)
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._known = re.compile("|".join(map(re.escape, longest_first)))

    def has_known(self, text: str) -> bool:
        """Whether a registered value stands in `text`, in any of its forms."""
        return self._known is not None and self._known.search(text) is not None

    def redact(self, text: str) -> str:
        """`text` with secrets masked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if _HINT.search(text):
            for pattern, replacement in _PATTERNS:
                text = pattern.sub(replacement, text)
        return text


REDACTOR = Redactor()
"""The process has one, because a secret is one wherever it turns up."""


def register_secret(value: str) -> None:
    """Masks a secret value in every sink of this process from now on."""
    REDACTOR.register(value)


def redact(text: str) -> str:
    """`text` with registered secrets, and whatever looks like one, masked."""
    return REDACTOR.redact(text)


def _forms(value: str) -> frozenset[str]:
    raw = value.encode("utf-8", "surrogatepass")
    forms = {value, quote(value, safe=""), quote_plus(value), quote(value), raw.hex()}
    # Base64 of a longer text that contains the value shows one of three alignments; the first
    # and last characters mix with the neighbours and are cut away.
    for lead in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * lead + raw).decode().rstrip("=")
            start = 0 if lead == 0 else lead + 1
            end = len(text) - (1 if (lead + len(raw)) % 3 else 0)
            forms.add(text[start:end])
    return frozenset(form for form in forms if len(form) >= _SHORTEST)
