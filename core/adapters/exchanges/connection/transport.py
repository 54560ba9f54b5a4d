"""The seam to the network: everything that a venue is told or tells goes through these.

`network.NetworkTransport` is the real one. A simulation puts its own in its place, so nothing
above this file imports a network library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

NO_HEADERS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Response:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of repeated ones the last."""
    body: bytes


class SocketListener(Protocol):
    """Who hears of a socket; called on the loop."""

    def on_messages(self, messages: list[bytes]) -> None:
        """Whole messages that arrived together, in their order; never empty."""

    def on_pong(self) -> None:
        """A ping was answered."""

    def on_closed(self, reason: str) -> None:
        """The socket is gone; called once, also when we closed it."""


class Socket(Protocol):
    """An open WebSocket."""

    @property
    def is_open(self) -> bool:
        """Whether something can still be sent."""

    def send(self, message: bytes) -> None:
        """Sends a text message at once, without waiting.

        Raises:
            NotSent: If the socket is closed.
        """

    def ping(self) -> None:
        """Sends a ping of the protocol; does nothing on a closed socket."""

    def close(self) -> None:
        """Closes without waiting; does nothing when closed."""


class Transport(Protocol):
    """Opens sockets and asks questions. Never repeats anything, never follows a redirect."""

    async def open_socket(
        self,
        url: str,
        listener: SocketListener,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 10.0,
    ) -> Socket:
        """Opens a WebSocket.

        Raises:
            TransportError: If that did not work in time.
        """

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        timeout_s: float = 5.0,
    ) -> Response:
        """Sends one request, once, and gives its answer whatever its status is.

        Cancelling it after the first byte left closes the connection, so that the answer cannot be
        taken for another's.

        Raises:
            NotSent: If provably not one byte left.
            TransportError: If it left, wholly or in part, and no whole answer came.
        """

    async def close(self) -> None:
        """Closes every connection."""
