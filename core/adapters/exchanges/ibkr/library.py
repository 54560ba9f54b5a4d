"""The client library: `ib_async`, or `ib_insync` in its place; never both in one environment.

Only what both have is used, and of that only the socket client, its decoder and the value classes.
Their `IB` class is left aside: it marks an order as cancelled on any error that names it, also on
one that leaves it alive (161), and forgets the venue's time of a trade.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from core.errors import ExtraMissing

_NAMES: Final = ("ib_async", "ib_insync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The untyped classes of the client library."""

    name: str
    client: Any
    contract: Any
    order: Any
    execution_filter: Any


def load_library() -> Library:
    """The library that is installed.

    Raises:
        ExtraMissing: If none is; the message says how to install it.
    """
    for name in _NAMES:
        try:
            with _some_loop():
                package = importlib.import_module(name)
        except ImportError:
            continue
        return Library(
            name=name,
            client=importlib.import_module(f"{name}.client").Client,
            contract=package.Contract,
            order=package.Order,
            execution_filter=package.ExecutionFilter,
        )
    raise ExtraMissing("ibkr", "Interactive Brokers")


@contextmanager
def _some_loop() -> Iterator[None]:
    """Gives a thread without an event loop one for a while: ib_insync asks for it on import.

    What it keeps of it times its own events, none of which is used here.
    """
    if threading.current_thread() is threading.main_thread():
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
