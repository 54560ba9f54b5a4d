"""A cancel under another client id of ours: TWS lets only the client that placed an order end it.

After `client_id` was changed in the address, orders that an earlier life placed still rest under
the old id. It is borrowed for one cancel: a second connection logs in with it, cancels, hears the
end, and hangs up. An id that another program uses now cannot be borrowed, which is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from core.adapters.exchanges.ibkr.errors import VENUE, cancel_error
from core.adapters.exchanges.ibkr.library import Library
from core.adapters.exchanges.ibkr.place import Place
from core.adapters.exchanges.ibkr.wire import Wire
from core.errors import AuthError, NotSupported, OutcomeUnknown, TransportError, VenueError
from core.infrastructure.clock import Clock

# ruff: noqa: ANN401 - the library's objects

_DIAL_S: Final = 4.0
_ANSWER_S: Final = 4.0


class Borrowed:
    """Cancels orders that other client ids placed; those of one id share a connection.

    Args:
        library: The client library.
        place: Where TWS is.
        clock: Times answers.
        check: Says why a login's accounts may not be used; empty if they may.
    """

    def __init__(
        self,
        library: Library,
        place: Place,
        clock: Clock,
        check: Callable[[tuple[str, ...]], str],
    ) -> None:
        self._library = library
        self._place = place
        self._clock = clock
        self._check = check
        self._loans: dict[int, _Loan] = {}
        """Client id -> its connection, while somebody uses it."""

    async def cancel(self, client_id: int, number: int) -> None:
        """Asks for the end of one order, under the id that placed it.

        Raises:
            NotSupported: If the id is in use, or the login is another account's.
            OrderNotFound: If TWS says that it is not open.
            OutcomeUnknown: If nothing came.
            TransportError: If TWS cannot be reached.
        """
        loan = self._loans.get(client_id)
        if loan is None:
            loan = self._loans[client_id] = _Loan(Wire(self._library, self._clock))
        loan.users += 1
        try:
            async with loan.lock:
                await self._log_in(loan, client_id)
            await self._cancelled(loan, client_id, number)
        finally:
            loan.users -= 1
            if not loan.users:
                self._loans.pop(client_id, None)
                loan.wire.hang_up()

    async def _log_in(self, loan: _Loan, client_id: int) -> None:
        if loan.wire.is_up:
            return
        try:
            await loan.wire.dial(self._place.host, self._place.port, client_id, _DIAL_S)
        except AuthError as error:
            raise NotSupported(
                f"{VENUE}: the order was placed with client id {client_id}, which another program "
                "uses now.",
                venue=VENUE,
                remedy=f"Close that program, write client_id={client_id} into urls.tws of "
                "exchanges/ibkr.yaml, or cancel the order in TWS.",
            ) from error
        problem = self._check(loan.wire.accounts)
        if problem:
            loan.wire.hang_up()
            raise NotSupported(f"{VENUE}: {problem}.", venue=VENUE)

    async def _cancelled(self, loan: _Loan, client_id: int, number: int) -> None:
        ended = loan.listener.wait(number)
        client = loan.wire.client
        loan.wire.send(lambda: client.cancelOrder(number))
        try:
            async with self._clock.timeout(_ANSWER_S):
                await ended
        except TimeoutError as error:
            raise OutcomeUnknown(
                f"{VENUE}: no answer to a cancel under client id {client_id}.", venue=VENUE
            ) from error


class _Loan:
    """A connection under a client id that is not ours now."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.listener = _Listener()
        self.lock = asyncio.Lock()
        self.users = 0
        wire.tell(self.listener)


class _Listener:
    """Hears the ends of orders; the rest of what a login is told is left out."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[None]] = {}
        """Number of an order -> its end."""

    def wait(self, number: int) -> asyncio.Future[None]:
        """The end of an order, once it is told."""
        ended = self._waiting[number] = asyncio.get_running_loop().create_future()
        return ended

    def status_told(  # the message's fields
        self, number: int, word: str, filled: float, average: float, perm_id: int, client_id: int
    ) -> None:
        """`orderStatus`."""
        del filled, average, perm_id, client_id
        if word in {"Cancelled", "ApiCancelled", "Filled"}:
            self._end(number, None)

    def code_told(self, request_id: int, code: int, text: str) -> None:
        """What TWS says of a cancel."""
        error = cancel_error(code, text)
        if error is not None:
            self._end(request_id, error)

    def connection_lost(self) -> None:
        """Nothing will come."""
        for number in tuple(self._waiting):
            self._end(number, TransportError(f"{VENUE}: TWS closed the connection.", venue=VENUE))

    def _end(self, number: int, error: VenueError | None) -> None:
        ended = self._waiting.pop(number, None)
        if ended is None or ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def order_told(self, number: int, contract: Any, order: Any, word: str) -> None:
        """`openOrder`; the main connection hears of it."""

    def execution_told(self, contract: Any, execution: Any) -> None:
        """`execDetails`; likewise."""

    def commission_told(self, report: Any) -> None:
        """`commissionReport`; likewise."""

    def position_told(self, account: str, contract: Any, size: float, cost: float) -> None:
        """`position`; likewise."""

    def worth_told(
        self, account: str, contract: Any, size: float, mark: float, cost: float
    ) -> None:
        """`updatePortfolio`; likewise."""

    def value_told(self, account: str, tag: str, value: str, currency: str) -> None:
        """`updateAccountValue`; likewise."""

    def price_told(self, request_id: int, tick: int, price: float, size: float) -> None:
        """`tickPrice`; nothing is listened to here."""

    def size_told(self, request_id: int, tick: int, size: float) -> None:
        """`tickSize`; likewise."""

    def depth_told(  # the message's fields
        self, request_id: int, place: int, operation: int, side: int, price: float, size: float
    ) -> None:
        """`updateMktDepth`; likewise."""

    def trade_told(self, request_id: int, at_s: int, price: float, size: float) -> None:
        """`tickByTick`; likewise."""

    def data_kind_told(self, request_id: int, kind: int) -> None:
        """`marketDataType`; likewise."""

    def batch_ended(self) -> None:
        """Everything of one read was told."""
