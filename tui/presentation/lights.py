"""Lights: how each source of data is, by sign and word, never by colour alone."""

from __future__ import annotations

from core.services.market_data.snapshot import FeedLight
from tui.presentation.cells import Line, Span
from tui.presentation.look import Look
from tui.presentation.numbers import milliseconds
from tui.presentation.times import age

HALF = frozenset({"stale", "reconnecting", "degraded", "gap", "connecting"})


def light(state: str, look: Look, turn: int = 0) -> Span:
    """The sign of a state; `turn` counts on while a line reconnects."""
    glyphs = look.glyphs
    if state == "live":
        return Span(glyphs.light_on, "ok")
    if state == "reconnecting":
        return Span(glyphs.light_turning[turn % len(glyphs.light_turning)], "warn")
    if state == "connecting":
        return Span(glyphs.light_half, "dim")
    if state in HALF:
        return Span(glyphs.light_half, "warn")
    return Span(glyphs.light_off, "dim")


def light_name(name: str, look: Look) -> str:
    """The name of a light in the reader's language; venues keep theirs."""
    return look.words.get(f"light.{name}", name)


HAVE_AGE = ("live", "reconnecting")
"""States that show an age where there is no round trip to tell of."""


def describe(item: FeedLight, look: Look) -> str:
    """Why a light is not on, in words; empty when it is, for health is quiet."""
    if item.state == "live":
        return ""
    if item.detail:
        return item.detail
    return look.words.get(f"data.{item.state}", item.state).format(
        name=light_name(item.name, look), age=age(item.age_s)
    )


def worst(lights: tuple[FeedLight, ...]) -> FeedLight | None:
    """The light that most needs a look, or None when all are on."""
    order = ("gap", "reconnecting", "stale", "degraded", "connecting")
    ranked = [item for item in lights if item.state in order]
    return min(ranked, key=lambda item: order.index(item.state), default=None)


def is_stale(lights: tuple[FeedLight, ...]) -> bool:
    """Whether prices on the screen are old: they must never look like new ones."""
    return any(item.state in {"stale", "reconnecting", "gap"} for item in lights)


def bar_lights(lights: tuple[FeedLight, ...], look: Look, turn: int = 0) -> list[Line]:
    """The lights of the top bar: venues with sign and ping, the others with their age."""
    shown: list[Line] = []
    for item in lights:
        name = light_name(item.name, look)
        if item.latency_ms is not None or not shown:
            ping = milliseconds(item.latency_ms)
            if item.latency_ms is None or item.state == "reconnecting":
                ping = age(item.age_s) if item.state in HAVE_AGE else item.state
            shown.append((Span(f"{name} "), light(item.state, look, turn), Span(f" {ping}", "dim")))
        elif item.state == "live":
            shown.append((Span(f"{name} {age(item.age_s)}", "dim"),))
        else:
            shown.append(
                (
                    Span(f"{name} ", "warn"),
                    light(item.state, look, turn),
                    Span(f" {age(item.age_s)}", "warn"),
                )
            )
    return shown
