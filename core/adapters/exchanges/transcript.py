"""What a venue's parsers make of a recording, message by message.

A recording is one JSON value a line: a message as it came over the wire, or a row that wraps one
(`msg`, `response` or `data`) with when and how it came (`recv_ns`, `recv`, `dir`, `url`, `name`,
`request`, `route`). Each venue's `channels.py` says which messages it knows and how to tell them
apart; nothing here knows a venue. Instruments that the recording lists are used from then on, the
others are read by their spelling alone.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Final

from core.adapters.exchanges.decoding import Listing, Reading, decode
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import (
    FundingRateData,
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
    UserData,
    from_ns,
)
from core.errors import ConfigError, MalformedMessage

Parsed = (
    BookDelta
    | FundingRateData
    | Listing
    | OHLCVData
    | OrderBookData
    | TickerData
    | TradeData
    | UserData
)
"""What a parser may give."""

CHANNELS: Final = (
    "balances",
    "candles",
    "fills",
    "funding",
    "instruments",
    "orderbook",
    "orders",
    "positions",
    "ticker",
    "trades",
)
"""Channels that every venue understands beside its own names; `all` is every one of them."""

SENT: Final = "sent by the client"
UNKNOWN: Final = "unknown kind"
"""Why a message was left out that no parser knows."""

_NOBODY_KNOWS_WHEN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SYMBOL_IN_URL: Final = re.compile(
    r"[?&](?:symbol|instId|coin|contractId|market_id|currency_pair|product_id)=([^&]+)"
)
_UNNAMED: Final = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One kind of message of a venue."""

    channels: frozenset[str]
    """Channels it belongs to."""
    parse: Callable[[object, Reading], Iterable[Parsed]]
    keys: frozenset[str] = frozenset()
    """Fields by which it is recognised where nothing else says what it is; empty for never."""


def message(
    channels: str, parse: Callable[[object, Reading], Parsed | Iterable[Parsed]], keys: str = ""
) -> Message:
    """A kind of message; `channels` and `keys` are words separated by blanks."""

    def parse_all(raw: object, reading: Reading) -> Iterable[Parsed]:
        parsed = parse(raw, reading)
        return parsed if isinstance(parsed, tuple) else (parsed,)

    return Message(
        channels=frozenset(channels.split()), parse=parse_all, keys=frozenset(keys.split())
    )


def each(
    parse: Callable[[object, Reading], Parsed | tuple[Parsed, ...]],
) -> Callable[[object, Reading], tuple[Parsed, ...]]:
    """`parse` for an answer that is one object or an array of them."""

    def parse_each(raw: object, reading: Reading) -> tuple[Parsed, ...]:
        found: list[Parsed] = []
        for item in raw if isinstance(raw, list) else (raw,):
            parsed = parse(item, reading)
            found.extend(parsed if isinstance(parsed, tuple) else (parsed,))
        return tuple(found)

    return parse_each


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a venue's `channels.py` offers as `ROOM`."""

    venue: str
    messages: Mapping[str, Message]
    """The venue's name of a message -> what it is."""
    identify: Callable[[object, str], str | None]
    """(payload, hint) -> the message's name; None for one that only its fields can tell."""
    unwrap: Callable[[object], object]
    """Takes off the venue's envelope, where its parsers want that."""
    sample: Callable[[object], object] | None = None
    """What tells an answer's kind by its fields; what `unwrap` gives when None."""
    guess: Callable[[str, str], Listing]
    """(key, market) -> a listing by spelling alone; ValueError where that cannot be, and then
    the key stands for the symbol."""
    market_of: Callable[[object, str], str]
    """(payload, hint) -> which of the venue's markets a message is about, where keys repeat."""
    ignored: frozenset[str] = frozenset()
    """Names of messages that carry nothing for us: acknowledgements, heartbeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a recording."""

    line: int
    """1-based."""
    message: str | None
    """The venue's name of it; None for a message nobody here knows."""
    items: tuple[object, ...] = ()
    error: str | None = None
    """Why the parsers refused it."""


