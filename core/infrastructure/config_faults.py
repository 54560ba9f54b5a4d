"""Turns what pydantic found wrong into sentences: where, what was found, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pydantic_core import ErrorDetails

from core.infrastructure.config_shape import (
    Annotation,
    annotation_at,
    choices_of,
    fields_of,
    key_paths,
    literals_of,
    matching,
    models_of,
    nearest,
    step_into,
    tag_of,
)
from core.infrastructure.config_types import found
from core.infrastructure.yaml_document import Document, KeyPath, Value, dotted, shown

_MOST_NAMES = 15
MOST_FAULTS = 50
"""Beyond this many the file is not a configuration, and looking for near names takes time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a file."""

    path: KeyPath
    """From the root of the file."""
    message: str
    """What was found and what is allowed, as a sentence that follows the key."""
    line: int | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        return self.message if self.remedy is None else f"{self.message} {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The part of a file that a model describes."""

    document: Document
    base: KeyPath
    """Path of the block in the file."""
    annotation: Annotation

    @property
    def value(self) -> Value:
        """The block's content."""
        return self.document.get(self.base)

    def fault(self, path: KeyPath, message: str, remedy: str | None = None) -> Fault:
        """A fault at a path inside the block."""
        full = (*self.base, *path)
        return Fault(path=full, message=message, line=self.document.line_of(full), remedy=remedy)


def faults_of(block: Block, errors: list[ErrorDetails]) -> tuple[Fault, ...]:
    """The faults in the order of the file, one for each key."""
    faults: dict[KeyPath, Fault] = {}
    for error in errors[:MOST_FAULTS]:
        fault = _fault(block, error)
        faults.setdefault(fault.path, fault)
    in_order = sorted(faults.values(), key=lambda fault: fault.line or 0)
    if len(errors) > MOST_FAULTS:
        in_order.append(block.fault((), f"and {len(errors) - MOST_FAULTS:,} more faults."))
    return tuple(in_order)


