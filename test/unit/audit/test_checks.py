"""Each check of an audit is fine with a true story and names the one thing that was doctored."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    ExchangeType,
    FillData,
    FundingPaymentData,
    Instrument,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    from_ns,
)
from core.services.audit.checks import audit_bot, audit_symbol
from core.services.audit.records import Books, BotRecords, VenueRecords
from core.services.audit.snapshot import Finding, Verdict
from core.services.ports import (
    BotRow,
    EvidenceRow,
    FillRow,
    FundingPaymentRow,
    IntentRow,
    LedgerRow,
    StoredIntent,
)

SYMBOL = "TEST-USDC-PERP"
BOT_ID = f"paper/paper//{SYMBOL}/g"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
START_NS = 1_767_225_600_000_000_000
SETTLED_NS = START_NS + 6_000_000
LATER_NS = 2**63 - 1

Doctor = Callable[[BotRecords, VenueRecords], tuple[BotRecords, VenueRecords]]


def intent(identity: str, number: str, side: str, price: str, level: int = 1) -> StoredIntent:
    """An order of 2 that has filled and is settled."""
    row = IntentRow(
        identity, BOT_ID, "paper", "", SYMBOL, side, "limit", price, "2", "GTC", 0, 0,
        "entry", level, "entry.due", "[]", START_NS + 1_000_000, START_NS + 2_000_000,
    )  # fmt: skip
    return StoredIntent(row, "FILLED", number, "2", "", 0, START_NS + 5_000_000, 1, "2")


def fill_row(trade: str, identity: str, number: str, side: str, price: str) -> FillRow:
    """An execution of 2 with a fee of 0.1."""
    return FillRow(
        "paper", "", SYMBOL, trade, BOT_ID, identity, number, side, price, "2", "0.1", "USDC",
        "0.1", "0", 1, START_NS + 4_000_000, START_NS + 5_000_000,
    )  # fmt: skip


def venue_order(identity: str, number: str, side: OrderSide, price: str) -> OrderData:
    """The venue's word on an order that has filled."""
    return OrderData(
        venue="paper",
        symbol=SYMBOL,
        order_id=number,
        client_order_id=identity,
        side=side,
        order_type=OrderType.LIMIT,
        status=OrderStatus.FILLED,
        amount=Decimal(2),
        price=Decimal(price),
        filled=Decimal(2),
        updated_at=NOW,
    )


def venue_fill(trade: str, identity: str, number: str, side: OrderSide, price: str) -> FillData:
    """The venue's word on an execution."""
    return FillData(
        venue="paper",
        symbol=SYMBOL,
        trade_id=trade,
        order_id=number,
        client_order_id=identity,
        side=side,
        price=Decimal(price),
        amount=Decimal(2),
        fee=Decimal("0.1"),
        fee_currency="USDC",
        at=from_ns(START_NS + 4_000_000),
    )


def story() -> tuple[BotRecords, VenueRecords]:
    """Bought 2 at 100, sold 2 at 101, bought 2 at 99; one settlement of -0.5."""
    orders = [
        ("x1E1", "7", OrderSide.BUY, "100"),
        ("x1X2", "8", OrderSide.SELL, "101"),
        ("x2E3", "9", OrderSide.BUY, "99"),
    ]
    records = BotRecords(
        bot=BotRow(
            BOT_ID, "g", "grid", "paper", "paper", "", SYMBOL, "x", "{}", "{}", 0, START_NS, 0
        ),
        instrument=Instrument(
            symbol=SYMBOL,
            venue="paper",
            market_type=ExchangeType.PERPETUAL,
            base="TEST",
            quote="USDC",
            tick_size=Decimal(1),
            lot_size=Decimal(1),
        ),
        intents=tuple(intent(key, place, side.value, price) for key, place, side, price in orders),
        fills=tuple(
            fill_row(f"t{number}", key, number, side.value, price)
            for key, number, side, price in orders
        ),
        funding=(
            FundingPaymentRow("paper", "", SYMBOL, "f1", BOT_ID, "-0.5", "0.0001", SETTLED_NS),
        ),
        ledger=LedgerRow(BOT_ID, "2", "0.3", "-0.5", 3, START_NS + 6_000_000),
        evidence={},
        books=Books(
            started_ns=START_NS,
            position=Decimal(2),
            realized=Decimal(2),
            open_value=Decimal(-198),
            fees=Decimal("0.3"),
        ),
    )  # fmt: skip
    venue = VenueRecords(
        orders=tuple(venue_order(*item) for item in orders),
        fills=tuple(venue_fill(f"t{item[1]}", *item) for item in orders),
        funding=(
            FundingPaymentData(
                venue="paper",
                symbol=SYMBOL,
                payment_id="f1",
                amount=Decimal("-0.5"),
                rate=Decimal("0.0001"),
                position=Decimal(2),
                at=from_ns(START_NS + 6_000_000),
            ),
        ),
        position=Decimal(2),
    )
    return records, venue


def failed(findings: list[Finding]) -> set[str]:
    """The names of the checks that found something."""
    return {item.check for item in findings if item.verdict is Verdict.FAIL}


def audited(records: BotRecords, venue: VenueRecords, settled_ns: int = LATER_NS) -> list[Finding]:
    """All findings of a bot and of its symbol."""
    return [
        *audit_bot(records, venue, settled_ns=settled_ns),
        audit_symbol(SYMBOL, [records], venue, settled_ns=settled_ns),
    ]


def test_a_true_story_has_no_difference():
    """Where everybody wrote the same down every check says ok, and none is left out."""
    findings = audited(*story())

    assert {item.verdict for item in findings} == {Verdict.OK}
    assert len(findings) == 14


