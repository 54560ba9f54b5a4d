"""What was told already."""

from dataclasses import replace
from datetime import UTC, datetime

from core.adapters.exchanges.connection.dedup import Seen, fill_key
from core.adapters.exchanges.models import FillData, OrderSide

FILL = FillData(
    venue="v",
    symbol="BTC-USDC-PERP",
    trade_id="7",
    order_id="1",
    side=OrderSide.BUY,
    price="100",
    amount="1",
    at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_replayed_execution_is_known():
    """Heard at another time it is still the same one."""
    seen = Seen()

    assert seen.add(fill_key(FILL))
    assert not seen.add(fill_key(replace(FILL, received_at=datetime(2026, 1, 2, tzinfo=UTC))))


def test_both_sides_of_a_self_trade_and_a_restarted_venue_differ():
    """One trade id on two orders, or again on another day, is another execution."""
    seen = Seen()
    seen.add(fill_key(FILL))

    assert seen.add(fill_key(replace(FILL, order_id="2")))
    assert seen.add(fill_key(replace(FILL, at=datetime(2026, 1, 3, tzinfo=UTC))))


def test_memory_is_bounded():
    """The oldest is forgotten."""
    seen = Seen(capacity=2)
    for key in "abc":
        seen.add(key)

    assert len(seen) == 2
    assert seen.add("a")
    assert not seen.add("c")
