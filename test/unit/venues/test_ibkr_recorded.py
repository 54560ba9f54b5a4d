"""What TWS told others, read by our readers: quotes, bars, account values, hours, executions."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.convert import candle_of, completed_at, exact, quoted, size_of
from core.adapters.exchanges.ibkr.sessions import read_hours, zone_of
from core.errors import MalformedMessage

D = Decimal
TICK = D("0.2")
"""Of the stock in the recorded quotes."""


@pytest.fixture
def rows(recorded):
    """The rows of a recording: as the library read them, and with every number as its text."""

    def read(file):
        lines = recorded.lines("ib", file)
        return [(json.loads(line), json.loads(line, parse_float=D)) for line in lines]

    return read


def test_quotes_and_sizes_are_told_exactly(rows):
    """Seven thousand ticks of bid, ask and last, whose floats become what TWS wrote."""
    told = rows("ib_stream_ticks.jsonl.gz")
    prices = [(quoted(row["price"], TICK), exact_["price"]) for row, exact_ in told]
    sizes = [(size_of(row["size"]), exact_["size"]) for row, exact_ in told]

    assert len(told) == 7013
    assert [pair for pair in prices if pair[0] != (pair[1] if pair[1] > 0 else None)] == []
    assert [pair for pair in sizes if pair[0] != pair[1]] == []
    assert {row["tickType"] for row, _ in told} == {0, 1, 2, 3, 4, 5, 8}


def test_bars_are_told_exactly(rows):
    """Four hundred bars, from old to new, each price as it was written."""
    told = rows("ib_historical_bars.jsonl.gz")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    wrong, times = [], []
    for row, exact_ in told:
        at = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
        bar = SimpleNamespace(**{**row, "date": str(int(at.timestamp()))})
        candle = candle_of(bar, "TEST-USD-SPOT", "1m", seconds=60, now=now)
        times.append(candle.at == at and candle.is_closed)
        names = ("open", "high", "low", "close", "volume")
        wrong += [name for name in names if getattr(candle, name) != exact_[name]]

    assert len(told) == 405
    assert wrong == []
    assert all(times)


def test_account_values_become_balances(rows):
    """Cash of each currency; what is free and the worth in the base currency alone."""
    account = Account("DU123456", None, lambda _item: None, lambda _text: None, lambda: None)
    for row, _ in rows("ib_account_values.jsonl.gz"):
        account.value_told(row["account"], row["tag"], row["value"], row["currency"])
    found = {item.asset: item for item in account.balances()}

    assert {asset: item.total for asset, item in found.items()} == {
        "AUD": D("-100000.79"),
        "EUR": D("429.72"),
        "USD": D("100000.27"),
    }
    assert found["AUD"].equity is not None
    assert found["USD"].equity is None


def test_the_hours_of_a_stock_are_those_of_its_exchange(rows):
    """Details of AMD at the end of 2019: a zone in the letters of older TWS, a holiday left out."""
    text = next(
        row["text"]
        for row, _ in rows("ib_notebook_outputs_a.jsonl.gz")
        if row["name"] == "contract_details#5"
    )
    zone, trading, liquid = re.search(
        r"timeZoneId='([^']*)', tradingHours='([^']*)', liquidHours='([^']*)'", text
    ).groups()
    hours = read_hours(trading, liquid, zone)

    assert zone == "EST (Eastern Standard Time)"
    assert hours.liquid[0].opens == datetime(2019, 12, 31, 14, 30, tzinfo=UTC)
    assert hours.liquid[0].closes == datetime(2019, 12, 31, 21, 0, tzinfo=UTC)
    assert hours.next_open(datetime(2020, 1, 1, tzinfo=UTC)) == datetime(
        2020, 1, 2, 14, 30, tzinfo=UTC
    )
    assert hours.trading[0].opens == datetime(2019, 12, 31, 9, 0, tzinfo=UTC)
    assert re.search(r"minTick=([\d.]+)", text).group(1) == "0.01"


def test_letters_of_a_zone_have_summer_time():
    """`EST` alone is a zone without it, which would open the exchange an hour late in July."""
    july = completed_at("20260715 09:30:00 EST")

    assert july == datetime(2026, 7, 15, 13, 30, tzinfo=UTC)
    assert zone_of("US/Eastern").key == "US/Eastern"
    assert completed_at("20260715 09:30:00 Nowhere/Land") is None
    with pytest.raises(MalformedMessage):
        zone_of("Nowhere (Nowhere Standard Time)")


def test_numbers_of_other_outputs_are_read_as_written(rows):
    """Prices and sizes of the printed bars, orders and positions; what was not set is none."""
    texts = [row["text"] for row, _ in rows("ib_notebook_outputs_a.jsonl.gz")]
    numbers = re.findall(r"(?:open|high|low|close|minTick|avgCost)=([\d.]+)", " ".join(texts))

    assert len(texts) == 39
    assert len(numbers) > 10
    assert [text for text in numbers if exact(float(text)) != D(text)] == []
    assert exact(1.7976931348623157e308) is None
