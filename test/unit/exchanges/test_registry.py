"""Which instrument a spelling means, what is said where there is none, and units of assets."""

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.registry import find, hint
from core.adapters.exchanges.symbols import read_spelling, unit_of

D = Decimal


def market(symbol, venue_symbol="", kind=ExchangeType.PERPETUAL):
    """An instrument of which only the names count."""
    base, quote, _ = symbol.split("-")
    return Instrument(
        symbol=symbol,
        venue="v",
        market_type=kind,
        base=base,
        quote=quote,
        venue_symbol=venue_symbol,
        tick_size="0.1",
        lot_size="0.001",
    )


KNOWN = {
    item.symbol: item
    for item in (
        market("BTC-USDT-PERP", "BTCUSDT"),
        market("BTC-USDT-SPOT", "BTCUSDT", ExchangeType.SPOT),
        market("BTC-USDC-PERP", "BTCUSDC"),
        market("1000PEPE-USDT-PERP", "1000PEPEUSDT"),
        market("kBONK-USDC-PERP", "kBONK"),
        market("xyz:NVDA-USDC-PERP", "xyz:NVDA"),
        market("NVDA-USD-SPOT", "NVDA", ExchangeType.STOCK),
    )
}


@pytest.mark.parametrize(
    "spelling, symbol",
    [
        ("BTC-USDT-PERP", "BTC-USDT-PERP"),
        ("BTC/USDT:USDT", "BTC-USDT-PERP"),
        ("BTC-USDT-SWAP", "BTC-USDT-PERP"),
        ("btc_usdc_perp", "BTC-USDC-PERP"),
        ("XBTUSDT", "BTC-USDT-PERP"),
        ("BTCUSDT", "BTC-USDT-PERP"),
        ("BTC-USDT-SPOT", "BTC-USDT-SPOT"),
        ("1000PEPEUSDT", "1000PEPE-USDT-PERP"),
        ("1000PEPE/USDT:USDT", "1000PEPE-USDT-PERP"),
        ("kBONK", "kBONK-USDC-PERP"),
        ("KBONK-USDC-PERP", "kBONK-USDC-PERP"),
        ("xyz:NVDA", "xyz:NVDA-USDC-PERP"),
        ("XYZ:NVDA-USDC-PERP", "xyz:NVDA-USDC-PERP"),
        ("NVDA", "NVDA-USD-SPOT"),
        ("NVDA-USD-SPOT", "NVDA-USD-SPOT"),
    ],
)
def test_spellings_find_their_instrument(spelling, symbol):
    """Canonical, a venue's own, ccxt's, aliases, multiples and builders' markets."""
    assert find(KNOWN, spelling).symbol == symbol


@pytest.mark.parametrize(
    "spelling", ["PEPE-USDT-PERP", "BONK-USDC-PERP", "BTC-USD-PERP", "flx:NVDA", "DOGEUSDT"]
)
def test_nothing_is_taken_for_something_that_is_priced_otherwise(spelling):
    """Another unit, another quote and another dex are other instruments."""
    assert find(KNOWN, spelling) is None


def test_a_market_that_was_asked_for_decides_between_two():
    """`market_type: spot` beside a spelling that both have; what is not there is not forced."""
    assert find(KNOWN, "BTCUSDT", ExchangeType.SPOT).symbol == "BTC-USDT-SPOT"
    assert find(KNOWN, "BTC-USDC-PERP", ExchangeType.SPOT).symbol == "BTC-USDC-PERP"
    assert find(KNOWN, "BTC-USDC-PERP", ExchangeType.SPOT, is_kind_binding=True) is None


@pytest.mark.parametrize(
    "spelling, words",
    [
        ("PEPE-USDT-PERP", "1000PEPE-USDT-PERP, whose unit is 1000 PEPE"),
        ("kPEPE-USDT-PERP", "It has 1000PEPE-USDT-PERP."),
        ("BONK", "kBONK-USDC-PERP, whose unit is 1000 BONK"),
        ("BTC-USD-PERP", "It has BTC-USDT-PERP."),
        ("BTX-USDT-PERP", "Did you mean BTC-USDT-PERP?"),
    ],
)
def test_what_could_have_been_meant_is_named(spelling, words):
    """With the unit where that is what differs."""
    assert words in hint(KNOWN.values(), spelling)


def test_where_nothing_is_near_what_is_known_is_listed():
    """A few names and how many more there are."""
    rows = [market(f"A{n}-USDT-PERP") for n in range(20)]

    assert hint(rows, "§") == f"Known: {', '.join(sorted(r.symbol for r in rows)[:8])} and 12 more."
    assert hint([], "X") == ""


@pytest.mark.parametrize(
    "base, asset, units",
    [
        ("kPEPE", "PEPE", 1000),
        ("1000PEPE", "PEPE", 1000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("KAVA", "KAVA", 1),
        ("1INCH", "1INCH", 1),
        ("BTC", "BTC", 1),
        ("flx:kX", "flx:X", 1000),
    ],
)
def test_a_base_says_how_many_of_its_asset_it_is(base, asset, units):
    """As venues write it; names that only look so are assets of their own."""
    assert unit_of(base) == (asset, D(units))


def test_a_settlement_asset_is_no_dex():
    """What stands before the colon of a pair is the pair."""
    assert read_spelling("BTCUSDT:USDT").base == "BTC"
    assert read_spelling("xyz:NVDA").base == "XYZ:NVDA"
