"""Row 0: name, mode, screen, doors, worth, clock. It never scrolls and never lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.services.market_data.snapshot import FeedLight
from tui.presentation.cells import Line, Span, fit, line_width
from tui.presentation.lights import bar_lights
from tui.presentation.look import Look
from tui.presentation.numbers import number, signed, tone_of

NARROW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What the top bar says."""

    mode: str
    """`paper` or `live`."""
    screen: str
    feed: str = ""
    """`live`, `sim:7`, a recording's name, or empty where it is not one feed."""
    lights: tuple[FeedLight, ...] = ()
    equity: Decimal | None = None
    day_change: Decimal | None = None
    at: datetime | None = None
    is_read_only: bool = False
    is_halted: bool = False
    turn: int = 0


def mode_tone(bar: Bar) -> str:
    """The paint of the mode word."""
    if bar.is_halted:
        return "halted"
    if bar.mode == "live":
        return "mode-live"
    return "mode-replay" if is_replay(bar.feed) else "mode-paper"


def is_replay(feed: str) -> bool:
    """Whether prices come from a recording."""
    return bool(feed) and feed not in {"live", "auto"} and not feed.startswith("sim")


def mode_words(bar: Bar, look: Look) -> str:
    """PAPER, LIVE or REPLAY, and whether this terminal only reads."""
    words = look.words
    name = "replay" if bar.mode == "paper" and is_replay(bar.feed) else bar.mode
    text = words.get(f"mode.{name}", name.upper())
    if bar.is_read_only:
        text += f" {words('mode.read_only')}"
    return f"{text} {words('top.halted')}" if bar.is_halted else text


def top_bar(bar: Bar, cells: int, look: Look) -> Line:
    """The bar in exactly `cells` cells; lights leave from the right when room is short."""
    words = look.words
    gap = Span(f" {look.glyphs.separator} ", "dim")
    is_narrow = cells < NARROW
    head: Line = (
        Span(" ctos", "bold"),
        gap,
        Span(mode_words(bar, look), mode_tone(bar)),
        gap,
        Span(words(f"screen.{bar.screen}"), "bold"),
    )
    if bar.feed and bar.feed != "live":
        head = (*head, gap, Span(words("top.prices", feed=bar.feed), "replay"))
    end = _end(bar, look, is_narrow=is_narrow)
    room = cells - line_width(head) - line_width(end)
    wanted = bar.lights
    if is_narrow:
        wanted = (*wanted[:1], *(item for item in wanted[1:] if item.state != "live"))
    lights = bar_lights(wanted, look, bar.turn)
    middle: Line = ()
    for position, item in enumerate(lights):
        joined: Line = (*middle, gap if position == 0 else Span("  "), *item)
        if line_width(joined) + 1 > room:
            break
        middle = joined
    return fit((*fit((*head, *middle), cells - line_width(end)), *end), cells)


def _end(bar: Bar, look: Look, *, is_narrow: bool) -> Line:
    words = look.words
    gap = Span(f" {look.glyphs.separator} ", "dim")
    change = Span(signed(bar.day_change), tone_of(bar.day_change), "bar.day")
    clock = Span("" if bar.at is None else look.clock(bar.at, is_short=is_narrow) + " ")
    if is_narrow:
        return (Span(" "), change, gap, clock)
    return (
        Span(f"  {words('top.equity')} ", "dim"),
        Span(number(bar.equity, 2), "bold", "bar.equity"),
        Span(f"  {words('top.day')} ", "dim"),
        change,
        gap,
        clock,
    )
