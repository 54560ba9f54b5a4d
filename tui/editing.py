"""Editing a running bot: its text, what the text would change, the question, the deed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.engine.protocol import (
    ConfigText,
    EditBot,
    EditShown,
    ProfitShown,
    ReadConfig,
    ReadProfit,
    Refused,
)
from tui.keymap import Danger
from tui.modals.confirm import ConfirmSheet, TypedSheet
from tui.presentation.edit import about_edit, in_short
from tui.presentation.profit import profit_lines

if TYPE_CHECKING:
    from tui.app import CtosApp

TRIPS: Final = 100


class Editing:
    """What `e` and `m` do on the grid screen.

    Args:
        app: The app whose screens it serves.
    """

    def __init__(self, app: CtosApp) -> None:
        self.app = app
        self._drafts: dict[str, str] = {}
        """Bot -> text that was left without being applied."""

    def keep(self, bot: str, text: str) -> None:
        """Remembers a text that was left."""
        self._drafts[bot] = text

    def open(self) -> None:
        """Shows the configuration that the bot runs with, in an editor."""
        bot = self.app.acting.acting_on()
        self.app.run_worker(self._open(bot), group="edit", exclusive=True)

    async def _open(self, bot: str, text: str | None = None, refusal: str = "") -> None:
        from tui.modals.edit import EditSheet

        reply = await self.app.acting.request(ReadConfig(bot=bot))
        if isinstance(reply, Refused):
            self.app.acting.show_error(reply.message, reply.remedy)
        if not isinstance(reply, ConfigText):
            return
        start = text or self._drafts.pop(bot, reply.text)

        def left(found: str | None) -> None:
            if found is None:
                self.app.say(self.app.look.words("edit.left"))
            else:
                self.keep(bot, found)
                self.app.run_worker(self._preview(bot, reply.path, found), group="edit")

        self.app.push_screen(EditSheet(bot, start, reply.path, refusal), left)

    async def _preview(self, bot: str, path: str, text: str) -> None:
        reply = await self.app.acting.request(EditBot(bot=bot, path=path, text=text))
        if isinstance(reply, Refused):
            await self._open(bot, text, f"{reply.message} {reply.remedy}".strip())
            return
        if not isinstance(reply, EditShown):
            return
        if not reply.diff.changes:
            self._drafts.pop(bot, None)
            self.app.say(self.app.look.words("edit.nothing"))
            return
        question = about_edit(bot, reply.diff, self.app.look)
        level = Danger.POSITIONS if self.app.mode == "live" else Danger.ORDERS
        sheet = ConfirmSheet if level is Danger.ORDERS else TypedSheet

        def answered(is_yes: bool | None) -> None:  # noqa: FBT001 - a callback of Textual's
            if is_yes:
                self.app.run_worker(self._apply(bot, path, text), group="edit")
            else:
                self.app.say(self.app.look.words("edit.left"))

        self.app.push_screen(sheet(lambda: question), answered)

    async def _apply(self, bot: str, path: str, text: str) -> None:
        request = EditBot(bot=bot, path=path, text=text, is_applied=True)
        reply = await self.app.acting.request(request)
        if isinstance(reply, Refused):
            self.app.acting.show_error(reply.message, reply.remedy)
        elif isinstance(reply, EditShown):
            self._drafts.pop(bot, None)
            words = self.app.look.words
            done = in_short(reply.diff, words)
            self.app.say(words("edit.done", bot=bot, done=done, path=path), "ok")

    def show_profit(self) -> None:
        """Where the result comes from, slot by slot."""
        from tui.modals.edit import TextSheet

        bot = self.app.acting.acting_on()
        sheet = TextSheet(self.app.look.words("profit.title", bot=bot))
        self.app.push_screen(sheet)

        async def ask() -> None:
            reply = await self.app.acting.request(ReadProfit(bot=bot))
            if isinstance(reply, ProfitShown):
                sheet.show_text(profit_lines(bot, reply.profit, self.app.look.words, TRIPS)[2:])
            elif isinstance(reply, Refused):
                sheet.show_text((reply.message, reply.remedy))

        self.app.run_worker(ask(), group="lists")
