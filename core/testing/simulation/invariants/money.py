"""Money: every fill once, every sum exact, nothing held beyond what the file allows."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal

from core.adapters.exchanges.models import FillData, OrderData, OrderSide
from core.testing.simulation.history import Accepted, Changed, FillDurable, Filled, Record, Told
from core.testing.simulation.invariants.base import Invariant, Rest, Terms, leg_of

EXACT = Context(prec=80)


class EveryFillOnce(Invariant):
    """I2."""

    name = "I2"
    sentence = "Every fill of ours is in the books once, and the sums are those of the venue."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._at_venue: dict[tuple[str, str], FillData] = {}
        self._booked: set[tuple[str, str]] = set()

    def on(self, record: Record) -> Iterable[str]:
        """No fill is booked that is none, or that is another's, or twice."""
        if isinstance(record, Filled) and record.is_ours:
            self._at_venue[record.fill.trade_id, record.fill.order_id] = record.fill
        elif isinstance(record, FillDurable):
            key = (record.trade_id, record.order_id)
            fill = self._at_venue.get(key)
            if fill is None:
                yield f"fill {record.trade_id} is in the books and not at the venue"
            elif (fill.amount, fill.price, fill.side.value) != (
                record.amount,
                record.price,
                record.side,
            ):
                yield f"fill {record.trade_id} is in the books with other terms"
            self._booked.add(key)

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Nothing is missing, and position, fees and funding are exact."""
        there = {(fill.trade_id, fill.order_id) for fill in rest.fills}
        if missing := sorted(there - rest.book_fills):
            yield f"not in the books: {missing}"
        if extra := sorted(rest.book_fills - there):
            yield f"in the books, not at the venue: {extra}"
        if rest.ledger is None:
            return
        position = signed_sum(rest.fills, self.terms.instrument.base)
        if Decimal(rest.ledger.position) != position:
            yield f"the ledger holds {rest.ledger.position}, the venue's fills make {position}"
        recent = [
            fill
            for fill in rest.fills
            if rest.since_birth is None or (fill.trade_id, fill.order_id) in rest.since_birth
        ]
        fees = fees_sum(recent, self.terms.instrument.base)
        if Decimal(rest.ledger.fees) != fees:
            yield f"the ledger paid {rest.ledger.fees} in fees, the venue took {fees}"
        if rest.ledger.fills != len(recent):
            yield f"the ledger counts {rest.ledger.fills} fills, the venue {len(recent)}"
        if Decimal(rest.ledger.funding) != rest.funding:
            yield f"the ledger has funding {rest.ledger.funding}, the venue {rest.funding}"


class NeverTooMuch(Invariant):
    """I5."""

    name = "I5"
    sentence = "What is held and what could still be bought stay within the file, on its own side."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._held = Decimal(0)
        self._open: dict[str, Decimal] = {}
        """Client order id of an entry -> what it may still fill."""
        self._left = Decimal(0)
        """Held by our fills and taken over at the venue by others: a ladder stands beside it."""

    def on(self, record: Record) -> Iterable[str]:
        """Follows position and entries at the venue."""
        if isinstance(record, (Accepted, Changed)) and record.is_ours:
            self._order(record.order)
        elif isinstance(record, Filled) and record.is_ours:
            yield from self._filled(record.fill)
        else:
            if isinstance(record, Told) and record.event == "grid.nothing_to_close":
                self._left = abs(Decimal(str(dict(record.fields)["position"])))
            return
        if self.terms.most_lots is None:
            return
        most = self.terms.instrument.amount(self.terms.most_lots + self.terms.levels) + self._left
        could = abs(self._held)
        if not self.terms.is_two_sided:
            could += sum(self._open.values(), Decimal(0))
        if could > most:
            yield f"{could} could be held, the file allows {most}"

    def _order(self, order: OrderData) -> None:
        identity = order.client_order_id or ""
        if leg_of(identity) != "E":
            return
        if order.status.is_open:
            self._open[identity] = order.remaining
        else:
            self._open.pop(identity, None)

    def _filled(self, fill: FillData) -> Iterable[str]:
        identity = fill.client_order_id or ""
        is_entry = fill.side.value == self.terms.entry_side
        self._held += fill.amount if is_entry else -fill.amount
        if identity in self._open:
            self._open[identity] -= fill.amount
        is_one_sided = not (self.terms.is_two_sided or self.terms.closes_beside_exits)
        if self._held < 0 and is_one_sided:
            yield f"{-self._held} is held on the wrong side after {fill.trade_id}"


class ProfitIsExact(Invariant):
    """I9."""

    name = "I9"
    sentence = (
        "What the bot says it earned is what the venue's executions earned, to the last digit."
    )

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Values both at one mark."""
        if not rest.result or rest.since_birth is not None:
            return
        mark = rest.result["mark"]
        base = self.terms.instrument.base
        flows = Decimal(0)
        for fill in rest.fills:
            value = EXACT.multiply(fill.price, fill.amount)
            flows = EXACT.add(flows, -value if fill.side is OrderSide.BUY else value)
            if fill.fee_currency != base:
                flows = EXACT.subtract(flows, fill.fee)
        position = signed_sum(rest.fills, base)
        theirs = EXACT.add(EXACT.add(flows, EXACT.multiply(position, mark)), rest.funding)
        ours = rest.result["realized"] + rest.result["unrealized"]
        ours = ours - rest.result["fees"] + rest.result["funding"]
        if ours != theirs:
            yield f"the bot says {ours}, the venue's executions make {theirs}"


def signed_sum(fills: Iterable[FillData], base: str) -> Decimal:
    """What executions leave in the account, fees taken in base included."""
    held = Decimal(0)
    for fill in fills:
        held = EXACT.add(held, fill.amount if fill.side is OrderSide.BUY else -fill.amount)
        if fill.fee_currency == base:
            held = EXACT.subtract(held, fill.fee)
    return held


def fees_sum(fills: Iterable[FillData], base: str) -> Decimal:
    """What executions cost in fees; one taken in base counts at its price."""
    paid = Decimal(0)
    for fill in fills:
        worth = EXACT.multiply(fill.fee, fill.price) if fill.fee_currency == base else fill.fee
        paid = EXACT.add(paid, worth)
    return paid
