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

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple

from core.adapters.exchanges.models import Instrument, OrderSide, plain
from core.services.grid.snapshot import SlotProfit

EXACT: Final = Context(prec=100)
"""Wide enough that sums and products of prices, amounts and rates are never rounded."""
ZERO: Final = Decimal(0)
NOBODY: Final = 0


class Account:
    """What one slot holds, and what its round trip has earned so far."""

    __slots__ = (
        "amount",
        "fees",
        "opened_ns",
        "parcels",
        "realized",
        "sign",
        "trip_amount",
        "trip_cost",
        "trip_fees",
        "trip_gross",
        "trip_value",
        "trips",
    )

    def __init__(self, sign: int = 1) -> None:
        self.sign = sign
        """1 where it holds what the grid's entry side opens, -1 where it holds the opposite."""
        self.amount = ZERO
        """Base units held, the sum of the parcels."""
        self.parcels: list[tuple[Decimal, Decimal]] = []
        """(amount, execution price), oldest first."""
        self.trip_gross = ZERO
        """Realised since the last round trip was booked."""
        self.trip_fees = ZERO
        """Fees since then."""
        self.trip_amount = ZERO
        """Base units closed since then, what they had cost and what they brought: for display."""
        self.trip_cost = ZERO
        self.trip_value = ZERO
        self.opened_ns: int | None = None
        """When what is held now, or was closed last, began to be bought."""
        self.realized = ZERO
        """Of everything that was ever booked here; the sums of all accounts are the ledger's."""
        self.fees = ZERO
        self.trips = 0

    def take_sums(self, other: Account) -> bool:
        """Adds what another account has earned and paid; whether there was anything."""
        self.realized = EXACT.add(self.realized, other.realized)
        self.fees = EXACT.add(self.fees, other.fees)
        self.trips += other.trips
        return bool(other.realized or other.fees or other.trips)


