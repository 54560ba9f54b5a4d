"""A venue on 127.0.0.1: what all of them share.

    async with BinanceVenue() as venue:
        venue.trade("200")                      a public trade, with a book around it
        client = connect(venue.rest_url, venue.public_url, venue.private_url, venue.keys)
        venue.faults.lose_answer("create_order")
        …
        await venue.until(lambda: venue.calls_of("create_order"))

A venue's own package says what its requests mean (`respond`), what its sockets hear (`heard`), and
how prices and private messages are worded. What is said here: the server, its sockets, the faults
between matching and the wire, and the stories that a test tells.

What breaks inside a server is kept and raised when the venue is left, so that no test passes on a
server that failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import msgspec
from aiohttp import web

from core.adapters.exchanges.models import (
    Instrument,
    OrderBookData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TickerData,
    TradeData,
    UserData,
    to_ns,
)
from core.adapters.exchanges.paper.settings import PaperSettings
from core.infrastructure.clock import NS_PER_S, Clock, WallClock
from core.services.ports import Feed
from core.testing.feeds import Levels
from core.testing.venues.faults import Answer, Call, Fault, Faults, Loss, Rule
from core.testing.venues.floor import Floor, seeded
from core.testing.venues.socket import ENCODER, NetworkSocket, Socket
from core.testing.venues.tape import BookChange, BookTape

_HOST: Final = "127.0.0.1"
_GRACE_S: Final = 0.2
"""What a request that is being answered gets when the server goes down."""
_PATIENCE_S: Final = 10.0
"""When `until` gives up; nothing on a loopback takes that long."""


class LoopbackVenue(ABC):
    """A server that speaks a venue's protocol over the paper venue; a context manager.

    Args:
        instruments: The rules of everything tradable; the venue's test markets when None.
        clock: The venue's time.
        settings: Balance, fill rule and funding of the account.
        seed: Makes keys and tokens.
        first_price: Pushed to every market that a test moves, before anyone connects; None for
            no price yet.
        feeds: Symbol -> what moves that market by itself.
        make_floor: Makes the market and the account.
    """

    name: ClassVar[str]
    profile: ClassVar[str]

    def __init__(
        self,
        *,
        instruments: Sequence[Instrument] | None = None,
        clock: Clock | None = None,
        settings: PaperSettings | None = None,
        seed: int = 7,
        first_price: str | None = "200",
        feeds: Mapping[str, Feed] | None = None,
        make_floor: Callable[..., Floor] = Floor,
    ) -> None:
        self.clock: Clock = WallClock() if clock is None else clock
        self.faults = Faults()
        self.floor = make_floor(
            self.name,
            self.test_markets() if instruments is None else instruments,
            self.clock,
            profile=self.profile,
            settings=settings,
            feeds=feeds,
        )
        self.rng = seeded(seed)
        self.tapes = {symbol: BookTape(symbol) for symbol in self.floor.instruments}
        """Symbol -> its book's changes."""
        self.sockets: list[Socket] = []
        """Open connections from old to new."""
        self.calls: list[Call] = []
        """Every request that arrived, whatever became of it."""
        self.port = 0
        self._first_price = first_price
        self._errors: list[Exception] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[Callable[[], object], asyncio.Future[None]]] = []
        self._closing = asyncio.Event()
        self._mixed: asyncio.Future[Answer | None] | None = None
        """Waits for the answer of the request that it is mixed up with."""
        self._mine: Answer | None = None
        """The answer that waits for that request."""
        self._runner: web.ServerRunner | None = None

    # -- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Opens the market and the account, without a network."""
        await self.floor.open()
        for symbol, tape in self.tapes.items():
            self._listen(symbol, tape)
        self.floor.listen(self.told)

    async def close(self) -> None:
        """Ends what runs by itself, the market and the account.

        Raises:
            ExceptionGroup: What broke inside.
        """
        self._closing.set()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.floor.close()
        if self._errors:
            raise ExceptionGroup(f"the {self.name} under test failed", self._errors)

    async def __aenter__(self) -> Self:
        await self.open()
        await self.come_back()
        if self._first_price is not None:
            self.trade(self._first_price)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        await self.go_down()
        try:
            await self.close()
        except ExceptionGroup:
            if kind is None:
                raise

    async def go_down(self) -> None:
        """Ends every connection and refuses new ones; the market and the account go on."""
        self.kill_sockets()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def come_back(self) -> None:
        """Takes connections, on the same port as before."""
        listener = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        listener.bind((_HOST, self.port))
        self.port = listener.getsockname()[1]
        self._runner = web.ServerRunner(
            web.Server(self._on_request, access_log=None), shutdown_timeout=_GRACE_S
        )
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    @property
    def rest_url(self) -> str:
        """Where REST requests go, without a path."""
        return f"http://{_HOST}:{self.port}"

    @property
    def socket_url(self) -> str:
        """Where sockets connect, without a path."""
        return f"ws://{_HOST}:{self.port}"

    @property
    @abstractmethod
    def public_url(self) -> str:
        """The public socket as a client is told it."""

    @property
    @abstractmethod
    def private_url(self) -> str:
        """The private socket as a client is told it."""

    # -- what a venue's package says ----------------------------------------------------------

    @classmethod
    @abstractmethod
    def test_markets(cls) -> list[Instrument]:
        """The markets of the contract suite, by this venue's rules."""

    @abstractmethod
    def named(self, call: Call) -> Call:
        """The same request with its `name` and its `params`; never raises."""

    @abstractmethod
    def respond(self, call: Call) -> Answer:
        """What the venue answers over HTTP; its refusals are answers too."""

    @abstractmethod
    def heard(self, socket: Socket, text: str) -> None:
        """A client has said something."""

    @abstractmethod
    def told(self, data: UserData) -> None:
        """Something happened to the account."""

    @abstractmethod
    def book_changed(self, change: BookChange) -> None:
        """A book is another."""

    @abstractmethod
    def traded(self, trade: TradeData) -> None:
        """A public trade happened."""

    @abstractmethod
    def priced(self, ticker: TickerData) -> None:
        """Last, mark, bid or ask is another."""

    def refuse_socket(
        self, path: str, query: dict[str, str], headers: dict[str, str]
    ) -> Answer | None:
        """Why a socket may not open; None lets it."""
        del path, query, headers
        return None

    def opened(self, socket: Socket) -> None:  # noqa: B027 # not every venue greets
        """A connection is there."""

    def closed(self, socket: Socket) -> None:  # noqa: B027 # not every venue keeps sessions
        """A connection is gone."""

    # -- time ---------------------------------------------------------------------------------

    def now_ms(self) -> int:
        """The venue's clock, which may be wrong."""
        return self.floor.now_ms() + round(self.faults.clock_offset_s * 1000)

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Does something again and again until the venue is left."""
        self.clock.call_after_ns(round(seconds * NS_PER_S), partial(self._again, seconds, act))

    # -- stories ------------------------------------------------------------------------------

    def trade(
        self,
        price: Decimal | str,
        amount: Decimal | str = "10",
        *,
        symbol: str | None = None,
        side: OrderSide = OrderSide.BUY,
    ) -> None:
        """A public trade on one market, or on all, with a book around it."""
        self.floor.trade(price, amount, symbol=symbol, side=side)

    def quote(self, bids: Levels, asks: Levels, *, symbol: str | None = None) -> None:
        """Another book, without a trade."""
        self.floor.quote(bids, asks, symbol=symbol)

    def fill(self, client_order_id: str, amount: Decimal | str | None = None) -> None:
        """An open order fills at its own price, whole or in part."""
        order = self.floor.order(client_order_id=client_order_id)
        if order is None:
            raise LookupError(f"nobody placed {client_order_id}")
        self.floor.fill(order, None if amount is None else Decimal(amount))

    def cross(self, first: str, second: str, amount: Decimal | str) -> None:
        """Two open orders of the account, by client order id, fill each other at their price."""
        orders = [self.floor.order(client_order_id=name) for name in (first, second)]
        if orders[0] is None or orders[1] is None:
            raise LookupError(f"nobody placed {first} and {second}")
        self.floor.cross(orders[0], orders[1], Decimal(amount))

    def place_foreign(
        self,
        symbol: str,
        side: OrderSide,
        price: Decimal | str | None,
        amount: Decimal | str,
        client_order_id: str | None = None,
    ) -> OrderData:
        """Somebody else places an order on the account: at market where `price` is None."""
        order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        return self.floor.create(
            symbol,
            side,
            order_type,
            Decimal(amount),
            None if price is None else Decimal(price),
            OrderOptions(client_order_id=client_order_id),
        )

    def cancel_foreign(self, client_order_id: str) -> None:
        """Somebody else cancels an open order of the account."""
        order = self.floor.order(client_order_id=client_order_id)
        if order is None:
            raise LookupError(f"nobody placed {client_order_id}")
        self.floor.cancel(order.order_id, order.symbol)

    def settle_funding(self, symbol: str, rate: Decimal | str) -> None:
        """Funding is settled now."""
        self.floor.settle_funding(symbol, rate)

    def kill_sockets(self, code: int | None = None, reason: str = "") -> None:
        """Ends every connection: without a word, or with a close code."""
        for socket in tuple(self.sockets):
            if code is None:
                socket.abort()
            else:
                socket.close(code, reason)

    def mute_sockets(self) -> None:
        """The connections of this moment go silent, pongs go on; new ones are not concerned."""
        for socket in self.sockets:
            socket.is_muted = True

    # -- for tests ----------------------------------------------------------------------------

    def calls_of(self, name: str) -> list[Call]:
        """Requests of one kind, in the order in which they arrived."""
        return [call for call in self.calls if call.name == name]

    def listening(self, topic: str) -> list[Socket]:
        """The connections that listen to something."""
        return [socket for socket in self.sockets if topic in socket.topics]

    async def until(self, holds: Callable[[], object], patience_s: float = _PATIENCE_S) -> None:
        """Waits until something holds, looking again whenever the venue hears or says anything.

        Raises:
            TimeoutError: After so many seconds of the wall.
        """
        if holds():
            return
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, reached))
        async with asyncio.timeout(patience_s):
            await reached

    # -- requests -----------------------------------------------------------------------------

    def carry(
        self, call: Call, act: Callable[[Call], Answer], reply: Callable[[Answer], None]
    ) -> None:
        """Has a socket's request done and answered, faults in between."""

        async def done() -> None:
            answer = await self._through(call, act, on_socket=True)
            if answer is not None:
                reply(answer)

        task = asyncio.get_running_loop().create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def is_hidden(self, call: Call, order: OrderData) -> bool:
        """Whether a list that lags does not show an order yet; asked once for each request."""
        return self.hidden(call)(0 if order.created_at is None else to_ns(order.created_at))

    def hidden(self, call: Call) -> Callable[[int], bool]:
        """What tells for this read whether something of a time (UTC ns) is not shown yet."""
        rule = self.faults.on_read(call, Fault.LAG)
        if rule is None:
            return lambda _at_ns: False
        if rule.seconds < 0:
            return lambda _at_ns: True
        shown_ns = self.clock.now_ns() - round(rule.seconds * NS_PER_S)
        return lambda at_ns: at_ns > shown_ns

    def snapshot(self, call: Call, symbol: str) -> OrderBookData | None:
        """The book as this request sees it."""
        rule = self.faults.on_read(call, Fault.STALE)
        return self.tapes[symbol].snapshot(0 if rule is None else rule.changes)

    # -- inside -------------------------------------------------------------------------------

    async def _on_request(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._on_socket(request)
        call = Call(
            name="",
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            body=await request.read(),
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        answer = await self.receive(call)
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return await self._answered(request, answer)

    async def _answered(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        body = answer.body if isinstance(answer.body, bytes) else ENCODER.encode(answer.body)
        headers = {"Content-Type": "application/json", **answer.headers}
        is_cut = headers.pop("X-Cut", None) is not None
        if not is_cut:
            return web.Response(body=body, status=answer.status, headers=headers)
        response = web.StreamResponse(status=answer.status, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    async def _through(
        self, call: Call, act: Callable[[Call], Answer], *, on_socket: bool
    ) -> Answer | None:
        """The answer to a request, after the faults; None for none."""
        self.calls.append(call)
        self._stir()
        rule = self.faults.on_call(call)
        if rule is None:
            return self._acted(call, act)
        if rule.fault is Fault.DELAY:
            await self.clock.sleep(rule.seconds)
            return self._acted(call, act)
        answer = self._acted(call, act) if _takes_effect(rule) else None
        return await self._spoiled(rule, answer, on_socket=on_socket)

    async def _spoiled(
        self, rule: Rule, answer: Answer | None, *, on_socket: bool
    ) -> Answer | None:
        """What becomes of an answer on its way back; None where none arrives."""
        if rule.fault is Fault.MIX:
            return await self._exchanged(answer)
        if rule.fault is Fault.ANSWER:
            return rule.answer
        if rule.fault is Fault.DELAY_ANSWER:
            await self.clock.sleep(rule.seconds)
            return answer
        if answer is not None and rule.change is not None:
            return Answer(rule.change(answer.body), answer.status, answer.headers)
        if answer is not None and rule.fault is Fault.TRUNCATE and not on_socket:
            return Answer(answer.body, answer.status, {**answer.headers, "X-Cut": "1"})
        if rule.how is Loss.SILENCE and not on_socket:
            await self._closing.wait()
        return None

    async def _exchanged(self, mine: Answer | None) -> Answer | None:
        """The other one's answer, as soon as there is one."""
        if self._mixed is None:
            self._mine = mine
            self._mixed = asyncio.get_running_loop().create_future()
            return await self._mixed
        waiting, self._mixed = self._mixed, None
        waiting.set_result(mine)
        return self._mine

    def _acted(self, call: Call, act: Callable[[Call], Answer]) -> Answer:
        try:
            with self.floor.serving(call.name):
                answer = act(call)
        except Exception as error:
            self._errors.append(error)
            raise
        self._stir()
        return answer

    async def _on_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        refused = self.refuse_socket(request.path, dict(request.query), headers)
        if refused is not None:
            return await self._answered(request, refused)
        offered = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
        raw = web.WebSocketResponse(
            autoping=False, compress=False, timeout=0.1, protocols=tuple(filter(None, offered))
        )
        await raw.prepare(request)
        socket = NetworkSocket(raw, request, faults=self.faults, clock=self.clock, stir=self._stir)
        writer = asyncio.get_running_loop().create_task(socket.write())
        try:
            self.welcome(socket)
            await socket.read(self.hear)
        finally:
            self.farewell(socket)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return raw

    # -- what a carrier of bytes brings -------------------------------------------------------

    @property
    def failures(self) -> Sequence[Exception]:
        """What broke inside so far."""
        return tuple(self._errors)

    async def receive(self, call: Call) -> Answer | None:
        """The answer to a request over HTTP, after the faults; None where none arrives."""
        return await self._through(self.named(call), self.respond, on_socket=False)

    def welcome(self, socket: Socket) -> None:
        """A connection is open."""
        self.sockets.append(socket)
        self.opened(socket)
        self._stir()

    def farewell(self, socket: Socket) -> None:
        """A connection is gone, also one that was never welcome."""
        if socket in self.sockets:
            self.sockets.remove(socket)
            self.closed(socket)
        socket.release()
        self._stir()

    def hear(self, socket: Socket, text: str) -> None:
        """A client has said something."""
        try:
            self.heard(socket, text)
        except Exception as error:
            self._errors.append(error)
            raise

    def _listen(self, symbol: str, tape: BookTape) -> None:
        stream = self.floor.public.of(symbol)
        tape.listen(self._guarded(self.book_changed))
        stream.trades.add(self._guarded(self.traded))
        stream.books.add(self._guarded(tape.take))
        stream.tickers.add(self._guarded(self.priced))

    def _guarded(self, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        """The paper venue logs what a listener raises; here it counts."""

        def told(data: object) -> None:
            try:
                tell(data)
            except Exception as error:
                self._errors.append(error)
                raise
            self._stir()

        return told

    def _again(self, seconds: float, act: Callable[[], None]) -> None:
        if not self._closing.is_set():
            act()
            self.every(seconds, act)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and error not in self._errors:
            self._errors.append(error)

    def _stir(self) -> None:
        waiting, self._waiting = self._waiting, []
        for holds, reached in waiting:
            if reached.done():
                continue
            if holds():
                reached.set_result(None)
            else:
                self._waiting.append((holds, reached))


_EFFECTIVE: Final = frozenset(
    {Fault.LOSE_ANSWER, Fault.TRUNCATE, Fault.DELAY_ANSWER, Fault.MIX, Fault.ALTER}
)


def _takes_effect(rule: Rule) -> bool:
    """Whether a request reaches matching in spite of the fault."""
    if rule.fault is Fault.ANSWER:
        return rule.after_acceptance
    return rule.fault in _EFFECTIVE


def decoded(text: str | bytes) -> Any:  # noqa: ANN401 # JSON has any shape
    """JSON as Python values, numbers with a point as Decimal; None for what is no JSON."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
