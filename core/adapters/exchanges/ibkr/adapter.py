"""Interactive Brokers through TWS or IB Gateway on this machine.

Keys: `account` alone; the login is TWS's. The address (`urls.tws` in `config/exchanges/ibkr.yaml`,
such as `tcp://127.0.0.1:4002?client_id=71`) must be of the account's kind: a paper account at a
live port, or the reverse, is refused before anything is asked.

An order carries our client order id as `orderRef`, and is known by IBKR's `permId`, which outlives
sessions. IBKR does not refuse an `orderRef` that is taken: one of an open order is refused here.
There is no post-only, no reduce-only and no deadline. Orders wait for the regular session
(`outsideRth` is never set); `hours()` says when that is. Executions are told since midnight.

Prices have the time at which they were heard, since TWS tells none, or were confirmed (`quiet.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from core.adapters.exchanges.connection.limiter import Limit
from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.answers import Answers
from core.adapters.exchanges.ibkr.borrowed import Borrowed
from core.adapters.exchanges.ibkr.errors import VENUE
from core.adapters.exchanges.ibkr.hearing import Ear
from core.adapters.exchanges.ibkr.library import Library, load_library
from core.adapters.exchanges.ibkr.life import Life
from core.adapters.exchanges.ibkr.lines import LineKind, Lines
from core.adapters.exchanges.ibkr.listing import Listing
from core.adapters.exchanges.ibkr.place import account_problem, read_place
from core.adapters.exchanges.ibkr.prices import Prices
from core.adapters.exchanges.ibkr.questions import Questions
from core.adapters.exchanges.ibkr.quiet import QuietWatch
from core.adapters.exchanges.ibkr.trading import Trading
from core.adapters.exchanges.ibkr.wire import Wire
from core.adapters.exchanges.interface import (
    EventCallback,
    OrderBookCallback,
    Subscription,
    TickerCallback,
    TradeCallback,
    UserDataCallback,
)
from core.adapters.exchanges.listeners import EventListeners, Listeners
from core.adapters.exchanges.models import (
    Capabilities,
    ConnectionState,
    EventType,
    ExchangeEvent,
    ExchangeInfo,
    ExchangeStatus,
    ExchangeType,
    HealthReport,
    UserData,
)
from core.adapters.exchanges.native.exchange import REFRESH_S, RENEW_S, Doors
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.settings import Address
from core.errors import AuthError, NotSupported, VenueError

log = logging.getLogger(__name__)

T = TypeVar("T")

ADDRESSES: Final = {"tws": Address(main="tcp://127.0.0.1:7496", test="tcp://127.0.0.1:7497")}
CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.STOCK, ExchangeType.SPOT}),
    has_post_only=False,
    has_reduce_only=False,
    orders_per_minute=2_700,
)
_GUESTS: Final = range(1_000, 10_000)
"""Client ids of those who only look."""


class IbkrExchange(Answers):
    """See the module's text.

    Events: CONNECTED and DISCONNECTED when asked for; STALE, RECONNECTING and RECOVERED of the
    connection; AUTHENTICATED; INSTRUMENT_CHANGED; ERROR for an execution that IBKR corrected after
    it was told.

    Args:
        doors: What it stands on; `expected` are the instruments that are to be traded.
        symbols: What is listed beside them; other symbols are looked up when they are asked for.
        library: The client library; the installed one when None.
        is_guest: Whether it only looks, beside an engine that may be connected: it logs in under a
            client id that is nobody's. Always so without an account.

    Raises:
        ExtraMissing: If none is installed.
        ConfigError: If the address is none.
    """

    title = "Interactive Brokers"

    def __init__(
        self,
        doors: Doors,
        *,
        symbols: Sequence[str] = (),
        library: Library | None = None,
        is_guest: bool = False,
    ) -> None:
        self.venue = VENUE
        self.account = doors.credentials.account if doors.credentials is not None else ""
        self.hub = Hub(VENUE)
        self.place = place = read_place(doors.settings.urls["tws"])
        if is_guest or not self.account:
            place = replace(place, client_id=_guest_id(doors.seams.rng.random()))
        self._doors = doors
        self._clock = clock = doors.clock
        self._events = EventListeners()
        self._symbols = tuple(dict.fromkeys((*(item.symbol for item in doors.expected), *symbols)))
        self._is_open = False
        self._is_authenticated = False
        self._detail = ""
        self._refusal: AuthError | None = None
        self._renewed_ns: int | None = None
        self._handles: dict[str, list[Subscription]] = {}
        known = load_library() if library is None else library
        budget = doors.budgets.of(f"{VENUE} {self.place.host}:{self.place.port}", Limit(45, 1.0))
        wire = Wire(known, clock)
        self._account = Account(self.account, clock, self.hub.tell_user, self._warn, self._look)
        self._life = Life(wire, place, self, clock, doors.seams.rng)
        self._lines = Lines(wire, self.hub, clock, lambda: budget.take(1))
        self._questions = Questions(wire, self._life, budget, known, self._account)
        self._listing = Listing(self._questions, doors.learned)
        self._prices = Prices(self._questions, self._listing, self._lines, self.hub, clock)
        self._quiet = QuietWatch(self._lines, self._questions, lambda: self._life.is_live, clock)
        borrowed = Borrowed(known, place, clock, self.check_accounts)
        self._trading = Trading(self._questions, self._listing, place.client_id, borrowed, clock)
        wire.tell(
            Ear(
                account=self._account,
                lines=self._lines,
                trading=self._trading,
                life=self._life,
                client_id=place.client_id,
                clock=clock,
                look=self._look,
            )
        )

    # -- life cycle ---------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Connects to TWS and looks the instruments up."""
        if self._is_open:
            return True
        self._refusal = None
        if self.account:
            self._detail = self._refused(
                account_problem(
                    self.place, self.account, is_testnet=self._doors.settings.is_testnet
                )
            )
            if self._detail:
                return False
        self._account.is_quiet = True
        self._detail = await self._life.start()
        if self._detail:
            return False
        try:
            await self._look_up_all()
            self._detail = self._listing.difference(self._doors.expected)
        except NotSupported as error:
            self._detail = str(error)
        except BaseException:
            await self._life.stop()
            raise
        if self._detail:
            await self._life.stop()
            return False
        self._is_open = True
        self._life.spawn(self._quiet.run())
        self._life.spawn(self._keep_rules())
        self._tell(EventType.CONNECTED)
        return True

    async def disconnect(self) -> None:
        """Ends all subscriptions and hangs up; orders that rest stay."""
        was_open, self._is_open = self._is_open, False
        self._is_authenticated = False
        await self._life.stop()
        await self._doors.seams.transport.close()
        self._lines.clear()
        self.hub.clear()
        self.hub.forget_prices()
        self._handles.clear()
        self._detail = ""
        if was_open:
            self._tell(EventType.DISCONNECTED, "asked for")

    async def authenticate(self) -> bool:
        """Whether TWS is logged in with the account that was pinned."""
        if self._is_authenticated:
            return True
        if not self._is_open:
            self._detail = self._detail or "not connected"
            return False
        if not self.account:
            self._detail = f"there is no account for {VENUE}"
            return False
        self._is_authenticated = True
        self._tell(EventType.AUTHENTICATED)
        return True

    async def health_check(self) -> HealthReport:
        """Asks TWS for the time, which it tells in whole seconds."""
        try:
            self._questions.need_live()
            began_ns = self._clock.now_ns()
            told_s = await self._life.ask_time()
        except VenueError as error:
            return HealthReport(
                venue=VENUE,
                is_healthy=False,
                latency_ms=None,
                clock_skew_ms=None,
                detail=self._detail or self._life.why or str(error),
            )
        ours_s = began_ns // 1_000_000_000
        within = told_s - ours_s in {0, 1}
        return HealthReport(
            venue=VENUE,
            is_healthy=True,
            latency_ms=self._life.latency_ms,
            clock_skew_ms=0.0 if within else (told_s - ours_s) * 1000.0,
        )

    # -- for the connection's life -------------------------------------------------------------

    def check_accounts(self, accounts: tuple[str, ...]) -> str:
        """Why a login may not be used; empty if it may."""
        if self.account and self.account not in accounts:
            return self._refused(f"TWS is logged in with another account than {self.account}")
        for account in accounts:
            problem = account_problem(
                self.place, account, is_testnet=self._doors.settings.is_testnet
            )
            if problem:
                return self._refused(problem)
        return ""

    def _refused(self, problem: str) -> str:
        if problem:
            self._refusal = AuthError(
                f"{VENUE}: {problem}.",
                venue=VENUE,
                code="ACCOUNT",
                remedy="Log in with the account that is kept here, or keep the other one: "
                "ctos keys set ibkr",
            )
        return problem

    @property
    def refusal(self) -> AuthError | None:
        """Why the login may not be used, where that is what a connection failed at."""
        return self._refusal

    async def read_state(self, *, is_first: bool) -> None:
        """Orders, executions, positions and values, as they are now."""
        if not self.account:
            return
        self._account.is_quiet = is_first
        await self._questions.state()
        self._account.is_quiet = False

    def _look(self) -> None:
        """Reads orders and executions: something happened that is not told to our client."""
        self._life.work(self._questions.news)

    async def listen_again(self, *, only_silent: bool = False) -> None:
        """Asks again for every line, or those that nothing was heard of."""
        if not only_silent:
            self.hub.forget_prices()
        self._lines.ask_again(only_silent=only_silent)

    def state_changed(self, state: ConnectionState, why: str) -> None:
        """Tells of the connection."""
        self._account.stir()
        if not self._is_open:
            return
        if state is ConnectionState.STALE:
            self._tell(EventType.STALE, why)
        elif state is ConnectionState.RECONNECTING:
            self.hub.forget_prices()
            self._tell(EventType.RECONNECTING, why)
        elif state is ConnectionState.LIVE:
            self._tell(EventType.RECOVERED, why)

    # -- what is known -------------------------------------------------------------------------

    async def get_exchange_info(self) -> ExchangeInfo:
        """What is listed; IBKR has more, which is looked up when it is asked for."""
        return ExchangeInfo(
            venue=VENUE,
            name=self.title,
            capabilities=CAPABILITIES,
            symbols=tuple(self._listing.symbols),
        )

    def renew_rules(self) -> None:
        """See `ExchangeInterface.renew_rules`."""
        now_ns = self._clock.monotonic_ns()
        if self._renewed_ns is None or now_ns - self._renewed_ns >= RENEW_S * 1e9:
            self._renewed_ns = now_ns
            self._life.spawn(self._renew_all())

    # -- subscriptions ------------------------------------------------------------------------

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Best bid and ask, last and mark, after each read of the socket that changed one."""
        return await self._subscribe(symbol, LineKind.QUOTE, self.hub.of(symbol).tickers, callback)

    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """The depth after each read of the socket that changed it."""
        return await self._subscribe(symbol, LineKind.DEPTH, self.hub.of(symbol).books, callback)

    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Every trade, those off the exchange's book included (`AllLast`)."""
        return await self._subscribe(symbol, LineKind.TRADES, self.hub.of(symbol).trades, callback)

    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """Orders that our client placed, their executions, positions and balances."""
        del kinds
        return self.hub.user.add(callback)

    async def unsubscribe(self, symbol: str | None = None) -> None:
        """Ends all subscriptions of a symbol, or all of them, private ones included."""
        for name in list(self._handles) if symbol is None else [symbol]:
            for handle in self._handles.pop(name, []):
                handle.cancel()
        self.hub.clear(symbol)

    async def _subscribe(
        self,
        symbol: str,
        kind: LineKind,
        listeners: Listeners[T],
        callback: Callable[[T], None],
    ) -> Subscription:
        line = self._lines.hold(await self._listing.of(symbol), kind)
        if line.refusal is not None:
            self._lines.release(line)
            raise line.refusal
        heard = listeners.add(callback)

        def let_go() -> None:
            heard.cancel()
            self._lines.release(line)

        handle = Subscription(let_go)
        self._handles.setdefault(symbol, []).append(handle)
        return handle

    # -- status and events --------------------------------------------------------------------

    def get_status(self) -> ExchangeStatus:
        """How the connection is, from memory."""
        state = self._life.state if self._is_open else ConnectionState.DISCONNECTED
        heard_ns = self._lines.heard_ns
        age_s = None if heard_ns is None else (self._clock.monotonic_ns() - heard_ns) / 1e9
        return ExchangeStatus(
            venue=VENUE,
            state=state,
            is_authenticated=self.is_authenticated(),
            latency_ms=self._life.latency_ms,
            data_age_s=age_s,
            detail=self._detail or (self._closed() if self._life.is_live else self._life.why),
            feed="live",
        )

    def is_connected(self) -> bool:
        """Whether TWS is there and reaches IBKR."""
        return self._is_open and self._life.is_live

    def is_authenticated(self) -> bool:
        """Whether the account may be asked about now."""
        return self._is_authenticated and self._life.is_live

    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Calls back when something happens to the connection."""
        return self._events.add(event_type, callback)

    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback; unknown ones are ignored."""
        self._events.remove(event_type, callback)

    # -- small parts --------------------------------------------------------------------------

    async def _look_up_all(self) -> None:
        """What is to be traded must be there; of the rest what is not is left out."""
        wanted = {item.symbol for item in self._doors.expected}
        for symbol in self._symbols:
            try:
                await self._listing.look_up(symbol)
            except NotSupported as error:
                if symbol in wanted:
                    raise
                log.info("contract.unknown venue=%s symbol=%s why=%s", VENUE, symbol, error)

    async def _keep_rules(self) -> None:
        """Looks contracts up again by age: rules change, and hours are told a week ahead."""
        while True:
            await self._clock.sleep(REFRESH_S)
            await self._renew_all()

    async def _renew_all(self) -> None:
        for symbol in self._listing.symbols:
            try:
                change = await self._listing.renew(symbol)
            except VenueError as error:
                log.warning("instruments.not_refreshed symbol=%s error=%s", symbol, error)
                continue
            if change:
                log.warning("instrument.changed venue=%s symbol=%s %s", VENUE, symbol, change)
                self._tell(EventType.INSTRUMENT_CHANGED, f"{symbol}: {change}")

    def _closed(self) -> str:
        """Which of what is listened to is not traded now, and until when."""
        now = self._clock.now()
        found = ((symbol, self._listing.closed(symbol, now)) for symbol in sorted(self._handles))
        return "; ".join(f"{symbol} is {why}" for symbol, why in found if why)

    def _warn(self, text: str) -> None:
        self._tell(EventType.ERROR, text)

    def _tell(self, event_type: EventType, detail: str = "") -> None:
        self._events.tell(
            ExchangeEvent(venue=VENUE, event_type=event_type, at=self._clock.now(), detail=detail)
        )


def _guest_id(chance: float) -> int:
    return _GUESTS.start + int(chance * len(_GUESTS))
