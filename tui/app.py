"""The terminal app: screens over an engine that does not depend on them.

It watches frozen snapshots, shows the newest, and posts requests. What a key does comes from
`keymap.py`, what a screen says from `strings.py`, what an act asks first from `questions.py`. The
screen never pretends: after an act it shows *asked* until a snapshot shows *done*.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, cast
from uuid import uuid4

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.engine.protocol import (
    BotEnded,
    DiaryLine,
)
from core.errors import CtosError
from core.services.grid.snapshot import GridPhase, GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot, LogRow
from tui import probe, themes
from tui.acting import Acting
from tui.acts import Desk
from tui.availability import why_not
from tui.editing import Editing
from tui.keymap import ACTIONS, Action, Keymap
from tui.leaving import Leaving
from tui.looking import Looking
from tui.modals.confirm import ConfirmSheet
from tui.modals.sheet import Sheet
from tui.palette import SuiteCommands
from tui.presentation import glyphs, times
from tui.presentation.look import Look
from tui.presentation.message import in_words, line_in_words
from tui.presentation.topbar import Bar, mode_words
from tui.result import ScreenResult
from tui.saying import Saying
from tui.screens.grid import GridScreen
from tui.screens.home import HomeScreen
from tui.screens.log import LogScreen
from tui.screens.suite import SuiteScreen
from tui.settings import Settings
from tui.source import Push, SnapshotSource
from tui.strings import choose as choose_language
from tui.strings import words
from tui.widgets.bars import Said
from tui.widgets.lists import Diary, OrdersTable, RequestsTable
from tui.widgets.paint import Paint

log = logging.getLogger(__name__)

RETRY_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Waits between tries to reach an engine that is gone."""
IDENTITIES: Final = frozenset({"client_order_id", "order_id", "trade_id"})
"""Fields that a person reads last: they stand at the end of a line of the log."""
LIST_S: Final = 2.0
"""Orders and requests are asked for this often while they are in view."""


