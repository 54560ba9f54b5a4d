"""A grid's file: what loads, and what is refused with which words."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import Instrument
from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.symbols import read_spelling
from core.domain.policies import OnExit
from core.errors import ConfigError
from core.services.bot_config import Overrides, assumed_instrument, with_overrides
from core.services.grid.config import GridBotConfig, load_grid, parse_grid
from core.services.grid.plan import make_plan
from core.services.grid.protections.settings import ReserveSettings
from core.services.grid.settings import GridType

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "config" / "grid").glob("*.yaml"))

LAW = """grid_system: {exchange: paper, symbol: TEST-USDC-PERP, grid_type: long,
  grid_interval: "2", order_amount: "0.5", price_range: {lower_price: "190", upper_price: "210"},
  fee_rate: "0", on_exit: cancel_orders,
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0",
    taker_fee: "0"},
  paper: {initial_balance: "100000", latency_ms: 0, fill: through}}
"""
FOLLOW = LAW.replace("grid_type: long", "grid_type: follow_long").replace(
    'price_range: {lower_price: "190", upper_price: "210"}', "follow_grid_count: 10"
)


def find(venue: str, symbol: str, overrides: Overrides) -> Instrument:
    """The shipped instruments, and assumed ones beside them."""
    asked = read_spelling(symbol)
    market = overrides.get("market_type", asked.market_type)
    for instrument in load_instruments(venue).values():
        is_market = market in (None, instrument.market_type)
        if is_market and read_spelling(instrument.symbol).matches(asked):
            return with_overrides(instrument, overrides)
    return assumed_instrument(venue, symbol, overrides)


def load(text: str) -> GridBotConfig:
    """What a text loads as."""
    return parse_grid(text, "grid.yaml", find)


def with_keys(keys: str, text: str = LAW) -> str:
    """The example with more keys."""
    return text.replace("exchange: paper,", f"exchange: paper, {keys},")


def test_the_example_of_the_interface_loads():
    """Every value arrives as it was written, exactly."""
    config = load(LAW)
    settings = config.settings

    assert settings.grid_type is GridType.LONG
    assert (settings.lower_price, settings.upper_price) == (190, 210)
    assert (settings.grid_interval, settings.order_amount) == (2, Decimal("0.5"))
    assert settings.level_count == 10
    assert settings.on_exit is OnExit.CANCEL_ORDERS
    assert settings.instrument.tick_size == Decimal("0.1")
    assert (config.paper.initial_balance, config.paper.latency_ms) == (100_000, 0)
    assert config.paper.fill == "through"
    assert (config.name, config.exchange) == ("grid", "paper")


def test_the_same_in_json_and_with_bare_numbers():
    """JSON is YAML, and a number may be bare or quoted."""
    document = {
        "grid_system": {
            "exchange": "paper",
            "symbol": "TEST-USDC-PERP",
            "grid_type": "long",
            "grid_interval": 2,
            "order_amount": 0.5,
            "price_range": {"lower_price": 190, "upper_price": 210},
            "fee_rate": 0,
            "on_exit": "cancel_orders",
            "instrument": {
                "tick_size": 0.1,
                "lot_size": 0.001,
                "min_notional": 0,
                "maker_fee": 0,
                "taker_fee": 0,
            },
            "paper": {"initial_balance": 100000, "latency_ms": 0, "fill": "through"},
        }
    }

    assert load(json.dumps(document)).settings == load(LAW).settings


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_shipped_example_loads_and_plans_without_a_warning(path: Path):
    """Each runs as it stands, near the reference price of its instrument."""
    settings = load_grid(path, find).settings
    reference = settings.instrument.reference_price
    plan = make_plan(settings, reference)

    assert plan.warnings == ()
    assert reference is not None
    prices = [level.price for level in plan.levels]
    assert min(prices) < reference < max(prices)


def test_the_examples_that_are_promised_are_there():
    """A long, a follow, a short, a martingale and a spot grid."""
    names = {path.stem for path in EXAMPLES}
    kinds = {load_grid(path, find).settings.grid_type for path in EXAMPLES}

    assert {"lighter-long-btc", "lighter-long-perp-btc", "hyperliquid-short-eth"} <= names
    assert {GridType.LONG, GridType.SHORT, GridType.FOLLOW_LONG} < kinds
    assert any(kind.is_martingale for kind in kinds)
    assert any(load_grid(path, find).instrument.is_spot for path in EXAMPLES)


@pytest.mark.parametrize(
    "old, new, key, words",
    [
        ("grid_interval:", "grid_intervall:", "grid_intervall", "Did you mean `grid_interval`"),
        ("grid_type: long", "grid_type: lonng", "grid_type", "Did you mean long"),
        ('grid_interval: "2"', "grid_interval: true", "grid_interval", "must be a number"),
        ('grid_interval: "2"', "grid_interval: nan", "grid_interval", "must be finite"),
        ('grid_interval: "2"', "grid_interval: .inf", "grid_interval", "number"),
        ('grid_interval: "2"', 'grid_interval: "2e0"', "grid_interval", "write 2"),
        ('grid_interval: "2"', 'grid_interval: "0"', "grid_interval", "0"),
        ('grid_interval: "2"', 'grid_interval: "-2"', "grid_interval", "-2"),
        ('grid_interval: "2"', 'grid_interval: "2.04"', "grid_interval", "The nearest is 2."),
        ('grid_interval: "2"', 'grid_interval: "2.06"', "grid_interval", "The nearest is 2.1."),
        ('grid_interval: "2"', 'grid_interval: "21"', "grid_interval", "Write 20 or less"),
        ('grid_interval: "2"', 'grid_interval: ""', "grid_interval", "give a value"),
        ('"190"', '"210"', "price_range", "must be below"),
        ('"190"', '"220"', "price_range", "must be below"),
        ('"190"', '"190.01"', "price_range.lower_price", "The nearest is 190."),
        ('"210"', '"210.07"', "price_range.upper_price", "The nearest is 210.1."),
        ('order_amount: "0.5"', 'order_amount: "0.0009"', "order_amount", "Write 0.001 or more"),
        ('min_notional: "0"', 'min_notional: "100"', "order_amount", "Write 0.527 or more"),
        ('maker_fee: "0"', 'maker_fee: "0.005"', "grid_interval", "acknowledge: [losing_grid]"),
        ("PERP, grid_type: long", "SPOT, grid_type: short", "grid_type", "on spot only what"),
        ("TEST-USDC-PERP", "TEST-USDC-NOPE", "symbol", "none of"),
        ("on_exit: cancel_orders", "on_exit: never", "on_exit", "allowed: keep"),
        ("latency_ms: 0", "latency_ms: -1", "paper.latency_ms", "-1"),
        ("tick_size:", "tick:", "instrument.tick", "tick_size"),
        ("grid_system:", "grid_sistem:", "grid_sistem", "Did you mean `grid_system`"),
    ],
)
def test_what_is_wrong_is_named_with_a_way_out(old: str, new: str, key: str, words: str):
    """File, line, key, what was found, what is allowed."""
    text = LAW.replace(old, new)
    assert text != LAW

    with pytest.raises(ConfigError) as caught:
        load(text)
    message = str(caught.value)
    assert message.startswith("grid.yaml")
    assert key in message
    assert words in message


@pytest.mark.parametrize(
    "keys, key, words",
    [
        ("leverage: 21", "leverage", "20"),
        ("leverage: 10.5", "leverage", "whole number"),
        ("leverage: true", "leverage", "number"),
        ("price_decimals: 2", "price_decimals", "Write 1"),
        ("quantity_precision: 4", "quantity_precision", "Write 3"),
        ("max_position: 4.9", "max_position", "together reach 5"),
        ("reverse_order_grid_distance: 0", "reverse_order_grid_distance", "1"),
        ("health_check_snapshot_count: 1", "health_check_snapshot_count", "2"),
        ("rest_position_query_interval: 1", "rest_position_query_interval", "5"),
        ("follow_grid_count: 5", "follow_grid_count", "belongs to follow_long"),
        ("follow_timeout: 5", "follow_timeout", "belongs to follow_long"),
        ("follow_distance: 1", "follow_distance", "belongs to follow_long"),
        ("price_offset_grids: 1", "price_offset_grids", "belongs to follow_long"),
        ("exit_cleanup_enabled: true", "exit_cleanup_enabled", "Keep `on_exit` alone"),
        ("martingale_increment: -1", "martingale_increment", "-1"),
        ("acknowledge: [everything]", "acknowledge", "losing_grid"),
        ("scalping_enabled: 'false'", "scalping_enabled", "write false without quotes"),
        ("scalping_trigger_percent: 101", "scalping_trigger_percent", "100"),
        ("name: '../x'", "name", "x"),
        ("risk: {positions: 1}", "risk.positions", "position"),
    ],
)
def test_keys_that_are_out_of_place_or_range_are_refused(keys: str, key: str, words: str):
    """A key that cannot act, or a value out of bounds, never loads in silence."""
    with pytest.raises(ConfigError) as caught:
        load(with_keys(keys))

    assert key in str(caught.value)
    assert words in str(caught.value)


PROTECTIONS = {
    "scalping_enabled": "scalping_trigger_percent: 80, scalping_take_profit_grids: 2",
    "smart_scalping_enabled": "allowed_deep_drops: 1, min_drop_threshold_percent: 10",
    "capital_protection_enabled": "capital_protection_trigger_percent: 50",
    "take_profit_enabled": "take_profit_percentage: 0.01",
    "stop_loss_protection_enabled": (
        "stop_loss_trigger_percent: 100, stop_loss_escape_timeout: 300, stop_loss_apr_threshold: 50"
    ),
    "price_lock_enabled": "price_lock_threshold: 250, price_lock_start_at_threshold: false",
}


@pytest.mark.parametrize("text", [LAW, FOLLOW], ids=["fixed", "follow"])
@pytest.mark.parametrize("switch", PROTECTIONS)
def test_a_protection_is_off_until_it_is_switched_on(switch: str, text: str):
    """Its parameters may stand there already; the switch alone makes them act."""
    needs = "scalping_enabled: true, " if switch == "smart_scalping_enabled" else ""
    off = load(with_keys(f"{needs}{switch}: false, {PROTECTIONS[switch]}", text))
    on = load(with_keys(f"{needs}{switch}: true, {PROTECTIONS[switch]}", text))

    assert off.settings.protections != on.settings.protections
    assert off.settings.protections.has_rules is bool(needs)
    assert on.settings.protections.has_rules


def test_a_spot_reserve_is_for_spot():
    """The whole block is known; switched on it needs a spot instrument."""
    block = (
        "spot_reserve: {{enabled: {}, reserve_amount: 1, spot_buy_fee_rate: 0.001, "
        "auto_replenish: {{enabled: true, trigger_percent: 0.4, target_percent: 0.9, "
        "order_type: market, min_order_value_usdc: 11, max_replenish_per_day: 9, "
        "min_replenish_interval: 299}}, "
        "startup_check: {{auto_buy_on_startup: false, continue_on_failure: true}}}}"
    )
    assert load(with_keys(block.format("false"))).settings.protections.reserve is None
    with pytest.raises(ConfigError, match=r"spot_reserve.enabled.*is for spot"):
        load(with_keys(block.format("true")))

    spot = LAW.replace("TEST-USDC-PERP", "TEST-USDC-SPOT")
    reserve = load(with_keys(block.format("true"), spot)).settings.protections.reserve
    assert reserve == ReserveSettings(
        amount=Decimal(1),
        fee_rate=Decimal("0.001"),
        replenishes=True,
        trigger_fraction=Decimal("0.4"),
        target_fraction=Decimal("0.9"),
        min_order_value=Decimal(11),
        max_per_day=9,
        min_interval_s=299,
        buys_at_start=False,
        goes_on_without=True,
    )


@pytest.mark.parametrize(
    "block, key, words",
    [
        ("reserve_amount: 0", "reserve_amount", "above 0"),
        ("reserve_amount: 0.0001, spot_buy_fee_rate: 0.001", "reserve_amount", "one purchase"),
        (
            "reserve_amount: 1, auto_replenish: {enabled: true, trigger_percent: 50}",
            "auto_replenish.trigger_percent",
            "50 percent is 0.5",
        ),
        (
            "reserve_amount: 1, auto_replenish: {enabled: true, target_percent: 0.5}",
            "auto_replenish.trigger_percent",
            "below target_percent",
        ),
    ],
)
def test_a_reserve_that_could_not_work_is_refused(block: str, key: str, words: str):
    """Empty, too small for one purchase, percents for fractions, and filled up when full."""
    spot = LAW.replace("TEST-USDC-PERP", "TEST-USDC-SPOT")
    with pytest.raises(ConfigError) as caught:
        load(with_keys(f"spot_reserve: {{enabled: true, {block}}}", spot))

    assert f"spot_reserve.{key}" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "keys, expected",
    [
        ("exit_cleanup_enabled: true", OnExit.FLATTEN),
        ("exit_cleanup_enabled: false", OnExit.CANCEL_ORDERS),
        ("exit_cleanup_enabled: false, on_exit: cancel_orders", OnExit.CANCEL_ORDERS),
        ("on_exit: keep", OnExit.KEEP),
        ("on_start: resume", OnExit.CANCEL_ORDERS),
    ],
)
def test_the_exit_policy_has_an_older_name(keys: str, expected: OnExit):
    """`true` flattens, `false` cancels; the default cancels."""
    text = with_keys(keys, LAW.replace(" on_exit: cancel_orders,", ""))

    assert load(text).settings.on_exit is expected


@pytest.mark.parametrize(
    "value, seconds", [("never", None), ("0", None), ("1", 1), ("31536000", 31_536_000)]
)
def test_a_follow_timeout_may_be_never(value: str, seconds: int | None):
    """0 and `never` switch it off."""
    settings = load(with_keys(f"follow_timeout: {value}", FOLLOW)).settings

    assert settings.follow_timeout_s == seconds


def test_a_timeout_beyond_a_year_is_refused_with_the_word_for_never():
    """The huge number that others use for never."""
    with pytest.raises(ConfigError, match="write `never`"):
        load(with_keys("follow_timeout: 1000000000000", FOLLOW))


def test_a_follow_grid_takes_no_range():
    """Its range comes from the price."""
    with pytest.raises(ConfigError, match="belongs to the fixed types"):
        load(LAW.replace("grid_type: long", "grid_type: follow_long, follow_grid_count: 5"))


@pytest.mark.parametrize("grid_type", ["martingale_long", "martingale_short"])
def test_a_martingale_grid_needs_its_increment(grid_type: str):
    """Missing and zero are refused; the plain types may have one."""
    text = LAW.replace("grid_type: long", f"grid_type: {grid_type}")
    with pytest.raises(ConfigError, match=r"martingale_increment: is missing"):
        load(text)
    with pytest.raises(ConfigError, match="martingale_increment"):
        load(with_keys("martingale_increment: 0", text))

    assert load(with_keys("martingale_increment: 0.1", text)).settings.martingale_increment
    assert load(with_keys("martingale_increment: 0.1")).settings.martingale_increment


def test_an_offset_stays_below_the_number_of_levels():
    """Else no level would be left below the price."""
    with pytest.raises(ConfigError, match="highest that works is 9"):
        load(with_keys("price_offset_grids: 10", FOLLOW))


def test_a_losing_grid_loads_when_it_is_acknowledged():
    """By name, and then the plan warns."""
    text = LAW.replace('maker_fee: "0"', 'maker_fee: "0.005"')
    config = load(with_keys("acknowledge: [losing_grid]", text))

    assert "losing_grid" in {warning.code for warning in make_plan(config.settings).warnings}


def test_fee_rate_stands_in_only_where_the_instrument_has_none():
    """The venue charges the instrument's own; a difference is a warning of the plan."""
    bare = LAW.replace(', maker_fee: "0",\n    taker_fee: "0"', "").replace(
        'fee_rate: "0"', "fee_rate: 0.0003"
    )
    assert load(bare).settings.maker_fee == Decimal("0.0003")
    own = load(LAW.replace('fee_rate: "0"', "fee_rate: 0.0003")).settings

    assert own.maker_fee == 0
    assert [warning.code for warning in make_plan(own).warnings] == ["fee_rate_differs"]


