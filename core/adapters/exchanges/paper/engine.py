"""The venue's engine: what an arriving request and a row of the market do to the account.

Nothing here awaits. Each method changes memory at once, notes what has to be written, and queues
what has to be said (`outbox.py`); requests raise the venue's no.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    Instrument,
    Liquidity,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TimeInForce,
    UserData,
    plain,
)
from core.adapters.exchanges.paper.account import Account, buy_fee_cushion
from core.adapters.exchanges.paper.checks import NewOrder, Sized, check_order, refusal
from core.adapters.exchanges.paper.faults import Request, Switchboard
from core.adapters.exchanges.paper.market import Market
from core.adapters.exchanges.paper.moments import moment
from core.adapters.exchanges.paper.orders import OpenOrders, PaperOrder
from core.adapters.exchanges.paper.outbox import Notes, Outbox
from core.adapters.exchanges.paper.profiles import IdScope, ReduceOnlyExcess, VenueProfile
from core.adapters.exchanges.paper.storage import (
    Batch,
    Cell,
    Storage,
    StoredMarket,
    changed_order_row,
    fill_row,
    funding_row,
    market_row,
    new_order_row,
)
from core.adapters.exchanges.paper.stream import PrivateStream
from core.domain.book import Execution
from core.domain.fees import fee_of, fee_rate
from core.domain.funding import funding_payment
from core.domain.matching import Acceptance, FillRule, Outcome, Resting, Row
from core.domain.matching import Market as Prices
from core.domain.position import MONEY, ZERO
from core.domain.worth import Worth
from core.errors import DuplicateClientOrderId, InsufficientFunds, OrderNotFound, OrderRejected

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the venue and the account are."""

    venue: str
    account: str


