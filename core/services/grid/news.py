"""What a person is to hear of a bot: its newest line, and what calls for a look until it is over.

An alarm stays although later lines come, because it has to be read. What it told of may end by
itself: the clock agrees again, the order was found, the journal can be written. Then it calls
nobody any more, and a screen that shows it as the present would be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.services.grid.snapshot import Fields
from core.services.grid.words import ALARM, ERRORS, NOTABLE, SENTENCES, Value, message_of

OVER: Final = "bot.alarm_over"
"""What an alarm told of has ended; `code` says which."""
_ENDS: Final[dict[str, frozenset[str]]] = {
    "bot.clock_set": frozenset({"bot.clock_jumped", "CLOCK_DIFFERS"}),
    "grid.held": frozenset({"grid.degraded"}),
    "grid.position_found": frozenset({"grid.position_missing"}),
    "grid.reset": frozenset({"grid.degraded"}),
    "order.resolved": frozenset({"order.unknown", "UNRESOLVED"}),
    "risk.released": frozenset({"risk.halted", "risk.daily_loss_reached"}),
}
"""Line -> lines, or codes of alarms, that are over with it."""
_LASTING: Final = frozenset().union(*_ENDS.values())
"""Lines that tell of a state: they call for a look as long as it lasts, others when they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line, kept as it was written."""

    at_ns: int
    event: str
    fields: Fields

    @property
    def name(self) -> str:
        """The code of an alarm, else the event."""
        return str(self.value("code")) if self.event == ALARM else self.event

    @property
    def text(self) -> str:
        """In English words."""
        return message_of(self.event, dict(self.fields))

    @property
    def is_error(self) -> bool:
        """Whether it stays until it is read."""
        return self.event in ERRORS

    def value(self, name: str) -> Value:
        """One of its fields; None where it has none of this name."""
        return next((value for key, value in self.fields if key == name), None)


class News:
    """The newest line of a bot, and its newest alarm that is not over."""

    __slots__ = ("alarm", "bells", "newest")

    def __init__(self) -> None:
        self.newest: Told | None = None
        self.alarm: Told | None = None
        """The newest line that must be looked at; None once what it told of has ended."""
        self.bells = 0
        """Moments so far of which a person is to be told."""

    def hear(self, at_ns: int, event: str, fields: Fields, *, rings: bool) -> None:
        """Takes in a line of the diary.

        Args:
            at_ns: When.
            event: Its name.
            fields: What it says.
            rings: Whether a person wants to be told of notable moments.
        """
        if rings and event in NOTABLE:
            self.bells += 1
        told = Told(at_ns=at_ns, event=event, fields=fields)
        self._end(told)
        if event in SENTENCES:
            self.newest = told
            is_called = self.alarm is not None and self.alarm.event == ALARM
            if event == ALARM or (event in _LASTING and not is_called):
                self.alarm = told

    def over(self, *names: str) -> None:
        """What these alarms told of has ended."""
        if self.alarm is not None and self.alarm.name in names:
            self.alarm = None
        if self.newest is not None and self.newest.is_error and self.newest.name in names:
            self.newest = None

    def _end(self, told: Told) -> None:
        if told.event == OVER:
            self.over(str(told.value("code")))
        elif told.event == "reconciled":
            if not told.value("unknown"):
                self.over("order.unknown", "UNRESOLVED")
            if told.value("position_difference") == "0":
                self.over("POSITION_DIFFERS")
        elif told.event == "order.resolved":
            alarm = self.alarm
            identity = str(told.value("client_order_id"))
            if alarm is not None and any(identity in str(value) for _, value in alarm.fields):
                self.over(*_ENDS[told.event])
        elif told.event in _ENDS:
            self.over(*_ENDS[told.event])
