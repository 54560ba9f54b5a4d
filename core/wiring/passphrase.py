"""The passphrase of sealed keys, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from core.infrastructure.environment import PASSPHRASE as VARIABLE


class Passphrase:
    """The passphrase of sealed keys, as long as this process lives; on no disk, in no argument.

    A command asks for it at the terminal once; an engine, which has none, is told it over its
    private socket by the command that starts a bot there. The environment stands in for a person.
    """

    def __init__(self) -> None:
        self._text = ""
        self._ask: Callable[[str], str] | None = None

    @property
    def told(self) -> str:
        """What was typed or told; empty where nothing was."""
        return self._text

    def ask_with(self, ask: Callable[[str], str] | None) -> None:
        """Says how a person is asked, given the venue; None where nobody can be."""
        self._ask = ask

    def tell(self, text: str) -> None:
        """Takes a passphrase; whatever masks secrets knows it from here on."""
        from core.infrastructure.redaction import register_secret

        register_secret(text)
        self._text = text

    def of(self, venue: str) -> str | None:
        """The passphrase; None where nobody told it and nobody can be asked."""
        if not self._text:
            found = os.environ.get(VARIABLE, "")
            if not found and self._ask is not None:
                found = self._ask(venue)
            if found:
                self.tell(found)
        return self._text or None


PASSPHRASE: Final = Passphrase()
