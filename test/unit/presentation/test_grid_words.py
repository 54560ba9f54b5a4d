"""Ladder, facts and states of a grid, as words."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.services.execution.snapshot import HealthResult
from core.services.grid.snapshot import GridPhase, SlotState
from core.services.market_data.snapshot import FeedLight
from core.services.risk.snapshot import LimitGauge
from tui.presentation import grid, ladder
from tui.presentation.cells import line_width, plain_text
from tui.presentation.gauge import bar, gauge_tone, used
from tui.presentation.glyphs import FULL
from tui.presentation.lights import bar_lights, describe, is_stale, worst


def text(line):
    """A line's words."""
    return plain_text(line)


def test_rows_are_as_wide_as_their_panel(samples, look):
    """Every row of the ladder fits at every width of its panel."""
    snapshot = samples.grid()
    for cells in (42, 50, 70, 78, 118, 198):
        columns = ladder.columns(snapshot, cells)
        widths = {
            line_width(ladder.row(rung, snapshot, columns, look)) for rung in ladder.rungs(snapshot)
        }
        assert max(widths) <= cells
        assert line_width(ladder.mid_line(snapshot, cells, look)) == cells


def test_row_of_the_drawing(samples, look):
    """Level, price, side, amount, state."""
    snapshot = samples.grid()
    columns = ladder.columns(snapshot, 42)
    rung = next(rung for rung in ladder.rungs(snapshot) if rung.key == "slot40")

    assert (
        text(ladder.row(rung, snapshot, columns, look))
        == "  40    118,320.0  buy   0.0020  ● resting"
    )


def test_state_is_whole_when_amounts_are_long(samples, look):
    """More decimals in the amount take room from the gaps, never from the state."""
    slots = tuple(replace(slot, amount=Decimal("12.00200")) for slot in samples.slots())
    snapshot = samples.grid(slots=slots, amount_decimals=5)
    columns = ladder.columns(snapshot, 42)
    rows = [text(ladder.row(rung, snapshot, columns, look)) for rung in ladder.rungs(snapshot)]

    assert max(map(len, rows)) <= 42
    assert sum(row.rstrip().endswith("resting") for row in rows) > 80


def test_mid_of_half_a_tick_is_exact(samples, look):
    """A mid between two ticks gets one more decimal."""
    snapshot = samples.grid(bid=Decimal("118402.0"), ask=Decimal("118402.1"))

    assert "118,402.05 ── mid · spread 0.1" in text(ladder.mid_line(snapshot, 60, look))


def test_market_without_prices_says_so(samples, look):
    """Unknown is not zero."""
    snapshot = samples.grid(bid=None, ask=None, last=None)

    assert "no price" in text(ladder.mid_line(snapshot, 42, look))


def test_newest_fill_stands_in_the_ladder_while_it_is_fresh(samples):
    """After a while only the order it caused remains."""
    snapshot = samples.grid()
    later = samples.grid(at=samples.NOW + timedelta(minutes=1))

    assert any(rung.fill for rung in ladder.rungs(snapshot))
    assert not any(rung.fill for rung in ladder.rungs(later))


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"state": SlotState.EMPTY}, "○ waiting"),
        ({"state": SlotState.ENTRY_PENDING}, "◆ sent"),
        ({"state": SlotState.EXIT_PENDING, "client_order_id": "c1"}, "◆ sent"),
        ({"state": SlotState.EXIT_PENDING, "client_order_id": ""}, "○ waiting"),
        ({"state": SlotState.ENTRY_OPEN}, "● resting"),
        ({"state": SlotState.ENTRY_OPEN, "filled": Decimal("0.0008")}, "◔ 40%"),
        ({"state": SlotState.PARKED}, "× parked"),
    ],
)
def test_states_have_a_sign_and_a_word(samples, look, change, expected):
    """No state is told by colour alone."""
    slot = replace(samples.slot(20), **change)

    span = ladder.slot_state(ladder.Rung("x", slot, None, slot.price), samples.NOW, look)
    assert span.text == expected


