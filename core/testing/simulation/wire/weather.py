"""What becomes of requests and messages at the venue's gate, drawn from the episodes of a run.

It stands where a test's switchboard stands in a loopback venue: the server asks it about every
request it has read and every message it pushes. What happens between gate and program (loss,
delay, cuts) is the network's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from core.infrastructure.rng import Rng
from core.testing.simulation.faults import NS_PER_S, Active, Kind
from core.testing.simulation.loop import SimulationLoop
from core.testing.simulation.wire.tongue import HTML, PAGE, Tongue
from core.testing.venues.faults import Answer, Call, Fault, Faults, Loss, Message, Rule

ANSWERED_FOR: Final = frozenset({"create_order", "get_order"})
"""Requests whose answers can be taken for another's."""
_AMOUNTS: Final = re.compile(rb"-?\d+\.\d+")
_NUMBERS: Final = (b"-1", b"NaN", b"null", b"abc", b"1e999")
_STAMPS: Final = re.compile(r"(?<![\d.])(\d{13}|\d{16}|\d{19})(?![\d.])")
_HOUR_NS: Final = 3_600 * NS_PER_S


class Weather(Faults):
    """The switchboard of a venue under a run's episodes.

    Args:
        loop: Time.
        faults: The episodes.
        tongue: The venue's words.
        ban_until_ns: When the ban that is in force ends.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        faults: Active,
        tongue: Tongue,
        ban_until_ns: Callable[[], int],
    ) -> None:
        super().__init__()
        self._loop = loop
        self._episodes = faults
        self._tongue = tongue
        self._ban_until_ns = ban_until_ns
        self._answered: dict[str, object] = {}
        """Name of a request -> the body of the last answer to one of that name."""

    # -- requests -----------------------------------------------------------------------------

    def on_call(self, call: Call) -> Rule | None:
        """What happens to a request that has arrived."""
        found = self._unwelcome(call) or self._broken(call)
        if found is None and call.name in ANSWERED_FOR:
            return self._remembering(call)
        return found

    def _unwelcome(self, call: Call) -> Rule | None:
        """Whether it is taken in at all."""
        episodes = self._episodes
        if episodes.acts(Kind.MAINTENANCE) is not None:
            return _rule(Fault.ANSWER, answer=self._tongue.down(call))
        if episodes.acts(Kind.BAN) is not None:
            left_ns = max(self._ban_until_ns() - self._loop.now_ns(), 0)
            seconds = -(-left_ns // NS_PER_S)
            return _rule(Fault.ANSWER, answer=self._tongue.banned(call, seconds))
        limited = episodes.chance(Kind.RATE_LIMIT)
        if limited is not None:
            seconds = episodes.stream(limited).integer(1, 8)
            return _rule(Fault.ANSWER, answer=self._tongue.too_many(call, seconds))
        return None

    def _broken(self, call: Call) -> Rule | None:
        """What becomes of its answer."""
        episodes = self._episodes
        broken = episodes.chance(Kind.SERVER_ERROR)
        if broken is not None:
            rng = episodes.stream(broken)
            answer = self._error(call, rng)
            return _rule(Fault.ANSWER, answer=answer, after_acceptance=rng.random() < 0.5)
        spoilt = episodes.chance(Kind.BROKEN_BODY)
        if spoilt is not None:
            return _spoiling(call, episodes.stream(spoilt))
        lost = episodes.chance(Kind.LOSE_ANSWER)
        if lost is not None:
            is_reset = episodes.stream(lost).random() < 0.3
            return _rule(Fault.LOSE_ANSWER, how=Loss.RESET if is_reset else Loss.SILENCE)
        return None

    def _error(self, call: Call, rng: Rng) -> Answer:
        kind = rng.integer(0, 3)
        if kind == 0:
            return Answer(HTML, 502, dict(PAGE))
        if kind == 1:
            return Answer(b"", 504)
        if kind == 2:
            return Answer(b"Service Unavailable", 503, {"Content-Type": "text/plain"})
        return self._tongue.failed(call)

    def _remembering(self, call: Call) -> Rule | None:
        """Keeps the answer; now and then gives the one before instead (T5)."""
        name = call.name
        is_mixed = name in self._answered and (self._episodes.chance(Kind.WRONG_ANSWER) is not None)
        before = self._answered.get(name)

        def change(body: object) -> object:
            self._answered[name] = body
            return before if is_mixed else body

        return _rule(Fault.ALTER, change=change)

    # -- messages -----------------------------------------------------------------------------

    def on_read(self, call: Call, fault: Fault) -> Rule | None:
        """A whole book may be older than the stream; lists lag on the floor."""
        if fault is not Fault.STALE or self._episodes.acts(Kind.LAG) is None:
            return None
        return _rule(Fault.STALE, changes=2)

    def on_message(self, message: Message) -> Rule | None:
        """Nothing: what becomes of a frame is the network's."""
        return None


def _rule(fault: Fault, **what: Any) -> Rule:  # noqa: ANN401 # fields of a rule
    return Rule(fault=fault, matches=lambda _: True, times=1, **what)


def _spoiling(call: Call, rng: Rng) -> Rule:
    """The request takes effect; its answer is none."""
    kind = rng.integer(0, 5)
    if kind == 0:
        return _rule(Fault.TRUNCATE)
    if kind == 1:
        return _page(Answer(HTML, 200, dict(PAGE)))
    if kind == 2:
        return _page(Answer(b"", 200))
    if kind == 3:
        return _page(Answer(b"", 302, {"Location": "https://elsewhere.simulated/login"}))
    if kind == 4:
        return _page(Answer(b'{"data": "\xff\xfe', 200))
    return _rule(Fault.ALTER, change=lambda _body: {"surprise": [call.name]})


def _page(answer: Answer) -> Rule:
    return _rule(Fault.ANSWER, answer=answer, after_acceptance=True)


def spoilt(message: bytes, rng: Rng) -> bytes:
    """A frame that no reader may believe."""
    wholes = (
        message[: len(message) // 2],
        HTML,
        b"{}",
        b'{"e":"somethingNew","channel":"new","stream":"new","type":"new"}',
        b"\xff\xfe" + message,
    )
    kind = rng.integer(0, len(wholes))
    numbers = list(_AMOUNTS.finditer(message))
    if kind < len(wholes) or not numbers:
        return wholes[kind % len(wholes)]
    found = numbers[rng.integer(0, len(numbers) - 1)]
    bad = _NUMBERS[rng.integer(0, len(_NUMBERS) - 1)]
    return message[: found.start()] + bad + message[found.end() :]


def frozen(text: str, now_ns: int, at_ns: int) -> str:
    """A message whose times of now stand still, in milliseconds, microseconds or nanoseconds."""

    def still(found: re.Match[str]) -> str:
        digits = found.group()
        unit = 10 ** (19 - len(digits))
        if abs(int(digits) * unit - now_ns) > _HOUR_NS:
            return digits
        return str(at_ns // unit)

    return _STAMPS.sub(still, text)
