"""The registry: lazy, by name, with the nearest one for a slip."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.infrastructure.di import Registry


def test_nothing_is_made_before_it_is_asked_for():
    """Factories run at each `create`, with its arguments."""
    made = []
    registry = Registry("venue")
    registry.register("paper", lambda name, *, fee=0: made.append((name, fee)) or name)

    assert made == []
    assert registry.create("paper", "a", fee=2) == "a"
    assert made == [("a", 2)]
    assert "paper" in registry
    assert "live" not in registry
    assert registry.names == ("paper",)


def test_an_unknown_name_is_answered_with_the_nearest():
    """A slip names what was probably meant, anything else the whole list."""
    registry = Registry("venue")
    registry.register("lighter", dict)
    registry.register("paper", dict)

    with pytest.raises(ConfigError, match=r"no venue named 'Ligther'\. Did you mean lighter\?"):
        registry.create("Ligther")
    with pytest.raises(ConfigError, match="Known: lighter, paper"):
        registry.factory("zzz")


def test_a_name_is_given_once():
    """Two classes under one name would be chance."""
    registry = Registry("venue")
    registry.register("paper", dict)

    with pytest.raises(ValueError, match="registered already"):
        registry.register("paper", list)
