"""What the three rows around the panels say, and what stands on the screen now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.services.grid.snapshot import GridSnapshot
from tui.availability import Situation, why_not
from tui.presentation import grid as grid_text
from tui.presentation.cells import Line, Span
from tui.presentation.home import venue_lights
from tui.presentation.lights import describe, is_stale, worst
from tui.presentation.message import message_line
from tui.presentation.topbar import Bar
from tui.widgets.bars import FooterKey

if TYPE_CHECKING:
    from tui.app import CtosApp


class Saying:
    """Words for the top bar, the message line and the keys.

    Args:
        app: The app whose screens it serves.
    """

    def __init__(self, app: CtosApp) -> None:
        self.app = app

    def is_old(self, snapshot: GridSnapshot) -> bool:
        """Whether what a snapshot says is old: it must never look like new."""
        return self.app.is_lost or is_stale(snapshot.lights)

    def frame_tone(self) -> str:
        """Tone of the frames: LIVE and HALTED are seen from across the room."""
        if self.app.is_halted:
            return "frame-halted"
        return "frame-live" if self.app.mode == "live" else "frame"

    def bar(self, screen: str) -> Bar:
        """What the top bar says."""
        grid, home = self.app.grid, self.app.home
        if screen == "grid":
            return Bar(
                mode=self.app.mode,
                screen=screen,
                feed="" if grid is None else grid.feed,
                lights=() if grid is None else grid.lights,
                equity=None if grid is None else grid.equity,
                day_change=None if grid is None else grid.day_change,
                at=None if grid is None else grid.at,
                is_read_only=self.app.is_read_only,
                is_halted=self.app.is_halted,
                turn=self.app.turn,
            )
        return Bar(
            mode=self.app.mode,
            screen=screen,
            lights=() if home is None else venue_lights(home),
            equity=None if home is None else home.equity,
            day_change=None if home is None else home.day_change,
            at=None if home is None else home.at,
            is_read_only=self.app.is_read_only,
            is_halted=self.app.is_halted,
            turn=self.app.turn,
        )

    def face(self, snapshot: GridSnapshot) -> str:
        """The words for a grid's state; empty when it simply runs."""
        span = self._face(snapshot)
        return "" if span is None else span.text

    def _face(self, snapshot: GridSnapshot) -> Span | None:
        return grid_text.face(
            snapshot,
            self.app.look,
            pause_key=self.app.keys.key("grid.pause"),
            halt_key=self.app.keys.key("risk.halt"),
        )

    def message(self, cells: int) -> Line:
        """The message line."""
        words_, states = self.app.look.words, []
        if self.app.screen_name == "grid" and self.app.grid is not None:
            face = self._face(self.app.grid)
            trouble = worst(self.app.grid.lights)
            if face is not None:
                states.append(face)
            if trouble is not None:
                states.append(Span(describe(trouble, self.app.look), "warn"))
        elif self.app.is_halted:
            states.append(Span(words_("face.halted", halt=self.app.keys.key("risk.halt")), "error"))
        if self.app.screen_name == "log" and self.app.looking.is_frozen:
            states.append(
                Span(words_("face.picture_paused", pause=self.app.keys.key("view.freeze")), "calm")
            )
        if self.app.grid is None and self.app.home is None and not self.app.is_lost:
            states.append(Span(words_("engine.connecting"), "dim"))
        asked = self.app.acting.desk.asked
        text = ""
        if asked is not None:
            text = words_(
                "said.asked", act=self.app.acting.act_word(asked.act), bot=asked.bot
            ).strip()
        said = Span(self.app.said.text, self.app.said.tone)
        return message_line(
            said, self.app.said.clock, cells, self.app.look, asked=text, states=tuple(states)
        )

    def footer_keys(self) -> tuple[FooterKey, ...]:
        """What works now; what does not is dim."""
        at, words_ = self.situation(), self.app.look.words
        found: list[FooterKey] = []
        if self.app.screen_name != "grid":
            found.append(FooterKey("go.grid", "1-2", words_("key.screens")))
        for action in self.app.keys.on(self.app.screen_name):
            if not action.in_footer or (action.is_act and self.app.is_read_only):
                continue
            key = self.app.keys.key(action.id)
            label = words_(f"key.{action.id}")
            if action.id == "grid.pause":
                key, label = self._pause_key(at)
            found.append(
                FooterKey(
                    action.id,
                    key,
                    label,
                    is_available=not why_not(action, at, words_),
                    rank=action.rank,
                )
            )
        return tuple(found)

    def _pause_key(self, at: Situation) -> tuple[str, str]:
        words_, names = self.app.look.words, self.app.keys.keys("grid.pause")
        key = (
            "p"
            if self.app.screen_name == "home" and "p" in names
            else self.app.keys.key("grid.pause")
        )
        state = at.bot.state if self.app.screen_name == "home" and at.bot is not None else ""
        if self.app.screen_name == "grid" and self.app.grid is not None:
            state = self.app.grid.phase.value
        is_held = state in {"paused", "holding"}
        return key, words_("key.grid.pause_back" if is_held else "key.grid.pause")

    def situation(self) -> Situation:
        """What stands on the screen now."""
        screen = self.app.suite_screen
        panel = None if screen is None else screen.panel
        bot, position = self.app.acting.chosen_bot, self.app.acting.chosen_position
        return Situation(
            screen=self.app.screen_name,
            is_read_only=self.app.is_read_only,
            grid=self.app.grid if self.app.screen_name == "grid" else None,
            home=self.app.home,
            bot=bot,
            position=position,
            holder="" if position is None else self.app.acting.holder(position),
            can_filter=panel is not None and panel.CAN_FILTER,
            can_sort=panel is not None and panel.SORTS > 0,
            has_rows=panel is not None and panel.cursor_row is not None,
            has_log=screen is not None and "log" in screen.panels,
        )
