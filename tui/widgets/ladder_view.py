"""The ladder of a grid, its market in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from core.services.grid.snapshot import GridSnapshot
from tui.presentation import ladder
from tui.presentation.cells import Line, retone
from tui.presentation.ladder import Rung
from tui.widgets.panel import Panel

MARKET = "market"
SECOND: Final = timedelta(seconds=1)


class LadderView(Panel[Rung | None]):
    """Rungs by price; the row that is None is the market."""

    NAME: ClassVar[str] = "ladder"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    STARTS_CHOSEN: ClassVar[bool] = False
    snapshot: GridSnapshot | None = None
    _ladder: Sequence[Rung | None] = ()
    _columns: ladder.Columns | None = None
    _market_at = 0
    _wanted_top: int | None = None
    """Where the view follows the market from, so that a small move shifts no row."""
    _wanted_room = 0
    _measured_at: datetime | None = None
    _measured_from: Decimal | None = None
    """Price that distances are measured from: renewed once a second, because every row shows one
    and a row that shows something new is painted anew."""

    def show(self, snapshot: GridSnapshot) -> None:
        """Shows a snapshot."""
        self.snapshot = snapshot
        if self._measured_at is None or abs(snapshot.at - self._measured_at) >= SECOND:
            self._measured_at, self._measured_from = snapshot.at, ladder.mid(snapshot)
        rows: list[Rung | None] = list(ladder.rungs(snapshot))
        self._market_at = ladder.split_at([row for row in rows if row], ladder.mid(snapshot))
        if rows:
            rows.insert(self._market_at, None)
        self._ladder = rows
        self._columns = ladder.columns(snapshot, self.inner_width)
        self.redraw()

    def on_resize(self) -> None:
        """Columns follow the width."""
        if self.snapshot is not None:
            self._columns = ladder.columns(self.snapshot, self.inner_width)
        super().on_resize()

    def source_rows(self) -> Sequence[Rung | None]:
        """Every rung and the market."""
        return self._ladder

    def row_key(self, row: Rung | None) -> str:
        """Slots by level; the market by itself."""
        return MARKET if row is None else row.key

    def row_line(self, row: Rung | None, cells: int) -> Line:
        """One rung; values dim while prices are old."""
        snapshot, look = self.snapshot, self.suite.look
        if snapshot is None:
            return ()
        is_old = self.suite.saying.is_old(snapshot)
        if row is None:
            return ladder.mid_line(snapshot, cells, look, is_stale=is_old)
        columns = self._columns or ladder.columns(snapshot, cells)
        line = ladder.row(row, snapshot, columns, look, self._measured_from)
        return retone(line, "stale") if is_old else line

    def row_context(self) -> object:
        """Columns, decimals, and what distances are measured from."""
        snapshot = self.snapshot
        if snapshot is None:
            return None
        is_old = self.suite.saying.is_old(snapshot)
        decimals = (snapshot.price_decimals, snapshot.amount_decimals)
        return (self._columns, decimals, self._measured_from, is_old, self.suite.look)

    def is_lasting(self, row: Rung | None) -> bool:
        """Rows that show an age, or will look older, do not."""
        snapshot = self.snapshot
        return row is not None and snapshot is not None and ladder.is_still(row, snapshot.at)

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns, where there is height for them."""
        if self.snapshot is None or self._columns is None or self.is_narrow:
            return ()
        return (ladder.header(self._columns, self.suite.look),)

    def foot(self, cells: int) -> Sequence[Line]:
        """What rests, and whether the venue agrees."""
        if self.snapshot is None:
            return ()
        return ladder.summary(self.snapshot, self.suite.look, is_narrow=self.is_narrow)

    def state(self) -> str:
        """Symbol, levels and interval, or the hint that tab changes panels."""
        if self.tabs:
            return self.suite.look.words("tabs.hint")
        if self.filter.text and self.snapshot is not None:
            return self.suite.look.words(
                "ladder.filtered",
                shown=len(self.rows),
                all=len(self._ladder),
                text=self.filter.text,
            )
        return "" if self.snapshot is None else ladder.title_state(self.snapshot, self.suite.look)

    def footing(self) -> str:
        """The two keys that only work here."""
        keys = self.suite.keys
        return self.suite.look.words(
            "ladder.footing", centre=keys.key("grid.centre"), filter=keys.key("view.filter")
        )

    def empty_face(self) -> Sequence[str]:
        """Why there are no orders."""
        if self.snapshot is None:
            return (self.suite.look.words("engine.connecting"),)
        face = self.suite.saying.face(self.snapshot)
        return (self.suite.look.words("ladder.empty", reason="").strip(), face)

    def default_top(self, visible: int) -> int:
        """The market in the middle half: it is centred again only once it leaves that."""
        if self.filter.text:
            return 0
        centred = self._market_at - visible // 2
        wanted = self._wanted_top
        if wanted is None or visible != self._wanted_room or abs(wanted - centred) > visible // 4:
            wanted = centred
        self._wanted_top, self._wanted_room = wanted, visible
        return wanted

    def centre(self) -> None:
        """Back to the market."""
        self.is_following = True
        self._wanted_top = None
        self.cursor_key = None
        self.redraw()

    def go_to_price(self, price: Decimal) -> None:
        """Puts the cursor on the rung nearest to a price."""
        candidates = [
            (abs(row.price - price), index)
            for index, row in enumerate(self.rows)
            if row is not None
        ]
        if candidates:
            self.put_cursor(min(candidates)[1])

    def csv(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Every rung as shown, numbers without separators."""
        titles = (
            "level",
            "price",
            "side",
            "amount",
            "state",
            "entry_price",
            "exit_price",
            "filled",
            "note",
        )
        found: list[list[str]] = []
        for row in self.rows:
            slot = None if row is None else row.slot
            if slot is None:
                continue
            found.append(
                [
                    str(slot.level),
                    f"{slot.price:f}",
                    slot.side.value.lower(),
                    f"{slot.amount:f}",
                    slot.state.value,
                    f"{slot.entry_price:f}",
                    f"{slot.exit_price:f}",
                    f"{slot.filled:f}",
                    slot.note,
                ]
            )
        return titles, found
