"""Markets by the spelling of their names: what a recording that lists none is about."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.ccxt.client import exchange_class
from core.adapters.exchanges.ccxt.spelling import Markets, guess
from core.adapters.exchanges.ccxt.table import row_of


@pytest.fixture
def client():
    """Makes ccxt's object of a venue, which knows no market."""

    def make(name):
        made = exchange_class(row_of(name))({})
        made.set_markets([])
        made.markets_by_id = Markets(made, {}, is_by_id=True)
        made.markets = Markets(made, {}, is_by_id=False)
        return made

    return make


@pytest.mark.parametrize(
    "venue, key, symbol",
    [
        ("kraken", "XBTUSDT", "BTC/USDT"),
        ("kraken", "BTC/USD", "BTC/USD"),
        ("bitget", "CULTUSDT", "CULT/USDT"),
        ("bitget", "BTCUSDT_SPBL", "BTC/USDT"),
        ("gate", "QTUM3S_USDT", "QTUM3S/USDT"),
        ("kucoin", "ANKR-BTC", "ANKR/BTC"),
        ("kucoin", "ETHUSDTM", "ETH/USDT:USDT"),
        ("kucoin", "XBTUSDM", "BTC/USD:BTC"),
        ("krakenfutures", "PF_ETHUSD", "ETH/USD:USDC"),
        ("krakenfutures", "PI_XBTUSD", "BTC/USD:BTC"),
        ("deribit", "BTC-PERPETUAL", "BTC/USD:BTC"),
        ("deribit", "ETH_USDC-PERPETUAL", "ETH/USDC:USDC"),
        ("derive", "ETH-PERP", "ETH/USD:USDC"),
        ("binance", "BNBUSDT", "BNB/USDT"),
        ("binance", "BNBUSD", "BNB/USD"),
    ],
)
def test_a_name_says_base_quote_and_kind(venue, key, symbol, client):
    """A perpetual settles in its base where its name says so, else in its quote."""
    found = guess(client(venue), key)

    assert (found["symbol"], found["id"]) == (symbol, key)
    assert (found["swap"], found["spot"]) == (":" in symbol, ":" not in symbol)
    if found["swap"]:
        assert found["inverse"] is (found["settle"] == found["base"])
        assert found["linear"] is not found["inverse"]


@pytest.mark.parametrize("key", ["", "B", "BTC", "BTC-CS-19MAY26-70000_75000", "<html>", "a" * 90])
def test_a_text_that_names_no_pair_is_none(key, client):
    """An asset alone, a strategy of options, a page of HTML."""
    assert guess(client("deribit" if "-CS-" in key else "kraken"), key) is None


def test_ccxt_finds_a_guessed_market_by_either_name(client):
    """By the venue's name and by its own; what is no symbol is in neither list."""
    made = client("kraken")

    assert made.safe_symbol("XBTUSDT") == "BTC/USDT"
    assert made.market("BTC/USDT")["id"] == "XBTUSDT"
    assert made.market("ETH/EUR")["base"] == "ETH"
    assert 7 not in made.markets_by_id
    assert "ETH/EUR:EUR" not in made.markets
    with pytest.raises(KeyError):
        made.markets_by_id["B"]
