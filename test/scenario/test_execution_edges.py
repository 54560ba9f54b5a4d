"""Words of a venue that are rare, out of place or too late, and what is made of each."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    FillData,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.domain.events import FundingPaid, OrderAccepted, OrderEnded, OrderFilled, OrderUnknown
from core.errors import CtosError, JournalError, OrderNotFound, OrderRejected, TransportError
from core.services.execution import listener, order_manager
from core.services.ports import Transaction
from core.testing.execution import BOT, SYMBOL, Bench, cancel, instrument, order
from core.testing.scripted_venue import Create

D = Decimal
TIGHT = Capabilities(market_types=frozenset({ExchangeType.PERPETUAL}), orders_per_minute=5)


def codes(bench: Bench) -> list[str]:
    """Of the alarms, oldest first."""
    return [alarm.code for alarm in bench.alarms]


def ends(bench: Bench, client_order_id: str) -> list[OrderEnded]:
    """The ends that the bot heard of one order."""
    return [end for end in bench.inbox.of(OrderEnded) if end.client_order_id == client_order_id]


def appear(bench: Bench, client_order_id: str) -> OrderData:
    """An order with one of our ids rests at the venue all of a sudden."""
    late = bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")
    bench.venue.orders[late.order_id] = replace(late, client_order_id=client_order_id)
    return bench.venue.orders[late.order_id]


def filled_unheard(bench: Bench, client_order_id: str, amount: str | None = None) -> FillData:
    """An execution that the private stream tells nothing of."""
    return bench.venue.execute(bench.venue.by_client_id(client_order_id), amount)


# -- creates ------------------------------------------------------------------------------------


def test_an_order_that_shows_at_the_venue_before_it_was_sent_is_never_sent(tmp_path: Path):
    """It waits for its turn while the stream tells of its id: another create would double it."""
    bench = Bench(tmp_path, capabilities=TIGHT)
    bench.attach()
    bench.step(*(order(f"a{number}") for number in range(6)))
    bench.wait(0.01)
    waiting = f"a{len(bench.venue.creates)}"
    shown = bench.do(lambda: appear(bench, waiting))
    bench.do(lambda: bench.venue.tell(shown))
    bench.wait(120)

    assert waiting not in bench.venue.creates
    assert bench.stored(waiting).state == "ACKED"
    assert bench.stored(waiting).order_id == shown.order_id
    bench.close()


def test_an_order_whose_new_deadline_cannot_be_written_never_leaves(tmp_path: Path):
    """P2: it waited long, the disk fails, and nothing goes out that the journal does not know."""
    bench = Bench(tmp_path, capabilities=TIGHT)
    bench.attach()
    bench.step(*(order(f"a{number}") for number in range(6)))
    bench.wait(0.01)
    sent = list(bench.venue.creates)

    async def broken(transaction: Transaction) -> None:
        raise JournalError("the disk is gone")

    bench.journal.commit = broken  # type: ignore[method-assign]
    bench.wait(150)

    assert bench.venue.creates == sent
    waiting = f"a{len(sent)}"
    (end,) = ends(bench, waiting)
    assert (end.status, end.code, end.filled) == (OrderStatus.REJECTED, "JOURNAL", 0)
    assert bench.service._bots[BOT].exposure.buys == 500 * len(sent)
    bench.close()


def test_a_failure_that_says_nothing_of_the_venue_leaves_the_order_unknown(bench: Bench):
    """P3: only the words of the list are a no; it rests, is found, and is not sent again."""
    create = bench.venue.create_order

    async def broken(*args: object, **kwargs: object) -> OrderData:
        await create(*args, **kwargs)  # type: ignore[arg-type]
        raise CtosError("something of ours broke")

    bench.venue.is_stream_silent = True
    bench.venue.create_order = broken  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.wait(5)

    assert len(bench.inbox.of(OrderUnknown)) == 1
    assert bench.venue.creates == ["a1"]
    assert bench.stored("a1").state == "ACKED"
    assert bench.journal.evidence("a1")[0].kind == "NO_ANSWER"


def test_a_refusal_of_an_order_that_the_stream_told_of_means_nothing(bench: Bench):
    """The no was about something else, for instance a doubled delivery: the order lives on."""
    create = bench.venue.create_order

    async def refused(*args: object, **kwargs: object) -> OrderData:
        await create(*args, **kwargs)  # type: ignore[arg-type]
        raise OrderRejected("the venue refused the order.", code="DOUBLED")

    bench.venue.create_order = refused  # type: ignore[method-assign]
    bench.place("a1")

    assert ends(bench, "a1") == []
    assert bench.stored("a1").state == "ACKED"
    assert bench.service.open_orders(BOT) == 1
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    assert bench.service.ledger(BOT).position == D("0.5")


def test_an_answer_with_another_amount_is_not_about_our_order(bench: Bench):
    """T5: a person is called, and nothing that it says is believed."""
    bench.place("a1")
    told = replace(
        bench.venue.by_client_id("a1"), amount=D("0.7"), filled=D("0.7"), status=OrderStatus.FILLED
    )
    bench.do(lambda: bench.venue.tell(told))

    assert codes(bench) == ["MISMATCHED_ANSWER"]
    assert ends(bench, "a1") == []
    assert bench.stored("a1").state == "ACKED"


def test_a_market_order_is_recognised_without_a_price(bench: Bench):
    """A venue that shows one for it, or none, speaks of it all the same."""
    bench.step(order("m1", price=None))
    bench.wait(0.01)
    priced = replace(bench.venue.by_client_id("m1"), price=D("100.3"))
    bench.do(lambda: bench.venue.tell(priced))
    bench.do(lambda: bench.venue.fill("m1", price="100.3"))
    bench.step()

    assert codes(bench) == []
    assert bench.venue.by_client_id("m1").order_type is OrderType.MARKET
    assert bench.service.ledger(BOT).position == D("0.5")


def test_an_order_that_the_venue_itself_calls_rejected_was_never_accepted(bench: Bench):
    """It did not answer, and the venue's own record says refused: nothing was ever accepted."""
    create = bench.venue.create_order

    async def refused_unsaid(*args: object, **kwargs: object) -> OrderData:
        await create(*args, **kwargs)  # type: ignore[arg-type]
        bench.venue.end("a1", OrderStatus.REJECTED, is_told=False)
        raise TransportError("no answer")

    bench.venue.is_stream_silent = True
    bench.venue.create_order = refused_unsaid  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.wait(5)

    (end,) = ends(bench, "a1")
    assert (end.status, end.filled, end.is_ours) == (OrderStatus.REJECTED, 0, False)
    assert bench.inbox.of(OrderAccepted) == []
    assert bench.stored("a1").state == "REJECTED"
    assert bench.service.open_orders(BOT) == 0


