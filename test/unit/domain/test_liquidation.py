"""Liquidation prices and order costs against figures that venues have published."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.liquidation import (
    cross_collateral,
    initial_margin,
    liquidation_price,
    maintenance_rate_of,
    order_cost,
)

LONG, SHORT = OrderSide.BUY, OrderSide.SELL


def test_binance_isolated_with_a_tier() -> None:
    """PUB-L01: a long of 3,683.979 at 1,456.84 in the 10 % tier."""
    price = liquidation_price(
        LONG,
        Decimal("3683.979"),
        Decimal("1456.84"),
        collateral=Decimal("1535443.01"),
        maintenance_rate=Decimal("0.1"),
        deduction=Decimal(135365),
    )

    assert price == pytest.approx(Decimal("1114.78"), abs=Decimal("0.005"))


def test_binance_cross_counts_the_other_position() -> None:
    """PUB-L02: the other position's maintenance margin and open loss come off the balance."""
    collateral = cross_collateral(
        Decimal("1535443.01"),
        other_maintenance=Decimal("356512.508"),
        other_pnl=Decimal("-448192.89"),
    )
    price = liquidation_price(
        LONG,
        Decimal("109.488"),
        Decimal("32481.98"),
        collateral=collateral,
        maintenance_rate=Decimal("0.025"),
        deduction=Decimal(16300),
    )

    assert price == pytest.approx(Decimal("26316.89"), abs=Decimal("0.005"))


@pytest.mark.parametrize(
    "side, entry, amount, expected",
    [
        (SHORT, "10", "1", "11.891089"),
        (SHORT, "8", "1", "9.514851"),
        (LONG, "10", "1", "8.070707"),
        (LONG, "10", "0.6", "8.063973"),
    ],
)
def test_binance_isolated_at_five_times(
    side: OrderSide, entry: str, amount: str, expected: str
) -> None:
    """PUB-L03: margin of one fifth, a rate of 1 % and a deduction of 0.01."""
    size, at = Decimal(amount), Decimal(entry)
    price = liquidation_price(
        side,
        size,
        at,
        collateral=initial_margin(size, at, Decimal(5)),
        maintenance_rate=Decimal("0.01"),
        deduction=Decimal("0.01"),
    )

    assert price == pytest.approx(Decimal(expected), abs=Decimal("1e-6"))


@pytest.mark.parametrize(
    "side, leverage, expected", [(SHORT, 5, "11.8741342"), (LONG, 3, "6.7380904")]
)
def test_gate_and_okx_count_the_closing_fee(side: OrderSide, leverage: int, expected: str) -> None:
    """PUB-L04: the taker fee of 0.06 % is part of what must be covered."""
    price = liquidation_price(
        side,
        Decimal(1),
        Decimal(10),
        collateral=initial_margin(Decimal(1), Decimal(10), Decimal(leverage)),
        maintenance_rate=Decimal("0.01") + Decimal("0.0006"),
    )

    assert price == pytest.approx(Decimal(expected), abs=Decimal("1e-6"))


def test_bybit_linear() -> None:
    """PUB-L05: margin 400, maintenance 100 on the entry's value, liquidated 300 below the entry."""
    margin = initial_margin(Decimal(1), Decimal(20_000), Decimal(50))
    maintenance = Decimal(20_000) * Decimal("0.005")
    price = liquidation_price(
        LONG,
        Decimal(1),
        Decimal(20_000),
        collateral=margin - maintenance,
        maintenance_rate=Decimal(0),
    )

    assert (margin, maintenance, price) == (400, 100, 19_700)


LARGEST = {"BTC": 50, "ETH": 50, "SOL": 20, "DOGE": 20, "XYZ-AAPL": 10}


@pytest.mark.parametrize(
    "symbol, entry, side, size, collateral, expected",
    [
        ("ETH", "2458.5", LONG, ".015", "36.864593", "0.86915825"),
        ("SOL", "146.82", LONG, ".16", "23.482979", "0.05269872"),
        ("ETH", "2459.5", LONG, ".0199", "24.454895", "1243.0411908"),
        ("DOGE", ".11586", LONG, "437", "25.29769", "0.05945697"),
        ("SOL", "155.89", SHORT, ".32", "24.924941", "228.07847866"),
        ("BTC", "68595", SHORT, ".00069", "23.64871", "101849.99354283"),
        ("SOL", "173.06", LONG, ".6", "20.735658", "142.05186667"),
        ("BTC", "67400", SHORT, ".00031", "20.887308", "133443.97317151"),
        ("BTC", "66930", LONG, ".0015", "20.043862", "54108.51043771"),
        ("ETH", "2521.9", LONG, ".0237", "19.902091", "1699.14071943"),
        ("SOL", "178.29", SHORT, ".11", "19.605036", "347.82205322"),
        ("SOL", "173.08", SHORT, ".33", "19.01881", "225.08561715"),
        ("ETH", "2518.4", SHORT, ".007", "17.62263", "4986.05799151"),
        ("DOGE", ".13284", LONG, "360", "15.943218", "0.09082388"),
        ("BTC", "67141", LONG, ".00067", "14.979079", "45236.52992613"),
        ("XYZ-AAPL", "250", LONG, ".5", "25.0", "210.5263157895"),
    ],
)
def test_hyperliquid_isolated(
    symbol: str, entry: str, side: OrderSide, size: str, collateral: str, expected: str
) -> None:
    """PUB-L06 to L21: sixteen real positions, to one part in ten thousand."""
    price = liquidation_price(
        side,
        Decimal(size),
        Decimal(entry),
        collateral=Decimal(collateral),
        maintenance_rate=maintenance_rate_of(Decimal(LARGEST[symbol])),
    )

    assert price == pytest.approx(Decimal(expected), rel=Decimal("1e-4"))


def test_order_cost() -> None:
    """PUB-L22: one BTC at 50,000 and ten times costs 5,000 + 20 + 18."""
    cost = order_cost(
        LONG, Decimal(1), Decimal(50_000), leverage=Decimal(10), fee_rate=Decimal("0.0004")
    )

    assert cost == 5_038


def test_a_position_that_nothing_can_liquidate() -> None:
    """A long with more collateral than its value has no liquidation price."""
    price = liquidation_price(
        LONG, Decimal(1), Decimal(100), collateral=Decimal(101), maintenance_rate=Decimal("0.01")
    )

    assert price is None
    assert (
        liquidation_price(
            LONG, Decimal(0), Decimal(1), collateral=Decimal(1), maintenance_rate=Decimal(0)
        )
        is None
    )
