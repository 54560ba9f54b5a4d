"""The panels of the home screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from core.services.portfolio.snapshot import BotRow, HomeSnapshot, PositionRow, VenueRow
from tui.presentation import home, table
from tui.presentation.cells import Line, Span
from tui.presentation.numbers import number
from tui.widgets.grid_panels import FactsPanel
from tui.widgets.panel import Panel, Showing


class HomeFacts(FactsPanel, Showing[HomeSnapshot]):
    """The narrow home screen's one line."""

    NAME: ClassVar[str] = "facts"

    def source_rows(self) -> Sequence[Line]:
        """One line."""
        if self.snapshot is None:
            return ()
        return (home.facts_line(self.snapshot, self.inner_width, self.suite.look),)

    def _title(self) -> Line:
        return (Span(self.suite.look.words("equity.title"), "title"),)

    def state(self) -> str:
        """The state of risk, when it is not quiet."""
        if self.snapshot is None or self.snapshot.risk_state == "ACTIVE":
            return ""
        return self.snapshot.risk_state


class VenueTable(Panel[VenueRow], Showing[HomeSnapshot]):
    """Each door."""

    NAME: ClassVar[str] = "venues"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    CURSOR_STAYS: ClassVar[bool] = True

    def source_rows(self) -> Sequence[VenueRow]:
        """The venues of the snapshot."""
        return () if self.snapshot is None else self.snapshot.venues

    def row_key(self, row: VenueRow) -> str:
        """A venue is known by its name."""
        return row.name

    def row_line(self, row: VenueRow, cells: int) -> Line:
        """One venue."""
        return home.venue_line(row, cells, self.suite.look, self.suite.turn)

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns."""
        if not self.source_rows():
            return ()
        return (table.header(home.VENUES, cells, self.suite.look),)

    def foot(self, cells: int) -> Sequence[Line]:
        """What the doors have to say."""
        return home.venue_details(self.source_rows())[:3]

    def state(self) -> str:
        """How many are up."""
        if self.tabs:
            return self.suite.look.words("tabs.hint")
        return home.venues_up(self.source_rows(), self.suite.look)

    def footing(self) -> str:
        """What can be done."""
        if not self.source_rows():
            return ""
        key = self.suite.keys.key("venue.reconnect")
        return self.suite.look.words("venues.footing", reconnect=key)

    def empty_face(self) -> Sequence[str]:
        """No venue yet."""
        return (self.suite.look.words("venues.empty"),)


class BotTable(Panel[BotRow], Showing[HomeSnapshot]):
    """Every bot, running or stopped."""

    NAME: ClassVar[str] = "bots"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    CURSOR_STAYS: ClassVar[bool] = True
    SORTS: ClassVar[int] = 7

    def source_rows(self) -> Sequence[BotRow]:
        """The bots of the snapshot."""
        return () if self.snapshot is None else self.snapshot.bots

    def row_key(self, row: BotRow) -> str:
        """A bot is known by its name."""
        return row.name

    def row_line(self, row: BotRow, cells: int) -> Line:
        """One bot."""
        if self.snapshot is None:
            return ()
        return home.bot_line(row, self.snapshot.at, cells, self.suite.look)

    def sort_value(self, row: BotRow, column: int) -> str | float:
        """By the column's own value."""
        started = 0.0 if row.started_at is None else -row.started_at.timestamp()
        values: tuple[str | float, ...] = (
            row.app,
            row.venue,
            row.symbol,
            row.state,
            started,
            float(row.pnl or 0),
            float(row.risk_used or 0),
        )
        return values[column - 1]

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns."""
        if not self.source_rows():
            return ()
        return (table.header(home.BOTS, cells, self.suite.look),)

    def state(self) -> str:
        """How many run."""
        if self.tabs:
            return self.suite.look.words("tabs.hint")
        if not self.source_rows():
            return ""
        return home.bots_running(self.source_rows(), self.suite.look)

    def footing(self) -> str:
        """What can be done with a bot."""
        if not self.source_rows():
            return ""
        words, keys = self.suite.look.words, self.suite.keys
        if self.suite.is_read_only:
            return ""
        return words(
            "bots.footing",
            run=keys.key("bot.run"),
            pause="p" if "p" in keys.keys("grid.pause") else keys.key("grid.pause"),
            stop=keys.key("grid.stop"),
        )

    def empty_face(self) -> Sequence[str]:
        """What to do first."""
        words = self.suite.look.words
        if self.snapshot is None:
            return (words("engine.connecting"),)
        return (words("bots.empty"), words("bots.empty_how"), words("bots.empty_check"))


class PositionsTable(Panel[PositionRow], Showing[HomeSnapshot]):
    """What the venues say is held."""

    NAME: ClassVar[str] = "positions"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    CURSOR_STAYS: ClassVar[bool] = True

    def source_rows(self) -> Sequence[PositionRow]:
        """The positions of the snapshot."""
        return () if self.snapshot is None else self.snapshot.positions

    def row_key(self, row: PositionRow) -> str:
        """One position per venue and symbol."""
        return f"{row.venue}:{row.symbol}"

    def row_line(self, row: PositionRow, cells: int) -> Line:
        """One position."""
        return home.position_line(row, cells)

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns."""
        if not self.source_rows():
            return ()
        return (table.header(home.POSITIONS, cells, self.suite.look),)

    def foot(self, cells: int) -> Sequence[Line]:
        """Free and used margin."""
        if self.snapshot is None or self.snapshot.free_margin is None:
            return ()
        return (home.margin_line(self.snapshot, cells, self.suite.look),)

    def state(self) -> str:
        """What the positions are worth at entry."""
        words = self.suite.look.words
        if self.tabs:
            return words("tabs.hint")
        if self.snapshot is None or not self.snapshot.positions:
            return ""
        value = number(home.notional(self.snapshot.positions), 0)
        return words("positions.state", value=value, quote=self.snapshot.quote)

    def footing(self) -> str:
        """What can be done with a position."""
        if not self.source_rows() or self.suite.is_read_only:
            return ""
        key = self.suite.keys.key("grid.flatten")
        return self.suite.look.words("positions.footing", flatten=key)

    def empty_face(self) -> Sequence[str]:
        """Nothing is held."""
        return (self.suite.look.words("positions.flat"),)
