"""Saying what the engine said in the language of the screen.

The engine speaks English, to logs and programs as well. A line of its diary has a name and fields,
from which it is said anew; a sentence without them is known by its shape. What a language has no
words for stays as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

Value = str | int | bool | None
_END = r"\.\s"
"""Where a sentence ends and another begins."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The engine's lines and sentences in one language.

    Args:
        lines: Name of a line -> parts; a part with an empty hole is left out.
        shapes: English sentence with holes -> its translation, the most special first.
        names: Values that are words themselves.
        joints: What stands between sentences, and between the parts of a list.
    """

    lines: Mapping[str, Sequence[str]]
    shapes: tuple[tuple[re.Pattern[str], str], ...]
    names: Mapping[str, str]
    joints: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls,
        lines: Mapping[str, Sequence[str]],
        shapes: Sequence[tuple[str, str]],
        names: Mapping[str, str],
        joints: Sequence[tuple[str, str]],
    ) -> Heard:
        """From the tables of a language."""
        known = tuple((_pattern(shape), said) for shape, said in shapes)
        return cls(lines, known, names, tuple(joints))

    def line(self, event: str, fields: Mapping[str, Value], english: str) -> str:
        """A line of the diary; as it came where there are no words for it."""
        values = {
            name: self.sentence(str(value))
            for name, value in fields.items()
            if value is not None and value != ""
        }
        parts = [part for part in self.lines.get(event, ()) if holes(part) <= values.keys()]
        whole = "".join(part.format_map(values) for part in parts)
        is_whole = bool(parts) and parts[0] == self.lines[event][0]
        return whole if is_whole else english

    def sentence(self, english: str) -> str:
        """A sentence, or several; those without words stay as they came."""
        bare = english.removesuffix(".")
        found = self._known(bare)
        if found is not None:
            return found
        for joint, said_joint in self.joints:
            if joint in bare:
                return said_joint.join(self.sentence(piece) for piece in bare.split(joint))
        return english

    def _known(self, english: str) -> str | None:
        if english in self.names:
            return self.names[english]
        for pattern, said in self.shapes:
            match = pattern.fullmatch(english)
            if match is not None:
                found = match.groupdict().items()
                return said.format_map({name: self.names.get(text, text) for name, text in found})
        return None


NOTHING = Heard({}, (), {}, ())
"""For the language that the engine speaks."""


def holes(text: str) -> set[str]:
    """Names of the holes in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _pattern(shape: str) -> re.Pattern[str]:
    """Matches a sentence whose holes hold no end of a sentence."""
    parts = [
        re.escape(text) + (f"(?P<{name}>(?:(?!{_END}).)+)" if name else "")
        for text, name, _, _ in Formatter().parse(shape)
    ]
    return re.compile("".join(parts))
