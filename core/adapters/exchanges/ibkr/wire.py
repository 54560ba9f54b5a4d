"""One connection to TWS: questions and their answers, and what it tells by itself.

The client library calls this object for every decoded message (its `wrapper`). Names of methods are
therefore the library's. Answers of a question are kept under its key and handed over at its end; a
code that names a question ends it; when the socket dies every question fails at once.
"""

# ruff: noqa: N802, N803, N815, ANN401, PLR0913, PLR0917

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from core.adapters.exchanges.ibkr.errors import VENUE, is_notice, request_error
from core.adapters.exchanges.ibkr.library import Library
from core.errors import NotSent, TransportError, VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 8.0
"""How long an answer may take."""
Key = int | str


class Hearing(Protocol):
    """Who is told what TWS says by itself."""

    def order_told(self, number: int, contract: Any, order: Any, word: str) -> None:
        """`openOrder`."""

    def status_told(
        self, number: int, word: str, filled: float, average: float, perm_id: int, client_id: int
    ) -> None:
        """`orderStatus`."""

    def execution_told(self, contract: Any, execution: Any) -> None:
        """`execDetails`, asked for or not."""

    def commission_told(self, report: Any) -> None:
        """`commissionReport`."""

    def position_told(self, account: str, contract: Any, size: float, cost: float) -> None:
        """`position`."""

    def worth_told(
        self, account: str, contract: Any, size: float, mark: float, cost: float
    ) -> None:
        """`updatePortfolio`."""

    def value_told(self, account: str, tag: str, value: str, currency: str) -> None:
        """`updateAccountValue`."""

    def price_told(self, request_id: int, tick: int, price: float, size: float) -> None:
        """`tickPrice` with its size."""

    def size_told(self, request_id: int, tick: int, size: float) -> None:
        """`tickSize`."""

    def depth_told(
        self, request_id: int, place: int, operation: int, side: int, price: float, size: float
    ) -> None:
        """`updateMktDepth` and `updateMktDepthL2`."""

    def trade_told(self, request_id: int, at_s: int, price: float, size: float) -> None:
        """`tickByTick` of all trades."""

    def data_kind_told(self, request_id: int, kind: int) -> None:
        """`marketDataType`: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen."""

    def code_told(self, request_id: int, code: int, text: str) -> None:
        """`errMsg` that ends no question."""

    def batch_ended(self) -> None:
        """Everything of one read of the socket was told."""

    def connection_lost(self) -> None:
        """The socket is gone, and nobody asked for that."""


