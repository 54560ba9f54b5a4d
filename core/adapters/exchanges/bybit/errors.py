"""Bybit's error codes, by what they prove about an order.

Answers carry `retCode` and `retMsg`. Source: bybit-exchange.github.io/docs/v5, "Error Codes";
duplicates (110072, 170141) as reliability P4 reads them.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, in_range, refusal
from core.errors import VenueError

CODES: Final[dict[int, Meaning]] = {
    -2015: Meaning.AUTH,  # spot: the key has expired
    10000: Meaning.UNKNOWN,  # "Server Timeout"
    10001: Meaning.REJECTED,  # parameter
    10002: Meaning.REJECTED,  # time outside of the window
    10003: Meaning.AUTH,
    10004: Meaning.AUTH,
    10005: Meaning.AUTH,
    10006: Meaning.LIMITED,
    10007: Meaning.AUTH,
    10008: Meaning.AUTH,  # banned
    10009: Meaning.AUTH,
    10010: Meaning.AUTH,
    10014: Meaning.DUPLICATE,  # duplicate request
    10016: Meaning.UNKNOWN,  # server error
    10017: Meaning.REJECTED,  # no such route
    10018: Meaning.LIMITED,
    10019: Meaning.UNAVAILABLE,  # restarting: "do not accept new request"
    10020: Meaning.AUTH,  # not for this kind of account
    10024: Meaning.AUTH,
    10027: Meaning.AUTH,
    10028: Meaning.AUTH,  # for unified accounts alone
    10029: Meaning.AUTH,
    10404: Meaning.REJECTED,  # no such operation or category
    10429: Meaning.LIMITED,  # "System level frequency protection"
    20003: Meaning.LIMITED,  # too many requests of one session
    33004: Meaning.AUTH,  # derivatives: the key has expired
    110001: Meaning.NOT_FOUND,
    110004: Meaning.FUNDS,
    110006: Meaning.FUNDS,
    110007: Meaning.FUNDS,
    110008: Meaning.NOT_FOUND,  # already finished or cancelled
    110010: Meaning.NOT_FOUND,
    110012: Meaning.FUNDS,
    110014: Meaning.FUNDS,
    110045: Meaning.FUNDS,
    110052: Meaning.FUNDS,
    110072: Meaning.DUPLICATE,
    110079: Meaning.UNKNOWN,  # the order is being processed
    170001: Meaning.UNKNOWN,
    170005: Meaning.LIMITED,
    170007: Meaning.UNKNOWN,  # timeout
    170033: Meaning.FUNDS,
    170034: Meaning.FUNDS,
    170035: Meaning.UNKNOWN,  # "Submitted to the system for processing"
    170131: Meaning.FUNDS,
    170141: Meaning.DUPLICATE,
    170142: Meaning.NOT_FOUND,
    170143: Meaning.NOT_FOUND,
    170146: Meaning.UNKNOWN,  # order creation timeout
    170147: Meaning.UNKNOWN,  # order cancellation timeout
    170213: Meaning.NOT_FOUND,
    170222: Meaning.LIMITED,
}
"""Code -> what it proves."""

_ORDER_CODES: Final = (range(110003, 110100), range(170115, 170400))
"""Checks of the order itself: refused before the matching engine."""


def error_of(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The error that an answer stands for; None for success.

    Args:
        status: HTTP status.
        body: The decoded body; None when it could not be decoded.
        is_order: Whether the request could change orders.
        retry_after_s: From `X-Bapi-Limit-Reset-Timestamp`.
    """
    code = body.get("retCode") if isinstance(body, dict) else None
    words = body.get("retMsg") if isinstance(body, dict) else None
    if isinstance(code, bool) or not isinstance(code, int):
        code = None
    if code == 0 and 200 <= status < 300:
        return None
    words = words if isinstance(words, str) else ""
    meaning = by_status(status)
    if code is not None and status < 500:
        meaning = _meaning(code, status, words)
    return refusal(
        "bybit",
        meaning,
        code=str(code if code is not None else status),
        words=words or f"HTTP {status}",
        is_order=is_order,
        retry_after_s=retry_after_s,
    )


def _meaning(code: int, status: int, words: str) -> Meaning:
    if code in CODES:
        return CODES[code]
    is_listed = any(code in codes for codes in _ORDER_CODES)
    return in_range(words, is_listed=is_listed, status=status)
