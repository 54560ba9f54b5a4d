"""A panel: a frame, fixed lines above and below, and rows between them that scroll.

It is drawn line by line. What it shows is composed as spans, compared with what is on the screen,
and only the cells that differ are painted again; a row that is what it was is not even composed. So
a table of two hundred levels at eight snapshots a second costs as much as the few prices in it that
moved.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.presentation.cells import (
    BLANK,
    Line,
    Span,
    centre,
    changed_cells,
    fit,
    folded,
    plain_text,
    width,
)
from tui.presentation.frame import frame_bottom, frame_row, frame_top
from tui.presentation.layout import NARROW, SHORT
from tui.widgets.flash import Flashes

if TYPE_CHECKING:
    from tui.app import CtosApp

Row = TypeVar("Row")
Picture = TypeVar("Picture")


class Showing(Generic[Picture]):
    """What shows a snapshot; beside `Panel`, which draws."""

    snapshot: Picture | None = None

    def show(self, snapshot: Picture) -> None:
        """Shows a snapshot."""
        self.snapshot = snapshot
        self.redraw()

    @abstractmethod
    def redraw(self) -> None:
        """Composes again and paints what changed."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Words that rows must hold, or must not."""

    text: str = ""

    @property
    def is_inverted(self) -> bool:
        """Whether rows that hold the words are the ones left out."""
        return self.text.startswith("!")

    def keeps(self, text: str) -> bool:
        """Whether a row with this text is shown."""
        words = self.text.removeprefix("!").strip().casefold()
        if not words:
            return True
        found = all(word in text.casefold() for word in words.split())
        return found is not self.is_inverted