def _fault(block: Block, error: ErrorDetails) -> Fault:
    kind = error["type"]
    path = _file_path(block.value, error)
    if kind == "extra_forbidden":
        return _unknown_key(block, path)
    if kind == "missing":
        return _missing(block, path)
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _bad_tag(block, path, error)
    if kind in {"literal_error", "enum"}:
        allowed = tuple(re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", ""))))
        return _bad_choice(block, path, error["input"], allowed)
    return block.fault(path, _sentence(error))


def _file_path(value: Value, error: ErrorDetails) -> KeyPath:
    """Pydantic's location without the labels of union members, which stand in no file."""
    path: list[str | int] = []
    for part in error["loc"]:
        if _holds(value, part):
            path.append(part)
            value = _at(value, (part,))
    if error["type"] == "missing":
        path.append(error["loc"][-1])
    return tuple(path)


def _unknown_key(block: Block, path: KeyPath) -> Fault:
    name = str(path[-1])
    value = _at(block.value, path[:-1])
    annotations = annotation_at(block.annotation, block.value, path[:-1])
    models = tuple(model for item in annotations for model in models_of(item))
    active = {key: True for model in matching(models, value) for key in fields_of(model)}
    if any(name in fields_of(model) for model in models):
        return _wrong_type_of_block(block, path, value)
    elsewhere = [item for item in key_paths(block.annotation, block.value) if item[-1] == name]
    if elsewhere:
        places = ", ".join(f"`{dotted((*block.base, *item))}`" for item in elsewhere[:3])
        return block.fault(path, "does not stand here.", f"It belongs at {places}.")
    return block.fault(path, "is not a known key.", _nearest_key(block, path, tuple(active)))


def _nearest_key(block: Block, path: KeyPath, here: tuple[str, ...]) -> str:
    name = str(path[-1])
    if near := nearest(name, here, 0.7):
        return f"Did you mean `{near}`?"
    everywhere = {str(item[-1]): item for item in key_paths(block.annotation, block.value)}
    if near := nearest(name, everywhere, 0.75):
        return f"Did you mean `{dotted((*block.base, *everywhere[near]))}`?"
    if near := nearest(name, here, 0.6):
        return f"Did you mean `{near}`?"
    names = ", ".join(here[:_MOST_NAMES]) + (", …" if len(here) > _MOST_NAMES else "")
    return f"Known here: {names}." if names else "No keys are known here."


def _wrong_type_of_block(block: Block, path: KeyPath, value: Value) -> Fault:
    """A key that other alternatives of a tagged block know, but not the chosen one."""
    annotations = annotation_at(block.annotation, block.value, path[:-1])
    models = tuple(model for item in annotations for model in models_of(item))
    owners = [model for model in models if path[-1] in fields_of(model)]
    tag = tag_of(models)
    if tag is None or not isinstance(value, dict):
        return block.fault(path, "does not go with the other keys here.")
    goes_with = ", ".join(dict.fromkeys(word for m in owners for word in literals_of(m)[tag]))
    message = f"is not used with {tag} {found(value.get(tag))}."
    return block.fault(path, message, f"It goes with {tag}: {goes_with}.")


def _missing(block: Block, path: KeyPath) -> Fault:
    name = str(path[-1])
    sentence = ""
    for annotation in annotation_at(block.annotation, block.value, path[:-1]):
        for model in models_of(annotation):
            info = fields_of(model).get(name)
            if info is not None and info.description:
                sentence = info.description.partition("\n")[0]
    return block.fault(path, "is missing.", f"It is: {sentence}" if sentence else None)


def _bad_tag(block: Block, path: KeyPath, error: ErrorDetails) -> Fault:
    tag = str(error.get("ctx", {}).get("discriminator", "")).strip("'")
    allowed: dict[str, None] = {}
    for annotation in annotation_at(block.annotation, block.value, path):
        for model in models_of(annotation):
            allowed |= dict.fromkeys(literals_of(model).get(tag, ()))
    here = (*path, tag)
    if error["type"] == "union_tag_not_found":
        return block.fault(here, f"is missing; allowed: {', '.join(allowed)}.")
    return _bad_choice(block, here, _at(block.value, here), tuple(allowed))


def _bad_choice(block: Block, path: KeyPath, value: object, allowed: tuple[str, ...]) -> Fault:
    known = tuple(
        word
        for annotation in annotation_at(block.annotation, block.value, path)
        for word in choices_of(annotation)
    )
    words = tuple(dict.fromkeys(known or allowed))
    near = nearest(value, words, 0.5) if isinstance(value, str) else None
    message = f"found {found(value)}, allowed: {', '.join(words)}."
    return block.fault(path, message, f"Did you mean {near}?" if near else None)


def _holds(value: Value, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _at(value: Value, path: KeyPath) -> Value:
    for part in path:
        value = step_into(value, part)
    return value


_BOUNDS: dict[str, Callable[[dict[str, object]], str]] = {
    "greater_than": lambda ctx: f"must be above {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than": lambda ctx: f"must be below {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "multiple_of": lambda ctx: f"must be a multiple of {ctx['multiple_of']}",
    "too_short": lambda ctx: f"needs at least {ctx['min_length']}",
    "too_long": lambda ctx: f"may hold at most {ctx['max_length']}",
    "string_too_short": lambda ctx: f"needs at least {ctx['min_length']} characters",
    "string_too_long": lambda ctx: f"may have at most {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: f"must look like {ctx['pattern']}",
}
_SHAPES = {
    "model_type": "must be a block of keys",
    "model_attributes_type": "must be a block of keys",
    "dataclass_type": "must be a block of keys",
    "dict_type": "must be a block of keys",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "string_type": "must be text",
}


def _sentence(error: ErrorDetails) -> str:
    kind = error["type"]
    context = dict(error.get("ctx", {}))
    if kind in {"number", "boolean"}:
        return error["msg"]
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", error["msg"]))
    value = found(error["input"])
    if kind in _BOUNDS:
        return f"{_BOUNDS[kind](context)}, found {value}."
    if kind in _SHAPES:
        quotes = (
            ": put it in quotes" if kind == "string_type" and value in {"true", "false"} else ""
        )
        return f"{_SHAPES[kind]}, found {value}{quotes}."
    return f"{shown(error['msg'].replace('Input should be', 'must be'), 200)}, found {value}."
