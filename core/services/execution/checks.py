"""When journal and venue are compared: when asked, on a schedule, after a gap in the stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from core.adapters.exchanges.models import ExchangeEvent
from core.errors import VenueError
from core.infrastructure.clock import Cancellable
from core.services.execution.desk import Desk
from core.services.execution.reconciler import Reconciler
from core.services.execution.snapshot import HealthResult
from core.services.execution.tracked import BotBook, Schedule

log = logging.getLogger(__name__)


class Checks:
    """Starts comparisons and keeps their results."""

    def __init__(self, desk: Desk, reconciler: Reconciler) -> None:
        self._desk = desk
        self._reconciler = reconciler
        self._locks: dict[str, asyncio.Lock] = {}
        self._health: dict[str, HealthResult] = {}
        self._timers: dict[str, list[Cancellable]] = {}
        self._catching_up: set[str] = set()
        self._waiting: set[str] = set()
        """Bots whose next comparison waits for one that is under way, or for its first turn."""

    def health(self, bot_id: str) -> HealthResult | None:
        """The last comparison of a bot."""
        return self._health.get(bot_id)

    def schedule(self, bot: BotBook, schedule: Schedule) -> None:
        """Sets when a bot is compared by itself; a later call replaces it."""
        bot.schedule = schedule
        self.stop(bot.bot_id)
        if schedule.health_check_s is not None:
            self._arm(bot, schedule.health_check_s, self.check)
        if schedule.position_query_s is not None:
            self._arm(bot, schedule.position_query_s, self._check_position)

    def check_soon(self, bot: BotBook) -> None:
        """Compares in the background; one that waits to begin stands for all who ask meanwhile."""
        if bot.bot_id not in self._waiting:
            self._waiting.add(bot.bot_id)
            self._desk.spawn(self._check_next(bot), f"reconcile {bot.bot_id}")

    def close(self) -> None:
        """Calls off every timer."""
        for bot_id in tuple(self._timers):
            self.stop(bot_id)

    def _lock(self, bot: BotBook) -> asyncio.Lock:
        return self._locks.setdefault(bot.bot_id, asyncio.Lock())

    def on_connection(self, event: ExchangeEvent) -> None:
        """After a gap in the stream everything is compared before it is trusted (T13)."""
        for bot in self._desk.bots.values():
            if bot.bot_id not in self._catching_up:
                self._catching_up.add(bot.bot_id)
                self._desk.spawn(self._catch_up(bot), f"catch up {bot.bot_id}")

    async def _catch_up(self, bot: BotBook) -> None:
        delay_s = self._desk.settings.cancel_retry_s
        try:
            while self._desk.bots.get(bot.bot_id) is bot:
                if await self._check_quietly(bot, self.check):
                    return
                await self._desk.clock.sleep(delay_s)
                delay_s = min(delay_s * 2, self._desk.settings.cancel_retry_max_s)
        finally:
            self._catching_up.discard(bot.bot_id)

    async def check(self, bot: BotBook) -> None:
        """Compares now; one comparison of a bot at a time.

        A bot whose orders are not followed again yet is compared by its own start, after that.
        """
        if bot.early is not None:
            return
        async with self._lock(bot):
            self._health[bot.bot_id] = await self._reconciler.reconcile(bot)

    async def _check_next(self, bot: BotBook) -> None:
        """The comparison that `check_soon` asked for, once its turn has come."""

        async def check(bot: BotBook) -> None:
            async with self._lock(bot):
                self._waiting.discard(bot.bot_id)
                self._health[bot.bot_id] = await self._reconciler.reconcile(bot)

        try:
            await self._check_quietly(bot, check)
        finally:
            self._waiting.discard(bot.bot_id)

    async def _check_position(self, bot: BotBook) -> None:
        if not self._lock(bot).locked():  # a comparison under way looks at the position as well
            await self._reconciler.check_position(bot)

    async def _check_quietly(
        self, bot: BotBook, check: Callable[[BotBook], Awaitable[None]]
    ) -> bool:
        """A check that nobody waits for; False when the venue did not answer."""
        if self._desk.bots.get(bot.bot_id) is not bot or bot.early is not None:
            return True
        try:
            await check(bot)
        except VenueError as error:
            log.warning("reconcile.failed bot=%s error=%s", bot.bot_id, error)
            return False
        finally:
            self._desk.carry_out()
        return True

    async def _check_on_time(
        self, bot: BotBook, check: Callable[[BotBook], Awaitable[None]]
    ) -> None:
        await self._check_quietly(bot, check)

    def _arm(
        self, bot: BotBook, seconds: float, check: Callable[[BotBook], Awaitable[None]]
    ) -> None:
        """Checks every so many seconds until the timers are stopped."""
        timers = self._timers.setdefault(bot.bot_id, [])

        def fire() -> None:
            timers.remove(timer)
            if check == self.check:
                self.check_soon(bot)
            else:
                self._desk.spawn(self._check_on_time(bot, check), f"reconcile {bot.bot_id}")
            self._arm(bot, seconds, check)

        timer = self._desk.clock.call_after_ns(round(seconds * 1e9), fire)
        timers.append(timer)

    def stop(self, bot_id: str) -> None:
        """Calls off what was scheduled for a bot."""
        for timer in self._timers.pop(bot_id, ()):
            timer.cancel()
