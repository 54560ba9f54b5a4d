"""One adapter per venue and account, shared by every bot that trades there.

The first one who takes it connects it, the last one who gives it back disconnects it. Taking and
giving back of one venue never overlap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.adapters.exchanges.interface import ExchangeInterface
from core.errors import VenueUnavailable

Key = tuple[str, str]
"""(venue, account)."""


@dataclass(slots=True)
class _Shared:
    """One adapter and who uses it."""

    exchange: ExchangeInterface | None = None
    users: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ExchangeManager:
    """Connected adapters by venue and account."""

    def __init__(self) -> None:
        self._shared: dict[Key, _Shared] = {}

    async def acquire(
        self, venue: str, account: str, make: Callable[[], ExchangeInterface]
    ) -> ExchangeInterface:
        """The connected and authenticated adapter; `make` is called only when there is none.

        Raises:
            VenueUnavailable: If the venue refuses the connection or the key.
            VenueError: As `connect` and `authenticate` raise it; nothing is kept then.
        """
        shared = self._shared.setdefault((venue, account), _Shared())
        async with shared.lock:
            if shared.exchange is None:
                shared.exchange = await _connected(make())
            shared.users += 1
            return shared.exchange

    async def release(self, venue: str, account: str) -> None:
        """Gives an adapter back; the last one disconnects it. Unknown ones are ignored."""
        shared = self._shared.get((venue, account))
        if shared is None:
            return
        async with shared.lock:
            if shared.users == 0:
                return
            shared.users -= 1
            if shared.users == 0 and shared.exchange is not None:
                exchange, shared.exchange = shared.exchange, None
                await exchange.disconnect()

    @asynccontextmanager
    async def use(
        self, venue: str, account: str, make: Callable[[], ExchangeInterface]
    ) -> AsyncIterator[ExchangeInterface]:
        """Takes an adapter for a while."""
        exchange = await self.acquire(venue, account, make)
        try:
            yield exchange
        finally:
            await self.release(venue, account)

    def get(self, venue: str, account: str) -> ExchangeInterface | None:
        """The adapter in use, if any."""
        shared = self._shared.get((venue, account))
        return None if shared is None else shared.exchange

    def users(self, venue: str, account: str) -> int:
        """How many use it."""
        shared = self._shared.get((venue, account))
        return 0 if shared is None else shared.users

    def all(self) -> list[ExchangeInterface]:
        """Every connected adapter, sorted by venue and account."""
        return [
            shared.exchange
            for _, shared in sorted(self._shared.items(), key=lambda item: item[0])
            if shared.exchange is not None
        ]

    async def close(self) -> None:
        """Disconnects everything, whoever uses it."""
        for shared in self._shared.values():
            async with shared.lock:
                shared.users = 0
                if shared.exchange is not None:
                    exchange, shared.exchange = shared.exchange, None
                    await exchange.disconnect()


async def _connected(exchange: ExchangeInterface) -> ExchangeInterface:
    try:
        if await exchange.connect() and await exchange.authenticate():
            return exchange
        detail = exchange.get_status().detail
    except BaseException:
        await exchange.disconnect()
        raise
    await exchange.disconnect()
    raise VenueUnavailable(
        f"{exchange.venue} refused the connection: {detail or 'no reason given'}.",
        venue=exchange.venue,
    )
