"""Everything that can go wrong, in one tree.

    CtosError
    ├── ConfigError            a file, key or argument is wrong; nothing was connected
    ├── FeedError              a recording or feed cannot be trusted
    ├── JournalError           our own storage failed
    │   ├── JournalFull        no room: nothing new may be sent
    │   ├── JournalCorrupt     the file is damaged: refuse to start on it
    │   └── JournalBusy        another process holds it
    ├── LeaseHeld              another engine owns this home
    ├── RiskDenied             our own risk rules said no (code, limit, value)
    ├── MarginShort            an account cannot carry a bot beside what is on it
    ├── ExtraMissing           an optional package is not installed
    └── VenueError             something between us and a venue
        ├── TransportError     no answer, or no way to ask (retryable)
        │   ├── NotSent        provably not one byte left
        │   ├── MalformedMessage  what the venue said makes no sense; never cached, never traded on
        │   └── OutcomeUnknown the request may or may not have taken effect
        ├── RateLimited        asked too often; carries `retry_after_s`
        │   └── ActionsUsedUp  a budget of the account's life, which only traded volume refills
        ├── AuthError          key, signature or permission refused
        ├── VenueUnavailable   maintenance, or the symbol is halted
        ├── NotSupported       this venue cannot do that
        └── OrderRejected      the venue said no, definitely (code)
            ├── OrderNotFound  the venue does not know the order (not proof that it never existed)
            ├── DuplicateClientOrderId  evidence that the order exists
            └── InsufficientFunds

Each error answers three questions: did it reach the venue (`reached_venue`: yes, no, or None for
unknown), may the same request be repeated (`is_retryable`), and what should a person do (`remedy`).
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    CONFIG = 2
    """Bad configuration or arguments."""
    UNCLEAN = 3
    """The end missed what `on_exit` promises."""
    UNREACHABLE = 4
    """The venue or a service it needs was unreachable."""
    RISK = 5
    """Refused by risk."""


class CtosError(Exception):
    """Root of every error ctos raises on purpose; `str(error)` is a sentence for people."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    is_retryable: ClassVar[bool] = False
    reached_venue: ClassVar[bool | None] = False

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        """What a person can do about it, as a sentence, or None."""

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message} {self.remedy}"


class ConfigError(CtosError):
    """A file, key or argument is wrong; it was refused whole and nothing was connected.

    Args:
        message: What was found and what is allowed.
        source: The file (or `arguments`) it stands in.
        key: Dotted key path inside the source, such as `grid_system.price_range.lower_price`.
        line: 1-based line in the source where known.
        remedy: The nearest valid name or value, or another way out.
    """

    exit_code = ExitCode.CONFIG

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        key: str | None = None,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.source = source
        self.key = key
        self.line = line

    def __str__(self) -> str:
        place = self.source or ""
        if self.line is not None:
            place = f"{place}:{self.line}"
        parts = [part for part in (place, self.key) if part]
        text = super().__str__()
        return f"{': '.join(parts)}: {text}" if parts else text


class FeedError(CtosError):
    """A recording or feed cannot be trusted: gaps, disorder, bad prices, damaged file."""

    exit_code = ExitCode.CONFIG


class JournalError(CtosError):
    """Our own storage failed; whether the last write is durable may be unknown."""


class JournalFull(JournalError):
    """There is no room for another record: nothing new may be sent, cancels may."""


class JournalCorrupt(JournalError):
    """The file is damaged; it is kept as it is and never replaced by an empty one in silence."""


class JournalBusy(JournalError):
    """Another process holds the file."""


class LeaseHeld(CtosError):
    """Another engine owns this home."""


class ExtraMissing(CtosError):
    """An optional package is needed and not installed; the message names the extra."""

    exit_code = ExitCode.CONFIG

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(
            f"{needed_for} needs the extra '{extra}'.",
            remedy=f"Install it with: pip install 'ctos[{extra}]'",
        )
        self.extra = extra


class RiskDenied(CtosError):
    """Our own risk rules refused an order before anything was written or sent.

    Args:
        code: A name from the closed list `core.services.risk.rules.DenialCode`.
        limit: The limit that was in force.
        value: What the order would have made of it.
        unit: Unit of both, such as `USDC` or `orders/min`.
    """

    exit_code = ExitCode.RISK

    def __init__(
        self,
        code: str,
        *,
        limit: Decimal | int | None,
        value: Decimal | int | None,
        unit: str = "",
        detail: str = "",
    ) -> None:
        numbers = "" if limit is None else f", {value} > {limit} {unit}".rstrip()
        super().__init__(f"not sent: {code}{numbers}{': ' + detail if detail else ''}")
        self.code = code
        self.limit = limit
        self.value = value
        self.unit = unit


class MarginShort(CtosError):
    """An account cannot carry a bot beside everything else on it; nothing was placed."""

    exit_code = ExitCode.RISK


class VenueError(CtosError):
    """Something between us and a venue.

    Args:
        message: A sentence that begins with the venue's name.
        venue: The venue's name.
        code: The venue's own code, as text.
        venue_message: The venue's own words, untouched; escape before showing.
    """

    exit_code = ExitCode.UNREACHABLE
    reached_venue: ClassVar[bool | None] = None

    def __init__(
        self,
        message: str,
        *,
        venue: str | None = None,
        code: str | None = None,
        venue_message: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.venue = venue
        self.code = code
        self.venue_message = venue_message


class TransportError(VenueError):
    """No answer, a broken answer, or no way to ask. Reads may be repeated; orders are UNKNOWN."""

    is_retryable = True


class NotSent(TransportError):
    """Provably not one byte of the request left this machine."""

    reached_venue = False


class MalformedMessage(TransportError):
    """A venue's message is no message of its protocol, or carries values that cannot be true.

    As the answer to an order it proves nothing: the order is UNKNOWN.
    """


class OutcomeUnknown(TransportError):
    """The request may or may not have taken effect: ask, never send again."""

    is_retryable = False


class RateLimited(VenueError):
    """Asked too often.

    Args:
        retry_after_s: Seconds to wait before anything but a cancel is sent.
        is_ban: Whether the venue has shut us out, so that even a cancel makes it longer.
    """

    is_retryable = True
    reached_venue = True

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float,
        venue: str | None = None,
        code: str | None = None,
        is_ban: bool = False,
    ) -> None:
        super().__init__(message, venue=venue, code=code)
        self.retry_after_s = retry_after_s
        self.is_ban = is_ban


class ActionsUsedUp(RateLimited):
    """A budget is used up that the venue counts over the account's life and not by the minute.

    `retry_after_s` says when one more order may be tried; more of them come with traded volume.
    """


class AuthError(VenueError):
    """Key, signature or permission refused."""

    exit_code = ExitCode.CONFIG
    reached_venue = True


class VenueUnavailable(VenueError):
    """Maintenance, or the symbol is halted."""

    is_retryable = True


class NotSupported(VenueError):
    """This venue cannot do that; `get_exchange_info()` says what it can."""

    reached_venue = False


class OrderRejected(VenueError):
    """The venue said no, definitely: the order does not and will not exist."""

    exit_code = ExitCode.FAILED
    reached_venue = True


class OrderNotFound(OrderRejected):
    """The venue does not know the order. Not proof that it never existed (reliability P6)."""


class DuplicateClientOrderId(OrderRejected):
    """The client order id is taken: evidence that the order exists, so it is asked for."""


class InsufficientFunds(OrderRejected):
    """The account cannot carry the order."""