class Engine:
    """Orders, account and markets of one paper account.

    Args:
        identity: Names.
        profile: Habits.
        storage: The file, for ids of the past.
        account: Cash and holdings.
        faults: The switchboard.
        private: Delivers private messages.
    """

    def __init__(
        self,
        identity: Identity,
        profile: VenueProfile,
        storage: Storage,
        account: Account,
        faults: Switchboard,
        private: PrivateStream,
    ) -> None:
        self.identity = identity
        self.account = account
        self.orders = OpenOrders()
        self.markets: dict[str, Market] = {}
        """Symbol -> market."""
        self.outbox: Outbox
        self._profile = profile
        self._storage = storage
        self._faults = faults
        self._private = private
        self._next_order, self._next_fill = storage.next_numbers()
        self._changes = 0
        """Counts what can move a liquidation price."""
        self._liquidations: dict[str, tuple[int, Decimal | None]] = {}
        """Symbol -> (changes when it was computed, liquidation price)."""
        self._written: dict[str, tuple[object, ...]] = {}
        """Symbol -> what its row in the file says."""
        self.on_worth: Callable[[str, Worth], None] | None = None
        """Told (symbol, what is held) after each execution and settlement."""

    # -- requests -----------------------------------------------------------------------------

    def create(self, new: NewOrder, now_ns: int) -> OrderData:
        """Takes an order in.

        Raises:
            OrderRejected: It does not and will not exist.
        """
        market = self._market(new.symbol)
        instrument = market.instrument
        venue = self.identity.venue
        if new.order_type is OrderType.MARKET and not market.has_price:
            raise refusal(venue, "NO_MARKET", f"{new.symbol} has no price yet")
        sized = check_order(
            new,
            instrument,
            self._profile,
            venue=venue,
            now_ns=now_ns,
            market_price=market.mark,
        )
        self._check_id(new.options.client_order_id)
        prices = market.prices()
        order, resting = self._order(new, sized, market, now_ns)
        found = market.matcher.judge(
            resting,
            prices,
            time_in_force=new.options.time_in_force,
            post_only=new.options.post_only,
        )
        if found.outcome is Outcome.REFUSED:
            raise refusal(venue, found.code, "it is post-only and would take")
        if order.reduce_only:
            found = self._reduced(order, found, market)
        else:
            self._check_funds(order, found, market)
        self._next_order += 1
        return self._open(order, resting, found, market, prices, now_ns)

    def cancel(self, order_id: str, symbol: str, now_ns: int) -> OrderData:
        """Takes an open order out.

        Raises:
            OrderNotFound: It is not open.
        """
        order = self.orders.find(order_id, None)
        if order is not None and self._faults.is_armed:
            request = Request(
                method="cancel_order",
                symbol=symbol,
                order_id=order_id,
                client_order_id=order.client_order_id,
            )
            if order.symbol == symbol and self._faults.on_cancel(request):
                self._fill_at_its_price(order, now_ns)
                order = None
        if order is None or order.symbol != symbol:
            raise OrderNotFound(
                f"{self.identity.venue} has no open order {order_id} of {symbol}.",
                venue=self.identity.venue,
                code="ORDER_NOT_OPEN",
            )
        self._end(order, OrderStatus.CANCELED, "USER", now_ns)
        self._report(order.symbol, (), now_ns)
        return order.data(self.identity.venue, self.markets[symbol].instrument)

    def cancel_all(self, symbol: str | None, now_ns: int) -> list[OrderData]:
        """Takes every open order out."""
        orders = self.orders.of(symbol)
        for order in orders:
            self._end(order, OrderStatus.CANCELED, "USER", now_ns)
        for touched in sorted({order.symbol for order in orders}):
            self._report(touched, (), now_ns)
        return [
            order.data(self.identity.venue, self.markets[order.symbol].instrument)
            for order in orders
        ]

    # -- the market ---------------------------------------------------------------------------

    def meet(self, market: Market, row: Row, at_ns: int) -> None:
        """Lets resting orders meet a row that the market has just moved on to."""
        matches = market.matcher.meet(row)
        if matches:
            assets: set[str] = set()
            lot = market.lot_parts
            for match in matches:
                order = self.orders.numbered(match.order.number)
                if order is not None:
                    assets.update(self._fill_resting(order, match.amount // lot, at_ns))
            self._report(market.symbol, assets, at_ns)
        if self._may_liquidate(market):
            self._liquidate(market, at_ns)

    def liquidation_prices(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        """(mark at or below which, mark at or above which) the symbol's position is closed."""
        holding = self.account.holdings[symbol]
        if holding.instrument.is_spot or holding.position.is_flat:
            return None, None
        known = self._liquidations.get(symbol)
        if known is None or known[0] != self._changes or self._has_company(symbol):
            known = (self._changes, self.account.liquidation_price(symbol))
            self._liquidations[symbol] = known
        return (known[1], None) if holding.position.size > 0 else (None, known[1])

    def position_data(self, symbol: str, at_ns: int) -> PositionData:
        """A margined position, flat ones too."""
        low, high = self.liquidation_prices(symbol)
        return self.account.position_data(
            self.identity.venue, symbol, at_ns, low if high is None else high
        )

    def settle_funding(self, market: Market, rate: Decimal, at_ns: int) -> None:
        """Pays or receives funding on the position of this moment."""
        holding = self.account.holdings[market.symbol]
        mark = market.mark
        if mark is None or holding.position.is_flat:
            return
        size = holding.position.size
        instrument = market.instrument
        payment = FundingPaymentData(
            venue=self.identity.venue,
            account=self.identity.account,
            symbol=market.symbol,
            payment_id=self._storage.name(at_ns // 1_000_000_000),
            amount=funding_payment(size, mark, rate, instrument.contract_size),
            rate=rate,
            position=size,
            at=moment(at_ns),
        )
        self._changes += 1
        self.account.receive(instrument.settle, payment.amount)
        self.outbox.notes.funding.append(funding_row(payment))
        self._say(payment)
        if self.on_worth is not None:
            self.on_worth(market.symbol, self.worth(market.symbol, at_ns))
        self._report(market.symbol, (instrument.settle,), at_ns)

    def worth(self, symbol: str, at_ns: int) -> Worth:
        """What is held of a symbol now."""
        holding, cash = self.account.holdings[symbol], self.account.cash
        instrument = holding.instrument
        row = self.markets[symbol].next_row - 1
        if instrument.is_spot:
            held = cash.get(instrument.base, ZERO)
            return Worth(at_ns, row, cash[instrument.quote], held)
        return Worth(at_ns, row, cash[instrument.settle], holding.position.size)

    def touch(self, market: Market) -> None:
        """Has the feed's position written with the next flush."""
        self.outbox.notes.markets.add(market.symbol)

    def changed(self, symbol: str) -> None:
        """Leverage or margin mode of a symbol is another."""
        self._changes += 1
        self.outbox.notes.markets.add(symbol)

    def restore(self, market: Market) -> None:
        """Puts the open orders of the file back on a market."""
        lot = market.lot_parts
        for order, ahead in self._storage.open_orders(market.instrument):
            resting = Resting(
                number=order.number,
                is_buy=order.side is OrderSide.BUY,
                price=order.ticks * market.per_tick,
                remaining=order.remaining * lot,
                ahead=int(ahead / market.part),
            )
            order.resting = resting
            order.stored_ahead = resting.ahead
            self.orders.add(order)
            market.matcher.rest(resting)

    def rows(self, notes: Notes) -> Batch:
        """What the notes say, as rows of the file."""
        account = self.account
        for market in self.markets.values():
            if market.matcher.rule is FillRule.QUEUE:
                self._note_ahead(market, notes)
        batch = Batch(
            fills=notes.fills,
            funding=notes.funding,
            cash=[(asset, str(account.cash[asset])) for asset in sorted(notes.cash)],
            markets=[
                self._market_row(market) for market in self.markets.values() if self._moved(market)
            ],
        )
        for order in notes.orders.values():
            self._add_order_row(batch, order)
        return batch

    # -- an order's life ----------------------------------------------------------------------

    def _order(
        self, new: NewOrder, sized: Sized, market: Market, now_ns: int
    ) -> tuple[PaperOrder, Resting]:
        options = new.options
        is_market = new.order_type is OrderType.MARKET
        number = self._next_order
        order = PaperOrder(
            number=number,
            order_id=self._storage.name(number),
            client_order_id=options.client_order_id,
            symbol=new.symbol,
            side=new.side,
            order_type=new.order_type,
            time_in_force=TimeInForce.IOC if is_market else options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            price=new.price,
            lots=sized.lots,
            created_ns=now_ns,
            updated_ns=now_ns,
            ticks=sized.ticks,
        )
        resting = Resting(
            number=number,
            is_buy=new.side is OrderSide.BUY,
            price=None if is_market else sized.ticks * market.per_tick,
            remaining=sized.lots * market.lot_parts,
        )
        return order, resting

    def _open(
        self,
        order: PaperOrder,
        resting: Resting,
        found: Acceptance,
        market: Market,
        prices: Prices,
        now_ns: int,
    ) -> OrderData:
        """Carries out what matching judged: acknowledge, take, then rest or end."""
        self.orders.add(order)
        self.outbox.note_order(order)
        acknowledgement = order.data(self.identity.venue, market.instrument)
        self._say(acknowledgement)
        assets: set[str] = set()
        for execution in found.executions:
            price = execution.price * market.unit
            lots = execution.amount // market.lot_parts
            resting.remaining -= execution.amount
            assets.update(self._execute(order, price, lots, Liquidity.TAKER, now_ns))
        if found.outcome is Outcome.RESTS:
            market.matcher.rest(resting, prices)
            order.resting = resting
            order.stored_ahead = resting.ahead
            if not assets:
                return acknowledgement
        elif found.outcome is Outcome.EXPIRED:
            status = OrderStatus.CANCELED if found.code == "REDUCE_ONLY" else OrderStatus.EXPIRED
            self._end(order, status, found.code, now_ns)
        self._report(order.symbol, assets, now_ns)
        return order.data(self.identity.venue, market.instrument)

    def _fill_resting(self, order: PaperOrder, lots: int, at_ns: int) -> Iterable[str]:
        """A row fills a resting order at its own price, as maker."""
        market = self.markets[order.symbol]
        resting = order.resting
        if resting is None or order.price is None:
            return ()
        if self._faults.is_armed and not order.filled and not order.parts:
            order.parts = _cut(order, self._faults.on_fill(order))
        if order.parts:
            lots, order.parts = min(lots, order.parts[0]), order.parts[1:]
        if order.reduce_only:
            lots = min(lots, self._closable(order))
            if lots <= 0:
                self._end(order, OrderStatus.CANCELED, "REDUCE_ONLY", at_ns)
                return ()
        market.matcher.fill(resting, lots * market.lot_parts)
        return self._execute(order, order.price, lots, Liquidity.MAKER, at_ns)

    def _fill_at_its_price(self, order: PaperOrder, at_ns: int) -> None:
        assets = self._fill_resting(order, order.remaining, at_ns)
        self._report(order.symbol, assets, at_ns)

    def _execute(
        self, order: PaperOrder, price: Decimal, lots: int, liquidity: Liquidity, at_ns: int
    ) -> tuple[str, ...]:
        """Books one execution; returns the assets that it moved."""
        market = self.markets[order.symbol]
        instrument = market.instrument
        amount = instrument.amount(lots)
        fee = fee_of(instrument, order.side, price, amount, liquidity)
        assets = self.account.execute(order.symbol, order.side, price, amount, fee)
        self._changes += 1
        self.orders.fill(order, lots)
        order.filled += lots
        order.spent = MONEY.add(order.spent, MONEY.multiply(price, amount))
        order.updated_ns = at_ns
        is_done = order.filled == order.lots
        order.status = OrderStatus.FILLED if is_done else OrderStatus.PARTIALLY_FILLED
        fill = FillData(
            venue=self.identity.venue,
            account=self.identity.account,
            symbol=order.symbol,
            trade_id=self._storage.name(self._next_fill),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price=price,
            amount=amount,
            fee=fee.amount,
            fee_currency=fee.asset,
            liquidity=liquidity,
            at=moment(at_ns),
        )
        self.outbox.notes.fills.append(
            fill_row(self._next_fill, order, fill, at_ns, market.next_row)
        )
        self._next_fill += 1
        self.outbox.note_order(order)
        if self.on_worth is not None:
            self.on_worth(order.symbol, self.worth(order.symbol, at_ns))
        self._say(fill)
        self._say(order.data(self.identity.venue, instrument))
        if is_done:
            self.orders.remove(order)
        if not instrument.is_spot and self.account.holdings[order.symbol].position.is_flat:
            self._end_reduce_only(order.symbol, at_ns)
        return assets

    def _end(self, order: PaperOrder, status: OrderStatus, reason: str, at_ns: int) -> None:
        """An open order is over without being filled."""
        market = self.markets[order.symbol]
        if order.resting is not None:
            market.matcher.remove(order.resting)
            order.resting = None
        self.orders.remove(order)
        order.status = status
        order.reason = reason
        order.updated_ns = at_ns
        self.outbox.note_order(order)
        self._say(order.data(self.identity.venue, market.instrument))

    def _end_reduce_only(self, symbol: str, at_ns: int) -> None:
        """Nothing is left to reduce."""
        if not self.orders.has_reduce_only:
            return
        for order in self.orders.of(symbol):
            if order.reduce_only and order.resting is not None:
                self._end(order, OrderStatus.CANCELED, "REDUCE_ONLY", at_ns)

    # -- checks -------------------------------------------------------------------------------

    def _market(self, symbol: str) -> Market:
        market = self.markets.get(symbol)
        if market is None:
            raise refusal(self.identity.venue, "SYMBOL_UNKNOWN", f"{symbol} is not traded here")
        return market

    def _check_id(self, client_order_id: str | None) -> None:
        if client_order_id is None:
            return
        taken = self.orders.find(None, client_order_id) is not None
        if not taken and self._profile.id_scope is IdScope.FOREVER:
            taken = self.outbox.has_unwritten(client_order_id)
            taken = taken or self._storage.has_client_order_id(client_order_id)
        if taken:
            raise DuplicateClientOrderId(
                f"{self.identity.venue} knows the client order id {client_order_id} already.",
                venue=self.identity.venue,
                code="DUPLICATE_CLIENT_ORDER_ID",
            )

    def _closable(self, order: PaperOrder) -> int:
        """Lots by which the order may bring its position nearer to zero."""
        holding = self.account.holdings[order.symbol]
        if holding.instrument.is_spot:
            held = self.account.cash.get(holding.instrument.base, ZERO)
            return int(held // holding.instrument.lot_size) if order.side is OrderSide.SELL else 0
        size = holding.position.size
        if not size or (size > 0) == (order.side is OrderSide.BUY):
            return 0
        return int(abs(size) // holding.instrument.lot_size)

    def _reduced(self, order: PaperOrder, found: Acceptance, market: Market) -> Acceptance:
        """What a reduce-only order may do of what matching would let it do."""
        closable = self._closable(order)
        is_excess = order.lots > closable
        if closable == 0 or (
            is_excess and self._profile.reduce_only_excess is ReduceOnlyExcess.REJECT
        ):
            raise refusal(
                self.identity.venue, "REDUCE_ONLY", "it would not bring the position nearer to zero"
            )
        left = closable * market.lot_parts
        kept: list[Execution] = []
        for execution in found.executions:
            amount = min(execution.amount, left)
            if amount > 0:
                kept.append(Execution(execution.price, amount))
                left -= amount
        if left == 0 and is_excess:
            return Acceptance(kept, Outcome.EXPIRED, "REDUCE_ONLY")
        return Acceptance(kept, found.outcome, found.code)

    def _check_funds(self, order: PaperOrder, found: Acceptance, market: Market) -> None:
        """Refuses what the account cannot carry."""
        instrument = market.instrument
        taken = ZERO
        lots = 0
        for execution in found.executions:
            part = execution.amount // market.lot_parts
            lots += part
            taken += instrument.notional(execution.price * market.unit, instrument.amount(part))
        rests = ZERO
        if found.outcome is Outcome.RESTS and order.price is not None:
            left = instrument.amount(order.lots - lots)
            rests = instrument.notional(order.price, left)
        if instrument.is_spot:
            amount = order.lots if found.outcome is Outcome.RESTS else lots
            self._check_spot(order, instrument, taken + rests, instrument.amount(amount))
            return
        fee = taken * fee_rate(instrument, Liquidity.TAKER)
        needed, there = self.account.room_for(order.symbol, order.side, taken + rests, fee)
        if needed > there:
            raise self._insufficient("INSUFFICIENT_MARGIN", needed, there, instrument.settle)

    def _check_spot(
        self, order: PaperOrder, instrument: Instrument, value: Decimal, amount: Decimal
    ) -> None:
        if order.side is OrderSide.BUY:
            needed = value + buy_fee_cushion(instrument, value)
            code, asset = "INSUFFICIENT_BALANCE", instrument.quote
        else:
            needed = amount
            code, asset = "SPOT_SHORT", instrument.base
        there = self.account.free(asset)
        if needed > there:
            raise self._insufficient(code, needed, there, asset)

    def _insufficient(
        self, code: str, needed: Decimal, there: Decimal, asset: str
    ) -> OrderRejected:
        venue = self.identity.venue
        return InsufficientFunds(
            f"{venue} refused the order: it needs {plain(+needed)} {asset}, free are"
            f" {plain(+max(there, ZERO))}.",
            venue=venue,
            code=code,
        )

    # -- liquidation --------------------------------------------------------------------------

    def _has_company(self, symbol: str) -> bool:
        """Whether another position shares the collateral, so that its mark counts too."""
        return len(self.markets) > 1 and any(
            holding.instrument.symbol != symbol and not holding.position.is_flat
            for holding in self.account.holdings.values()
        )

    def _may_liquidate(self, market: Market) -> bool:
        if self._has_company(market.symbol):
            return True
        low, high = self.liquidation_prices(market.symbol)
        mark = market.mark
        if mark is None:
            return False
        return (low is not None and mark <= low) or (high is not None and mark >= high)

    def _liquidate(self, cause: Market, at_ns: int) -> None:
        """Closes at market what can no longer be carried, orders first."""
        for _ in range(len(self.account.holdings)):
            symbol = self.account.to_liquidate(cause.symbol)
            if symbol is None:
                return
            self._close_by_force(self.markets[symbol], at_ns)

    def _close_by_force(self, market: Market, at_ns: int) -> None:
        size = self.account.holdings[market.symbol].position.size
        log.warning("position.liquidated symbol=%s size=%s", market.symbol, plain(size))
        for order in self.orders.of(market.symbol):
            self._end(order, OrderStatus.CANCELED, "LIQUIDATION", at_ns)
        new = NewOrder(
            symbol=market.symbol,
            side=OrderSide.SELL if size > 0 else OrderSide.BUY,
            order_type=OrderType.MARKET,
            amount=abs(size),
        )
        sized = Sized(lots=market.instrument.lots(abs(size)), ticks=0)
        order, resting = self._order(new, sized, market, at_ns)
        self._next_order += 1
        order.reason = "LIQUIDATION"
        found = market.matcher.judge(resting, market.prices())
        self.orders.add(order)
        self.outbox.note_order(order)
        self._say(order.data(self.identity.venue, market.instrument))
        assets: set[str] = set()
        for execution in found.executions:
            price = execution.price * market.unit
            lots = execution.amount // market.lot_parts
            assets.update(self._execute(order, price, lots, Liquidity.TAKER, at_ns))
        mark = market.mark
        if order.remaining and mark is not None:
            # Beyond the known depth the venue takes the position over at mark.
            assets.update(self._execute(order, mark, order.remaining, Liquidity.TAKER, at_ns))
        self._report(market.symbol, assets, at_ns)

    # -- saying and writing -------------------------------------------------------------------

    def _say(self, data: UserData) -> None:
        self.outbox.say(partial(self._private.tell, data))

    def _report(self, symbol: str, assets: Iterable[str], at_ns: int) -> None:
        """After what happened: the position and balances that it led to."""
        moved = sorted(assets)
        if not moved:
            return
        notes = self.outbox.notes
        notes.cash.update(moved)
        is_spot = self.account.holdings[symbol].instrument.is_spot
        if not is_spot and self._private.wants(PositionData):
            self._say(self.position_data(symbol, at_ns))
        if self._private.wants(BalanceData):
            for balance in self.account.balances(self.identity.venue, at_ns, moved):
                self._say(balance)

    def _note_ahead(self, market: Market, notes: Notes) -> None:
        """Rows since the last flush may have eaten into what stands ahead of resting orders."""
        for resting in market.matcher:
            order = self.orders.numbered(resting.number)
            if order is not None and order.stored_ahead != resting.ahead:
                notes.orders[order.number] = order

    def _add_order_row(self, batch: Batch, order: PaperOrder) -> None:
        market = self.markets[order.symbol]
        ahead = ZERO
        if order.resting is not None and order.resting.ahead:
            ahead = order.resting.ahead * market.part
        order.stored_ahead = 0 if order.resting is None else order.resting.ahead
        if order.is_stored:
            batch.changed_orders.append(changed_order_row(order, market.instrument, ahead))
        else:
            order.is_stored = True
            batch.new_orders.append(new_order_row(order, market.instrument, ahead))

    def _moved(self, market: Market) -> bool:
        """Whether the file knows another place of the feed, or another position."""
        holding = self.account.holdings[market.symbol]
        now = (market.next_row, holding.position, holding.leverage, holding.margin_mode)
        was, self._written[market.symbol] = self._written.get(market.symbol), now
        return was != now

    def _market_row(self, market: Market) -> tuple[Cell, ...]:
        holding = self.account.holdings[market.symbol]
        stored = StoredMarket(
            position=holding.position,
            leverage=holding.leverage,
            margin_mode=holding.margin_mode,
            feed=market.feed.name,
            feed_position=market.position(),
        )
        return market_row(market.symbol, stored)


def _cut(order: PaperOrder, fractions: tuple[Decimal, ...]) -> tuple[int, ...]:
    """Fractions of an order as lots, at least one each."""
    return tuple(max(1, int(order.lots * fraction)) for fraction in fractions)
