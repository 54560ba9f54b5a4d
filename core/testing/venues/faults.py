"""What can go wrong on the wire between a client and a venue, on demand and the same every time.

The names of requests and messages are the same at every venue, so that one story serves all.
Requests: `create_order`, `cancel_order`, `cancel_all_orders`, `get_order`, `get_open_orders`,
`get_order_history`, `get_fills`, `get_positions`, `get_balances`, `get_orderbook`, … as the port's
methods are called; `*` is any. Messages: `Kind`.

    faults.lose_request("create_order")          T1: never reaches matching, the connection ends
    faults.lose_answer("create_order")           T2, T3: done, but the answer is lost
    faults.lose_answer(how=Loss.SILENCE)         the same, and the connection stays open
    faults.fail("create_order", status=503)      T4, before or after acceptance
    faults.html() / truncate() / huge()          T4: a body that is no answer
    faults.limit("create_order", retry_after_s=2, status=418)   T10, T11
    faults.maintenance()                         V23: everything is 503
    faults.mix("create_order")                   T5: two answers reach each other's requests
    faults.alter_answer("get_ticker", change)    an answer with something else in it
    faults.delay("create_order", seconds=3)      arrives late
    faults.delay_answer(seconds=3)               arrives at once, is answered late
    faults.lag("get_open_orders", seconds=2)     V29: a list that lags behind the engine
    faults.stale_snapshot(changes=3)             D1: a depth older than the stream
    faults.drop(Kind.BOOK)                       D1: a gap, since numbers are given before
    faults.drop / duplicate / hold / swap(kind)  T18, V1, V2, V6
    faults.alter(Kind.FILL, change)              V7, D6, D7: a message with something else in it
    faults.silence(*PRIVATE_KINDS)               T14, T16: pongs go on, data does not
    faults.half_open()                           nothing goes in or out any more
    faults.clock_offset_s = 90                   the venue's clock is wrong
    venue.floor.faults.cut / fill_first          V4, V5: fills in parts, the fill beats the cancel
    await venue.go_down() / come_back()          T9: connections are refused for a while
    venue.kill_sockets() / mute_sockets()        T13; the sockets of now go silent, new ones speak

Times that stand still (T15) are a venue on a `ManualClock` beside a client on the wall's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

ALWAYS: Final = 1 << 62
_HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body>cloud</body></html>"
_HUGE: Final = 64 * 1024 * 1024
"""Bytes of a body that nobody should read to its end."""


class Kind(StrEnum):
    """What a pushed message is about."""

    BOOK = "book"
    QUOTE = "quote"
    TRADE = "trade"
    TICKER = "ticker"
    MARK = "mark"
    CANDLE = "candle"
    ORDER = "order"
    FILL = "fill"
    """An execution, with the order where the venue tells both in one."""
    ACCOUNT = "account"
    """Positions and balances."""
    FUNDING = "funding"


PRIVATE_KINDS: Final = (Kind.ORDER, Kind.FILL, Kind.ACCOUNT, Kind.FUNDING)


class Loss(StrEnum):
    """How an answer is lost."""

    RESET = "reset"
    """The connection ends."""
    SILENCE = "silence"
    """The connection stays; nothing comes until the venue closes."""


class Fault(StrEnum):
    """Kinds of faults, as they are counted."""

    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    DELAY_ANSWER = "delay_answer"
    ANSWER = "answer"
    TRUNCATE = "truncate"
    MIX = "mix"
    ALTER = "alter"
    LAG = "lag"
    STALE = "stale"
    DROP = "drop"
    DUPLICATE = "duplicate"
    HOLD = "hold"
    SWAP = "swap"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to a request; `body` is encoded as JSON unless it is bytes."""

    body: object
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as a server reads it, over HTTP or on a socket."""

    name: str
    """As the port calls it, or the venue's word for what the port does not have."""
    method: str
    """HTTP verb; empty on a socket."""
    path: str
    query: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A pushed message, before it is sent to one socket."""

    kind: Kind
    payload: object


@dataclass(slots=True, kw_only=True)
class Rule:
    """One armed fault; `cancel()` disarms it."""

    fault: Fault
    matches: Callable[[Call | Message], bool]
    times: int
    seconds: float = 0.0
    answer: Answer | None = None
    how: Loss = Loss.RESET
    after_acceptance: bool = False
    changes: int = 0
    change: Callable[[Any], object] | None = None

    def cancel(self) -> None:
        """Disarms the rule."""
        self.times = 0


class Faults:
    """The switchboard of one loopback venue."""

    def __init__(self) -> None:
        self.fired: Counter[Fault] = Counter()
        """How often each kind has acted."""
        self.clock_offset_s = 0.0
        """How far the venue's clock is ahead of the true one."""
        self.is_half_open = False
        self._calls: list[Rule] = []
        self._reads: list[Rule] = []
        self._messages: list[Rule] = []

    def clear(self) -> None:
        """Disarms everything; the counters stay."""
        for rules in (self._calls, self._reads, self._messages):
            rules.clear()
        self.clock_offset_s = 0.0
        self.is_half_open = False

    # -- requests -----------------------------------------------------------------------------

    def lose_request(
        self, name: str = "create_order", *, times: int = 1, how: Loss = Loss.RESET
    ) -> Rule:
        """The request has no effect and no answer."""
        return self._on_call(Fault.LOSE_REQUEST, name, times, how=how)

    def lose_answer(
        self, name: str = "create_order", *, times: int = 1, how: Loss = Loss.RESET
    ) -> Rule:
        """The request takes effect, its answer is lost."""
        return self._on_call(Fault.LOSE_ANSWER, name, times, how=how)

    def delay(self, name: str = "create_order", *, seconds: float, times: int = 1) -> Rule:
        """The request takes effect so much later, and is answered then."""
        return self._on_call(Fault.DELAY, name, times, seconds=seconds)

    def delay_answer(self, name: str = "create_order", *, seconds: float, times: int = 1) -> Rule:
        """The request takes effect at once, and is answered so much later."""
        return self._on_call(Fault.DELAY_ANSWER, name, times, seconds=seconds)

    def answer(
        self,
        name: str = "create_order",
        answer: Answer | None = None,
        *,
        times: int = 1,
        after_acceptance: bool = False,
    ) -> Rule:
        """Another answer than the venue's, with or without effect."""
        return self._on_call(
            Fault.ANSWER, name, times, answer=answer, after_acceptance=after_acceptance
        )

    def fail(
        self,
        name: str = "create_order",
        *,
        status: int = 503,
        body: object = b"",
        times: int = 1,
        after_acceptance: bool = False,
    ) -> Rule:
        """A 5xx, which proves nothing."""
        return self.answer(
            name, Answer(body, status), times=times, after_acceptance=after_acceptance
        )

    def limit(
        self,
        name: str = "create_order",
        *,
        retry_after_s: int = 1,
        status: int = 429,
        body: object = b"",
        times: int = 1,
    ) -> Rule:
        """429, or 418 for a ban, with `Retry-After`, before matching."""
        headers = {"Retry-After": str(retry_after_s)}
        return self.answer(name, Answer(body, status, headers), times=times)

    def html(
        self,
        name: str = "create_order",
        *,
        status: int = 200,
        times: int = 1,
        after_acceptance: bool = False,
    ) -> Rule:
        """A page that a proxy put in the answer's place."""
        page = Answer(_HTML, status, {"Content-Type": "text/html"})
        return self.answer(name, page, times=times, after_acceptance=after_acceptance)

    def huge(self, name: str = "create_order", *, size: int = _HUGE, times: int = 1) -> Rule:
        """A body of so many bytes."""
        return self.answer(name, Answer(b"[" + b" " * (size - 2) + b"]"), times=times)

    def truncate(self, name: str = "create_order", *, times: int = 1) -> Rule:
        """The request takes effect; half of its answer's body comes, and the connection ends."""
        return self._on_call(Fault.TRUNCATE, name, times)

    def mix(self, name: str = "create_order") -> Rule:
        """The next two requests take effect, and each gets the other's answer."""
        return self._on_call(Fault.MIX, name, 2)

    def alter_answer(self, name: str, change: Callable[[Any], object], *, times: int = 1) -> Rule:
        """The request takes effect; its body is what `change` makes of it."""
        return self._on_call(Fault.ALTER, name, times, change=change)

    def maintenance(self, *, body: object = b"", times: int = ALWAYS) -> Rule:
        """Every request is answered with 503."""
        return self.fail("*", status=503, body=body, times=times)

    # -- reads --------------------------------------------------------------------------------

    def lag(self, name: str = "*", *, seconds: float | None = None, times: int = ALWAYS) -> Rule:
        """A list does not show what is younger than `seconds` (None: anything) yet."""
        return self._on_read(Fault.LAG, name, times, seconds=-1.0 if seconds is None else seconds)

    def stale_snapshot(
        self, name: str = "get_orderbook", *, changes: int = 3, times: int = 1
    ) -> Rule:
        """The depth is so many changes older than the stream."""
        return self._on_read(Fault.STALE, name, times, changes=changes)

    # -- messages -----------------------------------------------------------------------------

    def drop(
        self,
        kind: Kind | None = None,
        *,
        times: int = 1,
        when: Callable[[object], bool] | None = None,
    ) -> Rule:
        """The message is never sent; numbers go on."""
        return self._on_message(Fault.DROP, kind, times, when)

    def duplicate(
        self,
        kind: Kind | None = None,
        *,
        times: int = 1,
        when: Callable[[object], bool] | None = None,
    ) -> Rule:
        """The message is sent twice."""
        return self._on_message(Fault.DUPLICATE, kind, times, when)

    def hold(
        self,
        kind: Kind | None = None,
        *,
        seconds: float,
        times: int = 1,
        when: Callable[[object], bool] | None = None,
    ) -> Rule:
        """The message is sent so much later; others overtake it."""
        return self._on_message(Fault.HOLD, kind, times, when, seconds=seconds)

    def swap(
        self,
        kind: Kind | None = None,
        *,
        times: int = 1,
        when: Callable[[object], bool] | None = None,
    ) -> Rule:
        """The message is sent after the next one."""
        return self._on_message(Fault.SWAP, kind, times, when)

    def alter(
        self,
        kind: Kind,
        change: Callable[[Any], object],
        *,
        times: int = 1,
        when: Callable[[object], bool] | None = None,
    ) -> Rule:
        """What is sent is what `change` makes of the message."""
        rule = self._on_message(Fault.ALTER, kind, times, when)
        rule.change = change
        return rule

    def silence(self, *kinds: Kind, times: int = ALWAYS) -> list[Rule]:
        """Sockets stay, answer and pong, but push nothing, or nothing of these kinds."""
        chosen: tuple[Kind | None, ...] = kinds or (None,)
        return [self._on_message(Fault.SILENCE, kind, times, None) for kind in chosen]

    def half_open(self) -> None:
        """Sockets hear nothing and say nothing, pongs included, as when the other end is gone."""
        self.is_half_open = True

    # -- asked by the server ------------------------------------------------------------------

    def on_call(self, call: Call) -> Rule | None:
        """The rule that acts on a request, if any."""
        return self._fire(self._calls, call)

    def on_read(self, call: Call, fault: Fault) -> Rule | None:
        """The rule that makes a read lag or stale, if any."""
        rules = [rule for rule in self._reads if rule.fault is fault]
        return self._fire(rules, call)

    def on_message(self, message: Message) -> Rule | None:
        """The rule that acts on a pushed message, if any."""
        return self._fire(self._messages, message)

    # -- inside -------------------------------------------------------------------------------

    def _on_call(
        self,
        fault: Fault,
        name: str,
        times: int,
        *,
        seconds: float = 0.0,
        answer: Answer | None = None,
        how: Loss = Loss.RESET,
        after_acceptance: bool = False,
        change: Callable[[Any], object] | None = None,
    ) -> Rule:
        rule = Rule(
            fault=fault,
            matches=_named(name),
            times=times,
            seconds=seconds,
            answer=answer,
            how=how,
            after_acceptance=after_acceptance,
            change=change,
        )
        self._calls.append(rule)
        return rule

    def _on_read(
        self, fault: Fault, name: str, times: int, *, seconds: float = 0.0, changes: int = 0
    ) -> Rule:
        rule = Rule(
            fault=fault, matches=_named(name), times=times, seconds=seconds, changes=changes
        )
        self._reads.append(rule)
        return rule

    def _on_message(
        self,
        fault: Fault,
        kind: Kind | None,
        times: int,
        when: Callable[[object], bool] | None,
        *,
        seconds: float = 0.0,
    ) -> Rule:
        def matches(subject: Call | Message) -> bool:
            return (
                isinstance(subject, Message)
                and kind in {None, subject.kind}
                and (when is None or when(subject.payload))
            )

        rule = Rule(fault=fault, matches=matches, times=times, seconds=seconds)
        self._messages.append(rule)
        return rule

    def _fire(self, rules: list[Rule], subject: Call | Message) -> Rule | None:
        for rule in rules:
            if rule.times > 0 and rule.matches(subject):
                rule.times -= 1
                self.fired[rule.fault] += 1
                return rule
        return None


def _named(name: str) -> Callable[[Call | Message], bool]:
    return lambda subject: isinstance(subject, Call) and name in {subject.name, "*"}
