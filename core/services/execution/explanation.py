"""Why an order was made and what came of it, read from the journal and from nothing else.

What a journal holds of an order: the intent with the rule and the inputs that made it, what was
learned about it meanwhile, its executions, or the refusal of risk instead of all that. The orders
of the same level around it are the history of its slot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import from_ns, plain
from core.domain.commands import Role
from core.domain.lifecycle import OrderState
from core.errors import CtosError
from core.services.execution.snapshot import (
    ExplainedFill,
    Explanation,
    Learned,
    Refusal,
    SlotOrder,
)
from core.services.execution.tracked import LEG_OF
from core.services.ports import BotRow, DenialRow, FillRow, Journal, StoredIntent

NEIGHBOURS: Final = 4
"""Orders of the slot that are shown before this one and after it."""


def explain(journal: Journal, order: str, bot: str | None = None) -> Explanation:
    """Why an order was made, and what came of it.

    Args:
        journal: In which it is.
        order: Our id, or the venue's.
        bot: Name of its bot, where the venue's id is that of several.

    Raises:
        CtosError: If the journal knows no such order, or several.
    """
    bots = {row.bot_id: row for row in journal.bots()}
    found = journal.intent(order)
    if found is None:
        denial = journal.denial(order)
        if denial is not None and denial.bot_id in bots:
            return _of_denial(journal, bots[denial.bot_id], denial)
        found = _by_venue_id(journal, order, bots, bot)
    return _of_intent(journal, bots[found.intent.bot_id], found)


def _by_venue_id(
    journal: Journal, order: str, bots: Mapping[str, BotRow], bot: str | None
) -> StoredIntent:
    named = journal.intents_named(order) if order else []
    if bot is not None:
        named = [item for item in named if bots[item.intent.bot_id].name == bot]
    if not named:
        raise UnknownOrder(
            f"no order {order[:64]!r} is on record.",
            remedy="Name it by its client order id or the venue's id, whole.",
        )
    if len(named) > 1:
        ids = ", ".join(item.intent.client_order_id for item in named)
        raise CtosError(
            f"{len(named)} orders have the id {order[:64]!r} at their venues.",
            remedy=f"Name it by its client order id: {ids}.",
        )
    return named[0]


class UnknownOrder(CtosError):
    """The journal knows no such order."""


def _of_intent(journal: Journal, bot: BotRow, stored: StoredIntent) -> Explanation:
    intent = stored.intent
    identity = intent.client_order_id
    rows = journal.fills(identity)
    fills = tuple(_fill(journal, bot, row) for row in rows)
    history = tuple(_slot_order(item) for item in journal.neighbours(identity, NEIGHBOURS))
    return Explanation(
        bot=bot.name,
        venue=intent.venue,
        symbol=intent.symbol,
        client_order_id=identity,
        order_id=stored.order_id,
        at=from_ns(intent.created_ns),
        rule=intent.rule,
        inputs=tuple((str(name), str(value)) for name, value in json.loads(intent.inputs)),
        leg=_leg(intent.role),
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        price=None if intent.price is None else Decimal(intent.price),
        amount=Decimal(intent.amount),
        filled=Decimal(stored.applied or "0"),
        level=intent.level,
        state=stored.state,
        code=stored.code,
        fills=fills,
        learned=tuple(
            Learned(at=from_ns(row.at_ns), kind=row.kind, detail=row.detail)
            for row in journal.evidence(identity)
        ),
        history=history,
        outcome=_outcome(stored, fills, history),
    )


def _of_denial(journal: Journal, bot: BotRow, denial: DenialRow) -> Explanation:
    told = _line(journal, bot, denial.at_ns, "risk.denied", denial.client_order_id)
    limit = "" if denial.limit is None else f": {denial.value} is beyond {denial.limit}"
    return Explanation(
        bot=bot.name,
        venue=bot.venue,
        symbol=bot.symbol,
        client_order_id=denial.client_order_id,
        at=from_ns(denial.at_ns),
        rule=str(told.get("reason") or ""),
        leg=str(told.get("leg") or ""),
        side=str(told.get("side") or ""),
        price=_decimal(told.get("price")),
        amount=_decimal(told.get("amount")),
        level=told.get("level"),
        state="DENIED",
        code=denial.code,
        refusal=Refusal(code=denial.code, limit=denial.limit, value=denial.value),
        outcome=f"Refused by risk with {denial.code}{limit}; it was never sent.",
    )


def _fill(journal: Journal, bot: BotRow, row: FillRow) -> ExplainedFill:
    told = _line(journal, bot, row.applied_ns, "order.filled", row.client_order_id, row.trade_id)
    return ExplainedFill(
        at=from_ns(row.at_ns),
        price=Decimal(row.price),
        amount=Decimal(row.amount),
        fee=Decimal(row.fee_quote),
        trade_id=row.trade_id,
        is_maker=None if row.is_maker is None else bool(row.is_maker),
        round_trip=_decimal(told.get("round_trip")),
    )


def _line(
    journal: Journal, bot: BotRow, at_ns: int, event: str, order: str, trade: str | None = None
) -> dict[str, Any]:
    """What the diary said of an order at a moment; empty where it said nothing."""
    for row in journal.diary_at(bot.bot_id, at_ns):
        if row.event == event:
            fields: dict[str, Any] = json.loads(row.fields)
            if fields.get("client_order_id") == order and trade in {None, fields.get("trade_id")}:
                return fields
    return {}


def _slot_order(stored: StoredIntent) -> SlotOrder:
    intent = stored.intent
    return SlotOrder(
        client_order_id=intent.client_order_id,
        at=from_ns(intent.created_ns),
        leg=_leg(intent.role),
        side=intent.side,
        price=None if intent.price is None else Decimal(intent.price),
        amount=Decimal(intent.amount),
        filled=Decimal(stored.applied or "0"),
        state=stored.state,
        rule=intent.rule,
    )


def _outcome(
    stored: StoredIntent, fills: tuple[ExplainedFill, ...], history: tuple[SlotOrder, ...]
) -> str:
    state = OrderState(stored.state)
    amount = f"{plain(Decimal(stored.applied or '0'))} of {stored.intent.amount}"
    if state is OrderState.FILLED or (fills and state.is_final):
        text = f"{amount} filled"
        earned = [item.round_trip for item in fills if item.round_trip is not None]
        if earned:
            text += f"; its round trip earned {plain(sum(earned, Decimal(0)))} after fees"
        ids = [item.client_order_id for item in history]
        place = ids.index(stored.intent.client_order_id) if ids else -1
        if 0 <= place < len(history) - 1:
            after = history[place + 1]
            price = "market" if after.price is None else plain(after.price)
            text += f"; then came {after.client_order_id}, {after.leg} {after.side} at {price}"
        return f"{text}."
    code = f" ({stored.code})" if stored.code else ""
    return {
        OrderState.INTENT: "It was decided and has not left yet.",
        OrderState.SENT: "It is on its way; the venue has not answered yet.",
        OrderState.ACKED: "It rests at the venue with nothing filled.",
        OrderState.UNKNOWN: "It did not answer; the venue is being asked, and it is not resent.",
        OrderState.CANCELED: f"It was cancelled{code} with nothing filled.",
        OrderState.NOT_PLACED: "It was proved never to have reached the venue.",
    }.get(state, f"It is {state.value.lower()}{code}; {amount} filled so far.")


def _leg(role: str) -> str:
    return LEG_OF[Role(role)]


def _decimal(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, str) else None
