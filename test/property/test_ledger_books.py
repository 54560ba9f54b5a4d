"""Whatever is booked in whatever order: the ledger explains the account to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import ExchangeType, Instrument, OrderSide
from core.services.grid.ledger import EXACT, NOBODY, Ledger

INSTRUMENT = Instrument(
    symbol="TEST-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="TEST",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.1"),
    contract_size=Decimal("0.01"),
)
LEVELS = st.integers(0, 4)
AMOUNTS = st.integers(1, 40).map(lambda tenths: Decimal(tenths) / 10)
PRICES = st.integers(800, 1200).map(lambda ticks: Decimal(ticks) / 10)
FEES = st.integers(0, 30).map(lambda mills: Decimal(mills) / 1000)
DEALS = st.tuples(st.sampled_from(["open", "close", "buy", "sell"]), LEVELS, AMOUNTS, PRICES, FEES)
MOVES = st.tuples(
    st.sampled_from(
        ["leave", "endow", "lend", "write_down", "renumber", "disown", "trip", "crash"]
    ),
    st.integers(1, 4),
    AMOUNTS,
    PRICES,
    FEES,
)
STEPS = st.lists(st.one_of(DEALS, DEALS, MOVES), min_size=1, max_size=25)


class Account:
    """What the venue would say, from executions alone."""

    def __init__(self) -> None:
        self.cash = self.base = Decimal(0)

    def trade(self, signed: Decimal, price: Decimal, fee: Decimal) -> None:
        """An execution; positive for a purchase."""
        value = EXACT.multiply(EXACT.multiply(signed, price), INSTRUMENT.contract_size)
        self.cash = EXACT.subtract(EXACT.subtract(self.cash, value), fee)
        self.base += signed

    def worth(self, mark: Decimal) -> Decimal:
        """Cash and what is held, at a price."""
        held = EXACT.multiply(EXACT.multiply(self.base, mark), INSTRUMENT.contract_size)
        return EXACT.add(self.cash, held)


def deal(book: Ledger, account: Account, side: OrderSide, step: tuple[Any, ...]) -> None:
    """An execution: in the books and in the account."""
    kind, level, amount, price, fee = step
    sign = side.sign * book.account(level).sign
    if kind == "open":
        book.open(level, amount, price, fee)
    elif kind == "close":
        book.close(level, amount, price, fee)
        sign = -sign
    else:
        way = OrderSide.BUY if kind == "buy" else OrderSide.SELL
        book.reduce(level, amount, price, fee, way)
        sign = way.sign
    account.trade(sign * amount, price, fee)


def move(
    book: Ledger, side: OrderSide, reversed_levels: list[int], step: tuple[Any, ...]
) -> Ledger:
    """Something that no venue hears of."""
    kind, level, amount, price, _ = step
    if kind == "leave":
        book.leave(level)
    elif kind == "endow" and level not in reversed_levels:
        book.endow(level, int(amount * 10))
    elif kind == "lend" and level not in reversed_levels:
        book.lend(level, amount)
    elif kind == "write_down":
        assert book.write_down(level, price) >= 0
    elif kind == "renumber":
        book.renumber({1: 2, 2: 1})
        book.reverse(reversed_levels)
    elif kind == "disown":
        book.disown()
    elif kind == "trip":
        book.book_round_trip(level)
    elif kind == "crash":
        return restored(book, side, reversed_levels)
    return book


def restored(book: Ledger, side: OrderSide, reversed_levels: list[int]) -> Ledger:
    """A book read back from what the journal has of this one."""
    after = Ledger(INSTRUMENT, side)
    after.reverse(reversed_levels)
    after.restore_totals(book.dump_totals())
    for level in sorted(book.accounts):
        kept = book.dump_account(level)
        assert kept is not None
        after.restore_account(level, *kept)
    assert {level: after.dump_account(level) for level in after.accounts} == {
        level: book.dump_account(level) for level in book.accounts
    }
    assert (after.held, after.cost) == (book.held, book.cost)
    return after


@given(st.sampled_from(OrderSide), st.sampled_from([[], [1, 2]]), STEPS)
def test_the_ledger_explains_the_account(
    side: OrderSide, reversed_levels: list[int], steps: list[tuple[Any, ...]]
):
    """Realised, unrealised and fees are its change of worth at any price; positions are its base.

    A crash at any time changes nothing, and what the levels hold adds up to the whole.
    """
    book, account = Ledger(INSTRUMENT, side), Account()
    book.reverse(reversed_levels)
    for step in steps:
        if step[0] in {"open", "close", "buy", "sell"}:
            deal(book, account, side, step)
        else:
            book = move(book, side, reversed_levels, step)
        for mark in (Decimal(70), Decimal("101.3"), step[3]):
            told = EXACT.subtract(EXACT.add(book.realized, book.unrealized(mark)), book.fees)
            assert told == account.worth(mark)
        assert book.position == account.base
        parts = [item.sign * item.amount for item in book.accounts.values()]
        assert sum(parts, Decimal(0)) == book.held
        for item in book.accounts.values():
            assert item.amount == sum((parcel[0] for parcel in item.parcels), Decimal(0))
        profits = [book.profit_of(level, Decimal(95)) for level in book.accounts]
        assert sum((profit.holds for profit in profits), Decimal(0)) == account.base
        assert sum((profit.realized for profit in profits), Decimal(0)) == book.realized
        assert sum((profit.fees for profit in profits), Decimal(0)) == book.fees
        open_results = sum((profit.unrealized for profit in profits), Decimal(0))
        assert open_results == book.unrealized(Decimal(95))


@given(STEPS)
def test_what_could_be_closed_is_never_more_than_what_is_held(steps: list[tuple[Any, ...]]):
    """Of no level, and only from the side that takes away."""
    book, account = Ledger(INSTRUMENT, OrderSide.BUY), Account()
    for step in steps:
        if step[0] in {"open", "close", "buy", "sell"}:
            deal(book, account, OrderSide.BUY, step)
    for level, item in book.accounts.items():
        assert book.closable(level, OrderSide.SELL) == max(item.amount, Decimal(0))
        assert book.closable(level, OrderSide.BUY) == max(-item.amount, Decimal(0))
        assert book.profit_of(level, None).unrealized == 0
    assert book.lots(NOBODY + 9) == 0
