"""Work on a Dask cluster on this machine's loopback."""

from collections.abc import Iterator

import pytest

distributed = pytest.importorskip("distributed")

from core.adapters.compute.dask_cluster import DaskCluster  # noqa: E402 # needs the extra
from core.errors import CtosError  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def added(shared: int, value: int) -> int:
    """Work with what is shared."""
    return shared + value


def refused(shared: int, value: int) -> int:
    """Work that says no."""
    raise CtosError(f"{shared + value} is too much.")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two workers in this process."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
        host="127.0.0.1",
    ) as cluster:
        yield cluster.scheduler_address


def test_every_piece_is_done_with_what_is_shared(address: str) -> None:
    """What is shared is sent once, and every piece comes back."""
    cluster = DaskCluster(address, added, 100)
    try:
        assert cluster.workers == 2
        assert sorted(cluster.results(range(5))) == [100, 101, 102, 103, 104]
    finally:
        cluster.close()


def test_error_of_a_worker_is_the_callers(address: str) -> None:
    """What a worker refuses is refused here, in its words."""
    cluster = DaskCluster(address, refused, 1)
    try:
        with pytest.raises(CtosError, match="3 is too much"):
            list(cluster.results([2]))
    finally:
        cluster.close()


def test_address_without_a_scheduler_is_said() -> None:
    """Nobody waits for ever for a cluster that is not there."""
    with pytest.raises(CtosError, match="no Dask scheduler answers"):
        DaskCluster("tcp://127.0.0.1:9", added, 0, timeout_s=1)
