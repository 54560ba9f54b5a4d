"""A registry: names to things that are made when they are first asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Generic, TypeVar

from core.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names and how to make what they stand for; nothing is imported or built before `create`.

    Args:
        kind: What the names stand for, in the singular, for errors: `venue`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._factories: dict[str, Callable[..., T]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The known names, in the order of registration."""
        return tuple(self._factories)

    def __contains__(self, name: object) -> bool:
        return name in self._factories

    def register(self, name: str, factory: Callable[..., T]) -> None:
        """Adds a name.

        Raises:
            ValueError: If it is taken.
        """
        if name in self._factories:
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self._factories[name] = factory

    def create(self, name: str, *args: object, **kwargs: object) -> T:
        """A new thing of that name, made by its factory from the arguments.

        Raises:
            ConfigError: If the name is not known, with the nearest that is. What the factory raises
                passes through.
        """
        return self.factory(name)(*args, **kwargs)

    def factory(self, name: str) -> Callable[..., T]:
        """The factory of a name.

        Raises:
            ConfigError: If it is not known.
        """
        try:
            return self._factories[name]
        except KeyError:
            near = difflib.get_close_matches(name.lower(), self._factories, n=1, cutoff=0.6)
            known = ", ".join(self._factories) or "none"
            remedy = f"Did you mean {near[0]}?" if near else f"Known: {known}."
            message = f"there is no {self.kind} named {name[:60]!r}."
            raise ConfigError(message, remedy=remedy) from None
