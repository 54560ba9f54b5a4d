"""Who listens to the paper venue, and how they are told."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.adapters.exchanges.interface import Subscription
from core.adapters.exchanges.listeners import Listeners
from core.adapters.exchanges.models import (
    OrderBookData,
    TickerData,
    TradeData,
    UserData,
)
from core.adapters.exchanges.paper.faults import Fault, Switchboard


class PublicStream:
    """Listeners of one symbol."""

    def __init__(self) -> None:
        self.tickers: Listeners[TickerData] = Listeners()
        self.books: Listeners[OrderBookData] = Listeners()
        self.trades: Listeners[TradeData] = Listeners()

    def clear(self) -> None:
        """Ends all subscriptions."""
        for topic in (self.tickers, self.books, self.trades):
            topic.clear()


class PublicStreams:
    """Listeners of every symbol."""

    def __init__(self) -> None:
        self._streams: dict[str, PublicStream] = {}
        """Symbol -> its listeners."""

    def of(self, symbol: str) -> PublicStream:
        """The listeners of a symbol."""
        found = self._streams.get(symbol)
        if found is None:
            found = self._streams[symbol] = PublicStream()
        return found

    def known(self, symbol: str) -> PublicStream | None:
        """The same, None where nobody ever listened."""
        return self._streams.get(symbol)

    def wants_trades(self, symbol: str) -> bool:
        """Whether somebody listens to every trade."""
        found = self._streams.get(symbol)
        return found is not None and bool(found.trades)

    def clear(self, symbol: str | None) -> None:
        """Ends the subscriptions of a symbol, or all."""
        for name, stream in self._streams.items():
            if symbol in {None, name}:
                stream.clear()


class PrivateStream:
    """The account's messages, in the venue's order unless the switchboard says otherwise.

    Args:
        faults: The switchboard.
        later: Calls something back after so many seconds.
    """

    def __init__(
        self, faults: Switchboard, later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self.listeners: Listeners[UserData] = Listeners()
        self.is_cut = False
        """Whether the connection is down: messages are lost."""
        self._wanted: list[Collection[type[UserData]] | None] = []
        """What each subscriber needs; None for everything."""
        self._faults = faults
        self._later = later
        self._overtaken: list[UserData] = []

    def add(
        self,
        callback: Callable[[UserData], None],
        kinds: Collection[type[UserData]] | None = None,
    ) -> Subscription:
        """Subscribes; `wants` tells of the kinds."""
        subscription = self.listeners.add(callback)
        self._wanted.append(kinds)

        def cancel() -> None:
            subscription.cancel()
            if kinds in self._wanted:
                self._wanted.remove(kinds)

        return Subscription(cancel)

    def wants(self, kind: type[UserData]) -> bool:
        """Whether somebody needs messages of a kind; one that disturbs messages needs them all."""
        return self._faults.is_armed or any(
            kinds is None or kind in kinds for kinds in self._wanted
        )

    def clear(self) -> None:
        """Ends all subscriptions."""
        self.listeners.clear()
        self._wanted.clear()

    def tell(self, data: UserData) -> None:
        """Delivers one message."""
        if self.is_cut:
            return
        if self._faults.is_armed and self._is_disturbed(data):
            return
        self.listeners.tell(data)
        if self._overtaken:
            overtaken, self._overtaken = self._overtaken, []
            for earlier in overtaken:
                self.listeners.tell(earlier)

    def _is_disturbed(self, data: UserData) -> bool:
        """Lets the switchboard act; True where the message needs no further delivery now."""
        rule = self._faults.on_message(data)
        if rule is None:
            return False
        if rule.fault is Fault.DUPLICATE:
            self.listeners.tell(data)
            return False
        if rule.fault is Fault.HOLD:
            self._later(rule.seconds, lambda: self._deliver_late(data))
        elif rule.fault is Fault.SWAP:
            self._overtaken.append(data)
        return True

    def _deliver_late(self, data: UserData) -> None:
        if not self.is_cut:
            self.listeners.tell(data)
