"""What TWS's words, numbers and hours mean, without a connection."""

import math
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.contracts import ContractName, listed_of, name_of, symbol_of
from core.adapters.exchanges.ibkr.errors import (
    Meaning,
    cancel_error,
    meaning_of,
    order_error,
    request_error,
)
from core.adapters.exchanges.ibkr.executions import Executions, Taken
from core.adapters.exchanges.ibkr.library import load_library
from core.adapters.exchanges.ibkr.orders import OrderBook
from core.adapters.exchanges.ibkr.place import Place, account_problem, is_paper, read_place
from core.adapters.exchanges.ibkr.sessions import read_hours, read_sessions
from core.adapters.exchanges.models import (
    ExchangeType,
    FillData,
    Liquidity,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import (
    AuthError,
    ConfigError,
    DuplicateClientOrderId,
    ExtraMissing,
    InsufficientFunds,
    MalformedMessage,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)
from core.testing.clock import ManualClock
from core.testing.venues.tws.contracts import HALF_DAY, HALF_DAY_LIQUID, NEW_YORK

D = Decimal
AT = datetime(2026, 11, 20, 15, 0, 1, tzinfo=UTC)
FILL = FillData(
    venue="ibkr",
    account="DU1",
    symbol="NVDA-USD-SPOT",
    trade_id="0000e0d5.6520cd0e.01",
    order_id="7",
    side=OrderSide.BUY,
    price=D("180.1"),
    amount=D("5"),
    at=AT,
)


# -- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, expected",
    [
        (0.1, "0.1"),
        (179.995, "179.995"),
        (1.15005, "1.15005"),
        (100.0, "100.0"),
        (1e-05, "0.00001"),
        ("10000.25", "10000.25"),
        (3, "3"),
    ],
)
def test_a_number_is_the_text_that_tws_wrote(value, expected):
    """Not one digit of a float's own tail comes through."""
    assert convert.exact(value) == D(expected)


@pytest.mark.parametrize(
    "value", [1.7976931348623157e308, 2147483647, 2147483647.0, math.nan, math.inf, "", None, "NaN"]
)
def test_what_was_not_set_is_unknown(value):
    """The four spellings of nothing become None, never a number."""
    assert convert.exact(value) is None


@pytest.mark.parametrize("value", [-1.0, 0.0, math.nan])
def test_no_price_is_none(value):
    """-1, 0 and NaN are how TWS says that there is no quote."""
    assert convert.quoted(value, D("0.01")) is None


def test_a_quote_is_put_on_its_tick():
    """What a float adds is taken off; a price that is truly between ticks stays."""
    assert convert.quoted(0.1 + 0.2, D("0.01")) == D("0.3")
    assert convert.quoted(180.005, D("0.01")) == D("180.005")
    assert convert.quoted(1.15005, D("0.00005")) == D("1.15005")


@pytest.mark.parametrize(
    "shares, price, expected", [("100", "25", "1.00"), ("1000", "25", "5.00"), ("1", "25", "0.25")]
)
def test_the_fixed_commission_has_a_least_and_a_most(shares, price, expected):
    """Half a cent a share, at least one dollar, at most one percent of the value."""
    assert convert.fixed_commission(D(shares), D(price)) == D(expected)


# -- orders and executions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word, filled, status",
    [
        ("PendingSubmit", "0", OrderStatus.PENDING),
        ("PreSubmitted", "0", OrderStatus.OPEN),
        ("Submitted", "1", OrderStatus.PARTIALLY_FILLED),
        ("PendingCancel", "0", OrderStatus.OPEN),
        ("ApiCancelled", "1", OrderStatus.CANCELED),
        ("Filled", "2", OrderStatus.FILLED),
        ("Inactive", "0", OrderStatus.UNKNOWN),
        ("SomethingNew", "0", OrderStatus.UNKNOWN),
    ],
)
def test_statuses_are_read(word, filled, status):
    """A cancel that is asked for leaves an order open; a word nobody knows is UNKNOWN."""
    assert convert.status_of(word, D(filled), D("2")) is status


def execution(exec_id="0000e0d5.6520cd0e.01.01", **changes):
    """An execution as the library gives it."""
    values = {
        "execId": exec_id,
        "time": AT,
        "acctNumber": "DU1",
        "side": "SLD",
        "shares": 5.0,
        "price": 180.1,
        "permId": 7,
        "orderRef": "a1",
        "lastLiquidity": 1,
        **changes,
    }
    return SimpleNamespace(**values)


