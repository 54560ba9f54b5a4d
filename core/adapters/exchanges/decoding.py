"""The border where a venue's text becomes trusted values.

A venue may send anything: a number in another unit, `"null"` for a price, a crossed book, a page of
HTML. Parsers read every field through `Fields`, which lets a value in only if it can be true and
otherwise raises `MalformedMessage` naming venue, message and field. Numbers go from the wire's
text to Decimal, never through a binary float. Ids are opaque text. Fields that nobody here knows
are counted and ignored, so that a venue may add some.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, NoReturn, TypeVar

import msgspec

from core.adapters.exchanges.models import (
    BookLevel,
    ExchangeType,
    Instrument,
    OrderStatus,
    from_ns,
)
from core.domain.symbol import Symbol
from core.errors import MalformedMessage
from core.infrastructure.foreign_text import tame

S = TypeVar("S")
T = TypeVar("T")

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""A longer message is not decoded; the largest honest ones are instrument lists of a few MB."""

SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000
MICROSECOND: Final = 1_000
NANOSECOND: Final = 1
"""Units of a venue's times, in nanoseconds."""

_UNITS: Final = (MILLISECOND, MICROSECOND, SECOND, NANOSECOND)
_EARLIEST_NS: Final = 1_230_768_000 * SECOND
"""2009: no venue here is older, so a smaller number is in another unit."""
_LATEST_NS: Final = 4_102_444_800 * SECOND
"""2100."""
_NOTHING: Final = (None, "")
_NO_TIME: Final = (None, "", 0, "0")
_CLOCK_TOLERANCE: Final = timedelta(days=1)
_MAX_EXPONENT: Final = 40
"""Larger than any amount of any token, small enough that plain notation stays short."""
_MAX_DIGITS: Final = 80
_ONE: Final = Decimal(1)
_INVERSE_STEP: Final = Decimal("1E-12")
_WIDE: Final = Context(prec=128)
"""Holds whatever `_MAX_EXPONENT` allows, to that step."""
_TEXTS: Final = 4_096
"""Texts whose number is remembered: the same prices and amounts come again and again."""

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def decode(data: bytes | str, *, venue: str) -> object:
    """The JSON value that `data` spells, with every fraction as the Decimal of its text.

    Raises:
        MalformedMessage: If it is no JSON (HTML, truncated, invalid UTF-8, NaN), too large or too
            deep.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise MalformedMessage(f"{venue} sent {len(data)} bytes in one message", venue=venue)
    try:
        value: object = _DECODER.decode(data)
    except (ArithmeticError, RecursionError, ValueError) as error:
        raise MalformedMessage(
            f"{venue} sent what is no JSON: {type(error).__name__}: {error}", venue=venue
        ) from error
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a parser must know of an instrument to read messages about it."""

    key: str
    """How the venue's messages name it: `BTCUSDT`, `@142`, a market id."""
    symbol: str
    """Canonical."""
    number: int | None = None
    """The venue's number of it in orders, where that is another than the key."""
    market_type: ExchangeType = ExchangeType.PERPETUAL
    base: str = ""
    quote: str = ""
    multiplier: Decimal = _ONE
    """Base units in one unit of the venue's amounts (a contract); 1 where they are base units."""
    contract_value: Decimal | None = None
    """Quote value of an inverse contract; how many base units it is depends on the price."""
    funding_interval_s: int | None = None
    is_trading: bool = True
    """False while the venue says that the instrument is halted, settling or delisted."""
    instrument: Instrument | None = None
    """Its rules; None for one that is known by name alone."""

    def amount(self, raw: Decimal, price: Decimal | None) -> Decimal:
        """Base units of `raw`, an amount in the venue's unit at `price`.

        An inverse contract is worth a fixed quote value, so its base amount is a quotient, cut to
        12 decimals, and without a price it stays in contracts.
        """
        if self.contract_value is not None and price is not None and price > 0:
            return (raw * self.contract_value / price).quantize(_INVERSE_STEP, context=_WIDE)
        return raw if self.multiplier == 1 else raw * self.multiplier


def listing_of(
    key: str,
    base: str,
    quote: str,
    market_type: ExchangeType,
    *,
    multiplier: Decimal = _ONE,
    contract_value: Decimal | None = None,
) -> Listing:
    """A listing known by name alone, without the venue's rules.

    Raises:
        ValueError: If base or quote is no asset name.
    """
    symbol = Symbol(base=base, quote=quote, market_type=market_type)
    return Listing(
        key=key,
        symbol=str(symbol),
        market_type=market_type,
        base=base,
        quote=quote,
        multiplier=multiplier,
        contract_value=contract_value,
    )


