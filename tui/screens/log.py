"""Log: the diary, whole."""

from __future__ import annotations

from pathlib import PurePath
from typing import ClassVar

from tui.screens.suite import AnyPanel, SuiteScreen
from tui.widgets.lists import LogView


class LogScreen(SuiteScreen):
    """Everything that was written down, newest first."""

    NAME: ClassVar[str] = "log"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["suite.tcss", "log.tcss"]

    def make_panels(self) -> list[AnyPanel]:
        """One panel."""
        return [LogView(self.suite.diary)]

    def show(self) -> None:
        """The diary keeps itself; a paused picture stays as it is."""
        if not self.suite.looking.is_frozen:
            for panel in self.in_view():
                panel.redraw()
