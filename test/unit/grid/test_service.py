"""The hands of a grid: in which order its own words and those of its orders are told."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

from core.adapters.exchanges.models import OrderSide, OrderType, TimeInForce
from core.domain.commands import Announce, PlaceOrder, Reason, Role
from core.domain.events import Act, Asked, Horizon
from core.infrastructure.clock import WallClock
from core.services.grid.service import GridService

ORDER = PlaceOrder(
    client_order_id="c1",
    symbol="TEST-USDC-PERP",
    side=OrderSide.BUY,
    order_type=OrderType.LIMIT,
    price=100,
    amount=1,
    time_in_force=TimeInForce.GTC,
    reduce_only=False,
    role=Role.ENTRY,
    level=1,
    reason=Reason("entry.of_test"),
)


class Machine:
    """Answers whatever happens with one order and one line."""

    settings = SimpleNamespace(notifies=False)
    is_stopped = False

    def on(self, event):
        """Always the same commands."""
        return [Announce(event="order.filled", fields=()), ORDER]

    def changes(self):
        """Nothing to keep."""
        return {}

    def horizon(self):
        """Nothing to wake for."""
        return Horizon()

    def worth(self, mark):
        """Nothing."""
        return Decimal(0)


class Gateway:
    """A venue that answers an order, and ends it, as soon as it has left."""

    def __init__(self):
        self.service = None
        self.told = []

    async def step(self, step):
        """Durable at once; what is to be sent leaves on the next turn of the loop."""
        asyncio.get_running_loop().call_soon(self._send)

    def line(self, at_ns, event, fields):
        """A line of the diary."""
        self.told.append(event)

    def _send(self):
        self.told.append("sent")
        self.service.pass_on(1, "order.placed", ())
        self.service.pass_on(1, "order.canceled", ())


async def test_what_a_venue_answers_at_once_is_told_after_what_made_the_order():
    """The order leaves first, then its cause is told, then that it was placed; an end last."""
    gateway = Gateway()
    service = GridService(
        spec=SimpleNamespace(bot_id="b", name="b", symbol="TEST-USDC-PERP"),
        machine=Machine(),
        gateway=gateway,
        market=None,
        portfolio=None,
        clock=WallClock(),
        diary=gateway.line,
    )
    gateway.service = service

    await service._turn([Asked(at_ns=1, act=Act.PAUSE, by="test")])
    assert gateway.told == ["sent", "order.filled", "order.placed"]
    service._release_lines()

    assert gateway.told == ["sent", "order.filled", "order.placed", "order.canceled"]
