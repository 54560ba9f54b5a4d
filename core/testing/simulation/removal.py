"""Takes a safeguard out of the program in memory, and puts it back.

The source of a function is edited: the text to be replaced must be there as often as said, so a
safeguard that has moved makes its ablation fail loudly instead of testing nothing. The program
itself has no switch for this: nothing in a configuration or an environment can remove anything,
because nothing that ships knows of this file.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from core.testing.simulation.faults import Kind


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one function."""

    target: str
    """`module:Class.method` or `module:function`."""
    old: str
    """Text that its source has exactly so often as `times` says."""
    new: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """A safeguard, and how it is removed."""

    name: str
    safeguard: str
    """What is missing then, in words."""
    edits: tuple[Edit, ...]
    is_historic: bool = False
    """Whether another system had this bug in public."""
    shown_by: tuple[frozenset[Kind], ...] = ()
    """Weather that shows what is missing: a fault of each set at one time. Where the hunt looks
    first."""
    is_about_rates: bool = False
    """Whether it shows where a venue allows few requests, if anywhere: it is hunted there."""


@contextmanager
def removed(ablation: Ablation) -> Iterator[None]:
    """Runs the body without a safeguard.

    Raises:
        LookupError: If a text to be replaced is not there exactly once.
    """
    with ExitStack() as stack:
        for edit in ablation.edits:
            for owner, name, before, after in _replacements(edit):
                setattr(owner, name, after)
                stack.callback(setattr, owner, name, before)
        yield


def _replacements(edit: Edit) -> list[tuple[Any, str, Any, Any]]:
    """Whose attribute is replaced, its name, what it was and what it becomes."""
    module_name, _, path = edit.target.partition(":")
    module = importlib.import_module(module_name)
    *owners, name = path.split(".")
    owner: Any = module
    for part in owners:
        owner = getattr(owner, part)
    before = inspect.getattr_static(owner, name)
    after = _edited(edit, module, owner, before)
    if owners:
        return [(owner, name, before, after)]
    # A function is known by name wherever it was imported.
    return [
        (other, name, before, after)
        for key, other in sorted(sys.modules.items())
        if key.startswith("core.") and getattr(other, name, None) is before
    ]


def _edited(edit: Edit, module: ModuleType, owner: Any, before: Any) -> Any:  # noqa: ANN401 # a function
    """A function with one text of its source replaced."""
    source = _SOURCES.get(before) or textwrap.dedent(inspect.getsource(before))
    old, new = _as_dedented(edit.old), _as_dedented(edit.new)
    if source.count(old) != edit.times:
        raise LookupError(f"{edit.target} has {source.count(old)} times {edit.old!r}")
    source = source.replace(old, new)
    space: dict[str, Any] = {}
    # Within a function that is told the class `super()` finds it, as it does in the class's body.
    body = textwrap.indent(source, "    ")
    text = f"def make(__class__):\n{body}\n    return {before.__name__}\n"
    exec(compile(text, f"<{edit.target}>", "exec"), vars(module) | {}, space)  # noqa: S102 # our own source
    made = space["make"](owner)
    found = FunctionType(
        made.__code__, vars(module), made.__name__, made.__defaults__, made.__closure__
    )
    found.__kwdefaults__ = made.__kwdefaults__
    _SOURCES[found] = source
    return found


_SOURCES: dict[Any, str] = {}
"""Edited function -> its source, for a second edit of the same one."""


def _as_dedented(text: str) -> str:
    """Text of a method as it stands once its class's indentation is taken off."""
    if not text.startswith("        "):
        return text
    return "\n".join(line.removeprefix("    ") for line in text.split("\n"))
