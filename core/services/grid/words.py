"""Diary lines as sentences for the message line; empty for what a person need not be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

Value = str | int | bool | None

ALARM: Final = "bot.alarm"
"""Somebody must look; `code` says at what (docs/runbook.md)."""

ERRORS: Final = frozenset(
    {
        ALARM,
        "bot.clock_jumped",
        "foreign.order",
        "foreign.position",
        "grid.degraded",
        "grid.initial_fill_refused",
        "grid.nothing_to_close",
        "grid.refused",
        "grid.slot_parked",
        "feed.rules_changed",
        "order.rejected",
        "protection.blind",
        "order.unknown",
        "grid.position_missing",
        "risk.daily_loss_reached",
        "risk.denied",
        "risk.halted",
    }
)
"""Lines that stay until they are read."""

NOTABLE: Final = frozenset(
    {
        ALARM,
        "bot.started",
        "bot.stopped",
        "grid.degraded",
        "grid.nothing_to_close",
        "grid.reset",
        "grid.position_found",
        "grid.position_missing",
        "protection.blind",
        "protection.triggered",
        "risk.halted",
    }
)
"""Moments of which a person is told with `enable_notifications`: the terminal's bell rings."""


def message_of(event: str, fields: Mapping[str, Value]) -> str:
    """One diary line in words."""
    sentence = SENTENCES.get(event)
    return "" if sentence is None else sentence(fields)


def _filled(fields: Mapping[str, Value]) -> str:
    level = fields.get("level")
    text = f"{fields['side']} filled {fields['amount']} @ {fields['price']}"
    if level is not None:
        text += f"  level {level}"
    trip = fields.get("round_trip")
    return text if trip is None else f"{text}  round trip {trip}"


def _denied(fields: Mapping[str, Value]) -> str:
    text = f"not sent: {fields.get('code')}"
    limit, value = fields.get("limit"), fields.get("value")
    return text if limit is None else f"{text}, {value} > {limit}"


def _of_order(verb: str) -> Callable[[Mapping[str, Value]], str]:
    def sentence(fields: Mapping[str, Value]) -> str:
        text = f"{fields.get('side') or 'order'} {verb}"
        if fields.get("price") is not None:
            text += f" @ {fields['price']}"
        if fields.get("level") is not None:
            text += f"  level {fields['level']}"
        code = fields.get("code")
        return f"{text}  {code}" if code else text

    return sentence


def _protection(verb: str) -> Callable[[Mapping[str, Value]], str]:
    def sentence(fields: Mapping[str, Value]) -> str:
        name = str(fields.get("protection")).replace("_", " ")
        return f"{name} {verb}: {fields.get('reason')}"

    return sentence


def _reset(fields: Mapping[str, Value]) -> str:
    return f"grid built anew: {fields.get('reason')}"


SENTENCES: Final[dict[str, Callable[[Mapping[str, Value]], str]]] = {
    "order.filled": _filled,
    "order.rejected": _of_order("refused"),
    "order.unknown": _of_order("did not answer, checking with the venue; not resending"),
    "order.resolved": _of_order("found out about"),
    "risk.denied": _denied,
    "risk.daily_loss_reached": lambda fields: (
        f"the day's loss limit of {fields.get('limit')} is reached: only exits are sent"
    ),
    "feed.rules_changed": lambda fields: (
        f"the venue changed {fields.get('symbol')}: {fields.get('change')}; start it again so that "
        "its ladder follows"
    ),
    "risk.halted": lambda _: "halted: nothing new is sent",
    "risk.released": lambda _: "released: orders may be sent again",
    "grid.built": lambda fields: f"ladder of {fields.get('levels')} levels built",
    "grid.reset": _reset,
    "grid.waiting": lambda fields: f"starts at {fields.get('trigger_price')}",
    "grid.triggered": lambda fields: f"{fields.get('trigger_price')} is reached",
    "grid.trailed": lambda fields: (
        f"level {fields.get('level')} moved from {fields.get('old_price')} to "
        f"{fields.get('new_price')}, cost {fields.get('cost')}"
    ),
    "grid.grown": lambda fields: f"level {fields.get('level')} added at {fields.get('price')}",
    "grid.compounded": lambda fields: f"orders grew: capital {fields.get('capital')}",
    "grid.refused": lambda fields: f"no ladder: {fields.get('reason')}",
    "grid.degraded": lambda fields: f"still open, trying again: {fields.get('position')}",
    "grid.nothing_to_close": lambda fields: (
        f"no order closes our {fields.get('position')}: it is not tried again"
    ),
    "grid.initial_fill_refused": _of_order("refused, the slots wait"),
    "grid.slot_delayed": _of_order("refused, tried again later"),
    "grid.slot_parked": _of_order("refused, the slot is parked until you resume"),
    "grid.edited": lambda fields: (
        f"edited by {fields.get('by')}: {fields.get('cancelled')} orders cancelled, "
        f"{fields.get('kept')} kept"
    ),
    "grid.held": lambda fields: f"holding: {fields.get('reason')}",
    "grid.paused": lambda _: "paused: orders stay, nothing new is sent",
    "grid.resumed": lambda _: "resumed",
    "protection.armed": _protection("armed"),
    "protection.triggered": _protection("triggered"),
    "protection.cleared": _protection("cleared"),
    "protection.blind": _protection("cannot see"),
    "protection.doubted": _protection("asks the venue"),
    "grid.position_found": lambda _: "the venue holds what our fills say, or more",
    "grid.position_missing": lambda fields: (
        f"the venue holds less than our fills say, by {fields.get('difference')}: no entry is sent"
    ),
    "feed.ended": lambda _: "the feed has ended",
    ALARM: lambda fields: f"{fields.get('code')}: {fields.get('text')}",
    "bot.clock_jumped": lambda fields: (
        f"this machine's clock jumped by {fields.get('seconds')} s: nothing is sent before the "
        "venue has told its time"
    ),
    "bot.clock_set": lambda fields: (
        f"our clock was moved by {fields.get('seconds')} s: the venue agrees with it now"
    ),
    "foreign.order": lambda _: "an order on this account is not ours: it is left alone",
    "foreign.position": lambda _: "the account holds more than our own fills: it is left alone",
    "funding.paid": lambda fields: f"funding {fields.get('amount')}",
    "bot.stopped": lambda fields: f"stopped: {fields.get('text')}",
}
"""Event -> its sentence. A screen in another language has its own, from the same fields."""
