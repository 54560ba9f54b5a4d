"""The three rows around the panels: top bar, message line, keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.presentation.cells import Line, Span, fit, width
from tui.presentation.topbar import Bar, top_bar
from tui.widgets.flash import Flashes

if TYPE_CHECKING:
    from tui.app import CtosApp


class RowWidget(Widget):
    """One row, painted again only when its words changed."""

    def __init__(self) -> None:
        super().__init__()
        self._line: Line = ()

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """The whole row."""
        return container.width

    def set_line(self, line: Line) -> None:
        """Shows a line."""
        line = fit(line, self.size.width)
        if line != self._line:
            self._line = line
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        return self.suite.paint.strip(self._line).apply_style(self.rich_style)


class TopBar(RowWidget):
    """Row 0."""

    DEFAULT_CSS = "TopBar { height: 1; width: 100%; }"
    bar: Bar | None = None

    def __init__(self) -> None:
        super().__init__()
        self._flashes = Flashes()

    def show(self, bar: Bar) -> None:
        """Shows what the bar says."""
        self.bar = bar
        self.redraw()

    def redraw(self) -> None:
        """Lays the bar out for the width there is."""
        if self.bar is None or not self.size.width:
            return
        line = top_bar(self.bar, self.size.width, self.suite.look)
        if self.suite.animation_level != "none":
            lines, wait_s = self._flashes.light([line], self.suite.monotonic())
            line = lines[0]
            if wait_s is not None:
                self.set_timer(wait_s, self.redraw)
        self.set_line(line)

    def on_resize(self) -> None:
        """A new width is a new bar."""
        self._line = ()
        self.redraw()


@dataclass(frozen=True, slots=True)
class Said:
    """One message: what happened, in words."""

    text: str
    tone: str = ""
    clock: str = ""
    is_sticky: bool = False
    """Whether it stays until someone pressed a key."""


class MessageLine(RowWidget):
    """The last thing that happened."""

    DEFAULT_CSS = "MessageLine { height: 1; width: 100%; }"
    said = Said("")

    def say(self, said: Said) -> None:
        """Shows a message."""
        self.said = said
        self.redraw()

    def redraw(self) -> None:
        """Lays the message out."""
        if not self.size.width:
            return
        clock = f" {self.said.clock}  " if self.said.clock else " "
        self.set_line((Span(clock, "dim"), Span(self.said.text, self.said.tone)))

    def on_resize(self) -> None:
        """A new width is a new line."""
        self._line = ()
        self.redraw()


@dataclass(frozen=True, slots=True)
class FooterKey:
    """One key of the footer."""

    action: str
    key: str
    label: str
    is_available: bool = True
    rank: int = 5


class KeyFooter(RowWidget):
    """What works now; what does not is dim and answers why."""

    DEFAULT_CSS = "KeyFooter { height: 1; width: 100%; }"

    class Pressed(Message):
        """A key of the footer was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[FooterKey, ...] = ()
        self._places: list[tuple[int, int, str]] = []

    def show(self, keys: tuple[FooterKey, ...]) -> None:
        """Shows keys; those that matter least leave when room is short."""
        if keys != self._keys:
            self._keys = keys
            self.redraw()

    def redraw(self) -> None:
        """Lays the keys out."""
        if not self.size.width:
            return
        kept = _fitting(self._keys, self.size.width - 2)
        spans: list[Span] = [Span(" ")]
        self._places = []
        at = 1
        for key in kept:
            size = width(key.key) + 1 + width(key.label)
            self._places.append((at, at + size, key.action))
            tone = "key" if key.is_available else "dim"
            spans += [
                Span(key.key, tone),
                Span(f" {key.label}", "" if key.is_available else "dim"),
                Span("  "),
            ]
            at += size + 2
        self.set_line(tuple(spans))

    def on_resize(self) -> None:
        """A new width is a new choice of keys."""
        self._line = ()
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Clicking a key presses it."""
        for start, end, action in self._places:
            if start <= event.x < end:
                self.post_message(self.Pressed(action))


def _fitting(keys: tuple[FooterKey, ...], cells: int) -> list[FooterKey]:
    """Keys that fit; the highest rank leaves first, of one rank the one furthest right."""
    kept = list(keys)
    sizes = {key.action: width(key.key) + 1 + width(key.label) + 2 for key in keys}
    while kept and sum(sizes[key.action] for key in kept) > cells + 2:
        highest = max(key.rank for key in kept)
        last = next(key for key in reversed(kept) if key.rank == highest)
        kept.remove(last)
    return kept
