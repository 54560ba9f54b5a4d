"""Work in processes of this machine: as many as there are processors, each started afresh.

A worker that dies ends the whole, with what came in until then; nothing waits for it for ever. A
parent that dies takes its workers with it.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Final, Generic, TypeVar

from core.errors import CtosError

T = TypeVar("T")
R = TypeVar("R")

_AHEAD: Final = 3
"""Pieces handed over per worker: one at work and some waiting, not all there are."""


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalProcesses(Generic[T, R]):
    """Processes that run one function.

    Args:
        run: What they do with each piece of work; found again by its name in each of them.
        workers: How many; 1 works in this process.
    """

    def __init__(self, run: Callable[[T], R], workers: int) -> None:
        self._run = run
        self.workers = workers

    def results(self, work: Iterable[T]) -> Iterator[R]:
        """What each piece came to, as it is done.

        Raises:
            CtosError: If a worker ends before its work does.
        """
        if self.workers == 1:
            for item in work:
                yield self._run(item)
            return
        yield from self._shared(iter(work))

    def _shared(self, work: Iterator[T]) -> Iterator[R]:
        pool = ProcessPoolExecutor(
            self.workers, multiprocessing.get_context("spawn"), _end_with_parent
        )
        waiting: set[Future[R]] = set()
        try:
            while True:
                while len(waiting) < _AHEAD * self.workers:
                    item = next(work, None)
                    if item is None:
                        break
                    waiting.add(pool.submit(self._run, item))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise CtosError(
                "a worker process ended before its work was done.",
                remedy="Memory may be short: try fewer --workers. --resume goes on from here.",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
