"""From meanings to colours: the one place where a tone becomes a style."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from tui.presentation.cells import Line, harmless
from tui.presentation.glyphs import Glyphs, in_ascii

FOREGROUNDS: Final[Mapping[str, str]] = {
    "up": "up",
    "down": "down",
    "flat": "flat",
    "ok": "success",
    "warn": "warning",
    "error": "error",
    "calm": "primary",
    "dim": "muted",
    "rule": "muted",
    "header": "muted",
    "state": "muted",
    "footing": "muted",
    "stale": "stale",
    "mid": "accent",
    "buy": "level-buy",
    "sell": "level-sell",
    "line": "line",
    "frame": "frame",
    "frame-focus": "frame-focus",
    "frame-live": "live",
    "frame-halted": "error",
    "replay": "replay",
    "gauge-low": "gauge-low",
    "gauge-mid": "gauge-mid",
    "gauge-high": "gauge-high",
    "key": "accent",
    "title": "foreground",
}
BACKGROUNDS: Final[Mapping[str, str]] = {
    "mode-paper": "paper",
    "mode-live": "live",
    "mode-replay": "replay",
    "halted": "error",
}
MARKED: Final = frozenset({"mid", "title", "mode-paper", "mode-live", "mode-replay", "halted"})
"""Tones that are bold, so that they stand out where there is no colour."""


class Paint:
    """Styles of one theme.

    Args:
        variables: The theme's variables, with every meaning filled in.
        has_colour: False paints in weights alone, as `NO_COLOR` asks.
    """

    def __init__(self, variables: Mapping[str, str], glyphs: Glyphs, *, has_colour: bool) -> None:
        self._variables = variables
        self._glyphs = glyphs
        self._has_colour = has_colour
        self._styles: dict[str, Style] = {}

    def style(self, tone: str) -> Style:
        """The style of a tone: words such as `up bold`."""
        found = self._styles.get(tone)
        if found is None:
            found = self._styles[tone] = self._mix(tone.split())
        return found

    def _colour(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is None or not self._has_colour:
            return None
        try:
            colour = Color.parse(value)
        except ColorParseError:
            return None
        if colour.ansi is not None:
            return None if colour.ansi < 0 else colour.rich_color.name
        if colour.a < 1:
            base = Color.parse(self._variables.get("background", "#000000"))
            colour = base.blend(colour, colour.a, 1)
        return colour.hex6

    def _mix(self, words: list[str]) -> Style:
        style = Style(color=self._colour("foreground"))
        for word in words:
            style += self._word(word)
        return style

    def _word(self, word: str) -> Style:
        if word in BACKGROUNDS:
            back = self._colour(BACKGROUNDS[word])
            if back is None:
                return Style(bold=True, reverse=True)
            return Style(bold=True, color=self._colour("background"), bgcolor=back)
        if word in FOREGROUNDS:
            is_dim = word in {"dim", "stale"} and not self._has_colour
            return Style(
                color=self._colour(FOREGROUNDS[word]),
                bold=True if word in MARKED else None,
                dim=True if is_dim else None,
            )
        if word == "cursor":
            back = self._colour("panel")
            return Style(bgcolor=back) if back else Style(reverse=True)
        return {"bold": Style(bold=True), "flash": Style(bold=True, reverse=True)}.get(
            word, Style()
        )

    def strip(self, line: Line, extra: str = "") -> Strip:
        """A line as Textual draws it.

        Args:
            extra: A tone laid over all of it, such as `cursor`.
        """
        return Strip(self._segments(line, extra))

    def _segments(self, line: Line, extra: str) -> Iterable[Segment]:
        over = self.style(extra) if extra else None
        laid = self._word(extra) if over is not None else None
        is_ascii = self._glyphs.name == "ascii"
        for text, tone, _ in line:
            if not text:
                continue
            style = self.style(tone)
            if laid is not None:
                style += laid
            shown = harmless(text)
            yield Segment(in_ascii(shown) if is_ascii else shown, style)