@dataclass(slots=True, kw_only=True)
class Reading:
    """What parsers may know beside the payload, and where they count what they did not know."""

    venue: str
    listings: Mapping[str, Listing] = field(default_factory=dict)
    """Key in messages -> listing."""
    received_at: datetime | None = None
    """When the message came; then event times more than a day away from it are refused."""
    asked_for: str = ""
    """Key of the instrument that was asked for, for answers that do not name it."""
    assumed_at: datetime | None = None
    """Time of messages that carry none, where nobody noted when they came."""
    account: str = ""
    """Identity of our account; private messages about another one are refused where they say so."""
    tables: dict[str, dict[tuple[str, ...], dict[str, object]]] = field(default_factory=dict)
    """Name -> key -> a row as last told, at venues whose later messages say only what changed."""
    unknown: Counter[str] = field(default_factory=Counter)
    """`message.field` or `message:kind` -> how often it came and was ignored."""

    def listing(self, key: str) -> Listing:
        """The listing that the venue calls `key`.

        Raises:
            MalformedMessage: If there is none: the message is about an instrument nobody listed.
        """
        try:
            return self.listings[key]
        except KeyError:
            raise MalformedMessage(
                f"{self.venue} speaks of the unknown instrument {key[:60]!r}", venue=self.venue
            ) from None

    def arrival(self) -> datetime:
        """The time of a message that carries none: when it came.

        Raises:
            MalformedMessage: If nobody noted that.
        """
        at = self.received_at or self.assumed_at
        if at is None:
            raise MalformedMessage(
                f"{self.venue} sent a message without a time, and nobody noted when it came",
                venue=self.venue,
            )
        return at

    def own(self, account: str) -> None:
        """Checks that a private message is about our account.

        Raises:
            MalformedMessage: If it is about another one (reliability V30).
        """
        if self.account and account.lower() != self.account.lower():
            raise MalformedMessage(
                f"{self.venue} sent data of the account {account[:60]!r} instead of ours",
                venue=self.venue,
            )


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of message with all the fields that are known, used or not."""

    name: str
    names: frozenset[str]


def shape(name: str, names: str) -> Shape:
    """The shape `name` whose known fields are the words of `names`."""
    return Shape(name, frozenset(names.split()))


class Fields:
    """One JSON object under a stated shape; each reader lets in only what can be true.

    A missing field, null and empty text mean that the venue did not say: an error for the plain
    readers, None for those named `_or_none`.

    Raises:
        MalformedMessage: From the constructor if `raw` is no object, from readers for bad values.
    """

    __slots__ = ("_raw", "_shape", "reading")

    def __init__(self, raw: object, kind: Shape, reading: Reading) -> None:
        self.reading = reading
        self._shape = kind
        if not isinstance(raw, dict):
            raise MalformedMessage(
                f"{reading.venue} {kind.name}: expected an object, not {_shown(raw)}",
                venue=reading.venue,
            )
        self._raw: dict[str, object] = raw
        if not raw.keys() <= kind.names:
            for name in raw.keys() - kind.names:
                reading.unknown[f"{kind.name}.{str(name)[:40]}"] += 1

    def refuse(self, name: str, problem: str) -> NoReturn:
        """Raises for the field `name`.

        Raises:
            MalformedMessage: Always.
        """
        venue = self.reading.venue
        raise MalformedMessage(
            f"{venue} {self._shape.name}: {name} {problem}", venue=venue
        ) from None

    def has(self, name: str) -> bool:
        """Whether the venue said anything."""
        return self._raw.get(name) not in _NOTHING

    def raw(self, name: str) -> object:
        """The value as it came; None when missing."""
        return self._raw.get(name)

    # -- text and ids ---------------------------------------------------------------------

    def text(self, name: str) -> str:
        """Text that is not empty."""
        value = self._raw.get(name)
        if not isinstance(value, str) or not value:
            self.refuse(name, f"should be text, not {_shown(value)}")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Text, or None for missing, null and empty."""
        value = self._raw.get(name)
        if type(value) is str:
            return value or None
        return self.text(name) if value is not None else None

    def identifier(self, name: str) -> str:
        """An id as opaque text, whether it came as text or as a number."""
        value = self._raw.get(name)
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            self.refuse(name, f"should be an id, not {_shown(value)}")
        return str(value)

    def identifier_or_none(self, name: str) -> str | None:
        """An id, or None for missing, null and empty."""
        return self.identifier(name) if self.has(name) else None

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._raw.get(name)
        if not isinstance(value, bool):
            self.refuse(name, f"should be true or false, not {_shown(value)}")
        return value

    def flag_or(self, name: str, default: bool) -> bool:  # noqa: FBT001
        """True or false; `default` when the venue did not say."""
        return self.flag(name) if self.has(name) else default

    def choice(self, name: str, words: Mapping[str, T]) -> T:
        """What the word stands for; another word is refused."""
        word = self._raw.get(name)
        if not isinstance(word, str) or word not in words:
            self.refuse(name, f"should be one of {', '.join(words)}, not {_shown(word)}")
        return words[word]

    def says(self, name: str, words: Collection[str]) -> bool:
        """Whether the field is one of these words."""
        word = self._raw.get(name)
        return isinstance(word, str) and word in words

    def status(self, name: str, words: Mapping[str, OrderStatus]) -> OrderStatus:
        """The state of an order; UNKNOWN, and counted, for a word nobody here knows."""
        word = self._raw.get(name)
        if isinstance(word, str) and word in words:
            return words[word]
        self.reading.unknown[f"{self._shape.name}:{name}={str(word)[:40]}"] += 1
        return OrderStatus.UNKNOWN

    # -- numbers --------------------------------------------------------------------------

    def decimal(self, name: str) -> Decimal:
        """Any finite number."""
        return self._decimal(self._raw.get(name), name)

    def decimal_or_none(self, name: str) -> Decimal | None:
        """Any finite number, or None."""
        return self.decimal(name) if self.has(name) else None

    def positive(self, name: str) -> Decimal:
        """A number above 0: a price that was traded or quoted, an amount that moved."""
        value = self.decimal(name)
        if value <= 0:
            self.refuse(name, f"should be above 0, not {value}")
        return value

    def positive_or_none(self, name: str) -> Decimal | None:
        """A number above 0; None for missing and for 0, which venues write for `no price`."""
        if self._raw.get(name) in _NOTHING:
            return None
        return self.amount(name) or None

    def amount(self, name: str) -> Decimal:
        """A number of 0 or more."""
        value = self._decimal(self._raw.get(name), name)
        if value < 0:
            self.refuse(name, f"should not be negative: {value}")
        return value

    def amount_or_none(self, name: str) -> Decimal | None:
        """A number of 0 or more, or None."""
        return None if self._raw.get(name) in _NOTHING else self.amount(name)

    def whole(self, name: str) -> int:
        """An integer, sent as a number or as text."""
        value = self._raw.get(name)
        if type(value) is int:
            return value
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,30}", value, re.ASCII):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(name, f"should be a whole number, not {_shown(value)}")
        return value

    def whole_or_none(self, name: str) -> int | None:
        """An integer, or None."""
        return self.whole(name) if self.has(name) else None

    # -- time -----------------------------------------------------------------------------

    def time(self, name: str, unit: int) -> datetime:
        """A time documented in `unit`; another unit is recognised by the number's magnitude."""
        value = self.whole(name)
        try:
            return time_of(value, unit, self.reading)
        except ValueError as error:
            self.refuse(name, str(error))

    def time_or_none(self, name: str, unit: int) -> datetime | None:
        """A time, or None for missing and 0."""
        return None if self._raw.get(name) in _NO_TIME else self.time(name, unit)

    def event_time(self, name: str, unit: int) -> datetime:
        """The time of something that just happened: within a day of `Reading.received_at`."""
        return self._checked_event(name, self.time(name, unit))

    def iso_time(self, name: str) -> datetime:
        """A time in ISO 8601; without an offset it is UTC."""
        text = self.text(name)
        try:
            at = datetime.fromisoformat(text)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (OverflowError, ValueError):
            self.refuse(name, f"should be a time, not {_shown(text)}")

    def _checked_event(self, name: str, at: datetime) -> datetime:
        received_at = self.reading.received_at
        if received_at is not None and abs(at - received_at) > _CLOCK_TOLERANCE:
            self.refuse(name, f"is more than a day from when it came: {at.isoformat()}")
        return at

    # -- parts ----------------------------------------------------------------------------

    def part(self, name: str, kind: Shape) -> Fields:
        """The object in the field `name`, under the shape `kind`."""
        return Fields(self._raw.get(name), kind, self.reading)

    def struct(
        self, kind: type[T], *, numbers: Collection[str] = (), wholes: Collection[str] = ()
    ) -> T:
        """All that is known and said, as a struct that says more of each field than JSON does.

        Args:
            kind: What it becomes; what the venue did not say has its default.
            numbers: Fields that are text in it, whether they came as text or as a number.
            wholes: Fields that are integers in it, likewise.
        """
        known = self._shape.names
        told = {
            name: value
            for name, value in self._raw.items()
            if name in known and value not in _NOTHING
        }
        for name in numbers:
            value = told.get(name)
            if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
                told[name] = str(value)
        for name in wholes:
            if name in told:
                told[name] = self.whole(name)
        try:
            return msgspec.convert(told, kind)
        except msgspec.ValidationError as error:
            raise malformed(self.reading, self._shape.name, str(error)) from error

    def items(self, name: str) -> list[object]:
        """The array in the field `name`."""
        value = self._raw.get(name)
        if not isinstance(value, list):
            self.refuse(name, f"should be an array, not {_shown(value)}")
        return value

    def listing_of(
        self,
        key: str,
        base: str,
        quote: str,
        market_type: ExchangeType,
        *,
        multiplier: Decimal = _ONE,
        contract_value: Decimal | None = None,
    ) -> Listing:
        """A listing of what this object describes, still without its rules."""
        try:
            return listing_of(
                key,
                base,
                quote,
                market_type,
                multiplier=multiplier,
                contract_value=contract_value,
            )
        except ValueError as error:
            self.refuse("name", f"cannot be an instrument's: {error}")

    def items_or_empty(self, name: str) -> list[object]:
        """The array in the field `name`; empty for missing and null."""
        return self.items(name) if self._raw.get(name) is not None else []

    def entries(self, name: str) -> dict[str, object]:
        """The object in the field `name`, whose keys are data."""
        value = self._raw.get(name)
        if not isinstance(value, dict):
            self.refuse(name, f"should be an object, not {_shown(value)}")
        return value

    def levels(
        self, name: str, listing: Listing, *, price: str = "", amount: str = ""
    ) -> tuple[BookLevel, ...]:
        """Levels of a book in the venue's order, amounts in base units; 0 stands for removed.

        Args:
            name: The array; missing or null is an empty side.
            listing: Whose book it is.
            price: Field of the price where a level is an object and no array that begins with
                price and amount.
            amount: Field of the amount, likewise.
        """
        is_plain = listing.multiplier == 1 and listing.contract_value is None
        found = []
        for raw in self.items_or_empty(name):
            if isinstance(raw, list) and len(raw) >= 2:
                at, size = self._decimal(raw[0], name), self._decimal(raw[1], name)
            elif price and isinstance(raw, dict):
                at, size = self._decimal(raw.get(price), name), self._decimal(raw.get(amount), name)
            else:
                self.refuse(name, f"has a level that is none: {_shown(raw)}")
            if at <= 0 or size < 0:
                self.refuse(name, f"has a level with price {at} and amount {size}")
            found.append(BookLevel(at, size if is_plain else listing.amount(size, at)))
        return tuple(found)

    def _decimal(self, value: object, name: str) -> Decimal:
        try:
            return number(value)
        except ValueError:
            self.refuse(name, f"should be a number, not {_shown(value)}")


