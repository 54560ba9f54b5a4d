"""Binance's error codes, by what they prove about an order.

Sources: developers.binance.com, Spot "Error Codes" and USDⓈ-M "Error Code"; for the statuses 403,
418, 429 and 5xx "General API Information" ("5XX: … the execution status is UNKNOWN").
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, by_words, in_range, refusal
from core.errors import VenueError

CODES: Final[dict[int, Meaning]] = {
    -1000: Meaning.UNKNOWN,  # "An unknown error occurred while processing the request."
    -1001: Meaning.UNKNOWN,  # "Internal error; unable to process your request."
    -1002: Meaning.AUTH,
    -1003: Meaning.LIMITED,
    -1004: Meaning.UNKNOWN,  # USDⓈ-M: "Server is busy"
    -1006: Meaning.UNKNOWN,  # "An unexpected response was received … Execution status unknown."
    -1007: Meaning.UNKNOWN,  # "Timeout waiting for response … Execution status unknown."
    -1008: Meaning.LIMITED,  # "Request throttled by system-level protection"
    -1010: Meaning.UNKNOWN,
    -1011: Meaning.AUTH,  # this address may not use this route
    -1013: Meaning.REJECTED,  # a filter failed
    -1014: Meaning.REJECTED,
    -1015: Meaning.LIMITED,  # too many new orders
    -1016: Meaning.UNAVAILABLE,
    -1020: Meaning.UNSUPPORTED,
    -1021: Meaning.REJECTED,  # timestamp outside of the receive window
    -1022: Meaning.AUTH,
    -2008: Meaning.AUTH,  # no such key
    -2010: Meaning.REJECTED,
    -2011: Meaning.NOT_FOUND,
    -2013: Meaning.NOT_FOUND,
    -2014: Meaning.AUTH,
    -2015: Meaning.AUTH,
    -2016: Meaning.UNAVAILABLE,  # "No trading window could be found for the symbol."
    -2017: Meaning.AUTH,  # keys are locked on this account
    -2018: Meaning.FUNDS,
    -2019: Meaning.FUNDS,
    -2020: Meaning.REJECTED,
    -2021: Meaning.REJECTED,
    -2022: Meaning.REJECTED,  # reduce-only
    -2023: Meaning.REJECTED,
    -2024: Meaning.REJECTED,
    -2025: Meaning.REJECTED,
    -2026: Meaning.REJECTED,
    -2027: Meaning.REJECTED,
    -2028: Meaning.REJECTED,
    -4116: Meaning.DUPLICATE,  # DUPLICATED_CLIENT_ORDER_ID
    -5021: Meaning.REJECTED,  # fill-or-kill could not fill
    -5022: Meaning.REJECTED,  # post-only would have taken
    -5028: Meaning.REJECTED,  # it reached the matching engine outside of the receive window
    -5037: Meaning.REJECTED,  # price match
    -5038: Meaning.REJECTED,
    -5039: Meaning.REJECTED,  # self-trade prevention
    -5040: Meaning.REJECTED,  # good till date
    -5041: Meaning.UNKNOWN,  # no depth to match a best price with; elsewhere a time-out of a queue
}
"""Code -> what it proves."""

OUT_OF_TIME: Final = "-1021"
"""Our clock is not the venue's: its time is asked for anew (reliability CK2)."""
_RANGES: Final = ((-1199, -1100), (-4115, -4000), (-4999, -4117))
"""Malformed parameters (11xx) and futures filters (4xxx): refused before the matching engine."""

_NEW_ORDER_WORDS: Final = {
    "duplicate order sent": Meaning.DUPLICATE,
    "insufficient balance": Meaning.FUNDS,
}
"""Spot's -2010 tells its reasons in words ("Messages for -1010, -2010, -2011")."""


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
    code, words = _code_and_words(body)
    if code is None:
        if 200 <= status < 300 and body is not None:
            return None
        meaning = by_status(status)
    elif status >= 500:
        meaning = Meaning.UNKNOWN
    else:
        meaning = _meaning(code, words)
        if meaning is Meaning.UNKNOWN and status in (418, 429):
            meaning = Meaning.LIMITED
    return refusal(
        "binance",
        meaning,
        code=str(code if code is not None else status),
        words=words or f"HTTP {status}",
        is_order=is_order,
        retry_after_s=retry_after_s,
    )


def told_wait_s(body: object, now_ms: int) -> float | None:
    """How long the WebSocket API asks to wait: its `retryAfter` is a moment, not a time span.

    Args:
        body: An answer with an `error`, whose `data` may hold `retryAfter` and `serverTime`, both
            ms since 1970.
        now_ms: The venue's time as we know it, where the answer does not tell it.
    """
    error = body.get("error") if isinstance(body, dict) else None
    data = error.get("data") if isinstance(error, dict) else None
    if not isinstance(data, dict):
        return None
    until_ms, told_ms = data.get("retryAfter"), data.get("serverTime")
    if type(until_ms) is not int:
        return None
    return max(0, until_ms - (told_ms if type(told_ms) is int else now_ms)) / 1000


def _code_and_words(body: object) -> tuple[int | None, str]:
    """The code of an error body; a success may also carry `code` 200."""
    if not isinstance(body, dict):
        return None, ""
    inner = body.get("error")
    source = inner if isinstance(inner, dict) else body
    code, words = source.get("code"), source.get("msg")
    if not isinstance(code, int) or isinstance(code, bool) or code >= 0:
        return None, ""
    return code, words if isinstance(words, str) else ""


def _meaning(code: int, words: str) -> Meaning:
    if code == -2010:
        return by_words(words, _NEW_ORDER_WORDS) or Meaning.REJECTED
    if code in CODES:
        return CODES[code]
    is_listed = any(first <= code <= last for first, last in _RANGES)
    return in_range(words, is_listed=is_listed, status=200)
