"""Any venue through ccxt: `ExchangeInterface` over ccxt's builders, signers and sockets.

    table.py       one row a venue: what differs, what may never be sent
    client.py      ccxt's object with our transport under it
    rest.py        one attempt, one outcome
    door.py        what every part below stands on
    market.py      questions about prices        records.py   questions about the account
    orders.py      what changes something        news.py      what happened to the account
    prices.py      what everybody may hear       trades.py    each public trade
    stream.py      watches that begin again, silence that is noticed
    sequence.py    numbers of books that ccxt does not look at
    accounts/      the account at each venue, read by our own parsers where there are some
    convert.py     ccxt's words in ours, pure
    errors.py      what ccxt's exceptions prove

Slower than a native adapter, and there for the venues that have none. It tells the same: every
trade, every execution once, books that are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core.adapters.exchanges.ccxt.accounts.kinds import account_of
from core.adapters.exchanges.ccxt.client import addresses_of, make_client
from core.adapters.exchanges.ccxt.client_ids import id_book
from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.door import Door
from core.adapters.exchanges.ccxt.market import Market
from core.adapters.exchanges.ccxt.news import News
from core.adapters.exchanges.ccxt.orders import Orders
from core.adapters.exchanges.ccxt.prices import Prices, nothing
from core.adapters.exchanges.ccxt.records import Records
from core.adapters.exchanges.ccxt.rest import CcxtRest
from core.adapters.exchanges.ccxt.sequence import BookNumbers
from core.adapters.exchanges.ccxt.stream import Watch, Watches
from core.adapters.exchanges.ccxt.table import Row, row_of
from core.adapters.exchanges.ccxt.trades import Trades
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.interface import Subscription
from core.adapters.exchanges.lighter.adapter import native_signer
from core.adapters.exchanges.lighter.sign import Signer
from core.adapters.exchanges.listeners import Listeners
from core.adapters.exchanges.models import (
    Capabilities,
    ConnectionState,
    EventType,
    ExchangeStatus,
    LeverageResult,
    MarginMode,
    MarginModeResult,
)
from core.adapters.exchanges.native.exchange import Doors, Feed, Stream, T
from core.adapters.exchanges.native.parts import Parts
from core.adapters.exchanges.settings import Address
from core.errors import TransportError

_SETTLED_S: Final = 0.05
_OPENS_IN_S: Final = 10.0


def addresses(name: str) -> dict[str, Address]:
    """The hosts of a venue by the names that a file may give others for.

    Raises:
        ConfigError: If ccxt has no such venue.
    """
    return addresses_of(row_of(name))


class CcxtExchange(Parts):
    """See the module's text.

    Args:
        name: Of the venue, with or without `ccxt-` before it.
        doors: What it stands on; `credentials` may be missing, for public data alone.
        shown_as: How configurations call it.
        make_signer: Makes what signs, where the venue has a signer of its own (Lighter).
    """

    _prices: Market
    _account: Records
    _orders: Orders

    def __init__(
        self,
        name: str,
        doors: Doors,
        *,
        shown_as: str = "",
        make_signer: Callable[[Doors], Signer] = native_signer,
    ) -> None:
        row = row_of(name)
        self._make_signer = make_signer
        super().__init__(shown_as or name, doors)
        self.row: Row = replace(row, venue=self.venue)
        self.title = row.title
        self._rest = CcxtRest(self.row, doors)
        self._client = self._new_client(doors)
        self._rest.client = self._client
        words = Words(self.row, self.account)
        self._door = Door(
            row=self.row,
            doors=doors,
            rest=self._rest,
            client=self._client,
            words=words,
            account=account_of(row.venue, words, self._client),
            ids=id_book(self.venue, row.client_ids),
            listings=self.listings,
            hub=self.hub,
        )
        self._prices = Market(self._door)
        self._account = Records(self._door)
        self._watches = Watches(
            doors.clock,
            doors.seams.rng,
            is_quiet=self._is_quiet,
            drop=self._drop,
            stands=self._stands,
            on_change=self._on_change,
        )
        self._news = News(self._door, self._watches, self._account, self._tell)
        self._orders = Orders(self._door, self._prices, self._account, self._news)
        self._trades = Trades(self._door, self._watches, self._prices)
        self._streams = Prices(self._door, self._watches, self._prices, self._trades)
        self._numbers = BookNumbers()

    def _new_client(self, doors: Doors) -> Any:  # noqa: ANN401 # ccxt has no types
        keys = {} if doors.credentials is None else self.row.keys(doors.credentials)
        return make_client(
            self.row, doors.settings, keys, self._rest, self, partial(self._make_signer, doors)
        )

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> CcxtRest:
        """Its requests."""
        return self._rest

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self.row.capabilities

    @property
    def public(self) -> tuple[Connection, ...]:
        """None of ours: ccxt has the sockets."""
        return ()

    @property
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """None of ours."""
        return ()

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        del stream, listing
        return ()

    async def _load(self) -> Sequence[Listing]:
        await self._rest.run(lambda: self._client.load_markets(True))  # noqa: FBT003 # ccxt's
        await self._set_clock()
        mode = self._client.precisionMode
        return self._door.words.take_markets(self._client.markets, mode)

    async def _set_clock(self) -> None:
        """Requests carry the venue's time: some refuse what is a second ahead of it."""
        options = self._client.options
        if not self._tells_time or "timeDifference" not in options:
            return
        began_ms = self._client.milliseconds()
        told_ms = int(await self._rest.run(self._client.fetch_time))
        options["timeDifference"] = (began_ms + self._client.milliseconds()) // 2 - told_ms

    @property
    def _tells_time(self) -> bool:
        return self.row.tells_time and bool(self._client.has.get("fetchTime"))

    def _begin_refresh(self) -> None:
        """Instruments anew, on a task of the watches: there is no connection of ours."""
        if self._is_open:
            self._watches.spawn(self._reload, "instruments")
            self._schedule_refresh()

    async def _server_ns(self) -> int | None:
        if self._tells_time:
            return int(await self._rest.run(self._client.fetch_time)) * 1_000_000
        symbol = next(iter(self._door.words.unified), None)
        if symbol is not None:
            await self._prices.book(symbol, 1)
        return None

    async def _prove(self) -> None:
        await self._rest.run(self._door.account.check_key)
        if self._door.account.is_premium:
            self._rest.be_premium()

    # -- life cycle ---------------------------------------------------------------------------

    async def disconnect(self) -> None:
        """Ends every watch, then ccxt's sockets."""
        await self._watches.close()
        if self._client.session is not None or self._client.clients:
            await self._client.close()
        await super().disconnect()
        self._trades.clear()
        self._news.clear()
        self._numbers.clear()

    async def authenticate(self) -> bool:
        """Proves who we are and listens to the account."""
        if self._is_authenticated:
            return True
        if not await super().authenticate():
            return False
        self._news.listen_to_caches()
        for method in ("watch_orders", "watch_my_trades"):
            if self._door.has(method):
                self._watches.begin(method, getattr(self._client, method), nothing, is_public=False)
        try:
            await self._until_open()
        except TransportError as error:
            self._is_authenticated = False
            self._detail = str(error)
            return False
        self._watches.spawn(self._news.begin, "catch_up")
        return True

    async def _until_open(self) -> None:
        """Waits until ccxt's private sockets stand and were told what we want to hear."""
        waited_s = settled_s = 0.0
        while settled_s < _SETTLED_S:
            settled_s = settled_s + 0.005 if self._stands() else 0.0
            await self._clock.sleep(0.005)
            waited_s += 0.005
            if waited_s > _OPENS_IN_S:
                failed = "; ".join(filter(None, (watch.failure for watch in self._watches.all)))
                raise TransportError(
                    f"{self.venue}: the private socket does not open: {failed or 'no answer'}"[
                        :300
                    ],
                    venue=self.venue,
                )

    def _sockets(self) -> list[Any]:
        """ccxt's, without what it keeps among them that is none."""
        clients = (self._client.clients or {}).items()
        return [client for url, client in clients if url.startswith("ws")]

    def _stands(self) -> bool:
        clients = self._sockets()
        return bool(clients) and all(item.isConnected for item in clients)

    def get_status(self) -> ExchangeStatus:
        """How the watches are, from memory."""
        state = ConnectionState.LIVE if self._is_open else ConnectionState.DISCONNECTED
        failed = [watch for watch in self._watches.all if watch.failure]
        if self._is_open and failed:
            state = ConnectionState.RECONNECTING
        return ExchangeStatus(
            venue=self.venue,
            state=state,
            is_authenticated=self._is_authenticated,
            latency_ms=self._rest.latency_ms,
            data_age_s=self._watches.age_s,
            detail=self._detail or self._sick_detail(),
            feed="live",
        )

    def is_connected(self) -> bool:
        """Whether every public watch lives."""
        return self._is_open and not any(
            watch.failure for watch in self._watches.all if watch.is_public
        )

    def is_authenticated(self) -> bool:
        """Whether the keys were accepted and every private watch lives."""
        return self._is_authenticated and not any(
            watch.failure for watch in self._watches.all if not watch.is_public
        )

    def _sick_detail(self) -> str:
        return "; ".join(
            f"{watch.name}: {watch.failure}" for watch in self._watches.all if watch.failure
        )

    # -- what ccxt's sockets tell -------------------------------------------------------------

    def on_message(self, message: object) -> str:
        """Orders and executions of a private message, before ccxt reads it.

        Returns:
            Why the socket must be given up; empty where it need not.

        Raises:
            MalformedMessage: If ccxt must not read it.
        """
        if not self._is_open:
            return ""
        if self._is_authenticated:
            self._news.heard(message)
        topic = self._numbers.gap(message) if self.row.counts_books else ""
        if topic:
            self.listings.count("book:gap")
            return f"a message of {topic} is missing"
        return ""

    def on_stumble(self, error: Exception) -> None:
        """A message that ccxt cannot read costs its socket."""
        self.listings.count(f"ccxt:{type(error).__name__}")

    def on_socket(self) -> None:
        """A socket stands."""
        self._watches.on_socket()

    def _on_change(self, watch: Watch, lives: bool) -> None:  # noqa: FBT001 # one of two
        if not self._is_open:
            return
        kind, _, symbol = watch.name.partition(" ")
        if not lives:
            self._news.was_lost |= not watch.is_public
            if kind == "watch_trades":
                self._trades.lose(symbol)
            self._tell(EventType.RECONNECTING, f"{watch.name}: {watch.failure}")
            return
        self._tell(EventType.RECOVERED, watch.name)
        if kind == "watch_trades":
            self._watches.spawn(partial(self._trades.catch_up, symbol), "trades")
        if self._news.was_lost and self.is_authenticated():
            self._watches.spawn(self._news.begin, "catch_up")

    def _drop(self, why: str) -> None:
        """Gives every socket up; the watches open them anew."""
        import ccxt

        self._tell(EventType.STALE, why)
        self.hub.forget_prices()
        for client in self._sockets():
            client.on_error(ccxt.NetworkError(why))

    async def _is_quiet(self, symbol: str) -> bool:
        return await self._streams.is_quiet(symbol)

    async def _subscribe(
        self,
        stream: Stream,
        symbol: str,
        listeners: Listeners[T],
        callback: Callable[[T], None],
    ) -> Subscription:
        handle = self._streams.subscribe(stream, symbol, listeners, callback)
        self._handles.setdefault(symbol, []).append(handle)
        return handle

    # -- the account --------------------------------------------------------------------------

    def need_account(self) -> None:
        """Checks that the account may be asked about; see `Door.need_account`."""
        self._door.need_account()

    # -- orders and settings ------------------------------------------------------------------

    def remember(self, client_order_ids: Iterable[str]) -> None:
        """What they are there stands for them from now on."""
        for name in client_order_ids:
            self._door.ids.asked(name)

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode; whole numbers only."""
        self.need_orders()
        return await self._orders.set_leverage(symbol, leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage; asks for nothing where the mode is in force."""
        self.need_orders()
        return await self._orders.set_margin_mode(symbol, margin_mode)
