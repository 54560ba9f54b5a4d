"""The ways out: detach, quit with an orderly end, and an engine that is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from core.engine.protocol import BotEnded, Bots, Detach, ListBots, Refused, StopBot
from core.services.grid.snapshot import GridPhase
from tui.modals.closing import ClosingSheet
from tui.modals.confirm import ConfirmSheet
from tui.presentation.questions import Question
from tui.result import Reason, ScreenResult

if TYPE_CHECKING:
    from tui.app import CtosApp


LIST_AGAIN_S = 1.0
"""Between two looks at which bots still run, while they end."""


class Leaving:
    """Ends what this terminal started, names what goes on, and closes the screen.

    Args:
        app: The app whose screens it serves.
        started: Bots that this terminal started.
    """

    def __init__(self, app: CtosApp, started: set[str]) -> None:
        self.app = app
        self.started = started
        self.is_leaving = False
        self.endings: list[str] = []
        """Closing lines of the bots that ended while this screen was open."""
        self.ended: set[str] = set()
        """Bots that ended while this screen was open; a picture of them may be older."""
        self.exit_code = 0

    def take_start(self, bot: str) -> None:
        """This terminal started a bot: quitting ends it."""
        self.started.add(bot)
        self.ended.discard(bot)

    def take_end(self, ended: BotEnded) -> None:
        """A bot ended: its closing line is kept for the terminal."""
        self.endings.append(ended.text)
        self.exit_code = max(self.exit_code, ended.exit_code)
        self.started.discard(ended.bot)
        self.ended.add(ended.bot)
        if self.is_leaving and not self.started:
            self.leave("quit")
        elif not self.is_leaving:
            self.app.say(ended.text or self.app.look.words("said.ended", bot=ended.bot))

    @property
    def is_quit_asked(self) -> bool:
        """Whether the question before the end is on the screen."""
        return getattr(self.app.screen, "is_about_leaving", False)

    def detach(self) -> None:
        """Leaves; the bots go on."""
        self.app.run_worker(self._let_go("detached"), group="leave", exclusive=True)

    async def _let_go(self, reason: Reason) -> None:
        await self.app.acting.request(Detach(), is_quiet=True)
        lines = [self.app.look.words("said.goes_on", bot=name) for name in self._going_on()]
        self.leave(reason, *lines)

    def _going_on(self) -> list[str]:
        names: set[str] = set()
        if self.app.home is not None:
            names |= {bot.name for bot in self.app.home.bots if bot.is_running}
        if self.app.grid is not None and self.app.grid.phase is not GridPhase.STOPPED:
            names.add(self.app.grid.bot)
        return sorted(self.started | (names - self.ended))

    def quit_suite(self) -> None:
        """The orderly end of the bots this terminal started; others go on and are named."""
        if self.is_leaving:
            lines = [
                self.app.look.words("said.leaving_unfinished", bot=name)
                for name in sorted(self.started)
            ]
            self.leave("quit", *lines)
        elif not self.started or self.app.is_read_only:
            self.app.run_worker(self._let_go("quit"), group="leave", exclusive=True)
        elif self.app.mode == "live":
            sheet = QuitSheet(self._about_leaving, frozenset({"ctrl+c", "q", "Q"}))
            self.app.push_screen(sheet, lambda is_yes: self.begin_end() if is_yes else None)
        else:
            self.begin_end()

    def _about_leaving(self) -> Question:
        words_ = self.app.look.words
        return Question(
            title=words_("ask.quit_title"),
            lines=tuple(words_("ask.quit", bot=name) for name in sorted(self.started)),
            word=words_("word.quit"),
        )

    def begin_end(self) -> None:
        """Asks the engine to end what was started here, and shows each step."""
        self.is_leaving = True
        mine = sorted(self.started)
        if self.app.bot not in self.started:
            self.app.bot = mine[0]
            self.app.grid = None
        self.app.push_screen(ClosingSheet())
        self.app.run_worker(self._end(), group="leave", exclusive=True)
        if self.app.screen_name != "grid":
            self.app.watch_engine()

    async def _end(self) -> None:
        reply = await self.app.acting.request(StopBot(bot=""))
        if isinstance(reply, Refused):
            self.app.acting.show_error(reply.message, reply.remedy)
            self.is_leaving = False
            return
        missing: set[str] = set()
        while self.started:
            await asyncio.sleep(LIST_AGAIN_S)
            listed = await self.app.acting.request(ListBots(), is_quiet=True)
            if isinstance(listed, Bots):
                running = {bot.name for bot in listed.bots if bot.is_running}
                # The closing line of a bot may be on its way: one list more leaves it the time.
                self.started -= missing - running
                missing = self.started - running
            elif listed is None and self.app.is_lost:
                break
        self.leave("quit")

    def leave(self, reason: Reason, *lines: str, exit_code: int = 0) -> None:
        """Closes the screen with what is to be said afterwards."""
        if self.app.is_over:
            return
        endings = tuple(text for text in self.endings if text)
        others: tuple[str, ...] = ()
        if reason == "quit" and self.is_leaving:
            others = tuple(
                self.app.look.words("said.goes_on", bot=name)
                for name in self._going_on()
                if name != self.app.bot and name not in self.started
            )
        result = ScreenResult(
            reason=reason,
            lines=(*endings, *lines, *others),
            exit_code=max(self.exit_code, exit_code),
        )
        self.app.exit(result)


class QuitSheet(ConfirmSheet):
    """Asks once before real bots end; a second ctrl+c is yes."""

    is_about_leaving = True
