"""What TWS's codes mean. Pure.

Source: IBKR's API documentation, "Message Codes", and what ib_async 2.1 treats as a warning. A code
that is not listed proves nothing about an order: it is UNKNOWN and asked for.
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

VENUE: Final = "ibkr"


class Meaning(Enum):
    """What a code is about."""

    NOTICE = "notice"
    """Nothing changes."""
    ORDER_NOTICE = "order notice"
    """Said of an order that lives on, such as one that waits for the session (399)."""
    LOST = "lost"
    """1100: TWS cannot reach IBKR."""
    RESTORED_DATA_LOST = "restored, data lost"
    """1101: everything that was listened to must be asked for again."""
    RESTORED = "restored"
    """1102: market data goes on by itself."""
    FARM_BROKEN = "market data broken"
    FARM_OK = "market data back"
    CLOSING = "closing"
    """1300: TWS will drop this connection."""
    CLIENT_ID_TAKEN = "client id taken"
    REJECTED = "rejected"
    """The order does not and will not exist."""
    CANCELED = "canceled"
    """202: an order's end, told as its status too."""
    NOT_OPEN = "not open"
    """A cancel came too late, or for nothing."""
    NOT_CANCELABLE = "not cancelable"
    """161: the cancel had no effect; the order may live."""
    NO_PERMISSION = "no permission"
    """Market data that the account has not subscribed to."""
    NO_CONTRACT = "no contract"
    PACING = "pacing"
    DEPTH_RESET = "depth reset"
    """317: the depth begins anew."""
    UNKNOWN = "unknown"


_MEANINGS: Final[dict[int, Meaning]] = {
    100: Meaning.PACING,
    102: Meaning.UNKNOWN,
    103: Meaning.REJECTED,
    104: Meaning.ORDER_NOTICE,
    105: Meaning.ORDER_NOTICE,
    106: Meaning.UNKNOWN,
    107: Meaning.REJECTED,
    109: Meaning.REJECTED,
    110: Meaning.REJECTED,
    111: Meaning.REJECTED,
    113: Meaning.REJECTED,
    116: Meaning.REJECTED,
    135: Meaning.NOT_OPEN,
    136: Meaning.NOT_OPEN,
    161: Meaning.NOT_CANCELABLE,
    165: Meaning.NOTICE,
    200: Meaning.NO_CONTRACT,
    201: Meaning.REJECTED,
    202: Meaning.CANCELED,
    203: Meaning.REJECTED,
    309: Meaning.PACING,
    317: Meaning.DEPTH_RESET,
    321: Meaning.REJECTED,
    322: Meaning.UNKNOWN,
    326: Meaning.CLIENT_ID_TAKEN,
    354: Meaning.NO_PERMISSION,
    387: Meaning.REJECTED,
    388: Meaning.REJECTED,
    399: Meaning.ORDER_NOTICE,
    404: Meaning.ORDER_NOTICE,
    420: Meaning.PACING,
    434: Meaning.REJECTED,
    492: Meaning.NOTICE,
    502: Meaning.UNKNOWN,
    1100: Meaning.LOST,
    1101: Meaning.RESTORED_DATA_LOST,
    1102: Meaning.RESTORED,
    1300: Meaning.CLOSING,
    2103: Meaning.FARM_BROKEN,
    2104: Meaning.FARM_OK,
    2110: Meaning.LOST,
    10089: Meaning.NO_PERMISSION,
    10090: Meaning.NO_PERMISSION,
    10092: Meaning.NO_PERMISSION,
    10147: Meaning.NOT_OPEN,
    10148: Meaning.NOT_OPEN,
    10167: Meaning.NOTICE,
    10168: Meaning.NO_PERMISSION,
    10186: Meaning.NO_PERMISSION,
    10189: Meaning.NO_PERMISSION,
    10190: Meaning.PACING,
    10197: Meaning.NO_PERMISSION,
    10318: Meaning.REJECTED,
}
_POOR: Final = ("insufficient", "must exceed", "available funds", "margin")
_PACING_S: Final = 1.0


def meaning_of(code: int) -> Meaning:
    """What a code is about; 21xx are notices unless listed."""
    known = _MEANINGS.get(code)
    if known is not None:
        return known
    return Meaning.NOTICE if 2100 <= code < 2200 else Meaning.UNKNOWN


def order_error(code: int, text: str) -> VenueError | None:
    """The error of a new order that a code ends; None where it says nothing about its end."""
    text = tame(text)
    meaning = meaning_of(code)
    message = f"ibkr refused the order: {text[:300]}"
    if meaning is Meaning.REJECTED:
        if code == 103:
            return DuplicateClientOrderId(message, venue=VENUE, code="103", venue_message=text)
        is_poor = code == 201 and any(word in text.lower() for word in _POOR)
        kind = InsufficientFunds if is_poor else OrderRejected
        return kind(message, venue=VENUE, code=str(code), venue_message=text)
    if meaning in {Meaning.NO_CONTRACT, Meaning.NO_PERMISSION}:
        return OrderRejected(message, venue=VENUE, code=str(code), venue_message=text)
    if meaning in _SILENT:
        return None
    return OutcomeUnknown(
        f"ibkr told {code} of an order: {text[:300]}", venue=VENUE, code=str(code)
    )


def cancel_error(code: int, text: str) -> VenueError | None:
    """The error of a cancel; None where a code says nothing about it."""
    text = tame(text)
    meaning = meaning_of(code)
    if meaning is Meaning.NOT_OPEN:
        return OrderNotFound(f"ibkr: {text[:300]}", venue=VENUE, code=str(code), venue_message=text)
    if meaning in _SILENT:
        return None
    return OutcomeUnknown(
        f"ibkr told {code} of a cancel: {text[:300]}", venue=VENUE, code=str(code)
    )


def request_error(code: int, text: str) -> VenueError:
    """The error of a question."""
    text = tame(text)
    meaning = meaning_of(code)
    message = f"ibkr: {text[:300]} ({code})"
    if meaning is Meaning.NO_CONTRACT:
        return NotSupported(message, venue=VENUE, code=str(code), venue_message=text)
    if meaning is Meaning.NO_PERMISSION:
        return NotSupported(
            message,
            venue=VENUE,
            code=str(code),
            venue_message=text,
            remedy="Subscribe to this market's data in IBKR's client portal.",
        )
    if meaning is Meaning.PACING:
        return RateLimited(message, retry_after_s=_PACING_S, venue=VENUE, code=str(code))
    if meaning is Meaning.CLIENT_ID_TAKEN:
        return AuthError(
            message,
            venue=VENUE,
            code=str(code),
            remedy="Another program uses this client id: give another one in config/exchanges.",
        )
    if meaning is Meaning.LOST:
        return VenueUnavailable(message, venue=VENUE, code=str(code), venue_message=text)
    return TransportError(message, venue=VENUE, code=str(code), venue_message=text)


def is_notice(code: int) -> bool:
    """Whether a code that names a request does not end it."""
    return meaning_of(code) in {Meaning.NOTICE, Meaning.ORDER_NOTICE, Meaning.FARM_OK}


_SILENT: Final = frozenset(
    {
        Meaning.NOTICE,
        Meaning.ORDER_NOTICE,
        Meaning.CANCELED,
        Meaning.FARM_OK,
        Meaning.FARM_BROKEN,
        Meaning.RESTORED,
        Meaning.RESTORED_DATA_LOST,
    }
)
