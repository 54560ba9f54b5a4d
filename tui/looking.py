"""What only looks: going from screen to screen, opening, filtering, copying, writing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, cast

from core.engine.protocol import (
    Explained,
    ExplainOrder,
    ListOrders,
    ListRequests,
    OrderRow,
    Orders,
    Request,
    Requests,
)
from tui.modals.explain import DetailSheet, HelpSheet, RowSheet
from tui.modals.lists import ListSheet
from tui.modals.prompt import Prompt
from tui.presentation.csv import csv_text
from tui.screens.suite import AnyPanel, SuiteScreen
from tui.widgets.bars import Said
from tui.widgets.charts import ChartPanel
from tui.widgets.home_panels import BotTable, PositionsTable, VenueTable
from tui.widgets.ladder_view import LadderView
from tui.widgets.lists import LogView, OrdersTable, RequestsTable

if TYPE_CHECKING:
    from tui.app import CtosApp


class Looking:
    """Keys of danger level 0: nothing here asks the engine for an act.

    Args:
        app: The app whose screens it serves.
        folder: Where `w` writes.
    """

    def __init__(self, app: CtosApp, folder: Path) -> None:
        self.app = app
        self.folder = folder
        self.is_frozen = False
        """Whether the picture of the log stands still."""
        self.is_jumping = False
        """Whether the next key names a panel."""

    def on_screen(self) -> SuiteScreen:
        """The screen below whatever lies on top of it."""
        return cast("SuiteScreen", self.app.suite_screen)

    def panel(self) -> AnyPanel:
        """The panel that has the focus."""
        panel = self.on_screen().panel
        if panel is None:
            message = "no panel is in view"
            raise RuntimeError(message)
        return panel

    def ladder(self) -> LadderView:
        """The ladder of the grid screen."""
        return cast("LadderView", self.on_screen().panels["ladder"])

    def go(self, mode: str) -> None:
        """Switches the screen and watches what it needs."""
        if mode != self.app.screen_name:
            if not self.app.said.is_sticky:
                self.app.said = Said("")  # what happened last there is soon not the last here
            self.app.switch_mode(mode)
            self.app.call_after_refresh(self.app.watch_engine)

    def go_grid(self) -> None:
        """The chosen grid: the one shown last, the one under the cursor, or the first that runs."""
        name = self.app.bot
        if name is None and self.app.home is not None:
            chosen = self.app.acting.chosen_bot
            running = [bot.name for bot in self.app.home.bots if bot.is_running]
            if chosen is not None and chosen.is_running:
                name = chosen.name
            elif running:
                name = running[0]
        if name is None:
            self.app.say(self.app.look.words("empty.grid"), "warn")
            return
        self.open_bot(name)

    def open_bot(self, name: str) -> None:
        """Shows a bot's grid."""
        if name != self.app.bot:
            self.app.grid = None
        self.app.bot = name
        if self.app.screen_name == "grid":
            self.app.watch_engine()
            self.app.paint_soon()
        else:
            self.go("grid")

    def open_row(self) -> None:
        """Opens what is under the cursor."""
        panel = self.panel()
        if isinstance(panel, BotTable) and panel.cursor_row is not None:
            if panel.cursor_row.is_running:
                self.open_bot(panel.cursor_row.name)
            else:
                name = panel.cursor_row.name
                self.app.say(self.app.look.words("why.not_running", bot=name), "warn")
        elif isinstance(panel, LadderView):
            rung = panel.cursor_row
            slot = None if rung is None else rung.slot
            if slot is not None:
                id_, level = slot.client_order_id, slot.level
                self._show_detail(
                    lambda order: order.client_order_id == id_ if id_ else order.level == level,
                    level=level,
                )
        elif isinstance(panel, OrdersTable):
            self.open_order(panel.cursor_row)
        elif isinstance(panel, VenueTable | PositionsTable | LogView):
            text = panel.cursor_text(400)
            if text:
                self.app.push_screen(RowSheet(text))
        else:
            row = panel.cursor_row
            id_ = getattr(row, "client_order_id", "")
            if id_:
                self._show_detail(lambda order: order.client_order_id == id_, id_=id_)

    def open_order(self, order: OrderRow | None) -> None:
        """Shows an order that is known already."""
        if order is not None:
            title = self.app.look.words("detail.title_plain", id=order.client_order_id)
            sheet = DetailSheet(title, self._decimals())
            sheet.show_order(order)
            self.app.push_screen(sheet)
            self.app.run_worker(self._explain(sheet, order.client_order_id), group="lists")

    def _decimals(self) -> tuple[int, int]:
        grid = self.app.grid
        return (2, 4) if grid is None else (grid.price_decimals, grid.amount_decimals)

    def _show_detail(
        self, is_wanted: Callable[[OrderRow], bool], *, level: int | None = None, id_: str = ""
    ) -> None:
        words_ = self.app.look.words
        if level is not None:
            title = words_("detail.title", level=level)
        else:
            title = words_("detail.title_plain", id=id_)
        sheet = DetailSheet(title, self._decimals())
        self.app.push_screen(sheet)

        async def ask() -> None:
            reply = await self.app.acting.request(ListOrders(bot=self.app.acting.acting_on()))
            orders = reply.orders if isinstance(reply, Orders) else ()
            found = next((order for order in orders if is_wanted(order)), None)
            sheet.show_order(found)
            if found is not None:
                await self._explain(sheet, found.client_order_id)

        self.app.run_worker(ask(), group="lists")

    async def _explain(self, sheet: DetailSheet, client_order_id: str) -> None:
        """Adds to an order why it was made and what came of it."""
        bot = self.app.acting.acting_on()
        request = ExplainOrder(order=client_order_id, bot=bot)
        reply = await self.app.acting.request(request, is_quiet=True)
        if isinstance(reply, Explained):
            sheet.explain(reply.explanation)

    def set_range(self, index: int) -> None:
        """Shows a range in the chart."""
        screen = self.app.suite_screen
        if screen is None:
            return
        for panel in screen.panels.values():
            if isinstance(panel, ChartPanel) and panel.HAS_CHART:
                panel.reach = index
                panel.redraw()

    def change_range(self, step: int) -> None:
        """A longer or a shorter time in the chart."""
        for panel in self.on_screen().panels.values():
            if isinstance(panel, ChartPanel) and panel.HAS_CHART:
                panel.change_reach(step)

    def freeze(self) -> None:
        """Stops the picture of the log, or lets it go on."""
        self.is_frozen = not self.is_frozen

    def toggle_errors(self) -> None:
        """Warnings and errors only, and back."""
        cast("LogView", self.on_screen().panels["log"]).toggle_errors()

    def ask_filter(self, panel: AnyPanel) -> None:
        """Asks for words, or on the ladder for a price."""
        is_ladder = isinstance(panel, LadderView)
        words_ = self.app.look.words
        label = words_("input.price") if is_ladder else words_("input.filter", invert="!")

        def take(text: str | None) -> None:
            if text is None:
                return
            price = price_in(text) if is_ladder else None
            if price is not None and isinstance(panel, LadderView):
                panel.go_to_price(price)
            else:
                panel.set_filter(text)
            self.app.paint_soon()

        self.app.push_screen(Prompt(label, panel.filter.text), take)

    def copy(self, text: str) -> None:
        """Puts text into the terminal's clipboard."""
        words_ = self.app.look.words
        if not text:
            self.app.say(words_("said.nothing_to_copy"), "warn")
            return
        self.app.copy_to_clipboard(text)
        self.app.say(words_("said.copied", text=" ".join(text.splitlines()[0].split())))

    def write(self, panel: AnyPanel) -> None:
        """Writes what a panel shows as CSV; never over a file that is there."""
        titles, rows = panel.csv()
        at = (
            self.app.grid.at
            if self.app.grid is not None and self.app.screen_name == "grid"
            else None
        )
        if at is None and self.app.home is not None:
            at = self.app.home.at
        stamp = "" if at is None else f"-{at:%Y%m%dT%H%M%SZ}"
        stem = f"ctos-{self.app.screen_name}-{panel.NAME}{stamp}"
        words_ = self.app.look.words
        path = free_path(self.folder, stem)
        try:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(csv_text(titles, rows))
        except OSError as error:
            reason = error.strerror or str(error)
            self.app.say(words_("said.write_failed", path=path.name, reason=reason), "error")
            return
        self.app.say(words_("said.wrote", rows=len(rows), path=path.name))

    def begin_jump(self) -> None:
        """Labels every panel; the next key goes to one."""
        panels = [panel for panel in self.on_screen().in_view() if panel.NAME != "facts"]
        for letter, panel in zip("asdfghjkl", panels, strict=False):
            panel.letter = letter
            panel.redraw()
        self.is_jumping = True
        self.app.say(self.app.look.words("jump.hint"))

    def jump(self, key: str) -> None:
        """Goes to the panel with this letter."""
        self.is_jumping = False
        screen = self.on_screen()
        target = next((name for name, panel in screen.panels.items() if panel.letter == key), "")
        for panel in screen.panels.values():
            panel.letter = ""
            panel.redraw()
        self.app.say("")
        if target:
            screen.go_to(target)

    def go_back(self) -> None:
        """Ends a zoom or a filter, then goes home."""
        screen = self.on_screen()
        panel = screen.panel
        if panel is not None and panel.filter.text:
            panel.set_filter("")
        elif screen.zoomed:
            screen.toggle_zoom()
        elif screen.NAME != "home":
            self.go("home")

    def show_help(self) -> None:
        """Help for the focused panel."""
        name = self.panel().NAME
        actions = [
            action
            for action in self.app.keys.on(self.app.screen_name)
            if not (action.is_act and self.app.is_read_only)
        ]
        self.app.push_screen(HelpSheet(name, actions, self.app.keys))

    def push_list(self, table: OrdersTable | RequestsTable) -> None:
        """Opens a list over everything and asks for its rows."""
        self.app.push_screen(ListSheet(table))
        self.app.call_after_refresh(self.ask_lists)

    def ask_lists(self) -> None:
        """Asks for orders and requests, where they are in view."""
        tables: list[AnyPanel] = []
        for screen in self.app.screen_stack:
            if isinstance(screen, ListSheet):
                tables.append(screen.table)
            elif isinstance(screen, SuiteScreen):
                tables += screen.in_view()
        for table in tables:
            if isinstance(table, OrdersTable | RequestsTable):
                self.app.run_worker(
                    self._ask_list(table), group=f"list.{table.NAME}", exclusive=True
                )

    async def _ask_list(self, table: OrdersTable | RequestsTable) -> None:
        request: Request = ListRequests()
        if isinstance(table, OrdersTable):
            if not self.app.acting.acting_on():
                return
            request = ListOrders(bot=self.app.acting.acting_on())
        reply = await self.app.acting.request(request, is_quiet=True)
        if isinstance(reply, Orders) and isinstance(table, OrdersTable):
            table.show_orders(reply.orders, self._decimals())
        elif isinstance(reply, Requests) and isinstance(table, RequestsTable):
            table.show_requests(reply.requests)


def price_in(text: str) -> Decimal | None:
    """The price that was typed, or None when it is none."""
    try:
        price = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    return price if price.is_finite() else None


def free_path(folder: Path, stem: str) -> Path:
    """A name in `folder` that no file has yet."""
    path = folder / f"{stem}.csv"
    number = 2
    while path.exists():
        path = folder / f"{stem}-{number}.csv"
        number += 1
    return path
