"""Quiet prices are asked about: a line that says nothing may be a market without changes, or dead.

TWS tells a price when it changes and repeats nothing, so the age of a quote alone says nothing of
it. A quote that nothing was heard of for some seconds is compared with a snapshot: equal, it holds
now and is told again with this moment; different, the line is dead, and is asked for anew. Without
an answer, without a live connection and outside the session nothing is confirmed, and it grows old.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from core.adapters.exchanges.ibkr.lines import Line, LineKind, Lines
from core.adapters.exchanges.ibkr.questions import Questions
from core.errors import VenueError
from core.infrastructure.clock import NS_PER_S, Clock

log = logging.getLogger(__name__)

QUIET_S: Final = 2.0
LOOK_S: Final = 0.5
ANSWER_S: Final = 4.0


class QuietWatch:
    """See the module's text.

    Args:
        lines: What is listened to.
        questions: Asks TWS.
        is_live: Whether what TWS says may be believed.
        clock: Times silence.
    """

    def __init__(
        self, lines: Lines, questions: Questions, is_live: Callable[[], bool], clock: Clock
    ) -> None:
        self._lines = lines
        self._questions = questions
        self._is_live = is_live
        self._clock = clock

    async def run(self) -> None:
        """Looks again and again; ends by cancellation."""
        while True:
            await self._clock.sleep(LOOK_S)
            if self._is_live():
                await asyncio.gather(*(self._ask(line) for line in self._quiet()))

    def _quiet(self) -> list[Line]:
        before_ns = self._clock.monotonic_ns() - round(QUIET_S * NS_PER_S)
        now = self._clock.now()
        return [
            line
            for line in self._lines.open(LineKind.QUOTE)
            if line.heard_ns is not None
            and line.heard_ns <= before_ns
            and line.listed.hours.closed(now) is None
        ]

    async def _ask(self, line: Line) -> None:
        asked_ns = line.heard_ns
        number = self._questions.number()
        contract = line.listed.contract
        try:
            with self._lines.probe(number, line) as probe:
                await self._questions.ask(
                    number,
                    lambda client: client.reqMktData(number, contract, "", True, False, []),  # noqa: FBT003
                    timeout_s=ANSWER_S,
                )
        except VenueError as error:
            log.debug("line.unconfirmed symbol=%s why=%s", line.listed.symbol, error)
            return
        if line.heard_ns == asked_ns and self._is_live():
            self._lines.settle(line, probe)
