"""An instrument, and recordings to write."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import ExchangeType, Instrument

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def bitcoin() -> Instrument:
    """BTC-USDC-PERP with a tick of 0.1 and a lot of 0.001."""
    return Instrument(
        symbol="BTC-USDC-PERP",
        venue="lighter",
        market_type=ExchangeType.PERPETUAL,
        base="BTC",
        quote="USDC",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        reference_price=Decimal(118_000),
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines to a file of the test's own folder; `.gz` in the name compresses."""

    def _write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return _write


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """A file of the shared public recordings; the test is skipped where they are not there."""

    def _shared(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip("the shared recordings are not beside this checkout")
        return path

    return _shared
