"""Pictures of home and grid in their states, at three sizes; reviewed as SVG."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.services.execution.snapshot import HealthResult
from core.services.grid.snapshot import ClosingStep, GridPhase, SlotState
from core.services.market_data.snapshot import FeedLight

SIZES = ((80, 24), (120, 36), (200, 60))


def light(name, state, age_s=None, latency_ms=None, detail=""):
    """One light."""
    return FeedLight(name=name, state=state, age_s=age_s, latency_ms=latency_ms, detail=detail)


def grid_states(samples):
    """State -> the snapshot that shows it."""
    now = samples.NOW
    book = light("book", "live", 0.1)
    bare = {
        "slots": (),
        "fills": (),
        "prices": (),
        "bid": None,
        "ask": None,
        "last": None,
        "mark": None,
        "entries_resting": 0,
        "exits_resting": 0,
        "waiting": 0,
        "message": "",
    }
    unknown = list(samples.slots())
    unknown[58] = replace(
        unknown[58], state=SlotState.UNKNOWN, unknown_since=now - timedelta(seconds=8)
    )
    line_down = "lighter closed the line (1006). Try 3 in 4 s. r now"
    return {
        "connecting": samples.grid(
            **bare, phase=GridPhase.CONNECTING, lights=(light("lighter", "connecting"),)
        ),
        "live": samples.grid(),
        "live_money": samples.grid(mode="live", feed="live", feed_notice=""),
        "stale": samples.grid(lights=(samples.LIGHTS[0], light("book", "stale", 7.4))),
        "reconnecting": samples.grid(
            lights=(light("lighter", "reconnecting", 7.4, None, line_down), book)
        ),
        "degraded": samples.grid(
            lights=(light("lighter", "degraded", 1.0, 130.0), book), phase=GridPhase.DEGRADED
        ),
        "gap": samples.grid(lights=(samples.LIGHTS[0], light("book", "gap", 0.4))),
        "paused": samples.grid(
            phase=GridPhase.PAUSED, phase_since=now - timedelta(minutes=3), message=""
        ),
        "halted": samples.grid(
            phase=GridPhase.HALTED,
            phase_reason="HALTED by you 14:02:11. Nothing new is sent. K again to see what is left",
        ),
        "risk_no": samples.grid(
            message="not sent: NOTIONAL_EXCEEDS_CAP, 1,240 > 1,000 USDC", is_error=True
        ),
        "unknown": samples.grid(
            slots=tuple(unknown),
            health=HealthResult(checked_at=now, next_at=None, matched=94, unknown=1),
        ),
        "quitting": samples.grid(
            phase=GridPhase.STOPPING,
            closing=(
                ClosingStep(text="95 orders cancelled", is_done=True),
                ClosingStep(text="1 position kept", is_done=True),
                ClosingStep(text="journal closed", is_done=False),
            ),
        ),
    }


async def wait(pilot):
    """Until the first snapshot stands on the screen."""
    for _ in range(3):
        await pilot.pause()


async def quit_here(pilot):
    """Until the list of steps stands on the screen."""
    await wait(pilot)
    await pilot.press("q")
    await wait(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_grid_live(picture, make_app, size):
    """The grid screen as drawn."""
    assert picture(make_app(), terminal_size=size, run_before=wait)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_home_live(picture, make_app, size):
    """The home screen as drawn."""
    assert picture(make_app(bot=None), terminal_size=size, run_before=wait)


@pytest.mark.parametrize(
    "state",
    [
        "connecting",
        "live_money",
        "stale",
        "reconnecting",
        "degraded",
        "gap",
        "paused",
        "halted",
        "risk_no",
        "unknown",
    ],
)
def test_grid_state(picture, make_app, source, samples, state):
    """Each state has its face."""
    source._first[False] = grid_states(samples)[state]

    assert picture(make_app(), terminal_size=(120, 36), run_before=wait)


@pytest.mark.parametrize("state", ["paused", "halted"])
def test_grid_state_when_narrow(picture, make_app, source, samples, state):
    """The same faces where panels share one place."""
    source._first[False] = grid_states(samples)[state]

    assert picture(make_app(), terminal_size=(80, 24), run_before=wait)


def test_grid_quitting(picture, make_app, source, samples):
    """The steps of the end tick off."""
    source._first[False] = grid_states(samples)["quitting"]

    assert picture(make_app(started_here=True), terminal_size=(120, 36), run_before=quit_here)


@pytest.mark.parametrize("state", ["empty", "halted", "live_money"])
def test_home_state(picture, make_app, source, samples, state):
    """Home without bots, halted, and with real money."""
    changes = {
        "empty": samples.EMPTY_HOME,
        "halted": {"risk_state": "HALTED"},
        "live_money": {"mode": "live"},
    }
    source._first[True] = samples.home(**changes[state])

    assert picture(make_app(bot=None), terminal_size=(120, 36), run_before=wait)


@pytest.mark.parametrize(
    "display",
    [
        {"theme": "ctos-light"},
        {"theme": "ctos-contrast", "up_is": "red"},
        {"language": "zh"},
        {"glyphs": "ascii"},
    ],
    ids=["light", "contrast_red_up", "chinese", "ascii"],
)
def test_grid_in_other_dress(picture, make_app, display):
    """Themes, language and signs change the dress, not the facts."""
    assert picture(make_app(display=display), terminal_size=(120, 36), run_before=wait)


async def go_to_protections(pilot):
    """Until the third tab is in front."""
    await wait(pilot)
    for _ in range(3):
        await pilot.press("tab")
    await wait(pilot)


def test_protections_when_narrow(picture, make_app):
    """A tab of its own: price, distance and words of each beside its bar."""
    assert picture(make_app(), terminal_size=(80, 24), run_before=go_to_protections)


@pytest.mark.parametrize("stage", ["triggered", "active"])
def test_protections_that_act(picture, make_app, source, samples, stage):
    """What fires is seen at once."""
    views = tuple(
        replace(view, state=stage, progress=1.0) if view.name == "scalping" else view
        for view in samples.PROTECTIONS
    )
    source._first[False] = samples.grid(protections=views)

    assert picture(make_app(), terminal_size=(120, 36), run_before=wait)
