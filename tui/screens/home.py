"""Home: the whole suite at a glance."""

from __future__ import annotations

from pathlib import PurePath
from typing import ClassVar

from tui.screens.suite import AnyPanel, SuiteScreen
from tui.widgets.charts import EquityChart
from tui.widgets.home_panels import BotTable, HomeFacts, PositionsTable, VenueTable
from tui.widgets.lists import LogView, RequestsTable
from tui.widgets.panel import Showing


class HomeScreen(SuiteScreen):
    """Worth, doors, bots, exposure, and what just happened."""

    NAME: ClassVar[str] = "home"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["suite.tcss", "home.tcss"]

    def make_panels(self) -> list[AnyPanel]:
        """Bots first: they are what one comes for."""
        return [
            BotTable(),
            HomeFacts(),
            EquityChart(),
            PositionsTable(),
            VenueTable(),
            LogView(self.suite.diary),
            RequestsTable(),
        ]

    def show(self) -> None:
        """Hands the newest snapshot on."""
        snapshot = self.suite.home
        for panel in self.in_view():
            if snapshot is not None and isinstance(panel, Showing):
                panel.show(snapshot)
            else:
                panel.redraw()