# -- executions ---------------------------------------------------------------------------------


def test_an_execution_off_the_lot_is_booked_as_the_venue_says_and_alarmed(bench: Bench):
    """The ledger takes its amount to the last digit; lots are what is whole of it."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", "0.1005"))
    bench.step()

    assert codes(bench) == ["FILL_OFF_LOT"]
    assert bench.fills()[0].amount == 100
    assert bench.service.ledger(BOT).position == D("0.1005") == bench.venue.position


def test_a_fee_taken_in_base_lowers_what_is_held_by_the_whole_lot(tmp_path: Path):
    """On spot: bought 1, 0.0015 of it taken: the ledger says so exactly, risk counts whole lots."""
    bench = Bench(
        tmp_path,
        traded=instrument(market_type=ExchangeType.SPOT),
        capabilities=Capabilities(market_types=frozenset({ExchangeType.SPOT})),
    )
    bench.attach()
    bench.step(order("a1", amount=1000))
    bench.wait(0.01)
    for trade in ("t1", "t2"):
        fill = filled_unheard(bench, "a1", "0.5")
        told = replace(fill, trade_id=trade, fee=D("0.00075"), fee_currency="TEST")
        bench.venue.fills[-1] = told
        bench.venue.position -= told.fee
        bench.do(lambda told=told: bench.venue.tell(told))
    bench.step()

    ledger = bench.service.ledger(BOT)
    assert ledger.position == D("0.9985") == bench.venue.position
    assert ledger.fees == D("0.15")
    assert [fill.fee_base for fill in bench.fills()] == [D("0.00075")] * 2
    assert bench.service._bots[BOT].exposure.position == 999
    assert codes(bench) == []
    bench.run(bench.service.reconcile(BOT))
    assert bench.service._bots[BOT].foreign_position == 0
    bench.close()


def test_an_unnamed_execution_is_asked_about_and_finds_its_order(bench: Bench):
    """V3: neither our id nor an id of the venue that we know; the venue says whose it is."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.venue.is_stream_silent = True
    bench.step(order("a1"))
    bench.wait(0.01)
    fill = filled_unheard(bench, "a1")
    bench.venue.is_stream_silent = False
    bench.do(lambda: bench.venue.tell(replace(fill, client_order_id=None)))
    bench.wait(0.1)
    bench.step()

    assert [item.client_order_id for item in bench.fills()] == ["a1"]
    assert bench.service.ledger(BOT).position == D("0.5")
    assert "FOREIGN_FILL" not in codes(bench)
    bench.wait(20)
    assert bench.service.ledger(BOT).fills == 1


