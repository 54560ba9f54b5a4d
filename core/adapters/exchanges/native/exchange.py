"""The common body of adapters that speak a venue's own protocol.

    <venue>/adapter.py   the class: which sockets there are, which topics make a ticker, a book …
    <venue>/rest.py      requests: paths, bodies, signatures, answers to `*Data`
    <venue>/stream.py    dialects: what is said on a socket and what is heard
    <venue>/parse.py …   pure, as before

Here stands what does not differ: the life of the adapter, who listens to what, which connection
carries which topic, events, status, and the promises about order. A venue's class says
`_load`, `_prove`, `_public` and `_private`, and carries out the questions and orders.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Final, TypeVar

from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.socket import Connection, Seams
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.interface import (
    EventCallback,
    ExchangeInterface,
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
    HealthReport,
    Instrument,
    Margin,
    TickerData,
    UserData,
    plain,
)
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings, rules_change
from core.adapters.exchanges.native.rest import Rest
from core.adapters.exchanges.settings import VenueSettings
from core.errors import (
    AuthError,
    NotSent,
    NotSupported,
    OrderRejected,
    VenueError,
)
from core.infrastructure.clock import Cancellable, Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

REFRESH_S: Final = 1_500.0
"""Instrument rules are asked for again after so long (reliability V21)."""

RENEW_S: Final = 60.0
"""And once in so long where the venue refuses orders."""

_EPISODE_NS: Final = 10_000_000_000
"""Longer than a request is on its way: what was refused within it was stamped before it."""

_BY_HEALTH: Final = (
    ConnectionState.LIVE,
    ConnectionState.STALE,
    ConnectionState.SNAPSHOT,
    ConnectionState.RESUBSCRIBING,
    ConnectionState.AUTHENTICATING,
    ConnectionState.CONNECTING,
    ConnectionState.RECONNECTING,
    ConnectionState.DISCONNECTED,
)
"""From well to ill: the adapter is as well as its illest connection."""


class Stream(Enum):
    """What can be subscribed to about a symbol."""

    TICKER = "ticker"
    BOOK = "book"
    TRADES = "trades"


@dataclass(frozen=True, slots=True)
class Feed:
    """A topic that carries a part of a stream."""

    connection: Connection
    topic: Topic
    has_snapshot: bool = False
    """Whether the venue sends the state of things at once."""


def _nobody(rules: Sequence[Instrument]) -> None:
    del rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What an adapter stands on.

    `budgets` are shared by all adapters of an engine, the transport is the adapter's own: it is
    closed with it.
    """

    seams: Seams
    budgets: Budgets
    settings: VenueSettings
    credentials: Credentials | None = None
    expected: tuple[Instrument, ...] = field(default=())
    """Rules that a configuration was planned with; a venue whose rules differ is refused."""
    margins: Mapping[str, Margin] = field(default_factory=dict)
    """Symbol of a perpetual -> what must be in force before anything is traded."""
    learned: Callable[[Sequence[Instrument]], None] = _nobody
    """Told of the rules that the venue told, each time that it was asked."""

    @property
    def clock(self) -> Clock:
        """The engine's."""
        return self.seams.clock