def number(value: object) -> Decimal:
    """The finite Decimal of a JSON number or of a number's text.

    Raises:
        ValueError: For anything else: NaN, null, a flag, a binary float, absurd exponents.
    """
    if type(value) is str:
        return number_of_text(value)
    if isinstance(value, Decimal):
        result = value
    elif isinstance(value, int) and not isinstance(value, bool):
        try:
            result = Decimal(value)
        except InvalidOperation as error:
            raise ValueError(value) from error
    else:
        message = f"{type(value).__name__} is no number"
        raise ValueError(message)  # noqa: TRY004 - one error for whatever is no number
    return _sane(result)


def _sane(number: Decimal) -> Decimal:
    if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise ValueError(str(number))
    return number


def time_of(value: int, unit: int, reading: Reading) -> datetime:
    """A time documented in `unit`; another unit is recognised by the number's magnitude.

    Raises:
        ValueError: If it is no time in any unit.
    """
    ns = value * unit
    if _EARLIEST_NS <= ns <= _LATEST_NS:
        return from_ns(ns)
    for candidate in _UNITS:
        ns = value * candidate
        if _EARLIEST_NS <= ns <= _LATEST_NS:
            return from_ns(ns)
    if reading.received_at is not None or not 0 < value * unit <= _LATEST_NS:
        message = f"is no time of this century in any unit: {value}"
        raise ValueError(message)
    return from_ns(value * unit)