def test_an_execution_is_read():
    """Ids, side, price and amount to the digit, and who made the market."""
    fill = convert.fill_of(execution(), "NVDA-USD-SPOT", "DU1")

    assert (fill.trade_id, fill.order_id, fill.client_order_id) == (
        "0000e0d5.6520cd0e.01",
        "7",
        "a1",
    )
    assert (fill.side, fill.price, fill.amount) == (OrderSide.SELL, D("180.1"), D("5"))
    assert fill.liquidity is Liquidity.MAKER
    assert fill.at == AT


@pytest.mark.parametrize(
    "changes",
    [{"price": 0.0}, {"price": math.nan}, {"shares": 0.0}, {"side": "?"}, {"time": None}],
)
def test_an_execution_without_sense_is_refused(changes):
    """Nothing is booked from half a message."""
    with pytest.raises(MalformedMessage):
        convert.fill_of(execution(**changes), "NVDA-USD-SPOT", "DU1")


def test_the_last_part_of_an_execution_id_counts_corrections():
    """The rest of it stays the same."""
    assert convert.split_exec_id("a.b.01.02") == ("a.b.01", 2)
    assert convert.split_exec_id("odd") == ("odd", 1)


def test_a_correction_before_it_was_told_takes_its_place():
    """Then only what is right is ever told."""
    known = Executions()
    known.take("x.01", FILL)

    assert known.take("x.02", replace(FILL, price=D("180.2"))) is Taken.REPLACED
    assert known.of("x").fill.price == D("180.2")


def test_a_correction_of_what_was_told_is_no_second_execution():
    """It is reported; an older revision that comes late says nothing."""
    known = Executions()
    known.take("x.01", FILL)
    known.of("x").is_told = True

    assert known.take("x.01", FILL) is Taken.KNOWN
    assert known.take("x.02", replace(FILL, price=D("180.2"))) is Taken.CORRECTED
    assert known.take("x.01", FILL) is Taken.KNOWN
    assert known.told_amount("7") == D("5")


def test_a_commission_may_come_before_its_execution():
    """It is kept until then, and belongs to one execution alone."""
    known = Executions()
    known.pay("x.01", D("1.00"), "USD")
    known.take("y.01", FILL)
    known.take("x.01", FILL)

    assert (known.of("x").fill.fee, known.of("x").fill.fee_currency) == (D("1.00"), "USD")
    assert known.waiting() == ["y"]


def order(**changes):
    """An order as the library gives it."""
    values = {
        "action": "BUY",
        "totalQuantity": 5.0,
        "orderType": "LMT",
        "lmtPrice": 180.1,
        "tif": "GTC",
        "orderRef": "a1",
        "clientId": 71,
        "permId": 7,
        "filledQuantity": 0.0,
        **changes,
    }
    return SimpleNamespace(**values)


def test_an_order_is_one_under_all_its_names():
    """By the venue's id, by ours, and by the number of the client that placed it."""
    book = OrderBook()
    entry = book.take_open("NVDA-USD-SPOT", 3, order(), "Submitted", AT)
    book.take_status(3, "Submitted", 2.0, 180.1, 7, 71, AT)

    assert book.find("7", None) is book.find(None, "a1") is book.numbered(71, 3) is entry
    data = entry.data()
    assert (data.status, data.filled, data.average_price) == (
        OrderStatus.PARTIALLY_FILLED,
        D("2"),
        D("180.1"),
    )


def test_an_order_that_ended_stays_ended():
    """A status that comes late does not open it again, and what filled never becomes less."""
    book = OrderBook()
    entry = book.take_open("NVDA-USD-SPOT", 3, order(), "Submitted", AT)
    book.take_status(3, "Filled", 5.0, 180.1, 7, 71, AT)
    book.take_status(3, "Submitted", 2.0, 180.1, 7, 71, AT)
    book.take_open("NVDA-USD-SPOT", 3, order(), "Submitted", AT)

    assert (entry.status, entry.filled, entry.ended_at) == (OrderStatus.FILLED, D("5"), AT)


