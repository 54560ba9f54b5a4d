"""How far a long command has come: one line on stderr that is drawn again and again."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from tui.cli.border import say
from tui.cli.terminal import is_terminal

TELL_S = 15.0
"""Where stderr is no terminal, a line this often is enough; what is done sooner needs none."""


class Progress:
    """A bar with what is left, on a terminal; now and then a line elsewhere.

    Args:
        what: What is counted, such as `sets`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = self._painted = time.monotonic()
        self._first: int | None = None
        self._bar: object | None = None
        self._task: object | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError, ValueError):
            if self._bar is not None:
                self._bar.stop()  # type: ignore[attr-defined] # rich is loaded only for a terminal

    def __call__(self, done: int, total: int) -> None:
        """So much is done."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
            if done:
                say(f"{done:,} of {total:,} {self._what} were done before")
        if is_terminal(sys.stderr):
            self._paint(done, total)
        elif now - self._painted >= TELL_S or (done == total and self._painted > self._began):
            self._painted = now
            say(f"{done:,} of {total:,} {self._what}, {now - self._began:.0f} s")

    def _paint(self, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        if self._bar is None:
            bar = Bar(
                TextColumn(self._what),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar, self._task = bar, bar.add_task(self._what, total=total)
            bar.start()
        self._bar.update(self._task, completed=done)  # type: ignore[attr-defined] # a Bar
