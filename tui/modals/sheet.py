"""A sheet: a framed list of lines in the middle of the screen, with keys of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.presentation.cells import Line, Span, line_width
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui.app import CtosApp

Result = TypeVar("Result")


class SheetPanel(Panel[Line]):
    """The lines of a sheet."""

    NAME: ClassVar[str] = "sheet"
    title = ""
    note = ""
    bottom = ""
    lines: Sequence[Line] = ()

    def source_rows(self) -> Sequence[Line]:
        """The lines as given."""
        return self.lines

    def row_key(self, row: Line) -> str:
        """Lines have no identity beside their words."""
        return "".join(span.text for span in row)

    def row_line(self, row: Line, cells: int) -> Line:
        """A line as it is."""
        return row

    def state(self) -> str:
        """The note at the right of the title."""
        return self.note

    def footing(self) -> str:
        """Words at the bottom right."""
        return self.bottom

    def _title(self) -> Line:
        return (Span(self.title, "title"),)


class Sheet(ModalScreen[Result], Generic[Result], inherit_bindings=False):
    """Base of every sheet. Keys go to `press`; escape closes with `None`."""

    CSS_PATH = Path(__file__).with_name("sheet.tcss")
    WIDTH: ClassVar[int] = 72

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    def compose(self) -> ComposeResult:
        """One panel."""
        yield SheetPanel()

    def title_text(self) -> str:
        """The title of the sheet."""
        return ""

    def note_text(self) -> str:
        """What stands at the right of the title."""
        return ""

    def bottom_text(self) -> str:
        """What stands at the bottom right."""
        return ""

    def sheet_lines(self) -> Sequence[Line]:
        """What the sheet says."""
        return ()

    @property
    def panel(self) -> SheetPanel:
        """The panel of the sheet."""
        return self.query_one(SheetPanel)

    def on_mount(self) -> None:
        """Focus rests on the sheet."""
        self.update()
        self.panel.focus()

    def update(self) -> None:
        """Says everything again, as when a snapshot came."""
        panel = self.panel
        panel.title, panel.note = self.title_text(), self.note_text()
        panel.bottom = self.bottom_text()
        panel.lines = tuple(self.sheet_lines())
        room = self.app.size
        widest = max([self.WIDTH - 4, *(line_width(line) for line in panel.lines)]) + 4
        panel.styles.width = min(widest, room.width - 2)
        panel.styles.height = min(len(panel.lines) + 2, room.height - 2)
        panel.redraw()

    def on_resize(self) -> None:
        """A new size is a new sheet."""
        if self.is_mounted:
            self.update()

    def on_key(self, event: events.Key) -> None:
        """Every key ends here."""
        event.stop()
        event.prevent_default()
        self.press(event.key, event.character or "")

    def press(self, key: str, character: str) -> None:
        """A key; escape, `q` and enter close."""
        if key in {"escape", "q", "enter"}:
            self.dismiss(None)
