"""What both of Lighter's sockets share: how channels are asked for, and what is said around them.

Channels are asked for as `order_book/1` and told as `order_book:1`; the answer to a subscription is
the channel's whole state.

Source: apidocs.lighter.xyz, "WebSocket". The venue takes two hundred messages a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import decode
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported, VenueError
from core.infrastructure.clock import Clock

_PING: Final = b'{"type":"ping"}'
_PONG: Final = b'{"type":"pong"}'
_SUBSCRIBED: Final = 30003


class LighterDialect(Dialect):
    """What both kinds of socket share."""

    topics_per_message = 1
    topic_limit = 500
    messages_per_s = 3.0
    burst = 60

    def __init__(self, url: str, clock: Clock, listings: Listings) -> None:
        self._url = url
        self._clock = clock
        self._listings = listings

    async def address(self) -> str:
        """Always the same."""
        return self._url

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel."""
        return [self._subscription(topic) for topic in topics]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel."""
        return [msgspec.json.encode({"type": "unsubscribe", "channel": topic}) for topic in topics]

    def keep_alive(self) -> bytes:
        """Answered with `pong`."""
        return _PING

    def _subscription(self, topic: Topic) -> bytes:
        return msgspec.json.encode({"type": "subscribe", "channel": topic})

    def news(self, message: bytes, link: Link) -> tuple[str, Topic, dict[str, object]] | None:
        """(what happened to a channel, topic, message); the rest is dealt with."""
        try:
            raw = decode(message, venue="lighter")
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return None
        if not isinstance(raw, dict):
            self._listings.count("message:no object")
            return None
        kind, channel = str(raw.get("type")), raw.get("channel")
        if kind == "ping":
            link.send(_PONG)
        elif kind == "shutdown":
            link.drop("the venue says that it closes this socket")
        elif "error" in raw:
            self._failed(raw["error"], link)
        elif isinstance(channel, str) and kind != "unsubscribed":
            topic = channel.replace(":", "/")
            if kind.startswith("subscribed/"):
                link.confirmed(topic)
            return kind.partition("/")[0], topic, raw
        elif kind not in ("pong", "connected", "unsubscribed"):
            self._listings.count(f"message:{kind[:40]}")
        return None

    def _failed(self, error: object, link: Link) -> None:
        """An error names its channel in its words, or nothing."""
        words = str(error.get("message")) if isinstance(error, dict) else str(error)
        code = error.get("code") if isinstance(error, dict) else None
        topic = words.rpartition(" ")[2].replace(":", "/")
        if code == _SUBSCRIBED:
            link.confirmed(topic)
        elif "/" in topic:
            link.refused(topic, self._refusal(f"lighter refused {topic}: {words[:200]}"))
        else:
            self._listings.count("message:error")
            self._failed_at_large(words, link)

    def _failed_at_large(self, words: str, link: Link) -> None:
        """An error that names no channel."""

    def _refusal(self, words: str) -> VenueError:
        return NotSupported(words, venue="lighter")