def test_unknown_order_shows_how_long(samples, look):
    """An order without an answer counts the seconds."""
    slot = replace(
        samples.slot(20),
        state=SlotState.UNKNOWN,
        unknown_since=samples.NOW - timedelta(seconds=8),
    )

    span = ladder.slot_state(ladder.Rung("x", slot, None, slot.price), samples.NOW, look)
    assert (span.text, span.tone) == ("◇ asked 8s", "error")


def test_net_is_realised_and_unrealised_less_fees_with_funding(samples, look):
    """The one number behind the title obeys the identity."""
    snapshot = samples.grid()

    assert grid.net(snapshot) == Decimal("10.56")
    assert grid.result_state(snapshot, look) == "net +10.56"


def test_result_shows_signs_and_costs_as_minus(samples, look):
    """Fees that were paid are negative."""
    lines = [" ".join(text(line).split()) for line in grid.result_lines(samples.grid(), 36, look)]

    assert lines == [
        "position +0.0120 BTC",
        "average entry 118,071.8",
        "liquidation 73,410.0 −38.0%",
        "unrealised +3.97",
        "realised +11.52",
        "fees −4.55",
        "funding −0.38",
        "round trips 96 today 21",
        "APR 24 h 22.2% 7 d 18.9%",
        "net APR 29.4%",
    ]


def test_unknown_results_are_dashes(samples, look):
    """What the engine does not know is not shown as zero."""
    result = replace(samples.RESULT, average_entry=None, apr_24h=None, apr_7d=None)
    snapshot = samples.grid(result=result, liquidation_price=None)
    lines = [" ".join(text(line).split()) for line in grid.result_lines(snapshot, 36, look)]

    assert lines[1] == "average entry —"
    assert lines[2] == "liquidation —"
    assert lines[8] == "APR 24 h — 7 d —"


def test_health_tells_what_differs_and_what_is_not_ours(samples, look):
    """Trouble stands in words."""
    snapshot = samples.grid(
        health=HealthResult(checked_at=samples.NOW, next_at=None, matched=94, missing=1),
        foreign_orders=2,
        foreign_position=Decimal("0.1"),
    )
    said = "\n".join(text(line) for line in grid.health_lines(snapshot, 36, look))

    assert "differs" in said
    assert "94 match, 1 missing" in said
    assert "2 orders, position +0.1000" in said


def test_a_comparison_before_the_first_order_claims_nothing(samples, look):
    """Orders that came after the last comparison are not said to match the venue."""
    health = HealthResult(checked_at=samples.NOW, next_at=None)
    snapshot = samples.grid(health=health)
    panel = "\n".join(text(line) for line in grid.health_lines(snapshot, 36, look))
    below = "\n".join(text(line) for line in ladder.summary(snapshot, look))

    assert "newer than the check" in panel
    assert "0 match" not in panel
    assert "newer than the check" in below
    assert "all orders match" not in below


def test_a_grid_without_orders_had_none_when_asked(samples, look):
    """Where nothing rests now, the words are those of what was found."""
    health = HealthResult(checked_at=samples.NOW, next_at=None)
    snapshot = samples.grid(health=health, slots=())

    assert "no orders when asked" in "\n".join(
        text(line) for line in ladder.summary(snapshot, look)
    )
    assert "none when asked" in "\n".join(
        text(line) for line in grid.health_lines(snapshot, 36, look)
    )


def test_a_panel_without_room_says_what_is_calm_shorter(samples, look):
    """Protections and trouble stay; first what is off goes, then the limits share a line."""
    snapshot = samples.grid(follow_state="not escaped", foreign_orders=2)

    def lines(rows=None):
        found = grid.guard_lines(snapshot, 36, look, rows=rows, zoom="z")
        return [text(line) for line in found]

    whole = lines()
    shorter = lines(len(whole) - 1)
    shortest = lines(len(shorter) - 1)
    least = lines(4)

    assert lines(len(whole)) == whole
    assert len(whole) > len(shorter) > len(shortest) > 4
    assert not any("off" in line for line in shorter)
    assert any("2 orders" in line for line in shortest)
    assert any(line.count("%") > 1 for line in shortest if "·" in line)
    assert len(least) == 4
    assert f"{len(shortest) - 3} more: z" in least[-1]


