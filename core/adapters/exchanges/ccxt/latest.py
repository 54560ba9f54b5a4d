"""What ccxt keeps of a market, for a watch that was busy when it came.

ccxt wakes whoever waits at that moment. What comes between two calls of a watch changes its caches
and wakes nobody, so that a price stays old until the market says something more; a quiet one may
not for hours. A watch therefore looks at the cache before it waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

CACHES: Final = {
    "watch_bids_asks": "bidsasks",
    "watch_mark_price": "tickers",
    "watch_order_book": "orderbooks",
    "watch_ticker": "tickers",
}
"""Method of ccxt -> where it keeps what the method gives, by symbol."""

State = tuple[object, object]


class Latest:
    """One method for one market, that misses nothing between two calls.

    Args:
        client: ccxt's.
        method: One of `CACHES`.
        unified: ccxt's word for the market.
    """

    def __init__(self, client: Any, method: str, unified: str) -> None:  # noqa: ANN401 # no types
        self._ask: Callable[[object], Awaitable[object]] = getattr(client, method)
        self._client = client
        self._cache = CACHES[method]
        self._is_of_many = method == "watch_bids_asks"
        self._is_book = method == "watch_order_book"
        self._unified = unified
        self._given: object = None
        """What was given last; None after a failure, when nothing in the cache is news."""
        self._state: State | None = None
        """The state of a book when it was given last: books are changed in place."""

    async def call(self) -> object:
        """What came since the last call, or else what comes next.

        Raises:
            Exception: Whatever ccxt raises.
        """
        kept = self._kept()
        if self._is_news(kept):
            self._remember(kept)
            return {self._unified: kept} if self._is_of_many else kept
        self._remember(None)
        told = await self._ask([self._unified] if self._is_of_many else self._unified)
        # What was told, not what is kept by now: that may be newer already.
        self._remember(told.get(self._unified, told) if isinstance(told, dict) else None)
        return told

    def _kept(self) -> object:
        cache = getattr(self._client, self._cache, None) or {}
        return cache.get(self._unified)

    def _remember(self, given: object) -> None:
        self._given, self._state = given, _state(given) if self._is_book else None

    def _is_news(self, kept: object) -> bool:
        if self._given is None or kept is None:
            return False
        if self._is_book:
            # Another book is one that begins: ccxt gives it when it is whole.
            return kept is self._given and _state(kept) != self._state
        return kept is not self._given and kept != self._given


def _state(book: object) -> State | None:
    """Tells two states of one book from each other."""
    return (book.get("nonce"), book.get("timestamp")) if isinstance(book, dict) else None
