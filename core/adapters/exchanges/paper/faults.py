"""The switchboard: what can go wrong between us and a venue, on demand and the same every time.

A rule waits for requests or private messages that match, fires `times` times, and is counted in
`fired`. Rules are asked in the order in which they were added; the first that matches acts. A venue
without rules pays one attribute check per request.

    faults.lose_request("create_order")            T1: never reaches the venue, the caller times out
    faults.lose_answer("create_order")             T2, T3: accepted, but the answer is lost
    faults.fail("create_order", status=503)        T4: no answer that proves anything
    faults.refuse("create_order", code="…")        a definite no
    faults.limit("create_order", retry_after_s=2)  429
    faults.delay("create_order", seconds=3)        arrives late
    faults.hide(times=3)                           V29: the order is "not found" though it exists
    faults.cut("0.3", "0.3")                       V5: fills come in parts
    faults.fill_first()                            V4: the fill beats the cancel
    faults.drop(FillData) / duplicate / hold / swap    T18, V1, V2, V6: private messages
    faults.silence()                               T16: the private stream says nothing
    faults.disconnect(for_s=5)                     T13
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from core.adapters.exchanges.models import UserData
from core.errors import (
    InsufficientFunds,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
    VenueError,
)

ALWAYS: Final = 1 << 62
TIMEOUT_S: Final = 5.0
"""When a caller whose request or answer was lost gives up waiting."""
CHANGES_ORDERS: Final = frozenset({"create_order", "cancel_order", "cancel_all_orders"})


class Fault(StrEnum):
    """Kinds of faults, as they are counted."""

    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    REFUSE = "refuse"
    LIMIT = "limit"
    FAIL = "fail"
    NOT_SENT = "not_sent"
    HIDE = "hide"
    CUT = "cut"
    FILL_FIRST = "fill_first"
    DROP = "drop"
    DUPLICATE = "duplicate"
    HOLD = "hold"
    SWAP = "swap"
    SILENCE = "silence"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call as the switchboard sees it."""

    method: str
    symbol: str | None = None
    client_order_id: str | None = None
    order_id: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Rule:
    """One armed fault; `cancel()` disarms it."""

    fault: Fault
    matches: Callable[[Any], bool]
    times: int
    seconds: float = 0.0
    error: Callable[[], VenueError] | None = None
    after_acceptance: bool = False
    parts: tuple[Decimal, ...] = ()
    lag_s: float | None = None

    def cancel(self) -> None:
        """Disarms the rule."""
        self.times = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the switchboard does to one request."""

    delay_s: float = 0.0
    error: VenueError | None = None
    """Raised instead of an answer."""
    reaches_venue: bool = True
    """Whether the request takes effect in spite of the error."""
    after_s: float = 0.0
    """When the error is raised, counted from sending."""


PASS: Final = Verdict()


class Switchboard:
    """Programmable faults of one paper venue."""

    def __init__(self) -> None:
        self.fired: Counter[Fault] = Counter()
        """How often each kind has acted."""
        self._requests: list[Rule] = []
        self._messages: list[Rule] = []
        self._fills: list[Rule] = []
        self._hides: list[Rule] = []
        self._cancels: list[Rule] = []
        self.on_disconnect: Callable[[float], None] | None = None
        """Set by the venue."""

    @property
    def is_armed(self) -> bool:
        """Whether any rule could still act."""
        return bool(self._requests or self._messages or self._fills or self._hides or self._cancels)

    def clear(self) -> None:
        """Disarms everything; the counters stay."""
        for rules in (self._requests, self._messages, self._fills, self._hides, self._cancels):
            rules.clear()

    # -- programming: requests ----------------------------------------------------------------

    def lose_request(
        self,
        method: str = "create_order",
        *,
        times: int = 1,
        timeout_s: float = TIMEOUT_S,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """The request never arrives; the caller hears nothing until it gives up."""
        return self._on_request(Fault.LOSE_REQUEST, method, times, when, seconds=timeout_s)

    def lose_answer(
        self,
        method: str = "create_order",
        *,
        times: int = 1,
        timeout_s: float = TIMEOUT_S,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """The request takes effect, its answer is lost."""
        return self._on_request(Fault.LOSE_ANSWER, method, times, when, seconds=timeout_s)

    def delay(
        self,
        method: str = "create_order",
        *,
        seconds: float,
        times: int = 1,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """The request arrives so much later."""
        return self._on_request(Fault.DELAY, method, times, when, seconds=seconds)

    def refuse(
        self,
        method: str = "create_order",
        *,
        code: str = "REJECTED",
        times: int = 1,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """The venue says no, definitely."""
        kind = InsufficientFunds if code.startswith("INSUFFICIENT") else OrderRejected
        return self._on_request(
            Fault.REFUSE,
            method,
            times,
            when,
            error=lambda: kind(f"The venue refused the order: {code}.", code=code),
        )

    def limit(
        self,
        method: str = "create_order",
        *,
        retry_after_s: float = 1.0,
        times: int = 1,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """429 before the matching engine."""
        return self._on_request(
            Fault.LIMIT,
            method,
            times,
            when,
            error=lambda: RateLimited(
                "The venue was asked too often.", retry_after_s=retry_after_s, code="429"
            ),
        )

    def fail(
        self,
        method: str = "create_order",
        *,
        status: int = 503,
        times: int = 1,
        after_acceptance: bool = False,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """A 5xx: proves nothing. `after_acceptance` decides whether the request took effect."""
        unknown = method in CHANGES_ORDERS
        text = f"The venue answered with status {status}."
        return self._on_request(
            Fault.FAIL,
            method,
            times,
            when,
            error=lambda: (OutcomeUnknown if unknown else TransportError)(text, code=str(status)),
            after_acceptance=after_acceptance,
        )

    def not_sent(
        self,
        method: str = "create_order",
        *,
        times: int = 1,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """The connection was refused before one byte left."""
        return self._on_request(
            Fault.NOT_SENT,
            method,
            times,
            when,
            error=lambda: NotSent("The connection was refused.", code="ECONNREFUSED"),
        )

    def hide(
        self,
        *,
        times: int = ALWAYS,
        lag_s: float | None = None,
        when: Callable[[Request], bool] | None = None,
    ) -> Rule:
        """Queries do not see what is younger than `lag_s` (None: anything): eventual consistency.

        Counts once per query of an order, of open orders, of the history or of fills.
        """
        rule = Rule(fault=Fault.HIDE, matches=when or _any, times=times, lag_s=lag_s)
        self._hides.append(rule)
        return rule

    def disconnect(self, *, for_s: float = 0.0) -> None:
        """Cuts the connection now; it comes back by itself after `for_s` seconds (0: never)."""
        self.fired[Fault.DISCONNECT] += 1
        if self.on_disconnect is not None:
            self.on_disconnect(for_s)

    # -- programming: fills and cancels -------------------------------------------------------

    def cut(
        self, *parts: Decimal | str, times: int = 1, when: Callable[[Any], bool] | None = None
    ) -> Rule:
        """The next resting orders to fill do so in parts (fractions of the amount), one per row."""
        rule = Rule(
            fault=Fault.CUT,
            matches=when or _any,
            times=times,
            parts=tuple(Decimal(part) for part in parts),
        )
        self._fills.append(rule)
        return rule

    def fill_first(self, *, times: int = 1, when: Callable[[Request], bool] | None = None) -> Rule:
        """A cancel arrives just after the order has filled at its own price."""
        rule = Rule(fault=Fault.FILL_FIRST, matches=when or _any, times=times)
        self._cancels.append(rule)
        return rule

    # -- programming: private messages --------------------------------------------------------

    def drop(
        self,
        kind: type | None = None,
        *,
        times: int = 1,
        when: Callable[[UserData], bool] | None = None,
    ) -> Rule:
        """The message is never delivered."""
        return self._on_message(Fault.DROP, kind, times, when)

    def duplicate(
        self,
        kind: type | None = None,
        *,
        times: int = 1,
        when: Callable[[UserData], bool] | None = None,
    ) -> Rule:
        """The message is delivered twice."""
        return self._on_message(Fault.DUPLICATE, kind, times, when)

    def hold(
        self,
        kind: type | None = None,
        *,
        seconds: float,
        times: int = 1,
        when: Callable[[UserData], bool] | None = None,
    ) -> Rule:
        """The message is delivered so much later; others overtake it."""
        return self._on_message(Fault.HOLD, kind, times, when, seconds=seconds)

    def swap(
        self,
        kind: type | None = None,
        *,
        times: int = 1,
        when: Callable[[UserData], bool] | None = None,
    ) -> Rule:
        """The message is delivered after the next one."""
        return self._on_message(Fault.SWAP, kind, times, when)

    def silence(self, *, times: int = ALWAYS) -> Rule:
        """The private stream stays connected and says nothing."""
        return self._on_message(Fault.SILENCE, None, times, None)

    # -- asked by the venue -------------------------------------------------------------------

    def on_request(self, request: Request) -> Verdict:
        """What happens to a request."""
        rule = self._fire(self._requests, request)
        if rule is None:
            return PASS
        if rule.fault is Fault.DELAY:
            return Verdict(delay_s=rule.seconds)
        if rule.fault in {Fault.LOSE_REQUEST, Fault.LOSE_ANSWER}:
            kind = OutcomeUnknown if request.method in CHANGES_ORDERS else TransportError
            return Verdict(
                error=kind("The venue did not answer in time.", code="TIMEOUT"),
                reaches_venue=rule.fault is Fault.LOSE_ANSWER,
                after_s=rule.seconds,
            )
        error = None if rule.error is None else rule.error()
        return Verdict(error=error, reaches_venue=rule.after_acceptance)

    def on_message(self, data: UserData) -> Rule | None:
        """The rule that acts on a private message, if any."""
        return self._fire(self._messages, data)

    def on_query(self, request: Request) -> Rule | None:
        """The rule that keeps this query from seeing everything, if any."""
        return self._fire(self._hides, request)

    def on_cancel(self, request: Request) -> bool:
        """Whether the order fills before this cancel arrives."""
        return self._fire(self._cancels, request) is not None

    def on_fill(self, order: object) -> tuple[Decimal, ...]:
        """The parts in which an order fills; empty for whole."""
        rule = self._fire(self._fills, order)
        return () if rule is None else rule.parts

    # -- inside -------------------------------------------------------------------------------

    def _on_request(
        self,
        fault: Fault,
        method: str,
        times: int,
        when: Callable[[Request], bool] | None,
        *,
        seconds: float = 0.0,
        error: Callable[[], VenueError] | None = None,
        after_acceptance: bool = False,
    ) -> Rule:
        def matches(request: Request) -> bool:
            return method in {request.method, "*"} and (when is None or when(request))

        rule = Rule(
            fault=fault,
            matches=matches,
            times=times,
            seconds=seconds,
            error=error,
            after_acceptance=after_acceptance,
        )
        self._requests.append(rule)
        return rule

    def _on_message(
        self,
        fault: Fault,
        kind: type | None,
        times: int,
        when: Callable[[UserData], bool] | None,
        *,
        seconds: float = 0.0,
    ) -> Rule:
        def matches(data: UserData) -> bool:
            return (kind is None or isinstance(data, kind)) and (when is None or when(data))

        rule = Rule(fault=fault, matches=matches, times=times, seconds=seconds)
        self._messages.append(rule)
        return rule

    def _fire(self, rules: list[Rule], subject: object) -> Rule | None:
        for rule in rules:
            if rule.times > 0 and rule.matches(subject):
                rule.times -= 1
                self.fired[rule.fault] += 1
                if rule.times == 0:
                    rules.remove(rule)
                return rule
        return None


def _any(_subject: object) -> bool:
    return True
