"""Lists over the whole screen: orders of a bot, calls to venues."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.widgets.lists import OrdersTable, RequestsTable

if TYPE_CHECKING:
    from tui.app import CtosApp

ListPanel = OrdersTable | RequestsTable


class ListSheet(ModalScreen[None], inherit_bindings=False):
    """A table over everything, with filter, copy and write."""

    CSS = "ListSheet { background: $background; } ListSheet > * { width: 100%; height: 100%; }"

    def __init__(self, table: ListPanel) -> None:
        super().__init__()
        self.table = table

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield self.table

    def on_mount(self) -> None:
        """Focus on the table."""
        self.table.focus()

    def update(self) -> None:
        """The table changes when its answer comes."""
        self.table.redraw()

    def on_key(self, event: events.Key) -> None:
        """Keys of a list; escape closes."""
        event.stop()
        event.prevent_default()
        match event.key:
            case "escape" | "q":
                if self.table.filter.text:
                    self.table.set_filter("")
                else:
                    self.dismiss(None)
            case "slash":
                self.suite.looking.ask_filter(self.table)
            case "y":
                self.suite.looking.copy(self.table.copy_text())
            case "w":
                self.suite.looking.write(self.table)
            case "enter" if isinstance(self.table, OrdersTable):
                self.suite.looking.open_order(self.table.cursor_row)
            case _:
                pass
