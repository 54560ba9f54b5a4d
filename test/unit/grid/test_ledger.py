"""Parcels, results and fees of a grid, exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, Instrument, OrderSide
from core.services.grid.ledger import NOBODY, Ledger, split_fee


def ledger(side: OrderSide = OrderSide.BUY, contract: str = "1") -> Ledger:
    """An empty book with lots of 0.1."""
    instrument = Instrument(
        symbol="TEST-USDC-PERP",
        venue="paper",
        market_type=ExchangeType.PERPETUAL,
        base="TEST",
        quote="USDC",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.1"),
        contract_size=Decimal(contract),
    )
    return Ledger(instrument, side)


def test_the_oldest_parcel_is_closed_first():
    """Two purchases, a sale of one and a half: nothing is averaged."""
    book = ledger()
    book.open(1, Decimal(1), Decimal(100), Decimal("0.1"))
    book.open(1, Decimal(1), Decimal(90), Decimal("0.1"))

    assert book.close(1, Decimal("1.5"), Decimal(110), Decimal("0.2")) == 20
    assert book.account(1).parcels == [(Decimal("0.5"), Decimal(90))]
    assert book.unrealized(Decimal(100)) == 5
    assert book.fees == Decimal("0.4")


def test_a_short_earns_when_the_price_falls():
    """Signs follow the side of the entries, and contracts their size."""
    book = ledger(OrderSide.SELL, contract="10")
    book.open(1, Decimal(2), Decimal(100), Decimal(0))

    assert book.position == -2
    assert book.unrealized(Decimal(99)) == 20
    assert book.close(1, Decimal(2), Decimal(98), Decimal(0)) == 40


def test_closing_more_than_is_held_is_believed():
    """The excess is owed by the slot, and the next purchase makes up for it."""
    book = ledger()
    book.open(1, Decimal(1), Decimal(100), Decimal(0))
    book.close(1, Decimal(3), Decimal(110), Decimal(0))
    assert (book.position, book.realized) == (-2, 10)
    assert book.unrealized(Decimal(100)) == 20
    book.open(1, Decimal(2), Decimal(100), Decimal(0))

    assert book.position == 0
    assert book.realized + book.unrealized(Decimal(7)) == 30


def test_what_a_ladder_leaves_behind_belongs_to_nobody():
    """It stays in position and result."""
    book = ledger()
    book.open(3, Decimal("0.05"), Decimal(100), Decimal(0))
    book.disown()

    assert book.account(NOBODY).amount == Decimal("0.05")
    assert book.lots(NOBODY) == 0
    assert book.unrealized(Decimal(120)) == 1


def test_a_round_trip_is_net_of_both_legs():
    """And the next one begins at nothing."""
    book = ledger()
    book.open(1, Decimal(1), Decimal(100), Decimal("0.1"))
    book.close(1, Decimal(1), Decimal(102), Decimal("0.3"))

    assert book.book_round_trip(1) == Decimal("1.6")
    assert book.book_round_trip(1) == 0
    assert book.round_trips == 2


@pytest.mark.parametrize(
    "fee, shares",
    [("0.1", ["1", "1", "1"]), ("0.0000001", ["1", "2"]), ("-0.07", ["3", "4", "5"]), ("0", ["1"])],
)
def test_a_divided_fee_adds_up_to_itself(fee: str, shares: list[str]):
    """No digit is lost in the division."""
    parts = split_fee(Decimal(fee), [Decimal(share) for share in shares])

    assert len(parts) == len(shares)
    assert sum(parts) == Decimal(fee)
    assert all(len(str(part)) < 24 for part in parts)
