"""OKX's error codes, by what they prove about an order.

An answer carries `code` and `msg`, and for orders each row its own `sCode` and `sMsg`; `code` 1
says that all rows failed, 2 that some did. Source: okx.com/docs-v5, "Error Code"; 51016 and 51149
as reliability P4 and B.1 read them.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, in_range, refusal
from core.errors import VenueError

CODES: Final[dict[int, Meaning]] = {
    50000: Meaning.REJECTED,  # no body
    50001: Meaning.UNAVAILABLE,  # service temporarily unavailable
    50002: Meaning.REJECTED,  # no JSON
    50004: Meaning.UNKNOWN,  # "API endpoint request timeout (does not mean that the request was …)"
    50005: Meaning.UNAVAILABLE,  # the endpoint is offline
    50006: Meaning.REJECTED,  # content type
    50007: Meaning.AUTH,  # account blocked
    50008: Meaning.AUTH,  # no such user
    50009: Meaning.AUTH,  # account suspended while it is liquidated
    50010: Meaning.AUTH,  # no user id
    50011: Meaning.LIMITED,
    50012: Meaning.AUTH,  # account status
    50013: Meaning.UNKNOWN,  # systems are busy
    50014: Meaning.REJECTED,  # a parameter is empty
    50015: Meaning.REJECTED,  # one of two parameters is needed
    50016: Meaning.REJECTED,  # two parameters do not fit
    50024: Meaning.REJECTED,  # two parameters exclude each other
    50025: Meaning.REJECTED,  # too many of a parameter
    50026: Meaning.UNKNOWN,  # system error
    50027: Meaning.AUTH,  # the account may not trade
    50028: Meaning.REJECTED,  # "Unable to take the order"
    50040: Meaning.LIMITED,  # too frequent operations
    50061: Meaning.LIMITED,  # sub-account order rate
    51008: Meaning.FUNDS,
    51016: Meaning.DUPLICATE,  # client order id duplicated
    51054: Meaning.UNKNOWN,  # "timed out"
    51113: Meaning.LIMITED,  # market closes too often
    51119: Meaning.FUNDS,
    51127: Meaning.FUNDS,
    51131: Meaning.FUNDS,
    51149: Meaning.UNKNOWN,  # "Order timed out"
    51400: Meaning.NOT_FOUND,  # cancel failed: completed or gone
    51401: Meaning.NOT_FOUND,
    51402: Meaning.NOT_FOUND,
    51403: Meaning.REJECTED,  # this kind of order cannot be cancelled
    51404: Meaning.REJECTED,  # no cancels in this phase of an auction
    51405: Meaning.NOT_FOUND,  # nothing is open
    51407: Meaning.REJECTED,  # neither id was given
    51410: Meaning.UNKNOWN,  # cancellation is being processed
    51603: Meaning.NOT_FOUND,
    60001: Meaning.AUTH,
    60009: Meaning.AUTH,
}
"""Code -> what it proves."""

_AUTH_CODES: Final = range(50100, 50120)
_ORDER_CODES: Final = range(51000, 51400)
"""Parameters, prices, sizes, modes: refused before the matching engine."""
_SETTING_CODES: Final = range(59000, 59200)
"""Leverage and modes: the setting was not changed."""


def error_of(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The error that an answer stands for, by its first failed row; None for success.

    Args:
        status: HTTP status.
        body: The decoded body; None when it could not be decoded.
        is_order: Whether the request could change orders.
        retry_after_s: The `Retry-After` header.
    """
    code, words = _code_and_words(body)
    if code == 0 and 200 <= status < 300:
        return None
    meaning = by_status(status)
    if code is not None and status < 500:
        meaning = _meaning(code, status, words)
    return refusal(
        "okx",
        meaning,
        code=str(code if code is not None else status),
        words=words or f"HTTP {status}",
        is_order=is_order,
        retry_after_s=retry_after_s,
    )


def _meaning(code: int, status: int, words: str) -> Meaning:
    if code in CODES:
        return CODES[code]
    if code in _AUTH_CODES:
        return Meaning.AUTH
    is_listed = code in _ORDER_CODES or code in _SETTING_CODES
    return in_range(words, is_listed=is_listed, status=status)


def _code_and_words(body: object) -> tuple[int | None, str]:
    if not isinstance(body, dict):
        return None, ""
    rows = body.get("data")
    if isinstance(rows, list) and str(body.get("code")) in ("1", "2"):
        for row in rows:
            code, words = _pair(row, "sCode", "sMsg")
            if code:
                return code, words
    if "sCode" in body:
        return _pair(body, "sCode", "sMsg")
    return _pair(body, "code", "msg")


def _pair(row: object, code_name: str, words_name: str) -> tuple[int | None, str]:
    if not isinstance(row, dict):
        return None, ""
    code, words = row.get(code_name), row.get(words_name)
    is_code = isinstance(code, str) and code.isascii() and code.isdigit()
    return int(str(code)) if is_code else None, words if isinstance(words, str) else ""