def test_a_rebate_is_a_negative_fee():
    """And can never make a grid lose."""
    settings = load(LAW.replace('maker_fee: "0"', 'maker_fee: "-0.0001"')).settings

    assert settings.maker_fee == Decimal("-0.0001")


def test_amounts_are_cut_down_to_the_coarser_precision():
    """0.57 with one decimal is 0.5, never 0.6."""
    text = with_keys("quantity_precision: 1", LAW.replace('"0.5"', '"0.57"'))
    plan = make_plan(load(text).settings)

    assert {level.amount for level in plan.levels} == {Decimal("0.5")}
    assert [warning.code for warning in plan.warnings] == ["amount_cut"]


def test_prices_follow_the_coarser_decimals():
    """With no decimals a bound of 190.5 is no multiple any more."""
    load(with_keys("price_decimals: 0"))

    with pytest.raises(ConfigError, match="price step 1"):
        load(with_keys("price_decimals: 0", LAW.replace('"190"', '"190.5"')))


@pytest.mark.parametrize(
    "symbol, market, canonical",
    [
        ("NEW-USDT-SPOT", "spot", "NEW-USDT-SPOT"),
        ("NEW-USDT-PERP", "perpetual", "NEW-USDT-PERP"),
        ("NEW-USDT", "perpetual", "NEW-USDT-PERP"),
        ("NEW", "perpetual", "NEW-USDC-PERP"),
    ],
)
def test_paper_runs_any_symbol(symbol: str, market: str, canonical: str):
    """The kind of market comes from the symbol's last part, else it is a perpetual."""
    config = load(LAW.replace("TEST-USDC-PERP", symbol))

    assert config.instrument.market_type == market
    assert config.instrument.symbol == canonical


