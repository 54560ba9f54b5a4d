"""Line charts: the price of a grid, the worth of the accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from core.services.grid.snapshot import GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot
from tui.presentation import grid, home
from tui.presentation.cells import Line, retone
from tui.presentation.chart import Chart, draw
from tui.presentation.numbers import percent
from tui.widgets.panel import Panel, Showing

PICTURE_S = 0.5


class ChartPanel(Panel[Line]):
    """A chart, drawn again only when its data or its size changed."""

    HAS_CHART: ClassVar[bool] = True
    reach = 2
    """Index of the range shown."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[object, list[Line]] = (None, [])
        self._shape: object = None
        self._drawn_s = 0.0
        self._is_late = False

    def chart(self) -> Chart | None:
        """What to draw."""
        raise NotImplementedError

    def picture_key(self) -> object:
        """Equal as long as the picture would be."""
        raise NotImplementedError

    def source_rows(self) -> Sequence[Line]:
        """The rows of the picture; a new one at most twice a second, nobody reads faster."""
        key = self.picture_key()
        shape = (self.size, self.reach, self.suite.look)
        if key == self._drawn[0] and shape == self._shape:
            return self._drawn[1]
        wait_s = self._drawn_s + PICTURE_S - self.suite.monotonic()
        if shape == self._shape and self._drawn[1] and wait_s > 0:
            self._redraw_later(wait_s)
            return self._drawn[1]
        chart = self.chart()
        lines: list[Line] = []
        if chart is not None and len(chart.samples) > 1:
            height = self.size.height - 2
            lines = draw(chart, self.inner_width, height, self.suite.look.glyphs)
        self._drawn, self._shape = (key, lines), shape
        self._drawn_s = self.suite.monotonic()
        return lines

    def _redraw_later(self, wait_s: float) -> None:
        """The last change of a burst is drawn too."""
        if not self._is_late:
            self._is_late = True
            self.set_timer(wait_s, self._redraw_now)

    def _redraw_now(self) -> None:
        self._is_late = False
        self.redraw()

    def row_key(self, row: Line) -> str:
        """Rows of a picture have no identity."""
        return ""

    def row_line(self, row: Line, cells: int) -> Line:
        """A row as it is."""
        return row

    def change_reach(self, step: int) -> None:
        """Shows a longer or a shorter time."""
        self.reach = min(len(grid.RANGES) - 1, max(0, self.reach + step))
        self.redraw()


class PriceChart(ChartPanel, Showing[GridSnapshot]):
    """The market's price with our fills on it."""

    NAME: ClassVar[str] = "price"

    def picture_key(self) -> object:
        """Its points and fills; resting levels move with the fills."""
        snapshot = self.snapshot
        if snapshot is None:
            return None
        ends = (snapshot.prices[0], snapshot.prices[-1]) if snapshot.prices else ()
        fills = snapshot.fills[0].trade_id if snapshot.fills else ""
        return (ends, len(snapshot.prices), fills, snapshot.entries_resting, snapshot.exits_resting)

    def chart(self) -> Chart | None:
        """The price line."""
        if self.snapshot is None:
            return None
        return grid.price_chart(self.snapshot, grid.RANGES[self.reach][1], self.suite.look)

    def row_line(self, row: Line, cells: int) -> Line:
        """A row, dim while prices are old."""
        if self.snapshot is not None and self.suite.saying.is_old(self.snapshot):
            return retone(row, "stale")
        return row

    def state(self) -> str:
        """Length of a point and of the line."""
        if self.tabs:
            return self.suite.look.words("tabs.hint")
        if self.snapshot is None:
            return ""
        return grid.chart_state(self.snapshot, grid.RANGES[self.reach][0], self.suite.look)

    def footing(self) -> str:
        """The range of the grid."""
        return "" if self.snapshot is None else grid.price_footing(self.snapshot, self.suite.look)

    def notice(self) -> str:
        """Where prices come from, when they are not the market's."""
        return "" if self.snapshot is None else self.snapshot.feed_notice

    def empty_face(self) -> Sequence[str]:
        """No prices yet."""
        return (self.suite.look.words("price.empty"),)


class EquityChart(ChartPanel, Showing[HomeSnapshot]):
    """What the accounts are worth over the last day."""

    NAME: ClassVar[str] = "equity"
    HAS_CHART: ClassVar[bool] = False

    def picture_key(self) -> object:
        """Its points."""
        if self.snapshot is None or not self.snapshot.equity_line:
            return None
        line = self.snapshot.equity_line
        return (line[0], line[-1], len(line))

    def chart(self) -> Chart | None:
        """The line of worth."""
        if self.snapshot is None:
            return None
        return home.equity_chart(self.snapshot, self.suite.look)

    def state(self) -> str:
        """Reach and currency."""
        if self.tabs:
            return self.suite.look.words("tabs.hint")
        if self.snapshot is None or not self.snapshot.quote:
            return ""
        return self.suite.look.words("equity.state", quote=self.snapshot.quote)

    def footing(self) -> str:
        """The deepest fall."""
        if self.snapshot is None or self.snapshot.max_drawdown is None:
            return ""
        value = percent(self.snapshot.max_drawdown, 2)
        return self.suite.look.words("equity.footing", value=value)

    def empty_face(self) -> Sequence[str]:
        """Nothing is known yet."""
        if self.snapshot is not None and self.snapshot.equity is not None:
            return (self.suite.look.words("equity.starting"),)
        return (self.suite.look.words("equity.empty"),)
