"""Whether the key may still do no more than it did when trading began (SECURITY.md, SK7).

Rights are taken and given at the venue while we trade: a key that was safe in the morning may
withdraw in the evening, which nobody gave it for trading. So the key is proved again every few
hours, in the way in which each login proves it.

    accepted                         all is well
    may withdraw, another account,   new orders are halted, latched as by a person's kill, and a
    positions with two sides         person is called; cancels go on
    refused in another way           a person is called: the next login would fail
    no answer                        asked again sooner; nothing changes
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from core.adapters.exchanges.interface import ProvesKeys
from core.errors import AuthError, JournalError, VenueError
from core.services.execution.desk import Desk
from core.services.execution.sender import Priority
from core.services.execution.tracked import Alarm

log = logging.getLogger(__name__)

HALTING: Final = frozenset({"WITHDRAW", "ACCOUNT", "POSITION_MODE"})
"""Codes of an adapter's refusal of a key under which nothing new may be sent."""
HALTED_BY: Final = "key rights"
"""Who halted, as the journal and the screen tell it."""

Halt = Callable[[str, str], Awaitable[None]]


class KeyWatch:
    """Proves the key of one account again and again.

    Args:
        desk: Shared.
        halt: Halts everything new: (by whom, why). Latched; only a person releases it.
    """

    def __init__(self, desk: Desk, halt: Halt) -> None:
        self._desk = desk
        self._halt = halt
        self._told = ""
        """What a person was told last; told once each time."""
        self._is_halting = False
        """Whether that was of a key under which nothing new may be sent."""

    def start(self) -> None:
        """Begins, at a venue whose adapter can prove a key."""
        venue = self._desk.venue
        if isinstance(venue, ProvesKeys):
            self._desk.spawn(self._watch(venue), "key rights")

    async def _watch(self, venue: ProvesKeys) -> None:
        settings = self._desk.settings
        wait_s = settings.key_check_s
        while True:
            await self._desk.clock.sleep(wait_s)
            is_answered = await self._look(venue)
            wait_s = settings.key_check_s if is_answered else settings.key_retry_s

    async def _look(self, venue: ProvesKeys) -> bool:
        """One question; whether the venue answered."""
        try:
            await self._desk.call("prove", "", Priority.QUERY, venue.prove)
        except AuthError as error:
            await self._refused(error)
        except VenueError as error:
            log.info("key.no_answer venue=%s error=%s", self._desk.venue.venue, error)
            return False
        else:
            self._accepted()
        return True

    def _accepted(self) -> None:
        log.info("key.proved venue=%s", self._desk.venue.venue)
        if self._told and not self._is_halting:
            self._desk.calm("KEY_REFUSED")
        self._told = ""  # a halt stays, and its alarm with it: only a person ends those

    async def _refused(self, error: AuthError) -> None:
        now_ns = self._desk.clock.now_ns()
        self._is_halting = error.code in HALTING
        if not self._is_halting:
            self._tell(Alarm("", "KEY_REFUSED", str(error), now_ns))
            return
        try:
            await self._halt(HALTED_BY, str(error))
        except JournalError as problem:
            log.warning("key.halt_not_written error=%s", problem)  # in force all the same
        text = f"{error} Nothing new is sent until a person releases it: ctos kill --release"
        self._tell(Alarm("", "KEY_RIGHTS", text, now_ns))

    def _tell(self, alarm: Alarm) -> None:
        if alarm.text != self._told:
            self._told = alarm.text
            self._desk.alarm(alarm)
