"""What a venue's refusal means: definite, evidence, or nothing at all (reliability P3, P4).

An order counts as refused only if the venue's parsed answer carries a code that the venue's table
(`<venue>/errors.py`) lists as definite. Everything else that goes wrong leaves it UNKNOWN: a
timeout, a 5xx, HTML, an answer of another shape, a code that nobody listed.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from core.errors import (
    AuthError,
    DuplicateClientOrderId,
    InsufficientFunds,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
    VenueError,
    VenueUnavailable,
)
from core.infrastructure.foreign_text import tame

DEFAULT_RETRY_AFTER_S: Final = 10.0
"""How long to wait when a venue limits us without saying for how long."""


class Meaning(Enum):
    """What a code says about the request."""

    REJECTED = "rejected"
    """Definitely not done."""
    FUNDS = "funds"
    """Definitely not done: the account cannot carry it."""
    NOT_FOUND = "not_found"
    """The venue does not know the order (or no longer as open)."""
    DUPLICATE = "duplicate"
    """The client order id is taken: evidence that the order exists."""
    AUTH = "auth"
    """Definitely not done: key, signature or permission."""
    LIMITED = "limited"
    """Definitely not done: asked too often, refused before the matching engine."""
    UNAVAILABLE = "unavailable"
    """Definitely not done: maintenance, halt."""
    UNSUPPORTED = "unsupported"
    """Definitely not done: the venue has no such thing."""
    UNKNOWN = "unknown"
    """Says nothing about whether it was done."""


_DOUBTFUL: Final = (
    "timed out",
    "timeout",
    "time out",
    "processing",
    "processed",
    "busy",
    "internal error",
    "system error",
    "try again later",
)
"""Words under which a code that only a range lists proves nothing."""


def refusal(
    venue: str,
    meaning: Meaning,
    *,
    code: str | None,
    words: str,
    is_order: bool,
    retry_after_s: float | None = None,
) -> VenueError:
    """The error to raise.

    Args:
        venue: The venue's name.
        meaning: What the code means.
        code: The venue's code as text.
        words: The venue's own words.
        is_order: Whether the request could change orders; then what is unknown is `OutcomeUnknown`,
            else a read that may be repeated.
        retry_after_s: What the venue said, if it did.
    """
    words = tame(words.strip())
    said = words[:300]
    sentence = f"{venue} refused: {said or 'no reason given'}"
    if meaning is Meaning.LIMITED:
        wait = DEFAULT_RETRY_AFTER_S if retry_after_s is None else retry_after_s
        return RateLimited(
            f"{venue} says we ask too often: {said}", retry_after_s=wait, venue=venue, code=code
        )
    if meaning is Meaning.UNKNOWN:
        kind: type[VenueError] = OutcomeUnknown if is_order else TransportError
        sentence = f"{venue} answered without a definite outcome: {said or 'nothing'}"
        return kind(sentence, venue=venue, code=code, venue_message=words)
    return _KINDS[meaning](sentence, venue=venue, code=code, venue_message=words)


_KINDS: Final[dict[Meaning, type[VenueError]]] = {
    Meaning.REJECTED: OrderRejected,
    Meaning.FUNDS: InsufficientFunds,
    Meaning.NOT_FOUND: OrderNotFound,
    Meaning.DUPLICATE: DuplicateClientOrderId,
    Meaning.AUTH: AuthError,
    Meaning.UNAVAILABLE: VenueUnavailable,
    Meaning.UNSUPPORTED: NotSupported,
}


def by_status(status: int) -> Meaning:
    """What an HTTP status means where the body says nothing that its venue documents.

    Only 429 (and Binance's 418) are promised to be refused before the matching engine. A 403 of a
    firewall or a 401 of a proxy may stand in front of anything, so they prove nothing about orders.
    """
    return Meaning.LIMITED if status in (418, 429) else Meaning.UNKNOWN


def by_words(words: str, table: dict[str, Meaning]) -> Meaning | None:
    """The meaning of the first phrase of `table` that `words` holds, without regard to case."""
    lowered = words.lower()
    return next((meaning for phrase, meaning in table.items() if phrase.lower() in lowered), None)


def in_range(words: str, *, is_listed: bool, status: int) -> Meaning:
    """The meaning of a code that stands in no table, but may be in a range of refusals.

    A range is a reading of many codes at once, so it gives way where the venue's own words say that
    something was late, busy or on its way: then nothing is proved.

    Args:
        words: The venue's.
        is_listed: Whether the code is in a range that the venue documents as refusals.
        status: HTTP status.
    """
    lowered = words.lower()
    if not is_listed or any(phrase in lowered for phrase in _DOUBTFUL):
        return by_status(status)
    return Meaning.REJECTED
