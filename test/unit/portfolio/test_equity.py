"""What an account is worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import BalanceData, ExchangeType, Instrument
from core.services.portfolio.equity import account_equity, max_drawdown
from core.services.portfolio.snapshot import EquityPoint

START = datetime(2026, 1, 1, tzinfo=UTC)


def instrument(market_type: ExchangeType) -> Instrument:
    """The test instrument on a kind of market."""
    return Instrument(
        symbol="BTC-USDC-X",
        venue="paper",
        market_type=market_type,
        base="BTC",
        quote="USDC",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
    )


def balance(asset: str, total: str, equity: str | None = None) -> BalanceData:
    """One asset, all of it free."""
    return BalanceData(
        venue="paper",
        asset=asset,
        total=Decimal(total),
        free=Decimal(total),
        equity=None if equity is None else Decimal(equity),
    )


def test_a_margined_account_is_worth_what_the_venue_says() -> None:
    """Equity, which includes open results, wins over the total."""
    worth = account_equity(
        [balance("USDC", "100", "93.5")], instrument(ExchangeType.PERPETUAL), Decimal(7)
    )

    assert worth == Decimal("93.5")


def test_a_spot_account_is_worth_its_cash_and_its_base_at_mark() -> None:
    """Base is valued at the mark price, exactly."""
    worth = account_equity(
        [balance("USDC", "100"), balance("BTC", "0.5")],
        instrument(ExchangeType.SPOT),
        Decimal("200.2"),
    )

    assert worth == Decimal("200.1")


def test_a_spot_holding_without_a_mark_has_no_worth_yet() -> None:
    """Unknown is not zero."""
    balances = [balance("USDC", "100"), balance("BTC", "0.5")]

    assert account_equity(balances, instrument(ExchangeType.SPOT), None) is None


@pytest.mark.parametrize(
    "line, deepest",
    [([100], None), ([100, 110, 99, 120], Decimal("0.1")), ([100, 101], Decimal(0))],
)
def test_drawdown_is_the_deepest_fall_from_a_high(line: list[int], deepest: Decimal | None) -> None:
    """It is a fraction of the high it fell from."""
    points = [
        EquityPoint(at=START + timedelta(minutes=index), equity=Decimal(equity))
        for index, equity in enumerate(line)
    ]

    assert max_drawdown(points) == deepest