def test_an_execution_is_known_by_its_order_whatever_the_venue_calls_that(bench: Bench):
    """After a restart the same trade comes under another of the venue's ids: it counts once."""
    bench.place("a1")
    fill = bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.crash()
    bench.attach()
    bench.step()
    bench.service._manager._recent.clear()
    bench.service._manager._recent_ids.clear()
    bench.do(lambda: bench.venue.tell(replace(fill, order_id="v-other")))
    bench.step()

    assert bench.fills() == []
    assert bench.service.ledger(BOT).position == D("0.5")
    assert bench.service.ledger(BOT).fills == 1
    assert "LATE_FILL" not in codes(bench)


def test_a_foreign_execution_is_told_once_however_often_it_comes(bench: Bench):
    """Twice, with the word on its order in between, while it is asked about; and much later."""
    foreign = bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")
    fill = bench.venue.execute(foreign)
    for _ in range(2):
        bench.do(lambda: bench.venue.tell(fill))
        bench.do(lambda: bench.venue.tell(bench.venue.orders[foreign.order_id]))
    bench.wait(10)
    bench.do(lambda: bench.venue.tell(fill))
    bench.wait(10)

    assert codes(bench).count("FOREIGN_FILL") == 1
    assert bench.service.ledger(BOT).position == 0


