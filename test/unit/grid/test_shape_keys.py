"""The keys of kinds, spacing, movement, growth and ends: what loads, and what is refused how."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import Instrument, OrderSide
from core.adapters.exchanges.symbols import read_spelling
from core.errors import ConfigError
from core.services.bot_config import Overrides, assumed_instrument
from core.services.grid.config import parse_grid
from core.services.grid.ladder import build_ladder
from core.services.grid.settings import (
    FollowShift,
    GridSettings,
    GridType,
    StopAction,
    TargetSettings,
)

RANGE = 'price_range: {lower_price: "100", upper_price: "120"}'
KINDS = {
    "long": f"grid_type: long, {RANGE}",
    "short": f"grid_type: short, {RANGE}",
    "neutral": f"grid_type: neutral, {RANGE}",
    "martingale": f'grid_type: martingale_long, martingale_increment: "0.1", {RANGE}',
    "follow": "grid_type: follow_long, follow_grid_count: 10",
    "infinity": 'grid_type: infinity, lower_price: "100", grid_ratio: "1.02"',
}


def find(venue: str, symbol: str, overrides: Overrides) -> Instrument:
    """An instrument that nobody knows, with the file's own rules."""
    assert read_spelling(symbol)
    return assumed_instrument(venue, symbol, overrides)


def load(kind: str, keys: str = "", *, spacing: str | None = 'grid_interval: "2"') -> GridSettings:
    """The settings of a file of one kind with more keys."""
    market = "SPOT" if "spot: true" in keys else "PERP"
    parts = [KINDS[kind], keys.replace("spot: true", "").strip(", ")]
    if kind != "infinity" and spacing is not None:
        parts.append(spacing)
    body = ", ".join(part for part in parts if part)
    text = f"""grid_system: {{exchange: paper, symbol: TEST-USDC-{market}, {body},
  order_amount: "0.5", on_exit: keep,
  instrument: {{tick_size: "0.1", lot_size: "0.001", min_notional: "1", maker_fee: "0.0002",
    taker_fee: "0.0005", reference_price: "110"}}}}"""
    return parse_grid(text, "grid.yaml", find).settings


def refused(kind: str, keys: str, *, spacing: str | None = 'grid_interval: "2"') -> str:
    """The words with which a file is refused."""
    with pytest.raises(ConfigError) as caught:
        load(kind, keys, spacing=spacing)
    return str(caught.value)


def lines(settings: GridSettings) -> list[str]:
    """Prices of the entries at the reference price, level 1 first."""
    ladder = build_ladder(settings, Decimal(110))
    tick = settings.instrument.tick_size
    return [str(ladder.entry_price(level) * tick) for level in range(1, ladder.count + 1)]


def test_a_range_may_be_cut_by_interval_by_number_and_by_ratio() -> None:
    """Three ways to say where the lines are."""
    by_number = load("long", spacing="grid_count: 8")
    by_ratio = load("long", spacing='grid_spacing: geometric, grid_ratio: "1.05"')
    counted = load("long", spacing="grid_spacing: geometric, grid_count: 4")

    assert load("long").level_count == 10
    assert (by_number.grid_interval, by_number.level_count) == (Decimal("2.5"), 8)
    # 100 · 1.05^3 = 115.8 is the last line within the range.
    assert lines(by_ratio) == ["100.0", "105.0", "110.3"]
    assert lines(counted) == ["100.0", "104.7", "109.5", "114.7"]


def test_an_even_distance_is_cut_down_to_the_price_step() -> None:
    """Twenty by seven is 2.857…, so 2.8."""
    assert load("long", spacing="grid_count: 7").grid_interval == Decimal("2.8")


def test_a_neutral_file_is_split_at_the_price() -> None:
    """Lines from lower to upper inclusive; levels below 110 buy, those above sell."""
    settings = load("neutral")
    ladder = build_ladder(settings, Decimal("110.9"))

    assert settings.grid_type is GridType.NEUTRAL
    assert ladder.count == 10
    assert [ladder.side(level) for level in (1, 5, 6, 10)] == [
        OrderSide.BUY,
        OrderSide.BUY,
        OrderSide.SELL,
        OrderSide.SELL,
    ]
    assert ladder.line(ladder.start or 0) == 1100


