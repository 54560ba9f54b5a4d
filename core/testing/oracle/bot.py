"""The oracle's grid: slots, each with one order, as the words have it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from core.testing.oracle.books import Books
from core.testing.oracle.market import Execution, Market, Order
from core.testing.oracle.result import Foretold, Placed
from core.testing.oracle.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A slot's place: level 1 is the most adverse."""

    number: int
    price: Decimal
    amount: Decimal
    exit_price: Decimal


@dataclass(slots=True, kw_only=True)
class Bot:
    """One grid from its first price to its end."""

    settings: Settings
    market: Market
    books: Books
    phase: str = "waiting"
    """waiting (for a price), running, clearing and closing (for a new range), ending."""
    levels: dict[int, Level] = field(default_factory=dict)
    edge: Decimal = Decimal(0)
    """The favourable bound."""
    empty: set[int] = field(default_factory=set)
    """Slots without order and position that wait until their entry would rest."""
    shares: dict[int, list[Level]] = field(default_factory=dict)
    """Slots that an initial order buys for, by its number, nearest to the price first."""
    live: list[Order] = field(default_factory=list)
    fills: list[Foretold] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    round_trips: int = 0
    resets: int = 0
    failures: int = 0
    """Closes of the present change or end that left something."""
    _tries: int = 0
    """Closes ever sent."""
    _escape: int | None = None
    """Number of the escape whose timer runs."""
    _escapes: int = 0

    def on_price(self) -> None:
        """Look at the newest price after the orders that rest have met it."""
        if self.phase == "waiting":
            self._build()
        elif self.phase == "running":
            self._place_empty()
            self._watch()

    def on_execution(self, execution: Execution) -> None:
        """Book an execution; while running, the reverse of a whole one leaves at once."""
        order = execution.order
        if execution.is_last:
            self.live.remove(order)
        if order.leg == "flatten":
            self._on_flattened(execution)
        elif order.number in self.shares:
            self._on_initial(execution)
        elif order.leg == "entry":
            self._enter(self.levels[order.level or 0], execution, execution.amount)
        else:
            self._on_exit(self.levels[order.level or 0], execution)
        self._go_on()

    def on_canceled(self, order: Order) -> None:
        """Take an order off; of an initial order its slots stay empty until they can rest."""
        self.live.remove(order)
        if order.number in self.shares:
            self.empty |= {level.number for level in self.shares.pop(order.number)}
            if self.phase == "running":
                self._place_empty()
        elif order.leg == "flatten":
            if self.phase == "closing" or self.settings.on_exit == "flatten":
                self._close_later()
            return
        self._go_on()

    def end(self) -> None:
        """End by the policy: nothing is placed any more but a close."""
        if self.phase == "waiting":
            return
        self.phase, self.failures = "ending", 0
        if self.settings.on_exit != "keep":
            self._cancel_all()
            self._go_on()

    # Building

    def _build(self) -> None:
        self.phase, self._escape = "running", None
        self.books.disown()
        self.levels = {level.number: level for level in self._ladder(self.market.mark())}
        by_distance = self._nearest_first(self.levels.values())
        marketable = [level for level in by_distance if not self._rests(level)]
        passive = [level for level in by_distance if self._rests(level)]
        self.empty = set()
        if self.settings.initial_fill == "taker_position":
            if marketable:
                self._send_initial(marketable)
        elif self.settings.initial_fill == "passive_only":
            self.empty = {level.number for level in marketable}
        else:
            best_first = sorted(
                marketable, key=lambda level: -self.settings.direction * level.price
            )
            passive = best_first + passive
        for level in passive:
            self._send_entry(level)

    def _ladder(self, price: Decimal) -> list[Level]:
        settings = self.settings
        lower, upper, count = self._bounds(price)
        self.edge = upper if settings.direction > 0 else lower
        levels = []
        for k in range(1, count + 1):
            steps = (k - 1) * settings.interval
            entry = lower + steps if settings.direction > 0 else upper - steps
            amount = settings.order_amount + (count - k) * settings.increment
            levels.append(
                Level(
                    number=k,
                    price=entry,
                    amount=_down(amount, settings.amount_step),
                    exit_price=entry + settings.direction * settings.distance * settings.interval,
                )
            )
        return levels

    def _bounds(self, price: Decimal) -> tuple[Decimal, Decimal, int]:
        settings = self.settings
        if not settings.follows:
            count = int((settings.upper - settings.lower) // settings.interval)
            return settings.lower, settings.upper, count
        height, shift = settings.count * settings.interval, settings.offset * settings.interval
        if settings.direction > 0:
            upper = price + shift
            lower = upper - height
        else:
            lower = price - shift
            upper = lower + height
        step = settings.price_step
        return _down(lower, step), _up(upper, step), settings.count

    def _rests(self, level: Level) -> bool:
        sign = self.settings.direction
        return sign * level.price < sign * self.market.opposite(sign)

    def _nearest_first(self, levels: Iterable[Level]) -> list[Level]:
        price = self.market.opposite(self.settings.direction)
        return sorted(levels, key=lambda level: abs(level.price - price))

    def _place_empty(self) -> None:
        ready = [self.levels[k] for k in self.empty if self._rests(self.levels[k])]
        for level in self._nearest_first(ready):
            self.empty.remove(level.number)
            self._send_entry(level)

    # Orders

    def _send_initial(self, levels: list[Level]) -> None:
        settings = self.settings
        price = self.market.opposite(settings.direction)
        limit = price * (1 + settings.direction * settings.cap)
        if settings.direction > 0:
            limit = max(_down(limit, settings.price_step), _up(price, settings.tick))
        else:
            limit = min(_up(limit, settings.price_step), _down(price, settings.tick))
        order = self._send(
            side=settings.direction,
            price=limit,
            amount=sum((level.amount for level in levels), Decimal(0)),
            level=None,
            leg="entry",
            immediate=True,
        )
        self.shares[order.number] = levels

    def _send_entry(self, level: Level) -> None:
        self._send(
            side=self.settings.direction,
            price=level.price,
            amount=level.amount,
            level=level.number,
            leg="entry",
        )

    def _send_exit(self, level: Level) -> None:
        self._send(
            side=-self.settings.direction,
            price=level.exit_price,
            amount=_down(self.books.amount(level.number), self.settings.lot),
            level=level.number,
            leg="exit",
        )

    def _send_close(self) -> bool:
        amount = _down(self.books.total(), self.settings.lot)
        if amount <= 0:
            return False
        self._send(
            side=-self.settings.direction,
            price=None,
            amount=amount,
            level=None,
            leg="flatten",
            reduce_only=not self.settings.is_spot,
        )
        return True

    def _send(
        self,
        *,
        side: int,
        price: Decimal | None,
        amount: Decimal,
        level: int | None,
        leg: str,
        immediate: bool = False,
        reduce_only: bool = False,
    ) -> Order:
        order = Order(
            number=self.market.sent + 1,
            side=side,
            price=price,
            amount=amount,
            level=level,
            leg=leg,
            immediate=immediate,
            reduce_only=reduce_only,
        )
        self.placed.append(
            Placed(
                at_ms=self.market.now_ms + self.settings.latency_ms,
                side=side_name(side),
                price=price,
                amount=amount,
                level=level,
                leg=leg,
            )
        )
        self.live.append(order)
        self.market.send(order)
        return order

    def _cancel_all(self) -> None:
        for order in self.live:
            if order.leg != "flatten":
                self.market.cancel(order)

    # Fills

    def _on_initial(self, execution: Execution) -> None:
        levels, left = self.shares.pop(execution.order.number), execution.amount
        without = []
        for level in levels:
            amount = min(level.amount, left)
            left -= amount
            if amount:
                self._enter(level, execution, amount, is_whole=True)
            else:
                without.append(level)
        if without:
            self.shares[execution.order.number] = without

    def _enter(
        self, level: Level, execution: Execution, amount: Decimal, *, is_whole: bool = False
    ) -> None:
        in_base = self.settings.fee_in_base and execution.order.side > 0
        fee = amount * execution.rate * execution.price
        taken = amount * execution.rate if in_base else Decimal(0)
        self._note(execution, amount=amount, level=level.number, leg="entry", fee=fee)
        self.books.fees += fee
        self.books.open(level.number, execution.price, amount - taken)
        if self.phase == "running" and (is_whole or execution.is_last):
            self._send_exit(level)

    def _on_exit(self, level: Level, execution: Execution) -> None:
        fee = execution.amount * execution.rate * execution.price
        self._note(execution, amount=execution.amount, level=level.number, leg="exit", fee=fee)
        self.books.fees += fee
        self.books.close(level.number, execution.price, execution.amount)
        if not execution.is_last:
            return
        self.round_trips += 1
        if self.phase == "running":
            self._send_entry(level)

    def _on_flattened(self, execution: Execution) -> None:
        fee = execution.amount * execution.rate * execution.price
        self._note(execution, amount=execution.amount, level=None, leg="flatten", fee=fee)
        self.books.fees += fee
        self.books.close_all(execution.price, execution.amount)

    def _note(
        self,
        execution: Execution,
        *,
        amount: Decimal,
        level: int | None,
        leg: str,
        fee: Decimal,
    ) -> None:
        self.fills.append(
            Foretold(
                at_ms=execution.at_ms,
                side=side_name(execution.order.side),
                price=execution.price,
                amount=amount,
                level=level,
                leg=leg,
                fee=fee,
                is_maker=execution.is_maker,
                trade=execution.number,
            )
        )

    # Following and ending

    def _watch(self) -> None:
        settings = self.settings
        if not settings.follows or settings.timeout_ms is None:
            return
        reach = max(settings.follow_distance, settings.distance) * settings.interval
        outside = settings.direction * (self.market.mark() - self.edge) > reach
        if not outside:
            self._escape = None
        elif self._escape is None:
            self._escapes += 1
            number = self._escape = self._escapes
            due = self.market.now_ms + settings.timeout_ms
            self.market.call_at(due, lambda: self._on_timeout(number), is_first=True)

    def _on_timeout(self, number: int) -> None:
        if self.phase == "running" and self._escape == number:
            self._escape, self.phase = None, "clearing"
            self._cancel_all()
            self._go_on()

    def _go_on(self) -> None:
        """Take the next step of a change of range or of an end, once no order is live."""
        if self.live:
            return
        if self.phase == "clearing":
            self.phase, self.failures = "closing", 0
            self._close()
        elif self.phase == "closing" or (
            self.phase == "ending" and self.settings.on_exit == "flatten"
        ):
            self._close()

    def _close(self) -> None:
        """Close what is held; when nothing is, a change of range goes on to the new ladder."""
        if self._send_close():
            self._tries += 1
        elif self.phase == "closing":
            self.resets += 1
            self._build()

    def _close_later(self) -> None:
        self.failures += 1
        pause_ms = min(1000 * 2 ** (self.failures - 1), 60_000)
        tries = self._tries
        self.market.call_at(
            self.market.now_ms + pause_ms,
            lambda: self._close() if self._tries == tries and not self.live else None,
        )


def side_name(side: int) -> str:
    """Give the word for a sign."""
    return "buy" if side > 0 else "sell"


def _down(value: Decimal, step: Decimal) -> Decimal:
    return value // step * step


def _up(value: Decimal, step: Decimal) -> Decimal:
    floor = _down(value, step)
    return floor if floor == value else floor + step
