"""Sheets that explain: help for a panel, an error to copy, an order in detail."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from core.engine.protocol import OrderRow
from core.services.execution.snapshot import Explanation
from tui.keymap import Action, Keymap, shown
from tui.modals.sheet import Sheet
from tui.presentation.cells import BLANK, Line, Span, folded, left
from tui.presentation.look import Look
from tui.presentation.numbers import number
from tui.presentation.why import why_lines

TEXT_CELLS = 70


def paragraph(text: str, cells: int, tone: str = "") -> list[Line]:
    """Text in lines of at most `cells` cells, wide characters counted as two."""
    return [(Span(f"  {line}", tone),) for line in folded(text, cells)] if text else [BLANK]


class HelpSheet(Sheet[None]):
    """What a panel shows, what its columns mean, and the keys that work here."""

    WIDTH = 76

    def __init__(self, panel: str, actions: Sequence[Action], keys: Keymap) -> None:
        super().__init__()
        self._panel = panel
        self._actions = actions
        self._keys = keys

    def title_text(self) -> str:
        """Of which panel."""
        words = self.suite.look.words
        return words("help.title", panel=words(f"{self._panel}.title"))

    def bottom_text(self) -> str:
        """How it closes."""
        return self.suite.look.words("help.close")

    def sheet_lines(self) -> Sequence[Line]:
        """A paragraph, then the keys."""
        words = self.suite.look.words
        lines = [BLANK, *paragraph(words(f"{self._panel}.help"), TEXT_CELLS), BLANK]
        lines.append((Span(f"  {words('help.keys')}", "header"),))
        for action in self._actions:
            names = " ".join(dict.fromkeys(shown(key) for key in self._keys.keys(action.id)))
            if not names:
                continue
            start = Span(f"  {left(names, 14)} ", "key")
            first, *more = wrap(words(f"key.{action.id}.help"), TEXT_CELLS - 16)
            lines.append((start, Span(first)))
            lines += [(Span(" " * 17 + line),) for line in more]
        return lines

    def press(self, key: str, character: str) -> None:
        """Any key that is not for scrolling closes."""
        if key in {"escape", "q", "enter", "question_mark"}:
            self.dismiss(None)


class ErrorSheet(Sheet[None]):
    """What did not work, and what to do; `y` copies it. Never a traceback."""

    def __init__(self, what: str, remedy: str = "", details: str = "") -> None:
        super().__init__()
        self._parts = (("error.what", what), ("error.remedy", remedy), ("error.details", details))

    def title_text(self) -> str:
        """It did not work."""
        return self.suite.look.words("error.title")

    def bottom_text(self) -> str:
        """How to copy and close it."""
        return self.suite.look.words("error.copy")

    def frame_lines(self) -> str:
        """The same as text, for the clipboard."""
        return "\n".join(text for _, text in self._parts if text)

    def sheet_lines(self) -> Sequence[Line]:
        """Part by part."""
        words = self.suite.look.words
        lines: list[Line] = [BLANK]
        for name, text in self._parts:
            if not text:
                continue
            lines.append((Span(f"  {words(name)}", "header"),))
            lines += paragraph(text, TEXT_CELLS - 4, "error" if name == "error.what" else "")
            lines.append(BLANK)
        return lines

    def press(self, key: str, character: str) -> None:
        """`y` copies, escape closes."""
        if character == "y":
            self.suite.looking.copy(self.frame_lines())
        elif key in {"escape", "q", "enter"}:
            self.dismiss(None)


def order_lines(order: OrderRow, decimals: tuple[int, int], look: Look) -> list[Line]:
    """Everything the journal knows of an order, and why it was made."""
    words = look.words
    side = order.side.lower()
    facts = (
        ("detail.state", words.get(f"order.{order.state}", order.state)),
        ("detail.side", words.get(f"side.{side}", side)),
        ("detail.price", number(order.price, decimals[0])),
        ("detail.amount", number(order.amount, decimals[1])),
        ("detail.filled", number(order.filled, decimals[1])),
        ("detail.role", order.role),
        ("detail.client_id", order.client_order_id),
        ("detail.venue_id", order.order_id or "—"),
        ("detail.created", look.clock(order.created_at)),
        ("detail.updated", look.clock(order.updated_at)),
    )
    lines: list[Line] = [BLANK]
    lines += [(Span(f"  {left(words(name), 14)}", "dim"), Span(value)) for name, value in facts]
    lines += [BLANK, (Span(f"  {words('detail.reason')}", "header"),)]
    lines += paragraph(order.reason or "—", TEXT_CELLS - 4)
    return lines


def why_line(text: str, cells: int) -> list[Line]:
    """A line of an explanation, in as many as it takes; what begins at its edge is a heading."""
    tone = "" if text.startswith(" ") else "header"
    return [(Span(f"  {part}", tone),) for part in folded(text, cells)]


class DetailSheet(Sheet[None]):
    """One order; waits for the journal's answer."""

    def __init__(self, title: str, decimals: tuple[int, int]) -> None:
        super().__init__()
        self._heading = title
        self._decimals = decimals
        self._order: OrderRow | None = None
        self._why: Explanation | None = None
        self._is_answered = False

    def show_order(self, order: OrderRow | None) -> None:
        """The journal answered; None when it has no such order."""
        self._order = order
        self._is_answered = True
        if self.is_attached:
            self.update()

    def explain(self, why: Explanation) -> None:
        """The journal said why the order was made and what came of it."""
        self._why = why
        if self.is_attached:
            self.update()

    def title_text(self) -> str:
        """Which order."""
        return self._heading

    def bottom_text(self) -> str:
        """How to copy and close it."""
        return self.suite.look.words("error.copy")

    def sheet_lines(self) -> Sequence[Line]:
        """The order, or that it is being asked for."""
        if self._why is not None:
            texts = why_lines(self._why, self.suite.look.words)
            cells = self.app.size.width - 8
            return [BLANK, *(line for text in texts for line in why_line(text, cells)), BLANK]
        if self._order is not None:
            return order_lines(self._order, self._decimals, self.suite.look)
        text = "detail.no_order" if self._is_answered else "detail.waiting"
        return [BLANK, (Span(f"  {self.suite.look.words(text)}", "dim"),), BLANK]

    def press(self, key: str, character: str) -> None:
        """`y` copies, escape closes."""
        if character == "y" and self._order is not None:
            why = self._why
            text = self._order.client_order_id
            self.suite.looking.copy(text if why is None else "\n".join(why_lines(why)))
        elif key in {"escape", "q", "enter"}:
            self.dismiss(None)


class RowSheet(Sheet[None]):
    """One row, whole."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = " ".join(text.split())

    def bottom_text(self) -> str:
        """How to copy and close it."""
        return self.suite.look.words("error.copy")

    def sheet_lines(self) -> Sequence[Line]:
        """The text, wrapped."""
        return [BLANK, *paragraph(self._text, TEXT_CELLS - 4), BLANK]

    def press(self, key: str, character: str) -> None:
        """`y` copies, escape closes."""
        if character == "y":
            self.suite.looking.copy(self._text)
        else:
            super().press(key, character)
