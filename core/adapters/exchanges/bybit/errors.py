"""Bybit's error codes, by what they prove about an order.

Answers carry `retCode` and `retMsg`. Source: bybit-exchange.github.io/docs/v5, "Error Codes";
duplicates (110072, 170141) as reliability P4 reads them.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, refusal
from core.errors import VenueError

CODES: Final[dict[int, Meaning]] = {
    10000: Meaning.UNKNOWN,  # "Server Timeout"
    10001: Meaning.REJECTED,  # parameter
    10002: Meaning.REJECTED,  # time outside of the window
    10003: Meaning.AUTH,
    10004: Meaning.AUTH,
    10005: Meaning.AUTH,
    10006: Meaning.LIMITED,
    10007: Meaning.AUTH,
    10009: Meaning.AUTH,
    10010: Meaning.AUTH,
    10014: Meaning.DUPLICATE,  # duplicate request
    10016: Meaning.UNKNOWN,  # server error
    10018: Meaning.LIMITED,
    10024: Meaning.AUTH,
    10027: Meaning.AUTH,
    10029: Meaning.AUTH,
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
    meaning = by_status(status) if code is None or status >= 500 else _meaning(code, status)
    return refusal(
        "bybit",
        meaning,
        code=str(code if code is not None else status),
        words=words if isinstance(words, str) and words else f"HTTP {status}",
        is_order=is_order,
        retry_after_s=retry_after_s,
    )


def _meaning(code: int, status: int) -> Meaning:
    if code in CODES:
        return CODES[code]
    is_listed = any(code in codes for codes in _ORDER_CODES)
    return Meaning.REJECTED if is_listed else by_status(status)
