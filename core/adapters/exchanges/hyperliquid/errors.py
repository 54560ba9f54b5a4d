"""Hyperliquid's refusals, by what they prove about an order.

Hyperliquid answers HTTP 200 with `{"status": "err", "response": text}` for the whole action, or
with `{"error": text}` for one order of it. The text is all there is. Sources:
hyperliquid.gitbook.io, "Error responses" and "Exchange endpoint"; the phrases also stand in ccxt
4.5.90 (`hyperliquid.py`, exceptions).
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, by_words, refusal
from core.errors import ActionsUsedUp, VenueError
from core.infrastructure.foreign_text import tame

_USED_UP: Final = "too many cumulative requests sent"
_BETWEEN_ACTIONS_S: Final = 10.0
""""Rate limits and user limits": once limited, an address gets one action every ten seconds, and
cancels go on until their own, wider limit."""
PHRASES: Final[dict[str, Meaning]] = {
    "price must be divisible by tick size": Meaning.REJECTED,
    "order must have minimum value of": Meaning.REJECTED,
    "insufficient margin to place order": Meaning.FUNDS,
    "insufficient spot balance": Meaning.FUNDS,
    "insufficient balance": Meaning.FUNDS,
    "reduce only order would increase position": Meaning.REJECTED,
    "post only order would have immediately matched": Meaning.REJECTED,
    "order could not immediately match against any resting orders": Meaning.REJECTED,
    "invalid tp/sl price": Meaning.REJECTED,
    "no liquidity available for market order": Meaning.REJECTED,
    "order was never placed, already canceled, or filled": Meaning.NOT_FOUND,
    "order price cannot be more than": Meaning.REJECTED,
    "order has invalid size": Meaning.REJECTED,
    "order has invalid price": Meaning.REJECTED,
    "order has zero size": Meaning.REJECTED,
    "user or api wallet": Meaning.AUTH,
    "duplicate cloid": Meaning.DUPLICATE,
    "invalid nonce": Meaning.AUTH,
    "action expired": Meaning.REJECTED,
    "invalid leverage value": Meaning.REJECTED,
    "cannot switch leverage type": Meaning.REJECTED,
    "cannot reduce leverage": Meaning.REJECTED,
    "cannot set scheduled cancel time": Meaning.REJECTED,
    "scheduled cancel time too early": Meaning.REJECTED,
    "invalid asset": Meaning.REJECTED,
    "must deposit before performing actions": Meaning.AUTH,
    "trading is halted": Meaning.UNAVAILABLE,
    "open interest": Meaning.REJECTED,
}
"""Phrase in the venue's text -> what it proves; the first that fits counts."""


def refusal_of(words: str, *, is_order: bool = True) -> VenueError:
    """The error that a refusal's text stands for."""
    if _USED_UP in words.lower():
        return ActionsUsedUp(
            f"hyperliquid takes no more actions for now: {tame(words, 300)}",
            retry_after_s=_BETWEEN_ACTIONS_S,
            venue="hyperliquid",
        )
    meaning = by_words(words, PHRASES) or Meaning.UNKNOWN
    return refusal("hyperliquid", meaning, code=None, words=words, is_order=is_order)


def error_of(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The error that a whole answer stands for; None where its single statuses count.

    Args:
        status: HTTP status.
        body: The decoded body; None when it could not be decoded.
        is_order: Whether the request could change orders.
        retry_after_s: The `Retry-After` header.
    """
    if 200 <= status < 300 and body is not None:
        if not isinstance(body, dict) or body.get("status") != "err":
            return None
        return refusal_of(str(body.get("response")), is_order=is_order)
    return refusal(
        "hyperliquid",
        by_status(status),
        code=str(status),
        words=body if isinstance(body, str) else f"HTTP {status}",
        is_order=is_order,
        retry_after_s=retry_after_s,
    )