def malformed(reading: Reading, what: str, problem: str) -> MalformedMessage:
    """The error of a message whose form as a whole is wrong."""
    return MalformedMessage(f"{reading.venue} {what}: {problem}", venue=reading.venue)


def timeframe_of(seconds: int) -> str:
    """The name of a candle's length: `1m`, `4h`, `1d`, `1w`, `1M`; empty for none of them."""
    days, rest = divmod(seconds, 86_400)
    if days and not rest:
        if 28 <= days <= 31:
            return "1M"
        return f"{days // 7}w" if days % 7 == 0 else f"{days}d"
    if seconds > 0 and seconds % 60 == 0:
        return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}m"
    return ""


@lru_cache(maxsize=_TEXTS)
def number_of_text(text: str) -> Decimal:
    """The Decimal of plain ASCII digits: `Decimal` itself also takes blanks, `_` and others."""
    if (
        len(text) > _MAX_DIGITS
        or not text.isascii()
        or not text[-1:].isdigit()
        or "_" in text
        or not (text[0].isdigit() or text[0] in "+-.")
    ):
        raise ValueError(text[:_MAX_DIGITS])
    try:
        return _sane(Decimal(text))
    except InvalidOperation as error:
        raise ValueError(text) from error


def objects(raw: object, kind: Shape, reading: Reading) -> Iterator[Fields]:
    """Each object of an array.

    Raises:
        MalformedMessage: If `raw` is no array, or holds what is no object.
    """
    for item in array(raw, kind.name, reading):
        yield Fields(item, kind, reading)


