"""The guard that keeps every test on this machine does so, and tells on whoever tries to leave."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

# Reserved for documentation (RFC 5737, RFC 2606): no host answers there.
ELSEWHERE = ("192.0.2.1", 443)
NAME = "venue.example"

DIAL = f"""
import socket
try:
    socket.create_connection({ELSEWHERE!r}, timeout=1)
except ConnectionRefusedError as error:
    print(error)
"""

SWALLOWS = f"""
import contextlib, socket

def test_that_takes_no_for_an_answer():
    with contextlib.suppress(OSError):
        socket.create_connection({ELSEWHERE!r}, timeout=1)
"""


@pytest.mark.offline
def test_a_connection_to_elsewhere_is_refused():
    """A socket that would leave this machine fails like a machine without a network."""
    with pytest.raises(ConnectionRefusedError, match=r"192\.0\.2\.1"):
        socket.create_connection(ELSEWHERE, timeout=1)


@pytest.mark.offline
def test_a_name_is_not_looked_up():
    """No name server hears of a name that a test asks about."""
    with pytest.raises(ConnectionRefusedError, match=NAME):
        socket.getaddrinfo(NAME, 443)


@pytest.mark.offline
def test_a_datagram_to_elsewhere_is_refused():
    """UDP stays here too."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        pytest.raises(ConnectionRefusedError),
    ):
        datagrams.sendto(b"", ELSEWHERE)


@pytest.mark.offline
@pytest.mark.parametrize("host", [ELSEWHERE[0], NAME])
def test_uvloop_is_guarded_too(host: str):
    """The loop that connects without Python's sockets is refused all the same."""
    uvloop = pytest.importorskip("uvloop")

    async def dial():
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, 443)

    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        pytest.raises(ConnectionRefusedError, match="this machine"),
    ):
        runner.run(dial())


@pytest.mark.offline
def test_a_child_process_is_guarded_too():
    """What a test starts may reach no further than the test."""
    child = subprocess.run(
        [sys.executable, "-c", DIAL], capture_output=True, text=True, check=True, timeout=60
    )

    assert "tests stay on this machine" in child.stdout


async def test_loopback_and_unix_sockets_are_free(tmp_path: Path):
    """A test may talk to servers of its own."""
    path = str(tmp_path / "s")

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        writer.close()

    async with (
        await asyncio.start_server(hang_up, "127.0.0.1", 0) as tcp,
        await asyncio.start_unix_server(hang_up, path),
    ):
        port = tcp.sockets[0].getsockname()[1]
        for opening in (
            asyncio.open_connection("localhost", port, family=socket.AF_INET),
            asyncio.open_unix_connection(path),
        ):
            reader, writer = await opening
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()


def test_an_attempt_fails_the_test_that_hides_it(tmp_path: Path, project_root: Path):
    """Code that carries on after a refusal does not make its test pass."""
    test = tmp_path / "test_hides.py"
    test.write_text(SWALLOWS)
    options = ["-c", str(project_root / "pyproject.toml"), f"--rootdir={tmp_path}", str(test)]
    paths = [str(project_root / "test"), os.environ["PYTHONPATH"]]

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", *options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert run.returncode == 1
    assert "the test reached for the network" in run.stdout
    assert "connect to 192.0.2.1 port 443" in run.stdout


def test_the_users_folder_is_out_of_reach(ctos_home: Path, tmp_path: Path):
    """CTOS_HOME is private to the test and not there yet."""
    assert os.environ["CTOS_HOME"] == str(ctos_home)
    assert ctos_home.is_relative_to(tmp_path)
    assert not ctos_home.exists()
