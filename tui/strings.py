"""Every word the screens show comes from one catalogue, in the reader's language.

A catalogue maps an id to a sentence with named holes. Both languages have the same ids and the same
holes; a test holds them to it. Widths are measured in cells, so Chinese labels align as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tui.language import en
from tui.language.heard import NOTHING, Heard

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language."""

    language: str
    texts: Mapping[str, str]
    heard: Heard = NOTHING
    """What the engine says, in this language."""

    def __call__(self, id_: str, **holes: object) -> str:
        """The sentence `id_` with its holes filled.

        Raises:
            KeyError: If the catalogue has no such sentence or a hole stays open.
        """
        text = self.texts[id_]
        return text.format(**holes) if holes else text

    def get(self, id_: str, default: str) -> str:
        """The sentence `id_`, or `default` where the catalogue has none."""
        return self.texts.get(id_, default)


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """The catalogue of `en` or `zh`; English for any other."""
    if language == "zh":
        from tui.language import zh, zh_engine

        heard = Heard.of(zh_engine.LINES, zh_engine.SHAPES, zh_engine.NAMES, zh_engine.JOINTS)
        return Words("zh", zh.TEXTS, heard)
    return Words("en", en.TEXTS)


def choose(setting: str, environment: Mapping[str, str]) -> str:
    """`en` or `zh`: the setting, else what the environment's locale begins with."""
    if setting in LANGUAGES:
        return setting
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"
