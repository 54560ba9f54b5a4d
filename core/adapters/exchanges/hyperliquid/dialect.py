"""What is said on every socket of Hyperliquid, and how its answers to us are heard.

Topics are written `type:argument`, such as `bbo:BTC` or `userFills:0x…`. Each is asked for with a
message of its own and confirmed by `subscriptionResponse`; what is refused is told by `error`,
whose text repeats what was asked for.

Sources: hyperliquid.gitbook.io, "WebSocket: Subscriptions", "Timeouts and heartbeats" (the venue
closes a socket that is idle for a minute).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import decode
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported
from core.infrastructure.clock import Clock

_PING: Final = b'{"method":"ping"}'
_OF_USER: Final = frozenset({"orderUpdates", "userFills", "userFundings", "userEvents"})


class HyperliquidDialect(Dialect):
    """What both kinds of socket share.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
    """

    topics_per_message = 1
    messages_per_s = 50.0
    topic_limit = 1000

    def __init__(self, url: str, clock: Clock, listings: Listings, hub: Hub) -> None:
        self._url = url
        self._clock = clock
        self._listings = listings
        self._hub = hub

    async def address(self) -> str:
        """Always the same."""
        return self._url

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a topic."""
        return [_request("subscribe", topic) for topic in topics]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a topic."""
        return [_request("unsubscribe", topic) for topic in topics]

    def keep_alive(self) -> bytes:
        """Answered with `pong`."""
        return _PING

    def _control(self, message: bytes, link: Link) -> tuple[str, object] | None:
        """Channel and data of a message that carries news; answers to us are dealt with."""
        try:
            raw = decode(message, venue=self._listings.venue)
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return None
        if not isinstance(raw, dict) or not isinstance(raw.get("channel"), str):
            self._listings.count("message:no channel")
            return None
        channel, data = raw["channel"], raw.get("data")
        if channel == "subscriptionResponse":
            topic = _topic_of(data)
            if topic is not None and isinstance(data, dict) and data.get("method") == "subscribe":
                link.confirmed(topic)
        elif channel == "error":
            self._refused(str(data), link)
        elif channel != "pong":
            return channel, data
        return None

    def _refused(self, words: str, link: Link) -> None:
        """An error names the request that it answers, or nothing."""
        start = words.find("{")
        try:
            told = msgspec.json.decode(words[start:].encode()) if start >= 0 else None
        except msgspec.DecodeError:
            told = None
        topic = _topic_of(told) or _topic_of({"subscription": told})
        if topic is not None and "lready subscribed" in words:
            link.confirmed(topic)
        elif topic is not None:
            link.refused(
                topic,
                NotSupported(f"hyperliquid refused {topic}: {words[:200]}", venue="hyperliquid"),
            )
        else:
            self._listings.count("message:error")


def _request(method: str, topic: Topic) -> bytes:
    kind, _, argument = topic.partition(":")
    subscription: dict[str, str] = {"type": kind}
    if argument:
        subscription["user" if kind in _OF_USER else "coin"] = argument
    return msgspec.json.encode({"method": method, "subscription": subscription})


def _topic_of(data: object) -> Topic | None:
    """The topic that an answer is about."""
    if not isinstance(data, dict):
        return None
    subscription = data.get("subscription")
    if not isinstance(subscription, dict) or not isinstance(subscription.get("type"), str):
        return None
    argument = subscription.get("user") or subscription.get("coin") or ""
    return f"{subscription['type']}:{argument}" if argument else subscription["type"]
