"""edgeX's refusals, by what they prove about an order: next to nothing.

Answers carry `{"code", "msg", "errorParam"}` under HTTP 200; `SUCCESS` is the only code that the
documentation names, and no list of the others is published. So no code proves that an order was
refused: it stays UNKNOWN and is asked for by its client order id, which costs a question and never
a doubled order. Codes that live use has proved definite belong into a table here.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, by_words, refusal
from core.errors import VenueError

_WORDS: Final = {
    "DUPLICATE": Meaning.DUPLICATE,
    "ALREADY_EXIST": Meaning.DUPLICATE,
    "INSUFFICIENT": Meaning.FUNDS,
    "NOT_ENOUGH": Meaning.FUNDS,
    "SPOT_SHORT": Meaning.FUNDS,
    "INVALID": Meaning.REJECTED,
    "POST_ONLY": Meaning.REJECTED,
    "REDUCE_ONLY": Meaning.REJECTED,
    "LIMIT": Meaning.REJECTED,
    "MIN_": Meaning.REJECTED,
    "NOT_ALLOWED": Meaning.REJECTED,
    "NOT_FOUND": Meaning.REJECTED,
    "NO_MARKET": Meaning.REJECTED,
}
"""What a code's own words say. No list of the venue's codes is published, so this alone proves
nothing: it counts together with a question that finds no such order (`refused_by_words`)."""


def refused_by_words(code: str | None, words: str) -> VenueError | None:
    """The refusal that a code's words speak of; None where they speak of none.

    Args:
        code: Of the venue's envelope; an HTTP status does not count.
        words: The venue's own.
    """
    if code is None or code.isdigit():
        return None
    meaning = by_words(code, _WORDS)
    if meaning is None:
        return None
    return refusal("edgex", meaning, code=code, words=words, is_order=True)


def error_of(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The error that an answer stands for; None for success.

    Args:
        status: HTTP status.
        body: The decoded body; None when it could not be decoded.
        is_order: Whether the request could change orders.
        retry_after_s: The `Retry-After` header.
    """
    code = body.get("code") if isinstance(body, dict) else None
    if code == "SUCCESS" and 200 <= status < 300:
        return None
    words = body.get("msg") if isinstance(body, dict) else None
    return refusal(
        "edgex",
        by_status(status),
        code=code if isinstance(code, str) else str(status),
        words=words if isinstance(words, str) and words else str(code or f"HTTP {status}"),
        is_order=is_order,
        retry_after_s=retry_after_s,
    )
