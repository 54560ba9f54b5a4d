"""The configuration of a bot in an editor; and the question that shows what it would change."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tui.modals.sheet import Sheet
from tui.presentation.cells import BLANK, Line, Span
from tui.widgets.bars import RowWidget

if TYPE_CHECKING:
    from tui.app import CtosApp

EDITORS: Final = ("VISUAL", "EDITOR")


class TitleRow(RowWidget):
    """What is edited, above the text."""

    DEFAULT_CSS = "TitleRow { height: 1; width: 100%; background: $panel; }"

    def on_resize(self) -> None:
        """Lays the line out."""
        cast("EditSheet", self.screen).update()


class KeysRow(RowWidget):
    """What the keys do, below the text."""

    DEFAULT_CSS = "KeysRow { height: 1; width: 100%; background: $panel; }"

    def on_resize(self) -> None:
        """Lays the line out."""
        cast("EditSheet", self.screen).update()


class EditSheet(ModalScreen[str | None], inherit_bindings=False):
    """Gives the text as it was left, or None when it is left with escape.

    Args:
        bot: Whose configuration.
        text: YAML, as the bot runs with it or as it was left last.
        path: Its file on disk, which may have changed meanwhile.
        refusal: Why the text was not taken before, shown until it is left again.
    """

    CSS: ClassVar[str] = (
        "EditSheet { background: $background; layout: vertical; }"
        " EditSheet TextArea { height: 1fr; border: none; padding: 0 1; background: $background; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "preview", priority=True),
        Binding("escape", "leave", priority=True),
        Binding("ctrl+e", "editor", priority=True),
        Binding("ctrl+r", "reload", priority=True),
    ]

    def __init__(self, bot: str, text: str, path: str, refusal: str = "") -> None:
        super().__init__()
        self._bot = bot
        self._text = text
        self._path = path
        self._refusal = refusal

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    @property
    def area(self) -> TextArea:
        """The text."""
        return self.query_one(TextArea)

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        yield TitleRow()
        yield TextArea(self._text, show_line_numbers=True, soft_wrap=False, tab_behavior="indent")
        yield KeysRow()

    def on_mount(self) -> None:
        """Focus on the text."""
        self.update()
        self.area.focus()

    def update(self) -> None:
        """Says what is edited and what the keys do."""
        words = self.suite.look.words
        title = (Span(f" {words('edit.title', bot=self._bot)}  ", "title"), Span(self._path, "dim"))
        keys = (Span(f" {words('edit.keys')}", "dim"),)
        self.query_one(TitleRow).set_line(title)
        row = self.query_one(KeysRow)
        row.set_line((Span(f" {self._refusal}", "error"),) if self._refusal else keys)

    def say(self, text: str) -> None:
        """Puts a refusal where the keys are explained."""
        self._refusal = text
        self.update()

    def action_preview(self) -> None:
        """Asks what the text would change."""
        self.dismiss(self.area.text)

    def action_leave(self) -> None:
        """Changes nothing; the text is kept for the next time."""
        self.suite.editing.keep(self._bot, self.area.text)
        self.dismiss(None)

    def action_reload(self) -> None:
        """Takes the file as it stands on disk."""
        try:
            self.area.text = Path(self._path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.say(self.suite.look.words("said.read_failed", path=self._path, reason=reason))
        else:
            self.say("")

    def action_editor(self) -> None:
        """Opens the text in the editor of `$VISUAL` or `$EDITOR`."""
        editor = next((os.environ[name] for name in EDITORS if os.environ.get(name)), "")
        if not editor:
            self.say(self.suite.look.words("edit.no_editor"))
            return
        try:
            self.area.text = edited_outside(self.app, editor, self._bot, self.area.text)
        except (OSError, SuspendNotSupported, UnicodeDecodeError, ValueError) as error:
            self.say(str(error))
        else:
            self.say("")


def edited_outside(app: object, editor: str, bot: str, text: str) -> str:
    """The text after an editor of its own had it, on a copy that is gone afterwards.

    Raises:
        OSError: If the editor cannot be started.
        SuspendNotSupported: If this terminal cannot be lent.
    """
    with tempfile.TemporaryDirectory(prefix="ctos-edit-") as folder:
        path = Path(folder) / f"{bot}.yaml"
        path.write_text(text, encoding="utf-8")
        with cast("CtosApp", app).suspend():
            subprocess.run([*shlex.split(editor), str(path)], check=False)
        return path.read_text(encoding="utf-8")


class TextSheet(Sheet[None]):
    """Lines of text, to be read and copied.

    Args:
        title: What they are about.
        lines: The text; None until it is there.
    """

    WIDTH = 96

    def __init__(self, title: str, lines: Sequence[str] | None = None) -> None:
        super().__init__()
        self._heading = title
        self._text = lines

    def show_text(self, lines: Sequence[str]) -> None:
        """The text is there."""
        self._text = lines
        if self.is_attached:
            self.update()

    def title_text(self) -> str:
        """What it is about."""
        return self._heading

    def bottom_text(self) -> str:
        """How to copy and close it."""
        return self.suite.look.words("error.copy")

    def sheet_lines(self) -> Sequence[Line]:
        """The text, or that it is being asked for."""
        if self._text is None:
            return [BLANK, (Span(f"  {self.suite.look.words('detail.waiting')}", "dim"),), BLANK]
        return [BLANK, *(text_line(line) for line in self._text), BLANK]

    def press(self, key: str, character: str) -> None:
        """`y` copies, escape closes."""
        if character == "y" and self._text is not None:
            self.suite.looking.copy("\n".join(self._text))
        elif key in {"escape", "q", "enter"}:
            self.dismiss(None)


def text_line(text: str) -> Line:
    """A line of text: what begins at its edge is a heading."""
    return (Span(f"  {text}", "" if text.startswith(" ") else "header"),)