def array(raw: object, what: str, reading: Reading) -> list[object]:
    """`raw`, which must be an array.

    Raises:
        MalformedMessage: If it is none.
    """
    if not isinstance(raw, list):
        raise MalformedMessage(
            f"{reading.venue} {what}: expected an array, not {_shown(raw)}", venue=reading.venue
        )
    return raw


def sound(rows: Sequence[S], parse: Callable[[S], T], reading: Reading, what: str) -> Iterator[T]:
    """What `parse` makes of each row of a message about many instruments.

    A bad row among others is counted and left out, so that one instrument gone wrong does not blind
    us to the rest.

    Raises:
        MalformedMessage: If the only row is bad.
    """
    for row in rows:
        try:
            yield parse(row)
        except MalformedMessage:
            if len(rows) == 1:
                raise
            reading.unknown[f"{what}:refused"] += 1


def sorted_book(
    fields: Fields, bids: tuple[BookLevel, ...], asks: tuple[BookLevel, ...]
) -> tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]]:
    """A whole book's sides, best first, after checking that they can stand together.

    Raises:
        MalformedMessage: If a level is empty or comes twice, or the book is crossed or locked.
    """
    for name, side in (("bids", bids), ("asks", asks)):
        if any(level.amount == 0 for level in side):
            fields.refuse(name, "hold a level without an amount")
        if len({level.price for level in side}) != len(side):
            fields.refuse(name, "hold a price twice")
    bids = tuple(sorted(bids, key=lambda level: -level.price))
    asks = tuple(sorted(asks, key=lambda level: level.price))
    if bids and asks and bids[0].price >= asks[0].price:
        fields.refuse("bids", f"cross the asks: {bids[0].price} >= {asks[0].price}")
    return bids, asks


def refuse_crossed(fields: Fields, bid: Decimal | None, ask: Decimal | None) -> None:
    """Checks a best bid and ask.

    Raises:
        MalformedMessage: If the bid reaches the ask.
    """
    if bid is not None and ask is not None and bid >= ask:
        fields.refuse("bid", f"crosses the ask: {bid} >= {ask}")


_SCALE_LIMIT: Final = 5


def refuse_scaled(fields: Fields, **prices: Decimal | None) -> None:
    """Checks prices of one message that must be near each other, such as mark and index.

    Raises:
        MalformedMessage: If one is five times another: a unit or a point is wrong (reliability D7).
    """
    known = [price for price in prices.values() if price is not None]
    if known and max(known) > _SCALE_LIMIT * min(known):
        said = ", ".join(f"{name} {price}" for name, price in prices.items() if price is not None)
        fields.refuse("prices", f"cannot belong together: {said}")


def _shown(value: object) -> str:
    """Short text of a value for an error message, without control characters."""
    return tame(repr(value), 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAck:
    """A venue's short answer to a create: what it says, and nothing about the order itself."""

    order_id: str
    """Empty where the venue answers with less (Lighter: a transaction hash)."""
    client_order_id: str | None = None
    status: OrderStatus = OrderStatus.PENDING
    filled: Decimal | None = None
    """None where the answer does not say."""
    average_price: Decimal | None = None
