"""The checks of an audit. Each re-derives something from evidence and names what disagrees.

    orders.once        a client order id became at most one order at the venue
    orders.known       every order at the venue that carries our prefix has an intent
    orders.same        side, price and amount at the venue are those that were meant
    orders.ended       both sides agree on which orders are over
    orders.slots       no slot has two orders that may still fill
    orders.evidence    an order that was given up as never placed has its evidence on record
    fills.venue        each execution of our orders is in the journal once, equal to the digit
    fills.orders       an order's executions add up to what it says has filled
    position.ledger    executions add up to the ledger's position
    position.books     the bot's books hold the same position
    position.venue     all ledgers and foreign executions together are the venue's position
    fees.ledger        executions add up to the ledger's fees
    settlements.venue  settlements add up to the ledger's funding, each once, as the venue has them
                       (fees and funding of a ledger are those of the bot's present life; a position
                       is carried on)
    profit.books       realized and open result are the cash that the executions moved

A check never repairs. What it cannot decide it says it skipped, with the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import FillData, OrderData, OrderSide, plain, to_ns
from core.domain.lifecycle import NEVER_EXISTED, OrderState
from core.domain.position import MONEY as EXACT
from core.services.audit.records import BotRecords, VenueRecords
from core.services.audit.snapshot import Difference, Finding, Verdict
from core.services.ports import FillRow, StoredIntent

ZERO: Final = Decimal(0)


def audit_bot(records: BotRecords, venue: VenueRecords | None, *, settled_ns: int) -> list[Finding]:
    """Everything that can be said of one bot.

    Args:
        records: What the journal holds.
        venue: What the venue says of the bot's symbol; None where it could not be asked.
        settled_ns: What happened later may still be on its way between the two, and is left out.
    """
    found = [
        _orders_slots(records),
        _orders_evidence(records),
        _fills_orders(records, settled_ns),
        _position_ledger(records),
        _position_books(records),
        _fees_ledger(records),
        _profit_books(records),
    ]
    if venue is None:
        found += [
            Finding(
                check=name,
                bot=records.bot.name,
                says="the venue could not be asked",
                verdict=Verdict.SKIPPED,
            )
            for name in (
                "orders.once",
                "orders.known",
                "orders.same",
                "orders.ended",
                "fills.venue",
                "settlements.venue",
            )
        ]
        return found
    return [
        *(
            check(records, venue, settled_ns)
            for check in (_orders_once, _orders_known, _orders_same, _orders_ended, _fills_venue)
        ),
        _funding_ledger(records, venue, settled_ns),
        *found,
    ]


def audit_symbol(
    symbol: str, bots: Sequence[BotRecords], venue: VenueRecords, *, settled_ns: int
) -> Finding:
    """Whether all ledgers and everything foreign together are the venue's position."""
    ours = {item.intent.client_order_id for records in bots for item in records.intents}
    numbers = {item.order_id for records in bots for item in records.intents if item.order_id}
    foreign = sum(
        (
            _net(fill)
            for fill in venue.fills
            if (fill.client_order_id or "") not in ours and fill.order_id not in numbers
        ),
        ZERO,
    )
    held = sum(
        (Decimal(item.ledger.position) for item in bots if item.ledger is not None),
        ZERO,
    )
    is_moving = any(to_ns(fill.at) > settled_ns for fill in venue.fills)
    says = "the ledgers and foreign executions together are the venue's position"
    if is_moving:
        return Finding(
            check="position.venue",
            bot="",
            says=f"{symbol} trades at this moment",
            verdict=Verdict.SKIPPED,
        )
    total = EXACT.add(held, foreign)
    differences = []
    if total != venue.position:
        differences.append(
            Difference(
                subject=symbol,
                detail=f"ledgers {plain(held)}, foreign {plain(foreign)}",
                expected=plain(venue.position),
                found=plain(total),
            )
        )
    return _finding("position.venue", "", says, len(bots), differences)


def _finding(
    check: str, bot: str, says: str, looked_at: int, differences: Iterable[Difference]
) -> Finding:
    listed = tuple(differences)
    return Finding(
        check=check,
        bot=bot,
        says=says,
        verdict=Verdict.FAIL if listed else Verdict.OK,
        looked_at=looked_at,
        differences=listed,
    )


def _skipped(check: str, bot: str, why: str) -> Finding:
    return Finding(check=check, bot=bot, says=why, verdict=Verdict.SKIPPED)