def test_every_key_reaches_the_settings() -> None:
    """What the file says is what the machine is told."""
    settings = load(
        "long",
        'trigger_price: "111.5", active_window_grids: 4, compounding: true, '
        'profit_reserve_percent: "12.5", trailing_up: true, trailing_up_limit: "130", '
        'trailing_down: true, trailing_down_limit: "90", bot_take_profit_price: "140", '
        'bot_take_profit_percent: "7.5", bot_take_profit_action: flatten, '
        'bot_take_profit_after: restart, bot_stop_loss_price: "80", bot_stop_loss_percent: 20, '
        "bot_stop_loss_action: keep, bot_stop_loss_after: stop",
    )

    assert settings.trigger_price == Decimal("111.5")
    assert settings.active_window == 4
    assert settings.is_compounding
    assert settings.profit_reserve_percent == Decimal("12.5")
    assert (settings.trailing_up, settings.trailing_up_limit) == (True, Decimal(130))
    assert (settings.trailing_down, settings.trailing_down_limit) == (True, Decimal(90))
    assert settings.bot_take_profit == TargetSettings(
        price=Decimal(140), fraction=Decimal("0.075"), restarts=True
    )
    assert settings.bot_stop_loss == TargetSettings(
        price=Decimal(80), fraction=Decimal("0.2"), action=StopAction.KEEP
    )


def test_all_of_it_is_off_where_nobody_asks() -> None:
    """A file without these keys is the grid it always was."""
    settings = load("long")

    assert settings.trigger_price is None
    assert settings.active_window == 0
    assert not settings.is_compounding
    assert not settings.profit_reserve_percent
    assert not settings.trailing_up
    assert not settings.trailing_down
    assert settings.bot_take_profit is None
    assert settings.bot_stop_loss is None
    assert load("follow").follow_shift is FollowShift.RESET
    assert "grid_ratio" not in settings.fingerprint


def test_the_other_kinds_have_keys_of_their_own() -> None:
    """Rolling, the upper stop of a neutral grid, and the value of an infinity grid's levels."""
    neutral = load("neutral", 'bot_stop_loss_price: "90", bot_stop_loss_price_above: "130"')
    infinity = load("infinity")

    assert load("follow", "follow_shift_mode: roll").follow_shift is FollowShift.ROLL
    assert neutral.bot_stop_loss is not None
    assert neutral.bot_stop_loss.price_above == 130
    assert infinity.order_value == 50
    assert infinity.lower_price == 100
    assert infinity.upper_price is None


def test_what_shapes_the_ladder_is_in_the_fingerprint() -> None:
    """A resume with other lines is refused."""
    known = load("long", spacing='grid_spacing: geometric, grid_ratio: "1.05"').fingerprint
    other = load("long", spacing='grid_spacing: geometric, grid_ratio: "1.04"').fingerprint
    infinity = load("infinity").fingerprint

    assert known != other
    assert infinity["order_value"] == "50"
    assert infinity["lower_price"] == "100"