@dataclass(slots=True)
class Transcript:
    """Reads a recording; what was skipped is counted beside.

    Raises:
        ConfigError: From the constructor, if the venue or the channel is not known.
    """

    venue: str
    channel: str
    skipped: dict[str, int] = field(default_factory=dict)
    """Why -> how many messages were left out: other channel, unknown kind."""
    _room: Room = field(init=False)
    _wanted: frozenset[str] = field(init=False)
    _readings: dict[str, Reading] = field(default_factory=dict)
    _last_key: str = field(default=_UNNAMED, init=False)

    def __post_init__(self) -> None:
        self._room = room_of(self.venue)
        self._wanted = _wanted(self._room, self.channel)

    @property
    def unknown(self) -> dict[str, int]:
        """Fields and words that no parser knows -> how often they came."""
        counts: dict[str, int] = {}
        for reading in self._readings.values():
            for name, count in reading.unknown.items():
                counts[name] = counts.get(name, 0) + count
        return counts

    def read(self, lines: Iterable[bytes]) -> Iterator[Entry]:
        """Every line that belongs to the channel, in order; blank lines are passed over."""
        for number, line in enumerate(lines, start=1):
            if line.strip():
                entry = self._entry(number, line)
                if entry is not None:
                    yield entry

    def _entry(self, line: int, text: bytes) -> Entry | None:
        try:
            row = Line.of(decode(text, venue=self.venue))
        except MalformedMessage as error:
            return Entry(line=line, message=None, error=str(error))
        if row is None:
            self._skip(SENT)
            return None
        name = self._name(row)
        if name is None:
            self._skip(UNKNOWN)
        elif name in self._room.ignored or name not in self._wanted:
            self._skip(f"other channel: {name}")
        else:
            return self._parsed(line, name, row)
        return None

    def _name(self, row: Line) -> str | None:
        name = self._room.identify(row.payload, row.hint)
        if name is None:
            name = _recognised(self._room, row.payload)
        if name is None and not row.hint and self.channel in self._room.messages:
            return self.channel
        return name

    def _parsed(self, line: int, name: str, row: Line) -> Entry:
        reading = self._reading(self._room.market_of(row.payload, row.hint))
        reading.received_at = row.received_at
        reading.asked_for = row.asked_for or self._last_key
        try:
            items = tuple(self._room.messages[name].parse(self._room.unwrap(row.payload), reading))
        except MalformedMessage as error:
            return Entry(line=line, message=name, error=str(error))
        for item in items:
            if isinstance(item, Listing):
                self._learn(reading, item)
        shown = (item.instrument if isinstance(item, Listing) else item for item in items)
        return Entry(line=line, message=name, items=tuple(item for item in shown if item))

    def _reading(self, market: str) -> Reading:
        if market not in self._readings:
            self._readings[market] = Reading(
                venue=self.venue,
                listings=_Listings(self._room.guess, market),
                assumed_at=_NOBODY_KNOWS_WHEN,
            )
        return self._readings[market]

    def _learn(self, reading: Reading, listing: Listing) -> None:
        if isinstance(reading.listings, _Listings):
            reading.listings[listing.key] = listing

    def _skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1


