"""The parameters of a sweep: which keys of a grid's file take which values.

    grid_interval=0.5:3:0.5           0.5, 1, 1.5, 2, 2.5, 3: both ends belong to it
    price_range.lower_price=98,99.5   a key inside a block has a dot
    grid_type=long,short              words as well as numbers

Ranges are counted in Decimal, so that 0.1:0.3:0.1 ends with 0.3. Every combination of all values is
one set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from math import prod
from typing import Any, Final

from core.adapters.exchanges.models import plain
from core.errors import ConfigError
from core.services.backtest.sweep_result import Params

MANY: Final = 10_000
"""More sets than these are asked about."""
LONGEST_AXIS: Final = 1_000_000
FIXED: Final = frozenset({"exchange", "market_type", "name", "symbol"})
"""Keys that say what the prices are of: a sweep has one set of prices."""
_EXAMPLE: Final = "Write --grid grid_interval=0.5:3:0.5 or --grid grid_interval=1,2,5."


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One key and its values."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """All sets of parameters."""

    axes: tuple[Axis, ...]

    @property
    def count(self) -> int:
        """Number of sets."""
        return prod(len(axis.values) for axis in self.axes)

    def sets(self) -> Iterator[Params]:
        """Every set; the last key changes fastest."""
        keys = [axis.key for axis in self.axes]
        for values in product(*(axis.values for axis in self.axes)):
            yield tuple(zip(keys, values, strict=True))


def read_space(texts: Sequence[str]) -> Space:
    """The sets that `--grid` options ask for.

    Raises:
        ConfigError: For what is no parameter, with an example.
    """
    axes: dict[str, Axis] = {}
    for text in texts:
        axis = _axis(text)
        if axis.key in axes:
            raise _error(f"--grid names {axis.key} twice.", "Give all its values in one option.")
        axes[axis.key] = axis
    if not axes:
        raise _error("a sweep needs at least one --grid.", _EXAMPLE)
    return Space(axes=tuple(axes.values()))


def with_params(block: Mapping[str, Any], params: Params) -> dict[str, Any]:
    """A grid's block with a set's values in it; blocks on the way are copied, or made.

    Raises:
        ConfigError: Where a key leads through something that is no block.
    """
    found = dict(block)
    for key, value in params:
        inner = found
        *way, last = key.split(".")
        for part in way:
            below = inner.get(part, {})
            if not isinstance(below, dict):
                raise _error(f"--grid {key}: {part} is no block of keys.", None)
            inner[part] = below = dict(below)
            inner = below
        inner[last] = value
    return found


def _axis(text: str) -> Axis:
    key, sign, right = text.partition("=")
    key = key.strip()
    if not sign or not key or not right.strip() or not all(key.split(".")):
        raise _error(f"--grid {text[:60]!r} is no parameter.", _EXAMPLE)
    if key in FIXED:
        raise _error(f"--grid {key}: the prices of a sweep are of one thing.", None)
    values = _range(key, right) if ":" in right else _listed(key, right)
    return Axis(key=key, values=values)


def _listed(key: str, right: str) -> tuple[str, ...]:
    values = tuple(part.strip() for part in right.split(","))
    if not all(values):
        raise _error(f"--grid {key}: a value between the commas is missing.", _EXAMPLE)
    if len(set(values)) < len(values):
        raise _error(f"--grid {key}: a value stands there twice.", None)
    return values


def _range(key: str, right: str) -> tuple[str, ...]:
    parts = [part.strip() for part in right.split(":")]
    try:
        first, last, step = (_number(part) for part in parts)
    except (ValueError, InvalidOperation):
        raise _error(f"--grid {key}={right[:40]} is no range first:last:step.", _EXAMPLE) from None
    if step <= 0:
        raise _error(f"--grid {key}: the step {plain(step)} must be above 0.", _EXAMPLE)
    if last < first:
        raise _error(
            f"--grid {key}: the range ends at {plain(last)}, before {plain(first)}.",
            f"Write {key}={plain(last)}:{plain(first)}:{plain(step)}.",
        )
    count = int((last - first) // step) + 1
    if count > LONGEST_AXIS:
        raise _error(
            f"--grid {key} has {count:,} values, more than {LONGEST_AXIS:,}.", "Take a wider step."
        )
    return tuple(plain(first + index * step) for index in range(count))


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


def _error(message: str, remedy: str | None) -> ConfigError:
    return ConfigError(message, source="arguments", remedy=remedy)