class NativeExchange(ExchangeInterface):
    """One account at a venue that is spoken to natively.

    Events: CONNECTED and DISCONNECTED when asked for; RECONNECTING, STALE and RECOVERED of any
    connection in use; AUTHENTICATED; RATE_LIMITED.

    Args:
        venue: Its name.
        doors: What it stands on.
    """

    title: str = ""
    """The venue's name for people."""

    def __init__(self, venue: str, doors: Doors) -> None:
        self.venue = venue
        self.account = doors.credentials.account if doors.credentials is not None else ""
        self.hub = Hub(venue)
        self.listings = Listings(venue, self.account)
        self.dead_mans_switch_s = doors.settings.dead_mans_switch_s
        self._doors = doors
        self._clock = doors.clock
        self._events = EventListeners()
        self._is_open = False
        self._is_authenticated = False
        self._detail = ""
        self._handles: dict[str, list[Subscription]] = {}
        """Symbol -> subscriptions."""
        self._refresh: Cancellable | None = None
        self._rebuilding: set[Connection] = set()
        """Sockets that were lost and are not live again yet."""
        self._renewed_ns: int | None = None
        """Monotonic time of the last asking for rules that a refusal was the reason of."""
        self._measures_from_ns = 0
        """Monotonic time from which on a refused stamp is a new episode."""

    # -- what a venue says --------------------------------------------------------------------

    @property
    @abstractmethod
    def rest(self) -> Rest:
        """Its requests."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What it can do."""

    @property
    @abstractmethod
    def public(self) -> tuple[Connection, ...]:
        """Sockets for what everybody may hear."""

    @property
    @abstractmethod
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """Sockets that are opened by `authenticate`, with the topics that they always have."""

    @abstractmethod
    async def _load(self) -> Sequence[Listing]:
        """Everything tradable.

        Raises:
            VenueError: If the venue does not answer.
        """

    @abstractmethod
    async def _prove(self) -> None:
        """Checks that the keys are those of the pinned account, and what they may do.

        Raises:
            AuthError: If they are refused, belong to another account, or may withdraw.
        """

    @abstractmethod
    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        """The topics that carry a stream of an instrument.

        Raises:
            NotSupported: If there is none.
        """

    @abstractmethod
    async def _server_ns(self) -> int | None:
        """The venue's time; None where it tells none, and then only the answer counts."""

    # -- life cycle ---------------------------------------------------------------------------

    async def connect(self) -> bool:
        """Loads instruments; sockets are opened with their first topic."""
        if self._is_open:
            return True
        self.rest.is_open = True
        self.rest.on_out_of_time = self._measure_anew
        try:
            self.listings.replace(await self._load())
        except BaseException:
            self.rest.is_open = False
            raise
        difference = self._difference() or self._missing_switch()
        if difference:
            self.rest.is_open = False
            self._detail = difference
            return False
        self._is_open = True
        self._detail = ""
        self._doors.learned(self.listings.instruments())
        self._schedule_refresh()
        self._tell(EventType.CONNECTED)
        return True

    async def disconnect(self) -> None:
        """Closes every socket; resting orders stay."""
        was_open, self._is_open = self._is_open, False
        self._is_authenticated = False
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        for connection in self._all():
            await connection.stop()
        self.rest.is_open = False
        await self._doors.seams.transport.close()
        self.hub.clear()
        self.hub.forget_prices()
        self._handles.clear()
        self._detail = ""
        if was_open:
            self._tell(EventType.DISCONNECTED, "asked for")

    async def authenticate(self) -> bool:
        """Proves who we are and opens the private sockets."""
        if self._is_authenticated:
            return True
        if not self._is_open:
            self._detail = self._detail or "not connected"
            return False
        if self._doors.credentials is None:
            self._detail = f"there are no keys for {self.venue}"
            return False
        try:
            await self._prove()
            for connection, topics in self.private:
                await connection.start()
                for topic in topics:
                    await connection.subscribe(topic)
        except AuthError as error:
            self._detail = str(error)
            return False
        self._is_authenticated = True
        self._detail = await self._margin_difference()
        if self._detail:
            self._is_authenticated = False
            return False
        self._tell(EventType.AUTHENTICATED)
        return True

    async def prove(self) -> None:
        """Tries the keys and opens no socket: afterwards the account can be asked about.

        Raises:
            AuthError: As `_prove`; its `code` says what is wrong where that is known: WITHDRAW,
                RIGHTS, ACCOUNT or POSITION_MODE.
            VenueError: If the venue does not answer.
        """
        self.need_account()
        await self._prove()

    async def _margin_difference(self) -> str:
        """Puts the wanted margins into force; what the venue has instead, empty if all are.

        Both are read back, so that no order is sent under another leverage than was planned with
        (reliability V25).
        """
        for symbol, wanted in self._doors.margins.items():
            try:
                mode = (await self.set_margin_mode(symbol, wanted.mode)).margin_mode
                leverage = (await self.set_leverage(symbol, wanted.leverage)).leverage
            except NotSupported:
                continue
            except OrderRejected as error:
                return f"{symbol}: {error}"
            if (leverage, mode) != (wanted.leverage, wanted.mode):
                return (
                    f"{symbol} has leverage {plain(leverage)} {mode.value} at {self.venue}, and "
                    f"{plain(wanted.leverage)} {wanted.mode.value} in the configuration"
                )
        return ""

    async def health_check(self) -> HealthReport:
        """Asks the venue for its time."""
        began_ns, began_mono = self._clock.now_ns(), self._clock.monotonic_ns()
        try:
            self.rest.need_open()
            told_ns = await self._server_ns()
        except VenueError as error:
            return HealthReport(
                venue=self.venue,
                is_healthy=False,
                latency_ms=None,
                clock_skew_ms=None,
                detail=str(error),
            )
        took_ns = self._clock.monotonic_ns() - began_mono
        skew_ms = None if told_ns is None else (told_ns - began_ns - took_ns // 2) / 1e6
        return HealthReport(
            venue=self.venue,
            is_healthy=True,
            latency_ms=took_ns / 1e6,
            clock_skew_ms=skew_ms,
            detail=self._sick_detail(),
        )

    # -- what is known without asking ---------------------------------------------------------

    async def get_exchange_info(self) -> ExchangeInfo:
        """What the venue is and can do."""
        return ExchangeInfo(
            venue=self.venue,
            name=self.title or self.venue,
            capabilities=self.capabilities,
            symbols=tuple(sorted(item.symbol for item in self.listings if item.is_trading)),
        )

    async def get_instruments(self) -> list[Instrument]:
        """The rules of everything that trades, as loaded last."""
        self.rest.need_open()
        return self.listings.instruments()

    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """Newest prices, one question after the other."""
        wanted = sorted(self.listings.by_symbol) if symbols is None else symbols
        return [await self.get_ticker(symbol) for symbol in wanted]

    # -- subscriptions ------------------------------------------------------------------------

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Best bid and ask, mark and last, whichever the venue streams; latest wins."""
        return await self._subscribe(Stream.TICKER, symbol, self.hub.of(symbol).tickers, callback)

    async def subscribe_orderbook(self, symbol: str, callback: OrderBookCallback) -> Subscription:
        """The book after each read of the socket."""
        return await self._subscribe(Stream.BOOK, symbol, self.hub.of(symbol).books, callback)

    async def subscribe_trades(self, symbol: str, callback: TradeCallback) -> Subscription:
        """Every public trade."""
        return await self._subscribe(Stream.TRADES, symbol, self.hub.of(symbol).trades, callback)

    async def subscribe_user_data(
        self, callback: UserDataCallback, *, kinds: Collection[type[UserData]] | None = None
    ) -> Subscription:
        """Everything that the private sockets tell; they are opened by `authenticate`."""
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
        stream: Stream,
        symbol: str,
        listeners: Listeners[T],
        callback: Callable[[T], None],
    ) -> Subscription:
        self.rest.need_open()
        feeds = self._feeds(stream, self.listings.of(symbol))
        heard = listeners.add(callback)
        held: list[Feed] = []
        try:
            for feed in feeds:
                await feed.connection.start()
                await feed.connection.subscribe(feed.topic, has_snapshot=feed.has_snapshot)
                held.append(feed)
        except BaseException:
            _let_go(heard, held)
            raise
        handle = Subscription(lambda: _let_go(heard, held))
        self._handles.setdefault(symbol, []).append(handle)
        return handle

    # -- status and events --------------------------------------------------------------------

    def get_status(self) -> ExchangeStatus:
        """How the connections are, from memory."""
        running = [connection for connection in self._all() if connection.is_running]
        state = ConnectionState.LIVE if self._is_open else ConnectionState.DISCONNECTED
        ages: list[float] = []
        for connection in running:
            state = max(state, connection.state, key=_BY_HEALTH.index)
            if connection.dialect.watches_silence and len(connection.subscriptions):
                ages.append(connection.age_s())
        return ExchangeStatus(
            venue=self.venue,
            state=state,
            is_authenticated=self._is_authenticated,
            latency_ms=self.rest.latency_ms,
            data_age_s=max(ages, default=None),
            detail=self._detail or self._sick_detail(),
            feed="live",
        )

    def is_connected(self) -> bool:
        """Whether every public socket in use is live."""
        return self._is_open and all(
            connection.is_live for connection in self.public if connection.is_running
        )

    def is_authenticated(self) -> bool:
        """Whether the keys were accepted and every private socket is live."""
        return self._is_authenticated and all(
            connection.is_live for connection, _ in self.private if connection.is_running
        )

    def add_event_callback(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Calls back when something happens to a connection."""
        return self._events.add(event_type, callback)

    def remove_event_callback(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends a callback; unknown ones are ignored."""
        self._events.remove(event_type, callback)

    # -- for the venue's class ----------------------------------------------------------------

    def on_state(self, connection: Connection, state: ConnectionState, why: str) -> None:
        """Tells of a connection's change; give it to each `Connection` as `on_state`."""
        name = connection.dialect.name
        log.info("connection.%s venue=%s socket=%s why=%s", state.value, self.venue, name, why)
        if not self._is_open:
            return
        if state is ConnectionState.RECONNECTING:
            self._rebuilding.add(connection)
            self._tell(EventType.RECONNECTING, f"{name}: {why}")
        elif state is ConnectionState.STALE:
            self._tell(EventType.STALE, f"{name}: {why}")
        elif state is ConnectionState.LIVE and connection in self._rebuilding:
            # Not after mere silence: a quiet market would have everything compared again and again.
            self._rebuilding.discard(connection)
            self._tell(EventType.RECOVERED, name)

    def need_orders(self) -> None:
        """Checks that orders may be sent.

        Raises:
            NotSent: If we are not connected, or nobody proved who we are.
        """
        if self._is_open and self._is_authenticated:
            return
        self.rest.need_open()
        if not self._is_authenticated:
            raise NotSent(f"{self.venue}: no key was accepted.", venue=self.venue)

    def need_account(self) -> None:
        """Checks that the account may be asked about.

        Raises:
            AuthError: If nobody proved who we are.
            TransportError: If we are not connected.
        """
        self.rest.need_open()
        if self._doors.credentials is None:
            raise AuthError(f"{self.venue}: there are no keys.", venue=self.venue)

    # -- small parts --------------------------------------------------------------------------

    def _all(self) -> list[Connection]:
        found = [*self.public, *(connection for connection, _ in self.private)]
        return list(dict.fromkeys(found))

    def _tell(self, event_type: EventType, detail: str = "") -> None:
        self._events.tell(
            ExchangeEvent(
                venue=self.venue, event_type=event_type, at=self._clock.now(), detail=detail
            )
        )

    def _sick_detail(self) -> str:
        sick = [c for c in self._all() if c.is_running and not c.is_live and c.detail]
        return "; ".join(f"{c.dialect.name}: {c.detail}" for c in sick)

    def _difference(self) -> str:
        """How the venue's rules differ from those that were planned with; empty if they fit."""
        return next(filter(None, map(self.difference, self._doors.expected)), "")

    def _missing_switch(self) -> str:
        """Why the switch that was asked for cannot be had; empty where it can."""
        if self.dead_mans_switch_s is None or self.capabilities.has_dead_mans_switch:
            return ""
        return f"{self.venue} has no dead man's switch: take `dead_mans_switch_s` away"

    def difference(self, planned: Instrument) -> str:
        """Why an instrument cannot be traded as it was planned; empty if it can."""
        listing = self.listings.by_symbol.get(planned.symbol)
        if listing is None or listing.instrument is None:
            return f"{self.venue} has no {planned.symbol}"
        if not listing.is_trading:
            return f"{self.venue} does not trade {planned.symbol} now"
        for name in ("tick_size", "lot_size"):
            ours: Decimal = getattr(planned, name)
            theirs: Decimal = getattr(listing.instrument, name)
            if ours % theirs:
                return (
                    f"{planned.symbol}: {name} is {plain(theirs)} at {self.venue}, and "
                    f"{plain(ours)} in the configuration, which is no multiple of it"
                )
        return ""

    def renew_rules(self) -> None:
        """See `ExchangeInterface.renew_rules`."""
        now_ns = self._clock.monotonic_ns()
        if self._renewed_ns is None or now_ns - self._renewed_ns >= RENEW_S * 1e9:
            self._renewed_ns = now_ns
            self._spawn_reload()

    def _schedule_refresh(self) -> None:
        self._refresh = self._clock.call_after_ns(round(REFRESH_S * 1e9), self._begin_refresh)

    def _begin_refresh(self) -> None:
        self._spawn_reload()
        if self._is_open:
            self._schedule_refresh()

    def _spawn_reload(self) -> None:
        running = [connection for connection in self._all() if connection.is_live]
        if running:
            running[0].spawn(self._reload())

    def _measure_anew(self) -> None:
        """A request was refused for its stamp: the venue's time is asked for, once an episode.

        What was stamped before the answer is refused yet; it says nothing new.
        """
        now_ns = self._clock.monotonic_ns()
        running = [connection for connection in self._all() if connection.is_live]
        if running and now_ns >= self._measures_from_ns:
            self._measures_from_ns = now_ns + _EPISODE_NS
            log.warning("clock.refused venue=%s", self.venue)
            running[0].spawn(self._measure())

    async def _measure(self) -> None:
        try:
            await self._server_ns()
        except VenueError as error:
            log.info("clock.no_answer venue=%s error=%s", self.venue, error)
            self._measures_from_ns = 0

    async def _reload(self) -> None:
        before = {symbol: self.listings.by_symbol.get(symbol) for symbol in self._traded}
        try:
            self.listings.replace(await self._load())
        except VenueError as error:
            log.warning("instruments.not_refreshed venue=%s error=%s", self.venue, error)
            return
        self._doors.learned(self.listings.instruments())
        for symbol, known in before.items():
            change = rules_change(known, self.listings.by_symbol.get(symbol))
            if change:
                log.warning("instrument.changed venue=%s symbol=%s %s", self.venue, symbol, change)
                self._tell(EventType.INSTRUMENT_CHANGED, f"{symbol}: {change}")

    @property
    def _traded(self) -> set[str]:
        """Symbols that somebody here trades or listens to."""
        return {*self._handles, *(item.symbol for item in self._doors.expected)}


def _let_go(heard: Subscription, feeds: Sequence[Feed]) -> None:
    heard.cancel()
    for feed in feeds:
        feed.connection.unsubscribe(feed.topic)
