"""How the adapter for IBKR is found, addressed and made."""

import sys

import pytest

from core.adapters.exchanges.models import ExchangeType
from core.errors import ConfigError, ExtraMissing
from core.infrastructure.clock import WallClock
from core.wiring import configuration, venues


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Writes an address of TWS into the user's own configuration."""
    monkeypatch.setenv("CTOS_HOME", str(tmp_path))

    def write(url):
        folder = tmp_path / "exchanges"
        folder.mkdir()
        (folder / "ibkr.yaml").write_text(f"exchange:\n  urls:\n    tws: {url}\n")

    return write


def test_the_address_of_the_configuration_is_dialled(address):
    """Host, port and client id of `urls.tws`."""
    address("tcp://127.0.0.1:4002?client_id=9")
    exchange = venues.factory().create("ibkr", venues.Opening(clock=WallClock()))

    assert (exchange.place.host, exchange.place.port, exchange.place.client_id) == (
        "127.0.0.1",
        4002,
        9,
    )


def test_an_address_of_another_kind_is_refused(address):
    """TWS speaks no HTTP."""
    address("http://127.0.0.1:4002")

    with pytest.raises(ConfigError, match="tcp://"):
        venues.factory().create("ibkr", venues.Opening(clock=WallClock()))


def test_without_the_library_one_line_says_what_to_install(address, monkeypatch):
    """The registry itself needs nothing."""
    address("tcp://127.0.0.1:4002")
    for name in ("ib_async", "ib_insync"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "ibkr" in venues.factory().names

    with pytest.raises(ExtraMissing, match=r"ctos\[ibkr\]"):
        venues.factory().create("ibkr", venues.Opening(clock=WallClock()))


@pytest.mark.parametrize(
    "spelling, symbol, kind",
    [
        ("NVDA-USD-SPOT", "NVDA-USD-SPOT", ExchangeType.STOCK),
        ("EURUSD", "EUR-USD-SPOT", ExchangeType.SPOT),
        ("EUR.USD", "EUR-USD-SPOT", ExchangeType.SPOT),
    ],
)
def test_the_examples_are_found(spelling, symbol, kind):
    """A stock and a pair, by our spelling, in one word, and by IBKR's."""
    found = configuration.find_instrument("ibkr", spelling, {})

    assert (found.symbol, found.market_type) == (symbol, kind)
    assert found.is_spot
