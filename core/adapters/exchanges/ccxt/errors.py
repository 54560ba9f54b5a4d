"""What ccxt's exceptions prove about a request, and about an order above all.

A venue with a table of its own (`<venue>/errors.py`) is judged by its code before ccxt sees the
answer: ccxt's classes depend on the host name (Binance) and call much definite that is not. For the
others the class counts, but only with a status below 500 and only the classes listed here; nothing
that a proxy or an overloaded gateway could have caused proves that an order does not exist.
"""

from __future__ import annotations

from typing import Final

from core.adapters.exchanges.refusals import Meaning, by_status, refusal
from core.errors import NotSent, OrderRejected, OutcomeUnknown, TransportError, VenueError
from core.infrastructure.foreign_text import tame

CLASSES: Final[dict[str, Meaning]] = {
    "AccountNotEnabled": Meaning.AUTH,
    "AccountSuspended": Meaning.AUTH,
    "AuthenticationError": Meaning.AUTH,
    "BadSymbol": Meaning.REJECTED,
    "ContractUnavailable": Meaning.REJECTED,
    "DuplicateOrderId": Meaning.DUPLICATE,
    "InsufficientFunds": Meaning.FUNDS,
    "InvalidOrder": Meaning.REJECTED,
    "MarginModeAlreadySet": Meaning.REJECTED,
    "MarketClosed": Meaning.UNAVAILABLE,
    "NoChange": Meaning.REJECTED,
    "NotSupported": Meaning.UNSUPPORTED,
    "OrderImmediatelyFillable": Meaning.REJECTED,
    "OrderNotFillable": Meaning.REJECTED,
    "OrderNotFound": Meaning.NOT_FOUND,
    "PermissionDenied": Meaning.AUTH,
    "RestrictedLocation": Meaning.AUTH,
}
"""ccxt's class -> what it proves. What is not here proves nothing: `ExchangeError`, `BadRequest`,
`OperationRejected`, `InvalidNonce`, `OnMaintenance`, `ExchangeNotAvailable`, `RequestTimeout` …"""


def judged(
    venue: str, error: Exception, *, status: int, is_order: bool, retry_after_s: float | None = None
) -> VenueError:
    """The error of an answer that ccxt refused.

    Args:
        venue: Its name.
        error: ccxt's.
        status: HTTP status of the answer.
        is_order: Whether the request could change orders.
        retry_after_s: The `Retry-After` header.
    """
    meaning = by_status(status)
    if meaning is Meaning.UNKNOWN and status < 500:
        meaning = CLASSES.get(type(error).__name__, Meaning.UNKNOWN)
    return refusal(
        venue,
        meaning,
        code=type(error).__name__,
        words=_words(error),
        is_order=is_order,
        retry_after_s=retry_after_s,
    )


def stumbled(venue: str, error: Exception, *, is_order: bool, has_left: bool) -> VenueError:
    """The error of something that went wrong inside ccxt, before a request or after its answer.

    Args:
        venue: Its name.
        error: What ccxt raised.
        is_order: Whether the question could change orders.
        has_left: Whether a request of it that changes something was sent.
    """
    words = f"{type(error).__name__}: {_words(error)}"
    if not is_order:
        meaning = CLASSES.get(type(error).__name__)
        if not has_left and meaning in {Meaning.UNSUPPORTED, Meaning.NOT_FOUND}:
            assert meaning is not None  # noqa: S101 # it is one of two
            return refusal(
                venue, meaning, code=type(error).__name__, words=words, is_order=is_order
            )
        return TransportError(f"{venue}: {words}"[:300], venue=venue)
    if has_left:
        return OutcomeUnknown(f"{venue}: the answer could not be read ({words})"[:300], venue=venue)
    if CLASSES.get(type(error).__name__) in {Meaning.REJECTED, Meaning.UNSUPPORTED}:
        return OrderRejected(
            f"{venue}: nothing was sent, {words}"[:300], venue=venue, code=type(error).__name__
        )
    return NotSent(f"{venue}: nothing was sent, {words}"[:300], venue=venue)


def _words(error: Exception) -> str:
    return tame(str(error).strip(), 250)
