"""What ccxt stands on where nothing is behind it: a socket, an answer and caches that tell.

For recordings: ccxt handles what was recorded and believes that it came from a venue.
"""

# ruff: noqa: ANN401 # ccxt has no types

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Told:
    """What ccxt's handlers take for a socket, and what they told on it."""

    def __init__(self) -> None:
        self.url = ""
        self.lastPong = 0
        self.subscriptions: dict[str, Any] = {}
        self.futures: dict[str, Any] = {}
        self.results: list[tuple[str, object]] = []
        """Hash, and what was told under it."""
        self.failure: Exception | None = None

    def resolve(self, result: object, message_hash: object = None) -> object:
        """Something is told to who waits for it."""
        self.results.append((str(message_hash or ""), result))
        return result

    def reject(self, result: Exception, message_hash: object = None) -> None:
        """A question failed."""
        del message_hash
        self.failure = result

    def on_error(self, error: Exception) -> None:
        """The socket would be given up."""
        self.failure = error

    # what `make_client` wants of ears

    def on_message(self, message: object) -> str:
        """Every message may be read."""
        del message
        return ""

    def on_stumble(self, error: Exception) -> None:
        """Ccxt could not handle a message."""
        self.failure = error

    def on_socket(self) -> None:
        """No socket is ever opened."""


class Answer:
    """The one answer that the next question gets."""

    def __init__(self) -> None:
        self.body: object = None

    def left_ms(self) -> int | None:
        """No question has a deadline."""
        return None

    async def fetch(
        self, url: str, method: str, headers: Mapping[str, str] | None, body: object
    ) -> object:
        """The answer that was recorded, whatever is asked."""
        del url, method, headers, body
        return self.body


class Caches(dict[str, Any]):
    """ccxt's caches by symbol (or length of candles), each of which tells what is put into it."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str)

    def __setitem__(self, key: str, value: Any) -> None:
        """A handler does not put a silent cache in the place of one that tells."""

    def __missing__(self, key: str) -> Any:
        made = self._make(key)
        super().__setitem__(key, made)
        return made


def unsigned(
    path: str, api: object = "public", method: str = "GET", *_others: object, **_named: object
) -> dict[str, object]:
    """A request that never leaves."""
    del api
    return {"url": path, "method": method, "body": None, "headers": None}