def _second_order(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    twin = replace(venue.orders[0], order_id="70")
    return records, replace(venue, orders=(*venue.orders, twin))


def _unmeant_order(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    order = replace(venue.orders[0], order_id="70", client_order_id="x9E9")
    return records, replace(venue, orders=(*venue.orders, order))


def _other_price(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    order = replace(venue.orders[0], price=Decimal("100.5"))
    return records, replace(venue, orders=(order, *venue.orders[1:]))


def _still_open(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    order = replace(venue.orders[0], status=OrderStatus.OPEN)
    return records, replace(venue, orders=(order, *venue.orders[1:]))


def _lost_order(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    working = records.intents[0]._replace(state="ACKED", is_settled=0)
    return (
        replace(records, intents=(working, *records.intents[1:])),
        replace(venue, orders=venue.orders[1:]),
    )


def _two_in_a_slot(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    twins = tuple(item._replace(state="UNKNOWN", is_settled=0) for item in records.intents[:2])
    return replace(records, intents=(*twins, *records.intents[2:])), venue


def _no_evidence(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    given_up = intent("x3E4", "", "buy", "98")._replace(state="NOT_PLACED", filled="0")
    return replace(records, intents=(*records.intents, given_up)), venue


def _lost_fill(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    extra = replace(venue.fills[0], trade_id="t70")
    return records, replace(venue, fills=(*venue.fills, extra))


def _invented_fill(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    return records, replace(venue, fills=venue.fills[:-1])


def _other_fee(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    fill = replace(venue.fills[0], fee=Decimal("0.11"))
    return records, replace(venue, fills=(fill, *venue.fills[1:]))


def _filled_less(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    short = records.intents[0]._replace(filled="1")
    return replace(records, intents=(short, *records.intents[1:])), venue


def _other_ledger(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    assert records.ledger is not None
    return replace(records, ledger=records.ledger._replace(position="3")), venue


def _other_fees(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    assert records.ledger is not None
    return replace(records, ledger=records.ledger._replace(fees="0.2")), venue


def _other_profit(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    assert records.books is not None
    books = replace(records.books, realized=Decimal("2.000000001"))
    return replace(records, books=books), venue


def _other_books(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    assert records.books is not None
    return replace(records, books=replace(records.books, position=Decimal(4))), venue


def _venue_moved(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    return records, replace(venue, position=Decimal(1))


def _lost_funding(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    second = replace(venue.funding[0], payment_id="f2", at=from_ns(START_NS + 7_000_000))
    return records, replace(venue, funding=(*venue.funding, second))


def _second_life(records: BotRecords, venue: VenueRecords) -> tuple[BotRecords, VenueRecords]:
    """All but the last execution, and the settlement, were of an earlier life."""
    began_ns = START_NS + 20_000_000
    *earlier, last = records.fills
    ledger = LedgerRow(BOT_ID, "2", last.fee_quote, "0", 1, began_ns)
    books = Books(
        started_ns=began_ns,
        position=Decimal(2),
        realized=Decimal(0),
        open_value=Decimal(-198),
        fees=Decimal(last.fee_quote),
    )
    fills = (*earlier, last._replace(applied_ns=began_ns + 1))
    return replace(records, fills=fills, ledger=ledger, books=books, began_ns=began_ns), venue


def test_fees_and_settlements_of_an_earlier_life_are_no_difference():
    """A ledger begins anew with a new life, and is held against what happened since."""
    records, venue = _second_life(*story())
    assert failed(audited(records, venue)) == set()

    whole = replace(records, began_ns=0)
    assert failed(audited(whole, venue)) == {"fees.ledger", "settlements.venue"}


@pytest.mark.parametrize(
    "doctor, checks",
    [
        (_second_order, {"orders.once"}),
        (_unmeant_order, {"orders.known"}),
        (_other_price, {"orders.same"}),
        (_still_open, {"orders.ended"}),
        (_lost_order, {"orders.ended"}),
        (_two_in_a_slot, {"orders.slots", "orders.ended"}),
        (_no_evidence, {"orders.evidence"}),
        (_lost_fill, {"fills.venue"}),
        (_invented_fill, {"fills.venue"}),
        (_other_fee, {"fills.venue"}),
        (_filled_less, {"fills.orders"}),
        (_other_ledger, {"position.ledger", "position.books", "position.venue"}),
        (_other_fees, {"fees.ledger"}),
        (_other_profit, {"profit.books"}),
        (_other_books, {"position.books"}),
        (_venue_moved, {"position.venue"}),
        (_lost_funding, {"settlements.venue"}),
    ],
)
def test_what_was_doctored_is_named(doctor: Doctor, checks: set[str]):
    """A single falsified value makes exactly the checks fail that depend on it."""
    assert checks == failed(audited(*doctor(*story())))


def test_what_may_be_on_its_way_is_left_out():
    """While an engine runs, what one side alone knows since a moment ago is no difference."""
    records, venue = _invented_fill(*story())

    assert "fills.venue" not in failed(audited(records, venue, settled_ns=START_NS + 3_000_000))


def test_a_given_up_order_with_evidence_is_fine():
    """The reason on record is what makes giving an order up acceptable."""
    records, venue = _no_evidence(*story())
    row = EvidenceRow("x3E4", START_NS, "absent", "open orders, history, fills")

    assert failed(audited(replace(records, evidence={"x3E4": (row,)}), venue)) == set()


def test_a_venue_that_cannot_be_asked_is_said_and_not_passed_over():
    """Checks that need the venue are skipped by name, the others are carried out."""
    findings = audit_bot(story()[0], None, settled_ns=LATER_NS)
    skipped = {item.check for item in findings if item.verdict is Verdict.SKIPPED}

    assert skipped == {
        "orders.once", "orders.known", "orders.same", "orders.ended", "fills.venue",
        "settlements.venue",
    }  # fmt: skip