class Panel(Widget, Generic[Row], can_focus=True):
    """One framed piece of data. Subclasses say what stands in it; this class draws."""

    NAME: ClassVar[str] = ""
    """Id of its title and help in the catalogue: `NAME.title`, `NAME.help`."""
    CAN_FILTER: ClassVar[bool] = False
    SORTS: ClassVar[int] = 0
    """Number of columns it can be sorted by; 0 for none."""
    HAS_CHART: ClassVar[bool] = False
    HAS_CURSOR: ClassVar[bool] = False
    CURSOR_STAYS: ClassVar[bool] = False
    """Whether keys act on the chosen row also when another panel has the focus."""
    STARTS_CHOSEN: ClassVar[bool] = True
    """Whether the first row counts as chosen until someone chooses."""

    class Opened(Message):
        """The row under the cursor was chosen."""

        def __init__(self, panel: Panel[object]) -> None:
            super().__init__()
            self.panel = panel

    class TabChosen(Message):
        """A tab in the title was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__(id=self.NAME)
        self.top = 0
        """Index of the first row shown."""
        self.cursor_key: str | None = None
        """The row under the cursor, by identity, so that it stays when rows move."""
        self.filter = Filter()
        self.sort = 0
        """Column that rows are sorted by, from 1; 0 for the order they came in."""
        self.is_reversed = False
        self.is_following = True
        """Whether the panel chooses what is in view, until someone scrolls."""
        self.letter = ""
        """Shown in jump mode; that key goes here."""
        self.tabs: tuple[str, ...] = ()
        """Names of the panels that share this place."""
        self._lines: list[Line] = []
        self._marked: int | None = None
        self._strips: list[Strip | None] = []
        self._flashes = Flashes()
        self._is_flash_due = False
        """Whether a redraw is on its way that takes the light away again."""
        self._composed: dict[str, tuple[Row, Line]] = {}
        """Key of a row in view -> the row, and its line."""
        self._composed_for: object = None
        """What those lines depend on beside their rows."""
        self._style: Style | None = None
        """What lies under every line, until the next redraw."""
        self._rows: Sequence[Row] = ()

    # What a subclass says.

    def source_rows(self) -> Sequence[Row]:
        """Every row, before filter and sorting."""
        return ()

    def row_key(self, row: Row) -> str:
        """Identity of a row while its content changes."""
        raise NotImplementedError

    def row_line(self, row: Row, cells: int) -> Line:
        """A row in `cells` cells."""
        raise NotImplementedError

    def row_context(self) -> object:
        """What lines depend on beside their rows, to be compared; None where none is kept."""
        return None

    def is_lasting(self, row: Row) -> bool:
        """Whether a row's line stays the same as long as the row and the context do."""
        return True

    def sort_value(self, row: Row, column: int) -> str | float:
        """What a row is sorted by, for a column from 1."""
        return plain_text(self.row_line(row, self.inner_width))

    def head(self, cells: int) -> Sequence[Line]:
        """Fixed lines above the rows."""
        return ()

    def foot(self, cells: int) -> Sequence[Line]:
        """Fixed lines below the rows."""
        return ()

    def state(self) -> str:
        """The one-line state at the right of the title."""
        return ""

    def footing(self) -> str:
        """Words at the bottom right."""
        return ""

    def notice(self) -> str:
        """A warning at the bottom left, shown as long as it is true."""
        return ""

    def empty_face(self) -> Sequence[str]:
        """What stands in the middle when there are no rows."""
        return ()

    def frame_tone(self) -> str:
        """Tone of the frame when the panel has no focus."""
        return self.suite.saying.frame_tone()

    def csv(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Titles and rows for a file: what is shown, exactly."""
        return (), [[plain_text(self.row_line(row, 400)).strip()] for row in self.rows]

    def copy_text(self) -> str:
        """What `y` copies: the row as if there were room for all of it."""
        row = self.cursor_row
        return "" if row is None else plain_text(self.row_line(row, 400)).strip()

    def default_top(self, visible: int) -> int:
        """The first row in view while nobody scrolled."""
        return 0

    # Drawing.

    @property
    def suite(self) -> CtosApp:
        """The app, by its own name."""
        return cast("CtosApp", self.app)

    @property
    def is_narrow(self) -> bool:
        """Whether panels share one place."""
        return self.app.size.width < NARROW

    @property
    def is_short(self) -> bool:
        """Whether footings leave."""
        return self.app.size.height < SHORT

    @property
    def inner_width(self) -> int:
        """Cells between the sides of the frame."""
        return max(0, self.size.width - 2)

    @property
    def rows(self) -> Sequence[Row]:
        """Rows as shown: filtered and sorted."""
        return self._rows

    @property
    def all_count(self) -> int:
        """Rows before the filter."""
        return len(self.source_rows())

    @property
    def visible_rows(self) -> int:
        """Rows that fit between head and foot."""
        cells = self.inner_width
        return max(0, self.size.height - 2 - len(self.head(cells)) - len(self.foot(cells)))

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor."""
        index = self.cursor_index
        return None if index is None else self._rows[index]

    def cursor_text(self, cells: int) -> str:
        """The row under the cursor as text, as wide as it wants up to `cells`; empty for none."""
        row = self.cursor_row
        return "" if row is None else plain_text(self.row_line(row, cells)).rstrip()

    @property
    def cursor_index(self) -> int | None:
        """Index of the row under the cursor, if there is one."""
        if not self.HAS_CURSOR or not self._rows:
            return None
        default = 0 if self.STARTS_CHOSEN else None
        if self.cursor_key is None:
            return default
        return next(
            (at for at, row in enumerate(self._rows) if self.row_key(row) == self.cursor_key),
            default,
        )

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """The plan decides."""
        return container.width

    def redraw(self) -> None:
        """Composes again and paints the lines that changed."""
        if not self.is_attached or not self.size.height:
            return
        self._style = None
        self._take_rows()
        lines, marked = self._compose_lines()
        lines = self._flash(lines)
        old, before = self._lines, self._marked
        self._lines, self._marked = lines, marked
        if len(old) != len(lines) or (lines and old and len(old[0]) == 0):
            self._strips = [None] * len(lines)
            self.refresh()
            return
        across = self.size.width
        regions: list[Region] = []
        for y, (was, now) in enumerate(zip(old, lines, strict=True)):
            if before != marked and y in {before, marked}:
                regions.append(Region(0, y, across, 1))
            elif was != now:
                start, end = changed_cells(was, now)
                regions.append(Region(start, y, end - start, 1))
            else:
                continue
            self._strips[y] = None
        if regions:
            self.refresh(*regions)

    def repaint(self) -> None:
        """Paints everything again, as after a change of theme."""
        self._style = None
        self._composed.clear()
        self._strips = [None] * len(self._lines)
        self.refresh()

    def _take_rows(self) -> None:
        rows = self.source_rows()
        if self.filter.text:
            cells = max(60, self.inner_width)
            rows = [row for row in rows if self.filter.keeps(plain_text(self.row_line(row, cells)))]
        if self.sort:
            column = self.sort
            rows = sorted(
                rows, key=lambda row: self.sort_value(row, column), reverse=self.is_reversed
            )
        elif self.is_reversed:
            rows = list(reversed(rows))
        self._rows = rows
        if self.CURSOR_STAYS and self.cursor_key is None and rows:
            self.cursor_key = self.row_key(rows[0])  # acts mean this row, wherever it moves to

    def _compose_lines(self) -> tuple[list[Line], int | None]:
        size, cells = self.size, self.inner_width
        glyphs = self.suite.look.glyphs
        tone = "frame-focus" if self.has_focus else self.frame_tone()
        height = size.height - 2
        head = [fit(line, cells) for line in self.head(cells)][:height]
        foot = [fit(line, cells) for line in self.foot(cells)][: height - len(head)]
        room = height - len(head) - len(foot)
        body, marked = self._body(cells, room)
        inner = [*head, *body, *foot]
        is_short = self.is_short
        lines = [
            frame_top(size.width, self._heading(), self.state(), glyphs, tone),
            *(frame_row(line, size.width, glyphs, tone) for line in inner),
            frame_bottom(
                size.width, "" if is_short else self.footing(), glyphs, tone, self.notice()
            ),
        ]
        return lines, None if marked is None else marked + 1 + len(head)

    def _body(self, cells: int, room: int) -> tuple[list[Line], int | None]:
        if room <= 0:
            return [], None
        if not self._rows:
            return self._face(cells, room), None
        furthest = max(0, len(self._rows) - room)
        if self.is_following:
            self.top = self.default_top(room)
        self.top = min(max(0, self.top), furthest)
        shown = self._rows[self.top : self.top + room]
        lines = self._row_lines(shown, cells)
        lines += [BLANK] * (room - len(lines))
        index = self.cursor_index
        is_shown = self.has_focus or self.CURSOR_STAYS
        if not is_shown or index is None or not self.top <= index < self.top + room:
            return lines, None
        return lines, index - self.top

    def _row_lines(self, rows: Sequence[Row], cells: int) -> list[Line]:
        """The lines of rows; those that cannot have changed are taken from the last picture."""
        context = self.row_context()
        if context is None:
            return [fit(self.row_line(row, cells), cells) for row in rows]
        wanted = (context, cells)
        known = self._composed if wanted == self._composed_for else {}
        self._composed, self._composed_for = {}, wanted
        lines: list[Line] = []
        for row in rows:
            key = self.row_key(row)
            found = known.get(key)
            if found is None or found[0] != row:
                found = (row, fit(self.row_line(row, cells), cells))
            if self.is_lasting(row):
                self._composed[key] = found
            lines.append(found[1])
        return lines

    def _face(self, cells: int, room: int) -> list[Line]:
        texts = [
            (part, "dim" if at else "")
            for at, text in enumerate(filter(None, self.empty_face()))
            for part in folded(text, cells - 2)
        ][:room]
        above = max(0, (room - len(texts)) // 2)
        lines: list[Line] = [BLANK] * above
        lines += [(Span(centre(text, cells), tone),) for text, tone in texts]
        return lines + [BLANK] * (room - len(lines))

    def _heading(self) -> Line:
        title = self._title()
        return (Span(f"[{self.letter}]", "key bold"), Span(" "), *title) if self.letter else title

    def _title(self) -> Line:
        words = self.suite.look.words
        if not self.tabs:
            return (Span(words(f"{self.NAME}.title"), "title"),)
        spans: list[Span] = []
        for name in self.tabs:
            tone = "title" if name == self.NAME else "dim"
            short = words.get(f"tab.{name}", words(f"{name}.title"))
            spans += [Span("  ")] if spans else []
            spans.append(Span(short, tone))
        return tuple(spans)

    def _flash(self, lines: list[Line]) -> list[Line]:
        if self.suite.animation_level == "none":
            return lines
        shown, wait_s = self._flashes.light(lines, self.suite.monotonic())
        if wait_s is not None and not self._is_flash_due:
            self._is_flash_due = True
            self.set_timer(wait_s, self._darken)
        return shown

    def _darken(self) -> None:
        self._is_flash_due = False
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """One line, from what was composed last."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strips[y]
        if strip is None:
            paint = self.suite.paint
            line = self._lines[y]
            if y == self._marked:
                strip = Strip(
                    [
                        *paint.strip(line[:1]),
                        *paint.strip(line[1:-1], "cursor"),
                        *paint.strip(line[-1:]),
                    ]
                )
            else:
                strip = paint.strip(line)
            if self._style is None:
                self._style = self.rich_style
            strip = strip.apply_style(self._style)
            self._strips[y] = strip
        return strip

    # Moving.

    def on_resize(self) -> None:
        """A new size is a new picture."""
        self.redraw()

    def on_focus(self) -> None:
        """The frame brightens."""
        self.redraw()

    def on_blur(self) -> None:
        """The frame dims."""
        self.redraw()

    def scroll_rows(self, count: int) -> None:
        """Moves the view by rows; from then on nothing else moves it."""
        self.is_following = False
        self.top += count
        self.redraw()

    def move_cursor(self, count: int) -> None:
        """Moves the cursor by rows and keeps it in view."""
        if not self._rows:
            return
        if not self.HAS_CURSOR:
            self.scroll_rows(count)
            return
        index = self.cursor_index
        if index is None:
            index = (
                self.top if count > 0 else min(self.top + self.visible_rows, len(self._rows)) - 1
            )
        else:
            index = min(len(self._rows) - 1, max(0, index + count))
        self.put_cursor(index)

    def put_cursor(self, index: int) -> None:
        """Puts the cursor on a row and brings it into view."""
        self.cursor_key = self.row_key(self._rows[index])
        room = self.visible_rows
        if not self.top <= index < self.top + room:
            self.is_following = False
            self.top = index if index < self.top else index - room + 1
        self.redraw()

    def on_key(self, event: events.Key) -> None:
        """Arrows and hjkl move within the panel."""
        page = max(1, self.visible_rows - 1)
        steps = {
            "up": -1,
            "k": -1,
            "down": 1,
            "j": 1,
            "pageup": -page,
            "pagedown": page,
            "home": -(10**9),
            "end": 10**9,
        }
        if event.key in steps:
            event.stop()
            event.prevent_default()
            self.move_cursor(steps[event.key])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls what is under it."""
        event.stop()
        self.scroll_rows(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel scrolls what is under it."""
        event.stop()
        self.scroll_rows(-3)

    def on_click(self, event: events.Click) -> None:
        """A click chooses a row or a tab; a second one at once opens the row."""
        if event.y == 0 and self.tabs:
            self._choose_tab(event.x)
            return
        heads = len(self.head(self.inner_width))
        if event.y == 1 and heads and self.SORTS:
            self.sort_next()
            return
        index = self.top + event.y - 1 - heads
        if not 0 <= event.y - 1 - heads < self.visible_rows or index >= len(self._rows):
            return
        if self.HAS_CURSOR:
            self.put_cursor(index)
            if event.chain >= 2:
                self.post_message(self.Opened(cast("Panel[object]", self)))

    def _choose_tab(self, x: int) -> None:
        at = 3
        for name in self.tabs:
            words = self.suite.look.words
            size = width(words.get(f"tab.{name}", words(f"{name}.title")))
            if at <= x < at + size:
                self.post_message(self.TabChosen(name))
                return
            at += size + 2

    def sort_next(self) -> None:
        """Sorts by the next column; after the last one the order is as it came."""
        self.sort = (self.sort + 1) % (self.SORTS + 1)
        self.redraw()

    def turn_round(self) -> None:
        """Reverses the order of the rows."""
        self.is_reversed = not self.is_reversed
        self.redraw()

    def set_filter(self, text: str) -> None:
        """Shows only the rows that hold `text`; empty shows all."""
        self.filter = Filter(text.strip())
        self.top = 0
        self.redraw()
