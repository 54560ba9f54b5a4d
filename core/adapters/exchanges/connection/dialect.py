"""What a venue's own file says about one kind of socket; everything else is `socket.Connection`.

A dialect spells and reads messages. It holds no task, no timer and no socket: the connection calls
it, and it tells the connection (`Link`) what it understood.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.connection.transport import NO_HEADERS
from core.errors import VenueError


class Link(Protocol):
    """A connection as its dialect sees it."""

    def send(self, message: bytes) -> None:
        """Sends at once.

        Raises:
            NotSent: If the socket is closed.
        """

    def call(self, key: str, message: bytes, *, timeout_s: float) -> Awaitable[object]:
        """Sends a request at once; awaited, what `answer` is given under the same key.

        Raises:
            NotSent: If provably not one byte left.
            TransportError: When awaited, if it left and no answer came.
        """

    def answer(self, key: str, value: object) -> bool:
        """Hands over the answer to a request; False if nobody waits for it."""

    def confirmed(self, topic: Topic) -> None:
        """The venue said yes to a topic."""

    def refused(self, topic: Topic, error: VenueError) -> None:
        """The venue said no to a topic: whoever asked for it hears of that, and it is forgotten."""

    def heard(self, topic: Topic, event_ns: int) -> None:
        """A valid message of a topic came, about something that happened at `event_ns`."""

    def again(self, topic: Topic) -> None:
        """Gives a topic up and asks for it once more, as after a gap."""

    def drop(self, reason: str) -> None:
        """Gives up this socket: it is closed and another one opened."""

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Runs something that ends with the socket at the latest; its error gives the socket up."""


class Dialect(ABC):
    """One kind of socket of a venue."""

    name: str = "socket"
    """In logs and states: `public`, `private`."""
    keep_alive_s: float = 4.0
    """How often something is sent: venues close sockets that say nothing, and a half-open one is
    only noticed by what is not answered."""
    expects_pong: bool = True
    """Whether a ping or `keep_alive` is answered, so that an answer can be missed."""
    watches_silence: bool = True
    """Whether silence means something; on a private socket nothing happening is the rule."""
    topic_limit: int | None = None
    """Topics on one socket; None for no limit."""
    topics_per_message: int = 100
    messages_per_s: float = 5.0
    """Subscription messages that the venue takes in a second."""
    burst: int | None = None
    """Messages that leave at once before the pace counts; None for those of one second."""

    @abstractmethod
    async def address(self) -> str:
        """The URL to open; may ask the venue for a part of it.

        Raises:
            VenueError: If that is refused.
        """

    def headers(self) -> Mapping[str, str]:
        """Headers of the handshake."""
        return NO_HEADERS

    async def login(self, link: Link) -> None:
        """Proves who we are, where the venue wants that on the socket.

        Raises:
            AuthError: If the venue refuses.
        """
        return

    @abstractmethod
    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """Messages that subscribe."""

    @abstractmethod
    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """Messages that unsubscribe."""

    def keep_alive(self) -> bytes | None:
        """The venue's own ping; None for the protocol's."""
        return None

    @abstractmethod
    def hear(self, messages: list[bytes], link: Link) -> None:
        """Messages that came together; what makes no sense is counted and left out."""

    async def catch_up(self, link: Link) -> None:
        """Asks for what was missed while there was no socket, before it counts as live.

        Raises:
            VenueError: If the venue does not answer; the socket is then given up.
        """
        return

    async def confirm(self) -> bool:
        """Whether another source agrees that nothing happened since the stream last spoke.

        Raises:
            VenueError: If there is no telling.
        """
        return False

    def lost(self) -> None:
        """The socket is gone: nothing that it built up may be believed."""
        return