def test_why_a_line_is_down_gives_way_to_shorter_words(samples, look):
    """A reason that is wider than its panel is not cut in the middle of an address."""
    down = FeedLight(
        name="lighter",
        state="reconnecting",
        latency_ms=1,
        age_s=25.0,
        detail="public: wss://mainnet.zklighter.example/stream cannot be reached",
    )
    lines = [text(line) for line in grid.health_lines(samples.grid(lights=(down,)), 36, look)]

    assert any("lighter is reconnecting" in line for line in lines)
    assert not any("wss://" in line for line in lines)


def test_a_lost_line_shows_its_age_and_no_round_trip(look):
    """How fast a venue answered before the line was lost is no news."""
    down = FeedLight(name="lighter", state="reconnecting", latency_ms=1, age_s=25.0)

    assert [text(tuple(line)) for line in bar_lights((down,), look)] == ["lighter ◐ 25s"]


@pytest.mark.parametrize(
    "phase, words",
    [
        (GridPhase.PAUSED, "paused 3m ago. Orders stay. space resumes"),
        (GridPhase.HALTED, "HALTED. Nothing new is sent. K to see what is left"),
        (GridPhase.CONNECTING, "lighter: connecting…"),
        (GridPhase.RUNNING, None),
    ],
)
def test_face_of_each_phase(samples, look, phase, words):
    """Every state that is not simply well has its words, and running has none."""
    snapshot = samples.grid(phase=phase, phase_since=samples.NOW - timedelta(minutes=3))
    span = grid.face(snapshot, look, pause_key="space", halt_key="K")

    assert (None if span is None else span.text) == words


def test_engines_own_reason_wins(samples, look):
    """Who did it and when comes from the engine."""
    snapshot = samples.grid(phase=GridPhase.PAUSED, phase_reason="paused by you 3m ago.")

    face = grid.face(snapshot, look, pause_key="space", halt_key="K")
    assert face is not None
    assert face.text == "paused by you 3m ago."


def test_gauge_length_says_what_its_colour_says():
    """A bar is read without colour: anything used shows, full is full."""
    assert text(bar(Decimal("0.001"), 8, FULL)) == "█░░░░░░░"
    assert text(bar(Decimal(1), 8, FULL)) == "████████"
    assert text(bar(Decimal(0), 8, FULL)) == "░░░░░░░░"
    assert [gauge_tone(Decimal(n)) for n in ("0.2", "0.7", "0.9")] == [
        "gauge-low",
        "gauge-mid",
        "gauge-high",
    ]


def test_limit_of_zero_is_full_as_soon_as_anything_is_used():
    """Nothing divides by zero."""
    assert used(Decimal(0), Decimal(0)) == 0
    assert used(Decimal(1), Decimal(0)) == 1


def test_fullest_limit_leads(samples):
    """The facts line shows the limit that is nearest to refusing."""
    limits = (
        LimitGauge(name="a", used=Decimal(1), limit=Decimal(4), unit=""),
        LimitGauge(name="b", used=Decimal(3), limit=Decimal(4), unit=""),
    )

    assert grid.fullest(limits) == Decimal("0.75")
    assert grid.fullest(()) is None


def test_worst_light_is_described_and_live_ones_are_quiet(look):
    """A gap is graver than an old price; health says nothing."""
    live = FeedLight(name="orders", state="live", age_s=0.1)
    stale = FeedLight(name="book", state="stale", age_s=7.4)
    gap = FeedLight(name="book", state="gap", age_s=0.1)

    assert worst((live, stale, gap)) is gap
    assert worst((live,)) is None
    assert describe(stale, look) == "book 7.4s old"
    assert describe(live, look) == ""
    assert is_stale((live, gap))
    assert not is_stale((live,))
