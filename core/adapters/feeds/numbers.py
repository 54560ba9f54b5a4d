"""Decimal text to integers, exactly, a whole column at a time.

A column's value is `values / 10**scale`, with one scale for all rows. Fields of plain digits with
at most one point are read by their digits; anything else (an exponent, a sign) goes through
Decimal; what is no finite number, or does not fit into 63 bits, is an error that names the row.

Binary floats are read by their shortest decimal text: `k / 10**d` is correctly rounded when both
are exact in binary, so a float that equals it, for `k` below 2^51, has exactly that text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

import numpy as np

from core.adapters.feeds.columns import (
    Block,
    Flags,
    FloatColumn,
    IntColumn,
    Ints,
    TextColumn,
    text_column,
)
from core.errors import FeedError

NOISE_DECIMALS: Final = 10
"""Decimals of an amount stored as a binary float; what lies below is noise of sums."""

MAX_SCALE: Final = 18
"""Decimals that a 63-bit integer can carry for values of one digit."""

_LIMIT: Final = 1 << 62
_MAX_DIGITS: Final = 19
_EXACT_BELOW: Final = float(1 << 51)
_POINT: Final = ord(".")
_ZERO: Final = ord("0")
_POWERS: Final = np.array([10**power for power in range(MAX_SCALE + 1)], dtype=np.int64)


@dataclass(frozen=True)
class Scaled:
    """Exact decimals: `values / 10**scale`."""

    values: Ints
    scale: int
    known: Flags | None = None
    """False where the field is empty; None where every row has a value."""


def read_decimals(block: Block, name: str, *, optional: bool = False) -> Scaled:
    """The numbers of a column.

    Args:
        block: The rows.
        name: The column.
        optional: Whether an empty field is allowed; its value is then 0 and `known` is False.

    Raises:
        FeedError: For a field that is no finite number or does not fit; the message names the row.
    """
    column = block.columns[name]
    if isinstance(column, IntColumn):
        return _checked(block, name, Scaled(column.values, 0, column.known), optional=optional)
    if isinstance(column, FloatColumn):
        return _from_floats(block, name, column, optional=optional)
    return _from_text(block, name, column, optional=optional)


def rescaled(values: Ints, by: int, place: str) -> Ints:
    """`values` with `by` more decimals.

    Raises:
        FeedError: If a value no longer fits into 63 bits.
    """
    if by == 0:
        return values
    if by > MAX_SCALE or (len(values) and int(np.abs(values).max()) >= _LIMIT // 10**by):
        message = f"{place}: the numbers have more digits than 63 bits can hold"
        raise FeedError(message)
    finer: Ints = values * _POWERS[by]
    return finer


def _checked(block: Block, name: str, found: Scaled, *, optional: bool) -> Scaled:
    if found.known is not None and not optional and not found.known.all():
        _refuse(block, name, int(np.argmin(found.known)))
    return found


def _refuse(block: Block, name: str, row: int) -> NoReturn:
    text = block.columns[name].text(row)
    shown = f"{text[:40]!r} is no number" if text else "is empty"
    message = f"{block.place(row)}: {name} {shown}"
    raise FeedError(message)


def _from_text(block: Block, name: str, column: TextColumn, *, optional: bool) -> Scaled:
    digits = _read_alike(column) or _read_digits(column)
    known = None
    if digits.empty.any():
        known = ~digits.empty
        if not optional:
            _refuse(block, name, int(np.argmax(digits.empty)))
    odd = np.flatnonzero(digits.odd)
    exact = [_exact(block, name, int(row)) for row in odd]
    scale = max([digits.scale, *(_decimals(number) for number in exact)])
    if scale > MAX_SCALE:
        message = f"{block.source}: {name} has {scale} decimals, more than {MAX_SCALE}"
        raise FeedError(message)
    values = _to_scale(digits, scale, block, name)
    for row, number in zip(odd, exact, strict=True):
        whole = int(number.scaleb(scale))
        if abs(whole) >= _LIMIT:
            message = f"{block.place(int(row))}: {name} does not fit into 63 bits"
            raise FeedError(message)
        values[row] = whole
    return Scaled(values, scale, known)


@dataclass(frozen=True)
class _Digits:
    """What a first reading of the characters found."""

    values: Ints
    """All digits of a field as one integer, the point left out."""
    decimals: Ints
    """Digits behind the point of each field."""
    odd: Flags
    """Fields that are not plain digits, or too long for this reading."""
    empty: Flags

    @property
    def scale(self) -> int:
        return int(self.decimals.max(initial=0))


def _read_alike(column: TextColumn) -> _Digits | None:
    """The digits of fields that all have the same length and their point at the same place."""
    count = len(column)
    lengths = column.end - column.start
    length = int(lengths[0]) if count else 0
    if not 0 < length <= _MAX_DIGITS + 1 or (lengths != length).any():
        return None
    values = np.zeros(count, np.int64)
    point = length
    for place in range(length):
        digit = column.buffer[column.start + place] - np.uint8(_ZERO)
        if (digit < 10).all():
            values *= 10
            values += digit
        elif point == length and (digit == np.uint8(_POINT - _ZERO & 0xFF)).all():
            point = place
        else:
            return None
    decimals = max(0, length - point - 1)
    is_long = length - (point < length) > _MAX_DIGITS
    if is_long or point == 0 == decimals or decimals > MAX_SCALE:
        return None
    if int(values.min()) < 0 or int(values.max()) >= _LIMIT:
        return None
    nowhere = np.zeros(count, np.bool_)
    return _Digits(values, np.full(count, decimals, np.int64), nowhere, nowhere)


def _read_digits(column: TextColumn) -> _Digits:
    start, length = column.start, column.end - column.start
    count = len(start)
    values = np.zeros(count, np.int64)
    decimals = np.zeros(count, np.int64)
    digits_seen = np.zeros(count, np.int8)
    has_point = np.zeros(count, np.bool_)
    odd = length > _MAX_DIGITS + 1
    shortest, longest = int(length.min(initial=_MAX_DIGITS)), int(length.max(initial=0))
    position = start.copy()
    last = len(column.buffer) - 1
    for place in range(min(longest, _MAX_DIGITS + 1)):
        byte = column.buffer[np.minimum(position, last, out=position)]
        position += 1
        digit = byte - np.uint8(_ZERO)
        is_digit = digit < 10
        is_point = byte == _POINT
        if place >= shortest:
            inside = place < length
            is_digit &= inside
            is_point &= inside
            odd |= inside & ~is_digit & ~is_point
        else:
            odd |= ~is_digit & ~is_point
        np.multiply(values, 10, out=values, where=is_digit)
        np.add(values, digit, out=values, where=is_digit)
        digits_seen += is_digit
        decimals += is_digit & has_point
        odd |= is_point & has_point
        has_point |= is_point
    empty = length == 0
    # Nineteen digits, as times in nanoseconds have, mostly fit; what does not turns negative.
    odd |= (digits_seen > _MAX_DIGITS) | (values < 0) | (values >= _LIMIT)
    odd |= (decimals > MAX_SCALE) | ((digits_seen == 0) & ~empty)
    values[odd] = 0
    decimals[odd] = 0
    return _Digits(values, decimals, odd, empty)


def _to_scale(digits: _Digits, scale: int, block: Block, name: str) -> Ints:
    if not len(digits.values):
        return digits.values
    missing = scale - digits.decimals
    if int(missing.max()) == 0:
        return digits.values
    factor = _POWERS[missing]
    too_big = digits.values >= _LIMIT // factor
    if too_big.any():
        message = f"{block.place(int(np.argmax(too_big)))}: {name} does not fit into 63 bits"
        raise FeedError(message)
    scaled: Ints = digits.values * factor
    return scaled


def _exact(block: Block, name: str, row: int) -> Decimal:
    text = block.columns[name].text(row).strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        _refuse(block, name, row)
    if not number.is_finite() or "_" in text:
        _refuse(block, name, row)
    if not -40 < number.adjusted() < 40:
        message = f"{block.place(row)}: {name} {text[:40]!r} is out of any market's range"
        raise FeedError(message)
    return number


def _decimals(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent)) if number else 0


def _from_floats(block: Block, name: str, column: FloatColumn, *, optional: bool) -> Scaled:
    values = column.values
    known = ~np.isnan(values)
    bad = np.isinf(values) if optional else ~np.isfinite(values)
    if bad.any():
        _refuse(block, name, int(np.argmax(bad)))
    filled = np.where(known, values, 0.0)
    for scale in range(13):
        power = 10.0**scale
        rounded = np.rint(filled * power)
        if (np.abs(rounded) < _EXACT_BELOW).all() and (rounded / power == filled).all():
            return Scaled(rounded.astype(np.int64), scale, None if known.all() else known)
    shortest = [
        repr(value) if is_known else ""
        for value, is_known in zip(filled.tolist(), known.tolist(), strict=True)
    ]
    texts = text_column(shortest)
    rows = Block(block.source, block.first_row, {name: texts}, block.numbers)
    return _from_text(rows, name, texts, optional=optional)


def without_noise(block: Block, name: str) -> Block:
    """The block with binary floats of a column rounded to `NOISE_DECIMALS`.

    For amounts alone, whose floats are often sums: `0.30000000000000004` says 0.3, and beside a
    large volume its last digits would not even fit.
    """
    column = block.columns[name]
    if not isinstance(column, FloatColumn):
        return block
    rounded = FloatColumn(np.round(column.values, NOISE_DECIMALS))
    return replace(block, columns={**block.columns, name: rounded})
