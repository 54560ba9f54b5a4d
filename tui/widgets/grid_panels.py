"""The panels beside the ladder: result, health, fills, and the narrow screen's facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from core.services.grid.snapshot import FillRow, GridSnapshot
from tui.presentation import grid
from tui.presentation.cells import Line, Span, retone
from tui.widgets.panel import Panel, Showing


class FactsPanel(Panel[Line]):
    """A few lines that need no cursor."""

    def row_key(self, row: Line) -> str:
        """Facts have no identity beside their words."""
        return "".join(span.text for span in row)

    def row_line(self, row: Line, cells: int) -> Line:
        """A fact as it is."""
        return row


class GridFacts(FactsPanel, Showing[GridSnapshot]):
    """The narrow grid screen's one line."""

    NAME: ClassVar[str] = "facts"

    def source_rows(self) -> Sequence[Line]:
        """One line."""
        if self.snapshot is None:
            return ()
        line = grid.facts_line(self.snapshot, self.inner_width, self.suite.look)
        return (retone(line, "stale") if self.suite.saying.is_old(self.snapshot) else line,)

    def _title(self) -> Line:
        return (Span("" if self.snapshot is None else self.snapshot.symbol, "title"),)

    def state(self) -> str:
        """Phase and how long."""
        return "" if self.snapshot is None else grid.phase_state(self.snapshot, self.suite.look)

    def notice(self) -> str:
        """Where prices come from, when they are not the market's."""
        return "" if self.snapshot is None else self.snapshot.feed_notice


class ResultPanel(FactsPanel, Showing[GridSnapshot]):
    """Position and result."""

    NAME: ClassVar[str] = "result"

    def source_rows(self) -> Sequence[Line]:
        """The ledger of the grid."""
        if self.snapshot is None:
            return ()
        lines = grid.result_lines(self.snapshot, self.inner_width, self.suite.look)
        if self.suite.saying.is_old(self.snapshot):
            lines[3] = retone(lines[3], "stale")
        return lines

    def state(self) -> str:
        """The net result."""
        if self.tabs:
            return self.suite.look.words("tabs.hint")
        return "" if self.snapshot is None else grid.result_state(self.snapshot, self.suite.look)


class HealthPanel(FactsPanel, Showing[GridSnapshot]):
    """Protections, health of the books, and use of the limits."""

    NAME: ClassVar[str] = "health"

    def source_rows(self) -> Sequence[Line]:
        """What may act, how the books stand, how full the limits are."""
        if self.snapshot is None:
            return ()
        return grid.guard_lines(
            self.snapshot,
            self.inner_width,
            self.suite.look,
            rows=self.visible_rows,
            zoom=self.suite.keys.key("view.zoom"),
        )

    def state(self) -> str:
        """Nothing: health is quiet."""
        return self.suite.look.words("tabs.hint") if self.tabs else ""


class FillsTable(Panel[FillRow], Showing[GridSnapshot]):
    """Executions, newest first."""

    NAME: ClassVar[str] = "fills"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    SORTS: ClassVar[int] = 7

    def source_rows(self) -> Sequence[FillRow]:
        """The fills of the snapshot."""
        return () if self.snapshot is None else self.snapshot.fills

    def row_key(self, row: FillRow) -> str:
        """One trade may be shared by several levels."""
        return f"{row.trade_id}:{row.level}:{row.leg}"

    def row_line(self, row: FillRow, cells: int) -> Line:
        """One fill."""
        if self.snapshot is None:
            return ()
        return grid.fill_line(row, self.snapshot, cells, self.suite.look)

    def row_context(self) -> object:
        """Decimals."""
        snapshot = self.snapshot
        if snapshot is None:
            return None
        return (snapshot.price_decimals, snapshot.amount_decimals, self.suite.look)

    def sort_value(self, row: FillRow, column: int) -> str | float:
        """By the column's own value."""
        values: tuple[str | float, ...] = (
            row.at.timestamp(),
            row.level or 0,
            row.side.value,
            float(row.amount),
            float(row.price),
            float(row.fee),
            float("-inf") if row.round_trip is None else float(row.round_trip),
        )
        return values[column - 1]

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns."""
        return (grid.fills_header(cells, self.suite.look),) if self.source_rows() else ()

    def state(self) -> str:
        """Where the orders are."""
        words, keys = self.suite.look.words, self.suite.keys
        if self.tabs:
            return words("tabs.hint")
        if self.filter.text:
            return words("log.filtered", shown=len(self.rows), all=self.all_count)
        return words("fills.state", orders=keys.key("grid.orders"), fills=keys.key("grid.fills"))

    def footing(self) -> str:
        """What can be done with a row, and today's count."""
        words = self.suite.look.words
        return words("fills.footing", copy=self.suite.keys.key("view.copy"))

    def empty_face(self) -> Sequence[str]:
        """No fills yet, or none since this start."""
        words, snapshot = self.suite.look.words, self.snapshot
        has_traded = snapshot is not None and snapshot.result.fills > 0
        return (words("fills.none_since" if has_traded else "fills.empty"),)

    def csv(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Every fill, exact."""
        titles = (
            "at", "level", "leg", "side", "amount", "price", "fee",
            "round_trip", "client_order_id", "trade_id", "maker",
        )  # fmt: skip
        return titles, [
            [
                row.at.isoformat(),
                "" if row.level is None else str(row.level),
                row.leg,
                row.side.value.lower(),
                f"{row.amount:f}",
                f"{row.price:f}",
                f"{row.fee:f}",
                "" if row.round_trip is None else f"{row.round_trip:f}",
                row.client_order_id,
                row.trade_id,
                "" if row.is_maker is None else str(row.is_maker).lower(),
            ]
            for row in self.rows
        ]