def test_a_completed_order_without_its_amount_has_what_filled():
    """IBKR tells the quantity of a filled order as 0 when the day's orders are asked for."""
    book = OrderBook()
    state = SimpleNamespace(status="Filled", completedTime="20261120 10:00:01 US/Eastern")
    entry = book.take_completed(
        "NVDA-USD-SPOT", order(totalQuantity=0.0, filledQuantity=5.0), state
    )

    assert (entry.amount, entry.filled, entry.status) == (D("5"), D("5"), OrderStatus.FILLED)
    assert entry.ended_at == datetime(2026, 11, 20, 15, 0, 1, tzinfo=UTC)


def test_a_number_that_was_given_out_again_is_another_order():
    """TWS can begin its numbers anew; the lasting id tells both orders apart."""
    book = OrderBook()
    first = book.take_open("NVDA-USD-SPOT", 3, order(), "Submitted", AT)
    second = book.take_open("NVDA-USD-SPOT", 3, order(permId=8, orderRef="b1"), "Submitted", AT)

    assert first is not second
    assert book.find("7", None).ref == "a1"
    assert book.find("8", None).ref == "b1"


# -- hours ----------------------------------------------------------------------------------------


def test_half_days_and_holidays_are_in_the_hours():
    """Thanksgiving is closed, and the day after ends at one in New York, 18:00 UTC."""
    hours = read_hours(HALF_DAY, HALF_DAY_LIQUID, NEW_YORK)
    half = min(hours.liquid, key=lambda session: session.closes - session.opens)

    assert half.closes == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert not hours.is_open(datetime(2026, 11, 26, 16, 0, tzinfo=UTC))
    assert hours.is_open(datetime(2026, 11, 27, 17, 59, tzinfo=UTC))
    assert not hours.is_open(half.closes)
    assert hours.next_open(datetime(2026, 11, 26, 16, 0, tzinfo=UTC)) == half.opens
    assert hours.closes(half.opens) == half.closes
    assert hours.next_open(half.closes) is None


def test_hours_follow_daylight_saving():
    """The same local opening is an hour later in UTC after the first Sunday of November."""
    before, after = read_sessions(
        "20261030:0930-20261030:1600;20261102:0930-20261102:1600", NEW_YORK
    )

    assert (before.opens.hour, after.opens.hour) == (13, 14)
    assert before.closes - before.opens == after.closes - after.opens == timedelta(hours=6.5)


def test_a_session_may_pass_midnight_and_come_in_the_short_spelling():
    """Pairs open at 17:15 for the next day; older versions leave the second date out."""
    (pair,) = read_sessions("20261119:1715-20261120:1700", NEW_YORK)
    (short,) = read_sessions("20261120:0930-1600", NEW_YORK)

    assert pair.closes - pair.opens == timedelta(hours=23, minutes=45)
    assert short.closes == datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text, zone",
    [
        ("20261120:0930-20261120:1600", "Nowhere/Land"),
        ("20261120:0930", NEW_YORK),
        ("20261120:1600-20261120:0930", NEW_YORK),
        ("soon-later", NEW_YORK),
    ],
)
def test_hours_that_make_no_sense_are_refused(text, zone):
    """No session is guessed."""
    with pytest.raises(MalformedMessage):
        read_sessions(text, zone)


# -- contracts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "symbol, name",
    [
        ("NVDA-USD-SPOT", ("STK", "NVDA", "SMART", "USD")),
        ("BRK.B-USD-SPOT", ("STK", "BRK B", "SMART", "USD")),
        ("EUR-USD-SPOT", ("CASH", "EUR", "IDEALPRO", "USD")),
        ("BTC-USD-SPOT", ("CRYPTO", "BTC", "PAXOS", "USD")),
        ("SOL-USD-SPOT", ("CRYPTO", "SOL", "ZEROHASH", "USD")),
    ],
)
def test_symbols_name_contracts_and_contracts_symbols(symbol, name):
    """There and back."""
    kind, base, exchange, currency = name
    found = name_of(symbol)

    assert found == ContractName(sec_type=kind, symbol=base, exchange=exchange, currency=currency)
    contract = SimpleNamespace(secType=kind, symbol=base, currency=currency)
    assert symbol_of(contract) == symbol


