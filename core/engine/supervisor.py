"""Who looks after which bot, and how long an engine lives.

a screen leaves with Detach        its bots run on, nobody's
a screen vanishes                  half a minute for someone to attach, then `on_exit`
the last bot has ended             the engine ends as soon as nobody is connected
nobody ever asked for anything     the same, after a longer wait
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from core.engine.bots import Bot
from core.engine.engine import Engine
from core.engine.server import Session

log = logging.getLogger(__name__)

GRACE_S: Final = 30.0
LINGER_S: Final = 1.0
FIRST_ASK_S: Final = 15.0


class Supervisor:
    """Watches over bots and over the engine's own life; all times are the wall's.

    Args:
        engine: Whose bots.
        grace_s: How long a bot waits for a screen when its own is gone.
        linger_s: How long an engine without bots and clients waits for someone.
        first_ask_s: The same while nothing was asked yet.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        grace_s: float = GRACE_S,
        linger_s: float = LINGER_S,
        first_ask_s: float = FIRST_ASK_S,
    ) -> None:
        self.finished = asyncio.Event()
        """Nothing is left to do."""
        self._engine = engine
        self._grace_s = grace_s
        self._linger_s = linger_s
        self._connected = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(
            first_ask_s, self._finish_if_idle
        )

    def came(self) -> None:
        """Somebody connected."""
        self._connected += 1
        self._disarm()

    def left(self, session: Session) -> None:
        """Somebody is gone, on purpose or not."""
        self._connected -= 1
        for bot in self._engine.running:
            if bot.owner == session.number:
                self._orphan(bot)
        self._arm()

    def detach(self, session: Session) -> None:
        """Whoever leaves now leaves its bots running."""
        for bot in self._engine.running:
            if bot.owner == session.number:
                bot.owner = None

    def adopt(self, bot: Bot, session: Session) -> None:
        """From now on this client looks after the bot."""
        bot.owner = session.number
        if bot.grace is not None:
            bot.grace.cancel()
            bot.grace = None
            log.info("bot.adopted bot=%s session=%d", bot.name, session.number)

    def ended(self, bot: Bot) -> None:
        """A bot has come to its end."""
        log.debug("bot.gone bot=%s", bot.name)
        self._arm()

    def _orphan(self, bot: Bot) -> None:
        bot.owner = None
        if bot.stop_asked:
            return
        log.warning("screen.vanished bot=%s grace_s=%g", bot.name, self._grace_s)
        bot.grace = self._loop.call_later(self._grace_s, self._give_up, bot)

    def _give_up(self, bot: Bot) -> None:
        bot.grace = None
        if bot.is_running and bot.owner is None:
            log.warning("bot.unattended bot=%s", bot.name)
            self._engine.stop_bot(bot, by="the engine, because the screen vanished")

    def _arm(self) -> None:
        self._disarm()
        if self._is_idle():
            self._timer = self._loop.call_later(self._linger_s, self._finish_if_idle)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _finish_if_idle(self) -> None:
        self._timer = None
        if self._is_idle():
            self.finished.set()

    def _is_idle(self) -> bool:
        return not self._engine.running and self._connected == 0
