"""Field types for configuration: numbers from their text, nothing guessed, errors in plain words.

    class PriceRange(ConfigModel):
        lower_price: PositiveDecimal
        upper_price: PositiveDecimal
        levels: Annotated[IntText, Field(ge=2, le=500)]

A number may be bare or quoted and goes from its text to Decimal. Exponents, NaN, infinities,
leading zeros, separators, `+` signs, hex and blanks are refused: each has been read as something
else by somebody. Booleans are bare `true` and `false`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from core.infrastructure.redaction import redact
from core.infrastructure.yaml_document import shown

MAX_DIGITS = 40
_LOOKED_AT = 500
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_EXPONENT = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?[eE][+-]?[0-9]{1,3}")
_WORDS_FOR_TRUTH = {"on": True, "yes": True, "y": True, "off": False, "no": False, "n": False}

_DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
_INT_PATTERN = r"^-?(0|[1-9][0-9]*)$"


class ConfigModel(BaseModel):
    """A block of keys: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, arbitrary_types_allowed=False
    )


def decimal_of(value: object) -> Decimal:
    """A finite Decimal from plain decimal text; Decimal and int pass through.

    Raises:
        PydanticCustomError: A sentence saying what was found and what to write instead.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    text = _text_of(value)
    if not _PLAIN.fullmatch(text) or sum(char.isdigit() for char in text) > MAX_DIGITS:
        raise _refusal("must be a plain number", text, _hint(text))
    number = Decimal(text)
    return number or abs(number)


def int_of(value: object) -> int:
    """A whole number from its text; int passes through.

    Raises:
        PydanticCustomError: A sentence saying what was found and what to write instead.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = _text_of(value)
    if not _WHOLE.fullmatch(text) or len(text) > MAX_DIGITS:
        is_fraction = _PLAIN.fullmatch(text) is not None
        raise _refusal("must be a whole number", text, "" if is_fraction else _hint(text))
    return int(text)


def bool_of(value: object) -> bool:
    """A boolean that was written as one.

    Raises:
        PydanticCustomError: Also for `on`, `yes`, 1 and quoted words, with what to write instead.
    """
    if isinstance(value, bool):
        return value
    text = "nothing" if value is None else found(value)
    hint = ""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in {"true", "false"}:
            hint = f": write {word} without quotes"
        elif word in _WORDS_FOR_TRUTH:
            hint = f": write {'true' if _WORDS_FOR_TRUTH[word] else 'false'}"
    raise PydanticCustomError(
        "boolean", "must be true or false, found {found}{hint}.", {"found": text, "hint": hint}
    )


def found(value: object) -> str:
    """How an error names what it found: quoted, short, on one line, without secrets."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{shown(redact(str(value)[:_LOOKED_AT]))}"'


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        raise _refusal("must be a number given as text", repr(value), "")
    raise PydanticCustomError("number", "must be a number, found {found}.", {"found": found(value)})


def _refusal(rule: str, text: str, hint: str) -> PydanticCustomError:
    context: dict[str, Any] = {"rule": rule, "found": found(text), "hint": hint}
    return PydanticCustomError("number", "{rule}, found {found}{hint}.", context)


def _hint(text: str) -> str:  # noqa: PLR0911 # one line for each way to write a number wrongly
    """What to write instead, beginning with a colon, or nothing."""
    if len(text) > _LOOKED_AT:
        return f": at most {MAX_DIGITS} digits"
    word = text.strip()
    if not word:
        return ": give a value"
    if _EXPONENT.fullmatch(word) and abs(Decimal(word).adjusted()) <= MAX_DIGITS:
        return f": exponents are refused, write {Decimal(word):f}"
    if word.lower().lstrip("+-.") in {"nan", "inf", "infinity"}:
        return ": it must be finite"
    if word.endswith("%") and _PLAIN.fullmatch(word[:-1].strip()):
        return f": write the fraction {Decimal(word[:-1].strip()).scaleb(-2):f}"
    tidy = re.sub(r"[_,\s']", "", word).removeprefix("+")
    tidy = re.sub(r"^(-?)0+(?=[0-9])", r"\1", tidy).removesuffix(".")
    tidy = re.sub(r"^(-?)\.", r"\g<1>0.", tidy)
    if len(tidy) > MAX_DIGITS:
        return f": at most {MAX_DIGITS} digits"
    if tidy != text and _PLAIN.fullmatch(tidy):
        return f": write {tidy}"
    return ""


DecimalText = Annotated[
    Decimal,
    BeforeValidator(decimal_of),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _DECIMAL_PATTERN}]}
    ),
]
"""Any finite number."""

PositiveDecimal = Annotated[
    DecimalText,
    Field(gt=0),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^(?!0(\.0+)?$)(0|[1-9][0-9]*)(\.[0-9]+)?$"},
            ]
        }
    ),
]
"""Above zero."""

NonNegativeDecimal = Annotated[
    DecimalText,
    Field(ge=0),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"},
            ]
        }
    ),
]
"""Zero or above."""

IntText = Annotated[
    int,
    BeforeValidator(int_of),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": _INT_PATTERN}]}),
]
"""Any whole number; bound it with `Annotated[IntText, Field(ge=…, le=…)]`."""

PositiveInt = Annotated[IntText, Field(gt=0)]
"""A whole number above zero."""

NonNegativeInt = Annotated[IntText, Field(ge=0)]
"""A whole number, zero or above."""

BoolStrict = Annotated[bool, BeforeValidator(bool_of), WithJsonSchema({"type": "boolean"})]
"""Bare `true` or `false` only."""

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that is safe as a file name and on a screen."""