def test_only_the_newest_foreign_executions_are_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Memory is bounded: the oldest would be told again, the newest would not."""
    monkeypatch.setattr(listener, "_STRANGERS_KEPT", 2)
    fills = []
    for _ in range(3):
        fills.append(bench.venue.execute(bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")))
        bench.do(lambda: bench.venue.tell(fills[-1]))
        bench.wait(8)
    assert codes(bench).count("FOREIGN_FILL") == 3

    bench.do(lambda: bench.venue.tell(fills[2]))
    bench.wait(8)
    assert codes(bench).count("FOREIGN_FILL") == 3
    bench.do(lambda: bench.venue.tell(fills[0]))
    bench.wait(8)
    assert codes(bench).count("FOREIGN_FILL") == 4


def test_a_part_filled_order_that_was_refused_is_cancelled_and_its_fills_fetched(bench: Bench):
    """P3, I12: the venue said no, and it trades: what it did is booked, the rest is taken out."""
    bench.venue.create_script.append(Create.REJECTED)
    bench.step(order("a1"))
    bench.wait(30)
    late = appear(bench, "a1")
    first = filled_unheard(bench, "a1", "0.1")
    filled_unheard(bench, "a1", "0.2")

    bench.do(lambda: bench.venue.tell(first))
    bench.do(lambda: bench.venue.tell(bench.venue.orders[late.order_id]))
    bench.wait(10)
    bench.step()

    assert {"FILLED_AFTER_REFUSAL", "REVIVED"} <= set(codes(bench))
    assert bench.venue.orders[late.order_id].status is OrderStatus.CANCELED
    assert bench.service.ledger(BOT).position == D("0.3") == bench.venue.position
    assert bench.venue.creates == ["a1"]


def test_settlements_are_known_again_however_many_there_were(bench: Bench):
    """Only the newest are in memory; the journal knows the others, and none counts twice."""
    payments = [bench.do(lambda: bench.venue.settle("0.5")) for _ in range(70)]
    for payment in payments:
        bench.do(lambda payment=payment: bench.venue.tell(payment))

    assert len(bench.service._bots[BOT].settled) == 64
    assert len(bench.inbox.of(FundingPaid)) == 70
    assert bench.service.ledger(BOT).funding == 35


def test_what_the_stream_says_during_a_start_is_taken_in_once_the_orders_are_known(bench: Bench):
    """An execution before the journal was read: neither foreign nor lost nor counted twice."""
    bench.place("a1")
    bench.run(bench.journal.flush())
    bench.crash()
    flush = bench.journal.flush
    told: list[FillData] = []

    async def meanwhile() -> None:
        if not told:
            told.append(bench.venue.fill("a1", "0.2"))
        await flush()

    bench.journal.flush = meanwhile  # type: ignore[method-assign]
    bench.attach()
    bench.wait(10)
    bench.step()

    assert [fill.amount for fill in bench.fills()] == [200]
    assert bench.service.ledger(BOT).position == D("0.2") == bench.venue.position
    assert codes(bench) == []
    exposure = bench.service._bots[BOT].exposure
    assert (exposure.position, exposure.buys) == (200, 300)


def test_a_part_that_filled_is_no_longer_counted_as_open(bench: Bench):
    """Risk: what a fill takes from the open orders it adds to the position, to the lot."""
    bench.place("a1")
    bench.place("s1", OrderSide.SELL, 1100)
    bench.do(lambda: bench.venue.fill("a1", "0.2"))
    bench.do(lambda: bench.venue.fill("s1", "0.1"))
    exposure = bench.service._bots[BOT].exposure
    assert (exposure.position, exposure.buys, exposure.sells) == (100, 300, 400)

    bench.do(lambda: bench.venue.end("a1", OrderStatus.CANCELED))
    assert (exposure.position, exposure.buys, exposure.sells) == (100, 0, 400)
    assert exposure.open_orders == 1


def test_an_execution_beyond_the_order_is_counted_as_it_is(bench: Bench):
    """V7: half a unit ordered, seven tenths bought: the books hold what the venue holds."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", "0.7"))
    bench.step()

    exposure = bench.service._bots[BOT].exposure
    assert (exposure.position, exposure.buys) == (700, 0)
    assert bench.service.ledger(BOT).position == D("0.7") == bench.venue.position
    assert codes(bench) == ["OVERFILLED"]
    assert ends(bench, "a1")[0].filled == 700


def test_an_execution_is_foreign_after_some_seconds_and_not_before(bench: Bench):
    """V3: the venue is asked whose it is; five seconds it may not know."""
    fill = bench.venue.execute(bench.venue.place_foreign(OrderSide.BUY, "100", "0.5"))
    bench.do(lambda: bench.venue.tell(fill))
    bench.wait(4.5)
    assert codes(bench) == []
    bench.wait(3)
    assert codes(bench) == ["FOREIGN_FILL"]


def test_the_word_on_one_order_says_nothing_of_the_fills_of_another(bench: Bench):
    """Two foreign executions are held; the order of one is told of: both are told, each once."""
    orders = [bench.venue.place_foreign(OrderSide.BUY, "100", "0.5") for _ in range(2)]
    for foreign in orders:
        fill = bench.venue.execute(foreign)
        bench.do(lambda fill=fill: bench.venue.tell(fill))
    bench.do(lambda: bench.venue.tell(bench.venue.orders[orders[0].order_id]))
    bench.wait(10)

    texts = sorted(alarm.text for alarm in bench.alarms if alarm.code == "FOREIGN_FILL")
    assert ["t3" in texts[0], "t4" in texts[1]] == [True, True]
    assert len(texts) == 2


# -- the private stream -------------------------------------------------------------------------


def test_a_word_that_names_only_our_own_id_is_taken_in(bench: Bench):
    """Without the venue's id; the order keeps the one it has."""
    bench.place("a1")
    known = bench.stored("a1").order_id
    ended = replace(bench.venue.by_client_id("a1"), order_id="", status=OrderStatus.CANCELED)
    bench.do(lambda: bench.venue.tell(ended))

    (end,) = ends(bench, "a1")
    assert end.status is OrderStatus.CANCELED
    assert bench.stored("a1").order_id == known


