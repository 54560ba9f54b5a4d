"""Configuration from file to model: read strictly, refused whole, every fault named at once.

    document = load_yaml(path)
    grid = validate(GridFile, document, ("grid_system",))

Nothing is connected and nothing half-loaded when a file is wrong: `validate` collects every fault
into one ConfigError with file, line, key, what was found, what is allowed and the nearest name.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from core.errors import ConfigError
from core.infrastructure.config_faults import Block, Fault, faults_of
from core.infrastructure.config_shape import Annotation, nearest
from core.infrastructure.secret_keys import refuse_secrets
from core.infrastructure.yaml_document import (
    Document,
    KeyPath,
    dotted,
    load_yaml,
    parse_yaml,
    shown,
)

__all__ = [
    "Document",
    "Fault",
    "InvalidConfig",
    "KeyPath",
    "dotted",
    "json_schema",
    "load_yaml",
    "parse_yaml",
    "validate",
]

T = TypeVar("T")


class InvalidConfig(ConfigError):
    """A file with one fault or many; `str()` lists each with its place."""

    def __init__(self, document: Document, faults: tuple[Fault, ...]) -> None:
        first = faults[0]
        is_one = len(faults) == 1
        super().__init__(
            first.message if is_one else _listed(document, faults),
            source=document.source,
            key=(dotted(first.path) or None) if is_one else None,
            line=first.line if is_one else None,
            remedy=first.remedy if is_one else None,
        )
        self.faults = faults


def validate(
    model: type[T],
    document: Document,
    path: tuple[str, ...] = (),
    *,
    others: tuple[str, ...] = (),
) -> T:
    """The model that the block at `path` describes.

    Args:
        model: A pydantic model, or an annotated union of models with a discriminator.
        path: Keys from the root of the file to the block; what stands beside them is refused.
        others: Keys that may stand beside the first key of `path`.

    Raises:
        ConfigError: Listing every fault. A validator of the model may raise ValueError with a
            sentence, or ConfigError with `key` relative to the block, to say what is wrong.
    """
    refuse_secrets(document)
    siblings = _check_way(document, path, others)
    block = Block(document=document, base=path, annotation=model)
    adapter: TypeAdapter[T] = _adapter(cast("Hashable", model))
    try:
        value = adapter.validate_python(document.get(path))
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise InvalidConfig(document, (*siblings, *faults_of(block, details))) from error
    except ConfigError as error:
        if error.source is not None:
            raise
        keys = () if error.key is None else tuple(error.key.split("."))
        raise document.error(error.message, (*path, *keys), remedy=error.remedy) from error
    if siblings:
        raise InvalidConfig(document, siblings)
    return value


@lru_cache(maxsize=32)
def _adapter(model: Annotation) -> TypeAdapter[Any]:
    """What validates a model; making it costs more than using it."""
    return TypeAdapter(model)


def json_schema(model: Annotation, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON schema of a file whose block at `path` is `model`, for editors and the docs."""
    schema = TypeAdapter(model).json_schema()
    definitions = schema.pop("$defs", None)
    for part in reversed(path):
        schema = {
            "type": "object",
            "properties": {part: schema},
            "required": [part],
            "additionalProperties": False,
        }
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return whole if definitions is None else {**whole, "$defs": definitions}


def _check_way(
    document: Document, path: tuple[str, ...], others: tuple[str, ...]
) -> tuple[Fault, ...]:
    """Faults beside the blocks on the way to the wanted one; raises when the way is broken."""
    faults: list[Fault] = []
    for depth, wanted in enumerate(path):
        above = document.get(path[:depth])
        if not isinstance(above, dict):
            raise document.error("must be a block of keys.", path[:depth])
        allowed = {wanted, *(others if depth == 0 else ())}
        strangers = [key for key in above if key not in allowed]
        if wanted not in above:
            raise _no_block(document, path[: depth + 1], strangers)
        for key in strangers:
            here = (*path[:depth], key)
            message = f"does not stand beside `{wanted}:`."
            faults.append(Fault(path=here, message=message, line=document.line_of(here)))
    return tuple(faults)


def _no_block(document: Document, path: tuple[str, ...], strangers: list[str]) -> ConfigError:
    near = nearest(path[-1], strangers, 0.6)
    if near is not None:
        remedy = f"Did you mean `{path[-1]}`?"
        return document.error("is not a known key.", (*path[:-1], near), remedy=remedy)
    names = ", ".join(shown(key, 30) for key in strangers[:10])
    instead = f"Found instead: {names}." if names else None
    return document.error(f"has no `{dotted(path)}:` block.", remedy=instead)


def _listed(document: Document, faults: tuple[Fault, ...]) -> str:
    lines = [f"{len(faults)} faults:"]
    for fault in faults:
        place = document.source if fault.line is None else f"{document.source}:{fault.line}"
        lines.append(f"  {place}: {dotted(fault.path)}: {fault}")
    return "\n".join(lines)
