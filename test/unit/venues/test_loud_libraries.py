"""Every adapter with its client library at its loudest, beside a venue that echoes: nothing leaks.

What a library logs goes through ctos's handler; here each logger speaks from DEBUG on, which no
setting of ctos allows.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType
from core.errors import VenueError
from core.infrastructure.logging import LogSetup, setup_logging
from core.infrastructure.redaction import REDACTOR, register_secret
from core.testing.venue import PERP
from core.testing.venues import harness as native
from core.testing.venues.faults import Answer
from core.testing.venues.harness import LoopbackHarness

NATIVE = ("backpack", "binance", "edgex", "hyperliquid", "lighter")
CCXT = ("binance", "hyperliquid", "backpack")


def harness_of(name: str) -> LoopbackHarness:
    """The adapter of that name beside its venue."""
    if name.startswith("ccxt-"):
        pytest.importorskip("ccxt")
        from core.testing.venues import ccxt_harness

        found = getattr(ccxt_harness, f"ccxt_{name.removeprefix('ccxt-')}_harness")
    else:
        found = getattr(native, f"{name}_harness")
    return found(Path())  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered here is no secret to the tests that follow."""
    monkeypatch.setattr(REDACTOR, "_forms", REDACTOR._forms)
    monkeypatch.setattr(REDACTOR, "_known", REDACTOR._known)


@pytest.fixture
def loud(tmp_path: Path) -> Iterator[LogSetup]:
    """The logs of ctos, with every logger at DEBUG that there is, and the root."""
    setup = setup_logging(tmp_path / "logs", level="debug")
    before = {}
    for name in ["", *logging.root.manager.loggerDict]:
        logger = logging.getLogger(name)
        before[logger] = logger.level
        logger.setLevel(logging.DEBUG)
    yield setup
    setup.close()
    for logger, level in before.items():
        logger.setLevel(level)


def secrets(keys: Credentials) -> list[str]:
    """What must not come out, as a key store registers it."""
    values = [keys.secret.reveal(), keys.passphrase.reveal(), keys.key]
    values += [text for name, text in keys.options.items() if "key" in name and len(text) > 20]
    return [text for text in values if len(text) >= 6]


@pytest.mark.parametrize("name", [*NATIVE, *(f"ccxt-{name}" for name in CCXT)])
async def test_the_loudest_library_tells_no_secret(name: str, loud: LogSetup, tmp_path: Path):
    """Orders, refusals that echo the key, lost connections: neither log nor error holds one."""
    harness = harness_of(name)
    told = []
    try:
        await harness.start()
        hidden = secrets(harness._credentials())
        for text in hidden:
            register_secret(text)
        words = " ".join([*hidden, *(text.encode().hex() for text in hidden)])
        harness.venue.faults.answer("create_order", Answer({"error": words, "msg": words}, 400))
        harness.venue.faults.answer("get_open_orders", Answer(words.encode(), 502))
        for number in range(3):
            try:
                await harness.exchange.create_order(
                    PERP,
                    OrderSide.BUY,
                    OrderType.LIMIT,
                    Decimal(1),
                    Decimal(190),
                    OrderOptions(client_order_id=f"loud{number}"),
                )
                await harness.exchange.get_open_orders(PERP)
            except VenueError as error:
                told.append(f"{error!r} {error} {error.venue_message}")
        harness.venue.kill_sockets()
        told.append(repr(harness.exchange.get_status()))
    finally:
        await harness.stop()

    logs = "\n".join(path.read_text() for path in (tmp_path / "logs").rglob("*.log"))
    ring = "\n".join(line.text for line in loud.ring.newest())
    everything = "\n".join([logs, ring, *told])
    assert hidden
    assert "DEBUG" in logs
    for text in hidden:
        assert text not in everything
        assert text.encode().hex() not in everything.lower()
        assert base64.b64encode(text.encode()).decode() not in everything
