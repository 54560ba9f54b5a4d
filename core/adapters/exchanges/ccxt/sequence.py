"""Numbers of book messages that ccxt does not look at. Pure.

Bybit counts the messages of each book one by one (`u`); ccxt puts changes onto a book without
looking, so a message that is missing leaves levels that nobody offers any more. A message of type
`snapshot` begins anew, and `u` 1 says that the service was restarted.
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
        topic = message.get("topic") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not str(topic).startswith("orderbook."):
            return ""
        data, topic = message.get("data"), str(topic)
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
