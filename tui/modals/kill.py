"""After a halt: what is left, and what else to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.modals.sheet import Sheet
from tui.presentation.cells import BLANK, Line, Span
from tui.presentation.questions import what_is_left

CHOICES: Final = {"C": "halt_cancel", "F": "halt_flatten", "R": "release"}


class KillSheet(Sheet[str]):
    """New orders are stopped already; gives the further act that was chosen, or None."""

    def title_text(self) -> str:
        """Halted only once a snapshot says so."""
        words = self.suite.look.words
        return words("ask.kill_title" if self.suite.is_halted else "ask.kill_asked")

    def note_text(self) -> str:
        """Whether money is real."""
        return self.suite.mode_word

    def sheet_lines(self) -> Sequence[Line]:
        """What is left, then the choices."""
        words = self.suite.look.words
        left = what_is_left(self.suite.shown_snapshot, self.suite.look)
        choices = ("ask.kill_cancel", "ask.kill_flatten", "ask.kill_release", "ask.kill_leave")
        return [
            BLANK,
            (Span(f"  {words('ask.kill_left')}"),),
            BLANK,
            *((Span(f"    {line}", "bold"),) for line in left),
            BLANK,
            *(
                (Span(f"  {words(choice)}", "key" if at < 3 else "dim"),)
                for at, choice in enumerate(choices)
            ),
        ]

    def press(self, key: str, character: str) -> None:
        """A capital chooses; escape leaves it halted."""
        if character in CHOICES:
            self.dismiss(CHOICES[character])
        elif key in {"escape", "enter", "q"}:
            self.dismiss(None)
