"""Requests to a venue: budget, one attempt, and an outcome that is never guessed.

    not one byte left              NotSent
    a read without an answer       TransportError
    an order without an answer     OutcomeUnknown
    an answer that proves a no     what the venue's `errors.py` says of its code
    an answer that is none         as without an answer: HTML, cut short, another shape

A venue's `rest.py` builds paths, bodies and signatures, and reads what `ask` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, Protocol

from core.adapters.exchanges.connection.limiter import RateBudget
from core.adapters.exchanges.connection.transport import NO_HEADERS, Response, Transport
from core.adapters.exchanges.decoding import decode
from core.errors import (
    MalformedMessage,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    TransportError,
    VenueError,
)
from core.infrastructure.clock import Clock
from core.infrastructure.departures import note_departure

TIMEOUT_S: Final = 5.0


class ErrorTable(Protocol):
    """A venue's `errors.error_of`."""

    def __call__(
        self, status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
    ) -> VenueError | None:
        """The error that an answer stands for; None for success."""


class Rest:
    """Asks one venue.

    Args:
        venue: Its name.
        transport: The network.
        clock: Measures how long answers take.
        error_of: What the venue's refusals mean.
    """

    def __init__(
        self, venue: str, transport: Transport, clock: Clock, error_of: ErrorTable
    ) -> None:
        self.venue = venue
        self.is_open = False
        """Whether the adapter is connected; nothing leaves before."""
        self.latency_ms: float | None = None
        """Of the newest answer."""
        self.on_out_of_time: Callable[[], None] | None = None
        """Called when the venue refused a request for its time stamp."""
        self.clock = clock
        self._transport = transport
        self._error_of = error_of

    async def ask(  # noqa: PLR0913 # a request has as many parts
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        budget: RateBudget | None = None,
        weight: int = 1,
        counted: RateBudget | None = None,
        is_order: bool = False,
        is_urgent: bool = False,
        timeout_s: float = TIMEOUT_S,
        usual: Callable[[bytes], object | None] | None = None,
    ) -> object:
        """The decoded answer to one request.

        Args:
            method: GET, POST, DELETE …
            url: With its query.
            headers: Also a key's; never logged.
            body: Of a POST.
            budget: What the request is counted against.
            weight: How much of it.
            counted: What an order is counted against beside that, as much.
            is_order: Whether it can change orders: then what went wrong is `OutcomeUnknown`.
            is_urgent: Whether it may use the reserve of the budget (cancels).
            timeout_s: Longest wait.
            usual: Reads a success that has the form it nearly always has; None for another answer.

        Raises:
            VenueError: As the table above says.
        """
        if not self.is_open:
            self.need_open()
        if budget is not None:
            if is_order:
                budget.spend_now(weight, is_urgent=is_urgent, also=counted)
            else:
                await budget.spend(weight, is_urgent=is_urgent)
        began_ns = self.clock.monotonic_ns()
        try:
            response = await self._transport.request(
                method, url, headers=headers, body=body, timeout_s=timeout_s
            )
        except TransportError as error:
            raise self.failed(error, is_order=is_order) from error
        self.latency_ms = (self.clock.monotonic_ns() - began_ns) / 1e6
        note_departure(began_ns)
        self.on_response(response, budget)
        if usual is not None and response.status == 200:
            told = usual(response.body)
            if told is not None:
                return told
        return self._read(response, budget, is_order=is_order)

    def need_open(self) -> None:
        """Checks that the adapter is connected.

        Raises:
            NotSent: If it is not.
        """
        if not self.is_open:
            raise NotSent(f"{self.venue} is not connected.", venue=self.venue)

    def on_response(self, response: Response, budget: RateBudget | None) -> None:
        """What a venue's headers tell; the budget's own weight, for one."""

    def is_out_of_time(self, error: VenueError) -> bool:
        """Whether a refusal says that our time is not the venue's; never where none is stamped."""
        del error
        return False

    def failed(self, error: TransportError, *, is_order: bool) -> TransportError:
        """A failure of the network as the error of a request: its message names the venue."""
        kind: type[TransportError] = TransportError
        if isinstance(error, NotSent):
            kind = NotSent
        elif is_order:
            kind = OutcomeUnknown
        return kind(f"{self.venue}: {error.message}.", venue=self.venue, remedy=error.remedy)

    def judge(
        self,
        status: int,
        body: object,
        budget: RateBudget | None = None,
        *,
        is_order: bool,
        retry_after_s: float | None = None,
    ) -> object:
        """`body`, if it is a success.

        Raises:
            VenueError: What the venue's table makes of it.
        """
        error = self._error_of(status, body, is_order=is_order, retry_after_s=retry_after_s)
        if error is None:
            return body
        if self.on_out_of_time is not None and self.is_out_of_time(error):
            self.on_out_of_time()
        if isinstance(error, RateLimited):
            error.is_ban = error.is_ban or status == 418
            if budget is not None:
                budget.pause(error.retry_after_s, is_ban=error.is_ban)
        raise error

    def _read(self, response: Response, budget: RateBudget | None, *, is_order: bool) -> object:
        body: object = None
        refused: MalformedMessage | None = None
        try:
            body = decode(response.body, venue=self.venue)
        except MalformedMessage as error:
            refused = error
        try:
            return self.judge(
                response.status,
                body,
                budget,
                is_order=is_order,
                retry_after_s=_seconds(response.headers.get("retry-after")),
            )
        except VenueError as error:
            if refused is not None:
                raise error from refused
            raise


def _seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds; its other form, a date, is not used by venues."""
    if text is None or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return None
    return float(Decimal(text))
