import asyncio

import pytest

from core.adapters.exchanges.manager import ExchangeManager
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.errors import JournalCorrupt, VenueUnavailable
from core.testing.clock import ManualClock


def maker(made, path=None, kind=PaperExchange):
    """Makes venues and remembers them."""

    def make():
        made.append(
            kind(
                venue="paper",
                instruments=[],
                feeds={},
                clock=ManualClock(),
                path=path,
                is_durable=False,
            )
        )
        return made[-1]

    return make


async def test_bots_share_one_connected_adapter():
    """The first connects it, the last disconnects it, whoever is in between does neither."""
    manager, made = ExchangeManager(), []
    first = await manager.acquire("paper", "a", maker(made))
    second = await manager.acquire("paper", "a", maker(made))
    assert first is second
    assert len(made) == 1
    assert manager.users("paper", "a") == 2

    await manager.release("paper", "a")
    assert first.is_connected()
    await manager.release("paper", "a")
    assert not first.is_connected()
    assert manager.get("paper", "a") is None


async def test_accounts_are_apart():
    """Another account of the same venue is another adapter."""
    manager, made = ExchangeManager(), []
    async with (
        manager.use("paper", "a", maker(made)) as one,
        manager.use("paper", "b", maker(made)) as two,
    ):
        assert one is not two
        assert manager.all() == [one, two]
    assert manager.all() == []


async def test_two_who_come_at_once_still_share():
    """Taking does not overlap."""
    manager, made = ExchangeManager(), []
    both = await asyncio.gather(*(manager.acquire("paper", "a", maker(made)) for _ in range(2)))

    assert both[0] is both[1]
    assert len(made) == 1
    await manager.close()
    assert not made[0].is_connected()


async def test_a_failed_connection_is_not_kept(tmp_path):
    """The error passes through, and the next one tries again."""
    manager, made = ExchangeManager(), []
    path = tmp_path / "venue.db"
    path.write_bytes(b"no database" * 200)
    with pytest.raises(JournalCorrupt):
        await manager.acquire("paper", "a", maker(made, path))
    path.unlink()

    assert (await manager.acquire("paper", "a", maker(made, path))).is_connected()
    assert len(made) == 2
    await manager.close()


async def test_a_refusal_becomes_an_error_with_its_reason():
    """`connect() == False` is told in words."""

    class Refusing(PaperExchange):
        async def connect(self) -> bool:
            return False

    manager = ExchangeManager()
    with pytest.raises(VenueUnavailable, match="refused"):
        await manager.acquire("paper", "a", maker([], kind=Refusing))
    assert manager.get("paper", "a") is None


async def test_giving_back_what_was_never_taken_is_harmless():
    """Unknown and already returned adapters are ignored."""
    manager, made = ExchangeManager(), []
    await manager.release("paper", "a")
    await manager.acquire("paper", "a", maker(made))
    await manager.release("paper", "a")
    await manager.release("paper", "a")

    assert manager.users("paper", "a") == 0
