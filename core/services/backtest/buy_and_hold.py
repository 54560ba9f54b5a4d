"""What the same money would have done, had it bought at the first price and waited."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.adapters.exchanges.models import Instrument
from core.domain.funding import funding_payment
from core.domain.position import MONEY, ZERO
from core.domain.worth import Worth
from core.services.backtest.curve import Mark
from core.services.ports import FundingRow


def hold(  # what a purchase needs
    instrument: Instrument,
    money: Decimal,
    price: Decimal,
    at_ns: int,
    settlements: Sequence[FundingRow] = (),
    marks: Sequence[Mark | None] = (),
) -> tuple[list[Worth], Decimal]:
    """What is held over time, and the value that was traded.

    As many lots as the money buys at the first price with the taker's fee; the rest stays cash.
    Funding is paid on a perpetual as on any position.

    Args:
        instrument: What is bought.
        money: All of it, quote.
        price: The first mark.
        at_ns: Its time.
        settlements: Funding from then on.
        marks: The mark at each settlement; None skips it.
    """
    fee_rate = instrument.taker_fee or ZERO
    of_one = MONEY.multiply(price, instrument.contract_size)
    cost = MONEY.multiply(of_one, 1 + fee_rate)
    amount = ZERO
    if cost > 0 and money > 0:
        amount = MONEY.multiply((money / cost) // instrument.lot_size, instrument.lot_size)
    traded = MONEY.multiply(amount, of_one)
    cash = MONEY.subtract(money, MONEY.multiply(amount, cost))
    held = [Worth(-1, -1, money, ZERO), Worth(at_ns, 0, cash, amount)]
    for due, mark in zip(settlements, marks, strict=False):
        if mark is not None and amount and due.ts_ns > at_ns:
            paid = funding_payment(amount, mark.price, due.rate, instrument.contract_size)
            cash = MONEY.add(cash, paid)
            held.append(Worth(due.ts_ns, mark.row, cash, amount))
    return held, traded
