"""Grid: the ladder, the market, what it holds, what it made."""

from __future__ import annotations

from pathlib import PurePath
from typing import ClassVar

from tui.screens.suite import AnyPanel, SuiteScreen
from tui.widgets.charts import PriceChart
from tui.widgets.grid_panels import FillsTable, GridFacts, HealthPanel, ResultPanel
from tui.widgets.ladder_view import LadderView
from tui.widgets.lists import OrdersTable
from tui.widgets.panel import Showing


class GridScreen(SuiteScreen):
    """One grid."""

    NAME: ClassVar[str] = "grid"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["suite.tcss", "grid.tcss"]

    def make_panels(self) -> list[AnyPanel]:
        """The ladder first: it is the hero."""
        return [
            LadderView(),
            GridFacts(),
            PriceChart(),
            ResultPanel(),
            HealthPanel(),
            FillsTable(),
            OrdersTable(),
        ]

    def show(self) -> None:
        """Hands the newest snapshot on."""
        snapshot = self.suite.grid
        for panel in self.in_view():
            if snapshot is not None and isinstance(panel, LadderView | Showing):
                panel.show(snapshot)
            else:
                panel.redraw()