def test_an_explicit_market_type_wins():
    """Over what the symbol says."""
    config = load(with_keys("market_type: spot", LAW.replace("TEST-USDC-PERP", "TEST-USDC")))

    assert config.instrument.is_spot
    assert config.instrument.symbol == "TEST-USDC-SPOT"


def test_an_unknown_symbol_without_rules_says_what_is_assumed():
    """A tick and a lot that nobody stated are named."""
    text = """grid_system: {exchange: paper, symbol: NEW-USDC-PERP, grid_type: long,
      grid_interval: 2, order_amount: 0.5, price_range: {lower_price: 190, upper_price: 210}}"""
    (notice,) = load(text).notices

    assert "a tick of 0.01 and a lot of 0.001 are assumed" in notice


def test_a_venue_spelling_means_the_canonical_symbol():
    """BTC at a venue of perpetuals is its BTC perpetual."""
    config = load_grid(next(path for path in EXAMPLES if path.stem == "lighter-long-btc"), find)

    assert config.instrument.symbol == "BTC-USDC-PERP"


def test_health_keys_reach_the_settings():
    """They act through reconciliation."""
    keys = (
        "order_health_check_enabled: false, order_health_check_interval: 60, "
        "health_check_snapshot_count: 2, rest_position_query_interval: 7, "
        "position_tolerance: {tolerance_multiplier: 2}"
    )
    health = load(with_keys(keys)).settings.health

    assert not health.is_enabled
    assert (health.interval_s, health.equal_answers) == (60, 2)
    assert (health.position_query_interval_s, health.position_tolerance) == (7, 1)


def test_the_fingerprint_names_what_a_resume_must_agree_on():
    """Type, range, interval, distance and amount, as text."""
    assert load(LAW).settings.fingerprint == {
        "grid_type": "long",
        "grid_interval": "2",
        "order_amount": "0.5",
        "martingale_increment": "0",
        "reverse_order_grid_distance": "1",
        "price_range.lower_price": "190",
        "price_range.upper_price": "210",
    }
