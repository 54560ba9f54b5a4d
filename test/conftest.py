"""What holds for every test: no network, no user's data, the same examples each time."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from core.testing.execution import Bench

ROOT = Path(__file__).resolve().parent.parent
GUARD = ROOT / "test" / "guard"
EGRESS_LOG = "CTOS_TEST_EGRESS_LOG"

# The default finds the same examples on every machine, so a red run is red for everyone; `nightly`
# goes looking for new ones.
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=60, database=None
)
settings.register_profile("ci", settings.get_profile("default"))
settings.register_profile(
    "nightly", deadline=None, max_examples=10_000, stateful_step_count=200, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def load_guard() -> ModuleType:
    """The egress guard, in this process; once only, since an audit hook stays for good."""
    loaded = sys.modules.get("sitecustomize")
    if loaded is not None and hasattr(loaded, "refuse_egress"):
        return loaded
    spec = importlib.util.spec_from_file_location("sitecustomize", GUARD / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    guard = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = guard
    spec.loader.exec_module(guard)
    return guard


def guard_uvloop(guard: ModuleType) -> None:
    """Refuse the same on uvloop, which connects without Python's sockets."""
    try:
        import uvloop
    except ImportError:
        return

    def guarded(name: str, host_of: Callable[..., object]) -> None:
        original = getattr(uvloop.Loop, name)

        async def connect(self: object, *args: Any, **kwargs: Any) -> object:
            host = host_of(*args, **kwargs)
            if not guard.is_local(host):
                guard.refuse(f"{name} to {host}")
            return await original(self, *args, **kwargs)

        setattr(uvloop.Loop, name, connect)

    guarded("create_connection", lambda _factory=None, host=None, *_, **__: host)
    guarded("getaddrinfo", lambda host=None, *_, **__: None if guard.is_literal(host) else host)
    guarded(
        "create_datagram_endpoint",
        lambda _factory=None, _local=None, remote_addr=None, *_, **__: (remote_addr or [None])[0],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Give the run, and every process it starts, an environment of its own."""
    for name in list(os.environ):
        # A key or an option from the shell must not decide what a test does.
        if name.startswith("CTOS_") and not name.startswith("CTOS_TEST_"):
            del os.environ[name]
    scratch = Path(tempfile.mkdtemp(prefix="ctos-test-"))
    config.add_cleanup(lambda: shutil.rmtree(scratch, ignore_errors=True))
    os.environ[EGRESS_LOG] = str(scratch / "egress.log")
    # Where a test forgets `ctos_home`, the user's own folder is still never touched.
    os.environ["CTOS_HOME"] = str(scratch / "home")
    paths = [str(GUARD), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    guard_uvloop(load_guard())


def egress_attempts(skip: int = 0) -> list[str]:
    """What has been refused in this run and its child processes, after the first `skip`."""
    log = Path(os.environ[EGRESS_LOG])
    return log.read_text().splitlines()[skip:] if log.exists() else []


@pytest.fixture(autouse=True)
def no_egress(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that tried to leave this machine, even where its code took no for an answer.

    A test of how ctos behaves without a network says so with `@pytest.mark.offline`.
    """
    before = len(egress_attempts())
    yield
    attempts = egress_attempts(before)
    if attempts and request.node.get_closest_marker("offline") is None:
        pytest.fail(
            "the test reached for the network (mark it `offline` if that is its point):\n  "
            + "\n  ".join(attempts),
            pytrace=False,
        )


@pytest.fixture
def ctos_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private, empty CTOS_HOME, for this process and the ones it starts."""
    home = tmp_path / "ctos"
    monkeypatch.setenv("CTOS_HOME", str(home))
    return home


@pytest.fixture
def bench(tmp_path: Path) -> "Iterator[Bench]":
    """Execution on a bench, with one attached bot."""
    from core.testing.execution import Bench

    made = Bench(tmp_path)
    made.attach()
    yield made
    made.close()


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The top of the checkout."""
    return ROOT
