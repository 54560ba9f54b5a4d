"""Lighter's error codes, by what they prove about an order.

Answers carry `{"code", "message"}`, frames `{"error": {"code", "message"}}` without an id. 20xxx
say that a request was malformed, 21xxx that the sequencer refused a transaction, 23000 and 29500
that it was limited or failed inside. Sources: apidocs.lighter.xyz, "Data structures: error codes";
the numbers also stand in ccxt 4.5.90 (`lighter.py`, exceptions). 21104 (a bad nonce) is not
definite: a transaction may have been accepted under that nonce before.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, refusal
from core.errors import VenueError

CODES: Final[dict[int, Meaning]] = {
    20001: Meaning.REJECTED,  # invalid parameter
    20013: Meaning.AUTH,  # invalid auth
    21100: Meaning.REJECTED,  # account not found
    21101: Meaning.UNKNOWN,  # account invalid nonce
    21102: Meaning.FUNDS,  # invalid account balance
    21104: Meaning.UNKNOWN,  # invalid nonce
    21109: Meaning.AUTH,  # api key not found
    21120: Meaning.AUTH,  # invalid signature
    21149: Meaning.AUTH,  # integrator not approved
    21506: Meaning.LIMITED,  # too many pending transactions
    21507: Meaning.FUNDS,  # below maintenance margin
    21508: Meaning.FUNDS,  # below initial margin
    21600: Meaning.NOT_FOUND,  # not an active limit order
    21601: Meaning.REJECTED,  # the book is full
    21605: Meaning.UNAVAILABLE,  # market status
    21700: Meaning.NOT_FOUND,  # invalid order index
    21709: Meaning.NOT_FOUND,  # order is inactive
    21715: Meaning.NOT_FOUND,  # not an active order
    21728: Meaning.DUPLICATE,  # client order index already exists
    23000: Meaning.LIMITED,  # too many requests
    29500: Meaning.UNKNOWN,  # internal server error
    30002: Meaning.REJECTED,  # not subscribed
    30003: Meaning.REJECTED,  # already subscribed
}
"""Code -> what it proves."""

NONCE_CODES: Final = frozenset({"21101", "21104"})
"""The nonce was not the venue's next one, or lower: the next one is asked for."""
_ORDER_CODES: Final = range(21600, 21800)
"""Refused by the sequencer's checks of the order itself."""


def error_of(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The error that an answer or a frame stands for; None for success.

    Args:
        status: HTTP status; 200 for a frame.
        body: The decoded body; None when it could not be decoded.
        is_order: Whether the request could change orders.
        retry_after_s: The `Retry-After` header.
    """
    code, words = _code_and_words(body)
    if code is None or code == 200:
        if 200 <= status < 300 and body is not None:
            return None
        meaning = by_status(status)
    elif status >= 500:
        meaning = Meaning.UNKNOWN
    else:
        default = Meaning.REJECTED if code in _ORDER_CODES else by_status(status)
        meaning = CODES.get(code, default)
    return refusal(
        "lighter",
        meaning,
        code=str(code if code is not None else status),
        words=words or f"HTTP {status}",
        is_order=is_order,
        retry_after_s=retry_after_s,
    )


def _code_and_words(body: object) -> tuple[int | None, str]:
    if not isinstance(body, dict):
        return None, ""
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    code, words = source.get("code"), source.get("message")
    is_code = isinstance(code, int) and not isinstance(code, bool)
    return (code if is_code else None), words if isinstance(words, str) else ""
