"""Backpack's error codes, by what they prove about an order.

Answers carry `{"code", "message"}`. Source: docs.backpack.exchange, schema `ApiErrorCode`; the
words also stand in ccxt 4.5.90 (`backpack.py`, exceptions). A duplicate `clientId` is told in
words alone (unverified), so any message that speaks of one counts as evidence of the order.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, by_words, refusal
from core.errors import VenueError

CODES: Final[dict[str, Meaning]] = {
    "ACCOUNT_LIQUIDATING": Meaning.REJECTED,
    "BORROW_LIMIT": Meaning.FUNDS,
    "BORROW_REQUIRES_LEND_REDEEM": Meaning.FUNDS,
    "FORBIDDEN": Meaning.AUTH,
    "INSUFFICIENT_FUNDS": Meaning.FUNDS,
    "INSUFFICIENT_MARGIN": Meaning.FUNDS,
    "INSUFFICIENT_SUPPLY": Meaning.FUNDS,
    "INVALID_ASSET": Meaning.REJECTED,
    "INVALID_CLIENT_REQUEST": Meaning.REJECTED,
    "INVALID_MARKET": Meaning.REJECTED,
    "INVALID_ORDER": Meaning.REJECTED,
    "INVALID_POSITION_ID": Meaning.REJECTED,
    "INVALID_PRICE": Meaning.REJECTED,
    "INVALID_QUANTITY": Meaning.REJECTED,
    "INVALID_RANGE": Meaning.REJECTED,
    "INVALID_SIGNATURE": Meaning.AUTH,
    "INVALID_SOURCE": Meaning.REJECTED,
    "INVALID_SYMBOL": Meaning.REJECTED,
    "INVALID_TWO_FACTOR_CODE": Meaning.AUTH,
    "LEND_LIMIT": Meaning.REJECTED,
    "MAINTENANCE": Meaning.UNAVAILABLE,
    "MAX_LEVERAGE_REACHED": Meaning.FUNDS,
    "NOT_IMPLEMENTED": Meaning.UNSUPPORTED,
    "ORDER_LIMIT": Meaning.REJECTED,
    "POSITION_LIMIT": Meaning.REJECTED,
    "PRECONDITION_FAILED": Meaning.REJECTED,
    "RESOURCE_NOT_FOUND": Meaning.NOT_FOUND,
    "SERVER_ERROR": Meaning.UNKNOWN,
    "TIMEOUT": Meaning.UNKNOWN,
    "TOO_MANY_REQUESTS": Meaning.LIMITED,
    "TRADING_PAUSED": Meaning.UNAVAILABLE,
    "UNAUTHORIZED": Meaning.AUTH,
}
"""Code -> what it proves."""

_WORDS: Final = {
    "duplicate": Meaning.DUPLICATE,
    "already exists": Meaning.DUPLICATE,
    "order not found": Meaning.NOT_FOUND,
}


def error_of(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The error that an answer stands for; None for success.

    Args:
        status: HTTP status.
        body: The decoded body, or its text where it is no JSON; None when it could not be read.
        is_order: Whether the request could change orders.
        retry_after_s: The `Retry-After` header.
    """
    if 200 <= status < 300 and body is not None:
        return None
    code = body.get("code") if isinstance(body, dict) else None
    words = body.get("message") if isinstance(body, dict) else body
    text = words if isinstance(words, str) else f"HTTP {status}"
    if isinstance(code, str) and status < 500:
        meaning = by_words(text, _WORDS) or CODES.get(code, by_status(status))
    else:
        meaning = by_status(status)
    return refusal(
        "backpack",
        meaning,
        code=code if isinstance(code, str) else str(status),
        words=text,
        is_order=is_order,
        retry_after_s=retry_after_s,
    )