def test_a_foreign_order_is_told_once_while_the_stream_repeats_it(bench: Bench):
    """And one of a symbol that no bot of ours trades is nobody's business."""
    foreign = bench.venue.place_foreign(OrderSide.BUY, "50", "0.5")
    for _ in range(3):
        bench.do(lambda: bench.venue.tell(foreign))
    bench.do(lambda: bench.venue.tell(replace(foreign, order_id="v77", symbol="ELSE-USDC-PERP")))

    assert codes(bench) == ["FOREIGN_ORDER"]
    assert bench.service._bots[BOT].foreign_orders == {foreign.order_id}


def test_an_order_of_an_earlier_life_is_not_called_foreign(bench: Bench):
    """The journal knows its id; the next comparison deals with it."""
    bench.place("a1")
    bench.do(lambda: bench.venue.end("a1", OrderStatus.CANCELED))
    bench.step()
    bench.crash()
    bench.attach()
    bench.step()
    bench.wait(1)
    shown = replace(bench.venue.by_client_id("a1"), status=OrderStatus.OPEN)
    bench.service._manager._recent.clear()
    bench.service._manager._recent_ids.clear()
    bench.do(lambda: bench.venue.tell(shown))

    assert codes(bench) == []
    assert bench.service._bots[BOT].foreign_orders == frozenset()


