"""Spot grids against figures that venues have published."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument, Liquidity, OrderSide
from core.domain.fees import fee_of
from core.domain.grid_sizing import amount_of_investment, sides_around
from core.services.grid.ladder import build_ladder
from core.services.grid.ledger import Ledger
from core.services.grid.settings import GridSettings, GridType
from core.services.grid.spacing import interval_of, ratio_of

LINES = [Decimal(45_000 + step * 4_000) for step in range(6)]
PRICE, INVESTED = Decimal(54_000), Decimal(23_610)
SPOT = Instrument(
    symbol="BTC-USDT-SPOT",
    venue="paper",
    market_type=ExchangeType.SPOT,
    base="BTC",
    quote="USDT",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.00000001"),
    maker_fee=Decimal("0.001"),
    taker_fee=Decimal("0.001"),
    fee_asset=FeeAsset.BASE,
)


def bought_and_left() -> tuple[Decimal, Decimal]:
    """Amount of each buy, and what of it arrives after the fee."""
    amount = amount_of_investment(INVESTED, LINES, PRICE)
    fee = fee_of(SPOT, OrderSide.BUY, Decimal(53_000), amount, Liquidity.MAKER)
    return amount, amount - fee.amount


def test_an_investment_is_spread_over_the_lines() -> None:
    """PUB-G01: 23,610 between 45,000 and 65,000 in five steps at a price of 54,000."""
    rests = [(side.value, int(line)) for side, line in sides_around(LINES, PRICE)]
    bought, left = bought_and_left()

    assert interval_of(Decimal(45_000), Decimal(65_000), 5, Decimal("0.01")) == 4_000
    assert rests == [
        ("buy", 45_000),
        ("buy", 49_000),
        ("buy", 53_000),
        ("sell", 61_000),
        ("sell", 65_000),
    ]
    assert bought == pytest.approx(Decimal("0.08795882"), abs=Decimal("1e-8"))
    assert left == pytest.approx(Decimal("0.08787086"), abs=Decimal("1e-8"))


def test_one_round_trip_of_it() -> None:
    """PUB-G02: bought at 53,000 with the fee in base, sold at 57,000: 341.81."""
    bought, left = bought_and_left()
    ledger = Ledger(SPOT, OrderSide.BUY)
    ledger.open(1, left, Decimal(53_000), (bought - left) * 53_000)
    sold = fee_of(SPOT, OrderSide.SELL, Decimal(57_000), left, Liquidity.MAKER)
    ledger.close(1, left, Decimal(57_000), sold.amount)

    assert ledger.realized - ledger.fees == pytest.approx(Decimal("341.81"), abs=Decimal("0.01"))


def test_a_geometric_grid() -> None:
    """PUB-G03: 20,000 to 30,000 in five steps, each 1.08447 times the one below."""
    ratio = ratio_of(Decimal(20_000), Decimal(30_000), 5)
    settings = GridSettings(
        instrument=SPOT,
        grid_type=GridType.LONG,
        grid_interval=Decimal(0),
        grid_ratio=ratio,
        grid_count=5,
        order_amount=Decimal("0.01"),
        lower_price=Decimal(20_000),
        upper_price=Decimal(30_000),
        price_step=SPOT.tick_size,
        amount_step=SPOT.lot_size,
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
    )
    ladder = build_ladder(settings)
    prices = [SPOT.price(ladder.entry_price(level)) for level in range(2, 6)]

    assert round(ratio, 5) == Decimal("1.08447")
    assert prices == [Decimal(text) for text in ("21689.44", "23521.58", "25508.49", "27663.24")]