@pytest.mark.parametrize("symbol", ["BTC-USDC-PERP", "NVDA", "NVDA-USD-STOCK"])
def test_what_is_no_spot_symbol_is_not_there(symbol):
    """With one line that says how stocks are written."""
    with pytest.raises(NotSupported, match="ibkr has no"):
        name_of(symbol)


def details(**changes):
    """Contract details as the library gives them."""
    values = {
        "minTick": 0.01,
        "minSize": 0.0001,
        "sizeIncrement": 0.0001,
        "tradingHours": HALF_DAY,
        "liquidHours": HALF_DAY_LIQUID,
        "timeZoneId": NEW_YORK,
        "contract": SimpleNamespace(
            conId=4815747,
            secType="STK",
            symbol="NVDA",
            localSymbol="NVDA",
            exchange="NASDAQ",
            currency="USD",
        ),
        **changes,
    }
    return SimpleNamespace(**values)


def test_rules_come_from_the_details():
    """Tick, lot and least amount to the digit; orders are routed by IBKR."""
    listed = listed_of("NVDA-USD-SPOT", details())

    rules = listed.instrument
    assert (rules.tick_size, rules.lot_size, rules.min_amount) == (
        D("0.01"),
        D("0.0001"),
        D("0.0001"),
    )
    assert rules.market_type is ExchangeType.STOCK
    assert listed.contract.exchange == "SMART"
    assert listed.con_id == 4815747


def test_details_without_a_price_step_are_refused():
    """Nothing is traded on a guessed tick; a lot that was not told is one share."""
    with pytest.raises(MalformedMessage):
        listed_of("NVDA-USD-SPOT", details(minTick=0.0))
    unset = listed_of("NVDA-USD-SPOT", details(sizeIncrement=1.7976931348623157e308))
    assert unset.instrument.lot_size == D("1")


# -- codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code, text, kind",
    [
        (201, "Order rejected - reason:short sale", OrderRejected),
        (201, "available funds are insufficient", InsufficientFunds),
        (110, "The price does not conform", OrderRejected),
        (200, "No security definition", OrderRejected),
        (203, "not available for this account", OrderRejected),
        (103, "Duplicate order id", DuplicateClientOrderId),
        (1100, "Connectivity lost", OutcomeUnknown),
        (99_999, "something new", OutcomeUnknown),
    ],
)
def test_a_code_of_an_order_is_a_definite_no_or_proves_nothing(code, text, kind):
    """What is not listed leaves the order UNKNOWN."""
    assert type(order_error(code, text)) is kind


@pytest.mark.parametrize("code", [202, 399, 404, 2104, 2109, 10167])
def test_notices_end_no_order(code):
    """Held until the session opens, or data farms that come and go."""
    assert order_error(code, "notice") is None


def test_a_cancel_that_had_no_effect_leaves_the_order_unknown():
    """161 says that it could not be cancelled now; 10147 and 10148 that it is not open."""
    assert type(cancel_error(161, "not in a cancellable state")) is OutcomeUnknown
    assert type(cancel_error(10147, "not found")) is OrderNotFound
    assert type(cancel_error(10148, "state: Filled")) is OrderNotFound
    assert cancel_error(202, "Order Canceled") is None


def test_codes_of_the_connection_are_told_apart():
    """Lost, restored with and without data, and farms."""
    found = [meaning_of(code) for code in (1100, 1101, 1102, 2103, 2104, 2158)]

    assert found == [
        Meaning.LOST,
        Meaning.RESTORED_DATA_LOST,
        Meaning.RESTORED,
        Meaning.FARM_BROKEN,
        Meaning.FARM_OK,
        Meaning.NOTICE,
    ]


def test_a_question_fails_with_what_can_be_done():
    """A subscription to buy, a client id to change, a rate to keep."""
    assert "portal" in str(request_error(354, "not subscribed"))
    assert isinstance(request_error(326, "in use"), AuthError)
    assert isinstance(request_error(100, "too many"), RateLimited)


# -- where and whose ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "port, account, is_refused",
    [
        (7496, "U1234567", False),
        (4001, "U1234567", False),
        (7497, "DU1234567", False),
        (4002, "DU1234567", False),
        (7496, "DU1234567", True),
        (4001, "DU1234567", True),
        (7497, "U1234567", True),
        (4002, "U1234567", True),
        (9999, "U1234567", False),
        (4002, "DF1234567", False),
    ],
)
def test_a_port_and_an_account_must_be_of_one_kind(port, account, is_refused):
    """Paper at a live port, or the reverse, is refused; an unknown port says nothing."""
    place = Place(host="127.0.0.1", port=port)

    assert bool(account_problem(place, account)) is is_refused