# -- orders ---------------------------------------------------------------------------------------


def _ours(records: BotRecords, venue: VenueRecords) -> list[OrderData]:
    prefix = records.bot.order_prefix
    return [order for order in venue.orders if (order.client_order_id or "").startswith(prefix)]


def _orders_once(records: BotRecords, venue: VenueRecords, _settled_ns: int) -> Finding:
    orders = _ours(records, venue)
    seen: dict[str, set[str]] = defaultdict(set)
    for order in orders:
        seen[order.client_order_id or ""].add(order.order_id)
    return _finding(
        "orders.once",
        records.bot.name,
        "every client order id became at most one order",
        len(seen),
        (
            Difference(
                subject=identity,
                detail=f"the venue has {len(numbers)} orders with this id",
                expected="1",
                found=", ".join(sorted(numbers)),
            )
            for identity, numbers in seen.items()
            if len(numbers) > 1
        ),
    )


def _orders_known(records: BotRecords, venue: VenueRecords, settled_ns: int) -> Finding:
    known = {item.intent.client_order_id for item in records.intents}
    orders = _ours(records, venue)
    return _finding(
        "orders.known",
        records.bot.name,
        "every order with our prefix was meant before it was sent",
        len(orders),
        (
            Difference(
                subject=order.client_order_id or order.order_id,
                detail=f"the venue's order {order.order_id} has no intent in the journal",
            )
            for order in orders
            if order.client_order_id not in known and _is_before(order, settled_ns)
        ),
    )


def _is_before(order: OrderData, settled_ns: int) -> bool:
    at = order.updated_at or order.created_at
    return at is None or to_ns(at) <= settled_ns


def _orders_same(records: BotRecords, venue: VenueRecords, _settled_ns: int) -> Finding:
    intents = {item.intent.client_order_id: item for item in records.intents}
    differences: list[Difference] = []
    looked_at = 0
    for order in _ours(records, venue):
        stored = intents.get(order.client_order_id or "")
        if stored is None:
            continue
        looked_at += 1
        meant = stored.intent
        pairs: tuple[tuple[str, object, object], ...] = (
            ("side", meant.side, order.side.value),
            ("amount", Decimal(meant.amount), order.amount),
            ("price", None if meant.price is None else Decimal(meant.price), order.price),
        )
        differences += [
            Difference(
                subject=meant.client_order_id, detail=name, expected=str(wanted), found=str(there)
            )
            for name, wanted, there in pairs
            if wanted != there and not (name == "price" and there is None)
        ]
    return _finding(
        "orders.same",
        records.bot.name,
        "side, amount and price at the venue are those that were meant",
        looked_at,
        differences,
    )


def _orders_ended(records: BotRecords, venue: VenueRecords, settled_ns: int) -> Finding:
    there = {order.client_order_id: order for order in _ours(records, venue)}
    differences: list[Difference] = []
    for item in records.intents:
        if item.updated_ns > settled_ns or item.intent.created_ns > settled_ns:
            continue
        difference = _end_of(item, there.get(item.intent.client_order_id), settled_ns)
        if difference is not None:
            differences.append(difference)
    return _finding(
        "orders.ended",
        records.bot.name,
        "journal and venue agree on which orders are over",
        len(records.intents),
        differences,
    )


def _end_of(item: StoredIntent, order: OrderData | None, settled_ns: int) -> Difference | None:
    """What is wrong with the end of one order; None where nothing is."""
    state, identity = OrderState(item.state), item.intent.client_order_id
    if order is None:
        if state.is_working:
            return Difference(
                subject=identity,
                detail="the journal has it open, the venue does not know it",
                expected="an order",
                found="none",
            )
        return None
    if state in NEVER_EXISTED:
        return Difference(
            subject=identity,
            detail=f"given up as {state.value}, yet the venue has it",
            expected=order.status.value,
            found=state.value,
        )
    if not _is_before(order, settled_ns) or state.is_final != order.status.is_open:
        return None
    return Difference(
        subject=identity,
        detail="one side says that it is over, the other that it may still fill",
        expected=order.status.value,
        found=state.value,
    )


