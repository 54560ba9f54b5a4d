"""The signs a screen is drawn with, in three sets for three kinds of terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """One set of signs; every one of them takes one cell in the terminals it is meant for."""

    name: str
    corners: str
    """Top left, top right, bottom left, bottom right."""
    horizontal: str
    vertical: str
    light_on: str
    light_half: str
    light_turning: tuple[str, ...]
    """Shown one after another while a line reconnects."""
    light_off: str
    sent: str
    filled: str
    unknown: str
    parked: str
    bar: str
    bar_rest: str
    separator: str
    running: str
    stopped: str
    cursor: str
    hatch: str
    dot: str
    has_braille: bool


FULL: Final = Glyphs(
    name="full",
    corners="╭╮╰╯",
    horizontal="─",
    vertical="│",
    light_on="●",
    light_half="◐",
    light_turning=("◐", "◓", "◑", "◒"),
    light_off="○",
    sent="◆",
    filled="✓",
    unknown="◇",
    parked="×",
    bar="█",
    bar_rest="░",
    separator="▏",
    running="▶",
    stopped="■",
    cursor="▸",
    hatch="╱",  # noqa: RUF001 - a diagonal stroke is meant
    dot="·",
    has_braille=True,
)
PLAIN: Final = Glyphs(
    name="plain",
    corners="┌┐└┘",
    horizontal="─",
    vertical="│",
    light_on="*",
    light_half="~",
    light_turning=("~", "-"),
    light_off="o",
    sent="+",
    filled="v",
    unknown="?",
    parked="x",
    bar="#",
    bar_rest=".",
    separator="│",
    running=">",
    stopped="-",
    cursor=">",
    hatch="/",
    dot="·",
    has_braille=False,
)
ASCII: Final = Glyphs(
    name="ascii",
    corners="++++",
    horizontal="-",
    vertical="|",
    light_on="*",
    light_half="~",
    light_turning=("~", "-"),
    light_off="o",
    sent="+",
    filled="v",
    unknown="?",
    parked="x",
    bar="#",
    bar_rest=".",
    separator="|",
    running=">",
    stopped="-",
    cursor=">",
    hatch="/",
    dot="-",
    has_braille=False,
)
SETS: Final = {glyphs.name: glyphs for glyphs in (FULL, PLAIN, ASCII)}

ASCII_TEXT: Final = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{EN DASH}": "-",
        "·": "-",
        "→": ">",
        "—": "-",
        "≈": "~",
        "…": ".",
        "▏": "|",
        "◔": "~",
    }
)


def choose(setting: str, encoding: str, *, sign_cells: int = 1, line_cells: int = 1) -> Glyphs:
    """The set for a terminal.

    Args:
        setting: `auto`, `full`, `plain` or `ascii`.
        encoding: Of the terminal, such as `utf-8`.
        sign_cells: How wide the terminal draws a sign of ambiguous width, such as the light.
        line_cells: How wide it draws a box line.
    """
    if setting != "auto":
        return SETS[setting]
    if "utf" not in encoding.lower() or line_cells != 1:
        return ASCII
    return FULL if sign_cells == 1 else PLAIN


def in_ascii(text: str) -> str:
    """`text` without the signs that only an old terminal would miss; one cell each."""
    return text.translate(ASCII_TEXT)
