"""A pytest plugin that tries mutants: each in a fork of the collected session, on its own tests."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import resource
import signal
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol
from equivalents import is_equivalent
from hypothesis import Phase, settings
from mutants import UNCHANGED, Mutant, compiled
from recorder import MAP
from targets import files, population, source_of

PLAN: Final = "CTOS_TEST_MUTATION_PLAN"
"""Environment, as JSON: area, sample and again (or null), seed, workers and out."""
SLOWER: Final = 5.0
"""A mutant may take so many times as long as its tests took unchanged, and the grace."""
WORK_GRACE_S: Final = 5.0
"""Of the processor; what works on and on is as hung on a busy machine as on an idle one."""
WAIT_GRACE_S: Final = 15.0
"""Of the wall, for each test; for a mutant that waits for what never comes."""
MOST_S: Final = 5.0
"""Of tests for one mutant, by the work they took unchanged; the quickest are taken first."""
CONTROL_S: Final = 0.5
"""The same for code that was put in place unchanged."""
MEMORY_BYTES: Final = 8 << 30
"""A mutant that fills the memory must not take the machine with it."""

KILLED, SURVIVED, UNTRIED = 1, 0, 3
HUNG: Final = {-signal.SIGALRM: "hung", -signal.SIGXCPU: "hung", -signal.SIGKILL: "hung"}
"""How the system ends one that has waited, or worked, for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a mutant."""

    path: str
    qualname: str
    index: int
    line: int
    change: str
    outcome: str
    """`killed`, `hung`, `survived`, `unreached` (no test runs its line) or `untried`."""
    tests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A mutant in a process of its own."""

    mutant: Mutant
    tests: list[str]
    told: int
    """Where the process writes which of the tests noticed."""


