"""Venues by name. The factory knows no class: wiring registers a maker for each name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Generic, ParamSpec

from core.adapters.exchanges.interface import ExchangeInterface
from core.errors import ConfigError

P = ParamSpec("P")


class ExchangeFactory(Generic[P]):
    """A registry of makers; `P` is what all of them take."""

    def __init__(self) -> None:
        self._makers: dict[str, Callable[P, ExchangeInterface]] = {}
        """Venue name -> maker."""

    @property
    def names(self) -> tuple[str, ...]:
        """Registered venues, sorted."""
        return tuple(sorted(self._makers))

    def register(self, name: str, maker: Callable[P, ExchangeInterface]) -> None:
        """Adds a venue.

        Raises:
            ValueError: If the name is taken.
        """
        if name in self._makers:
            raise ValueError(f"the venue {name} is registered twice")
        self._makers[name] = maker

    def create(self, name: str, /, *args: P.args, **kwargs: P.kwargs) -> ExchangeInterface:
        """Makes the adapter of a venue, not yet connected.

        Raises:
            ConfigError: For a name that is not registered, with the nearest that is.
        """
        maker = self._makers.get(name)
        if maker is None:
            near = difflib.get_close_matches(name, self._makers, n=1)
            known = ", ".join(self.names) or "none"
            raise ConfigError(
                f"there is no venue {name!r}; known are: {known}.",
                key="exchange",
                remedy=f"Did you mean {near[0]!r}?" if near else None,
            )
        return maker(*args, **kwargs)