def test_an_unnamed_order_may_be_the_answer_to_a_create_under_way(bench: Bench):
    """It is not called foreign while one of ours has no id of the venue's yet."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.step(order("a1"))
    bench.wait(0.01)
    shown = replace(bench.venue.by_client_id("a1"), client_order_id=None)
    bench.do(lambda: bench.venue.tell(shown))
    assert codes(bench) == []

    bench.wait(10)
    assert bench.stored("a1").order_id == shown.order_id
    assert codes(bench) == []


def test_nothing_is_asked_after_the_end(bench: Bench):
    """An echo that was expected, and executions that were missing, when everything was closed."""
    bench.place("b1", OrderSide.BUY, 990)
    bench.venue.is_stream_silent = True
    bench.place("a1")
    bench.venue.is_stream_silent = False
    bench.venue.hides_fills = True
    filled_unheard(bench, "b1")
    bench.do(lambda: bench.venue.tell(bench.venue.by_client_id("b1")))
    bench.run(bench.service.close())
    asked = len(bench.venue.questions)
    bench.wait(30)

    assert len(bench.venue.questions) == asked


def test_orders_that_the_stream_does_not_tell_of_share_one_comparison(bench: Bench):
    """T16: three acknowledged within a second, not a word of any: asked for together."""
    bench.venue.is_stream_silent = True
    for number in range(3):
        bench.place(f"a{number}", OrderSide.BUY, 990 - number)
        filled_unheard(bench, f"a{number}", "0.1")
    bench.venue.questions.clear()
    bench.wait(2.1)
    bench.step()

    assert bench.venue.questions.count("get_open_orders") == 1
    assert bench.service.ledger(BOT).position == D("0.3") == bench.venue.position


def test_while_the_stream_stays_silent_executions_are_asked_for_every_few_seconds(bench: Bench):
    """T16: it never said a word since the order was taken in; a fill a minute later is found."""
    bench.venue.is_stream_silent = True
    bench.place("a1")
    bench.wait(60)
    filled_unheard(bench, "a1", "0.2")
    bench.wait(5)
    bench.step()

    assert bench.service.ledger(BOT).position == D("0.2")


def test_a_bot_that_left_is_not_asked_about_any_more(bench: Bench):
    """Neither the echo of its order nor missing executions: its next start looks for both."""
    bench.place("b1", OrderSide.BUY, 990)
    bench.venue.is_stream_silent = True
    bench.place("a1")
    bench.venue.is_stream_silent = False
    bench.venue.hides_fills = True
    filled_unheard(bench, "b1")
    bench.do(lambda: bench.venue.tell(bench.venue.by_client_id("b1")))
    bench.run(bench.service.detach(BOT, is_closed=False))
    asked = len(bench.venue.questions)
    bench.wait(30)
    assert len(bench.venue.questions) == asked

    bench.venue.hides_fills = False
    bench.attach()
    bench.wait(5)
    bench.step()
    assert bench.service.ledger(BOT).position == D("0.5") == bench.venue.position


# -- cancels ------------------------------------------------------------------------------------


def test_an_order_that_ended_while_it_was_asked_for_did_not_vanish(bench: Bench):
    """The venue knew it not as open, tells its fill, and answers late that it knows nothing."""
    bench.place("a1")
    ask = bench.venue.get_order

    async def late(order_id: str | None, symbol: str, **ids: str | None) -> OrderData:
        await ask(order_id, symbol, **ids)
        bench.venue.fill("a1")
        raise OrderNotFound("it does not know the order.")

    async def gone(order_id: str, symbol: str) -> OrderData:
        raise OrderNotFound("not open.")

    bench.venue.get_order = late  # type: ignore[method-assign,assignment]
    bench.venue.cancel_order = gone  # type: ignore[method-assign]
    bench.step(cancel("a1"))
    bench.wait(10)
    bench.step()

    (end,) = ends(bench, "a1")
    assert (end.status, end.filled) == (OrderStatus.FILLED, 500)
    assert "MISSING" not in [row.kind for row in bench.journal.evidence("a1")]
    assert bench.service.ledger(BOT).position == D("0.5")


def test_a_cancel_is_wanted_once(bench: Bench):
    """A second step that cancels the same order adds neither a request nor a line of evidence."""
    bench.place("a1")
    bench.step(cancel("a1"), cancel("a1"))
    bench.wait(1)

    kinds = [row.kind for row in bench.journal.evidence("a1")]
    assert kinds.count("CANCEL_ASKED") == 1
    assert bench.venue.cancels == [bench.stored("a1").order_id]


# -- absence ------------------------------------------------------------------------------------


def test_an_order_that_shows_while_its_absence_is_concluded_is_believed(bench: Bench):
    """Everything said no, and while the position is asked the stream tells of it: it lives."""
    bench.venue.create_script.append(Create.LOST_BEFORE)
    ask = bench.venue.get_positions
    shown: list[OrderData] = []

    async def meanwhile(symbols: object = None) -> object:
        found = await ask()
        if not shown:
            shown.append(appear(bench, "a1"))
            bench.venue.tell(shown[0])
        return found

    bench.step(order("a1"))
    bench.venue.get_positions = meanwhile  # type: ignore[method-assign,assignment]
    bench.wait(30)

    assert shown
    assert bench.stored("a1").state == "ACKED"
    assert ends(bench, "a1") == []
    assert bench.venue.creates == ["a1"]


def test_the_lists_find_an_order_that_cannot_be_asked_for_by_its_id(bench: Bench):
    """No answer about the one order; the list of open ones names it."""

    async def broken(*args: object, **kwargs: object) -> OrderData:
        raise TransportError("no answer")

    bench.venue.get_order = broken  # type: ignore[method-assign]
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.LOST_AFTER)
    bench.step(order("a1"))
    bench.wait(3)

    assert bench.stored("a1").state == "ACKED"
    assert bench.venue.creates == ["a1"]


def test_the_list_of_executions_finds_an_order_that_the_others_do_not_know(bench: Bench):
    """It filled at once: only its execution tells of it, and that is enough."""
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.FILLED_LOST_AFTER)
    ask = bench.venue.get_order

    async def unknown(*args: object, **kwargs: object) -> OrderData:
        await ask("", SYMBOL)
        raise OrderNotFound("unknown")

    bench.venue.get_order = unknown  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.wait(3)
    bench.step()

    (end,) = ends(bench, "a1")
    assert (end.status, end.filled) == (OrderStatus.FILLED, 500)
    assert bench.service.ledger(BOT).position == D("0.5")


def test_a_position_that_fits_keeps_an_order_in_doubt_and_is_kept_as_evidence(bench: Bench):
    """Lists lag and say no, but the venue holds what the order could have bought."""
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.venue.position = D("0.2")
    bench.wait(40)

    assert ends(bench, "a1") == []
    assert bench.stored("a1").state == "UNKNOWN"
    kinds = {row.kind for row in bench.journal.evidence("a1")}
    assert "POSITION_DIFFERS" in kinds

    bench.venue.position = D("0.7")
    bench.wait(10)
    (end,) = ends(bench, "a1")
    assert end.code == "NOT_PLACED"


def test_a_position_that_cannot_be_asked_for_keeps_an_order_in_doubt(bench: Bench):
    """Without that answer nothing is concluded; with it the absence is."""
    ask = bench.venue.get_positions

    async def broken(symbols: object = None) -> object:
        raise TransportError("no answer")

    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.venue.get_positions = broken  # type: ignore[method-assign,assignment]
    bench.wait(40)
    assert bench.stored("a1").state == "UNKNOWN"

    bench.venue.get_positions = ask  # type: ignore[method-assign]
    bench.wait(10)
    assert bench.stored("a1").state == "NOT_PLACED"


def test_two_orders_that_get_lost_in_one_moment_are_both_looked_for(bench: Bench):
    """The second and third wake the search for the first; each is found and none is sent again."""
    bench.venue.is_stream_silent = True
    bench.venue.create_script.extend([Create.LOST_BEFORE, Create.LOST_AFTER, Create.LOST_AFTER])
    bench.step(order("a1"))
    bench.wait(3)
    bench.step(order("a2", price=990), order("a3", price=980))
    bench.wait(0.1)

    assert [bench.stored(key).state for key in ("a1", "a2", "a3")] == ["UNKNOWN", "ACKED", "ACKED"]
    bench.wait(30)
    assert bench.stored("a1").state == "NOT_PLACED"
    assert bench.venue.creates == ["a1", "a2", "a3"]


# -- memory -------------------------------------------------------------------------------------


def test_only_the_newest_orders_that_are_over_stay_in_memory(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """A doubled execution of one that is remembered, or is not, changes nothing either way."""
    monkeypatch.setattr(order_manager, "_RECENT", 2)
    fills = []
    for number in range(4):
        bench.place(f"a{number}")
        fills.append(bench.do(lambda number=number: bench.venue.fill(f"a{number}")))
        bench.step()
    for fill in fills:
        bench.do(lambda fill=fill: bench.venue.tell(fill))
    bench.wait(10)
    bench.step()

    assert len(bench.service._manager._recent) == len(bench.service._manager._recent_ids) == 2
    assert bench.service.ledger(BOT).fills == 4
    assert bench.service.ledger(BOT).position == 2 == bench.venue.position
    assert codes(bench) == []


def test_ends_that_nobody_took_in_are_not_kept_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """The bot takes in nothing later than the first of them: the oldest beyond the bound settle."""
    monkeypatch.setattr(order_manager, "_ENDS_KEPT", 2)
    bench.place("f1")
    for number in range(5):
        bench.place(f"a{number}", OrderSide.BUY, 990)
    bench.do(lambda: bench.venue.fill("f1", "0.1"))
    for number in range(5):
        bench.do(lambda number=number: bench.venue.end(f"a{number}", OrderStatus.CANCELED))
    bench.step()

    kept = list(bench.service._bots[BOT].ends)
    assert kept == ["a3", "a4"]
    bench.crash()
    bench.attach()
    assert [end.client_order_id for end in bench.inbox.of(OrderEnded)] == kept


def test_work_that_fails_in_the_background_calls_a_person(bench: Bench):
    """It ends nothing else."""

    async def broken() -> None:
        await asyncio.sleep(0)
        raise ValueError("no such thing")

    bench.do(lambda: bench.service._desk.spawn(broken(), "count beans"))
    bench.wait(0.1)
    bench.place("a1")

    (alarm,) = bench.alarms
    assert alarm.code == "TASK_FAILED"
    assert "count beans failed" in alarm.text
    assert len(bench.inbox.of(OrderAccepted)) == 1


def test_fills_of_an_order_of_two_runs_count_once_each(bench: Bench):
    """One execution before the crash and one after: together the whole order, nothing twice."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", "0.2"))
    bench.step()
    bench.crash()
    bench.attach()
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()

    assert [fill.amount for fill in bench.inbox.of(OrderFilled)] == [300]
    assert bench.service.ledger(BOT).position == D("0.5")
    assert bench.service._bots[BOT].exposure.buys == 0
    assert bench.service._bots[BOT].exposure.position == 500
