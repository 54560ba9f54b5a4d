"""Refuses every connection and name lookup that would leave this machine.

Python imports a `sitecustomize` it finds before anything else, so putting this folder on PYTHONPATH
guards the processes that a test starts as well as the test itself. It works as an audit hook,
below every library that uses Python's sockets, and cannot be taken off again.

To the code under test a refusal looks like a machine without a network. Each one is also written
to the file that CTOS_TEST_EGRESS_LOG names, and test/conftest.py holds it against the test.
"""

import os
import sys

LOG = "CTOS_TEST_EGRESS_LOG"
LOCAL_NAMES = frozenset({"", "localhost", "::1", "::ffff:127.0.0.1"})


def is_local(host: object) -> bool:
    """Whether `host` is this machine's loopback; what is no text names no host at all."""
    if isinstance(host, bytes | bytearray):
        host = host.decode(errors="replace")
    return not isinstance(host, str) or host in LOCAL_NAMES or host.startswith("127.")


def is_literal(host: object) -> bool:
    """Whether `host` is an address in digits, which no name server is asked about."""
    if isinstance(host, bytes | bytearray):
        host = host.decode(errors="replace")
    return isinstance(host, str) and (":" in host or host.replace(".", "").isdigit())


def refuse(what: str) -> None:
    """Note the attempt and fail as a closed network does."""
    if path := os.environ.get(LOG):
        line = f"{what} (process {os.getpid()}: {' '.join(sys.argv)[:200]})\n"
        log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, line.encode(errors="replace"))
        finally:
            os.close(log)
    message = f"tests stay on this machine: {what}"
    raise ConnectionRefusedError(message)


def refuse_egress(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook: let sockets reach loopback and Unix sockets only."""
    if not event.startswith("socket."):
        return
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        # Unix sockets have a path here, a connected datagram None; only internet addresses are
        # tuples that start with text.
        if isinstance(address, tuple) and not is_local(address[0]):
            refuse(f"{event.removeprefix('socket.')} to {address[0]} port {address[1]}")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        host = arguments[0]
        if not is_local(host) and not is_literal(host):
            refuse(f"look-up of {host!r}")


sys.addaudithook(refuse_egress)
