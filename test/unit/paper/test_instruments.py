"""The shipped instrument rules, and what is refused in such a file."""

from pathlib import Path

import pytest

from core.adapters.exchanges.models import ExchangeType
from core.adapters.exchanges.paper.instruments import find_config_dir, load_instruments
from core.adapters.exchanges.paper.profiles import PROFILES, profile_of
from core.errors import ConfigError

VENUES = sorted(path.stem for path in (find_config_dir() / "instruments").glob("*.yaml"))


@pytest.mark.parametrize("venue", VENUES)
def test_every_shipped_file_loads(venue):
    """Every instrument has fees, a reference price on the tick, and a name that says its kind."""
    instruments = load_instruments(venue)

    assert instruments
    for symbol, rules in instruments.items():
        assert symbol == rules.symbol
        assert rules.venue == venue
        assert rules.maker_fee is not None
        assert rules.taker_fee is not None
        assert rules.reference_price is not None
        assert rules.ticks(rules.reference_price) > 0
        assert symbol.startswith(f"{rules.base}-{rules.quote}-")
        is_perpetual = rules.market_type is ExchangeType.PERPETUAL
        assert symbol.endswith("PERP" if is_perpetual else "SPOT")
        assert (rules.funding_interval_s is not None) == is_perpetual


def test_the_venues_of_the_examples_are_there():
    """Lighter, Hyperliquid, Backpack, Binance and the plain paper venue can be traded on paper."""
    assert {"paper", "lighter", "hyperliquid", "backpack", "binance"} <= set(VENUES)
    assert {"BTC-USDC-PERP", "ETH-USDC-PERP"} <= set(load_instruments("lighter"))


def test_a_venue_without_a_file_has_no_instruments(tmp_path):
    """That is no error: the bot's own block may say the rules."""
    assert load_instruments("nowhere", tmp_path) == {}


def write(folder: Path, text: str) -> Path:
    """An instrument file in a configuration folder."""
    (folder / "instruments").mkdir()
    (folder / "instruments" / "x.yaml").write_text(text)
    return folder


ENTRY = (
    "  - {symbol: A-B-PERP, market_type: perpetual, base: A, quote: B, lot_size: '1', tick_size: "
)


@pytest.mark.parametrize(
    "text, word",
    [
        ("instruments: 3\n", "list"),
        ("instruments:\n  - 3\n", "keys"),
        ("instruments:\n  - {symbol: A-B-PERP}\n", "missing"),
        (f"instruments:\n{ENTRY}'1', tik: 3}}\n", "unknown tik"),
        (f"instruments:\n{ENTRY}'0'}}\n", "tick_size"),
        (f"instruments:\n{ENTRY}one}}\n", "A-B-PERP"),
    ],
)
def test_a_bad_file_is_refused_whole(tmp_path, text, word):
    """With the file, the place in it, and what is wrong."""
    with pytest.raises(ConfigError, match=word) as caught:
        load_instruments("x", write(tmp_path, text))

    assert "x.yaml" in str(caught.value)


def test_a_venue_without_habits_of_its_own_has_the_plain_ones():
    """Binance means its futures; a stranger gets the paper venue's."""
    assert profile_of("binance") is PROFILES["binance_um"]
    assert profile_of("stranger") is PROFILES["paper"]
