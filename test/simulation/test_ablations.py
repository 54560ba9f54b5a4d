"""The test of the test: a safeguard that is taken out is missed."""

from __future__ import annotations

import pytest

from core.testing.simulation.ablations import ABLATIONS, BY_NAME
from core.testing.simulation.hunts import hunt
from core.testing.simulation.removal import Ablation, removed

# Who is killed between making a coroutine and starting it leaves it behind, as a process would.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SEEDS = range(1_000)
SWIFT = (
    "send before durable",
    "not found once is gone",
    "in flight at the crash means refused",
    "strangers are cancelled",
    "inferred fills",
    "fees are rounded",
)
"""Ablations that one of the first seeds shows, for the ordinary suite."""


def names(ablations: tuple[Ablation, ...]) -> list[str]:
    """As parameters are called."""
    return [ablation.name for ablation in ablations]


@pytest.mark.parametrize("name", names(tuple(ABLATIONS)))
def test_what_an_ablation_replaces_is_there_once(name: str):
    """A safeguard that has moved makes its ablation fail here, instead of testing nothing."""
    with removed(BY_NAME[name]):
        pass


def test_there_are_enough_of_them_and_some_were_public():
    """At least thirty safeguards, public bugs of other systems among them, each named once."""
    assert len(ABLATIONS) >= 30
    assert len(BY_NAME) == len(ABLATIONS)
    assert sum(ablation.is_historic for ablation in ABLATIONS) >= 8


def test_a_safeguard_is_back_afterwards():
    """After the body everything is as it was."""
    from core.services.execution import evidence, resolver

    before = evidence.is_absent
    with removed(BY_NAME["negatives count at once"]):
        assert resolver.is_absent is evidence.is_absent
        assert resolver.is_absent is not before

    assert resolver.is_absent is evidence.is_absent is before


def test_a_method_that_calls_the_one_above_it_still_does():
    """What an ablation leaves of a method that says `super()` runs as it did."""
    from core.testing.simulation.removal import Edit
    from core.testing.simulation.wire.floor import HostileFloor

    edit = Edit(
        "core.testing.simulation.wire.floor:HostileFloor.__init__",
        "self._weather = weather",
        "self._weather = None",
    )
    ablation = Ablation(name="no weather", safeguard="none", edits=(edit,))

    with removed(ablation):
        made = HostileFloor.__init__

    assert made is not HostileFloor.__init__
    assert made.__closure__ is not None
    assert [cell.cell_contents for cell in made.__closure__] == [HostileFloor]


@pytest.mark.parametrize("name", SWIFT)
def test_a_missing_safeguard_is_noticed(name: str):
    """One of the first seeds, green with the safeguard, is not without it."""
    assert hunt(BY_NAME[name], range(6)).seed is not None


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", names(tuple(ABLATIONS)))
def test_every_missing_safeguard_is_noticed_within_a_thousand_seeds(name: str):
    """Whatever is taken out, some seed shows it."""
    assert hunt(BY_NAME[name], SEEDS).seed is not None
