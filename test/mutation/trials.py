"""A pytest plugin that tries mutants: each in a fork of the collected session, on its own tests."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol
from mutants import UNCHANGED, Mutant, compiled, mutants
from recorder import MAP
from targets import ROOT, files

PLAN: Final = "CTOS_TEST_MUTATION_PLAN"
"""Environment: area (or null), sample (or null), seed, workers and out, as JSON."""
GRACE_S: Final = 5.0
SLOWER: Final = 5.0
"""A mutant may take so many times as long as its tests took, and the grace."""
MOST_S: Final = 60.0
"""Of tests for one mutant, by the time they took unchanged; the quickest come first."""

KILLED, SURVIVED, UNTRIED = 1, 0, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a mutant."""

    path: str
    qualname: str
    line: int
    change: str
    outcome: str
    """`killed`, `hung`, `survived`, `unreached` (no test runs its line) or `untried`."""
    tests: int


class Trials:
    """Runs the mutants in place of the tests."""

    def __init__(self, plan: dict[str, Any], found: dict[str, Any]) -> None:
        self._plan = plan
        self._seconds: dict[str, float] = found["seconds"]
        self._lines: dict[str, dict[str, list[str]]] = found["lines"]
        self._items: dict[str, pytest.Item] = {}
        self._running: dict[int, tuple[Mutant, float, int]] = {}
        self._verdicts: list[Verdict] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tries every mutant of the sample, several at a time."""
        self._items = {item.nodeid: item for item in session.items}
        chosen = self._sample()
        self._check_controls(chosen)
        for index, mutant in enumerate(chosen):
            tests = self._tests_of(mutant)
            if not tests:
                self._say(mutant, "unreached", 0)
                continue
            while len(self._running) >= self._plan["workers"]:
                self._reap()
            self._start(mutant, tests)
            if index % 50 == 0:
                os.write(2, f"{index} of {len(chosen)}\n".encode())
        while self._running:
            self._reap()
        out = Path(self._plan["out"])
        out.write_text(json.dumps([asdict(item) for item in self._verdicts]), encoding="utf-8")
        return True

    def _check_controls(self, chosen: list[Mutant]) -> None:
        """Code that was put in place unchanged must fail no test, or every verdict is worthless.

        Raises:
            RuntimeError: If it does.
        """
        first = {item.path: item for item in reversed(chosen) if self._tests_of(item)}
        for mutant in first.values():
            self._start(replace(mutant, index=UNCHANGED), self._tests_of(mutant))
            self._reap()
            verdict = self._verdicts.pop()
            if verdict.outcome != "survived":
                message = f"{mutant.path} {mutant.qualname} unchanged: {verdict.outcome}"
                raise RuntimeError(message)

    def _sample(self) -> list[Mutant]:
        areas = files()
        names = [name for name in areas if self._plan["area"] in {None, areas[name]}]
        everything = [item for name in names for item in mutants(source_of(name), name)]
        size = self._plan["sample"]
        if size is None or size >= len(everything):
            return everything
        picked = random.Random(self._plan["seed"]).sample(range(len(everything)), size)
        return [everything[index] for index in sorted(picked)]

    def _tests_of(self, mutant: Mutant) -> list[str]:
        """The quickest first, and no more of them than fit into the time."""
        known = self._lines.get(mutant.path, {}).get(str(mutant.line), [])
        ordered = sorted(
            (name for name in known if name in self._items), key=lambda name: self._seconds[name]
        )
        chosen, spent = [], 0.0
        for name in ordered:
            spent += self._seconds[name]
            if chosen and spent > MOST_S:
                break
            chosen.append(name)
        return chosen

    def _start(self, mutant: Mutant, tests: list[str]) -> None:
        limit = sum(self._seconds[name] for name in tests) * SLOWER + GRACE_S
        child = os.fork()
        if child == 0:
            self._try(mutant, tests)
        self._running[child] = (mutant, time.monotonic() + limit, len(tests))

    def _try(self, mutant: Mutant, tests: list[str]) -> None:
        """In the child: never returns."""
        os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        outcome = UNTRIED
        try:
            if change(mutant):
                outcome = SURVIVED
                for name in tests:
                    reports = runtestprotocol(self._items[name], nextitem=None, log=False)
                    if any(report.failed for report in reports):
                        outcome = KILLED
                        break
        except BaseException:  # noqa: BLE001 # whatever gets out of a test was caused by the change
            outcome = KILLED
        finally:
            os._exit(outcome)

    def _reap(self) -> None:
        """Waits until one has ended, or has taken too long."""
        while True:
            for child, (mutant, deadline, count) in list(self._running.items()):
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid == 0 and time.monotonic() < deadline:
                    continue
                del self._running[child]
                if pid == 0:
                    os.killpg(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    self._say(mutant, "hung", count)
                    return
                code = os.waitstatus_to_exitcode(status)
                words = {SURVIVED: "survived", UNTRIED: "untried"}.get(code, "killed")
                self._say(mutant, words, count)
                return
            time.sleep(0.005)

    def _say(self, mutant: Mutant, outcome: str, tests: int) -> None:
        self._verdicts.append(
            Verdict(
                path=mutant.path,
                qualname=mutant.qualname,
                line=mutant.line,
                change=mutant.change,
                outcome=outcome,
                tests=tests,
            )
        )


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


def source_of(name: str) -> str:
    """The text of a target."""
    return (ROOT / name).read_text(encoding="utf-8")


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
    """Registers it."""
    plan = json.loads(os.environ[PLAN])
    found = json.loads(Path(os.environ[MAP]).read_text(encoding="utf-8"))
    config.pluginmanager.register(Trials(plan, found), "mutation-trials")
