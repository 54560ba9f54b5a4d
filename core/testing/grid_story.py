"""A grid machine at a small, instant venue, so that a test reads as a story.

    story = GridStory(settings)
    story.price("99.5")
    story.price("98.9")
    assert story.resting() == ["buy 97", "buy 98", "sell 100"]

The venue has one price, which is bid, ask and last. A resting order fills whole, at its own price,
when the price goes through it; an order that is marketable when it arrives executes at the price,
as taker. It keeps its own account in cash and base, apart from the machine's ledger, so that the
two can be held against each other.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Context, Decimal

from core.adapters.exchanges.models import FeeAsset, OrderSide, OrderStatus, TimeInForce, plain
from core.domain.commands import Announce, CancelOrder, Command, PlaceOrder
from core.domain.events import (
    Act,
    Asked,
    Event,
    FeedEnded,
    Horizon,
    MarketMoved,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    Reconciled,
    TimeReached,
)
from core.services.grid.editing import Edited
from core.services.grid.machine import GridMachine
from core.services.grid.settings import GridSettings

SECOND_NS = 1_000_000_000
EXACT = Context(prec=100)


@dataclass(slots=True)
class _Order:
    """An order that rests at the venue."""

    command: PlaceOrder
    left: int


@dataclass(slots=True)
class _Account:
    """What the venue says we are worth, apart from any ledger."""

    cash: Decimal = Decimal(0)
    base: Decimal = Decimal(0)
    fees: Decimal = field(default=Decimal(0))

    def equity(self, mark: Decimal, contract_size: Decimal) -> Decimal:
        return EXACT.fma(EXACT.multiply(self.base, mark), contract_size, self.cash)


class GridStory:
    """One machine, one venue, one price.

    Args:
        settings: Of the grid.
        state: State to resume from; None for a new grid.
        is_reconciled: Whether the start is told as a clean reconciliation.
    """

    def __init__(
        self,
        settings: GridSettings,
        *,
        state: dict[str, str] | None = None,
        is_reconciled: bool = True,
    ) -> None:
        self.settings = settings
        self.instrument = settings.instrument
        self.machine = GridMachine(settings, order_prefix="ctest0000")
        self.now_ns = 1_700_000_000 * SECOND_NS
        self.last: Decimal | None = None
        self._before: Decimal | None = None
        self.orders: dict[str, _Order] = {}
        """Client order id -> order resting at the venue."""
        self.account = _Account()
        self.diary: list[Announce] = []
        self.commands: list[Command] = []
        self.taker_lots: int | None = None
        """Lots that the next takers find at the price; None for as many as they want."""
        self.is_silent = False
        """Whether the venue answers nothing: orders are swallowed."""
        self.refusal = ""
        """Code with which the venue refuses every new order."""
        self.state: dict[str, str] = {}
        """The journal: every change the machine reported, applied in order."""
        self._events: deque[Event | Edited] = deque()
        self._trade = 0
        if state is not None:
            self.machine.restore(state)
            self.machine.take_up()
            self.state = dict(state)
        if is_reconciled:
            self.reconcile()

    # -- telling ------------------------------------------------------------------------------

    def price(self, price: str | Decimal, *, after_s: float = 1.0) -> None:
        """The next trade: time passes, resting orders fill, then the machine sees the price."""
        self.wait(after_s)
        self._before, self.last = self.last, Decimal(price)
        self._meet(self.last)
        self.tell(self.market(self.last))

    def market(self, price: Decimal) -> MarketMoved:
        """The event that a price is."""
        ticks = price / self.instrument.tick_size
        floor = int(ticks // 1)
        ceiling = floor if ticks == floor else floor + 1
        return MarketMoved(
            at_ns=self.now_ns,
            bid=floor,
            ask=ceiling,
            last=int(ticks + Decimal("0.5")),
            mark=price,
            previous=self._before,
        )

    def wait(self, seconds: float) -> None:
        """Lets time pass, waking the machine at the moments it asked for."""
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        while True:
            at_ns = self.machine.horizon().at_ns
            if at_ns is None or at_ns > until_ns:
                break
            self.now_ns = max(self.now_ns, at_ns)
            self.tell(TimeReached(at_ns=self.now_ns))
        self.now_ns = until_ns

    def tell(self, *events: Event | Edited) -> None:
        """Hands events to the machine and carries out what it wants until all is quiet."""
        self._events.extend(events)
        while self._events:
            event = self._events.popleft()
            commands = self.machine.on(event)
            self.commands += commands
            for key, text in self.machine.changes().items():
                if text is None:
                    self.state.pop(key, None)
                else:
                    self.state[key] = text
            for command in commands:
                self._carry_out(command)

    def ask(self, act: Act) -> None:
        """An operator's wish."""
        self.tell(Asked(at_ns=self.now_ns, act=act))

    def edit(self, settings: GridSettings) -> None:
        """Other settings under the running grid."""
        self.settings = settings
        self.tell(Edited(at_ns=self.now_ns, settings=settings))

    def end_feed(self) -> None:
        """No more prices."""
        self.tell(FeedEnded(at_ns=self.now_ns))

    def reconcile(self) -> None:
        """Journal and venue agree on what rests."""
        self.tell(
            Reconciled(
                at_ns=self.now_ns,
                open_orders=frozenset(self.orders),
                foreign_orders=0,
                venue_position=0,
            )
        )

    def fill(self, identity: str, lots: int, price: str | None = None) -> None:
        """Some of a resting order executes."""
        order = self.orders[identity]
        ticks = order.command.price
        at = Decimal(price) if price is not None else (ticks or 0) * self.instrument.tick_size
        self._fill(order, lots, at, is_maker=True)
        self.tell()

    def end(
        self,
        identity: str,
        status: OrderStatus = OrderStatus.CANCELED,
        *,
        code: str = "",
        is_ours: bool = False,
    ) -> None:
        """The venue ends a resting order."""
        order = self.orders.pop(identity)
        self.tell(
            OrderEnded(
                at_ns=self.now_ns,
                client_order_id=identity,
                status=status,
                filled=order.command.amount - order.left,
                code=code,
                is_ours=is_ours,
            )
        )

    def restart(self) -> GridStory:
        """The same venue with a new machine, restored from what the old one had written."""
        after = GridStory(self.settings, state=self.state, is_reconciled=False)
        after.now_ns, after.last, after.account = self.now_ns, self.last, self.account
        after.orders, after._trade = self.orders, self._trade
        after.reconcile()
        if self.last is not None:
            after.tell(after.market(self.last))
        return after

    # -- reading ------------------------------------------------------------------------------

    def resting(self) -> list[str]:
        """What rests, as `buy 98`, from low to high."""
        orders = sorted(self.orders.values(), key=lambda order: order.command.price or 0)
        return [f"{order.command.side.value} {self._text(order.command.price)}" for order in orders]

    def find(self, words: str) -> str:
        """Client order id of the resting order that `words` (`buy 98`) names."""
        for identity, order in self.orders.items():
            if f"{order.command.side.value} {self._text(order.command.price)}" == words:
                return identity
        message = f"no {words} rests, only {self.resting()}"
        raise AssertionError(message)

    def fills(self) -> list[str]:
        """The diary's fills as `entry buy 1 @ 98.9`."""
        lines = []
        for line in self.diary:
            if line.event == "order.filled":
                found = dict(line.fields)
                lines.append(f"{found['leg']} {found['side']} {found['amount']} @ {found['price']}")
        return lines

    def lines(self, event: str) -> list[dict[str, str | int | None]]:
        """Fields of every diary line of one kind."""
        return [dict(line.fields) for line in self.diary if line.event == event]

    def residual(self) -> Decimal:
        """Change of the account's equity that the machine's ledger does not explain; must be 0."""
        mark = self.last or Decimal(0)
        equity = self.account.equity(mark, self.instrument.contract_size)
        ledger = self.machine.ledger
        explained = ledger.realized + ledger.unrealized(mark) - ledger.fees + ledger.funding
        return EXACT.subtract(equity, explained)

    # -- the venue ----------------------------------------------------------------------------

    def passes(self, price: Decimal, horizon: Horizon) -> bool:
        """Whether neither machine nor venue could act on a price, so that it may be skipped."""
        ticks = price / self.instrument.tick_size
        if horizon.above is not None and ticks >= horizon.above:
            return False
        if horizon.below is not None and ticks <= horizon.below:
            return False
        return not any(self._is_through(order, price) for order in self.orders.values())

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Announce):
            self.diary.append(command)
        elif self.is_silent:
            return
        elif isinstance(command, CancelOrder):
            self._cancel(command)
        else:
            self._accept(command)

    def _cancel(self, command: CancelOrder) -> None:
        order = self.orders.pop(command.client_order_id, None)
        if order is not None:
            filled = order.command.amount - order.left
            self._end(order.command, OrderStatus.CANCELED, filled, is_ours=True)

    def _accept(self, command: PlaceOrder) -> None:
        if self.refusal:
            self._end(command, OrderStatus.REJECTED, 0, code=self.refusal)
            return
        self._events.append(
            OrderAccepted(at_ns=self.now_ns, client_order_id=command.client_order_id, order_id="1")
        )
        order = _Order(command, command.amount)
        self.orders[command.client_order_id] = order
        if self.last is not None and self._is_marketable(command, self.last):
            lots = order.left
            if self.taker_lots is not None:
                lots = min(lots, self.taker_lots)
                self.taker_lots -= lots
            if lots:
                self._fill(order, lots, self.last, is_maker=False)
        if order.left and command.time_in_force is TimeInForce.IOC:
            del self.orders[command.client_order_id]
            self._end(command, OrderStatus.CANCELED, command.amount - order.left)

    def _meet(self, price: Decimal) -> None:
        found = [order for order in self.orders.values() if self._is_through(order, price)]
        # Best price first, then oldest, as the paper venue does.
        found.sort(key=lambda order: -order.command.side.sign * (order.command.price or 0))
        for order in found:
            ticks = order.command.price or 0
            self._fill(order, order.left, ticks * self.instrument.tick_size, is_maker=True)

    def _is_through(self, order: _Order, price: Decimal) -> bool:
        limit = (order.command.price or 0) * self.instrument.tick_size
        return price < limit if order.command.side is OrderSide.BUY else price > limit

    def _is_marketable(self, command: PlaceOrder, price: Decimal) -> bool:
        if command.price is None:
            return True
        limit = command.price * self.instrument.tick_size
        return limit >= price if command.side is OrderSide.BUY else limit <= price

    def _fill(self, order: _Order, lots: int, price: Decimal, *, is_maker: bool) -> None:
        command, rules = order.command, self.instrument
        amount = lots * rules.lot_size
        rate = self.settings.maker_fee if is_maker else self.settings.taker_fee
        fee = EXACT.multiply(rules.notional(price, amount), rate)
        taken = Decimal(0)
        if rules.fee_asset is FeeAsset.BASE and command.side is OrderSide.BUY:
            taken = EXACT.multiply(amount, rate)
        else:
            self.account.cash = EXACT.subtract(self.account.cash, fee)
        sign = command.side.sign
        value = EXACT.multiply(rules.notional(price, amount), Decimal(sign))
        self.account.cash = EXACT.subtract(self.account.cash, value)
        self.account.base = EXACT.add(self.account.base, sign * amount - taken)
        self._trade += 1
        order.left -= lots
        self._events.append(
            OrderFilled(
                at_ns=self.now_ns,
                client_order_id=command.client_order_id,
                trade_id=f"t{self._trade}",
                side=command.side,
                price=price,
                amount=lots,
                fee=fee,
                fee_base=taken,
                is_maker=is_maker,
            )
        )
        if not order.left:
            del self.orders[command.client_order_id]
            self._end(command, OrderStatus.FILLED, command.amount)

    def _end(
        self,
        command: PlaceOrder,
        status: OrderStatus,
        filled: int,
        *,
        code: str = "",
        is_ours: bool = False,
    ) -> None:
        self._events.append(
            OrderEnded(
                at_ns=self.now_ns,
                client_order_id=command.client_order_id,
                status=status,
                filled=filled,
                code=code,
                is_ours=is_ours,
            )
        )

    def _text(self, ticks: int | None) -> str:
        return "market" if ticks is None else plain(ticks * self.instrument.tick_size)
