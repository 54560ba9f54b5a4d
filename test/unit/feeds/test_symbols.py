"""Venue spellings of symbols."""

import pytest

from core.adapters.exchanges.models import ExchangeType
from core.adapters.exchanges.symbols import Spelling, is_same_pair, read_market, read_spelling

PERP, SPOT, FUTURES = ExchangeType.PERPETUAL, ExchangeType.SPOT, ExchangeType.FUTURES


@pytest.mark.parametrize(
    "text, base, quote, market_type",
    [
        ("BTC-USDC-PERP", "BTC", "USDC", PERP),
        ("BTCUSDT", "BTC", "USDT", None),
        ("BTC/USDT", "BTC", "USDT", None),
        ("BTC/USDT:USDT", "BTC", "USDT", PERP),
        ("BTC/USD:BTC-240927", "BTC", "USD", FUTURES),
        ("BTC_USDC_PERP", "BTC", "USDC", PERP),
        ("BTC-USDT-SWAP", "BTC", "USDT", PERP),
        ("BTCUSD_PERP", "BTC", "USD", PERP),
        ("BTC", "BTC", None, None),
        ("BTC-PERPETUAL", "BTC", None, PERP),
        ("XBTUSD", "BTC", "USD", None),
        ("BNBUSD", "BNB", "USD", None),
        ("BTCBUSD", "BTC", "BUSD", None),
        ("ETHBTC", "ETH", "BTC", None),
        ("btc-usd", "BTC", "USD", None),
        ("1000PEPEUSDT", "1000PEPE", "USDT", None),
        ("kPEPE/USDC:USDC", "KPEPE", "USDC", PERP),
    ],
)
def test_a_spelling_is_read_by_base_quote_and_market(text, base, quote, market_type):
    """Every known way of writing a pair gives the same three parts."""
    assert read_spelling(text) == Spelling(base=base, quote=quote, market_type=market_type)


@pytest.mark.parametrize(
    "first, second, is_same",
    [
        ("BTC-USDT-PERP", "BTCUSDT", True),
        ("BTC-USDC-PERP", "BTC", True),
        ("BTC-USDC-PERP", "BTC/USDC:USDC", True),
        ("BTC-USDC-PERP", "BTCUSDT", False),
        ("BTC-USD-PERP", "BTCUSDC", False),
        ("ETH-USDT-SPOT", "ETH/USDT:USDT", True),
        ("ETH-USDT-SPOT", "BTCUSDT", False),
    ],
)
def test_pairs_match_by_base_and_quote(first, second, is_same):
    """USD, USDT and USDC are different quotes; a quote that is left out matches any."""
    assert is_same_pair(first, second) is is_same
    assert is_same_pair(second, first) is is_same


def test_a_market_word_names_a_market_or_nothing():
    """Venues' words for markets are known in any case; others are not guessed."""
    assert read_market("USDM") is PERP
    assert read_market("spot") is SPOT
    assert read_market("lounge") is None
