"""Text that others wrote, made fit to be kept and shown.

A venue's words, a symbol, a file's value: before they reach a log, the journal, a screen or a
terminal they are one line, without control characters, terminal sequences and direction marks
(which could forge a line or hide one), and without secrets (which an error may repeat).
"""

from __future__ import annotations

import re

from core.infrastructure.redaction import redact

_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x1f\x7f-\x9f]"
)
_BIDI = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_LONGEST = 4_000


def clean(text: str) -> str:
    """`text` on one line, without control characters, terminal sequences and direction marks."""
    return _BIDI.sub("\N{REPLACEMENT CHARACTER}", _CONTROL.sub(_visible, text))


def clean_lines(text: str) -> str:
    """`text` whose lines stay lines, each of them cleaned."""
    return "\n".join(line if line.isprintable() else clean(line) for line in text.split("\n"))


def tame(text: str, limit: int = _LONGEST) -> str:
    """`text` cleaned, with secrets masked, of at most `limit` characters.

    Secrets are masked before it is cut, so that no half of one is left at the edge.
    """
    tamed = redact(clean(text[: 2 * max(limit, _LONGEST)]))
    return tamed if len(tamed) <= limit else tamed[: limit - 1] + "…"


def _visible(found: re.Match[str]) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": " "}.get(found.group(), "")
