"""What asks the engine for something: each act, its question, its answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.engine.protocol import BotStarted, Refused, Reply, Request, StartBot
from core.errors import CtosError
from core.services.portfolio.snapshot import BotRow, PositionRow
from tui.acts import Desk
from tui.keymap import ACTIONS, Action, Danger, effective
from tui.modals.confirm import ConfirmSheet, TypedSheet
from tui.modals.explain import ErrorSheet
from tui.modals.kill import KillSheet
from tui.presentation.questions import Question, about_grid
from tui.widgets.bars import Said
from tui.widgets.home_panels import BotTable, PositionsTable, VenueTable

UNDO: Final = {"pause": "resume", "resume": "pause", "cancel_all": "resume"}
"""What takes an act back."""

if TYPE_CHECKING:
    from tui.app import CtosApp


class Acting:
    """Sends acts after the question that their danger asks for, and says what came of them.

    Args:
        app: The app whose screens it serves.
        desk: Makes requests and remembers what was asked.
    """

    def __init__(self, app: CtosApp, desk: Desk) -> None:
        self.app = app
        self.desk = desk
        self.undoable: tuple[str, str] | None = None
        """Act and bot that would take the last act back."""

    def settle(self) -> None:
        """Says that an act is done, once a snapshot shows it."""
        done = self.desk.settle(self.app.grid, self.app.home)
        if done is None:
            return
        text = self.app.look.words("said.done", act=self.act_word(done.act), bot=done.bot)
        undo = UNDO.get(done.act)
        level = self._level_of(done.act)
        if undo is not None and level <= Danger.UNDOABLE and done.bot:
            self.undoable = (undo, done.bot)
            text += "   " + self.app.look.words("said.undo", undo=self.app.keys.key("view.undo"))
        self.app.say(text.strip(), "ok")

    def act_word(self, act: str) -> str:
        """An act in words."""
        return self.app.look.words(f"act.{act}")

    def _level_of(self, act: str) -> Danger:
        ids = {"pause": "grid.pause", "resume": "grid.pause", "cancel_all": "grid.cancel"}
        return effective(ACTIONS[ids[act]], self.app.mode) if act in ids else Danger.POSITIONS

    @property
    def chosen_bot(self) -> BotRow | None:
        """The bot under the cursor of the home screen."""
        screen = self.app.suite_screen
        table = None if screen is None else screen.panels.get("bots")
        return table.cursor_row if isinstance(table, BotTable) else None

    @property
    def chosen_position(self) -> PositionRow | None:
        """The position under the cursor of the home screen."""
        screen = self.app.suite_screen
        table = None if screen is None else screen.panels.get("positions")
        return table.cursor_row if isinstance(table, PositionsTable) else None

    def holder(self, position: PositionRow) -> str:
        """The running bot that trades a position's symbol on its venue."""
        if self.app.home is None:
            return ""
        return next(
            (
                bot.name
                for bot in self.app.home.bots
                if bot.is_running
                and bot.venue == position.venue
                and (bot.symbol == position.symbol or bot.symbol.startswith(f"{position.symbol}-"))
            ),
            "",
        )

    def acting_on(self) -> str:
        """The bot that an act means on this screen."""
        if self.app.screen_name == "grid":
            return self.app.grid.bot if self.app.grid is not None else self.app.bot or ""
        bot = self.chosen_bot
        return "" if bot is None else bot.name

    async def request(self, request: Request, *, is_quiet: bool = False) -> Reply | None:
        """Asks the engine; None when it is out of reach, which has been said."""
        try:
            return await self.app.source.request(request)
        except (OSError, CtosError) as error:
            if not is_quiet:
                remedy = getattr(error, "remedy", None) or ""
                text = str(getattr(error, "message", "")) or str(error) or type(error).__name__
                self.show_error(text, remedy)
            return None

    def show_error(self, what: str, remedy: str = "", details: str = "") -> None:
        """A sheet that can be copied."""
        self.app.push_screen(ErrorSheet(what, remedy, details))

    def send(self, act: str, target: str) -> None:
        """Sends an act; twice within a second counts once."""
        if self.desk.is_repeat(act, target):
            self.app.say(self.app.look.words("said.twice"))
            return
        request = self.desk.request(act, target)
        self._send(act, target, request)

    def _send(self, act: str, target: str, request: Request) -> None:
        self.desk.put(act, target, request, self.app.grid)
        self.undoable = None
        self.app.said = Said("")
        self.app.paint_soon()

        async def ask() -> None:
            reply = await self.request(request)
            self._take_reply(reply, target)

        self.app.run_worker(ask(), group="acts")

    def _take_reply(self, reply: Reply | None, target: str) -> None:
        if reply is None:
            self.desk.forget()
        elif isinstance(reply, Refused):
            self.desk.forget()
            if reply.code:
                self.app.say(f"{reply.message} {reply.remedy}".strip(), "error")
            else:
                self.show_error(reply.message, reply.remedy)
        elif isinstance(reply, BotStarted):
            self.app.leaving.take_start(reply.name)
            self.app.say("   ".join(reply.notices) or self.app.said.text)
        self.app.paint_soon()

    def ask_bot(self, act: str, bot: str) -> None:
        """An act on a bot by name, as the palette asks for it; live it asks first."""
        level = self._level_of(act)
        question = Question(
            title=self.app.look.words("ask.plain", act=self.act_word(act).capitalize(), bot=bot),
            lines=(f"{self.act_word(act)} {bot}",),
            word=self.act_word(act),
        )
        self._after_question(level, lambda: question, lambda: self.send(act, bot))

    def pause(self, action: Action) -> None:
        """Pauses or resumes, whichever the state asks for."""
        state = self.app.grid.phase.value if self.app.grid is not None else ""
        if self.app.screen_name == "home":
            state = "" if self.chosen_bot is None else self.chosen_bot.state
        act = "resume" if state in {"paused", "holding"} else "pause"
        self._ask_about(act, action)

    def act_on_grid(self, act: str, action: Action) -> None:
        """An act of the grid screen, after its question."""
        self._ask_about(act, action)

    def _ask_about(self, act: str, action: Action) -> None:
        name = self.acting_on()
        position = self.chosen_position
        if act == "flatten" and self.app.screen_name == "home" and position is not None:
            name = self.holder(position)

        def ask() -> Question:
            if self.app.grid is not None and self.app.grid.bot == name:
                return about_grid(act, self.app.grid, self.app.look)
            title = self.app.look.words("ask.plain", act=self.act_word(act).capitalize(), bot=name)
            return Question(
                title=title,
                lines=(f"{self.act_word(act)} {name}",),
                word=self.app.look.words(f"word.{act}"),
            )

        level = effective(action, self.app.mode)
        if level >= Danger.ORDERS and self.app.screen_name == "grid":
            self.app.run_worker(self.request(self.desk.request("reconcile", name), is_quiet=True))
        self._after_question(level, ask, lambda: self.send(act, name))

    def _after_question(
        self, level: Danger, ask: Callable[[], Question], run: Callable[[], None]
    ) -> None:
        """Runs at once, after `y`, or after a typed word, as the level asks."""
        if level <= Danger.UNDOABLE:
            run()
            return
        sheet = ConfirmSheet(ask) if level is Danger.ORDERS else TypedSheet(ask)

        def answered(is_yes: bool | None) -> None:  # noqa: FBT001 - a callback of Textual's
            if is_yes:
                run()

        self.app.push_screen(sheet, answered)

    def undo(self) -> None:
        """Takes the last act back, where that can be done."""
        if self.undoable is None:
            self.app.say(self.app.look.words("said.no_undo"))
            return
        act, bot = self.undoable
        self.undoable = None
        self.send(act, bot)

    def run_bot(self, action: Action) -> None:
        """Starts the chosen bot; with real money a word is typed first."""
        bot = self.chosen_bot
        if bot is None:
            return

        def ask() -> Question:
            return Question(
                title=self.app.look.words("ask.plain", act=self.act_word("run"), bot=bot.name),
                lines=(self.app.look.words("ask.run", path=bot.config_path),),
                remark=self.app.look.words("ask.live_orders"),
                word=self.app.look.words("word.run"),
            )

        is_live = self.app.mode == "live"
        level = Danger.POSITIONS if is_live else effective(action, self.app.mode)
        self._after_question(level, ask, lambda: self._start(bot))

    def _start(self, bot: BotRow) -> None:
        path = Path(bot.config_path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            words_ = self.app.look.words
            self.show_error(words_("said.read_failed", path=str(path), reason=str(error)))
            return
        options = bot.options
        request = StartBot(
            app=bot.app,
            path=str(path),
            text=text,
            is_live=self.app.mode == "live",
            feed=options.feed,
            speed=options.speed,
            seed=options.seed,
            is_recorded=options.is_recorded,
            symbol=options.symbol,
            market=options.market,
            interval=options.interval,
        )
        if self.desk.is_repeat("run", bot.name):
            self.app.say(self.app.look.words("said.twice"))
            return
        self._send("run", bot.name, request)

    def reconnect(self) -> None:
        """Tries the venue, or the engine, again now."""
        if self.app.is_lost:
            self.app.retry_now.set()
            return
        venue = self._venue()
        if venue:
            self.send("reconnect", venue)

    def _venue(self) -> str:
        if self.app.screen_name == "grid" and self.app.grid is not None:
            return self.app.grid.venue
        screen = self.app.suite_screen
        table = None if screen is None else screen.panels.get("venues")
        if isinstance(table, VenueTable) and table.cursor_row is not None:
            return table.cursor_row.name
        return (
            self.app.home.venues[0].name
            if self.app.home is not None and self.app.home.venues
            else ""
        )

    def halt(self) -> None:
        """Stops new orders first, then asks what else; again, it shows what is left."""
        if not self.app.is_halted and not self.desk.is_repeat("halt", ""):
            self._send("halt", "", self.desk.request("halt", ""))
        if isinstance(self.app.screen, KillSheet):
            return
        self.app.push_screen(KillSheet(), self._after_halt)

    def _after_halt(self, act: str | None) -> None:
        if act is None:
            return
        base = Danger.ORDERS if act == "halt_cancel" else Danger.POSITIONS
        action = Action(id=act, keys=(), group="risk", danger=base, is_act=True)

        def ask() -> Question:
            return Question(
                title=self.act_word(act).capitalize(),
                lines=(self.act_word(act),),
                remark=self.app.look.words("ask.final") if act == "halt_flatten" else "",
                word=self.app.look.words(f"word.{act}"),
            )

        self._after_question(effective(action, self.app.mode), ask, lambda: self.send(act, ""))
