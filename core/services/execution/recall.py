"""What a start makes of the journal: who the bot was, what it left, and what it may resume."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from core.adapters.exchanges.models import OrderSide, OrderType, TimeInForce
from core.domain.commands import PlaceOrder, Reason, Role
from core.domain.events import OrderEnded
from core.domain.lifecycle import OrderState, final_status
from core.errors import ConfigError
from core.services.execution.desk import Desk
from core.services.execution.tracked import BotBook, Ledger, TrackedOrder
from core.services.gateway import LIFE_KEY, BotSpec
from core.services.ports import (
    BotRow,
    FundingTotalRow,
    Journal,
    StateRow,
    StoredIntent,
    Transaction,
)


def opening(
    desk: Desk,
    bot: BotBook,
    row: BotRow | None,
    stored: list[StoredIntent],
    *,
    is_new: bool,
) -> Transaction:
    """What a start writes: who runs, and for a new life that the old one is over."""
    spec, now_ns = bot.spec, desk.clock.now_ns()
    bot.created_ns = now_ns if row is None else row.created_ns
    transaction = Transaction(
        bots=[
            BotRow(
                spec.bot_id,
                spec.name,
                spec.app,
                spec.mode,
                spec.venue,
                bot.account,
                spec.symbol,
                spec.order_prefix,
                json.dumps(dict(spec.fingerprint), sort_keys=True),
                spec.config,
                0,
                bot.created_ns,
                now_ns,
            )
        ]
    )
    if is_new:
        bot.began_ns = now_ns
        transaction.states.append(StateRow(spec.bot_id, LIFE_KEY, str(now_ns)))
    if is_new and row is not None:
        transaction.cleared.append(spec.bot_id)
        transaction.settled.extend(item.intent.client_order_id for item in stored)
        transaction.settled.extend(
            item.client_order_id for item in desk.journal.denials(spec.bot_id)
        )
        bot.ledger = Ledger(position=bot.ledger.position)  # dust under a lot stays ours
        transaction.ledgers.append(bot.ledger.row(spec.bot_id, now_ns))
        transaction.funding_totals.append(FundingTotalRow(spec.bot_id, "0", now_ns))
    return transaction


def restore(desk: Desk, bot: BotBook, item: StoredIntent) -> TrackedOrder:
    """An order as the journal knows it, followed from now on."""
    intent, instrument = item.intent, bot.instrument
    command = PlaceOrder(
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        side=OrderSide(intent.side),
        order_type=OrderType(intent.order_type),
        price=None if intent.price is None else instrument.ticks(Decimal(intent.price)),
        amount=instrument.lots(Decimal(intent.amount)),
        time_in_force=TimeInForce(intent.time_in_force),
        post_only=bool(intent.post_only),
        reduce_only=bool(intent.reduce_only),
        role=Role(intent.role),
        level=intent.level,
        reason=Reason(intent.rule, tuple((key, value) for key, value in json.loads(intent.inputs))),
    )
    order = TrackedOrder(bot, command, intent.created_ns, intent.deadline_ns)
    order.state = OrderState(item.state)
    order.order_id = item.order_id
    order.code = item.code
    order.cancel_wanted = bool(item.cancel_wanted)
    order.trades = set(desk.journal.trade_ids(intent.client_order_id))
    order.delivered = instrument.lots(Decimal(item.applied))
    order.reported = max(order.delivered, instrument.lots(Decimal(item.filled)))
    order.is_accepted = not order.state.is_unproved
    desk.manager.add(order)
    order.is_ended = order.state.is_final and order.is_complete
    if order.is_ended:
        bot.release(order)
    return order


def tell_end(desk: Desk, order: TrackedOrder, at_ns: int) -> None:
    """Hands over again an end that the bot may not have taken in."""
    status = final_status(order.state)
    event = OrderEnded(
        at_ns=at_ns,
        client_order_id=order.client_order_id,
        status=status,
        filled=order.delivered,
        code=order.code,
        is_ours=order.cancel_wanted and order.state is OrderState.CANCELED,
    )
    order.bot.ends[order.client_order_id] = order.bot.post(event)
    desk.manager.forget(order)


def refuse_shared_prefix(journal: Journal, spec: BotSpec) -> None:
    """Two bots whose ids could not be told apart.

    Raises:
        ConfigError: With what to change.
    """
    for other in journal.bots():
        if other.order_prefix == spec.order_prefix and other.bot_id != spec.bot_id:
            raise ConfigError(
                f"the name {spec.name} gives the same order ids as {other.name}.",
                key="name",
                remedy="Give this bot another name.",
            )


def refuse_difference(row: BotRow, spec: BotSpec) -> None:
    """A resume with other values than the open slots were made with.

    Raises:
        ConfigError: With the difference and the ways out.
    """
    if spec.is_difference_accepted:
        return
    before: Mapping[str, str] = json.loads(row.fingerprint)
    after = spec.fingerprint
    differences = [
        f"{key} was {before.get(key, 'unset')}, is {after.get(key, 'unset')}"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]
    if differences:
        raise ConfigError(
            f"{spec.name} has open slots of another configuration: {'; '.join(differences)}.",
            remedy=(
                f"Carry them over with `ctos edit {spec.name} FILE`, end the old one with"
                f" `ctos stop {spec.name}`, close it at this start with `--on-start flatten`,"
                " or write the old values again."
            ),
        )


def is_over(item: StoredIntent) -> bool:
    """Whether nothing more can come of a stored order at the venue."""
    return OrderState(item.state).is_final and Decimal(item.applied) >= Decimal(item.filled)


def differs(row: BotRow, spec: BotSpec) -> bool:
    """Whether the last start had other values where a resume must agree."""
    return bool(json.loads(row.fingerprint) != dict(spec.fingerprint))
