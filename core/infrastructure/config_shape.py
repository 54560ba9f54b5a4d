"""What a pydantic model allows, key by key: for nearest names and for keys at the wrong level."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.infrastructure.yaml_document import KeyPath, Value

_DEEPEST = 12

Annotation = Any
"""A type as written in an annotation; the type system has no word for that before 3.14."""


def models_of(annotation: Annotation) -> tuple[type[BaseModel], ...]:
    """The models that may stand where `annotation` is written."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    origin = _origin(annotation)
    if origin is Annotated:
        return models_of(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return tuple(model for part in get_args(annotation) for model in models_of(part))
    return ()


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields by the name they have in a file."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def matching(models: Sequence[type[BaseModel]], value: Value) -> tuple[type[BaseModel], ...]:
    """Those whose tag, such as a type, is the one in the file; all when none or no tag fits."""
    tag = tag_of(models)
    if tag is None or not isinstance(value, dict):
        return tuple(models)
    fits = tuple(model for model in models if value.get(tag) in literals_of(model)[tag])
    return fits or tuple(models)


def tag_of(models: Sequence[type[BaseModel]]) -> str | None:
    """The field whose words tell several models apart; None for a single model."""
    if len(models) < 2:
        return None
    words = [literals_of(model) for model in models]
    for name in words[0]:
        if all(name in group for group in words):
            every = [word for group in words for word in group[name]]
            if len(every) == len(set(every)):
                return name
    return None


def literals_of(model: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Fields that admit a closed list of words, with the words."""
    words = {name: choices_of(info.annotation) for name, info in fields_of(model).items()}
    return {name: allowed for name, allowed in words.items() if allowed}


def choices_of(annotation: Annotation) -> tuple[str, ...]:
    """The words that a literal or an enum admits; empty for anything else."""
    origin = _origin(annotation)
    if origin is Annotated:
        return choices_of(get_args(annotation)[0])
    if origin is Literal:
        return tuple(
            str(word.value if isinstance(word, Enum) else word) for word in get_args(annotation)
        )
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    if origin in {Union, types.UnionType}:
        return tuple(word for part in get_args(annotation) for word in choices_of(part))
    return ()


def annotation_at(root: Annotation, value: Value, path: KeyPath) -> tuple[Annotation, ...]:
    """What may stand at `path`, for the alternatives that fit the values on the way."""
    here: tuple[Annotation, ...] = (root,)
    for part in path:
        here = tuple(inner for annotation in here for inner in _children(annotation, value, part))
        value = step_into(value, part)
    return here


def key_paths(root: Annotation, value: Value) -> Iterator[KeyPath]:
    """Every key that could be written, with its path; those that fit the file's types only."""
    return _key_paths(root, value, (), frozenset())


def nearest(word: str, choices: Sequence[str] | Mapping[str, object], cutoff: float) -> str | None:
    """The most similar of `choices`, blind to case and dashes; None when none is near."""
    plain = {_folded(choice): choice for choice in choices}
    near = difflib.get_close_matches(_folded(word)[:100], list(plain), n=1, cutoff=cutoff)
    return plain[near[0]] if near else None


def _origin(annotation: Annotation) -> Annotation:
    return get_origin(annotation)


def _folded(word: str) -> str:
    return word.lower().replace("-", "_")


def _children(annotation: Annotation, value: Value, part: str | int) -> tuple[Annotation, ...]:
    if _origin(annotation) is Annotated:
        return _children(get_args(annotation)[0], value, part)
    if _origin(annotation) in {Union, types.UnionType} and not models_of(annotation):
        return tuple(
            inner for choice in get_args(annotation) for inner in _children(choice, value, part)
        )
    if models := models_of(annotation):
        fields = [fields_of(model) for model in matching(models, value)]
        return tuple(_typed(group[part]) for group in fields if part in group)
    if _origin(annotation) in {list, tuple, dict, set, frozenset}:
        inner = [item for item in get_args(annotation) if item is not Ellipsis]
        return tuple(inner[-1:])
    return ()


def _typed(info: FieldInfo) -> Annotation:
    return info.annotation


def step_into(value: Value, part: str | int) -> Value:
    """The value under one key or index; None when it is not there."""
    if isinstance(value, dict) and isinstance(part, str):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _key_paths(
    annotation: Annotation, value: Value, path: KeyPath, seen: frozenset[type[BaseModel]]
) -> Iterator[KeyPath]:
    if len(path) > _DEEPEST:
        return
    for model in matching(models_of(annotation), value):
        if model in seen:
            continue
        for name, info in fields_of(model).items():
            here = (*path, name)
            yield here
            yield from _key_paths(info.annotation, step_into(value, name), here, seen | {model})
