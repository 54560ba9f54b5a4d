"""TWS on 127.0.0.1, over the paper venue's matching.

    async with TwsVenue() as venue:
        venue.trade("200")
        ib = IB(); await ib.connectAsync("127.0.0.1", venue.port, clientId=7)
        venue.lose_connectivity()                 1100
        venue.restore_connectivity(keeps_data=False)   1101

Not as the real one: account values are not rounded to cents and come at once, not every three
minutes; the average cost leaves commissions out; a contract's hours are those of one week.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    Instrument,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
    TickerData,
    TimeInForce,
    TradeData,
    UserData,
    plain,
    to_ns,
)
from core.errors import OrderNotFound, OrderRejected, VenueUnavailable
from core.testing.venues.faults import Answer, Call, Fault, Kind, Loss
from core.testing.venues.server import LoopbackVenue
from core.testing.venues.socket import Socket
from core.testing.venues.tape import BookChange
from core.testing.venues.tws import words
from core.testing.venues.tws.contracts import TEST, Contract, stock
from core.testing.venues.tws.session import Line, Session
from core.testing.venues.tws.words import Fields, Ticket

_HOST: Final = "127.0.0.1"
PAPER_ACCOUNT: Final = "DU1234567"
_ORDER_FIELDS: Final = 115
"""Of a plain order at server version 176."""
_CONTRACT: Final = slice(2, 14)
_CASH: Final = "CASH"
_BID, _ASK, _LAST, _MARK = 1, 2, 4, 37
_BAR_SECONDS: Final = {
    "1 min": 60,
    "5 mins": 300,
    "15 mins": 900,
    "30 mins": 1_800,
    "1 hour": 3_600,
    "4 hours": 14_400,
    "1 day": 86_400,
}
_TIMES: Final = {
    "GTC": TimeInForce.GTC,
    "DAY": TimeInForce.GTC,
    "": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}


class TwsVenue(LoopbackVenue):
    """See the module's text.

    Args:
        contracts: What is traded; the stock of the contract suite when empty.
        account: The account that a login has.
        settings: Those of `LoopbackVenue`.
    """

    name: ClassVar[str] = "ibkr"
    profile: ClassVar[str] = "ibkr"

    def __init__(
        self,
        contracts: Sequence[Contract] = (),
        *,
        account: str = PAPER_ACCOUNT,
        **settings: Any,  # noqa: ANN401 # those of LoopbackVenue
    ) -> None:
        chosen = tuple(contracts) or (stock(TEST),)
        self.contracts = {item.instrument.symbol: item for item in chosen}
        super().__init__(instruments=[item.instrument for item in chosen], **settings)
        self.account = account
        self.sessions: list[Session] = []
        self.is_cut = False
        """Whether the servers behind TWS cannot be reached."""
        self.linger_s = 0.0
        """How long the client id of a connection that ended stays in use."""
        self._lingering: set[int] = set()
        self._tickets: dict[str, Ticket] = {}
        """Client id at the floor -> who placed it."""
        self._by_order: dict[str, Ticket] = {}
        """Order id at the floor -> who placed it."""
        self._next_id = 1
        self._server: asyncio.Server | None = None
        self._corrected: dict[str, tuple[int, FillData]] = {}
        """Trade id at the floor -> the correction's number, and what is right."""

    # -- life ---------------------------------------------------------------------------------

    async def come_back(self) -> None:
        """Takes connections, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, _HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        """Ends every connection and refuses new ones, as at the daily restart."""
        self.kill_sockets()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def kill_sockets(self, code: int | None = None, reason: str = "") -> None:
        """Ends every connection without a word."""
        del code, reason
        for session in tuple(self.sessions):
            session.abort()

    def mute_sockets(self) -> None:
        """The connections of this moment go silent; new ones are not concerned."""
        for session in self.sessions:
            session.is_muted = True

    @property
    def url(self) -> str:
        """As an adapter is told it."""
        return f"tcp://{_HOST}:{self.port}"

    @property
    def public_url(self) -> str:
        """The same for everything."""
        return self.url

    @property
    def private_url(self) -> str:
        """The same for everything."""
        return self.url

    @classmethod
    def test_markets(cls) -> list[Instrument]:
        """The stock of the contract suite."""
        return [stock(TEST).instrument]

    # -- stories ------------------------------------------------------------------------------

    def lose_connectivity(self) -> None:
        """TWS stays, IBKR's servers are gone: 1100. The market and its matching go on."""
        for session in self.sessions:
            session.reply(words.error(-1, 1100, "Connectivity between IBKR and TWS has been lost."))
        self.is_cut = True

    def restore_connectivity(self, *, keeps_data: bool) -> None:
        """1102, or 1101: then market data must be asked for again."""
        self.is_cut = False
        code = 1102 if keeps_data else 1101
        for session in self.sessions:
            if not keeps_data:
                session.lines.clear()
            words_ = "data maintained" if keeps_data else "data lost"
            session.reply(words.error(-1, code, f"Connectivity has been restored - {words_}."))

    def correct_execution(self, client_order_id: str, price: Decimal | str) -> None:
        """The newest execution of an order is told again with another price, as revision 2."""
        order = self.floor.order(client_order_id=client_order_id)
        if order is None:
            raise LookupError(f"nobody placed {client_order_id}")
        fill = [f for f in self.floor.fills() if f.order_id == order.order_id][-1]
        changes = {"price": Decimal(price)}
        right = FillData(
            **{name: getattr(fill, name) for name in fill.__dataclass_fields__} | changes
        )
        self._corrected[fill.trade_id] = (2, right)
        self._tell_fill(fill)

    def say(self, code: int, text: str = "", request_id: int = -1) -> None:
        """TWS tells everyone a code."""
        for session in self.sessions:
            session.reply(words.error(request_id, code, text or f"code {code}"))

    # -- what an HTTP venue has, and this one has not -------------------------------------------

    def named(self, call: Call) -> Call:
        """There is no HTTP here."""
        return call

    def respond(self, call: Call) -> Answer:
        """There is no HTTP here."""
        raise NotImplementedError(call.path)

    def heard(self, socket: Socket, text: str) -> None:
        """There is no WebSocket here."""
        raise NotImplementedError(text)

    # -- the server ---------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(writer, faults=self.faults, clock=self.clock, stir=self._stir)
        self.sessions.append(session)
        try:
            await session.read(reader, self._take)
        except asyncio.CancelledError:
            pass  # the loop ends, and with it the connection
        finally:
            self.sessions.remove(session)
            session.release()
            self._linger(session.client_id)
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                writer.close()
            self._stir()

    def _linger(self, client_id: int) -> None:
        if self.linger_s > 0 and client_id >= 0:
            self._lingering.add(client_id)
            self.clock.call_after_ns(
                round(self.linger_s * 1e9), partial(self._lingering.discard, client_id)
            )

    def _take(self, session: Session, fields: list[str]) -> None:
        try:
            name, act = self._acts(session, fields)
            self._carry_out(session, name, fields, act)
        except Exception as error:
            self._errors.append(error)
            raise

    def _carry_out(
        self, session: Session, name: str, fields: list[str], act: Callable[[], None]
    ) -> None:
        call = Call(name=name, method="", path=fields[0], params={"fields": fields})
        self.calls.append(call)
        rule = self.faults.on_call(call)
        if rule is None:
            act()
        elif rule.fault is Fault.DELAY:
            self.clock.call_after_ns(round(rule.seconds * 1e9), act)
        elif rule.fault is Fault.ANSWER and rule.answer is not None:
            # A test answers with a status for a code, and a body for its text.
            number = int(fields[2 if name == "cancel_order" else 1])
            session.reply(words.error(number, rule.answer.status, str(rule.answer.body)))
        elif rule.how is Loss.SILENCE:
            session.is_muted = True
        else:
            session.abort()
        if rule is not None and rule.fault is Fault.LOSE_ANSWER:
            act()

    def _acts(self, session: Session, f: list[str]) -> tuple[str, Callable[[], None]]:
        """The port's word for a request, and what it does."""
        later = partial
        table: dict[str, tuple[str, Callable[[], None]]] = {
            "1": ("subscribe_ticker", later(self._listen_to, session, f, Kind.TICKER)),
            "2": ("unsubscribe", later(self._drop_line, session, f, 2)),
            "3": ("create_order", later(self._place, session, f)),
            "4": ("cancel_order", later(self._cancel, session, f)),
            "5": ("get_open_orders", later(self._open_orders, session, is_own=True)),
            "6": ("get_balances", later(self._account_updates, session, f)),
            "7": ("get_fills", later(self._executions, session, f)),
            "9": ("get_instruments", later(self._details, session, f)),
            "10": ("subscribe_orderbook", later(self._listen_to, session, f, Kind.BOOK)),
            "11": ("unsubscribe", later(self._drop_line, session, f, 2)),
            "16": ("get_open_orders", later(self._open_orders, session, is_own=False)),
            "20": ("get_ohlcv", later(self._bars, session, f)),
            "49": ("health_check", later(self._time, session)),
            "58": ("cancel_all_orders", later(self._cancel_all)),
            "59": ("market_data_type", lambda: None),
            "61": ("get_positions", later(self._positions, session)),
            "62": ("account_summary", later(self._summary, session, f)),
            "63": ("unsubscribe", lambda: None),
            "64": ("unsubscribe", later(self._end_positions, session)),
            "71": ("connect", later(self._start, session, f)),
            "76": ("account_updates_multi", later(self._multi, session, f)),
            "77": ("unsubscribe", lambda: None),
            "96": ("get_trades", later(self._past_trades, session, f)),
            "97": ("subscribe_trades", later(self._listen_to, session, f, Kind.TRADE)),
            "98": ("unsubscribe", later(self._drop_line, session, f, 1)),
            "99": ("get_order_history", later(self._completed, session)),
        }
        found = table.get(f[0])
        if found is None:
            raise LookupError(f"the loopback TWS does not know message {f[0]}: {f}")
        return found

    # -- login --------------------------------------------------------------------------------

    def _start(self, session: Session, f: list[str]) -> None:
        client_id = int(f[2])
        is_lingering = client_id in self._lingering
        if is_lingering or any(other.client_id == client_id for other in self.sessions):
            session.reply(words.error(-1, 326, "Unable to connect as the client id is in use."))
            session.close()
            return
        session.client_id = client_id
        session.reply(["15", "1", self.account])
        session.reply(["9", "1", str(self._next_id)])
        session.reply(words.error(-1, 2104, "Market data farm connection is OK:usfarm"))
        if self.is_cut:
            session.reply(words.error(-1, 2110, "Connectivity between TWS and server is broken."))

    def _time(self, session: Session) -> None:
        session.reply(["49", "1", str(self.now_ms() // 1000)])

    # -- contracts ----------------------------------------------------------------------------

    def _contract(self, fields: Sequence[str]) -> Contract | None:
        return next((item for item in self.contracts.values() if item.matches(fields)), None)

    def _details(self, session: Session, f: list[str]) -> None:
        request_id = int(f[2])
        contract = self._contract(f[3:15])
        if contract is None:
            text = "No security definition has been found for the request"
            session.reply(words.error(request_id, 200, text))
            return
        session.reply(["10", str(request_id), *contract.details()])
        session.reply(["52", "1", str(request_id)])

    # -- market data --------------------------------------------------------------------------

    def _listen_to(self, session: Session, f: list[str], kind: Kind) -> None:
        place = 1 if kind is Kind.TRADE else 2
        request_id = int(f[place])
        head = _head_of_depth(f) if kind is Kind.BOOK else f[place + 1 : place + 13]
        contract = self._contract(head)
        if contract is None:
            session.reply(words.error(request_id, 200, "No security definition has been found"))
            return
        if kind is Kind.TRADE and contract.sec_type == _CASH:
            session.reply(words.error(request_id, 10189, "No tick-by-tick trades for this type"))
            return
        line = Line(request_id=request_id, kind=kind, symbol=contract.instrument.symbol)
        session.lines[request_id] = line
        if kind is Kind.TICKER:
            session.reply(["58", "1", str(request_id), "1"])
            tick = plain(contract.instrument.tick_size)
            session.reply(["81", str(request_id), tick, "a6", "3"])
            with contextlib.suppress(VenueUnavailable):
                self._tell_ticker(session, line, self.floor.ticker(line.symbol))
            if f[-3] == "1":  # a snapshot
                del session.lines[request_id]
                session.reply(["57", "1", str(request_id)])
        elif kind is Kind.BOOK:
            self._tell_depth(session, line)

    def _drop_line(self, session: Session, f: list[str], place: int) -> None:
        session.lines.pop(int(f[place]), None)

    def _listening(self, kind: Kind, symbol: str) -> list[tuple[Session, Line]]:
        if self.is_cut:
            return []
        return [
            (session, line)
            for session in self.sessions
            for line in tuple(session.lines.values())
            if line.kind is kind and line.symbol == symbol
        ]

    def priced(self, ticker: TickerData) -> None:
        """Bid, ask, last and mark."""
        for session, line in self._listening(Kind.TICKER, ticker.symbol):
            self._tell_ticker(session, line, ticker)

    def _tell_ticker(self, session: Session, line: Line, ticker: TickerData) -> None:
        parts: list[tuple[int, Decimal | None, Decimal | None]] = [
            (_BID, ticker.bid, ticker.bid_amount),
            (_ASK, ticker.ask, ticker.ask_amount),
            (_MARK, ticker.mark, None),
        ]
        if self.contracts[line.symbol].sec_type != _CASH:
            parts.insert(2, (_LAST, ticker.last, Decimal(1)))
        for tick, price, size in parts:
            shown = Decimal(-1) if price is None else price
            session.push(words.price_tick(line.request_id, tick, shown, size), Kind.TICKER)

    def book_changed(self, change: BookChange) -> None:
        """Depth."""
        for session, line in self._listening(Kind.BOOK, change.symbol):
            self._tell_depth(session, line)

    def _tell_depth(self, session: Session, line: Line) -> None:
        book = self.floor.book(line.symbol)
        if book is None:
            return
        for side, before, after in (
            (1, line.told[0], book.bids),
            (0, line.told[1], book.asks),
        ):
            for place, level in enumerate(after):
                if place < len(before) and before[place] == level:
                    continue
                operation = 1 if place < len(before) else 0
                row = words.depth_row(
                    line.request_id, place, operation, side, level.price, level.amount
                )
                session.push(row, Kind.BOOK)
            for place in range(len(before) - 1, len(after) - 1, -1):
                row = words.depth_row(line.request_id, place, 2, side, Decimal(0), Decimal(0))
                session.push(row, Kind.BOOK)
        line.told = (book.bids, book.asks)

    def traded(self, trade: TradeData) -> None:
        """Tick by tick."""
        for session, line in self._listening(Kind.TRADE, trade.symbol):
            session.push(words.trade_tick(line.request_id, trade), Kind.TRADE)

    def _past_trades(self, session: Session, f: list[str]) -> None:
        request_id = int(f[1])
        contract = self._contract(f[2:14])
        if contract is None:
            session.reply(words.error(request_id, 200, "No security definition has been found"))
            return
        start, count = f[15], int(f[17])
        trades = self.floor.trades(contract.instrument.symbol)
        if start:
            first = words.read_time(start)
            trades = [t for t in trades if t.at.replace(microsecond=0) >= first]
            page = trades[:count]
            # IBKR ends a page with whole seconds, so that the next one can begin after it.
            while len(page) < len(trades) and _second(trades[len(page)]) == _second(page[-1]):
                page.append(trades[len(page)])
        else:
            page = trades[-count:]
        session.reply(words.past_trades(request_id, page))

    def _bars(self, session: Session, f: list[str]) -> None:
        request_id = int(f[1])
        contract = self._contract(f[2:14])
        if contract is None or f[16] not in _BAR_SECONDS:
            session.reply(words.error(request_id, 162, "Historical Market Data Service error"))
            return
        symbol, seconds = contract.instrument.symbol, _BAR_SECONDS[f[16]]
        session.reply(words.bars(request_id, self.floor.candles(symbol, seconds, f[16])))

    # -- orders -------------------------------------------------------------------------------

    def _place(self, session: Session, f: list[str]) -> None:
        order_id = int(f[1])
        if len(f) != _ORDER_FIELDS:
            raise ValueError(f"a plain order has {_ORDER_FIELDS} fields, not {len(f)}")
        contract = self._contract(f[_CONTRACT])
        if contract is None:
            session.reply(words.error(order_id, 200, "No security definition has been found"))
            return
        if order_id < self._next_id:
            session.reply(words.error(order_id, 103, "Duplicate order id"))
            return
        if self.is_cut:
            session.reply(words.error(order_id, 1100, "Connectivity has been lost."))
            return
        self._next_id = order_id + 1
        ref = f[26]
        is_taken = bool(ref) and any(o.client_order_id == ref for o in self.floor.open_orders())
        alias = f"n{session.client_id}x{order_id}" if is_taken or not ref else ref
        self._tickets[alias] = Ticket(
            client_id=session.client_id, order_id=order_id, ref=ref, account=self.account
        )
        is_limit = f[18] == "LMT"
        try:
            self.floor.create(
                contract.instrument.symbol,
                OrderSide.BUY if f[16] == "BUY" else OrderSide.SELL,
                OrderType.LIMIT if is_limit else OrderType.MARKET,
                Decimal(f[17]),
                Decimal(f[19]) if is_limit else None,
                OrderOptions(client_order_id=alias, time_in_force=_TIMES[f[21]]),
            )
        except OrderRejected as refused:
            text = f"Order rejected - reason:{refused.code}: {refused.message}"
            session.reply(words.error(order_id, 201, text))

    def _cancel(self, session: Session, f: list[str]) -> None:
        number = int(f[2])
        mine = (session.client_id, number)
        known = next(
            (key for key, t in self._by_order.items() if (t.client_id, t.order_id) == mine), None
        )
        order = None if known is None else self.floor.order(known)
        if order is None:
            text = f"OrderId {number} that needs to be cancelled is not found."
            session.reply(words.error(number, 10147, text))
            return
        try:
            self.floor.cancel(order.order_id, order.symbol)
        except OrderNotFound:
            state = "Filled" if order.remaining == 0 else "Cancelled"
            text = (
                f"OrderId {number} that needs to be cancelled cannot be cancelled, state: {state}."
            )
            session.reply(words.error(number, 10148, text))
        else:
            session.reply(words.error(number, 202, "Order Canceled - reason:"))

    def _cancel_all(self) -> None:
        self.floor.cancel_all()

    def _ticket(self, order: OrderData) -> Ticket:
        known = self._by_order.get(order.order_id)
        if known is None:
            ref = order.client_order_id or ""
            known = self._tickets.pop(ref, None) or Ticket(
                client_id=0, order_id=0, ref=ref, account=self.account
            )
            self._by_order[order.order_id] = known
        return known

    def _open_orders(self, session: Session, *, is_own: bool) -> None:
        for order in self.floor.open_orders():
            ticket = self._ticket(order)
            if is_own and ticket.client_id != session.client_id:
                continue
            session.reply(words.open_order(self.contracts[order.symbol], order, ticket))
            session.reply(words.order_status(order, ticket))
        session.reply(["53", "1"])

    def _completed(self, session: Session) -> None:
        for order in self.floor.closed_orders():
            row = words.completed_order(self.contracts[order.symbol], order, self._ticket(order))
            session.reply(row)
        session.reply(["102"])

    def told(self, data: UserData) -> None:
        """Something happened to the account."""
        if isinstance(data, OrderData):
            ticket = self._ticket(data)
            for session in self._hearing(ticket):
                if not data.status.is_final:
                    row = words.open_order(self.contracts[data.symbol], data, ticket)
                    session.push(row, Kind.ORDER)
                session.push(words.order_status(data, ticket), Kind.ORDER)
        elif isinstance(data, FillData):
            self._tell_fill(data)
        elif isinstance(data, PositionData):
            self._tell_position(data)
        elif isinstance(data, BalanceData):
            for session in self._online():
                if session.wants_account:
                    self._tell_account(session)

    def _online(self) -> list[Session]:
        return [] if self.is_cut else [s for s in self.sessions if s.client_id >= 0]

    def _hearing(self, ticket: Ticket) -> list[Session]:
        """An order's news go to the client that placed it."""
        return [s for s in self._online() if s.client_id == ticket.client_id]

    def _ticket_of(self, fill: FillData) -> Ticket:
        order = self.floor.order(fill.order_id)
        if order is None:
            raise LookupError(fill.order_id)
        return self._ticket(order)

    def _tell_fill(self, fill: FillData) -> None:
        for session in self._hearing(self._ticket_of(fill)):
            for row in self._fill_rows(-1, fill):
                session.push(row, Kind.FILL)

    def _fill_rows(self, request_id: int, fill: FillData) -> list[Fields]:
        contract = self.contracts[fill.symbol]
        revision, fill = self._corrected.get(fill.trade_id, (1, fill))
        order = self.floor.order(fill.order_id)
        filled = fill.amount if order is None else order.filled
        row = words.execution(
            request_id,
            contract,
            fill,
            self._ticket_of(fill),
            filled=filled,
            average=fill.price,
            revision=revision,
        )
        return [row, words.commission(contract, fill, revision)]

    def _executions(self, session: Session, f: list[str]) -> None:
        request_id = int(f[2])
        since = words.read_time(f[5]) if f[5] else None
        call = self.calls[-1]
        is_hidden = self.hidden(call)
        for fill in self.floor.fills():
            if since is not None and fill.at.replace(microsecond=0) < since:
                continue
            if is_hidden(to_ns(fill.at)):
                continue
            for row in self._fill_rows(request_id, fill):
                session.reply(row)
        session.reply(["55", "1", str(request_id)])

    # -- account ------------------------------------------------------------------------------

    def _tell_position(self, data: PositionData) -> None:
        contract = self.contracts[data.symbol]
        if contract.sec_type == _CASH:
            return
        row = words.position(contract, self.account, data.size, data.entry_price)
        for session in self._online():
            if session.wants_positions:
                session.push(row, Kind.ACCOUNT)

    def _positions(self, session: Session) -> None:
        session.wants_positions = True
        for data in self.floor.positions():
            contract = self.contracts[data.symbol]
            if data.size and contract.sec_type != _CASH:
                session.reply(words.position(contract, self.account, data.size, data.entry_price))
        session.reply(["62", "1"])

    def _end_positions(self, session: Session) -> None:
        session.wants_positions = False

    def _account_updates(self, session: Session, f: list[str]) -> None:
        session.wants_account = f[2] == "1"
        if not session.wants_account:
            return
        self._tell_account(session)
        session.reply(["54", "1", self.account])

    def _multi(self, session: Session, f: list[str]) -> None:
        for tag, value, currency in self._values():
            session.reply(["73", "1", f[2], self.account, "", tag, value, currency])
        session.reply(["74", "1", f[2]])

    def _summary(self, session: Session, f: list[str]) -> None:
        for tag, value, currency in self._values():
            if tag != "CashBalance":
                session.reply(["63", "1", f[2], self.account, tag, value, currency])
        session.reply(["64", "1", f[2]])

    def _values(self) -> list[tuple[str, str, str]]:
        """Cash by currency, and what the account is worth, in dollars."""
        held = [item for item in self.floor.positions() if item.size]
        (usd,) = [item for item in self.floor.balances() if item.asset == "USD"]
        cash: dict[str, Decimal] = {"USD": usd.equity if usd.equity is not None else usd.total}
        for item in held:
            mark = self.floor.market(item.symbol).mark
            cash["USD"] -= item.size * (Decimal(0) if mark is None else mark)
            contract = self.contracts[item.symbol]
            if contract.sec_type == _CASH:
                cash[contract.symbol] = cash.get(contract.symbol, Decimal(0)) + item.size
        equity = usd.equity if usd.equity is not None else usd.total
        return [
            ("AccountType", "INDIVIDUAL", ""),
            ("NetLiquidation", plain(equity), "USD"),
            ("AvailableFunds", plain(usd.free), "USD"),
            *(("CashBalance", plain(amount), asset) for asset, amount in cash.items()),
        ]

    def _tell_account(self, session: Session) -> None:
        for item in self.floor.positions():
            mark = self.floor.market(item.symbol).mark
            if item.size and mark is not None:
                row = words.portfolio(
                    self.contracts[item.symbol], self.account, item.size, item.entry_price, mark
                )
                session.push(row, Kind.ACCOUNT)
        for tag, value, currency in self._values():
            row = words.account_value(tag, value, currency, self.account)
            session.push(row, Kind.ACCOUNT)


def _head_of_depth(f: list[str]) -> list[str]:
    """The contract of a depth request, which names its fields in the same order."""
    return f[3:15]


def _second(trade: TradeData) -> int:
    return int(trade.at.timestamp())