def _orders_slots(records: BotRecords) -> Finding:
    working = Counter(
        item.intent.level
        for item in records.intents
        if item.intent.level and not item.is_settled and not OrderState(item.state).is_final
    )
    return _finding(
        "orders.slots",
        records.bot.name,
        "no slot has two orders that may still fill",
        len(working),
        (
            Difference(
                subject=f"slot {level}",
                detail="orders that may still fill",
                expected="at most 1",
                found=str(count),
            )
            for level, count in sorted(working.items())
            if count > 1
        ),
    )


def _orders_evidence(records: BotRecords) -> Finding:
    given_up = [item for item in records.intents if item.state == OrderState.NOT_PLACED.value]
    return _finding(
        "orders.evidence",
        records.bot.name,
        "what was given up as never placed has its evidence on record",
        len(given_up),
        (
            Difference(
                subject=item.intent.client_order_id,
                detail="given up as never placed, without evidence",
            )
            for item in given_up
            if not records.evidence.get(item.intent.client_order_id)
        ),
    )


# -- executions -----------------------------------------------------------------------------------


def _fills_venue(records: BotRecords, venue: VenueRecords, settled_ns: int) -> Finding:
    ids = {item.intent.client_order_id for item in records.intents}
    numbers = {item.order_id for item in records.intents if item.order_id}
    there = {
        (fill.trade_id, fill.order_id): fill
        for fill in venue.fills
        if fill.client_order_id in ids or fill.order_id in numbers
    }
    here = {(row.trade_id, row.order_id): row for row in records.fills}
    differences = [
        Difference(
            subject=fill.trade_id,
            detail=f"the venue's execution of {fill.client_order_id or fill.order_id} is missing",
            expected=f"{fill.side.value} {plain(fill.amount)} at {plain(fill.price)}",
            found="nothing",
        )
        for key, fill in there.items()
        if key not in here and to_ns(fill.at) <= settled_ns
    ]
    for key, row in here.items():
        fill = there.get(key)
        if fill is None and row.at_ns > settled_ns:
            continue
        if fill is None:
            differences.append(
                Difference(
                    subject=row.trade_id,
                    detail=f"the journal's execution of {row.client_order_id} is not the venue's",
                    expected="nothing",
                    found=f"{row.side} {row.amount} at {row.price}",
                )
            )
            continue
        differences += _differences_of(row, fill)
    return _finding(
        "fills.venue",
        records.bot.name,
        "each execution of our orders is in the journal once, equal to the last digit",
        len(there),
        differences,
    )


def _differences_of(row: FillRow, fill: FillData) -> list[Difference]:
    pairs: tuple[tuple[str, object, object], ...] = (
        ("side", fill.side.value, row.side),
        ("price", fill.price, Decimal(row.price)),
        ("amount", fill.amount, Decimal(row.amount)),
        ("fee", fill.fee, Decimal(row.fee)),
    )
    return [
        Difference(subject=row.trade_id, detail=name, expected=str(there), found=str(here))
        for name, there, here in pairs
        if there != here
    ]


def _fills_orders(records: BotRecords, settled_ns: int) -> Finding:
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in records.fills:
        sums[row.client_order_id] = EXACT.add(sums[row.client_order_id], Decimal(row.amount))
    settled = [
        item for item in records.intents if item.is_settled and item.updated_ns <= settled_ns
    ]
    return _finding(
        "fills.orders",
        records.bot.name,
        "an order's executions add up to what it says has filled",
        len(settled),
        (
            Difference(
                subject=item.intent.client_order_id,
                detail="amount filled",
                expected=plain(sums[item.intent.client_order_id]),
                found=item.filled,
            )
            for item in settled
            if sums[item.intent.client_order_id] != Decimal(item.filled)
        ),
    )


# -- sums -----------------------------------------------------------------------------------------


def _net(fill: FillData) -> Decimal:
    """Signed base units of an execution; a fee taken in base is not among them."""
    return fill.amount if fill.side is OrderSide.BUY else -fill.amount


def _signed(row: FillRow) -> Decimal:
    amount = Decimal(row.amount)
    signed = amount if row.side == OrderSide.BUY.value else -amount
    return EXACT.subtract(signed, Decimal(row.fee_base))