class Trials:
    """Runs the mutants in place of the tests."""

    def __init__(self, plan: dict[str, Any], found: dict[str, Any]) -> None:
        self._plan = plan
        self._work: dict[str, float] = found["work"]
        self._waits: dict[str, float] = found["waits"]
        self._lines: dict[str, dict[str, list[str]]] = found["lines"]
        self._items: dict[str, pytest.Item] = {}
        self._running: dict[int, _Trial] = {}
        self._noticed: dict[str, list[str]] = defaultdict(list)
        """File -> the tests that noticed a change of it, the last one last."""
        self._verdicts: list[Verdict] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tries every mutant of the sample, several at a time."""
        self._items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        chosen = self._still_open(self._sample())
        self._check_controls(chosen)
        for index, mutant in enumerate(chosen):
            tests = self._tests_of(mutant)
            if not tests:
                self._say(mutant, "unreached", 0)
                continue
            while len(self._running) >= self._plan["workers"]:
                self._reap()
            self._start(mutant, tests)
            if index % 25 == 0:
                os.write(2, f"{index} of {len(chosen)}\n".encode())
                self._write()
        while self._running:
            self._reap()
        self._write()
        return True

    def _write(self) -> None:
        """What is known so far, so that a run that was interrupted was not for nothing."""
        said = json.dumps([asdict(item) for item in self._verdicts])
        Path(self._plan["out"]).write_text(said, encoding="utf-8")

    def _check_controls(self, chosen: list[Mutant]) -> None:
        """Code that was put in place unchanged must fail no test, or every verdict is worthless.

        Raises:
            RuntimeError: If it does.
        """
        first = {item.path: item for item in reversed(chosen) if self._tests_of(item)}
        for mutant in first.values():
            tests = self._tests_of(mutant, most_s=CONTROL_S)
            self._start(replace(mutant, index=UNCHANGED), tests)
            self._reap()
            verdict = self._verdicts.pop()
            if verdict.outcome != "survived":
                message = f"{mutant.path} {mutant.qualname} unchanged: {verdict.outcome}"
                raise RuntimeError(message)

    def _sample(self) -> list[Mutant]:
        """Of each area so many, or all.

        What is drawn of an area depends on neither the other areas nor the size: a larger sample
        holds the smaller one.
        """
        chosen: list[Mutant] = []
        for area in dict.fromkeys(files().values()):
            if self._plan["area"] in {None, area}:
                everything = population(area)
                chance = random.Random(f"{self._plan['seed']} {area}")
                drawn = [
                    index
                    for index in chance.sample(range(len(everything)), len(everything))
                    if not is_equivalent(everything[index])
                ][: self._plan["sample"]]
                chosen += [everything[index] for index in sorted(drawn)]
        return chosen

    def _still_open(self, chosen: list[Mutant]) -> list[Mutant]:
        """Those that the verdicts of an earlier run do not call noticed; those are taken over."""
        if self._plan["again"] is None:
            return chosen
        told = json.loads(Path(self._plan["again"]).read_text(encoding="utf-8"))
        known = {_name_of(item): item for item in told if item["outcome"] in {"killed", "hung"}}
        left: list[Mutant] = []
        for mutant in chosen:
            found = known.get(_name_of(asdict(mutant)))
            if found is None:
                left.append(mutant)
            else:
                self._verdicts.append(Verdict(**found | {"line": mutant.line}))
        return left

    def _tests_of(self, mutant: Mutant, *, most_s: float = MOST_S) -> list[str]:
        """The quickest, and no more of them than fit into the time; in the order of promise.

        Which are taken depends on the map alone. Those that noticed another change of the same
        file come first: that decides how soon the verdict is there, not which.
        """
        known = self._lines.get(mutant.path, {}).get(str(mutant.line), [])
        ordered = sorted(
            (name for name in known if name in self._items), key=lambda name: self._work[name]
        )
        chosen: list[str] = []
        spent = 0.0
        for name in ordered:
            spent += self._work[name]
            if chosen and spent > most_s:
                break
            chosen.append(name)
        promise = {name: place for place, name in enumerate(self._noticed[mutant.path])}
        return sorted(chosen, key=lambda name: -promise.get(name, -1))

    def _start(self, mutant: Mutant, tests: list[str]) -> None:
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            self._try(mutant, tests, tell)
        os.close(tell)
        self._running[child] = _Trial(mutant=mutant, tests=tests, told=told)

    def _try(self, mutant: Mutant, tests: list[str], tell: int) -> None:
        """In the child: never returns."""
        os.setsid()
        work = int(sum(self._work[name] for name in tests) * SLOWER + WORK_GRACE_S)
        resource.setrlimit(resource.RLIMIT_CPU, (work, work))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        outcome = UNTRIED
        try:
            if change(mutant):
                outcome = SURVIVED
                for index, name in enumerate(tests):
                    patience = self._waits[name] * SLOWER + WAIT_GRACE_S
                    signal.setitimer(signal.ITIMER_REAL, patience)
                    reports = runtestprotocol(self._items[name], nextitem=None, log=False)
                    if any(report.failed for report in reports):
                        outcome = KILLED
                        os.write(tell, str(index).encode())
                        break
        except BaseException:  # noqa: BLE001 # whatever gets out of a test was caused by the change
            outcome = KILLED
        finally:
            os._exit(outcome)

    def _reap(self) -> None:
        """Waits until one has ended; what its tests had started is ended with it."""
        while True:
            for child, trial in list(self._running.items()):
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid == 0:
                    continue
                del self._running[child]
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                code = os.waitstatus_to_exitcode(status)
                words = {SURVIVED: "survived", UNTRIED: "untried", **HUNG}.get(code, "killed")
                self._end(trial, words)
                return
            time.sleep(0.005)

    def _end(self, trial: _Trial, outcome: str) -> None:
        """Takes down the verdict, and which test to ask first about the next change of the file."""
        with os.fdopen(trial.told, "rb") as told:
            index = told.read()
        if outcome == "killed" and index:
            name, noticed = trial.tests[int(index)], self._noticed[trial.mutant.path]
            if name in noticed:
                noticed.remove(name)
            noticed.append(name)
        self._say(trial.mutant, outcome, len(trial.tests))

    def _say(self, mutant: Mutant, outcome: str, tests: int) -> None:
        self._verdicts.append(
            Verdict(
                path=mutant.path,
                qualname=mutant.qualname,
                index=mutant.index,
                line=mutant.line,
                change=mutant.change,
                outcome=outcome,
                tests=tests,
            )
        )


def _name_of(values: dict[str, Any]) -> tuple[str, str, int, str]:
    """What a change is known by from one run to the next: not by its line."""
    return values["path"], values["qualname"], values["index"], values["change"]


def change(mutant: Mutant) -> bool:
    """Puts a mutant's code in place, wherever the function is held; False if it cannot be."""
    module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    held: Any = module
    *path, last = mutant.qualname.split(".")
    for name in path:
        held = vars(held)[name]
    function = bare(vars(held).get(last))
    code = compiled(source_of(mutant.path), mutant)
    if function is None or function.__code__.co_freevars != code.co_freevars:
        return False
    function.__code__ = code
    return True


def bare(value: Any) -> FunctionType | None:
    """The function under decorators and descriptors."""
    seen = 0
    while value is not None and seen < 10:
        if isinstance(value, FunctionType) and not hasattr(value, "__wrapped__"):
            return value
        for name in ("__wrapped__", "__func__", "fget", "func"):
            inner = getattr(value, name, None)
            if inner is not None:
                value = inner
                break
        else:
            return None
        seen += 1
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Registers it, and lets property tests end at the first counterexample, as it was found."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutation", settings(phases=phases, report_multiple_bugs=False))
    settings.load_profile("mutation")
    plan = json.loads(os.environ[PLAN])
    found = json.loads(Path(os.environ[MAP]).read_text(encoding="utf-8"))
    config.pluginmanager.register(Trials(plan, found), "mutation-trials")
