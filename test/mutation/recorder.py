"""A pytest plugin that notes which tests run which lines of the targets, and for how long."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest
from targets import ROOT, files

MAP = "CTOS_TEST_MUTATION_MAP"


class Recorder:
    """Traces the targets; every line is filed under the test that ran it."""

    def __init__(self) -> None:
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(ROOT / name) for name in files()]
        )
        self._work: dict[str, float] = {}
        self._waits: dict[str, float] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Files what runs from here on under this test."""
        self._coverage.switch_context(item.nodeid)
        began, worked = time.perf_counter(), time.process_time()
        yield
        self._work[item.nodeid] = time.process_time() - worked
        self._waits[item.nodeid] = time.perf_counter() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that does not pass unchanged says nothing about changes."""
        if not report.passed:
            self._failed.add(report.nodeid)

    def pytest_sessionstart(self) -> None:
        """Before anything of the targets is imported."""
        self._coverage.start()

    def pytest_sessionfinish(self) -> None:
        """Writes the map: seconds of the processor and of the wall, and the tests of each line."""
        self._coverage.stop()
        data = self._coverage.get_data()
        lines: dict[str, dict[int, list[str]]] = {}
        for path in data.measured_files():
            by_line: dict[int, list[str]] = defaultdict(list)
            for line, contexts in data.contexts_by_lineno(path).items():
                by_line[line] = sorted({name for name in contexts if name} - self._failed)
            lines[str(Path(path).relative_to(ROOT))] = by_line
        found = {"work": self._work, "waits": self._waits, "lines": lines}
        Path(os.environ[MAP]).write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Registers it."""
    config.pluginmanager.register(Recorder(), "mutation-recorder")
