"""The way of a request to the venue and of its answer back.

A request that changes orders arrives `latency` after it was sent; there it takes effect, and its
answer is immediate, as soon as what it changed is written. The switchboard may lose, delay or
refuse it on the way. Callers that wait when the connection breaks hear `OutcomeUnknown` at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from core.adapters.exchanges.paper.faults import Request, Switchboard
from core.errors import CtosError, OutcomeUnknown, VenueError
from core.infrastructure.clock import Clock

T = TypeVar("T")
NS_PER_S = 1_000_000_000


class Courier:
    """Carries requests.

    Args:
        clock: Time of the venue.
        latency_ns: One way.
        faults: The switchboard.
        answer: Queues a word to be said once what the request changed is written.
    """

    def __init__(
        self,
        clock: Clock,
        latency_ns: int,
        faults: Switchboard,
        answer: Callable[[Callable[[], None]], None],
    ) -> None:
        self._clock = clock
        self._latency_ns = latency_ns
        self._faults = faults
        self._answer = answer
        self._waiting: set[asyncio.Future[Any]] = set()

    async def carry(self, request: Request, arrive: Callable[[], T]) -> T:
        """Sends a request and waits for its answer.

        Args:
            request: What the switchboard sees.
            arrive: Run at the venue when the request arrives; its result is the answer, and a
                `CtosError` that it raises is.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        sent_ns = self._clock.now_ns()
        arrival_ns = sent_ns + self._latency_ns
        try:
            if self._faults.is_armed and not self._is_plain(request, arrive, future, sent_ns):
                return await future
            self._clock.call_at_ns(arrival_ns, partial(self._arrive, arrive, future))
            return await future
        finally:
            self._waiting.discard(future)

    def fail_all(self, error: Callable[[], VenueError]) -> None:
        """The connection broke: everyone who waits hears it now."""
        for future in tuple(self._waiting):
            _fail(future, error())

    # -- inside -------------------------------------------------------------------------------

    def _is_plain(
        self,
        request: Request,
        arrive: Callable[[], T],
        future: asyncio.Future[T],
        sent_ns: int,
    ) -> bool:
        """Carries out what the switchboard says; True where it says nothing."""
        verdict = self._faults.on_request(request)
        error = verdict.error
        arrival_ns = sent_ns + self._latency_ns + round(verdict.delay_s * NS_PER_S)
        if error is None:
            if not verdict.delay_s:
                return True
            self._clock.call_at_ns(arrival_ns, partial(self._arrive, arrive, future))
            return False
        if verdict.reaches_venue:
            self._clock.call_at_ns(arrival_ns, partial(self._arrive, arrive, None))
        heard_ns = sent_ns + max(round(verdict.after_s * NS_PER_S), self._latency_ns)
        self._clock.call_at_ns(heard_ns, partial(_fail, future, error))
        return False

    def _arrive(self, arrive: Callable[[], T], future: asyncio.Future[T] | None) -> None:
        try:
            answer = arrive()
        except CtosError as error:
            if future is not None:
                self._answer(partial(_fail, future, error))
        else:
            self._answer(partial(_succeed, future, answer))


def broken(venue: str) -> OutcomeUnknown:
    """What a caller hears when the connection breaks under its request."""
    return OutcomeUnknown(
        f"{venue} was disconnected before it answered.", venue=venue, code="DISCONNECTED"
    )


def _succeed(future: asyncio.Future[T] | None, answer: T) -> None:
    if future is not None and not future.done():
        future.set_result(answer)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
