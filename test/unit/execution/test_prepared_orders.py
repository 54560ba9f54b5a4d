"""Requests that are built while their intents are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.adapters.exchanges.models import Capabilities, ExchangeType, OrderOptions
from core.domain.lifecycle import OrderState
from core.errors import OrderRejected
from core.services.ports import Transaction
from core.testing.execution import Bench, order


class Preparing:
    """What an adapter was told to prepare, and what it was then asked to send."""

    def __init__(self, bench: Bench) -> None:
        self.prepared: list[OrderOptions] = []
        self.sent: list[OrderOptions] = []
        self.error: Exception | None = None
        self._create = bench.venue.create_order
        bench.venue.prepare_order = self.prepare  # type: ignore[method-assign]
        bench.venue.create_order = self.send  # type: ignore[method-assign]

    def prepare(self, *request: object) -> None:
        """Takes note."""
        assert isinstance(request[-1], OrderOptions)
        self.prepared.append(request[-1])
        if self.error is not None:
            raise self.error

    async def send(self, *request: object) -> object:
        """Takes note, and sends."""
        assert isinstance(request[-1], OrderOptions)
        self.sent.append(request[-1])
        return await self._create(*request)  # type: ignore[arg-type]


@pytest.fixture
def preparing(bench: Bench) -> Preparing:
    """Watches the door to the venue."""
    return Preparing(bench)


def test_what_is_sent_is_what_was_prepared(bench: Bench, preparing: Preparing):
    """The very options with which a request was built come with its order."""
    bench.place("c1")

    (prepared,), (sent,) = preparing.prepared, preparing.sent
    assert prepared is sent
    assert prepared.client_order_id == "c1"


def test_an_adapter_that_cannot_prepare_stops_nothing(bench: Bench, preparing: Preparing):
    """What is wrong with an order is said by its create, and by that alone."""
    preparing.error = OrderRejected("no such symbol")
    bench.place("c1")

    assert bench.stored("c1").state == OrderState.ACKED.value


def test_orders_that_must_wait_are_not_prepared(bench: Bench, preparing: Preparing):
    """Of a step only the first few are: the others would be too old when their turn comes."""
    bench.step(*(order(f"c{number}", price=900 + number) for number in range(9)))
    bench.wait(1.0)

    assert [options.client_order_id for options in preparing.prepared] == ["c0", "c1", "c2", "c3"]
    assert len(preparing.sent) == 9


def test_nothing_is_prepared_without_a_turn(bench: Bench, preparing: Preparing):
    """While the venue wants rest its order waits unsigned, and leaves in the end."""
    bench.service._desk.sender.pause(2.0)
    bench.place("c1")
    assert (preparing.prepared, preparing.sent) == ([], [])

    bench.wait(3.0)
    assert len(preparing.sent) == 1


def test_nothing_is_prepared_that_may_not_leave(bench: Bench, preparing: Preparing):
    """After a halt between decision and step nothing is signed."""
    bench.service._dispatcher.may_send = lambda: False
    bench.place("c1")

    assert (preparing.prepared, preparing.sent) == ([], [])
    assert bench.stored("c1").code == "LEASE_LOST"


def test_an_order_whose_deadline_moved_is_built_anew(tmp_path: Path):
    """The deadline stands in the request: one that waited for the disk leaves with the new one."""
    bench = Bench(
        tmp_path,
        capabilities=Capabilities(
            market_types=frozenset({ExchangeType.PERPETUAL}), has_request_deadline=True
        ),
    )
    preparing = Preparing(bench)
    bench.attach()
    window_s = bench.settings.window_ns / 1e9
    commit = bench.journal.commit

    async def slow(transaction: Transaction) -> None:
        await commit(transaction)
        if not preparing.sent:
            await bench.clock.sleep(window_s)

    bench.journal.commit = slow  # type: ignore[method-assign]
    bench.place("c1")
    bench.wait(3 * window_s)

    (prepared,), (sent,) = preparing.prepared, preparing.sent
    assert prepared.expires_at is not None
    assert sent.expires_at is not None
    assert sent.expires_at > prepared.expires_at
    bench.close()
