"""One line to type into, where the message line is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.presentation.cells import Span
from tui.widgets.bars import RowWidget

if TYPE_CHECKING:
    from tui.app import CtosApp


class PromptRow(RowWidget):
    """The line itself."""

    DEFAULT_CSS = "PromptRow { height: 1; width: 100%; dock: bottom; background: $panel; }"

    def on_resize(self) -> None:
        """Lays the line out."""
        cast("Prompt", self.screen).update()


class Prompt(ModalScreen[str | None], inherit_bindings=False):
    """Gives what was typed, or None when it was left with escape."""

    CSS = "Prompt { background: transparent; align: center bottom; }"

    def __init__(self, label: str, text: str = "") -> None:
        super().__init__()
        self._label = label
        self._text = text

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    def compose(self) -> ComposeResult:
        """One row."""
        yield PromptRow()

    def update(self) -> None:
        """Shows what was typed so far."""
        self.query_one(PromptRow).set_line(
            (Span(f" {self._label}  ", "dim"), Span("/", "key"), Span(f"{self._text}_"))
        )

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text joins."""
        event.stop()
        self._text += event.text.splitlines()[0] if event.text else ""
        self.update()

    def on_key(self, event: events.Key) -> None:
        """Letters join; enter gives, escape leaves."""
        event.stop()
        event.prevent_default()
        if event.key == "enter":
            self.dismiss(self._text)
        elif event.key == "escape":
            self.dismiss(None)
        elif event.key == "backspace":
            self._text = self._text[:-1]
        elif event.character and event.character.isprintable():
            self._text += event.character
        if self.is_current:
            self.update()
