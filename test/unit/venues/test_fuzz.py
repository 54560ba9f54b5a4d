"""Whatever a venue sends, the parsers give true values or one of our errors."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.exchanges.decoding import Listing, Reading, Shape, decode
from core.adapters.exchanges.models import BookLevel, TickerData, TradeData
from core.adapters.exchanges.transcript import Transcript, room_of, venues
from core.errors import CtosError

VENUES = venues()
_PURE = {"account", "instruments", "parse"}
"""Where a venue's parsers are."""
SHORT = 60
EXAMPLES = int(os.environ.get("CTOS_TEST_EXAMPLES", SHORT))
"""Of each parser; the short form tries the same each time, the long one (`make fuzz`) others."""
QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=EXAMPLES == SHORT,
)


class _Anything(dict[str, Listing]):
    """Listings of whatever is asked for."""

    def __missing__(self, key: str) -> Listing:
        return Listing(key=key, symbol="BTC-USDT-PERP", multiplier=Decimal("0.01"))


def _names(venue: str) -> list[str]:
    """Every field name that the venue's parsers know."""
    found: set[str] = set()
    package = room_of(venue).guess.__module__.rpartition(".")[0]
    for room in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if room.name not in _PURE:
            continue
        module = importlib.import_module(f"{package}.{room.name}")
        for value in vars(module).values():
            if isinstance(value, Shape):
                found |= value.names
    return sorted(found)


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 1763000000000, 1763000000000000, 30000001, 200]),
    st.sampled_from(
        ["", "0", "1", "-1", "60000.5", "1e5", "1e9999", "NaN", "Infinity", "null", "BTCUSDT"]
    ),
    st.sampled_from(["BUY", "SELL", "Buy", "Bid", "buy", "B", "A", "NEW", "open", "SUCCESS", "0"]),
    st.sampled_from(["BTC-USDT-SWAP", "order_book:0", "orderbook.50.BTCUSDT", "PERP", "LIMIT"]),
    st.text(max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
)


def _payloads(venue: str) -> st.SearchStrategy[object]:
    """Random JSON whose field names are the venue's."""
    names = st.sampled_from(_names(venue))
    return st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=12)
        ),
        max_leaves=40,
    )


def _check(item: object) -> None:
    """Nothing untrue is inside: no number that is not finite, no price of zero or less."""
    for field in fields(item) if is_dataclass(item) else ():
        value = getattr(item, field.name)
        if isinstance(value, Decimal):
            assert value.is_finite()
        if isinstance(value, tuple):
            for part in value:
                if isinstance(part, BookLevel):
                    assert part.price > 0
                    assert part.amount >= 0
        if isinstance(item, (TickerData, TradeData)) and field.name in (
            "price",
            "bid",
            "ask",
            "last",
            "mark",
            "index",
        ):
            assert value is None or value > 0


@pytest.mark.parametrize("venue", VENUES)
def test_random_payloads(venue):
    """Every parser gives values that can be true, or raises one of our errors."""
    room = room_of(venue)
    names = st.sampled_from(sorted(room.messages))

    @QUIET
    @given(name=names, raw=_payloads(venue))
    def check(name: str, raw: object) -> None:
        known = Reading(
            venue=venue,
            listings=_Anything(),
            received_at=datetime(2025, 11, 13, tzinfo=UTC),
            asked_for="BTC",
        )
        try:
            items = tuple(room.messages[name].parse(room.unwrap(raw), known))
        except CtosError:
            return
        for item in items:
            _check(item)

    check()


@pytest.mark.parametrize("venue", VENUES)
def test_random_bytes(venue):
    """Random lines end as entries or errors, never as an exception."""

    @QUIET
    @given(lines=st.lists(st.one_of(st.binary(max_size=60), _json_lines(venue)), max_size=5))
    def check(lines: list[bytes]) -> None:
        for entry in Transcript(venue, "all").read(lines):
            for item in entry.items:
                _check(item)

    check()


def _json_lines(venue: str) -> st.SearchStrategy[bytes]:
    return _payloads(venue).map(lambda raw: json.dumps(raw, default=str).encode())


@QUIET
@given(data=st.binary(max_size=200))
def test_decode_never_surprises(data):
    """Any bytes decode to JSON values without binary floats, or are malformed."""
    try:
        value = decode(data, venue="x")
    except CtosError:
        return
    assert not isinstance(value, float)


MUTATIONS = [None, "", "NaN", "-1", "0", "1e400", -1, 0, 2**80, True, [], {}, "\u0000", "null"]


@pytest.mark.parametrize("venue", VENUES)
def test_mutated_recordings(venue, recorded):
    """A recorded message with any one value replaced is read, or refused by us."""
    files = {
        "backpack": "backpack_rest_recorded.jsonl.gz",
        "binance": "nautilus_binance_fixtures.jsonl.gz",
        "bitmex": "nautilus_bitmex_fixtures.jsonl.gz",
        "bybit": "nautilus_bybit_fixtures.jsonl.gz",
        "derive": "nautilus_derive_fixtures.jsonl.gz",
        "hyperliquid": "nautilus_hyperliquid_fixtures.jsonl.gz",
        "lighter": "nautilus_lighter_fixtures.jsonl.gz",
        "okx": "nautilus_okx_fixtures.jsonl.gz",
        "polymarket": "nautilus_polymarket_fixtures.jsonl.gz",
    }
    if venue not in files:
        pytest.skip(f"nothing recorded of {venue}")
    lines = recorded.lines(venue, files[venue])
    for line in lines:
        if len(line) > 4000:
            continue
        message = json.loads(line)
        for path in list(_paths(message["msg"]))[:24]:
            for junk in MUTATIONS[:: 1 + len(path) % 3]:
                changed = json.dumps(_replaced(message, ["msg", *path], junk)).encode()
                for entry in Transcript(venue, "all").read([changed]):
                    for item in entry.items:
                        _check(item)


def _paths(value: object) -> list[list[object]]:
    if isinstance(value, dict):
        return [[name, *rest] for name, inner in value.items() for rest in _paths(inner)] or [[]]
    if isinstance(value, list):
        return [[at, *rest] for at, inner in enumerate(value[:3]) for rest in _paths(inner)] or [[]]
    return [[]]


def _replaced(value: object, path: list[object], junk: object) -> object:
    if not path:
        return junk
    head, *rest = path
    if isinstance(value, dict):
        return {**value, head: _replaced(value[head], rest, junk)}
    assert isinstance(value, list)
    copy = list(value)
    copy[head] = _replaced(copy[head], rest, junk)
    return copy
