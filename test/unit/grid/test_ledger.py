"""Parcels, results and fees of a grid, exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import ExchangeType, Instrument, OrderSide
from core.services.grid.ledger import NOBODY, Ledger, split_fee

D = Decimal


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

    assert book.book_round_trip(1).net == Decimal("1.6")
    assert book.book_round_trip(1).net == 0
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


def two_sided() -> Ledger:
    """Level 1 buys first, level 2 sells first."""
    book = ledger()
    book.reverse([2])
    return book


def test_a_reversed_level_holds_a_short_position():
    """Sold at 100 and worth 101: a loss of one, and a position of minus one."""
    book = two_sided()
    book.open(2, D(1), D(100), D(0))

    assert book.position == -1
    assert book.unrealized(D(101)) == -1
    assert book.closing_side is OrderSide.BUY
    assert book.close(2, D(1), D(98), D(0)) == 2
    assert book.position == 0
    assert book.unrealized(D(50)) == 0


def test_what_both_sides_leave_behind_is_settled_against_each_other():
    """Bought at 99 and sold at 101, handed to nobody: two are earned and nothing is held."""
    book = two_sided()
    book.open(1, D(1), D(99), D(0))
    book.open(2, D(1), D(101), D(0))
    worth = book.realized + book.unrealized(D(95))
    book.disown()

    assert book.account(NOBODY).parcels == []
    assert book.realized == 2
    assert book.realized + book.unrealized(D(95)) == worth
    assert (book.held, book.cost) == (0, 0)


def test_a_loss_is_written_down_and_a_gain_is_left():
    """The result moves from unrealized to realized, and no more."""
    book = two_sided()
    book.open(1, D(2), D(99), D(0))
    book.open(2, D(1), D(101), D(0))
    worth = book.realized + book.unrealized(D(95))

    assert book.write_down(1, D(96)) == 6
    assert book.write_down(1, D(97)) == 0
    assert book.write_down(2, D(104)) == 3
    assert book.realized == -9
    assert book.realized + book.unrealized(D(95)) == worth


def test_a_level_is_given_what_nobody_holds():
    """Whole lots, oldest first, and the sums do not move."""
    book, lot = ledger(), D("0.1")
    book.open(0, 3 * lot, D(100), D(0))
    book.open(0, 3 * lot, D(101), D(0))
    before = (book.held, book.cost)

    assert book.endow(7, 4)
    assert book.account(7).parcels == [(3 * lot, D(100)), (lot, D(101))]
    assert book.lots(0) == 2
    assert book.endow(8, 9)
    assert book.lots(8) == 2
    assert not book.endow(9, 1)
    assert (book.held, book.cost) == before