class Wire:
    """See the module's text.

    Args:
        library: The client library.
        clock: Times answers.
    """

    TimezoneTWS = "UTC"
    """Read by the library where an execution's time names no zone."""
    defaultTimezone = UTC

    def __init__(self, library: Library, clock: Clock) -> None:
        self.ib = self
        self.accounts: tuple[str, ...] = ()
        self._library = library
        self._hearing: Hearing
        self._clock = clock
        self._client: Any = None
        self._waiting: dict[Key, asyncio.Future[list[Any]]] = {}
        self._rows: dict[Key, list[Any]] = {}
        self._locks: dict[Key, asyncio.Lock] = {}
        self._refusal: VenueError | None = None
        self._dialling: asyncio.Future[None] | None = None

    def tell(self, hearing: Hearing) -> None:
        """Says who is told; before anything is dialled."""
        self._hearing = hearing

    # -- life ---------------------------------------------------------------------------------

    @property
    def client(self) -> Any:
        """The library's socket client.

        Raises:
            NotSent: While there is no connection.
        """
        if self._client is None or not self._client.isReady():
            raise NotSent(f"{VENUE}: there is no connection to TWS.", venue=VENUE)
        return self._client

    @property
    def is_up(self) -> bool:
        """Whether the socket is there and TWS has greeted."""
        return self._client is not None and bool(self._client.isReady())

    async def dial(self, host: str, port: int, client_id: int, timeout_s: float) -> None:
        """Connects and waits for the greeting.

        Raises:
            AuthError: If the client id is taken.
            TransportError: If nobody answers.
        """
        self.hang_up()
        self._refusal = None
        client = self._library.client(self)
        client.MaxRequests = 0  # the rate budget is ours, and nothing waits in a hidden queue
        self._client = client
        self._dialling = dialling = asyncio.ensure_future(
            client.connectAsync(host, port, client_id, timeout_s)
        )
        try:
            # A socket that closes before the greeting ends the wait, which the library's would not.
            await asyncio.wait({dialling})
            if dialling.cancelled():
                raise ConnectionResetError
            dialling.result()
        except asyncio.CancelledError:
            dialling.cancel()
            self._client = None
            raise
        except OSError as error:
            self._client = None
            refusal, self._refusal = self._refusal, None
            if refusal is not None:
                raise refusal from error
            raise TransportError(
                f"{VENUE}: no TWS or IB Gateway answers at {host}:{port}.",
                venue=VENUE,
                remedy="Start it, log in, and allow API connections in its settings.",
            ) from error
        finally:
            self._dialling = None

    def hang_up(self) -> None:
        """Ends the connection; what waits fails."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
        self._fail_all()

    # -- questions ----------------------------------------------------------------------------

    async def ask(
        self, key: Key, send: Callable[[], object], *, timeout_s: float = TIMEOUT_S
    ) -> list[Any]:
        """Sends a question and waits for its end.

        Raises:
            VenueError: As a code says, or `TransportError` if no end comes.
        """
        lock = self._locks.setdefault(key, asyncio.Lock()) if isinstance(key, str) else None
        if lock is None:
            return await self._asked(key, send, timeout_s)
        async with lock:
            return await self._asked(key, send, timeout_s)

    async def _asked(self, key: Key, send: Callable[[], object], timeout_s: float) -> list[Any]:
        waiting: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting[key], self._rows[key] = waiting, []
        try:
            self.send(send)
            async with self._clock.timeout(timeout_s):
                return await waiting
        except TimeoutError as error:
            raise TransportError(
                f"{VENUE}: TWS did not answer within {timeout_s:g} s.", venue=VENUE
            ) from error
        finally:
            self._waiting.pop(key, None)
            self._rows.pop(key, None)

    def send(self, act: Callable[[], object]) -> None:
        """Carries out one send of the client.

        Raises:
            NotSent: If there is no connection.
        """
        try:
            act()
        except ConnectionError as error:
            raise NotSent(f"{VENUE}: there is no connection to TWS.", venue=VENUE) from error

    def _row(self, key: Key, row: Any) -> None:
        if key in self._rows:
            self._rows[key].append(row)

    def _end(self, key: Key) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(self._rows[key])

    def _fail_all(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                error = TransportError(f"{VENUE}: the connection to TWS ended.", venue=VENUE)
                waiting.set_exception(error)

    # -- what the library calls -----------------------------------------------------------------

    def connectAck(self) -> None:
        """The version is agreed on."""

    def setEventsDone(self) -> None:
        """The socket is gone; a greeting that is waited for will not come."""
        if self._dialling is not None:
            self._dialling.cancel()

    def connectionClosed(self) -> None:
        """The socket is gone."""
        self._fail_all()
        self._hearing.connection_lost()

    def tcpDataProcessed(self) -> None:
        """One read was decoded."""
        self._hearing.batch_ended()

    def nextValidId(self, reqId: int) -> None:
        """The client keeps it."""

    def managedAccounts(self, accountsList: str) -> None:
        """The accounts of the login."""
        self.accounts = tuple(filter(None, accountsList.split(",")))

    def error(self, reqId: int, errorCode: int, errorString: str, advanced: str = "") -> None:
        """A code: the end of a question, or told."""
        del advanced
        log.debug("tws.code request=%s code=%s text=%s", reqId, errorCode, errorString)
        waiting = self._waiting.get(reqId)
        if waiting is not None and not is_notice(errorCode):
            if not waiting.done():
                waiting.set_exception(request_error(errorCode, errorString))
            return
        if errorCode == 326:
            self._refusal = request_error(errorCode, errorString)
        self._hearing.code_told(reqId, errorCode, errorString)

    def currentTime(self, time: int) -> None:
        """The venue's time in whole seconds."""
        self._row("time", time)
        self._end("time")

    def contractDetails(self, reqId: int, contractDetails: Any) -> None:
        """One contract that fits."""
        self._row(reqId, contractDetails)

    bondContractDetails = contractDetails

    def contractDetailsEnd(self, reqId: int) -> None:
        """All that fit were told."""
        self._end(reqId)

    def openOrder(self, orderId: int, contract: Any, order: Any, state: Any) -> None:
        """An order, asked for or not."""
        if order.whatIf:
            return
        self._row("open", int(order.permId))
        self._hearing.order_told(orderId, contract, order, state.status)
        self._client.updateReqId(orderId + 1)

    def openOrderEnd(self) -> None:
        """All open orders were told."""
        self._end("open")

    def orderStatus(
        self,
        orderId: int,
        status: str,
        filled: float,
        remaining: float,
        avgFillPrice: float,
        permId: int,
        parentId: int,
        lastFillPrice: float,
        clientId: int,
        whyHeld: str,
        mktCapPrice: float = 0.0,
    ) -> None:
        """What an order is now."""
        del remaining, parentId, lastFillPrice, whyHeld, mktCapPrice
        self._hearing.status_told(orderId, status, filled, avgFillPrice, permId, clientId)

    def completedOrder(self, contract: Any, order: Any, state: Any) -> None:
        """A closed order of today."""
        self._row("completed", (contract, order, state))

    def completedOrdersEnd(self) -> None:
        """All were told."""
        self._end("completed")

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        """An execution."""
        self._row(reqId, execution.execId)
        self._hearing.execution_told(contract, execution)

    def execDetailsEnd(self, reqId: int) -> None:
        """All were told."""
        self._end(reqId)

    def commissionReport(self, commissionReport: Any) -> None:
        """What an execution cost."""
        self._hearing.commission_told(commissionReport)

    def position(self, account: str, contract: Any, posSize: float, avgCost: float) -> None:
        """A position."""
        self._hearing.position_told(account, contract, posSize, avgCost)

    def positionEnd(self) -> None:
        """All were told; changes follow."""
        self._end("positions")

    def updatePortfolio(
        self,
        contract: Any,
        posSize: float,
        marketPrice: float,
        marketValue: float,
        averageCost: float,
        unrealizedPNL: float,
        realizedPNL: float,
        account: str,
    ) -> None:
        """A position with its worth."""
        del marketValue, unrealizedPNL, realizedPNL
        self._hearing.worth_told(account, contract, posSize, marketPrice, averageCost)

    def updateAccountValue(self, tag: str, val: str, currency: str, account: str) -> None:
        """One value of the account."""
        self._hearing.value_told(account, tag, val, currency)

    def updateAccountTime(self, timestamp: str) -> None:
        """When values were made; minutes, which says too little."""

    def accountDownloadEnd(self, account: str) -> None:
        """All values were told; changes follow."""
        del account
        self._end("account")

    def priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:
        """A price and the size that goes with it."""
        self._hearing.price_told(reqId, tickType, price, size)

    def tickSize(self, reqId: int, tickType: int, size: float) -> None:
        """A size alone."""
        self._hearing.size_told(reqId, tickType, size)

    def tickSnapshotEnd(self, reqId: int) -> None:
        """A snapshot was told."""
        self._end(reqId)

    def marketDataType(self, reqId: int, marketDataId: int) -> None:
        """Whether data is live."""
        self._hearing.data_kind_told(reqId, marketDataId)

    def updateMktDepth(
        self, reqId: int, position: int, operation: int, side: int, price: float, size: float
    ) -> None:
        """A row of one exchange's depth."""
        self._hearing.depth_told(reqId, position, operation, side, price, size)

    def updateMktDepthL2(
        self,
        reqId: int,
        position: int,
        marketMaker: str,
        operation: int,
        side: int,
        price: float,
        size: float,
        isSmartDepth: bool = False,  # noqa: FBT001, FBT002 # the library's call
    ) -> None:
        """A row of the consolidated depth."""
        del marketMaker, isSmartDepth
        self._hearing.depth_told(reqId, position, operation, side, price, size)

    def tickByTickAllLast(
        self,
        reqId: int,
        tickType: int,
        time: int,
        price: float,
        size: float,
        tickAttribLast: Any,
        exchange: str,
        specialConditions: str,
    ) -> None:
        """A public trade."""
        del tickType, tickAttribLast, exchange, specialConditions
        self._hearing.trade_told(reqId, time, price, size)

    def historicalTicksLast(self, reqId: int, ticks: list[Any], done: bool) -> None:  # noqa: FBT001
        """Past trades, a page."""
        del done
        for tick in ticks:
            self._row(reqId, tick)
        self._end(reqId)

    def historicalData(self, reqId: int, bar: Any) -> None:
        """A candle."""
        self._row(reqId, bar)

    def historicalDataEnd(self, reqId: int, start: str, end: str) -> None:
        """All were told."""
        del start, end
        self._end(reqId)


def as_utc_text(at: datetime) -> str:
    """`20261121-15:00:00`, which TWS takes as UTC; cut to the second."""
    return at.astimezone(UTC).strftime("%Y%m%d-%H:%M:%S")
