"""Lists that grow: the diary, the orders of a bot, the calls to venues."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from core.engine.protocol import OrderRow, RequestRow
from core.services.portfolio.snapshot import LogRow
from tui.presentation import home, table
from tui.presentation.cells import Line
from tui.widgets.panel import Panel

LOG_LENGTH = 2000


class Diary:
    """The newest lines of the log, each once, newest first."""

    def __init__(self) -> None:
        self.rows: deque[LogRow] = deque()
        self._known: set[LogRow] = set()
        self.count = 0
        """Lines taken in since the start."""

    def take(self, rows: Iterable[LogRow]) -> bool:
        """Takes in lines, given from new to old; whether any was new."""
        fresh = [row for row in rows if row not in self._known]
        if not fresh:
            return False
        self.count += len(fresh)
        # Two streams bring the same diary at different times: the newest stands first all the same.
        ordered = sorted([*fresh, *self.rows], key=lambda row: row.at, reverse=True)
        self.rows = deque(ordered[:LOG_LENGTH])
        self._known = set(self.rows)
        return True


class LogView(Panel[LogRow]):
    """The diary."""

    NAME: ClassVar[str] = "log"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True

    def __init__(self, diary: Diary) -> None:
        super().__init__()
        self._diary = diary
        self.has_errors_only = False
        self._seen = 0

    def source_rows(self) -> Sequence[LogRow]:
        """Lines that matter enough, newest first."""
        least = ("warning", "error") if self.has_errors_only else ("info", "warning", "error")
        return [row for row in self._diary.rows if row.level in least]

    def redraw(self) -> None:
        """Keeps the view where someone scrolled to, when lines are added above it."""
        added = self._diary.count - self._seen
        self._seen = self._diary.count
        if not self.is_following and added > 0 and self._lines:
            self.top += added
        super().redraw()

    def row_key(self, row: LogRow) -> str:
        """A line is its own identity."""
        return f"{row.at.isoformat()}:{row.source}:{row.text}"

    def row_line(self, row: LogRow, cells: int) -> Line:
        """One line."""
        return home.log_line(row, cells, self.suite.look)

    def toggle_errors(self) -> None:
        """Warnings and errors only, and back."""
        self.has_errors_only = not self.has_errors_only
        self.redraw()

    def state(self) -> str:
        """What is left out."""
        words = self.suite.look.words
        if self.tabs:
            return words("tabs.hint")
        if self.filter.text:
            return words("log.filtered", shown=len(self.rows), all=self.all_count)
        if not self.is_following and self.top:
            return words("log.more", count=self.top)
        return words("log.state_errors" if self.has_errors_only else "log.state")

    def footing(self) -> str:
        """What can be done."""
        words, keys = self.suite.look.words, self.suite.keys
        text = words("log.footing", errors=keys.key("log.errors"), copy=keys.key("view.copy"))
        if self.suite.screen_name == "log":
            return text
        return words("log.footing_full", log=keys.key("go.log")) + "   " + text

    def empty_face(self) -> Sequence[str]:
        """Nothing yet."""
        return (self.suite.look.words("log.empty"),)


class OrdersTable(Panel[OrderRow]):
    """The orders of a bot as the journal knows them."""

    NAME: ClassVar[str] = "orders"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    orders: Sequence[OrderRow] = ()
    price_decimals = 2
    amount_decimals = 4

    def show_orders(self, orders: Sequence[OrderRow], decimals: tuple[int, int]) -> None:
        """Shows orders with the decimals of their instrument (price, amount)."""
        self.orders = orders
        self.price_decimals, self.amount_decimals = decimals
        self.redraw()

    def source_rows(self) -> Sequence[OrderRow]:
        """The orders that were answered last."""
        return self.orders

    def row_key(self, row: OrderRow) -> str:
        """Our own id."""
        return row.client_order_id

    def row_line(self, row: OrderRow, cells: int) -> Line:
        """One order."""
        return home.order_line(
            row, self.price_decimals, self.amount_decimals, cells, self.suite.look
        )

    def row_context(self) -> object:
        """Decimals."""
        return (self.price_decimals, self.amount_decimals, self.suite.look)

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns."""
        return (table.header(home.ORDERS, cells, self.suite.look),) if self.orders else ()

    def state(self) -> str:
        """The order of the rows."""
        return self.suite.look.words("orders.state")

    def empty_face(self) -> Sequence[str]:
        """None yet."""
        return (self.suite.look.words("orders.empty"),)


class RequestsTable(Panel[RequestRow]):
    """The last calls to venues."""

    NAME: ClassVar[str] = "requests"
    CAN_FILTER: ClassVar[bool] = True
    HAS_CURSOR: ClassVar[bool] = True
    requests: Sequence[RequestRow] = ()

    def show_requests(self, requests: Sequence[RequestRow]) -> None:
        """Shows calls, newest first."""
        self.requests = requests
        self.redraw()

    def source_rows(self) -> Sequence[RequestRow]:
        """The calls that were answered last."""
        return self.requests

    def row_key(self, row: RequestRow) -> str:
        """A call is its moment and its name."""
        return f"{row.at.isoformat()}:{row.method}:{row.detail}"

    def row_line(self, row: RequestRow, cells: int) -> Line:
        """One call."""
        return home.request_line(row, cells, self.suite.look)

    def head(self, cells: int) -> Sequence[Line]:
        """Names of the columns."""
        return (table.header(home.REQUESTS, cells, self.suite.look),) if self.requests else ()

    def state(self) -> str:
        """The order of the rows."""
        return self.suite.look.words("requests.state")

    def empty_face(self) -> Sequence[str]:
        """None yet."""
        return (self.suite.look.words("requests.empty"),)