class Trip(NamedTuple):
    """A round trip as it was executed; prices are means, for display."""

    level: int
    entry_price: Decimal
    exit_price: Decimal
    amount: Decimal
    gross: Decimal
    fees: Decimal
    opened_ns: int | None

    @property
    def net(self) -> Decimal:
        """What it earned after the fees of both legs."""
        return EXACT.subtract(self.gross, self.fees)


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
        self._reversed: frozenset[int] = frozenset()
        """Levels that open on the other side: those of a neutral grid that sell first."""
        self.held = ZERO
        """Base units over all accounts: long and short grids alike open with +, and what reversed
        levels hold counts against it."""
        self.cost = ZERO
        """Sum of price times amount over all parcels."""
        self.realized = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.fills = 0
        self.round_trips = 0
        self.trips_net = ZERO
        """What the round trips earned after fees; a part of realized minus fees."""

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

    def profit_of(
        self,
        level: int,
        mark: Decimal | None,
        entry_price: Decimal | None = None,
        exit_price: Decimal | None = None,
    ) -> SlotProfit:
        """What a level, or nobody, has earned and holds.

        Args:
            level: Whose.
            mark: Price for what it holds; without one that counts as nothing.
            entry_price: Of its slot, to be shown.
            exit_price: Same.
        """
        account = self.accounts.get(level) or Account()
        sign = self._sign * account.sign
        cost = ZERO
        for amount, price in account.parcels:
            cost = EXACT.fma(amount, price, cost)
        open_result = ZERO
        if mark is not None:
            value = EXACT.fma(account.amount, mark, -cost)
            open_result = EXACT.multiply(EXACT.multiply(sign, value), self._contract)
        return SlotProfit(
            level=level or None,
            entry_price=entry_price,
            exit_price=exit_price,
            round_trips=account.trips,
            realized=account.realized,
            fees=account.fees,
            holds=EXACT.multiply(sign, account.amount),
            unrealized=open_result,
        )

    def account(self, level: int) -> Account:
        """The account of a level, made when first asked for."""
        found = self.accounts.get(level)
        if found is None:
            found = self.accounts[level] = Account(-1 if level in self._reversed else 1)
        return found

    def lots(self, level: int) -> int:
        """Whole lots that a level holds; what is less than a lot cannot be traded."""
        found = self.accounts.get(level)
        return 0 if found is None or not found.amount else int(found.amount // self._lot)

    def total_lots(self) -> int:
        """Whole lots of everything held; of a grid that opens on both sides, either way."""
        lots = int(self.held // self._lot)
        return abs(lots) if self._reversed else lots

    @property
    def closing_side(self) -> OrderSide:
        """Side of the order that would close the position."""
        is_either = self._reversed or self.held < 0
        is_long = self.position > 0 if is_either else self._sign > 0
        return OrderSide.SELL if is_long else OrderSide.BUY

    # -- booking ------------------------------------------------------------------------------

    def reverse(self, levels: Iterable[int]) -> None:
        """Says which levels open on the other side than the grid's entry side."""
        self._reversed = frozenset(levels)
        for level in self.accounts:
            if level != NOBODY:
                self.accounts[level].sign = -1 if level in self._reversed else 1

    def closable(self, level: int, side: OrderSide) -> Decimal:
        """Base units of what a level holds that an execution on a side could take away."""
        account = self.account(level)
        return max(-self._sign * account.sign * side.sign * account.amount, ZERO)

    def reduce(
        self, level: int, amount: Decimal, price: Decimal, fee: Decimal, side: OrderSide
    ) -> None:
        """Books an execution that closes what a level, or nobody, holds."""
        if side.sign == self._sign * self.account(level).sign:
            self.open(level, amount, price, fee)
            self._net(self.account(level))
        else:
            self.close(level, amount, price, fee)

    def open(self, level: int, amount: Decimal, price: Decimal, fee: Decimal) -> None:
        """Books an execution that opens: `amount` is what arrived, after a fee taken in base."""
        account = self.account(level)
        account.parcels.append((amount, price))
        account.amount = EXACT.add(account.amount, amount)
        account.trip_fees = EXACT.add(account.trip_fees, fee)
        account.fees = EXACT.add(account.fees, fee)
        signed = amount if account.sign > 0 else -amount
        self.held = EXACT.add(self.held, signed)
        self.cost = EXACT.fma(signed, price, self.cost)
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
        account.trip_amount = EXACT.add(account.trip_amount, amount)
        account.trip_cost = EXACT.add(account.trip_cost, removed)
        account.trip_value = EXACT.fma(amount, price, account.trip_value)
        if account.sign < 0:
            amount, removed, difference = -amount, -removed, -difference
        self.held = EXACT.subtract(self.held, amount)
        self.cost = EXACT.subtract(self.cost, removed)
        gross = EXACT.multiply(EXACT.multiply(self._sign, difference), self._contract)
        account.trip_gross = EXACT.add(account.trip_gross, gross)
        account.trip_fees = EXACT.add(account.trip_fees, fee)
        account.realized = EXACT.add(account.realized, gross)
        account.fees = EXACT.add(account.fees, fee)
        self.realized = EXACT.add(self.realized, gross)
        self.fees = EXACT.add(self.fees, fee)
        return gross

    def book_round_trip(self, level: int) -> Trip:
        """Counts a round trip."""
        account = self.account(level)
        amount = account.trip_amount or Decimal(1)
        trip = Trip(
            level,
            account.trip_cost / amount,
            account.trip_value / amount,
            account.trip_amount,
            account.trip_gross,
            account.trip_fees,
            account.opened_ns,
        )
        _forget_trip(account)
        account.trips += 1
        self.round_trips += 1
        self.trips_net = EXACT.add(self.trips_net, trip.net)
        return trip

    def drop_trip_if_flat(self, level: int) -> None:
        """Forgets a round trip that was cut short: its result is realised, it was none."""
        account = self.account(level)
        if not account.amount:
            _forget_trip(account)

    def book_funding(self, amount: Decimal) -> None:
        """Books a settlement; positive is received."""
        self.funding = EXACT.add(self.funding, amount)

    def write_down(self, level: int, price: Decimal) -> Decimal:
        """Books the loss of what a level holds at another price, which becomes what it cost.

        No execution takes place: what is realized here is no longer unrealized.

        Returns:
            The loss, >= 0; 0 where it would be a gain, which is left as it is.
        """
        account = self.accounts.get(level)
        if account is None or not account.parcels:
            return ZERO
        difference = ZERO
        for amount, entry in account.parcels:
            difference = EXACT.fma(EXACT.subtract(price, entry), amount, difference)
        signed = difference if account.sign > 0 else -difference
        gain = EXACT.multiply(EXACT.multiply(self._sign, signed), self._contract)
        if gain >= 0:
            return ZERO
        account.parcels = [(account.amount, price)]
        self.cost = EXACT.add(self.cost, signed)
        account.realized = EXACT.add(account.realized, gain)
        self.realized = EXACT.add(self.realized, gain)
        return -gain

    def endow(self, level: int, lots: int) -> bool:
        """Gives a level some of what nobody's account holds, in whole lots; whether it could."""
        pool = self.accounts.get(NOBODY)
        if pool is None:
            return False
        left = min(Decimal(lots), pool.amount // self._lot) * self._lot
        if left <= 0:
            return False
        account = self.account(level)
        account.amount = EXACT.add(account.amount, left)
        pool.amount = EXACT.subtract(pool.amount, left)
        while left > 0:
            amount, price = pool.parcels[0]
            used = min(amount, left)
            account.parcels.append((used, price))
            left = EXACT.subtract(left, used)
            if used == amount:
                pool.parcels.pop(0)
            else:
                pool.parcels[0] = (EXACT.subtract(amount, used), price)
        return True

    def lend(self, level: int, amount: Decimal) -> bool:
        """Gives a level so much of what nobody holds, the oldest parcels first.

        Returns:
            Whether it was there; nothing is given where it was not.
        """
        rest = self.accounts.get(NOBODY)
        if rest is None or rest.amount < amount:
            return False
        borrower = self.account(level)
        left = amount
        while left > 0:
            held, price = rest.parcels[0]
            used = min(held, left)
            if used == held:
                rest.parcels.pop(0)
            else:
                rest.parcels[0] = (EXACT.subtract(held, used), price)
            borrower.parcels.append((used, price))
            left = EXACT.subtract(left, used)
        rest.amount = EXACT.subtract(rest.amount, amount)
        borrower.amount = EXACT.add(borrower.amount, amount)
        return True

    def disown(self) -> None:
        """Hands what every level still holds to nobody, before a new ladder takes the levels."""
        rest = self.account(NOBODY)
        for level in sorted(self.accounts):
            if level != NOBODY:
                self._add_to_nobody(self.accounts[level])
        self._net(rest)
        self.accounts = {NOBODY: rest}

    def turn(self, entry_side: OrderSide) -> None:
        """Opens on another side from now on; only while nothing is held."""
        self._sign = Decimal(entry_side.sign)

    def renumber(self, levels: Mapping[int, int]) -> bool:
        """Gives the levels other numbers, each keeping what it holds.

        Args:
            levels: Old level -> new level. What a level that is not named here still holds goes to
                nobody.

        Returns:
            Whether anything went to nobody.
        """
        is_rest_touched = False
        before, self.accounts = self.accounts, {}
        rest = before.pop(NOBODY, None)
        if rest is not None:
            self.accounts[NOBODY] = rest
        for level in sorted(before):
            if level in levels:
                self.accounts[levels[level]] = before[level]
            elif self._hand_to_nobody(before[level]):
                is_rest_touched = True
        return is_rest_touched

    def leave(self, level: int) -> bool:
        """Hands what a level still holds to nobody; whether there was anything."""
        account = self.accounts.pop(level, None)
        return account is not None and self._hand_to_nobody(account)

    def _hand_to_nobody(self, account: Account) -> bool:
        is_something = self._add_to_nobody(account) or bool(account.parcels)
        self._net(self.account(NOBODY))
        return is_something

    def _add_to_nobody(self, account: Account) -> bool:
        """Adds what an account holds and has earned; whether it has earned or paid anything."""
        rest = self.account(NOBODY)
        has_sums = rest.take_sums(account)
        parcels = account.parcels
        if account.sign < 0:
            parcels = [(-amount, price) for amount, price in parcels]
        rest.parcels.extend(parcels)
        rest.amount = EXACT.add(rest.amount, account.sign * account.amount)
        return has_sums

    def _net(self, account: Account) -> None:
        """Settles parcels of opposite signs against each other, oldest first."""
        if not self._reversed:
            return
        longs = [parcel for parcel in account.parcels if parcel[0] > 0]
        shorts = [(-amount, price) for amount, price in account.parcels if amount < 0]
        while longs and shorts:
            (bought, cost), (sold, value) = longs[0], shorts[0]
            used = min(bought, sold)
            gain = EXACT.multiply(EXACT.subtract(value, cost), used)
            self.cost = EXACT.add(self.cost, gain)
            gross = EXACT.multiply(EXACT.multiply(self._sign, gain), self._contract)
            account.realized = EXACT.add(account.realized, gross)
            self.realized = EXACT.add(self.realized, gross)
            for side, amount, price in ((longs, bought, cost), (shorts, sold, value)):
                side[0] = (EXACT.subtract(amount, used), price)
                if not side[0][0]:
                    side.pop(0)
        account.parcels = [*longs, *((-amount, price) for amount, price in shorts)]

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
            plain(self.trips_net),
        ]

    def restore_totals(self, values: list[str | int]) -> None:
        """Reads what `dump_totals` gave."""
        realized, fees, funding, fills, round_trips, trips_net = (*values, "0")[:6]
        self.realized, self.fees = Decimal(realized), Decimal(fees)
        self.funding = Decimal(funding)
        self.fills, self.round_trips = int(fills), int(round_trips)
        self.trips_net = Decimal(trips_net)

    def dump_account(self, level: int) -> list[object] | None:
        """One account, as it goes to the journal; None for one that has nothing to say."""
        account = self.accounts.get(level)
        if account is None:
            return None
        parcels = [[plain(amount), plain(price)] for amount, price in account.parcels]
        sums = [plain(account.realized), plain(account.fees), account.trips]
        trip: list[object] = [plain(account.trip_gross), plain(account.trip_fees)]
        if account.trip_amount:
            closed = (account.trip_amount, account.trip_cost, account.trip_value)
            trip += [plain(value) for value in closed]
        return [parcels, sums, account.opened_ns, *trip]

    def restore_account(
        self,
        level: int,
        parcels: Iterable[tuple[str, str]],
        *values: Any,  # noqa: ANN401 # what JSON gives
    ) -> None:
        """Reads what `dump_account` gave; the sums over all accounts follow."""
        account = self.account(level)
        if values and not isinstance(values[0], str):
            sums, account.opened_ns, *values = values  # type: ignore[assignment] # a list from here
            account.realized, account.fees = Decimal(sums[0]), Decimal(sums[1])
            account.trips = int(sums[2])
        gross, fees, amount, cost, value = (*values, "0", "0", "0")[:5]
        account.trip_gross, account.trip_fees = Decimal(gross), Decimal(fees)
        account.trip_amount = Decimal(amount)
        account.trip_cost, account.trip_value = Decimal(cost), Decimal(value)
        for amount, price in parcels:
            parcel = (Decimal(amount), Decimal(price))
            account.parcels.append(parcel)
            account.amount = EXACT.add(account.amount, parcel[0])
            signed = parcel[0] if account.sign > 0 else -parcel[0]
            self.held = EXACT.add(self.held, signed)
            self.cost = EXACT.fma(signed, parcel[1], self.cost)


def _forget_trip(account: Account) -> None:
    account.trip_gross = account.trip_fees = ZERO
    account.trip_amount = account.trip_cost = account.trip_value = ZERO
    account.opened_ns = None


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
