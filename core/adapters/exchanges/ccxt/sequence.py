"""Numbers of book messages that ccxt does not look at. Pure.

Bybit counts the messages of each book one by one (`u`); ccxt puts changes onto a book without
looking, so a message that is missing leaves levels that nobody offers any more. A message of type
`snapshot` begins anew, and `u` 1 says that the service was restarted. Lighter says with each change
which number the book must have (`begin_nonce`), and begins with a whole book (`subscribed/...`).
"""

from __future__ import annotations


class BookNumbers:
    """The books of the sockets of one adapter."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        """Topic -> number of its newest message."""

    def clear(self) -> None:
        """Forgets all of them: every book begins with a snapshot again."""
        self._last.clear()

    def gap(self, message: object) -> str:
        """The topic whose book can no longer be believed after this message; empty for none."""
        if not isinstance(message, dict):
            return ""
        topic, channel = message.get("topic"), message.get("channel")
        if isinstance(topic, str) and topic.startswith("orderbook."):
            return self._counted(topic, message)
        if isinstance(channel, str) and channel.startswith("order_book:"):
            return self._chained(channel, message)
        return ""

    def _counted(self, topic: str, message: dict[str, object]) -> str:
        """Bybit: each message has the number after that of the one before."""
        data = message.get("data")
        number = data.get("u") if isinstance(data, dict) else None
        if not isinstance(number, int):
            return topic
        last, self._last[topic] = self._last.get(topic), number
        if message.get("type") == "snapshot" or number == 1:
            return ""
        if last is not None and number == last + 1:
            return ""
        self._last.pop(topic)
        return topic

    def _chained(self, channel: str, message: dict[str, object]) -> str:
        """Lighter: each change says on which number it is put."""
        data = message.get("order_book")
        number = data.get("nonce") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(number, int):
            return channel
        last, self._last[channel] = self._last.get(channel), number
        is_whole = str(message.get("type")).startswith("subscribed/")
        if is_whole or (last is not None and data.get("begin_nonce") == last):
            return ""
        self._last.pop(channel)
        return channel
