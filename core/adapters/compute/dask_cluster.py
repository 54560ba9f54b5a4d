"""Work on a Dask cluster: any scheduler that answers at an address (the `cluster` extra).

What all pieces of work share is sent to the workers once; they need no folder in common with this
machine, only the same version of ctos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

from core.errors import CtosError, ExtraMissing

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

TIMEOUT_S: Final = 10


class DaskCluster(Generic[S, T, R]):
    """A cluster that runs one function.

    Args:
        address: Of its scheduler, such as `tcp://10.0.0.5:8786`.
        run: What workers do with what is shared and each piece of work.
        shared: Sent once.
        timeout_s: For the scheduler's answer.

    Raises:
        ExtraMissing: Without dask.
        CtosError: If nothing answers there, or no worker has joined.
    """

    def __init__(
        self, address: str, run: Callable[[S, T], R], shared: S, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        try:
            import distributed
        except ImportError as error:
            raise ExtraMissing("cluster", "--cluster") from error
        self._distributed: Any = distributed
        self._run = run
        self._shared = shared
        try:
            self._client: Any = distributed.Client(address, timeout=timeout_s)
        except (OSError, ValueError) as error:
            raise CtosError(f"no Dask scheduler answers at {address}.") from error
        self.workers: int = sum(self._client.nthreads().values())
        if not self.workers:
            self.close()
            raise CtosError(f"the Dask scheduler at {address} has no workers.")

    def results(self, work: Iterable[T]) -> Iterator[R]:
        """What each piece came to, as it is done.

        Raises:
            CtosError: If a worker fails.
        """
        client = self._client
        shared = client.scatter(self._shared, broadcast=True)
        futures = [client.submit(self._run, shared, item, pure=False) for item in work]
        try:
            for _, result in self._distributed.as_completed(futures, with_results=True):
                yield result
        except CtosError:
            raise
        except Exception as error:
            raise CtosError(f"a worker of the cluster failed: {error}") from error
        finally:
            client.cancel(futures)

    def close(self) -> None:
        """Leaves the cluster."""
        self._client.close()
