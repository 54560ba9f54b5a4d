"""The money of one grid, slot by slot, exact to the last digit.

Each slot holds parcels: an amount and the price it was executed at, oldest first. Closing takes the
oldest parcels and books `±(exit price - entry price) · amount` at once, before fees. Nothing is
averaged and nothing is divided, so that at every moment

    change of equity = realized + unrealized - fees + funding        (residual exactly 0)

A fee taken out of what was bought (spot) leaves the parcel smaller by the base amount and is booked
as a fee at the execution's price. What is too small to be sold stays in its slot as dust.

Level 0 is nobody's: what earlier ladders left behind and could not close.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import Final

from core.adapters.exchanges.models import Instrument, OrderSide, plain

EXACT: Final = Context(prec=100)
"""Wide enough that sums and products of prices, amounts and rates are never rounded."""
ZERO: Final = Decimal(0)
NOBODY: Final = 0


class Account:
    """What one slot holds, and what its round trip has earned so far."""

    __slots__ = ("amount", "parcels", "trip_fees", "trip_gross")

    def __init__(self) -> None:
        self.amount = ZERO
        """Base units held, the sum of the parcels."""
        self.parcels: list[tuple[Decimal, Decimal]] = []
        """(amount, execution price), oldest first."""
        self.trip_gross = ZERO
        """Realised since the last round trip was booked."""
        self.trip_fees = ZERO
        """Fees since then."""


class Ledger:
    """Positions, results and fees of one grid.

    Args:
        instrument: Its lot and contract size.
        entry_side: BUY where entries open a long, SELL where they open a short.
    """

    def __init__(self, instrument: Instrument, entry_side: OrderSide) -> None:
        self._lot = instrument.lot_size
        self._contract = instrument.contract_size
        self._sign = Decimal(entry_side.sign)
        self.accounts: dict[int, Account] = {}
        """Level -> what it holds; `NOBODY` for what belongs to no level."""
        self.held = ZERO
        """Base units over all accounts, unsigned: long and short grids alike open with +."""
        self.cost = ZERO
        """Sum of price times amount over all parcels."""
        self.realized = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.fills = 0
        self.round_trips = 0

    # -- reading ------------------------------------------------------------------------------

    @property
    def position(self) -> Decimal:
        """Signed base units, long positive: the sum of our own fills."""
        return self._sign * self.held

    @property
    def average_entry(self) -> Decimal | None:
        """Mean price of what is held; a display value, never used to reckon."""
        return None if self.held == 0 else self.cost / self.held

    def unrealized(self, mark: Decimal | None) -> Decimal:
        """Open result at a mark price; 0 without one."""
        if mark is None:
            return ZERO
        value = EXACT.subtract(EXACT.multiply(mark, self.held), self.cost)
        return EXACT.multiply(EXACT.multiply(self._sign, value), self._contract)

    def account(self, level: int) -> Account:
        """The account of a level, made when first asked for."""
        found = self.accounts.get(level)
        if found is None:
            found = self.accounts[level] = Account()
        return found

    def lots(self, level: int) -> int:
        """Whole lots that a level holds; what is less than a lot cannot be traded."""
        found = self.accounts.get(level)
        return 0 if found is None or not found.amount else int(found.amount // self._lot)

    def total_lots(self) -> int:
        """Whole lots of everything held."""
        return int(self.held // self._lot)

    # -- booking ------------------------------------------------------------------------------

    def open(self, level: int, amount: Decimal, price: Decimal, fee: Decimal) -> None:
        """Books an execution that opens: `amount` is what arrived, after a fee taken in base."""
        account = self.account(level)
        account.parcels.append((amount, price))
        account.amount = EXACT.add(account.amount, amount)
        account.trip_fees = EXACT.add(account.trip_fees, fee)
        self.held = EXACT.add(self.held, amount)
        self.cost = EXACT.fma(amount, price, self.cost)
        self.fees = EXACT.add(self.fees, fee)

    def close(self, level: int, amount: Decimal, price: Decimal, fee: Decimal) -> Decimal:
        """Books an execution that closes, oldest parcels first.

        Closing more than is held is believed, as the venue's word is: the excess is a parcel of
        negative amount, which the next opening makes up for.

        Returns:
            The result, before fees.
        """
        account = self.account(level)
        difference, removed = self._take(account, amount, price)
        account.amount = EXACT.subtract(account.amount, amount)
        self.held = EXACT.subtract(self.held, amount)
        self.cost = EXACT.subtract(self.cost, removed)
        gross = EXACT.multiply(EXACT.multiply(self._sign, difference), self._contract)
        account.trip_gross = EXACT.add(account.trip_gross, gross)
        account.trip_fees = EXACT.add(account.trip_fees, fee)
        self.realized = EXACT.add(self.realized, gross)
        self.fees = EXACT.add(self.fees, fee)
        return gross

    def book_round_trip(self, level: int) -> Decimal:
        """Counts a round trip and gives its result after the fees of both legs."""
        account = self.account(level)
        result = EXACT.subtract(account.trip_gross, account.trip_fees)
        account.trip_gross = account.trip_fees = ZERO
        self.round_trips += 1
        return result

    def drop_trip_if_flat(self, level: int) -> None:
        """Forgets a round trip that was cut short: its result is realised, it was none."""
        account = self.account(level)
        if not account.amount:
            account.trip_gross = account.trip_fees = ZERO

    def book_funding(self, amount: Decimal) -> None:
        """Books a settlement; positive is received."""
        self.funding = EXACT.add(self.funding, amount)

    def disown(self) -> None:
        """Hands what every level still holds to nobody, before a new ladder takes the levels."""
        rest = self.account(NOBODY)
        for level in sorted(self.accounts):
            if level != NOBODY:
                rest.parcels.extend(self.accounts[level].parcels)
                rest.amount = EXACT.add(rest.amount, self.accounts[level].amount)
        self.accounts = {NOBODY: rest} if rest.parcels else {}

    def _take(self, account: Account, amount: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
        """Removes parcels; the sum of (price - entry) times amount, and the cost that left."""
        difference = removed = ZERO
        parcels = account.parcels
        while parcels and amount > 0:
            held, entry = parcels[0]
            used = min(held, amount)
            difference = EXACT.fma(EXACT.subtract(price, entry), used, difference)
            removed = EXACT.fma(used, entry, removed)
            amount = EXACT.subtract(amount, used)
            if used == held:
                parcels.pop(0)
            else:
                parcels[0] = (EXACT.subtract(held, used), entry)
        if amount > 0:
            parcels.append((-amount, price))
            removed = EXACT.fma(amount, price, removed)
        return difference, removed

    # -- persistence --------------------------------------------------------------------------

    def dump_totals(self) -> list[str | int]:
        """The sums, as they go to the journal."""
        return [
            plain(self.realized),
            plain(self.fees),
            plain(self.funding),
            self.fills,
            self.round_trips,
        ]

    def restore_totals(self, values: list[str | int]) -> None:
        """Reads what `dump_totals` gave."""
        realized, fees, funding, fills, round_trips = values
        self.realized, self.fees = Decimal(realized), Decimal(fees)
        self.funding = Decimal(funding)
        self.fills, self.round_trips = int(fills), int(round_trips)

    def dump_account(self, level: int) -> list[object] | None:
        """One account, as it goes to the journal; None for one that has nothing to say."""
        account = self.accounts.get(level)
        if account is None:
            return None
        parcels = [[plain(amount), plain(price)] for amount, price in account.parcels]
        return [parcels, plain(account.trip_gross), plain(account.trip_fees)]

    def restore_account(
        self, level: int, parcels: Iterable[tuple[str, str]], gross: str, fees: str
    ) -> None:
        """Reads what `dump_account` gave; the sums over all accounts follow."""
        account = self.account(level)
        account.trip_gross, account.trip_fees = Decimal(gross), Decimal(fees)
        for amount, price in parcels:
            parcel = (Decimal(amount), Decimal(price))
            account.parcels.append(parcel)
            account.amount = EXACT.add(account.amount, parcel[0])
            self.held = EXACT.add(self.held, parcel[0])
            self.cost = EXACT.fma(parcel[0], parcel[1], self.cost)


def split_fee(fee: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """A fee divided in proportion to `shares`; the parts add up to it exactly.

    Each part but the last is cut to six digits finer than the fee itself.
    """
    if len(shares) == 1 or not fee:
        return [fee if index == 0 else ZERO for index in range(len(shares))]
    exponent = fee.as_tuple().exponent
    step = Decimal(1).scaleb((exponent if isinstance(exponent, int) else 0) - 6)
    total = sum(shares, ZERO)
    parts: list[Decimal] = []
    rest = fee
    for share in shares[:-1]:
        part = EXACT.divide(EXACT.multiply(fee, share), total).quantize(step, context=EXACT)
        parts.append(part)
        rest = EXACT.subtract(rest, part)
    return [*parts, rest]
