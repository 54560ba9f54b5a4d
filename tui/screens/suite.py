"""What all screens share: top bar, panels by plan, message line, keys."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from tui.presentation import layout
from tui.presentation.cells import Line, Span
from tui.presentation.layout import Plan
from tui.widgets.bars import KeyFooter, MessageLine, TopBar
from tui.widgets.body import Body
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui.app import CtosApp

log = logging.getLogger(__name__)

SLOW_FRAME_S = 0.03

AnyPanel = Panel[Any]


class SmallNotice(Panel[Line]):
    """One honest line when the terminal is too small."""

    NAME: ClassVar[str] = "small"

    def redraw(self) -> None:
        """Without a frame: there is no room for one."""
        size = self.app.size
        text = self.suite.look.words("said.no_room", width=size.width, height=size.height)
        self._lines = [(Span(text),)]
        self._strips = [None]
        self.refresh()

    def row_key(self, row: Line) -> str:
        """It has no rows."""
        return ""

    def row_line(self, row: Line, cells: int) -> Line:
        """It has no rows."""
        return row


class SuiteScreen(Screen[None], inherit_bindings=False):
    """A screen of panels. Subclasses name them and hand snapshots on."""

    NAME: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.panels: dict[str, AnyPanel] = {}
        self.active = ""
        """The panel whose tab is shown when narrow."""
        self.zoomed = ""
        self._plan = Plan({})

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    def make_panels(self) -> list[AnyPanel]:
        """The panels in the order that tab goes through them."""
        raise NotImplementedError

    def show(self) -> None:
        """Hands the newest snapshots to the panels that are in view."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Bar, panels, message, keys."""
        panels = self.make_panels()
        self.panels = {panel.NAME: panel for panel in panels}
        yield TopBar()
        with Body():
            yield from panels
            yield SmallNotice()
        yield MessageLine()
        yield KeyFooter()

    def on_mount(self) -> None:
        """The first panel has the focus."""
        self.set_sizes()
        self.call_after_refresh(self.begin)

    def begin(self) -> None:
        """The first picture."""
        order = self.in_view()
        if order and self.focused is None:
            order[0].focus()
        self.update()

    def on_screen_resume(self) -> None:
        """Back on this screen: everything may have changed."""
        self.set_sizes()
        self.call_after_refresh(self.update)

    def on_resize(self, event: events.Resize) -> None:
        """A new size is a new plan."""
        self.set_sizes()
        self.call_after_refresh(self.update)

    def set_sizes(self) -> None:
        """Breakpoint classes for the style sheets."""
        size = self.app.size
        wanted = layout.classes(size.width, size.height)
        for name in ("-narrow", "-normal", "-wide", "-short"):
            self.set_class(name in wanted, name)
        self.set_class(not layout.has_room(size.width, size.height), "-too-small")

    def plan_for(self, width: int, height: int) -> Plan:
        """The plan for a body of this size."""
        size = self.app.size
        if not layout.has_room(size.width, size.height):
            self._plan = Plan({"small": layout.Box(0, 0, width, height)})
            return self._plan
        self._plan = layout.arrange(
            self.NAME, width, height, active=self.active, zoomed=self.zoomed
        )
        for name, panel in self.panels.items():
            panel.tabs = self._plan.tabs if name in self._plan.tabs else ()
        return self._plan

    def in_view(self) -> list[AnyPanel]:
        """The panels that have a place now, in tab order."""
        return [panel for name, panel in self.panels.items() if name in self._plan.boxes]

    @property
    def panel(self) -> AnyPanel | None:
        """The panel that has the focus, else the first in view."""
        focused = self.focused
        if isinstance(focused, Panel) and focused in self.in_view():
            return focused
        return next((panel for panel in self.in_view() if panel.NAME != "facts"), None)

    def update(self) -> None:
        """One picture of the newest snapshots."""
        if not self.is_attached:
            return
        started = self.suite.monotonic()
        with self.app.batch_update():
            self.query_one(TopBar).show(self.suite.saying.bar(self.NAME))
            self.show()
            self.show_message()
            self.query_one(KeyFooter).show(self.suite.saying.footer_keys())
            if "small" in self._plan.boxes:
                self.query_one(SmallNotice).redraw()
        took_s = self.suite.monotonic() - started
        if took_s > SLOW_FRAME_S:
            log.debug("frame.slow screen=%s took_ms=%.0f", self.NAME, took_s * 1000)

    def show_message(self) -> None:
        """The message line alone."""
        row = self.query_one(MessageLine)
        if row.size.width:
            row.set_line(self.suite.saying.message(row.size.width))

    def repaint(self) -> None:
        """Everything again, as after a change of theme."""
        for panel in self.panels.values():
            panel.repaint()
        for row in (TopBar, MessageLine, KeyFooter):
            self.query_one(row).refresh()

    def replan(self) -> None:
        """Places the panels again."""
        body = self.query_one(Body)
        self.plan_for(body.size.width, body.size.height)
        # A child that asks for a layout makes its parent forget the arrangement it remembers.
        next(iter(self.panels.values())).refresh(layout=True)
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        shown = self.in_view()
        if self.focused not in shown and shown:
            wanted = self.panels.get(self.zoomed or self.active)
            target = wanted if wanted in shown else shown[-1]
            if target is not None:
                target.focus()
        self.update()

    def move_focus(self, step: int) -> None:
        """To the next panel; when narrow, to the next tab."""
        if self.zoomed:
            return
        if self._plan.tabs:
            tabs = self._plan.tabs
            now = tabs.index(self.active) if self.active in tabs else 0
            self.open_tab(tabs[(now + step) % len(tabs)])
            return
        panels = self.in_view()
        if not panels:
            return
        now = panels.index(self.panel) if self.panel in panels else -step
        panels[(now + step) % len(panels)].focus()
        self.call_after_refresh(self.update)

    def open_tab(self, name: str) -> None:
        """Shows a tab."""
        self.active = name
        self.replan()

    def go_to(self, name: str) -> None:
        """Focus on a panel, wherever it is."""
        if self._plan.tabs:
            self.open_tab(name)
        elif name in self.panels:
            self.panels[name].focus()
            self.call_after_refresh(self.update)

    def toggle_zoom(self, name: str = "") -> None:
        """Gives the whole body to a panel, and back."""
        panel = self.panel
        target = name or ("" if panel is None else panel.NAME)
        self.zoomed = "" if self.zoomed == target or (self.zoomed and not name) else target
        self.replan()

    def on_key(self, event: events.Key) -> None:
        """Keys go to the one registry."""
        if self.suite.press(event.key):
            event.stop()
            event.prevent_default()

    def on_key_footer_pressed(self, event: KeyFooter.Pressed) -> None:
        """A click on a key presses it."""
        self.suite.do(event.action)

    def on_panel_opened(self, event: Panel.Opened) -> None:
        """A double click opens."""
        self.suite.do("view.open")

    def on_panel_tab_chosen(self, event: Panel.TabChosen) -> None:
        """A click on a tab."""
        self.open_tab(event.name)


__all__ = ["AnyPanel", "SuiteScreen"]