class _Listings(dict[str, Listing]):
    """Listings that were learnt, and others by their spelling."""

    def __init__(self, guess: Callable[[str, str], Listing], market: str) -> None:
        super().__init__()
        self._guess = guess
        self._market = market

    def __missing__(self, key: str) -> Listing:
        if key == _UNNAMED:
            listing = Listing(key=key, symbol=_UNNAMED)
        else:
            try:
                listing = self._guess(key, self._market)
            except ValueError:
                listing = Listing(key=key, symbol=key)
        self[key] = listing
        return listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A message with what the recording says about it."""

    payload: object
    hint: str = ""
    """How the recorder called it: name, request, route."""
    received_at: datetime | None = None
    asked_for: str = ""
    is_answer: bool = False
    """Whether it answers a question, as far as the recorder says."""

    @classmethod
    def of(cls, row: object) -> Line | None:
        """The row; None for one that the venue did not send."""
        if not isinstance(row, dict):
            return cls(payload=row)
        if row.get("dir") in ("open", "out"):
            return None
        for name in ("msg", "response"):
            if name in row and (set(row) & _ROW_MARKS):
                return cls._wrapped(row, row[name])
        if "route" in row and "data" in row:
            return cls._wrapped(row, row["data"])
        return cls(payload=row)

    @classmethod
    def _wrapped(cls, row: dict[str, object], payload: object) -> Line:
        request = row.get("request")
        words = [row.get("name"), row.get("route"), row.get("url")]
        if isinstance(request, dict):
            words.append(request.get("type"))
        match = _SYMBOL_IN_URL.search(str(row.get("url") or row.get("query") or ""))
        return cls(
            payload=payload,
            hint=" ".join(str(word) for word in words if word),
            received_at=_received_at(row),
            asked_for=match.group(1) if match else _asked_for(row, request),
            is_answer=row.get("dir") == "http" or "http_" in str(row.get("name") or ""),
        )


_ROW_MARKS: Final = frozenset({"recv_ns", "recv", "name", "dir", "request"})


def venues() -> tuple[str, ...]:
    """Venues whose recordings can be read, sorted."""
    return tuple(sorted(_rooms()))


def room_of(venue: str) -> Room:
    """The messages of `venue`.

    Raises:
        ConfigError: If no venue of that name has parsers.
    """
    if venue not in _rooms():
        raise ConfigError(
            f"no parsers for the venue {venue!r}.",
            source="arguments",
            remedy=f"Known: {', '.join(venues())}; and venues of ccxt's as ccxt-<its id>.",
        )
    room: Room = importlib.import_module(_rooms()[venue]).ROOM
    return room


@cache
def _rooms() -> Mapping[str, str]:
    """Venue -> the module with its room: where an adapter lives, or among recordings alone."""
    here = __package__ or ""
    return {
        name.replace("_", "-"): f"{package}.{name}.channels"
        for package in (here, f"{here}.recordings")
        for name in _packages(package)
        if "channels" in _modules(f"{package}.{name}")
    }


def _packages(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    return [found.name for found in pkgutil.iter_modules(path) if found.ispkg]


def _modules(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    return [found.name for found in pkgutil.iter_modules(path)]


def _wanted(room: Room, channel: str) -> frozenset[str]:
    """Names of the messages that `channel` asks for.

    Raises:
        ConfigError: If it is neither a common channel nor one of the venue's.
    """
    if channel == "all":
        return frozenset(room.messages)
    found = _named(room, channel) or _named(room, _stem(channel))
    if not found:
        own = {name for kind in room.messages.values() for name in kind.channels} | set(
            room.messages
        )
        raise ConfigError(
            f"{room.venue} has no channel {channel!r}.",
            source="arguments",
            remedy=f"Known: all, {', '.join(sorted(own))}.",
        )
    return found


def _named(room: Room, channel: str) -> frozenset[str]:
    return frozenset(
        name for name, kind in room.messages.items() if channel == name or channel in kind.channels
    )


def _stem(channel: str) -> str:
    """What a full channel is about: `btcusdt@depth@0ms`, `order_book/1`, `kline_1m`, `candle4H`."""
    name = channel.split("@")[1] if "@" in channel else re.split(r"[.:/]", channel)[0]
    return re.sub(r"_?\d+\w?$", "", name)


def _recognised(room: Room, payload: object) -> str | None:
    """The first message whose fields are all there, by the first row of an array."""
    sample = (room.sample or room.unwrap)(payload)
    if isinstance(sample, list):
        sample = sample[0] if sample else None
    if not isinstance(sample, dict):
        return None
    return next(
        (name for name, kind in room.messages.items() if kind.keys and kind.keys <= sample.keys()),
        None,
    )


def _received_at(row: dict[str, object]) -> datetime | None:
    ns = row.get("recv_ns")
    if isinstance(ns, int):
        return from_ns(ns)
    seconds = row.get("recv")
    if isinstance(seconds, str) and re.fullmatch(r"\d{1,11}(\.\d{1,9})?", seconds, re.ASCII):
        return from_ns(int(Decimal(seconds) * 1_000_000_000))
    return None


def _asked_for(row: dict[str, object], request: object) -> str:
    if isinstance(request, dict):
        inner = request.get("req")
        coin = request.get("coin") or (inner.get("coin") if isinstance(inner, dict) else None)
        return str(coin or "")
    args = row.get("args")
    if isinstance(args, list) and args and isinstance(args[0], str):
        return args[0].partition(":")[0].replace("/", "")
    return ""
