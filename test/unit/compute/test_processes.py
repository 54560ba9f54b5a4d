"""Work in local processes."""

import os

import pytest

from core.adapters.compute.processes import LocalProcesses, processors
from core.errors import ConfigError, CtosError
from core.services.backtest.grid_space import read_space


def test_every_piece_is_done_once_elsewhere() -> None:
    """Results come from other processes, in any order, and none is missing."""
    assert sorted(LocalProcesses(abs, 2).results(range(-20, 0))) == list(range(1, 21))
    assert os.getpid() not in set(LocalProcesses(eval, 2).results(["__import__('os').getpid()"]))


def test_one_worker_works_here() -> None:
    """A pool of one starts no process and keeps the order."""
    here = []

    found = list(LocalProcesses(here.append, 1).results([3, 1]))

    assert here == [3, 1]
    assert found == [None, None]


def test_error_of_a_worker_is_the_callers() -> None:
    """What a worker refuses is refused here, in its words."""
    with pytest.raises(ConfigError, match="is no parameter"):
        list(LocalProcesses(read_space, 2).results([("nothing",)]))


def test_worker_that_dies_is_an_error_with_a_way_out() -> None:
    """Nobody waits for a process that is gone."""
    with pytest.raises(CtosError, match="ended before its work") as raised:
        list(LocalProcesses(os._exit, 2).results([1, 1]))

    assert "--resume" in str(raised.value)


def test_processors_are_those_that_may_be_used() -> None:
    """At least the one that this runs on."""
    assert 1 <= processors() <= (os.cpu_count() or 1)
