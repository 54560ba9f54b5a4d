"""Questions before dangerous acts: one that `y` answers, one whose word must be typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from textual import events

from tui.modals.sheet import Sheet
from tui.presentation.cells import BLANK, Line, Span, left, width
from tui.presentation.questions import Question

WAKE_S: Final = 2.0
BUTTONS: Final = 66


class ConfirmSheet(Sheet[bool]):
    """Focus rests on the safe answer: enter and escape keep everything, `y` goes on.

    Args:
        ask: Gives the question from the newest snapshot, so that its numbers are never old.
        again: Keys that mean yes as well, such as a second ctrl+c.
    """

    def __init__(self, ask: Callable[[], Question], again: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._ask = ask
        self._again = again

    def title_text(self) -> str:
        """What is asked."""
        return self._ask().title

    def note_text(self) -> str:
        """Whether money is real."""
        return self.suite.mode_word

    def sheet_lines(self) -> Sequence[Line]:
        """What will happen, and the two answers."""
        question = self._ask()
        return [
            *body(question, self.suite.look.words("ask.will", how=question.how)),
            self._answers(),
        ]

    def _answers(self) -> Line:
        words = self.suite.look.words
        safe = f"[ {words('ask.keep')} ]"
        go_on = f"{self._ask().word.capitalize()}  y"
        gap = max(2, BUTTONS - 6 - width(safe) - width(go_on) - 7)
        return (
            Span("    "),
            Span(safe, "key bold"),
            Span("  esc", "dim"),
            Span(" " * gap),
            Span(go_on, "warn"),
        )

    def press(self, key: str, character: str) -> None:
        """`y` goes on; enter and escape keep everything."""
        if character in {"y", "Y"} or key in self._again:
            self.dismiss(result=True)
        elif key in {"escape", "enter", "n", "q"}:
            self.dismiss(result=False)


class TypedSheet(ConfirmSheet):
    """The word must be typed, and the button wakes only after two seconds."""

    def __init__(self, ask: Callable[[], Question], again: frozenset[str] = frozenset()) -> None:
        super().__init__(ask, again)
        self._typed = ""
        self._opened_s = 0.0

    def on_mount(self) -> None:
        """The two seconds begin."""
        self._opened_s = self.suite.monotonic()
        self.set_timer(WAKE_S, self.update)
        super().on_mount()

    @property
    def is_awake(self) -> bool:
        """Whether the two seconds are over."""
        return self.suite.monotonic() - self._opened_s >= WAKE_S

    @property
    def is_ready(self) -> bool:
        """Whether the word stands there and the button is awake."""
        return self.is_awake and self._typed.strip().casefold() == self._ask().word.casefold()

    def sheet_lines(self) -> Sequence[Line]:
        """What will happen, the word, the two answers."""
        question = self._ask()
        words = self.suite.look.words
        lines = body(question, words("ask.will", how=question.how))
        box = self.suite.look.glyphs.separator
        typed: Line = (
            Span(f"  {words('ask.type', word=question.word)}   {box}"),
            Span(left(f"{self._typed}_", 20), "key"),
            Span(box),
        )
        return [*lines, typed, BLANK, self._answers()]

    def _answers(self) -> Line:
        words = self.suite.look.words
        safe = f"[ {words('ask.keep')} ]"
        go_on = f"{self._ask().word.capitalize()}  enter"
        gap = max(2, BUTTONS - 6 - width(safe) - width(go_on) - 7)
        return (
            Span("    "),
            Span(safe, "key bold"),
            Span("  esc", "dim"),
            Span(" " * gap),
            Span(go_on, "warn bold" if self.is_ready else "dim"),
        )

    def press(self, key: str, character: str) -> None:
        """Letters make the word; enter goes on once it is right and the button awake."""
        if key in self._again or (key == "enter" and self.is_ready):
            self.dismiss(result=True)
        elif key == "escape":
            self.dismiss(result=False)
        elif key == "backspace":
            self._typed = self._typed[:-1]
        elif character.isprintable() and character:
            self._typed += character
        if self.is_current:
            self.update()

    def on_paste(self, event: events.Paste) -> None:
        """A word that must be typed is typed."""
        event.stop()


def body(question: Question, opening: str) -> list[Line]:
    """The lines above the answers."""
    lines: list[Line] = [BLANK, (Span(f"  {opening}"),), BLANK]
    lines += [(Span(f"    {line}", "bold"),) for line in question.lines]
    lines.append(BLANK)
    if question.remark:
        lines += [(Span(f"  {question.remark}", "warn"),), BLANK]
    return lines