@pytest.mark.parametrize(
    "kind, keys, spacing, key, words",
    [
        ("long", "", "", "grid_interval", "Write grid_interval or grid_count."),
        ("follow", "", "", "grid_interval", "Write grid_interval."),
        ("long", "grid_spacing: geometric", None, "grid_ratio", "or grid_count"),
        ("long", 'grid_ratio: "1.1"', None, "grid_ratio", "cannot act on grid_spacing arithmetic"),
        ("long", "grid_spacing: geometric", 'grid_interval: "2"', "grid_interval", "grid_ratio"),
        ("long", "grid_count: 5", 'grid_interval: "2"', "grid_count", "Keep one of them"),
        ("follow", "grid_count: 5", None, "grid_count", "follow_grid_count"),
        ("long", "grid_spacing: geometric", 'grid_ratio: "0.01"', "grid_ratio", "write 1.01"),
        ("long", "grid_spacing: geometric", 'grid_ratio: "1"', "grid_ratio", "above 1"),
        ("long", "grid_spacing: geometric", 'grid_ratio: "3"', "grid_ratio", "2"),
        ("long", "grid_spacing: geometric", 'grid_ratio: "1.5"', "grid_ratio", "whole range"),
        ("long", "grid_spacing: geometric", "grid_count: 900", "grid_count", "fall together"),
        ("long", "", "grid_count: 300", "grid_count", "Write 200 or less"),
        ("long", "", "grid_count: 0", "grid_count", "1"),
        ("long", "grid_spacing: even", None, "grid_spacing", "arithmetic"),
        ("neutral", "reverse_order_grid_distance: 2", None, "reverse_order", "one line away"),
        ("neutral", "martingale_increment: 1", None, "martingale_increment", "equal amounts"),
        ("neutral", "spot: true", None, "grid_type", "or a perpetual"),
        ("neutral", "initial_fill_cap: 0.1", None, "initial_fill_cap", "without a position"),
        ("infinity", "trailing_up: true", None, "trailing_up", "long, short and neutral"),
        ("infinity", "grid_count: 4", None, "grid_count", "no last level"),
        ("infinity", RANGE, None, "price_range", "lower_price"),
        ("infinity", "max_position: 25", None, "max_position", "all levels together reach 25.5"),
        ("long", "lower_price: 5", None, "lower_price", "price_range"),
        ("follow", "trailing_up: true", None, "trailing_up", "long, short and neutral"),
        ("martingale", "trailing_up: true", None, "trailing_up", "long, short and neutral"),
        ("long", "follow_shift_mode: roll", None, "follow_shift_mode", "follow_long"),
        (
            "long",
            "trailing_up: true, martingale_increment: 1",
            None,
            "martingale_increment",
            "trails",
        ),
        (
            "follow",
            "follow_shift_mode: roll, martingale_increment: 1",
            None,
            "martingale_increment",
            "rolls",
        ),
        ("long", "trailing_up_limit: 130", None, "trailing_up_limit", "trailing_up is off"),
        ("long", "trailing_up: true, trailing_up_limit: 120", None, "trailing_up_limit", "above"),
        (
            "long",
            "trailing_down: true, trailing_down_limit: 101",
            None,
            "trailing_down_limit",
            "below",
        ),
        ("long", "profit_reserve_percent: 101", None, "profit_reserve_percent", "100"),
        (
            "long",
            "profit_reserve_percent: 100, compounding: true",
            None,
            "profit_reserve_percent",
            "nothing to put in",
        ),
        ("long", "active_window_grids: -1", None, "active_window_grids", "0"),
        ("long", "compounding: 1", None, "compounding", "true"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_with_a_way_out(
    kind: str, keys: str, spacing: str | None, key: str, words: str
) -> None:
    """The key, what is wrong with it, and what to write."""
    found = 'grid_interval: "2"' if spacing is None and "spacing" not in keys else spacing
    message = refused(kind, keys, spacing=found)

    assert key in message
    assert words in message


@pytest.mark.parametrize(
    "kind, keys, key, words",
    [
        ("long", "bot_take_profit_action: keep", "bot_take_profit_action", "no bot_take_profit"),
        ("long", "bot_stop_loss_after: restart", "bot_stop_loss_after", "no bot_stop_loss_price"),
        (
            "long",
            "bot_stop_loss_price: 90, bot_stop_loss_action: cancel, bot_stop_loss_after: restart",
            "bot_stop_loss_after",
            "needs bot_stop_loss_action flatten",
        ),
        (
            "long",
            "bot_take_profit_price: 105, bot_stop_loss_price: 110",
            "bot_take_profit_price",
            "above bot_stop_loss_price",
        ),
        (
            "short",
            "bot_take_profit_price: 115, bot_stop_loss_price: 105",
            "bot_take_profit_price",
            "below bot_stop_loss_price",
        ),
        ("long", "bot_take_profit_price: 99", "bot_take_profit_price", "beyond the range"),
        ("long", "bot_stop_loss_price: 121", "bot_stop_loss_price", "beyond the range"),
        ("neutral", "bot_stop_loss_price: 101", "bot_stop_loss_price", "beyond the range"),
        ("neutral", "bot_stop_loss_price_above: 119", "bot_stop_loss_price_above", "beyond"),
        ("neutral", "bot_take_profit_price: 130", "bot_take_profit_price", "neither side"),
        ("long", "bot_stop_loss_percent: 101", "bot_stop_loss_percent", "100"),
        (
            "long",
            "bot_take_profit_price: 130, trigger_price: 131",
            "trigger_price",
            "between the two ends",
        ),
        ("long", "bot_stop_loss_price: 101, trigger_price: 101", "trigger_price", "ends it"),
        ("long", "trigger_price: 99", "trigger_price", "inside its range"),
        ("short", "trigger_price: 121", "trigger_price", "inside its range"),
        ("neutral", "trigger_price: 125", "trigger_price", "inside its range"),
        ("infinity", "trigger_price: 99", "trigger_price", "inside its range"),
        ("neutral", "scalping_enabled: true", "scalping_enabled", "favourable edge"),
        ("neutral", "price_lock_enabled: true, price_lock_threshold: 110", "price_lock", "none"),
        ("infinity", "stop_loss_protection_enabled: true", "stop_loss_protection", "upper edge"),
    ],
)
def test_ends_and_starts_that_contradict_are_refused(
    kind: str, keys: str, key: str, words: str
) -> None:
    """A target below its stop, a start where the end is, a protection that cannot act."""
    message = refused(kind, keys)

    assert key in message
    assert words in message


def test_an_infinity_grid_below_its_smallest_order_is_refused() -> None:
    """Every level is worth the same, so it is the venue's minimum that decides."""
    with pytest.raises(ConfigError, match="below the minimum of 1"):
        parse_grid(
            "grid_system: {exchange: paper, symbol: TEST-USDC-PERP, grid_type: infinity, "
            'lower_price: "100", grid_ratio: "1.02", order_amount: "0.009", '
            'instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "1"}}',
            "grid.yaml",
            find,
        )
