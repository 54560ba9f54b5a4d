"""Requests of ccxt over our own transport: one attempt, and an outcome that is never guessed.

ccxt builds and signs; here a request is counted against the rate budget, sent once, and judged.

    not one byte of the order left           NotSent
    left, and no whole answer                OutcomeUnknown (a read: TransportError)
    an answer that proves a no               what the venue's table says of its code
    something that nobody asked for          refused before it leaves (builders, referrers, keys)

Numbers of an answer keep the text of the wire: fractions reach ccxt as text, and ccxt makes
Decimals of it, so no price ever was a binary float.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from decimal import localcontext
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from core.adapters.exchanges.ccxt.errors import judged, stumbled
from core.adapters.exchanges.ccxt.table import Row
from core.adapters.exchanges.connection.limiter import RateBudget
from core.adapters.exchanges.connection.transport import Response
from core.adapters.exchanges.decoding import MAX_MESSAGE_BYTES
from core.adapters.exchanges.models import to_ns
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import check_leaves
from core.adapters.exchanges.native.rest import Rest
from core.errors import NotSent, OutcomeUnknown, RateLimited, TransportError, VenueError

T = TypeVar("T")

_TEXT: Final = msgspec.json.Decoder(float_hook=str)
_TIMEOUT_S: Final = 10.0
_HIDDEN_HEADERS: Final = frozenset({"referer", "x-referer", "x-api-broker", "x-broker-id"})
"""Headers by which ccxt says who brought the customer; no signature covers them."""


def decode_text(data: bytes | str) -> object:
    """The JSON value that `data` spells, with every fraction as its text; None for no JSON."""
    if len(data) > MAX_MESSAGE_BYTES:
        return None
    try:
        value: object = _TEXT.decode(data)
    except (ArithmeticError, RecursionError, ValueError):
        return None
    return value


@dataclass(slots=True)
class Attempt:
    """One question of the adapter, which may be several requests of ccxt."""

    is_order: bool = False
    is_urgent: bool = False
    has_left: bool = False
    """Whether a request that changes something began to leave."""
    expires_at: datetime | None = None
    """When the venue shall no longer take it."""
    may_leave: Callable[[], bool] | None = None
    """The last look at an order, after everything that ccxt asks for first."""


_ATTEMPT: ContextVar[Attempt | None] = ContextVar("ccxt_attempt", default=None)


class CcxtRest(Rest):
    """See the module's text.

    Args:
        row: What is known of the venue.
        doors: What the adapter stands on.
    """

    def __init__(self, row: Row, doors: Doors) -> None:
        super().__init__(row.venue, doors.seams.transport, doors.clock, row.error_of or _no_table)
        account = doors.credentials.account if doors.credentials is not None else ""
        self.row = row
        self._budgets = doors.budgets
        self._account = account
        self._is_premium = False
        self.budget = doors.budgets.of(f"{row.venue} address", *row.limits)
        self.orders = doors.budgets.of(f"{row.venue} orders {account}", *row.order_limits)
        self._orders_under_way: set[asyncio.Task[Any]] = set()
        self.client: Any = None
        """ccxt's, once it is made."""

    def be_premium(self) -> None:
        """The venue said that the account has the larger budget, by weight."""
        row, whose = self.row, self._account
        self._is_premium = True
        self.budget = self._budgets.of(f"{row.venue} premium {whose}", *row.premium)
        self.orders = self._budgets.of(f"{row.venue} premium orders {whose}", *row.premium_orders)

    def left_ms(self) -> int | None:
        """How long the request that is being signed shall be taken; None for no deadline."""
        attempt = _ATTEMPT.get()
        if attempt is None or attempt.expires_at is None:
            return None
        return max(1, (to_ns(attempt.expires_at) - self.clock.now_ns()) // 1_000_000)

    async def run(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        is_order: bool = False,
        is_urgent: bool = False,
        expires_at: datetime | None = None,
        may_leave: Callable[[], bool] | None = None,
    ) -> T:
        """What ccxt gives.

        Args:
            call: Asks ccxt.
            is_order: Whether it changes something.
            is_urgent: Whether it may take from the reserve of the budgets.
            expires_at: When the venue shall no longer take it.
            may_leave: Asked right before an order leaves; False: it does not.

        Raises:
            VenueError: As the table above says.
        """
        self.need_open()
        if not is_order:
            return await self._carry(call, Attempt(is_urgent=is_urgent))
        # ccxt may ask for something before it sends an order: a caller that is cancelled meanwhile
        # must not leave it half done.
        attempt = Attempt(
            is_order=True, is_urgent=is_urgent, expires_at=expires_at, may_leave=may_leave
        )
        task = asyncio.create_task(self._carry(call, attempt))
        self._orders_under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._orders_under_way.discard(task)
        if not task.cancelled():
            task.exception()  # heard by the caller, if it still waits

    async def _carry(self, call: Callable[[], Awaitable[T]], attempt: Attempt) -> T:
        token = _ATTEMPT.set(attempt)
        try:
            with localcontext():  # ccxt changes the rounding of the context it runs in
                return await call()
        except VenueError:
            raise
        except Exception as error:
            raise stumbled(
                self.venue, error, is_order=attempt.is_order, has_left=attempt.has_left
            ) from error
        finally:
            _ATTEMPT.reset(token)

    async def fetch(
        self, url: str, method: str, headers: Mapping[str, str] | None, body: object
    ) -> object:
        """Carries a request of ccxt; gives what its parsers read.

        Raises:
            VenueError: As the table above says.
        """
        self.need_open()
        attempt = _ATTEMPT.get() or Attempt()
        path = urlsplit(url).path
        changes = method != "GET" and not self.row.only_asks(path)
        data, sent_headers = _form(body, _plain_headers(headers))
        self._check(changes, attempt, data, path)
        budget = await self._spend(attempt, self._weight(path), changes=changes)
        if changes and not attempt.has_left:
            check_leaves(self.venue, attempt.may_leave)
        attempt.has_left |= changes
        began_ns = self.clock.monotonic_ns()
        try:
            response = await self._transport.request(
                method, url, headers=sent_headers, body=data, timeout_s=_TIMEOUT_S
            )
        except TransportError as error:
            raise self._lost(error, attempt, changes=changes) from error
        self.latency_ms = (self.clock.monotonic_ns() - began_ns) / 1e6
        self.on_response(response, budget)
        return self._answer(response, url, method, attempt, budget, changes=changes)

    def _check(self, changes: bool, attempt: Attempt, data: bytes, path: str) -> None:  # noqa: FBT001 # one of two kinds
        """Refuses what the caller did not ask for."""
        is_hidden = any(word in data for word in self.row.forbidden)
        if is_hidden or (changes and self.row.is_guarded and not attempt.is_order):
            raise NotSent(
                f"{self.venue}: ccxt wanted to send something that nobody asked for "
                f"({path[:60]}); it was not sent.",
                venue=self.venue,
            )

    def _weight(self, path: str) -> int:
        return self.row.weigh(path) if self._is_premium and self.row.weigh is not None else 1

    async def _spend(self, attempt: Attempt, weight: int, *, changes: bool) -> RateBudget:
        if changes and attempt.is_order:
            self.orders.spend_now(1, is_urgent=attempt.is_urgent)
            self.budget.spend_now(weight, is_urgent=attempt.is_urgent)
            return self.orders
        await self.budget.spend(weight, is_urgent=attempt.is_urgent)
        return self.budget

    def _lost(self, error: TransportError, attempt: Attempt, *, changes: bool) -> TransportError:
        if not attempt.is_order:
            return self.failed(error, is_order=False)
        if isinstance(error, NotSent) and changes:
            return self.failed(error, is_order=True)
        kind = OutcomeUnknown if attempt.has_left else NotSent
        return kind(f"{self.venue}: {error.message}.", venue=self.venue, remedy=error.remedy)

    def _answer(  # an answer with what it answers
        self,
        response: Response,
        url: str,
        method: str,
        attempt: Attempt,
        budget: RateBudget,
        *,
        changes: bool,
    ) -> object:
        body = decode_text(response.body)
        retry_after_s = _seconds(response.headers.get("retry-after"))
        is_order = changes and attempt.is_order
        if self._is_silent(response, url):
            return {}
        try:
            if self.row.error_of is not None:
                error = self.row.error_of(
                    response.status, body, is_order=is_order, retry_after_s=retry_after_s
                )
                if error is not None:
                    raise error
            else:
                self._ask_ccxt(response, url, method, body, retry_after_s, is_order=is_order)
        except RateLimited as error:
            budget.pause(error.retry_after_s, is_ban=response.status == 418)
            raise
        except VenueError as error:
            if attempt.is_order and not attempt.has_left and isinstance(error, TransportError):
                raise NotSent(error.message, venue=self.venue, code=error.code) from error
            raise
        if body is not None:
            return body
        if response.body:
            return response.body.decode(errors="replace")
        return None

    def _is_silent(self, response: Response, url: str) -> bool:
        """Whether an empty answer is the success of this path."""
        path = urlsplit(url).path
        is_empty = 200 <= response.status < 300 and not response.body.strip()
        return is_empty and any(path.endswith(end) for end in self.row.silent)

    def _ask_ccxt(  # an answer with what it answers
        self,
        response: Response,
        url: str,
        method: str,
        body: object,
        retry_after_s: float | None,
        *,
        is_order: bool,
    ) -> None:
        """Lets ccxt judge an answer of a venue that has no table here."""
        text = response.body.decode(errors="replace")
        headers = dict(response.headers)
        try:
            status = response.status
            self.client.handle_errors(status, "", url, method, headers, text, body, None, None)
            self.client.handle_http_status_code(status, "", url, method, text)
        except Exception as error:
            raise judged(
                self.venue,
                error,
                status=response.status,
                is_order=is_order,
                retry_after_s=retry_after_s,
            ) from error
        if not 200 <= response.status < 300 or body is None:
            raise judged(
                self.venue,
                ValueError(f"HTTP {response.status}: {text[:120]}"),
                status=response.status,
                is_order=is_order,
                retry_after_s=retry_after_s,
            )


def _no_table(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    del status, body, is_order, retry_after_s
    return None


def _plain_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {
        name: str(value)
        for name, value in (headers or {}).items()
        if name.lower() not in _HIDDEN_HEADERS
    }


def _form(body: object, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """The bytes of a body; of a form (Lighter's transactions) with its headers."""
    if body is None:
        return b"", headers
    if isinstance(body, bytes):
        return body, headers
    if not isinstance(body, dict):
        return str(body).encode(), headers
    edge = "ctos-form-edge"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in body.items()
    ]
    others = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    others["Content-Type"] = f"multipart/form-data; boundary={edge}"
    return ("".join(parts) + f"--{edge}--\r\n").encode(), others


def _seconds(text: str | None) -> float | None:
    if text is None or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return None
    return float(text)