class CtosApp(App[ScreenResult], inherit_bindings=False):
    """The suite.

    Args:
        source: The engine.
        bot: The bot to show; None begins at home.
        read_only: Hides everything that asks the engine for an act.
        started_here: Whether this terminal started `bot`, so that quitting ends it.
        mode: `paper` or `live`, until a snapshot says so itself.
        settings: How a person wants it.
        look: Glyphs, language and zone; from settings and environment when None.
        monotonic: Seconds that never go back.
        make_id: Gives request ids.
        folder: Where `w` writes.
        retry_s: Waits between tries to reach the engine.
    """

    MODES: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {  # type: ignore[assignment]
        "home": HomeScreen,
        "grid": GridScreen,
        "log": LogScreen,
    }
    COMMANDS: ClassVar[set[Any]] = {SuiteCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "press('ctrl+c')", show=False, priority=True),
        Binding("ctrl+k", "press('ctrl+k')", show=False, priority=True),
    ]
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+backslash"
    TITLE = "ctos"

    def __init__(  # noqa: PLR0913 - all of it is decided by whoever opens the screen
        self,
        source: SnapshotSource,
        *,
        bot: str | None = None,
        read_only: bool = False,
        started_here: bool = False,
        mode: str = "paper",
        settings: Settings | None = None,
        look: Look | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        make_id: Callable[[], str] = lambda: uuid4().hex,
        folder: Path | None = None,
        retry_s: tuple[float, ...] = RETRY_S,
    ) -> None:
        self.settings = settings or Settings()
        self.look = look or look_for(self.settings, os.environ)
        self.keys = Keymap(self.settings.keymap)
        super().__init__()
        self.source = source
        self.bot = bot
        self.is_read_only = read_only
        started = {bot} if bot is not None and started_here else set()
        self.leaving = Leaving(self, started)
        self.looking = Looking(self, folder or Path.cwd())
        self.acting = Acting(self, Desk(monotonic, make_id))
        self.saying = Saying(self)
        self.editing = Editing(self)
        self._mode = mode
        self.monotonic = monotonic
        self._retry_s = retry_s
        self.grid: GridSnapshot | None = None
        self.home: HomeSnapshot | None = None
        self.diary = Diary()
        self.is_lost = False
        self.turn = 0
        """Counts on, for the light that turns while a line reconnects."""
        self.said = Said("")
        self._seen_message: tuple[str, datetime | None] = ("", None)
        self._seen_alarm: tuple[str, str, datetime | None] = ("", "", None)
        self._said_alarm: Said | None = None
        """The words of the alarm that is not over yet."""
        self._is_paint_due = False
        self.retry_now = asyncio.Event()
        self._paint: Paint | None = None
        for theme in themes.OWN:
            self.register_theme(theme)
        self.animation_level = self.settings.display.animation

    # Theme.

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables, with a colour for every meaning."""
        is_red_up = self.settings.display.up_is == "red"
        variables = themes.complete(super().get_css_variables(), is_red_up=is_red_up)
        self.theme_variables = variables
        self._paint = None
        return variables

    @property
    def paint(self) -> Paint:
        """Styles of the theme that is on."""
        if self._paint is None:
            has_colour = not os.environ.get("NO_COLOR")
            self._paint = Paint(self.theme_variables, self.look.glyphs, has_colour=has_colour)
        return self._paint

    def set_theme(self, name: str) -> None:
        """Paints with another theme."""
        self.theme = name

    def _watch_theme(self, theme_name: str) -> None:
        super()._watch_theme(theme_name)
        self.call_after_refresh(self._repaint)

    def _repaint(self) -> None:
        self._paint = None
        for screen in self.screen_stack:
            if isinstance(screen, SuiteScreen):
                screen.repaint()

    # Life.

    def on_mount(self) -> None:
        """The first screen, and the first watch."""
        wanted = self.settings.display.theme
        self.theme = wanted if wanted in self.available_themes else "ctos-dark"
        if self.theme != wanted:
            self.say(self.look.words("said.no_theme", theme=wanted), "warn")
        self.switch_mode("grid" if self.bot is not None else "home")
        self.watch_engine()
        self.set_interval(LIST_S, self.looking.ask_lists)

    def _handle_exception(self, error: Exception) -> None:
        """A fault of the screen ends the screen with a sentence; the log has the traceback."""
        log.error("screen.failed", exc_info=error)
        if self.is_headless:
            super()._handle_exception(error)
            return
        self.leaving.leave("failed", self.look.words("screen.failed"), exit_code=1)

    @property
    def suite_screen(self) -> SuiteScreen | None:
        """The screen below whatever lies on top of it."""
        return next(
            (screen for screen in self.screen_stack if isinstance(screen, SuiteScreen)), None
        )

    @property
    def screen_name(self) -> str:
        """`home`, `grid` or `log`."""
        screen = self.suite_screen
        return "home" if screen is None else screen.NAME

    @property
    def watched(self) -> str | None:
        """The bot whose snapshots are wanted; None for home."""
        return self.bot if self.screen_name == "grid" or self.leaving.is_leaving else None

    def watch_engine(self) -> None:
        """Watches what the screen in front needs; replaces the watch before."""
        self.run_worker(self._watch(), group="watch", exclusive=True, name="watch")

    async def _watch(self) -> None:
        tries = 0
        while True:
            try:
                async for push in self.source.watch(self.watched):
                    if tries:
                        tries, self.is_lost = 0, False
                        self.say(self.look.words("engine.back"), "ok")
                    self._take(push)
            except (OSError, CtosError):
                pass
            if self.is_over:
                return
            if tries >= len(self._retry_s):
                self.leaving.leave("lost", self.look.words("engine.gone"))
                return
            wait_s = self._retry_s[tries]
            tries += 1
            self._say_lost(tries, wait_s)
            await self._wait(wait_s)

    @property
    def is_over(self) -> bool:
        """Whether the screen is closing."""
        return self._exit

    async def _wait(self, seconds: float) -> None:
        self.retry_now.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.retry_now.wait()
        except TimeoutError:
            pass

    def _say_lost(self, tries: int, wait_s: float) -> None:
        self.is_lost = True
        text = self.look.words(
            "engine.lost", count=tries, most=len(self._retry_s), seconds=f"{wait_s:g}"
        )
        self.say(text, "error")
        self.paint_soon()

    # Snapshots in.

    def _take(self, push: Push) -> None:
        self.turn += 1
        match push:
            case GridSnapshot():
                self._take_grid(push)
            case HomeSnapshot():
                self.home = push
                self.is_read_only = self.is_read_only or push.is_read_only
                self.diary.take(push.log)
            case LogRow():
                self._take_line(push)
                return
            case DiaryLine():
                self._take_line(log_row(push))
                return
            case BotEnded():
                self.leaving.take_end(push)
        self.acting.settle()
        self.paint_soon()

    def _take_line(self, line: LogRow) -> None:
        """A line of the log; where none is in view it waits for the next picture."""
        self.diary.take([line])
        if self.screen_name != "grid":
            self.paint_soon()

    def _take_grid(self, snapshot: GridSnapshot) -> None:
        before = self.grid
        if before is not None and before.bot == snapshot.bot and snapshot.bells > before.bells:
            self.bell()
        self.grid = snapshot
        self.is_read_only = self.is_read_only or snapshot.is_read_only
        fresh = (snapshot.message, snapshot.message_at)
        if snapshot.message and fresh != self._seen_message:
            self._seen_message = fresh
            if not self.said.is_sticky or snapshot.is_error:
                self.said = newest_said(snapshot, self.look)
        alarm = (snapshot.bot, snapshot.alarm, snapshot.alarm_at)
        if snapshot.alarm_at is None:
            if self.said is self._said_alarm:
                self.said = newest_said(snapshot, self.look)
            self._said_alarm = None
        elif alarm != self._seen_alarm:
            self._seen_alarm = alarm
            said = in_words(snapshot.alarm_code, snapshot.alarm, snapshot.alarm_fields, self.look)
            self.said = Said(said, "error", self.look.time(snapshot.alarm_at), is_sticky=True)
            self._said_alarm = self.said

    # Paint.

    def paint_soon(self) -> None:
        """One picture for however many snapshots came since the last."""
        if not self._is_paint_due:
            self._is_paint_due = True
            self.call_later(self._paint_now)

    def _paint_now(self) -> None:
        self._is_paint_due = False
        screen = self.suite_screen
        if screen is not None and screen.is_mounted:
            screen.update()
        for above in self.screen_stack:
            if isinstance(above, Sheet) and above.is_mounted:
                above.update()

    @property
    def shown_snapshot(self) -> GridSnapshot | HomeSnapshot | None:
        """The snapshot that the screen in front lives on."""
        return self.grid if self.screen_name == "grid" else self.home

    @property
    def mode(self) -> str:
        """`paper` or `live`."""
        if self.grid is not None:
            return self.grid.mode
        return self._mode if self.home is None else self.home.mode

    @property
    def mode_word(self) -> str:
        """The mode as the top bar says it."""
        return mode_words(Bar(mode=self.mode, screen="home"), self.look)

    @property
    def is_halted(self) -> bool:
        """Whether everything is halted, as far as the screen in front knows."""
        if self.screen_name == "grid":
            return self.grid is not None and self.grid.phase is GridPhase.HALTED
        return self.home is not None and self.home.risk_state == "HALTED"

    def say(self, text: str, tone: str = "") -> None:
        """Puts words into the message line; errors stay until a key is pressed."""
        self.said = Said(text, tone, is_sticky=tone == "error")
        screen = self.suite_screen
        if screen is not None and screen.is_mounted:
            screen.show_message()

    # Keys.

    def action_press(self, key: str) -> None:
        """A key that works everywhere, text fields included."""
        if key == "ctrl+c" and isinstance(self.screen, ConfirmSheet) and self.leaving.is_quit_asked:
            self.screen.dismiss(result=True)
            return
        self.press(key)

    def press(self, key: str) -> bool:
        """A key; whether it meant anything."""
        if self.looking.is_jumping:
            self.looking.jump(key)
            return True
        action = self.keys.find(self.screen_name, key)
        if action is None:
            return False
        if self.said.is_sticky and not self.is_lost:
            self.said = Said("")
        self.do(action.id)
        return True

    def do(self, id_: str) -> None:
        """Carries an action out, or says why not."""
        action = ACTIONS[id_]
        if self.screen_name not in action.screens:
            label = self.look.words(f"key.{id_}")
            self.say(self.look.words("said.not_here", label=label), "warn")
            return
        reason = why_not(action, self.saying.situation(), self.look.words)
        if reason:
            self.say(reason, "warn")
            return
        self._handlers()[id_](action)
        self.paint_soon()

    def _handlers(self) -> dict[str, Callable[[Action], None]]:
        def quietly(run: Callable[[], object]) -> Callable[[Action], None]:
            return lambda _: cast("None", run())

        return {
            "go.home": quietly(lambda: self.looking.go("home")),
            "go.grid": quietly(self.looking.go_grid),
            "go.log": quietly(lambda: self.looking.go("log")),
            "view.next": quietly(lambda: self.looking.on_screen().move_focus(1)),
            "view.previous": quietly(lambda: self.looking.on_screen().move_focus(-1)),
            "view.freeze": quietly(self.looking.freeze),
            "view.open": quietly(self.looking.open_row),
            "view.shorter": quietly(lambda: self.looking.change_range(-1)),
            "view.longer": quietly(lambda: self.looking.change_range(1)),
            "view.zoom": quietly(lambda: self.looking.on_screen().toggle_zoom()),
            "view.sort": quietly(lambda: self.looking.panel().sort_next()),
            "view.reverse": quietly(lambda: self.looking.panel().turn_round()),
            "view.filter": quietly(lambda: self.looking.ask_filter(self.looking.panel())),
            "view.copy": quietly(lambda: self.looking.copy(self.looking.panel().copy_text())),
            "view.write": quietly(lambda: self.looking.write(self.looking.panel())),
            "view.undo": quietly(self.acting.undo),
            "view.requests": quietly(lambda: self.looking.push_list(RequestsTable())),
            "view.jump": quietly(self.looking.begin_jump),
            "view.back": quietly(self.looking.go_back),
            "log.errors": quietly(self.looking.toggle_errors),
            "help.commands": quietly(self.action_command_palette),
            "help.keys": quietly(self.looking.show_help),
            "grid.centre": quietly(lambda: self.looking.ladder().centre()),
            "grid.orders": quietly(lambda: self.looking.push_list(OrdersTable())),
            "grid.fills": quietly(lambda: self.looking.on_screen().toggle_zoom("fills")),
            "grid.profit": quietly(self.editing.show_profit),
            "grid.edit": quietly(self.editing.open),
            "grid.health": quietly(lambda: self.acting.send("reconcile", self.acting.acting_on())),
            "grid.pause": self.acting.pause,
            "grid.cancel": partial(self.acting.act_on_grid, "cancel_all"),
            "grid.flatten": partial(self.acting.act_on_grid, "flatten"),
            "grid.stop": partial(self.acting.act_on_grid, "stop"),
            "bot.run": self.acting.run_bot,
            "venue.reconnect": quietly(self.acting.reconnect),
            "risk.halt": quietly(self.acting.halt),
            "app.detach": quietly(self.leaving.detach),
            "app.quit": quietly(self.leaving.quit_suite),
        }


def newest_said(snapshot: GridSnapshot, look: Look) -> Said:
    """What happened last to a bot, as the message line says it."""
    fields = snapshot.message_fields
    said = line_in_words(snapshot.message_event, snapshot.message, fields, look)
    clock = "" if snapshot.message_at is None else look.time(snapshot.message_at)
    tone = "error" if snapshot.is_error else ""
    return Said(said, tone, clock, is_sticky=snapshot.is_error)


def log_row(line: DiaryLine) -> LogRow:
    """A diary event as a line of the log."""
    told = sorted(line.fields, key=lambda field: field[0] in IDENTITIES)
    fields = " ".join(f"{name}={_plain(value)}" for name, value in told)
    is_bad = line.event in {"order.unknown", "risk.denied", "risk.halted", "order.rejected"}
    level = "warning" if is_bad else "info"
    return LogRow(at=line.at, level=level, source=line.bot, text=f"{line.event} {fields}".strip())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None else str(value)


def look_for(settings: Settings, environment: Mapping[str, str]) -> Look:
    """Glyphs, language and zone for a terminal."""
    display = settings.display
    encoding = getattr(sys.__stdout__, "encoding", None) or "utf-8"
    sign_cells = line_cells = 1
    if display.glyphs == "auto" and "utf" in encoding.lower() and probe.is_asked(environment):
        sign_cells, line_cells = probe.cells_of("●"), probe.cells_of("─")
    return Look(
        glyphs=glyphs.choose(
            display.glyphs, encoding, sign_cells=sign_cells, line_cells=line_cells
        ),
        words=words(choose_language(display.language, environment)),
        zone=times.zone(display.timezone),
    )


async def run_async(
    source: SnapshotSource,
    *,
    bot: str | None = None,
    read_only: bool = False,
    started_here: bool = False,
    mode: str = "paper",
    settings: Settings | None = None,
    look: Look | None = None,
) -> ScreenResult:
    """Shows the screens until someone leaves; for a loop that runs already."""
    app = CtosApp(
        source,
        bot=bot,
        read_only=read_only,
        started_here=started_here,
        mode=mode,
        settings=settings,
        look=look,
    )
    result = await app.run_async()
    return result if result is not None else ScreenResult(reason="lost", exit_code=1)


def run(
    source: SnapshotSource,
    *,
    bot: str | None = None,
    read_only: bool = False,
    started_here: bool = False,
    mode: str = "paper",
    settings: Settings | None = None,
    look: Look | None = None,
) -> ScreenResult:
    """Shows the screens until someone leaves.

    Args:
        source: The engine, or whatever plays it.
        bot: The bot to show first; None begins at home.
        read_only: Hides every act.
        started_here: Whether this terminal started `bot`, so that quitting ends it.
        mode: `paper` or `live`, until a snapshot says so itself.
        settings: From `settings.load`; the defaults when None.
        look: From settings and environment when None.
    """
    return asyncio.run(
        run_async(
            source,
            bot=bot,
            read_only=read_only,
            started_here=started_here,
            mode=mode,
            settings=settings,
            look=look,
        )
    )