def _sum(values: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    return total


def _compared(
    check: str,
    records: BotRecords,
    says: str,
    pairs: Iterable[tuple[str, Decimal, Decimal]],
    looked_at: int,
) -> Finding:
    return _finding(
        check,
        records.bot.name,
        says,
        looked_at,
        (
            Difference(
                subject=records.bot.symbol, detail=name, expected=plain(wanted), found=plain(there)
            )
            for name, wanted, there in pairs
            if wanted != there
        ),
    )


def _position_ledger(records: BotRecords) -> Finding:
    there = ZERO if records.ledger is None else Decimal(records.ledger.position)
    return _compared(
        "position.ledger",
        records,
        "executions add up to the ledger's position",
        [("position", _sum(map(_signed, records.fills)), there)],
        len(records.fills),
    )


def _fees_ledger(records: BotRecords) -> Finding:
    there = ZERO if records.ledger is None else Decimal(records.ledger.fees)
    rows = [row for row in records.fills if (row.applied_ns or row.at_ns) >= records.began_ns]
    return _compared(
        "fees.ledger",
        records,
        "executions of its present life add up to the ledger's fees",
        [("fees", _sum(Decimal(row.fee_quote) for row in rows), there)],
        len(rows),
    )


def _position_books(records: BotRecords) -> Finding:
    name = "position.books"
    if records.books is None:
        return _skipped(name, records.bot.name, "the bot keeps no books that can be read")
    there = ZERO if records.ledger is None else Decimal(records.ledger.position)
    if records.books.started_ns is None and there:
        return _skipped(name, records.bot.name, "the bot has begun no books yet")
    earlier = _sum(_signed(row) for row in records.fills if not _is_since(records, row))
    return _compared(
        name,
        records,
        "the bot's books hold what the ledger says",
        [("position", EXACT.subtract(there, earlier), records.books.position)],
        1,
    )


def _is_since(records: BotRecords, row: FillRow) -> bool:
    """Whether an execution belongs to the books: a bot that was closed flat begins new ones."""
    started_ns = None if records.books is None else records.books.started_ns
    return started_ns is not None and (row.applied_ns or row.at_ns) >= started_ns


def _profit_books(records: BotRecords) -> Finding:
    name, books = "profit.books", records.books
    if books is None or books.started_ns is None:
        return _skipped(name, records.bot.name, "the bot keeps no books that can be read")
    rows = [row for row in records.fills if _is_since(records, row)]
    size = records.instrument.contract_size
    cash = _sum(_cash(row) for row in rows)
    fees = _sum(Decimal(row.fee_quote) for row in rows)
    booked = EXACT.add(books.realized, books.open_value)
    return _compared(
        name,
        records,
        "realized and open result are the cash that the executions moved",
        [
            ("realized plus open result at a mark of 0", EXACT.multiply(cash, size), booked),
            ("fees", fees, books.fees),
        ],
        len(rows),
    )


def _cash(row: FillRow) -> Decimal:
    """Quote that an execution moved before fees, per contract; a fee in base counts as a fee."""
    price = Decimal(row.price)
    return -EXACT.multiply(_signed(row), price)


def _funding_ledger(records: BotRecords, venue: VenueRecords, settled_ns: int) -> Finding:
    there = {payment.payment_id: payment for payment in venue.funding}
    booked = {row.payment_id: row for row in records.funding}
    differences = [
        Difference(
            subject=row.payment_id,
            detail="settlement",
            expected="nothing" if identity not in there else plain(there[identity].amount),
            found=row.amount,
        )
        for identity, row in booked.items()
        if identity not in there or there[identity].amount != Decimal(row.amount)
    ]
    since_ns = records.bot.created_ns
    differences += [
        Difference(
            subject=identity,
            detail="the venue's settlement is missing",
            expected=plain(payment.amount),
            found="nothing",
        )
        for identity, payment in there.items()
        if identity not in booked
        and since_ns <= to_ns(payment.at) <= settled_ns
        and _held_at(records, to_ns(payment.at))
    ]
    present = (row for row in records.funding if row.at_ns >= records.began_ns)
    total = _sum(Decimal(row.amount) for row in present)
    ledger = ZERO if records.ledger is None else Decimal(records.ledger.funding)
    if total != ledger:
        differences.append(
            Difference(
                subject=records.bot.symbol,
                detail="sum of settlements",
                expected=plain(total),
                found=plain(ledger),
            )
        )
    return _finding(
        "settlements.venue",
        records.bot.name,
        "settlements are the venue's, each booked once",
        len(there),
        differences,
    )


def _held_at(records: BotRecords, at_ns: int) -> bool:
    """Whether the bot held something at a moment, so that a settlement was its own."""
    return bool(_sum(_signed(row) for row in records.fills if row.at_ns <= at_ns))
