"""Canonical symbols."""

import pytest

from core.adapters.exchanges.models import ExchangeType
from core.domain.symbol import Symbol


@pytest.mark.parametrize(
    "text, base, quote, market_type",
    [
        ("BTC-USDC-PERP", "BTC", "USDC", ExchangeType.PERPETUAL),
        ("ETH-USDT-SPOT", "ETH", "USDT", ExchangeType.SPOT),
        ("kPEPE-USDC-PERP", "kPEPE", "USDC", ExchangeType.PERPETUAL),
        ("NVDA-USD-STOCK", "NVDA", "USD", ExchangeType.STOCK),
    ],
)
def test_a_symbol_is_its_parts_and_back(text, base, quote, market_type):
    """Parsing and formatting are each other's reverse."""
    symbol = Symbol.parse(text)

    assert symbol == Symbol(base=base, quote=quote, market_type=market_type)
    assert str(symbol) == text


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("BTCUSDT", "expected BASE-QUOTE-TYPE"),
        ("BTC-USDC", "expected BASE-QUOTE-TYPE"),
        ("BTC-USDC-SWAP", "'SWAP' is none of SPOT, PERP"),
        ("BTC-usdc-PERP", "write the quote in capitals"),
        ("-USDC-PERP", "'' is no asset name"),
        ("B TC-USDC-PERP", "'B TC' is no asset name"),
    ],
)
def test_what_is_no_symbol_is_refused_with_the_reason(text, complaint):
    """A text that is no canonical symbol says what is wrong with it."""
    with pytest.raises(ValueError, match=complaint):
        Symbol.parse(text)
