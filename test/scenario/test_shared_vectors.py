"""Acceptance vectors of what the apps beside the grid are built from."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.edge import directional_spread, net_spread
from core.domain.funding import per_8h, per_year
from core.domain.slippage import protected_price, slippage_ladder
from core.domain.stability import Quote, StabilityGate, Verdict
from core.domain.virtual_grid import virtual_apr

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("rate, hours", [("0.0000125", 1), ("0.00005", 4)])
def test_vector_17_funding_is_compared_per_eight_hours(rate: str, hours: int):
    """0.0000125 an hour and 0.00005 in four are both 0.0001 in eight, 10.95 % a year."""
    found = per_8h(Decimal(rate), hours * 3600)

    assert found == Decimal("0.0001")
    assert per_year(found) * 100 == Decimal("10.95")


def test_vector_18_a_virtual_grid():
    """Interval 0.5 %, width 10 %, fee 0.004 %, ten round trips an hour: 2172.48 % a year."""
    found = virtual_apr(Decimal("0.5"), Decimal(10), Decimal("0.004"), Decimal(10))

    assert found == Decimal("2172.48")


def test_vector_19_a_spread_has_a_direction():
    """99.99/100.01 here and 100.30/100.34 there: 0.290 % one way, a loss of 0.349 % the other."""
    there = directional_spread(Decimal("100.01"), Decimal("100.30"))
    back = directional_spread(Decimal("100.34"), Decimal("99.99"))

    assert (round(there * 100, 3), round(back * 100, 3)) == (Decimal("0.290"), Decimal("-0.349"))
    net = net_spread(Decimal("100.01"), Decimal("100.30"), Decimal("0.00045"), Decimal("0.0002"))
    assert round(net * 100, 3) == Decimal("0.225")


def quote(ask: str = "100.1") -> Quote:
    """A book with three units on one side and one on the other."""
    return Quote(bid=Decimal(100), ask=Decimal(ask), bid_amount=Decimal(3), ask_amount=Decimal(1))


@pytest.mark.parametrize("ratio, verdict", [(300, Verdict.GO), (301, Verdict.RESTART)])
def test_vector_21_a_gate_wants_a_ratio(ratio: int, verdict: Verdict):
    """Amounts of 3.0 and 1.0 are 300 %: enough for 300, not for 301."""
    gate = StabilityGate(duration_ns=3 * SECOND_NS, tolerance=Decimal(0), ratio=Decimal(ratio))
    assert gate.look(0, quote()) is Verdict.WAIT
    assert gate.look(2_900_000_000, quote("100.2")) is Verdict.RESTART
    assert gate.look(5_800_000_000, quote("100.2")) is Verdict.WAIT

    assert gate.look(5_900_000_000, quote("100.2")) is verdict


def test_vector_22_a_slippage_ladder_is_capped():
    """0.0002, then ten times, then the cap of 0.005 instead of 0.02."""
    found = slippage_ladder(Decimal("0.0002"), Decimal("0.005"))

    assert found == (Decimal("0.0002"), Decimal("0.002"), Decimal("0.005"))
    assert slippage_ladder(Decimal("0.0002"), Decimal(1))[-1] == Decimal("0.02")
    assert protected_price(Decimal(100), OrderSide.BUY, found[1]) == Decimal("100.2")
    assert protected_price(Decimal(100), OrderSide.SELL, found[1]) == Decimal("99.8")
