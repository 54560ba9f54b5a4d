"""Our client order ids as Hyperliquid's cloids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.hyperliquid.client_ids import (
    MOST_READABLE,
    ClientIds,
    read_cloid,
    readable_cloid,
)

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(st.text(LETTERS, min_size=1, max_size=MOST_READABLE))
def test_an_id_is_read_back_without_memory(name):
    """From the cloid alone, so also after a restart."""
    cloid = readable_cloid(name)

    assert cloid is not None
    assert len(cloid) == 34
    assert read_cloid(cloid) == name


@given(st.sets(st.text(LETTERS, min_size=1, max_size=32), max_size=20))
def test_no_two_ids_share_a_cloid(names):
    """Of any length, zeros in front included."""
    ids = ClientIds()

    assert len({ids.cloid(name) for name in names}) == len(names)


def test_a_long_id_is_remembered():
    """Hashed the same every time, and known to whoever asked with it."""
    ids, name = ClientIds(), "a" * 32
    cloid = ids.cloid(name)

    assert ids.cloid(name) == cloid
    assert ids.ours(cloid) == name
    assert ClientIds().ours(cloid) == cloid


def test_somebody_elses_cloid_stays_as_it_is():
    """It is not turned into something that looks like ours."""
    for cloid in ("0x" + "0" * 31 + "1", "0x" + "f" * 32, "no hex", "0xc7" + "0" * 30):
        assert ClientIds().ours(cloid) == cloid
    assert ClientIds().ours(None) is None


def test_what_is_no_id_is_refused():
    """Anything but letters and digits."""
    with pytest.raises(ValueError, match="no client order id"):
        ClientIds().cloid("a-b")
