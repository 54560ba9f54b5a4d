"""The border where text becomes values."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.decoding import (
    MICROSECOND,
    MILLISECOND,
    SECOND,
    Fields,
    Listing,
    Reading,
    decode,
    number,
    refuse_crossed,
    refuse_scaled,
    shape,
    sorted_book,
    sound,
    timeframe_of,
)
from core.adapters.exchanges.models import BookLevel, ExchangeType, OrderStatus
from core.errors import MalformedMessage, TransportError

ANY = shape("message", "a b c")
AT = datetime(2024, 8, 8, 23, 54, 16, 172000, tzinfo=UTC)
AT_MS = 1723161256172
BTC = Listing(key="BTC", symbol="BTC-USDC-PERP")


def fields(raw: object, **known: object) -> Fields:
    """Fields of a message that knows a, b and c."""
    return Fields(raw, ANY, Reading(venue="venue", **known))


def test_fractions_keep_their_text():
    """A JSON number becomes the Decimal of its text, not of a binary float."""
    assert decode(b'{"v":13.224299999999998,"w":1e-06}', venue="x") == {
        "v": Decimal("13.224299999999998"),
        "w": Decimal("0.000001"),
    }


def test_large_integers_stay_exact():
    """Ids beyond 2^53 and beyond 2^64 are exact integers."""
    assert decode(b"[562949953421312001,123456789012345678901234567890]", venue="x") == [
        562949953421312001,
        123456789012345678901234567890,
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b'{"a":',
        b"NaN",
        b'{"a":Infinity}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"1e999999999999999999999",
    ],
    ids=["empty", "html", "truncated", "nan", "infinity", "no utf-8", "deep", "huge exponent"],
)
def test_what_is_no_json_is_malformed(text):
    """Whatever is no JSON is one error, that a read may be repeated and an order is unknown."""
    with pytest.raises(MalformedMessage, match="lighter sent what is no JSON") as caught:
        decode(text, venue="lighter")

    assert isinstance(caught.value, TransportError)
    assert caught.value.reached_venue is None


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "inf",
        "-Infinity",
        "null",
        "",
        " 1",
        "1_000",
        "0x10",
        "\u0661",
        "1e9999",
        1.5,
        True,
        None,
    ],
)
def test_what_is_no_number_is_refused(value):
    """NaN, words, underscores, foreign digits, flags and binary floats are no numbers."""
    with pytest.raises(ValueError, match=r".*"):
        number(value)


def test_a_price_of_zero_or_less_is_refused():
    """A price that was traded or quoted is above zero, and the error says where it stood."""
    for bad in ("0", "-1", "0.00"):
        with pytest.raises(MalformedMessage, match=r"venue message: a should be above 0"):
            fields({"a": bad}).positive("a")


def test_zero_means_no_price_only_where_venues_write_it_so():
    """`positive_or_none` reads 0, empty and missing as unknown, and still refuses a negative."""
    assert fields({"a": "0.00"}).positive_or_none("a") is None
    assert fields({"a": ""}).positive_or_none("a") is None
    assert fields({}).positive_or_none("a") is None
    with pytest.raises(MalformedMessage, match="negative"):
        fields({"a": "-1"}).positive_or_none("a")


def test_unknown_fields_are_counted_and_ignored():
    """A field that nobody knows changes nothing and is counted under its message."""
    known = Reading(venue="venue")
    for _ in range(2):
        Fields({"a": "1", "zzz": {}}, ANY, known)

    assert known.unknown == {"message.zzz": 2}


def test_an_unknown_order_state_is_unknown_and_counted():
    """A state that nobody knows is neither open nor closed."""
    known = Reading(venue="venue")
    status = Fields({"a": "HIBERNATING"}, ANY, known).status("a", {"NEW": OrderStatus.OPEN})

    assert status is OrderStatus.UNKNOWN
    assert known.unknown == {"message:a=HIBERNATING": 1}


@pytest.mark.parametrize(
    "value",
    [AT_MS, str(AT_MS), AT_MS * 1000, AT_MS * 1_000_000],
    ids=["ms", "text", "us", "ns"],
)
def test_times_are_recognised_by_magnitude(value):
    """Milliseconds, microseconds and nanoseconds of one moment are that moment."""
    assert fields({"a": value}).time("a", MILLISECOND) == AT


def test_seconds_are_recognised_by_magnitude():
    """Seconds in a field documented in milliseconds are taken as seconds."""
    assert fields({"a": AT_MS // 1000}).time("a", MILLISECOND) == AT.replace(microsecond=0)
    assert fields({"a": AT_MS // 1000}).time("a", SECOND) == AT.replace(microsecond=0)
    assert fields({"a": AT_MS * 1000}).time("a", MICROSECOND) == AT


@pytest.mark.parametrize("value", [0, -1, 10**30, 123456789, "soon", None, 1.5])
def test_a_time_of_no_century_is_refused(value):
    """A number that is no time in any unit is refused while receiving."""
    with pytest.raises(MalformedMessage, match="message: a"):
        fields({"a": value}, received_at=AT).time("a", MILLISECOND)


def test_an_event_of_another_day_is_refused():
    """What just happened lies within a day of when it came."""
    with pytest.raises(MalformedMessage, match="more than a day"):
        fields({"a": AT_MS - 90_000_000}, received_at=AT).event_time("a", MILLISECOND)


def test_ids_are_text():
    """An id is opaque text, however it came; flags and fractions are none."""
    assert fields({"a": 281476929510110}).identifier("a") == "281476929510110"
    assert fields({"a": "0x7f"}).identifier("a") == "0x7f"
    for bad in (True, Decimal("1.0"), "", None, []):
        with pytest.raises(MalformedMessage, match="should be an id"):
            fields({"a": bad}).identifier("a")


def test_levels_come_as_pairs_or_objects():
    """Both spellings of a level give the same price and amount."""
    pairs = fields({"a": [["1.5", "2", "0", "7"]]}).levels("a", BTC)
    named = fields({"a": [{"px": "1.5", "sz": "2"}]}).levels("a", BTC, price="px", amount="sz")

    assert pairs == named == (BookLevel(Decimal("1.5"), Decimal(2)),)


@pytest.mark.parametrize("level", [["0", "1"], ["-1", "1"], ["1", "-1"], ["NaN", "1"], ["1"], "1"])
def test_a_level_that_cannot_be_is_refused(level):
    """A price of zero, a negative amount, NaN and a level without an amount are refused."""
    with pytest.raises(MalformedMessage, match="message: a"):
        fields({"a": [level]}).levels("a", BTC)


def test_a_whole_book_is_sorted_and_sane():
    """Sides come best first; a crossed, locked, doubled or empty level is refused."""
    low, high = BookLevel(Decimal(1), Decimal(1)), BookLevel(Decimal(2), Decimal(1))
    top = BookLevel(Decimal(3), Decimal(1))
    assert sorted_book(fields({}), (low, high), (top,)) == ((high, low), (top,))
    for bids, asks in (
        ((top,), (high,)),
        ((high,), (high,)),
        ((low, low), (top,)),
        ((BookLevel(Decimal(1), Decimal(0)),), (top,)),
    ):
        with pytest.raises(MalformedMessage, match=r"cross|twice|without"):
            sorted_book(fields({}), bids, asks)


def test_crossed_and_scaled_prices_are_refused():
    """A bid at the ask, and a mark ten times the index, are refused; a missing one is not."""
    refuse_crossed(fields({}), Decimal(1), None)
    refuse_scaled(fields({}), mark=Decimal(100), index=Decimal(101), oracle=None)
    with pytest.raises(MalformedMessage, match="crosses"):
        refuse_crossed(fields({}), Decimal(2), Decimal(2))
    with pytest.raises(MalformedMessage, match="mark 1000, index 100"):
        refuse_scaled(fields({}), mark=Decimal(1000), index=Decimal(100))


def test_one_bad_row_does_not_blind_the_others():
    """Of a message about many instruments the bad row is counted and left out."""
    known = Reading(venue="venue")

    def parse(row: object) -> Decimal:
        return Fields(row, ANY, known).positive("a")

    assert list(sound([{"a": "1"}, {"a": "0"}], parse, known, "all")) == [Decimal(1)]
    assert known.unknown == {"all:refused": 1}
    with pytest.raises(MalformedMessage):
        list(sound([{"a": "0"}], parse, known, "all"))


def test_contracts_become_base_units():
    """A linear contract is so many base units; an inverse one so many as its dollars buy."""
    linear = Listing(key="k", symbol="s", multiplier=Decimal("0.01"))
    inverse = Listing(
        key="k", symbol="s", market_type=ExchangeType.PERPETUAL, contract_value=Decimal(100)
    )

    assert linear.amount(Decimal(7), Decimal(60_000)) == Decimal("0.07")
    assert inverse.amount(Decimal(30), Decimal(60_000)) == Decimal("0.05")


def test_a_stranger_is_refused(reading):
    """Instruments that nobody listed and accounts of others are refused by name."""
    known = reading("okx", BTC, account="0xABC")
    known.own("0xabc")
    with pytest.raises(MalformedMessage, match="unknown instrument 'DOGE'"):
        known.listing("DOGE")
    with pytest.raises(MalformedMessage, match="account '0xdef' instead of ours"):
        known.own("0xdef")


def test_a_message_without_a_time_needs_its_arrival(reading):
    """Where the venue gives no time it is when the message came, or an error."""
    assert reading("x", received_at=AT).arrival() == AT
    with pytest.raises(MalformedMessage, match="nobody noted when it came"):
        reading("x").arrival()


@pytest.mark.parametrize(
    "seconds, name",
    [
        (60, "1m"),
        (900, "15m"),
        (3600, "1h"),
        (14_400, "4h"),
        (86_400, "1d"),
        (604_800, "1w"),
        (30 * 86_400, "1M"),
        (61, ""),
        (0, ""),
        (-60, ""),
    ],
)
def test_timeframes(seconds, name):
    """A candle's length has a name, or none."""
    assert timeframe_of(seconds) == name
