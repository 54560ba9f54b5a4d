"""The orderly end, step by step."""

from __future__ import annotations

from collections.abc import Sequence

from core.services.grid.snapshot import ClosingStep
from tui.modals.sheet import Sheet
from tui.presentation.cells import BLANK, Line, Span
from tui.presentation.look import Look


def step_line(step: ClosingStep, look: Look) -> Line:
    """One step with its sign."""
    glyphs, text = look.glyphs, look.words.heard.sentence(step.text)
    if step.is_failed:
        return (Span(f"    {glyphs.parked} ", "error"), Span(text, "error"))
    if step.is_done:
        return (Span(f"    {glyphs.filled} ", "ok"), Span(text))
    return (Span(f"    {glyphs.light_off} ", "dim"), Span(text, "dim"))


class ClosingSheet(Sheet[None]):
    """Ticks off what the engine reports; the app leaves when the engine says that it ended."""

    def title_text(self) -> str:
        """Ending."""
        return self.suite.look.words("closing.title")

    def note_text(self) -> str:
        """Whether money is real."""
        return self.suite.mode_word

    def bottom_text(self) -> str:
        """How to leave before the end."""
        return self.suite.look.words("closing.leave")

    def sheet_lines(self) -> Sequence[Line]:
        """The steps so far."""
        grid, look = self.suite.grid, self.suite.look
        steps = () if grid is None else grid.closing
        lines: list[Line] = [BLANK]
        lines += [(Span(f"  {text}", "dim"),) for text in self.suite.leaving.endings]
        if steps:
            lines += [step_line(step, look) for step in steps]
        elif not self.suite.leaving.endings:
            lines.append((Span(f"    {look.words('closing.waiting')}", "dim"),))
        return [*lines, BLANK]

    def press(self, key: str, character: str) -> None:
        """Only ctrl+c does anything, and that goes past every sheet."""
