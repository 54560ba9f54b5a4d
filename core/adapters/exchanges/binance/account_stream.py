"""What is said on Binance's own sockets of an account, and what is heard.

The WebSocket API answers requests by their id. USDⓈ-M tells of the account on a socket of its own
that a listen key opens; spot tells of it on the WebSocket API, after a signed subscription.

Sources: developers.binance.com, USDⓈ-M "User Data Streams"; Spot "WebSocket API".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.answers import order_answer
from core.adapters.exchanges.binance.messages import AccountUpdate, FuturesReport, news_of
from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import decode
from core.adapters.exchanges.models import BalanceData, OrderData, PositionData, UserData
from core.adapters.exchanges.native.listings import Listings
from core.errors import AuthError, MalformedMessage
from core.infrastructure.clock import Clock

_RENEW_S: Final = 1_500.0
"""A listen key ends after an hour unless it is renewed."""


class ApiDialect(Dialect):
    """The WebSocket API of one market: requests of ours; on spot, the account's news too.

    Args:
        name: In logs.
        url: Where the socket is.
        subscribe: Makes the signed request for the account's news; None where they come elsewhere.
        news: Takes an event of the account.
        catch_up: Asks for what was missed.
    """

    watches_silence = False

    def __init__(
        self,
        name: str,
        url: str,
        *,
        subscribe: Callable[[str], bytes] | None = None,
        news: Callable[[object, Link], None] | None = None,
        catch_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._subscribe = subscribe
        self._news = news
        self._catch_up = catch_up
        self._has_lived = False

    async def address(self) -> str:
        """Always the same."""
        return self._url

    async def login(self, link: Link) -> None:
        """On spot: subscribes to the account's news."""
        if self._subscribe is None:
            return
        answer = await link.call("login", self._subscribe("login"), timeout_s=5.0)
        if not isinstance(answer, dict) or answer.get("status") != 200:
            raise AuthError(f"binance refused the key: {str(answer)[:200]}", venue="binance")

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived and self._catch_up is not None:
            await self._catch_up()
        self._has_lived = True

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            accepted = order_answer(message)
            if accepted is not None:
                link.answer(str(accepted.id), accepted.result)
                continue
            try:
                raw = decode(message, venue="binance")
            except MalformedMessage:
                continue  # an answer that is none is an answer that never comes: unknown
            if not isinstance(raw, dict):
                continue
            if "id" in raw and "status" in raw:
                link.answer(str(raw["id"]), raw)
            elif self._news is not None and "event" in raw:
                self._news(parse.unwrap(raw), link)


class UserDialect(Dialect):
    """The account's news of USDⓈ-M, on a socket that a listen key opens.

    Args:
        url: Where the socket is; the key is added.
        clock: When the key is to be renewed.
        listen: Asks for a listen key, which also renews it.
        news: Takes an event.
        catch_up: Asks for what was missed.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listen: Callable[[bool], Awaitable[str]],
        news: Callable[[object, Link], None],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._url = url
        self._clock = clock
        self._listen = listen
        self._news = news
        self._catch_up = catch_up
        self._has_lived = False

    async def address(self) -> str:
        """With a fresh listen key."""
        return f"{self._url}?listenKey={await self._listen(False)}"  # noqa: FBT003 # not a renewal

    async def login(self, link: Link) -> None:
        """The key in the address is the proof; it is renewed as long as the socket lives."""
        link.spawn(self._renew())

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(_RENEW_S)
            await self._listen(True)  # noqa: FBT003 # a renewal

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived:
            await self._catch_up()
        self._has_lived = True

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            news = news_of(message)
            if news is not None:
                self._news(news, link)
                continue
            try:
                raw = decode(message, venue="binance")
            except MalformedMessage as error:
                link.drop(f"a private message makes no sense: {error}")
                return
            self._news(parse.unwrap(raw), link)


def read_event(
    raw: dict[str, object] | FuturesReport | AccountUpdate, listings: Listings, clock: Clock
) -> list[UserData]:
    """What an event of the account tells, executions before their order, balances last.

    Raises:
        MalformedMessage: If it cannot be read.
    """
    reading = listings.reading(clock.now())
    if isinstance(raw, FuturesReport):
        return sorted(parse.read_report(raw, reading), key=_rank)
    if isinstance(raw, AccountUpdate):
        return sorted(parse.read_account(raw, reading), key=_rank)
    event = raw.get("e")
    found: Iterable[UserData] = ()
    if event == "ORDER_TRADE_UPDATE":
        found = parse.parse_order_trade_update(raw, reading)
    elif event == "executionReport":
        found = parse.parse_execution_report(raw, reading)
    elif event == "ACCOUNT_UPDATE":
        found = parse.parse_account_update(raw, reading)
    elif event == "outboundAccountPosition":
        found = parse.parse_spot_position(raw, reading)
    else:
        listings.count(f"event:{str(event)[:40]}")
    return sorted(found, key=_rank)


def _rank(data: UserData) -> int:
    if isinstance(data, OrderData):
        return 1
    if isinstance(data, PositionData):
        return 2
    return 3 if isinstance(data, BalanceData) else 0
