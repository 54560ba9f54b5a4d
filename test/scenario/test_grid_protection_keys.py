"""Every key of the protections does something: with it, a walk of the price ends differently."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import Instrument
from core.domain.events import FundingPaid
from core.errors import ConfigError
from core.services.bot_config import Overrides, assumed_instrument, with_overrides
from core.services.grid.config import parse_grid
from core.testing.grid_story import GridStory

FIXED = """grid_system: {exchange: paper, symbol: TEST-USDC-PERP, grid_type: %s,
  grid_interval: "1", order_amount: "1", price_range: {lower_price: "90", upper_price: "110"},
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0",
    taker_fee: "0"},
  paper: {initial_balance: "1000", latency_ms: 0, fill: through}, %s}
"""
FOLLOW = FIXED.replace(
    'price_range: {lower_price: "90", upper_price: "110"}',
    "follow_grid_count: 20, follow_timeout: 5",
)


def find(venue: str, symbol: str, overrides: Overrides) -> Instrument:
    """An instrument that nobody knows, with what the file says of it."""
    return with_overrides(assumed_instrument(venue, symbol, overrides), overrides)


def story_of(kind: str, keys: str) -> GridStory:
    """A grid of twenty levels around 100, as a file tells it."""
    text = (FOLLOW if kind.startswith("follow") else FIXED) % (kind, keys)
    return GridStory(parse_grid(text, "grid.yaml", find).settings)


Walk = tuple[str | float, ...]
"""Prices as text, and seconds to wait as numbers."""


def tell(kind: str, keys: str, walk: Walk) -> tuple[object, ...]:
    """What came of a walk: the diary, what rests, and what is held."""
    story = story_of(kind, keys)
    for step in walk:
        if isinstance(step, str):
            story.price(step)
        else:
            story.wait(step)
        assert story.residual() == 0
        assert story.machine.dump() == story.state
    return story.diary, story.resting(), story.machine.position, story.machine.is_stopped


def mirrored(walk: Walk) -> Walk:
    """The same walk for a short grid: 100 stays, what was above is below."""
    return tuple(f"{200 - float(step):.1f}" if isinstance(step, str) else step for step in walk)


def down(to: int, start: int = 109) -> Walk:
    """Prices from one to another, one at a time, each a little below its level."""
    return tuple(f"{price - 0.1:.1f}" for price in range(start, to - 1, -1))


def up(to: int, start: int) -> Walk:
    """The same upwards, a little above each level."""
    return tuple(f"{price + 0.1:.1f}" for price in range(start, to + 1))


@dataclass(frozen=True)
class Case:
    """One key, the keys it needs, and a walk on which it matters."""

    key: str
    needs: str
    walk: Walk
    kind: str = "long"
    also: str = field(default="", kw_only=True)
    """What stands in its place where leaving it out is not the alternative."""

    @property
    def name(self) -> str:
        """The key alone."""
        return self.key.partition(":")[0]


FALL = down(94)
TP = "take_profit_enabled: true"
SL = "stop_loss_protection_enabled: true, stop_loss_escape_timeout: 3"
CP = "capital_protection_enabled: true"
SC = "scalping_enabled: true"
SM = f"{SC}, scalping_trigger_percent: 50, smart_scalping_enabled: true"
LOCK = "price_lock_enabled: true, price_lock_threshold: 101"
DROP = (*down(96), *up(101, 97), "101.5")
"""Down to level 6 and back above level 10, seen twice."""

CASES = [
    Case("take_profit_enabled: true", "", ("100", "103", 3.0)),
    Case("take_profit_percentage: 0.005", TP, ("100", "101", 3.0)),
    Case("take_profit_percent: 0.5", TP, ("100", "101", 3.0)),
    Case("take_profit_after: stop", TP, ("100", "103", 3.0)),
    Case("stop_loss_protection_enabled: true", "", (*down(89), 301.0)),
    Case("stop_loss_trigger_percent: 75", SL, (*FALL, 4.0)),
    Case("stop_loss_escape_timeout: 3", "stop_loss_protection_enabled: true", (*down(89), 4.0)),
    Case(
        "stop_loss_apr_threshold: 0",
        f"{SL}, stop_loss_trigger_percent: 75",
        ("100", 700.0, *down(94, 99), 4.0),
    ),
    Case(
        "stop_loss_on_insufficient_data: reset",
        f"{SL}, stop_loss_trigger_percent: 75",
        (*FALL, 4.0),
    ),
    Case(
        "stop_loss_reentry: false",
        f"{SL}, stop_loss_trigger_percent: 75, stop_loss_on_insufficient_data: reset",
        (*FALL, 4.0),
    ),
    Case(
        "stop_loss_max_resets: 0",
        f"{SL}, stop_loss_trigger_percent: 75, stop_loss_on_insufficient_data: reset",
        (*FALL, 4.0),
    ),
    Case("capital_protection_enabled: true", "", (*down(95), *up(104, 96))),
    Case("capital_protection_trigger_percent: 80", CP, down(97)),
    Case("capital_protection_freeze_entries: true", CP, down(97)),
    Case("capital_protection_action: close_now", CP, down(97)),
    Case("scalping_enabled: true", "", down(92)),
    Case("scalping_trigger_percent: 60", SC, down(96)),
    Case("scalping_take_profit_grids: 3", f"{SC}, scalping_trigger_percent: 60", down(96)),
    Case(
        "scalping_after_tp: restart",
        f"{SC}, scalping_trigger_percent: 60",
        (*down(96), *up(106, 97)),
    ),
    Case(
        "scalping_exit_on_rebound_grids: 1",
        f"{SC}, scalping_trigger_percent: 60",
        (*down(96), *up(101, 97)),
    ),
    Case("smart_scalping_enabled: true", f"{SC}, scalping_trigger_percent: 50", down(97)),
    Case("allowed_deep_drops: 2", SM, (*DROP, *down(94, 101))),
    Case("min_drop_threshold_percent: 40", SM, (*DROP, *down(94, 101))),
    Case("smart_scalping_crash_level: 0", SM, down(89)),
    Case("smart_scalping_ready_timeout: 5", SM, (*DROP, 10.0, *down(94, 101))),
    Case(
        "price_lock_enabled: true", "price_lock_threshold: 101", ("100", "102", 6.0), "follow_long"
    ),
    Case(
        "price_lock_threshold: 103",
        "price_lock_enabled: true",
        ("100", "102", 6.0),
        "follow_long",
        also="price_lock_threshold: 101",
    ),
    Case("price_lock_start_at_threshold: true", LOCK, ("103",), "follow_long"),
    Case("price_lock_mode: freeze_entries", LOCK, ("100", "102", 6.0), "follow_long"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("is_short", [False, True], ids=["long", "short"])
def test_the_key_matters(case: Case, is_short: bool):
    """With the key the same walk ends differently, in either direction."""
    kind, walk = case.kind, case.walk
    needs, key, also = case.needs, case.key, case.also
    if is_short:
        kind, walk = kind.replace("long", "short"), mirrored(walk)
        needs, key, also = (_mirror_threshold(text) for text in (needs, key, also))
    with_key = ", ".join(part for part in (needs, key) if part)
    without = ", ".join(part for part in (needs, also) if part) or "replace_limit: 3"
    if not also.startswith(case.name) and also:
        with_key = f"{with_key}, {also}"

    assert tell(kind, with_key, walk) != tell(kind, without, walk)


def _mirror_threshold(text: str) -> str:
    for price in ("101", "103"):
        text = text.replace(
            f"price_lock_threshold: {price}", f"price_lock_threshold: {200 - int(price)}"
        )
    return text


@pytest.mark.parametrize("keys, long, short", [("false", "114", "86"), ("true", "109", "91")])
def test_scalping_tp_clamp_keeps_the_exit_on_the_ladder_at_a_loss(keys, long, short):
    """After funding of 150 break-even is at 112, beyond the last line at 109."""
    for kind, walk, price in (("long", down(95), long), ("short", mirrored(down(95)), short)):
        story = story_of(kind, f"{SC}, scalping_trigger_percent: 70, scalping_tp_clamp: {keys}")
        story.price(walk[0])
        story.tell(FundingPaid(at_ns=story.now_ns, amount=Decimal(-150), rate=Decimal(0)))
        story.account.cash -= 150
        for step in walk[1:]:
            story.price(step)

        assert story.find(f"{'sell' if kind == 'long' else 'buy'} {price}")
        assert story.residual() == 0


@pytest.mark.parametrize(
    "kind, keys, key, words",
    [
        ("long", f"{TP}, take_profit_percentage: 1.5", "take_profit_percentage", "fraction"),
        ("long", f"{TP}, take_profit_percentage: 5", "take_profit_percentage", "5 percent is 0.05"),
        ("long", "scalping_trigger_percent: 0.8", "scalping_trigger_percent", "write 80"),
        (
            "long",
            "capital_protection_trigger_percent: 0.3",
            "capital_protection_trigger_percent",
            "write 30",
        ),
        ("long", "scalping_trigger_percent: 101", "scalping_trigger_percent", "100"),
        ("long", "stop_loss_trigger_percent: 0", "stop_loss_trigger_percent", "above 0"),
        ("long", "stop_loss_trigger_percent: 101", "stop_loss_trigger_percent", "100"),
        ("long", "stop_loss_escape_timeout: 0", "stop_loss_escape_timeout", "at least 1"),
        ("long", "stop_loss_apr_threshold: -1", "stop_loss_apr_threshold", "0"),
        ("long", "allowed_deep_drops: 0", "allowed_deep_drops", "0"),
        ("long", "min_drop_threshold_percent: 101", "min_drop_threshold_percent", "100"),
        (
            "long",
            f"{TP}, take_profit_percentage: 0.01, take_profit_percent: 1",
            "take_profit_percent",
            "Leave one",
        ),
        (
            "long",
            "smart_scalping_enabled: true",
            "smart_scalping_enabled",
            "scalping_enabled: true",
        ),
        ("long", f"{SM}, smart_scalping_crash_level: 12", "smart_scalping_crash_level", "10"),
        ("long", "price_lock_enabled: true", "price_lock_enabled", "price_lock_threshold"),
        ("long", f"{LOCK}, price_lock_mode: freeze_entries", "price_lock_mode", "fixed range"),
        (
            "martingale_long",
            f"martingale_increment: 1, {LOCK}, price_lock_start_at_threshold: true",
            "price_lock_start_at_threshold",
            "fixed range",
        ),
        (
            "long",
            "spot_reserve: {enabled: true, reserve_amount: 1}",
            "spot_reserve.enabled",
            "spot",
        ),
        ("neutral", SC, "scalping_enabled", "neutral"),
        ("neutral", CP, "capital_protection_enabled", "neutral"),
        ("neutral", SL, "stop_loss_protection_enabled", "neutral"),
        ("neutral", LOCK, "price_lock_enabled", "neutral"),
    ],
)
def test_what_cannot_act_is_refused_with_a_way_out(kind: str, keys: str, key: str, words: str):
    """Key, value and the way out are named."""
    with pytest.raises(ConfigError) as refusal:
        story_of(kind, keys)

    assert refusal.value.key == f"grid_system.{key}"
    assert words in str(refusal.value)


def test_take_profit_works_on_a_neutral_grid():
    """It asks for the worth alone, which has no adverse side."""
    story = story_of("neutral", f"{TP}, take_profit_percentage: 0.002")
    for price in ("100", *up(104, 100), *down(97, 104), *up(103, 98)):
        story.price(price)
    story.wait(3)

    assert [line["reason"] for line in story.lines("grid.reset")][:1] == ["take_profit"]
    assert story.residual() == 0