def test_a_tunnel_to_paper_says_so_in_the_configuration():
    """`is_testnet` refuses a live account at any port."""
    place = Place(host="127.0.0.1", port=9999)

    assert account_problem(place, "U1234567", is_testnet=True)
    assert not account_problem(place, "DU1234567", is_testnet=True)
    assert is_paper("DU1")
    assert not is_paper("U1")


def test_an_address_names_host_port_and_client():
    """The client id has a default that is not 0."""
    assert read_place("tcp://127.0.0.1:4002?client_id=5") == Place(
        host="127.0.0.1", port=4002, client_id=5
    )
    assert read_place("tcp://127.0.0.1:4002").client_id > 0


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:7497", "tcp://127.0.0.1", "tcp://:7497", "tcp://h:99999"]
    + [f"tcp://127.0.0.1:7497?client_id={bad}" for bad in ("0", "x", "-1")],
)
def test_an_address_that_is_none_is_refused(url):
    """Client id 0 would bind orders that were placed by hand."""
    with pytest.raises(ConfigError, match=r"urls\.tws"):
        read_place(url)


def test_a_missing_library_names_its_install_line(monkeypatch):
    """One sentence, no traceback."""
    for name in ("ib_async", "ib_insync"):
        monkeypatch.setitem(__import__("sys").modules, name, None)

    with pytest.raises(ExtraMissing, match=r"pip install 'ctos\[ibkr\]'"):
        load_library()


LIKE_INSYNC = """
import asyncio
LOOP = asyncio.get_event_loop_policy().get_event_loop()
class Contract: pass
class Order: pass
class ExecutionFilter: pass
"""


def test_a_library_that_wants_a_loop_on_import_is_loaded_in_any_thread(tmp_path, monkeypatch):
    """ib_insync asks for the thread's event loop, and feeds are opened in a worker thread."""
    package = tmp_path / "ib_insync"
    package.mkdir()
    (package / "__init__.py").write_text(LIKE_INSYNC)
    (package / "client.py").write_text("class Client: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "ib_async", None)
    for name in ("ib_insync", "ib_insync.client"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = []

    worker = threading.Thread(target=lambda: found.append(load_library()))
    worker.start()
    worker.join()
    for name in ("ib_insync", "ib_insync.client"):
        sys.modules.pop(name, None)

    assert [item.name for item in found] == ["ib_insync"]


def test_what_is_told_of_another_account_is_left_out():
    """A login can have several: orders, executions, positions and values of others are not ours."""
    told = []
    account = Account("DU1", ManualClock(), told.append, told.append, lambda: told.append("look"))
    account.is_quiet = False
    contract = SimpleNamespace(secType="STK", symbol="NVDA", currency="USD", conId=1)

    account.order_told(5, contract, order(account="DU2"), "Submitted")
    account.execution_told(contract, SimpleNamespace(acctNumber="DU2", execId="x.01"))
    account.position_told("DU2", contract, 5.0, 180.0)
    account.value_told("DU2", "CashBalance", "100", "USD")
    account.batch_ended()

    assert told == []
    assert (account.orders.all(), account.positions(), account.balances()) == ([], [], [])


def test_lasting_ids_are_text_of_any_length():
    """A number beyond what a float holds stays the same to the digit."""
    book = OrderBook()
    entry = book.take_open("NVDA-USD-SPOT", 3, order(permId=2**63 - 1), "Submitted", AT)

    assert entry.order_id == "9223372036854775807"
    assert book.find("9223372036854775807", None) is entry


def test_orders_by_hand_have_no_number():
    """They are found by their lasting id alone, with the type they have."""
    book = OrderBook()
    entry = book.take_open(
        "NVDA-USD-SPOT", 0, order(orderType="MKT", orderRef="", clientId=0), "Submitted", AT
    )

    assert book.find("7", None) is entry
    assert book.numbered(0, 0) is None
    assert (entry.order_type, entry.price) == (OrderType.MARKET, None)
