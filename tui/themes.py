"""Themes: three of our own beside Textual's, and the meanings every theme must have a colour for.

A meaning such as `$up` is a theme variable. A theme that does not set it gets it from its own
success, error and warning colours; `display.up_is: red` swaps what rises and what falls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="ctos-dark",
    primary="#5fa8d3",
    secondary="#3d6b8a",
    accent="#e3b341",
    warning="#e3b341",
    error="#f0616d",
    success="#4cc38a",
    foreground="#d7dde3",
    background="#0e1216",
    surface="#141a20",
    panel="#1b232b",
    dark=True,
    variables={
        "muted": "#7d8b99",
        "frame": "#35424f",
        "frame-focus": "#5fa8d3",
        "line": "#8fc7e8",
        "level-buy": "#58b98b",
        "level-sell": "#e07f83",
        "live": "#ff5d5d",
        "paper": "#5fa8d3",
        "replay": "#c69af0",
    },
)
LIGHT: Final = Theme(
    name="ctos-light",
    primary="#1f6f9f",
    secondary="#7aa6c2",
    accent="#8f5f00",
    warning="#8f5f00",
    error="#b3202e",
    success="#0b7345",
    foreground="#1d2329",
    background="#fbfcfd",
    surface="#f1f4f7",
    panel="#e4eaef",
    dark=False,
    variables={
        "muted": "#5c6873",
        "frame": "#b4bfc9",
        "frame-focus": "#1f6f9f",
        "line": "#1f6f9f",
        "level-buy": "#0b7345",
        "level-sell": "#a93a41",
        "live": "#c01526",
        "paper": "#1f6f9f",
        "replay": "#7440b0",
    },
)
CONTRAST: Final = Theme(
    name="ctos-contrast",
    primary="#8fd3ff",
    secondary="#8fd3ff",
    accent="#ffd84d",
    warning="#ffd84d",
    error="#ff9a9a",
    success="#6dffb0",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#101010",
    dark=True,
    variables={
        "muted": "#c8c8c8",
        "frame": "#a8a8a8",
        "frame-focus": "#ffffff",
        "line": "#ffffff",
        "level-buy": "#6dffb0",
        "level-sell": "#ff9a9a",
        "live": "#ff9a9a",
        "paper": "#8fd3ff",
        "replay": "#e2c2ff",
    },
)
OWN: Final = (DARK, LIGHT, CONTRAST)

MEANINGS: Final[Mapping[str, str]] = {
    "up": "success",
    "down": "error",
    "flat": "foreground",
    "stale": "muted",
    "live": "error",
    "paper": "primary",
    "replay": "secondary",
    "level-buy": "up",
    "level-sell": "down",
    "gauge-low": "success",
    "gauge-mid": "warning",
    "gauge-high": "error",
    "muted": "foreground-muted",
    "frame": "foreground-disabled",
    "frame-focus": "primary",
    "line": "primary",
}
"""Variable -> the variable that stands in for it where a theme does not set it."""


def complete(variables: Mapping[str, str], *, is_red_up: bool) -> dict[str, str]:
    """A theme's variables with every meaning filled in."""
    full = dict(variables)
    if is_red_up:
        full["up"] = full.get("down", full["error"])
        full["down"] = variables.get("up", variables["success"])
        if "level-buy" in variables and "level-sell" in variables:
            full["level-buy"], full["level-sell"] = variables["level-sell"], variables["level-buy"]
    for name, stand_in in MEANINGS.items():
        if name not in full:
            full[name] = full.get(stand_in, full["foreground"])
    return full
