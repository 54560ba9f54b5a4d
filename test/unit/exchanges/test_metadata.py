"""Rules of instruments that venues told, kept with their age."""

import stat
from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.metadata import FRESH_S, Shelf, changes, filled
from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument
from core.testing.clock import ManualClock

D = Decimal
BTC = Instrument(
    symbol="BTC-USDC-PERP",
    venue="hyperliquid",
    market_type=ExchangeType.PERPETUAL,
    base="BTC",
    quote="USDC",
    venue_symbol="BTC",
    tick_size="0.1",
    lot_size="0.00001",
    min_notional="10",
    max_leverage="40",
    funding_interval_s=3600,
)
PEPE = replace(
    BTC, symbol="kPEPE-USDC-PERP", base="kPEPE", venue_symbol="kPEPE", tick_size=D("1E-7")
)
SPOT = replace(
    BTC,
    symbol="HYPE-USDC-SPOT",
    base="HYPE",
    market_type=ExchangeType.SPOT,
    fee_asset=FeeAsset.BASE,
    maker_fee=D("-0.0001"),
    max_amount=D("100000"),
)


@pytest.fixture
def clock():
    """Stands until it is moved."""
    return ManualClock()


@pytest.fixture
def shelf(tmp_path, clock):
    """An empty one."""
    return Shelf(tmp_path / "instruments", clock)


def test_what_was_put_comes_back_field_by_field(shelf, clock):
    """Decimals to the digit, kinds, unknowns, and the moment."""
    shelf.put("hyperliquid", [BTC, PEPE, SPOT])

    rules = shelf.rules("hyperliquid")
    assert [item.instrument for item in rules.values()] == [BTC, SPOT, PEPE]
    assert {item.at_ns for item in rules.values()} == {clock.now_ns()}
    assert shelf.rules("binance") == {}


def test_rules_grow_old(shelf, clock):
    """Half an hour; a clock that was put back makes nothing young."""
    shelf.put("hyperliquid", [BTC])
    (kept,) = shelf.rules("hyperliquid").values()

    assert kept.is_fresh(clock.now_ns())
    assert not kept.is_fresh(clock.now_ns() + round(FRESH_S * 1e9))
    assert not kept.is_fresh(clock.now_ns() - 1)


def test_a_loading_replaces_its_own_symbols_alone(shelf, clock):
    """A venue that is asked symbol by symbol keeps what was told before, with its age."""
    shelf.put("hyperliquid", [BTC, SPOT])
    before_ns = clock.now_ns()
    clock.advance(60)
    shelf.put("hyperliquid", [replace(BTC, tick_size=D(1))])

    rules = shelf.rules("hyperliquid")
    assert rules[BTC.symbol].instrument.tick_size == 1
    assert rules[BTC.symbol].at_ns > before_ns
    assert rules[SPOT.symbol].at_ns == before_ns


def test_only_the_owner_reads_it(shelf, tmp_path):
    """As everything in the home."""
    shelf.put("hyperliquid", [BTC])

    (path,) = (tmp_path / "instruments").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff\x00", b'[{"at_ns": 1}]']
)
def test_a_file_that_makes_no_sense_is_no_file(shelf, tmp_path, content):
    """It is left out, and the next loading writes it anew."""
    folder = tmp_path / "instruments"
    folder.mkdir()
    (folder / "hyperliquid.json").write_bytes(content)
    assert shelf.rules("hyperliquid") == {}

    shelf.put("hyperliquid", [BTC])
    assert list(shelf.rules("hyperliquid")) == [BTC.symbol]


@pytest.mark.parametrize(
    "change",
    [
        {"venue_symbol": "../../etc/passwd\n"},
        {"venue_symbol": "x" * 500},
        {"tick_size": D("1E-30")},
        {"min_notional": D("1E+40")},
    ],
)
def test_rules_out_of_bounds_are_not_kept(shelf, change):
    """Names that are traps, and numbers with a million digits; the rest of the loading is."""
    shelf.put("hyperliquid", [replace(BTC, **change), SPOT])

    assert list(shelf.rules("hyperliquid")) == [SPOT.symbol]


def test_a_venue_s_name_leads_to_no_other_folder(shelf, tmp_path):
    """Whatever it is made of."""
    shelf.put("../../evil", [replace(BTC, venue="../../evil")])

    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "instruments"]


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path, clock, caplog):
    """A file stands where the folder should be: it is logged, and trading goes on."""
    (tmp_path / "instruments").write_text("")
    shelf = Shelf(tmp_path / "instruments", clock)

    shelf.put("hyperliquid", [BTC])
    assert shelf.rules("hyperliquid") == {}
    assert "metadata.unwritten" in caplog.text


def test_what_a_list_leaves_out_is_as_shipped():
    """Fees, leverage and the price at which a simulation starts; rules are the venue's."""
    told = replace(BTC, max_leverage=D(20), funding_interval_s=None, tick_size=D(1))
    shipped = replace(BTC, maker_fee=D("0.00015"), reference_price=D(118_000))

    found = filled(told, shipped)
    assert (found.tick_size, found.max_leverage) == (1, 40)
    assert (found.maker_fee, found.reference_price) == (D("0.00015"), 118_000)
    assert filled(told, None) is told


def test_changes_are_told_in_words():
    """Only of what an order must keep to."""
    after = replace(BTC, tick_size=D("0.5"), max_amount=D(7), maker_fee=D(0))

    assert changes(BTC, after) == ("tick_size was 0.1 and is 0.5, max_amount was none and is 7")
    assert changes(BTC, replace(BTC, maker_fee=D(0))) == ""
